"""Packages that only some formats need."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from wlmsim.errors import MissingPackageError


def package(name: str, extra: str) -> Any:
    """Import a package that belongs to an extra.

    Raises
    ------
    MissingPackageError
        If it is not installed; the message names the extra.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != name:
            raise
        raise MissingPackageError(f"this needs the package {name}: pip install 'wlmsim[{extra}]'") from error
