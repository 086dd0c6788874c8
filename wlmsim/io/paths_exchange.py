"""Tracks and trajectories as data frames and xarray datasets, with names, dates, longitudes and latitudes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.data.dates import has_dates
from wlmsim.data.projection import Projection
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.io.attributes import plain
from wlmsim.io.columns import axis_names
from wlmsim.io.drifters import ABOUT
from wlmsim.io.exchange import FrameColumns
from wlmsim.io.optional import package
from wlmsim.io.track_tables import tracks_from_columns

if TYPE_CHECKING:
    import pandas
    import xarray

Paths = Tracks | Trajectory


def path_columns(paths: Paths) -> dict[str, np.ndarray]:
    """One row for each sighting, one individual after the other.

    Returns
    -------
    dict
        ``"id"`` (N,), ``"time"`` (N,); ``"date"`` (N,) where there are dates; x, y, z, or x1, x2, ... (N,); where known
        vx, vy, vz; ``"weight"`` if not all are equal; ``"lon"`` and ``"lat"`` where a projection is known.
    """
    seen = paths.seen if isinstance(paths, Tracks) else np.ones(paths.positions.shape[:2], dtype=bool)
    owner, frame = np.nonzero(seen.T)
    ids = paths.ids or tuple(map(str, range(paths.n)))
    columns: dict[str, Any] = {"id": np.array(ids, dtype=object)[owner], "time": paths.times[frame]}
    if has_dates(paths):
        columns["date"] = paths.dates[frame]
    names = axis_names(paths.dim)
    columns |= dict(zip(names, paths.positions[frame, owner].T, strict=True))
    if paths.velocities is not None:
        columns |= {f"v{name}": v for name, v in zip(names, paths.velocities[frame, owner].T, strict=True)}
    if isinstance(paths, Trajectory) and not paths.uniform:
        columns["weight"] = np.broadcast_to(paths.weights, seen.shape)[frame, owner]
    if (plane := Projection.of(paths)) is not None:
        columns["lon"], columns["lat"] = plane.degrees(paths.positions[frame, owner][:, :2]).T
    return columns


def paths_to_dataframe(paths: Paths) -> pandas.DataFrame:
    """Return `path_columns` as a data frame, with the metadata and units as its ``attrs``."""
    frame = package("pandas", "pandas").DataFrame(path_columns(paths))
    frame.attrs = {name: plain(name, getattr(paths, name)) for name in ("metadata", "units")}
    return frame


def tracks_from_dataframe(frame: pandas.DataFrame, *, source: str = "the data frame", **columns: Any) -> Tracks:
    """Build tracks from a data frame with a row for each sighting; of `paths_to_dataframe` they are the same again."""
    return tracks_from_table(FrameColumns(frame), source=source, **columns)


def tracks_from_table(table: FrameColumns, *, source: str, **columns: Any) -> Tracks:
    """Build tracks from the columns of a data frame, which says its metadata and units itself."""
    about = {name: dict(table.attrs.get(name) or {}) for name in ("metadata", "units")}
    own = "projection" in about["metadata"] and {"id", "time", "x", "y"} <= set(table) and "positions" not in columns
    if own and not columns.keys() & {"crs", "projection"}:
        columns = {"id": "id", "time": "time", "positions": [n for n in ("x", "y", "z") if n in table], **columns}
    for name, values in about.items():
        columns[name] = {**values, **(columns.get(name) or {})}
    return tracks_from_columns(table, source, **columns)


def paths_to_xarray(paths: Paths) -> xarray.Dataset:
    """Return the paths as a contiguous ragged array of the CF conventions."""
    columns = path_columns(paths)
    length, time = paths.units.get("length"), paths.units.get("time")
    ids, counts = np.unique(columns.pop("id").astype(str), return_counts=True)
    order: dict[Any, int] = {name: k for k, name in enumerate(paths.ids or map(str, range(paths.n)))}
    rank = sorted(range(len(ids)), key=lambda k: order[ids[k]])
    plane = Projection.of(paths)
    about: dict[str, dict[str, Any]] = {name: {} for name in columns}
    for name, attributes in about.items():
        if name.startswith("v") and length and time:
            attributes["units"] = f"{length} {time}-1"
        elif name in axis_names(paths.dim) and length:
            attributes["units"] = length
    if plane is not None:
        for name, standard in (("x", "projection_x_coordinate"), ("y", "projection_y_coordinate")):
            about[name] |= {"standard_name": standard, "grid_mapping": "crs"}
        about["lon"] = {"standard_name": "longitude", "units": "degrees_east", "long_name": "longitude"}
        about["lat"] = {"standard_name": "latitude", "units": "degrees_north", "long_name": "latitude"}
    clock = columns.pop("time")
    dates = columns.pop("date", None)
    about["time"] |= {"standard_name": "time"} | ({} if dates is not None or not time else {"units": time})
    coordinates: dict[str, Any] = {
        "id": ("traj", ids[rank], {"cf_role": "trajectory_id"}),
        "time": ("obs", clock if dates is None else dates.astype("M8[ns]"), about["time"]),
    }
    for name in ("lon", "lat"):
        if name in columns:
            coordinates[name] = ("obs", columns.pop(name), about[name])
    data: dict[str, Any] = {
        "rowsize": ("traj", counts[rank].astype(np.int64), {"sample_dimension": "obs"}),
        **{name: ("obs", values, about[name]) for name, values in columns.items()},
    }
    if plane is not None:
        # of the trajectories, since clouddrift knows no variable without a dimension
        data["crs"] = ("traj", np.zeros(len(counts), dtype=np.int8), plane.convention())
    texts = {f"{ABOUT}_{name}": json.dumps(plain(name, getattr(paths, name))) for name in ("metadata", "units")}
    return package("xarray", "xarray").Dataset(
        data, coordinates, {"featureType": "trajectory", "Conventions": "CF-1.11", **texts}
    )
