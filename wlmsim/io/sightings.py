"""Rows of who was seen when and where, of any source, as tracks in a plane at common times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import SECONDS, unit_of_time
from wlmsim.data.projection import PROJECTION, Projection, degrees_from, plane_of
from wlmsim.data.resampling import METHODS, common_times
from wlmsim.data.tracks import Tracks
from wlmsim.data.units import DEGREE, METRES, unit_of_length, unit_of_speed
from wlmsim.errors import DataWarning, FileFormatError, ParameterError

MOST_BYTES = 4 * 2**30
"""A table of times and individuals that is larger than this is refused."""
TWICE = 0.05
"""Share of sightings at one time as another of the same individual, above which names stand for several individuals."""
EASTWARD = ("ve", "vn")
"""Usual names of eastward and northward velocities, of the Global Drifter Program."""
HEIGHTS = (
    *("z", "depth", "altitude", "alt", "height", "elevation", "ele", "location_alt", "gps_altitude"),
    *("height_above_ellipsoid", "height_above_msl", "height_above_mean_sea_level", "argos_altitude"),
)
"""Usual names of a third coordinate beside longitudes and latitudes."""


@dataclass(frozen=True)
class Sightings:
    """Rows of N sightings.

    Parameters
    ----------
    source : str
        What they are of; messages say it.
    owner : ndarray of int, shape (N,)
        Which of the individuals each is of.
    ids : sequence of str
        Names of the individuals.
    times : ndarray, shape (N,)
        Finite times [time].
    positions : ndarray, shape (N, d)
        Finite positions [length or degree].
    velocities : ndarray, shape (N, d), optional
        NaN where unknown [length / time].
    units, metadata : mapping
        As of `Tracks`.
    height_unit : str
        Unit of length of a third coordinate, which a projection does not change but for this. Default ``"m"``.
    """

    source: str
    owner: np.ndarray
    ids: Sequence[str]
    times: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray | None
    units: Mapping[str, str]
    metadata: Mapping[str, Any]
    height_unit: str = "m"

    def projected(self, crs: str | None, projection: str | None, unit: str) -> Sightings:
        """The same in a plane that the metadata tell, if it can be known.

        Parameters
        ----------
        crs : str, optional
            What the positions are in, as PROJ has it. Default: longitudes and latitudes of WGS 84 if their unit is the
            degree; else unknown.
        projection : str, optional
            The plane that is wanted. Default: that of `crs` if it is one; else the one around the middle.
        unit : str
            Unit of length that is wanted, if they are projected; velocities are in it already.
        """
        degrees = self.units.get("length") == DEGREE
        if crs is None and not degrees:
            if projection is not None:
                raise ParameterError(
                    "`projection` needs positions that are longitudes and latitudes, or `crs`, which says what "
                    f"those of {self.source} are in, such as 'EPSG:32633'"
                )
            return self
        if unit not in METRES:
            raise check.fail("units['length']", f"one of {', '.join(METRES)}, to project to", unit)
        if self.positions.shape[1] < 2:
            raise ParameterError(
                f"`positions` must have two coordinates to be projected; those of {self.source} have 1"
            )
        flat = self.positions[:, :2]
        if crs is not None and plane_of(crs):
            source = Projection(crs, unit)
            plane = flat * source.scale
            if projection is None or projection == crs:
                return self._in(plane, self.velocities, source)
            degrees_of = source.degrees(plane)
            velocities = self._turned(lambda v: source.eastward(degrees_of, v))
        else:
            degrees_of = flat if crs is None else degrees_from(crs, flat)
            _check_degrees(degrees_of, self.source)
            velocities = self.velocities
        target = Projection.around(degrees_of, unit, text=projection)
        turned = replace(self, velocities=velocities)._turned(lambda v: target.pace(degrees_of, v))
        return self._in(target.place(degrees_of), turned, target)

    def _turned(self, turn: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
        """Velocities of which the first two components are other ones."""
        if self.velocities is None:
            return None
        return np.concatenate([turn(self.velocities[:, :2]), self.velocities[:, 2:]], axis=1)

    def _in(self, plane: np.ndarray, velocities: np.ndarray | None, projection: Projection) -> Sightings:
        if not np.isfinite(plane).all():
            bad = int((~np.isfinite(plane).all(axis=1)).sum())
            raise ParameterError(
                f"`projection` must have a place for all positions; {projection.text!r} has none for {bad} "
                f"of {len(plane)}"
            )
        heights = self.positions[:, 2:] * (METRES[self.height_unit] / METRES[projection.unit])
        positions = np.concatenate([plane, heights], axis=1)
        return replace(
            self,
            positions=positions,
            velocities=velocities,
            units={**self.units, "length": projection.unit},
            metadata={**self.metadata, PROJECTION: projection.text},
        )

    def tracks(self, *, every: Any = None, times: Any = None, method: str = "linear", max_gap: Any = None) -> Tracks:
        """Arrange the sightings as tracks, at their own times or at others; see `Tracks.resample`."""
        rows = self._once()
        if every is None and times is None:
            check.choice("method", method, METHODS)
            return rows._as_seen()
        bounds = np.searchsorted(rows.owner, np.arange(len(self.ids) + 1))
        parts = [slice(*ends) for ends in pairwise(bounds)]
        chosen = common_times(
            [rows.times[part] for part in parts],
            self,
            every=every,
            times=times,
            method=method,
            max_gap=max_gap,
            ends=(rows.times.min(), rows.times.max()),
        )
        rows._check_size(len(chosen.times))
        v = rows.velocities
        positions, velocities = chosen.interpolated(
            [(rows.times[part], rows.positions[part], None if v is None else v[part]) for part in parts]
        )
        return rows._made(chosen.times, positions, velocities, {**self.metadata, "resampled": chosen.told()})

    def _made(
        self, times: np.ndarray, positions: np.ndarray, velocities: np.ndarray | None, metadata: Mapping[str, Any]
    ) -> Tracks:
        if np.isnan(positions).all():
            raise ParameterError(f"`times` must be such that somebody of {self.source} is seen at one; nobody is")
        return Tracks(times, positions, velocities, ids=self.ids, metadata=metadata, units=self.units)

    def _once(self) -> Sightings:
        """The sightings by individual and time, each time of an individual once."""
        order = np.lexsort((self.times, self.owner))
        owner, times = self.owner[order], self.times[order]
        again = np.zeros(len(order), dtype=bool)
        again[1:] = (owner[1:] == owner[:-1]) & (times[1:] == times[:-1])
        if again.any():
            positions = self.positions[order]
            other = again[1:] & (positions[1:] != positions[:-1]).any(axis=1)
            count = int(other.sum())
            if count > TWICE * len(order):
                name = self.ids[int(owner[1:][other][0])]
                raise FileFormatError(
                    f"{self.source}: {name!r} has two observations at one time, and so it is in {count} of "
                    f"{len(order)} rows: the column of names says not by itself who is who; id=[...] may name several "
                    "columns together"
                )
            if count:
                warn(
                    f"{self.source}: of {count} sightings that are elsewhere at the time of another of the same "
                    "individual, the first is kept",
                    DataWarning,
                )
        kept = order[~again]
        velocities = None if self.velocities is None else self.velocities[kept]
        return replace(
            self,
            owner=self.owner[kept],
            times=self.times[kept],
            positions=self.positions[kept],
            velocities=velocities,
        )

    def _as_seen(self) -> Tracks:
        """Each sighting at its own time."""
        times, which = _times.distinct(self.times)
        self._check_size(len(times))
        positions = np.full((len(times), len(self.ids), self.positions.shape[1]), np.nan)
        positions[which, self.owner] = self.positions
        velocities = None
        if self.velocities is not None:
            velocities = np.full_like(positions, np.nan)
            velocities[which, self.owner] = self.velocities
        self._warn_if_apart(times, which)
        return self._made(times, positions, velocities, self.metadata)

    def _warn_if_apart(self, times: np.ndarray, which: np.ndarray) -> None:
        """Say that clouds of those who are seen at the same time are small."""
        together = np.bincount(which, minlength=len(times))
        first, last = np.full(len(self.ids), len(times)), np.full(len(self.ids), -1)
        np.minimum.at(first, self.owner, which)
        np.maximum.at(last, self.owner, which)
        followed = int((last - first + 1).clip(0).sum())  # sightings, if all were seen at each time in between
        if len(self.ids) > 1 and (together == 1).mean() > 0.5:
            what = f"at over half of its {len(times)} times only one of the {len(self.ids)} individuals is observed"
        elif len(self.ids) > 1 and 2 * len(which) < followed:
            share = len(which) / followed
            what = f"at its {len(times)} times, {share:.0%} of the individuals that are followed then are observed"
        else:
            return
        warn(f"{self.source}: {what}; every={self._usual_interval()!r} interpolates to common times", DataWarning)

    def _usual_interval(self) -> str | float:
        """The median interval between sightings of an individual, in the words that `every` takes."""
        same = np.diff(self.owner) == 0
        interval = float(np.median(np.diff(self.times)[same])) if same.any() else 1.0
        return interval_in_words(interval, self.units.get("time", ""))

    def _check_size(self, count: int) -> None:
        size = count * len(self.ids) * self.positions.shape[1] * 8 * (1 if self.velocities is None else 2)
        if size > MOST_BYTES:
            raise ParameterError(
                f"`every` is needed: the {len(self.ids)} individuals of {self.source} and {count} times make a table "
                f"of {size / 2**30:.0f} GiB; every={self._usual_interval()!r} or longer gives common times"
            )


def warn_of_height(source: str, positions: Sequence[str], height: str) -> None:
    """Say that a third coordinate is left out, and what takes it."""
    warn(
        f"{source}: the positions are {positions[0]!r} and {positions[1]!r}, without {height!r}; "
        f"positions={[*positions, height]!r} takes it too",
        DataWarning,
    )


def pace_in(length: str, time: str | None, said: str, name: str) -> float:
    """How many of the unit of length over that of time one unit is that a velocity says it is in."""
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
    return unit.over(length, time)


def interval_in_words(interval: float, unit: str) -> str | float:
    """An interval as ``"10 min"``, of a unit of time that is known; else the number, both to two digits."""
    known = unit_of_time(unit)
    if known is None:
        return float(f"{interval:.2g}")
    seconds = interval * SECONDS[known]
    name = next((name for name in ("day", "h", "min", "s") if seconds >= SECONDS[name]), known)
    return f"{seconds / SECONDS[name]:.2g} {name}"


def numbered(names: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """The number of each name among the distinct ones, in the order in which they first stand; and these."""
    distinct, first, which = np.unique(names, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank[which.reshape(-1)], [str(name) for name in distinct[order].tolist()]


def length_wanted(units: Mapping[str, str] | None, default: str = "m") -> str:
    """The unit of length of positions that are projected."""
    given = (units or {}).get("length", default)
    unit = unit_of_length(given)
    return default if unit in (None, DEGREE) else str(unit)


def _check_degrees(degrees: np.ndarray, source: str) -> None:
    """Refuse lengths that are called degrees."""
    for name, values, most in zip(("longitudes", "latitudes"), degrees.T, (360.0, 90.0), strict=True):
        if (largest := float(np.abs(values).max())) > most:
            raise ParameterError(
                f"`positions` in degrees must be at most {most:g} in size; the {name} of {source} reach {largest:g}: "
                "crs='EPSG:...' says what else they are in"
            )
