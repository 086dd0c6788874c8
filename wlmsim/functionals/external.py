"""An external potential."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import tracing
from wlmsim.functionals.base import Functional
from wlmsim.functionals.binding import bound
from wlmsim.functionals.laws import Law
from wlmsim.functionals.pieces import Piece

A_POINT = 4
"""Operations that a law at a point counts for, where one is a pair of particles."""


class External(Functional):
    """Energy in an external potential, U[rho] = integral of V(x, t) rho; force -grad V.

    Parameters
    ----------
    law : callable
        V as a function of ``(x, xp)`` or ``(x, t, xp)``: x of shape (..., d), result of shape (...), written
        with the functions of the array namespace `xp`. See `wlmsim.laws` for the classics. Variables, attributes and
        arrays that it reads are looked at in every evaluation, as in any Python function: where one changes, energy and
        force change together.

    Raises
    ------
    ParameterError
        If the law cannot be differentiated, for example because it calls NumPy instead of `xp`.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> well = wls.External(lambda x, xp: 0.5 * (x**2).sum(-1))
    >>> well.force(np.array([[1.0, 2.0]]), np.ones(1))
    array([[-1., -2.]])
    """

    degree = 1

    def __init__(self, law: Law):
        self._timed = tracing.takes_time(law)
        tracing.probe_external(law)
        self.law = law

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Sum of w_i V(x_i, t)."""
        if not self._timed:
            return (weights * self.law(positions, xp)).sum()
        return (weights * self.law(positions, as_scalar(time, positions, xp), xp)).sum()

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Sum of w_i V(x_i, t), compiled; `ParameterError` if it is not finite."""
        from wlmsim.kernels import laws, threads

        positions, weights = check.particles(positions, weights)
        law = tracing.compile_external(self.law, positions.shape[1])
        with threads.threads_for(len(positions)):
            energy = bound(laws.external_energy, law.value)(positions, weights, float(time), law.parameters)
        return self.finite(energy)

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-grad V(x_i, t), compiled; not finite where the law is singular."""
        from wlmsim.kernels import laws, threads

        positions, weights = check.particles(positions, weights)
        law = tracing.compile_external(self.law, positions.shape[1])
        with threads.threads_for(len(positions)):
            return bound(laws.external_force, law.gradient)(positions, float(time), law.parameters)

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """-grad V as compiled code."""
        return external_pieces(self.law, len(weights), dim)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        law = getattr(self.law, "latex", "V(x, t)" if self._timed else "V(x)")
        return rf"\int \left[{law}\right] \rho \, dx"

    def __repr__(self) -> str:
        return f"External({tracing.name_of(self.law)})"


def external_force(law: Law, positions: np.ndarray, time: float) -> np.ndarray:
    """-grad V(x_i, t) of a law, compiled."""
    from wlmsim.kernels import laws, threads

    compiled = tracing.compile_external(law, positions.shape[1])
    with threads.threads_for(len(positions)):
        return bound(laws.external_force, compiled.gradient)(positions, float(time), compiled.parameters)


def external_pieces(law: Law, n: int, dim: int) -> tuple[Piece, ...] | None:
    """-grad V of a law as compiled code; see `Functional.pieces`."""
    from wlmsim.kernels import laws

    if not tracing.is_settled(law):
        return None
    compiled = tracing.compile_external(law, dim)
    return (Piece(laws.add_external, (compiled.gradient,), (compiled.parameters, np.empty(dim)), A_POINT * n),)


def as_scalar(time: Any, positions: Any, xp: Any) -> Any:
    """The time as an array: a law may pass it to a function of `xp`, and torch's take no plain number."""
    if isinstance(time, (int, float)):
        # a time among places that are whole numbers is none itself; it is filled where it
        # is: nothing is sent to a GPU, which would be waited for
        dtype = positions.dtype if "float" in str(positions.dtype) else xp.float64
        return xp.full((), time, dtype=dtype, device=positions.device)
    return time
