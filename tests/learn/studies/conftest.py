"""Studies whose scores are made up, with tiny fits."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import AccuracyWarning
from wlmsim.learn.studies.folds import GOALS, folds_of
from wlmsim.learn.studies.looking import look
from wlmsim.learn.studies.search import Entry

LEARNED, NAIVE = "steady potential, matched", {"forecast": "ballistic", "interpolate": "OT-Hermite"}


@pytest.fixture(scope="session")
def spring() -> wls.SnapshotSeries:
    system = wls.systems.HarmonicOscillator(n=30, dim=2, velocity_width=1.0, seed=0)
    series = system.exact(np.linspace(0, 2, 6)).snapshots(seed=0)
    return wls.SnapshotSeries(series.times, series.positions, series.velocities, units={"length": "km", "time": "day"})


@pytest.fixture(scope="session")
def tiny() -> wls.learn.WLM:
    """A model whose fits are short."""
    steady = wls.learn.ExternalPotential(hidden=8, time_dependent=False)
    return wls.learn.WLM(steady, matching=wls.learn.Matching(steps=4), rollouts=None, members=2, progress=False)


@pytest.fixture(scope="session")
def fitted(spring: wls.SnapshotSeries, tiny: wls.learn.WLM) -> Callable[..., list[wls.learn.WLM]]:
    """Fits to all marginals and to each fold."""
    one = copy.deepcopy(tiny).set_params(members=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AccuracyWarning)  # they are trained too short
        fits = [copy.deepcopy(tiny).fit(spring)]
        fits += [copy.deepcopy(one).fit(fold.fitted) for fold in folds_of(spring, GOALS)]
    return lambda: list(fits)


@pytest.fixture(scope="session")
def made(spring, tiny, fitted) -> Callable[..., wls.learn.Study]:
    """A study with the scores that are given for the learned mechanics, beside 0.2, 0.3, 0.45 of naive ways."""

    def made(w1: Any = (0.1, 0.1, 0.1), naive: Any = (0.2, 0.3, 0.45), **others: Any) -> wls.learn.Study:
        whole, *of_folds = fitted()
        scores = {goal: list(w1) for goal in GOALS}
        entries = [Entry(name, None, {goal: list(naive)}) for goal, name in NAIVE.items()]
        entries.append(Entry("persistence", None, {goal: [0.9, 0.8, 0.7] for goal in GOALS}))
        entries.append(Entry(LEARNED, tiny, scores, 1.5, of_folds))
        winners = {g: min((e for e in entries if g in e.scores), key=lambda e: e.mean(g)).name for g in GOALS}
        given = {"seconds": 12.0, "budget": 60.0, "folds": folds_of(spring, GOALS), "learned": LEARNED, **others}
        return wls.learn.Study(spring, look(spring), entries, ["current"], GOALS, winners, tiny, whole, **given)

    return made
