"""A radial interaction between all pairs of particles."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import tracing
from wlmsim.functionals.base import Functional
from wlmsim.functionals.binding import bound
from wlmsim.functionals.external import as_scalar
from wlmsim.functionals.laws import Law
from wlmsim.functionals.periodic import Box, checked_box, lengths, nearest_image
from wlmsim.functionals.pieces import Piece

MOST_AXES = 10
"""Dimensions up to which pairs may be found by a cell list: the list of 3^(d - 1) rows around one takes memory."""


class Pairwise(Functional):
    """Radial interaction, U[rho] = 1/2 iint W(|x - y|) rho(x) rho(y); force -(grad W * rho).

    The sum over particles leaves out each particle with itself, which only shifts the energy by a constant.
    Two particles in the same place exert no force on each other: the direction is undefined there. Under a law that is
    singular at 0 their energy is an error.

    Without a cutoff every pair is summed, so that the cost is O(n^2); for gravity and charges `Gravity` is many times
    faster. With a cutoff r_c the law is W(r) - W(r_c) - (r - r_c) W'(r_c) up to r_c and 0 beyond, so that energy and
    force fade continuously ("shifted force"), and a cell list finds the pairs in O(n), in few dimensions.

    Parameters
    ----------
    law : callable
        W as a function of ``(r, xp)``, or of ``(r, t, xp)`` where it depends on the time, written with the functions
        of the array namespace `xp`. See `wlmsim.laws` for the classics. What it reads is looked at in every
        evaluation, as in `External`.
    cutoff : float, optional
        r_c, positive [length]. Default: none.
    box : float or sequence of d floats, optional
        Side or sides of a periodic box, at least twice the cutoff [length]: a particle meets the nearest image of
        every other. Positions may lie anywhere. Default: open space.

    Raises
    ------
    ParameterError
        If the law cannot be differentiated, for example because it calls NumPy instead of `xp`; if the box is too
        short for the cutoff, or there is a box and no cutoff.

    References
    ----------
    S. Toxvaerd, J. C. Dyre, J. Chem. Phys. 134, 081102 (2011), for the shifted force.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.Pairwise(lambda r, xp: 0.5 * r**2)
    >>> spring.force(np.array([[0.0], [1.0]]), np.array([0.5, 0.5]))
    array([[ 0.5],
           [-0.5]])
    >>> near = wls.Pairwise(lambda r, xp: 0.5 * r**2, cutoff=2.0, box=10.0)
    >>> near.force(np.array([[0.5], [9.5]]), np.array([0.5, 0.5]))
    array([[ 0.5],
           [-0.5]])
    """

    degree = 2
    numerics = ("box",)

    def __init__(self, law: Law, *, cutoff: float | None = None, box: Box | None = None):
        self.law = law
        self.timed = tracing.takes_time(law, of="r")
        tracing.probe_radial(at_time(law, 0.0) if self.timed else law)
        self.cutoff = None if cutoff is None else check.positive("cutoff", cutoff)
        self.box = checked_box(box, self.cutoff)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """1/2 sum over i != j of w_i w_j W(|x_i - x_j|), of all pairs."""
        if self.timed:
            return self.at(as_scalar(time, positions, xp)).expression(positions, weights, time, xp)
        return pair_energy(self._shifted, positions, weights, xp, self.box)

    def energy_between(self, x: Any, w: Any, y: Any, v: Any, xp: Any) -> Any:
        """Sum of w_i v_j W(|x_i - y_j|) between two clouds in any namespace, of a law that has no time in it."""
        return _pair_sum(self._shifted, x, w, y, v, xp, self.box)

    def at(self, time: Any) -> Pairwise:
        """Return the interaction as it is at a time, with a law that does not depend on it."""
        now = copy.copy(self)
        now.law, now.timed = at_time(self.law, time) if self.timed else self.law, False
        return now

    def _shifted(self, distances: Any, xp: Any) -> Any:
        """The law with its shift, in any namespace; cutoff and numbers of the law may be tensors."""
        law = self.law(distances, xp)
        if self.cutoff is None:
            return law
        if any(hasattr(number, "backward") for number in (self.cutoff, *tracing.entries_of(self.law))):
            cutoff = as_scalar(self.cutoff, distances, xp)
            edge, slope = self.law(cutoff, xp), tracing.radial_slope(self.law, cutoff, xp)
        else:
            cutoff, edge, slope = self._shift
        return xp.where(distances < cutoff, law - edge - (distances - cutoff) * slope, 0.0 * distances)

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Pair energy, compiled; `ParameterError` if it is not finite."""
        from wlmsim.kernels import laws, threads

        positions, weights = check.particles(positions, weights)
        if self.timed:
            return self.at(time).energy(positions, weights)
        if self.cutoff is not None:
            return self.finite(self._short_range(positions, weights)[0])
        value, _, parameters = self._law
        with threads.threads_for(len(positions) ** 2 // 4):
            energy = bound(laws.pair_energy, value)(positions, weights, parameters, (0.0,) * positions.shape[1])
        return self.finite(energy)

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-sum over j of w_j grad W(|x_i - x_j|), compiled."""
        from wlmsim.kernels import laws, threads

        positions, weights = check.particles(positions, weights)
        if self.timed:
            return self.at(time).force(positions, weights)
        if self.cutoff is not None:
            return self._short_range(positions, weights)[2]
        _, derivative, parameters = self._law
        with threads.threads_for(len(positions) ** 2 // 4):
            return bound(laws.pair_force, derivative)(positions, weights, parameters, (0.0,) * positions.shape[1])

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """-sum over j of w_j grad W(|x_i - x_j|) as compiled code, of all pairs."""
        if self.timed:
            return self._pieces_in_time(weights, dim)
        if not tracing.is_settled(self.law):
            return None
        if self.cutoff is None:
            return pair_pieces(self.law, weights, dim)
        from wlmsim.kernels import pieces

        _, derivative, parameters = self._law
        cutoff, _, slope = self._shift
        arguments = weights, parameters, (cutoff, slope), lengths(self.box, dim), (0.0,) * dim
        return (Piece(pieces.add_near_pairs, (derivative,), arguments, len(weights) ** 2),)

    def _pieces_in_time(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """The same of a law that has the time in it, which is the first of its parameters as of `at_time`."""
        from wlmsim.kernels import laws, pieces

        found = self.at(0.0).pieces(weights, dim)
        in_time: dict[Callable[..., Any], Any] = {
            laws.add_pairs: laws.add_pairs_at,
            pieces.add_near_pairs: pieces.add_near_pairs_at,
        }
        return found and tuple(piece._replace(loop=in_time[piece.loop]) for piece in found)

    def virial(self, positions: np.ndarray, weights: np.ndarray) -> float:
        """Sum over particles of w_i x_i . F_i with nearest images, -1/2 sum over i != j of w_i w_j r_ij W'(r_ij).

        Of laws with a cutoff; without a box it is that of the Lagrangian.

        Parameters
        ----------
        positions : ndarray, shape (n, d)
            Positions [length].
        weights : ndarray, shape (n,)
            Weights that sum to 1.

        Returns
        -------
        float
            [mass length^2 / time^2]
        """
        return self._short_range(positions, weights)[1]

    def unshifted(self, positions: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
        """Energy and virial of the pairs within the cutoff under the law as it stands, as many tables give them.

        Parameters and units as of `virial`.
        """
        energy, virial, _ = self._short_range(positions, weights, shifted=False)
        return self.finite(energy), virial

    @property
    def _law(self) -> tuple[Any, Any, tuple[float, ...]]:
        """Compiled W and W', and the parameters."""
        law = tracing.compile_radial(self.law)
        return law.value, law.gradient, tuple(law.parameters.tolist())

    @property
    def _shift(self) -> tuple[float, float, float]:
        """The cutoff, and W and W' there."""
        from wlmsim.kernels import laws

        value, derivative, parameters = self._law
        cutoff: Any = self.cutoff
        return cutoff, *bound(laws.value_and_slope, value, derivative)(cutoff, parameters)

    def _short_range(
        self, positions: np.ndarray, weights: np.ndarray, *, shifted: bool = True
    ) -> tuple[float, float, np.ndarray]:
        """Energy, virial and force through a cell list."""
        if self.cutoff is None:
            raise check.fail("cutoff", "given", None)
        shift = self._shift if shifted else (self.cutoff, 0.0, 0.0)
        return short_range_sums(positions, weights, self._law, shift, self.box)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        law = getattr(self.law, "latex", "W(r)") + ("" if self.cutoff is None else r"; r < r_c")
        return rf"\tfrac12 \iint \left[{law}\right]_{{r = |x - y|}} \rho(x) \rho(y) \, dx \, dy"

    def __repr__(self) -> str:
        cut = "" if self.cutoff is None else f", cutoff={self.cutoff:g}"
        return f"Pairwise({tracing.name_of(self.law)}{cut}{'' if self.box is None else f', box={self.box}'})"


def at_time(law: Law, time: Any) -> Law:
    """A law W(r, t) at a time, which is a number of it: compiled once for all times."""
    try:
        return _at_time(law)(time)
    except TypeError:  # a law without a hash is not known again
        return _at_time.__wrapped__(law)(time)


@lru_cache(maxsize=64)
def _at_time(law: Law) -> type:
    @dataclass(frozen=True)
    class AtTime:
        time: Any
        computes_with: ClassVar[tuple[Law, ...]] = (law,)

        def __call__(self, r: Any, xp: Any) -> Any:
            return law(r, self.time, xp)

    return AtTime


def pair_pieces(law: Law, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
    """-sum over j of w_j grad W(|x_i - x_j|) of a law as compiled code; see `Functional.pieces`."""
    from wlmsim.kernels import laws

    if not tracing.is_settled(law):
        return None
    compiled, n = tracing.compile_radial(law), len(weights)
    arguments = weights, tuple(compiled.parameters.tolist()), np.empty((dim, n)), (0.0,) * dim
    return (Piece(laws.add_pairs, (compiled.gradient,), arguments, n**2),)


def pair_energy(law: Law, positions: Any, weights: Any, xp: Any, box: float | tuple[float, ...] | None = None) -> Any:
    """1/2 sum over i != j of w_i w_j W(|x_i - x_j|) in any namespace, with nearest images in a box."""
    return 0.5 * _pair_sum(law, positions, weights, positions, weights, xp, box)


def _pair_sum(law: Law, x: Any, w: Any, y: Any, v: Any, xp: Any, box: float | tuple[float, ...] | None) -> Any:
    """Sum of w_i v_j W(|x_i - y_j|) in any namespace; of a cloud with itself over i != j."""
    separations = x[:, None, :] - y[None, :, :]
    if box is not None:
        separations = nearest_image(separations, lengths(box, x.shape[1]), xp)
    squares, pairs = (separations**2).sum(-1), w[:, None] * v[None, :]
    if x is y:
        # the distance of a particle to itself is set to 1 and its weight to 0: a square root has no slope at 0
        diagonal = xp.eye(len(x), dtype=squares.dtype, device=squares.device)
        squares, pairs = squares + diagonal, pairs * (1.0 - diagonal)
    return (pairs * law(xp.sqrt(squares), xp)).sum()


def short_range_sums(
    positions: np.ndarray,
    weights: np.ndarray,
    law: tuple[Any, Any, tuple[Any, ...]],
    shift: tuple[float, float, float],
    box: float | tuple[float, ...] | None = None,
) -> tuple[float, float, np.ndarray]:
    """Energy, virial and force of a compiled law: W, W' and parameters, through a cell list or of all pairs.

    Cells have 3^d - 1 neighbours, so that beyond a few dimensions it is less work to look at all pairs.

    `shift` is the cutoff and what W and W' are lowered by.
    """
    from wlmsim.kernels import cells as cell_lists
    from wlmsim.kernels import short_range, threads

    n, dim = check.finite("positions", positions).shape
    axes, sides = (0.0,) * dim, lengths(box, dim)
    value, derivative, parameters = law
    if dim > MOST_AXES or 4 * dim * cell_lists.rows_met(positions, shift[0], sides) > n**2:
        with threads.threads_for(n**2 // 2):
            sums = bound(short_range.all_pair_sums, value, derivative)
            return sums(positions, weights, parameters, shift, sides, axes)
    # a particle meets tens of others, but there are many short loops
    with threads.threads_for(4 * n) as used:
        cells, order = short_range.sorted_cells(positions, weights, shift[0], sides, used, axes)
        energy, virial, force = bound(short_range.pair_sums, value, derivative)(cells, parameters, shift, axes)
        return energy, virial, short_range.unsorted(force, order)
