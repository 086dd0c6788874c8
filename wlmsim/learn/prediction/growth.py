"""How particles multiply and die rather than move far, chosen from the snapshots themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.learn.prediction.bridge import bridge
from wlmsim.mechanics.flow import Flow
from wlmsim.transport.exact import wasserstein1

CANDIDATES = (math.inf, 1.4, 1.0, 0.7, 0.5)
"""Reaches to choose from, in units of the spread of the data."""
ROWS = 1000
"""Most particles of a marginal that the choice looks at."""


class Growth(NamedTuple):
    """How particles multiply and die on their way: beyond which reach, and whether at changing rates."""

    reach: float = math.inf
    changing: bool = False


CONSERVED = Growth()
"""Every particle keeps its weight."""


def choose_growth(populations: Sequence[SnapshotSeries], spread: float) -> Growth:
    """The growth under which marginals follow best from their neighbours along straight lines.

    Each marginal but the first and the last is predicted from the one before and the one after, by each reach, with
    rates of growth that are constant in between and with such that change as they do over all marginals that are left
    (`wlmsim.transport`); what gives the least mean W1 is taken. Nothing is learned, so that this costs seconds. Two
    marginals alone say nothing of growth: their masses are conserved. Three say nothing of how it changes.

    Parameters
    ----------
    populations : sequence of SnapshotSeries
        The fitted marginals of each population.
    spread : float
        Standard deviation of the data along an axis, positive [length].

    Returns
    -------
    Growth
        Its reach is one of `CANDIDATES` times the spread [length].
    """
    parts = [[thinned(cloud) for cloud in series] for series in populations]
    tasks = [(x[:k] + x[k + 1 :], x[k]) for x in parts for k in range(1, len(x) - 1)]
    if not tasks:
        return Growth()
    choices = [Growth(c * spread) for c in CANDIDATES]
    if max(len(rest) for rest, _ in tasks) > 2:
        choices += [Growth(reach, True) for reach, _ in choices if reach < math.inf]
    scores = [np.mean([wasserstein1(_straight(rest, left.time, how), left) for rest, left in tasks]) for how in choices]
    return choices[int(np.argmin(scores))]


def thinned(cloud: Population) -> Population:
    """A random part of a large cloud, without velocities."""
    n = len(cloud.positions)
    rows = np.random.default_rng(0).permutation(n)[:ROWS]
    return cloud if n <= ROWS else Population(cloud.positions[rows], None, cloud.weights[rows], cloud.time)


class _Still(Flow):
    """Nobody moves by themselves: bridges are straight lines."""

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        return np.zeros_like(positions)


def _straight(rest: list[Population], time: float, growth: Growth) -> Population:
    """Straight lines between the marginals around a time, along the plan with growth."""
    k = next(k for k, cloud in enumerate(rest) if cloud.time > time)
    before, after, known = rest[k - 1], rest[k], rest if growth.changing else []
    return bridge(_Still(), before, after, time, dt=after.time - before.time, reach=growth.reach, marginals=known)
