"""Named columns, whatever they come from, as a snapshot series; and a snapshot series as named columns.

Text files, arrays in a file, data frames and annotated matrices all give names and values. What each of the values
means is settled here, once.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import ORIGIN, are_dates, counted, counting, from_text, has_dates, ticks_of, unit_of_time
from wlmsim.data.projection import Projection
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.units import DEGREE, METRES, stated, unit_of_length, unit_of_speed
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.io import named_units
from wlmsim.io.text_table import TextTable, numbers_of
from wlmsim.io.wide_tables import look
from wlmsim.io.word_times import read_words, suggestion
from wlmsim.io.words import number_of, value_of

Names = str | Sequence[str]

PREFERRED = "X_pca"
"""The embedding of which distances mean most, where there are several."""
COMPONENTS = ("pc", "pca")
"""Beginnings of the names of principal components, which are preferred likewise."""
GROWTH = "growth_prior"
"""The column of rates of growth that are known beforehand, as it is written."""
MOST_COLUMNS = 100
"""Numbered columns above which they are not taken for positions by themselves."""
STAND_INS = (
    *(-999.0, -9999.0, -99999.0, -999999.0, -9999999.0, 9999.0, 99999.0, 999999.0, 9999999.0),
    *(-32768.0, 1e20, 1e30, -1e30, 1e35, 1e36, -1e34, float(np.float32(9.96921e36))),
)
"""Numbers that are written for what is not known: nines, and the fill values of NetCDF and GDP."""
FAR_OFF = 10
"""How many times the extent of all other values such a number is off them."""
TIME_HINT = "; time_values={...} can say what they stand for"
TRACKS_HINT = "; wls.Tracks.load finds longitudes and latitudes, and who is who"
SIDE_HINT = "; wls.Tracks.load reads tables that have columns for each individual"
DECIMAL_HINT = "; decimal=',' reads decimal commas"
DATE_HINT = (
    "; dates are read as ISO 8601 writes them, 2021-03-01T12:00: wls.Tracks.load takes others by date_format, and "
    "pandas.to_datetime by format"
)
WORD_HINT = "; what is not known is left empty, or written NA or NaN"
TIMES = (
    *("timestamp", "time", "datetime", "date_time", "t", "position_t", "frame", "frame_number", "obs_time", "fixtime"),
    *("fix_time", "gps_time", "utc_datetime", "utc_timestamp", "acquisition_time", "date", "study_local_timestamp"),
    *("timepoint", "time_point", "timestep", "time_step", "step"),
)
"""Usual names of the column of times, in the order in which they are looked for; case and marks do not count."""
IDS = (
    "individual_local_identifier",
    "individual_id",
    "individual",
    "animal_id",
    "animal",
    "track_id",
    "trackid",
    "track",
    "trajectory_id",
    "trajectory",
    "drifter_id",
    "drifter",
    "buoy_id",
    "buoy",
    "float_id",
    "particle_id",
    "particle",
    "tag_local_identifier",
    "tag_id",
    "device_id",
    "collar_id",
    "logger_id",
    "ring",
    "tag",
    "bird_id",
    "cell_id",
    "object_id",
    "ids",
    "id",
    "name",
    "burst",
)
"""Usual names of the column that says who is seen, in the order in which they are looked for."""
ABROAD = {
    *("zeit", "zeitpunkt", "zeitstempel", "temps", "horodatage", "tiempo", "fecha", "fecha_hora", "tempo", "tijd"),
    *("czas", "aika", "zaman", "время", "时间", "時間", "시간"),
}
"""Names of the column of times in other languages, which are looked for last."""
DOUBTFUL = {"temps", "tempo"}
"""Those of them that are called so elsewhere too, such as temperatures, and are taken only where they go on."""
OFTEN = 0.2
"""Share of rows above which numbers that get smaller do not go on."""
LASTING = ("seconds", "secs", "minutes", "mins", "hours", "hrs", "days", "weeks")
"""Names of such a column that are the unit of its times, likewise."""
CALENDAR = {*LASTING, "second", "sec", "minute", "min", "hour", "day", "week", "month", "months", "year", "years"}
"""Names of parts of a date, beside one of which none of the units is the time alone."""
AXES = (
    ("x", "y", "z"),
    ("position_x", "position_y", "position_z"),
    ("x_position", "y_position", "z_position"),
    ("pos_x", "pos_y", "pos_z"),
    ("x_pos", "y_pos", "z_pos"),
    ("centroid_x", "centroid_y", "centroid_z"),
    ("x_", "y_", "z_"),
)
"""Those of the coordinates of positions."""
IN_DEGREES = {"location_long", "location_lat", "lon", "long", "lat", "longitude", "latitude"}
"""Those of longitudes and latitudes."""
PACES = ("v{}", "v_{}", "vel_{}", "velocity_{}", "{}_velocity")
"""Those of velocities along an axis."""
PART = 2**20
"""Numbers that are looked at at a time."""
DENSE = 2e9
"""Bytes beyond which a sparse matrix is not made dense."""


@dataclass
class Rows:
    """Rows as they stand in the columns: what a series is made of.

    `names` are those of the columns that were found or given; the rest is as in `SnapshotSeries`, with a time each.
    """

    times: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray | None = None
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None
    growth: np.ndarray | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    names: dict[str, Names] = field(default_factory=dict)

    def series(self) -> SnapshotSeries:
        """Sort the rows into clouds, one for each distinct time."""
        distinct, which = _times.distinct(self.times)
        order = np.argsort(which, kind="stable")
        bounds = np.searchsorted(which, np.arange(len(distinct) + 1), sorter=order)
        rows = [order[first:last] for first, last in pairwise(bounds)]
        return SnapshotSeries(
            distinct,
            _Clouds(self.positions, rows),
            None if self.velocities is None else _Clouds(self.velocities, rows, unknown=True),
            None if self.weights is None else _Clouds(self.weights, rows),
            None if self.labels is None else _Clouds(self.labels, rows),
            growth=None if self.growth is None else _Clouds(self.growth, rows, unknown=True),
            metadata=self.metadata,
            units=self.units,
        )


class _Clouds(Sequence[Any]):
    """The rows of a column at each time, which are copied when they are asked for, and not kept here."""

    fresh = True

    def __init__(self, column: np.ndarray, rows: Sequence[np.ndarray], *, unknown: bool = False):
        self._column, self._rows, self._unknown = column, rows, unknown

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, k: Any) -> Any:
        """Those at one time; None where they are unknown, which is where all are NaN."""
        cloud = self._column[self._rows[k]]
        return None if self._unknown and np.isnan(cloud).all() else cloud


def series_from_columns(
    columns: Mapping[str, Any],
    source: str,
    *,
    time: str | None = None,
    positions: Names | None = None,
    velocities: Names | None = None,
    weights: str | None = None,
    populations: str | None = None,
    growth: str | None = None,
    dims: int | None = None,
    time_values: Mapping[Any, float] | None = None,
    metadata: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
) -> SnapshotSeries:
    """Build a snapshot series from named columns.

    Parameters
    ----------
    columns : mapping
        Names and values: columns of N rows, one for each particle at each time; or arrays of positions, of shape
        (N, d), or (T, n, d) for n particles at T times.
    source : str
        What the columns are of; messages say it.
    time : str, optional
        The column of times [time], shape (N,), or (T,) beside positions of shape (T, n, d). Default ``"time"``, or
        another usual name (`TIMES`), such as ``"t"`` or ``"Frame"``;
        positions of shape (T, n, d) without it have the times 0, 1, 2, ... Dates, also as text of ISO 8601, and
        durations are counted in the unit of time, by default in days; dates from the first one, the metadata
        ``first_date``. Words that differ in their number alone, such as ``"day 3"`` or ``"E7.5"``, stand for it, with
        a warning.
    positions : str or sequence of str, optional
        One name for each coordinate; or the name of an array; or the beginning of numbered names (``"pc"`` stands
        for pc1, pc2, ...). Default: what there is of x, y, z, or x1, x2, ..., or another
        usual spelling (`AXES`), such as X, Y or pos_x, pos_y, or the array ``"positions"``, ``"x"``
        or the only one whose name begins with ``"X_"``, or of several ``"X_pca"``, with a warning.
    velocities : str or sequence of str, optional
        Likewise. Default: those that go with the names of the positions if they are there (vx, vy or v_x, v_y for x, y;
        v1, v2 for x1, x2; ``"velocities"`` for ``"positions"``; ``"velocity_pca"`` for ``"X_pca"``); else they are
        unknown. Where all are NaN at some time, they are unknown at that time.
    weights : str, optional
        The column of weights, rescaled to sum to 1 at each time. Default ``"weight"`` if there; else all are equal.
    populations : str, optional
        The column that says which population a row belongs to, as integers or as words; words are numbered in
        their order and kept as the metadata ``population_names``; rows without a label are dropped. Default
        ``"population"`` if there; else one.
    growth : str, optional
        The column of rates at which rows are known beforehand to multiply [1 / time], finite, but where all are NaN at
        some time: nothing is known then. Default: nothing is known, also where there is ``"growth_prior"``.
    dims : int, optional
        Keep the first coordinates only. Default: all.
    time_values : mapping, optional
        What the entries of the column of times stand for, such as ``{"day 3": 3.0}``. Default: their numbers.
    metadata, units : mapping, optional
        Kept with the series.

    Returns
    -------
    SnapshotSeries
        Its times are the distinct times, in order; at each, rows keep the order they have in the columns.

    Raises
    ------
    ParameterError
        If a name is not there (the message lists those that are), a column does not hold what it should, or shapes
        do not fit.
    """
    return rows_from_columns(
        columns,
        source,
        time=time,
        positions=positions,
        velocities=velocities,
        weights=weights,
        populations=populations,
        growth=growth,
        dims=dims,
        time_values=time_values,
        metadata=metadata,
        units=units,
    ).series()


def rows_from_columns(
    columns: Mapping[str, Any],
    source: str,
    *,
    time: str | None = None,
    positions: Names | None = None,
    velocities: Names | None = None,
    weights: str | None = None,
    populations: str | None = None,
    growth: str | None = None,
    dims: int | None = None,
    time_values: Mapping[Any, float] | None = None,
    metadata: Mapping[str, Any] | None = None,
    units: Mapping[str, str] | None = None,
) -> Rows:
    """Find rows in named columns, in the order in which they stand there; see `series_from_columns`."""
    table = _Table(columns, source)
    where = table.positions(positions)
    x = table.values("positions", where, dims)
    names = table.companion("velocities", where, velocities)
    v = None if names is None else table.values("velocities", names)
    w = table.optional("weights", weights, "weight")
    label = table.optional("populations", populations, "population")
    known_growth = None if growth is None else table.column("growth", table.require("growth", growth))
    if v is not None and v.shape != x.shape:
        raise ParameterError(
            f"`velocities` must have the shape of the positions, {x.shape}; {_shown(names)} of {source} has {v.shape}. "
            "Velocities of other coordinates, such as genes beside principal components, have to be projected first"
        )
    if dims is not None:
        if check.integer("dims", dims) > x.shape[-1]:
            raise check.fail("dims", f"at most {x.shape[-1]}, as {_shown(where)} of {source} has", dims)
        x, v = x[..., :dims], None if v is None else v[..., :dims]
    when = table.times(time, time_values, frames=len(x) if x.ndim == 3 else None)
    units = table.units(where, names, time, units)
    known = table.counting(when) if time is None else None
    if known is not None and units.get("time", known[0]) == known[0]:
        units, metadata = {**units, "time": known[0]}, {ORIGIN: known[1], **(metadata or {})}
    when, units, metadata = counted("time", when, units, metadata)
    if velocities is None and not table.may_be_paces(names, units.get("length"), units.get("time"), exactly=True):
        names = v = None
    table.check_speed(names, units)
    table.tell_units(
        None if time is not None else table.time_column(),
        None if positions is not None else where,
        None if velocities is not None else names,
    )
    if not np.isfinite(when).all():
        bad = int((~np.isfinite(when)).sum())
        raise ParameterError(f"`time` must be finite; got NaN or infinity in {bad} of {len(when)} rows")
    if x.ndim == 3:
        count, n, dim = x.shape
        if when.shape != (count,):
            raise check.fail("time", f"a column of {count} times, as {_shown(where)} has", when)
        when = np.repeat(when, n)
        w = None if w is None else np.broadcast_to(w, (count, n)).ravel()
        label = None if label is None else np.broadcast_to(label, (count, n)).ravel()
        known_growth = None if known_growth is None else np.broadcast_to(known_growth, (count, n)).ravel()
        x, v = x.reshape(-1, dim), None if v is None else v.reshape(-1, dim)
    about = dict(metadata or {})
    if label is not None:
        label, words = _labels(label)
        about |= {} if words is None else {"population_names": words}
    rows = {"time": when, "velocities": v, "weights": w, "populations": label, "growth": known_growth}
    for name, column in rows.items():
        if column is not None and len(column) != len(x):
            raise check.fail(name, f"a column of {len(x)} rows, as the positions have", column)
    found = {"time": time or table.time_column() or "time", "positions": where, "velocities": names}
    used = {role: table.stored(name) for role, name in found.items() if name is not None}
    return Rows(when, x, v, w, label, known_growth, about, units, used)


def columns_from_series(series: SnapshotSeries) -> dict[str, np.ndarray]:
    """Return the rows of all times as columns, under the names that `series_from_columns` finds by itself.

    Returns
    -------
    dict
        ``"time"`` (N,), ``"positions"`` (N, d); ``"velocities"`` (N, d) if known at some time, NaN where not;
        ``"weight"`` (N,) if not all are equal; ``"population"`` (N,) if there are several. ``"growth_prior"`` (N,) if
        known at some time, NaN where not, which is found when it is named.
    """
    check.instance("series", series, SnapshotSeries)
    columns = {"time": np.repeat(series.times, series.sizes), "positions": np.concatenate(series.positions)}
    if any(v is not None for v in series.velocities):
        rows = zip(series.velocities, series.positions, strict=True)
        columns["velocities"] = np.concatenate([np.full_like(x, np.nan) if v is None else v for v, x in rows])
    if any(g is not None for g in series.growth):
        rates = zip(series.growth, series.sizes, strict=True)
        columns[GROWTH] = np.concatenate([np.full(n, np.nan) if g is None else g for g, n in rates])
    if not all(cloud.uniform for cloud in series):
        columns["weight"] = np.concatenate(series.weights)
    if series.labels is not None:
        columns["population"] = np.concatenate(series.labels)
    return columns


def split_axes(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Give each coordinate a column of its own: x, y, z and vx, vy, vz, or x1, x2, ... beyond three dimensions."""
    names = axis_names(columns["positions"].shape[1])
    flat: dict[str, np.ndarray] = {}
    for name, column in columns.items():
        prefix = {"positions": "", "velocities": "v"}.get(name)
        flat |= {name: column} if prefix is None else {prefix + a: c for a, c in zip(names, column.T, strict=True)}
    return flat


def with_places(series: SnapshotSeries, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns with the dates, longitudes and latitudes of the rows too, where they are known."""
    more: dict[str, np.ndarray] = {}
    if has_dates(series):
        more["date"] = np.repeat(series.dates, series.sizes)
    if Projection.of(series) is not None:
        more["lon"], more["lat"] = np.concatenate(series.lonlat).T
    return {**columns, **more}


def axis_names(dim: int) -> list[str]:
    """Return x, y, z, or x1, x2, ... beyond three dimensions."""
    return ["x", "y", "z"][:dim] if dim <= 3 else [f"x{k + 1}" for k in range(dim)]


class _Table:
    """Looks names up, and says which there are when one is missing."""

    aside: Collection[str] = ()  # lengths that may stand beside positions
    lengths = named_units.lengths({axis for names in AXES for axis in names})
    degrees_apart = named_units.degrees(IN_DEGREES)
    speeds_along = named_units.velocities({pace.format(axis) for pace in PACES for axis in "xyz"})

    def __init__(self, columns: Mapping[str, Any], source: str):
        self.source, self._text = source, columns if isinstance(columns, TextTable) else None
        self.units_beside: dict[str, str] = {}
        self.behind: dict[str, str] = {}
        self.unit_of_words: str | None = None
        self._units: dict[str, str] = {}
        bare = named_units.without_brackets(map(str, columns))
        beside: Mapping[str, str] = getattr(columns, "units", {})
        self.units_beside = {name: inside or beside.get(whole, "") for name, (whole, inside) in bare.items()}
        stored = {str(name): name for name in columns}
        self._call({name: stored[whole] for name, (whole, _) in bare.items()}, columns)
        self._call_by_units(columns)

    def _call(self, stored: Mapping[str, str], columns: Mapping[str, Any]) -> None:
        """Let the columns have other names than those under which they are stored."""
        self.columns = named_units.Renamed(columns, stored)
        self.called = {str(whole): name for name, whole in stored.items()}
        self.names = list(stored)
        self.plain = {plain(name): name for name in reversed(self.names)}

    def _call_by_units(self, columns: Mapping[str, Any]) -> None:
        """Let columns such as ``x_mm`` and ``time_s`` have usual names, where no other columns have them."""
        kinds = (self.lengths, self.degrees_apart, named_units.times({*TIMES, *ABROAD}), self.speeds_along)
        places, degrees, clocks, paces = found = [kind.among(self.names, plain) for kind in kinds]
        for parts in found:
            self.units_beside |= {whole: unit for whole, unit in parts.values() if not self.units_beside[whole]}
        if len(degrees) != 2:
            degrees = {}  # of which one alone is no place, nor is y without x
        there = {plain(name) for name in places}
        lone = {name for names in AXES if names[0] not in there for name in names} - set(self.aside)
        known = self.has_positions()
        new = {
            name: part
            for name, part in {**places, **degrees}.items()
            if plain(name) in self.aside or (not known and plain(name) not in lone)
        }
        new |= {} if self._usual_clock() else clocks
        new = {name: part for name, part in {**new, **paces}.items() if plain(name) not in self.plain}
        if new:
            self.behind = {whole: name for name, (whole, _) in new.items()}
            self.units_beside |= {name: unit for name, (_, unit) in new.items()}
            self._call({self.behind.get(name, name): whole for name, whole in self.columns.stored.items()}, columns)

    def has_positions(self) -> bool:
        """Whether columns may be positions by their names, so that others with a unit behind them need not be."""
        components = (re.fullmatch(rf"({'|'.join(COMPONENTS)})[_ ]?\d+", name, re.IGNORECASE) for name in self.names)
        embedded = (name.startswith("X_") and self.lengths.split(name, plain) is None for name in self.names)
        usual = any(names[0] in self.plain for names in AXES)
        return usual or "positions" in self.names or any(embedded) or any(components) or bool(self._numbered("x"))

    def stored(self, names: Names) -> Names:
        """The names under which columns are stored."""
        if isinstance(names, str):
            return str(self.columns.stored.get(names, names))
        return [str(self.columns.stored.get(name, name)) for name in names]

    def tell_units(self, *names: Names | None) -> None:
        """Say which of the columns that are used are called otherwise than they are stored, where that is a guess."""
        used = [name for several in names if several is not None for name in _listed(several)]
        if (clock := self._last_clock()) in used and clock == self.time_column() and clock not in self.behind.values():
            unit = f", in {self.time_of(str(clock))}" if self.time_of(str(clock)) else ""
            warn(f"{self.source}: times are those of {clock!r}{unit}; `time` may name another column", DataWarning)
        guessed = [name for name in used if name in self.behind.values()]
        if guessed:
            read = [f"{self.stored(name)!r} as {name} in {self.units_beside[name]}" for name in guessed]
            warn(
                f"{self.source}: read {', '.join(read)}; `positions`, `time` and `units` may say otherwise", DataWarning
            )
        inside = {name: self.units_beside[name] for name in used if name not in guessed and self.stored(name) != name}
        if unknown := [name for name, text in inside.items() if not named_units.is_unit(text)]:
            read = [f"{self.stored(name)!r} as {name}" for name in unknown]
            warn(
                f"{self.source}: read {', '.join(read)}, without what stands in brackets, which is no known unit; "
                "`units` may state units",
                DataWarning,
            )

    def require(self, role: str, name: str) -> str:
        if getattr(name, "ndim", 0):  # entries, which are compared with names one by one
            raise check.fail(role, "the name of a column, under which the entries stand", name)
        if name not in self.names and str(name) in self.called:
            return self.called[str(name)]
        if name not in self.names and (bare := named_units.in_brackets(str(name))[0]) in self.names:
            return bare  # as it stands in another table of the kind
        if name not in self.names:
            hint = check.meant(name, self.names)
            raise ParameterError(f"`{role}` must name one of {self._there()}; got {name!r}{hint}")
        return name

    def optional(self, role: str, name: str | None, usual: str) -> np.ndarray | None:
        if name is None and usual not in self.names:
            return None
        found = self.require(role, name or usual)
        return _entries(self._read(found)) if role == "populations" else self.column(role, found)

    def positions(self, given: Names | None) -> Names:
        if given is not None:
            return self._resolve("positions", given)
        found: Names | None = next((n for n in ("positions",) if n in self.names), None)
        found = found or ([n for n in "xyz" if n in self.names] if "x" in self.names else self._numbered("x"))
        found = found or self.axes()
        if found == ["x"] and np.ndim(self.columns["x"]) > 1:
            found = "x"
        left = self._numbered("y")
        if found and found == self._numbered("x") and left:
            warn(  # such as x1, y1, x2, y2 of two bodies side by side
                f"the positions are {found[0]!r} to {found[-1]!r}, without {left[0]!r} to {left[-1]!r}; `positions` "
                f"may name all columns that are coordinates{self._side_hint()}",
                DataWarning,
            )
        embeddings = [name for name in self.names if name.startswith("X_")]
        if not found and len(embeddings) > 1 and PREFERRED in embeddings:
            found = PREFERRED
            warn(
                f"the positions are {PREFERRED!r}, of {', '.join(map(repr, embeddings))}; `positions` may name another",
                DataWarning,
            )
        if not found and len(embeddings) == 1:
            found = embeddings[0]
        found = found or self._family()
        if not found:
            raise ParameterError(
                f"`positions` must say which of {self._there()} hold them; there is no x, x1 or positions: "
                "positions=[...] says it" + (TRACKS_HINT if any(map(_is_degrees, self.names)) else self._side_hint())
            )
        return found

    def _side_hint(self) -> str:
        """What reads columns for each individual, if these seem to be such."""
        return "" if set(IDS) & set(self.plain) or look(self.names) is None else SIDE_HINT

    def axes(self) -> list[str]:
        """The coordinates by their usual names, however these are spelt."""
        found = ([self.plain[name] for name in names if name in self.plain] for names in AXES if names[0] in self.plain)
        columns = (names for names in found if all(np.ndim(self.columns[name]) == 1 for name in names))
        return next(columns, [])  # "X" of annotated cells is a matrix

    def time_column(self) -> str | None:
        """The column of times by its usual name: "time", or else another one, however it is spelt."""
        return self._usual_clock() or self._last_clock()

    def _usual_clock(self) -> str | None:
        if "time" in self.names:
            return "time"
        return next((self.plain[name] for name in TIMES if name in self.plain), None)

    def _last_clock(self) -> str | None:
        """The only column of times by its name in another language, or by that of a unit of time."""
        abroad = [name for name in self.names if re.sub(r"[\W_]+", "_", name.strip().casefold()) in ABROAD]
        parts = [name for name in self.plain if name in CALENDAR]
        lasting = [self.plain[name] for name in parts if name in LASTING] if len(parts) == 1 else []
        if len(found := abroad or lasting) != 1 or (found[0].strip().lower() in DOUBTFUL and self._goes_back(found[0])):
            return None
        return found[0]

    def _goes_back(self, name: str) -> bool:
        """Whether numbers get smaller as often as those that are no times."""
        column = np.asarray(self.columns[name])
        numbers = numbers_of(column.tolist()) if column.dtype.kind == "U" else column
        return numbers is not None and numbers.dtype.kind in "iuf" and bool(np.mean(np.diff(numbers) < 0) > OFTEN)

    def companion(self, role: str, positions: Names, given: Names | None) -> Names | None:
        """The velocities: as given, or those whose names go with the positions'."""
        if given is not None:
            return self._resolve(role, given)
        if isinstance(positions, str):
            guesses = ["velocities" if positions == "positions" else f"v{positions}"]
            guesses += [f"velocity_{positions[2:]}"] if positions.startswith("X_") else []
            return next((guess for guess in guesses if guess in self.names), None)
        usual = [f"v{name}" for name in positions]
        spelt = [[pace.format(_axis(name)) for name in positions] for pace in PACES]
        numbered = [re.sub(r"^x(?=[_ ]?\d)", "v", name) for name in positions]  # v1, v2 for x1, x2
        if set(numbered) & set(positions):
            numbered = usual
        found = next((names for names in (usual, numbered) if set(names) <= set(self.names)), None)
        if found is None and (names := next((names for names in spelt if set(names) <= set(self.plain)), None)):
            found = [self.plain[name] for name in names]
        unnamed = ["u", "v", "w"][: len(positions)]
        if found is None and set(unnamed) <= set(self.names) - set(positions):
            warn(
                f"{self.source}: {_shown(unnamed)} may be velocities, and are left out: `velocities` takes them",
                DataWarning,
            )
        return found

    def values(self, role: str, names: Names, dims: int | None = None) -> np.ndarray:
        """The coordinates, as an array of shape (N, d) or (T, n, d); of a sparse matrix the first `dims` alone."""
        if isinstance(names, str):
            array = _numbers(role, self._dense(role, names, dims), self.source)
            if array.ndim == 1:
                array = array[:, None]
            if array.ndim not in (2, 3) or 0 in array.shape:
                raise check.fail(role, f"of shape (N, d) or (T, n, d); {names!r} of {self.source} is not", array)
            return _without_stand_ins(role, array, self.source)
        return _without_stand_ins(role, self._side_by_side(role, names), self.source)

    def _side_by_side(self, role: str, names: Sequence[str]) -> np.ndarray:
        """Columns of numbers as an array, of shape (N, d): one after the other is read and let go."""
        if (found := self.quick(names)) is not None:
            return found
        array = np.empty((0, 0))
        for k, name in enumerate(names):
            column = self.column(role, name)
            if k == 0 and column.ndim == 1:
                array = np.empty((len(column), len(names)))
            if column.ndim != 1 or len(column) != len(array):
                raise ParameterError(
                    f"`{role}` must name columns of equal length; {_shown(names)} of {self.source} are not"
                )
            array[:, k] = column
        return array

    def column(self, role: str, name: str) -> np.ndarray:
        """A column of numbers."""
        found = self.quick([name])
        return _numbers(role, self._read(name), self.source) if found is None else found[:, 0]

    def quick(self, names: Sequence[str]) -> np.ndarray | None:
        """Columns of a text that are numbers, of shape (N, d), without their words; None for what is anything else."""
        return None if self._text is None else self._text.numbers([self.columns.stored[name] for name in names])

    def _read(self, name: str) -> Any:
        """A column, of which the unit that it states is kept: it is read once."""
        column = self.columns[name]
        self._units[name] = stated(column)
        return column

    def _unit(self, name: str) -> str:
        """The unit that a column says it is in."""
        if self._text is not None:
            return ""
        if name not in self._units:
            self._read(name)
        return self._units[name]

    def times(self, name: str | None, values: Mapping[Any, float] | None, frames: int | None) -> Any:
        """The times of the rows: numbers, or dates."""
        clock = name or self.time_column()
        unlike = frames is not None and (clock is None or np.shape(self.columns[clock]) != (frames,))
        if name is None and clock != "time" and unlike:
            return np.arange(float(frames or 0))
        if clock is None:
            raise ParameterError(
                f"`time` must say which of {self._there()} holds the times; there is no 'time', 't' or 'frame': "
                "time='...' says it"
            )
        clock = self.require("time", clock)
        if values is None and (numbers := self.quick([clock])) is not None:
            return numbers[:, 0]
        given = self._read(clock)
        dates = ticks_of(given)
        column = _entries(given) if dates is None else dates
        column = column.reshape(1) if column.ndim == 0 else column
        if column.ndim != 1:
            raise check.fail("time", "a column of numbers", column)
        if values is not None:
            unknown = [entry for entry in dict.fromkeys(column.tolist()) if entry not in values]
            if unknown:
                raise check.fail(
                    "time_values", f"a mapping that has {unknown[0]!r}, which stands in the column", values
                )
            column, dates = np.array([values[entry] for entry in column.tolist()]), None
        if dates is None and column.dtype.kind in "OU":
            dates = from_text(column) if any(_is_date(entry) for entry in column.tolist()[:1]) else None
        if dates is not None and dates.dtype.kind in "mM":
            return dates
        if column.dtype.kind in "OU" and dates is None:
            column = self._times_of_words(column)
        hint = TIME_HINT + (suggestion(column.tolist()) if column.dtype.kind in "OU" else "")
        hint = (DATE_HINT if any(map(_is_day, column.tolist()[:1])) else "") + hint
        return _numbers("time", column, self.source, hint=hint)

    def counting(self, times: Any) -> tuple[str, str] | None:
        """The unit and the first date of times that are numbers, if dates stand beside them."""
        if "date" not in self.names or ticks_of(times) is not None or np.shape(times) != np.shape(self.columns["date"]):
            return None
        try:
            column = _entries(self.columns["date"])
            dates = from_text(column) if column.dtype.kind == "U" else ticks_of(column)
        except ParameterError:  # what they are is not asked for
            return None
        if dates is None or dates.dtype.kind != "M" or np.isnat(dates).any() or not np.isfinite(times).all():
            return None
        return counting(times, dates)

    def _times_of_words(self, column: np.ndarray) -> np.ndarray:
        """The numbers in words such as "day 3", with a word; what is no such word stays as it is."""
        words = column.tolist()
        found = None if all(check.is_number(word) for word in words) else read_words(words)
        if found is None:
            return column
        self.unit_of_words = found.unit
        in_order = sorted(found.values.items(), key=lambda entry: entry[1])
        shown = ", ".join(f"{word!r} as {value:g}" for word, value in in_order[:4])
        more = ", ..." if len(found.values) > 4 else ""
        unit = f"{found.unit}s" if found.unit in ("day", "week") else found.unit
        warn(
            f"times are the numbers in words: {shown}{more}{f', in {unit}' if unit else ''}; "
            "`time_values` may say otherwise",
            DataWarning,
        )
        return np.array([found.values[word] for word in words])

    def units(
        self, positions: Names, velocities: Names | None, time: str | None, given: Mapping[str, str] | None
    ) -> dict[str, str]:
        """The units that are given, or else those that the columns say they are in."""
        units = dict(given or {})
        if "length" not in units and all(map(_is_degrees, _listed(positions))):
            units["length"] = DEGREE
        if "length" not in units and (length := self.length_of(_listed(positions))):
            units["length"] = length
        clock = time or self.time_column()
        if self.unit_of_words is not None:
            units.setdefault("time", self.unit_of_words)
        if "time" not in units and clock is not None and (unit := self.time_of(clock)):
            units["time"] = unit
        return units

    def said(self, name: str) -> str:
        """The unit that a column says it is in, or the text beside its name."""
        return self._unit(name) or self.units_beside.get(name, "")

    def length_of(self, names: Sequence[str]) -> str:
        """The unit of length that all columns say they are in; empty if one says none.

        Raises
        ------
        ParameterError
            If they say different ones.
        """
        said = {name: self._length(name) for name in names}
        known = {name: unit for name, unit in said.items() if named_units.length_in(unit)}
        if len(set(known.values())) > 1 and DEGREE not in known.values():
            shown = ", ".join(f"{self.stored(name)!r} in {unit}" for name, unit in known.items())
            raise ParameterError(
                f"`positions` must be in one unit of length; {self.source} has {shown}: convert them to one; "
                "units={'length': 'mm'}, or another, says that they are in one already"
            )
        return said[names[0]] if len(set(said.values())) == 1 else ""

    def _length(self, name: str) -> str:
        stated_itself = self._unit(name)
        if stated_itself:
            return unit_of_length(stated_itself) or stated_itself
        return named_units.length_in(self.units_beside.get(name, ""))

    def time_of(self, name: str) -> str:
        """The unit of time that a column says it is in; empty if it says none."""
        name = self.called.get(name, name)
        stated_itself = self._unit(name) if name in self.names else ""
        if stated_itself:
            return unit_of_time(stated_itself) or stated_itself
        return named_units.time_in(self.units_beside.get(name, "") or (name if plain(name) in LASTING else ""))

    def may_be_paces(self, velocities: Names | None, length: str | None, time: str | None, *, exactly: bool) -> bool:
        """Whether velocities that were found by units behind their names go with positions and times; else say so.

        Where their unit must be `exactly` that of positions over that of times, no other one will do.
        """
        guessed = [name for name in _listed(velocities or ()) if name in self.behind.values()]
        speeds = {unit_of_speed(self.said(name)) for name in guessed}
        length, time = unit_of_length(length or ""), unit_of_time(time or "")
        if not guessed or (length in METRES and time and (not exactly or speeds == {(length, time)})):
            return True
        known = (length or "an unknown unit", time or "an unknown unit")
        warn(
            f"{self.source}: left out {_shown(self.stored(guessed))}, which may be velocities, as the positions are in "
            f"{known[0]} and the times in {known[1]}: `velocities` takes them, and `units` may state units",
            DataWarning,
        )
        return False

    def check_speed(self, velocities: Names | None, units: Mapping[str, str]) -> None:
        """Refuse velocities that say that they are in another unit than positions over times."""
        for name in _listed(velocities or ()):
            speed, said = unit_of_speed(self.said(name)), self.said(name)
            if not speed and (named_units.length_in(said) or named_units.time_in(said)):
                warn(
                    f"{self.source}: {name!r} is in {said}, which is no unit of velocity: taken for that of positions "
                    "over that of times; displacements must be divided by their interval",
                    DataWarning,
                )
            length, time = unit_of_length(units.get("length", "")), unit_of_time(units.get("time", ""))
            if speed and ((length and length != speed.length) or (time and time != speed.time)):
                raise ParameterError(
                    f"`velocities` must be in the unit of positions over that of times, "
                    f"{units.get('length', '?')}/{units.get('time', '?')}; {name!r} of {self.source} is in "
                    f"{self.said(name)}: convert them, or count dates in another unit, as "
                    "units={'time': 's'} does; wlmsim.io.load_drifters reads longitudes and latitudes with velocities"
                )

    def _dense(self, role: str, name: str, dims: int | None) -> Any:
        """A matrix as an array: a sparse one within bounds, and with a word."""
        matrix = self._read(name)
        if not is_sparse(matrix):
            return matrix
        rows, count = matrix.shape
        kept = count if dims is None else min(dims, count)
        size = 8.0 * rows * kept
        about = f"{name!r} of {self.source} is sparse: dense it has {rows:,} x {kept:,} numbers, {size / 1e9:.2g} GB"
        if size > DENSE:
            raise ParameterError(
                f"`{role}` must be a few coordinates; {about}. An embedding, such as X_pca of scanpy.pp.pca, has few"
            )
        warn(f"{about}, and is made so", DataWarning)
        dense = np.empty((rows, kept))
        begin = 0
        for part in parts_of(matrix):
            dense[begin : begin + part.shape[0]] = part[:, :kept].toarray()
            begin += part.shape[0]
        return dense

    def _resolve(self, role: str, given: Names) -> Names:
        if isinstance(given, str):
            return given if given in self.names else self._numbered(given) or self.require(role, given)
        return [self.require(role, name) for name in given] or self.require(role, "")

    def _numbered(self, prefix: str) -> list[str]:
        """The names that are the prefix and a number, in the order of the numbers."""
        pattern = re.compile(re.escape(prefix) + r"[_ ]?(\d+)")
        found = {name: int(match[1]) for name in self.names if (match := pattern.fullmatch(name))}
        return sorted(found, key=found.__getitem__)

    def _family(self) -> list[str]:
        """The only numbered columns, or the principal components among them, with a word."""
        if any(map(_is_degrees, self.names)):
            return []
        matches = [match[1] for name in self.names if (match := re.fullmatch(r"(.*?[A-Za-z].*?)[_ ]?\d+", name))]
        counts = Counter(prefix for prefix in matches if prefix != "arr")  # which NumPy calls what has no name
        prefixes = [prefix for prefix, count in counts.items() if 1 < count <= MOST_COLUMNS]
        components = [prefix for prefix in prefixes if prefix.lower() in COMPONENTS]
        if len(chosen := components or prefixes) != 1:
            return []
        found = self._numbered(chosen[0])
        warn(f"the positions are {found[0]!r} to {found[-1]!r}; `positions` may name other columns", DataWarning)
        return found

    def _there(self) -> str:
        names = [repr(str(name)) for name in self.columns.stored.values()]
        shown = names if len(names) <= 40 else [*names[:40], f"... ({len(names) - 40} more)"]
        return f"the columns of {self.source} ({', '.join(shown) or 'none'})"


def _without_stand_ins(role: str, values: np.ndarray, source: str) -> np.ndarray:
    """Values in which numbers that stand for what is not known, far off all others, are NaN, with a word."""
    if not any(_are_far(part).any() for part in parts_of(values)):
        return values
    suspects = np.isin(values, STAND_INS)
    known = ~suspects & np.isfinite(values)
    least, most = values.min(where=known, initial=np.inf), values.max(where=known, initial=-np.inf)
    if not suspects.any() or not least < most:
        return values
    missing = suspects.copy()
    missing[suspects] = np.abs(values[suspects] - 0.5 * (least + most)) > FAR_OFF * (most - least)
    if values.shape[-1] > 1:  # the same one in all coordinates at once
        missing |= (suspects & (values == values[..., :1])).all(axis=-1, keepdims=True)
    if not missing.any():
        return values
    warn(
        f"{source}: {', '.join(f'{x:g}' for x in np.unique(values[missing]))} stands for what is not known in "
        f"{int(missing.any(axis=-1).sum())} rows of the {role}, far off all others or in all coordinates at once",
        DataWarning,
    )
    return np.where(missing, np.nan, values)


def _are_far(values: np.ndarray) -> np.ndarray:
    """Which values are as large as those that stand for others are at least."""
    return np.abs(values) >= min(map(abs, STAND_INS))


def is_sparse(matrix: Any) -> bool:
    """Whether a matrix is sparse, in memory or on the disk."""
    return getattr(matrix, "format", "") in ("csr", "csc") or (
        hasattr(matrix, "toarray") and not isinstance(matrix, np.ndarray)  # views of AnnData have it too
    )


def parts_of(matrix: Any) -> Iterator[Any]:
    """Some rows of a matrix of any kind at a time, so that what is made of all of it takes little memory."""
    if hasattr(matrix, "to_memory") and matrix.format == "csc":
        matrix = matrix.to_memory()  # rows of which are not to be had from the disk
    rows, width = matrix.shape[0], math.prod(matrix.shape[1:])
    step = max(1, PART // max(1, width))
    return (matrix[k : k + step] for k in range(0, rows, step))


def _numbers(role: str, column: Any, source: str, hint: str = "") -> np.ndarray:
    """A column as float64; words that are numbers count as numbers, and what is missing or masked as NaN."""
    if are_dates(column):
        raise ParameterError(f"`{role}` must be numbers, not dates: subtract the first and divide by the unit of time")
    column = _entries(column)
    if column.dtype.kind == "U":
        try:
            return np.array([number_of(word) for word in column.ravel().tolist()], np.float64).reshape(column.shape)
        except ValueError:
            pass  # which of them is none is said below
    if column.dtype.kind in "OUST":
        flat = [entry.decode() if isinstance(entry, bytes) else entry for entry in column.ravel().tolist()]
        column = np.array([value_of(entry) for entry in flat], dtype=object).reshape(column.shape)
    try:
        return check.array(role, column)
    except ParameterError:
        example = next(entry for entry in np.ma.getdata(column).ravel().tolist() if not check.is_number(entry))
        comma = isinstance(example, str) and check.is_number(example.replace(",", ".", 1)) and DECIMAL_HINT
        raise ParameterError(
            f"`{role}` must be numbers; {source} has {example!r}{comma or hint or WORD_HINT}"
        ) from None


def plain(name: str) -> str:
    """The name of a column in small letters, with one underscore for all else than letters and digits."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower())


def _entries(column: Any) -> np.ndarray:
    """A column as an array, in which what is masked is missing."""
    if not isinstance(column, np.ma.MaskedArray):
        return np.asarray(column)
    entries, missing = np.ma.getdata(column), np.ma.getmaskarray(column)
    if missing.any():
        entries = entries.astype(object)
        entries[missing] = None
    return entries


def _labels(labels: np.ndarray) -> tuple[np.ndarray, list[str] | None]:
    """Labels as integers, missing ones masked; and the names that they stand for, if they are words.

    Whole numbers stay what they are, however they are written; ``"010"`` is a word, since it is not how 10 is written.
    """
    if labels.dtype.kind == "i":
        return labels, None
    flat = [entry.decode() if isinstance(entry, bytes) else entry for entry in labels.ravel().tolist()]
    missing = np.array([check.absent(entry) or entry == "" for entry in flat]).reshape(labels.shape)
    known = [entry for entry, gone in zip(flat, missing.ravel(), strict=True) if not gone]
    numbers = [_whole(entry) for entry in known]
    names = None
    if any(number is None for number in numbers):
        words = [str(entry) for entry in known]
        names = sorted(set(words))
        number_of = {name: k for k, name in enumerate(names)}
        numbers = [number_of[word] for word in words]
    values = np.zeros(labels.shape, dtype=np.int64)
    values[~missing] = np.array(numbers, dtype=np.int64)
    return (np.ma.array(values, mask=missing) if missing.any() else values), names


def _whole(entry: Any) -> int | None:
    """The whole number that a label is, of those that 64 bits hold; None if it is none."""
    try:
        number = int(entry)
    except (TypeError, ValueError, OverflowError):
        return None
    same = str(number) == entry.strip() if isinstance(entry, str) else number == entry
    return number if same and -(2**63) <= number < 2**63 else None


def _is_date(entry: Any) -> bool:
    """Whether a word looks as dates do in ISO 8601."""
    return isinstance(entry, str) and re.match(r"\s*\d{4}-\d{2}-\d{2}", entry) is not None


def _is_day(entry: Any) -> bool:
    """Whether a word looks as dates do elsewhere."""
    return isinstance(entry, str) and re.match(r"\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}", entry) is not None


def _axis(name: str) -> str:
    """The axis that a coordinate is along, such as x of "POSITION_X"."""
    return re.sub(r"^(position|pos|centroid)_|_(position|pos)?$", "", plain(name))


def _is_degrees(name: str) -> bool:
    """Whether a column is a longitude or a latitude by its name."""
    return re.fullmatch(r"(location[-_. ])?(lon|long|lat|longitude|latitude)", name, re.IGNORECASE) is not None


def _listed(names: Names) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _shown(names: Names | None) -> str:
    return repr(names) if isinstance(names, str) else ", ".join(map(repr, names or ()))
