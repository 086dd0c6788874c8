"""The exact transition of the Ornstein-Uhlenbeck process."""

from __future__ import annotations

import math

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import External, laws
from wlmsim.integrators.base import State
from wlmsim.integrators.noise import decaying_correlation
from wlmsim.integrators.noisy_flow import NoisyFlowIntegrator
from wlmsim.mechanics.flow import Flow, GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian


class ExactOrnsteinUhlenbeck(NoisyFlowIntegrator):
    """Exact transition of dX = -k X dt + sigma dW: x <- exp(-k dt) x + sigma sqrt((1 - exp(-2 k dt)) / 2 k) xi.

    For a `GradientFlow` in ``External(laws.Harmonic(k))`` only, k a number or one for each axis.

    Advantages: the law of the particles, and of the whole path at the recorded times, is exact at any time step.
    Disadvantages: no other potential.

    Parameters
    ----------
    noise : float
        sigma, at least 0 [length / sqrt(time)].
    seed : int or numpy.random.Generator, optional
        Source of the noise; a scheme that is used again goes on in its stream.

    References
    ----------
    D. T. Gillespie, Phys. Rev. E 54, 2084 (1996).
    """

    order = math.inf

    def check_mechanics(self, mechanics: Lagrangian | Flow) -> None:
        """Refuse everything but a gradient flow in a harmonic well."""
        super().check_mechanics(mechanics)
        if callable(self.noise):
            raise check.fail("noise", "a number; EulerMaruyama and StochasticHeun take one that changes", self.noise)
        potential = mechanics.potential if isinstance(mechanics, GradientFlow) else None
        if not (isinstance(potential, External) and isinstance(potential.law, laws.Harmonic)):
            expected = f"a scheme for {mechanics!r}, such as EulerMaruyama"
            raise check.fail("integrator", expected, f"{self!r}, which is for GradientFlow(External(Harmonic(k)))")

    def noise_correlation(self, mechanics: GradientFlow, before: float, after: float) -> np.ndarray:
        """That of the process."""
        return decaying_correlation(np.asarray(mechanics.potential.law.stiffness), before, after)

    def step(self, mechanics: GradientFlow, state: State, dt: float) -> State:
        """Advance by `dt`, exactly."""
        k = np.asarray(mechanics.potential.law.stiffness)
        x = np.exp(-k * dt) * state.positions
        if self.noise:
            width = self.noise * np.sqrt(-np.expm1(-2 * k * dt) / (2 * k))
            x += width * self._rng.standard_normal(x.shape)
        return State(x, state.velocities, state.weights, state.time + dt)
