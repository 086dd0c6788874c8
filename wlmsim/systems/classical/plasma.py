"""Charges that repel each other, held together by a trap."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.functionals import External, Gravity, laws
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System
from wlmsim.systems.directions import random_directions


class CoulombPlasma(System):
    """Equal charges in a harmonic trap, x_i'' = -omega^2 x_i + k sum_j w_j (x_i - x_j) / |x_i - x_j|^3.

    Three motions are known exactly, up to the softening, for any number of charges: their centre oscillates at omega
    whatever they do (Kohn's mode), a cold equilibrium that is stretched swings radially at sqrt(3) omega (the breathing
    mode), and two charges at rest stand `radius` apart. A cold plasma of many charges fills a ball of that radius
    evenly, which is how the charges start, in space up to their correlations in equilibrium.

    Parameters
    ----------
    n : int
        Number of charges. Default 1000.
    dim : int
        Dimension of space. Default 3.
    strength : float
        k, Coulomb's constant times the total charge squared by the total mass, positive [length^3 / time^2].
        Default 1.
    frequency : float
        omega, angular frequency of the trap, positive [1 / time]. Default 1.
    temperature : float
        Variance of each velocity component at the start, at least 0 [length^2 / time^2]. Default 0: cold.
    expansion : float
        Radius of the ball at the start in units of `radius`, positive [dimensionless]. Default 1.
    softening : float
        epsilon of Coulomb's law k / sqrt(r^2 + epsilon^2), positive [length]. Default 0.01.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    D. H. E. Dubin, T. M. O'Neil, Rev. Mod. Phys. 71, 87 (1999); W. Kohn, Phys. Rev. 123, 1242 (1961).

    Examples
    --------
    >>> import wlmsim as wls
    >>> plasma = wls.systems.CoulombPlasma(n=20, frequency=0.5, seed=0)
    >>> round(plasma.radius, 3)
    1.587
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 3,
        *,
        strength: float = 1.0,
        frequency: float = 1.0,
        temperature: float = 0.0,
        expansion: float = 1.0,
        softening: float = 0.01,
        seed: int | None = None,
    ):
        super().__init__(n, dim, seed)
        self.strength = check.positive("strength", strength)
        self.frequency = check.positive("frequency", frequency)
        self.temperature = check.nonnegative("temperature", temperature)
        self.expansion = check.positive("expansion", expansion)
        self.softening = check.positive("softening", softening)

    @property
    def radius(self) -> float:
        """(k / omega^2)^(1/3), where the trap holds the repulsion of all charges at the centre [length]."""
        return float(np.cbrt(self.strength / self.frequency**2))

    @property
    def breathing_frequency(self) -> float:
        """sqrt(3) omega, of small radial oscillations about a cold equilibrium [1 / time]."""
        return float(np.sqrt(3.0) * self.frequency)

    @property
    def lagrangian(self) -> Lagrangian:
        """Trap and repulsion."""
        trap = External(laws.Harmonic(self.frequency**2))
        return Lagrangian(trap + Gravity(-self.strength, self.softening))

    def _draw(self, rng: np.random.Generator) -> Population:
        directions = random_directions(self.n, self.dim, rng)
        radii = self.expansion * self.radius * rng.random((self.n, 1)) ** (1 / self.dim)
        velocities = np.sqrt(self.temperature) * rng.standard_normal((self.n, self.dim))
        return Population(radii * directions, velocities)
