"""The look that all plots share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _times
from wlmsim.visual._drawing import choose_axes, color_map, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODEL = "#c2410c"
"""Colour of what was learned, in every plot."""
TRUTH = "#374151"
"""Colour of the truth, which is drawn broken."""
COLORS = [MODEL, "#1d4ed8", "#15803d", "#7e22ce", "#0e7490", "#a16207"]
"""Several things of one kind."""
GREY, PALE_GREY = "#9ca3af", "#d1d5db"
"""What lies behind."""


def new_axes(width: float, height: float) -> Axes:
    """Axes of a new figure of this size [inch]."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def tidy(ax: Axes) -> None:
    """Take away the box and lay a faint grid behind the curves."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#e5e7eb", linewidth=0.8)
    ax.set_axisbelow(True)


def label_of(name: str, units: dict[str, str], length: int = 0, time: int = 0) -> str:
    """A quantity with its unit, length^a time^b, where the data say what the units are."""
    known = [units.get(kind, "") not in ("", "dimensionless") for kind in ("length", "time")]
    if (length and not known[0]) or (time and not known[1]):
        return name
    above = [_power(units["length"], length)] if length else []
    below = [_power(units["time"], -time)] if time < 0 else []
    above += [_power(units["time"], time)] if time > 0 else []
    return with_unit(name, " / ".join(filter(None, [" ".join(above) or "1", *below])))


def _power(unit: str, exponent: int) -> str:
    return unit + {1: "", 2: "\u00b2", 3: "\u00b3"}[exponent]


def time_text(time: float, units: dict[str, str], times: Any = ()) -> str:
    """A time, as titles give it: with the digits that tell it from others."""
    return f"t = {_times.text(time, times)}" + (f" {unit}" if (unit := units.get("time", "")) else "")


def one_or_two_axes(axes: Sequence[int] | None, dim: int) -> list[int]:
    """Check which coordinates to draw, by default the first two, or the only one."""
    return choose_axes((0, 1)[:dim] if axes is None else axes, dim, most=2)


def points_in_time(series: Any) -> tuple[np.ndarray, np.ndarray]:
    """All points of all times in one array, and the time of each."""
    times = np.repeat(series.times, [len(x) for x in series.positions])
    return np.concatenate(list(series.positions)), times


def thinned(count: int, most: int) -> np.ndarray:
    """Rows to draw of so many, in random order, so that no time lies wholly over another."""
    return np.random.default_rng(0).permutation(count)[:most]


def scatter_by_time(ax: Axes, x: Any, y: Any, times: Any, units: dict[str, str], **look: Any) -> None:
    """Points coloured by time, with the scale of colours beside the axes."""
    dots = ax.scatter(x, y, c=times, cmap=color_map(), linewidths=0, **look)
    bar = ax.figure.colorbar(dots, ax=ax, label=with_unit("time", units.get("time", "")))
    if bar.solids is not None:
        bar.solids.set_alpha(1.0)
