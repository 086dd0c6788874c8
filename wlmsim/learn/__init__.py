"""Learn the Lagrangian of a population from snapshots (torch)."""

import os as _os
import sys as _sys

from wlmsim._lazy import attach as _attach

__getattr__, __dir__, __all__ = _attach(__name__, __file__)


def _on_one_thread() -> None:
    """Keep torch from waiting in a forked child for threads that the fork has left behind."""
    torch = _sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)


if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(after_in_child=_on_one_thread)
