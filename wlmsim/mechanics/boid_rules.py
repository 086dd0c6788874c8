"""The rules of boids, as a dissipation."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.pairwise import MOST_AXES
from wlmsim.functionals.periodic import Box, checked_box, lengths, nearest_image
from wlmsim.mechanics.dissipation import Dissipation

__all__ = ["BoidRules"]

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

    numerics = ("box",)

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

        positions, velocities, _ = check.moving_particles(positions, velocities, weights)
        n, dim = check.finite("positions", positions).shape
        rules = self.cohesion, self.separation, self.alignment, self.outer_radius, self.inner_radius
        if self.box is None and (n <= DIRECT_LIMIT or dim > MOST_AXES):
            with threads_for(n**2):
                return boids.boid_rules_direct(positions, velocities, *rules)
        with threads_for(n) as threads:
            return boids.boid_rules_cells(positions, velocities, *rules, lengths(self.box, dim), threads, (0.0,) * dim)

    def expression(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """The three rules over all pairs; nearly everywhere their derivatives by the radii are 0."""
        steps = positions[None] - positions[:, None]
        if self.box is not None:
            steps = nearest_image(steps, lengths(self.box, positions.shape[1]), xp)
        squared = (steps**2).sum(-1)[..., None]
        near, crowded = (
            xp.where(squared < radius**2, 1.0, 0.0) + 0.0 * radius for radius in (self.outer_radius, self.inner_radius)
        )
        turns = velocities[None] - velocities[:, None]
        mean = (near * (self.cohesion * steps + self.alignment * turns)).sum(1) / near.sum(1)
        return mean - self.separation * (crowded * steps).sum(1)

    def __repr__(self) -> str:
        return (
            f"BoidRules(cohesion={self.cohesion:g}, separation={self.separation:g}, alignment={self.alignment:g}, "
            f"outer_radius={self.outer_radius:g}, inner_radius={self.inner_radius:g}"
            f"{'' if self.box is None else f', box={self.box}'})"
        )
