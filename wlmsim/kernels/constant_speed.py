"""Steps that keep every speed."""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

# Without fastmath: the operations are those of plain NumPy, to the last bit.


@njit(parallel=True, error_model="numpy", cache=True)
def turn(v, a, b, friction, speed, dt):
    """Velocities s u / |u| with u = v + dt (a + b - gamma v); where u vanishes the former direction stays."""
    n, dim = v.shape
    out = np.empty_like(v)
    for i in prange(n):
        square = 0.0
        for k in range(dim):
            out[i, k] = v[i, k] + dt * (a[i, k] + b[i, k] - friction * v[i, k])
            square += out[i, k] * out[i, k]
        norm = math.sqrt(square)
        for k in range(dim):
            out[i, k] = speed * out[i, k] / norm if norm > 0.0 else speed * v[i, k] / speed
    return out


@njit(parallel=True, error_model="numpy", cache=True)
def turn_from_first_axis(v, noise, speed):
    """Velocities s Q_i z_i, where Q_i is the reflection that takes the first axis to the direction of v_i.

    The z_i, rows of `noise`, are unit vectors spread evenly about the first axis, so that a reflection serves as
    well as a rotation.
    """
    n, dim = v.shape
    out = np.empty_like(v)
    for i in prange(n):
        # of the axis and its opposite that which is further from v, for the reflection's sake
        sign = -1.0 if v[i, 0] >= 0.0 else 1.0
        dot = noise[i, 0]
        for k in range(dim):
            dot -= sign * v[i, k] / speed * noise[i, k]
        scale = dot / (1.0 - sign * v[i, 0] / speed)
        for k in range(dim):
            u = (1.0 if k == 0 else 0.0) - sign * v[i, k] / speed
            out[i, k] = speed * sign * (noise[i, k] - scale * u)
    return out
