"""Blood development in the mouse: fit the first and the last of three times, predict the one between.

No velocities are known, so the model is a gradient flow, rolled out from the first time. Cells proliferate; weights are
shares, so that growth enters only as what the flow has to make up for. Nothing is tuned: with two fitted marginals none
is left to choose by.
"""

from __future__ import annotations

import math

from benchmarks.common import main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    fitted, held = datasets.mouse_hematopoiesis().hold_out([1])
    model = learn.WLM(friction=math.inf, seed=seed, progress=progress).fit(fitted)
    return [("forward", model.evaluate(held), model.seconds_)]


if __name__ == "__main__":
    main("hematopoiesis", __doc__, run)
