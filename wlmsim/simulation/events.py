"""Events along a run: where a function of the cloud changes sign, found to rounding within the step.

An event is a function of a `Population` whose value is a number, or one for each particle. It happens where the value
passes through zero. Values are compared at the ends of steps: what begins and ends within one step is overlooked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.data.observations import Occurrences
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.functionals.periodic import Box, checked_box, lengths, nearest_image
from wlmsim.integrators import State

__all__ = ["Collision", "Crossing", "Escape", "Event"]

EPSILON = float(np.finfo(float).eps)
MOST = 2_000_000
"""Numbers that the values of several steps may take at once."""


class _Path(NamedTuple):
    """The cloud at several times."""

    times: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    weights: np.ndarray
    moving: Callable[..., np.ndarray] | None
    """Velocities of a flow, of (positions, weights, time), which are then not those above."""

    def clouds(self) -> Iterator[Population]:
        """Clouds of their own, so that a function that changes one does not change the run."""
        for time, x, v in zip(self.times.tolist(), self.positions, self.velocities, strict=True):
            yield Population(x, v if self.moving is None else self.moving(x, self.weights, time), self.weights, time)


class Event(HoldsFunctions):
    """Something that happens where a function of the cloud passes through zero.

    Parameters
    ----------
    function : callable
        Of a `Population`; its value is a number, of the whole cloud, or an array of shape (n,), one for each particle:
        always as many, and never NaN or a truth value, which passes through no zero.
    name : str, optional
        Under which occurrences are kept. Default: the name of the function, or of the class.
    terminal : bool
        Whether the run ends there. Default False: it is recorded only.
    direction : {-1, 0, 1}
        Whether only passages downward (-1) or upward (1) count, or both (0). Default 0.

    Raises
    ------
    ParameterError
        If an argument is unusable.

    Examples
    --------
    >>> import wlmsim as wls
    >>> fall = wls.Lagrangian(wls.External(lambda x, xp: 10.0 * x[..., 0]))
    >>> stone = wls.Population([[5.0]], [[0.0]])
    >>> landing = wls.Event(lambda cloud: cloud.positions[:, 0], name="landing", terminal=True)
    >>> path = wls.simulate(fall, stone, [0.0, 10.0], dt=0.01, events=[landing])
    >>> path.times.round(6), path.events["landing"].velocities.round(6)
    (array([0., 1.]), array([[[-10.]]]))
    """

    def __init__(
        self,
        function: Callable[[Population], Any],
        *,
        name: str | None = None,
        terminal: bool = False,
        direction: int = 0,
    ):
        if not callable(function):
            raise check.fail("function", "a function of a population", function)
        self.function = function
        self.name = getattr(function, "__name__", type(function).__name__) if name is None else str(name)
        if self.name == "<lambda>":
            raise check.fail("name", "given for a lambda", name)
        self.terminal = check.flag("terminal", terminal)
        if direction not in (-1, 0, 1):
            raise check.fail("direction", "-1 (downward), 1 (upward) or 0 (both)", direction)
        self.direction = direction

    def values(self, path: _Path) -> np.ndarray:
        """Values at several times, shape (k, m)."""
        rows = [self._checked(self.function(cloud), cloud) for cloud in path.clouds()]
        for row in rows:
            self.check_count(len(row), len(rows[0]))
        return np.array(rows)

    def check_count(self, count: int, before: int) -> None:
        """Refuse as many values as there were not before."""
        if count != before:
            raise ParameterError(f"`{self.name}` must be as many values at all times; got {count} after {before}")

    def _checked(self, value: Any, cloud: Population) -> np.ndarray:
        """A value as an array of shape (m,)."""
        found = check.array(self.name, value)
        if np.asarray(value).dtype == bool or found.shape not in ((), (len(cloud),)) or not np.isfinite(found).all():
            expected = f"a finite number that passes through zero, or {len(cloud)} of them, one for each particle"
            raise ParameterError(f"{check.fail(self.name, expected, value)} at t = {_times.text(cloud.time)}")
        return found.reshape(-1)

    def particles(self, number: int, of: int, n: int) -> Sequence[int]:
        """To which of n particles value number so and so, of so many, belongs."""
        return [number] if of == n else range(n)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class _OfPositions(Event):
    """An event whose value follows from the positions, of many clouds at once."""

    def __init__(self, name: str | None, terminal: bool, direction: int):
        name = type(self).__name__.lower() if name is None else name
        super().__init__(self._of_cloud, name=name, terminal=terminal, direction=direction)

    def _of_cloud(self, cloud: Population) -> Any:
        return self._at(cloud.positions)

    def _at(self, positions: np.ndarray) -> np.ndarray:
        """Values of positions of shape (..., n, d)."""
        raise NotImplementedError

    def values(self, path: _Path) -> np.ndarray:
        """Values at several times, all at once; positions are finite, and so are these."""
        return self._at(path.positions)


class Crossing(_OfPositions):
    """A particle crosses a plane, x_axis = at: of orbits in a plane a Poincare section.

    Parameters
    ----------
    axis : int
        Which coordinate. Default 0.
    at : float
        Where [length]. Default 0.
    direction : {-1, 0, 1}
        Downward, both, or upward. Default 0: both.
    name : str, optional
        Default "crossing".
    terminal : bool
        Whether the run ends there. Default False.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> sun = wls.Lagrangian(wls.External(wls.laws.Kepler()))
    >>> planet = wls.Population([[1.0, 0.0]], [[0.0, 1.0]])
    >>> orbit = wls.simulate(sun, planet, [20.0], dt=0.01, events=[wls.events.Crossing(axis=1, direction=1)])
    >>> (np.diff(orbit.events["crossing"].times) / (2 * np.pi)).round(4)                            # Kepler's period
    array([1., 1.])
    """

    def __init__(
        self, axis: int = 0, at: float = 0.0, *, direction: int = 0, name: str | None = None, terminal: bool = False
    ):
        self.axis, self.at = check.integer("axis", axis, least=0), check.real("at", at)
        super().__init__(name, terminal, direction)

    def _at(self, positions: np.ndarray) -> np.ndarray:
        if self.axis >= positions.shape[-1]:
            raise check.fail("axis", f"below {positions.shape[-1]}, the dimension of space", self.axis)
        return positions[..., self.axis] - self.at


class Escape(_OfPositions):
    """A particle leaves a ball.

    Parameters
    ----------
    radius : float
        Of the ball, positive [length].
    centre : sequence of d floats, optional
        Of the ball [length]. Default: the origin.
    name : str, optional
        Default "escape".
    terminal : bool
        Whether the run ends there. Default False.
    """

    def __init__(self, radius: float, centre: Any = 0.0, *, name: str | None = None, terminal: bool = False):
        self.radius = check.positive("radius", radius)
        self.centre = check.finite("centre", check.own(centre, np.atleast_1d(check.array("centre", centre))))
        super().__init__(name, terminal, 1)

    def _at(self, positions: np.ndarray) -> np.ndarray:
        if self.centre.shape not in ((1,), positions.shape[-1:]):
            raise check.fail("centre", f"a number, or {positions.shape[-1]} of them, one for each axis", self.centre)
        return np.linalg.norm(positions - self.centre, axis=-1) - self.radius


class Collision(_OfPositions):
    """Two particles come as near as a distance, the sum of their radii.

    All pairs are looked at: of a few hundred particles at most.

    Parameters
    ----------
    distance : float
        Positive [length].
    box : float or sequence of d floats, optional
        Side or sides of a periodic box [length], in which nearest images meet. Default: open space.
    name : str, optional
        Default "collision".
    terminal : bool
        Whether the run ends there. Default False.

    Examples
    --------
    >>> import wlmsim as wls
    >>> balls = wls.Population([[0.0], [10.0]], [[1.0], [-1.0]])
    >>> touch = wls.events.Collision(distance=2.0)
    >>> met = wls.simulate(wls.Lagrangian(), balls, [9.0], dt=0.3, events=[touch]).events["collision"]
    >>> met.times.round(9), met.particles
    (array([4.]), array([[0, 1]]))
    """

    def __init__(self, distance: float, *, box: Box | None = None, name: str | None = None, terminal: bool = False):
        self.distance = check.positive("distance", distance)
        self.box = checked_box(box, self.distance)
        super().__init__(name, terminal, -1)

    def _at(self, positions: np.ndarray) -> np.ndarray:
        first, second = np.triu_indices(positions.shape[-2], 1)
        apart = positions[..., first, :] - positions[..., second, :]
        if self.box is not None:
            apart = nearest_image(apart, lengths(self.box, positions.shape[-1]), np)
        return np.sqrt((apart**2).sum(axis=-1)) - self.distance

    def particles(self, number: int, of: int, n: int) -> Sequence[int]:
        """The two of a pair."""
        first, second = np.triu_indices(n, 1)
        return [int(first[number]), int(second[number])]


class _Happened(NamedTuple):
    time: float
    particles: Sequence[int]
    positions: np.ndarray
    velocities: np.ndarray


class Watch:
    """Looks for events in the steps of a run.

    Parameters
    ----------
    events : iterable of Event
        What to look for.
    state : State
        Where the run begins.
    moving : callable or None
        Velocities of a flow, of (positions, weights, time); None where particles have velocities of their own.
    """

    def __init__(
        self, events: Iterable[Event] | None, state: State, moving: Callable[..., np.ndarray] | None = None
    ) -> None:
        given = [] if events is None else [events] if isinstance(events, Event) else events
        self._events = list(check.sequence("events", given, "a list of events, such as wls.events.Collision(0.1)"))
        for event in self._events:
            check.instance("events", event, Event)
        names = [event.name for event in self._events]
        if len(set(names)) < len(names):
            raise check.fail("events", "of different names: give name='...' to each", names)
        self._moving, self._weights, self._n = moving, state.weights, len(state.positions)
        self._found: dict[str, list[_Happened]] = {name: [] for name in names}
        self._shape = state.positions.shape[1:]
        self._last = [event.values(self._alone(state))[0] for event in self._events]
        self.ended: str | None = None
        """Which event ended the run."""

    def __bool__(self) -> bool:
        return bool(self._events)

    @property
    def block(self) -> int:
        """Steps to look at at once."""
        return max(1, MOST // max(2 * self._n * self._shape[0], *(values.size for values in self._last)))

    def ends_within(self, inside: Callable[[float], State], part: float, after: State) -> State | None:
        """The state at which the run ends before `after`, within a step that is not done; else nothing is kept."""
        for event, before in zip(self._events, self._last, strict=True):
            if event.terminal and len(_passed(event.direction, before, self._values(event, after, before))):
                return self.look(inside, part, after)
        return None

    def look_along(
        self, times: np.ndarray, path: np.ndarray, inside: Callable[[int, float], State], dt: float
    ) -> State | None:
        """Look at several steps; see `look`.

        Parameters
        ----------
        times : ndarray, shape (k,)
            At which the steps end [time].
        path : ndarray, shape (k, 2, n, d)
            Positions and velocities there.
        inside : callable
            The state in a step, of its number and of how far in it is.
        dt : float
            Length of the steps [time].
        """
        clouds = _Path(times, path[:, 0], path[:, 1], self._weights, self._moving)
        along = [_values(event, clouds, len(before)) for event, before in zip(self._events, self._last, strict=True)]
        passed = set[int]()
        for event, before, then in zip(self._events, self._last, along, strict=True):
            passed.update(np.flatnonzero(_changes(event.direction, np.vstack([before, then])).any(1)).tolist())
        first = self._last
        for k in sorted(passed):
            self._last = first if k == 0 else [values[k - 1] for values in along]
            after = State(path[k, 0], path[k, 1], self._weights, float(times[k]))
            if (end := self.look(partial(inside, k), dt, after)) is not None:
                return end
        self._last = [values[-1] for values in along]
        return None

    def look(self, inside: Callable[[float], State], dt: float, after: State) -> State | None:
        """Look at one step, and keep what happens in it.

        Parameters
        ----------
        inside : callable
            The state in the step, of how far in it is.
        dt : float
            Length of the step [time].
        after : State
            Its end.

        Returns
        -------
        State or None
            The state at which the run ends, if it does.
        """
        now = [self._values(event, after, before) for event, before in zip(self._events, self._last, strict=True)]
        happened = []
        for event, before, then in zip(self._events, self._last, now, strict=True):
            for number in _passed(event.direction, before, then).tolist():
                part = self._root(event, number, before, after, inside, dt)
                happened.append((part, event, number, len(then)))
        happened.sort(key=lambda found: abs(found[0]))
        for part, event, number, of in happened:
            there = after if part == dt else inside(part)
            self._keep(event, number, of, there)
            if event.terminal:
                self.ended = event.name
                return there
        self._last = now
        return None

    @property
    def occurrences(self) -> dict[str, Occurrences]:
        """What happened until now, by the names of the events."""
        found = {}
        for event, values in zip(self._events, self._last, strict=True):
            rows = sorted(self._found[event.name], key=lambda row: row.time)
            each = len(event.particles(0, len(values), self._n)) if len(values) else 0
            shape = (len(rows), each, *self._shape)
            found[event.name] = Occurrences(
                np.array([row.time for row in rows], float),
                np.array([row.particles for row in rows], dtype=np.int64).reshape(shape[:2]),
                np.array([row.positions for row in rows], float).reshape(shape),
                np.array([row.velocities for row in rows], float).reshape(shape),
            )
        return found

    def _keep(self, event: Event, number: int, of: int, there: State) -> None:
        who = list(event.particles(number, of, self._n))
        x, w, t = there.positions, self._weights, there.time
        v = there.velocities if self._moving is None else self._moving(x, w, t)
        self._found[event.name].append(_Happened(t, who, x[who], v[who]))

    def _root(
        self, event: Event, number: int, before: np.ndarray, after: State, inside: Callable[[float], State], dt: float
    ) -> float:
        """How far in the step a value passes through zero: at the first moment to rounding where it has passed.

        So that a run which goes on from there does not meet the same passage again.
        """
        from scipy.optimize import brentq

        ends = before[number], self._values(event, after, before)[number]
        if ends[1] == 0:
            return dt

        def value(part: float) -> float:
            return (
                ends[0] if part == 0 else ends[1] if part == dt else self._values(event, inside(part), before)[number]
            )

        part = abs(brentq(value, 0.0, dt, xtol=4 * EPSILON * abs(dt), rtol=4 * EPSILON))
        further = 4 * EPSILON * abs(dt)
        part = max(part, 2 * float(np.spacing(abs(after.time))))  # later than the beginning, as times tell
        while part < abs(dt) and value(math.copysign(part, dt)) * ends[0] > 0:
            part, further = part + further, 2 * further
        return math.copysign(min(part, abs(dt)), dt)

    def _values(self, event: Event, state: State, before: np.ndarray) -> np.ndarray:
        """Values at one time, shape (m,), as many as before."""
        return _values(event, self._alone(state), len(before))[0]

    def _alone(self, state: State) -> _Path:
        times, x, v = np.array([state.time]), state.positions[None], state.velocities[None]
        return _Path(times, x, v, self._weights, self._moving)


def _values(event: Event, path: _Path, count: int) -> np.ndarray:
    """Values along a run that has begun, which cannot go on without them; as many as there were."""
    try:
        values = event.values(path)
        event.check_count(values.shape[1], count)
    except ParameterError as error:
        raise SimulationError(str(error)) from error
    return values


def _changes(direction: int, values: np.ndarray) -> np.ndarray:
    """Where values (k + 1, m) pass through zero from one row to the next, shape (k, m); reaching it is passing."""
    before, after = values[:-1], values[1:]
    upward, downward = (before < 0) & (after >= 0), (before > 0) & (after <= 0)
    return upward if direction > 0 else downward if direction < 0 else upward | downward


def _passed(direction: int, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Numbers of the values that pass through zero."""
    return np.flatnonzero(_changes(direction, np.stack([before, after]))[0])


def between(before: State, after: State, dt: float) -> Callable[[float], State]:
    """States within a step on a straight line, for paths with noise, which have no other that is known."""

    def inside(part: float) -> State:
        share = part / dt if dt and math.isfinite(dt) else 0.0
        x = before.positions + share * (after.positions - before.positions)
        v = before.velocities + share * (after.velocities - before.velocities)
        return State(x, v, before.weights, before.time + part)

    return inside
