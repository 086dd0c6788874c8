"""Blood development in the mouse: fit the first and the last of three times, predict the one between.

No velocities are known, so the model is a gradient flow; the middle is predicted from both sides. Settings are those of
embryoid_body. Cells proliferate, but with two fitted marginals none is left to tell growth from motion by, so that the
masses are conserved after all.
"""

from __future__ import annotations

from benchmarks.common import main
from benchmarks.embryoid_body import growing_cells
from wlmsim import datasets
from wlmsim.evaluation import Scores


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    fitted, held = datasets.mouse_hematopoiesis().hold_out([1])
    model = growing_cells(seed=seed, progress=progress).fit(fitted)
    return [("two-sided", model.evaluate(held, two_sided=True), model.seconds_)]


if __name__ == "__main__":
    main("hematopoiesis", __doc__, run)
