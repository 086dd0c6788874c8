"""Optimal transport between clouds."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError, SimulationError

ASSIGNMENT_LIMIT = 1000
"""Rows up to which equal uniform clouds are matched as an assignment; above, the network simplex is faster."""


BYTES_OF_A_PLAN = 40
"""Peak memory of an exact plan for each pair of rows, beside their cost: measured at 32 [byte]."""
FEW_PAIRS = 10**6
"""Pairs of rows that fit anywhere, for which nobody asks how much memory is left."""
BLOCK = 2**24
"""Pairs of rows whose distances are in memory at once where only their sum is wanted."""
EXACT_PAIRS = 2**24
"""Pairs of rows up to which clouds of any size are compared and coupled exactly; more take too long."""
CONTROL_GROUPS = (
    tuple(f"/sys/fs/cgroup/memory.{name}" for name in ("max", "current", "stat")),
    tuple(f"/sys/fs/cgroup/memory/memory.{name}" for name in ("limit_in_bytes", "usage_in_bytes", "stat")),
)
"""Where limits of memory, what is used of them, and how much of that is a cache of files are written."""
USABLE = 0.8
"""Share of the memory that is left which one plan may take."""


class Plan(NamedTuple):
    """A transport plan: `mass` goes from row `source` of one cloud to row `target` of the other."""

    source: np.ndarray
    target: np.ndarray
    mass: np.ndarray


def optimal_plan(cost: np.ndarray, source: np.ndarray, target: np.ndarray, *, prices: np.ndarray | None = None) -> Plan:
    """Exact optimal transport for a cost matrix.

    Parameters
    ----------
    cost : ndarray, shape (n, m)
        Cost of moving a unit of mass.
    source, target : ndarray, shape (n,) and (m,)
        Weights, each summing to 1.
    prices : ndarray of float64, shape (m,), optional
        Dual variables of the target to begin with, best those of a plan for a nearby cost: equal uniform clouds are
        then matched several times faster, and the prices of this plan are left here. The plan is optimal from any.

    Returns
    -------
    Plan
        The entries of the plan that carry mass: n of them for equal uniform clouds, at most n + m - 1 otherwise.

    Raises
    ------
    SimulationError
        If a cost is not finite, or the solver does not converge.
    ParameterError
        If the plan needs more memory than this machine has left.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> x, y = np.array([[0.0], [1.0]]), np.array([[2.0], [0.5]])
    >>> wls.transport.optimal_plan(wls.transport.ground_cost(x, y, 2), np.full(2, 0.5), np.full(2, 0.5)).target
    array([1, 0])
    """
    uniform = len(source) == len(target) and np.ptp(source) < 1e-14 and np.ptp(target) < 1e-14
    n = len(source)
    if uniform and (n <= ASSIGNMENT_LIMIT or prices is not None or importlib.util.find_spec("ot") is None):
        from wlmsim.kernels.assignment import assign

        cost = np.ascontiguousarray(cost, dtype=float)
        if not np.isfinite(n * np.abs(cost).sum()):  # what the longest path of the search may come to
            raise blew_up()
        columns = assign(cost, cost.min(0) if prices is None else prices)
        return Plan(np.arange(n), columns, np.full(n, 1.0 / n))
    import ot  # loads torch where it is installed, so not at the top

    if not np.isfinite(np.sum(cost)):
        raise blew_up()
    _check_memory(len(source), len(target), BYTES_OF_A_PLAN, "an exact plan")
    coupling, log = ot.emd(source, target, cost, numItermax=10_000_000, log=True)
    if log["warning"] is not None:
        raise SimulationError(f"exact optimal transport did not converge: {log['warning']}")
    rows, columns = np.nonzero(coupling)
    return Plan(rows, columns, coupling[rows, columns])


def blew_up() -> SimulationError:
    """Build the error of clouds with infinite distances."""
    return SimulationError("optimal transport needs finite costs; a cloud blew up")


def wasserstein1(a: Population | Any, b: Population | Any) -> float:
    """Exact 1-Wasserstein distance with Euclidean ground cost.

    On a line by sorting, of any number of points; else by the network simplex, whose memory grows as n m.

    Parameters
    ----------
    a, b : Population or array_like of shape (n, d) and (m, d)
        The two clouds; arrays have uniform weights.

    Returns
    -------
    float
        W1 [length].

    Raises
    ------
    ParameterError
        If the clouds are too large for the memory that is left; `estimate_distance` compares clouds of any size.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.transport.wasserstein1([[0.0], [1.0]], [[2.0], [3.0]])
    2.0
    """
    return _distance(a, b, power=1)


def wasserstein2(a: Population | Any, b: Population | Any) -> float:
    """Exact 2-Wasserstein distance, the root of the least mean squared displacement [length]; see `wasserstein1`."""
    return float(np.sqrt(_distance(a, b, power=2)))


def energy_distance(a: Population | Any, b: Population | Any) -> float:
    """Energy distance, the root of 2 E|X - Y| - E|X - X'| - E|Y - Y'| [length^(1/2)]; see `wasserstein1`.

    A distance too, less strict than W1 about the arrangement within the clouds, and cheaper: it needs no plan.

    References
    ----------
    G. J. Szekely, M. L. Rizzo, J. Stat. Plan. Inference 143, 1249 (2013).

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.transport.energy_distance([[0.0]], [[2.0]])
    2.0
    """
    a, b = as_pair(a, b)

    def mean(p: Population, q: Population) -> float:
        parts = range(0, len(p), max(1, BLOCK // len(q)))
        blocks = ((p.weights[k : k + parts.step], p.positions[k : k + parts.step]) for k in parts)
        return sum(float(w @ ground_cost(x, q.positions, 1) @ q.weights) for w, x in blocks)

    return float(np.sqrt(max(2 * mean(a, b) - mean(a, a) - mean(b, b), 0.0)))


def _distance(a: Population | Any, b: Population | Any, *, power: int) -> float:
    a, b = as_pair(a, b)
    if a.dim == 1:
        return on_a_line(a.positions[:, 0], b.positions[:, 0], a.weights, b.weights, power)
    cost = ground_cost(a.positions, b.positions, power)
    plan = optimal_plan(cost, a.weights, b.weights)
    return float(plan.mass @ cost[plan.source, plan.target])


def on_a_line(x: np.ndarray, y: np.ndarray, a: np.ndarray, b: np.ndarray, power: int) -> float:
    """The integral of |F^-1 - G^-1|^power over the quantiles: on a line the order of the points is the plan."""
    if len(x) == len(y) and max(np.ptp(a), np.ptp(b)) < 1e-14:
        return float(np.mean(np.abs(np.sort(x) - np.sort(y)) ** power))
    orders = [np.argsort(points) for points in (x, y)]
    below = [np.cumsum(weights[order]) for weights, order in zip((a, b), orders, strict=True)]
    levels = np.sort(np.concatenate(below))
    mass = np.diff(levels, prepend=0.0)
    at = [np.minimum(np.searchsorted(sums, levels - mass / 2), len(sums) - 1) for sums in below]
    left, right = (points[order[k]] for points, order, k in zip((x, y), orders, at, strict=True))
    return float(mass @ np.abs(left - right) ** power)


def _check_memory(n: int, m: int, bytes_a_pair: int, what: str) -> None:
    """Refuse what the system would end the process for."""
    if n * m <= FEW_PAIRS:
        return
    needed, left = n * m * bytes_a_pair, available_memory()
    if needed > left:
        raise ParameterError(
            f"`a` and `b` must be small enough for {what}; got {n} and {m} points, which need about "
            f"{needed / 1e9:.1f} GB where {left / 1e9:.1f} GB are left: `wlmsim.transport.estimate_distance` compares "
            "clouds of any size, and `transport_plan` couples them"
        )


def fits(n: int, m: int) -> bool:
    """Whether clouds of n and m rows are compared and coupled exactly: up to 2^24 pairs, and a quarter of the memory.

    Above, `estimate_distance` takes random parts and `transport_plan` an approximate plan.
    """
    return n * m <= FEW_PAIRS or (n * m <= EXACT_PAIRS and 4 * n * m * (BYTES_OF_A_PLAN + 8) <= available_memory())


def available_memory() -> float:
    """Memory that may be used without swapping or being ended for it, where the system tells it, else infinite [byte].

    That is what the machine has left, and what a container or a batch system has left to this process.
    """
    limits = [*_of_the_machine(), *_of_the_control_group(), *_of_the_address_space()]
    return USABLE * min(limits, default=math.inf)


def _of_the_machine() -> list[float]:
    try:
        with open("/proc/meminfo") as lines:
            return [1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
    except (OSError, ValueError):
        return []


def _of_the_control_group() -> list[float]:
    """Of Linux's two kinds of control groups; the cache of files in it gives way."""
    found = []
    for limit, used, cache in CONTROL_GROUPS:
        try:
            most, now = int(Path(limit).read_text()), int(Path(used).read_text())
            lines = dict(line.split() for line in Path(cache).read_text().splitlines())
        except (OSError, ValueError):  # none, or without a limit
            continue
        found.append(max(float(most - now + int(lines.get("inactive_file", 0))), 0.0))
    return found


def _of_the_address_space() -> list[float]:
    try:
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        used = float(pages * resource.getpagesize())
    except (ImportError, OSError, ValueError):
        return []
    return [] if most == resource.RLIM_INFINITY else [max(most - used, 0.0)]


def ground_cost(x: np.ndarray, y: np.ndarray, power: int) -> np.ndarray:
    """Euclidean distances between all rows of x and y, to the given power, shape (n, m)."""
    from scipy.spatial.distance import cdist

    _check_memory(len(x), len(y), 8, "all their distances")
    return cdist(x, y, "euclidean" if power == 1 else "sqeuclidean")


def as_pair(a: Population | Any, b: Population | Any) -> tuple[Population, Population]:
    """Two clouds of one dimension, given as populations or arrays."""
    a, b = _as_population("a", a), _as_population("b", b)
    if a.dim != b.dim:
        raise ParameterError(f"`a` and `b` must have one dimension; got {a.dim} and {b.dim}")
    return a, b


def _as_population(name: str, cloud: Population | Any) -> Population:
    return cloud if isinstance(cloud, Population) else Population(check.cloud(name, cloud))
