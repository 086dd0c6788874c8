"""Warnings that point at the line of the user, however deep in the package they arise."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from pathlib import Path

_WITHIN = (f"{Path(__file__).parent}{os.sep}", contextlib.__file__)
"""Where no line of the user is: the package, and what runs its context managers."""


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the nearest line outside the package that leads here.

    `skip_file_prefixes` of `warnings.warn` does so too, from Python 3.12.

    Parameters
    ----------
    message : str
        What is said.
    category : type
        The kind of warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_WITHIN):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
