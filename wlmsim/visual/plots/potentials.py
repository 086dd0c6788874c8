"""A potential in space, learned or known, as contours in the plane or as a curve on a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.functionals.base import Functional
from wlmsim.visual._drawing import axis_names
from wlmsim.visual.plots._style import (
    COLORS,
    TRUTH,
    label_of,
    new_axes,
    one_or_two_axes,
    points_in_time,
    scatter_by_time,
    thinned,
    tidy,
    time_text,
)
from wlmsim.visual.plots.laws import Mechanics, is_learned, members, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FINE = 120
"""Points along an axis at which a potential is evaluated."""
MOST_POINTS = 3000
"""More points of the data than this are thinned."""


def plot_potential(
    mechanics: Any,
    data: SnapshotSeries | Trajectory | Population | None = None,
    *,
    time: float | None = None,
    field_of: Population | None = None,
    axes: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot a potential, learned or known, with the data over it.

    In the plane it is drawn as filled contours, on a line as a curve. It fades where there are no data, of which a
    learned potential knows nothing, and is zero at its lowest point among the data. On a line, the members of a fit are
    drawn beside their mean.

    Parameters
    ----------
    mechanics : WLM, Lagrangian, GradientFlow, System or Functional
        Whose potential to draw. A `WLM` must be fitted.
    data : SnapshotSeries, Trajectory or Population, optional
        What to draw over it, and which part of space. Default: the data that a model was fitted to, the initial
        population of a system.
    time : float, optional
        When, for a potential that depends on it [time]. Default: the middle of the data.
    field_of : Population, optional
        The particles whose field to draw, interactions and all: the first variation dU/drho, whose slope is what a
        particle feels among them. Default: the external part alone, which is the same for all.
    axes : sequence of int, optional
        Which one or two coordinates to draw; the others are held at their mean. Default ``(0, 1)``, or ``(0,)`` where
        there is only one.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there is no potential to draw, no data to say where, or `axes` are not one or two of its coordinates.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wells = wls.systems.DoubleWell(n=200, dim=2, seed=0)
    >>> ax = wls.visual.plot_potential(wells)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('x', 'y')
    """
    found = Mechanics.of(mechanics)
    shown = series_of(found.data if data is None else data)
    if field_of is None:
        part = found.of_degree(1, "an external potential", ", or `field_of` a population")
    else:
        part = found.potential
        check.instance("field_of", field_of, Population)
    chosen = one_or_two_axes(axes, shown.dim)
    moment = float(shown.times[[0, -1]].mean()) if time is None else check.real("time", time)
    source = Population(np.concatenate(shown.positions)[:1]) if field_of is None else field_of
    ax = new_axes(*((7.6, 5.2) if len(chosen) == 2 else (7.0, 4.0))) if ax is None else ax
    draw = _contours if len(chosen) == 2 else _curve
    name = label_of("potential", shown.units, 2, -1 if found.first_order else -2)
    draw(ax, part, source, shown, chosen, moment, name)
    if field_of is not None or _depends_on_time(part, source, shown):
        ax.set_title(time_text(moment, shown.units, shown.times))
    return ax


def _contours(
    ax: Axes, part: Functional, source: Population, series: Any, axes: list[int], time: float, name: str
) -> None:
    points, times = points_in_time(series)
    low, high = _box(points[:, axes])
    grid = np.meshgrid(*(np.linspace(low[k], high[k], FINE) for k in range(2)))
    values = _values(part, np.stack([g.ravel() for g in grid], 1), axes, points, source, time).reshape(FINE, FINE)
    distance = _distance_to_data(np.stack(grid, -1), points[:, axes])
    near = distance < 1
    values = np.maximum(values - values[near].min(), 0.0)
    levels = _levels(values, grid, points[:, axes])
    filled = ax.contourf(*grid, values, levels=levels, cmap=_potential_colors(), extend="max")
    ax.contour(*grid, values, levels=levels, colors="white", linewidths=0.5)
    fade = np.zeros((FINE, FINE, 4))
    fade[..., :3], fade[..., 3] = 1.0, 0.85 * np.clip(distance - 1, 0, 1)
    box = (low[0], high[0], low[1], high[1])
    ax.imshow(fade, extent=box, origin="lower", interpolation="bilinear", zorder=1.5)
    rows = thinned(len(points), MOST_POINTS)
    ax.figure.colorbar(filled, ax=ax, label=name)
    x, y = points[rows][:, axes].T
    _scatter(ax, x, y, times[rows], series, s=7, zorder=2)
    ax.set(xlim=box[:2], ylim=box[2:])
    ax.set_aspect("equal", adjustable="box")
    xlabel, ylabel = axis_names(axes, series.dim, series.units)
    ax.set(xlabel=xlabel, ylabel=ylabel)


def _levels(values: np.ndarray, grid: Sequence[np.ndarray], points: np.ndarray) -> np.ndarray:
    """Round values that tell apart the places where most of the data are."""
    from matplotlib.ticker import MaxNLocator

    columns, rows = (
        np.clip(np.searchsorted(g, x), 0, FINE - 1) for g, x in zip((grid[0][0], grid[1][:, 0]), points.T, strict=True)
    )
    top = 1.5 * float(np.quantile(values[rows, columns], 0.98)) or float(values.max()) or 1.0
    return np.asarray(MaxNLocator(12).tick_values(0.0, top))


def _potential_colors() -> Any:
    """Colours of a potential, deep where it is low, and light enough for points to be seen on them."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["YlGnBu_r"](np.linspace(0.4, 1.0, 256)))


def _curve(
    ax: Axes, part: Functional, source: Population, series: Any, axes: list[int], time: float, name: str
) -> None:
    points, times = points_in_time(series)
    low, high = _box(points[:, axes])
    x = np.linspace(low[0], high[0], 2 * FINE)
    near = _distance_to_data(x[:, None], points[:, axes]) < 1
    curves = [_values(member, x[:, None], axes, points, source, time) for member in members(part)]
    curves = [values - values[near].mean() for values in curves]
    mean = np.mean(curves, 0)
    bottom = mean[near].min()
    color = COLORS[0] if is_learned([part]) else TRUTH
    for values in curves if len(curves) > 1 else []:
        ax.plot(x, values - bottom, color=color, linewidth=0.8, alpha=0.4)
    ax.plot(x, mean - bottom, color=color, linewidth=1.0, alpha=0.5, linestyle=":")
    ax.plot(x, np.where(near, mean - bottom, np.nan), color=color, linewidth=2.4)
    top = float((mean - bottom)[near].max()) or 1.0
    ax.set_ylim(-0.25 * top, 1.25 * top)
    rows = thinned(len(points), MOST_POINTS)
    height = 0.03 + 0.1 * np.random.default_rng(1).random(len(rows))
    place = ax.get_xaxis_transform()
    _scatter(ax, points[rows, axes[0]], height, times[rows], series, s=6, alpha=0.6, transform=place)
    ax.set(xlim=(low[0], high[0]), xlabel=axis_names(axes, series.dim, series.units)[0], ylabel=name)
    tidy(ax)


def _scatter(ax: Axes, x: np.ndarray, y: np.ndarray, times: np.ndarray, series: Any, **look: Any) -> None:
    """Points of the data: black where there is one time only, else coloured by time."""
    if len(series) > 1:
        scatter_by_time(ax, x, y, times, series.units, **look)
    else:
        ax.scatter(x, y, c="black", linewidths=0, **look)


def _box(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners of a box around the data, leaving out what lies far from all others."""
    low, high = np.quantile(points, [0.001, 0.999], axis=0)
    margin = 0.12 * np.where(high > low, high - low, 1.0)
    return low - margin, high + margin


def _values(
    part: Functional, places: np.ndarray, axes: list[int], points: np.ndarray, source: Population, time: float
) -> np.ndarray:
    """dU/drho at places in the drawn coordinates, the others at their mean."""
    from wlmsim.functionals.first_variation import first_variation

    x = np.tile(points.mean(0), (len(places), 1))
    x[:, axes] = places
    return first_variation(part, x, source, time=time)


def _distance_to_data(places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance to the nearest point, in units of one and a half widths by which a kernel density is smoothed."""
    from scipy.spatial import cKDTree

    n, dim = points.shape
    width = float(np.sqrt(points.var(0).mean())) * n ** (-1.0 / (dim + 4)) or 1.0
    return cKDTree(points).query(places)[0] / (1.5 * width)


def _depends_on_time(part: Functional, source: Population, series: Any) -> bool:
    from wlmsim.functionals.first_variation import first_variation

    places = np.concatenate(series.positions)[thinned(sum(map(len, series.positions)), 32)]
    first, last = (first_variation(part, places, source, time=float(t)) for t in series.times[[0, -1]])
    return not np.allclose(first, last, rtol=1e-5, atol=1e-5 * float(np.ptp(first)))
