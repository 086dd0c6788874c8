"""Boids: cohesion, separation and alignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals import External, laws
from wlmsim.functionals.pairwise import MOST_AXES
from wlmsim.functionals.periodic import Box, checked_box, lengths
from wlmsim.integrators import ConstantSpeedEuler, Integrator
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System
from wlmsim.systems.directions import directions

PUBLISHED = 1000
"""Birds of the published flock; larger ones are as dense, not denser, so that a bird has as many neighbours."""
DIRECT_LIMIT = 2000
"""Number of birds up to which all pairs are summed, which is faster than a cell list and exactly reproducible."""


class BoidRules(Dissipation):
    """Cohesion, separation and alignment with the neighbours within a radius.

    The force on bird i, with n_i neighbours j at distance < outer radius (i itself counts), is
    w_coh mean_j(x_j - x_i) - w_sep sum_{|x_j - x_i| < inner}(x_j - x_i) + w_ali mean_j(v_j - v_i).
    Because each bird divides by its own n_i, the rules are not reciprocal and derive from no scalar.

    Parameters
    ----------
    cohesion, separation, alignment : float
        The three weights, at least 0: [1 / time^2], [1 / time^2], [1 / time].
    outer_radius, inner_radius : float
        Radii of the neighbourhood and of the separation, positive, inner <= outer [length].
    box : float or sequence of d floats, optional
        Side or sides of a periodic box, at least twice the outer radius [length]. Default: open space.
    """

    def __init__(
        self,
        cohesion: float,
        separation: float,
        alignment: float,
        outer_radius: float,
        inner_radius: float,
        box: Box | None = None,
    ):
        self.cohesion = check.nonnegative("cohesion", cohesion)
        self.separation = check.nonnegative("separation", separation)
        self.alignment = check.nonnegative("alignment", alignment)
        self.outer_radius = check.positive("outer_radius", outer_radius)
        self.inner_radius = check.positive("inner_radius", inner_radius)
        if self.inner_radius > self.outer_radius:
            raise check.fail("inner_radius", f"at most the outer radius {outer_radius:g}", inner_radius)
        self.box = checked_box(box, self.outer_radius)

    def rayleigh(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """Raise `ParameterError`: non-reciprocal rules have no Rayleigh function."""
        raise ParameterError("boid rules are not reciprocal and derive from no Rayleigh function")

    def force(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The three rules, compiled: over all pairs in small flocks, through a cell list in O(n) in large ones."""
        from wlmsim.kernels import boids
        from wlmsim.kernels.threads import threads_for

        n, dim = check.finite("positions", positions).shape
        rules = self.cohesion, self.separation, self.alignment, self.outer_radius, self.inner_radius
        if self.box is None and (n <= DIRECT_LIMIT or dim > MOST_AXES):
            with threads_for(n**2):
                return boids.boid_rules_direct(positions, velocities, *rules)
        with threads_for(n) as threads:
            return boids.boid_rules_cells(positions, velocities, *rules, lengths(self.box, dim), threads, (0.0,) * dim)

    def __repr__(self) -> str:
        return (
            f"BoidRules(cohesion={self.cohesion:g}, separation={self.separation:g}, alignment={self.alignment:g}, "
            f"outer_radius={self.outer_radius:g}, inner_radius={self.inner_radius:g}"
            f"{'' if self.box is None else f', box={self.box}'})"
        )


class Boids(System):
    """Reynolds' boids at constant speed 1, in a soft box.

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
        noise: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, seed)
        self._spread = max(1.0, self.n / PUBLISHED) ** (1 / self.dim)
        half_width = 5.0 * self._spread if half_width is None else half_width
        self.rules = BoidRules(cohesion, separation, alignment, outer_radius, inner_radius)
        self.wall = laws.Wall(half_width, check.nonnegative("boundary", boundary))
        self.cohesion, self.separation, self.alignment, self.boundary = cohesion, separation, alignment, boundary
        self.outer_radius, self.inner_radius, self.half_width = outer_radius, inner_radius, half_width
        self.noise = check.nonnegative("noise", noise)

    @property
    def lagrangian(self) -> Lagrangian:
        """The soft box as potential, the rules as non-potential forces."""
        return Lagrangian(External(self.wall), dissipation=self.rules)

    def _draw(self, rng: np.random.Generator) -> Population:
        positions = self._spread * rng.standard_normal((self.n, self.dim))
        velocities = rng.standard_normal((self.n, self.dim))
        if self.n > 1:
            velocities -= velocities.mean(0)
        return Population(positions, directions(velocities))

    def _integrator(self, noise: np.random.Generator) -> Integrator:
        return ConstantSpeedEuler(1.0, noise=self.noise, seed=noise)
