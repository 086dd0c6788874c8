"""How far what was learned can be believed: fits to other parts of the data must agree with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import WlmsimError
from wlmsim.functionals.base import Functional
from wlmsim.learn.studies.fold_fits import predictor
from wlmsim.learn.studies.folds import FORECAST, thinned
from wlmsim.transport.exact import wasserstein1
from wlmsim.visual.plots.laws import members

AGREE = 0.3
"""Fits agree about a force if they differ from their mean by less than this share of it."""
WEAK = 0.25
"""Weaker forces are compared with this share of the typical one."""
ROWS = 400
"""Most rows of a marginal at which forces are compared, and of clouds that are."""
MARGINALS = 5
"""At so many times."""
LIGHT = 1e-9
"""Weight of what only feels a force, and adds nothing to it."""


def fits(study: Any) -> list[Any]:
    """The models of the chosen mechanics: that of all marginals, then those of the folds."""
    return [study.model, *(fit for fit in fits_of_folds(study) if fit is not None)]


def fits_of_folds(study: Any) -> list[Any]:
    """The chosen mechanics as fitted to each fold, in their order; None where that diverged."""
    return next((entry.fits for entry in study.entries if entry.name == study.learned), [])


def frictions(study: Any) -> list[float]:
    """Friction rates that were learned, of each network of each fit [1 / time]; none where friction was given."""
    if study.chosen.friction != "learn" or study.chosen.speed is not None:
        return []
    return [network.friction for fit in fits(study) for network in fit._fitted_members]


def potentials(study: Any) -> list[Functional]:
    """The potential energy as each network of each fit has it."""
    return [one for fit in fits(study) for one in members(fit.mechanics_.potential)]


def series_of(study: Any) -> SnapshotSeries:
    """The first population."""
    data: SnapshotSeries = study.data
    return data.population(data.population_labels[0])


@dataclass
class Agreement:
    """Whether fits to other parts of the data find the same forces.

    Attributes
    ----------
    potentials : list of Functional
        The energy as each network of each fit has it.
    series : SnapshotSeries
        The data, of one population.
    """

    potentials: list[Functional]
    series: SnapshotSeries

    @classmethod
    def of(cls, study: Any) -> Agreement:
        """That of the fits of a study."""
        return cls(potentials(study), series_of(study))

    def forces(self, places: np.ndarray, time: float) -> np.ndarray:
        """What a particle would feel at places within the data, by each fit; shape (fits, m, d)."""
        source = self.source(time)
        x = np.concatenate([source.positions, places])
        w = np.append(source.weights, np.full(len(places), LIGHT))
        return np.stack([one.force(x, w, time)[len(source) :] for one in self.potentials])

    def source(self, time: float) -> Population:
        """The marginal nearest to a time, at most `ROWS` of it."""
        return thinned(self.series[int(np.abs(self.series.times - time).argmin())], ROWS)

    def disagreement(self, forces: np.ndarray) -> np.ndarray:
        """Standard deviation of forces over the fits, as a share of their mean or of what is weak here; shape (m,)."""
        mean = forces.mean(0)
        spread = np.sqrt(((forces - mean) ** 2).sum((0, 2)) / max(len(forces) - 1, 1))
        return spread / np.maximum(np.sqrt((mean**2).sum(1)), max(WEAK * self.typical, 1e-300))

    @cached_property
    def typical(self) -> float:
        """Root mean square of the mean force where the data are."""
        return float(np.sqrt(np.mean([(f.mean(0) ** 2).sum(1).mean() for f in self._at_data])))

    @cached_property
    def share(self) -> float:
        """Part of the data at whose places the fits agree; NaN of a single fit."""
        if len(self.potentials) < 2:
            return np.nan
        return float(np.mean([(self.disagreement(f) < AGREE).mean() for f in self._at_data]))

    @cached_property
    def _at_data(self) -> list[np.ndarray]:
        times = self.series.times
        chosen = np.unique(np.linspace(0, len(times) - 1, MARGINALS).round().astype(int))
        return [self.forces(self.source(t).positions, t) for t in times[chosen].tolist()]


@dataclass(frozen=True)
class Calibration:
    """Errors of forecasts beside the differences between fits, at a marginal that none of them had seen.

    Attributes
    ----------
    time : float
        Of the marginal.
    error : float
        Mean W1 between forecasts and what was observed [length].
    spread : float
        Mean W1 between forecasts of two fits [length].
    sampling : float
        W1 between two halves of what was observed: no forecast can be seen to be much better [length].
    fits : int
        How many there were.
    """

    time: float
    error: float
    spread: float
    sampling: float
    fits: int

    @property
    def ratio(self) -> float:
        """How many times larger errors are than differences and sampling together."""
        return self.error / max(float(np.hypot(self.spread, self.sampling)), 1e-300)


def calibrations(study: Any) -> list[Calibration]:
    """For each forecast of the folds that two fits or more can make blindly, since later folds have seen less."""
    known = [(f, fit) for f, fit in zip(study.folds, fits_of_folds(study), strict=False) if f.goal == FORECAST and fit]
    found = [_calibration(fold, [fit for _, fit in known[k:]]) for k, (fold, _) in enumerate(known[:-1])]
    return [one for one in found if one is not None]


def _calibration(fold: Any, blind: list[Any]) -> Calibration | None:
    known, held = fold.parts[0]
    truth = thinned(held[-1], ROWS)
    try:
        guesses = [thinned(predictor(fit, FORECAST)(known, held.times)[-1], ROWS) for fit in blind]  # type: ignore[arg-type]
    except WlmsimError:
        return None
    pairs = [(a, b) for k, a in enumerate(guesses) for b in guesses[:k]]
    return Calibration(
        float(held.times[-1]),
        float(np.mean([wasserstein1(guess, truth) for guess in guesses])),
        float(np.mean([wasserstein1(a, b) for a, b in pairs])),
        _between_halves(truth),
        len(blind),
    )


def _between_halves(cloud: Population) -> float:
    rows = np.random.default_rng(0).permutation(len(cloud))
    if len(rows) < 2:
        return 0.0
    halves = [Population(cloud.positions[part]) for part in np.array_split(rows, 2)]
    return float(wasserstein1(*halves))
