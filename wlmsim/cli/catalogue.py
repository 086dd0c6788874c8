"""The systems by their names on the command line."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wlmsim.systems import System


def systems() -> dict[str, type[System]]:
    """Return every exported system by its name on the command line."""
    from wlmsim import systems

    exported = (getattr(systems, name) for name in systems.__all__)
    return {_kebab(s.__name__): s for s in exported if not inspect.isabstract(s)}


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
