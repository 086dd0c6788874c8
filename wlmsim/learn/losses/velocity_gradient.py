"""What the velocities of one marginal say about the current that carries it."""

from __future__ import annotations

import torch

from wlmsim.learn.mechanics import Cloud

RIDGE = 1e-3
"""Regularisation of a velocity gradient, relative to the mean variance of the positions: clouds may be thin."""


def velocity_gradient(cloud: Cloud) -> torch.Tensor:
    """Gradient of the affine field that fits the velocities of a cloud best.

    Where the field is a steady current, a particle in it has the acceleration (v . grad) u.

    Parameters
    ----------
    cloud : Cloud
        With velocities.

    Returns
    -------
    Tensor, shape (d, d)
        du_k / dx_j at row j and column k, so that (v . grad) u is ``v @ gradient`` [1 / time].
    """
    assert cloud.v is not None
    x, v, w = cloud.x.double(), cloud.v.double(), cloud.w.double()[:, None]
    x, v = x - (w * x).sum(0), v - (w * v).sum(0)
    covariance = x.T @ (w * x)
    # also a cloud in one point has a gradient, which is zero
    ridge = RIDGE * covariance.diagonal().mean() + torch.finfo(x.dtype).tiny ** 0.5
    unit = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    return torch.linalg.solve(covariance + ridge * unit, x.T @ (w * v)).to(cloud.x)
