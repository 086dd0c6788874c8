"""Small sound files of every kind that is read, and a digest of what each holds."""

from __future__ import annotations

import gzip
import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

import wlmsim as wls
from wlmsim import io


def snapshots() -> wls.SnapshotSeries:
    """Two populations with velocities, weights, metadata and units."""
    rng = np.random.default_rng(0)
    sizes = (7, 9, 8)
    return wls.SnapshotSeries(
        [0.0, 0.5, 1.25],
        [rng.normal(size=(n, 2)) for n in sizes],
        [rng.normal(size=(n, 2)) for n in sizes],
        [rng.uniform(0.5, 1.5, size=n) for n in sizes],
        populations=[np.arange(n) % 2 for n in sizes],
        metadata={"seed": 3, "place": "µ", "list": [1.5, None]},
        units={"length": "km", "time": "day"},
    )


def trajectory() -> wls.Trajectory:
    """Particles with velocities."""
    rng = np.random.default_rng(1)
    return wls.Trajectory([0.0, 0.5, 2.0], rng.normal(size=(3, 6, 2)), rng.normal(size=(3, 6, 2)), metadata={"seed": 3})


def tracks() -> wls.Tracks:
    """Individuals that are not always seen."""
    rng = np.random.default_rng(5)
    positions, velocities = rng.normal(size=(2, 4, 5, 2))
    positions[0, 1] = positions[2, 3] = np.nan
    return wls.Tracks([0.0, 1.0, 2.0, 3.5], positions, velocities, ids=["a", "b", "c", "d", "µ"])


def _parquet(path: Path) -> None:
    snapshots().to_dataframe().to_parquet(path)


def _xml(path: Path) -> None:
    spots = "".join(f'<detection t="{t}" x="{t + 0.5}" y="{1.25 * t}" z="0.0"/>' for t in range(4))
    path.write_text(f'<Tracks nTracks="2" frameInterval="0.5">{2 * f"<particle>{spots}</particle>"}</Tracks>')


def _foreign(path: Path) -> None:
    rng = np.random.default_rng(2)
    with h5py.File(path, "w") as file:
        file["run/x"] = rng.normal(size=(8, 2))
        file["run/when"] = np.repeat([0.0, 1.0], 4)
        file["run/kind"] = ["b", "a", "a", "b"] * 2
        file["run"].attrs["author"] = "nobody"


def _array(path: Path) -> None:
    np.save(path, np.random.default_rng(3).normal(size=(3, 5, 2)))


def _drifters(path: Path, engine: str) -> None:
    import xarray

    rng = np.random.default_rng(4)
    variables = {
        "row_size": ("traj", np.array([3, 3]), {"sample_dimension": "obs"}),
        "time": ("obs", np.tile([0.0, 1.0, 2.0], 2), {"units": "days since 2020-01-01"}),
        "lon": ("obs", rng.normal(size=6), {"units": "degrees_east"}),
        "lat": ("obs", rng.normal(size=6), {"units": "degrees_north"}),
    }
    xarray.Dataset(variables, attrs={"featureType": "trajectory"}).to_netcdf(path, engine=engine)


def _text(path: Path) -> None:
    io.save_text(snapshots(), path)


def _compressed(path: Path) -> None:
    text = io.save_text(snapshots(), path.with_suffix("")).read_bytes()
    path.write_bytes(gzip.compress(text, mtime=0))


def _fit() -> wls.learn.WLM:
    from tests.models import quick

    return quick(wls.learn.ExternalPotential(hidden=(4,)), steps=2).fit(trajectory().snapshots(seed=0))


def _model(path: Path) -> None:
    _fit().save(path)


def _checkpoint(path: Path) -> None:
    from wlmsim.learn import files

    state = {"x": np.arange(12.0), "step": 3, "rng": np.random.default_rng(0).bit_generator.state}
    files.write(path, "wlmsim-checkpoint", {"fingerprint": {"data": "a"}, "stages": {"fitting": state}})


def _load(path: Path) -> Any:
    return wls.SnapshotSeries.load(path)


def _load_foreign(path: Path) -> Any:
    return wls.SnapshotSeries.load(path, time="run/when", positions="run/x", populations="run/kind")


def _load_model(path: Path) -> Any:
    return wls.learn.WLM.load(path)


def _load_checkpoint(path: Path) -> Any:
    from wlmsim.learn import files

    return files.read(path, "wlmsim-checkpoint")


KINDS: dict[str, tuple[str, Callable[[Path], Any], Callable[[Path], Any]]] = {
    "series": ("a.h5", lambda path: snapshots().save(path), _load),
    "trajectory": ("b.h5", lambda path: trajectory().save(path), wls.Trajectory.load),
    "tracks": ("b2.h5", lambda path: tracks().save(path), wls.Tracks.load),
    "H5MD": ("b.h5md", lambda path: io.save_h5md(trajectory(), path), wls.Trajectory.load),
    "model": ("c.model", _model, _load_model),
    "checkpoint": ("c.checkpoint", _checkpoint, _load_checkpoint),
    "foreign HDF5": ("d.hdf5", _foreign, _load_foreign),
    "NetCDF": ("e.nc", lambda path: io.export(snapshots(), path), _load),
    "NetCDF, drifters": ("f.nc", lambda path: _drifters(path, "h5netcdf"), _load),
    "NetCDF 3, drifters": ("g.nc", lambda path: _drifters(path, "scipy"), _load),
    "h5ad": ("h.h5ad", lambda path: io.export(snapshots(), path), _load),
    "npz": ("i.npz", lambda path: io.save_archive(snapshots(), path), _load),
    "npy": ("j.npy", _array, _load),
    "Parquet": ("j.parquet", _parquet, _load),
    "TrackMate": ("j.xml", _xml, wls.Tracks.load),
    "csv": ("k.csv", _text, _load),
    "csv.gz": ("l.csv.gz", _compressed, _load),
}
"""Name, writer and reader of each kind."""


def write(folder: Path) -> dict[str, Path]:
    """Write a file of every kind."""
    paths = {}
    for kind, (name, writer, _) in KINDS.items():
        path = folder / name
        with warnings.catch_warnings(action="ignore"):
            writer(path)
        paths[kind] = path
    return paths


def digest_of(value: Any) -> str:
    """Digest of the numbers that something loaded holds; names and metadata are left out."""
    total = hashlib.sha256()
    for array in _numbers(value):
        array = np.ascontiguousarray(array)
        total.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return total.hexdigest()


def _numbers(value: Any) -> Any:
    if isinstance(value, wls.SnapshotSeries):
        labels = value.labels or ()
        yield from (value.times, *value.positions, *(v for v in value.velocities if v is not None))
        yield from (*value.weights, *labels)
    elif isinstance(value, (wls.Trajectory, wls.Tracks)):
        yield from (value.times, value.positions, np.array(value.ids or (), dtype=str).view(np.uint32))
        if isinstance(value, wls.Trajectory):
            yield value.weights
        if value.velocities is not None:
            yield value.velocities
    elif isinstance(value, dict):
        yield np.frombuffer(repr(value).encode(), np.uint8)
    else:
        cloud = trajectory()[0]
        yield from (p.detach().numpy() for member in value._fitted_members for p in member.parameters())
        yield np.asarray(value.losses_)
        yield np.asarray(cloud.positions)
