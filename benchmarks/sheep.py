"""Sheep driven by a dog and a shepherd: fit the first 60% of each drive, forecast 2 s and 5 s from the end of it.

One law is fitted to all 29 drives, each a population of its own; the forecasts are of those with at least 5 s after
their first 60%. The paths of the dog and of the shepherd are given, during the forecast too; the velocities of the
sheep at its start are the published backward differences. Terms, reach and training were chosen on forecasts between
40% and 60% of the drives by fits to their first 40%.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.common import joined, main
from wlmsim import Population, SnapshotSeries, Trajectory, datasets, learn
from wlmsim.datasets.animals import SheepDrive
from wlmsim.evaluation import Scores

FITTED = 0.6
EVERY = 5
AHEAD = {"2 s ahead": 20, "5 s ahead": 50}
"""Frames, ten a second."""
TYPICAL_FORCE = 0.5
"""A sheep comes to its walking speed of 1 to 2 m/s within a few seconds [m / s^2]."""


def run(seed: int, progress: bool) -> list[tuple[str, Scores, float]]:
    drives = Drives(datasets.sheep_drives())
    model = herd(drives, seed=seed, progress=progress).fit(drives.until(FITTED))
    rows = []
    for name, ahead in AHEAD.items():
        pairs = [drives.pair(k, drives.last(k, FITTED), ahead) for k in drives.long_enough(max(AHEAD.values()))]
        scores = [model.evaluate(observed, start=start) for start, observed in pairs]
        rows.append((name, joined(scores), model.seconds_))
    return rows


def herd(drives: Drives, **how: Any) -> learn.WLM:
    """The mechanics of a driven flock, and how it is learned; lengths in metres, times in seconds."""
    agents = [drives.path("dog"), drives.path("shepherd")]
    scales = {"agent_cutoff": 10.0, "cutoff": 6.0, "typical_force": TYPICAL_FORCE, "dt": 0.5}
    return learn.recipes.herd(agents, **scales, **how)


class Drives:
    """All drives one after the other in time, so that each agent has one path; a population is one drive."""

    def __init__(self, drives: list[SheepDrive]):
        self.drives = drives
        lengths = [drive.sheep.times[-1] + 1.0 for drive in drives]
        self.offsets = np.cumsum([0.0, *lengths[:-1]])

    def path(self, agent: str) -> Trajectory:
        """The path of the dog or of the shepherd through all drives."""
        paths = [getattr(drive, agent) for drive in self.drives]
        times = [path.times + offset for path, offset in zip(paths, self.offsets, strict=True)]
        return Trajectory(np.concatenate(times), np.concatenate([path.positions for path in paths]))

    def last(self, k: int, share: float) -> int:
        """Index of the last frame of the first part of a drive."""
        return int(share * len(self.drives[k].sheep)) - 1

    def long_enough(self, ahead: int) -> list[int]:
        """The drives that go on for so many frames after the fitted part."""
        return [k for k, drive in enumerate(self.drives) if self.last(k, FITTED) + ahead < len(drive.sheep)]

    def until(self, share: float) -> SnapshotSeries:
        """The first part of every drive, every fifth frame counted back from the last."""
        frames, labels = [], []
        for k in range(len(self.drives)):
            last = self.last(k, share)
            for frame in range(last % EVERY, last + 1, EVERY):
                frames.append(self.frame(k, frame))
                labels.append(np.full(len(frames[-1]), k))
        return SnapshotSeries(
            [cloud.time for cloud in frames],
            [cloud.positions for cloud in frames],
            [cloud.velocities for cloud in frames],
            populations=labels,
        )

    def frame(self, k: int, frame: int) -> Population:
        """One frame of a drive, at its time in the row of all drives."""
        cloud = self.drives[k].sheep[frame]
        return Population(cloud.positions, cloud.velocities, cloud.weights, cloud.time + self.offsets[k])

    def pair(self, k: int, start: int, ahead: int) -> tuple[SnapshotSeries, SnapshotSeries]:
        """A frame of a drive to start from, and the one to be forecast."""
        later = self.frame(k, start + ahead)
        labels = [np.full(len(later), k)]
        observed = SnapshotSeries([later.time], [later.positions], populations=labels, units={"length": "m"})
        now = self.frame(k, start)
        return SnapshotSeries([now.time], [now.positions], [now.velocities], populations=labels), observed


if __name__ == "__main__":
    main("sheep", __doc__, run)
