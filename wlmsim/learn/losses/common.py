"""What divergences share: checked positions, squared distances, and what is kept from one comparison to the next."""

from __future__ import annotations

import torch

from wlmsim.errors import SimulationError

Duals = dict[str, torch.Tensor]
"""Dual potentials of a divergence, kept from one cloud to a nearby one that is compared with the same target; how far
Sinkhorn's updates are best overrelaxed is kept with them."""


def check_finite(x: torch.Tensor, divergence: str) -> None:
    """Raise where a cloud blew up; a GPU is not waited for, and gives a divergence that is not finite."""
    if x.device.type == "cpu" and not torch.isfinite(x.detach()).all():
        raise SimulationError(f"{divergence} needs finite positions; a cloud blew up")


def half_squares(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Half the squared distances between all rows."""
    # one by one, not by a matrix product, which would take differences of nearby numbers
    return 0.5 * torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist") ** 2
