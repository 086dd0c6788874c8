"""The one entry point that moves a population."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from wlmsim import _deadline, _times
from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim._warning import warn
from wlmsim.data.population import Population
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import AccuracyWarning, ParameterError, SimulationError
from wlmsim.functionals import Entropy, GaussianEntropy
from wlmsim.integrators import Boris, Integrator, Leapfrog, RungeKutta4, State
from wlmsim.integrators.constant_speed import ConstantSpeedIntegrator
from wlmsim.integrators.loops import OPEN, Loop
from wlmsim.integrators.time_grid import RecordedGrid, TimeGrid
from wlmsim.mechanics.flow import Flow, GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation.events import Event, Watch, between
from wlmsim.simulation.observables import MeanSquareDisplacement, Wanted, Watched, named
from wlmsim.simulation.walls import Walls

DETERMINISTIC = (Boris, Leapfrog, RungeKutta4)
"""Schemes whose steps may be taken again: they draw no noise, and approximate a motion in continuous time."""
FEW = 2000
"""Steps from which on they are done in one compiled loop, which takes a second to compile, once on a machine."""
MOST = 40_000
"""Operations in a force up to which they are done so, on one thread, as `threads.SMALL`; beyond, Python is little."""
AT_ONCE, LEAST = 2_000_000, 100
"""Operations of such a loop until it is looked after, milliseconds of work, and what a step counts for beside them."""
LONG = 0.1
"""Share of the way by which one step and two half steps may differ in silence."""
TINY = np.finfo(float).tiny


def simulate(
    mechanics: Lagrangian | Flow,
    population: Population,
    times: Any,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    observables: Wanted = None,
    observe_at: Any = None,
    events: Iterable[Event] | None = None,
    walls: Walls | None = None,
    progress: bool = True,
    save: str | Path | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Trajectory:
    """Move a population by its mechanics and record it at the given times.

    Parameters
    ----------
    mechanics : Lagrangian or Flow
        What moves the particles: forces, or a velocity field.
    population : Population
        The initial cloud; the simulation starts at its `time`. A Lagrangian needs its velocities, a flow does not.
    times : array_like, shape (T,)
        Strictly increasing times at which to record, none before ``population.time`` [time]. Strictly decreasing ones,
        none after it, run back in time; the trajectory has its frames in the order of time all the same.
    dt : float, optional
        Time step: steps begin at ``population.time`` + k dt, whatever is recorded, and the last is cut short if the
        last record asks for it. A record between two of them is reached by a shorter step of its own, from the one
        before, to which the run then returns; so that more records change nothing in the others. Default: one step
        from each record to the next, with a warning if the longest one is visibly too long.
    integrator : Integrator, optional
        Default: `Leapfrog` for a Lagrangian, `Boris` for one with a magnetic field, `RungeKutta4` for a flow.
    observables : mapping or list, optional
        What to measure on the way: functions of a `Population`, which return a number or an array, or names, among
        them "energy", "momentum", "temperature", "polarisation" and "mean_square_displacement" (all are in
        `wlmsim.observables`); in a mapping by names of your own. They are in the trajectory's ``observables``, and in
        its file. A function that returns nothing is called all the same, to print or to plot.
    observe_at : array_like, shape (S,), optional
        Times of the observations, before the last record [time]. Default: those recorded.
    events : list of Event, optional
        What to look for at each step: `wlmsim.events` has `Collision`, `Crossing`, `Escape`, and `Event` for any
        function of a population that passes through zero. When, where and to whom they happened is in the
        trajectory's ``events``. A terminal one ends the run: the last frame is then the moment at which it happened.
    walls : Walls, optional
        Walls that particles bounce off. Default: none. Positions in a periodic box, which is an argument of forces, are
        not wrapped: see `Trajectory.wrapped`.
    progress : bool
        Whether to show a bar where it takes more than two seconds. Default True.
    save : path, optional
        HDF5 file that each frame goes to when it is computed, so that a long run does not live in memory. What is
        returned then holds the last frame only; read the others with `Trajectory.load`. A run that fails or is
        interrupted leaves the frames before that in the file.
    metadata : mapping, optional
        Plain values kept with the trajectory.

    Returns
    -------
    Trajectory
        Its velocities are v for a Lagrangian, and the velocity field at the particles for a flow.

    Raises
    ------
    ParameterError
        If velocities that are needed are unknown, a particle starts where the force is not finite, or an argument is
        unusable.
    SimulationError
        If a coordinate stops being finite; the message says when.

    Notes
    -----
    A run of at least 2000 steps of few particles (up to 200 where there are forces between pairs) is one compiled loop,
    if scheme and laws allow it: `Leapfrog`, `Yoshida4`, `Boris`, `BAOAB`, `RungeKutta4`, `EulerMaruyama` and
    `StochasticHeun`, between walls too; `External`, `Pairwise`, `Gravity`, `Charged` and `Between`, learned laws that
    are `compiled`, `Friction`, `Alignment`, `SelfPropulsion` and `MagneticField` (under `Boris` any that is written by
    `xp`, under others a steady one), `StreamFlow` and `VortexFlow`. Laws are then read once, at the start. It differs
    from one step after the other by rounding only.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> oscillator = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    >>> start = wls.Population([[1.0]], [[0.0]])
    >>> half_turn = wls.simulate(oscillator, start, [0.0, np.pi], dt=0.01)
    >>> half_turn.positions[-1].round(3)
    array([[-1.]])
    """
    check.instance("mechanics", mechanics, (Lagrangian, Flow))
    check.instance("population", population, Population)
    integrator = default_integrator(mechanics) if integrator is None else integrator
    check.instance("integrator", integrator, Integrator)
    integrator.check_mechanics(mechanics)
    times = directed(times, population.time)
    if times[-1] < population.time:
        _check_the_way_back(mechanics, integrator)
        if save is not None:
            raise ParameterError(
                "`save` is for runs forward in time: save the trajectory of one backward when it is done"
            )
    dt = math.inf if dt is None else check.positive("dt", dt)
    observed = times if observe_at is None else _of_observations(observe_at, population.time, times)
    moments = times if observed is times else _times.union(times, observed)
    moments = moments if times[-1] >= population.time else np.sort(moments)[::-1]

    start = population.time
    grid = RecordedGrid(start, moments) if dt == math.inf else TimeGrid(start, times[-1], dt)
    loop = _loop(mechanics, integrator, population, grid.steps)
    if walls is not None:
        check.instance("walls", walls, Walls).check_start(population.positions)
    rate = _rate(mechanics) if loop is None else loop.rate
    state = _start(mechanics, population, rate)
    about = {"integrator": repr(integrator), "dt": None if dt == math.inf else dt, **(metadata or {})}
    about |= {} if walls is None else {"walls": walls.settings}
    watched = Watched(observables, mechanics, population)
    about |= {"observables": watched.known} if watched.known else {}
    watch = Watch(events, state, rate if isinstance(mechanics, Flow) else None)

    def whole(record: _Recorder) -> Trajectory:
        return Trajectory(
            *record.frames(),
            population.weights,
            mechanics=mechanics,
            integrator=copy.deepcopy(integrator),
            observables=watched.observations,
            events=watch.occurrences,
            metadata=about if watch.ended is None else {**about, "ended": watch.ended},
            copy=False,
        )

    with (
        _recorder(save, times, population, about, whole) as record,
        LateBar("simulating", grid.steps, shown=progress) as bar,
    ):
        run = _Run(mechanics, integrator, loop, state, grid, bar.advance, watch, walls)
        for time, recorded, looked in zip(moments.tolist(), *_of_each(moments, times, observed), strict=True):
            frame = run.at(time)
            ended = watch.ended is not None
            if isinstance(mechanics, Flow):
                known = None if loop is None or ended else frame.acceleration
                frame.velocities = rate(frame.positions, frame.weights, frame.time) if known is None else known
            if recorded or ended:
                record.add(frame)
            if watched and (looked or ended):
                watched.look(Population(frame.positions, frame.velocities, frame.weights, frame.time))
            if ended:
                break
    return whole(record)


def resume(run: Trajectory | str | Path, times: Any, **options: Any) -> Trajectory:
    """Go on with a run from its end: its mechanics, its scheme, its time step, and its stream of noise.

    A run that ended after a whole number of steps goes on as if it had never stopped.

    Parameters
    ----------
    run : Trajectory or path
        The run, or the file that it was saved in. The file then has the longer run in it when this has ended. It is
        read whole, and held in memory with what follows; a run that is too long for that goes on in a file of its own,
        ``simulate(run.mechanics, run[-1], times, save=...)`` of ``run = Trajectory.load(path, start=...)``.
    times : array_like, shape (T,)
        Strictly increasing times at which to record, none before the end of the run [time]. Strictly decreasing ones
        before its first frame go on from there, back in time.
    **options
        As of `simulate` but for `save`; what is not given is as it was: `integrator`, `dt`, `walls`, and `observables`
        that were names. Those that were functions, and events, no file holds: they are to be given again, or declined
        as ``events=[]``. `metadata` are added.

    Returns
    -------
    Trajectory
        The run and what follows. Where an observable was measured in one part only, it is NaN in the other.

    Raises
    ------
    ParameterError
        If the run does not know its mechanics, because a law is a plain function: then give them,
        ``run.mechanics = ...``; or not its scheme: then give `integrator`; if its weights change in time; or if
        observables or events are neither known nor given.

    Examples
    --------
    >>> import wlmsim as wls
    >>> well = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)), dissipation=wls.Friction(1.0))
    >>> bath, cloud = wls.BAOAB(temperature=0.5, seed=0), wls.Population([[0.0]]).at_rest()
    >>> path = wls.simulate(well, cloud, [0.0, 1.0], dt=0.1, integrator=bath).save("run.h5")
    >>> longer = wls.resume("run.h5", [2.0, 3.0])
    >>> at_once = wls.simulate(well, cloud, [0.0, 1.0, 2.0, 3.0], dt=0.1, integrator=wls.BAOAB(0.5, seed=0))
    >>> longer == at_once == wls.Trajectory.load("run.h5")
    True
    """
    path = None if isinstance(run, Trajectory) else run
    before = run if isinstance(run, Trajectory) else Trajectory.load(run)
    if "save" in options:
        raise ParameterError("`save` is not known here: give the path of the run, which then has the longer one in it")
    for name in options:
        check.choice("options", name, OF_RESUME)
    if before.weights.ndim == 2:
        raise ParameterError(
            "`run` must have weights that do not change, as those of simulations; these change from frame to frame: "
            "start another run from the last one, `simulate(mechanics, run[-1], times)`"
        )
    mechanics: Any = before._known_mechanics
    integrator = options.pop("integrator", None) or copy.deepcopy(before.integrator)
    if integrator is None:
        raise ParameterError("this trajectory does not know the scheme of its last frame: give `integrator`")
    given = np.atleast_1d(check.array("times", times))
    back = given.size > 0 and given.flat[-1] < before.times[0]
    end = before[0] if back else before[-1]
    known = before.metadata.get("walls")
    options = {"dt": before.metadata.get("dt"), "walls": None if known is None else Walls(**known), **options}
    asked = named(options.get("observables", before.metadata.get("observables")))
    options["observables"] = _observables_again(asked, "observables" in options, before, mechanics, back)
    _check_events_again(options, before, mechanics, end)
    after = simulate(mechanics, end, times, integrator=integrator, **options)
    after.ids, after.units = before.ids, before.units
    whole = after.joined(before) if back else before.joined(after)
    of_the_run = {name: value for name, value in before.metadata.items() if name not in OF_A_PART}
    by_name = {name: what for name, what in asked.items() if isinstance(what, str)}
    whole.metadata = {**of_the_run, **after.metadata, **({"observables": by_name} if by_name else {})}
    whole._integrator = after._integrator
    if path is not None:
        whole.save(path)
    return whole


OF_RESUME = ("dt", "integrator", "observables", "observe_at", "events", "walls", "progress", "metadata")
"""Options of `simulate` that `resume` has too."""
OF_A_PART = ("integrator", "dt", "walls", "observables", "ended", "wrapped")
"""Metadata that say how the last part of a run was made."""


def _observables_again(
    asked: Mapping[str, Any], given: bool, before: Trajectory, mechanics: Any, back: bool
) -> dict[str, Any]:
    """What to measure as a run goes on, where displacements are still those since its start."""
    measured, start, end = before.observables, *((before[-1], before[0]) if back else (before[0], before[-1]))
    wanted = dict(asked)
    if not given and (lost := [name for name in measured if name not in wanted]):
        raise ParameterError(
            f"`observables` must be given again, or declined by []: this run measured {', '.join(map(repr, lost))}, "
            "and functions are in no file"
        )
    for name in [name for name, what in wanted.items() if what == "mean_square_displacement"]:
        k = _times.position(measured.times, start.time) if name in measured else None
        if name in measured and (k is None or measured[name][k] != 0):
            raise ParameterError(
                f"`observables`: this run has no frame of the start that {name!r} was measured from: give "
                f"{{{name!r}: wls.observables.MeanSquareDisplacement(start)}}"
            )
        wanted[name] = MeanSquareDisplacement(start)
    alike = Watched({name: what for name, what in wanted.items() if name in measured}, mechanics, end)
    alike.look(end)
    measured.followed_by(alike.observations)  # what would not fit is better refused now
    return wanted


def _check_events_again(options: Mapping[str, Any], before: Trajectory, mechanics: Any, end: Population) -> None:
    """Refuse to forget what was looked for, and what would not fit what was found."""
    if before.events and "events" not in options:
        names = ", ".join(map(repr, before.events))
        raise ParameterError(f"`events` must be given again, or declined by []: this run looked for {names}")
    rate = _rate(mechanics)
    watch = Watch(options.get("events"), _start(mechanics, end, rate), rate if isinstance(mechanics, Flow) else None)
    for name, found in watch.occurrences.items():
        if name in before.events:
            before.events[name].followed_by(found)


def directed(times: Any, start: float) -> np.ndarray:
    """Times in the order in which a run from the start comes to them: forward, or back."""
    given = np.atleast_1d(check.array("times", times))
    back = given.ndim == 1 and len(given) > 0 and given[-1] < start and (np.diff(given) < 0).all()
    times = check.times("times", given[::-1])[::-1] if back else check.times("times", given)
    if (times[0] > start) if back else (times[0] < start):
        if _times.position(times, start) != 0:
            side = "at or before" if back else "at or after"
            raise check.fail("times", f"{side} the population's time {_times.text(start, times)}", times[0])
        times = np.concatenate([[start], times[1:]])  # the same but for rounding
    return times


def _check_the_way_back(mechanics: Any, integrator: Integrator) -> None:
    """Refuse to run back in time where that has no meaning."""
    if integrator.noisy:
        raise ParameterError(
            f"`times` must increase under {integrator!r}: noise cannot be undone. A scheme without noise runs back"
        )
    if isinstance(integrator, ConstantSpeedIntegrator):
        raise ParameterError(f"`times` must increase under {integrator!r}: what a turn at constant speed was is lost")
    terms = mechanics.potential.terms if isinstance(mechanics, GradientFlow) else ()
    if diffusing := [term for term in terms if isinstance(term, (Entropy, GaussianEntropy))]:
        raise ParameterError(
            f"`times` must increase under {diffusing[0]!r}: diffusion back in time is ill-posed, it would sharpen what "
            "rounding left"
        )


def _of_each(moments: np.ndarray, times: np.ndarray, observed: np.ndarray) -> tuple[list[bool], list[bool]]:
    """For each moment whether it is recorded, and whether it is one of observation."""
    if observed is times:
        return [True] * len(moments), [True] * len(moments)
    return _times.among(moments, times).tolist(), _times.among(moments, observed).tolist()


def _of_observations(times: Any, start: float, recorded: np.ndarray) -> np.ndarray:
    """Times of observations, checked to be those of the run."""
    times = check.times("observe_at", np.sort(np.atleast_1d(check.array("observe_at", times)), axis=-1))
    first, last = sorted([start, float(recorded[-1])])
    beyond = times[(times < first) | ~_times.up_to(times, last)]
    if len(beyond):
        span = f"times between the start, {_times.text(start, recorded)}, and the last record"
        raise check.fail("observe_at", f"{span}, {_times.text(recorded[-1], recorded)}", float(beyond[0]))
    return times


def default_integrator(mechanics: Lagrangian | Flow) -> Integrator:
    """Return the scheme that is used when none is named."""
    if isinstance(mechanics, Flow):
        return RungeKutta4()
    return Leapfrog() if mechanics.magnetic is None else Boris()


def _rate(mechanics: Lagrangian | Flow) -> Callable[..., np.ndarray]:
    """Velocity of a flow, or acceleration by the potential."""
    return mechanics.velocity if isinstance(mechanics, Flow) else mechanics.acceleration


def _start(mechanics: Lagrangian | Flow, population: Population, rate: Callable[..., np.ndarray]) -> State:
    x, v, w, t = population.positions, population.velocities, population.weights, population.time
    if isinstance(mechanics, Flow):
        velocity = rate(x, w, t)
        _check_finite(f"the velocity of {mechanics!r}", velocity, x)
        return State(x, velocity, w, t)
    if v is None:
        raise ParameterError(
            "`population` must have velocities to be simulated: give them, or use `population.at_rest()` for zero"
        )
    mechanics.check_count(len(x))
    acceleration = rate(x, w, t)
    if mechanics.potential is not None and not np.isfinite(acceleration).all():
        for term in mechanics.potential.terms:
            _check_finite(f"the force of {term!r}", term.force(x, w, t), x)
    return State(x, v, w, t, acceleration)


def _check_finite(what: str, vectors: np.ndarray, positions: np.ndarray) -> None:
    """Refuse to start where a force is singular, which no time step would mend."""
    bad = np.flatnonzero(~np.isfinite(vectors).all(-1))
    if len(bad):
        raise ParameterError(
            f"`population` must start where {what} is finite; it is not at x = {positions[bad[0]]} (particle {bad[0]}, "
            f"the first of {len(bad)}): move the particle, or soften the law"
        )


def _loop(mechanics: Any, integrator: Integrator, population: Population, steps: int) -> Loop | None:
    """Many steps at once, where that is worth it."""
    if steps < FEW:
        return None
    loop = integrator.loop(mechanics, population.weights, population.dim)
    return None if loop is None or loop.operations > MOST else loop


class _Run:
    """A population on its way over a grid of steps, which looks between two of them without leaving the way."""

    def __init__(
        self,
        mechanics: Any,
        integrator: Integrator,
        loop: Loop | None,
        state: State,
        grid: TimeGrid | RecordedGrid,
        advanced: Callable[[int], None],
        watch: Watch,
        walls: Walls | None,
    ):
        self._mechanics, self._integrator, self._grid, self._advanced = mechanics, integrator, grid, advanced
        self._state, self._step = state, 0
        self._loop, self._watch, self._walls = loop, watch, walls
        self._smooth = not integrator.noisy and isinstance(mechanics, Lagrangian)
        dim = state.positions.shape[1]
        self._bounds = OPEN if walls is None else (*walls.on_axes(dim), self._smooth)
        self._on_the_way: Callable[[float], Integrator] | None = None
        self._unchosen = isinstance(grid, RecordedGrid) and isinstance(integrator, DETERMINISTIC)
        self._looked_at = 0.0  # the longest step of those that nobody chose

    def at(self, time: float) -> State:
        """The state at a recorded time, not before the one asked for last; that of an event that ends the run."""
        step, part = self._grid.place(time)
        while self._step < step:
            _deadline.check()
            self._look_at_the_step()
            if self._loop is None:
                self._one()
            else:
                self._many(self._loop, step)
            self._on_the_way = None
            if self._watch.ended is not None:
                return self._state
        if part:
            if self._on_the_way is None:
                law, now = self._mechanics, self._grid.time(step)
                law = law.at(now) if isinstance(law, Lagrangian) else law  # of the noise, whose friction may change
                self._on_the_way = self._integrator.on_the_way(law, self._grid.length(step))
            state = self._aside(self._on_the_way(part), self._state, part, time)
            end = self._watch.ends_within(self._inside(self._state, state, part), part, state) if self._watch else None
            return state if end is None else end
        state = self._state
        return State(state.positions, state.velocities, state.weights, time, state.acceleration)

    def _look_at_the_step(self) -> None:
        """Look whether a step that nobody chose, longer than all before, is too long; a word once is enough."""
        if self._unchosen and abs(length := self._grid.length(self._step)) > (1 + _times.SHARE) * self._looked_at:
            self._looked_at = abs(length)
            self._unchosen = not _warn_of_a_long_step(self._mechanics, self._integrator, self._state, length)

    def _one(self) -> None:
        """One step."""
        length, self._step = self._grid.length(self._step), self._step + 1
        before = self._state.copy() if self._watch else self._state
        self._state = self._finite(self._integrator, self._state, length, self._grid.time(self._step))
        self._advanced(1)
        if self._watch:
            self._end(self._watch.look(self._inside(before, self._state, length), length, self._state))

    def _many(self, loop: Loop, until: int) -> None:
        """Some of the steps up to another, in compiled code: no more than a moment's work, so that a key is heard."""
        length = self._grid.length(self._step)
        start, first, count = self._grid.alike(self._step, until)
        count = min(count, max(1, AT_ONCE // (loop.operations + LEAST)))
        before, path = self._state, None
        if self._watch:
            count = min(count, self._watch.block)
            path = np.empty((count, 2, *before.positions.shape))
        self._state, done, finite = loop.steps(before, start, length, first, count, path, self._bounds)
        self._step += done
        self._state.time = self._grid.time(self._step)
        if path is not None:
            self._look_along(before, path[: done if finite else done - 1], length, self._step - done)
        if not finite and self._watch.ended is None:
            raise self._lost(self._state.time, length)
        if finite and done < count and self._watch.ended is None:
            raise self._stuck(length)
        self._advanced(done)

    def _look_along(self, before: State, path: np.ndarray, length: float, first: int) -> None:
        """Look for events in steps that were done at once."""
        if len(path) == 0:
            return
        times = np.array([self._grid.time(first + k) for k in range(len(path) + 1)])

        def state(k: int) -> State:
            return before if k == 0 else State(path[k - 1, 0], path[k - 1, 1], before.weights, float(times[k]))

        def inside(k: int, part: float) -> State:
            return self._inside(state(k), state(k + 1), length)(part)

        self._end(self._watch.look_along(times[1:], path, inside, length))

    def _end(self, state: State | None) -> None:
        """End at a state, if there is one."""
        self._state = self._state if state is None else state

    def _inside(self, before: State, after: State, length: float) -> Callable[[float], State]:
        """States within a step between two, after shorter steps; with noise on the straight line."""
        if self._integrator.noisy:
            return between(before, after, length)
        scheme = self._integrator.on_the_way(self._mechanics, length)
        return lambda part: self._aside(scheme(part), before, part, before.time + part)

    def _aside(self, integrator: Integrator, state: State, part: float, time: float) -> State:
        """The state within the step that begins at another, after a shorter one that leads nowhere."""
        if self._loop is None or integrator is not self._integrator:
            return self._finite(integrator, state.copy(), part, time)
        there, done, finite = self._loop.steps(state, state.time, part, 0, 1, walls=self._bounds)
        if not finite:
            raise self._lost(time, part)
        if not done:
            raise self._stuck(part)
        there.time = time
        return there

    def _finite(self, integrator: Integrator, state: State, dt: float, time: float) -> State:
        """The state one step later, at a time, within the walls; `SimulationError` if it is not finite."""
        before = None if self._walls is None else state.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # what they warn of is the error below
            after = integrator.step(self._mechanics, state, dt)
            # a sum is finite only if every term is, and costs less than looking at each
            total = after.positions.sum() + after.velocities.sum()
        after.time = time
        if not math.isfinite(total):
            raise self._lost(time, dt)
        if self._walls is None or before is None:
            return after
        return self._walls.bounced(before, after, dt, smooth=self._smooth)

    def _stuck(self, dt: float) -> SimulationError:
        assert self._walls is not None
        return self._walls.stuck(dt)

    def _lost(self, time: float, dt: float) -> SimulationError:
        grid = self._grid
        chosen = "one step an interval" if isinstance(grid, RecordedGrid) else format(abs(grid.length(0)), "g")
        when = _times.text(time, [grid.time(self._step)])
        return SimulationError(
            f"the trajectory stopped being finite at t = {when} with time step {abs(dt):g}; "
            f"try a smaller dt (now {chosen})"
        )


def _warn_of_a_long_step(mechanics: Any, integrator: Integrator, state: State, step: float) -> bool:
    """Say that a step which nobody chose is too long, if two of half its length end far from where it does."""
    with np.errstate(over="ignore", invalid="ignore"):
        once = integrator.step(mechanics, state.copy(), step).positions
        middle = integrator.step(mechanics, state.copy(), step / 2)
        there = integrator.step(mechanics, middle, step / 2).positions
        off, way = np.linalg.norm(once - there), np.linalg.norm(there - state.positions)
    if off <= LONG * way:
        return False
    warn(
        f"no dt was given, and one step of {abs(step):g} from one record to the next is too long: two half steps end "
        f"{100 * off / max(way, TINY):.0f} % of the way elsewhere; try a smaller dt",
        AccuracyWarning,
    )
    return True


class _Recorder(Protocol):
    """Where the frames go."""

    def add(self, state: State) -> None: ...

    def frames(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return times, positions and velocities that were kept in memory."""
        ...


class _Memory:
    """Keeps every frame."""

    def __init__(self, times: np.ndarray, shape: tuple[int, ...]):
        self._times, self._count = np.empty(len(times)), 0
        self._positions = np.empty((len(times), *shape))
        self._velocities = np.empty_like(self._positions)

    def add(self, state: State) -> None:
        self._times[self._count] = state.time
        self._positions[self._count], self._velocities[self._count] = state.positions, state.velocities
        self._count += 1

    def frames(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        order = slice(None, self._count)
        times = self._times[order]
        if len(times) > 1 and times[-1] < times[0]:  # back in time
            order = slice(self._count - 1, None, -1)
        return self._times[order], self._positions[order], self._velocities[order]


@contextmanager
def _recorder(
    save: str | Path | None,
    times: np.ndarray,
    population: Population,
    about: Mapping[str, Any],
    whole: Callable[[Any], Trajectory],
) -> Iterator[_Recorder]:
    if save is None:
        yield _Memory(times, population.positions.shape)
        return
    from wlmsim.io.h5md import recording

    with recording(save, population, len(times), about, whole) as file:
        yield file
