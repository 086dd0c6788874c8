"""What schemes for flows with noise share."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.integrators.base import Integrator, call
from wlmsim.mechanics.flow import Flow


class NoisyFlowIntegrator(Integrator):
    """A scheme for a flow with noise of the same strength everywhere.

    Parameters
    ----------
    noise : float
        Strength of the noise, at least 0 [length / sqrt(time)].
    seed : int or numpy.random.Generator, optional
        Source of the noise.
    """

    moves = Flow

    def __init__(self, noise: float, *, seed: int | np.random.Generator | None = None):
        self.noise = check.nonnegative("noise", noise)
        self.seed = seed
        self._rng = check.generator("seed", seed)

    def __repr__(self) -> str:
        return call(self, noise=self.noise, seed=self.seed)
