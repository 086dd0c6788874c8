"""The update rule of the Vicsek model."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.integrators.base import State
from wlmsim.integrators.constant_speed import ConstantSpeedIntegrator
from wlmsim.mechanics.lagrangian import Lagrangian


class VicsekUpdate(ConstantSpeedIntegrator):
    """Positions move with the old velocities, x <- x + dt v, which are then turned, v <- s R (v + dt a) / |v + dt a|.

    The noise R turns each direction at random, once a step whatever its length. In the plane by an angle that is
    uniform in [-eta/2, eta/2]; in space to a direction that is uniform in the spherical cap of solid angle 2 eta.
    So at eta = 2 pi directions are independent of the past in both. First order without noise; a particle whose
    velocity would vanish keeps its former direction.

    Parameters
    ----------
    speed : float
        s, positive [length / time]. Default 1.
    noise : float
        eta, from 0 to 2 pi [1]. Default 0.
    seed : int or numpy.random.Generator, optional
        Source of the noise; a scheme that is used again goes on in its stream.

    References
    ----------
    T. Vicsek, A. Czirok, E. Ben-Jacob, I. Cohen, O. Shochet, Phys. Rev. Lett. 75, 1226 (1995); in space:
    H. Chate, F. Ginelli, G. Gregoire, F. Raynaud, Phys. Rev. E 77, 046113 (2008).
    """

    def __init__(self, speed: float = 1.0, *, noise: float = 0.0, seed: int | np.random.Generator | None = None):
        super().__init__(speed, noise=noise, seed=seed)
        if self.noise > 2 * np.pi:
            raise check.fail("noise", "an angle from 0 to 2 pi", noise)

    def step(self, mechanics: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the forces."""
        v = self._turned(mechanics, state, dt)
        if self.noise:
            from wlmsim.kernels import constant_speed, threads

            with threads.threads_for(len(v)):
                v = constant_speed.turn_from_first_axis(v, self._about_first_axis(*v.shape), self.speed)
        return State(state.positions + dt * state.velocities, v, state.weights, state.time + dt)

    def _about_first_axis(self, n: int, dim: int) -> np.ndarray:
        """Random unit vectors, shape (n, dim), spread about the first axis as the noise says."""
        if dim == 2:
            angle = self.noise * (self._rng.random(n) - 0.5)
            return np.stack([np.cos(angle), np.sin(angle)], axis=1)
        if dim == 3:
            height = 1.0 - self.noise / np.pi * self._rng.random(n)
            angle = 2.0 * np.pi * self._rng.random(n)
            radius = np.sqrt(1.0 - height**2)
            return np.stack([height, radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        raise check.fail("dim", "2 or 3 for angular noise", dim)
