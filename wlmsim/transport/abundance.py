"""How abundant particles of a kind are between the times at which they were counted.

Around a place each marginal has a share of the particles. Where particles multiply and die, the logarithm of that share
changes at the rate of their growth. Growth at constant rates between two marginals makes it a straight line in time;
the natural cubic spline through all marginals changes the rates of growth as little as possible on the whole, as it has
the least integral of (d^2 log share / dt^2)^2 of all curves through its knots.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.transport.exact import ground_cost

NEIGHBOURS = 30
"""Number of nearest particles, of all marginals together, that are counted around a place at least."""
PRIOR = 1.0
"""Particles added to each count (Laplace's rule of succession): few counted particles then say little."""
ROWS = 1000
"""Places whose distances to all particles are in memory at a time."""


def log_abundances(marginals: Sequence[Population], places: np.ndarray, reach: float) -> np.ndarray:
    """Logarithm of each marginal's share of the particles around some places.

    Parameters
    ----------
    marginals : sequence of Population
        The observed clouds; each counts as much as the others, whatever its number of particles.
    places : ndarray, shape (n, d)
        Where [length].
    reach : float
        Up to which particles are of one kind, see `unbalanced_plan`, positive: counted are all with Gaussian weights of
        half this width, or of half the distance to the 30th nearest one where that is larger [length].

    Returns
    -------
    ndarray, shape (marginals, n)
        The exponentials of each column sum to 1.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> left, both = wls.Population(np.full((20, 1), -1.0)), wls.Population(np.repeat([[-1.0], [1.0]], 10, axis=0))
    >>> np.exp(wls.transport.log_abundances([left, both], np.array([[-1.0]]), reach=0.1)).round(2)
    array([[0.66],
           [0.34]])
    """
    x = np.concatenate([cloud.positions for cloud in marginals])
    width = widths_around(places, x, reach)
    # a marginal's weights sum to one: in units of particles, were all marginals of one size
    size = len(x) / len(marginals)
    counted = [shares_around(places, cloud.positions, cloud.weights, width) for cloud in marginals]
    counts = PRIOR + size * np.array(counted)
    return np.log(counts / counts.sum(0))


def widths_around(places: np.ndarray, x: np.ndarray, reach: float) -> np.ndarray:
    """Within which distances particles at x are of one kind with those at some places, shape (n,) [length]."""
    from scipy.spatial import cKDTree

    farthest, _ = cKDTree(x).query(places, [min(NEIGHBOURS, len(x))])
    return 0.5 * np.maximum(check.positive("reach", reach), farthest)


def shares_around(places: np.ndarray, x: np.ndarray, shares: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Sum of the shares, shape (m,) or (m, k), of particles at x, with Gaussian weights around each place."""
    parts = [slice(first, first + ROWS) for first in range(0, len(places), ROWS)]
    return np.concatenate([_kernel(places[part], x, widths[part]) @ shares for part in parts])


def _kernel(places: np.ndarray, x: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Gaussians of given widths around the places, 1 at their centres."""
    return np.exp(-0.5 * ground_cost(places, x, 2) / width**2)


def growth_correction(marginals: Sequence[Population], places: np.ndarray, time: float, *, reach: float) -> np.ndarray:
    """Factor by which particles are more abundant than growth at constant rates makes them.

    The logarithm is the natural cubic spline through the logarithms of the shares at all times, less the straight line
    between the marginal before and the one after; with these two alone it is 0.

    Parameters
    ----------
    marginals : sequence of Population
        The observed clouds in the order of time, at least two.
    places : ndarray, shape (n, d)
        Where the particles are at that time [length].
    time : float
        When, between the first marginal and the last [time].
    reach : float
        As in `log_abundances` [length].

    Returns
    -------
    ndarray, shape (n,)
        [dimensionless].

    Raises
    ------
    ParameterError
        If the time is not between those of the marginals, or the reach not positive.

    Examples
    --------
    Of two kinds the first is as abundant at the second time as before, and then becomes rarer: between the first two
    times it may have been more abundant.

    >>> import numpy as np, wlmsim as wls
    >>> marginals = [
    ...     wls.Population(np.repeat([[-1.0], [1.0]], [n, 20 - n], axis=0), time=t) for t, n in enumerate([12, 12, 6])
    ... ]
    >>> wls.transport.growth_correction(marginals, np.array([[-1.0], [1.0]]), 0.5, reach=0.1).round(2)
    array([1.06, 0.95])
    """
    from scipy.interpolate import CubicSpline

    times = np.array([cloud.time for cloud in marginals])
    if not times[0] <= time <= times[-1]:
        first, last = (_times.text(t, [*times, time]) for t in times[[0, -1]])
        raise check.fail("time", f"between the first and the last marginal, {first} and {last}", time)
    # both are linear in their knots: the weights of the logarithms are those of unit vectors
    knots = np.eye(len(times))
    spline = CubicSpline(times, knots, bc_type="natural")(time)
    line = np.array([np.interp(time, times, knot) for knot in knots])
    return np.exp((spline - line) @ log_abundances(marginals, places, reach))
