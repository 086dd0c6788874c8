"""Pair forces between particles of two types."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional
from wlmsim.functionals.external import as_scalar
from wlmsim.functionals.pairwise import Pairwise
from wlmsim.functionals.pieces import Piece, joined, shared

BLOCK = 1000
"""Particles of the first type whose energy is summed at once."""


class Between(Functional):
    """A pair law between particles of two types, or among those of one; laws for several pairs of types add.

    U = sum over i of the one and j of the other type of w_i w_j W(|x_i - x_j|), each pair once.

    Parameters
    ----------
    pairs : Pairwise
        The law, with its cutoff and its box.
    types : sequence of n words or whole numbers
        Type of each particle.
    first, second : str or int
        The two types; the same twice for pairs within a type.

    Raises
    ------
    ParameterError
        If no particle is of a type, or there are not as many types as particles.

    Examples
    --------
    Cats run after mice, and keep apart from each other:

    >>> import numpy as np, wlmsim as wls
    >>> types = ["cat", "cat", "mouse"]
    >>> chase = wls.Between(wls.Pairwise(lambda r, xp: r), types, "cat", "mouse")
    >>> apart = wls.Between(wls.Pairwise(lambda r, xp: xp.exp(-r)), types, "cat", "cat")
    >>> chase.force(np.array([[0.0], [1.0], [4.0]]), np.full(3, 1 / 3)).round(3).T
    array([[ 0.333,  0.333, -0.667]])
    >>> wls.Lagrangian(chase + apart)
    Lagrangian(Between(Pairwise(<lambda>), 'cat', 'mouse') + Between(Pairwise(<lambda>), 'cat', 'cat'))
    """

    degree = 2

    def __init__(self, pairs: Pairwise, types: Any, first: Any, second: Any):
        self.pairs = check.instance("pairs", pairs, Pairwise)
        labels = np.asarray(types)
        if labels.ndim != 1 or labels.dtype.kind not in "iuU" or len(labels) == 0:
            raise check.fail("types", "a sequence of words or whole numbers, one for each particle", types)
        self.types, self.first, self.second = labels.tolist(), first, second
        for name, kind in (("first", first), ("second", second)):
            if kind not in self.types:
                raise check.fail(name, "a type among " + ", ".join(map(repr, np.unique(labels).tolist())), kind)
        self._rows = self._rows_of_both()

    def _rows_of_both(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the particles of the first type and of the second."""
        labels = np.asarray(self.types)
        return np.flatnonzero(labels == self.first), np.flatnonzero(labels == self.second)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The type of each particle."""
        return tuple(map(str, self.types))

    def of_rows(self, rows: Sequence[int] | np.ndarray) -> Between:
        """The same between those particles, of which none need be of either type."""
        other = copy.copy(self)
        other.types = [self.types[row] for row in rows]
        other._rows = other._rows_of_both()
        return other

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Sum of w_i w_j W(|x_i - x_j|), each pair once."""
        self._check(positions)
        a, b = self._rows
        if self.first == self.second:
            return self.pairs.expression(positions[a], weights[a], time, xp)
        pairs = self.pairs.at(as_scalar(time, positions, xp))
        return pairs.energy_between(positions[a], weights[a], positions[b], weights[b], xp)

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """The same, of many particles in blocks."""
        positions, weights = check.particles(positions, weights)
        self._check(positions)
        a, b = self._rows
        if self.first == self.second:
            return self.pairs.energy(positions[a], weights[a], time)
        pairs = self.pairs.at(time)
        others = positions[b], weights[b]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            blocks = (a[k : k + BLOCK] for k in range(0, len(a), BLOCK))
            return self.finite(float(sum(pairs.energy_between(positions[k], weights[k], *others, np) for k in blocks)))

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Force of each type on the other, compiled."""
        positions, weights = check.particles(positions, weights)
        self._check(positions)
        a, b = self._rows
        out = np.zeros_like(positions)
        if not (len(a) and len(b)):
            return out
        if self.first == self.second:
            out[a] = self.pairs.force(positions[a], weights[a], time)
            return out
        both = np.concatenate([a, b])
        for receivers, sources in (
            (slice(None, len(a)), slice(len(a), None)),
            (slice(len(a), None), slice(None, len(a))),
        ):
            acting = np.zeros(len(both))
            acting[sources] = weights[both][sources]
            out[both[receivers]] = self.pairs.force(positions[both], acting, time)[receivers]
        return out

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """The same as compiled code: of all pairs, of which those between other types count for nothing."""
        self._check(weights)
        of_a, of_b = (np.bincount(rows, minlength=len(weights)) * 1.0 for rows in self._rows)
        sides = [(of_a, of_b)] if self.first == self.second else [(of_a, of_b), (of_b, of_a)]
        return joined(shared(self.pairs.pieces(weights * exert, dim), feel, dim) for feel, exert in sides)

    def _check(self, positions: Any) -> None:
        if len(positions) != len(self.types):
            raise ParameterError(f"`types` must be one for each particle; got {len(self.types)} for {len(positions)}")

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return rf"\left\{{ {self.pairs.latex} \right\}}_{{\text{{{self.first}, {self.second}}}}}"

    def __repr__(self) -> str:
        return f"Between({self.pairs!r}, {self.first!r}, {self.second!r})"
