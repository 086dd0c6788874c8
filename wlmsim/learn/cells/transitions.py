"""Where cells go next among the observed ones: learned mechanics with its noise as a Markov chain."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim._warning import warn
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.learn.cells.marginals import Marginal, carried, check_fitted_to, marginals_of, moving
from wlmsim.learn.cells.reading import rows_of

if TYPE_CHECKING:
    import anndata
    from scipy.sparse import csr_matrix


def transition_matrix(
    model: Any, data: anndata.AnnData, *, lag: float | None = None, neighbours: int = 30, **columns: Any
) -> csr_matrix:
    """Probabilities of each cell to be near each other one after a lag; see `WLM.transition_matrix`."""
    from scipy.sparse import csr_matrix, identity

    rows = rows_of(model, data, **columns)
    check_fitted_to(model, rows)
    marginals = marginals_of(rows, model)
    used = np.concatenate([marginal.rows for marginal in marginals])
    x = rows.positions[used]
    count = check.integer("neighbours", neighbours, least=2)
    near, far = _distances(x, count)
    count = min(count, len(x))
    lag, width = _lag_and_width(model, marginals, lag, near, far)
    chain = gaussian_transitions(x, _moved(model, marginals, lag), width, count).tocoo()
    total = len(rows.positions)
    inner = csr_matrix((chain.data, (used[chain.row], used[chain.col])), shape=(total, total))
    if len(used) == total:
        return inner
    left_out = np.setdiff1d(np.arange(total), used)
    warn(f"{len(left_out)} cells without a position stay where they are", DataWarning)
    return inner + csr_matrix(identity(total, format="csr").multiply(np.isin(np.arange(total), left_out)[:, None]))


def _moved(model: Any, marginals: list[Marginal], lag: float) -> np.ndarray:
    """Where the mechanics carries all cells in a lag, marginal by marginal."""
    predictor, found = model._predictor(), []
    with LateBar("carrying cells", len(marginals), shown=model.progress) as bar:
        for marginal in marginals:
            cloud = marginal.cloud if predictor.first_order else moving(predictor, marginal.cloud)
            found.append(carried(predictor, cloud, cloud.time + lag))
            bar.advance()
    return np.concatenate(found)


def gaussian_transitions(x: np.ndarray, moved: np.ndarray, width: float, neighbours: int) -> csr_matrix:
    """Probabilities, sparse, of particles that are carried from x to `moved` and spread, to be near each of x.

    The density exp(-|y - moved_i|^2 / (2 width^2)) is divided by that of the sample at y, so that means over the chain
    are those over the place where particles go, wherever many cells happen to have been sampled.

    Parameters
    ----------
    x : ndarray, shape (n, d)
        The sample [length].
    moved : ndarray, shape (n, d)
        Where its particles are carried [length].
    width : float
        Standard deviation of the noise along an axis, positive [length].
    neighbours : int
        How many of the nearest particles to the end may be reached.

    Returns
    -------
    csr_matrix, shape (n, n)
        Rows sum to 1.

    Raises
    ------
    ParameterError
        If the arrays are not finite or not alike, the width is not positive, or there are fewer particles than
        neighbours.

    References
    ----------
    R. R. Coifman, S. Lafon, Diffusion maps, Appl. Comput. Harmon. Anal. 21, 5 (2006), for the density (alpha = 1);
    T. Berry, T. Sauer, Local kernels and the geometric structure of data, ibid. 40, 439 (2016), for the drift.
    """
    from scipy.sparse import csr_matrix
    from scipy.spatial import cKDTree
    from scipy.special import logsumexp

    x = check.cloud("x", x)
    moved, width = check.cloud("moved", moved, shape=x.shape), check.positive("width", width)
    if check.integer("neighbours", neighbours) > len(x):
        raise check.fail("neighbours", f"at most {len(x)}, as there are particles", neighbours)
    tree = cKDTree(x)
    around, _ = tree.query(x, neighbours)
    crowd = logsumexp(-(around.reshape(len(x), -1) ** 2) / (2 * width**2), axis=1)
    distance, reached = (found.reshape(len(x), -1) for found in tree.query(moved, neighbours))
    powers = -(distance**2) / (2 * width**2) - crowd[reached]
    shares = np.exp(powers - logsumexp(powers, axis=1, keepdims=True))
    begins = np.arange(0, shares.size + 1, shares.shape[1])
    chain = csr_matrix((shares.ravel(), reached.ravel(), begins), shape=(len(x), len(x)))
    chain.sort_indices()
    return chain


def _distances(x: np.ndarray, neighbours: int) -> tuple[float, float]:
    """Median distance to the nearest cell, and to the middle one of the neighbours, of cells in different places."""
    from scipy.spatial import cKDTree

    places = np.unique(x, axis=0)
    if len(places) < 2:
        raise ParameterError(f"`data` must have cells in at least two places; all {len(x)} are in one")
    neighbours = min(neighbours, len(places))
    found, _ = cKDTree(places).query(places, neighbours)
    return float(np.median(found[:, 1])), float(np.median(found[:, neighbours // 2]))


def _lag_and_width(
    model: Any, marginals: list[Marginal], lag: float | None, near: float, far: float
) -> tuple[float, float]:
    """The lag [time], and the width of the noise in it, but not less than the sample can tell [length]."""
    root = math.sqrt(marginals[0].cloud.dim)
    interval = float(np.diff(model.times_).min())
    if lag is not None:
        lag = check.positive("lag", lag)
    elif model.noise_ > 0:
        lag = min((far / root / model.noise_) ** 2, interval)
    else:
        lag = _time_to_neighbours(model, marginals, far, interval)
    width, least = model.noise_ * math.sqrt(lag), near / root
    if width < least:
        warn(
            f"noise of width {width:.3g} in a lag of {lag:.3g} is less than cells are apart: they are spread by "
            f"{least:.3g}, which the sample can tell. Fates are then sharper or more blurred than the mechanics says",
            DataWarning,
        )
    return lag, max(width, least)


def _time_to_neighbours(model: Any, marginals: list[Marginal], far: float, interval: float) -> float:
    """In which time cells move as far as their neighbours are, without noise."""
    velocities: list[Any] = [moving(model._predictor(), m.cloud).velocities for m in marginals]
    typical = float(np.median(np.linalg.norm(np.concatenate(velocities), axis=1)))
    return min(far / typical, interval) if typical > 0 else interval
