"""Bounces off walls."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

MOST = 1000
"""Bounces of a coordinate within a step until it is taken to be stuck."""


@njit(error_model="numpy", cache=True)
def bounce(x, v, before, dt, lower, upper, smooth):
    """Mirror what ended a step beyond a wall, in place: positions x and velocities v, shape (n, d), `before` it others.

    `lower` and `upper` walls have one entry for each axis. The force is the one that has changed the velocity in the
    step if it is `smooth`, else none. Returned is the number of coordinates that bounced, or -1 if one does not end.
    """
    count = 0
    for i in range(x.shape[0]):
        for k in range(x.shape[1]):
            turns = 0
            a = (v[i, k] - before[i, k]) / dt if smooth else 0.0
            while x[i, k] < lower[k] or x[i, k] > upper[k]:
                wall = lower[k] if x[i, k] < lower[k] else upper[k]
                x[i, k], v[i, k] = mirrored(x[i, k] - wall, v[i, k], a, dt, wall)
                turns += 1
                if turns == MOST:
                    return -1
            count += turns > 0
    return count


@njit(error_model="numpy", cache=True)
def mirrored(beyond, v, a, dt, wall):
    """Coordinate and velocity after a bounce, of how far beyond the wall it would be without."""
    at_wall = math.copysign(math.sqrt(max(v * v - 2.0 * a * beyond, 0.0)), beyond * dt)
    # how long ago, from whichever of two equal expressions divides by more
    slowing, total = v - at_wall, v + at_wall
    ago = slowing / a if abs(slowing) > abs(total) else 2.0 * beyond / total
    ago = 0.0 if np.isnan(ago) else min(max(ago, min(dt, 0.0)), max(dt, 0.0))
    return wall - beyond + a * ago * ago, 2.0 * a * ago - v
