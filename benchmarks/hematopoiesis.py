"""Blood development in the mouse: fit the first and the last of three times, predict the one between.

No velocities are known, so the model is a gradient flow; the middle is predicted from both sides. With two fitted
marginals none is left to tell growth from motion by, nor a force from straight lines: masses are conserved, and a
penalty keeps the force from bending the Schroedinger bridge. That was better on two-marginal tasks on planes through
the embryoid body; all else is as there.
"""

from __future__ import annotations

from benchmarks.common import main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores

STRAIGHT = 30.0
"""Weight of the force in the loss; in embryoid_body 0.3."""


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    fitted, held = datasets.mouse_hematopoiesis().hold_out([1])
    model = learn.recipes.cells(seed=seed, progress=progress, regularisation__force=STRAIGHT).fit(fitted)
    return [("two-sided", model.evaluate(held, two_sided=True), model.seconds_)]


if __name__ == "__main__":
    main("hematopoiesis", __doc__, run)
