"""What was measured along a run, and what happened in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.errors import ParameterError


class Observations(Mapping[str, np.ndarray]):
    """Observables by name, each with a row for each time; what ``trajectory.observables`` is.

    Parameters
    ----------
    times : array_like, shape (S,)
        Strictly increasing times of the observations, which need not be those of the frames [time].
    values : mapping
        For each name an array of shape (S, ...).

    Raises
    ------
    ParameterError
        If an array has not a row for each time.

    Examples
    --------
    >>> import wlmsim as wls
    >>> run = wls.systems.HarmonicOscillator(n=5, seed=0).simulate([0, 1, 2], observables=["energy", "momentum"])
    >>> run.observables
    Observations(times=3 in 0..2: energy, momentum (3, 2))
    """

    def __init__(self, times: Any = (), values: Mapping[str, Any] | None = None):
        self.times = np.empty(0) if np.size(times) == 0 else check.times("times", times)
        self._values = {name: np.asarray(value) for name, value in (values or {}).items()}
        for name, value in self._values.items():
            if value.ndim == 0 or len(value) != len(self.times):
                raise check.fail(f"values[{name!r}]", f"an array of {len(self.times)} rows, one for each time", value)

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._values:
            known = ", ".join(map(repr, self._values)) or "none"
            raise KeyError(f"{name!r} was not observed; known are {known}{check.meant(name, list(self._values))}")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        if not self._values:
            return "Observations(none)"
        shapes = (f"{name}{'' if value.ndim == 1 else f' {value.shape}'}" for name, value in self._values.items())
        return f"Observations(times={len(self.times)} in {_times.span(self.times)}: {', '.join(shapes)})"

    def of_frames(self, times: np.ndarray, chosen: np.ndarray) -> Observations:
        """Those that belong to some of the frames: at their times, if each frame has one, else within their span."""
        if np.array_equal(times, self.times):
            return self._at(chosen)
        return self.within(*span_of(times, chosen))

    def within(self, first: float, last: float) -> Observations:
        """Those from one time to another, both included."""
        return self._at(np.flatnonzero((self.times >= first) & (self.times <= last)))

    def followed_by(self, other: Observations) -> Observations:
        """These and then the later ones of others; where only one side has a name, it is NaN on the other."""
        if not self or not other:
            return self or other
        later = np.flatnonzero(other.times > self.times[-1])
        values = {}
        for name in {**self, **other}:
            shapes = {side[name].shape[1:] for side in (self, other) if name in side}
            if len(shapes) > 1:
                raise ParameterError(f"the observable {name!r} must have one shape to be joined; got {sorted(shapes)}")
            (shape,) = shapes
            values[name] = np.concatenate([self._or_nan(name, shape), other._or_nan(name, shape)[later]])
        return Observations(np.concatenate([self.times, other.times[later]]), values)

    def _or_nan(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        return self[name] if name in self else np.full((len(self.times), *shape), np.nan)

    def _at(self, rows: np.ndarray) -> Observations:
        if len(rows) == 0:
            return Observations()
        return Observations(self.times[rows], {name: value[rows] for name, value in self._values.items()})


@dataclass(frozen=True)
class Occurrences:
    """When an event happened, and to whom; what ``trajectory.events[name]`` is.

    Parameters
    ----------
    times : ndarray, shape (m,)
        When, in order [time].
    particles : ndarray of integers, shape (m, k)
        To which particles: one, a pair, or all where the event is one of the whole cloud.
    positions, velocities : ndarray, shape (m, k, d)
        Where they were, and how fast [length], [length / time].
    """

    times: np.ndarray
    particles: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        when = f" in {_times.span(self.times)}" if len(self) else ""
        return f"Occurrences({len(self)}{when})"

    def within(self, first: float, last: float) -> Occurrences:
        """Those from one time to another, both included."""
        return self._at((self.times >= first) & (self.times <= last))

    def followed_by(self, other: Occurrences) -> Occurrences:
        """These and then others."""
        if self.positions.shape[1:] != other.positions.shape[1:]:
            raise ParameterError(
                "events of one name must be of as many particles, in as many dimensions, to be joined; got "
                f"{self.positions.shape[1:]} and {other.positions.shape[1:]}"
            )
        return Occurrences(*(np.concatenate(pair) for pair in zip(self._columns(), other._columns(), strict=True)))

    def _columns(self) -> tuple[np.ndarray, ...]:
        return self.times, self.particles, self.positions, self.velocities

    def _at(self, rows: np.ndarray) -> Occurrences:
        return Occurrences(*(column[rows] for column in self._columns()))


def span_of(times: np.ndarray, chosen: np.ndarray) -> tuple[float, float]:
    """First and last time of some frames; without end where they are the first and the last of all."""
    first, last = chosen.min(), chosen.max()
    return -np.inf if first == 0 else times[first], np.inf if last == len(times) - 1 else times[last]


def within(events: Mapping[str, Occurrences], first: float, last: float) -> dict[str, Occurrences]:
    """Occurrences by name from one time to another, both included."""
    return {name: found.within(first, last) for name, found in events.items()}
