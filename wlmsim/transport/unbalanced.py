"""Optimal transport between clouds whose particles multiply and die on the way.

Mass is carried, created and removed, each at a price. With the plan P and the weights a, b of two clouds,

    sum P_ij |x_i - y_j|^2 / 2 + reach^2 KL(P 1 | a) + reach^2 KL(P^T 1 | b)

is least, so that mass is carried over distances below the reach, and beyond it rather removed here and created there.
What is carried then falls short of, or exceeds, the shares of the particles at either end; a particle's descendants
make up for it by growing at a constant rate all along their way.

Where growth is known beforehand, a are the weights that the particles are expected to grow to: what is known is free,
and only what departs from it has a price.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import grown
from wlmsim.transport.exact import Plan, optimal_plan

BLUR = 0.2
"""Entropic regularisation of the carried masses: its length in units of the reach."""
TOLERANCE = 1e-3
"""Share of the mass that an iteration still moves below which a plan is taken as found."""
TINY = 1e-300
"""What keeps logarithms finite where no mass arrives."""
FAINT = 1e-6
"""Least share of a particle's mass that is carried, so that outliers fade on their way and are not forgotten."""


class UnbalancedPlan(NamedTuple):
    """A transport plan between clouds whose particles grow.

    `carried` of mass goes from row `source` of one cloud to row `target` of the other; it stands for the mass `before`
    at the first and `after` at the second. Each sums to 1, `before` row by row to the weights of the first cloud, and
    `after` to those of the second.
    """

    source: np.ndarray
    target: np.ndarray
    carried: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def masses(self, s: float) -> np.ndarray:
        """Masses at the fraction s of the way under growth at a constant rate, as shares: their sum is 1."""
        grown = self.before ** (1 - s) * self.after**s
        return grown / grown.sum()


def unbalanced_plan(
    cost: np.ndarray,
    source: np.ndarray,
    target: np.ndarray,
    *,
    reach: float = math.inf,
    growth: np.ndarray | None = None,
    prices: np.ndarray | None = None,
) -> UnbalancedPlan:
    """Optimal transport with growth, for a matrix of squared distances.

    Parameters
    ----------
    cost : ndarray, shape (n, m)
        Squared distances [length^2].
    source, target : ndarray, shape (n,) and (m,)
        Weights, each positive and summing to 1.
    reach : float
        Distance over which mass is rather carried than removed and created anew, positive [length]. Infinite: mass is
        conserved, the plan is the optimal one. Default infinite.
    growth : ndarray, shape (n,), optional
        What is known beforehand of the growth of the rows of the source on their way: logarithms of factors, up to a
        constant [dimensionless]. With an infinite reach they grow just so. Default: all are expected to grow alike.
    prices : ndarray, optional
        Of `wlmsim.transport.optimal_plan`, for an infinite reach.

    Returns
    -------
    UnbalancedPlan
        At most n + m - 1 entries. The carried masses of the particles are found with a slight entropic regularisation;
        between them the plan is exact.

    References
    ----------
    M. Liero, A. Mielke, G. Savare, Optimal entropy-transport problems, Invent. Math. 211, 969 (2018); L. Chizat,
    G. Peyre, B. Schmitzer, F.-X. Vialard, Scaling algorithms for unbalanced optimal transport problems, Math. Comput.
    87, 2563 (2018); J. Feydy, Geometric data analysis, beyond convolutions, thesis (2020), for the reach.

    Examples
    --------
    Two groups far apart keep their places while the first one grows: next to nothing goes from one to the other.

    >>> import numpy as np, wlmsim as wls
    >>> x = np.array([[0.0], [9.0]])
    >>> plan = wls.transport.unbalanced_plan(wls.transport.ground_cost(x, x, 2), [0.5, 0.5], [2 / 3, 1 / 3], reach=1.0)
    >>> bool(plan.masses(0.5)[plan.source != plan.target].sum() < 0.001)
    True
    >>> np.bincount(plan.source, plan.masses(0.5)).round(3)              # in proportion to 1 and the root of 1/2
    array([0.586, 0.414])
    """
    a, b = np.asarray(source, dtype=float), np.asarray(target, dtype=float)
    expected = expected_weights(a, growth)
    if reach == math.inf:
        return of_known_growth(optimal_plan(cost, expected, b, prices=prices), a, expected, b)
    r, c = transported_masses(cost, expected, b, reach=reach)
    return growing(optimal_plan(cost, r, c), a, b)


def expected_weights(source: np.ndarray, growth: np.ndarray | None) -> np.ndarray:
    """Weights that the rows of a source are expected to grow to; its own where nothing is known."""
    if growth is None:
        return source
    logarithms = check.finite("growth", check.array("growth", growth))
    if logarithms.shape != source.shape:
        raise check.fail("growth", f"an array of shape {source.shape}, a logarithm for each row", logarithms)
    return grown(source, logarithms)


def of_known_growth(plan: Plan, a: np.ndarray, expected: np.ndarray, b: np.ndarray) -> UnbalancedPlan:
    """A plan of all that particles of weights a are expected to grow to; where they do not grow, it is as it is."""
    return UnbalancedPlan(*plan, plan.mass, plan.mass) if np.array_equal(expected, a) else growing(plan, a, b)


def growing(plan: Plan, a: np.ndarray, b: np.ndarray) -> UnbalancedPlan:
    """A plan of what is carried, between clouds of other weights: every particle has its weight at its own end.

    It is shared among its partners as what is carried is.
    """
    i, j, carried = plan
    before = carried * a[i] / np.bincount(i, carried, len(a))[i]
    after = carried * b[j] / np.bincount(j, carried, len(b))[j]
    return UnbalancedPlan(i, j, carried, before, after)


def transported_masses(
    cost: np.ndarray, source: np.ndarray, target: np.ndarray, *, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Share of what is carried that leaves each particle of one cloud, and that comes to each of the other.

    Parameters
    ----------
    cost, source, target, reach
        As in `unbalanced_plan`; the reach is finite.

    Returns
    -------
    (leaving, arriving) : tuple of ndarray, shape (n,) and (m,)
        Each sums to 1.
    """
    price = 2 * check.positive("reach", reach) ** 2
    return carried_masses(*dual_potentials(cost, source, target, price, (BLUR * reach) ** 2), source, target, price)


def carried_masses(
    f: np.ndarray, g: np.ndarray, source: np.ndarray, target: np.ndarray, price: float
) -> tuple[np.ndarray, np.ndarray]:
    """What `transported_masses` gives, from dual potentials."""
    leaving, arriving = source * np.exp(-f / price) + FAINT * source, target * np.exp(-g / price) + FAINT * target
    return leaving / leaving.sum(), arriving / arriving.sum()


def dual_potentials(
    cost: np.ndarray, a: np.ndarray, b: np.ndarray, price: float, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Potentials f, g of the plan P = a b exp((f + g - cost) / epsilon) with growth, by annealed Sinkhorn iterations.

    Parameters
    ----------
    cost : ndarray, shape (n, m)
        Squared distances [length^2].
    a, b : ndarray, shape (n,) and (m,)
        Weights, each positive and summing to 1.
    price : float
        Of mass that is removed or created, 2 reach^2; infinite where it is conserved [length^2].
    epsilon : float
        Entropic regularisation [length^2].

    Returns
    -------
    (f, g) : tuple of ndarray, shape (n,) and (m,)
        The carried masses of the particles are a exp(-f / price) and b exp(-g / price) [length^2].
    """
    largest = max(float(cost.max()) / 50, epsilon)
    f, g = np.zeros(len(a)), np.zeros(len(b))
    for level in largest * 0.5 ** np.arange(math.ceil(math.log2(largest / epsilon))):
        f, g = _sweeps(cost, a, b, f, g, price, level, most=10)
    return _sweeps(cost, a, b, f, g, price, epsilon, most=500)


def _sweeps(
    cost: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    f: np.ndarray,
    g: np.ndarray,
    price: float,
    epsilon: float,
    *,
    most: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Sinkhorn's iterations for the dual potentials, about values near them."""
    p = (cost - g).min(1)  # with these rows and columns of the kernel have a largest entry of one
    q = (cost - p[:, None]).min(0)
    kernel = np.exp((p[:, None] + q - cost) / epsilon)
    softening = 1 / (1 + epsilon / price)
    for _ in range(most):
        last = f
        sums = kernel @ (b * np.exp((g - q) / epsilon))
        f = softening * (p - epsilon * np.log(sums + TINY))
        sums = (a * np.exp((f - p) / epsilon)) @ kernel
        g = softening * (q - epsilon * np.log(sums + TINY))
        if a @ np.abs(f - last) < TOLERANCE * epsilon:
            break
    return f, g
