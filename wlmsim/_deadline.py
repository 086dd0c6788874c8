"""A moment up to which what is begun may last: long work checks the clock between its parts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_END: ContextVar[float] = ContextVar("end", default=math.inf)
_LAST: ContextVar[float] = ContextVar("last", default=math.inf)


class OutOfTimeError(Exception):
    """Work was stopped because its time was over."""


@contextmanager
def until(end: float) -> Iterator[None]:
    """Stop what checks the clock in here at a moment of the monotonic clock, or at an earlier one of before."""
    token = _END.set(min(end, _END.get()))
    try:
        yield
    finally:
        _END.reset(token)


def check() -> None:
    """Stop here if time is over.

    Raises
    ------
    OutOfTimeError
        If it is.
    """
    if time.monotonic() > _END.get():
        raise OutOfTimeError


@contextmanager
def enough_by(moment: float) -> Iterator[None]:
    """Let what improves step by step in here end at a moment of the monotonic clock with what it has reached."""
    token = _LAST.set(min(moment, _LAST.get()))
    try:
        yield
    finally:
        _LAST.reset(token)


def is_enough() -> bool:
    """Whether that moment is over."""
    return time.monotonic() > _LAST.get()
