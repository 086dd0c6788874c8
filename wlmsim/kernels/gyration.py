"""Velocities in a magnetic field."""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(error_model="numpy", cache=True)
def gyrations(b, damping, time, maps):
    """Solve dv/dt = F + v x b - damping v over a time: v <- m v + c F, m and c the matrices of a row of `maps`.

    `b` has a row for each of them: one component in the plane, on which it stands, and three in space.
    Along b the solution is that of friction, m = exp(z) and c = time (m - 1) / z with z = -damping time. Across b the
    same holds with z = (-damping + i |b|) time, where i is the cross product with the direction of b.
    """
    dim = maps.shape[-1]
    once = np.zeros((dim, dim))
    for row in range(len(b)):
        strength = 0.0
        for k in range(b.shape[1]):
            strength += b[row, k] ** 2
        strength = math.sqrt(strength)
        over = 1.0 / strength if strength > 0.0 else 0.0
        if dim == 2:
            once[0, 1] = b[row, 0] * over
            once[1, 0] = -once[0, 1]
        else:
            for k in range(3):  # v x n: component k is that of v after it times n before, and less the opposite
                after, last = (k + 1) % 3, (k + 2) % 3
                once[k, after], once[k, last] = b[row, last] * over, -b[row, after] * over
        along = exponential_and_its_mean(-damping * time, 0.0, time)
        across = exponential_and_its_mean(-damping * time, strength * time, time)
        for which in range(2):
            for k in range(dim):
                for j in range(dim):
                    twice = 0.0  # minus the part across the axis
                    for m in range(dim):
                        twice += once[k, m] * once[m, j]
                    entry = across[which].imag * once[k, j] + (along[which].real - across[which].real) * twice
                    maps[row, which, k, j] = entry + (along[which].real if k == j else 0.0)


@njit(error_model="numpy", cache=True)
def exponential_and_its_mean(real, imaginary, time):
    """exp(z), and time (exp(z) - 1) / z, which is the time at z = 0."""
    grown, cosine, sine = math.exp(real), math.cos(imaginary), math.sin(imaginary)
    z = complex(real, imaginary)
    less = complex(math.expm1(real) * cosine - 2.0 * math.sin(0.5 * imaginary) ** 2, grown * sine)
    return complex(grown * cosine, grown * sine), (time * less / z if z != 0.0 else complex(time, 0.0))
