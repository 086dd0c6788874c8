"""The clouds of a film, frame by frame: thinned, and interpolated in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory

MOST_POINTS = 200_000
"""More points than this in one frame are thinned."""


@dataclass(frozen=True)
class Frames:
    """Clouds at the times of the frames."""

    times: np.ndarray
    positions: Sequence[np.ndarray]
    velocities: Sequence[np.ndarray | None]
    weights: Sequence[np.ndarray]
    tracked: bool
    """Whether row i is the same particle in every frame."""
    recorded: np.ndarray
    """For each frame, the recorded cloud at its time or just before it."""
    rows: Sequence[np.ndarray | None]
    """For each recorded cloud, the rows that were kept; None keeps all."""
    sides: np.ndarray | None = None
    """Sides of the periodic box that positions were wrapped into, shape (d,); None of none."""

    def __len__(self) -> int:
        return len(self.times)

    def population(self, k: int) -> Population:
        """The cloud of frame k."""
        return Population(self.positions[k], self.velocities[k], self.weights[k], float(self.times[k]))

    def spread(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Values of every row of the recorded clouds, as values of the points of the frames."""
        kept = [v if rows is None else v[rows] for v, rows in zip(values, self.rows, strict=True)]
        return [kept[k] for k in self.recorded]


def frames(series: Trajectory | SnapshotSeries, smooth: int = 0) -> Frames:
    """The clouds of a trajectory or of snapshots, with `smooth` frames between two recorded times."""
    if isinstance(series, SnapshotSeries):
        rows = _thin(series.sizes)
        return Frames(
            series.times,
            _kept(series.positions, rows),
            _kept(series.velocities, rows),
            _kept(series.weights, rows),
            tracked=False,
            recorded=np.arange(len(series)),
            rows=rows,
        )
    rows = _thin([series.n])
    times, recorded = series.times, np.arange(len(series))
    x, v, w = series.positions, series.velocities, series.weights
    if (keep := rows[0]) is not None:
        x, v, w = x[:, keep], None if v is None else v[:, keep], w[..., keep]
    box = series.metadata.get("wrapped")
    sides = None if box is None else np.asarray(box["box"])
    if smooth and len(series) > 1:
        recorded = np.append(np.repeat(recorded[:-1], smooth + 1), recorded[-1])
        times, x, v = interpolate(times, x if sides is None else unwrapped(x, sides), v, smooth)
        x = x if box is None else box["origin"] + (x - box["origin"]) % sides
    velocities = [None] * len(times) if v is None else list(v)
    weights = [w if w.ndim == 1 else w[k] for k in recorded]
    return Frames(times, list(x), velocities, weights, True, recorded, [keep] * len(series), sides)


def unwrapped(x: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Positions from the first on without jumps of a whole side, shape (T, ..., d)."""
    steps = np.diff(x, axis=0)
    steps -= np.where(np.isfinite(sides), sides, 0.0) * np.round(steps / sides)
    return np.concatenate([x[:1], x[:1] + np.cumsum(steps, axis=0)])


def _kept(columns: Sequence[Any], rows: Sequence[np.ndarray | None]) -> list[Any]:
    return [c if c is None or k is None else c[k] for c, k in zip(columns, rows, strict=True)]


def _thin(sizes: Sequence[int]) -> list[np.ndarray | None]:
    """Rows to keep of clouds of these sizes, chosen at random; None keeps all."""
    rng = np.random.default_rng(0)
    return [None if n <= MOST_POINTS else np.sort(rng.choice(n, MOST_POINTS, replace=False)) for n in sizes]


def interpolate(
    times: np.ndarray, x: np.ndarray, v: np.ndarray | None, between: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Insert `between` frames into every interval: cubic Hermite where velocities are known, straight lines else."""
    steps = np.arange(between + 1) / (between + 1)
    s = steps[None, :, None, None]
    h = np.diff(times)[:, None, None, None]
    x0, x1 = x[:-1, None], x[1:, None]
    new_v = None
    if v is None:
        new_x = x0 + s * (x1 - x0)
    else:
        v0, v1 = v[:-1, None], v[1:, None]
        new_x = (
            (1 + 2 * s) * (1 - s) ** 2 * x0
            + s * (1 - s) ** 2 * h * v0
            + s**2 * (3 - 2 * s) * x1
            + s**2 * (s - 1) * h * v1
        )
        slope = 6 * s * (1 - s) * (x1 - x0) / h + (1 - s) * (1 - 3 * s) * v0 + s * (3 * s - 2) * v1
        new_v = np.concatenate([slope.reshape(-1, *v.shape[1:]), v[-1:]])
    new_times = (times[:-1, None] + steps * np.diff(times)[:, None]).ravel()
    return np.append(new_times, times[-1]), np.concatenate([new_x.reshape(-1, *x.shape[1:]), x[-1:]]), new_v
