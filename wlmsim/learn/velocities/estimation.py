"""Velocities where none were observed, estimated from how the cloud changes; nothing is simulated."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wlmsim import _validation as check
from wlmsim import transport
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError

CENTRES = 60
"""Gaussian bumps of a velocity potential, beside the polynomials of second degree."""
RIDGE = 0.1
"""Regularisation of a velocity potential, relative to the mean square of the slopes of its bumps."""

Estimate = Callable[[SnapshotSeries, int], np.ndarray]
"""Velocities at one marginal of a series."""


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
    return _filled(data, _by_transport)


def potential_velocities(data: SnapshotSeries) -> SnapshotSeries:
    """Fill in unknown velocities by gradients of a potential that explain how means change.

    At each marginal the velocity is grad s, of all gradients the one that satisfies the continuity equation
    d/dt E[phi] = E[grad phi . grad s] for polynomials phi of second degree and Gaussian bumps, whose combination s is;
    the rates of change are slopes of parabolas through the means at three marginals, so that errors are of second order
    in the interval. That is a small linear system, in which particles need no partners: missing rows do no harm. A
    rotation that leaves the cloud in its place is not seen.

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
    >>> growing = wls.SnapshotSeries([0.0, 0.5, 1.0], [cloud, 1.1 * cloud, 1.2 * cloud])
    >>> v = wls.learn.potential_velocities(growing)[0].velocities
    >>> bool(np.abs(v - 0.2 * cloud).mean() < 0.03)
    True
    """
    return _filled(data, _by_potential)


def _filled(data: SnapshotSeries, estimate: Estimate) -> SnapshotSeries:
    check.instance("data", data, SnapshotSeries)
    if len(data) < 2:
        raise ParameterError(f"`data` must hold at least 2 marginals; got {len(data)}")
    clouds = list(data)
    velocities = [np.full_like(c.positions, np.nan) if c.velocities is None else c.velocities.copy() for c in clouds]
    for label in data.population_labels:
        series = data.population(label)
        for k in range(len(series)):
            # a population may be missing at some times
            place = int(np.flatnonzero(data.times == series.times[k])[0])
            if clouds[place].velocities is None:
                rows = slice(None) if data.labels is None else data.labels[place] == label
                velocities[place][rows] = estimate(series, k)
    return SnapshotSeries(
        data.times, data.positions, velocities, data.weights, data.labels, metadata=data.metadata, units=data.units
    )


def _slope(series: SnapshotSeries, k: int, places: Callable[[int], np.ndarray]) -> np.ndarray:
    """Slope at marginal k of the parabola through what `places` gives at it and its two neighbours."""
    near = [j for j in (k - 1, k, k + 1) if 0 <= j < len(series)]
    return np.tensordot(_slope_weights(series.times[near], near.index(k)), np.stack([places(j) for j in near]), axes=1)


def _slope_weights(times: np.ndarray, k: int) -> np.ndarray:
    """Weights of values at a few times in the slope at the k-th of them of the polynomial through all."""
    powers = np.arange(len(times))
    t = times - times[k]
    return np.linalg.solve(t[None, :] ** powers[:, None], (powers == 1).astype(float))


def _by_transport(series: SnapshotSeries, k: int) -> np.ndarray:
    here = series[k]

    def partner(j: int) -> np.ndarray:
        return here.positions if j == k else _mean_partners(here, series[j])

    return _slope(series, k, partner)


def _mean_partners(here: Population, there: Population) -> np.ndarray:
    """For each particle the mean place of its partners under the optimal plan."""
    cost = transport.ground_cost(here.positions, there.positions, 2)
    i, j, mass = transport.optimal_plan(cost, here.weights, there.weights)
    total = np.zeros_like(here.positions)
    np.add.at(total, i, mass[:, None] * there.positions[j])
    return total / here.weights[:, None]


def _by_potential(series: SnapshotSeries, k: int) -> np.ndarray:
    x, w = series[k].positions, series[k].weights
    basis = _Basis(series, k)
    rate = _slope(series, k, lambda j: basis.means(series[j]))
    slopes = basis.gradients(x)
    gram = np.einsum("n,nmd,nkd->mk", w, slopes, slopes)
    bumps = np.arange(len(gram)) >= basis.polynomials  # polynomials need no regularisation
    gram[bumps, bumps] += RIDGE * np.trace(gram[bumps][:, bumps]) / max(bumps.sum(), 1) + 1e-12
    return np.einsum("nmd,m->nd", slopes, np.linalg.lstsq(gram, rate, rcond=1e-12)[0])


class _Basis:
    """Polynomials of second degree and Gaussian bumps around some particles of three marginals."""

    def __init__(self, series: SnapshotSeries, k: int):
        near = np.concatenate([series[j].positions for j in range(max(k - 1, 0), min(k + 2, len(series)))])
        self.origin, self.length = near.mean(0), float(near.std(0).max()) or 1.0
        count = min(CENTRES, len(near))
        self.centres = self._scaled(np.random.default_rng(k).choice(near, count, replace=False))
        self.pairs = np.triu_indices(series.dim)
        self.polynomials = series.dim + len(self.pairs[0])

    def _scaled(self, x: np.ndarray) -> np.ndarray:
        return (x - self.origin) / self.length

    def means(self, cloud: Population) -> np.ndarray:
        """Mean of every function over a cloud."""
        x = self._scaled(cloud.positions)
        values = [x, x[:, self.pairs[0]] * x[:, self.pairs[1]], self._bumps(x)]
        return cloud.weights @ np.concatenate(values, axis=1)

    def _bumps(self, x: np.ndarray) -> np.ndarray:
        return np.exp(-0.5 * transport.ground_cost(x, self.centres, 2))

    def gradients(self, positions: np.ndarray) -> np.ndarray:
        """Gradient of every function at every particle, shape (n, m, d)."""
        x = self._scaled(positions)
        n, d = x.shape
        unit = np.eye(d)
        linear = np.broadcast_to(unit, (n, d, d))
        a, b = self.pairs
        quadratic = x[:, a, None] * unit[b] + x[:, b, None] * unit[a]
        bumps = -self._bumps(x)[:, :, None] * (x[:, None] - self.centres)
        return np.concatenate([linear, quadratic, bumps], axis=1) / self.length
