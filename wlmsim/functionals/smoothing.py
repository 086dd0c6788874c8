"""The density of a cloud smoothed by a Gaussian kernel, and its score."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError


def kernel_density(positions: Any, weights: Any = None, *, bandwidth: float, at: Any = None) -> np.ndarray:
    """Density of a cloud smoothed by a Gaussian kernel, rho_h(x) = sum of w_j k_h(x - x_j).

    Parameters
    ----------
    positions : array_like, shape (n, d)
        Positions of the particles [length].
    weights : array_like, shape (n,), optional
        Weights of the particles, rescaled to sum to 1. Default: all equal.
    bandwidth : float
        Standard deviation h of the kernel along each axis, positive [length]. See `silverman`.
    at : array_like, shape (m, d), optional
        Where to evaluate. Default: at the particles, each of which counts itself.

    Returns
    -------
    ndarray, shape (m,)
        [1 / length^d]
    """
    positions, weights, bandwidth = _checked(positions, weights, bandwidth)
    smoothed = smooth(positions, weights, bandwidth, at)
    return _restored(smoothed.order, smoothed.total) / (2 * np.pi * bandwidth**2) ** (positions.shape[1] / 2)


def score(positions: Any, weights: Any = None, *, bandwidth: float, at: Any = None) -> np.ndarray:
    """Score grad log rho_h of the smoothed density: the way to the mean of the neighbours, over h^2.

    Parameters
    ----------
    positions, weights, bandwidth, at
        As in `kernel_density`. Far from all particles the score points at the nearest.

    Returns
    -------
    ndarray, shape (m, d)
        [1 / length]

    References
    ----------
    K. Fukunaga and L. Hostetler, IEEE Trans. Inf. Theory 21, 32 (1975), the mean shift.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> cloud = np.random.default_rng(0).standard_normal((5000, 1))
    >>> wls.score(cloud, bandwidth=0.3, at=[[1.0]]).round(1)         # -x / (1 + h^2)
    array([[-0.9]])
    """
    positions, weights, bandwidth = _checked(positions, weights, bandwidth)
    smoothed = smooth(positions, weights, bandwidth, at)
    return by_particle(smoothed, smoothed.mean, positions.shape[1]) / bandwidth**2


def silverman(positions: Any, weights: Any = None) -> float:
    """Silverman's bandwidth for a cloud, h = sigma (4 / ((d + 2) n))^(1 / (d + 4)).

    The best on average for a Gaussian density: sigma is the root mean square standard deviation of the axes, n the
    effective number of particles, 1 / sum of w_i^2.

    Parameters
    ----------
    positions : array_like, shape (n, d)
        Positions [length].
    weights : array_like, shape (n,), optional
        Weights, rescaled to sum to 1. Default: all equal.

    Returns
    -------
    float
        h [length].

    References
    ----------
    B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986), section 4.3.2.
    """
    positions = check.cloud("positions", positions)
    weights = check.weights("weights", weights, len(positions))
    dim = positions.shape[1]
    variance = weights @ ((positions - weights @ positions) ** 2).mean(1)
    if not variance > 0:
        raise ParameterError(f"`positions` must spread, to have a bandwidth; got {len(positions)} in one place")
    return float(np.sqrt(variance) * (4 / (dim + 2) * (weights**2).sum()) ** (1 / (dim + 4)))


class Smoothed(NamedTuple):
    """Moments of a cloud seen from points x through the kernel k = exp(-r^2 / 2 h^2), in tile order.

    Attributes
    ----------
    order : ndarray, shape (m,)
        The point that stands at each place.
    x : ndarray, shape (d or more, m)
        Coordinates of the points, with rows of zeros up to a multiple of three.
    weights : ndarray, shape (m,)
        Weights of the points, zero where they are not the particles.
    total : ndarray, shape (m,)
        S = sum of w_j k.
    mean : ndarray, shape (d or more, m)
        m = sum of w_j k (x_j - x) / S, so that the score is m / h^2.
    square : ndarray, shape (m,)
        q = sum of w_j k |x_j - x|^2 / S.
    """

    order: np.ndarray
    x: np.ndarray
    weights: np.ndarray
    total: np.ndarray
    mean: np.ndarray
    square: np.ndarray


def smooth(positions: np.ndarray, weights: np.ndarray, bandwidth: float, at: Any = None) -> Smoothed:
    """Moments of the cloud at its own particles, or at other points."""
    from wlmsim.kernels import density, threads

    order = _tile_order(positions)
    sources, shares = _rows(positions[order]), weights[order]
    x, own = sources, shares
    if at is not None:
        points = check.cloud("at", at)
        if points.shape[1] != positions.shape[1]:
            raise check.fail("at", f"an array of shape (m, {positions.shape[1]})", points)
        order = _tile_order(points)
        x, own = _rows(points[order]), np.zeros(len(points))
    with threads.threads_for(x.shape[1] * sources.shape[1] // 4):
        total, mean, square = density.moments(x, own, sources, shares, bandwidth)
    return Smoothed(order, x, own, total, mean, square)


def smoothed_particles(positions: np.ndarray, weights: np.ndarray, bandwidth: float) -> Smoothed:
    """Moments at the particles; `ParameterError` if one without weight is out of the reach of all others."""
    smoothed = smooth(positions, weights, bandwidth)
    lost = int((smoothed.total == 0).sum())
    if lost:
        raise ParameterError(
            f"`bandwidth` must reach from every particle to one that has weight; got {bandwidth:g}, "
            f"and {lost} particles of weight 0 are more than 35 times that away"
        )
    return smoothed


def by_particle(smoothed: Smoothed, rows: np.ndarray, dim: int) -> np.ndarray:
    """Bring values of shape (d or more, n), in tile order, back to the points' own order, shape (n, d)."""
    return _restored(smoothed.order, rows[:dim].T)


def _rows(positions: np.ndarray) -> np.ndarray:
    """Coordinates in rows, with rows of zeros up to a multiple of three."""
    n, dim = positions.shape
    rows = np.zeros((3 * ((dim + 2) // 3), n))
    rows[:dim] = positions.T
    return rows


def _restored(order: np.ndarray, values: np.ndarray) -> np.ndarray:
    out = np.empty(values.shape)
    out[order] = values
    return out


def _tile_order(positions: np.ndarray) -> np.ndarray:
    """Sort-tile-recursive order: slabs along the first axis, rods in each slab along the second, and so on.

    Slabs and rods are whole numbers of tiles, which come out about as long as wide.
    """
    from wlmsim.kernels.density import TILE

    n, dim = positions.shape
    order = np.arange(n)
    if n <= 2 * TILE:
        return order
    cuts = int(np.ceil((n / TILE) ** (1 / dim)))
    slab = np.zeros(n, dtype=np.int64)
    for axis in range(dim):
        order = order[np.lexsort((positions[order, axis], slab))]
        slab = np.arange(n) // (TILE * cuts ** (dim - 1 - axis))
    return order


def _checked(positions: Any, weights: Any, bandwidth: float) -> tuple[np.ndarray, np.ndarray, float]:
    positions = check.cloud("positions", positions)
    return positions, check.weights("weights", weights, len(positions)), check.positive("bandwidth", bandwidth)
