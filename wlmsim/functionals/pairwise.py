"""A radial interaction between all pairs of particles."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import tracing
from wlmsim.functionals.base import Functional
from wlmsim.functionals.laws import Law


class Pairwise(Functional):
    """Radial interaction, U[rho] = 1/2 iint W(|x - y|) rho(x) rho(y); force -(grad W * rho).

    The sum over particles leaves out each particle with itself, which only shifts the energy by a constant.
    Two particles in the same place exert no force on each other: the direction is undefined there. Under a law that is
    singular at 0 their energy is an error.
    Every pair is summed, so that the cost is O(n^2); for gravity and charges `Gravity` is many times faster.

    Parameters
    ----------
    law : callable
        W as a function of ``(r, xp)``, written with the functions of the array namespace `xp`.
        See `wlmsim.laws` for the classics.

    Raises
    ------
    ParameterError
        If the law cannot be differentiated, for example because it calls NumPy instead of `xp`.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.Pairwise(lambda r, xp: 0.5 * r**2)
    >>> spring.force(np.array([[0.0], [1.0]]), np.array([0.5, 0.5]))
    array([[ 0.5],
           [-0.5]])
    """

    def __init__(self, law: Law):
        tracing.probe_radial(law)
        self.law = law

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """1/2 sum over i != j of w_i w_j W(|x_i - x_j|)."""
        n = positions.shape[0]
        separations = positions[:, None, :] - positions[None, :, :]
        squares = (separations**2).sum(-1)
        # the distance of a particle to itself is set to 1 and its weight to 0: a square root has no slope at 0
        diagonal = xp.eye(n, dtype=squares.dtype, device=squares.device)
        pairs = weights[:, None] * weights[None, :] * (1.0 - diagonal)
        return 0.5 * (pairs * self.law(xp.sqrt(squares + diagonal), xp)).sum()

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Pair energy, compiled; `ParameterError` if it is not finite."""
        from wlmsim.kernels import laws, threads

        check.particles(positions, weights)
        law = tracing.compile_radial(self.law)
        with threads.threads_for(len(positions) ** 2):
            energy = laws.pair_energy(positions, weights, law.parameters, law.value)
        return self.finite(energy)

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-sum over j of w_j grad W(|x_i - x_j|), compiled."""
        from wlmsim.kernels import laws, threads

        check.particles(positions, weights)
        law = tracing.compile_radial(self.law)
        with threads.threads_for(len(positions) ** 2):
            return laws.pair_force(positions, weights, law.parameters, law.gradient)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        law = getattr(self.law, "latex", "W(r)")
        return rf"\tfrac12 \iint \left[{law}\right]_{{r = |x - y|}} \rho(x) \rho(y) \, dx \, dy"

    def __repr__(self) -> str:
        return f"Pairwise({tracing.name_of(self.law)})"
