"""The one door from data to files: objects of this room have `load` and `save`, which `wlmsim.io` does for them.

`wlmsim.io` imports the classes of this room. The face of the package, which loads it when it is first used, is asked
for it here, so that no module of this room imports it and ``import wlmsim`` stays light.
"""

from __future__ import annotations

from typing import Any


def door() -> Any:
    """Return the package `wlmsim.io`."""
    import wlmsim

    return wlmsim.io
