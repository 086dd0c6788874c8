"""The time that a study may take."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from wlmsim import _validation as check
from wlmsim.learn.training.callbacks import Record

SECONDS = {"s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}


class OutOfTimeError(Exception):
    """A fit was stopped because its time was over."""


class Clock:
    """Counts down from a budget.

    Parameters
    ----------
    seconds : float
        Wall time in all.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.started = time.monotonic()

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(self.seconds - self.spent, 0.0)

    def end(self, share: float) -> float:
        """Moment of the monotonic clock at which a share of the budget is spent."""
        return self.started + share * self.seconds


def stopper(end: float) -> Callable[[Record], None]:
    """A callback that stops a fit at a moment of the monotonic clock, unless it has just ended."""

    def stop(record: Record) -> None:
        if time.monotonic() > end and record.step < record.steps:
            raise OutOfTimeError

    return stop


def seconds_of(budget: Any) -> float:
    """A budget in seconds: a number of them, or a text such as "1 min" or "90 s".

    Raises
    ------
    ParameterError
        If it is neither, or not positive.
    """
    if isinstance(budget, str):
        found = re.fullmatch(r"\s*([0-9.]+)\s*([a-z]+?)s?\s*", budget.lower())
        unit = SECONDS.get(found[2]) or SECONDS.get(found[2] + "s") if found else None
        if found is None or unit is None:
            raise check.fail("budget", "a time such as '1 min', '90 s' or '2 h', or seconds", budget)
        return check.positive("budget", float(found[1]) * unit)
    return check.positive("budget", budget)
