"""What colours mean: a scale, or categories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.visual._frames import Frames
from wlmsim.visual._mechanics import particle_energies

WORDS = ("auto", "speed", "time", "energy", "population")
MOST_CATEGORIES = 20
MOST_TOLD_APART = 10
FROM_REST = 0.3
"""A scale of speeds begins at 0 unless the slowest are faster than this share of the fastest."""
GREYISH = 0.1
"""Colours whose parts differ by less are greys."""
STEADY = 0.01
"""What varies by less than this share of itself is no colour, but a number in words."""
TAIL = 0.005
"""Share of the values on either side that a scale of colours leaves out."""
MISSING = "unknown"
"""What particles without a label are called."""

Clouds = Trajectory | SnapshotSeries


def color_map() -> Any:
    """Plasma without its palest end, which cannot be seen on white."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["plasma"](np.linspace(0.0, 0.88, 256)))


def category_colors(count: int) -> list[tuple[float, float, float]]:
    """Colours that are told apart: up to ten by the colour-blind too, or else twenty in pairs.

    The ten are those of M. Petroff, Accessible Color Sequences for Data Visualization, arXiv:2107.02270.
    """
    from matplotlib import color_sequences
    from matplotlib.colors import to_rgb

    colors = [to_rgb(color) for color in color_sequences["petroff10" if count <= MOST_TOLD_APART else "tab20"]]
    # Greys come last: grey is also what a truth in the same view looks like.
    return sorted(colors, key=lambda color: max(color) - min(color) < GREYISH)[:count]


def individual_colors(count: int) -> list[tuple[float, float, float]]:
    """One colour for each of any number: up to ten as categories have, or else all hues, neighbours far apart."""
    from matplotlib import colormaps

    if count <= MOST_TOLD_APART:
        return category_colors(count)
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    return [tuple(row[:3]) for row in colormaps["turbo"](0.05 + 0.9 * (golden * np.arange(count) % 1.0))]


def with_unit(name: str, unit: str) -> str:
    """Append a unit in brackets, if there is one."""
    return f"{name} [{unit}]" if unit and unit != "dimensionless" else name


@dataclass(frozen=True)
class Coloring:
    """How scalars become colours."""

    kind: str
    """"speed", "time", "energy", "given", "categories", or "none"."""
    title: str = ""
    limits: tuple[float, float] = (0.0, 1.0)
    categories: tuple[str, ...] = ()
    """Names of the categories; the scalars are then their indices."""
    note: str = ""
    """What a quantity is that was asked for and does not vary, in words."""

    @property
    def palette(self) -> Any:
        """The matplotlib colour map over the limits."""
        from matplotlib.colors import ListedColormap

        return ListedColormap(category_colors(len(self.categories))) if self.categories else color_map()

    def __bool__(self) -> bool:
        return self.kind != "none"


def colorize(
    color: Any, given: Sequence[Clouds], clouds: Sequence[Frames], mechanics: Any, units: dict[str, str], trail: int
) -> tuple[Coloring, list[list[np.ndarray] | None]]:
    """Decide what colours mean, and the scalar of every point of the data and of the truth."""
    if color is None:
        return Coloring("none"), [None] * len(given)
    if not isinstance(color, str):
        return _by_array(color, given, clouds)
    kind = _by_word(color, given, mechanics, trail)
    if kind == "none":
        return Coloring("none"), [None] * len(given)
    if kind == "population":
        labels: Any = [series.labels for series in given]  # type: ignore[union-attr]
        return _categories("population", labels, clouds)
    values: list[Any] = [[_SCALARS[kind](f, k, mechanics) for k in range(len(f))] for f in clouds]
    title = _title(kind, units, mechanics)
    if (steady := _steady(values, 0.0 if kind == "time" else STEADY)) is not None:
        return Coloring("none", note=_equal(title, steady)), [None] * len(given)
    return Coloring(kind, title, _limits(values, kind)), values


def _steady(columns: Sequence[Sequence[np.ndarray]], share: float) -> float | None:
    """The value that all have, or nearly all; None where they differ."""
    every = np.concatenate([row for column in columns for row in column])
    low, middle, high = np.quantile(every, [TAIL, 0.5, 1 - TAIL])
    return float(middle) if high - low <= share * abs(middle) else None


def _equal(title: str, value: float) -> str:
    """A quantity and its value, as "speed = 1.2 km / day"."""
    name, _, unit = title.partition(" [")
    return f"{name} = {value:.3g} {unit.removesuffix(']')}".rstrip()


def _by_word(color: str, given: Sequence[Clouds], mechanics: Any, trail: int) -> str:
    check.choice("color", color, WORDS)
    unknown = [name for name, series in zip(["data", "truth"], given, strict=False) if not knows_velocities(series)]
    if color == "auto":
        # The clock tells the time of a picture, which no colour has to; along long trails it varies.
        return ("time" if trail and 3 * trail >= len(given[0].times) else "none") if unknown else "speed"
    if color in ("speed", "energy") and unknown:
        raise ParameterError(f"`color` must not be {color!r} when velocities are unknown, as in `{unknown[0]}`")
    if color == "energy" and not isinstance(mechanics, Lagrangian):
        raise ParameterError("`lagrangian` must be given to color by energy; the data do not know what moves them")
    if color == "population" and any(getattr(series, "labels", None) is None for series in given):
        raise ParameterError("`color` must not be 'population' when the data hold a single one")
    return color


_SCALARS: dict[str, Any] = {
    "speed": lambda clouds, k, mechanics: np.linalg.norm(clouds.velocities[k], axis=1),
    "time": lambda clouds, k, mechanics: np.full(len(clouds.positions[k]), clouds.times[k]),
    "energy": lambda clouds, k, mechanics: particle_energies(mechanics, clouds.population(k)),
}


def knows_velocities(series: Clouds) -> bool:
    """Whether velocities are known at all times."""
    if isinstance(series, Trajectory):
        return series.velocities is not None
    return all(v is not None for v in series.velocities)


def _by_array(
    color: Any, given: Sequence[Clouds], clouds: Sequence[Frames]
) -> tuple[Coloring, list[list[np.ndarray] | None]]:
    """Scalars or labels of the particles of the data, which a truth takes only if it tracks as many."""
    data = given[0]
    arrays = _for_each_time(color, data)
    shared = [
        series is data or (isinstance(series, Trajectory) and isinstance(data, Trajectory) and series.n == data.n)
        for series in given
    ]
    # Another number of times can share only what does not change with time.
    columns = [
        [arrays[0]] * len(series)
        if same and _constant(arrays)
        else arrays
        if same and len(series) == len(data)
        else None
        for series, same in zip(given, shared, strict=True)
    ]
    if arrays[0].dtype.kind in "iubUS":
        return _categories("", columns, clouds)
    for column in arrays:
        check.finite("color", column)
    values = [None if c is None else f.spread(c) for c, f in zip(columns, clouds, strict=True)]
    return Coloring("given", "value", _limits(values, "given")), values


def _constant(arrays: list[np.ndarray]) -> bool:
    return all(array is arrays[0] for array in arrays)


def _for_each_time(color: Any, data: Clouds) -> list[np.ndarray]:
    """One array of scalars or labels for every recorded cloud."""
    sizes = [len(cloud) for cloud in data]
    expected = f"one of {', '.join(map(repr, WORDS))}, None, an array of shape ({sizes[0]},), or one for each time"
    try:
        several = len(color) == len(sizes) and all(np.ndim(row) == 1 for row in color)
        rows = [_plain(row) for row in color] if several else [_plain(color)] * len(sizes)
    except (TypeError, ValueError):
        raise check.fail("color", expected, color) from None
    if not several and isinstance(data, SnapshotSeries) and len(data) > 1:
        raise ParameterError(
            "`color` must be a word, None or one array for each time of snapshots, which do not say who is who; "
            "got one array"
        )
    if any(row.shape != (n,) for row, n in zip(rows, sizes, strict=True)):
        raise check.fail("color", expected, rows[0])
    if rows[0].dtype.kind in "iubUS":
        return rows
    numbers = [check.array("color", row) for row in (rows if several else rows[:1])]
    return numbers if several else numbers * len(sizes)


def _plain(color: Any) -> np.ndarray:
    """Scalars or labels as NumPy's numbers or words: of Categorical, Series and arrays of objects too."""
    array = np.asarray(color)
    if array.dtype.kind != "O":
        return array
    flat = array.ravel().tolist()
    if all(isinstance(entry, (int, float, np.number)) or check.absent(entry) for entry in flat):
        missing = any(check.absent(entry) for entry in flat)
        return check.array("color", array) if missing else np.array(flat).reshape(array.shape)
    return np.array([MISSING if check.absent(entry) else str(entry) for entry in flat]).reshape(array.shape)


def _categories(
    title: str, columns: Sequence[Sequence[np.ndarray] | None], clouds: Sequence[Frames]
) -> tuple[Coloring, list[list[np.ndarray] | None]]:
    """Labels as indices into their sorted names."""
    labels = np.unique(np.concatenate([row for column in columns if column is not None for row in column]))
    if len(labels) > MOST_CATEGORIES:
        raise ParameterError(
            f"`color` must hold at most {MOST_CATEGORIES} different labels (for a scale, give floats); "
            f"got {len(labels)}"
        )
    values: list[list[np.ndarray] | None] = [
        None if column is None else f.spread([np.searchsorted(labels, row).astype(float) for row in column])
        for column, f in zip(columns, clouds, strict=True)
    ]
    names = tuple(str(label) for label in labels.tolist())
    return Coloring("categories", title, (-0.5, len(names) - 0.5), names), values


def _limits(columns: Sequence[Sequence[np.ndarray] | None], kind: str) -> tuple[float, float]:
    values = [row for column in columns if column is not None for row in column]
    low, high = float(min(v.min() for v in values)), float(max(v.max() for v in values))
    if kind in ("speed", "energy"):
        # One runaway particle must not leave all the others in the darkest colour.
        low = min(float(np.quantile(v, TAIL)) for v in values)
        high = max(float(np.quantile(v, 1 - TAIL)) for v in values)
    if kind == "speed" and low < FROM_REST * high:
        low = 0.0
    if high - low <= 16 * np.finfo(float).eps * max(abs(low), abs(high)):
        low, high = low - (0.5 if low else 0.0), high + (0.5 if high else 1.0)
    return low, high


def _title(kind: str, units: dict[str, str], mechanics: Any) -> str:
    length, time = units.get("length", ""), units.get("time", "")
    named = length and time and "dimensionless" not in (length, time)
    if kind == "time":
        return with_unit("time", time)
    if kind == "speed":
        return with_unit("speed", f"{length} / {time}" if named else "")
    return energy_title("energy", units, mechanics)


def energy_title(name: str, units: dict[str, str], mechanics: Any) -> str:
    """Name an energy with its unit, which is known for mass 1."""
    length, time = units.get("length", ""), units.get("time", "")
    named = length and time and "dimensionless" not in (length, time) and getattr(mechanics, "mass", None) == 1.0
    return with_unit(name, f"{length}² / {time}²" if named else "")
