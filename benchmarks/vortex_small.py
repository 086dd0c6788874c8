"""Small Gulf-of-Mexico vortex: fit marginals 0, 2, 4, 6, 8 and predict 1, 3, 5, 7, forward and from both sides.

Forward, each prediction is rolled out from the fitted marginal before it, starting with its velocities; training uses
velocities at time 0 only, and the defaults of `WLM`. Two-sided, prediction and training use the velocities of all
fitted marginals. The hyperparameters were chosen on the first ten marginals of the big vortex and on fitted marginals
of this one left out in turn, with other seeds.
"""

from __future__ import annotations

from typing import Any

from benchmarks.common import main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores

HELD_OUT = (1, 3, 5, 7)


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    fitted, held = datasets.vortex_small().hold_out(HELD_OUT)
    common: dict[str, Any] = {"seed": seed, "progress": progress}
    launched = learn.WLM(**common).fit(fitted.without_velocities(except_at=[0]))
    tracked = learn.recipes.currents(**common).fit(fitted)
    return [
        ("forward", launched.evaluate(held, data=fitted), launched.seconds_),
        ("two-sided", tracked.evaluate(held, data=fitted, two_sided=True), tracked.seconds_),
    ]


if __name__ == "__main__":
    main("vortex_small", __doc__, run)
