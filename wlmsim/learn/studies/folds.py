"""Folds: parts of the data that are left out in turn and predicted from the rest, as users ask for predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.learn.studies.naive import forecasts
from wlmsim.transport.exact import wasserstein1

FEW = 12
"""Marginals up to which the last, the last two and the last three are forecast."""
LEAST = 7
"""Marginals below which forecasts are of the next one alone."""
MOST = 3
"""Folds of a kind, and marginals that are scored of one of them."""
ROWS = 1000
"""Most rows of a cloud that are compared."""

FORECAST, INTERPOLATE = "forecast", "interpolate"
GOALS = (FORECAST, INTERPOLATE)

EXACT = 0.01
"""Share of the farthest that particles go in a fold, below which W1 counts as none: where nothing moves, as birds at
night, no ratio of errors tells anything, and in a geometric mean it would rule all folds."""

Predict = Callable[[SnapshotSeries, np.ndarray], Sequence[Population | None]]
"""Predictions at times from the known marginals of one population."""


@dataclass(frozen=True)
class Fold:
    """Marginals that a fit sees, and those that it is to predict, of each population.

    Attributes
    ----------
    goal : {"forecast", "interpolate"}
        Whether what is left out lies after the known marginals or between them.
    fitted : SnapshotSeries
        All that a fit sees.
    parts : sequence of (known, held)
        The same for each population, and what is left out of it.
    exact : float
        W1 below which a prediction counts as exact [length].
    """

    goal: str
    fitted: SnapshotSeries
    parts: Sequence[tuple[SnapshotSeries, SnapshotSeries]]
    exact: float = 0.0

    def score(self, predict: Predict) -> float:
        """Mean W1 of the predictions, over marginals and populations; infinite where one cannot be had or blew up."""
        w1 = [w1 for known, held in self.parts for w1 in self._w1(predict, known, held)]
        return max(float(np.mean(w1)), self.exact)

    def _w1(self, predict: Predict, known: SnapshotSeries, held: SnapshotSeries) -> list[float]:
        guesses = predict(known, held.times)
        return [np.inf if g is None else _distance(g, truth) for g, truth in zip(guesses, held, strict=True)]


def _distance(guess: Population, truth: Population) -> float:
    if not np.isfinite(guess.positions).all():
        return np.inf
    return wasserstein1(thinned(guess), thinned(truth))


def thinned(cloud: Population, rows: int = ROWS) -> Population:
    """A random part of a large cloud, by the weights, with all there is of it."""
    n = len(cloud.positions)
    if n <= rows:
        return cloud
    return cloud.rows(np.sort(np.random.default_rng(n).permutation(n)[:rows]))


def folds_of(data: SnapshotSeries, goals: Sequence[str], most: int = MOST) -> list[Fold]:
    """The folds of a data set, at most three of each goal.

    Forecasts: of few marginals the last one, the last two and the last three, each from all that come before them, or,
    where they are fewer still, the last one and those before it; of many the second half, and the tenth that follows
    the first four fifths: far ahead, where mechanics that is not quite right runs away, and near. Interpolation:
    marginals between the first and the last, evenly spread, one at a time.

    Parameters
    ----------
    data : SnapshotSeries
        Populations with fewer than three marginals are fitted and never predicted.
    goals : sequence of {"forecast", "interpolate"}
        What is wanted.
    most : int
        Most folds of a goal. Default 3.

    Returns
    -------
    list of Fold
        Empty for two marginals, of which none can be left out.
    """
    found = [fold for goal in goals for k in range(most) if (fold := _fold(data, goal, k)) is not None]
    moved = {goal: max((_moved(fold) for fold in found if fold.goal == goal), default=0.0) for goal in goals}
    return [replace(fold, exact=EXACT * moved[fold.goal]) for fold in found]


def _moved(fold: Fold) -> float:
    """How far particles go in a fold: what persistence misses [length]."""
    persistence = forecasts()["persistence"]
    return fold.score(lambda known, times: [persistence(known, float(time)) for time in times])


def _fold(data: SnapshotSeries, goal: str, number: int) -> Fold | None:
    labels = data.population_labels
    fitted, parts = {}, []
    for label in labels:
        series = data.population(label)
        split = _split(len(series), goal, number)
        if split is None:
            fitted[label] = series
            continue
        kept, held = split
        fitted[label] = series[kept]
        parts.append((series[kept], series[held]))
    if not parts:
        return None
    return Fold(goal, fitted[labels[0]] if data.labels is None else SnapshotSeries.of_several(fitted), parts)


def _split(count: int, goal: str, number: int) -> tuple[list[int], list[int]] | None:
    """Indices of the marginals that are kept and of those that are predicted, for one of the folds."""
    if goal == INTERPOLATE:
        inside = np.unique(np.linspace(1, count - 2, MOST).round().astype(int)) if count > 2 else np.empty(0, int)
        if number >= len(inside):
            return None
        left_out = int(inside[number])
        return [k for k in range(count) if k != left_out], [left_out]
    if count <= FEW:
        last = count - 1 - number
        if last < 2:
            return None
        return list(range(last)), list(range(last, count)) if count >= LEAST else [last]
    if number > 1:
        return None
    first, end = int((0.8, 0.5)[number] * count), int(np.ceil((0.9, 1.0)[number] * count))
    return list(range(first)), np.unique(np.linspace(first, end - 1, MOST).round().astype(int)).tolist()
