"""Particles that feel a functional by their charges, beside their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional, kinds_together
from wlmsim.functionals.gravity import Gravity
from wlmsim.functionals.pieces import Piece, shared


class Charged(Functional):
    """A functional of the density of charge, U[q rho]: pairs act by q_i q_j, external fields by q_i.

    Weights say which share of the population a particle stands for, and charges what it feels and exerts; they may be
    of either sign. So ``Charged(Gravity(-1.0), q)`` are charges that repel their like, and
    ``Charged(External(laws.UniformField((1.0, 0.0))), q)`` is an electric field.

    Parameters
    ----------
    functional : Functional
        External fields or pair forces.
    charges : float or array_like, shape (n,)
        q of each particle, or of all [dimensionless]: its unit is part of the functional's strength.

    Raises
    ------
    ParameterError
        If the functional is neither external nor of pairs, or there are not as many charges as particles.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> coulomb = wls.Charged(wls.Pairwise(lambda r, xp: 1.0 / r), [1.0, -1.0])
    >>> coulomb.force(np.array([[0.0], [1.0]]), np.array([0.5, 0.5]))                  # unlike charges attract
    array([[ 0.5],
           [-0.5]])
    """

    numerics = ("charges",)

    def __init__(self, functional: Functional, charges: Any):
        self.functional = check.instance("functional", functional, Functional)
        for term in functional.terms:
            if term.degree not in (1, 2):
                raise check.fail("functional", "made of external fields and pair forces", term)
        self.charges = check.finite("charges", check.own(charges, np.atleast_1d(check.array("charges", charges))))
        if self.charges.ndim != 1 or len(self.charges) == 0:
            raise check.fail("charges", "a number, or an array of shape (n,)", self.charges)
        degrees = {term.degree for term in functional.terms}
        self.degree = degrees.pop() if len(degrees) == 1 else None
        if (self.charges < 0).any():
            for term in functional.terms:
                if isinstance(term, Gravity) and term.method != "direct" and term.softening:
                    raise check.fail("functional", "Gravity(..., method='direct') for charges of both signs", term)

    @property
    def terms(self) -> tuple[Functional, ...]:
        """Each term of a sum with the same charges."""
        parts = self.functional.terms
        return (self,) if len(parts) == 1 else tuple(Charged(part, self.charges) for part in parts)

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """The charge of each particle, and what else the functional knows of it."""
        charges = None if len(self.charges) == 1 else tuple(f"charge {q:g}" for q in self.charges)
        return kinds_together([charges, self.functional.kinds])

    def of_rows(self, rows: Sequence[int] | np.ndarray) -> Functional:
        """The same with the charges of those particles."""
        charges = self.charges if len(self.charges) == 1 else self.charges[np.asarray(rows)]
        return Charged(self.functional.of_rows(rows), charges)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Energy of weights q_i w_i."""
        charges: Any = self._of(len(weights)).copy()
        if xp is not np:
            charges = xp.asarray(charges, dtype=weights.dtype, device=weights.device)
        return self.functional.expression(positions, weights * charges, time, xp)

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Energy of weights q_i w_i, compiled."""
        return self.functional.energy(positions, weights * self._of(len(weights)), time)

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """q_i times the force of weights q_j w_j, compiled."""
        charges = self._of(len(weights))
        return charges[:, None] * self.functional.force(positions, weights * charges, time)

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """The same as compiled code."""
        charges = self._of(len(weights)).copy()
        return shared(self.functional.pieces(weights * charges, dim), charges, dim)

    def _of(self, n: int) -> np.ndarray:
        if len(self.charges) not in (1, n):
            raise ParameterError(f"`charges` must be one for each particle; got {len(self.charges)} for {n}")
        return np.broadcast_to(self.charges, (n,))

    @property
    def latex(self) -> str:
        """LaTeX of the functional, of the density of charge."""
        return rf"\left\{{ {self.functional.latex} \right\}}_{{\rho \to q \rho}}"

    def __repr__(self) -> str:
        q = self.charges
        shown = f"{q[0]:g}" if len(q) == 1 else f"{len(q)} charges, total {q.sum():g}"
        return f"Charged({self.functional!r}, {shown})"
