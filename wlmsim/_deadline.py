"""A moment up to which what is begun may last: long work checks the clock between its parts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

_END: ContextVar[float] = ContextVar("end", default=math.inf)
_LAST: ContextVar[float] = ContextVar("last", default=math.inf)


class OutOfTimeError(Exception):
    """Work was stopped because its time was over."""


def until(end: float) -> AbstractContextManager[None]:
    """Stop what checks the clock in here at a moment of the monotonic clock, or at an earlier one of before."""
    return _no_later(_END, end)


def check() -> None:
    """Stop here if time is over.

    Raises
    ------
    OutOfTimeError
        If it is.
    """
    if time.monotonic() > _END.get():
        raise OutOfTimeError


def enough_by(moment: float) -> AbstractContextManager[None]:
    """Let what improves step by step in here end at a moment of the monotonic clock with what it has reached."""
    return _no_later(_LAST, moment)


def is_enough() -> bool:
    """Whether that moment is over."""
    return time.monotonic() > _LAST.get()


@contextmanager
def _no_later(variable: ContextVar[float], moment: float) -> Iterator[None]:
    token = variable.set(min(moment, variable.get()))
    try:
        yield
    finally:
        variable.reset(token)
