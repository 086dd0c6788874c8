"""Boids: cohesion, separation and alignment."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals import External, laws
from wlmsim.functionals.periodic import Box, lengths
from wlmsim.integrators import ConstantSpeedEuler, Integrator
from wlmsim.mechanics.boid_rules import BoidRules
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System
from wlmsim.systems.directions import directions

PUBLISHED = 1000
"""Birds of the published flock; larger ones are as dense, not denser, so that a bird has as many neighbours."""


class Boids(System):
    """Reynolds' boids at constant speed 1, in a soft box or in a periodic one.

    Each bird steers by cohesion, separation and alignment with its neighbours (`BoidRules`) and is pushed back
    at the boundary (`wlmsim.laws.Wall`); after each step its speed is reset to 1 (`ConstantSpeedEuler`). The
    rules are a discrete map, published with time step 0.5: choose times 0.5 apart to reproduce it. The flock starts as
    a standard Gaussian around the origin, as the published one of 1000 birds; of n > 1000 it is wider by
    (n / 1000)^(1/d), hence as dense.

    Parameters
    ----------
    n : int
        Number of birds. Default 1000.
    dim : int
        Dimension of space. Default 2.
    cohesion, separation, alignment, boundary : float
        Weights of the four rules, at least 0. Default 0.005, 0.1, 0.3, 0.5.
    outer_radius, inner_radius : float
        Radii of the neighbourhood and of the separation, positive [length]. Default 1 and 0.3.
    half_width : float, optional
        The boundary rule acts beyond |x_i| = half_width, positive [length]. Default 5, beyond 1000 birds as much wider
        as their start.
    box : float or sequence of d floats, optional
        Side or sides of a periodic box around the origin, at least twice the outer radius [length]. Birds then start
        anywhere in it, and no boundary pushes them. Positions are not wrapped into it: see `Trajectory.wrapped`.
    noise : float
        Strength of the Gaussian noise in the positions, at least 0 [length / sqrt(time)]. Default 0.
    seed : int, optional
        Seed of the initial population and of the noise.

    References
    ----------
    C. W. Reynolds, Computer Graphics 21, 25 (1987); the rules and values are those of arXiv:2605.08550.
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 2,
        *,
        cohesion: float = 0.005,
        separation: float = 0.1,
        alignment: float = 0.3,
        boundary: float = 0.5,
        outer_radius: float = 1.0,
        inner_radius: float = 0.3,
        half_width: float | None = None,
        box: Box | None = None,
        noise: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, seed)
        self._spread = max(1.0, self.n / PUBLISHED) ** (1 / self.dim)
        if box is not None and half_width is not None:
            raise ParameterError("`half_width` must not be given with a periodic `box`, which has no boundary")
        half_width = 5.0 * self._spread if half_width is None and box is None else half_width
        self.rules = BoidRules(cohesion, separation, alignment, outer_radius, inner_radius, box)
        self.box, self._sides = self.rules.box, lengths(self.rules.box, self.dim)
        check.nonnegative("boundary", boundary)
        self.wall = None if half_width is None else laws.Wall(half_width, boundary)
        self.cohesion, self.separation, self.alignment, self.boundary = cohesion, separation, alignment, boundary
        self.outer_radius, self.inner_radius, self.half_width = outer_radius, inner_radius, half_width
        self.noise = check.nonnegative("noise", noise)

    @property
    def lagrangian(self) -> Lagrangian:
        """The soft box, if there is one, as potential, the rules as non-potential forces."""
        return Lagrangian(None if self.wall is None else External(self.wall), dissipation=self.rules)

    def _draw(self, rng: np.random.Generator) -> Population:
        if self.box is None:
            positions = self._spread * rng.standard_normal((self.n, self.dim))
        else:
            positions = self._sides * (rng.random((self.n, self.dim)) - 0.5)
        velocities = rng.standard_normal((self.n, self.dim))
        if self.n > 1:
            velocities -= velocities.mean(0)
        return Population(positions, directions(velocities))

    def _integrator(self, noise: np.random.Generator) -> Integrator:
        return ConstantSpeedEuler(1.0, noise=self.noise, seed=noise)
