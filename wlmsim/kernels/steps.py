"""Many steps of a scheme in one loop.

`wlmsim.functionals.pieces` makes a module of this one for each force, or velocity of a flow, in which the function
field(x, t, p, out) that gives it is no argument. All change in place positions x, velocities v and the field a, shape
(n, d), which is `known` at the beginning or is found there. Step k of those asked for begins at start + (first + k) dt.
Row k of `path`, unless it has none, takes positions and velocities after step k.
They return how many steps were done, and whether all coordinates are finite; the loop ends where they are not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit


@njit(error_model="numpy")
def is_finite(x, v):
    """Whether all coordinates are finite: a sum is only if every term is."""
    total = 0.0
    for i in range(x.size):
        total += x[i] + v[i]
    return math.isfinite(total)


@njit(error_model="numpy")
def kick_drift_kicks(x, v, a, known, start, first, count, dt, path, stages, p, field):
    """Steps of kicks v <- m v + c a, drifts x <- x + h v and kicks again, for each row m, c, h of the stages."""
    xs, vs, forces = x.reshape(-1), v.reshape(-1), a.reshape(-1)
    if not known:
        field(x, start + first * dt, p, a)
    for k in range(count):
        t = start + (first + k) * dt
        for stage in range(stages.shape[0]):
            m, c, h = stages[stage, 0], stages[stage, 1], stages[stage, 2]
            for i in range(xs.size):
                vs[i] = m * vs[i] + c * forces[i]
                xs[i] += h * vs[i]
            t += h
            field(x, t, p, a)
            for i in range(xs.size):
                vs[i] = m * vs[i] + c * forces[i]
        if len(path):
            path[k, 0], path[k, 1] = x, v
        if not is_finite(xs, vs):
            return k + 1, False
    return count, True


@njit(error_model="numpy")
def baths(x, v, a, known, start, first, count, dt, path, decay, noise, p, field):
    """Steps of BAOAB: half kicks, half drifts and, between them, v <- decay v + noise, the noise of step k in row k."""
    xs, vs, forces = x.reshape(-1), v.reshape(-1), a.reshape(-1)
    if not known:
        field(x, start + first * dt, p, a)
    for k in range(count):
        for i in range(xs.size):
            vs[i] += 0.5 * dt * forces[i]
            xs[i] += 0.5 * dt * vs[i]
            vs[i] *= decay
            if len(noise):
                vs[i] += noise[k, i]
            xs[i] += 0.5 * dt * vs[i]
        field(x, start + (first + k) * dt + dt, p, a)
        for i in range(xs.size):
            vs[i] += 0.5 * dt * forces[i]
        if len(path):
            path[k, 0], path[k, 1] = x, v
        if not is_finite(xs, vs):
            return k + 1, False
    return count, True


@njit(error_model="numpy")
def runge_kutta_4(x, v, a, known, start, first, count, dt, path, p, field):
    """Steps of the classical Runge-Kutta scheme for dx/dt = field; v is the mean of the slopes of the last step."""
    xs, vs, slopes = x.reshape(-1), v.reshape(-1), a.reshape(-1)
    within = np.empty_like(x)
    stages = within.reshape(-1)
    if not known:
        field(x, start + first * dt, p, a)
    for k in range(count):
        t = start + (first + k) * dt
        vs[:] = slopes
        for share, weight in ((0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
            for i in range(xs.size):
                stages[i] = xs[i] + share * dt * slopes[i]
            field(within, t + share * dt, p, a)
            for i in range(xs.size):
                vs[i] += weight * slopes[i]
        for i in range(xs.size):
            vs[i] /= 6.0
            xs[i] += dt * vs[i]
        field(x, t + dt, p, a)
        if len(path):
            path[k, 0], path[k, 1] = x, v
        if not is_finite(xs, vs):
            return k + 1, False
    return count, True


@njit(error_model="numpy")
def euler(x, v, a, known, start, first, count, dt, path, noise, p, field):
    """Steps x <- x + dt v + noise with v the field there, the noise of step k in row k."""
    xs, vs, slopes = x.reshape(-1), v.reshape(-1), a.reshape(-1)
    if not known:
        field(x, start + first * dt, p, a)
    for k in range(count):
        for i in range(xs.size):
            vs[i] = slopes[i]
            xs[i] += dt * vs[i]
            if len(noise):
                xs[i] += noise[k, i]
        field(x, start + (first + k) * dt + dt, p, a)
        if len(path):
            path[k, 0], path[k, 1] = x, v
        if not is_finite(xs, vs):
            return k + 1, False
    return count, True


@njit(error_model="numpy")
def heun(x, v, a, known, start, first, count, dt, path, noise, p, field):
    """Steps of Heun's rule for dx/dt = field with the noise of step k in row k; v is the field where the last began."""
    xs, vs, slopes = x.reshape(-1), v.reshape(-1), a.reshape(-1)
    ahead = np.empty_like(x)
    ends = ahead.reshape(-1)
    if not known:
        field(x, start + first * dt, p, a)
    for k in range(count):
        t = start + (first + k) * dt + dt
        for i in range(xs.size):
            vs[i] = slopes[i]
            ends[i] = xs[i] + dt * vs[i]
            if len(noise):
                ends[i] += noise[k, i]
        field(ahead, t, p, a)
        for i in range(xs.size):
            xs[i] += 0.5 * dt * (vs[i] + slopes[i])
            if len(noise):
                xs[i] += noise[k, i]
        field(x, t, p, a)
        if len(path):
            path[k, 0], path[k, 1] = x, v
        if not is_finite(xs, vs):
            return k + 1, False
    return count, True
