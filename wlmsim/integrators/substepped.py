"""Adaptive substeps for close encounters."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.errors import SimulationError
from wlmsim.integrators.base import Integrator, State, acceleration_at
from wlmsim.integrators.leapfrog import Leapfrog
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian

HALVINGS = 40
"""How often a time step may be halved before the encounter is taken for a collision."""


class Substepped(Integrator):
    """A reversible scheme whose time step is halved, and halved again, wherever the force changes too fast for it.

    A step of length h from (x, v) to (x', v') is kept if for every particle

        h |a' - a| <= tolerance ( |v| + |v'| + h |a| + h |a'| ) / 2,

    a the acceleration by the potential; otherwise its two halves are tried in its place. In an orbit that keeps h below
    about sqrt(tolerance) times the local dynamical time. The criterion treats both ends alike, so that a step that is
    kept on the way in is kept on the way out: energies of eccentric orbits do not drift, as they do when the step is
    chosen from its beginning only.

    Advantages: resolves close encounters without small steps elsewhere in time, lands on the time step, and keeps
    what the scheme conserves: momentum, angular momentum and, within bounds, the energy.
    Disadvantages: a step that is refused costs one evaluation of the force, so that up to half of them are trials; all
    particles share the substeps; an encounter that begins and ends within one time step is overlooked, so `dt` must be
    short enough to see it come. Velocities count in the frame in which they are given.

    Parameters
    ----------
    scheme : Integrator, optional
        A reversible scheme for a Lagrangian, of which each substep is one step. Default: `Leapfrog`.
    tolerance : float
        Largest relative change of the motion in a substep, in (0, 1) [dimensionless]. The error of a scheme of order p
        goes with its power p / 2. Default 0.01.

    References
    ----------
    P. Hut, J. Makino, S. McMillan, Astrophys. J. 443, L93 (1995), for symmetric steps; J. Makino, P. Hut, M. Kaplan,
    H. Saygin, New Astron. 12, 124 (2006), for halved ones.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> sun = wls.Lagrangian(wls.External(lambda x, xp: -1 / xp.sqrt((x**2).sum(-1))))
    >>> comet = wls.Population([[1.9, 0.0]], [[0.0, np.sqrt(0.1 / 1.9)]])         # eccentricity 0.9
    >>> orbits = wls.simulate(sun, comet, np.arange(0, 60, 0.5), integrator=wls.Substepped(tolerance=1e-3))
    >>> bool(np.ptp(orbits.energy()) < 2e-3)
    True
    """

    reversible = True
    conserves_energy = True
    adaptive = True

    def __init__(self, scheme: Integrator | None = None, *, tolerance: float = 0.01):
        self.scheme = Leapfrog() if scheme is None else check.instance("scheme", scheme, Integrator)
        if not self.scheme.reversible:
            raise check.fail("scheme", "a reversible scheme", scheme)
        self.tolerance = check.positive("tolerance", tolerance)
        if self.tolerance >= 1:
            raise check.fail("tolerance", "a number between 0 and 1", tolerance)
        self.order = self.scheme.order

    @property
    def noisy(self) -> bool:
        """As of the scheme."""
        return self.scheme.noisy

    def check_mechanics(self, mechanics: Lagrangian | Flow) -> None:
        """Refuse what the scheme refuses."""
        self.scheme.check_mechanics(mechanics)

    def on_the_way(self, mechanics: Lagrangian, dt: float) -> Callable[[float], Integrator]:
        """As of every integrator: copies, so that noise of the scheme, if it has any, stays as it is."""
        return lambda part: copy.deepcopy(self)

    def step(self, mechanics: Lagrangian, state: State, dt: float) -> State:
        """Advance by `dt` in as many substeps as the criterion asks for."""
        start = replace(state, acceleration=acceleration_at(mechanics, state))
        return self._advance(mechanics, start, dt, HALVINGS)

    def _advance(self, mechanics: Lagrangian, state: State, dt: float, halvings: int) -> State:
        after = self.scheme.step(mechanics, state, dt)
        if self._resolves(state, after, dt):
            return after
        if halvings == 0:
            when = _times.text(state.time, [state.time + dt])
            raise SimulationError(
                f"the motion near t = {when} is too fast for steps of {abs(dt):g}: particles collide there; "
                f"soften the law, or raise the tolerance (now {self.tolerance:g})"
            )
        middle = self._advance(mechanics, state, 0.5 * dt, halvings - 1)
        return self._advance(mechanics, middle, 0.5 * dt, halvings - 1)

    def _resolves(self, before: State, after: State, dt: float) -> bool:
        """Whether the force changes little enough over a step, the same from either end; False for NaN."""
        assert before.acceleration is not None and after.acceleration is not None
        h = abs(dt)
        change = h * _norm(after.acceleration - before.acceleration)
        scale = _norm(before.velocities) + _norm(after.velocities)
        scale += h * (_norm(before.acceleration) + _norm(after.acceleration))
        return bool((change <= 0.5 * self.tolerance * scale).all())

    def __repr__(self) -> str:
        return f"Substepped({self.scheme!r}, tolerance={self.tolerance:g})"


def _norm(vectors: np.ndarray) -> np.ndarray:
    return np.sqrt((vectors**2).sum(-1))
