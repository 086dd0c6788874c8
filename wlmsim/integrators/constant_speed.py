"""Schemes of flocking rules at constant speed."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.integrators.base import State, call
from wlmsim.integrators.noise import StochasticIntegrator
from wlmsim.mechanics.lagrangian import Lagrangian


class ConstantSpeedIntegrator(StochasticIntegrator):
    """A scheme of particles that all have one speed, with noise.

    Parameters
    ----------
    speed : float
        The speed, positive [length / time]. Default 1.
    noise : float
        Strength of the noise, at least 0. Default 0.
    seed : int or numpy.random.Generator, optional
        Source of the noise.
    """

    order = 1

    def __init__(self, speed: float = 1.0, *, noise: float = 0.0, seed: int | np.random.Generator | None = None):
        super().__init__(seed=seed)
        self.speed = check.positive("speed", speed)
        self.noise = check.nonnegative("noise", noise)

    def _turned(self, mechanics: Lagrangian, state: State, dt: float) -> np.ndarray:
        """Velocities in the direction of v + dt a; one that would vanish stays as it was."""
        from wlmsim.kernels import constant_speed, threads

        x, v, w = state.positions, state.velocities, state.weights
        now = mechanics.at(state.time)
        a, b = now.acceleration(x, w, state.time), now.velocity_acceleration(x, v, w)
        with threads.threads_for(len(v)):
            return constant_speed.turn(v, a, b, now.friction, self.speed, dt)

    def __repr__(self) -> str:
        return call(self, speed=self.speed, noise=self.noise, seed=self.seed)


class ConstantSpeedEuler(ConstantSpeedIntegrator):
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

    def step(self, mechanics: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the forces."""
        x, w, t = state.positions, state.weights, state.time
        v = self._turned(mechanics, state, dt)
        drift = dt * v
        x = np.add(x, drift, out=drift)
        if self.noise:
            x += np.sqrt(dt) * self.noise * self._rng.standard_normal(x.shape)
        return State(x, v, w, t + dt)
