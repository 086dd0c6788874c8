"""The scheme of overdamped Langevin dynamics."""

from __future__ import annotations

import numpy as np

from wlmsim.integrators.base import State
from wlmsim.integrators.loops import Loop
from wlmsim.integrators.noisy_flow import NoisyFlowIntegrator
from wlmsim.mechanics.flow import Flow


class EulerMaruyama(NoisyFlowIntegrator):
    """Explicit Euler with noise, x <- x + dt u(x, t) + sqrt(dt) sigma xi: samples of dX = u dt + sigma dW.

    First order, weak and strong, the noise being the same everywhere; without noise explicit Euler.

    Advantages: one evaluation of the velocity a step; for every flow.
    Disadvantages: the stationary law is off by a share of the order of dt; unstable where dt times the curvature of the
    potential exceeds 2.

    Parameters
    ----------
    noise : float or callable
        sigma, at least 0 [length / sqrt(time)], or a function of the time that gives it.
    seed : int or numpy.random.Generator, optional
        Source of the noise; a scheme that is used again goes on in its stream.

    References
    ----------
    G. Maruyama, Rend. Circ. Mat. Palermo 4, 48 (1955); P. E. Kloeden and E. Platen, Numerical Solution of Stochastic
    Differential Equations, section 10.2 (1992).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> cloud = wls.Population(np.zeros((4000, 1)))
    >>> still = wls.GradientFlow(wls.External(lambda x, xp: 0.0 * x.sum(-1)))
    >>> path = wls.simulate(still, cloud, [0.0, 4.0], dt=0.1, integrator=wls.EulerMaruyama(noise=0.5, seed=0))
    >>> bool(np.isclose(path.positions[-1].std(), 0.5 * 2.0, rtol=0.03))
    True
    """

    order = 1

    def step(self, mechanics: Flow, state: State, dt: float) -> State:
        """Advance by `dt` with one evaluation of the velocity."""
        u = mechanics.velocity(state.positions, state.weights, state.time)
        x = state.positions + dt * u + self._increments(state.positions, state.time, dt)
        return State(x, u, state.weights, state.time + dt)

    def loop(self, mechanics: Flow, weights: np.ndarray, dim: int) -> Loop | None:
        """Such steps in compiled code."""
        from wlmsim.kernels import steps

        return self._loop(steps.euler, mechanics, weights, dim)
