"""Big Gulf-of-Mexico vortex: fit marginals 0 to 9 and forecast marginal 10, from t_0 and from marginal 9.

The two are different tasks. Training uses the velocities of all fitted marginals for the forecast from marginal 9
(multiple shooting), and those at time 0 only for the forecast from t_0 (anchored).
"""

from __future__ import annotations

from benchmarks.common import main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores

FITTED_UNTIL = 9.0


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    fitted, held = datasets.vortex_big().split(at=FITTED_UNTIL)
    rows = []
    for name, training, start in (
        ("from t_0", "anchored", fitted[0]),
        ("from marginal 9", "multiple-shooting", fitted[-1]),
    ):
        model = learn.WLM(training=training, seed=seed, progress=progress).fit(fitted)
        rows.append((name, model.evaluate(held, start=start), model.seconds_))
    return rows


if __name__ == "__main__":
    main("vortex_big", __doc__, run)
