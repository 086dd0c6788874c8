"""A learnable external potential."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from wlmsim import _validation as check
from wlmsim.learn.functionals.base import LearnableFunctional, widths_of, with_time
from wlmsim.learn.networks.perceptron import Perceptron


class ExternalPotential(LearnableFunctional):
    """Learnable external potential, U[rho] = integral of psi(x, t) rho, psi a multilayer perceptron.

    Parameters
    ----------
    hidden : sequence of int
        Widths of the hidden layers. Default (64, 64).
    time_dependent : bool
        Whether psi depends on time. Default True.
    fourier_features : int
        Number m of random frequencies omega: psi also sees cos(omega . x) and sin(omega . x), with which it learns
        landscapes finer than a perceptron of x alone does. Default 0.
    bandwidth : float
        Standard deviation of the frequencies, drawn from a normal distribution when training begins, positive
        [dimensionless: radians per standard deviation of the positions]. Default 2.
    typical_force : float, optional
        Typical size of the force, positive [length / time^2]: the unit in which it is learned. In a far larger unit a
        perceptron would learn the force from a small part of its range, and fine features, such as walls, slowly.
        Default: v^2 / L, the velocities' mean square over the extent of the data, or the rate at which their size
        changes if larger, where the mechanics has inertia and that is under 3% of L / interval^2, the force which
        carries a particle through all the data between two marginals; else the latter.

    Notes
    -----
    The activation is SiLU, z / (1 + exp(-z)), smooth so that the force is smooth too. The frequencies are not trained;
    they are kept with the model.

    References
    ----------
    M. Tancik et al., NeurIPS 33, 7537 (2020), for the features.
    """

    degree = 1
    local = True
    frequencies: torch.Tensor

    def __init__(
        self,
        hidden: Sequence[int] = (64, 64),
        *,
        time_dependent: bool = True,
        fourier_features: int = 0,
        bandwidth: float = 2.0,
        typical_force: float | None = None,
    ):
        super().__init__()
        self.hidden = widths_of("hidden", hidden)
        self.time_dependent = check.flag("time_dependent", time_dependent)
        self.fourier_features = check.integer("fourier_features", fourier_features, least=0)
        self.bandwidth = check.positive("bandwidth", bandwidth)
        self.typical_force = None if typical_force is None else check.positive("typical_force", typical_force)
        self.unit = 1.0
        self.psi: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {
            "hidden": list(self.hidden),
            "time_dependent": self.time_dependent,
            "fourier_features": self.fourier_features,
            "bandwidth": self.bandwidth,
            "typical_force": self.typical_force,
        }

    def build(self, dim: int) -> None:
        """Create the perceptron and the frequencies."""
        self.unit = self._known_scales.force(self.typical_force) or 1.0
        inputs = dim + self.covariates + 2 * self.fourier_features
        self.psi = Perceptron([inputs, *self.hidden, 1])
        if self.fourier_features:
            self.register_buffer("frequencies", self.bandwidth * torch.randn(dim, self.fourier_features))

    @property
    def covariates(self) -> int:
        """How many numbers psi sees beside positions and their waves: the time."""
        return int(self.time_dependent)

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Sum of w_i psi(x_i, t)."""
        return self.unit * (w @ self.psi(self._inputs(x, t)).squeeze(-1))

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """-grad psi."""
        inputs, dim = self._inputs(x, t), x.shape[1]
        slope = self.psi.pullback(inputs, x.new_full((1, 1), self.unit))
        if not self.fourier_features:
            return -slope[:, :dim]
        m = self.fourier_features
        cosines, sines = inputs[:, -2 * m : -m], inputs[:, -m:]
        turn = cosines * slope[:, -m:] - sines * slope[:, -2 * m : -m]  # the slope by each phase omega . x
        return -slope[:, :dim] - turn @ self.frequencies.T

    def pull_back(
        self, x: torch.Tensor, t: Any, u: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, list[torch.Tensor]]:
        """Scaled force, and the gradient of sum of u . force by positions and parameters, without Fourier features."""
        inputs, dim = self._inputs(x, t), x.shape[1]
        along = torch.nn.functional.pad(-self.unit * u, (0, inputs.shape[1] - dim))
        slope, towards_inputs, towards = self.psi.pull_back(inputs, along)
        return -self.unit * slope[:, :dim], towards_inputs[:, :dim], towards

    def _inputs(self, x: torch.Tensor, t: Any) -> torch.Tensor:
        inputs = with_time(x, t) if self.time_dependent else x
        if not self.fourier_features:
            return inputs
        phases = x @ self.frequencies
        return torch.cat([inputs, phases.cos(), phases.sin()], dim=1)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\int \psi_\theta(x, t) \rho \, dx" if self.time_dependent else r"\int \psi_\theta(x) \rho \, dx"

    def __repr__(self) -> str:
        fourier = f", fourier_features={self.fourier_features}, bandwidth={self.bandwidth:g}"
        shown = fourier if self.fourier_features else ""
        shown += "" if self.typical_force is None else f", typical_force={self.typical_force:g}"
        return f"ExternalPotential(hidden={self.hidden}, time_dependent={self.time_dependent}{shown})"
