"""BAOAB, the splitting for underdamped Langevin dynamics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from wlmsim import _validation as check
from wlmsim.functionals.external import as_scalar
from wlmsim.integrators.base import State, acceleration_at, call
from wlmsim.integrators.leapfrog import kick
from wlmsim.integrators.loops import Loop, room_for
from wlmsim.integrators.noise import StochasticIntegrator, decaying_correlation
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian

_NUMBER = np.zeros(())
"""What stands for the kind of array where there is none yet."""


class BAOAB(StochasticIntegrator):
    """Langevin dynamics, dv = (F + G - gamma v) dt + sqrt(2 gamma T / m) dW, by half kicks, half drifts and a bath.

    B: v <- v + dt / 2 F(x);  A: x <- x + dt / 2 v;  O: v <- c v + sqrt((1 - c^2) T / m) xi with c = exp(-gamma dt);
    then A and B again. gamma is the Lagrangian's friction and m its mass; every particle has a bath of its own,
    whatever its weight. Further forces G(x, v), dissipative or magnetic, enter each B by Heun's rule.

    Second order, weak; without temperature deterministic, conformally symplectic, and the leapfrog at gamma = 0.

    Advantages: one evaluation of the force a step; averages over positions are as good as of fourth order, and exact in
    a harmonic well: the variance of x is T / k at any stable time step.
    Disadvantages: averages over velocities are of second order (in the well the variance of v is low by the factor
    1 - (omega dt)^2 / 4).

    Parameters
    ----------
    temperature : float or callable
        T, the temperature times Boltzmann's constant, at least 0 [mass length^2 / time^2], or a function of the time
        that gives it, as for annealing. In equilibrium the density is proportional to exp(-(dU/drho) / T) and
        K = d T / 2.
    seed : int or numpy.random.Generator, optional
        Source of the noise; a scheme that is used again goes on in its stream.

    References
    ----------
    B. Leimkuhler and C. Matthews, Appl. Math. Res. Express 2013, 34 (2013).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> well = wls.Lagrangian(wls.External(wls.laws.Harmonic(4.0)), dissipation=wls.Friction(1.0))
    >>> cold = wls.Population(np.zeros((5000, 1))).at_rest()
    >>> warm = wls.simulate(well, cold, [10.0], dt=0.5, integrator=wls.BAOAB(temperature=2.0, seed=0))
    >>> bool(np.isclose(warm.positions[-1].var(), 2.0 / 4.0, rtol=0.05))
    True
    """

    order = 2
    reversible = True
    conserves_energy = True

    def __init__(self, temperature: float | Callable[[float], float], *, seed: int | np.random.Generator | None = None):
        super().__init__(seed=seed)
        self.temperature: Any = temperature if callable(temperature) else check.nonnegative("temperature", temperature)

    def check_mechanics(self, mechanics: Lagrangian | Flow) -> None:
        """Refuse a flow, and a temperature without the friction that holds it."""
        super().check_mechanics(mechanics)
        held = not isinstance(mechanics, Lagrangian) or mechanics.timed or mechanics.friction
        if self.temperature and not held:
            raise check.fail("temperature", f"0 where there is no friction, as in {mechanics!r}", self.temperature)

    def noise_correlation(self, mechanics: Lagrangian, before: float, after: float) -> float:
        """That of the bath."""
        return decaying_correlation(mechanics.friction, before, after)

    def step(self, mechanics: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the potential's force."""
        x, v, w, t = state.positions, state.velocities, state.weights, state.time
        force, half = acceleration_at(mechanics, state), 0.5 * dt
        v = kick(mechanics.at(t), x, v, w, force, 1.0, half)
        x = x + half * v
        middle, xp = mechanics.at(t + half), array_namespace(x)
        v = xp.exp(-as_scalar(middle.friction, x, xp) * dt) * v
        if self.temperature:
            v = v + self._width(middle, dt, t + half, like=x) * self._rng.standard_normal(v.shape)
        x = x + half * v
        force = mechanics.acceleration(x, w, t + dt)
        return State(x, kick(mechanics.at(t + dt), x, v, w, force, 1.0, half), w, t + dt, force)

    def _width(self, mechanics: Lagrangian, dt: float, time: float = 0.0, *, like: Any = _NUMBER) -> Any:
        """Of the noise of a step about a time; shape (n, 1) where each particle has a mass of its own."""
        warmth, xp = self.temperature, array_namespace(like)
        if callable(warmth):
            warmth = check.nonnegative_at("temperature", time, warmth(time))
        return xp.sqrt(-xp.expm1(-2 * as_scalar(mechanics.friction, like, xp) * dt) * warmth / mechanics.inertia)

    def loop(self, mechanics: Lagrangian, weights: np.ndarray, dim: int) -> Loop | None:
        """Such steps in compiled code; `None` where forces beside the potential, or T, depend on the time."""
        from wlmsim.kernels import steps

        field, further = mechanics.pieces(weights, dim), mechanics.further_pieces(weights, dim)
        if field is None or further is None or mechanics.timed or callable(self.temperature):
            return None

        def numbers(dt: float, count: int, shape: tuple[int, ...]) -> tuple[Any, ...]:
            width = np.broadcast_to(self._width(mechanics, dt), shape).ravel()
            noise = self._rows(width, count, width.size)
            return np.exp(-mechanics.friction * dt), noise, np.array([1.0, 0.5 * dt]), room_for(further, shape)

        return Loop(steps.baths, field, numbers, further=further)

    def __repr__(self) -> str:
        return call(self, temperature=self.temperature, seed=self.seed)
