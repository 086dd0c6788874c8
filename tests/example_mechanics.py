"""Small mechanics in plain NumPy, which need no compilation, and exact answers to hold simulations against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

from wlmsim import Flow, Lagrangian, Population
from wlmsim.functionals import Functional
from wlmsim.integrators import Integrator, State


class Spring(Functional):
    """External harmonic well, V = stiffness |x|^2 / 2."""

    def __init__(self, stiffness: float = 1.0):
        self.stiffness = stiffness

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        return 0.5 * self.stiffness * (weights * (positions**2).sum(-1)).sum()

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        return -self.stiffness * positions


class ShakenPendula(Functional):
    """External V = (1 + depth sin t) sum_i (1 - cos x_i): anharmonic, and driven unless depth = 0."""

    def __init__(self, depth: float = 0.0):
        self.depth = depth

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        return (1 + self.depth * np.sin(time)) * (weights * (1 - xp.cos(positions)).sum(-1)).sum()

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        return -(1 + self.depth * np.sin(time)) * np.sin(positions)


class SoftPairs(Functional):
    """Pair energy W = -1 / sqrt(1 + r^2), softened gravity."""

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        r2 = ((positions[:, None] - positions[None]) ** 2).sum(-1)
        return -0.5 * (weights[:, None] * weights / xp.sqrt(1 + r2)).sum()

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        separations = positions[:, None] - positions[None]
        cube = (1 + (separations**2).sum(-1)) ** -1.5
        return -((weights * cube)[..., None] * separations).sum(1)


def a_population(n: int = 5, dim: int = 2, *, seed: int = 0, weighted: bool = True, time: float = 0.0) -> Population:
    """Random positions, unit-scale velocities, and weights that differ."""
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 2.0, n) if weighted else None
    return Population(rng.standard_normal((n, dim)), rng.standard_normal((n, dim)), weights, time)


def advance(integrator: Integrator, mechanics: Lagrangian | Flow, start: Population, dt: float, steps: int) -> State:
    """The state after a number of equal steps."""
    state = State(start.positions, start.velocities, start.weights, start.time)
    for _ in range(steps):
        state = integrator.step(mechanics, state, dt)
    return state


def newton(lagrangian: Lagrangian, weights: np.ndarray, boost: float = 1.0) -> Callable[..., np.ndarray]:
    """dv/dt of the mechanics; `boost` scales every force but friction."""

    def acceleration(x: np.ndarray, v: np.ndarray, t: float) -> np.ndarray:
        forces = lagrangian.acceleration(x, weights, t) + lagrangian.velocity_acceleration(x, v, weights)
        return boost * forces - lagrangian.friction * v

    return acceleration


def solve(acceleration: Callable[..., np.ndarray], start: Population, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities at `time` by a Runge-Kutta scheme of order 8, to about 1e-12."""
    shape = start.positions.shape

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        x, v = y.reshape(2, *shape)
        return np.concatenate([v.ravel(), acceleration(x, v, t).ravel()])

    y0 = np.concatenate([start.positions.ravel(), start.velocities.ravel()])
    solution = solve_ivp(rhs, (start.time, time), y0, method="DOP853", rtol=1e-12, atol=1e-13)
    assert solution.success
    x, v = solution.y[:, -1].reshape(2, *shape)
    return x, v


def fitted_order(steps: Any, errors: Any) -> float:
    """Slope of log error against log step."""
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])
