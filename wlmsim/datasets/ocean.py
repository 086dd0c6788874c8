"""Drifting particles in the Gulf of Mexico."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.datasets.sources import arrays_of, provenance


def vortex_small(path: str | Path | None = None) -> SnapshotSeries:
    """Small Gulf-of-Mexico vortex: 111 drifting particles at 9 times, with their velocities.

    Particles carried by the currents of the HYCOM reanalysis. Times are 0.9 apart, the unit of time of the
    velocities (displacement regressed on velocity gives 0.93). The source keeps the order of the particles; nothing
    may make use of that.

    Source: the repository github.com/guanton/WLM of Guan, Atanackovic and Neklyudov (ICML 2026), at a fixed commit.

    Parameters
    ----------
    path : str or Path, optional
        A file of the same layout. Default: the published one, see `fetch`.

    Returns
    -------
    SnapshotSeries
        111 rows of dimension 2 at each of 9 times; lengths and times in the units of the file.
    """
    return _vortex("oceans_with_v0.npz", path, interval=0.9)


def vortex_big(path: str | Path | None = None) -> SnapshotSeries:
    """Big Gulf-of-Mexico vortex: 400 particles released in one spot, at 11 times, with their velocities.

    Particles carried by the currents of the HYCOM reanalysis. Times are 1 apart, about the unit of time of the
    velocities (regression gives 0.89 to 1.19, by interval). The source keeps the order of the particles; nothing
    may make use of that.

    Source: the repository github.com/guanton/WLM of Guan, Atanackovic and Neklyudov (ICML 2026), at a fixed commit.

    Parameters
    ----------
    path : str or Path, optional
        A file of the same layout. Default: the published one, see `fetch`.

    Returns
    -------
    SnapshotSeries
        400 rows of dimension 2 at each of 11 times; lengths and times in the units of the file.
    """
    return _vortex("big_oceans_forecast.npz", path, interval=1.0)


def _vortex(name: str, path: str | Path | None, interval: float) -> SnapshotSeries:
    arrays = arrays_of(name, path, {"positions": 3, "velocities": 3})
    times = interval * np.arange(len(arrays["positions"]))
    metadata = provenance(name, path)
    return SnapshotSeries(times, list(arrays["positions"]), list(arrays["velocities"]), metadata=metadata)
