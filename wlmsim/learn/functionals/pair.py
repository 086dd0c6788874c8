"""A learnable radial interaction."""

from __future__ import annotations

from typing import Any

import torch

from wlmsim import _validation as check
from wlmsim.learn.functionals.base import LearnableFunctional
from wlmsim.learn.networks.near_pairs import OfNearPairs
from wlmsim.learn.networks.perceptron import spline_of_force


class PairPotential(OfNearPairs, LearnableFunctional):
    """Learnable radial interaction, U[rho] = 1/2 iint W(|x - y|) rho rho, W a cubic spline that ends at a cutoff.

    W and its first two derivatives vanish at the cutoff, so that the force is smooth. Only pairs within the cutoff
    are visited and kept: they are found by a tree, on a GPU by cells, in memory proportional to their number.
    Momentum and angular momentum are conserved, whatever is learned.

    Parameters
    ----------
    cutoff : float
        Distance beyond which two particles do not feel each other, positive [length].
    knots : int
        Number of intervals of the spline. Default 24.
    typical_force : float, optional
        Typical size of the force of all neighbours, positive [length / time^2]: what is learned starts from about a
        hundredth of it and changes, with the learning rate, by about a hundredth at a step and smoothly with the
        distance. Default: v^2 / L, the velocities' mean square over the extent of the data, or the rate at which their
        size changes if larger, where the mechanics has inertia and that is under 3% of L / interval^2; else values are
        learned in units of the latter, L being the extent of a single marginal.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.ExternalPotential() + wls.learn.PairPotential(cutoff=1.5)
    ExternalPotential(hidden=(64, 64), time_dependent=True) + PairPotential(cutoff=1.5, knots=24)
    """

    degree = 2
    linear = True

    def __init__(self, cutoff: float, knots: int = 24, typical_force: float | None = None):
        super().__init__()
        self.cutoff = check.positive("cutoff", cutoff)
        self.knots = check.integer("knots", knots)
        self.typical_force = None if typical_force is None else check.positive("typical_force", typical_force)
        self.law: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {"cutoff": self.cutoff, "knots": self.knots, "typical_force": self.typical_force}

    def build(self, dim: int) -> None:
        """Create the spline, its values in a unit that makes forces of order one, or of their typical size."""
        scales = self._known_scales
        unit = scales.pair_unit(self.cutoff, dim)
        self.law = spline_of_force(self._scaled_cutoff, self.knots, unit, scales.force(self.typical_force))

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Sum over pairs of w_i w_j W(r_ij)."""
        i, j, _, r = self._pairs(x)
        return (w[i] * w[j] * self.law(r)).sum()

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """-sum over j of w_j W'(r_ij) (x_i - x_j) / r_ij."""
        i, j, d, r = self._pairs(x)
        pull = (self.law.slope(r) / r)[:, None] * d
        return torch.zeros_like(x).index_add(0, i, -w[j, None] * pull).index_add(0, j, w[i, None] * pull)

    def force_of_each(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """The same by each parameter of the spline."""
        i, j, d, r = self._pairs(x)
        pull = (self.law.slope_of_each(r) / r[:, None])[:, :, None] * d[:, None]
        force = x.new_zeros(len(x), *pull.shape[1:])
        return force.index_add(0, i, -w[j, None, None] * pull).index_add(0, j, w[i, None, None] * pull).transpose(0, 1)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\tfrac12 \iint W_\theta(|x - y|) \rho(x) \rho(y) \, dx \, dy"

    def __repr__(self) -> str:
        return f"PairPotential(cutoff={self.cutoff:g}, knots={self.knots})"
