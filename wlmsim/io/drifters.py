"""Drifting buoys, floats and model particles from NetCDF files of the CF conventions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.tracks import Tracks
from wlmsim.errors import DataWarning, FileFormatError, ParameterError
from wlmsim.io.optional import package
from wlmsim.io.paths import existing

if TYPE_CHECKING:
    import xarray

EARTH_RADIUS = 6371.0088
"""Mean radius of the Earth, (2 a + b) / 3 of its ellipsoid WGS 84 [km]."""

_SPEEDS = {"m/s": 86.4, "m s-1": 86.4, "m s**-1": 86.4, "meters/second": 86.4, "cm/s": 0.864, "cm s-1": 0.864}
_SPEEDS |= {"km/day": 1.0, "km day-1": 1.0, "km d-1": 1.0}


def load_drifters(
    source: str | Path | xarray.Dataset,
    *,
    times: Any = None,
    longest_gap: float | None = None,
    positions: Sequence[str] | None = None,
    velocities: Sequence[str] | bool | None = None,
    origin: Sequence[float] | None = None,
) -> Tracks:
    """Read drifters from a NetCDF file or a dataset in the discrete sampling geometry "trajectory" of CF.

    All three layouts of the convention are understood: contiguous ragged array (a count with the attribute
    ``sample_dimension``, as the Global Drifter Program's products have), indexed ragged array (an index with the
    attribute ``instance_dimension``), and a full array of drifters and observations (as Parcels writes).

    Longitudes and latitudes become kilometres east and north of an origin in the plane that touches the Earth
    there: x = R cos(latitude of origin) (longitude - that of origin), y = R (latitude - that of origin). Within
    1000 km of it at 40 degrees of latitude, distances are right to about a tenth. Dates become days since the first.

    Parameters
    ----------
    source : str, Path or xarray.Dataset
        The file or the dataset.
    times : array_like, optional
        Times at which all drifters are wanted, as dates or as days since the first date; positions and velocities
        are then interpolated linearly in time, which looks ahead by up to one interval of the data. Default: the
        times that were observed, with no interpolation.
    longest_gap : float, optional
        The longest interval between two observations of a drifter to interpolate over [day]. Default: any.
    positions : sequence of str, optional
        Names of the two coordinates. Default: those with the standard names or the units of longitude and latitude,
        or called lon and lat.
    velocities : sequence of str or bool, optional
        Names of the eastward and the northward velocity; False leaves them out. Default: those with a standard
        name such as ``eastward_sea_water_velocity``, or called ve and vn, if there.
    origin : sequence of float, optional
        Longitude and latitude of the origin [degree]. Default: the middle of the data.

    Returns
    -------
    Tracks
        With a NaN wherever a drifter is not observed; lengths in km, times in days. The metadata hold ``origin``
        (longitude and latitude), ``first_date`` and ``drifters`` (their names).

    Raises
    ------
    MissingPackageError
        If xarray is not installed.
    FileFormatError
        If the file is no NetCDF file, or has not the layout of trajectories.
    ParameterError
        If a name is not there, or a unit is not known.

    Warns
    -----
    DataWarning
        If the drifters are seldom observed together, so that `times` should be given.
    """
    if isinstance(source, (str, Path)):
        with opened(source) as dataset:
            return _tracks(dataset, str(source), times, longest_gap, positions, velocities, origin)
    return _tracks(source, "the dataset", times, longest_gap, positions, velocities, origin)


def opened(path: str | Path) -> xarray.Dataset:
    """Open a NetCDF file; its variables are read when asked for."""
    xarray = package("xarray", "xarray")
    path = existing(path)
    try:
        return xarray.open_dataset(path, decode_timedelta=False)
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"{path}: it is not a NetCDF file that xarray can read ({str(error).splitlines()[0]})"
        ) from None


def holds_drifters(dataset: xarray.Dataset) -> bool:
    """Whether a dataset has the layout of trajectories in the CF conventions."""
    kind = str(dataset.attrs.get("featureType", "")).lower()
    return kind == "trajectory" or bool(_with_attribute(dataset, "sample_dimension", "instance_dimension"))


def _tracks(
    dataset: xarray.Dataset,
    source: str,
    times: Any,
    longest_gap: float | None,
    positions: Sequence[str] | None,
    velocities: Sequence[str] | bool | None,
    origin: Sequence[float] | None,
) -> Tracks:
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
    drifter, names = _owners(dataset, source, east_north[0])
    flat = {name: _flat(dataset, name, east_north[0]) for name in (clock, *east_north, *(speeds or ()))}
    present = ~np.any([_missing(flat[name]) for name in (clock, *east_north)], axis=0)
    drifter = drifter[present]
    columns = {name: values[present] for name, values in flat.items()}
    if not len(drifter):
        raise FileFormatError(f"{source}: it has no observation with time, longitude and latitude")

    when, first = _days(columns[clock])
    degrees = np.stack([columns[name].astype(float) for name in east_north], axis=1)
    centre = _middle(degrees) if origin is None else check.finite("origin", check.array("origin", origin))
    rows = [_plane(degrees, centre)]
    if speeds is not None:
        rows.append(np.stack([columns[name] * _km_per_day(dataset, name) for name in speeds], axis=1))
    values = np.concatenate(rows, axis=1)
    if times is None:
        wanted, which = _times.distinct(when)
        frames = _exact(drifter, which, values, len(wanted), len(names), source)
    else:
        wanted = check.times("times", _since(times, first))
        frames = _interpolated(drifter, when, values, wanted, len(names), longest_gap)
    metadata = {"source": source, "origin": centre.tolist(), "drifters": names}
    return Tracks(
        wanted,
        frames[..., :2],
        frames[..., 2:] if speeds is not None else None,
        metadata=metadata | ({} if first is None else {"first_date": str(first)}),
        units={"length": "km", "time": "day"},
    )


# --- what is where


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
    return about.get("standard_name") == word or about.get("units") == degrees or name.lower() in (word, word[:3])


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
    return np.isnat(values) if values.dtype.kind in "mM" else np.isnan(values.astype(float))


def _days(clock: np.ndarray) -> tuple[np.ndarray, np.datetime64 | None]:
    """Days since the first date, and that date; numbers that are no dates stay."""
    if clock.dtype.kind != "M":
        return clock.astype(float), None
    first = clock.min()
    return (clock - first) / np.timedelta64(1, "D"), first


def _since(times: Any, first: np.datetime64 | None) -> Any:
    dates = np.asarray(times)
    if dates.dtype.kind != "M":
        return times
    if first is None:
        raise check.fail("times", "numbers, as the times of the data are", times)
    return (dates - first) / np.timedelta64(1, "D")


def _middle(degrees: np.ndarray) -> np.ndarray:
    """The mean latitude, and the longitude of the mean direction, which the date line does not split."""
    longitude, latitude = degrees.T
    mean = np.angle(np.exp(1j * np.radians(longitude)).mean(), deg=True)
    return np.array([mean, latitude.mean()])


def _plane(degrees: np.ndarray, origin: np.ndarray) -> np.ndarray:
    if origin.shape != (2,):
        raise check.fail("origin", "a longitude and a latitude", origin)
    east = (degrees[:, 0] - origin[0] + 180.0) % 360.0 - 180.0
    north = degrees[:, 1] - origin[1]
    return EARTH_RADIUS * np.radians(np.stack([np.cos(np.radians(origin[1])) * east, north], axis=1))


def _km_per_day(dataset: xarray.Dataset, name: str) -> float:
    unit = str(dataset[name].attrs.get("units", "")).strip()
    if unit not in _SPEEDS:
        raise ParameterError(
            f"`velocities` must be in one of {', '.join(_SPEEDS)}; {name!r} has the unit {unit!r} "
            "(velocities=False leaves them out)"
        )
    return _SPEEDS[unit]


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
