"""Drifting buoys, floats and model particles from NetCDF files of the CF conventions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.dates import ORIGIN, SECONDS, counted, from_text, ticks_of, unit_of_time
from wlmsim.data.tracks import Tracks
from wlmsim.data.units import DEGREE, METRES, stated, unit_of_length, unit_of_speed
from wlmsim.errors import DataWarning, FileFormatError, ParameterError
from wlmsim.io.hdf5 import LOCKED
from wlmsim.io.optional import package
from wlmsim.io.paths import existing

if TYPE_CHECKING:
    import xarray

EARTH_RADIUS = 6371.0088
"""Mean radius of the Earth, (2 a + b) / 3 of its ellipsoid WGS 84 [km]."""

LONGITUDE, LATITUDE = ("longitude", "lon", "long"), ("latitude", "lat")
"""Names of coordinates that are in degrees if they do not say what they are in."""
INSTANCES = ("traj", "trajectory", "drifter", "id", "buoy", "float", "particle", "individual", "platform", "instance")
"""Names, or beginnings of names, of the dimension of drifters in a full array."""


def load_drifters(
    source: str | Path | xarray.Dataset,
    *,
    times: Any = None,
    longest_gap: float | None = None,
    positions: Sequence[str] | None = None,
    velocities: Sequence[str] | bool | None = None,
    origin: Sequence[float] | None = None,
    position_unit: str | None = None,
) -> Tracks:
    """Read drifters from a NetCDF file or a dataset in the discrete sampling geometry "trajectory" of CF.

    All three layouts of the convention are understood: contiguous ragged array (a count with the attribute
    ``sample_dimension``, as the Global Drifter Program's products have), indexed ragged array (an index with the
    attribute ``instance_dimension``), and a full array of drifters and observations (as Parcels writes).

    Longitudes and latitudes become kilometres east and north of an origin in the plane that touches the Earth
    there: x = R cos(latitude of origin) (longitude - that of origin), y = R (latitude - that of origin). Within
    1000 km of it at 40 degrees of latitude, distances are right to about a tenth. Coordinates that are lengths become
    kilometres from the origin. Dates and durations become days, dates since the first; times that are numbers keep the
    unit that they say they are in, such as seconds, and velocities are in the same.

    Parameters
    ----------
    source : str, Path or xarray.Dataset
        The file or the dataset.
    times : array_like, optional
        Times at which all drifters are wanted, as dates or as days since the first date; positions and velocities
        are then interpolated linearly in time, which looks ahead by up to one interval of the data. Default: the
        times that were observed, with no interpolation.
    longest_gap : float, optional
        The longest interval between two observations of a drifter to interpolate over, in the unit of time of the
        tracks [time]. Default: any.
    positions : sequence of str, optional
        Names of the two coordinates. Default: those with the standard names or the units of longitude and latitude,
        or called lon and lat.
    velocities : sequence of str or bool, optional
        Names of the eastward and the northward velocity; False leaves them out. Default: those with a standard
        name such as ``eastward_sea_water_velocity``, or called ve and vn, if there.
    origin : sequence of float, optional
        Longitude and latitude of the origin [degree], or its two coordinates where these are lengths. Default: the
        middle of the data.
    position_unit : str, optional
        What the positions are in: ``"degree"``, ``"m"``, ``"km"``. Default: what they say themselves; those called
        longitude and latitude, or lon and lat, are in degrees if they say nothing.

    Returns
    -------
    Tracks
        With a NaN wherever a drifter is not observed; lengths in km, times in days or the data's unit. The metadata
        hold ``origin``
        (longitude and latitude), ``first_date`` and ``drifters`` (their names).

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
        If the drifters are seldom observed together, so that `times` should be given.
    """
    if isinstance(source, (str, Path)):
        with opened(source) as dataset:
            return _tracks(dataset, str(source), times, longest_gap, positions, velocities, origin, position_unit)
    return _tracks(source, "the dataset", times, longest_gap, positions, velocities, origin, position_unit)


def opened(path: str | Path) -> xarray.Dataset:
    """Open a NetCDF file; its variables are read when asked for."""
    xarray = package("xarray", "xarray")
    path = existing(path)
    try:
        return xarray.open_dataset(path, decode_timedelta=False)
    except BlockingIOError:
        raise FileFormatError(f"{path}: {LOCKED}") from None
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{path}: it is not a NetCDF file that xarray can read ({str(error).splitlines()[0]})"
        ) from None


def holds_drifters(dataset: xarray.Dataset) -> bool:
    """Whether a dataset has the layout of trajectories in the CF conventions."""
    kinds = [str(dataset.attrs.get(name, "")).lower() for name in ("featureType", "feature_type", "cdm_data_type")]
    named = any(variable.attrs.get("cf_role") == "trajectory_id" for variable in dataset.variables.values())
    return "trajectory" in kinds or named or bool(_with_attribute(dataset, "sample_dimension", "instance_dimension"))


def _tracks(
    dataset: xarray.Dataset,
    source: str,
    times: Any,
    longest_gap: float | None,
    positions: Sequence[str] | None,
    velocities: Sequence[str] | bool | None,
    origin: Sequence[float] | None,
    position_unit: str | None,
) -> Tracks:
    dataset = _decoded(dataset)
    east_north = _pair(dataset, source, "positions", positions, _is_coordinate)
    if east_north is None:
        raise ParameterError(f"`positions` must name the longitude and latitude among {_names(dataset, source)}")
    speeds = None
    if velocities is not False:
        given = None if velocities is True else velocities
        speeds = _pair(dataset, source, "velocities", given, _is_velocity)
    clock = _find(dataset, "time", lambda name, v: v.attrs.get("standard_name") == "time" or name == "time")
    if clock is None:
        raise FileFormatError(f"{source}: none of its variables is the time")
    dataset = _drifters_first(dataset, clock, east_north[0])
    drifter, names = _owners(dataset, source, east_north[0])
    flat = {name: _flat(dataset, name, east_north[0]) for name in (clock, *east_north, *(speeds or ()))}
    present = ~np.any([_missing(flat[name]) for name in (clock, *east_north)], axis=0)
    drifter = drifter[present]
    columns = {name: values[present] for name, values in flat.items()}
    if not len(drifter):
        raise FileFormatError(f"{source}: it has no observation with time, longitude and latitude")

    when, units, about = counted("times", columns[clock], _unit_of_clock(dataset[clock]), None)
    when = np.asarray(when, dtype=float)
    unit = _unit_of_positions(dataset, source, east_north, position_unit)
    coordinates = np.stack([columns[name].astype(float) for name in east_north], axis=1)
    if unit == DEGREE:
        _check_degrees(coordinates, east_north)
    middle = _middle(coordinates) if unit == DEGREE else coordinates.mean(axis=0)
    centre = middle if origin is None else check.finite("origin", check.array("origin", origin))
    if centre.shape != (2,):
        raise check.fail("origin", "a longitude and a latitude", centre)
    rows = [_plane(coordinates, centre) if unit == DEGREE else (coordinates - centre) * METRES[unit] / METRES["km"]]
    if speeds is not None:
        factors = [_over_km(dataset, name, units.get("time")) for name in speeds]
        rows.append(np.stack([columns[name] * factor for name, factor in zip(speeds, factors, strict=True)], axis=1))
    values = np.concatenate(rows, axis=1)
    if times is None:
        wanted, which = _times.distinct(when)
        frames = _exact(drifter, which, values, len(wanted), len(names), source)
    else:
        wanted = _wanted(times, units, about)
        frames = _interpolated(drifter, when, values, wanted, len(names), longest_gap)
    metadata = {"source": source, "origin": centre.tolist(), "drifters": names, **about}
    return Tracks(
        wanted,
        frames[..., :2],
        frames[..., 2:] if speeds is not None else None,
        metadata=metadata,
        units={"length": "km", **units},
    )


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
    counts = _with_attribute(dataset, "sample_dimension") or [n for n in ("rowsize", "row_size") if n in dataset]
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
    along, usual = (("eastward_", ("ve",)), ("northward_", ("vn",)))[axis]
    return (standard.startswith(along) and standard.endswith("velocity")) or name in usual


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


def _wanted(times: Any, units: dict[str, str], about: dict[str, Any]) -> np.ndarray:
    """Common times in the unit of those of the data, dates since the first one."""
    dates = ticks_of(times)
    if dates is not None and dates.dtype.kind == "M" and ORIGIN not in about:
        raise check.fail("times", "numbers, as the times of the data are", times)
    return check.times("times", counted("times", times, units, about)[0])


def _middle(degrees: np.ndarray) -> np.ndarray:
    """The mean latitude, and the longitude of the mean direction, which the date line does not split."""
    longitude, latitude = degrees.T
    mean = np.angle(np.exp(1j * np.radians(longitude)).mean(), deg=True)
    return np.array([mean, latitude.mean()])


def _plane(degrees: np.ndarray, origin: np.ndarray) -> np.ndarray:
    east = (degrees[:, 0] - origin[0] + 180.0) % 360.0 - 180.0
    north = degrees[:, 1] - origin[1]
    return EARTH_RADIUS * np.radians(np.stack([np.cos(np.radians(origin[1])) * east, north], axis=1))


def _over_km(dataset: xarray.Dataset, name: str, time: str | None) -> float:
    """How many kilometres in the unit of time one unit of a velocity is."""
    said = stated(dataset[name])
    unit = unit_of_speed(said)
    if unit is None or unit.length == DEGREE:
        raise ParameterError(
            f"`velocities` must be a length over a time, such as m/s, cm s-1 or km/day; {name!r} has the unit {said!r} "
            "(velocities=False leaves them out)"
        )
    if time not in SECONDS:
        raise ParameterError(
            f"`velocities` in {said} need times in one of {', '.join(SECONDS)}; those of the data have the unit "
            f"{time or ''!r}: set the attribute units of the time, or leave them out with velocities=False"
        )
    return unit.over("km", time)


# --- common times


def _exact(drifter: np.ndarray, k: np.ndarray, values: np.ndarray, count: int, n: int, source: str) -> np.ndarray:
    """Each value at its own time, the k-th."""
    frames = np.full((count, n, values.shape[1]), np.nan)
    taken = np.zeros(frames.shape[:2], dtype=np.int64)
    np.add.at(taken, (k, drifter), 1)
    if taken.max() > 1:
        raise FileFormatError(f"{source}: a drifter has two observations at one time")
    if n > 1 and (taken.sum(axis=1) == 1).mean() > 0.5:
        warnings.warn(
            f"{source}: at most of its {count} times only one of the {n} drifters is observed; "
            "give the common `times` to interpolate to",
            DataWarning,
            stacklevel=4,
        )
    frames[k, drifter] = values
    return frames


def _interpolated(
    drifter: np.ndarray, when: np.ndarray, values: np.ndarray, wanted: np.ndarray, n: int, longest: float | None
) -> np.ndarray:
    """Linear between the observations around each wanted time; NaN outside of them and in longer gaps."""
    longest = np.inf if longest is None else check.positive("longest_gap", longest)
    frames = np.full((len(wanted), n, values.shape[1]), np.nan)
    for j in range(n):
        mine = np.flatnonzero(drifter == j)
        mine = mine[np.argsort(when[mine], kind="stable")]
        t, y = when[mine], values[mine]
        if not len(t):
            continue
        after = np.searchsorted(t, wanted).clip(0, len(t) - 1)
        before = np.maximum(after - 1, 0)
        hit = t[after] == wanted
        between = (t[before] <= wanted) & (wanted <= t[after]) & (t[after] - t[before] <= longest)
        frames[hit, j] = y[after[hit]]
        between &= ~hit
        before, after = before[between], after[between]
        share = ((wanted[between] - t[before]) / (t[after] - t[before]))[:, None]
        frames[between, j] = (1 - share) * y[before] + share * y[after]
    return frames
