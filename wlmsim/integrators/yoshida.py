"""Yoshida's composition of leapfrogs to fourth order."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.integrators.base import Integrator, State
from wlmsim.integrators.leapfrog import Leapfrog, kick_drift_kicks
from wlmsim.integrators.loops import Loop
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian

OUTER = 1 / (2 - 2 ** (1 / 3))
"""Share of the first and of the last leapfrog, b; the one between goes back by 1 - 2 b."""
SHARES = (OUTER, 1 - 2 * OUTER, OUTER)


class Yoshida4(Integrator):
    """Three leapfrogs, the middle one backward in time, composed to fourth order.

    S(b dt) S((1 - 2 b) dt) S(b dt) with S the step of `Leapfrog` and b = 1 / (2 - 2^(1/3)). A leapfrog is a symmetric
    composition of exact flows, friction among them, so that the errors of third order cancel at any gamma.

    Advantages: symplectic and time-reversible at gamma = 0, conformally symplectic at gamma > 0, momenta conserved as
    by the leapfrog; at small errors far cheaper than the leapfrog.
    Disadvantages: three evaluations of the force a step; stable up to a step only 0.79 times that of the leapfrog
    (on an oscillator, omega dt < 1.57). Only linear friction beside the potential: other forces that depend on the
    velocity are not solved exactly, and would spoil the order.

    References
    ----------
    H. Yoshida, Phys. Lett. A 150, 262 (1990).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> oscillator = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    >>> start = wls.Population([[1.0]], [[0.0]])
    >>> turn = wls.simulate(oscillator, start, [2 * np.pi], dt=0.1, integrator=wls.Yoshida4())
    >>> bool(abs(turn.positions[-1, 0, 0] - 1) < 1e-6)
    True
    """

    order = 4
    reversible = True
    conserves_energy = True

    def check_mechanics(self, mechanics: Lagrangian | Flow) -> None:
        """Refuse a flow, and forces that depend on the velocity but linear friction."""
        super().check_mechanics(mechanics)
        if isinstance(mechanics, Lagrangian) and not mechanics.only_friction:
            expected = "a scheme for forces that depend on the velocity, such as Leapfrog() or DormandPrince()"
            raise check.fail("integrator", expected, self)

    def step(self, mechanics: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` with three evaluations of the potential's force."""
        leapfrog = Leapfrog()
        for share in SHARES:
            state = leapfrog.step(mechanics, state, share * dt)
        return state

    def loop(self, mechanics: Lagrangian, weights: np.ndarray, dim: int) -> Loop | None:
        """Such steps in compiled code."""
        return kick_drift_kicks(mechanics, weights, dim, SHARES)

    def __repr__(self) -> str:
        return "Yoshida4()"
