"""Velocities as displacements under optimal transport."""

from __future__ import annotations

import numpy as np

from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.learn.velocities.series import filled, slope
from wlmsim.transport.exact import ground_cost, optimal_plan


def transport_velocities(data: SnapshotSeries) -> SnapshotSeries:
    """Fill in unknown velocities by optimal-transport displacements.

    A particle is thought to move to the mean place of the share of the next cloud that the optimal plan (squared
    distance) gives it, and to come likewise from the cloud before: its velocity is the slope of the parabola through
    the three places. At the first and the last marginal it is the one displacement over the interval. A rotation that
    leaves the cloud in its place is not seen.

    Parameters
    ----------
    data : SnapshotSeries
        At least two marginals. Populations are treated one by one.

    Returns
    -------
    SnapshotSeries
        With velocities everywhere; those that were known are as they were [length / time].

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> cloud = np.random.default_rng(0).standard_normal((50, 2))
    >>> drifting = wls.SnapshotSeries([0.0, 0.5, 1.0], [cloud, cloud + 0.1, cloud + 0.2])
    >>> bool(np.allclose(wls.learn.transport_velocities(drifting)[0].velocities, 0.2))
    True
    """
    return filled(data, _by_transport)


def _by_transport(series: SnapshotSeries, k: int) -> np.ndarray:
    here = series[k]

    def partner(j: int) -> np.ndarray:
        return here.positions if j == k else _mean_partners(here, series[j])

    return slope(series, k, partner)


def _mean_partners(here: Population, there: Population) -> np.ndarray:
    """For each particle the mean place of its partners under the optimal plan."""
    cost = ground_cost(here.positions, there.positions, 2)
    i, j, mass = optimal_plan(cost, here.weights, there.weights)
    total = np.zeros_like(here.positions)
    np.add.at(total, i, mass[:, None] * there.positions[j])
    # a row without weight has no partners, and is thought to stay
    share = here.weights[:, None]
    return np.divide(total, share, out=here.positions.copy(), where=share > 0)
