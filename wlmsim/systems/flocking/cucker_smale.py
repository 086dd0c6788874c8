"""The Cucker-Smale model: alignment that fades with distance."""

from __future__ import annotations

import numpy as np

from wlmsim.mechanics.dissipation import Alignment
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.gaussian_start import GaussianStart


class CuckerSmale(GaussianStart):
    """Birds that align their velocities, dv_i/dt = mean over j of phi(|x_i - x_j|) (v_j - v_i), phi as in `Alignment`.

    The mean velocity is conserved, and the spread of velocities never grows. Up to the exponent 1/2 the flock
    aligns from every start; beyond it may come apart. With an infinite radius, or exponent 0, the rate is a constant
    K, the spread decays as exp(-K t), and `exact` gives the motion.

    Parameters
    ----------
    n : int
        Number of birds. Default 500.
    dim : int
        Dimension of space. Default 2.
    strength : float
        K, the rate at zero distance, at least 0 [1 / time]. Default 1.
    radius : float
        Range of the rate, positive; infinity for a constant rate [length]. Default 1.
    exponent : float
        How fast the rate falls with distance, at least 0 [dimensionless]. Default 1/2.
    width, velocity_width : float
        Standard deviation of the initial positions, positive [length], and velocities, at least 0 [length / time].
        Default 1 and 1.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    F. Cucker and S. Smale, IEEE Trans. Automat. Control 52, 852 (2007); S.-Y. Ha and J.-G. Liu, Commun. Math. Sci. 7,
    297 (2009), for flocking from every start.
    """

    def __init__(
        self,
        n: int = 500,
        dim: int = 2,
        *,
        strength: float = 1.0,
        radius: float = 1.0,
        exponent: float = 0.5,
        width: float = 1.0,
        velocity_width: float = 1.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, width=width, velocity_width=velocity_width, seed=seed)
        self.alignment = Alignment(strength, radius, exponent)
        self.strength, self.radius, self.exponent = strength, radius, exponent
        self.has_exact = self.radius == np.inf or self.exponent == 0

    @property
    def lagrangian(self) -> Lagrangian:
        """No potential; alignment as dissipation."""
        return Lagrangian(dissipation=self.alignment)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        x, v = self._start
        mean = v.mean(0)
        decay = np.exp(-self.strength * time)
        reach = -np.expm1(-self.strength * time) / self.strength if self.strength else time
        return x + mean * time + reach * (v - mean), mean + decay * (v - mean)
