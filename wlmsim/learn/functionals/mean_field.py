"""A learnable function of a few means over the population."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from wlmsim import _validation as check
from wlmsim.learn.functionals.base import LearnableFunctional, widths_of, with_time
from wlmsim.learn.networks.perceptron import Perceptron


class MeanFieldPotential(LearnableFunctional):
    """Learnable function of means, U[rho] = F(E[phi_1(x, t)], ..., E[phi_k(x, t)]), F and phi perceptrons.

    Every particle feels the others through k numbers only, so that the cost is O(n). Such cylinder functionals
    approximate any smooth functional of the density as k grows.

    Parameters
    ----------
    features : int
        Number k of means. Default 16.
    hidden : sequence of int
        Widths of the hidden layers of phi. Default (64, 64).
    outer : sequence of int
        Widths of the hidden layers of F. Default (32,).
    time_dependent : bool
        Whether phi depends on time. Default False.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.MeanFieldPotential(features=4)
    MeanFieldPotential(features=4, hidden=(64, 64), outer=(32,), time_dependent=False)
    """

    def __init__(
        self,
        features: int = 16,
        hidden: Sequence[int] = (64, 64),
        outer: Sequence[int] = (32,),
        *,
        time_dependent: bool = False,
    ):
        super().__init__()
        self.features = check.integer("features", features)
        self.hidden = widths_of("hidden", hidden)
        self.outer = widths_of("outer", outer)
        self.time_dependent = check.flag("time_dependent", time_dependent)
        self.phi: Any = None
        self.energy_of_means: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {
            "features": self.features,
            "hidden": list(self.hidden),
            "outer": list(self.outer),
            "time_dependent": self.time_dependent,
        }

    def build(self, dim: int) -> None:
        """Create both perceptrons."""
        self.phi = Perceptron([dim + self.time_dependent, *self.hidden, self.features])
        self.energy_of_means = Perceptron([self.features, *self.outer, 1])

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """F of the means."""
        return self.energy_of_means(self._means(self._inputs(x, t), w)).squeeze()

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """-sum over i of dF/dm_i grad phi_i(x)."""
        inputs = self._inputs(x, t)
        slopes = self.energy_of_means.pullback(self._means(inputs, w), x.new_ones(1, 1))
        return -self.phi.pullback(inputs, slopes)[:, : x.shape[1]]

    def _inputs(self, x: torch.Tensor, t: Any) -> torch.Tensor:
        return with_time(x, t) if self.time_dependent else x

    def _means(self, inputs: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        return (w @ self.phi(inputs))[None]

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"F_\theta(\mathbb{E}[\phi_1], \dots, \mathbb{E}[\phi_k])"

    def __repr__(self) -> str:
        about = f"features={self.features}, hidden={self.hidden}, outer={self.outer}"
        return f"MeanFieldPotential({about}, time_dependent={self.time_dependent})"
