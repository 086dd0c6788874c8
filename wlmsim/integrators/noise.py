"""The noise of stochastic schemes: one stream of numbers, and bridges to them for what is recorded on the way."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from wlmsim import _validation as check
from wlmsim.integrators.base import Integrator


class StochasticIntegrator(Integrator):
    """A scheme with noise, of which each step draws once.

    Parameters
    ----------
    seed : int or numpy.random.Generator, optional
        Source of the noise.
    """

    def __init__(self, *, seed: int | np.random.Generator | None = None):
        self.seed = seed
        self._rng = check.generator("seed", seed)

    @property
    def noisy(self) -> bool:
        """Whether a step draws noise: unless its strength is zero."""
        return bool(getattr(self, "noise", getattr(self, "temperature", True)))

    def noise_correlation(self, mechanics: Any, before: float, after: float) -> Any:
        """Correlation of the noise that is gathered over two times from one start, the first of them the shorter.

        That of Brownian motion, sqrt(before / after), unless a scheme knows better.
        """
        return np.sqrt(before / after)

    def _rows(self, width: Any, count: int, size: int) -> np.ndarray:
        """Noise of many steps, each a row of `size` numbers, of one width or one for each; no rows of no width."""
        return width * self._rng.standard_normal((count, size)) if np.any(width) else np.empty((0, size))

    def on_the_way(self, mechanics: Any, dt: float) -> Callable[[float], Integrator]:
        """As of every integrator; the noise up to a record is a bridge to that of the whole step."""
        bridge = _Bridge(self._rng, lambda a, b: self.noise_correlation(mechanics, a, b), dt)

        def scheme(part: float) -> Integrator:
            other = copy.copy(self)
            other._rng = cast(np.random.Generator, bridge.up_to(part))
            return other

        return scheme


class _Bridge:
    """Source of the noise of the first parts of a step, one after the other, from which nothing of it is drawn.

    With Z_s the noise gathered over a time s, over its width, Z is a Gaussian Markov process: given Z at the part
    before and at the step's end it is normal, with a mean and a width by their correlations.
    """

    def __init__(self, source: np.random.Generator, correlation: Callable[[float, float], Any], dt: float):
        self._source, self._correlation, self._dt = source, correlation, dt
        self._before, self._value = 0.0, np.zeros(())
        self._own: np.random.Generator | None = None

    def up_to(self, part: float) -> _Bridge:
        """Go on to a longer part of the step, whose noise is drawn next."""
        self._part, self._ahead = part, copy.deepcopy(self._source)
        return self

    def random(self, size: Any = None) -> Any:
        """Numbers of which a rule draws as many for each step, however long it is."""
        return self._ahead.random(size)

    def standard_normal(self, size: Any = None) -> Any:
        """Noise of the part."""
        whole = self._ahead.standard_normal(size)
        if self._own is None:
            self._own = np.random.default_rng(self._ahead.integers(2**63, size=4))
        near = self._correlation(self._before, self._part) if self._before else 0.0
        far = self._correlation(self._part, self._dt)
        free = 1.0 - (near * far) ** 2
        mean = (near * (1.0 - far**2) * self._value + far * (1.0 - near**2) * whole) / free
        width = np.sqrt((1.0 - near**2) * (1.0 - far**2) / free)
        self._before, self._value = self._part, mean + width * self._own.standard_normal(size)
        return self._value


def decaying_correlation(rate: Any, before: float, after: float) -> Any:
    """Correlation of the noise of an Ornstein-Uhlenbeck process of some rate; see `StochasticIntegrator`."""
    return np.exp(-rate * (after - before)) * np.sqrt(np.expm1(-2 * rate * before) / np.expm1(-2 * rate * after))
