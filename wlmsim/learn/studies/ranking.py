"""The ways to predict from the best to the worst at a goal, and which of them cannot be told apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim.data.dates import span
from wlmsim.learn.studies.folds import Fold
from wlmsim.learn.studies.search import Entry, geometric_mean

TOLD_APART = 0.05
"""Share by which one must be worse than the best, and by more than the standard error, to be told apart from it."""


@dataclass(frozen=True)
class Ranking:
    """What was tried for a goal, the best first.

    Attributes
    ----------
    goal : {"forecast", "interpolate"}
        What was to be predicted.
    entries : list of Entry
        The best first; those that diverged on a fold last.
    folds : list of Fold
        Those of the goal, in the order of the scores.
    length_unit : str
        Of W1.
    winner : str
        Name of what predicts: the best, or the mechanics that does best on all goals together.
    """

    goal: str
    entries: list[Entry]
    folds: list[Fold]
    length_unit: str = ""
    winner: str = ""

    @property
    def ranking(self) -> list[str]:
        """Names, the best first."""
        return [entry.name for entry in self.entries]

    @cached_property
    def w1(self) -> dict[str, np.ndarray]:
        """W1 of each on every fold [length]."""
        return {entry.name: np.array(entry.scores[self.goal]) for entry in self.entries}

    @property
    def mean(self) -> dict[str, float]:
        """Geometric mean of the W1 of each [length]; infinite if it diverged on a fold."""
        return {name: geometric_mean(values) for name, values in self.w1.items()}

    def standard_error(self, name: str, than: str | None = None) -> float:
        """Standard error over the folds of a mean W1, or of its paired difference from that of another one.

        To first order: that of the mean logarithm, or of the logarithm of the ratio, times the mean.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log(self.w1[name]) - (0 if than is None else np.log(self.w1[than]))
        if len(values) < 2 or not np.isfinite(values).all():
            return math.nan
        return float(self.mean[name] * values.std(ddof=1) / math.sqrt(len(values)))

    @property
    def best(self) -> Entry | None:
        """The entry with the least mean W1; None where all diverged."""
        finite = [entry for entry in self.entries if math.isfinite(self.mean[entry.name])]
        return finite[0] if finite else None

    @property
    def used(self) -> Entry | None:
        """What predicts."""
        return next((entry for entry in self.entries if entry.name == self.winner), self.best)

    def first(self, *, naive: bool) -> Entry | None:
        """The best of those that need no mechanics, or of those that do."""
        return next((e for e in self.entries if is_naive(e) is naive and math.isfinite(self.mean[e.name])), None)

    @property
    def undecided(self) -> list[Entry]:
        """Those that the folds do not tell apart from the best: worse by a standard error, or 5 percent, at most."""
        best = self.best
        if best is None:
            return []
        return [e for e in self.entries if e is not best and self._close(e.name, best.name)]

    def _close(self, name: str, best: str) -> bool:
        worse = self.mean[name] - self.mean[best]
        error = self.standard_error(name, than=best)
        return worse <= max(TOLD_APART * self.mean[best], 0.0 if math.isnan(error) else error)

    def held(self) -> list[str]:
        """When each fold was predicted, as text."""
        times = [np.concatenate([held.times for _, held in fold.parts]) for fold in self.folds]
        every = np.concatenate(times)
        about = self.folds[0].parts[0][0]
        return [span(some, about, every) for some in times]

    def _known_baselines(self) -> list[tuple[str, float]]:
        """The best of those that need no mechanics, for a line in the picture of the ranking."""
        first = self.first(naive=True)
        return [] if first is None else [(first.name, self.mean[first.name])]


def is_naive(entry: Entry) -> bool:
    """Whether it predicts without mechanics."""
    return not entry.expression


def rankings(study: Any) -> list[Ranking]:
    """The rankings of a study for each goal that could be scored."""
    found = []
    for goal in study.goals:
        entries = [entry for entry in study.entries if entry.scores.get(goal)]
        folds = [fold for fold in study.folds if fold.goal == goal]
        if entries and folds:
            entries.sort(key=lambda entry: entry.mean(goal))
            unit, winner = study.data.units.get("length", ""), study.winners.get(goal, "")
            found.append(Ranking(goal, entries, folds, unit, winner))
    return found
