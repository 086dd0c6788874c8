"""Small generated files with the layout of the published ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from wlmsim import _validation as check
from wlmsim.datasets.sources import Arrays
from wlmsim.io.atomic import atomic
from wlmsim.systems.plane_flow import rotated


def twin(name: str, folder: str | Path = ".", *, seed: int = 0) -> Path:
    """Write a small file with the layout of a published one, for tests and examples; its motion is made up.

    Parameters
    ----------
    name : str
        One of ``wlmsim.datasets.SOURCES``.
    folder : str or Path
        Where to write it, under that name. Default: here.
    seed : int
        Seed of everything random. Default 0.

    Returns
    -------
    Path
        The file, which the loader of that data set takes as `path`.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.datasets.embryoid_body(wls.datasets.twin("eb_velocity_v5.npz"), velocities=True)
    SnapshotSeries(times=5 in 0..4, n=30..50, dim=5, velocities at 5 of 5)
    """
    arrays = _MAKERS[check.choice("name", name, _MAKERS)](np.random.default_rng(seed))
    path = Path(folder) / name
    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return path


def _vortex(rng: np.random.Generator) -> Arrays:
    """Rigid rotation about the origin, one radian in five units of time."""
    start = rng.normal([0.5, 0.0], 0.1, (20, 2))
    positions = np.array([rotated(start, 0.2 * t) for t in range(6)])
    return {"positions": positions, "velocities": 0.2 * rotated(positions, np.pi / 2)}


def _fish(rng: np.random.Generator) -> Arrays:
    """A school that circles in a tank of 3000 pixels; a tenth of the detections is missing."""
    start = rng.normal([1000.0, 0.0], 150.0, (12, 2))
    positions = np.array([1600.0 + rotated(start, 0.02 * k) for k in range(40)])
    positions[rng.random(positions.shape[:2]) < 0.1] = np.nan
    return {"positions": positions}


def _sheep(rng: np.random.Generator) -> Arrays:
    """Two drives: the flock walks ahead of the dog, and the shepherd behind it."""
    arrays: Arrays = {"dt": np.array(0.1)}
    for drive, count in enumerate((30, 25)):
        heading = np.array([np.cos(drive), np.sin(drive)])
        start = np.concatenate([rng.normal(0.0, 1.5, (14, 2)), [-8.0 * heading, -12.0 * heading]])
        speeds = np.concatenate([rng.normal(1.0, 0.1, 14), [1.2, 1.0]])
        positions = start + 0.1 * np.arange(count)[:, None, None] * speeds[:, None] * heading
        velocities = np.diff(positions, axis=0, prepend=positions[:1] - 0.1 * speeds[:, None] * heading) / 0.1
        arrays[f"pos_{drive:02d}"] = positions.astype(np.float32)
        arrays[f"vel_{drive:02d}"] = velocities.astype(np.float32)
    arrays["event_start_end"] = np.array([[1, 1, 30], [1, 40, 64]], dtype=np.int32)
    return arrays


def _embryoid_body(components: int, velocities: bool) -> Callable[[np.random.Generator], Arrays]:
    def make(rng: np.random.Generator) -> Arrays:
        """A cloud that drifts along the first component and spreads along the second."""
        sizes = (30, 50, 40, 45, 35)
        spread = 5.0 * 0.7 ** np.arange(components)
        labels = np.repeat(np.arange(5, dtype=np.int8), sizes)
        drift = np.zeros(components)
        drift[0] = 2.0
        pcs = spread * rng.normal(size=(sum(sizes), components)) + labels[:, None] * drift
        arrays: Arrays = {"pcs": pcs.astype(np.float32), "sample_labels": labels}
        if velocities:
            arrays["pcs_delta"] = (drift + 0.1 * rng.normal(size=pcs.shape)).astype(np.float32)
        return arrays

    return make


def _mouse_hematopoiesis(rng: np.random.Generator) -> Arrays:
    """One kind of cells becomes two, and four times as many."""
    time = np.repeat([0.0, 1.0, 2.0], (20, 40, 80))
    side = rng.choice([-1.0, 1.0], len(time))
    centre = np.stack([0.6 * side * time / 2, 0.8 - time], axis=1)
    return {"time": time, "x": (centre + rng.normal(0.0, 0.15, centre.shape)).astype(np.float32)}


_MAKERS: dict[str, Callable[[np.random.Generator], Arrays]] = {
    "oceans_with_v0.npz": _vortex,
    "big_oceans_forecast.npz": _vortex,
    "fish_school.npz": _fish,
    "sheep_drives.npz": _sheep,
    "eb_pcs10.npz": _embryoid_body(10, velocities=False),
    "eb_velocity_v5.npz": _embryoid_body(100, velocities=True),
    "mouse_hematopoiesis.npz": _mouse_hematopoiesis,
}
