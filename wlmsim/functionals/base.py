"""The base of all energy functionals, and their sum."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.errors import ParameterError
from wlmsim.functionals.pieces import InPieces, Piece, joined


class Functional(HoldsFunctions, InPieces, ABC):
    """An energy functional U[rho] of the population's density, evaluated on weighted particles.

    Subclasses state the energy in `expression` and give its force, derived or typed by hand; the conformance
    tests hold the two equal by automatic differentiation.
    """

    whole = ("force",)

    degree: int | None = None
    """Degree of U in the density: 1 in an external field, 2 of pair forces, None if U is no such power."""

    numerics: tuple[str, ...] = ()
    """Arguments that say where and how U is computed, and are no parameters of it that could be learned."""

    @abstractmethod
    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Energy U, written once for any array namespace `xp` (NumPy, torch); arrays as in `energy`."""

    @abstractmethod
    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Force on each particle, -grad (dU/drho)(x_j) = -(1 / w_j) dU/dx_j.

        Parameters
        ----------
        positions : ndarray, shape (n, d)
            Positions [length].
        weights : ndarray, shape (n,)
            Weights that sum to 1.
        time : float
            Time, for laws that depend on it.

        Returns
        -------
        ndarray, shape (n, d)
            Force per unit of weight [mass length / time^2].
        """

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Energy U of the weighted particles [mass length^2 / time^2]; arguments as in `force`.

        `ParameterError` if it is infinite or undefined, as where two particles meet that a law keeps apart.
        """
        try:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                energy = float(self.expression(positions, weights, time, np))
        except np.linalg.LinAlgError:  # the inverse covariance of a cloud without extent
            energy = math.inf
        return self.finite(energy)

    def finite(self, energy: float) -> float:
        """Return an energy if it is finite; else raise `ParameterError`, which says what to do about it."""
        if not math.isfinite(energy):
            raise ParameterError(
                f"the energy of {self!r} is {energy} for these positions: particles meet, stand where its law is "
                f"singular, or lie flat; move them apart, or soften the law, as 1 / sqrt(r^2 + epsilon^2) does 1 / r"
            )
        return energy

    @property
    def latex(self) -> str:
        """LaTeX of U[rho], without dollar signs."""
        return rf"U_{{\text{{{type(self).__name__}}}}}[\rho]"

    @property
    def terms(self) -> tuple[Functional, ...]:
        """The functionals that this one is the sum of; itself when it is a single term."""
        return (self,)

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """What each particle is, such as its charge or its type; None where all are alike."""
        return None

    def of_rows(self, rows: Sequence[int] | np.ndarray) -> Functional:
        """The same among particles that are like these ones, where they are not all alike."""
        return self

    def __add__(self, other: Functional) -> FunctionalSum:
        if not isinstance(other, Functional):
            return NotImplemented
        return FunctionalSum(*self.terms, *other.terms)

    def __radd__(self, other: int) -> Functional:
        """The sum that begins with 0, as of `sum`."""
        return self if type(other) is int and other == 0 else NotImplemented

    def _repr_latex_(self) -> str:
        return f"$U[\\rho] = {self.latex}$"


def kinds_together(several: Iterable[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """What each particle is in several respects; None where all are alike in each."""
    known = [kinds for kinds in several if kinds is not None]
    return tuple(map(", ".join, zip(*known, strict=True))) if known else None


class FunctionalSum(Functional):
    """The sum of several functionals.

    Parameters
    ----------
    *terms : Functional
        At least one functional.
    """

    def __init__(self, *terms: Functional):
        for term in terms:
            check.instance("terms", term, Functional)
        if not terms:
            raise check.fail("terms", "at least one functional", terms)
        self._terms = tuple(part for term in terms for part in term.terms)

    @property
    def terms(self) -> tuple[Functional, ...]:
        """The functionals in the sum."""
        return self._terms

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """What each particle is to all terms."""
        return kinds_together(dict.fromkeys(term.kinds for term in self._terms))

    def of_rows(self, rows: Sequence[int] | np.ndarray) -> Functional:
        """The sum of the terms among those particles."""
        return self if self.kinds is None else FunctionalSum(*(term.of_rows(rows) for term in self._terms))

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Sum of the energies of the terms."""
        return sum(term.expression(positions, weights, time, xp) for term in self._terms)

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Sum of the energies of the terms."""
        return sum(term.energy(positions, weights, time) for term in self._terms)

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Sum of the forces of the terms."""
        total = self._terms[0].force(positions, weights, time)
        for term in self._terms[1:]:
            total = total + term.force(positions, weights, time)
        return total

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """Pieces of all terms; `None` if one has none."""
        return joined(term.pieces(weights, dim) for term in self._terms)

    @property
    def latex(self) -> str:
        """LaTeX of the sum."""
        return " + ".join(term.latex for term in self._terms)

    def __repr__(self) -> str:
        return " + ".join(repr(term) for term in self._terms)
