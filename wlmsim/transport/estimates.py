"""Distances between clouds of any size: exact where that fits, else by random parts of both.

The mean distance between n random points of one cloud and n of another is larger than that of the clouds themselves,
by at most about what two such parts of one and the same cloud are apart: the sampling floor, which falls as n^(-1/d) in
d > 2 dimensions (Fournier and Guillin 2015). No prediction by as many other points can be seen to be better than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.transport.exact import (
    as_pair,
    energy_distance,
    fits,
    on_a_line,
    wasserstein1,
    wasserstein2,
)
from wlmsim.transport.partial import partial_wasserstein1

PARTS = 5
"""Random parts of a large cloud, that have no row in common where it has as many rows as they all."""
ROWS = 500
"""Rows of each."""
DIRECTIONS = 32
"""Directions along which large clouds are compared whole."""
STUDENT = 2.776
"""Quantile of Student's t with `PARTS` - 1 degrees of freedom, of which 95 percent lie within plus or minus it."""

Distance = Callable[[Population, Population], float]

DISTANCES: dict[str, Distance] = {
    "w1": wasserstein1,
    "w2": wasserstein2,
    "energy": energy_distance,
    "partial": partial_wasserstein1,
}
"""Distances by name."""


class DistanceEstimate(NamedTuple):
    """A distance, half the width of its 95 percent confidence interval, and how many rows each part had.

    An exact distance has an error of 0 and no parts, 0 rows.
    """

    value: float
    error: float = 0.0
    rows: int = 0


def estimate_distance(a: Population | Any, b: Population | Any, metric: str | Distance = "w1") -> DistanceEstimate:
    """Distance between clouds of any size: exact where that fits, else the mean over parts.

    Exact up to 2^24 pairs of rows (4096 by 4096) where a quarter of the memory that is left holds the plan, and on a
    line always. Above, five random parts of 500 rows of each cloud that have no row in common (drawn by the weights
    where these are not uniform) are compared one by one. The mean is larger than the distance of whole clouds, by at
    most about the `sampling_floor`.

    Parameters
    ----------
    a, b : Population or array_like of shape (n, d) and (m, d)
        The two clouds; arrays have uniform weights.
    metric : {"w1", "w2", "energy", "partial"} or callable of two populations
        `wasserstein1`, `wasserstein2`, `energy_distance`, `partial_wasserstein1`, or any. Default "w1".

    Returns
    -------
    DistanceEstimate
        The distance, half the width of the 95 percent confidence interval (Student's t over the parts, 0 where it is
        exact), and the rows of a part.

    Raises
    ------
    ParameterError
        If the clouds have different dimensions, or the metric is neither one of these nor a callable.

    References
    ----------
    N. Fournier, A. Guillin, On the rate of convergence in Wasserstein distance of the empirical measure, Probab. Theory
    Relat. Fields 162, 707 (2015).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> x, y = np.random.default_rng(0).standard_normal((2, 100_000, 2))
    >>> found = wls.transport.estimate_distance(x, y + [3.0, 0.0])
    >>> bool(abs(found.value - 3) < 0.3), found.rows
    (True, 500)
    """
    a, b = as_pair(a, b)
    distance = _distance(metric)
    if fits(len(a), len(b)) or (a.dim == 1 and distance in (wasserstein1, wasserstein2)):
        return DistanceEstimate(distance(a, b))
    return _over_parts(distance, list(_parts(a)), list(_parts(b, 1)))


def sampling_floor(cloud: Population | Any, metric: str | Distance = "w1") -> DistanceEstimate:
    """Distance between random halves of a cloud: no prediction by half as many points can be seen to be nearer to it.

    Parameters
    ----------
    cloud : Population or array_like of shape (n, d)
        At least two rows that weigh something, else it is NaN.
    metric : {"w1", "w2", "energy", "partial"} or callable of two populations
        Default "w1".

    Returns
    -------
    DistanceEstimate
        Of large clouds between parts of as many rows as `estimate_distance` compares.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> wls.transport.sampling_floor([[0.0], [1.0]]).value
    1.0
    """
    distance, cloud = _distance(metric), as_pair(cloud, cloud)[0]
    known = np.flatnonzero(cloud.weights)
    if len(known) < 2:
        return DistanceEstimate(np.nan)
    if fits(len(cloud), len(cloud)) or cloud.dim == 1:
        halves = np.array_split(np.random.default_rng(0).permutation(known), 2)
        one, other = (_of_rows(cloud, rows, cloud.weights[rows]) for rows in halves)
        return estimate_distance(one, other, distance)
    parts = list(_parts(cloud))
    return _over_parts(distance, parts, parts[1:] + parts[:1])


def _distance(metric: str | Distance) -> Distance:
    if isinstance(metric, str):
        return DISTANCES[check.choice("metric", metric, tuple(DISTANCES))]
    if not callable(metric):
        raise check.fail("metric", "a name of " + ", ".join(DISTANCES) + ", or a callable of two populations", metric)
    return metric


def sliced_wasserstein1(a: Population | Any, b: Population | Any, *, directions: int = DIRECTIONS) -> float:
    """Mean over random directions of W1 along them, on all rows, in time n log n and memory n.

    A lower bound of W1, by a factor that depends on the dimension and on how the clouds differ.

    Parameters
    ----------
    a, b : Population or array_like of shape (n, d) and (m, d)
        The two clouds; arrays have uniform weights.
    directions : int
        How many, the same ones at each call. Default 32.

    Returns
    -------
    float
        [length].

    References
    ----------
    N. Bonneel, J. Rabin, G. Peyre, H. Pfister, Sliced and Radon Wasserstein barycenters of measures, J. Math. Imaging
    Vis. 51, 22 (2015).

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.transport.sliced_wasserstein1([[0.0], [1.0]], [[2.0], [3.0]])
    2.0
    """
    a, b = as_pair(a, b)
    return float(np.mean(list(_along_directions(a, b, check.integer("directions", directions)))))


def _along_directions(a: Population, b: Population, count: int) -> Iterator[float]:
    units = np.random.default_rng(0).standard_normal((count, a.dim))
    units /= np.sqrt((units**2).sum(1, keepdims=True))
    for unit in units if a.dim > 1 else units[:1]:
        yield on_a_line(a.positions @ unit, b.positions @ unit, a.weights, b.weights, 1)


def _parts(cloud: Population, seed: int = 0) -> Iterator[Population]:
    """Random parts of equally weighted rows; small clouds as they are.

    Where weights are uniform no row is in two parts, or in a cloud that has not as many rows, twice in one.

    Two clouds have seeds of their own: rows that are the same individuals in both would else be compared with each
    other, and seem nearer than those of a prediction that knows no identities.
    """
    if len(cloud) <= ROWS:
        yield from [cloud] * PARTS
        return
    order = np.random.default_rng(seed).permutation(len(cloud))
    shares = np.cumsum(cloud.weights[order])
    levels = (np.arange(PARTS * ROWS) + 0.5) / (PARTS * ROWS) * shares[-1]
    drawn = order[np.searchsorted(shares, levels)]
    for k in range(PARTS):
        yield _of_rows(cloud, drawn[k::PARTS])


def _of_rows(cloud: Population, rows: np.ndarray, weights: np.ndarray | None = None) -> Population:
    weights = None if weights is None else weights / weights.sum()
    return Population(cloud.positions[rows], None, weights, cloud.time)


def _over_parts(distance: Distance, left: list[Population], right: list[Population]) -> DistanceEstimate:
    """Mean and confidence interval of the distances of pairs of parts, which are found side by side."""
    import numba  # a core name loads no compiler

    with ThreadPoolExecutor(numba.get_num_threads()) as threads:
        values = list(threads.map(distance, left, right))
    error = STUDENT * float(np.std(values, ddof=1)) / PARTS**0.5
    return DistanceEstimate(float(np.mean(values)), error, min(len(left[0]), len(right[0])))
