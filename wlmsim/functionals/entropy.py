"""The entropy of the density, whose force is diffusion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals.base import Functional
from wlmsim.functionals.external import as_scalar
from wlmsim.functionals.smoothing import by_particle, smoothed_particles


class Entropy(Functional):
    """Negative entropy times a temperature, U[rho] = T integral rho log rho; force -T grad log rho.

    The density in the logarithm is smoothed by a Gaussian kernel (the blob method):
    U = T sum_i w_i log(sum_j w_j k_h(x_i - x_j)), each particle counting itself. The force is the exact gradient of
    that energy, -T (grad log rho_h + grad k_h * (rho / rho_h)), so that a population without friction conserves
    its energy. It tends to the entropy's as h tends to 0 while the particles within h grow in number. Costs O(n^2),
    less where the kernel reaches few particles.

    Parameters
    ----------
    temperature : float
        T, at least 0 [mass length^2 / time^2]. In a gradient flow, the diffusivity sigma^2 / 2 [length^2 / time].
    bandwidth : float
        Standard deviation h of the kernel, positive [length]. A number and no rule, because a bandwidth that followed
        the cloud would leave the force no gradient: take it once from the initial cloud, for example by
        `wlmsim.functionals.silverman`.

    References
    ----------
    J. A. Carrillo, K. Craig, F. S. Patacchini, Calc. Var. 58, 53 (2019).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> cloud = np.random.default_rng(0).standard_normal((1000, 2))
    >>> gas = wls.Entropy(temperature=0.5, bandwidth=wls.functionals.silverman(cloud))
    >>> bool((gas.force(cloud, np.full(1000, 1e-3)) * cloud).sum() > 0)      # it spreads
    True
    """

    def __init__(self, temperature: float, bandwidth: float):
        self.temperature = check.nonnegative("temperature", temperature)
        self.bandwidth = check.positive("bandwidth", bandwidth)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """T times the mean of log rho_h at the particles."""
        squares = ((positions[:, None] - positions[None]) ** 2).sum(-1)
        total = (weights * xp.exp(-0.5 * squares / self.bandwidth**2)).sum(-1)
        log_bandwidth = xp.log(as_scalar(self.bandwidth, positions, xp))
        log_norm = _log_norm(positions.shape[1], log_bandwidth)
        return self.temperature * ((weights * xp.log(total)).sum() - log_norm * weights.sum())

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """T times the mean of log rho_h at the particles, compiled."""
        cloud = smoothed_particles(positions, weights, self.bandwidth)
        mean = (
            cloud.weights @ np.log(cloud.total) - _log_norm(positions.shape[1], np.log(self.bandwidth)) * weights.sum()
        )
        return float(self.temperature * mean)

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-T (grad log rho_h + grad k_h * (rho / rho_h)), compiled."""
        from wlmsim.kernels import density, threads

        cloud = smoothed_particles(positions, weights, self.bandwidth)
        with threads.threads_for(len(positions) ** 2 // 4):
            force = density.entropy_force(cloud.x, cloud.weights, cloud.total, self.bandwidth)
        return self.temperature * by_particle(cloud, force, positions.shape[1])

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"T \int \rho \log (k_h * \rho) \, dx"

    def __repr__(self) -> str:
        return f"Entropy(temperature={self.temperature:g}, bandwidth={self.bandwidth:g})"


def _log_norm(dim: int, log_bandwidth: Any) -> Any:
    """Logarithm of the integral of exp(-r^2 / 2 h^2)."""
    return dim * (0.5 * math.log(2 * math.pi) + log_bandwidth)
