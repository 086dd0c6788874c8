"""Systems whose particles start as a Gaussian cloud."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.population import Population
from wlmsim.systems.base import System


class GaussianStart(System):
    """A system whose particles start as an isotropic Gaussian cloud at the origin, with Gaussian velocities.

    Parameters
    ----------
    n : int
        Number of particles.
    dim : int
        Dimension of space.
    width : float
        Standard deviation of the initial positions along each axis, positive [length].
    velocity_width : float
        Standard deviation of the initial velocities along each axis, at least 0 [length / time].
    seed : int or None
        Seed of the initial population.
    """

    def __init__(self, n: int, dim: int, *, width: float, velocity_width: float, seed: int | None):
        super().__init__(n, dim, seed)
        self.width = check.positive("width", width)
        self.velocity_width = check.nonnegative("velocity_width", velocity_width)

    def _draw(self, rng: np.random.Generator) -> Population:
        return Population.gaussian(self.n, self.dim, width=self.width, velocity_width=self.velocity_width, seed=rng)
