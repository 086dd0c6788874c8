"""Implicit Runge-Kutta schemes that conserve what a Hamiltonian flow conserves."""

from __future__ import annotations

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.errors import SimulationError
from wlmsim.integrators.base import Integrator, State
from wlmsim.mechanics.flow import Flow

_ROOT3, _ROOT15 = np.sqrt(3), np.sqrt(15)
_TABLEAUS = {
    1: ([1 / 2], [[1 / 2]], [1.0]),
    2: (
        [1 / 2 - _ROOT3 / 6, 1 / 2 + _ROOT3 / 6],
        [[1 / 4, 1 / 4 - _ROOT3 / 6], [1 / 4 + _ROOT3 / 6, 1 / 4]],
        [1 / 2, 1 / 2],
    ),
    3: (
        [1 / 2 - _ROOT15 / 10, 1 / 2, 1 / 2 + _ROOT15 / 10],
        [
            [5 / 36, 2 / 9 - _ROOT15 / 15, 5 / 36 - _ROOT15 / 30],
            [5 / 36 + _ROOT15 / 24, 2 / 9, 5 / 36 - _ROOT15 / 24],
            [5 / 36 + _ROOT15 / 30, 2 / 9 + _ROOT15 / 15, 5 / 36],
        ],
        [5 / 18, 4 / 9, 5 / 18],
    ),
}
"""By the number of stages: the nodes c, the matrix A and the weights b."""


class GaussLegendre(Integrator):
    """Gauss-Legendre collocation for a flow dx/dt = u(x, t): the implicit midpoint rule, and its kin of order 4 and 6.

    k_i = u(x + dt sum_j a_ij k_j, t + c_i dt);  x <- x + dt sum_i b_i k_i. The stages are found by fixed-point
    iteration until rounding is all that changes.

    Advantages: the coefficients obey b_i a_ij + b_j a_ji = b_i b_j, which makes the scheme symplectic, so that the
    Hamiltonian of `VortexFlow` and of a steady `StreamFlow` stays in bounds for all times, and lets it conserve every
    quadratic invariant, such as the linear and the angular impulse of vortices, to rounding. Explicit splitting,
    which serves Lagrangians, is not to be had here: H is not a part of x plus a part of y. Time-symmetric.
    Disadvantages: some ten iterations of as many evaluations as there are stages, more for longer steps; a step that
    is long for the fastest pair does not converge.

    Parameters
    ----------
    stages : int
        1 is the implicit midpoint rule, of order 2; 2 and 3 are of order 4 and 6. Default 2.

    Raises
    ------
    SimulationError
        From a step, if the iteration does not converge.

    References
    ----------
    E. Hairer, C. Lubich, G. Wanner, Geometric Numerical Integration, 2nd ed. (2006), sections II.1.3, IV.2.1 and
    VI.4; G. J. Cooper, IMA J. Numer. Anal. 7, 1 (1987).
    """

    order = 4
    moves = Flow
    conserves_energy = True

    def __init__(self, stages: int = 2):
        self.stages = check.integer("stages", stages)
        if stages not in _TABLEAUS:
            raise check.fail("stages", "1, 2 or 3", stages)
        self.order = 2 * self.stages

    def step(self, mechanics: Flow, state: State, dt: float) -> State:
        """Advance by `dt`."""
        x, w, t = state.positions, state.weights, state.time
        nodes, matrix, weights = (np.array(part) for part in _TABLEAUS[self.stages])
        slopes = np.stack([mechanics.velocity(x, w, t)] * self.stages)
        rounding = 4 * np.finfo(float).eps * (np.abs(x).max() + abs(dt) * np.abs(slopes).max())
        before = np.inf
        for _ in range(100):
            change = 0.0
            for i, node in enumerate(nodes):
                slope = mechanics.velocity(x + dt * np.tensordot(matrix[i], slopes, 1), w, t + node * dt)
                change = max(change, float(np.abs(dt * (slope - slopes[i])).max()))
                slopes[i] = slope
            # what no longer shrinks is rounding, if it is small
            if change <= rounding or before <= change < 1e3 * rounding:
                return State(x + dt * np.tensordot(weights, slopes, 1), state.velocities, w, t + dt)
            before = change
        raise SimulationError(
            f"the stages of {self!r} did not converge at t = {_times.text(t, [t + dt])} "
            f"with time step {abs(dt):g}; try a smaller dt"
        )

    def __repr__(self) -> str:
        return f"GaussLegendre(stages={self.stages})"
