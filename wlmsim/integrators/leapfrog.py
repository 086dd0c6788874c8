"""Leapfrog with friction solved exactly, for NumPy and torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from wlmsim import _validation as check
from wlmsim.integrators.base import Integrator, State, acceleration_at, heun_kick
from wlmsim.integrators.loops import Loop, room_for
from wlmsim.mechanics.lagrangian import Lagrangian


def half_kick(gamma: Any, dt: Any, *, unit_mobility: bool) -> tuple[Any, Any]:
    """Coefficients (m, c) of the half step v <- m v + c F with friction solved exactly.

    m = exp(-gamma dt / 2) and c = (1 - m) / gamma, which tends to dt / 2 as gamma tends to 0. With unit mobility
    the force is (1 + gamma) F, so that v tends to F, the gradient flow, as gamma tends to infinity.

    Parameters
    ----------
    gamma : float or tensor
        Friction rate [1 / time].
    dt : float or tensor
        Time step [time].
    unit_mobility : bool
        Whether the force is scaled by 1 + gamma.

    Returns
    -------
    (m, c) : tuple
        Decay [dimensionless] and kick [time].
    """
    half = 0.5 * dt
    if not isinstance(gamma, (int, float)):
        xp = array_namespace(gamma)
        # the same near zero, where neither the quotient nor its slope may be taken
        z = gamma * half
        small = xp.abs(z) < 1e-4
        rate = xp.where(small, xp.ones_like(z), gamma)
        integral = xp.where(small, half * (1 - z / 2 * (1 - z / 3 * (1 - z / 4))), -xp.expm1(-rate * half) / rate)
        decay = xp.exp(-z)
    else:
        # below the cut both are the series (1 - m) / gamma = h (1 - gamma h / 2 + ...), to rounding error
        small = abs(gamma * half) < 1e-9
        integral = half * (1 - 0.5 * gamma * half) if small else -np.expm1(-gamma * half) / gamma
        decay = np.exp(-gamma * half)
    return decay, integral * (1.0 + gamma) if unit_mobility else integral


def kick_drift_kick(x: Any, v: Any, force: Any, force_after: Callable[[Any], Any], m: Any, c: Any, dt: Any) -> Any:
    """One leapfrog step for NumPy or torch: v <- m v + c F(x), x <- x + dt v, v <- m v + c F(x).

    Parameters
    ----------
    x, v, force : array, shape (n, d)
        Positions, velocities and F at the start.
    force_after : callable
        F as a function of the new positions.
    m, c : scalar
        From `half_kick`.
    dt : scalar
        Time step [time].

    Returns
    -------
    (x, v, force) : tuple of arrays
        The same at the end.
    """
    v = m * v + c * force
    x = x + dt * v
    force = force_after(x)
    return x, m * v + c * force, force


class Leapfrog(Integrator):
    """Kick-drift-kick leapfrog with friction solved exactly.

    v <- m v + c F(x);  x <- x + dt v;  v <- m v + c F(x), with m = exp(-gamma dt / 2) and c = (1 - m) / gamma.
    Second order; time-reversible and symplectic at gamma = 0, conformally symplectic at gamma > 0. Further
    forces G(x, v), dissipative or magnetic, enter each half kick by Heun's rule, which keeps second order. For a
    magnetic field there is `Boris`, which solves the gyration exactly.

    Friction alone is exact in the velocity; in the position of free flight it is of second order, like the rest.

    Parameters
    ----------
    scaling : {"physical", "unit-mobility"}
        With "unit-mobility" every force is scaled by 1 + gamma, so that the scheme stays well scaled up to the
        gradient flow: as gamma tends to infinity it becomes x <- x + dt F, explicit Euler. Default "physical".

    References
    ----------
    L. Verlet, Phys. Rev. 159, 98 (1967); McLachlan and Perlmutter, J. Geom. Phys. 39, 276 (2001), for the
    conformal splitting.
    """

    order = 2
    reversible = True
    conserves_energy = True

    def __init__(self, scaling: str = "physical"):
        self.scaling = check.choice("scaling", scaling, ("physical", "unit-mobility"))

    def step(self, mechanics: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the potential's force."""
        x, v, w, t = state.positions, state.velocities, state.weights, state.time
        force = acceleration_at(mechanics, state)
        m, c = self._half_kick(mechanics.at(t), dt)
        if mechanics.only_friction and not mechanics.timed:
            x, v, force = kick_drift_kick(x, v, force, lambda y: mechanics.acceleration(y, w, t + dt), m, c, dt)
        else:
            v = kick(mechanics.at(t), x, v, w, force, m, c)
            x = x + dt * v
            force, later = mechanics.acceleration(x, w, t + dt), mechanics.at(t + dt)
            v = kick(later, x, v, w, force, *self._half_kick(later, dt))
        return State(x, v, w, t + dt, force)

    def loop(self, mechanics: Lagrangian, weights: np.ndarray, dim: int) -> Loop | None:
        """Such steps in compiled code."""
        return kick_drift_kicks(mechanics, weights, dim, (1.0,), unit_mobility=self.scaling == "unit-mobility")

    def _half_kick(self, mechanics: Lagrangian, dt: float) -> tuple[Any, Any]:
        return half_kick(mechanics.friction, dt, unit_mobility=self.scaling == "unit-mobility")

    def __repr__(self) -> str:
        return f"Leapfrog(scaling={self.scaling!r})"


def kick_drift_kicks(
    mechanics: Lagrangian, weights: np.ndarray, dim: int, shares: Sequence[float], *, unit_mobility: bool = False
) -> Loop | None:
    """Steps of leapfrogs in compiled code, each over a share of the step; `None` if there is none for the mechanics."""
    from wlmsim.kernels import steps

    field, further = mechanics.pieces(weights, dim), mechanics.further_pieces(weights, dim)
    if field is None or further is None or mechanics.timed:
        return None

    def numbers(dt: float, count: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
        maps = [half_kick(mechanics.friction, share * dt, unit_mobility=unit_mobility) for share in shares]
        return np.array(shares) * dt, np.array(maps), room_for(further, shape)

    return Loop(steps.leapfrogs, field, numbers, further=further)


def kick(lagrangian: Lagrangian, x: Any, v: Any, w: Any, force: Any, m: float, c: float) -> np.ndarray:
    """Kick v <- m v + c (F + G) at fixed positions: F as given, further forces G(x, v) by Heun's rule."""
    further = None if lagrangian.only_friction else lambda v: lagrangian.velocity_acceleration(x, v, w)
    return heun_kick(v, force, further, lambda v, f: m * v + c * f)
