"""Tables with a row for each sighting of an individual, as Movebank, trackdf, TrackMate and anybody write them."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import ORIGIN, counted, counting, from_text, ticks_of, zoned
from wlmsim.data.projection import Projection
from wlmsim.data.tracks import Tracks
from wlmsim.data.units import DEGREE, METRES, unit_of_length, unit_of_speed
from wlmsim.errors import DataWarning, FileFormatError, ParameterError
from wlmsim.io import named_units, wide_tables
from wlmsim.io.columns import AXES, IDS, IN_DEGREES, TIMES, Names, _numbers, _Table, plain
from wlmsim.io.sightings import EASTWARD, HEIGHTS, Sightings, length_wanted, numbered, pace_in, warn_of_height
from wlmsim.io.words import are_missing, is_missing

POSITIONS = (
    ("location_long", "location_lat"),
    ("lon", "lat"),
    ("long", "lat"),
    ("longitude", "latitude"),
    ("utm_easting", "utm_northing"),
    ("easting", "northing"),
    *AXES,
)
"""Usual names of positions: longitudes before latitudes."""
IN_METRES = {"utm_easting", "utm_northing", "easting", "northing"}
HIDDEN = {"visible": "false", "algorithm_marked_outlier": "true", "manually_marked_outlier": "true"}
"""What Movebank says of sightings that are no use."""
NOBODY = ("", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "NULL", "null", "None", "none", "#N/A")
"""What stands for no name; people are called Nan."""
TIME_HINT = ": time='...' says it"
NOBODY_HINT = ": id='...' says it; wls.SnapshotSeries.load reads tables that do not say who is who"


def tracks_from_columns(
    columns: Mapping[str, Any],
    source: str,
    *,
    id: Names | None = None,
    time: Names | None = None,
    positions: Names | None = None,
    velocities: Names | bool | None = None,
    crs: str | None = None,
    projection: str | None = None,
    timezone: str | None = None,
    date_format: str | None = None,
    every: Any = None,
    times: Any = None,
    method: str = "linear",
    max_gap: Any = None,
    metadata: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
) -> Tracks:
    """Build tracks from named columns with a row for each sighting.

    Parameters
    ----------
    columns : mapping
        Names and values of N rows, in any order.
    source : str
        What the columns are of; messages say it.
    id : str or sequence of str, optional
        The column that says who is seen, or several that say it together. Default: the first usual one, such as
        ``individual-local-identifier``, ``track_id`` or ``id``. Rows without a name are left out.
    time : str or sequence of str, optional
        The column of times, or those of a date and a time of the day. Default: the first usual one, such as
        ``timestamp``, ``time`` or ``frame``. Dates are counted in the unit of time, by default in days.
    positions : str or sequence of str, optional
        The columns of the coordinates, longitude before latitude; a third, such as a depth, is in metres where the
        plane is known. Default: the first usual ones, such as ``location-long`` and ``location-lat``, lon and lat, or
        x, y and z.
    velocities : str or sequence of str or bool, optional
        Those of velocities, in the unit that the file says, or in that of length over that of time; eastward and
        northward ones beside longitudes and latitudes. False leaves them out. Default: those that go with the names of
        the positions (vx, vy for x, y), or beside longitudes and latitudes ve and vn in a unit that the file says.
    crs : str, optional
        What the positions are in, as PROJ has it, such as ``"EPSG:32633"``. Default: longitudes and latitudes of WGS 84
        if they are called so; a column ``utm-zone`` is understood.
    projection : str, optional
        The plane to project to: ``"utm"`` for the zone of the middle, or as PROJ has it. Default: that of `crs`; of
        longitudes and latitudes the azimuthal equidistant one around their middle.
    timezone : str, optional
        Zone of dates that have none, such as ``"Europe/Amsterdam"``. Default ``"UTC"``.
    date_format : str, optional
        How dates are written, as `datetime.strptime` has it. Default: as ISO 8601 has it.
    every, times, method, max_gap
        Interpolate to common times, see `Tracks.resample`. Default: the times of the sightings.
    metadata, units : mapping, optional
        Kept with the tracks. The unit of ``"length"`` is also the one to project to, by default ``"m"``.

    Returns
    -------
    Tracks

    Raises
    ------
    ParameterError
        If a column is not found (the message lists those that are there) or does not hold what it should.
    FileFormatError
        If names stand for several individuals at once.

    Warns
    -----
    DataWarning
        If rows are left out, or the individuals are seldom seen at one time; if units behind the names of columns, or
        their names in other languages, are a guess; and if a row is read as one for each time, with columns for each
        individual.
    """
    table = _SightingsTable(columns, source)
    if id is None and positions is None and (long := table.long(time)) is not None:
        table = _SightingsTable(long, source)
    units = dict(units or {})
    plane = table.plane() if positions is None and crs is None and projection is None else None
    if plane is not None and length_wanted(units, plane.unit) == plane.unit:  # what a table of wlmsim has beside
        positions, crs = [name for name in ("x", "y", "z") if name in table.names], plane.text
        units = {"length": plane.unit, **units}
    where = table.found_positions(positions)
    names, absent = table.individuals(id)
    when = table.moments(time, timezone, date_format)
    x = table.values("positions", where)
    if plane is not None and crs == plane.text:
        x = np.concatenate([x[:, :2] / plane.scale, x[:, 2:]], axis=1)  # in the unit of the plane
    table.tell_height(where, positions)
    pace = table.paces(where, velocities)
    v = None if pace is None else table.values("velocities", pace)
    if v is None and {"vx", "vy", "x", "y"} <= set(table.names) and table.degrees(where):
        warn(
            f"{source}: left out the velocities vx and vy, which are along x and y, in a plane that is not known: "
            "positions=['x', 'y'] and crs='EPSG:...' say which",
            DataWarning,
        )
    for role, column in (("id", names), ("time", when), ("velocities", v)):
        if column is not None and len(column) != len(x):
            raise check.fail(role, f"a column of {len(x)} rows, as the positions have", column)
    given = units
    named = table.units_of(where, given, apart=crs is not None)
    if time is None and "time" not in given and (known := table.clock(when)) is not None:
        given, metadata = {**given, "time": known[0]}, {ORIGIN: known[1], **(metadata or {})}
    when, about, origin = counted("time", when, {**named, **given}, _since_midnight(when, metadata))
    when = np.asarray(when, dtype=float)
    kept = ~absent & np.isfinite(when) & np.isfinite(x).all(axis=1) & table.usable()
    if not kept.any():
        raise FileFormatError(f"{source}: none of its {len(x)} rows has a name, a time and a position")
    if not kept.all():
        warn(
            f"{source}: left out {int((~kept).sum())} of {len(kept)} rows, which have no name, time or position, or "
            "are marked as outliers",
            DataWarning,
        )
    if crs is None and table.degrees(where):
        about["length"] = DEGREE
    crs = table.zone(kept) if crs is None and about.get("length") != DEGREE else crs
    if crs is not None and plane is None:
        x = x * table.metres(where)
    unit = length_wanted(given)
    length = about.get("length") if crs is None and not table.degrees(where) else unit
    if velocities in (None, True) and not table.may_be_paces(pace, length, about.get("time"), exactly=False):
        pace = v = None
    if v is not None:
        v = v * table.speeds(pace, length, about.get("time"))
    table.tell_units(
        None if time is not None else table.clock_name,
        None if positions is not None else where,
        pace if velocities in (None, True) else None,
    )
    owner, ids = numbered(names[kept])
    rows = Sightings(
        source,
        owner,
        ids,
        when[kept],
        x[kept],
        None if v is None else v[kept],
        about,
        {"source": source, **origin},
        table.unit_of_height(where, "m" if plane is None else plane.unit),
    )
    return rows.projected(crs, projection, unit).tracks(every=every, times=times, method=method, max_gap=max_gap)


def are_sightings(columns: Mapping[str, Any], source: str, given: Mapping[str, Any] = MappingProxyType({})) -> bool:
    """Whether columns by their usual names, or as given, say who was seen when and where.

    Most of them must be seen repeatedly, but where longitudes and latitudes stand, as snapshots have none.
    """
    table = _SightingsTable(columns, source)
    usual = {
        "id": any(name in table.plain for name in IDS),
        "time": table.time_column() is not None,
        "positions": any(all(name in table.plain for name in names[:2]) for names in POSITIONS),
    }
    if "id" in given:
        return True
    if "positions" not in given and (wide := table.wide()) is not None:
        return not table.are_boxes(wide)
    if not all(usual[role] or role in given for role in usual) or {"weight", "population"} & set(table.names):
        return False  # tracks have no weights and are of one population
    if degrees_among(columns) is not None:
        return True
    names, _ = table.individuals(None)
    return 2 * len(np.unique(names)) <= len(names)


def degrees_among(columns: Mapping[str, Any]) -> list[str] | None:
    """The columns of longitudes and latitudes, by their usual names; None if there are none."""
    there = _SightingsTable(columns, "").plain
    pairs = (names for names in POSITIONS if set(names) <= IN_DEGREES and set(names) <= set(there))
    return next(([there[name] for name in names] for names in pairs), None)


def _since_midnight(when: Any, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The metadata, in which dates count from the beginning of their first day, if no date is given."""
    ticks = ticks_of(when)
    about = dict(metadata or {})
    if ticks is not None and ticks.dtype.kind == "M" and ORIGIN not in about and not np.isnat(ticks).all():
        about[ORIGIN] = str(np.nanmin(ticks).astype("M8[D]"))
    return about


class _SightingsTable(_Table):
    """Finds what the columns of a table of sightings are called."""

    aside = set(HEIGHTS) - {"z"}
    lengths = named_units.lengths({*_Table.lengths.usual, *IN_METRES, *HEIGHTS})
    speeds_along = named_units.velocities({*_Table.speeds_along.usual, *EASTWARD})
    clock_name: str | None = None

    def has_positions(self) -> bool:
        return super().has_positions() or any(set(names[:2]) <= set(self.plain) for names in POSITIONS)

    def usual(self, role: str, names: Sequence[str], what: str, hint: str = "") -> str:
        found = next((self.plain[name] for name in names if name in self.plain), None)
        if found is None:
            raise ParameterError(
                f"`{role}` must say which of {self._there()} holds {what}; there is no usual name{hint}"
            )
        return found

    def wide(self, time: Names | None = None) -> wide_tables.Wide | None:
        """The columns of each individual, of a table that has a row for each time; None for others."""
        usual = any(set(names[:2]) <= set(self.plain) for names in POSITIONS) or "positions" in self.names
        if usual or {*IDS, "weight", "population"} & set(self.plain):
            return None
        wide = wide_tables.look(self.names)
        clock = time if isinstance(time, str) else self.time_column()
        alone = clock is not None and (time is not None or not {"date", "time"} <= set(self.plain))
        if wide is None or (alone and _has_twice(self.columns[self.require("time", str(clock))])):
            return None  # a row for each of something else, such as boxes in frames
        self.units_beside |= {name: unit for name, unit in wide.units.items() if unit}
        return wide

    def are_boxes(self, wide: wide_tables.Wide) -> bool:
        """Whether two numbered places may be the corners of a box."""
        if not all(who.isdigit() for who in wide.ids) or not {"x", "y"} <= set(wide.templates):
            return False
        x, y = ([self.column("positions", fields[axis]) for fields in wide.columns.values()] for axis in "xy")
        return wide_tables.may_be_boxes(x, y)

    def long(self, time: Names | None) -> wide_tables.Long | None:
        """The same with a row for each sighting, with a word, if it has a row for each time; None for others.

        Raises
        ------
        ParameterError
            If it seems to be so, but its columns may be of something else than individuals. The message has a way.
        """
        wide = self.wide(time)
        if wide is None:
            return None
        clock = self.require("time", time) if isinstance(time, str) else self.time_column()
        others = [name for name in self.names if name not in wide.names]
        ends = tuple(who.lower() for who in wide.ids)
        aside = [name for name in others if plain(name) not in TIMES and name.lower().endswith(ends)]
        if clock is None and set(others) != set(aside):
            self.usual("time", TIMES, "the times", TIME_HINT)
        shown = ", ".join(map(repr, wide.names[:4])) + (", ..." if len(wide.names) > 4 else "")
        doubt = "" if wide.numbered else "parts of one body, or else"
        doubt = doubt or ("corners of boxes" if self.are_boxes(wide) else "")
        if doubt:
            raise ParameterError(
                f"`positions` must say which of {self._there()} hold them; {shown} seem to be of "
                f"{len(wide.ids)} individuals, in a table with a row for each time, but may be {doubt}. "
                "If they are individuals, of frame = pandas.read_csv(...): "
                + ("" if clock else "frame['time'] = range(len(frame)); ")
                + wide.way(clock or "time", self._whole)
            )
        if clock is None:
            columns: Mapping[str, Any] = {"time": np.arange(float(len(self.columns[wide.names[0]])))}
        else:
            columns = named_units.Renamed(self.columns, {name: name for name in others if name not in aside})
        warn(
            f"{self.source}: read as a row for each time with columns for each of {len(wide.ids)} individuals, "
            f"{', '.join(wide.ids[:3])}{', ...' if len(wide.ids) > 3 else ''}: {shown}"
            + (f"; left out are {', '.join(map(repr, aside[:3]))}{', ...' if len(aside) > 3 else ''}" if aside else "")
            + ("; times are the numbers of rows, from 0" if "time" in columns and clock is None else ""),
            DataWarning,
        )
        if time is None and clock in self.behind.values():
            self.tell_units(clock)
        return self._with_a_row_each(wide, columns)

    def _with_a_row_each(self, wide: wide_tables.Wide, others: Mapping[str, Any]) -> wide_tables.Long:
        fields = {
            field: [self.column("positions", columns[field]) for columns in wide.columns.values()]
            for field in wide.templates
        }
        places = [field for field in wide.templates if not field.startswith("v")]
        length = self.length_of([columns[field] for columns in wide.columns.values() for field in places])
        units = {name: self.said(name) for name in others} | dict.fromkeys(places, length)
        for field in set(fields) - set(places):
            said = {self.said(columns[field]) for columns in wide.columns.values()}
            units[field] = said.pop() if len(said) == 1 else ""
        return wide_tables.Long(wide, fields, others, units)

    def _whole(self, name: str) -> str:
        return str(self.stored(name))

    def individuals(self, given: Names | None) -> tuple[np.ndarray, np.ndarray]:
        """The name of each row, and which have none."""
        if given is None:
            given = self.usual("id", IDS, "the names of the individuals", NOBODY_HINT)
        names = [given] if isinstance(given, str) else list(given)
        columns = [_words(self.columns[self.require("id", name)]) for name in names]
        absent = np.any([np.isin(column, NOBODY) for column in columns], axis=0)
        return columns[0] if len(columns) == 1 else np.array(
            [" ".join(row) for row in zip(*columns, strict=True)]
        ), absent

    def moments(self, given: Names | None, timezone: str | None, date_format: str | None) -> Any:
        """Times as numbers, or dates."""
        apart = given is None and {"date", "time"} <= set(self.plain) and "timestamp" not in self.plain
        clock = self._as_stored(self.plain["time"]) if apart else None
        if given is None and apart and _are_clock_times(clock):
            given = [self.plain["date"], self.plain["time"]]
        elif apart and ticks_of(clock) is None and self._is_dates("date"):
            given = self.plain["date"]  # beside the same as a number, as tables of wlmsim have it
        if given is None:
            given = self.time_column() or self.usual("time", TIMES, "the times", TIME_HINT)
        names = [given] if isinstance(given, str) else list(given)
        names = [self.require("time", name) for name in names]
        columns = [self._as_stored(name) if len(names) == 1 else self.columns[name] for name in names]
        if len(columns) > 1:
            words = [" ".join(row) for row in zip(*map(_words, columns), strict=True)]
            return _dates(np.array(words), self.source, timezone, date_format)
        entries = np.asarray(columns[0])
        with_zone = np.array([getattr(entry, "tzinfo", None) is not None for entry in entries.tolist()], dtype=bool)
        if timezone is not None and entries.dtype.kind == "O" and with_zone.any():
            return _placed(entries, with_zone, timezone, _ticks)
        ticks = ticks_of(columns[0])
        if ticks is not None:
            known = timezone is None or ticks.dtype.kind == "m" or getattr(columns[0].dtype, "tz", None) is not None
            return ticks if known else _in_zone(ticks, str(timezone))
        if entries.dtype.kind in "OUS" and not _are_numbers(entries):
            return _dates(_words(entries), self.source, timezone, date_format)
        self.clock_name = names[0]
        return _numbers("time", columns[0], self.source)

    def _as_stored(self, name: str) -> Any:
        """A column, of a text as numbers where it is numbers."""
        numbers = self.quick([name])
        return self.columns[name] if numbers is None else numbers[:, 0]

    def clock(self, when: Any) -> tuple[str, str] | None:
        """The unit and the first date by which a column of times counts that stands beside dates; None without."""
        dates = ticks_of(when)
        if dates is None or dates.dtype.kind != "M" or "time" not in self.plain:
            return None
        column = self._as_stored(self.plain["time"])
        if not _are_numbers(np.asarray(column)):
            return None
        numbers = np.asarray(_numbers("time", column, self.source), dtype=float)
        known = np.isfinite(numbers) & ~np.isnat(dates)
        return counting(numbers[known], dates[known]) if known.any() else None

    def plane(self) -> Projection | None:
        """The plane that x and y are in, where longitudes and latitudes stand beside them; None if it is not told."""
        if not {"x", "y", "lon", "lat"} <= set(self.plain):
            return None
        flat, degrees = (
            self.values("positions", [self.plain[n] for n in names]) for names in (("x", "y"), ("lon", "lat"))
        )
        known = np.isfinite(flat).all(axis=1) & np.isfinite(degrees).all(axis=1)
        return Projection.of_both(degrees[known], flat[known]) if known.any() else None

    def _is_dates(self, name: str) -> bool:
        column = self.columns[self.plain[name]]
        return ticks_of(column) is not None or from_text(_words(np.asarray(column)[:1])) is not None

    def found_positions(self, given: Names | None) -> Names:
        if given is not None:
            return self.positions(given)
        for names in POSITIONS:
            here = [self.plain[name] for name in names if name in self.plain]
            if len(here) >= 2 or (here and here[0].lower() in ("x", "position_x")):
                return self._without_flat(here)
        return self.positions(None)

    def _without_flat(self, names: list[str]) -> list[str]:
        """Without a third coordinate that is the same everywhere, as that of a film is."""
        if len(names) < 3:
            return names
        depth = self._side_by_side("positions", names[2:])[:, 0]
        known = depth[np.isfinite(depth)]
        return names[:2] if not len(known) or (known == known[0]).all() else names

    def degrees(self, names: Names) -> bool:
        """Whether the positions are longitudes and latitudes, by their names or their units."""
        listed = [names] if isinstance(names, str) else list(names)
        called = {plain(name) for name in listed[:2]}
        said = {unit_of_length(self.said(name)) for name in listed[:2]}
        return called <= IN_DEGREES or said == {DEGREE}

    def tell_height(self, names: Names, given: Names | None) -> None:
        """Say that a third coordinate beside two on the Earth is left out."""
        if given is not None or isinstance(names, str) or len(names) != 2:
            return
        if not self.degrees(names) and not {plain(name) for name in names} <= IN_METRES:
            return  # beside x and y of a film, a height is that of a body
        there = (self.plain[name] for name in HEIGHTS if name in self.plain)
        height = next((name for name in there if len(self._without_flat([*names, name])) > 2), None)
        if height is not None:
            warn_of_height(self.source, names, height)

    def paces(self, positions: Names, given: Names | bool | None) -> Names | None:
        """The velocities: as given, by names that go with the positions', or eastward and northward ones."""
        if given is False:
            return None
        if given is not None and given is not True:
            return self.companion("velocities", positions, given)
        usual = [self.plain[name] for name in EASTWARD if name in self.plain]
        if len(usual) != 2 or len(positions) != 2 or not self.degrees(positions):
            return self.companion("velocities", positions, None)
        if all(unit_of_speed(self.said(name)) for name in usual):
            return usual
        warn(
            f"{self.source}: {usual[0]!r} and {usual[1]!r} may be velocities, and are left out, as their unit is not "
            f"known: velocities={usual!r} takes them, in the unit of length over that of time",
            DataWarning,
        )
        return None

    def speeds(self, names: Names | None, length: str | None, time: str | None) -> np.ndarray:
        """How many of the unit of length over that of time one of each velocity is; 1 where its unit is not said."""
        listed = [names] if isinstance(names, str) else names or ()
        if length not in METRES or not all(map(self.said, listed)):
            return np.ones(1)
        return np.array([pace_in(length, time, self.said(name), name) for name in listed])

    def metres(self, names: Names) -> np.ndarray:
        """Metres, which planes are in, of one of each coordinate by its unit; 1 for heights and unknown ones."""
        listed = [names] if isinstance(names, str) else list(names)
        unit = self.length_of(listed[:2])
        return np.array([METRES.get(unit, 1.0) if k < 2 else 1.0 for k in range(len(listed))])

    def unit_of_height(self, names: Names, default: str) -> str:
        """The unit of length of a third coordinate."""
        said = unit_of_length(self.said(names[2])) if not isinstance(names, str) and len(names) > 2 else None
        return said if said in METRES else default

    def units_of(self, names: Names, given: Mapping[str, str], *, apart: bool) -> dict[str, str]:
        """Units that the columns say they are in, or that their names mean, but for those that are given.

        Those of lengths are of all coordinates, or of the first two where a third one is `apart`, as a height is.
        """
        listed = [names] if isinstance(names, str) else list(names)
        apart = apart or self.degrees(names) or {plain(name) for name in listed[:2]} <= IN_METRES
        length = "" if "length" in given else self.length_of(listed[:2] if apart else listed)
        if not length and {plain(name) for name in listed[:2]} <= IN_METRES:
            length = "m"
        time = "" if self.clock_name is None else self.time_of(self.clock_name)
        return {kind: unit for kind, unit in (("length", length), ("time", time)) if unit}

    def zone(self, kept: np.ndarray) -> str | None:
        """The zone of UTM that a column tells, if all rows have one."""
        name = next((self.plain[name] for name in ("utm_zone", "zone") if name in self.plain), None)
        if name is None:
            return None
        zones = sorted(set(_words(self.columns[name])[kept].tolist()))
        found = re.fullmatch(r"(\d{1,2})\s*([A-Za-z]?)", zones[0]) if len(zones) == 1 else None
        if found is None:
            raise ParameterError(
                f"`crs` must say what the positions of {self.source} are in: the column {name!r} has "
                f"{', '.join(zones[:5])}"
            )
        south = found[2].upper() in "CDEFGHJKLM" and found[2]
        return f"EPSG:{(32700 if south else 32600) + int(found[1])}"

    def usable(self) -> np.ndarray:
        """Which rows are not marked as outliers."""
        good: Any = True
        for name, bad in HIDDEN.items():
            if name in self.plain:
                good = good & (np.char.lower(_words(self.columns[self.plain[name]])) != bad)
        return np.asarray(good)


def _has_twice(column: Any) -> bool:
    """Whether a column has an entry twice, but for what is missing."""
    entries = np.asarray(column)
    entries = entries if entries.dtype.kind in "iufmM" else _words(entries)
    known = entries[(entries != "") if entries.dtype.kind == "U" else (entries == entries)]  # no NaN, no NaT
    return len(np.unique(known)) < len(known)


def _words(column: Any) -> np.ndarray:
    """A column as text; whole numbers without a point, and nothing where nothing is known."""
    entries = np.asarray(column)
    if entries.dtype.kind in "iu":
        return entries.astype(str)
    if entries.dtype.kind == "U":
        return np.char.strip(entries)
    return np.array([_word(entry) for entry in entries.tolist()], dtype=str)


def _word(entry: Any) -> str:
    if check.absent(entry):
        return ""
    if isinstance(entry, bytes):
        return entry.decode().strip()
    return str(int(entry)) if isinstance(entry, float) and entry.is_integer() else str(entry).strip()


def _are_numbers(column: np.ndarray) -> bool:
    """Whether the first known words are numbers."""
    first = next((word for word in _words(column[:100]).tolist() if not is_missing(word)), "0")
    return re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", first) is not None


def _are_clock_times(column: Any) -> bool:
    words = _words(np.asarray(column)[:1]).tolist()
    return bool(words) and re.fullmatch(r"\d{1,2}:\d{2}(:\d{2}(\.\d*)?)?", words[0]) is not None


def _dates(words: np.ndarray, source: str, timezone: str | None, date_format: str | None) -> np.ndarray:
    """Words as dates in UTC."""
    words = np.where(are_missing(words), "", words)
    apart = zoned(words) if date_format is None else np.full(len(words), "%z" in date_format)
    return _placed(words, apart, timezone, lambda part: _parsed(part, source, date_format))


def _placed(
    entries: np.ndarray, apart: np.ndarray, timezone: str | None, read: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Dates in UTC of entries, of which some have a zone themselves; the others are of `timezone`."""
    if timezone is None:
        return read(entries)
    dates = np.full(len(entries), "NaT", dtype="M8[us]")
    known = np.array([not check.absent(entry) and entry != "" for entry in entries.tolist()])
    if (rows := known & apart).any():
        dates[rows] = read(entries[rows])
    if (rows := known & ~apart).any():
        dates[rows] = _in_zone(read(entries[rows]), timezone)
    return dates


def _ticks(dates: np.ndarray) -> np.ndarray:
    found = ticks_of(dates)
    assert found is not None
    return found


def _parsed(words: np.ndarray, source: str, date_format: str | None) -> np.ndarray:
    """Words as dates, those with a zone in UTC."""
    if date_format is not None:
        try:
            parsed = [datetime.datetime.strptime(word, date_format) if word else None for word in words.tolist()]
        except ValueError:
            example = next(word for word in words.tolist() if not _fits(word, date_format))
            raise check.fail(
                "date_format", f"how the dates of {source} are written, such as {example!r}", date_format
            ) from None
        dates = ticks_of(np.array(parsed, dtype=object))
    else:
        dates = from_text(words)
    if dates is None:
        example = next((word for word in words.tolist() if word and from_text(np.array([word])) is None), str(words[0]))
        raise ParameterError(
            f"`time` must be numbers, or dates as ISO 8601 writes them, such as 2021-03-01T12:00; {source} has "
            f"{example!r}: date_format='%d.%m.%Y %H:%M' reads 01.03.2021 12:00"
        )
    return dates


def _fits(word: str, date_format: str) -> bool:
    try:
        datetime.datetime.strptime(word, date_format)
    except ValueError:
        return is_missing(word)
    return True


def _in_zone(dates: np.ndarray, timezone: str) -> np.ndarray:
    """Dates of a zone in UTC."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # of a folder of zones, such as "Europe", too
        raise check.fail("timezone", "a zone such as 'UTC' or 'Europe/Amsterdam'", timezone) from None
    micro = dates.astype("M8[us]")
    hours, which = np.unique(micro.astype("M8[h]"), return_inverse=True)  # offsets change on the hour
    shift = [
        np.timedelta64(0 if np.isnat(hour) else zone.utcoffset(hour.astype("M8[us]").item()), "us") for hour in hours
    ]
    return micro - np.array(shift)[which.reshape(-1)]
