"""A radial law given by a cubic polynomial in each of several equal intervals.

The functions have the form of a compiled law, see `wlmsim.kernels.short_range`. The parameters are the tuple of the
coefficients, shape (intervals, 4), of powers of the place within an interval, from 0 to 1, and intervals per length.
"""

from __future__ import annotations

from numba import njit


@njit(fastmath=True, error_model="numpy", forceinline=True, cache=True)
def locate(r, p):
    """Interval of a distance, and where it lies there."""
    u = r * p[1]
    interval = min(int(u), len(p[0]) - 1)
    return interval, u - interval


@njit(fastmath=True, error_model="numpy", forceinline=True, cache=True)
def value(r, p):
    """W(r)."""
    k, s = locate(r, p)
    c = p[0]
    return c[k, 0] + s * (c[k, 1] + s * (c[k, 2] + s * c[k, 3]))


@njit(fastmath=True, error_model="numpy", forceinline=True, cache=True)
def derivative(r, p):
    """W'(r)."""
    k, s = locate(r, p)
    c = p[0]
    return (c[k, 1] + s * (2.0 * c[k, 2] + s * (3.0 * c[k, 3]))) * p[1]
