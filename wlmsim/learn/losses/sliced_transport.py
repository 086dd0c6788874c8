"""The cost of transport between projections on lines."""

from __future__ import annotations

import torch

from wlmsim.learn.losses.common import check_finite


def sliced_transport(
    x: torch.Tensor, y: torch.Tensor, wx: torch.Tensor, wy: torch.Tensor, *, directions: torch.Tensor
) -> torch.Tensor:
    """Sliced transport cost: d times the mean over directions of the squared 2-Wasserstein distance of projections.

    Costs O(n log n), and is far less biased than exact transport between samples: on a line their distance from the
    truth falls as 1 / n. For a translation it is the squared distance, whatever the directions if they are a rotated
    set of axes.

    Parameters
    ----------
    x, y : Tensor, shape (n, d) and (m, d)
        Positions.
    wx, wy : Tensor, shape (n,) and (m,)
        Weights, each summing to 1.
    directions : Tensor, shape (k, d)
        Unit vectors.

    Returns
    -------
    Tensor
        Scalar [length^2].

    References
    ----------
    N. Bonneel, J. Rabin, G. Peyre, H. Pfister, J. Math. Imaging Vis. 51, 22 (2015).
    """
    check_finite(x, "sliced transport")
    (u, x_at), (v, y_at) = _quantiles(x @ directions.T, wx), _quantiles(y @ directions.T, wy)
    if x.device.type == "cpu" and len(x) == len(y) and torch.equal(u, v):
        squares = (x_at - y_at) ** 2
        return x.shape[1] * (_shares(u) * squares).sum(1).mean()
    levels = torch.cat([u, v], 1).sort(1).values
    rows = torch.searchsorted(u, levels).clamp_max(len(x) - 1), torch.searchsorted(v, levels).clamp_max(len(y) - 1)
    squares = (x_at.gather(1, rows[0]) - y_at.gather(1, rows[1])) ** 2
    return x.shape[1] * (_shares(levels) * squares).sum(1).mean()


def _quantiles(projections: torch.Tensor, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each column, a row of the sorted values and one of the share of the weight up to each of them."""
    values, order = projections.T.contiguous().sort(1)
    shares = weights[order].cumsum(1)
    return shares / shares[:, -1:], values


def _shares(levels: torch.Tensor) -> torch.Tensor:
    """Increments of ascending levels from 0."""
    return levels.diff(dim=1, prepend=torch.zeros_like(levels[:, :1]))
