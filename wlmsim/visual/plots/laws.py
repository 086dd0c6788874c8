"""Laws of motion, learned or known: the potential in space, the pair law along the distance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.visual._drawing import axis_names, choose_axes
from wlmsim.visual.plots._style import COLORS, TRUTH, label_of, new_axes, scatter_by_time, thinned, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FINE = 120
"""Points along an axis at which a potential is evaluated."""
MOST_POINTS = 3000
"""More points of the data than this are thinned."""


@dataclass(frozen=True)
class Mechanics:
    """What a plot of a law needs to know of a model, a Lagrangian, a flow, a system or a functional."""

    potential: Functional
    data: Any = None
    first_order: bool = False
    """Whether the potential's slope is a velocity, and not an acceleration."""

    @classmethod
    def of(cls, given: Any) -> Mechanics:
        """Find the potential energy, and the data if they are known."""
        if isinstance(given, Functional):
            return cls(given)
        fits = hasattr(given, "fit")  # which says itself that it must be called first
        mechanics = given.mechanics_ if fits else getattr(given, "mechanics", given)
        if not isinstance(mechanics, (Lagrangian, GradientFlow)):
            raise check.fail("mechanics", "a fitted WLM, a Lagrangian, a GradientFlow, a System or a Functional", given)
        if mechanics.potential is None:
            raise check.fail("mechanics", "with a potential energy", given)
        data = getattr(given, "data_" if fits else "population", None)
        return cls(mechanics.potential, data, isinstance(mechanics, GradientFlow))

    def of_degree(self, degree: int, what: str, instead: str) -> Functional:
        """The sum of the terms of this degree in the density."""
        terms = [term for term in self.potential.terms if term.degree == degree]
        if not terms:
            raise ParameterError(f"`mechanics` must have {what} to be drawn{instead}; got {self.potential!r}")
        return terms[0] if len(terms) == 1 else FunctionalSum(*terms)


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
    shown = _series(found.data if data is None else data)
    if field_of is None:
        part = found.of_degree(1, "an external potential", ", or `field_of` a population")
    else:
        part = found.potential
        check.instance("field_of", field_of, Population)
    chosen = choose_axes((0, 1)[: shown.dim] if axes is None else axes, shown.dim, most=2)
    moment = float(shown.times[[0, -1]].mean()) if time is None else check.real("time", time)
    source = Population(np.concatenate(shown.positions)[:1]) if field_of is None else field_of
    ax = new_axes(*((7.6, 5.2) if len(chosen) == 2 else (7.0, 4.0))) if ax is None else ax
    draw = _contours if len(chosen) == 2 else _curve
    name = label_of("potential", shown.units, 2, -1 if found.first_order else -2)
    draw(ax, part, source, shown, chosen, moment, name)
    if field_of is not None or _depends_on_time(part, source, shown):
        ax.set_title(f"t = {moment:.4g}" + (f" {unit}" if (unit := shown.units.get("time", "")) else ""))
    return ax


def plot_pair_law(
    mechanics: Any,
    truth: Any = None,
    *,
    force: bool = False,
    reach: float | None = None,
    data: SnapshotSeries | Trajectory | Population | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot the pair potential or the pair force against the distance, with its spread over members and seeds.

    The line is the mean over the fits, the band spans them all. A constant in a potential means nothing: its mean over
    the pairs of the data, or else over the distances, is drawn as zero. The grey hill shows how often the data hold
    pairs at each distance: where it vanishes, nothing was to be learned.

    Parameters
    ----------
    mechanics : WLM, Lagrangian, GradientFlow, System or Functional; sequence or mapping of these
        Whose law to draw. Of a sequence, such as the fits of several seeds, one line with a band; of a mapping, one for
        each name.
    truth : the same, optional
        A law that is known, drawn broken.
    force : bool
        Whether to draw the force -dW/dr, positive where particles repel each other. Default False: the potential W.
    reach : float, optional
        Largest distance [length]. Default: the largest cutoff, or else what 95 % of the pairs of the data are below.
    data : SnapshotSeries, Trajectory or Population, optional
        Whose pairs the hill counts. Default: the data that a model was fitted to.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there are no pair forces to draw, or neither a cutoff nor data say how far.

    Examples
    --------
    >>> import wlmsim as wls
    >>> swarm = wls.systems.MorseSwarm(n=100, seed=0)
    >>> ax = wls.visual.plot_pair_law(swarm, force=True, reach=3.0)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('distance', 'pair force')
    """
    lines = _pair_lines(mechanics)
    known = [] if truth is None else [Mechanics.of(truth)]
    everything = [fit for fits in lines.values() for fit in fits]
    shown = next((found.data for found in everything if found.data is not None), None) if data is None else data
    series = None if shown is None else _series(shown)
    laws = {name: [law for fit in fits for law in _members(_pair_part(fit))] for name, fits in lines.items()}
    pairs = None if series is None else _pair_distances(series)
    farthest = _reach([law for many in laws.values() for law in many], pairs) if reach is None else reach
    r = np.linspace(0.0, check.positive("reach", farthest), 301)[1:]
    dim = _dimension(everything, series)
    units = {} if series is None else series.units

    def curve(law: Functional) -> np.ndarray:
        values = _pair_curve(law, r, dim, force)
        return values if force else values - np.average(values, weights=_share(r, pairs))

    ax = new_axes(7.0, 4.2) if ax is None else ax
    several = len(laws) > 1
    for color, (name, many) in zip(COLORS * len(laws), laws.items(), strict=False):
        curves = np.array([curve(law) for law in many])
        label = name if several else "learned" if _is_learned(many) else "law"
        ax.plot(r, curves.mean(0), color=color, linewidth=2.2, label=label)
        if len(curves) > 1:
            spread = None if several else f"range of {len(curves)} fits"
            ax.fill_between(r, curves.min(0), curves.max(0), color=color, alpha=0.2, linewidth=0, label=spread)
    for found in known:
        ax.plot(r, curve(_pair_part(found)), color=TRUTH, linestyle="--", label="truth")
    _frame_pair_law(ax, r, force=force)
    if pairs is not None:
        _hill(ax, pairs, r[-1])
    ax.axhline(0.0, color="#9ca3af", linewidth=0.8, zorder=1)
    first_order = everything[0].first_order
    powers = (1, -1 if first_order else -2) if force else (2, -1 if first_order else -2)
    ax.set(xlabel=label_of("distance", units, 1), xlim=(0.0, r[-1]))
    ax.set_ylabel(label_of("pair force" if force else "pair potential", units, *powers))
    tidy(ax)
    ax.legend(frameon=False)
    return ax


# --- the potential


def _series(data: Any) -> Any:
    if data is None:
        raise ParameterError("`data` must be given to say which part of space to draw: snapshots or a population")
    if isinstance(data, Population):
        return SnapshotSeries.from_populations([data])
    return check.instance("data", data, (SnapshotSeries, Trajectory, Population))


def _contours(
    ax: Axes, part: Functional, source: Population, series: Any, axes: list[int], time: float, name: str
) -> None:
    points, times = _points(series)
    low, high = _box(points[:, axes])
    grid = np.meshgrid(*(np.linspace(low[k], high[k], FINE) for k in range(2)))
    values = _values(part, np.stack([g.ravel() for g in grid], 1), axes, points, source, time).reshape(FINE, FINE)
    distance = _distance_to_data(np.stack(grid, -1), points[:, axes])
    near = distance < 1
    values = np.maximum(values - values[near].min(), 0.0)
    levels = _levels(values, grid, points[:, axes])
    filled = ax.contourf(*grid, values, levels=levels, cmap=_pale(), extend="max")
    ax.contour(*grid, values, levels=levels, colors="white", linewidths=0.5)
    veil = np.zeros((FINE, FINE, 4))
    veil[..., :3], veil[..., 3] = 1.0, 0.85 * np.clip(distance - 1, 0, 1)
    box = (low[0], high[0], low[1], high[1])
    ax.imshow(veil, extent=box, origin="lower", interpolation="bilinear", zorder=1.5)
    rows = thinned(len(points), MOST_POINTS)
    ax.figure.colorbar(filled, ax=ax, label=name)
    x, y = points[rows][:, axes].T
    if len(series) > 1:
        scatter_by_time(ax, x, y, times[rows], series.units, s=7, zorder=2)
    else:
        ax.scatter(x, y, s=7, c="black", linewidths=0, zorder=2)
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


def _pale() -> Any:
    """Colours of a potential, deep where it is low, and light enough for points to be seen on them."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["YlGnBu_r"](np.linspace(0.4, 1.0, 256)))


def _curve(
    ax: Axes, part: Functional, source: Population, series: Any, axes: list[int], time: float, name: str
) -> None:
    points, times = _points(series)
    low, high = _box(points[:, axes])
    x = np.linspace(low[0], high[0], 2 * FINE)
    near = _distance_to_data(x[:, None], points[:, axes]) < 1
    curves = [_values(member, x[:, None], axes, points, source, time) for member in _members(part)]
    curves = [values - values[near].mean() for values in curves]
    mean = np.mean(curves, 0)
    bottom = mean[near].min()
    color = COLORS[0] if _is_learned([part]) else TRUTH
    for values in curves if len(curves) > 1 else []:
        ax.plot(x, values - bottom, color=color, linewidth=0.8, alpha=0.4)
    ax.plot(x, mean - bottom, color=color, linewidth=1.0, alpha=0.5, linestyle=":")
    ax.plot(x, np.where(near, mean - bottom, np.nan), color=color, linewidth=2.4)
    top = float((mean - bottom)[near].max()) or 1.0
    ax.set_ylim(-0.25 * top, 1.25 * top)
    rows = thinned(len(points), MOST_POINTS)
    height = 0.03 + 0.1 * np.random.default_rng(1).random(len(rows))
    place = ax.get_xaxis_transform()
    if len(series) > 1:
        scatter_by_time(ax, points[rows, axes[0]], height, times[rows], series.units, s=6, alpha=0.6, transform=place)
    else:
        ax.scatter(points[rows, axes[0]], height, s=6, c="black", alpha=0.6, linewidths=0, transform=place)
    ax.set(xlim=(low[0], high[0]), xlabel=axis_names(axes, series.dim, series.units)[0], ylabel=name)
    tidy(ax)


def _points(series: Any) -> tuple[np.ndarray, np.ndarray]:
    """All points of all times in one array, and the time of each."""
    times = np.repeat(series.times, [len(x) for x in series.positions])
    return np.concatenate(list(series.positions)), times


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
    """Distance to the nearest point, in units of three times the width at which a kernel density is smoothed."""
    from scipy.spatial import cKDTree

    n, dim = points.shape
    width = float(np.sqrt(points.var(0).mean())) * n ** (-1.0 / (dim + 4)) or 1.0
    return cKDTree(points).query(places)[0] / (1.5 * width)


def _depends_on_time(part: Functional, source: Population, series: Any) -> bool:
    from wlmsim.functionals.first_variation import first_variation

    places = np.concatenate(series.positions)[thinned(sum(map(len, series.positions)), 32)]
    first, last = (first_variation(part, places, source, time=float(t)) for t in series.times[[0, -1]])
    return not np.allclose(first, last, rtol=1e-5, atol=1e-5 * float(np.ptp(first)))


# --- the pair law


def _pair_lines(mechanics: Any) -> dict[str, list[Mechanics]]:
    if isinstance(mechanics, Mapping):
        return {str(name): _all(given) for name, given in mechanics.items()}
    return {"": _all(mechanics)}


def _all(given: Any) -> list[Mechanics]:
    many = given if isinstance(given, Iterable) else [given]
    return [Mechanics.of(one) for one in many]


def _pair_part(found: Mechanics) -> Functional:
    return found.of_degree(2, "a pair potential", "")


def _members(part: Functional) -> list[Functional]:
    """The members of a fit, if the functional is a mean of several; sums of means are taken member by member."""
    columns = [list(getattr(term, "functionals", [term])) for term in part.terms]
    count = max(map(len, columns))
    columns = [column * count if len(column) == 1 else column for column in columns]
    return [row[0] if len(row) == 1 else FunctionalSum(*row) for row in zip(*columns, strict=True)]


def _is_learned(parts: Iterable[Functional]) -> bool:
    return any(hasattr(term, "parameters") for part in parts for term in part.terms)


def _dimension(mechanics: list[Mechanics], series: Any) -> int:
    """Of space: a learned law knows it, and others do not care."""
    known = next((len(s.centre) for f in mechanics for t in f.potential.terms if (s := getattr(t, "scales", None))), 2)
    return known if series is None else series.dim


def _pair_distances(series: Any) -> np.ndarray:
    """Distances between at most 500 points of each time."""
    from scipy.spatial.distance import pdist

    clouds = [x for x in series.positions if len(x) > 1]
    return np.concatenate([pdist(x[thinned(len(x), 500)]) for x in clouds]) if clouds else np.zeros(0)


def _reach(laws: list[Functional], pairs: np.ndarray | None) -> float:
    terms = [member for law in laws for term in law.terms for member in (getattr(term, "functional", term),)]
    cutoffs = [cutoff for term in terms if (cutoff := getattr(term, "cutoff", None)) is not None]
    if len(cutoffs) == len(terms):
        return float(max(cutoffs))
    if pairs is None or not pairs.size:
        raise ParameterError("`reach` or `data` must be given, since the law has no cutoff")
    return float(np.quantile(pairs, 0.95))


def _pair_curve(law: Functional, r: np.ndarray, dim: int, force: bool) -> np.ndarray:
    """The force on a particle, or its energy, at the distances from one that is all the population."""
    places = np.zeros((len(r), dim))
    places[:, 0] = r
    origin = np.zeros((1, dim))
    if force:
        weights = np.append(1.0, np.zeros(len(r)))
        return law.force(np.concatenate([origin, places]), weights)[1:, 0]
    from wlmsim.functionals.first_variation import first_variation

    return first_variation(law, places, Population(origin))


def _share(r: np.ndarray, pairs: np.ndarray | None) -> np.ndarray:
    """How much each distance counts in a mean."""
    if pairs is None:
        return np.ones_like(r)
    counts = np.histogram(pairs, bins=np.append(0.0, r))[0]
    return counts if counts.any() else np.ones_like(r)


def _frame_pair_law(ax: Axes, r: np.ndarray, *, force: bool) -> None:
    """A law that is steep at short distances would leave nothing to be seen of the rest."""
    outer = np.concatenate([line.get_ydata()[r > 0.15 * r[-1]] for line in ax.lines])  # type: ignore[index]
    everything = np.concatenate([np.asarray(line.get_ydata()) for line in ax.lines])
    low, high = float(outer.min()), float(outer.max())
    span = (high - low) or 1.0
    low, high = max(everything.min(), low - 0.6 * span), min(everything.max(), high + 0.6 * span)
    ax.set_ylim(low - 0.12 * span, high + 0.08 * span)


def _hill(ax: Axes, pairs: np.ndarray, reach: float) -> None:
    """How many pairs there are at each distance, along the foot of the axes."""
    counts, edges = np.histogram(pairs[pairs < reach], bins=40, range=(0.0, reach))
    if counts.any():
        heights = 0.18 * counts / counts.max()
        place = ax.get_xaxis_transform()
        ax.stairs(
            heights, edges, fill=True, color="#d1d5db", alpha=0.6, zorder=0, transform=place, label="pairs in data"
        )
