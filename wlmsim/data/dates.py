"""Dates and durations as numbers in a unit that is kept with them.

NumPy turns a date into the number of its own ticks, days or nanoseconds, without a word. Whatever takes times passes
them through `counted` first, so that the unit stands beside the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Protocol

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.errors import ParameterError

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0, "week": 604800.0}
"""Units of time that dates can be counted in, and how many seconds they have."""
_SPELLINGS = {
    "ns": "nanosecond nanoseconds nsec nsecs",
    "us": "microsecond microseconds usec usecs",
    "ms": "millisecond milliseconds msec msecs",
    "s": "second seconds sec secs",
    "min": "minute minutes mins",
    "h": "hour hours hr hrs",
    "day": "days d",
    "week": "weeks",
}
_CANONICAL = {name: unit for unit, names in _SPELLINGS.items() for name in [unit, *names.split()]}
_ZONE = re.compile(r"([T\s]\d{2}[\d:.,]*)\s*(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)$")
_TICKS = {"W": "604800", "D": "86400", "h": "3600", "m": "60", "s": "1", "ms": "1e-3", "us": "1e-6"}
_TICKS |= {"ns": "1e-9", "ps": "1e-12", "fs": "1e-15", "as": "1e-18"}
"""Seconds of the units of NumPy; its years and months have no fixed number of them."""
REFORM = 1582
"""The year up to which the standard calendar of CF is the Julian one, and other than NumPy's."""
DAY = "day"
"""The unit in which dates are counted if none is asked for."""
ORIGIN = "first_date"
"""The entry of the metadata that says which date the time 0 is."""


class Dated(Protocol):
    """What has times, and says what they count."""

    @property
    def units(self) -> Mapping[str, str]:
        """Unit of ``"time"``."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """With the first date, if there is one."""


def unit_of_time(name: Any) -> str | None:
    """The unit that a name stands for, however it is spelt; None for one that dates cannot be counted in."""
    return _CANONICAL.get(str(name).strip().lower())


def counted(
    name: str, times: Any, units: Mapping[str, str] | None, metadata: Mapping[str, Any] | None
) -> tuple[Any, dict[str, str], dict[str, Any]]:
    """Times as numbers, with the units and metadata that say what they count.

    Parameters
    ----------
    name : str
        What messages call them.
    times : array_like
        Numbers, which stay as they are; or dates, with or without a time zone; or durations.
    units : mapping, optional
        The unit of ``"time"`` is the one to count in. Default: days.
    metadata : mapping, optional
        Dates are counted since ``"first_date"``. Default: since the first of them.

    Returns
    -------
    tuple of (times, units, metadata)

    Raises
    ------
    ParameterError
        If there are dates, and the unit of time is not one that they can be counted in.
    """
    units, metadata = dict(units or {}), dict(metadata or {})
    ticks = ticks_of(times)
    if ticks is None:
        return times, units, metadata
    unit = unit_of_time(units.setdefault("time", DAY))
    if unit is None:
        raise ParameterError(
            f"`{name}` are dates, which can be counted in {', '.join(SECONDS)}; got units={{'time': {units['time']!r}}}"
        )
    if ticks.dtype.kind == "M":
        known = ticks[~np.isnat(ticks)]
        if not len(known):
            raise check.fail(name, "dates of which one at least is known", times)
        origin = from_text(np.array([metadata[ORIGIN]])) if ORIGIN in metadata else None
        first = known.min() if origin is None else origin[0]
        metadata[ORIGIN] = str(metadata.get(ORIGIN, _shortest(first)))
        ticks = ticks - first
    return in_unit(ticks, unit), units, metadata


def in_unit(durations: np.ndarray, unit: str) -> np.ndarray:
    """Durations of NumPy as numbers of a unit; those that are not known are NaN."""
    kind, count = np.datetime_data(durations.dtype)
    tick = count * Fraction(_TICKS[kind]) / Fraction(repr(SECONDS[unit]))  # exact: a day is no sum of rounded parts
    ticks = np.where(np.isnat(durations), np.nan, durations.astype(np.int64).astype(np.float64))
    return ticks * float(tick.numerator) / float(tick.denominator)


def ticks_of(times: Any) -> np.ndarray | None:
    """Dates or durations as an array of NumPy's own, in UTC; None for what is neither."""
    dtype: Any = getattr(times, "dtype", None)
    if getattr(dtype, "tz", None) is not None:  # of pandas; xarray shows such values as plain integers
        ticks = np.asarray(getattr(times, "values", times))
        if ticks.dtype.kind == "M":
            return ticks
        return ticks.astype(np.int64).view(f"M8[{dtype.unit}]") if _are_integers(ticks) else _from_objects(ticks)
    try:
        array = times if isinstance(times, np.ma.MaskedArray) else np.asarray(getattr(times, "values", times))
    except ValueError:  # rows of unequal lengths, of which others say what is wrong
        return None
    if array.dtype.kind in "mM":
        if array.dtype.kind == "M" and np.datetime_data(array.dtype)[0] in ("Y", "M"):
            array = array.astype("M8[D]")
        if np.datetime_data(array.dtype)[0] not in _TICKS:
            return None  # of no unit, or of one that is not always as long
        missing = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
        return array if missing is None else np.where(missing, np.array("NaT", array.dtype), np.ma.getdata(array))
    return _from_objects(array) if array.dtype.kind == "O" else None


def are_dates(value: Any) -> bool:
    """Whether a value, or an array of them, is of dates or durations."""
    return ticks_of(value) is not None


def from_text(words: np.ndarray) -> np.ndarray | None:
    """Dates that are written as ISO 8601 has it, in UTC where a zone stands beside them; None if one is not."""
    if words.dtype.kind == "U" and len(words) and _are_plain(words):
        try:
            return np.where(words == "", "NaT", words).astype("M8[us]")  # a hundred times as fast as one by one
        except ValueError:
            pass
    entries = [None if check.absent(word) or not str(word).strip() else str(word).strip() for word in words.tolist()]
    try:
        parsed = [None if word is None else _parsed(word) for word in entries]
    except ValueError:
        return None
    return _from_objects(np.array(parsed, dtype=object))


def zoned(words: np.ndarray) -> np.ndarray:
    """For each word whether a time zone stands beside the time of the day, as in ``2021-03-01T12:00+01``."""
    return np.array([_ZONE.search(word) is not None for word in words.tolist()], dtype=bool)


def _are_plain(words: np.ndarray) -> bool:
    """Whether all words begin as 2021-03-01 does or are empty, with no zone and no more than microseconds behind."""
    letters = np.ascontiguousarray(words).view("U1").reshape(len(words), -1)
    if not 10 <= letters.shape[1] <= len("2021-03-01T12:00:00.000000"):
        return False
    days = (letters[:, 4] == "-") & (letters[:, 7] == "-") | (letters[:, 0] == "")
    return bool(days.all()) and not np.isin(letters[:, 10:], ["Z", "z", "+", "-"]).any()


def _parsed(word: str) -> Any:
    if found := _ZONE.search(word):  # as R and data bases write it: 2021-03-01 12:00 UTC
        word = word[: found.end(1)] + ("Z" if found[2].isalpha() else found[2])
    parsed = datetime.fromisoformat(word)
    if parsed.tzinfo is not None or "-" not in word:  # NumPy takes 20210301 for a year
        return parsed
    return np.datetime64(word)  # which knows nanoseconds


def _from_objects(array: np.ndarray) -> np.ndarray | None:
    """Python's, pandas' and cftime's dates or durations."""
    flat = array.ravel().tolist()
    known = [entry for entry in flat if not check.absent(entry)]
    if not known:
        return None
    if all(isinstance(entry, (timedelta, np.timedelta64)) for entry in known):
        ticks: list[Any] = [np.timedelta64("NaT") if check.absent(e) else _duration(e) for e in flat]
    elif all(hasattr(entry, "calendar") and hasattr(entry, "dayofyr") for entry in known):
        ticks = _of_calendar(flat, known)
    elif all(isinstance(entry, (date, np.datetime64)) for entry in known):
        zones = {getattr(entry, "tzinfo", None) is not None for entry in known}
        if len(zones) > 1:
            raise ParameterError(
                "dates with and without a time zone cannot be counted together: give all a zone, or none; "
                "timezone='UTC' of Tracks.load says which one those are of that have none"
            )
        ticks = [np.datetime64("NaT") if check.absent(entry) else _in_utc(entry) for entry in flat]
    else:
        return None
    return np.array(ticks).reshape(array.shape)


def _of_calendar(flat: list[Any], known: list[Any]) -> list[Any]:
    """Dates of cftime: as NumPy's in the calendar that it has, in others durations since the first of them."""
    calendars = sorted({entry.calendar for entry in known})
    if len(calendars) > 1:
        raise ParameterError(f"dates of several calendars cannot be counted together; got {', '.join(calendars)}")
    first = min(known)
    if calendars[0] in ("standard", "gregorian", "proleptic_gregorian") and first.year > REFORM:
        return [np.datetime64("NaT") if check.absent(e) else np.datetime64(e.isoformat()) for e in flat]
    return [np.timedelta64("NaT") if check.absent(e) else _duration(e - first) for e in flat]


def _duration(entry: Any) -> np.timedelta64:
    return entry.to_timedelta64() if hasattr(entry, "to_timedelta64") else np.timedelta64(entry)


def _in_utc(entry: Any) -> np.datetime64:
    if hasattr(entry, "to_datetime64"):  # of pandas, which knows nanoseconds
        return entry.to_datetime64()
    if isinstance(entry, datetime) and entry.tzinfo is not None:
        entry = entry.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(entry)


def _are_integers(array: np.ndarray) -> bool:
    return array.dtype.kind in "iu" or (array.dtype.kind == "O" and all(isinstance(e, int) for e in array.ravel()))


def _shortest(first: np.datetime64) -> str:
    """A date in text, to the second at least, without zeros at its end."""
    coarse = np.datetime_data(first.dtype)[0] in ("W", "D", "h", "m")
    text = str(first.astype("M8[s]") if coarse else first)
    return text.rstrip("0").rstrip(".") if "." in text else text


def asked(name: str, times: Any, about: Dated) -> Any:
    """A time, or several, as numbers in the unit and since the first date of what they are asked of.

    Parameters
    ----------
    name : str
        What messages call them.
    times : float, str, date or array_like of these
        Numbers stay as they are. Dates are of NumPy, Python or pandas, or text of ISO 8601.
    about : object with `units` and `metadata`
        What they are asked of.

    Raises
    ------
    ParameterError
        If they are dates, and it has none; or text that is no date.
    """
    words = np.asarray(times, dtype=object).ravel().tolist() if isinstance(times, (str, list, tuple)) else []
    if any(isinstance(word, str) for word in words):
        dates = from_text(np.array([str(word) for word in words], dtype=object))
        if dates is None or dates.dtype.kind != "M":
            raise check.fail(name, "a finite number, or a date such as '2021-03-01' or '2021-03-01T12:00'", times)
        ticks: np.ndarray | None = dates[0] if isinstance(times, str) else dates
    else:
        ticks = ticks_of(times)
    if ticks is None:
        return times
    dated = np.asarray(ticks).dtype.kind == "M"
    if (dated and ORIGIN not in about.metadata) or unit_of_time(about.units.get("time", "")) is None:
        raise check.fail(name, "a number: the data have no dates", times)
    numbers = counted(name, np.atleast_1d(ticks), about.units, about.metadata)[0]
    return float(numbers[0]) if np.ndim(ticks) == 0 else numbers


def recorded(name: str, time: Any, times: np.ndarray, about: Dated, what: str) -> int:
    """The index of a time, or a date, among known times; the message has the nearest one as it may be given."""
    number = asked(name, time, about)
    if _times.position(times, check.real(name, number)) is not None or number is time or not has_dates(about):
        return check.recorded(name, number, times, what)
    nearest = written(dates_of(times[[_times.nearest(times, number)]], about))[0]
    raise check.fail(name, f"{what} (the nearest is {nearest})", time)


def dates_of(times: np.ndarray, about: Dated) -> np.ndarray:
    """The dates, to the microsecond, that times count from the first date on.

    Raises
    ------
    ParameterError
        If there is no first date, or the unit of time is not one that dates are counted in.
    """
    unit = unit_of_time(about.units.get("time", ""))
    first = from_text(np.array([about.metadata.get(ORIGIN, "")], dtype=object))
    if first is None or unit is None:
        raise ParameterError("`dates` are not known: the times are numbers, and no date says where they begin")
    return first[0].astype("M8[us]") + np.rint(np.asarray(times) * (SECONDS[unit] * 1e6)).astype("m8[us]")


def counting(times: np.ndarray, dates: np.ndarray) -> tuple[str, str] | None:
    """The unit and the first date by which dates count as the numbers beside them; None if they do not."""
    first, last = int(times.argmin()), int(times.argmax())
    span = float(times[last] - times[first])
    seconds = float((dates[last] - dates[first]) / np.timedelta64(1, "us")) * 1e-6
    unit = next((name for name, size in SECONDS.items() if abs(seconds - span * size) < 1e-3 * span * size), None)
    if unit is None:
        return None
    origin = dates[first].astype("M8[us]") - np.rint(times[first] * SECONDS[unit] * 1e6).astype("m8[us]")
    return unit, _shortest((origin + np.timedelta64(500, "us")).astype("M8[ms]"))


def midnight(about: Dated) -> float:
    """The time of midnight at the first date; 0 where times are numbers."""
    first = from_text(np.array([about.metadata.get(ORIGIN, "")], dtype=object))
    unit = unit_of_time(about.units.get("time", ""))
    if first is None or unit is None:
        return 0.0
    return float((first[0].astype("M8[D]") - first[0]) / np.timedelta64(1, "ms")) * 1e-3 / SECONDS[unit]


def has_dates(about: Dated) -> bool:
    """Whether times count from a date on."""
    return ORIGIN in about.metadata and unit_of_time(about.units.get("time", "")) is not None


def written(dates: np.ndarray) -> list[str]:
    """Dates as text, all to the day, the minute or the second, as tells them apart."""
    moments = np.asarray(dates).astype("M8[us]")
    for unit in ("D", "m", "s", "ms"):
        if (moments.astype(f"M8[{unit}]") == moments).all():
            return np.datetime_as_string(moments, unit=unit).tolist()
    return np.datetime_as_string(moments, unit="ms").tolist()


def in_words(times: Sequence[float] | np.ndarray, about: Dated, others: Sequence[float] | np.ndarray = ()) -> list[str]:
    """Times in words: their dates, or ``t = 3``, with as many digits as tell them apart, and from others."""
    if has_dates(about):
        return written(dates_of(np.asarray(times), about))
    return [f"t = {_times.text(time, [*others, *times])}" for time in times]


def span(times: np.ndarray, about: Dated, others: Sequence[float] | np.ndarray = ()) -> str:
    """From the first to the last of some times, in words; `others` are times from which they are told apart."""
    first, last = in_words([np.min(times), np.max(times)], about, [*others, *times])
    return first if first == last else f"{first} to {last.removeprefix('t = ')}"


def length_of(name: str, duration: Any, unit: str | None) -> float:
    """A duration, as a number of the unit or as text such as ``"10 min"``, in the unit of time.

    Raises
    ------
    ParameterError
        If it is not positive, or has a unit and the times have none.
    """
    if isinstance(duration, (timedelta, np.timedelta64)) or hasattr(duration, "to_timedelta64"):
        seconds = float(np.timedelta64(_duration(duration)) / np.timedelta64(1, "ns")) * 1e-9
    elif isinstance(duration, str) and (found := re.fullmatch(r"\s*([\d.]*)\s*([A-Za-z]+)\s*", duration)):
        spelt = unit_of_time(found[2])
        try:
            count = float(found[1] or 1)
        except ValueError:
            spelt = None
        if spelt is None:
            raise check.fail(name, f"a duration such as '10 min', in {', '.join(SECONDS)}", duration)
        seconds = count * SECONDS[spelt]
    else:
        return check.positive(name, duration)
    known = unit_of_time(unit or "")
    if known is None:
        raise check.fail(name, f"a number, as the unit of the times is {unit or 'not known'}", duration)
    return check.positive(name, float(f"{seconds / SECONDS[known]:.15g}"))
