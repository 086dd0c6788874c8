"""Animals that were followed one by one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.datasets.sources import arrays_of, fetch, provenance
from wlmsim.errors import FileFormatError
from wlmsim.io import tables

SHEEP, DOG, SHEPHERD = slice(0, 14), 14, 15


def fish_school(
    path: str | Path | None = None, *, window: int = 3, degree: int = 1, causal: bool = True
) -> SnapshotSeries:
    """A school of 100 juvenile zebrafish, filmed from above in 300 frames; velocities are estimated.

    5.8% of the detections are missing (never more than 14 fish in a frame) and are left out of the clouds. The
    identities serve to estimate the velocities and are then forgotten; `fish_school_tracks` keeps them.

    Source: the array ``data/test_trajectories.npy`` of the package trajectorytools 0.4.2 (licence GPL-3.0). It is
    taken from an installed copy of that package, which is found without being imported.

    Parameters
    ----------
    path : str or Path, optional
        A file with the array ``positions`` (T, n, 2), NaN where a fish is not seen. Default: see `fetch`.
    window, degree, causal
        How velocities are estimated, see `Tracks.with_velocities`. Default: the slope over the last three
        sightings, which looks at no later one; 8 to 12 predict 20 frames ahead better.

    Returns
    -------
    SnapshotSeries
        86 to 100 rows of dimension 2 at each of 300 times; lengths in pixels, times in frames. At time 0 no velocities
        are known if they are causal.

    Raises
    ------
    FileFormatError
        If the file is not to be had, or has not that array.
    """
    return fish_school_tracks(path).with_velocities(window, degree=degree, causal=causal).snapshots()


def fish_school_tracks(path: str | Path | None = None) -> Tracks:
    """The school of `fish_school` with the identities of the fish.

    Returns
    -------
    Tracks
        100 fish at 300 times, without velocities; lengths in pixels, times in frames.
    """
    name = "fish_school.npz"
    positions = arrays_of(name, path, {"positions": 3})["positions"]
    units = {"length": "px", "time": "frame"}
    return Tracks(np.arange(float(len(positions))), positions, metadata=provenance(name, path), units=units)


class SheepDrive(NamedTuple):
    """One drive of a flock: the sheep, and those who drive them.

    Attributes
    ----------
    sheep : SnapshotSeries
        The flock, 14 rows of dimension 2 at each time, with velocities.
    dog, shepherd : Trajectory
        The path of the dog and of the shepherd at the same times, one particle each: given, not to be predicted.
    tracks : Tracks
        The flock with the identities of the sheep.
    """

    sheep: SnapshotSeries
    dog: Trajectory
    shepherd: Trajectory
    tracks: Tracks


def sheep_drives(
    path: str | Path | None = None, *, window: int | None = None, degree: int = 1, causal: bool = True
) -> list[SheepDrive]:
    """Real flocks: 14 sheep herded by a dog and a shepherd, 29 drives at 10 Hz.

    The published velocities are backward differences, (x(t) - x(t - dt)) / dt, which a forecast may know; those at
    time 0 come from the frame before the drive.

    Source: main_text/drives_data.mat of github.com/tee-lab/collective-responses-of-flocking-sheep-to-herding-dog
    (licence GPL-3.0), from Jadhav et al., Communications Biology (2024).

    Parameters
    ----------
    path : str or Path, optional
        A file with the arrays ``pos_00``, ``vel_00``, ``pos_01``, ... (T, 16, 2), whose last two agents are the dog
        and the shepherd, and ``dt``. Default: see `fetch`.
    window : int, optional
        Estimate the velocities of the sheep from so many frames, see `Tracks.with_velocities`; if `causal`, none are
        then known at time 0. Default: as published.
    degree, causal
        Of that estimate.

    Returns
    -------
    list of SheepDrive
        29 drives of 51 to 1111 frames; lengths in metres, times in seconds from the start of the drive.

    Raises
    ------
    FileFormatError
        If the file is not to be had, or has not those arrays.
    """
    name = "sheep_drives.npz"
    found = Path(path) if path is not None else fetch(name)
    with tables.archive_columns(found) as archive:
        numbers = sorted(key[4:] for key in archive if re.fullmatch(r"pos_\d+", key))
    if not numbers:
        raise FileFormatError(f"{found}: it has no array 'pos_00'")
    wanted = dict.fromkeys([f"{kind}_{number}" for number in numbers for kind in ("pos", "vel")], 3)
    arrays = arrays_of(name, found, {"dt": 0, **wanted})
    drives = []
    for number in numbers:
        x, v = arrays[f"pos_{number}"], arrays[f"vel_{number}"]
        times = np.array([float(f"{k * arrays['dt']:.12g}") for k in range(len(x))])  # 3 * 0.1 is to be 0.3
        about: dict[str, Any] = {
            "metadata": {**provenance(name, path), "drive": int(number)},
            "units": {"length": "m", "time": "s"},
        }
        tracks = Tracks(times, x[:, SHEEP], v[:, SHEEP], **about)
        if window is not None:
            tracks = tracks.with_velocities(window, degree=degree, causal=causal)
        dog, shepherd = (Trajectory(times, x[:, [agent]], v[:, [agent]], **about) for agent in (DOG, SHEPHERD))
        drives.append(SheepDrive(tracks.snapshots(), dog, shepherd, tracks))
    return drives
