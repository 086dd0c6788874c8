"""What a data set shows before anything is fitted to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from wlmsim.data.dates import has_dates, span
from wlmsim.data.population import Population, row_keys
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.functionals.gaussian import moments
from wlmsim.learn.studies.folds import ROWS as SCREENED
from wlmsim.learn.studies.folds import thinned
from wlmsim.transport.exact import Plan, ground_cost, optimal_plan

ROWS = 500
"""Most rows of a cloud that are looked at."""
INTERVALS = 12
"""Most intervals between marginals that are looked at, evenly spread."""
FAR = 12.0
"""Outliers lie farther from the median than so many times the median distance from it."""
STEADY_SPEED = 0.05
"""Relative spread of the speeds below which all are taken for the same."""
CLEAR = 0.8
"""Share of the displacements that velocities must explain for their unit of time to be told."""
OTHER_UNIT = 1.5
"""Factor between displacements and velocities beyond which they have another unit of time."""
KEPT = 0.5
"""Rows are thought to keep their order if they move by less than this, in units of their distance to any other."""
GROWN = 0.2
"""Logarithm of the ratio of the last number of rows to the first beyond which the population may have grown."""
SPARSE = 1.0
"""Displacement in an interval, in units of the spread of the cloud, beyond which plans say little about paths."""


Pairs = list[tuple[Population, Population]]
"""Neighbouring marginals."""


@dataclass
class Seen:
    """What a data set shows.

    Attributes
    ----------
    sizes : tuple of int
        Rows at each time.
    spread : float
        Standard deviation of the positions within a marginal along an axis, the median over marginals [length].
    displacement : float
        Root mean square displacement along optimal plans in an interval, less that of the centre, the median [length].
    neighbour_distance : float
        Median distance to the nearest other row of the same marginal [length].
    velocities : float
        Share of the marginals with velocities.
    velocity_factor : float
        Displacement in an interval per velocity times interval: 1 if they agree, NaN if that cannot be told.
    explained : float
        Share of the displacements that the velocities explain, with that factor.
    speed : float or None
        The speed of all rows, if it is the same [length / time].
    turning : float
        Median acceleration, as changes of the velocities along plans tell it; NaN without velocities [length / time^2].
    identities_kept : bool
        Whether rows seem to be the same individuals at all times.
    growing : bool
        Whether the number of rows changes so that the population may grow or shrink.
    duplicates, outliers : int
        Rows that occur twice in a marginal, and rows far from all others.
    intrinsic_dimension : int
        Number of principal components with 95 percent of the variance.
    notes : list of str
        All that in sentences.
    """

    sizes: tuple[int, ...]
    dim: int
    spread: float
    displacement: float
    neighbour_distance: float
    velocities: float
    velocity_factor: float = math.nan
    explained: float = math.nan
    speed: float | None = None
    turning: float = math.nan
    identities_kept: bool = False
    growing: bool = False
    duplicates: int = 0
    outliers: int = 0
    intrinsic_dimension: int = 0
    notes: list[str] = field(default_factory=list)


def look(data: SnapshotSeries) -> Seen:
    """Look at a data set: what it holds, what is odd about it, and what is too sparse to tell.

    Parameters
    ----------
    data : SnapshotSeries
        Any.

    Returns
    -------
    Seen
    """
    clouds = [thinned(cloud, ROWS) for cloud in data]
    spread = float(np.median([_spread(cloud) for cloud in clouds]))
    near = [cKDTree(cloud.positions).query(cloud.positions, 2)[0][:, 1] for cloud in clouds if len(cloud) > 1]
    known = float(np.mean([v is not None for v in data.velocities]))
    pairs = _intervals(data)
    moved = [_displacement(*pair) for pair in pairs]
    seen = Seen(
        data.sizes,
        data.dim,
        spread,
        float(np.median(moved)) if moved else math.nan,
        float(np.median(np.concatenate(near))) if near else math.nan,
        known,
    )
    _look_at_velocities(data, seen)
    seen.identities_kept = _identities_kept(data, pairs)
    changed = abs(math.log(data.sizes[-1] / data.sizes[0])) > GROWN
    seen.growing = changed and "individuals" not in data.metadata and len(data.population_labels) == 1
    seen.duplicates = sum(len(x) - len(np.unique(row_keys(x))) for x in data.positions)
    seen.outliers = sum(_outliers(x) for x in data.positions)
    centred = np.concatenate([cloud.positions - cloud.positions.mean(0) for cloud in clouds])
    variances = np.linalg.svd(centred, compute_uv=False) ** 2
    shares = np.cumsum(variances) / max(variances.sum(), 1e-300)
    seen.intrinsic_dimension = int(np.searchsorted(shares, 0.95) + 1)
    seen.notes = _notes(data, seen)
    return seen


def _intervals(data: SnapshotSeries) -> Pairs:
    """Neighbouring marginals of populations, thinned, at most `INTERVALS`."""
    pairs = []
    for label in data.population_labels:
        series = data.population(label)
        pairs += [(series, k) for k in range(len(series) - 1)]
    chosen = np.unique(np.linspace(0, len(pairs) - 1, INTERVALS).round().astype(int)).tolist() if pairs else []
    return [(s[k], s[k + 1]) for s, k in (pairs[j] for j in chosen)]


def _plan(before: Population, after: Population, here: np.ndarray, there: np.ndarray) -> Plan:
    return optimal_plan(ground_cost(here, there, 2), before.weights, after.weights)


def _displacement(before: Population, after: Population) -> float:
    a, b = thinned(before, ROWS), thinned(after, ROWS)
    plan = _plan(a, b, a.positions, b.positions)
    moved = b.positions[plan.target] - a.positions[plan.source]
    moved = moved - plan.mass @ moved / plan.mass.sum()
    return float(np.sqrt(plan.mass @ (moved**2).sum(1) / plan.mass.sum()))


def _spread(cloud: Population) -> float:
    """Standard deviation of the particles along an axis, by their weights."""
    _, covariance = moments(cloud.positions, cloud.weights)
    return float(np.sqrt(covariance.trace() / cloud.dim))


def _look_at_velocities(data: SnapshotSeries, seen: Seen) -> None:
    known = [v for v in data.velocities if v is not None]
    if not known:
        return
    speeds = np.sqrt((np.concatenate(known) ** 2).sum(1))
    if speeds.mean() > 0 and speeds.std() < STEADY_SPEED * speeds.mean():
        seen.speed = float(speeds.mean())
    ends = [_Interval.of(before, after) for before, after in _intervals(data)]
    both = [interval for interval in ends if interval is not None]
    if both:
        seen.velocity_factor, seen.explained, seen.turning = _agreement(both)


class _Interval(NamedTuple):
    """Two neighbouring marginals, thinned, and the displacements by the velocities of each."""

    before: Population
    after: Population
    left: np.ndarray
    arrived: np.ndarray

    @classmethod
    def of(cls, before: Population, after: Population) -> _Interval | None:
        """None where the velocities of one of them are not known."""
        a, b, span = thinned(before, ROWS), thinned(after, ROWS), after.time - before.time
        if a.velocities is None or b.velocities is None:
            return None
        return cls(a, b, span * a.velocities, span * b.velocities)

    def joined(self, factor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Displacements, the mean displacement by both velocities and the change of the velocity, of pairs that meet.

        They meet half-way under velocities times the factor.
        """
        a, b = self.before, self.after
        here, there = a.positions + factor / 2 * self.left, b.positions - factor / 2 * self.arrived
        plan = _plan(a, b, here, there)
        left, arrived = self.left[plan.source], self.arrived[plan.target]
        moved = b.positions[plan.target] - a.positions[plan.source]
        return moved, (left + arrived) / 2, (arrived - left) / (b.time - a.time) ** 2


def _agreement(both: list[_Interval]) -> tuple[float, float, float]:
    """Factor between displacements and velocities, the share that it explains, and the median acceleration.

    The plan joins particles where they would meet under the factor, which is found anew until it stays.
    """
    factor = _mean_factor(both)
    for _ in range(5):
        parts = [interval.joined(factor) for interval in both]
        moved, paced, turned = (np.concatenate(same) for same in zip(*parts, strict=True))
        found = float((paced * moved).sum() / max((paced**2).sum(), 1e-300))
        if not found > 0 or abs(found - factor) < 1e-3 * factor:
            break
        factor = found
    explained = 1 - float(((moved - factor * paced) ** 2).sum() / max((moved**2).sum(), 1e-300))
    return factor, explained, float(np.median(np.sqrt((turned**2).sum(1))))


def _mean_factor(both: list[_Interval]) -> float:
    """A first guess: how far the centres of the clouds move, by their mean velocities."""
    moved = np.array([b.after.positions.mean(0) - b.before.positions.mean(0) for b in both])
    paced = np.array([(b.left.mean(0) + b.arrived.mean(0)) / 2 for b in both])
    along, size = float((moved * paced).sum()), float((paced**2).sum())
    return along / size if along > 0.5 * math.sqrt(float((moved**2).sum()) * size) else 1.0


def _identities_kept(data: SnapshotSeries, pairs: Pairs) -> bool:
    """Whether the rows of all marginals seem to be the same individuals in the same order."""
    if len(set(data.sizes)) > 1 or data.sizes[0] < 5 or not pairs:
        return False
    rng = np.random.default_rng(0)
    shares = []
    for before, after in pairs:
        here, there = before.positions - before.positions.mean(0), after.positions - after.positions.mean(0)
        moved = np.sqrt(((there - here) ** 2).sum(1)).mean()
        shuffled = there[rng.permutation(len(there))] - here
        shares.append(moved / max(np.sqrt((shuffled**2).sum(1)).mean(), 1e-300))
    same = float(np.mean(shares))
    return same < KEPT or (same < 0.9 and _rows_move_alike(pairs))


def _rows_move_alike(pairs: Pairs) -> bool:
    """Whether rows follow the optimal plan far more often than chance would let them."""
    hits = []
    for before, after in pairs:
        if len(before) > ROWS:
            continue
        plan = _plan(before, after, before.positions, after.positions)
        hits.append(np.mean(plan.source == plan.target))
    return bool(hits) and float(np.mean(hits)) > 0.5


def _outliers(x: np.ndarray) -> int:
    distances = np.sqrt(((x - np.median(x, axis=0)) ** 2).sum(1))
    return int((distances > FAR * max(np.median(distances), 1e-300)).sum()) if len(x) > 10 else 0


def _notes(data: SnapshotSeries, seen: Seen) -> list[str]:
    """Sentences of what was seen."""
    low, high = min(seen.sizes), max(seen.sizes)
    rows = f"{low}" if low == high else f"{low} to {high}"
    units = "" if has_dates(data) else data.units.get("time", "")
    several = len(data.population_labels)
    notes = [
        f"{len(data)} marginals of {rows} rows in {seen.dim} dimensions, {span(data.times, data)}"
        f"{' ' + units if units else ''}" + (f", {several} populations" if several > 1 else "") + "."
    ]
    if high > SCREENED:
        notes.append(
            f"Clouds are large: {ROWS} random rows of each are looked at, candidates are compared on {SCREENED}, and "
            "the best one is fitted to all."
        )
    share = seen.displacement / seen.spread if seen.spread else math.nan
    if math.isfinite(share):
        about = (
            f"In an interval particles move by {share:.2g} of the spread of the cloud, beside the motion of its centre"
        )
        if share > SPARSE and not seen.explained > CLEAR:
            about += ": too far for the snapshots alone to tell who went where"
        notes.append(about + ".")
    notes += _notes_on_velocities(seen, estimated="velocity_window" in data.metadata)
    if seen.growing:
        notes.append(f"The number of rows changes, from {seen.sizes[0]} to {seen.sizes[-1]}: the population may grow.")
    if seen.identities_kept:
        notes.append("Rows seem to keep their order: identities are not used, tracks would tell more.")
    if seen.duplicates:
        notes.append(f"{seen.duplicates} rows occur more than once in a marginal.")
    if seen.outliers:
        notes.append(f"{seen.outliers} rows lie far from all others.")
    if seen.intrinsic_dimension < seen.dim:
        notes.append(f"Of {seen.dim} dimensions {seen.intrinsic_dimension} have 95% of the variance.")
    if low < 30:
        notes.append(f"{low} rows are few: distances between such samples are large by chance alone.")
    return notes


def _notes_on_velocities(seen: Seen, *, estimated: bool) -> list[str]:
    if seen.velocities == 0:
        return ["No velocities are known."]
    if estimated:
        share = (
            "" if math.isnan(seen.explained) else f"; they explain {max(seen.explained, 0):.0%} of the displacements"
        )
        return [f"Velocities are slopes over the sightings of each individual{share}."]
    notes = [] if seen.velocities == 1 else [f"Velocities are known at {seen.velocities:.0%} of the marginals."]
    if math.isnan(seen.velocity_factor):
        return [*notes, "Whether velocities agree with displacements cannot be told."]
    agrees = 1 / OTHER_UNIT < seen.velocity_factor < OTHER_UNIT
    if seen.explained < CLEAR:
        notes.append(
            f"Velocities explain {max(seen.explained, 0):.0%} of the displacements: their unit cannot be told."
        )
    elif agrees:
        notes.append(f"Velocities agree with the displacements, which are {seen.velocity_factor:.3g} times as large.")
    else:
        notes.append(
            f"Displacements are {seen.velocity_factor:.4g} times the velocities: they have another unit of time, "
            "and are multiplied by this factor."
        )
    if seen.speed is not None:
        notes.append(f"All have nearly one speed, {seen.speed:.4g}.")
    return notes
