"""Snapshot series as HDF5 files: the clouds one after another, and where each of them begins."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.io import h5md, hdf5, tracks_file
from wlmsim.io.paths import local


def save_snapshots(series: SnapshotSeries, path: str | Path) -> Path:
    """Write a snapshot series as an HDF5 file, atomically.

    Parameters
    ----------
    series : SnapshotSeries
        What to write.
    path : str or Path
        The file; an existing one is replaced once the new one is complete.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    ParameterError
        If `series` is not a snapshot series, or its metadata hold more than plain values.
    OSError
        If the file cannot be written; an older file of that name is then untouched.
    """
    check.instance("series", series, SnapshotSeries)
    with hdf5.writing(path, "snapshots", series.metadata, series.units) as file:
        group = file.create_group("snapshots")
        hdf5.store(group, "times", series.times, hdf5.unit_of(series.units, time=1))
        hdf5.store(group, "offsets", np.cumsum((0, *series.sizes)))
        hdf5.store_in_parts(group, "positions", series.positions, hdf5.unit_of(series.units, length=1))
        per_time = hdf5.unit_of(series.units, time=-1)
        _write_known(group, "velocities", series.velocities, series, hdf5.unit_of(series.units, length=1, time=-1))
        _write_known(group, "growth", series.growth, series, per_time)
        if not all(np.array_equal(w, check.weights("weights", None, len(w))) for w in series.weights):
            hdf5.store_in_parts(group, "weights", series.weights)
        if series.labels is not None:
            hdf5.store(group, "populations", np.concatenate(series.labels))
    return local(path)


def load_snapshots(path: str | Path, *, start: Any = None, stop: Any = None) -> SnapshotSeries:
    """Read a snapshot series, or a trajectory or tracks whose identities are then forgotten.

    Parameters
    ----------
    path : str or Path
        A file written by `save_snapshots` or `save_trajectory`.
    start, stop : float or date, optional
        Read only the clouds with start <= time <= stop [time]; the others stay on the disk.

    Returns
    -------
    SnapshotSeries

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is truncated, damaged, foreign, or of a newer schema.
    ParameterError
        If no time falls between `start` and `stop`.
    """
    with hdf5.reading(path) as file:
        if hdf5.schema(file) == "trajectory":
            return forget(h5md.read(file, start, stop))
        if hdf5.schema(file) == "tracks":
            return tracks_file.read(file, start, stop).snapshots()
        return _read(file, start, stop)


def outline(file: h5py.File) -> dict[str, Any]:
    """Say what an open file holds, without reading its particles."""
    times = hdf5.times_of(file, "snapshots/times")
    offsets = _offsets(file, len(times))
    columns = _columns(file, offsets)
    sizes = np.diff(offsets)
    known = _known(file, "velocities", len(times)) if "velocities" in columns else np.zeros(len(times), dtype=bool)
    return {
        "times": {"count": len(times), "first": float(times[0]), "last": float(times[-1])},
        "sizes": {"min": int(sizes.min()), "max": int(sizes.max()), "total": int(sizes.sum())},
        "dim": columns["positions"].shape[1],
        "velocities": int(known.sum()),
        "weights": "weights" in columns,
        "populations": "populations" in columns,
        **({"growth": int(_known(file, "growth", len(times)).sum())} if "growth" in columns else {}),
    }


def _write_known(
    group: h5py.Group, name: str, columns: Sequence[np.ndarray | None], series: SnapshotSeries, unit: str | None
) -> None:
    """A column that is known at some times, with NaN at the others; nothing if it is known at none."""
    known = [column is not None for column in columns]
    if any(known):
        shape = next(column.shape[1:] for column in columns if column is not None)
        rows = [np.full((n, *shape), np.nan) if c is None else c for c, n in zip(columns, series.sizes, strict=True)]
        hdf5.store_in_parts(group, name, rows, unit)
        hdf5.store(group, f"{name}_known", np.array(known))


def _read(file: h5py.File, start: Any, stop: Any) -> SnapshotSeries:
    times = hdf5.times_of(file, "snapshots/times")
    about = hdf5.about(file)
    chosen = hdf5.window(times, start, stop, about)
    offsets = _offsets(file, len(times))
    columns = _columns(file, offsets)
    bounds = offsets[chosen.start : chosen.stop + 1]
    clouds: dict[str, Any] = {name: _Clouds(name, dataset, bounds) for name, dataset in columns.items()}
    for name in {"velocities", "growth"} & clouds.keys():
        clouds[name].known = _known(file, name, len(times))[chosen]
    with hdf5.stored_values():
        return SnapshotSeries(times[chosen], **clouds, **about)


class _Clouds:
    """The clouds of a column, each of which is read when it is asked for, and not kept here."""

    fresh = True

    def __init__(self, name: str, dataset: h5py.Dataset, bounds: np.ndarray):
        self._name, self._dataset, self._bounds = name, dataset, bounds
        self.known: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, k: int) -> np.ndarray | None:
        if self.known is not None and not self.known[k]:
            return None
        values = self._dataset[self._bounds[k] : self._bounds[k + 1]]
        # NaN is refused, which the series would take for missing data and drop: files never hold any
        return values if self._name == "populations" else check.finite(f"{self._name}[{k}]", values)


def _offsets(file: h5py.File, count: int) -> np.ndarray:
    offsets = hdf5.column(file, "snapshots/offsets", (count + 1,), "iu")[:].astype(np.int64)
    if offsets[0] != 0 or (np.diff(offsets) <= 0).any():
        raise hdf5.Damage("it is damaged: the dataset /snapshots/offsets must increase from 0")
    return offsets


def _columns(file: h5py.File, offsets: np.ndarray) -> dict[str, h5py.Dataset]:
    rows = int(offsets[-1])
    positions = hdf5.column(file, "snapshots/positions", (rows, None))
    columns = {"positions": positions}
    for name, shape, kind in (
        ("velocities", positions.shape, "f"),
        ("weights", (rows,), "f"),
        ("populations", (rows,), "iu"),
        ("growth", (rows,), "f"),
    ):
        if name in file["snapshots"]:
            columns[name] = hdf5.column(file, f"snapshots/{name}", shape, kind)
    return columns


def _known(file: h5py.File, name: str, count: int) -> np.ndarray:
    return hdf5.column(file, f"snapshots/{name}_known", (count,), "b")[:]


def forget(trajectory: Trajectory) -> SnapshotSeries:
    """Return the frames of a trajectory as clouds without identities."""
    return SnapshotSeries(
        trajectory.times,
        list(trajectory.positions),
        None if trajectory.velocities is None else list(trajectory.velocities),
        None if trajectory.uniform else [frame.weights for frame in trajectory],
        metadata=trajectory.metadata,
        units=trajectory.units,
    )
