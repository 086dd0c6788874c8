"""The square of the energy distance."""

from __future__ import annotations

import torch

from wlmsim.learn.losses.common import check_finite, half_squares


def energy_divergence(x: torch.Tensor, y: torch.Tensor, wx: torch.Tensor, wy: torch.Tensor) -> torch.Tensor:
    """Square of the energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|; zero only for equal clouds.

    No plan is to be found, so that a step costs little; far outliers weigh less than in transport.

    Parameters
    ----------
    x, y : Tensor, shape (n, d) and (m, d)
        Positions.
    wx, wy : Tensor, shape (n,) and (m,)
        Weights, each summing to 1.

    Returns
    -------
    Tensor
        Scalar [length].

    References
    ----------
    G. J. Szekely and M. L. Rizzo, Energy statistics, J. Stat. Plan. Inference 143, 1249 (2013).
    """
    check_finite(x, "the energy divergence")
    cross, within_x, within_y = (
        wa @ _distances(a, b) @ wb for a, wa, b, wb in ((x, wx, y, wy), (x, wx, x, wx), (y, wy, y, wy))
    )
    return 2 * cross - within_x - within_y


def _distances(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Distances between all rows, whose derivative is zero where two coincide."""
    squares = 2 * half_squares(x, y)
    return squares.clamp_min(torch.finfo(x.dtype).tiny).sqrt()
