"""Embryoid body: fit four of five times, leaving out time 1, 2 or 3, and predict the one left out.

Five principal components, standardised over all cells; no velocities are known, so the model is a gradient flow. Cells
divide, die and diffuse: mass may grow on the way; how readily (`reach`), and whether at changing rates, is chosen from
the fitted marginals. Each left-out time is predicted from the fitted ones: a sample of the Schroedinger bridge between
those before and after, twice as many cells as in both. W1 is that to all cells, averaged over the three.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from benchmarks.common import joined, main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    cells, _ = datasets.embryoid_body().standardise()
    scores, seconds = [], []
    for left_out in (1, 2, 3):
        fitted, held = cells.hold_out([left_out])
        model = learn.recipes.cells(seed=seed, progress=progress)
        scores.append(model.fit(fitted).evaluate(held, two_sided=True))
        seconds.append(model.seconds_)
    together = dataclasses.replace(joined(scores), protocol="leave one out")
    return [("two-sided", together, float(np.median(seconds)))]


if __name__ == "__main__":
    main("embryoid_body", __doc__, run)
