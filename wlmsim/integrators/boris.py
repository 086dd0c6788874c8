"""The Boris push: leapfrog in a magnetic field, with the gyration solved exactly."""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np

from wlmsim.integrators.base import Integrator, State
from wlmsim.lagrangian import Lagrangian
from wlmsim.magnetic import cross


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
        force = state.acceleration
        if force is None:
            force = mechanics.acceleration(x, w, t)
        v = _kick(mechanics, x, v, w, force, 0.5 * dt)
        x = x + dt * v
        force = mechanics.acceleration(x, w, t + dt)
        return State(x, _kick(mechanics, x, v, w, force, 0.5 * dt), w, t + dt, force)

    def __repr__(self) -> str:
        return "Boris()"


def _kick(mechanics: Lagrangian, x: Any, v: Any, w: Any, force: Any, time: float) -> np.ndarray:
    """Velocities after `time` at fixed positions."""
    gyration = _Gyration(mechanics, x, time)
    kicked = gyration.turn(v, gyration.decay)
    dissipation = mechanics.dissipation
    if dissipation is None or dissipation.only_friction:
        return kicked + gyration.turn(force, gyration.kick)
    before = mechanics.dissipative_acceleration(x, v, w)
    predicted = kicked + gyration.turn(force + before, gyration.kick)
    after = mechanics.dissipative_acceleration(x, predicted, w)
    return kicked + gyration.turn(force + 0.5 * (before + after), gyration.kick)


class _Gyration:
    """Solution of dv/dt = F + v x b - gamma v over a time, b = B / m.

    Along b, v <- m v + c F with m = exp(z) and c = (m - 1) time / z for z = -gamma time. Across b the same holds with
    z = (-gamma + i |b|) time, where i is the cross product with the direction of b.
    """

    def __init__(self, mechanics: Lagrangian, x: np.ndarray, time: float):
        damping = -mechanics.friction * time
        along = cmath.exp(damping), time * _mean_exponential(np.complex128(damping))
        if mechanics.magnetic is None:
            self.axis, across = None, along
        else:
            field = mechanics.magnetic.at(x) / mechanics.mass
            strength = np.sqrt((field**2).sum(-1, keepdims=True))
            self.axis = field / np.where(strength > 0, strength, 1.0)
            exponent = damping + 1j * strength * time
            across = np.exp(exponent), time * _mean_exponential(exponent)
        self.decay, self.kick = zip(along, across, strict=True)

    def turn(self, v: np.ndarray, factors: tuple[Any, Any]) -> np.ndarray:
        """Multiply v by the factors along and across the field: Rodrigues' formula."""
        along, across = factors
        if self.axis is None:
            return along.real * v
        once = cross(v, self.axis)
        twice = cross(once, self.axis)  # minus the part of v across the field
        return along.real * v + across.imag * once + (along.real - across.real) * twice


def _mean_exponential(z: Any) -> Any:
    """(exp(z) - 1) / z, which is 1 at 0."""
    nonzero = np.where(z == 0, 1.0, z)
    return np.where(z == 0, 1.0, np.expm1(nonzero) / nonzero)
