"""The swarm of D'Orsogna and others: self-propulsion, attraction and repulsion."""

from __future__ import annotations

import numpy as np

from wlmsim.functionals import Pairwise, laws
from wlmsim.mechanics.dissipation import SelfPropulsion
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.gaussian_start import GaussianStart


class DOrsogna(GaussianStart):
    """Self-propelled particles that attract and repel each other by a Morse law, and mill or flock.

    As published, particle i obeys dv_i/dt = (alpha - beta |v_i|^2) v_i - sum over j of grad W(|x_i - x_j|) with
    W(r) = C_r exp(-r / l_r) - C_a exp(-r / l_a) for each pair. Pair forces carry weights 1/n here, so that the law of
    the Lagrangian has n C_r and n C_a: the constants are those of a pair, and a swarm of more particles is denser.
    Speeds settle at sqrt(alpha / beta). Of C = C_r / C_a and l = l_r / l_a with C > 1 and l < 1, swarms with
    C l^d < 1 contract as they grow, and mill about an empty core in the plane; others keep their density.

    Parameters
    ----------
    n : int
        Number of particles. Default 100.
    dim : int
        Dimension of space. Default 2.
    alpha : float
        Propulsion, at least 0 [1 / time]. Default 1.
    beta : float
        Drag, at least 0 [time / length^2]. Default 0.5.
    repulsion, attraction : float
        C_r and C_a of a pair, at least 0 [length^2 / time^2]. Default 1 and 0.5.
    repulsion_range, attraction_range : float
        l_r and l_a, positive [length]. Default 0.5 and 2.
    width, velocity_width : float
        Standard deviation of the initial positions, positive [length], and velocities, at least 0 [length / time].
        Default 1 and 1.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    M. R. D'Orsogna, Y. L. Chuang, A. L. Bertozzi, L. S. Chayes, Phys. Rev. Lett. 96, 104302 (2006); Y. L. Chuang and
    others, Physica D 232, 33 (2007).
    """

    def __init__(
        self,
        n: int = 100,
        dim: int = 2,
        *,
        alpha: float = 1.0,
        beta: float = 0.5,
        repulsion: float = 1.0,
        repulsion_range: float = 0.5,
        attraction: float = 0.5,
        attraction_range: float = 2.0,
        width: float = 1.0,
        velocity_width: float = 1.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, width=width, velocity_width=velocity_width, seed=seed)
        self.propulsion = SelfPropulsion(alpha, beta)
        self.alpha, self.beta = self.propulsion.alpha, self.propulsion.beta
        laws.GeneralisedMorse(repulsion, repulsion_range, attraction, attraction_range)  # checks them
        self.repulsion, self.repulsion_range = repulsion, repulsion_range
        self.attraction, self.attraction_range = attraction, attraction_range

    @property
    def lagrangian(self) -> Lagrangian:
        """The Morse law of n particles, and self-propulsion."""
        law = laws.GeneralisedMorse(
            self.n * self.repulsion, self.repulsion_range, self.n * self.attraction, self.attraction_range
        )
        return Lagrangian(Pairwise(law), dissipation=self.propulsion)

    @property
    def cruising_speed(self) -> float:
        """sqrt(alpha / beta), at which propulsion and drag balance [length / time]; infinite without drag."""
        return float(np.sqrt(self.alpha / self.beta)) if self.beta else np.inf
