"""The one door from data to files: objects of this room have `load` and `save`, which `wlmsim.io` does for them.

`wlmsim.io` imports the classes of this room. Here it is found by its name, when a file is first read or written, so
that no module of this room imports it and ``import wlmsim`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def door() -> Any:
    """Return the package `wlmsim.io`."""
    return import_module("wlmsim.io")
