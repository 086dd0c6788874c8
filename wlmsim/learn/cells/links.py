"""Who descends from whom: couplings between cells of two times, by learned mechanics, its noise, and growth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from wlmsim.data.population import Population
from wlmsim.learn.cells.marginals import carried
from wlmsim.transport.exact import ground_cost
from wlmsim.transport.unbalanced import BLUR, TINY, dual_potentials

if TYPE_CHECKING:
    from wlmsim.learn.prediction.predictor import Predictor

ROWS = 2000
"""Most cells of a time that the potentials of a coupling are found with; they extend to all others."""
BLOCK = 500
"""Cells whose rows of a coupling are in memory at a time."""


@dataclass(frozen=True)
class Link:
    """The coupling P = a b exp((f + g - |x - y|^2) / epsilon) of cells at x, carried to the time of others at y.

    It is the Schroedinger bridge of the learned mechanics: the plan between where cells are carried to and where others
    are seen, with the width of the noise, and growth where the model has a reach (`wlmsim.transport`). The mass that
    leaves a cell falls short of its weight by exp(-f / price), by which its descendants grow on their way. With a prior
    for growth, what is coupled are the weights that the cells are expected to grow to.
    """

    ends: np.ndarray
    seen: np.ndarray
    a: np.ndarray
    expected: np.ndarray
    b: np.ndarray
    f: np.ndarray
    g: np.ndarray
    epsilon: float
    price: float

    @classmethod
    def of(
        cls,
        predictor: Predictor,
        before: Population,
        after: Population,
        spread: float,
    ) -> Link:
        """Couple two clouds by the mechanics of a predictor; `spread` is the extent of the data [length]."""
        reach, span = predictor.growth.reach, after.time - before.time
        width = predictor.noise * math.sqrt(span)
        # without noise as narrow as plans with growth are, which is enough for Sinkhorn's iterations to end
        least = BLUR * (reach if reach < math.inf else spread)
        epsilon = 2 * width**2 if width > 0 else least**2
        price = math.inf if reach == math.inf else 2 * reach**2
        ends, y, b = carried(predictor, before, after.time), after.positions, after.weights
        a = before.grown(after.time)
        some, others = _some(len(a), 0), _some(len(b), 1)
        small_a, small_b = a[some] / a[some].sum(), b[others] / b[others].sum()
        cost = ground_cost(ends[some], y[others], 2)
        f, g = dual_potentials(cost, small_a, small_b, price, epsilon)
        if len(some) < len(a):
            f = _extended(ends, y[others], small_b, g, price, epsilon)
        if len(others) < len(b):
            g = _extended(y, ends, a, f, price, epsilon)
        return cls(ends, y, before.weights, a, b, f, g, epsilon, price)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows of the coupling, some at a time."""
        for first in range(0, len(self.a), BLOCK):
            part = slice(first, first + BLOCK)
            power = (self.f[part, None] + self.g - ground_cost(self.ends[part], self.seen, 2)) / self.epsilon
            yield part, self.expected[part, None] * self.b * np.exp(power)

    @cached_property
    def arriving(self) -> np.ndarray:
        """What is carried to each cell after, shape (m,)."""
        total = np.full(len(self.b), TINY)
        for _, p in self.blocks():
            total += p.sum(0)
        return total

    def mean_of_ancestors(self, values: np.ndarray) -> np.ndarray:
        """Mean of values of the cells before over the ancestors of each cell after, shape (n, k) to (m, k)."""
        total = np.zeros((len(self.b), values.shape[1]))
        for part, p in self.blocks():
            total += p.T @ values[part]
        return total / self.arriving[:, None]

    def over_descendants(self, values: np.ndarray) -> np.ndarray:
        """Sum of values of the cells after over the descendants of one of each cell before, shape (m, k) to (n, k).

        Of ones it is how many there are, were the whole population to keep its size.
        """
        grown = (self.b / self.arriving)[:, None] * values
        return np.concatenate([_shares(p @ grown, self.a[part]) for part, p in self.blocks()])

    def forward(self, masses: np.ndarray) -> np.ndarray:
        """What becomes of masses of cells before, shape (n, k) to (m, k): all of a become all of b."""
        return self.b[:, None] * self.mean_of_ancestors(_shares(masses, self.a))

    def backward(self, masses: np.ndarray) -> np.ndarray:
        """What masses of cells after came from, shape (m, k) to (n, k): all of b came from all of a."""
        share = _shares(masses, self.b)
        return np.concatenate(
            [self.a[part, None] * (p @ share) / (p.sum(1, keepdims=True) + TINY) for part, p in self.blocks()]
        )


def _shares(masses: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Masses in units of weights, by rows; 0 where nothing weighs."""
    return np.divide(masses, weights[:, None], out=np.zeros_like(masses), where=weights[:, None] > 0)


def _some(count: int, seed: int) -> np.ndarray:
    """At most so many rows as potentials are found with."""
    return np.arange(count) if count <= ROWS else np.random.default_rng(seed).permutation(count)[:ROWS]


def _extended(x: np.ndarray, y: np.ndarray, b: np.ndarray, g: np.ndarray, price: float, epsilon: float) -> np.ndarray:
    """The potential f at any x that belongs to g at y: the half-step of Sinkhorn's iteration."""
    softening = 1 / (1 + epsilon / price)
    found = np.empty(len(x))
    for k in range(0, len(x), BLOCK):
        part = (g - ground_cost(x[k : k + BLOCK], y, 2)) / epsilon
        found[k : k + BLOCK] = -softening * epsilon * logsumexp(part, b=b, axis=1)
    return found
