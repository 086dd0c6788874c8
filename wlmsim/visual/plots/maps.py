"""Maps: positions on the Earth, with longitudes, latitudes, dates and a coastline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.dates import dates_of, has_dates, written
from wlmsim.data.projection import middle_of
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.visual._coastline import around, coastline, unwrapped
from wlmsim.visual._coloring import MOST_TOLD_APART, color_map, individual_colors, with_unit
from wlmsim.visual.plots._style import GREY, TRUTH, color_bar, new_axes, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLORS = ("time", "release", "individual")
MARGIN = 0.08
"""Share of the extent of the data that is shown around them."""
SMALLEST = 1e-3
"""Least extent of a map [degree]."""

Data = SnapshotSeries | Trajectory | Tracks


def plot_map(
    data: Data,
    truth: Data | None = None,
    *,
    color: str | None = "time",
    coast: bool | Sequence[Any] = True,
    ax: Axes | None = None,
    max_points: int = 50_000,
) -> Axes:
    """Plot positions on a map, with longitudes, latitudes, dates and the coastline.

    Individuals are lines that end in a point; snapshots, which do not say who is who, are points.

    Parameters
    ----------
    data : SnapshotSeries, Trajectory or Tracks
        With a projection, as `Tracks.load`, `load_drifters` and forecasts from them have.
    truth : SnapshotSeries, Trajectory or Tracks, optional
        What was seen between the first and the last time of the data, in grey behind; all of it if nothing was.
    color : {"time", "release", "individual"}, optional
        By time, with dates; by the place along their longest extent where individuals were released or first seen; or
        one colour for each individual, with the names of up to ten. None: one for all. Default "time".
    coast : bool or sequence of array_like
        Whether to draw the coastline, which is that of VTK and coarse; or lines of longitudes and latitudes (k, 2) of a
        better one. Default True.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    max_points : int
        Of snapshots more points than this in all are thinned at random. Default 50,000.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If longitudes and latitudes are not known, or the colour needs individuals and there are none.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> about = {"metadata": {"projection": "+proj=aeqd +lat_0=25 +lon_0=-90"}, "units": {"length": "km"}}
    >>> drifters = wls.Tracks([0.0, 1.0], [[[0.0, 0.0]], [[50.0, 30.0]]], **about)
    >>> wls.visual.plot_map(drifters).get_xlabel()
    'longitude'
    """
    check.instance("data", data, (SnapshotSeries, Trajectory, Tracks))
    if color is not None:
        check.choice("color", color, COLORS)
        if color != "time" and isinstance(data, SnapshotSeries):
            raise ParameterError(f"`color` must not be {color!r} for snapshots, which do not say who is who")
    places = _places(data)
    middle = float(middle_of(np.concatenate(places))[0])
    behind = None
    if truth is not None:
        check.instance("truth", truth, (SnapshotSeries, Trajectory, Tracks))
        behind = np.concatenate(_meanwhile(truth, data))
        places = [*places, behind]
    ax = ax or new_axes(7.5, _height(np.concatenate(places), middle))
    if behind is not None:
        grey: dict[str, Any] = {"s": 8, "color": GREY, "linewidths": 0, "zorder": 1, "label": "truth"}
        ax.scatter(unwrapped(behind[:, 0], middle), behind[:, 1], **grey)
    if isinstance(data, SnapshotSeries):
        _draw_points(ax, data, middle, color, check.integer("max_points", max_points))
    else:
        _draw_paths(ax, data, middle, color)
    if ax.get_legend_handles_labels()[1]:
        ax.legend(frameon=False, fontsize="small")
    _frame(ax, np.concatenate(places), middle)
    if coast is not False:
        lines = coastline() if coast is True else tuple(np.asarray(line, dtype=float) for line in coast)
        for line in around(lines, middle):
            ax.plot(*line.T, color=GREY, linewidth=0.8, zorder=0, scalex=False, scaley=False)
    return ax


def _places(data: Any) -> list[np.ndarray]:
    """Longitudes and latitudes at each time, of those who are seen."""
    if isinstance(data, Tracks):
        return [row[seen] for row, seen in zip(data.lonlat, data.seen, strict=True)]
    return list(data.lonlat)


def _meanwhile(truth: Any, data: Any) -> list[np.ndarray]:
    """Places of the truth between the first and the last time of the data; all of them if none are."""
    dated = has_dates(truth) and has_dates(data)
    when, span = (one.dates if dated else one.times for one in (truth, data))
    places = _places(truth)
    return [x for x, t in zip(places, when, strict=True) if span.min() <= t <= span.max()] or places


def _draw_points(ax: Axes, data: SnapshotSeries, middle: float, color: str | None, most: int) -> None:
    places = np.concatenate(data.lonlat)
    times = np.repeat(data.times, data.sizes)
    rows = thinned(len(places), most)
    look: dict[str, Any] = {"s": 8, "linewidths": 0, "zorder": 2}
    timed = color is not None and len(data) > 1
    look |= {"c": times[rows], "cmap": color_map()} if timed else {"color": TRUTH}
    dots = ax.scatter(unwrapped(places[rows, 0], middle), places[rows, 1], **look)
    if timed:
        _time_bar(ax, dots, data)


def _draw_paths(ax: Axes, data: Trajectory | Tracks, middle: float, color: str | None) -> None:
    from matplotlib.collections import LineCollection

    seen = data.seen if isinstance(data, Tracks) else np.ones(data.positions.shape[:2], dtype=bool)
    places, n = data.lonlat, data.n
    paths, clocks = [], []
    for k in range(n):
        place = places[seen[:, k], k]
        paths.append(np.stack([unwrapped(place[:, 0], middle), place[:, 1]], axis=1))
        clocks.append(data.times[seen[:, k]])
    shown = [k for k in range(n) if len(paths[k])]
    ends = np.array([paths[k][-1] for k in shown])
    if color == "time" and len(data) > 1:
        pieces = np.concatenate([np.stack([paths[k][:-1], paths[k][1:]], axis=1) for k in shown])
        when = np.concatenate([(clocks[k][:-1] + clocks[k][1:]) / 2 for k in shown])
        lines = LineCollection(list(pieces), array=when, cmap=color_map(), linewidths=1.2, zorder=2)
        lines.set_clim(data.times[0], data.times[-1])
        ax.add_collection(lines)
        last = [clocks[k][-1] for k in shown]
        ax.scatter(
            ends[:, 0],
            ends[:, 1],
            c=last,
            cmap=lines.cmap,
            vmin=data.times[0],
            vmax=data.times[-1],
            s=14,
            linewidths=0,
            zorder=3,
        )
        _time_bar(ax, lines, data)
        return
    colors = _path_colors(ax, data, [paths[k][0] for k in shown], shown, color)
    ax.add_collection(LineCollection([paths[k] for k in shown], colors=colors, linewidths=1.2, zorder=2))
    ax.scatter(ends[:, 0], ends[:, 1], c=colors, s=14, linewidths=0, zorder=3)


def _path_colors(ax: Axes, data: Any, starts: list[np.ndarray], shown: list[int], color: str | None) -> Any:
    if color == "release":
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        value, name = along_release(np.array(starts))
        scale = ScalarMappable(Normalize(value.min(), value.max()), color_map())
        if np.ptp(value) > 0:
            sides = "EW" if name == "longitude" else "NS"
            color_bar(ax, scale, f"{name} of release", format=lambda value, _: _degrees(value, sides))
        return scale.to_rgba(value)
    if color == "individual":
        colors = individual_colors(len(shown))
        if len(shown) <= MOST_TOLD_APART:
            ids = data.ids or tuple(map(str, range(data.n)))
            for k, chosen in zip(shown, colors, strict=True):
                ax.plot([], [], color=chosen, label=ids[k])
        return colors
    return [TRUTH] * len(shown)


def along_release(starts: np.ndarray) -> tuple[np.ndarray, str]:
    """The coordinate along which places of release (n, 2) are the farther apart, and its name."""
    wide = np.ptp(starts[:, 0]) * np.cos(np.radians(starts[:, 1].mean())) >= np.ptp(starts[:, 1])
    return (starts[:, 0], "longitude") if wide else (starts[:, 1], "latitude")


def _time_bar(ax: Axes, mappable: Any, data: Any) -> None:
    """A scale of colours with dates, where they are known."""
    if not has_dates(data):
        color_bar(ax, mappable, with_unit("time", data.units.get("time", "")))
        return
    ticks = np.linspace(data.times[0], data.times[-1], 5)
    dates = dates_of(ticks, data)
    coarse = "D" if dates[-1] - dates[0] > np.timedelta64(10, "D") else "m"
    color_bar(ax, mappable, "", ticks=ticks)
    mappable.colorbar.set_ticklabels([word.replace("T", " ") for word in written(dates.astype(f"M8[{coarse}]"))])


def _height(places: np.ndarray, middle: float) -> float:
    """The height of a figure whose map is 6 inches wide, within bounds [inch]."""
    wide = np.ptp(unwrapped(places[:, 0], middle)) * np.cos(np.radians(places[:, 1].mean()))
    return float(np.clip(6.0 * (np.ptp(places[:, 1]) + SMALLEST) / (wide + SMALLEST), 2.5, 8.0)) + 0.7


def _frame(ax: Axes, places: np.ndarray, middle: float) -> None:
    """Limits, degrees and the aspect of the middle latitude."""
    east, north = unwrapped(places[:, 0], middle), places[:, 1]
    for values, limits in ((east, ax.set_xlim), (north, ax.set_ylim)):
        low, high = values.min(), values.max()
        pad = max(MARGIN * (high - low), SMALLEST)
        limits(low - pad, high + pad)
    ax.set_aspect(1.0 / max(np.cos(np.radians(north.mean())), 0.05))
    ax.xaxis.set_major_formatter(lambda value, _: _degrees(value, "EW"))
    ax.yaxis.set_major_formatter(lambda value, _: _degrees(value, "NS"))
    ax.locator_params(nbins=6)
    ax.set(xlabel="longitude", ylabel="latitude")
    ax.grid(color="#e5e7eb", linewidth=0.8)
    ax.set_axisbelow(True)


def _degrees(value: float, sides: str) -> str:
    """A latitude or a longitude, which may be beyond the date line."""
    value = (value + 180.0) % 360.0 - 180.0
    text = f"{abs(value):.3f}".rstrip("0").rstrip(".")
    return f"{text}\N{DEGREE SIGN}" + ("" if text == "0" else sides[int(value < 0)])
