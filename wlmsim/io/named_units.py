"""Units in the names of columns: in brackets, as in ``x [mm]``, or behind a mark, as in ``time_s`` and ``t/s``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from wlmsim.data.dates import unit_of_time
from wlmsim.data.units import DEGREE, unit_of_length, unit_of_speed

_PIXELS = {"px", "pix", "pixel", "pixels"}
_MARK = re.compile(r"\s+in\s+|[_ .,/\-]+")
_EXTREMES = ("max", "mean", "median")
"""What stands beside a minimum, which is no minute."""


def length_in(text: str) -> str:
    """The unit of length or of angle that a text is, pixels among them; empty for any other text."""
    return "px" if text.strip().lower() in _PIXELS else unit_of_length(text) or ""


def time_in(text: str) -> str:
    """The unit of time that a text is; empty for any other text."""
    return unit_of_time(text) or ""


def speed_in(text: str) -> str:
    """The unit of velocity that a text is, ``m_s`` and ``m_per_s`` among them; empty for any other text."""
    spelt = re.sub(r"_(per_)?", "/", text, count=1)
    return spelt if unit_of_speed(spelt) else ""


def unit_behind(name: str) -> tuple[str, str]:
    """The name of a column without the unit of length or velocity behind it, and that; empty if there is none."""
    for mark in _MARK.finditer(name):
        if unit := length_in(text := name[mark.end() :]) or speed_in(text):
            return name[: mark.start()], unit
    return name, ""


def is_unit(text: str) -> bool:
    """Whether a text is a unit of length, time or velocity, or of pixels over any time."""
    parts = re.split(r"\s*/\s*", text)
    return bool(length_in(text) or time_in(text) or unit_of_speed(text) or (len(parts) == 2 and length_in(parts[0])))


def in_brackets(name: str) -> tuple[str, str]:
    """The name of a column without what stands behind it in brackets, and that."""
    bare = re.sub(r"(?<=\S)\s*(\[[^\[\]]*\]|\([^()]*\))$", "", name)
    return bare, name.removeprefix(bare).strip()[1:-1].strip()


def without_brackets(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """For each name without its brackets the whole one and what stands in these.

    Those of which two would be called the same keep them, and so do all others that have the same in theirs: x and
    x [mm] leave y [mm] what it is.
    """
    parts = {name: in_brackets(name) for name in names}
    counts = Counter(bare for bare, _ in parts.values())
    contested = {inside for bare, inside in parts.values() if inside and counts[bare] > 1}
    return {name if inside in contested else bare: (name, inside) for name, (bare, inside) in parts.items()}


@dataclass(frozen=True)
class Kind:
    """Columns that may have a unit behind their names.

    Parameters
    ----------
    usual : collection of str
        Their usual names, in small letters and with one underscore for all marks.
    unit : callable
        The unit that a text is, empty if it is none of this kind.
    """

    usual: Collection[str]
    unit: Callable[[str], str]

    def split(self, name: str, plain: Callable[[str], str]) -> tuple[str, str] | None:
        """The usual name that a column begins with and the unit behind it, as in ``pos_x_mm``; None for others."""
        for mark in _MARK.finditer(name):
            bare, unit = name[: mark.start()], self.unit(name[mark.end() :])
            if unit and plain(bare) in self.usual:
                return bare, unit
        return None

    def among(self, names: Collection[str], plain: Callable[[str], str]) -> dict[str, tuple[str, str]]:
        """For each usual name the one column that has it with a unit behind it, and the unit."""
        parts = {name: found for name in names if (found := self.split(name, plain)) is not None}
        counts = Counter(plain(bare) for bare, _ in parts.values())
        there = set(map(plain, names))
        return {
            bare: (name, unit)
            for name, (bare, unit) in parts.items()
            if counts[plain(bare)] == 1 and not (unit == "min" and {f"{plain(bare)}_{e}" for e in _EXTREMES} & there)
        }


def lengths(usual: Collection[str]) -> Kind:
    """Columns of lengths."""
    return Kind(usual, lambda text: "" if (unit := length_in(text)) == DEGREE else unit)


def degrees(usual: Collection[str]) -> Kind:
    """Columns of longitudes and latitudes."""
    return Kind(usual, lambda text: DEGREE if length_in(text) == DEGREE else "")


def times(usual: Collection[str]) -> Kind:
    """Columns of times."""
    return Kind(usual, time_in)


def velocities(usual: Collection[str]) -> Kind:
    """Columns of velocities."""
    return Kind(usual, speed_in)


class Renamed(Mapping[str, Any]):
    """Columns under other names.

    Parameters
    ----------
    columns : mapping
        Names and values.
    stored : mapping of str to str
        For each new name the one in `columns`.
    """

    def __init__(self, columns: Mapping[str, Any], stored: Mapping[str, str]):
        self._columns, self.stored = columns, stored

    def __getitem__(self, name: str) -> Any:
        return self._columns[self.stored[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.stored)

    def __len__(self) -> int:
        return len(self.stored)
