"""Velocities where none were observed."""
