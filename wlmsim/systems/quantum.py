"""Quantum systems in Madelung's form: populations moved by quantum pressure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals import GaussianQuantumPressure
from wlmsim.lagrangian import Lagrangian
from wlmsim.population import Population
from wlmsim.systems.base import System


class GaussianPacket(System):
    """Free Gaussian wave packet of a quantum particle of mass 1; the population follows Bohm's trajectories.

    Each width grows as sigma_t = sigma_0 sqrt(1 + (hbar t / (2 sigma_0^2))^2), and every particle keeps its place
    in the cloud: x(t) - <x>(t) = (x_0 - <x>_0) sigma_t / sigma_0 along each axis. The initial sample is drawn
    from |psi|^2 and then matched to its mean and covariance exactly, because the force depends on both.

    Parameters
    ----------
    n : int
        Number of particles, more than `dim`. Default 1000.
    dim : int
        Dimension of space. Default 1.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    width : float or sequence of `dim` floats
        Standard deviation sigma_0 of |psi|^2 along each axis, positive [length]. Default 0.5.
    velocity : float or sequence of `dim` floats
        Mean velocity of the packet [length / time]. Default 0.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    P. R. Holland, The Quantum Theory of Motion (1993), section 4.7.
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        dim: int = 1,
        *,
        hbar: float = 1.0,
        width: float | Sequence[float] = 0.5,
        velocity: float | Sequence[float] = 0.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, seed)
        if n <= dim:
            raise ParameterError(f"`n` must exceed `dim`, so that the cloud has a covariance; got {n} in {dim}-D")
        self.hbar = check.positive("hbar", hbar)
        widths, velocities = check.array("width", width), check.array("velocity", velocity)
        if widths.shape not in ((), (dim,)) or not (np.isfinite(widths).all() and (widths > 0).all()):
            raise check.fail("width", f"a positive number or {dim} of them", width)
        if velocities.shape not in ((), (dim,)) or not np.isfinite(velocities).all():
            raise check.fail("velocity", f"a finite number or {dim} of them", velocity)
        self.width = np.broadcast_to(widths, (dim,))
        self.velocity = np.broadcast_to(velocities, (dim,))

    @property
    def lagrangian(self) -> Lagrangian:
        """Quantum pressure of the cloud's Gaussian."""
        return Lagrangian(GaussianQuantumPressure(self.hbar))

    def _draw(self, rng: np.random.Generator) -> Population:
        sample = rng.standard_normal((self.n, self.dim))
        sample -= sample.mean(0)
        whitening = np.linalg.cholesky(np.linalg.inv(sample.T @ sample / self.n))
        positions = sample @ whitening * self.width
        return Population(positions, np.broadcast_to(self.velocity, positions.shape))

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        x = self.population.positions
        rate = self.hbar / (2 * self.width**2)
        spread = np.sqrt(1 + (rate * time) ** 2)
        return x * spread + self.velocity * time, x * rate**2 * time / spread + self.velocity
