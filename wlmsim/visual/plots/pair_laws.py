"""A pair law, learned or known, along the distance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations_with_replacement, cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional
from wlmsim.visual.plots._style import (
    COLORS,
    FOOT,
    GREY,
    TRUTH,
    draw_law,
    histogram_at_foot,
    label_of,
    new_axes,
    thinned,
    tidy,
)
from wlmsim.visual.plots.laws import Mechanics, is_learned, members, series_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEAR = 0.15
"""Share of the farthest distance below which a law may leave the picture."""
WALL = 3.0
"""How much higher a wall is drawn than the well beside it is deep."""
MOST_KINDS = 3
"""Kinds of particles whose laws are told apart by colours: so many have six pairs."""
FEW = 0.03
"""A distance with less than this share of the pairs of the commonest one is hardly seen."""


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
    the pairs of the data, or else its median over the distances, is drawn as zero. The grey histogram counts the pairs
    of the data at each distance: where there are hardly any, nothing was to be learned, and a learned law is faint.
    Where charges or types tell particles apart there is a line for each two kinds that act on each other.

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
        Whose pairs the histogram counts. Default: the data that a model was fitted to.
    ax : matplotlib.axes.Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ParameterError
        If there are no pair forces to draw, between more kinds of particles than there are colours, or neither a cutoff
        nor data say how far.

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
    series = None if shown is None else series_of(shown)
    laws = {name: [law for fit in fits for law in members(_pair_part(fit))] for name, fits in lines.items()}
    pairs = None if series is None else _pair_distances(series)
    farthest = _reach([law for many in laws.values() for law in many], pairs) if reach is None else reach
    r = np.linspace(0.0, check.positive("reach", farthest), 301)[1:]
    dim = _dimension(everything, series)
    units = {} if series is None else series.units

    def curve(law: Functional) -> np.ndarray:
        values = _pair_curve(law, r, dim, force)
        return values if force else values - _zero(values, r, pairs)

    ax = new_axes(7.0, 4.2) if ax is None else ax
    colors = cycle(COLORS)
    for key, many in laws.items():
        learned = is_learned(many)
        seen = _known(r, pairs) if learned else np.ones(len(r), dtype=bool)
        for name, curves in _between_kinds(key, many, curve).items():
            label = name or ("learned" if learned else "law")
            spread = None if name else f"range of {len(curves)} fits"
            draw_law(ax, r, curves, seen, next(colors), label=label, spread=spread)
    for found in known:
        for name, (values,) in _between_kinds("truth", [_pair_part(found)], curve).items():
            ax.plot(r, values, color=TRUTH, linestyle="--", label=name)
    _frame_pair_law(ax, r, _nearest(r, pairs))
    if pairs is not None:
        histogram_at_foot(ax, *_histogram(pairs, r[-1]), "pairs in data")
    ax.axhline(0.0, color=GREY, linewidth=0.8, zorder=1)
    first_order = everything[0].first_order
    powers = (1, -1 if first_order else -2) if force else (2, -1 if first_order else -2)
    ax.set(xlabel=label_of("distance", units, 1), xlim=(0.0, r[-1]))
    ax.set_ylabel(label_of("pair force" if force else "pair potential", units, *powers))
    tidy(ax)
    ax.legend(frameon=False)
    return ax


def _pair_lines(mechanics: Any) -> dict[str, list[Mechanics]]:
    if isinstance(mechanics, Mapping):
        return {str(name): _all(given) for name, given in mechanics.items()}
    return {"": _all(mechanics)}


def _all(given: Any) -> list[Mechanics]:
    many = list(given) if isinstance(given, Iterable) else [given]
    if not many:
        raise check.fail("mechanics", "a model or several, with a pair potential", given)
    return [Mechanics.of(one) for one in many]


def _pair_part(found: Mechanics) -> Functional:
    return found.of_degree(2, "a pair potential", "")


def _between_kinds(
    name: str, laws: list[Functional], curve: Callable[[Functional], np.ndarray]
) -> dict[str, np.ndarray]:
    """Curves of laws, shape (laws, m), by what two particles are that act on each other, where not all are alike."""
    kinds = laws[0].kinds
    if kinds is None:
        return {name: np.array([curve(law) for law in laws])}
    rows = {kind: kinds.index(kind) for kind in dict.fromkeys(kinds)}
    if len(rows) > MOST_KINDS:
        raise ParameterError(
            f"`mechanics` must tell at most {MOST_KINDS} kinds of particles apart to be drawn; there are {len(rows)}: "
            "draw the `functional` of a `Charged` law, which is that between unit charges"
        )
    found: dict[str, np.ndarray] = {}
    for pair in combinations_with_replacement(rows, 2):
        title = " and ".join(pair) if pair[0] != pair[1] else f"two of {pair[0]}"
        curves = np.array([curve(law.of_rows([rows[kind] for kind in pair])) for law in laws])
        same = next((other for other, known in found.items() if np.allclose(known, curves, rtol=1e-9, atol=0.0)), None)
        if same is not None:
            found[f"{same}, or {title}"] = found.pop(same)
        elif curves.any():  # these act on each other
            found[title] = curves
    return {f"{name}: {title}" if name else title: curves for title, curves in found.items()}


def _dimension(mechanics: list[Mechanics], series: Any) -> int:
    """Of space: a learned law knows it, and others do not care."""
    known = next((len(s.centre) for f in mechanics for t in f.potential.terms if (s := getattr(t, "scales", None))), 2)
    return known if series is None else series.dim


def _pair_distances(series: Any) -> np.ndarray:
    """Distances between at most 500 points of each time."""
    from scipy.spatial.distance import pdist

    clouds = [x for x in series.positions if len(x) > 1]
    return np.concatenate([pdist(x[thinned(len(x), 500)]) for x in clouds]) if clouds else np.zeros(0)


def _innermost(term: Any) -> Any:
    """The law within those around it, of charges, types, strengths and averages."""
    for name in ("functional", "pairs"):
        if (inner := getattr(term, name, None)) is not None:
            return _innermost(inner)
    return _innermost(term.functionals[0]) if hasattr(term, "functionals") else term


def _reach(laws: list[Functional], pairs: np.ndarray | None) -> float:
    terms = [_innermost(term) for law in laws for term in law.terms]
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
        law = law.of_rows([0, *[1] * len(r)]) if law.kinds is not None else law
        return law.force(np.concatenate([origin, places]), weights)[1:, 0]
    from wlmsim.functionals.first_variation import first_variation

    if law.kinds is None:
        return first_variation(law, places, Population(origin))
    # the second of the two, like which those at the distances are, stands aside without weight
    return first_variation(law, places, Population(np.concatenate([origin, -places[-1:]]), None, [1.0, 0.0]), like=1)


def _zero(values: np.ndarray, r: np.ndarray, pairs: np.ndarray | None) -> float:
    """What is drawn as zero: the mean over pairs, or the median over distances, which a singular law leaves alone."""
    counts = np.zeros(0) if pairs is None else np.histogram(pairs, bins=np.append(0.0, r))[0]
    return float(np.average(values, weights=counts)) if counts.any() else float(np.median(values))


def _nearest(r: np.ndarray, pairs: np.ndarray | None) -> float:
    """The distance from which on a law is drawn wholly: where pairs begin, or a share of the farthest."""
    near = np.zeros(0) if pairs is None else pairs[pairs < r[-1]]
    return max(NEAR * r[-1], float(np.quantile(near, 0.01))) if near.size else NEAR * r[-1]


def _frame_pair_law(ax: Axes, r: np.ndarray, nearest: float) -> None:
    """Limit the drawn values: a law that is steep at short distances would leave nothing to be seen of the rest."""
    outer = np.concatenate([line.get_ydata()[r > nearest] for line in ax.lines])  # type: ignore[index]
    everything = np.concatenate([np.asarray(line.get_ydata()) for line in ax.lines])
    low, high = float(np.nanmin(outer)), float(np.nanmax(outer))
    wells = [float(line.get_ydata()[-1] - np.nanmin(line.get_ydata())) for line in ax.lines]  # type: ignore[index]
    if max(wells) > 0:  # of a steep wall beside a well the foot
        high = min(high, low + WALL * max(wells))
    span = (high - low) or 1.0
    low, high = max(np.nanmin(everything), low - 0.6 * span), min(np.nanmax(everything), high + 0.6 * span)
    # The foot, a share of the whole, is left to the histogram.
    ax.set_ylim(low - 1.2 * FOOT / (1 - FOOT) * (high - low or 1.0), high + 0.08 * span)


def _histogram(pairs: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """How many pairs there are at each distance, and the edges between."""
    return np.histogram(pairs[pairs < reach], bins=40, range=(0.0, reach))


def _known(r: np.ndarray, pairs: np.ndarray | None) -> np.ndarray:
    """Distances at which there are pairs enough to learn from; all, where the data are not known."""
    if pairs is None:
        return np.ones(len(r), dtype=bool)
    from scipy.ndimage import gaussian_filter1d

    near = pairs[pairs < r[-1]]
    if len(near) < 2:
        return np.zeros(len(r), dtype=bool)
    counts = np.histogram(near, bins=np.append(0.0, r))[0].astype(float)
    # By the width of a kernel density: a gap between a few pairs is no gap in what they tell.
    density = gaussian_filter1d(counts, max(near.std() * len(near) ** -0.2 / (r[1] - r[0]), 1.0), mode="constant")
    return density > FEW * density.max()
