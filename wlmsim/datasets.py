"""Real data sets: looked for in the folder ``WLMSIM_DATA`` first, then in the cache, then downloaded and checked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import FileFormatError
from wlmsim.snapshots import SnapshotSeries


class Source(NamedTuple):
    """A file's name, public address and SHA-256."""

    name: str
    address: str
    sha256: str


_VORTICES = "https://raw.githubusercontent.com/guanton/WLM/6cd32992b67dc2b147426d4b2caccb572da34d6e/datasets/"

SOURCES = {
    source.name: source
    for source in (
        Source(
            "oceans_with_v0.npz",
            _VORTICES + "oceans_with_v0.npz",
            "30168f54f8eb2ea59f23f28adf01e71917491dceffd61106801a493a2c23e0ce",
        ),
        Source(
            "big_oceans_forecast.npz",
            _VORTICES + "big_oceans_forecast.npz",
            "70d76e62cc2b32bdd4d8a4f78f7f8400aec60443d05fabd915f02626685bdac3",
        ),
    )
}


def fetch(name: str) -> Path:
    """Find a data file, downloading it once if need be.

    Parameters
    ----------
    name : str
        One of ``wlmsim.datasets.SOURCES``.

    Returns
    -------
    Path
        The file, its SHA-256 checked.

    Raises
    ------
    ParameterError
        If there is no file of that name.
    FileFormatError
        If the file found in ``WLMSIM_DATA`` is not the published one, or if it can be had from nowhere.
    """
    source = SOURCES[check.choice("name", name, SOURCES)]
    if folder := os.environ.get("WLMSIM_DATA"):
        path = Path(folder) / name
        if path.is_file():
            if hashlib.sha256(path.read_bytes()).hexdigest() != source.sha256:
                raise FileFormatError(f"{path}: its SHA-256 is not that of the published file")
            return path
    import pooch

    try:
        return Path(pooch.retrieve(source.address, f"sha256:{source.sha256}", name, pooch.os_cache("wlmsim")))
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{name}: not in WLMSIM_DATA ({folder or 'not set'}) and not to be downloaded from {source.address} "
            f"({type(error).__name__})"
        ) from error


def vortex_small() -> SnapshotSeries:
    """Small Gulf-of-Mexico vortex: 111 drifting particles at 9 times, with their velocities (HYCOM reanalysis).

    Times are 0.9 apart, the unit of time of the velocities. The source keeps the order of the particles; nothing
    may make use of that.

    Returns
    -------
    SnapshotSeries
        111 rows of dimension 2 at each of 9 times.
    """
    return _vortex("oceans_with_v0.npz", interval=0.9)


def vortex_big() -> SnapshotSeries:
    """Big Gulf-of-Mexico vortex: 400 particles released in one spot, at 11 times, with their velocities.

    Times are 1 apart, about the unit of time of the velocities. The source keeps the order of the particles;
    nothing may make use of that.

    Returns
    -------
    SnapshotSeries
        400 rows of dimension 2 at each of 11 times.
    """
    return _vortex("big_oceans_forecast.npz", interval=1.0)


def _vortex(name: str, interval: float) -> SnapshotSeries:
    with np.load(fetch(name)) as arrays:
        positions, velocities = arrays["positions"], arrays["velocities"]
    times = interval * np.arange(len(positions))
    return SnapshotSeries(times, list(positions), list(velocities), metadata={"source": SOURCES[name].address})
