"""A bar with the time left, for work that may be long."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

SHORT = 2.0
"""Seconds in which nothing is shown."""


class LateBar:
    """A bar that appears when work takes longer than two seconds, and goes when it is done.

    Parameters
    ----------
    title : str
        What is being done.
    count : int
        How many pieces it has.
    shown : bool
        Whether there is one. Default True.
    """

    def __init__(self, title: str, count: int, *, shown: bool = True):
        self._title, self._count, self._shown = title, count, shown
        self._done, self._began = 0, time.monotonic()
        self._bars: Any = None
        self._task: Any = None

    def __enter__(self) -> LateBar:
        return self

    def advance(self, pieces: int = 1) -> None:
        """More is done."""
        self._done += pieces
        if self._bars is not None:
            self._bars.advance(self._task, pieces)
        elif self._shown and time.monotonic() - self._began > SHORT:
            self._start()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=Console(stderr=True))
        self._task = self._bars.add_task(self._title, total=self._count, completed=self._done)
        self._bars.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()
