"""Time-stepping schemes for dx/dt = v, dv/dt = F(x, t) + G(x, v) - gamma v.

F is the acceleration by the potential, G the dissipative one but for friction, which is solved exactly.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.lagrangian import Lagrangian


@dataclass
class State:
    """Positions and velocities at one time; `acceleration` is that of the potential there, once known."""

    positions: np.ndarray
    velocities: np.ndarray
    weights: np.ndarray
    time: float
    acceleration: np.ndarray | None = None


class Integrator(ABC):
    """A scheme that carries a state over one time step."""

    order: int
    """Order of convergence in the time step."""

    reversible: bool = False
    """Whether, without dissipation, a step back with the velocities reversed undoes a step."""

    conserves_energy: bool = False
    """Whether, without dissipation, the energy error stays bounded for all times (symplectic schemes)."""

    @abstractmethod
    def step(self, lagrangian: Lagrangian, state: State, dt: float) -> State:
        """Return the state one step `dt` [time] later; the given one may not be used again."""


def half_kick(gamma: Any, dt: Any, *, unit_mobility: bool, xp: Any = np) -> tuple[Any, Any]:
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
    xp : namespace
        NumPy or torch.

    Returns
    -------
    (m, c) : tuple
        Decay [dimensionless] and kick [time].
    """
    half = 0.5 * dt
    if not isinstance(gamma, (int, float)):
        integral = -xp.expm1(-gamma * half) / gamma
        decay = xp.exp(-gamma * half)
    else:
        # below the cut both are the series (1 - m) / gamma = h (1 - gamma h / 2 + ...), to rounding error
        small = gamma * half < 1e-9
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
    dissipative forces G(x, v) enter each half kick by Heun's rule, which keeps second order.

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

    def step(self, lagrangian: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the potential's force."""
        m, c = half_kick(lagrangian.friction, dt, unit_mobility=self.scaling == "unit-mobility")
        x, v, w, t = state.positions, state.velocities, state.weights, state.time
        force = state.acceleration
        if force is None:
            force = lagrangian.acceleration(x, w, t)
        if lagrangian.only_friction:
            x, v, force = kick_drift_kick(x, v, force, lambda y: lagrangian.acceleration(y, w, t + dt), m, c, dt)
        else:
            v = self._kick(lagrangian, x, v, w, force, m, c)
            x = x + dt * v
            force = lagrangian.acceleration(x, w, t + dt)
            v = self._kick(lagrangian, x, v, w, force, m, c)
        return State(x, v, w, t + dt, force)

    @staticmethod
    def _kick(lagrangian: Lagrangian, x: Any, v: Any, w: Any, force: Any, m: float, c: float) -> np.ndarray:
        before = lagrangian.dissipative_acceleration(x, v, w)
        predicted = m * v + c * (force + before)
        after = lagrangian.dissipative_acceleration(x, predicted, w)
        return m * v + c * (force + 0.5 * (before + after))

    def __repr__(self) -> str:
        return f"Leapfrog(scaling={self.scaling!r})"


class ConstantSpeedEuler(Integrator):
    """Symplectic Euler with every speed reset: v <- s (v + dt a) / |v + dt a|, x <- x + dt v + sqrt(dt) sigma xi.

    The scheme of flocking rules at constant speed (boids, Vicsek). First order. A particle whose velocity would
    vanish keeps its former direction.

    Parameters
    ----------
    speed : float
        s, positive [length / time]. Default 1.
    noise : float
        sigma, strength of the Gaussian noise in the positions, at least 0 [length / sqrt(time)]. Default 0.
    seed : int or numpy.random.Generator, optional
        Source of the noise.
    """

    order = 1

    def __init__(self, speed: float = 1.0, *, noise: float = 0.0, seed: int | np.random.Generator | None = None):
        self.speed = check.positive("speed", speed)
        self.noise = check.nonnegative("noise", noise)
        self._rng = np.random.default_rng(seed)

    def step(self, lagrangian: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the forces."""
        x, v, w, t = state.positions, state.velocities, state.weights, state.time
        a = lagrangian.acceleration(x, w, t)
        if not lagrangian.only_friction:
            a = a + lagrangian.dissipative_acceleration(x, v, w)
        turned = v + dt * (a - lagrangian.friction * v)
        norm = np.sqrt((turned**2).sum(-1, keepdims=True))
        v = self.speed * np.where(norm > 0, turned, v) / np.where(norm > 0, norm, self.speed)
        x = x + dt * v
        if self.noise:
            x += np.sqrt(dt) * self.noise * self._rng.standard_normal(x.shape)
        return State(x, v, w, t + dt)

    def __repr__(self) -> str:
        return f"ConstantSpeedEuler(speed={self.speed:g}, noise={self.noise:g})"
