"""The time that a study may take."""

from __future__ import annotations

import re
import time
from typing import Any

from wlmsim import _validation as check

SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
"""Units of time by the words for them."""


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


def seconds_of(budget: Any) -> float:
    """A budget in seconds: a number of them, or a text such as "1 min" or "90 s".

    Raises
    ------
    ParameterError
        If it is neither, or not positive.
    """
    if isinstance(budget, str):
        found = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*([a-z]+)\s*", budget.lower())
        if found is None or found[2] not in SECONDS:
            raise check.fail("budget", "a time such as '1 min', '90 s' or '2 h', or seconds", budget)
        return check.positive("budget", float(found[1]) * SECONDS[found[2]])
    return check.positive("budget", budget)
