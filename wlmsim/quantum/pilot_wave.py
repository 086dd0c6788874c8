"""Bohm's flow: particles carried by a wave."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.functionals.laws import Law
from wlmsim.functionals.tracing import comparable, name_of
from wlmsim.mechanics.flow import Flow
from wlmsim.quantum.split_step import SplitStep
from wlmsim.quantum.wave_function import WaveFunction

ROUNDING = 1e-14
"""Relative difference of times that are the same."""

WAVES = 32
"""Waves that are kept at most: a step of a scheme of high order asks for a dozen times."""

MEMORY = 2**28
"""Bytes that they may take."""


class PilotWave(Flow):
    """The flow of a wave function, dx/dt = hbar Im(grad psi / psi): a population drawn from |psi|^2 stays so.

    The wave is moved by `SplitStep` from one time asked for to the next, on a grid that grows with it. Some waves are
    kept, so that the stages and the rejected steps of an adaptive scheme, which go back in time, start from the nearest
    before them. Under `RungeKutta4` with step dt it takes steps of dt / 2, so that the
    wave has the step's midpoint. A record between two steps asks for waves too, from which later ones then start, and
    so changes the path by the error of the wave's steps. See `WaveFunction.velocity` for what happens at nodes.

    Parameters
    ----------
    wave : WaveFunction
        The wave at the start.
    potential : callable, optional
        V as a function of ``(x, xp)`` or ``(x, t, xp)``. When something changes that it reads, the wave starts again.
        Default: none.
    step : float, optional
        Largest time step of the wave, positive [time]. Default: from one time asked for to the next.

    References
    ----------
    D. Bohm, Phys. Rev. 85, 166 (1952); P. R. Holland, The Quantum Theory of Motion (1993).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> line = wls.quantum.Grid.covering([-10.0], [10.0], spacing=0.1)
    >>> packet = wls.quantum.WaveFunction.of(lambda x, xp: xp.exp(-(x[..., 0] ** 2)), line)
    >>> path = wls.simulate(wls.quantum.PilotWave(packet), wls.Population([[0.3]]), [0.0, 1.0], dt=0.01)
    >>> bool(np.isclose(path.positions[-1, 0, 0], 0.3 * np.sqrt(5)))      # sigma_0 = 1/2, hbar = 1
    True
    """

    def __init__(self, wave: WaveFunction, potential: Law | None = None, *, step: float | None = None):
        self.start = check.instance("wave", wave, WaveFunction)
        self.solver = SplitStep(potential, step=step)
        self._kept = [self.start]  # in the order of their last use
        self._law = comparable("potential", potential)

    def wave(self, time: float) -> WaveFunction:
        """Return the wave at a time not before the start's."""
        time = check.real("time", time, least=self.start.time)
        law = comparable("potential", self.solver.potential)
        if law != self._law:
            self._kept, self._law = [self.start], law
        # the end of one step and the beginning of the next may differ by rounding
        near = min(self._kept, key=lambda wave: abs(time - wave.time))
        if abs(time - near.time) <= ROUNDING * abs(time):
            self._keep(near)
            return near
        before = max((wave for wave in self._kept if wave.time < time), key=lambda wave: wave.time, default=self.start)
        self._keep(before)
        self._keep(self.solver.evolve(before, time))
        return self._kept[-1]

    def _keep(self, wave: WaveFunction) -> None:
        """Note that a wave was used; the one that was not for longest goes when there are too many."""
        self._kept = [kept for kept in self._kept if kept is not wave] + [wave]
        most = max(2, min(WAVES, MEMORY // wave.values.nbytes))
        self._kept = self._kept[-most:]

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """hbar Im(grad psi / psi) at each particle; the weights do not matter."""
        return self.wave(time).velocity(positions)

    def energy(self, population: Population) -> float:
        """Energy <psi| H |psi> of the wave at the population's time [mass length^2 / time^2]."""
        return self.wave(population.time).energy(self.solver.potential)

    def __repr__(self) -> str:
        potential = "" if self.solver.potential is None else f", {name_of(self.solver.potential)}"
        return f"PilotWave({self.start!r}{potential})"
