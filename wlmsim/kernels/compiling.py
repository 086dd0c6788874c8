"""A word about what Numba compiles, which may take longer than the run that waits for it."""

from __future__ import annotations

import time
from multiprocessing import parent_process

from numba.core import event

from wlmsim._progress import LateWord


class _Listener(event.Listener):
    """Counts the time from the outermost beginning of a compilation to its end."""

    def __init__(self) -> None:
        self._word = LateWord("compiling loops for these laws: once on this machine, then they are kept")
        self._depth, self._began = 0, 0.0
        self.seconds = 0.0

    def on_start(self, happened: event.Event) -> None:
        self._depth += 1
        if self._depth == 1:
            self._began = time.monotonic()
            self._word.begin()

    def on_end(self, happened: event.Event) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._word.end()
            self.seconds += time.monotonic() - self._began


_LISTENER = _Listener()


def announce_compilation() -> None:
    """Say so on the standard error where compilation takes longer than two seconds; once, not in every worker."""
    if parent_process() is None:
        event.register("numba:compile", _LISTENER)


def seconds_compiled() -> float:
    """Wall time that this process has spent on compilation [s]."""
    return _LISTENER.seconds
