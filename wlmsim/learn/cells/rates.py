"""Rates at which cells multiply, from the coupling of each time with the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim.data.population import Population
from wlmsim.learn.cells.links import Link
from wlmsim.learn.cells.marginals import Marginal, members_of, neighbours_in_time, spread_of

NEIGHBOURS = 30
"""Nearest cells of the same time over which rates are averaged."""
PRIOR = 1.0
"""Cells that are added to each count (Laplace's rule of succession), which bounds the rates."""


def growth_rates(model: Any, marginals: Sequence[Marginal], count: int) -> tuple[np.ndarray, np.ndarray]:
    """Rate of growth of each cell, and its standard error, both of shape (count,) [1 / time].

    It is how much faster than the whole population the cells around it multiply until the next time (of the last time:
    have multiplied since the one before): log((descendants + 1) / (cells + 1)) / interval of the 30 nearest cells and
    their descendants, in units of cells. That is never below -log(31) / interval. The error has two parts, the spread
    over the networks and that of counts.
    """
    rates, errors = np.full((2, count), np.nan)
    pairs = neighbours_in_time(list(marginals))
    members = members_of(model)
    for before, after in pairs:
        span = after.time - before.time
        links = [Link.of(member, before.cloud, after.cloud, spread_of(model)) for member in members]
        found = [_rate(before.cloud, before.cloud.weights, link.mass_of_descendants(), span) for link in links]
        rates[before.rows], errors[before.rows] = _over_members(found)
        if not any(after is earlier for earlier, _ in pairs):  # nobody was seen after
            found = [_rate(after.cloud, link.mass_of_ancestors(), after.cloud.weights, span) for link in links]
            rates[after.rows], errors[after.rows] = _over_members(found)
    return rates, errors


def _rate(cloud: Population, before: np.ndarray, after: np.ndarray, span: float) -> tuple[np.ndarray, np.ndarray]:
    """Rates of the cells of a cloud from masses before and after, averaged over neighbours, with errors of counts."""
    from scipy.spatial import cKDTree

    n = len(cloud)
    _, near = cKDTree(cloud.positions).query(cloud.positions, min(NEIGHBOURS, n))
    near = near.reshape(n, -1)
    earlier, later = (n * mass[near].sum(1) + PRIOR for mass in (before, after))
    return np.log(later / earlier) / span, np.sqrt(1 / later + 1 / earlier) / span


def _over_members(found: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean rate over the networks, and its error."""
    rates, errors = np.array([rate for rate, _ in found]), np.array([error for _, error in found])
    spread = rates.std(0, ddof=1) if len(found) > 1 else 0.0
    return rates.mean(0), np.hypot(spread / math.sqrt(len(found)), errors.mean(0))
