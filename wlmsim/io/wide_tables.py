"""Tables with a row for each time and columns for each individual, such as ``cow1_x``, ``cow1_y``, ``cow2_x``, ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim.io.named_units import is_unit, unit_behind

_FIELD = r"(?P<field>(?:pos(?:ition)?_)?[xyz]|v_?[xyz]|lon|long|longitude|lat|latitude)"
_MARK = r"[_ .:\-]+"
_BEHIND = re.compile(rf"{_FIELD}(?:{_MARK}(?P<who>.+)|(?P<number>\d+))", re.IGNORECASE)
_BEFORE = re.compile(rf"(?P<who>.+?){_MARK}{_FIELD}", re.IGNORECASE)
_PLACES = ({"x", "y"}, {"lon", "lat"})
_NOBODY = {
    *("min", "max", "mean", "median", "avg", "std", "sd", "var", "err", "error", "sigma", "raw", "smooth", "filtered"),
    *("true", "pred", "predicted", "target", "start", "end", "from", "to", "start_point", "end_point", "0", "origin"),
}
"""What stands beside axes and is no individual, unless there are others of the kind."""
_PARTS = {
    *("point", "pt", "p", "corner", "marker", "node", "joint", "keypoint", "kp", "bodypart", "part", "leg", "limb"),
    *("landmark", "vertex", "sensor", "edge", "box", "bbox", "roi", "head", "tail", "segment", "seg", "anchor", "eye"),
    *("pc", "pca", "umap", "tsne", "dim", "component", "mode", "hand", "foot", "wing", "ear", "antenna"),
}
"""What is numbered and may be a part of an individual."""


@dataclass(frozen=True)
class Wide:
    """Which columns are of which individual.

    Parameters
    ----------
    columns : mapping
        For each individual the columns of x, y, z, or lon, lat, and of vx, vy, vz.
    templates : mapping of str to str
        For each of these how the column is called, with ``{who}`` for the individual.
    units : mapping of str to str
        The unit behind the name of a column.
    """

    columns: Mapping[str, Mapping[str, str]]
    templates: Mapping[str, str]
    units: Mapping[str, str]

    @property
    def ids(self) -> list[str]:
        """Names of the individuals."""
        return list(self.columns)

    @property
    def names(self) -> list[str]:
        """All these columns."""
        return [name for fields in self.columns.values() for name in fields.values()]

    @property
    def numbered(self) -> bool:
        """Whether the names of individuals differ in their number alone, and are not those of parts of one."""
        parts = [re.fullmatch(rf"(.*?)(?:{_MARK})?(\d+)", who) for who in self.ids]
        stems = {part[1].lower() for part in parts if part is not None}
        return None not in parts and len(stems) == 1 and not stems & _PARTS

    def way(self, time: str, stored: Callable[[str], str]) -> str:
        """The lines of pandas that give each sighting a row, for messages."""
        fields = list(self.templates)
        first = self.ids[0]
        names = [repr(stored(time))]
        for field in fields:
            whole, mine = stored(self.columns[first][field]), self.templates[field]
            tail = whole.removeprefix(mine.format(who=first))  # in brackets
            names.append(f"f{(mine + tail)!r}")
        return (
            f"parts = {{who: frame[[{', '.join(names)}]].set_axis({['time', *fields]!r}, axis=1) for who in "
            f"{self.ids!r}}}; tracks = wls.Tracks.from_dataframe(pandas.concat(parts, names=['id']).reset_index('id'))"
        )


def look(names: Sequence[str]) -> Wide | None:
    """Find columns of individuals by their names; None if there are not two that have the same columns."""
    columns: dict[str, dict[str, str]] = {}
    templates: dict[str, set[str]] = {}
    units: dict[str, str] = {}
    for name in names:
        found = _split(name)
        if found is None:
            continue
        who, field, template, unit = found
        if field in columns.setdefault(who, {}):
            return None
        columns[who][field] = name
        templates.setdefault(field, set()).add(template)
        units[name] = unit
    fields = {frozenset(each) for each in columns.values()}
    if len(columns) < 2 or len(fields) != 1 or any(len(each) > 1 for each in templates.values()):
        return None
    if not any(place <= next(iter(fields)) for place in _PLACES) or {who.lower() for who in columns} <= _NOBODY:
        return None
    return Wide(columns, {field: each.pop() for field, each in templates.items()}, units)


def _split(name: str) -> tuple[str, str, str, str] | None:
    """Whose column it is, of what, its name with ``{who}`` for the individual, and the unit behind it."""
    bare, unit = unit_behind(name)
    if "{" in name or "}" in name:
        return None
    for pattern in (_BEHIND, _BEFORE):
        if (found := pattern.fullmatch(bare)) is None:
            continue
        part = "number" if found.groupdict().get("number") else "who"
        who, (first, last) = found[part], found.span(part)
        if not is_unit(who):
            return who, _standard(found["field"]), f"{name[:first]}{{who}}{name[last:]}", unit
    return None


def _standard(field: str) -> str:
    """A field as x, y, z, vx, vy, vz, lon or lat."""
    field = re.sub(r"^pos(ition)?_", "", field.lower()).replace("_", "")
    return field[:3] if field.startswith(("lon", "lat")) else field


def may_be_boxes(x: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> bool:
    """Whether two places may be the corners of a box: the second has the larger coordinates wherever both are known."""
    if len(x) != 2:
        return False
    apart = [b - a for a, b in (x, y)]
    known = np.isfinite(apart[0]) & np.isfinite(apart[1])
    return all(bool((axis[known] > 0).all()) for axis in apart)


class Long(Mapping[str, Any]):
    """The columns of a wide table with a row for each sighting, one individual after the other.

    Parameters
    ----------
    wide : Wide
        Which columns are of which individual.
    fields : mapping of str to sequence of ndarray
        For each field the numbers of all individuals.
    others : mapping
        Columns that say something of all individuals at a time, such as the times; read when asked for.
    units : mapping
        Those of the new columns.
    """

    def __init__(
        self,
        wide: Wide,
        fields: Mapping[str, Sequence[np.ndarray]],
        others: Mapping[str, Any],
        units: Mapping[str, str],
    ):
        self._fields = {field: np.concatenate(columns) for field, columns in fields.items()}
        self._seen = np.any([np.isfinite(self._fields[field]) for field in fields], axis=0)
        self._ids, self._others, self.units = wide.ids, others, units

    def __getitem__(self, name: str) -> Any:
        if name == "id":
            return np.repeat(self._ids, len(self._seen) // len(self._ids))[self._seen]
        if name in self._fields:
            return self._fields[name][self._seen]
        return np.concatenate([np.asarray(self._others[name])] * len(self._ids))[self._seen]

    def __iter__(self) -> Iterator[str]:
        return iter(["id", *self._others, *self._fields])

    def __len__(self) -> int:
        return 1 + len(self._others) + len(self._fields)
