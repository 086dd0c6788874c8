"""A learnable external potential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from wlmsim.learn.functionals.base import LearnableFunctional, widths_of, with_time
from wlmsim.learn.networks import Perceptron


class ExternalPotential(LearnableFunctional):
    """Learnable external potential, U[rho] = integral of psi(x, t) rho, psi a multilayer perceptron.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers. Default (64, 64).
    time_dependent : bool
        Whether psi depends on time. Default True.

    Notes
    -----
    The activation is SiLU, z / (1 + exp(-z)), smooth so that the force is smooth too.
    """

    degree = 1

    def __init__(self, hidden: Sequence[int] = (64, 64), *, time_dependent: bool = True):
        super().__init__()
        self.hidden = widths_of("hidden", hidden)
        self.time_dependent = bool(time_dependent)
        self.psi: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {"hidden": list(self.hidden), "time_dependent": self.time_dependent}

    def build(self, dim: int) -> None:
        """Create the perceptron."""
        self.psi = Perceptron([dim + self.time_dependent, *self.hidden, 1])

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Sum of w_i psi(x_i, t)."""
        return w @ self.psi(self._inputs(x, t)).squeeze(-1)

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """-grad psi."""
        return -self.psi.pullback(self._inputs(x, t), x.new_ones(1, 1))[:, : x.shape[1]]

    def _inputs(self, x: torch.Tensor, t: Any) -> torch.Tensor:
        return with_time(x, t) if self.time_dependent else x

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\int \psi_\theta(x, t) \rho \, dx" if self.time_dependent else r"\int \psi_\theta(x) \rho \, dx"

    def __repr__(self) -> str:
        return f"ExternalPotential(hidden={self.hidden}, time_dependent={self.time_dependent})"
