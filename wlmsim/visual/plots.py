"""Plots with matplotlib: every function takes axes to draw on, and returns them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from wlmsim import _validation as check
from wlmsim.visual._drawing import axis_names, choose_axes, color_map, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from wlmsim.evaluation import Scores
    from wlmsim.snapshots import SnapshotSeries
    from wlmsim.trajectory import Trajectory

MODEL = "#c2410c"
# Muted, and told apart without colour: by line style and marker.
BASELINES = [("#6b7280", "--", "s"), ("#7c93b8", "-.", "^"), ("#8aa17f", ":", "D"), ("#a58aa5", (0, (5, 1)), "v")]


def plot_scores(scores: Scores, ax: Axes | None = None) -> Axes:
    """Plot W1 against time, the model beside the naive baselines.

    The distances are on a logarithmic axis where they span more than a factor of 20.

    Parameters
    ----------
    scores : Scores
        As returned by ``model.evaluate``. A method without any score is left out.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import wlmsim as wls
    >>> scores = model.evaluate(future, start=past[-1])  # doctest: +SKIP
    >>> wls.visual.plot_scores(scores).figure.savefig("scores.png")  # doctest: +SKIP
    """
    ax = _new_axes(7.5, 4.0) if ax is None else ax
    model, *baselines = scores.w1
    for k, name in enumerate(baselines):
        color, style, marker = BASELINES[k % len(BASELINES)]
        _plot_score(ax, scores, name, color=color, linestyle=style, marker=marker, linewidth=1.2, markersize=4)
    _plot_score(ax, scores, model, color=MODEL, linewidth=2.6, marker="o", markersize=6, zorder=3)
    values = np.concatenate([np.asarray(w1, dtype=float) for w1 in scores.w1.values()])
    positive = values[np.isfinite(values) & (values > 0)]
    if positive.size and positive.max() > 20 * positive.min():
        ax.set_yscale("log")
    else:
        ax.set_ylim(bottom=0)
    ax.set_xlabel("time")
    ax.set_ylabel(with_unit("W1 distance", scores.length_unit))
    ax.set_title(_origin(scores))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="#e5e7eb", linewidth=0.8)
    ax.set_axisbelow(True)
    handles, labels = ax.get_legend_handles_labels()
    if model in labels:  # the model is drawn last, to be on top, and named first
        handles, labels = [handles[-1], *handles[:-1]], [labels[-1], *labels[:-1]]
    ax.legend(handles, labels, loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    return ax


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
    # In random order no time lies wholly over another.
    rows = np.random.default_rng(0).permutation(len(points))[:max_points]
    times, points = times[rows], points[rows]
    names = axis_names(chosen, series.dim, series.units)
    time_name = with_unit("time", series.units.get("time", ""))

    # Filling a figure of one's own is worth longer axes; shared axes of another figure may not be lengthened.
    adjustable: Literal["box", "datalim"] = "datalim" if ax is None else "box"
    ax = _new_axes(6.4, 5.2) if ax is None else ax
    x, y = (times, points[:, 0]) if len(chosen) == 1 else points.T
    size = float(np.clip(12_000 / len(rows), 3, 25))
    low, high = series.times[0], series.times[-1]
    dots = ax.scatter(x, y, c=times, s=size, cmap=color_map(), vmin=low, vmax=high, linewidths=0, alpha=0.8)
    ax.set_xlabel(time_name if len(chosen) == 1 else names[0])
    ax.set_ylabel(names[-1])
    if len(chosen) == 2:
        ax.set_aspect("equal", adjustable=adjustable)
    bar = ax.figure.colorbar(dots, ax=ax, label=time_name)
    if bar.solids is not None:
        bar.solids.set_alpha(1.0)
    return ax


def _plot_score(ax: Axes, scores: Scores, name: str, **look: Any) -> None:
    values = np.asarray(scores.w1[name], dtype=float)
    if np.isfinite(values).any():
        ax.plot(scores.times, values, label=name, **look)


def _origin(scores: Scores) -> str:
    low, high = float(np.min(scores.origins)), float(np.max(scores.origins))
    if scores.protocol == "two-sided":
        return "interpolation, each between the marginals around it"
    protocol = {"interpolate": "interpolation"}.get(scores.protocol, scores.protocol)
    if low == high:
        return f"{protocol} from t = {low:g}"
    return f"{protocol}, each from the marginal before it, t = {low:g} to {high:g}"


def _new_axes(width: float, height: float) -> Axes:
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]
