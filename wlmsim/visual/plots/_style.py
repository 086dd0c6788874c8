"""The look that all plots share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _times
from wlmsim._extent import outside_text
from wlmsim.visual._drawing import choose_axes, color_map, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MODEL = "#c2410c"
"""Colour of what was learned, in every plot."""
TRUTH = "#374151"
"""Colour of the truth, which is drawn broken."""
COLORS = [MODEL, "#1d4ed8", "#15803d", "#7e22ce", "#0e7490", "#a16207"]
"""Several things of one kind."""
FOOT = 0.16
"""Share of the height of axes that a histogram takes."""
GREY, PALE_GREY = "#9ca3af", "#d1d5db"
"""What lies behind."""


def new_axes(width: float, height: float) -> Axes:
    """Axes of a new figure of this size [inch]."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="compressed")[1]


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
    """A time, as titles give it: with the digits that tell it from others, or six of one that stands alone."""
    if len(set(times)) == 1 and abs(time) < 1e5:
        times = (0.0, time)
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


def scatter_by_time(
    ax: Axes, x: Any, y: Any, times: Any, units: dict[str, str], *, bar: bool = True, **look: Any
) -> None:
    """Points coloured by time, with the scale of colours beside the axes; plain where there is one time only."""
    if np.ptp(times) == 0:
        look = {key: value for key, value in look.items() if key not in ("vmin", "vmax")}
        ax.scatter(x, y, color=TRUTH, linewidths=0, **look)
        return
    dots = ax.scatter(x, y, c=times, cmap=color_map(), linewidths=0, **look)
    if bar:
        color_bar(ax, dots, with_unit("time", units.get("time", "")))


def logarithmic(ax: Axes, which: str) -> None:
    """Make an axis logarithmic, with as few tick values as it has room for."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set(**{f"{which}scale": "log"})
    axis = ax.xaxis if which == "x" else ax.yaxis
    low, high = sorted(axis.get_view_interval())
    decades = np.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1.0,) if decades > 2 else (1.0, 3.0) if decades > 0.8 else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def color_bar(ax: Axes, mappable: Any, label: str, **look: Any) -> None:
    """A slim scale of colours beside the axes, opaque where what it explains is not."""
    bar = ax.figure.colorbar(mappable, ax=ax, label=label, fraction=0.05, aspect=40, pad=0.02, **look)
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_alpha(1.0)


def tell_outside(ax: Axes, outside: int, count: int) -> None:
    """Say in the corner how many points are not shown, because they ran away from all others."""
    if outside:
        where: dict[str, Any] = {"transform": ax.transAxes, "ha": "left", "va": "top", "fontsize": "small"}
        ax.text(0.02, 0.98, outside_text(outside, count), color=TRUTH, **where)


def draw_law(ax: Axes, x: np.ndarray, curves: np.ndarray, known: np.ndarray, color: str, **labels: Any) -> None:
    """A law as the mean of several, over the band of all: strong where data determine it, faint and dotted elsewhere.

    Parameters
    ----------
    x : ndarray, shape (m,)
    curves : ndarray, shape (fits, m)
    known : ndarray of bool, shape (m,)
        Where there are data.
    color : str
    **labels
        `label` of the line, `spread` of the band.
    """
    mean = curves.mean(0)
    if not known.all():
        ax.plot(x, mean, color=color, linewidth=1.0, alpha=0.5, linestyle=":")
    ax.plot(x, np.where(known, mean, np.nan), color=color, linewidth=2.2, label=labels.get("label"))
    if len(curves) > 1:
        look: dict[str, Any] = {"color": color, "alpha": 0.2, "linewidth": 0}
        ax.fill_between(x, curves.min(0), curves.max(0), label=labels.get("spread"), **look)


def bin_edges(low: float, high: float, count: int) -> list[float]:
    """Edges of so many bins, around where all are in one place, however far from the origin."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        width = 0.5 * max(1.0, 1e-6 * abs(low))
        low, high = low - width, high + width
    return np.linspace(low, high, count + 1).tolist()


def histogram_at_foot(ax: Axes, counts: np.ndarray, edges: np.ndarray, label: str) -> None:
    """How many data there are along an axis: below the law that they determine."""
    if counts.any():
        place = ax.get_xaxis_transform()
        look: dict[str, Any] = {"fill": True, "color": PALE_GREY, "alpha": 0.8, "zorder": 0, "transform": place}
        ax.stairs(FOOT * counts / counts.max(), edges, label=label, **look)
