"""Drifting buoys, floats, model particles and animals from NetCDF and zarr of the CF conventions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import SECONDS, counted, from_text, ticks_of, unit_of_time
from wlmsim.data.projection import Projection, plane_of
from wlmsim.data.tracks import Tracks
from wlmsim.data.units import DEGREE, METRES, stated, unit_of_length
from wlmsim.errors import DataWarning, FileFormatError, ParameterError
from wlmsim.io import hdf5
from wlmsim.io.optional import package
from wlmsim.io.paths import existing
from wlmsim.io.refusal import naming, one_line
from wlmsim.io.sightings import EASTWARD, HEIGHTS, Sightings, length_wanted, pace_in, warn_of_height
from wlmsim.io.signatures import HDF5, signature
from wlmsim.io.suffixes import ZARR

if TYPE_CHECKING:
    import xarray

ABOUT = "wlmsim"
"""What begins the attributes by which datasets of wlmsim tell metadata and units."""
COUNTS = ("rowsize", "row_size")
"""Names of counts of observations that do not say by an attribute that they are such."""
LONGITUDE, LATITUDE = ("longitude", "lon", "long"), ("latitude", "lat")
"""Names of coordinates that are in degrees if they do not say what they are in."""
INSTANCES = ("traj", "trajectory", "drifter", "id", "buoy", "float", "particle", "individual", "platform", "instance")
"""Names, or beginnings of names, of the dimension of drifters in a full array."""


def load_drifters(
    source: str | Path | xarray.Dataset,
    *,
    every: Any = None,
    times: Any = None,
    method: str = "linear",
    max_gap: Any = None,
    positions: Sequence[str] | None = None,
    velocities: Sequence[str] | bool | None = None,
    crs: str | None = None,
    projection: str | None = None,
    origin: Sequence[float] | None = None,
    position_unit: str | None = None,
    keypoint: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
) -> Tracks:
    """Read drifters from NetCDF, zarr or a dataset in the discrete sampling geometry "trajectory" of CF.

    All three layouts of the convention are understood: contiguous ragged array (a count with the attribute
    ``sample_dimension``, or called rowsize, as the Global Drifter Program's products and clouddrift have), indexed
    ragged array (an index with the attribute ``instance_dimension``), and a full array of drifters and observations (as
    Parcels and OpenDrift write). Datasets of ``movement`` are read too.

    Longitudes and latitudes become kilometres in a plane, by default the azimuthal equidistant one around their middle:
    distances from there are right, others to 0.5% within 1000 km. Eastward and northward velocities are turned with it.
    Coordinates that are lengths become kilometres from the origin. Dates and durations become days, dates since the
    first; times that are numbers keep the unit that they say they are in, such as seconds, and velocities are in the
    same.

    Parameters
    ----------
    source : str, Path or xarray.Dataset
        The file, the folder of a zarr store, or the dataset.
    every, times, method, max_gap
        Interpolate to common times, see `Tracks.resample`. Default: the times that were observed.
    positions : sequence of str, optional
        Names of the two coordinates, and of a third, such as a depth, in the unit of length that it says, or else in
        metres. Default: those with the standard names or the units of longitude and latitude, or called lon and lat.
    velocities : sequence of str or bool, optional
        Names of the eastward and the northward velocity; False leaves them out. Default: those with a standard
        name such as ``eastward_sea_water_velocity``, or called ve and vn, if there.
    crs : str, optional
        What the positions are in, as PROJ has it. Default: longitudes and latitudes of WGS 84, if they are degrees.
    projection : str, optional
        The plane to project to: ``"utm"`` for the zone of the middle, or as PROJ has it. Default: see above.
    origin : sequence of float, optional
        Longitude and latitude of the middle of the plane [degree], or two coordinates where these are lengths. Default:
        the middle of the data.
    position_unit : str, optional
        What the positions are in: ``"degree"``, ``"m"``, ``"km"``. Default: what they say themselves; those called
        longitude and latitude, or lon and lat, are in degrees if they say nothing.
    keypoint : str, optional
        The part of the body of which ``movement`` has several. Default: the mean of those that are seen.
    metadata, units : mapping, optional
        Kept with the tracks. Units of ``"length"`` and of ``"time"`` are those wanted. Default: km, and days for dates.

    Returns
    -------
    Tracks
        With a NaN wherever a drifter is not observed. The metadata hold ``projection`` and ``first_date``.

    Raises
    ------
    MissingPackageError
        If xarray is not installed.
    FileFormatError
        If the file is no NetCDF file, or has not the layout of trajectories.
    ParameterError
        If a name is not there, a unit is not known, or positions do not say whether they are degrees.

    Warns
    -----
    DataWarning
        If the drifters are seldom observed together, so that `every` should be given.
    """
    common = {"every": every, "times": times, "method": method, "max_gap": max_gap}
    about: dict[str, Any] = {"metadata": dict(metadata or {}), "units": dict(units or {})}
    given = {
        "positions": positions,
        "velocities": velocities,
        "crs": crs,
        "projection": projection,
        "origin": origin,
        "position_unit": position_unit,
    }
    if not isinstance(source, (str, Path)):
        name = str(source.encoding.get("source", "the dataset"))
        return _sightings(source, name, keypoint, given, about).tracks(**common)
    with opened(source) as dataset:
        return _sightings(dataset, str(source), keypoint, given, about).tracks(**common)


@contextmanager
def opened(path: str | Path) -> Iterator[xarray.Dataset]:
    """Open a NetCDF file or a zarr store; its variables are read when asked for."""
    package("xarray", "xarray")
    zarr = Path(path).suffix.lower() == ZARR
    path = existing(path, folder=zarr)
    with naming(path), _opened_store(path) if zarr else _opened_file(path) as dataset:
        dataset.encoding["source"] = str(path)
        yield dataset


def _opened_store(path: Path) -> xarray.Dataset:
    import xarray

    package("zarr", "xarray")
    try:
        return xarray.open_dataset(path, engine="zarr", decode_timedelta=False)
    except Exception as error:  # what zarr raises on a foreign folder differs between its versions
        raise FileFormatError(f"{path}: it is not a zarr store that xarray can read ({one_line(error)})") from None


def _opened_file(path: Path) -> xarray.Dataset:
    import xarray

    modern = signature(path) == HDF5
    if modern:
        package("h5netcdf", "xarray")
        with hdf5.reading(path, foreign=True):
            pass
    try:
        return xarray.open_dataset(path, decode_timedelta=False, engine="h5netcdf" if modern else None)
    except BlockingIOError:
        raise FileFormatError(f"{path}: {hdf5.LOCKED}") from None
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: it is not a NetCDF file that xarray can read ({one_line(error)})") from None


def holds_drifters(dataset: xarray.Dataset) -> bool:
    """Whether a dataset has the layout of trajectories in the CF conventions, or is one of ``movement``."""
    if holds_paths(dataset) or holds_movement(dataset):
        return True
    if f"{ABOUT}_units" in dataset.attrs:
        return False  # a snapshot series
    kinds = [str(dataset.attrs.get(name, "")).lower() for name in ("featureType", "feature_type", "cdm_data_type")]
    named = any(variable.attrs.get("cf_role") == "trajectory_id" for variable in dataset.variables.values())
    counted = any(name in dataset for name in COUNTS)
    longitude = _find(dataset, "longitude", lambda name, v: _is_coordinate(0, name, v))
    dimensions = () if longitude is None else dataset[longitude].dims
    full = len(dimensions) == 2 and any(str(name).lower().startswith(INSTANCES) for name in dimensions)
    return (
        "trajectory" in kinds
        or named
        or counted
        or full
        or bool(_with_attribute(dataset, "sample_dimension", "instance_dimension"))
    )


def holds_paths(dataset: xarray.Dataset) -> bool:
    """Whether a dataset was made by `Tracks.to_xarray` or `Trajectory.to_xarray`."""
    return f"{ABOUT}_units" in dataset.attrs and dataset.attrs.get("featureType") == "trajectory"


def holds_movement(dataset: xarray.Dataset) -> bool:
    """Whether a dataset has the layout of ``movement``: positions by time, space and individuals."""
    return "position" in dataset and {"time", "space"} <= {str(name) for name in dataset["position"].dims}


def _sightings(
    dataset: xarray.Dataset, source: str, keypoint: str | None, given: Mapping[str, Any], about: dict[str, Any]
) -> Sightings:
    """The observations of a dataset of any of the layouts."""
    if holds_paths(dataset):
        return _own(dataset, source, about)
    if holds_movement(dataset):
        return _of_movement(dataset, source, keypoint, given["crs"], given["projection"], about)
    if keypoint is not None:
        raise ParameterError(f"`keypoint` is for datasets of movement; {source} is none")
    return _observations(dataset, source, asked_units=about["units"], metadata=about["metadata"], **given)


def _own(dataset: xarray.Dataset, source: str, about: dict[str, Any]) -> Sightings:
    """What `to_xarray` made, as it was: no projection is made again."""
    texts = {name: json.loads(dataset.attrs[f"{ABOUT}_{name}"]) for name in ("metadata", "units")}
    metadata, units = ({**texts[name], **about[name]} for name in ("metadata", "units"))
    axes = [name for name in ("x", "y", "z") if name in dataset]
    axes = axes or [f"x{k + 1}" for k in range(len(dataset.variables)) if f"x{k + 1}" in dataset]
    owner, ids = _owners(dataset, source, axes[0])
    when = counted("times", dataset["time"].values, units, metadata)[0]
    columns = [
        np.stack([dataset[p + a].values for a in axes], axis=1) if p + axes[0] in dataset else None for p in ("", "v")
    ]
    positions, velocities = columns
    assert positions is not None
    return Sightings(source, owner, ids, np.asarray(when, dtype=float), positions, velocities, units, metadata)


def _of_movement(
    dataset: xarray.Dataset,
    source: str,
    keypoint: str | None,
    crs: str | None,
    projection: str | None,
    about: dict[str, Any],
) -> Sightings:
    """Positions by time, space and individuals, and of each several parts of the body."""
    found = dataset["position"]
    parts = next((str(name) for name in found.dims if name in ("keypoints", "keypoint")), None)
    if parts is not None:
        names = [str(name) for name in found[parts].values.tolist()]
        if keypoint is not None and keypoint not in names:
            raise check.fail("keypoint", f"one of {', '.join(names)}", keypoint)
        found = found.isel({parts: names.index(keypoint)}) if keypoint is not None else found.mean(parts, skipna=True)
    who = next((str(name) for name in found.dims if name in ("individuals", "individual")), None)
    if who is None:
        found, who = found.expand_dims("individuals"), "individuals"
    values = found.transpose("time", who, "space").values.astype(float)
    ids = (
        [str(name) for name in found[who].values.tolist()]
        if who in found.coords
        else [str(k) for k in range(values.shape[1])]
    )
    stated_unit = {"seconds": "s", "frames": "frame"}.get(str(dataset.attrs.get("time_unit", "")), "")
    units = {**({"time": stated_unit} if stated_unit else {}), "length": "px", **about["units"]}
    when, units, metadata = counted("times", found["time"].values, units, about["metadata"])
    frame, owner = np.nonzero(np.isfinite(values).all(axis=2))
    if not len(frame):
        raise FileFormatError(f"{source}: it has no position of any individual")
    rows = Sightings(
        source,
        owner,
        ids,
        np.asarray(when, dtype=float)[frame],
        values[frame, owner],
        None,
        units,
        {"source": source, **metadata},
    )
    return rows if crs is None else rows.projected(crs, projection, length_wanted(about["units"]))


def _observations(
    dataset: xarray.Dataset,
    source: str,
    *,
    positions: Sequence[str] | None,
    velocities: Sequence[str] | bool | None,
    crs: str | None,
    projection: str | None,
    origin: Sequence[float] | None,
    position_unit: str | None,
    asked_units: Mapping[str, str],
    metadata: Mapping[str, Any],
) -> Sightings:
    """What was observed of trajectories in the CF conventions."""
    dataset = _decoded(dataset)
    height = None
    if positions is not None and not isinstance(positions, str) and len(positions) == 3:
        *positions, height = positions
        if height not in dataset.variables:
            raise ParameterError(f"`positions` must be among {_names(dataset, source)}; got {height!r}")
    east_north = _pair(dataset, source, "positions", positions, _is_coordinate)
    if east_north is not None and positions is None and (left := _height(dataset, east_north)) is not None:
        warn_of_height(source, east_north, left)
    if east_north is None:
        raise ParameterError(f"`positions` must name the longitude and latitude among {_names(dataset, source)}")
    speeds = None
    if velocities is not False:
        given = None if velocities is True else velocities
        speeds = _pair(dataset, source, "velocities", given, _is_velocity)
    if speeds is not None and height is not None:
        warn(
            f"{source}: left out the velocities {speeds[0]!r} and {speeds[1]!r}, as none goes with {height!r}",
            DataWarning,
        )
        speeds = None
    clock = _find(dataset, "time", lambda name, v: v.attrs.get("standard_name") == "time" or name == "time")
    if clock is None:
        raise FileFormatError(f"{source}: none of its variables is the time")
    dataset = _drifters_first(dataset, clock, east_north[0])
    drifter, names = _owners(dataset, source, east_north[0])
    axes = east_north if height is None else (*east_north, height)
    flat = {name: _flat(dataset, name, east_north[0]) for name in (clock, *axes, *(speeds or ()))}
    present = ~np.any([_missing(flat[name]) for name in (clock, *axes)], axis=0)
    drifter = drifter[present]
    columns = {name: values[present] for name, values in flat.items()}
    if not len(drifter):
        raise FileFormatError(f"{source}: it has no observation with time, longitude and latitude")

    when, units, about = _clocked(columns[clock], _unit_of_clock(dataset[clock]), asked_units, metadata)
    unit = "m" if crs is not None else _unit_of_positions(dataset, source, east_north, position_unit)
    wanted_unit = length_wanted(asked_units, "km")
    coordinates = np.stack([columns[name].astype(float) for name in east_north], axis=1)
    pace = None
    if speeds is not None:
        factors = [pace_in(wanted_unit, units.get("time"), stated(dataset[name]), name) for name in speeds]
        pace = np.stack([columns[name] * factor for name, factor in zip(speeds, factors, strict=True)], axis=1)
        if crs is not None and plane_of(crs):  # they are eastward and northward, whatever the positions are in
            plane = Projection(crs, wanted_unit)
            pace = plane.pace(plane.degrees(coordinates * plane.scale), pace)
    centre = None if origin is None else check.finite("origin", check.array("origin", origin))
    if centre is not None and centre.shape != (2,):
        raise check.fail("origin", "a longitude and a latitude", centre)
    if unit == DEGREE:
        _check_degrees(coordinates, east_north)
        if centre is not None:
            projection = f"+proj=aeqd +lat_0={centre[1]:.9g} +lon_0={centre[0]:.9g} +datum=WGS84"
    elif crs is None:
        centre = coordinates.mean(axis=0) if centre is None else centre
        coordinates = (coordinates - centre) * METRES[unit] / METRES[wanted_unit]
        about["origin"] = centre.tolist()
        unit = wanted_unit
    units, about, heights_in = {**units, "length": unit}, {"source": source, **about}, "m"
    if height is not None:
        coordinates = np.column_stack([coordinates, columns[height].astype(float)])
        heights_in = unit_of_length(stated(dataset[height]) or "m") or ""
        if heights_in not in METRES:
            raise ParameterError(f"`positions` must have a length third; {height!r} is in {stated(dataset[height])!r}")
    rows = Sightings(source, drifter, _distinct(names), when, coordinates, pace, units, about, heights_in)
    if crs is not None or unit == DEGREE:
        return rows.projected(crs, projection, wanted_unit)
    coordinates[:, 2:] *= METRES[heights_in] / METRES[wanted_unit]
    return rows


def _clocked(
    clock: np.ndarray, stated_unit: dict[str, str], wanted: Mapping[str, str], metadata: Mapping[str, Any]
) -> tuple[np.ndarray, dict[str, str], dict[str, Any]]:
    """Times as numbers of the unit that is wanted, or else of their own; dates by default in days."""
    when, units, about = counted("times", clock, dict(wanted) if ticks_of(clock) is not None else stated_unit, metadata)
    when = np.asarray(when, dtype=float)
    have, want = (unit_of_time(given.get("time", "")) for given in (units, wanted))
    if want is not None and have is not None and have != want:
        when = when * (SECONDS[have] / SECONDS[want])
    return when, {**units, **({"time": wanted["time"]} if "time" in wanted else {})}, about


def _distinct(names: list[str]) -> list[str]:
    """Names that stand for several trajectories, numbered."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


# --- what is where


def _drifters_first(dataset: xarray.Dataset, clock: str, longitude: str) -> xarray.Dataset:
    """The dataset with the dimension of drifters before that of observations, as the convention has it.

    Which one it is, the name of the drifters or of the dimensions say, or times that are common to all drifters.
    """
    dimensions = [str(name) for name in dataset[longitude].dims]
    if len(dimensions) != 2:
        return dataset
    roles = [str(d) for v in dataset.variables.values() if v.attrs.get("cf_role") == "trajectory_id" for d in v.dims]
    times = [str(name) for name in dataset[clock].dims]
    first = dimensions[0]
    if named := [name for name in dimensions if name in roles]:
        first = named[0]
    elif len(times) == 1 and times[0] in dimensions:
        first = next(name for name in dimensions if name != times[0])
    elif len(named := [name for name in dimensions if name.lower().startswith(INSTANCES)]) == 1:
        first = named[0]
    last = next(name for name in dimensions if name != first)
    return dataset if dimensions[0] == first else dataset.transpose(..., first, last)


def _owners(dataset: xarray.Dataset, source: str, longitude: str) -> tuple[np.ndarray, list[str]]:
    """The number of the drifter that each observation belongs to, and the names of the drifters."""
    shape, dimensions = dataset[longitude].shape, dataset[longitude].dims
    counts = _with_attribute(dataset, "sample_dimension") or [n for n in COUNTS if n in dataset]
    index = _with_attribute(dataset, "instance_dimension")
    if len(shape) == 2:
        owner = np.repeat(np.arange(shape[0]), shape[1])
        instance = dimensions[0]
    elif counts:
        sizes = dataset[counts[0]].values.astype(np.int64)
        if sizes.sum() != shape[0]:
            raise FileFormatError(
                f"{source}: {counts[0]} adds up to {sizes.sum()}, and there are {shape[0]} observations"
            )
        owner, instance = np.repeat(np.arange(len(sizes)), sizes), dataset[counts[0]].dims[0]
    elif index:
        owner, instance = dataset[index[0]].values.astype(np.int64), dataset[index[0]].attrs["instance_dimension"]
    else:
        raise FileFormatError(
            f"{source}: it does not say which drifter an observation is of (no variable has the attribute "
            "sample_dimension or instance_dimension)"
        )
    total = max(int(owner.max(initial=-1)) + 1, int(dataset.sizes.get(instance, 0)))
    label = _find(
        dataset, "name", lambda name, v: v.attrs.get("cf_role") == "trajectory_id" and v.dims[:1] == (instance,)
    )
    label = label or next(
        (n for n in ("ID", "id", "trajectory") if n in dataset and dataset[n].dims == (instance,)), None
    )
    names = range(total) if label is None else dataset[label].values.tolist()
    return owner, [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _flat(dataset: xarray.Dataset, name: str, longitude: str) -> np.ndarray:
    """A variable as one value for each observation, in the order of the positions."""
    like, variable = dataset[longitude], dataset[name]
    return variable.broadcast_like(like).transpose(*like.dims).values.ravel()


def _is_coordinate(axis: int, name: str, variable: Any) -> bool:
    word, degrees = (("longitude", "degrees_east"), ("latitude", "degrees_north"))[axis]
    about = variable.attrs
    usual = (LONGITUDE, LATITUDE)[axis]
    return about.get("standard_name") == word or about.get("units") == degrees or name.lower() in usual


def _is_velocity(axis: int, name: str, variable: Any) -> bool:
    standard = str(variable.attrs.get("standard_name", ""))
    along = ("eastward_", "northward_")[axis]
    return (standard.startswith(along) and standard.endswith("velocity")) or name == EASTWARD[axis]


def _height(dataset: xarray.Dataset, east_north: Sequence[str]) -> str | None:
    """A third coordinate by its standard or usual name, unless it is the same everywhere."""

    def known(name: str, variable: Any) -> bool:
        usual = variable.attrs.get("standard_name") in ("depth", "height", "altitude") or name.lower() in HEIGHTS
        return usual and variable.dims == dataset[east_north[0]].dims and variable.dtype.kind in "iuf"

    name = _find(dataset, "positions", known)
    heights = np.zeros(0) if name is None else dataset[name].values.astype(float)
    heights = heights[np.isfinite(heights)]
    return name if len(heights) and np.ptp(heights) else None


def _pair(
    dataset: xarray.Dataset, source: str, role: str, given: Sequence[str] | bool | None, known: Callable
) -> tuple[str, str] | None:
    if given is None or isinstance(given, bool):
        found = [_find(dataset, role, lambda name, v, axis=axis: known(axis, name, v)) for axis in (0, 1)]
        return None if found[0] is None or found[1] is None else (found[0], found[1])
    names = [given] if isinstance(given, str) else list(given)
    if len(names) != 2 or any(name not in dataset.variables for name in names):
        raise ParameterError(f"`{role}` must name two of {_names(dataset, source)}; got {given!r}")
    return names[0], names[1]


def _find(dataset: xarray.Dataset, role: str, matches: Callable) -> str | None:
    return next((str(name) for name, variable in dataset.variables.items() if matches(str(name), variable)), None)


def _with_attribute(dataset: xarray.Dataset, *attributes: str) -> list[str]:
    return [str(n) for n, v in dataset.variables.items() if any(attribute in v.attrs for attribute in attributes)]


def _names(dataset: xarray.Dataset, source: str) -> str:
    return f"the variables of {source} ({', '.join(repr(str(name)) for name in dataset.variables)})"


# --- units


def _missing(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind == "O":
        return np.array([check.absent(value) for value in values])
    return np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values.astype(float))


def _decoded(dataset: xarray.Dataset) -> xarray.Dataset:
    """The dataset with dates that have a time zone in UTC, and numbers "since" a date as dates."""
    for name, variable in dataset.variables.items():
        dates = ticks_of(variable) if getattr(variable.dtype, "tz", None) is not None else _since_a_date(variable)
        if dates is not None:
            about = {key: value for key, value in variable.attrs.items() if key != "units"}
            dataset = dataset.assign({name: (variable.dims, dates, about)})
    return dataset


def _since_a_date(variable: Any) -> np.ndarray | None:
    """Numbers in a unit such as ``"hours since 2020-01-01"``, which xarray leaves when told not to decode them."""
    name, since, first = stated(variable).partition(" since ")
    unit = unit_of_time(name)
    plain = str(variable.attrs.get("calendar", "standard")).lower() in ("standard", "gregorian", "proleptic_gregorian")
    if not since or unit is None or not plain or variable.dtype.kind not in "iuf":
        return None
    origin = from_text(np.array([first.replace("UTC", "").strip()]))
    if origin is None:
        return None
    values = np.asarray(variable.values, dtype=float)
    nanoseconds = np.round(np.nan_to_num(values) * SECONDS[unit] * 1e9).astype("m8[ns]")
    return np.where(np.isnan(values), np.datetime64("NaT"), origin[0] + nanoseconds)


def _unit_of_clock(clock: Any) -> dict[str, str]:
    """The unit of times that are numbers, as units of tracks; nothing for dates, or if it is not said."""
    name = stated(clock).partition(" since ")[0]
    if clock.dtype.kind in "mMO" or not name:
        return {}
    return {"time": unit_of_time(name) or name}


def _unit_of_positions(dataset: xarray.Dataset, source: str, names: Sequence[str], given: str | None) -> str:
    """What the positions are in, ``"degree"`` or a unit of length."""
    if given is not None:
        unit = unit_of_length(given)
        if unit is None:
            raise check.fail("position_unit", f"one of {', '.join([DEGREE, *METRES])}", given)
        return unit
    found = {_unit_of_position(name, dataset[name]) for name in names}
    if None in found or len(found) > 1:
        said = ", ".join(f"{name!r} has the unit {stated(dataset[name])!r}" for name in names)
        raise ParameterError(
            f"`position_unit` must say what the positions of {source} are in, as one of "
            f"{', '.join(map(repr, [DEGREE, *METRES]))}: {said}"
        )
    return str(found.pop())


def _unit_of_position(name: str, variable: Any) -> str | None:
    if text := stated(variable):
        return unit_of_length(text)
    degrees = variable.attrs.get("standard_name") in ("longitude", "latitude")
    return DEGREE if degrees or name.lower() in LONGITUDE + LATITUDE else None


def _check_degrees(degrees: np.ndarray, names: Sequence[str]) -> None:
    """Refuse lengths that are called degrees."""
    for name, values, most in zip(names, degrees.T, (360.0, 90.0), strict=True):
        if (largest := float(np.abs(values).max())) > most:
            raise ParameterError(
                f"`positions` in degrees must be at most {most:g} in size; {name!r} has {largest:g}: "
                "position_unit='m' says that they are metres"
            )
