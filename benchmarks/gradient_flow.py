"""Overdamped Langevin dynamics in five landscapes: fit times 0 to 0.1, forecast times 0.11 to 0.2.

Paired: the same 1000 particles at all times, taken as snapshots. Unpaired: each marginal is a population of its own,
simulated from time 0. The model is a gradient flow of one learned potential, with noise of the known strength; a
prediction follows four paths from each particle. Rows give the forecasts from the last fitted marginal and from time 0,
and the fitted marginals rolled out from time 0 (train). W1 is averaged over the landscapes. The hyperparameters were
chosen on data of another seed, 100.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from benchmarks.common import main
from wlmsim import learn, systems
from wlmsim.evaluation import Scores
from wlmsim.population import Population
from wlmsim.snapshots import SnapshotSeries

LANDSCAPES = ("bohachevsky", "poly", "styblinski_tang", "oakley_ohagan", "wavy_plateau")
FITTED = 11
"""Marginals 0, 0.01, ..., 0.1; the others are forecast."""
COPIES = 4
"""Paths of noise from each particle: the forecast is of the law, not of one sample of it."""


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    rows = []
    for pairing in ("unpaired", "paired"):
        fits = [_fit(name, pairing, seed, progress) for name in LANDSCAPES]
        seconds = float(np.median([model.seconds_ for model, _, _ in fits]))
        for row, score in ROWS.items():
            rows.append((f"{pairing}, {row}", _mean([score(*fit) for fit in fits]), seconds))
    return rows


ROWS: dict[str, Callable[[learn.WLM, SnapshotSeries, SnapshotSeries], Scores]] = {
    "forecast from the last fitted marginal": lambda model, past, future: model.evaluate(future, start=_many(past[-1])),
    "forecast from time 0": lambda model, past, future: model.evaluate(future, start=_many(past[0])),
    "train": lambda model, past, future: model.evaluate(past[1:], start=_many(past[0])),
}


def _fit(landscape: str, pairing: str, seed: int, progress: bool) -> tuple[learn.WLM, SnapshotSeries, SnapshotSeries]:
    system = systems.LangevinLandscape(landscape, seed=seed)
    times = system.benchmark_times
    data = system.independent_snapshots(times) if pairing == "unpaired" else system.simulate(times).snapshots(seed=seed)
    past, future = data[:FITTED], data[FITTED:]
    model = learn.WLM(
        learn.ExternalPotential(time_dependent=False),
        friction=math.inf,
        noise=system.sigma,
        training="multiple-shooting",
        loss="sliced",
        batch_size=500,
        steps=1500,
        dt=0.01,
        learning_rate=0.03,
        members=1,
        seed=seed,
        progress=progress,
    )
    return model.fit(past), past, future


def _many(cloud: Population) -> Population:
    """The cloud with every particle several times, each to go its own way."""
    return Population(np.repeat(cloud.positions, COPIES, axis=0), time=cloud.time)


def _mean(scores: list[Scores]) -> Scores:
    """Scores averaged over the landscapes."""
    w1 = {name: np.mean([s.w1[name] for s in scores], axis=0) for name in scores[0].w1}
    return dataclasses.replace(scores[0], w1=w1)


if __name__ == "__main__":
    main("gradient_flow", __doc__, run)
