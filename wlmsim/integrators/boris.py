"""The Boris push: leapfrog in a magnetic field, with the gyration solved exactly."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from wlmsim.integrators.base import Integrator, State, acceleration_at, heun_kick
from wlmsim.integrators.leapfrog import kick_drift_kicks
from wlmsim.integrators.loops import Loop, room_for
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.mechanics.magnetic import cross

LinearMap: TypeAlias = Callable[[np.ndarray], np.ndarray]


class Boris(Integrator):
    """Kick-drift-kick for charged particles: each kick turns the velocities about the magnetic field.

    A half kick solves dv/dt = F + v x B / m - gamma v exactly over dt / 2, with F and B as they are where the particle
    stands; between the two, x <- x + dt v. Second order and volume-preserving; reversible when the field is reversed
    with the velocities. A magnetic field alone leaves every speed as it is, and gyration and E x B drift of the
    velocities are exact in uniform fields at any time step; gyration radii are too large by (a / sin a), a half the
    angle turned in a step. Without magnetic field it is `Leapfrog`. Further dissipative forces enter each half kick by
    Heun's rule.

    References
    ----------
    J. P. Boris, Proc. 4th Conf. Numerical Simulation of Plasmas, 3 (1970); H. Qin et al., Phys. Plasmas 20, 084503
    (2013), for the volume; E. Hairer, C. Lubich, B. Wang, Numer. Math. 144, 787 (2020), for exact kicks.
    """

    order = 2
    reversible = True
    conserves_energy = True

    def step(self, mechanics: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the potential's force."""
        x, v, w, t = state.positions, state.velocities, state.weights, state.time
        force = acceleration_at(mechanics, state)
        now, later = mechanics.at(t), mechanics.at(t + dt)
        turns = self.turns(now, x, 0.5 * dt)
        v = _kick(now, x, v, w, force, turns)
        x = x + dt * v
        force = mechanics.acceleration(x, w, t + dt)
        if mechanics.timed or (mechanics.magnetic is not None and not mechanics.magnetic.uniform):
            turns = self.turns(later, x, 0.5 * dt)
        return State(x, _kick(later, x, v, w, force, turns), w, t + dt, force)

    def turns(self, mechanics: Lagrangian, positions: Any, time: float) -> tuple[LinearMap, LinearMap]:
        """Return what solves a half kick, see `gyration`."""
        return gyration(mechanics, positions, time)

    def loop(self, mechanics: Lagrangian, weights: np.ndarray, dim: int) -> Loop | None:
        """Such steps in compiled code."""
        from wlmsim.kernels import steps
        from wlmsim.kernels.gyration import gyrations

        magnetic = mechanics.magnetic
        if magnetic is None:
            return kick_drift_kicks(mechanics, weights, dim, (1.0,))
        field, further = mechanics.pieces(weights, dim), mechanics.further_pieces(weights, dim, magnetic=False)
        if field is None or further is None or mechanics.timed:
            return None
        n, components = len(weights), 1 if dim == 2 else 3
        steady, varying = magnetic.steady(n, dim), mechanics.magnetic_pieces(weights, dim)
        damping = float(mechanics.friction)

        def with_maps(dt: float, count: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
            b = np.ascontiguousarray(steady / mechanics.inertia, np.float64)
            maps = np.empty((1, len(b), 2, dim, dim))
            gyrations(b, damping, 0.5 * dt, maps[0])
            return np.array([dt]), maps, room_for(further, shape)

        def with_room(dt: float, count: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
            return damping, np.empty((n, components)), np.empty((n, 2, dim, dim)), room_for(further, shape)

        if steady is not None:
            return Loop(steps.leapfrogs, field, with_maps, steps.turned, further)
        if varying is None:
            return None
        return Loop(steps.gyrating, field, with_room, steps.turned, further, varying)

    def __repr__(self) -> str:
        return "Boris()"


def _kick(mechanics: Lagrangian, x: Any, v: Any, w: Any, force: Any, turns: tuple[LinearMap, LinearMap]) -> np.ndarray:
    m, c = turns
    only_friction = mechanics.dissipation is None or mechanics.dissipation.only_friction
    further = None if only_friction else lambda v: mechanics.dissipative_acceleration(x, v, w)
    return heun_kick(v, force, further, lambda v, f: m(v) + c(f))


def gyration(mechanics: Lagrangian, positions: np.ndarray, time: float) -> tuple[LinearMap, LinearMap]:
    """Solve dv/dt = F + v x b - gamma v over a time at fixed positions, b = B / m.

    Returns
    -------
    (m, c) : tuple of functions of vectors, shape (n, d)
        The solution is m(v) + c(F).

    Notes
    -----
    Along b it is that of friction, m = exp(z) and c = time (m - 1) / z with z = -gamma time. Across b the same holds
    with z = (-gamma + i |b|) time, where i is the cross product with the direction of b.
    """
    damping = np.array(-mechanics.friction * time)
    along = _exponential_and_its_mean(damping, time)
    if mechanics.magnetic is None:
        return partial(np.multiply, along[0]), partial(np.multiply, along[1])
    b = mechanics.magnetic.at(positions) / mechanics.inertia
    strength = np.sqrt((b**2).sum(-1, keepdims=True))
    axis = b / np.where(strength > 0, strength, 1.0)
    across = _exponential_and_its_mean(damping + 1j * strength * time, time)
    m, c = (partial(_turn, axis, *factors) for factors in zip(along, across, strict=True))
    if len(b) > 1:
        return m, c
    unit_vectors = np.eye(positions.shape[1])
    return partial(_times, m(unit_vectors)), partial(_times, c(unit_vectors))


def _turn(axis: np.ndarray, along: np.ndarray, across: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Multiply v by real numbers along an axis and by complex ones across: Rodrigues' formula."""
    once = cross(v, axis)
    twice = cross(once, axis)  # minus the part of v across the axis
    return along * v + across.imag * once + (along - across.real) * twice


def _times(matrix: np.ndarray, v: np.ndarray) -> np.ndarray:
    return v @ matrix


def _exponential_and_its_mean(z: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
    """exp(z), and time (exp(z) - 1) / z, which is the time at z = 0."""
    nonzero = np.where(z == 0, 1.0, z)
    return np.exp(z), time * np.where(z == 0, 1.0, np.expm1(nonzero) / nonzero)
