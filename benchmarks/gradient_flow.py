"""Overdamped Langevin dynamics in five landscapes: fit times 0 to 0.1, forecast times 0.11 to 0.2.

Paired: the same 1000 particles at all times, taken as snapshots. Unpaired: each marginal is a population of its own,
simulated from time 0. The model is a gradient flow of one learned potential, with noise of the known strength; a
prediction follows several paths from each particle, or one. Rows give the forecasts from the last fitted marginal and
from time 0, and the fitted marginals rolled out from time 0 (train). W1 is averaged over the landscapes; the lines
before the tables say what each has. The hyperparameters were chosen on data of other seeds, 100 and 101.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.common import main
from wlmsim import learn, simulate, systems
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.evaluation import Scores, score_forecast
from wlmsim.integrators import StochasticHeun
from wlmsim.transport import wasserstein1

LANDSCAPES = ("bohachevsky", "poly", "styblinski_tang", "oakley_ohagan", "wavy_plateau")
FITTED = 11
"""Marginals 0, 0.01, ..., 0.1; the others are forecast."""
DT = 0.01
PATHS = 8
"""Paths of noise from each particle: the forecast is of the law, not of one sample of it."""


class Fit(NamedTuple):
    """What was simulated, what was learned from it, the fitted marginals and the later ones."""

    system: systems.LangevinLandscape
    model: learn.WLM
    past: SnapshotSeries
    future: SnapshotSeries


ROWS: dict[str, Callable[[SnapshotSeries, SnapshotSeries], tuple[Population, SnapshotSeries]]] = {
    "forecast from the last fitted marginal": lambda past, future: (past[-1], future),
    "forecast from time 0": lambda past, future: (past[0], future),
    "train": lambda past, future: (past[0], past[1:]),
}
"""Where each row starts from, and what it predicts."""


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    rows = []
    for pairing in ("unpaired", "paired"):
        fits = [_fit(name, pairing, seed, progress) for name in LANDSCAPES]
        seconds = float(np.median([fit.model.seconds_ for fit in fits]))
        for row in ROWS:
            for paths, name in ((PATHS, f"{pairing}, {row}"), (1, f"{pairing}, {row}, one path")):
                scores = [_score(fit, row, paths) for fit in fits]
                each = zip(LANDSCAPES, (s.mean["WLM"] for s in scores), strict=True)
                print(f"seed {seed}, {name}:", ", ".join(f"{landscape} {w1:.4f}" for landscape, w1 in each), flush=True)
                rows.append((name, _mean(scores), seconds))
    return rows


def _fit(landscape: str, pairing: str, seed: int, progress: bool) -> Fit:
    system = systems.LangevinLandscape(landscape, seed=seed)
    times = system.benchmark_times
    data = system.independent_snapshots(times) if pairing == "unpaired" else system.simulate(times).snapshots(seed=seed)
    past, future = data[:FITTED], data[FITTED:]
    model = learn.recipes.gradient_flow(system.sigma, rollouts__dt=DT, seed=seed, progress=progress)
    return Fit(system, model.fit(past), past, future)


def _score(fit: Fit, row: str, paths: int) -> Scores:
    """Scores of a row in one landscape, with several paths from each particle, beside those of the true potential."""
    start, observed = ROWS[row](fit.past, fit.future)
    many = Population(np.repeat(start.positions, paths, axis=0), time=start.time)
    scores = score_forecast(list(fit.model.forecast(many, observed.times)), observed, start)
    scheme = StochasticHeun(fit.system.sigma, seed=fit.model.seed)
    exact = simulate(fit.system.mechanics, many, observed.times, dt=DT, integrator=scheme)
    w1 = [wasserstein1(cloud, truth) for cloud, truth in zip(exact, observed, strict=True)]
    return dataclasses.replace(scores, w1={**scores.w1, "exact potential": np.array(w1)})


def _mean(scores: list[Scores]) -> Scores:
    """Scores averaged over the landscapes."""
    w1 = {name: np.mean([s.w1[name] for s in scores], axis=0) for name in scores[0].w1}
    return dataclasses.replace(scores[0], w1=w1)


if __name__ == "__main__":
    main("gradient_flow", __doc__, run)
