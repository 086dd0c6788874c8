"""What jobs have in common, wherever they are done: how they are sent, and what is told of one whose worker died."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from wlmsim.errors import ParameterError

Send = Callable[[Any], None]
"""Sends a report to the process that asked for the work."""
Work = Callable[[Any, Send], Any]
"""A function of an item and of `Send`, whose results and reports can be pickled."""
Receive = Callable[[int, Any], None]
"""Called with the index of an item and each of its reports, in the order in which it sent them."""


class UnsendableError(ParameterError):
    """What was to be worked on cannot be sent to another process."""


@dataclass(frozen=True)
class Lost:
    """In place of the result of a job, each of whose workers died."""

    reason: str


def packed(work: Work, items: Sequence[Any], argument: str) -> list[bytes]:
    """Every item with its work as bytes, functions of the caller's script by value.

    Raises
    ------
    UnsendableError
        If one cannot be sent; the message names the argument that asked for it.
    """
    import cloudpickle

    try:
        return [cloudpickle.dumps((work, item)) for item in items]
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise UnsendableError(f"{argument} for what cannot be sent to another process ({error})") from error
