"""What schemes for flows with noise share."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.integrators.base import call
from wlmsim.integrators.noise import StochasticIntegrator
from wlmsim.mechanics.flow import Flow


class NoisyFlowIntegrator(StochasticIntegrator):
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
        super().__init__(seed=seed)
        self.noise = check.nonnegative("noise", noise)

    def __repr__(self) -> str:
        return call(self, noise=self.noise, seed=self.seed)
