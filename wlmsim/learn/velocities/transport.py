"""Velocities as displacements under optimal transport."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.learn.velocities.series import filled, slope
from wlmsim.transport.exact import Plan
from wlmsim.transport.large import transport_plan


def transport_velocities(data: SnapshotSeries, *, progress: bool = True) -> SnapshotSeries:
    """Fill in unknown velocities by optimal-transport displacements.

    A particle is thought to move to the mean place of the share of the next cloud that the optimal plan (squared
    distance) gives it, and to come likewise from the cloud before: its velocity is the slope of the parabola through
    the three places. At the first and the last marginal it is the one displacement over the interval. A rotation that
    leaves the cloud in its place is not seen.

    Parameters
    ----------
    data : SnapshotSeries
        At least two marginals. Populations are treated one by one. Plans of large clouds are approximate, see
        `wlmsim.transport.transport_plan`.
    progress : bool
        Whether to show a bar where it takes more than two seconds. Default True.

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
    check.instance("data", data, SnapshotSeries)
    plans = sum(len(data.population(label)) - 1 for label in data.population_labels)
    with LateBar("transport plans", plans, shown=progress) as bar:
        return filled(data, _Displacements(bar))


class _Displacements:
    """Velocities at one marginal of a series after the other; plans serve the marginals on both sides of them."""

    def __init__(self, bar: LateBar):
        self._bar = bar
        self._plans: dict[int, Plan] = {}
        self._of: SnapshotSeries | None = None

    def __call__(self, series: SnapshotSeries, k: int) -> np.ndarray:
        if series is not self._of:
            self._of, self._plans = series, {}
        here = series[k]

        def partner(j: int) -> np.ndarray:
            if j == k:
                return here.positions
            source, target, mass = self._plan(min(j, k))
            return _mean_partners(here, series[j], Plan(source, target, mass) if j > k else Plan(target, source, mass))

        return slope(series, k, partner)

    def _plan(self, k: int) -> Plan:
        """From a marginal to the next, which alone is kept with the one before."""
        if k not in self._plans:
            assert self._of is not None
            a, b = self._of[k], self._of[k + 1]
            self._plans = {j: plan for j, plan in self._plans.items() if j == k - 1}
            self._plans[k] = transport_plan(a.positions, b.positions, a.grown(b.time), b.weights)
            self._bar.advance()
        return self._plans[k]


def _mean_partners(here: Population, there: Population, plan: Plan) -> np.ndarray:
    """For each particle the mean place of its partners; it moves like its nearest neighbour where it has none."""
    share = np.bincount(plan.source, plan.mass, len(here))
    means = np.stack(
        [np.bincount(plan.source, plan.mass * column[plan.target], len(here)) for column in there.positions.T], axis=1
    )
    joined = share > 0
    means[joined] = means[joined] / share[joined, None]
    if not joined.all():
        nearest = cKDTree(here.positions[joined]).query(here.positions[~joined])[1]
        moved = means[joined] - here.positions[joined]
        means[~joined] = here.positions[~joined] + moved[nearest]
    return means
