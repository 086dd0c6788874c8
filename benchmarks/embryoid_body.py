"""Embryoid body: fit four of five times, leaving out time 1, 2 or 3, and predict the one left out.

Five principal components, standardised over all cells; no velocities are known, so the model is a gradient flow that
may change in time, rolled out from the time before. W1 is that of all cells, averaged over the three.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.common import main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    cells, _ = datasets.embryoid_body().standardise()
    scores, seconds = [], []
    for left_out in (1, 2, 3):
        fitted, held = cells.hold_out([left_out])
        model = learn.WLM(friction=math.inf, training="multiple-shooting", steps=300, seed=seed, progress=progress)
        scores.append(model.fit(fitted).evaluate(held))
        seconds.append(model.seconds_)
    together = Scores(
        np.concatenate([s.times for s in scores]),
        np.concatenate([s.origins for s in scores]),
        {name: np.concatenate([s.w1[name] for s in scores]) for name in scores[0].w1},
        "leave one out",
    )
    return [("forward", together, float(np.median(seconds)))]


if __name__ == "__main__":
    main("embryoid_body", __doc__, run)
