"""A swarm that attracts from afar and repels from near by."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import Pairwise, laws
from wlmsim.mechanics.dissipation import Friction
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.gaussian_start import GaussianStart


class MorseSwarm(GaussianStart):
    """Particles that interact by the Morse pair law W(r) = c exp(-r / l) - exp(-r), with friction or without.

    Without friction energy, momentum and angular momentum are conserved; with it the swarm comes to rest in a crystal,
    or collapses where the law is not stable (c l^d < 1). Two particles rest `equilibrium` apart.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    dim : int
        Dimension of space. Default 2.
    c : float
        Strength of the repulsion relative to the attraction, at least 0 [dimensionless]. Default 1.5.
    l : float
        Range of the repulsion relative to the attraction, positive [dimensionless]. Default 0.5.
    friction : float
        gamma, at least 0 [1 / time]. Default 0.
    width, velocity_width : float
        Standard deviation of the initial positions [length] and velocities [length / time]. Default 1 and 0.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    See `wlmsim.laws.Morse`.
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 2,
        *,
        c: float = 1.5,
        l: float = 0.5,
        friction: float = 0.0,
        width: float = 1.0,
        velocity_width: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, width=width, velocity_width=velocity_width, seed=seed)
        self.c, self.l = check.nonnegative("c", c), check.positive("l", l)
        self.friction = check.nonnegative("friction", friction)

    @property
    def equilibrium(self) -> float:
        """Distance of two particles at rest, log(c / l) / (1 / l - 1) [length]; 0 if nothing keeps them apart."""
        if self.c <= self.l or self.l >= 1:
            return 0.0
        return float(np.log(self.c / self.l) / (1 / self.l - 1))

    @property
    def lagrangian(self) -> Lagrangian:
        """Pair law and friction."""
        return Lagrangian(
            Pairwise(laws.Morse(self.c, self.l)), dissipation=Friction(self.friction) if self.friction else None
        )
