"""Plans between clouds that are too large for all their distances.

Both clouds are divided into equal shares, each of one row. A bijection of the shares is found in time n log n: in up to
three dimensions by binary space partitions (BSP-OT, of the library POT: many random ones, merged to the best), beyond,
where these gain little, by one tree for both. It is then improved: neighbouring pairs are gathered into blocks, in
which the partners are exchanged by an exact assignment. Blocks are chosen anew in every sweep, near each other where
the pairs start, where they end, or half-way, until a sweep gains little (domain decomposition, which converges to the
optimal plan). Memory is linear in the rows, and so is the time of a sweep.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.transport.exact import Plan, blew_up, fits, ground_cost, optimal_plan
from wlmsim.transport.unbalanced import (
    BLUR,
    UnbalancedPlan,
    carried_masses,
    dual_potentials,
    expected_weights,
    growing,
    of_known_growth,
    unbalanced_plan,
)

SAMPLED = 1000
"""Rows of a large cloud whose dual potentials are found."""
BLOCK_OF_COSTS = 2**22
"""Distances that are in memory at a time."""
BLOCK = 128
"""Pairs of a block: as many as gain most in a given time."""
LEAF = 32
"""Points of a leaf of a tree whose order alone is wanted."""
PARTITIONS = 16
"""Random binary space partitions that are merged; each takes as long as a sweep."""
PARTITIONED = 3
"""Dimensions up to which they gain more than sweeps do."""
LITTLE = 0.01
"""Share of the cost below which the gain of three sweeps is little."""
SWEEPS = 24
"""Most of them."""


def transport_plan(
    x: np.ndarray, y: np.ndarray, source: np.ndarray | None = None, target: np.ndarray | None = None, *, seed: int = 0
) -> Plan:
    """Optimal transport for squared distances between clouds of any size.

    Up to 2^24 pairs of rows (4096 by 4096), where a quarter of the memory that is left holds it, the plan is exact.
    Above, it is approximate, in time n log n and memory n: its cost was above the least by at most 1.1 percent in the
    plane, and by 2 to 6 in ten to fifty dimensions (docs/performance.md).

    Parameters
    ----------
    x, y : ndarray, shape (n, d) and (m, d)
        Places [length].
    source, target : ndarray, shape (n,) and (m,), optional
        Weights, of which the shares count. Default uniform.
    seed : int
        Of the partitions and blocks. Default 0.

    Returns
    -------
    Plan
        Of a large plan, masses of rows are the weights rounded to one part in the larger number of rows, and in twice
        that where weights differ: a row that weighs less may have no partner.

    Raises
    ------
    ParameterError
        If the clouds have not one dimension, or there is not one weight for each row.
    SimulationError
        If a place is not finite, or so far away that squared distances are not.

    References
    ----------
    B. Genest, N. Courty, D. Coeurjolly, BSP-OT: sparse transport plans between discrete measures in loglinear time, ACM
    Trans. Graph. 44, 2025; M. Bonafini, B. Schmitzer, Domain decomposition for entropy regularized optimal transport,
    Numer. Math. 149, 819 (2021).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> x = np.random.default_rng(0).standard_normal((10_000, 2))
    >>> weights = np.full(10_000, 1e-4)
    >>> plan = wls.transport.transport_plan(x, 2 * x, weights, weights)
    >>> cost = plan.mass @ ((x[plan.source] - 2 * x[plan.target]) ** 2).sum(1)
    >>> bool(cost < 1.01 * (x**2).sum(1).mean())
    True
    """
    x, y, source, target = _checked(x, y, source, target)
    if fits(len(x), len(y)):
        return optimal_plan(ground_cost(x, y, 2), source, target)
    return approximate_plan(x, y, source, target, seed=seed)


def _checked(
    x: np.ndarray, y: np.ndarray, source: np.ndarray | None, target: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Clouds of one dimension and their weights."""
    x, y = check.array("x", x), check.array("y", y)
    for name, places in (("x", x), ("y", y)):
        if places.ndim != 2 or 0 in places.shape:
            raise check.not_a_cloud(name, places)
    if x.shape[1] != y.shape[1]:
        raise ParameterError(f"`x` and `y` must have one dimension; got {x.shape[1]} and {y.shape[1]}")
    return x, y, check.weights("source", source, len(x)), check.weights("target", target, len(y))


def approximate_plan(x: np.ndarray, y: np.ndarray, source: np.ndarray, target: np.ndarray, *, seed: int = 0) -> Plan:
    """What `transport_plan` gives of large clouds, of clouds of any size."""
    rng = np.random.default_rng(seed)
    x, y = (np.ascontiguousarray(places, dtype=float) for places in (x, y))
    with np.errstate(over="ignore", invalid="ignore"):
        span = np.maximum(x.max(0), y.max(0)) - np.minimum(x.min(0), y.min(0))
        if not np.isfinite(max(len(x), len(y)) * (span @ span)):
            raise blew_up()
    even = np.ptp(source) < 1e-14 and np.ptp(target) < 1e-14
    count = max(len(x), len(y)) * (1 if even else 2)
    rows, columns = _shares(x, source, count, rng), _shares(y, target, count, rng)
    columns = columns[_bijection(x, y, rows, columns, rng)]
    _improve(x, y, rows, columns, rng)
    if len(x) == len(y) == count:
        order = np.argsort(rows)
        return Plan(rows[order], columns[order], np.full(count, 1 / count))
    pairs, shares = np.unique(rows * len(y) + columns, return_counts=True)
    return Plan(*np.divmod(pairs, len(y)), shares / count)


def unbalanced_transport_plan(
    x: np.ndarray,
    y: np.ndarray,
    source: np.ndarray | None = None,
    target: np.ndarray | None = None,
    *,
    reach: float = math.inf,
    growth: np.ndarray | None = None,
    seed: int = 0,
) -> UnbalancedPlan:
    """Optimal transport with growth between clouds of any size.

    Small clouds have an `unbalanced_plan`. Of large ones the carried masses follow from the dual potentials of random
    parts of 1000 rows, which Sinkhorn's formula extends to all rows; between them the plan is a `transport_plan`.

    Parameters
    ----------
    x, y, source, target, seed
        As in `transport_plan`.
    reach : float
        As in `unbalanced_plan` [length]. Default infinite: mass is conserved.
    growth : ndarray, shape (n,), optional
        As in `unbalanced_plan`. Default: all are expected to grow alike.

    Returns
    -------
    UnbalancedPlan
        With a finite reach every row that weighs something has a partner, so that `before` and `after` sum to the
        weights row by row.

    Raises
    ------
    ParameterError, SimulationError
        As by `transport_plan`.

    References
    ----------
    A.-A. Pooladian, J. Niles-Weed, Entropic estimation of optimal transport maps, arXiv:2109.12004 (2021), for the
    extension.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> x = np.array([[0.0], [9.0]])
    >>> plan = wls.transport.unbalanced_transport_plan(x, x, np.full(2, 0.5), np.array([2 / 3, 1 / 3]), reach=1.0)
    >>> np.bincount(plan.source, plan.masses(0.5)).round(3)
    array([0.586, 0.414])
    """
    x, y, source, target = _checked(x, y, source, target)
    if fits(len(x), len(y)):
        return unbalanced_plan(ground_cost(x, y, 2), source, target, reach=reach, growth=growth)
    return approximate_unbalanced_plan(x, y, source, target, reach=reach, growth=growth, seed=seed)


def approximate_unbalanced_plan(
    x: np.ndarray,
    y: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    *,
    reach: float = math.inf,
    growth: np.ndarray | None = None,
    seed: int = 0,
) -> UnbalancedPlan:
    """What `unbalanced_transport_plan` gives of large clouds, of clouds of any size."""
    expected = expected_weights(source, growth)
    if reach == math.inf:
        plan = approximate_plan(x, y, expected, target, seed=seed)
        if not np.array_equal(expected, source):
            plan = _with_faint_rows(plan, x, y, expected, target, np.random.default_rng(seed))
        return of_known_growth(plan, source, expected, target)
    price = 2 * check.positive("reach", reach) ** 2
    potentials = sampled_potentials(x, y, expected, target, price, (BLUR * reach) ** 2, seed=seed)
    masses = carried_masses(*potentials.of_all(), expected, target, price)
    plan = approximate_plan(x, y, *masses, seed=seed)
    return growing(_with_faint_rows(plan, x, y, *masses, np.random.default_rng(seed)), source, target)


def _with_faint_rows(
    plan: Plan, x: np.ndarray, y: np.ndarray, leaving: np.ndarray, arriving: np.ndarray, rng: np.random.Generator
) -> Plan:
    """A plan with the rows of which less is carried than a share: they go with a row near them that has a partner."""
    rows, beside = _without_partner(plan.source, x, leaving, rng)
    columns, facing = _without_partner(plan.target, y, arriving, rng)
    carried = np.concatenate([plan.mass, leaving[rows], arriving[columns]])
    source, target = plan.source[facing], plan.target[beside]
    return Plan(
        np.concatenate([plan.source, rows, source]),
        np.concatenate([plan.target, target, columns]),
        carried / carried.sum(),
    )


def _without_partner(
    with_partner: np.ndarray, x: np.ndarray, masses: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Rows with mass that no entry of a plan has, and for each of them the entry of a row near it in a tree."""
    entry = np.full(len(x), -1)
    entry[with_partner] = np.arange(len(with_partner))
    order = _in_order(lambda direction: x @ direction, x.shape, rng)
    known = np.flatnonzero(entry[order] >= 0)
    wanted = np.flatnonzero((entry[order] < 0) & (masses[order] > 0))
    after = np.searchsorted(known, wanted)
    sides = order[known[np.clip([after - 1, after], 0, len(known) - 1)]]
    rows = order[wanted]
    nearer = ((x[rows] - x[sides]) ** 2).sum(2).argmin(0)
    return rows, entry[sides[nearer, np.arange(len(rows))]]


@dataclass(frozen=True)
class SampledPotentials:
    """Dual potentials of random parts of two clouds, and of all their rows."""

    x: np.ndarray
    y: np.ndarray
    parts: tuple[np.ndarray, np.ndarray]
    f: np.ndarray
    g: np.ndarray
    price: float
    epsilon: float

    def of_all(self) -> tuple[np.ndarray, np.ndarray]:
        """f and g at all rows: one update of Sinkhorn's."""
        factor = -self.epsilon / (1 + self.epsilon / self.price)
        rows, columns = self.parts
        f = factor * self.log_means(self.x, self.y[columns], self.g / self.epsilon)
        return f, factor * self.log_means(self.y, self.x[rows], self.f / self.epsilon)

    def log_means(self, x: np.ndarray, y: np.ndarray, exponents: np.ndarray) -> np.ndarray:
        """Logarithm of the mean over y of exp(exponent - |x - y|^2 / epsilon), for each x."""
        step = max(1, BLOCK_OF_COSTS // len(y))
        found = np.empty(len(x))
        for k in range(0, len(x), step):
            values = exponents - ground_cost(x[k : k + step], y, 2) / self.epsilon
            most = values.max(1)
            found[k : k + step] = most + np.log(np.exp(values - most[:, None]).mean(1))
        return found


def sampled_potentials(
    x: np.ndarray,
    y: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    price: float,
    epsilon: float,
    *,
    seed: int = 0,
) -> SampledPotentials:
    """Dual potentials of parts of two clouds, drawn by the weights; see `dual_potentials`."""
    rng = np.random.default_rng(seed)
    parts = draw(source, SAMPLED, rng), draw(target, SAMPLED, rng)
    even = np.full(SAMPLED, 1 / SAMPLED)
    f, g = dual_potentials(ground_cost(x[parts[0]], y[parts[1]], 2), even, even, price, epsilon)
    return SampledPotentials(x, y, parts, f, g, price, epsilon)


def draw(weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Rows drawn by their weights, each at most once more or less often than it would be on average."""
    order = rng.permutation(len(weights))
    sums = np.cumsum(weights[order])
    at = (np.arange(count) + rng.random(count)) / count * sums[-1]
    return order[np.minimum(np.searchsorted(sums, at, side="right"), len(weights) - 1)]


def _shares(x: np.ndarray, weights: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The row of each of so many equal shares, as many neighbouring rows as weigh so much having one more or less."""
    if len(x) == count and np.ptp(weights) < 1e-14:
        return np.arange(count)
    order = _in_order(lambda direction: x @ direction, x.shape, rng)
    sums = np.cumsum(weights[order])
    at = (np.arange(count) + 0.5) / count * sums[-1]
    return order[np.minimum(np.searchsorted(sums, at), len(x) - 1)]


def _bijection(
    x: np.ndarray, y: np.ndarray, rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each share of one cloud one of the other, coarsely."""
    if x.shape[1] <= PARTITIONED:
        import ot  # loads torch where it is installed, so not at the top

        found = ot.bsp.compute_bspot_bijection(x[rows], y[columns], n_plans=PARTITIONS, seed=int(rng.integers(2**31)))
        return np.asarray(found[1], dtype=np.int64)
    seed = int(rng.integers(2**31))  # of the same directions for both

    def tree(places: np.ndarray, shares: np.ndarray) -> np.ndarray:
        same = np.random.default_rng(seed)
        return _in_order(lambda direction: (places @ direction)[shares], (len(shares), places.shape[1]), same)

    partner = np.empty(len(rows), dtype=np.int64)
    partner[tree(x, rows)] = tree(y, columns)
    return partner


def _improve(x: np.ndarray, y: np.ndarray, rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator) -> None:
    """Sweeps over blocks of neighbouring pairs until three of them gain little; the columns are changed in place."""
    from wlmsim.kernels.assignment import improve

    blocks = -(-len(rows) // BLOCK)
    shape = (len(rows), x.shape[1])
    before = _cost(x, y, rows, columns)
    for sweep in range(SWEEPS):
        at_start, at_end = sweep % 3 != 1, sweep % 3 != 0

        def along(direction: np.ndarray, s: bool = at_start, e: bool = at_end) -> np.ndarray:
            return s * (x @ direction)[rows] + e * (y @ direction)[columns]

        improve(x, y, rows, columns, _in_order(along, shape, rng, BLOCK), blocks)
        if sweep % 3 == 2:
            now = _cost(x, y, rows, columns)
            if before - now <= LITTLE * before:
                return
            before = now


def _cost(x: np.ndarray, y: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    parts = [slice(k, k + 2**16) for k in range(0, len(rows), 2**16)]
    return float(sum(((x[rows[part]] - y[columns[part]]) ** 2).sum() for part in parts))


def _in_order(
    along: Callable[[np.ndarray], np.ndarray], shape: tuple[int, int], rng: np.random.Generator, leaf: int = LEAF
) -> np.ndarray:
    """Points in the order of a tree, halved again and again across random directions up to leaves of so many.

    Parameters
    ----------
    along : callable of a direction, shape (d,)
        Where the points are along it, shape (n,).
    shape : tuple of int
        n and d.
    rng : Generator
        Of the directions.
    leaf : int
        Most points of a leaf.
    """
    order = np.arange(shape[0])
    levels = max(math.ceil(math.log2(shape[0] / leaf)), 0)
    for level in range(levels):
        places = along(rng.standard_normal(shape[1]))
        ends = np.arange(2**level + 1) * shape[0] // 2**level
        for first, last in pairwise(ends.tolist()):
            points = order[first:last]
            order[first:last] = points[np.argpartition(places[points], len(points) // 2)]
    return order
