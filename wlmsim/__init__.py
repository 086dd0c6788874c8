"""wlmsim: simulate populations from first principles, and learn their mechanics from snapshots."""

from typing import Any

from wlmsim._about import version as _version
from wlmsim._lazy import attach as _attach

_load, __dir__, __all__ = _attach(__name__, __file__)


def __getattr__(name: str) -> Any:
    return _version() if name == "__version__" else _load(name)
