"""The high-order reference to hold other schemes against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.errors import SimulationError
from wlmsim.integrators.base import Integrator, State
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian


class DormandPrince(Integrator):
    """Explicit Runge-Kutta scheme of order 8 with steps chosen by an error estimate of order 5 and 3 (DOP853).

    Each time step is divided until the estimated error of every coordinate is below the tolerance, relative and,
    for values below 1, absolute.

    Advantages: for any Lagrangian and any flow; the error is set by a number rather than found by halving steps; by far
    the cheapest way to small errors over short times in smooth fields.
    Disadvantages: neither reversible nor symplectic, so that energies drift over long times; twelve evaluations a step,
    and more at the start of each time step, which is best as long as the interval between records; forces with jumps or
    kinks cost many small steps.

    Parameters
    ----------
    tolerance : float
        Largest estimated error of a coordinate in one internal step, in (1e-13, 1) [dimensionless]. Default 1e-10.

    References
    ----------
    E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, section II.10 (1993).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> pendulum = wls.Lagrangian(wls.External(lambda x, xp: -xp.cos(x).sum(-1)))
    >>> swing = wls.simulate(pendulum, wls.Population([[3.0]], [[0.0]]), [0.0, 20.0], integrator=wls.DormandPrince())
    >>> bool(np.ptp(swing.energy()) < 1e-8)
    True
    """

    order = 8
    moves = (Lagrangian, Flow)
    adaptive = True

    def __init__(self, tolerance: float = 1e-10):
        self.tolerance = check.real("tolerance", tolerance, above=1e-13)
        if self.tolerance >= 1:
            raise check.fail("tolerance", "a number between 1e-13 and 1", tolerance)

    def step(self, mechanics: Lagrangian | Flow, state: State, dt: float) -> State:
        """Advance by `dt` in as many internal steps as the tolerance asks for."""
        if isinstance(mechanics, Flow):
            flow = mechanics
            (x,) = self._solve(lambda y, t: (flow.velocity(y[0], state.weights, t),), state, dt, (state.positions,))
            return State(x, state.velocities, state.weights, state.time + dt)
        law, w = mechanics, state.weights

        def newton(y: np.ndarray, t: float) -> tuple[np.ndarray, np.ndarray]:
            x, v = y
            now = law.at(t)
            a = now.acceleration(x, w, t) - now.friction * v
            return v, a if now.only_friction else a + now.velocity_acceleration(x, v, w)

        x, v = self._solve(newton, state, dt, (state.positions, state.velocities))
        return State(x, v, w, state.time + dt)

    def _solve(
        self, slope: Callable[..., tuple[np.ndarray, ...]], state: State, dt: float, start: tuple[np.ndarray, ...]
    ) -> np.ndarray:
        from scipy.integrate import solve_ivp

        shape = (len(start), *start[0].shape)
        span = (state.time, state.time + dt)
        result = solve_ivp(
            lambda t, y: np.ravel(slope(y.reshape(shape), t)),
            span,
            np.ravel(start),
            method="DOP853",
            t_eval=span[1:],
            rtol=self.tolerance,
            atol=self.tolerance,
        )
        if not result.success:
            first, last = (_times.text(t, span) for t in span)
            raise SimulationError(
                f"{self!r} found no step small enough between t = {first} and {last}: "
                f"the motion is singular there, or the tolerance too small"
            )
        return result.y[:, -1].reshape(shape)

    def __repr__(self) -> str:
        return f"DormandPrince(tolerance={self.tolerance:g})"
