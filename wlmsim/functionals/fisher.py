"""Quantum pressure: the Fisher information of the density, in three discretisations."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional
from wlmsim.functionals.gaussian import deviations_and_precision, moments
from wlmsim.functionals.smoothing import by_particle, smoothed_particles


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
        _, covariance = moments(positions, weights)
        # torch's inverse waits for a GPU, to check itself; this one does not
        invert = getattr(xp.linalg, "inv_ex", None)
        precision = xp.linalg.inv(covariance) if invert is None else invert(covariance).inverse
        return self.hbar**2 / 8 * precision.diagonal().sum()

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """hbar^2 / 4 C^-2 (x - mean)."""
        deviations, precision = deviations_and_precision(positions, weights)
        return self.hbar**2 / 4 * deviations @ (precision @ precision)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\tfrac{\hbar^2}{8} \operatorname{tr} \operatorname{Cov}[\rho]^{-1}"

    def __repr__(self) -> str:
        return f"GaussianQuantumPressure(hbar={self.hbar:g})"


class QuantumPressure(Functional):
    """Quantum pressure of the smoothed density: the mean of Bohm's potential, U[rho] = integral Q[rho_h] rho.

    Q[rho] = -(hbar^2 / 2) lap(sqrt rho) / sqrt rho = -(hbar^2 / 8) (2 lap log rho + |grad log rho|^2) is Bohm's
    potential, rho_h the density smoothed by a Gaussian kernel, each particle counting itself. Of all ways to write the
    Fisher information hbar^2 / 8 integral |grad log rho|^2 rho by a smoothed density this one is stationary at the
    true score: it errs by -(hbar^2 / 8) integral |grad log (rho_h / rho)|^2 rho, fourth order in h, and is never above
    (Hyvarinen's identity of score matching). The force is the exact gradient of that energy, so that the particles
    stay Hamiltonian: energy, momentum and angular momentum are conserved. Any dimension. Costs O(n^2), less where the
    kernel reaches few particles.

    Particles must lie densely within h: about three a bandwidth along each axis on a regular grid, with their weights
    carrying the density (`method="fluid"` of the quantum systems starts so), many more in a random sample. Where the
    cloud thins to less, the force is too weak. The fastest vibrations have the frequency of hbar / h^2, so the time
    step of a leapfrog must not exceed h^2 / hbar.

    Parameters
    ----------
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time].
    bandwidth : float
        Standard deviation h of the kernel, positive [length]. A number and no rule, because a bandwidth that followed
        the cloud would leave the force no gradient.

    References
    ----------
    D. Bohm, Phys. Rev. 85, 166 (1952); A. Hyvarinen, J. Mach. Learn. Res. 6, 695 (2005).
    """

    def __init__(self, hbar: float, bandwidth: float):
        self.hbar = check.positive("hbar", hbar)
        self.bandwidth = check.positive("bandwidth", bandwidth)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Mean of Bohm's potential, from the first two moments m and q of each particle's neighbours."""
        separations = positions[None] - positions[:, None]
        squares = (separations**2).sum(-1)
        kernel = weights * xp.exp(-0.5 * squares / self.bandwidth**2)
        total = kernel.sum(-1)
        mean = (kernel[..., None] * separations).sum(1) / total[:, None]
        return self._mean_potential(mean, (kernel * squares).sum(-1) / total, weights, positions.shape[1])

    def _mean_potential(self, mean: Any, square: Any, weights: Any, dim: int) -> Any:
        """With grad log rho_h = m / h^2 and lap log rho_h = (q - |m|^2) / h^4 - d / h^2."""
        h = self.bandwidth
        minus = weights * (2 * dim / h**2 - (2 * square - (mean**2).sum(-1)) / h**4)
        return self.hbar**2 / 8 * minus.sum()

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Mean of Bohm's potential, compiled."""
        cloud = smoothed_particles(positions, weights, self.bandwidth)
        return float(self._mean_potential(cloud.mean.T, cloud.square, cloud.weights, positions.shape[1]))

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Exact gradient of the energy, compiled."""
        from wlmsim.kernels import density, threads

        cloud = smoothed_particles(positions, weights, self.bandwidth)
        with threads.threads_for(len(positions) ** 2 // 4):
            force = density.quantum_force(cloud.x, cloud.weights, cloud.total, cloud.mean, cloud.square, self.bandwidth)
        return self.hbar**2 / 8 * by_particle(cloud, force, positions.shape[1])

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"-\tfrac{\hbar^2}{2} \int \rho \, \frac{\Delta \sqrt{k_h * \rho}}{\sqrt{k_h * \rho}} \, dx"

    def __repr__(self) -> str:
        return f"QuantumPressure(hbar={self.hbar:g}, bandwidth={self.bandwidth:g})"


class ManyInteractingWorlds(Functional):
    """Quantum pressure between neighbours on the line, U = sum of w_i hbar^2 / 8 s_i^2, s_i = [r_i - r_(i-1)] / w_i.

    With the particles in order, r_i = (w_i + w_(i+1)) / (2 (x_(i+1) - x_i)) is the density between particles i and
    i + 1, zero beyond the ends, and s_i the score at particle i. Equal weights give the many interacting worlds of
    Hall, Deckert and Wiseman, s_i = 1 / (x_(i+1) - x_i) - 1 / (x_i - x_(i-1)). Particles repel so that they cannot
    cross. There is no bandwidth; the fastest vibrations have the frequency of 2 hbar / gap^2, so the time step of a
    leapfrog must not exceed the square of the smallest gap over hbar. One dimension only. Costs O(n log n).

    Parameters
    ----------
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.

    References
    ----------
    M. J. W. Hall, D.-A. Deckert, H. M. Wiseman, Phys. Rev. X 4, 041013 (2014).

    Examples
    --------
    Two worlds on either side of the origin repel:

    >>> import numpy as np, wlmsim as wls
    >>> wls.ManyInteractingWorlds().force(np.array([[-0.5], [0.5]]), np.array([0.5, 0.5]))
    array([[-0.5],
           [ 0.5]])
    """

    def __init__(self, hbar: float = 1.0):
        self.hbar = check.positive("hbar", hbar)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """hbar^2 / 8 times the mean square of the scores."""
        _, _, weights, _, scores = self._ordered(positions, weights, xp)
        return self.hbar**2 / 8 * (weights * scores**2).sum()

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-(1 / w_i) dU/dx_i, by the chain rule through the densities between neighbours."""
        order, gaps, weights, densities, scores = self._ordered(positions, weights, np)
        tension = self.hbar**2 / 4 * np.diff(scores) * densities / gaps
        force = np.empty(positions.shape)
        force[order, 0] = np.diff(tension, prepend=0.0, append=0.0) / weights
        return force

    def _ordered(self, positions: Any, weights: Any, xp: Any) -> tuple[Any, Any, Any, Any, Any]:
        """The order, the gaps, and in that order the weights, the densities between neighbours and the scores."""
        if positions.shape[1] != 1:
            raise ParameterError(
                f"`positions` must be on a line for many interacting worlds; got {positions.shape[1]} dimensions: "
                "use QuantumPressure"
            )
        order = xp.argsort(positions[:, 0])
        x, weights = positions[order, 0], weights[order]
        gaps = x[1:] - x[:-1]
        if not (gaps > 0).all() or not (weights > 0).all():
            raise ParameterError(
                "`positions` must be distinct, with positive weights, for many interacting worlds; got "
                f"{int((gaps <= 0).sum())} coincident pairs and {int((weights <= 0).sum())} weights of zero"
            )
        densities = 0.5 * (weights[1:] + weights[:-1]) / gaps
        end = xp.zeros_like(weights[:1])
        padded = xp.concat([end, densities, end])
        return order, gaps, weights, densities, (padded[1:] - padded[:-1]) / weights

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return (
            r"\frac{\hbar^2}{8 N} \sum_i "
            r"\left[\frac{1}{x_{i+1} - x_i} - \frac{1}{x_i - x_{i-1}}\right]^2"
        )

    def __repr__(self) -> str:
        return f"ManyInteractingWorlds(hbar={self.hbar:g})"
