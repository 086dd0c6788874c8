"""A bar with the time left, for work that may be long, and a word where nothing can be counted."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Any

SHORT = 2.0
"""Seconds in which nothing is shown."""
QUIET: ContextVar[bool] = ContextVar("quiet", default=False)
"""Whether nothing but results and problems is to be told, as under ``--quiet``."""
PAUSE = 1.0
"""Seconds after which work that begins again is other work."""


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


class LateWord:
    """A line on the standard error when work that cannot be counted takes longer than two seconds.

    Parts of work that follow each other within a second count as one, of which one line is printed.

    Parameters
    ----------
    text : str
        What is being done.
    """

    def __init__(self, text: str):
        self._text = text
        self._spent, self._began, self._ended, self._said = 0.0, 0.0, -PAUSE, False
        self._timer: threading.Timer | None = None

    def begin(self) -> None:
        """Work begins."""
        self._began = time.monotonic()
        if self._began - self._ended > PAUSE:
            self._spent, self._said = 0.0, False
        if not (self._said or QUIET.get()):
            self._timer = threading.Timer(max(SHORT - self._spent, 0.0), self._say)
            self._timer.daemon = True
            self._timer.start()

    def end(self) -> None:
        """It is done."""
        self._ended = time.monotonic()
        self._spent += self._ended - self._began
        if self._timer is not None:
            self._timer.cancel()

    def _say(self) -> None:
        self._said = True
        print(self._text, file=sys.stderr, flush=True)


@contextmanager
def telling(text: str) -> Iterator[None]:
    """Say what is done in here, if it takes longer than two seconds."""
    word = LateWord(f"{text} ...")
    word.begin()
    try:
        yield
    finally:
        word.end()
