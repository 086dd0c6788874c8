"""Clouds over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._extent import extent, within
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.data.units import check_alike
from wlmsim.errors import ParameterError
from wlmsim.visual._drawing import axis_names, choose_axes, with_unit
from wlmsim.visual.plots._style import (
    GREY,
    MODEL,
    bin_edges,
    label_of,
    new_axes,
    one_or_two_axes,
    points_in_time,
    scatter_by_time,
    tell_outside,
    thinned,
    tidy,
    time_text,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


PANEL = 2.6
"""Size of a panel of a row [inch]."""


def plot_snapshots(
    series: SnapshotSeries | Trajectory,
    *,
    axes: Sequence[int] | None = None,
    ax: Axes | None = None,
    max_points: int = 20_000,
) -> Axes:
    """Plot the clouds of all times over each other, coloured by time.

    Two coordinates are plotted against each other. Clouds on a line are plotted against time. Points that ran away from
    all others are counted in a corner.

    Parameters
    ----------
    series : SnapshotSeries or Trajectory
        What to plot.
    axes : sequence of int, optional
        Which one or two coordinates to draw. Default ``(0, 1)``, or ``(0,)`` where there is only one.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    max_points : int
        More points than this in all are thinned at random. Default 20,000.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If `axes` is not one or two coordinates of the data, or `max_points` is not positive.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> series = wls.SnapshotSeries([0.0, 1.0], [np.zeros((3, 2)), np.ones((5, 2))])
    >>> ax = wls.visual.plot_snapshots(series)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'y')
    """
    series = _series_of(series)
    check.integer("max_points", max_points)
    chosen = one_or_two_axes(axes, series.dim)
    points, times = points_in_time(series)
    points = points[:, chosen]
    inside = within(points, *extent([x[:, chosen] for x in series.positions]))
    count, outside = len(points), int((~inside).sum())
    points, times = points[inside], times[inside]
    rows = thinned(len(points), max_points)
    points, times = points[rows], times[rows]
    names = axis_names(chosen, series.dim, series.units)
    time_name = with_unit("time", series.units.get("time", ""))

    # Filling a figure of one's own is worth longer axes; shared axes of another figure may not be lengthened.
    adjustable: Literal["box", "datalim"] = "datalim" if ax is None else "box"
    ax = new_axes(6.4, 5.2) if ax is None else ax
    x, y = (times, points[:, 0]) if len(chosen) == 1 else points.T
    low, high = series.times[0], series.times[-1]
    look = {"s": _size(len(rows)), "vmin": low, "vmax": high, "alpha": 0.8}
    scatter_by_time(ax, x, y, times, series.units, bar=len(chosen) == 2, **look)
    tell_outside(ax, outside, count)
    ax.set_xlabel(time_name if len(chosen) == 1 else names[0])
    ax.set_ylabel(names[-1])
    if len(chosen) == 2:
        ax.set_aspect("equal", adjustable=adjustable)
    return ax


def plot_phase_portrait(
    series: SnapshotSeries | Trajectory,
    coordinate: int = 0,
    *,
    ax: Axes | None = None,
    max_points: int = 5_000,
    paths: int = 20,
) -> Axes:
    """Plot velocity against position along one coordinate, coloured by time.

    Parameters
    ----------
    series : SnapshotSeries or Trajectory
        What to plot; times without velocities are left out.
    coordinate : int
        Which one. Default 0.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.
    max_points : int
        More points than this in all are thinned at random. Default 5,000.
    paths : int
        Most particles of a trajectory whose paths are drawn through their points. Default 20.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there is no such coordinate, or no velocity at any time.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.systems.HarmonicOscillator(n=10, seed=0).exact(np.linspace(0, 5, 40))
    >>> ax = wls.visual.plot_phase_portrait(spring)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'velocity along x')
    """
    series = _series_of(series)
    check.integer("max_points", max_points), check.integer("paths", paths, least=0)
    (axis,) = choose_axes([coordinate], series.dim, most=1)
    known = [cloud for cloud in series if cloud.velocities is not None]
    if not known:
        raise ParameterError(
            "`series` must have velocities at some time; none are known: see `learn.transport_velocities`"
        )
    x = np.concatenate([cloud.positions[:, axis] for cloud in known])
    v = np.concatenate([cloud.velocities[:, axis] for cloud in known if cloud.velocities is not None])
    times = np.repeat([cloud.time for cloud in known], [len(cloud) for cloud in known])
    rows = thinned(len(x), max_points)
    ax = new_axes(6.4, 5.0) if ax is None else ax
    if isinstance(series, Trajectory) and series.velocities is not None:
        for k in thinned(series.n, paths):
            path = series.positions[:, k, axis], series.velocities[:, k, axis]
            ax.plot(*path, color=GREY, linewidth=0.6, zorder=1)
    scatter_by_time(ax, x[rows], v[rows], times[rows], series.units, s=_size(len(rows)), alpha=0.8, zorder=2)
    (name,) = axis_names([axis], series.dim, {})
    ax.set_xlabel(label_of(name, series.units, 1))
    ax.set_ylabel(label_of(f"velocity along {name}", series.units, 1, -1))
    tidy(ax)
    return ax


def plot_forecast(
    forecast: SnapshotSeries | Trajectory,
    truth: SnapshotSeries | Trajectory,
    *,
    panels: int = 4,
    axes: Sequence[int] | None = None,
    ax: Sequence[Axes] | None = None,
) -> np.ndarray:
    """Plot predicted clouds over the observed ones, side by side at several times.

    Parameters
    ----------
    forecast : SnapshotSeries or Trajectory
        The prediction.
    truth : SnapshotSeries or Trajectory
        What was observed; each predicted cloud is laid over the one observed nearest in time, drawn in grey.
    panels : int
        Most times to show, evenly spread from the first to the last of the forecast. Default 4.
    axes : sequence of int, optional
        Which two coordinates to draw. Default ``(0, 1)``. Clouds on a line are drawn as histograms.
    ax : sequence of matplotlib.axes.Axes, optional
        Where to draw, one for each time; their number takes the place of `panels`. Default: a new figure.

    Returns
    -------
    ndarray of matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If the dimensions differ, or `axes` are not one or two coordinates of the data.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.systems.HarmonicOscillator(n=50, seed=0)
    >>> times = np.linspace(0, 3, 4)
    >>> axes = wls.visual.plot_forecast(spring.simulate(times, dt=0.1), spring.exact(times).snapshots(seed=0))
    >>> [ax.get_title() for ax in axes]
    ['t = 0', 't = 1', 't = 2', 't = 3']
    """
    forecast, truth = _series_of(forecast, "forecast"), _series_of(truth, "truth")
    if truth.dim != forecast.dim:
        raise check.fail("truth", f"of {forecast.dim} dimensions, as the forecast is", truth)
    check_alike("truth", truth.units, forecast.units, "the forecast")
    chosen = one_or_two_axes(axes, forecast.dim)
    count = min(check.integer("panels", panels), len(forecast)) if ax is None else len(ax)
    units = truth.units or forecast.units
    names = axis_names(chosen, forecast.dim, units)
    every = [x[:, chosen] for series in (truth, forecast) for x in series.positions]
    low, high = extent(every)
    width, own = _panel_width(low, high), ax is None
    if ax is None:
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=(width * count + 1.9, 3.3), layout="compressed")
        ax = figure.subplots(1, count, sharex=True, sharey=True, squeeze=False)[0]
    for panel, k in zip(ax, np.linspace(0, len(forecast) - 1, count).round().astype(int), strict=True):
        time = float(forecast.times[k])
        seen = truth[_times.nearest(truth.times, time)]
        predicted = forecast[int(k)]
        draw = _clouds if len(chosen) == 2 else _histograms
        shown = [x[within(x, low, high)] for x in (seen.positions[:, chosen], predicted.positions[:, chosen])]
        draw(panel, *shown)
        tell_outside(panel, len(predicted) - len(shown[1]), len(predicted))
        others = forecast.times[~_times.among(forecast.times, truth.times)]
        both = np.concatenate([others, truth.times])
        same = _times.position(truth.times, time) is not None
        late = "" if same else f", observed at {_times.text(seen.time, both)}"
        panel.set_title(time_text(float(seen.time) if same else time, units, both) + late, fontsize="medium")
        panel.set_xlabel(names[0])
        panel.locator_params(axis="x", nbins=min(5, max(2, int(2 * width))))
        panel.locator_params(axis="y", nbins=5)
        tidy(panel)
    ax[0].set_ylabel(names[1] if len(chosen) == 2 else "density")
    look: dict[str, Any] = {"frameon": False, "markerscale": 2.0, "fontsize": "small", "handletextpad": 0.3}
    if own:
        ax[0].figure.legend(*ax[0].get_legend_handles_labels(), loc="outside right upper", **look)
    else:
        ax[0].legend(borderaxespad=0.1, **look)
    return np.asarray(ax)


def _panel_width(low: np.ndarray, high: np.ndarray) -> float:
    """Of a panel of a row as high as it is wide at most, with one scale along both axes [inch]."""
    spans = high - low
    return PANEL if len(spans) == 1 else float(np.clip(PANEL * spans[0] / (spans[1] or 1.0), 0.8, PANEL))


def _clouds(ax: Axes, observed: np.ndarray, predicted: np.ndarray) -> None:
    # Where both are in one place, what was observed is a rim.
    for x, share, color, label in [(observed, 1.0, GREY, "observed"), (predicted, 0.35, MODEL, "predicted")]:
        rows = thinned(len(x), 5000)
        size = share * _size(len(rows))
        ax.scatter(x[rows, 0], x[rows, 1], s=size, color=color, alpha=0.7, linewidths=0, label=label)
    ax.set_aspect("equal", adjustable="box")


def _histograms(ax: Axes, observed: np.ndarray, predicted: np.ndarray) -> None:
    every = np.concatenate([observed[:, 0], predicted[:, 0]])
    bins = bin_edges(float(every.min()), float(every.max()), 25)
    ax.hist(observed[:, 0], bins=bins, density=True, color=GREY, alpha=0.6, label="observed")
    ax.hist(predicted[:, 0], bins=bins, density=True, histtype="step", color=MODEL, linewidth=1.8, label="predicted")


def _size(count: int) -> float:
    """Area of a point where there are so many [points^2]."""
    return float(np.clip(12_000 / count, 3, 25))


def _series_of(given: object, name: str = "series") -> SnapshotSeries | Trajectory:
    if isinstance(given, Tracks):
        return given.snapshots()
    found: SnapshotSeries | Trajectory = check.instance(name, given, (Trajectory, SnapshotSeries))
    return found
