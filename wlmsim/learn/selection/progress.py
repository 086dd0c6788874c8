"""How many fits of a comparison are done, and the time left."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

SHORT = 2.0
"""Seconds in which nothing is shown."""


class JobsBar:
    """A bar that appears when work takes longer than two seconds.

    Parameters
    ----------
    count : int
        Jobs in all.
    shown : bool
        Whether there is one.
    """

    def __init__(self, count: int, *, shown: bool = True):
        columns = (TextColumn("fits"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=Console(stderr=True))
        self._task = self._bars.add_task("", total=count)
        self._began, self._shown, self._started = time.monotonic(), shown, False

    def __enter__(self) -> JobsBar:
        return self

    def advance(self) -> None:
        """One more is done."""
        self._bars.advance(self._task)
        if self._shown and not self._started and time.monotonic() - self._began > SHORT:
            self._bars.start()
            self._started = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._started:
            self._bars.stop()
