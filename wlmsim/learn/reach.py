"""How far particles move before they rather multiply and die, chosen from the snapshots themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wlmsim.growth import growth_plan
from wlmsim.population import Population
from wlmsim.snapshots import SnapshotSeries
from wlmsim.transport import ground_cost, wasserstein1

CANDIDATES = (math.inf, 1.4, 1.0, 0.7, 0.5)
"""Reaches to choose from, in units of the spread of the data."""
ROWS = 1000
"""Most particles of a marginal that the choice looks at."""


def choose_reach(populations: Sequence[SnapshotSeries], spread: float) -> float:
    """The reach under which marginals follow best from their neighbours along straight lines with growth.

    Each marginal but the first and the last is predicted from the one before and the one after; the reach of least mean
    W1 is taken. Nothing is learned, so that this costs seconds. Two marginals alone say nothing of growth: their masses
    are conserved.

    Parameters
    ----------
    populations : sequence of SnapshotSeries
        The fitted marginals of each population.
    spread : float
        Standard deviation of the data along an axis, positive [length].

    Returns
    -------
    float
        One of `CANDIDATES` times the spread [length].
    """
    thinned = [[_thinned(cloud) for cloud in series] for series in populations]
    triples = [triple for clouds in thinned for triple in zip(clouds, clouds[1:], clouds[2:], strict=False)]
    if not triples:
        return math.inf
    reaches = [c * spread for c in CANDIDATES]
    scores = [np.mean([wasserstein1(_straight(a, c, b.time, reach), b) for a, b, c in triples]) for reach in reaches]
    return reaches[int(np.argmin(scores))]


def _thinned(cloud: Population) -> Population:
    """A random part of a large cloud."""
    n = len(cloud.positions)
    rows = np.random.default_rng(0).permutation(n)[:ROWS]
    return cloud if n <= ROWS else Population(cloud.positions[rows], None, cloud.weights[rows], cloud.time)


def _straight(before: Population, after: Population, time: float, reach: float) -> Population:
    """Straight lines along the plan with growth."""
    s = (time - before.time) / (after.time - before.time)
    cost = ground_cost(before.positions, after.positions, 2)
    plan = growth_plan(cost, before.weights, after.weights, reach=reach)
    positions = (1 - s) * before.positions[plan.source] + s * after.positions[plan.target]
    return Population(positions, None, plan.masses(s), time)
