"""Systems whose particles start as a Gaussian cloud."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.systems.base import System


class GaussianStart(System):
    """A system whose particles start as an isotropic Gaussian cloud at the origin, with Gaussian velocities.

    Their standard deviations along each axis are `width`, positive [length], and `velocity_width`, at least 0
    [length / time].
    """

    def __init__(self, n: int, dim: int, *, width: float, velocity_width: float, seed: int | None):
        super().__init__(n, dim, seed)
        self.width = check.positive("width", width)
        self.velocity_width = check.nonnegative("velocity_width", velocity_width)

    def _draw(self, rng: np.random.Generator) -> Population:
        return Population.gaussian(self.n, self.dim, width=self.width, velocity_width=self.velocity_width, seed=rng)
