"""Many systems simulated: parameter sweeps, side by side on this machine or on others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim._warning import warn
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import SimulationError
from wlmsim.integrators import Integrator
from wlmsim.parallel.jobs import Lost
from wlmsim.parallel.spread import wherever
from wlmsim.simulation.run import directed
from wlmsim.systems.base import System


@dataclass(frozen=True)
class _Job:
    """Simulate a system, and take what is wanted of it."""

    system: System
    times: np.ndarray
    dt: float | None
    integrator: Integrator | None
    measure: Callable[[Trajectory], Any] | None


def sweep(
    systems: Mapping[Any, System] | Sequence[System],
    times: Any,
    *,
    measure: Callable[[Trajectory], Any] | None = None,
    dt: float | None = None,
    integrator: Integrator | None = None,
    processes: int | None = None,
    client: Any = None,
    progress: bool = True,
) -> Any:
    """Simulate many systems, such as one with several values of a parameter or several seeds, side by side.

    Parameters
    ----------
    systems : mapping of any to System, or sequence of System
        What is simulated.
    times : array_like, shape (T,)
        Strictly increasing times at which to record, none before 0; or strictly decreasing ones, none after 0, as in
        `wlmsim.simulate` [time].
    measure : callable, optional
        A function of a `Trajectory`, called where it was simulated, whose results are returned instead: a number, an
        array, or ``None`` where it saves a file. Default: the trajectories.
    dt : float, optional
        Time step [time]. Default: as in `System.simulate`.
    integrator : Integrator, optional
        Default: that of each system.
    processes : int, optional
        How many at the same time, with one thread each. Default: as many as there are cores, where that saves time.
    client : dask.distributed.Client, Cluster or str, optional
        Whose workers simulate, one system each at a time: a client, a cluster, or the address of a scheduler. Default:
        the processes of this machine.
    progress : bool
        Whether to show, from the second second on, how many are done and the time left. Default True.

    Returns
    -------
    dict or list
        What came of each system, by the names of a mapping or in the order of a sequence; ``None``, with a warning that
        says why, where a trajectory stopped being finite or the worker died whenever it was tried.

    Raises
    ------
    ParameterError
        If an argument is unusable or cannot be sent to another process, or nothing answers at `client`.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> springs = {f: wls.systems.HarmonicOscillator(n=10, frequency=f, seed=0) for f in (1.0, 2.0)}
    >>> found = wls.sweep(springs, np.linspace(0, 1, 3), dt=0.01, measure=lambda path: float(path.times[-1]))
    >>> found
    {1.0: 1.0, 2.0: 1.0}
    """
    check.sequence("systems", systems, "a mapping of names to systems, or a sequence of systems")
    named = dict(systems) if isinstance(systems, Mapping) else dict(enumerate(systems))
    for system in named.values():
        check.instance("systems", system, System)
    if processes is not None:
        check.integer("processes", processes)
    if measure is not None and not callable(measure):
        name = f", such as lambda path: path.{measure}()" if hasattr(Trajectory, str(measure)) else ""
        raise check.fail("measure", f"a function of a trajectory{name}", measure)
    times = directed(times, 0.0)
    jobs = [_Job(system, times, dt, integrator, measure) for system in named.values()]
    with LateBar("simulations", len(jobs), shown=progress) as bar:
        results = wherever(_run, jobs, processes, client, bar.advance)
    for name, result in zip(named, results, strict=True):
        if isinstance(result, Lost):
            warn(f"there is no result of {named[name]!r}: {result.reason}", RuntimeWarning)
    found = [None if isinstance(result, Lost) else result for result in results]
    return dict(zip(named, found, strict=True)) if isinstance(systems, Mapping) else found


def _run(job: _Job) -> Any:
    """Simulate one system; `Lost` where it cannot go on, for the others can."""
    try:
        path = job.system.simulate(job.times, dt=job.dt, integrator=job.integrator, progress=False)
    except SimulationError as error:
        return Lost(str(error))
    return path if job.measure is None else job.measure(path)
