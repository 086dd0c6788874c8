"""How particles multiply and die rather than move far, chosen from the snapshots themselves."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from wlmsim import _deadline
from wlmsim._progress import LateBar
from wlmsim.data.population import Population, grown
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import SimulationError
from wlmsim.integrators import Integrator
from wlmsim.learn.prediction.bridge import bridge
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation import simulate
from wlmsim.transport.abundance import PRIOR, shares_around, widths_around
from wlmsim.transport.exact import ground_cost, wasserstein1
from wlmsim.transport.unbalanced import unbalanced_plan

CANDIDATES = (math.inf, 1.4, 1.0, 0.7, 0.5)
"""Reaches to choose from, in units of the spread of the data."""
ROWS = 1000
"""Most particles of a marginal that rates are counted from."""
LEAST = 1e-300
"""A length below all others, positive as widths must be."""
CHOICE_ROWS = 400
"""Most of them that the choice of the reach looks at, for which there are dozens of plans."""


class Growth(NamedTuple):
    """How particles multiply and die on their way: beyond which reach, and whether at changing rates."""

    reach: float = math.inf
    changing: bool = False


CONSERVED = Growth()
"""Every particle keeps its weight."""


class Interval(NamedTuple):
    """Where the particles between two fitted marginals are, and what each of them grows to.

    Entries of a plan go from `source` to `target`, shape (m, d), and stand for the shares `before` and `after` of
    populations of which `counted` particles were observed. Where growth was known beforehand, `expected` are the shares
    that were to be; None where all were to grow alike.
    """

    begin: float
    end: float
    source: np.ndarray
    target: np.ndarray
    before: np.ndarray
    after: np.ndarray
    counted: int
    expected: np.ndarray | None = None

    def places(self, time: float) -> np.ndarray:
        """Where the particles are at a time, or at the end that is nearest to it."""
        s = np.clip((time - self.begin) / (self.end - self.begin), 0.0, 1.0)
        return (1 - s) * self.source + s * self.target


class GrowthRate(NamedTuple):
    """Rates of growth at some places and their standard errors, each of shape (n,) [1 / time]."""

    rate: np.ndarray
    error: np.ndarray


class GrowthRates:
    """At which rates particles multiply and die, as the fitted marginals tell.

    Around a place the logarithm of what particles stand for after an interval, less that of what they stood for before,
    is their growth, over and above that of the whole population. Both are counted with Gaussian weights, one particle
    being added to each count, so that rates where few were observed are near zero. Of growth that was known beforehand
    rates are those of the 30 nearest particles, and counted is what departs from them.

    Parameters
    ----------
    reach : float
        As in `wlmsim.transport.unbalanced_plan`; counted are particles within half of it, or within half the distance
        to the 30th nearest where that is larger, or where the reach is infinite, and growth as was known [length].
    intervals : sequence of Interval
        Those between the fitted marginals, of all populations.
    """

    def __init__(self, reach: float, intervals: Sequence[Interval]):
        self.reach, self.intervals = reach, list(intervals)

    def __call__(self, places: np.ndarray, time: float) -> GrowthRate:
        """Rates at some places, shape (n, d), at a time: at a fitted one those of the interval that begins there.

        Where none has begun that has not ended they are those of the last interval before, and before all of the first.
        """
        now = max(time, min(part.begin for part in self.intervals))
        chosen = [part for part in self.intervals if part.begin <= now < part.end]
        if not chosen:
            last = max(part.end for part in self.intervals if part.end <= now)
            chosen = [part for part in self.intervals if part.end == last]
        counts = [self._counts(part, places, time) for part in chosen]
        shares = np.array([sum(count) for count in counts])
        spans = np.array([[part.end - part.begin] for part in chosen])
        known = np.array([_known(part, places, time) for part in chosen])
        rates = (known + [np.log(after / before) for before, after in counts]) / spans
        errors = np.sqrt([1 / before + 1 / after for before, after in counts]) / spans
        shares /= shares.sum(0)
        return GrowthRate((shares * rates).sum(0), np.sqrt((shares**2 * errors**2).sum(0)))

    def weights(self, times: np.ndarray, frames: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Weights, shape (T, n), of particles at frames, shape (T, n, d), that begin with those of the start."""
        fitted = {time for part in self.intervals for time in (part.begin, part.end)}
        logarithms = np.zeros((len(times), len(start)))
        for k, (first, last) in enumerate(itertools.pairwise(times)):
            logarithms[k + 1] = logarithms[k]
            # by the rule of the midpoint, between fitted times, at which rates change
            for a, b in itertools.pairwise([first, *sorted(t for t in fitted if first < t < last), last]):
                middle = 0.5 * (a + b)
                s = (middle - first) / (last - first) if last > first else 0.0
                x = (1 - s) * frames[k] + s * frames[k + 1]
                logarithms[k + 1] += (b - a) * self(x, middle).rate
        masses = start * np.exp(logarithms - logarithms.max(1, keepdims=True))
        return masses / masses.sum(1, keepdims=True)

    def _counts(self, part: Interval, places: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
        """How many particles around each place an interval was to see after they grew as was known, and has seen."""
        x = part.places(time)
        shares = np.stack([part.before if part.expected is None else part.expected, part.after], axis=1)
        widths = widths_around(places, x, self.reach if self.reach < math.inf else LEAST)
        before, after = PRIOR + part.counted * shares_around(places, x, shares, widths).T
        return before, after


def _known(part: Interval, places: np.ndarray, time: float) -> np.ndarray:
    """Logarithms of the factors by which particles around each place were known to grow in an interval."""
    if part.expected is None:
        return np.zeros(len(places))
    x = part.places(time)
    shares = np.stack([part.before, part.expected], axis=1)
    before, after = np.maximum(shares_around(places, x, shares, widths_around(places, x, LEAST)), LEAST).T
    return np.log(after / before)


def growth_rates(
    mechanics: Lagrangian | Flow,
    populations: Sequence[Sequence[Population]],
    reach: float,
    *,
    dt: float,
    integrator: Integrator | None = None,
    progress: bool = True,
) -> GrowthRates:
    """Rates of growth along the plans from where the mechanics carries each fitted marginal to the next one.

    Parameters
    ----------
    mechanics : Lagrangian or Flow
        What was learned. Particles whose velocities it needs, and which have none, stay where they are, and so do all
        where it diverges.
    populations : sequence of sequences of Population
        The fitted marginals of each population.
    reach : float
        Distance beyond which particles rather multiply here and die there than move [length].
    dt : float
        Largest time step [time].
    integrator : Integrator, optional
        Default: that of `wlmsim.simulate`.
    progress : bool
        Whether to show a bar where it takes more than two seconds. Default True.

    Returns
    -------
    GrowthRates
    """
    pairs = [pair for series in populations for pair in itertools.pairwise(series)]
    intervals = []
    with LateBar("rates of growth", len(pairs), shown=progress) as bar:
        for before, after in pairs:
            intervals.append(_interval(mechanics, before, after, reach, dt, integrator))
            bar.advance()
    return GrowthRates(reach, intervals)


def _interval(
    mechanics: Lagrangian | Flow,
    before: Population,
    after: Population,
    reach: float,
    dt: float,
    integrator: Integrator | None,
) -> Interval:
    """What an interval tells of growth, from a part of the particles of large clouds."""
    before, after = thinned(before, velocities=True), thinned(after)
    arrived = before.positions
    if isinstance(mechanics, Flow) or before.velocities is not None:
        with suppress(SimulationError):  # of mechanics that blows up growth is told along straight lines
            path = simulate(mechanics, before, [after.time], dt=dt, integrator=integrator, progress=False)
            arrived = path.positions[-1]
    cost = ground_cost(arrived, after.positions, 2)
    known = None if before.growth is None else (after.time - before.time) * before.growth
    plan = unbalanced_plan(cost, before.weights, after.weights, reach=reach, growth=known)
    x, y = before.positions[plan.source], after.positions[plan.target]
    counted = min(len(before), len(after))
    expected = None if known is None else grown(plan.before, known[plan.source])
    return Interval(before.time, after.time, x, y, plan.before, plan.after, counted, expected)


def choose_growth(populations: Sequence[SnapshotSeries], spread: float) -> Growth:
    """The growth under which marginals follow best from their neighbours along straight lines.

    Each marginal but the first and the last is predicted from the one before and the one after, by each reach, with
    rates of growth that are constant in between and with such that change as they do over all marginals that are left
    (`wlmsim.transport`); what gives the least mean W1 is taken. Nothing is learned, and of each marginal 400 particles
    at most are looked at, so that this costs seconds. Two marginals alone say nothing of growth: their masses are
    conserved. Three say nothing of how it changes.

    Parameters
    ----------
    populations : sequence of SnapshotSeries
        The fitted marginals of each population.
    spread : float
        Standard deviation of the data along an axis, positive [length].

    Returns
    -------
    Growth
        Its reach is one of `CANDIDATES` times the spread [length].
    """
    parts = [[thinned(cloud, CHOICE_ROWS) for cloud in series] for series in populations]
    tasks = [(x[:k] + x[k + 1 :], x[k]) for x in parts for k in range(1, len(x) - 1)]
    if not tasks:
        return Growth()
    choices = [Growth(c * spread) for c in CANDIDATES]
    if max(len(rest) for rest, _ in tasks) > 2:
        choices += [Growth(reach, True) for reach, _ in choices if reach < math.inf]
    scores = [np.mean([_missed(rest, left, how) for rest, left in tasks]) for how in choices]
    return choices[int(np.argmin(scores))]


def thinned(cloud: Population, most: int = ROWS, *, velocities: bool = False) -> Population:
    """A random part of a large cloud, without velocities unless they are wanted."""
    n = len(cloud.positions)
    if n <= most:
        return cloud
    part = cloud.rows(np.random.default_rng(0).permutation(n)[:most])
    return part if velocities else part.with_velocities(None)


class _Still(Flow):
    """Nobody moves by themselves: bridges are straight lines."""

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        return np.zeros_like(positions)


def _missed(rest: list[Population], left: Population, growth: Growth) -> float:
    """How far straight lines miss a marginal that was left out [length]."""
    _deadline.check()
    return wasserstein1(_straight(rest, left.time, growth), left)


def _straight(rest: list[Population], time: float, growth: Growth) -> Population:
    """Straight lines between the marginals around a time, along the plan with growth."""
    k = next(k for k, cloud in enumerate(rest) if cloud.time > time)
    before, after, known = rest[k - 1], rest[k], rest if growth.changing else []
    return bridge(_Still(), before, after, time, dt=after.time - before.time, reach=growth.reach, marginals=known)
