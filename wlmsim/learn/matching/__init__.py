"""Fits without simulating."""
