"""What schemes for flows with noise share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.integrators.base import call
from wlmsim.integrators.loops import Loop, Scheme
from wlmsim.integrators.noise import StochasticIntegrator
from wlmsim.mechanics.flow import Flow


class NoisyFlowIntegrator(StochasticIntegrator):
    """A scheme for a flow with noise of the same strength everywhere.

    Parameters
    ----------
    noise : float or callable
        Strength of the noise, at least 0 [length / sqrt(time)], or a function of the time that gives it.
    seed : int or numpy.random.Generator, optional
        Source of the noise.
    """

    moves = Flow

    def __init__(self, noise: float | Callable[[float], float], *, seed: int | np.random.Generator | None = None):
        super().__init__(seed=seed)
        self.noise: Any = noise if callable(noise) else check.nonnegative("noise", noise)

    def _increments(self, x: Any, time: float, dt: float) -> Any:
        """Increments sigma dW of a step that begins at a time, with sigma of its middle; 0 without noise."""
        if not self.noise:
            return 0.0
        sigma, middle = self.noise, time + 0.5 * dt
        if callable(sigma):
            sigma = check.nonnegative_at("noise", middle, sigma(middle))
        return dt**0.5 * sigma * self._rng.standard_normal(x.shape)

    def _loop(self, step: Scheme, mechanics: Flow, weights: np.ndarray, dim: int) -> Loop | None:
        """Steps in compiled code, by one that takes the noise."""
        pieces = None if callable(self.noise) else mechanics.pieces(weights, dim)
        if pieces is None:
            return None

        def numbers(dt: float, count: int, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
            return self._rows(np.sqrt(dt) * self.noise, count, math.prod(shape)), np.empty(shape)

        return Loop(step, pieces, numbers)

    def __repr__(self) -> str:
        return call(self, noise=self.noise, seed=self.seed)
