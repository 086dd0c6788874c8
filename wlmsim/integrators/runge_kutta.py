"""Explicit Runge-Kutta schemes for first-order mechanics."""

from __future__ import annotations

import numpy as np

from wlmsim.integrators.base import Integrator, State
from wlmsim.integrators.loops import Loop
from wlmsim.mechanics.flow import Flow


class RungeKutta4(Integrator):
    """The classical Runge-Kutta scheme of order 4 for a flow dx/dt = u(x, t).

    Four evaluations a step. Neither reversible nor symplectic: energies drift at fifth order in the step.

    References
    ----------
    W. Kutta, Z. Math. Phys. 46, 435 (1901).
    """

    order = 4
    moves = Flow

    def step(self, mechanics: Flow, state: State, dt: float) -> State:
        """Advance by `dt` with four evaluations of the velocity."""
        x, w, t = state.positions, state.weights, state.time
        k1 = mechanics.velocity(x, w, t)
        k2 = mechanics.velocity(x + 0.5 * dt * k1, w, t + 0.5 * dt)
        k3 = mechanics.velocity(x + 0.5 * dt * k2, w, t + 0.5 * dt)
        k4 = mechanics.velocity(x + dt * k3, w, t + dt)
        slope = (k1 + 2 * (k2 + k3) + k4) / 6
        return State(x + dt * slope, slope, w, t + dt)

    def loop(self, mechanics: Flow, weights: np.ndarray, dim: int) -> Loop | None:
        """Such steps in compiled code."""
        from wlmsim.kernels import steps

        pieces = mechanics.pieces(weights, dim)
        return (
            None if pieces is None else Loop(steps.runge_kutta_4, pieces, lambda dt, count, shape: (np.empty(shape),))
        )

    def __repr__(self) -> str:
        return "RungeKutta4()"
