"""wlmsim: simulate populations from first principles, and learn their mechanics from snapshots."""

from wlmsim._about import version as _version  # noqa: F401
from wlmsim._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__, __file__)
