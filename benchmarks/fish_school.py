"""A real school of fish: fit frames 0 to 199 and forecast 20 frames ahead from frames 200, 220, 240, 260 and 279.

The last is from 279, not 280, because the film ends with frame 299. Each forecast starts from the fish seen in its
frame, with velocities that are slopes over their last five sightings: of the fish's identities only the tracks up to
that frame are used, and the ballistic baseline has the same velocities. The mechanics is that of animals that move in a
group, a potential in space, a pair force, alignment with the mean of the neighbours and friction; it was chosen on
forecasts from frames 140 to 179 of fits to frames 0 to 139.
"""

from __future__ import annotations

from benchmarks.common import joined, main
from wlmsim import datasets, learn
from wlmsim.evaluation import Scores

FITTED, EVERY, AHEAD = 200, 5, 20
STARTS = (200, 220, 240, 260, 279)
WINDOW = 5
REACH = 400.0
"""Distance at which fish feel each other, about a sixth of the arena [pixels]."""


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    frames = datasets.fish_school(window=WINDOW)
    model = learn.recipes.school(REACH, AHEAD // EVERY, dt=EVERY / 2, seed=seed, progress=progress).fit(
        frames[EVERY - 1 : FITTED : EVERY]
    )
    scores = [model.evaluate(frames[[start + AHEAD]], start=frames[start]) for start in STARTS]
    return [(f"{AHEAD} frames ahead", joined(scores), model.seconds_)]


if __name__ == "__main__":
    main("fish_school", __doc__, run)
