"""A potential in space, learned or known, as contours in the plane or as a curve on a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._extent import distance_to_data
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.functionals.base import Functional
from wlmsim.visual._drawing import axis_names
from wlmsim.visual.plots._style import (
    COLORS,
    FOOT,
    TRUTH,
    bin_edges,
    color_bar,
    draw_law,
    histogram_at_foot,
    label_of,
    new_axes,
    one_or_two_axes,
    points_in_time,
    thinned,
    tidy,
    time_text,
)
from wlmsim.visual.plots.laws import Mechanics, is_learned, members, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FINE = 120
"""Points along an axis at which a potential is evaluated."""
DIFFER = 0.15
"""Members of a fit disagree where they differ by more than this share of what the potential varies among the data."""
MOST_POINTS = 3000
"""More points of the data than this are thinned."""


def plot_potential(
    mechanics: Any,
    data: SnapshotSeries | Trajectory | Population | None = None,
    *,
    time: float | None = None,
    field_of: Population | None = None,
    like: int = 0,
    axes: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot a potential, learned or known, with the data over it.

    In the plane it is drawn as filled contours, on a line as a curve over a histogram of the data. A learned one
    fades where there are no data, of which it knows nothing, and where the members of a fit differ; on a line their
    range is a band. It is zero at its lowest point among the data.

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
    like : int
        Which particle's charge and type to draw it for, where a `Charged` or a `Between` law tells them apart. Default
        0, the first.
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
    part, source, kind = _first(part, source, like)
    ax = new_axes(*((7.6, 5.2) if len(chosen) == 2 else (7.0, 4.0))) if ax is None else ax
    draw = _contours if len(chosen) == 2 else _curve
    name = label_of(f"potential{kind}", shown.units, 2, -1 if found.first_order else -2)
    draw(ax, part, source, shown, chosen, moment, name)
    if field_of is not None or _depends_on_time(part, source, shown):
        ax.set_title(time_text(moment, shown.units, shown.times))
    return ax


def _first(part: Functional, field: Population, like: int) -> tuple[Functional, Population, str]:
    """The potential with the particle that it is drawn for as the first, the population, and what that one is."""
    kinds = part.kinds
    check.integer("like", like, least=0)
    if kinds is None:
        return part, field, ""
    if like >= len(kinds):
        raise check.fail("like", f"below {len(kinds)}, the number of particles", like)
    if len(field) == 1:
        return part.of_rows([like]), field, f" of {kinds[like]}"
    if len(field) != len(kinds):
        raise check.fail("field_of", f"of {len(kinds)} particles, as {part!r} is for", field)
    rows = np.append(like, np.delete(np.arange(len(kinds)), like))
    ordered = Population(field.positions[rows], None, field.weights[rows], field.time)
    return part.of_rows(rows), ordered, f" of {kinds[like]}"


def _contours(
    ax: Axes, part: Functional, source: Population, series: Any, axes: list[int], time: float, name: str
) -> None:
    points, _ = points_in_time(series)
    low, high = _box(points[:, axes])
    grid = np.meshgrid(*(np.linspace(low[k], high[k], FINE) for k in range(2)))
    places = np.stack([g.ravel() for g in grid], 1)
    every = np.array([_values(one, places, axes, points, source, time) for one in members(part)])
    values = every.mean(0).reshape(FINE, FINE)
    distance = distance_to_data(np.stack(grid, -1), points[:, axes])
    near = distance < 1
    values = np.maximum(values - values[near].min(), 0.0)
    levels = _levels(values, grid, points[:, axes])
    filled = ax.contourf(*grid, values, levels=levels, cmap=_potential_colors(), extend="max")
    ax.contour(*grid, values, levels=levels[1:], colors="white", linewidths=0.5)
    every -= every[:, near.ravel()].mean(1, keepdims=True)
    differ = every.std(0).reshape(FINE, FINE) / (DIFFER * (float(np.ptp(values[near])) or 1.0))
    if not is_learned([part]):
        distance = np.zeros_like(distance)  # a known law is as well known where there are no data
    fade = np.zeros((FINE, FINE, 4))
    fade[..., :3], fade[..., 3] = 1.0, 0.85 * np.clip(np.maximum(distance, differ) - 1, 0, 1)
    box = (low[0], high[0], low[1], high[1])
    ax.imshow(fade, extent=box, origin="lower", interpolation="bilinear", zorder=1.5)
    rows = thinned(len(points), MOST_POINTS)
    color_bar(ax, filled, name)
    x, y = points[rows][:, axes].T
    ax.scatter(x, y, s=float(np.clip(2500 / len(rows), 1.5, 9)), color=TRUTH, alpha=0.55, linewidths=0, zorder=2)
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
    points, _ = points_in_time(series)
    low, high = _box(points[:, axes])
    x = np.linspace(low[0], high[0], 2 * FINE)
    near = distance_to_data(x[:, None], points[:, axes]) < 1
    curves = np.array([_values(member, x[:, None], axes, points, source, time) for member in members(part)])
    curves -= curves[:, near].mean(1, keepdims=True)
    curves -= curves.mean(0)[near].min()
    color, label = (COLORS[0], "learned") if is_learned([part]) else (TRUTH, "potential")
    draw_law(ax, x, curves, near, color, label=label, spread=f"range of {len(curves)} networks")
    top = float(curves.mean(0)[near].max()) or 1.0
    ax.set_ylim(-1.9 * FOOT * top, 1.25 * top)
    bins = bin_edges(float(low[0]), float(high[0]), 50)
    histogram_at_foot(ax, *np.histogram(points[:, axes[0]], bins=bins), "data")
    ax.legend(frameon=False, fontsize="small")
    ax.set(xlim=(low[0], high[0]), xlabel=axis_names(axes, series.dim, series.units)[0], ylabel=name)
    tidy(ax)


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
    return first_variation(part, x, source, time=time, like=0)


def _depends_on_time(part: Functional, source: Population, series: Any) -> bool:
    from wlmsim.functionals.first_variation import first_variation

    places = np.concatenate(series.positions)[thinned(sum(map(len, series.positions)), 32)]
    first, last = (first_variation(part, places, source, time=float(t), like=0) for t in series.times[[0, -1]])
    return not np.allclose(first, last, rtol=1e-5, atol=1e-5 * float(np.ptp(first)))
