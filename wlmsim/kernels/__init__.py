"""Compiled loops (Numba): no classes, no choices of physics."""
