"""The closure of a density by the Gaussian with the mean and the covariance of the particles."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional


def moments(positions: Any, weights: Any) -> tuple[Any, Any]:
    """Deviations from the mean, shape (n, d), and covariance, shape (d, d), of NumPy arrays or tensors."""
    deviations = positions - (weights[:, None] * positions).sum(0)
    return deviations, deviations.T @ (weights[:, None] * deviations)


def log_determinant(covariance: Any, xp: Any) -> Any:
    """Logarithm of the determinant of a covariance, shape (d, d), by elimination; no torch device is waited for."""
    total = 0.0
    for _ in range(len(covariance)):
        pivot = covariance[0, 0]
        total = total + xp.log(pivot)
        covariance = covariance[1:, 1:] - covariance[1:, :1] * covariance[:1, 1:] / pivot
    return total


def deviations_and_precision(positions: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deviations from the mean, and the inverse of the covariance; `ParameterError` if it is singular."""
    deviations, covariance = moments(positions, weights)
    try:
        return deviations, np.linalg.inv(covariance)
    except np.linalg.LinAlgError:
        raise ParameterError(
            f"`positions` must spread in all {positions.shape[1]} directions for the closure by a Gaussian; "
            f"got {len(positions)} points with a singular covariance"
        ) from None


class GaussianEntropy(Functional):
    """Negative entropy in the Gaussian closure, U[rho] = -T / 2 log det(2 pi e C), C the covariance of rho.

    T integral rho log rho of the Gaussian with the same mean and covariance as the particles, the least of all
    densities that have them. The force is T C^-1 (x - mean), which is -T grad log rho of that Gaussian. In a gradient
    flow with a harmonic well, mean and covariance of the particles are exactly those of the Ornstein-Uhlenbeck process.
    Costs O(n d^2).

    Parameters
    ----------
    temperature : float
        T, at least 0 [mass length^2 / time^2]; in a gradient flow sigma^2 / 2 for noise of strength sigma. Default 1/2.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> heat = wls.GradientFlow(wls.GaussianEntropy(temperature=0.5))
    >>> cloud = wls.Population.gaussian(100, dim=1, seed=0)
    >>> spread = wls.simulate(heat, cloud, [0.0, 3.0], dt=0.01).positions.var(1)      # grows by 2 T t
    >>> bool(np.isclose(spread[1] - spread[0], 3.0))
    True
    """

    def __init__(self, temperature: float = 0.5):
        self.temperature = check.nonnegative("temperature", temperature)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """-T / 2 times the logarithm of det(2 pi e C)."""
        _, covariance = moments(positions, weights)
        dim = positions.shape[1]
        return -0.5 * self.temperature * (log_determinant(covariance, xp) + dim * (np.log(2 * np.pi) + 1))

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """T C^-1 (x - mean)."""
        deviations, precision = deviations_and_precision(positions, weights)
        return self.temperature * deviations @ precision

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"-\tfrac{T}{2} \log \det (2 \pi e \operatorname{Cov}[\rho])"

    def __repr__(self) -> str:
        return f"GaussianEntropy(temperature={self.temperature:g})"
