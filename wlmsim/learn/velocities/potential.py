"""Velocities as gradients of a potential that explains how means change; nothing is simulated."""

from __future__ import annotations

import itertools

import numpy as np

from wlmsim._warning import warn
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import AccuracyWarning
from wlmsim.learn.velocities.series import filled, slope
from wlmsim.transport.exact import ground_cost, wasserstein2

CENTRES = 60
"""Gaussian bumps of a velocity potential, beside the polynomials of second degree."""
RIDGE = 0.1
"""Regularisation of a velocity potential, relative to the mean square of the slopes of its bumps."""
FASTEST = 3.0
"""How many times the speed of optimal transport to and from the neighbours the root mean square speed may be."""
ROWS = 500
"""Most particles of a cloud by which that speed is found."""


def potential_velocities(data: SnapshotSeries) -> SnapshotSeries:
    """Fill in unknown velocities by gradients of a potential that explain how means change.

    At each marginal the velocity is grad s, of all gradients the one that satisfies the continuity equation
    d/dt E[phi] = E[grad phi . grad s] for polynomials phi of second degree and Gaussian bumps, whose combination s is;
    the rates of change are slopes of parabolas through the means at three marginals, so that errors are of second order
    in the interval. That is a small linear system, in which particles need no partners: missing rows do no harm. A
    rotation that leaves the cloud in its place is not seen.

    Of all velocities that explain the change these are the slowest, as those of optimal transport are. Where they are
    more than three times as fast, means change for other reasons, by chance or too much from one marginal to the next;
    the system is then regularised until they are not, with an `AccuracyWarning`.

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
    limited: list[float] = []
    result = filled(data, lambda series, k: _by_potential(series, k, limited))
    if limited:
        warn(
            f"velocities of {len(limited)} of {len(data)} marginals were up to {max(limited):.3g} times as fast as "
            f"optimal transport between neighbouring marginals, and were limited to {FASTEST:g} times: marginals are "
            "too far apart, or too small, for a velocity potential; initial_velocities='transport' needs none",
            AccuracyWarning,
        )
    return result


def _by_potential(series: SnapshotSeries, k: int, limited: list[float]) -> np.ndarray:
    x, w = series[k].positions, series[k].weights
    basis = _Basis(series, k)
    rate = slope(series, k, lambda j: basis.means(series[j]))
    slopes = basis.gradients(x)
    gram = np.einsum("n,nmd,nkd->mk", w, slopes, slopes)
    bumps = np.arange(len(gram)) >= basis.polynomials  # polynomials need no regularisation
    gram[bumps, bumps] += RIDGE * np.trace(gram[bumps][:, bumps]) / max(bumps.sum(), 1) + 1e-12
    v = _solved(gram, rate, slopes)
    fastest = FASTEST * _speed_of_transport(series, k)
    speed = _rms(v, w)
    if speed > fastest:
        limited.append(FASTEST * speed / fastest if fastest else np.inf)
        # all functions alike; a ridge as large as the system itself leaves next to nothing
        for ridge in np.geomspace(1e-6, 1e3, 28) * np.trace(gram) / len(gram):
            v = _solved(gram + ridge * np.eye(len(gram)), rate, slopes)
            if _rms(v, w) <= fastest:
                break
    return v


def _solved(gram: np.ndarray, rate: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    return np.einsum("nmd,m->nd", slopes, np.linalg.lstsq(gram, rate, rcond=1e-12)[0])


def _rms(v: np.ndarray, w: np.ndarray) -> float:
    return float(np.sqrt(w @ (v**2).sum(1)))


def _speed_of_transport(series: SnapshotSeries, k: int) -> float:
    """The larger one of the speeds of optimal transport from the marginal before and to the one after."""
    near = [_thinned(series[j]) for j in range(max(k - 1, 0), min(k + 2, len(series)))]
    return max(wasserstein2(a, b) / (b.time - a.time) for a, b in itertools.pairwise(near))


def _thinned(cloud: Population) -> Population:
    """A random part of a large cloud."""
    if len(cloud) <= ROWS:
        return cloud
    rows = np.random.default_rng(0).choice(len(cloud), ROWS, replace=False, p=cloud.weights)
    return Population(cloud.positions[rows], time=cloud.time)


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
        return np.exp(-0.5 * ground_cost(x, self.centres, 2))

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
