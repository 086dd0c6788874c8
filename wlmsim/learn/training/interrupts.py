"""Ctrl-C during a fit: it waits for the end of the step, so that a checkpoint can be written."""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupts:
    """Within this context the first interrupt is only noted; a second one interrupts as always.

    Python handles signals in its main thread alone: in others, and where somebody else handles interrupts, nothing
    changes.

    Attributes
    ----------
    asked : bool
        Whether there was an interrupt.
    """

    def __init__(self) -> None:
        self.asked = False
        self._ours = False

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        self._ours = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._ours:
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        if self._ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            signal.default_int_handler(number, frame)
        self.asked = True
