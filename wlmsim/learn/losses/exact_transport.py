"""The cost of exact optimal transport, which can be differentiated with respect to the positions."""

from __future__ import annotations

import math

import numpy as np
import torch

from wlmsim.errors import SimulationError
from wlmsim.learn.losses.common import Duals
from wlmsim.transport.exact import ground_cost
from wlmsim.transport.unbalanced import unbalanced_plan


def exact_transport(
    x: torch.Tensor,
    y: torch.Tensor,
    wx: torch.Tensor,
    wy: torch.Tensor,
    *,
    power: int = 2,
    reach: float = math.inf,
    duals: Duals | None = None,
) -> torch.Tensor:
    """Exact optimal-transport cost, sum of P_ij |x_i - y_j|^power over the optimal plan P.

    The plan is found on the CPU without gradient; by the envelope theorem the gradient of the cost at the optimal
    plan is that of the transport cost.

    Parameters
    ----------
    x, y : Tensor, shape (n, d) and (m, d)
        Positions.
    wx, wy : Tensor, shape (n,) and (m,)
        Weights, each summing to 1.
    power : {1, 2}
        Power of the Euclidean distance. Default 2.
    reach : float
        Distance beyond which mass is rather removed and created than carried, see `wlmsim.transport`, with power 2; the
        cost is then that of what is carried, of total mass 1 [length]. Default infinite.
    duals : Duals, optional
        Those of an earlier plan between nearby clouds of as many rows, or empty: equal uniform clouds are then matched
        several times faster. Replaced by those of this plan. Default: none are kept.

    Returns
    -------
    Tensor
        Scalar [length^power].
    """
    if not torch.isfinite(x.detach()).all():
        raise SimulationError("exact transport needs finite positions; a cloud blew up")
    cost = ground_cost(_array(x), _array(y), power)
    prices = None
    if duals is not None and x.shape == y.shape:
        prices = duals.setdefault("prices", torch.from_numpy(cost.min(0))).numpy()
    plan = unbalanced_plan(cost, _normalised(wx), _normalised(wy), reach=reach, prices=prices)
    rows = torch.as_tensor(plan.source, device=x.device)
    columns = torch.as_tensor(plan.target, device=x.device)
    mass = torch.as_tensor(plan.carried, device=x.device, dtype=x.dtype)
    squares = ((x[rows] - y[columns]) ** 2).sum(-1)
    return (mass * (squares if power == 2 else torch.sqrt(squares + torch.finfo(x.dtype).tiny))).sum()


def _array(values: torch.Tensor) -> np.ndarray:
    return values.detach().double().cpu().numpy()


def _normalised(weights: torch.Tensor) -> np.ndarray:
    values = _array(weights)
    return values / values.sum()
