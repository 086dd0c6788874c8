"""The one entry point that moves a population."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.integrators import Integrator, Leapfrog, State
from wlmsim.lagrangian import Lagrangian
from wlmsim.population import Population
from wlmsim.trajectory import Trajectory


def simulate(
    lagrangian: Lagrangian,
    population: Population,
    times: Any,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    progress: bool = False,
    metadata: Mapping[str, Any] | None = None,
) -> Trajectory:
    """Move a population by its mechanics and record it at the given times.

    Parameters
    ----------
    lagrangian : Lagrangian
        The mechanics.
    population : Population
        The initial cloud, with velocities; the simulation starts at its `time`.
    times : array_like, shape (T,)
        Strictly increasing times at which to record, none before ``population.time`` [time].
    dt : float, optional
        Largest time step; each interval between records is divided into equal steps no longer than this.
        Default: one step an interval.
    integrator : Integrator, optional
        Default: `Leapfrog`.
    progress : bool
        Whether to show a progress bar. Default False.
    metadata : mapping, optional
        Plain values kept with the trajectory.

    Returns
    -------
    Trajectory

    Raises
    ------
    ParameterError
        If the velocities are unknown or an argument is unusable.
    SimulationError
        If a coordinate stops being finite; the message says when.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> oscillator = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    >>> start = wls.Population([[1.0]], [[0.0]])
    >>> half_turn = wls.simulate(oscillator, start, [0.0, np.pi], dt=0.01)
    >>> half_turn.positions[-1].round(3)
    array([[-1.]])
    """
    check.instance("lagrangian", lagrangian, Lagrangian)
    check.instance("population", population, Population)
    integrator = Leapfrog() if integrator is None else check.instance("integrator", integrator, Integrator)
    if population.velocities is None:
        raise ParameterError(
            "`population` must have velocities to be simulated: give them, or use `population.at_rest()` for zero"
        )
    times = check.times("times", times)
    if times[0] < population.time:
        raise check.fail("times", f"at or after the population's time {population.time:g}", times[0])
    dt = math.inf if dt is None else check.positive("dt", dt)

    state = State(population.positions, population.velocities, population.weights, population.time)
    positions = np.empty((len(times), *population.positions.shape))
    velocities = np.empty_like(positions)
    for k, time in _tracked(times, progress):
        state = _advance(lagrangian, integrator, state, time, dt)
        positions[k], velocities[k] = state.positions, state.velocities
    about = {"integrator": repr(integrator), "dt": None if dt == math.inf else dt, **(metadata or {})}
    return Trajectory(times, positions, velocities, population.weights, lagrangian=lagrangian, metadata=about)


def _advance(lagrangian: Lagrangian, integrator: Integrator, state: State, time: float, dt: float) -> State:
    start = state.time
    interval = time - start
    # an interval that is a whole number of steps but for rounding is not given one more
    steps = max(1, math.ceil(interval / dt - 1e-9)) if interval > 0 else 0
    for step in range(steps):
        state = integrator.step(lagrangian, state, interval / steps)
        state.time = time if step == steps - 1 else start + (step + 1) * interval / steps
        # a sum is finite only if every term is, and costs less than looking at each
        with np.errstate(over="ignore", invalid="ignore"):
            total = state.positions.sum() + state.velocities.sum()
        if not math.isfinite(total):
            raise SimulationError(
                f"the trajectory stopped being finite at t = {state.time:g} with time step {interval / steps:g}; "
                f"try a smaller dt (now {'one step an interval' if dt == math.inf else format(dt, 'g')})"
            )
    return state


def _tracked(times: np.ndarray, progress: bool) -> Any:
    if not progress:
        return enumerate(times)
    from rich.console import Console
    from rich.progress import track

    return track(list(enumerate(times)), description="simulating", total=len(times), console=Console(stderr=True))
