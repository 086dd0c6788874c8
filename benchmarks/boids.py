"""A flock of 1000 boids: fit its first half, forecast the second from time 0 and from the last fitted marginal.

Identities are shuffled in every marginal, velocities are known. Nothing of the rules is told but that speeds are
constant, that birds move in steps of 0.5, and roughly how far they see and how fast they turn: learned are a potential
in space, a pair force and alignment. The hyperparameters were chosen on flocks of other seeds. In the rows of known
form the rules are told, and their four weights, two radii and boundary are fitted, from a start as wrong as in
`benchmarks.known_form`.
"""

from __future__ import annotations

import numpy as np

from benchmarks.common import main
from benchmarks.known_form import TRUTH, guess
from wlmsim import learn, systems
from wlmsim.evaluation import Scores, score_forecast

TIMES = np.arange(0, 50.5, 0.5)
REACH = 1.5
"""Distance beyond which birds do not feel each other; the rules end at 1, which is not told."""
TYPICAL_FORCE = 0.1
"""Order of a bird's turns: at speed 1, 0.1 radians in a unit of time."""


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    past, future = systems.Boids(n=1000, seed=seed).simulate(TIMES).snapshots(seed=seed).split(at=25.0)
    model = learn.recipes.flock(REACH, dt=0.5, typical_force=TYPICAL_FORCE, seed=seed, progress=progress).fit(past)
    rules = learn.fit_parameters(guess(seed), past, list(TRUTH), progress=progress)
    starts = {"time 0": past[0], "marginal 50": past[-1]}
    learned = [(f"forecast from {name}", model.evaluate(future, start=start)) for name, start in starts.items()]
    known = []
    for name, start in starts.items():
        forecast = rules.system_.simulate(future.times, start=start, dt=0.5)
        known.append((f"known form, from {name}", score_forecast(list(forecast), future, start, model="known form")))
    return [(*row, model.seconds_) for row in learned] + [(*row, rules.seconds) for row in known]


if __name__ == "__main__":
    main("boids", __doc__, run)
