"""Many steps of a scheme in one loop.

`wlmsim.functionals.pieces` makes a module of this one for each scheme and mechanics. Functions of them, which are
arguments here, are known by name there:

- field(x, t, p, out) gives the force over the mass, or the velocity of a flow;
- further(x, v, p, out) gives the same of forces that depend on the velocity too;
- magnetic(x, t, p, out) gives the magnetic field over the mass;
- advance is a step of a scheme, one of those below, from time t on, the k-th of those asked for;
- kick is what forces do to velocities meanwhile, and thrust what a constant force does: v <- m v + c f, m and c `maps`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from wlmsim.kernels.bounces import bounce
from wlmsim.kernels.gyration import gyrations


@njit(error_model="numpy")
def many(x, v, a, known, start, first, count, dt, walls, path, numbers, p, advance, field):
    """Do steps, which change in place positions x, velocities v and the field a there, shape (n, d).

    The field is `known` at the beginning or is found there. Step k of those asked for begins at start + (first + k) dt.
    `walls` are lower and upper ones, one for each axis or none, and whether forces are smooth. Row k of `path`, unless
    it has none, takes positions and velocities after step k; `numbers` are the scheme's.

    Returned are how many steps were done, and whether all coordinates are finite; the loop ends where they are not, and
    before a step in which a particle does not come away from a wall.
    """
    xs, vs = x.reshape(-1), v.reshape(-1)
    lower, upper, smooth = walls
    before = np.empty_like(v) if len(lower) else v
    if not known:
        field(x, start + first * dt, p, a)
    for k in range(count):
        t = start + (first + k) * dt
        if len(lower):
            before[:] = v
        advance(k, t, dt, x, v, a, numbers, p)
        if not is_finite(xs, vs):
            return k + 1, False
        if len(lower):
            bounces = bounce(x, v, before, dt, lower, upper, smooth)
            if bounces < 0:
                return k, True
            if bounces:
                field(x, t + dt, p, a)
        if len(path):
            path[k, 0], path[k, 1] = x, v
    return count, True


@njit(error_model="numpy", forceinline=True)
def is_finite(x, v):
    """Whether all coordinates are finite: a sum is only if every term is."""
    total = 0.0
    for i in range(x.size):
        total += x[i] + v[i]
    return math.isfinite(total)


# --- kicks: v changes in place


@njit(error_model="numpy", forceinline=True)
def scaled(maps, v, f, out):
    """Give m v + c f with numbers m and c, the two maps."""
    m, c = maps[0], maps[1]
    vs, fs, outs = v.flat, f.flat, out.flat
    for i in range(v.size):
        outs[i] = m * vs[i] + c * fs[i]


@njit(error_model="numpy", forceinline=True)
def turned(maps, v, f, out):
    """Give m v + c f with matrices m and c, the two of each row of the maps, one for each particle or one for all."""
    for i in range(v.shape[0]):
        mine = maps[i if len(maps) > 1 else 0]
        m, c = mine[0], mine[1]
        v0, v1, v2 = v[i, 0], v[i, 1], v[i, 2] if v.shape[1] > 2 else 0.0
        for k in range(v.shape[1]):
            total = m[k, 0] * v0 + m[k, 1] * v1 + (m[k, 2] * v2 if v.shape[1] > 2 else 0.0)
            for j in range(v.shape[1]):
                total += c[k, j] * f[i, j]
            out[i, k] = total


@njit(error_model="numpy", forceinline=True)
def by_force(x, v, a, maps, room, p, thrust):
    """Kick by a force that does not depend on the velocity."""
    thrust(maps, v, a, v)


@njit(error_model="numpy", forceinline=True)
def by_heun(x, v, a, maps, room, p, thrust, further):
    """Kick by that force and by further ones, by Heun's rule; `room` is for four arrays like v."""
    before, after, force, ahead = room
    further(x, v, p, before)
    for i in range(v.shape[0]):
        for k in range(v.shape[1]):
            force[i, k] = a[i, k] + before[i, k]
    thrust(maps, v, force, ahead)
    further(x, ahead, p, after)
    for i in range(v.shape[0]):
        for k in range(v.shape[1]):
            force[i, k] = a[i, k] + 0.5 * (before[i, k] + after[i, k])
    thrust(maps, v, force, v)


# --- steps


@njit(error_model="numpy", forceinline=True)
def leapfrogs(k, t, dt, x, v, a, numbers, p, field, kick):
    """Kick, drift and kick again, for each of several drifts and the maps of the kicks before and after it."""
    drifts, maps, room = numbers
    xs, vs = x.flat, v.flat
    for stage in range(len(drifts)):
        h = drifts[stage]
        kick(x, v, a, maps[stage], room, p)
        for i in range(x.size):
            xs[i] += h * vs[i]
        t += h
        field(x, t, p, a)
        kick(x, v, a, maps[stage], room, p)


@njit(error_model="numpy", forceinline=True)
def gyrating(k, t, dt, x, v, a, numbers, p, field, magnetic, kick):
    """Kick, drift and kick again, with maps by the magnetic field at the particles, for which b is room."""
    damping, b, maps, room = numbers
    xs, vs = x.flat, v.flat
    magnetic(x, t, p, b)
    gyrations(b, damping, 0.5 * dt, maps)
    kick(x, v, a, maps, room, p)
    for i in range(x.size):
        xs[i] += dt * vs[i]
    field(x, t + dt, p, a)
    magnetic(x, t + dt, p, b)
    gyrations(b, damping, 0.5 * dt, maps)
    kick(x, v, a, maps, room, p)


@njit(error_model="numpy", forceinline=True)
def baths(k, t, dt, x, v, a, numbers, p, field, kick):
    """BAOAB: half kicks, half drifts and, between them, v <- decay v + noise, the noise of step k in row k."""
    decay, noise, maps, room = numbers
    xs, vs = x.flat, v.flat
    kick(x, v, a, maps, room, p)
    for i in range(x.size):
        xs[i] += 0.5 * dt * vs[i]
        vs[i] *= decay
        if len(noise):
            vs[i] += noise[k, i]
        xs[i] += 0.5 * dt * vs[i]
    field(x, t + dt, p, a)
    kick(x, v, a, maps, room, p)


@njit(error_model="numpy", forceinline=True)
def runge_kutta_4(k, t, dt, x, v, a, numbers, p, field):
    """The classical Runge-Kutta scheme for dx/dt = field, with room for x; v is the mean of the slopes of the step."""
    (within,) = numbers
    xs, vs, slopes, stages = x.flat, v.flat, a.flat, within.flat
    v[:] = a
    for share, weight in ((0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
        for i in range(x.size):
            stages[i] = xs[i] + share * dt * slopes[i]
        field(within, t + share * dt, p, a)
        for i in range(x.size):
            vs[i] += weight * slopes[i]
    for i in range(x.size):
        vs[i] /= 6.0
        xs[i] += dt * vs[i]
    field(x, t + dt, p, a)


@njit(error_model="numpy", forceinline=True)
def euler(k, t, dt, x, v, a, numbers, p, field):
    """Step x <- x + dt v + noise with v the field there, the noise of step k in row k."""
    noise, _ = numbers
    xs, vs, slopes = x.flat, v.flat, a.flat
    for i in range(x.size):
        vs[i] = slopes[i]
        xs[i] += dt * vs[i]
        if len(noise):
            xs[i] += noise[k, i]
    field(x, t + dt, p, a)


@njit(error_model="numpy", forceinline=True)
def heun(k, t, dt, x, v, a, numbers, p, field):
    """Heun's rule for dx/dt = field with the noise of step k in row k, and room for x; v is the field at the start."""
    noise, ahead = numbers
    xs, vs, slopes, ends = x.flat, v.flat, a.flat, ahead.flat
    for i in range(x.size):
        vs[i] = slopes[i]
        ends[i] = xs[i] + dt * vs[i]
        if len(noise):
            ends[i] += noise[k, i]
    field(ahead, t + dt, p, a)
    for i in range(x.size):
        xs[i] += 0.5 * dt * (vs[i] + slopes[i])
        if len(noise):
            xs[i] += noise[k, i]
    field(x, t + dt, p, a)
