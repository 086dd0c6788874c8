"""Tracks as HDF5 files: a table of times and individuals, in which the unseen are NaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from wlmsim import _validation as check
from wlmsim.data.tracks import Tracks
from wlmsim.io import hdf5
from wlmsim.io.paths import local


def save_tracks(tracks: Tracks, path: str | Path) -> Path:
    """Write tracks as an HDF5 file, atomically.

    Parameters
    ----------
    tracks : Tracks
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
        If `tracks` are no tracks, or their metadata hold more than plain values.
    OSError
        If the file cannot be written; an older file of that name is then untouched.
    """
    check.instance("tracks", tracks, Tracks)
    with hdf5.writing(path, "tracks", tracks.metadata, tracks.units) as file:
        group = file.create_group("tracks")
        hdf5.store(group, "times", tracks.times, hdf5.unit_of(tracks.units, time=1))
        hdf5.store_names(group, "ids", tracks.ids)
        hdf5.store(group, "positions", tracks.positions, hdf5.unit_of(tracks.units, length=1))
        if tracks.velocities is not None:
            hdf5.store(group, "velocities", tracks.velocities, hdf5.unit_of(tracks.units, length=1, time=-1))
    return local(path)


def load_tracks(path: str | Path) -> Tracks:
    """Read tracks that `save_tracks` wrote, or a trajectory as tracks without gaps.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is truncated, damaged, foreign, of a newer schema, or holds snapshots.
    """
    from wlmsim.io import h5md

    with hdf5.reading(path) as file:
        kind = hdf5.schema(file)
        if kind == "snapshots":
            raise hdf5.Damage("it holds snapshots, which do not say who is who: read it with SnapshotSeries.load")
        if kind == "tracks":
            return read(file, None, None)
        path_of_all = h5md.read(file, None, None)
    return Tracks(
        path_of_all.times,
        path_of_all.positions,
        path_of_all.velocities,
        ids=path_of_all.ids,
        metadata=path_of_all.metadata,
        units=path_of_all.units,
    )


def read(file: h5py.File, start: Any, stop: Any) -> Tracks:
    """Read the tracks in a window of time from an open file."""
    times = hdf5.times_of(file, "tracks/times")
    about = hdf5.about(file)
    frames = hdf5.window(times, start, stop, about)
    position, velocity = _columns(file, len(times))
    ids = hdf5.names(file, "tracks/ids", position.shape[1])
    with hdf5.stored_values():
        velocities = None if velocity is None else velocity[frames]
        return Tracks(times[frames], position[frames], velocities, ids=ids, **about)


def outline(file: h5py.File) -> dict[str, Any]:
    """Say what an open file holds."""
    times = hdf5.times_of(file, "tracks/times")
    position, velocity = _columns(file, len(times))
    seen = (~np.isnan(position[:]).any(axis=2)).sum(axis=1)
    return {
        "times": {"count": len(times), "first": float(times[0]), "last": float(times[-1])},
        "sizes": {"min": int(seen.min()), "max": int(seen.max()), "total": int(seen.sum())},
        "individuals": position.shape[1],
        "dim": position.shape[2],
        "velocities": 0 if velocity is None else len(times),
        "weights": False,
        "populations": False,
    }


def _columns(file: h5py.File, count: int) -> tuple[h5py.Dataset, h5py.Dataset | None]:
    position = hdf5.complete(hdf5.column(file, "tracks/positions", (count, None, None)))
    if "velocities" not in file["tracks"]:
        return position, None
    velocity = hdf5.complete(hdf5.column(file, "tracks/velocities", position.shape))
    return position, velocity
