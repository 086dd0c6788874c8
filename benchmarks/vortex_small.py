"""Small Gulf-of-Mexico vortex: fit marginals 0, 2, 4, 6, 8 and predict 1, 3, 5, 7, forward and from both sides.

Forward, each prediction is rolled out from the fitted marginal before it, starting with its velocities. Two-sided, it
uses the fitted marginals before and after with their velocities. Training uses velocities at time 0 only. The
hyperparameters were chosen on the first ten marginals of the big vortex and on fitted marginals of this one left out in
turn, with other seeds.
"""

from __future__ import annotations

from benchmarks.common import main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores

HELD_OUT = (1, 3, 5, 7)


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    fitted, held = datasets.vortex_small().hold_out(HELD_OUT)
    model = learn.WLM(seed=seed, progress=progress)
    model.fit(fitted.without_velocities(except_at=[0]))
    return [
        (name, model.evaluate(held, data=fitted, two_sided=name == "two-sided"), model.seconds_)
        for name in ("forward", "two-sided")
    ]


if __name__ == "__main__":
    main("vortex_small", __doc__, run)
