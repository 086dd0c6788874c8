"""Softened gravity: the one pair law whose sum has fast methods of its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional
from wlmsim.functionals.laws import Plummer
from wlmsim.functionals.pairwise import pair_energy, pair_pieces
from wlmsim.functionals.pieces import Piece

DIRECT_LIMIT = 10_000
"""Number of particles up to which "auto" sums all pairs, exactly; that takes some 20 milliseconds."""

LEAST = 1e-200
"""The least square of a softening that is summed with [length^2]: its power -3/2 is finite."""


class Gravity(Functional):
    """Softened gravity between all pairs, U[rho] = -(G / 2) iint rho(x) rho(y) / sqrt(|x - y|^2 + epsilon^2).

    The energy of ``Pairwise(laws.Plummer(strength, softening))``, summed ten times faster over all pairs, or by a
    tree in O(n log n). In the plane and on the line too, particles attract as they do in space.

    Parameters
    ----------
    strength : float
        G times the total mass [length^3 / time^2]; negative for the repulsion of equal charges. Default 1.
    softening : float
        epsilon, at least 0 [length]. Particles in the same place do not pull at each other. Default 0.05. 0 is for
        point masses, up to 10,000 of them: their encounters want short steps, such as those of `Substepped`.
    method : {"auto", "direct", "tree"}
        "direct" sums all pairs, to rounding error. "tree" replaces far groups of particles by their mass and
        quadrupole moment (up to three dimensions). "auto" is direct up to 10,000 particles and on a line, and the
        tree beyond.
    opening : float
        Largest size of a far group seen from the receivers, its radius over the distance, above 0 and below 1.
        Smaller is more accurate and slower: the rms relative error of the forces in a Plummer sphere of 100,000
        particles is 6e-4 at 0.7, 1e-3 at 0.8, and 2e-3 at 0.9. Only the tree uses it. Default 0.8.

    Notes
    -----
    The tree's forces are not the gradient of its energy to more than its accuracy, nor do they obey Newton's third
    law to more: expect drifts of energy and momentum of that order, and none such with "direct". On a line the pulls
    of the two sides nearly cancel, and errors of either are large beside the rest, 0.1 to 0.3 of it for 10,000
    particles.

    References
    ----------
    J. Barnes, P. Hut, Nature 324, 446 (1986); W. Dehnen, J. I. Read, Eur. Phys. J. Plus 126, 55 (2011).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> pull = wls.Gravity(strength=1.0, softening=1e-6)
    >>> pull.force(np.array([[0.0, 0.0], [2.0, 0.0]]), np.array([0.5, 0.5])).round(6)
    array([[ 0.125,  0.   ],
           [-0.125,  0.   ]])
    """

    degree = 2
    numerics = ("opening",)

    def __init__(self, strength: float = 1.0, softening: float = 0.05, *, method: str = "auto", opening: float = 0.8):
        self.strength = check.real("strength", strength)
        self.softening = check.nonnegative("softening", softening)
        self.method = check.choice("method", method, ("auto", "direct", "tree"))
        if self.softening == 0 and method == "tree":
            raise check.fail("softening", "positive for a tree", softening)
        self.opening = check.positive("opening", opening)
        if opening >= 1:
            raise check.fail("opening", "a number above 0 and below 1", opening)

    @property
    def law(self) -> Plummer:
        """The pair law, of the numbers as they are now; tensors among them stay tensors."""
        law = object.__new__(Plummer)
        for name in ("strength", "softening"):
            object.__setattr__(law, name, getattr(self, name))
        return law

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """1/2 sum over i != j of w_i w_j W(|x_i - x_j|), W = -G / sqrt(r^2 + epsilon^2)."""
        return pair_energy(self.law, positions, weights, xp)

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Energy of all pairs, by the method chosen."""
        positions, weights = check.particles(positions, weights)
        if self._by_tree(*positions.shape):
            potential = self._walk(positions, weights, potential=True)[:, 0] - weights / self.softening
            return float(-0.5 * self.strength * weights @ potential)
        from wlmsim.kernels import direct, threads

        with threads.threads_for(len(positions) ** 2):
            return self.finite(-self.strength * direct.gravity_energy(positions, weights, self.softening**2))

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-G sum over j of w_j (x - x_j) / (|x - x_j|^2 + epsilon^2)^(3/2), by the method chosen."""
        positions, weights = check.particles(positions, weights)
        if self._by_tree(*positions.shape):
            return self.strength * self._walk(positions, weights, potential=False)
        from wlmsim.kernels import direct, threads

        with threads.threads_for(len(positions) ** 2) as used:
            if positions.shape[1] > 3:
                return self.strength * direct.gravity_force_any(positions, weights, self._softening2)
            return self.strength * direct.gravity_force(positions, weights, self._softening2, used)

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """The sum over all pairs as compiled code; `None` for a tree."""
        n = len(weights)
        if self._by_tree(n, dim):
            return None
        if dim > 3:
            return pair_pieces(self.law, weights, dim)
        from wlmsim.kernels import direct, pieces

        source = direct.padded(np.zeros((n, dim)), weights)
        return (Piece(pieces.add_gravity, (), (float(self.strength), self._softening2, source), n**2),)

    @property
    def _softening2(self) -> float:
        """epsilon^2, not below what keeps a particle from pulling at itself by 0 / 0."""
        return max(float(self.softening) ** 2, LEAST)

    def _by_tree(self, n: int, dim: int) -> bool:
        if self.method == "tree" and dim > 3:
            raise ParameterError(f"`method` must be 'direct' or 'auto' beyond three dimensions; got 'tree' in {dim}-D")
        if self.method == "auto" and n > DIRECT_LIMIT and dim in (2, 3) and self.softening == 0:
            raise ParameterError(
                f"`softening` must be positive for more than {DIRECT_LIMIT} particles, which a tree sums; "
                f"got 0 for {n}; method='direct' sums point masses, pair by pair"
            )
        return self.method == "tree" or (self.method == "auto" and n > DIRECT_LIMIT and dim in (2, 3))

    def _walk(self, positions: np.ndarray, weights: np.ndarray, *, potential: bool) -> np.ndarray:
        """Pull on each particle for strength 1, or in the first column sum of w_j / sqrt(r^2 + epsilon^2)."""
        from wlmsim.kernels import threads, tree

        # a particle meets about a hundred vectors of others
        with threads.threads_for(100 * len(positions)) as used:
            keys = tree.morton_keys(positions)
            order = np.argsort(keys)
            source, keys = tree.in_order(positions, weights, keys, order)
            nodes = tree.split(keys)
            moments = tree.multipoles(source, nodes)
            receivers = tree.groups(nodes)
            rows = tree.walk(source, nodes, moments, receivers, self.opening, self.softening**2, potential, used)
        out = np.empty_like(positions)
        out[order] = rows[: positions.shape[1]].T
        return out

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return rf"\tfrac12 \iint \left[{Plummer.latex}\right]_{{r = |x - y|}} \rho(x) \rho(y) \, dx \, dy"

    def __repr__(self) -> str:
        return (
            f"Gravity(strength={self.strength:g}, softening={self.softening:g}, method={self.method!r}, "
            f"opening={self.opening:g})"
        )
