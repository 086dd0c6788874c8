"""How far individuals are from where they were expected, when some of them are seen on one side only."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.transport.exact import as_pair, ground_cost, optimal_plan


def partial_wasserstein1(
    a: Population | Any,
    b: Population | Any,
    *,
    individuals: int | None = None,
    counts: tuple[int, int] | None = None,
) -> float:
    """Least mean distance of the pairs of individuals that must have been seen in both clouds.

    Of N individuals n are seen in one cloud and m in the other, so that at least n + m - N are seen in both. Partial
    optimal transport carries as much mass, where that costs least, and leaves the rest. A perfect forecast scores 0,
    whoever is hidden; W1, which has to bring the shares of those who are missing across the whole population, does not.
    It is a lower bound: a forecast may be wrong for N - n + N - m individuals without losing.

    Parameters
    ----------
    a, b : Population or array_like of shape (n, d) and (m, d)
        The two clouds; arrays have uniform weights.
    individuals : int, optional
        How many there are, N. Default: as many as in the larger cloud, which leaves nobody of the smaller one out.
    counts : tuple of int, optional
        How many individuals each cloud stands for, n and m. Default: its numbers of rows.

    Returns
    -------
    float
        [length].

    Raises
    ------
    ParameterError
        If there are too few individuals to fill the clouds, or so many that nobody needs to be in both.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> fish = np.random.default_rng(0).uniform(0, 1000, (100, 2))
    >>> wls.transport.partial_wasserstein1(fish, fish[3:]), bool(wls.transport.wasserstein1(fish, fish[3:]) > 5)
    (0.0, True)
    """
    a, b = as_pair(a, b)
    n, m = (len(a), len(b)) if counts is None else counts
    total = max(n, m) if individuals is None else check.integer("individuals", individuals)
    if not max(n, m) <= total < n + m:
        expected = f"at least {max(n, m)}, as are in one cloud, and less than {n + m}, the sum of both"
        raise check.fail("individuals", expected, individuals)
    both = n + m - total
    cost = ground_cost(a.positions, b.positions, 1)
    # one more row and column take those who are left out, at no cost; they never take each other
    extended = np.pad(cost, (0, 1))
    extended[-1, -1] = 4 * (n + m) * max(float(cost.max()), np.finfo(float).tiny)
    source = np.append(n * a.weights, m - both) / total
    target = np.append(m * b.weights, n - both) / total
    plan = optimal_plan(extended, source / source.sum(), target / target.sum())
    kept = (plan.source < len(a)) & (plan.target < len(b))
    return float(plan.mass[kept] @ cost[plan.source[kept], plan.target[kept]] / plan.mass[kept].sum())
