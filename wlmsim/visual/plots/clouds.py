"""Clouds over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from wlmsim import _validation as check
from wlmsim.visual._drawing import axis_names, choose_axes, with_unit
from wlmsim.visual.plots._style import new_axes, scatter_by_time, thinned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from wlmsim.snapshots import SnapshotSeries
    from wlmsim.trajectory import Trajectory


def plot_snapshots(
    series: SnapshotSeries | Trajectory,
    *,
    axes: Sequence[int] | None = None,
    ax: Axes | None = None,
    max_points: int = 20_000,
) -> Axes:
    """Plot the clouds of all times over each other, coloured by time.

    Two coordinates are plotted against each other. Clouds on a line are plotted against time.

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
    from wlmsim.snapshots import SnapshotSeries
    from wlmsim.trajectory import Trajectory

    check.instance("series", series, (Trajectory, SnapshotSeries))
    check.integer("max_points", max_points)
    chosen = choose_axes((0, 1)[: series.dim] if axes is None else axes, series.dim, most=2)
    times = np.concatenate([np.full(len(x), t) for x, t in zip(series.positions, series.times, strict=True)])
    points = np.concatenate(list(series.positions))[:, chosen]
    rows = thinned(len(points), max_points)
    times, points = times[rows], points[rows]
    names = axis_names(chosen, series.dim, series.units)
    time_name = with_unit("time", series.units.get("time", ""))

    # Filling a figure of one's own is worth longer axes; shared axes of another figure may not be lengthened.
    adjustable: Literal["box", "datalim"] = "datalim" if ax is None else "box"
    ax = new_axes(6.4, 5.2) if ax is None else ax
    x, y = (times, points[:, 0]) if len(chosen) == 1 else points.T
    size = float(np.clip(12_000 / len(rows), 3, 25))
    low, high = series.times[0], series.times[-1]
    scatter_by_time(ax, x, y, times, series.units, s=size, vmin=low, vmax=high, alpha=0.8)
    ax.set_xlabel(time_name if len(chosen) == 1 else names[0])
    ax.set_ylabel(names[-1])
    if len(chosen) == 2:
        ax.set_aspect("equal", adjustable=adjustable)
    return ax
