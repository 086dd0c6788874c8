"""Compiled loops (Numba): no classes, no choices of physics.

Numba keeps what it compiles beside these files or in the user's cache. Where neither can be written, as in a shared
installation without a home, it does so in a folder that lives as long as the process. Loops run in forked children and
called by several threads too, on any of Numba's threading layers (see `launches`).
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import numba

from wlmsim._warning import warn
from wlmsim.kernels.compiling import announce_compilation
from wlmsim.kernels.launches import guard_launches


def _can_be_kept() -> bool:
    """Whether Numba finds a place for what it compiles here, by its own search."""
    try:
        numba.njit(cache=True)(_can_be_kept)
    except (RuntimeError, OSError):
        return False
    return True


def _keep_for_this_process() -> None:
    """Let Numba write into a new folder, which goes with the process; its children write there too."""
    folder = tempfile.mkdtemp(prefix="wlmsim-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = folder
    numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]  # it has read the variable already
    warn(
        "compiled code cannot be kept beside the package or in the user's cache, and is compiled anew each time: "
        "set NUMBA_CACHE_DIR to a folder that can be written to",
        RuntimeWarning,
    )


if not _can_be_kept():
    _keep_for_this_process()

guard_launches()
announce_compilation()
