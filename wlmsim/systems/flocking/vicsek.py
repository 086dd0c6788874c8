"""The Vicsek model: alignment against noise."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.trajectory import Trajectory
from wlmsim.integrators import Integrator, VicsekUpdate
from wlmsim.mechanics.boid_rules import BoidRules
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System


class Vicsek(System):
    """Particles of one speed that take the mean direction of their neighbours, with noise, in a periodic box.

    At each step a particle moves with its velocity, and then takes the direction of the mean velocity of all
    particles within the radius, itself included, turned at random (`VicsekUpdate`). The rule is a discrete map,
    published with time step 1: choose times 1 apart to reproduce it. A shorter step takes a particle that share of the
    way to the mean. Positions are not wrapped into the box.

    Parameters
    ----------
    n : int
        Number of particles. Default 400.
    dim : int
        Dimension of space, 2 or 3. Default 2.
    box : float
        Side of the box, at least twice the radius [length]. Default 10.
    noise : float
        eta, from 0 to 2 pi: the width of the interval of angles in the plane, half the solid angle of the cap of
        directions in space [1]. Default 1.
    radius : float
        Radius of the neighbourhood, positive [length]. Default 1.
    speed : float
        Positive [length / time]. Default 0.03.
    seed : int, optional
        Seed of the initial population and of the noise.

    References
    ----------
    T. Vicsek, A. Czirok, E. Ben-Jacob, I. Cohen, O. Shochet, Phys. Rev. Lett. 75, 1226 (1995).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> flock = wls.systems.Vicsek(n=100, box=5.0, noise=0.3, seed=0)
    >>> order = flock.order_parameter(flock.simulate(np.arange(60.0)))
    >>> bool(order[0] < 0.3 and order[-1] > 0.9)
    True
    """

    def __init__(
        self,
        n: int = 400,
        dim: int = 2,
        *,
        box: float = 10.0,
        noise: float = 1.0,
        radius: float = 1.0,
        speed: float = 0.03,
        seed: int | None = None,
    ):
        super().__init__(n, dim, seed)
        if self.dim not in (2, 3):
            raise check.fail("dim", "2 or 3", dim)
        self.box, self.radius = check.positive("box", box), check.positive("radius", radius)
        self.rules = BoidRules(0.0, 0.0, 1.0, radius, radius, box)
        self.noise, self.speed = noise, speed
        self._integrator(self._stream(1))

    @property
    def lagrangian(self) -> Lagrangian:
        """No potential; the mean velocity of the neighbours as non-potential force, at the rate 1."""
        return Lagrangian(dissipation=self.rules)

    def order_parameter(self, flight: Trajectory | Population) -> np.ndarray:
        """Length of the mean velocity over the speed, 1 where all move alike and near 1/sqrt(n) where all differ.

        Parameters
        ----------
        flight : Trajectory or Population
            With velocities.

        Returns
        -------
        ndarray, shape (T,) or ()
            [dimensionless]
        """
        velocities = np.asarray(check.instance("flight", flight, (Trajectory, Population)).velocities)
        return np.linalg.norm(velocities.mean(-2), axis=-1) / self.speed

    def _draw(self, rng: np.random.Generator) -> Population:
        positions = self.box * rng.random((self.n, self.dim))
        directions = rng.standard_normal((self.n, self.dim))
        return Population(positions, self.speed * directions / np.linalg.norm(directions, axis=1, keepdims=True))

    def _integrator(self, noise: np.random.Generator) -> Integrator:
        return VicsekUpdate(self.speed, noise=self.noise, seed=noise)
