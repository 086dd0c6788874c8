"""Which steps a run takes: from its start on, whatever is recorded."""

from __future__ import annotations

import math

import numpy as np

EPSILON = float(np.finfo(float).eps)


class TimeGrid:
    """Steps of one length from a start to an end, which may cut the last one short.

    Parameters
    ----------
    start, end : float
        Time at which the run begins, and at which it ends, which may be before [time].
    dt : float
        The time step, positive [time].

    Attributes
    ----------
    steps : int
        Number of steps.
    """

    def __init__(self, start: float, end: float, dt: float):
        self._start, self._end = start, end
        self._dt = math.copysign(min(dt, abs(end - start)), end - start) if end != start else dt
        position = (end - start) / self._dt
        # an end that is a whole number of steps away but for rounding is given no further one
        self._whole = self._is_whole(position, end)
        self.steps = round(position) if self._whole else math.ceil(position)

    def time(self, step: int) -> float:
        """When a step begins, of those numbered from 0 on; of one more than there are, the end."""
        return self._end if step == self.steps else self._start + step * self._dt

    def length(self, step: int) -> float:
        """Length of a step, negative of those back in time [time]."""
        return self._dt if self._whole or step < self.steps - 1 else self._end - self.time(step)

    def alike(self, step: int, until: int) -> tuple[float, int, int]:
        """A time, the number of a step from there on, and of those from it up to another that are as long."""
        last = self.steps if self._whole else self.steps - 1
        return (self._start, step, min(until, last) - step) if step < last else (self.time(step), 0, 1)

    def place(self, time: float) -> tuple[int, float]:
        """The step that a time falls in, and how far in it is; 0 at its beginning but for rounding."""
        if time == self._end:
            return self.steps, 0.0
        position = (time - self._start) / self._dt
        if self._is_whole(position, time):
            return round(position), 0.0
        step = math.floor(position)
        return step, time - self.time(step)

    def _is_whole(self, position: float, time: float) -> bool:
        rounding = 4 * EPSILON * max(abs(self._start), abs(time)) / abs(self._dt)
        return abs(position - round(position)) <= 1e-9 + rounding


class RecordedGrid:
    """One step from each recorded time to the next.

    Parameters
    ----------
    start : float
        Time at which the run begins [time].
    times : ndarray, shape (T,)
        Recorded times in the order in which they come, away from the start [time].

    Attributes
    ----------
    steps : int
        Number of steps.
    """

    def __init__(self, start: float, times: np.ndarray):
        self._nodes = times if times[0] == start else np.concatenate([[start], times])
        self.steps = len(self._nodes) - 1
        self._sign = -1.0 if self._nodes[-1] < start else 1.0

    def time(self, step: int) -> float:
        """When a step begins, of those numbered from 0 on; of one more than there are, the end."""
        return float(self._nodes[step])

    def length(self, step: int) -> float:
        """Length of a step [time]."""
        return self.time(step + 1) - self.time(step)

    def alike(self, step: int, until: int) -> tuple[float, int, int]:
        """The time of a step, and that it is one by itself; see `TimeGrid`."""
        return self.time(step), 0, 1

    def place(self, time: float) -> tuple[int, float]:
        """The step that begins at a recorded time, and 0."""
        return int(np.searchsorted(self._sign * self._nodes, self._sign * time)), 0.0
