"""Quantum pressure: the Fisher information of the density."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional


class GaussianQuantumPressure(Functional):
    """Quantum pressure in the Gaussian closure, U[rho] = hbar^2 / 8 tr(C^-1), C the covariance of rho.

    The Fisher information hbar^2 / 8 integral |grad log rho|^2 rho of the Gaussian with the same mean and
    covariance as the particles. Exact for Gaussian packets (free, coherent, squeezed); for any other density it
    is a lower bound, by the Cramer-Rao inequality. The force is hbar^2 / 4 C^-2 (x - mean), which is Bohm's for
    a Gaussian. Costs O(n d^2).

    Parameters
    ----------
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    """

    def __init__(self, hbar: float = 1.0):
        self.hbar = check.positive("hbar", hbar)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {"hbar": self.hbar}

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """hbar^2 / 8 times the trace of the inverse covariance."""
        deviations = positions - (weights[:, None] * positions).sum(0)
        covariance = deviations.T @ (weights[:, None] * deviations)
        return self.hbar**2 / 8 * xp.linalg.inv(covariance).diagonal().sum()

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """hbar^2 / 4 C^-2 (x - mean)."""
        deviations = positions - weights @ positions
        covariance = deviations.T @ (weights[:, None] * deviations)
        try:
            precision = np.linalg.inv(covariance)
        except np.linalg.LinAlgError:
            raise ParameterError(
                f"`positions` must spread in all {positions.shape[1]} directions for the quantum pressure; "
                f"got {len(positions)} points with a singular covariance"
            ) from None
        return self.hbar**2 / 4 * deviations @ (precision @ precision)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\tfrac{\hbar^2}{8} \operatorname{tr} \operatorname{Cov}[\rho]^{-1}"

    def __repr__(self) -> str:
        return f"GaussianQuantumPressure(hbar={self.hbar:g})"
