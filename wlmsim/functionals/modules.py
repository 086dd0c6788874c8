"""Python modules of printed laws, kept in a folder so that Numba keeps beside them what it has compiled.

The folder is ``wlmsim/laws`` in the user's cache, or in ``NUMBA_CACHE_DIR``. A module is named by a digest of its text
and of the kernels that it is compiled with. Beyond `MOST` modules those go that were used longest ago. Where nothing
can be written, laws are compiled anew in each process.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
import time
import types
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from wlmsim._warning import warn

MOST = 500
"""Modules that are kept; each takes about 0.1 MB with what Numba keeps of it."""


def kept(text: str) -> types.ModuleType:
    """A module of this text from the folder; one of this process alone if there is no folder."""
    folder = usable_folder()
    if folder is None:
        return made(text)
    name = f"wlmsim_law_{hashlib.sha256((_stamp() + text).encode()).hexdigest()[:32]}"
    path = folder / f"{name}.py"
    if not path.exists():
        _write(path, "CACHE = True\n" + text)
        _prune(folder)
    _note_use(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # Numba looks functions up by their module
    spec.loader.exec_module(module)
    return module


def made(text: str) -> types.ModuleType:
    """A module of this text which nothing is kept of."""
    module = types.ModuleType("wlmsim_law")
    exec(compile("CACHE = False\n" + text, "<law>", "exec"), vars(module))
    return module


def folder() -> Path:
    """Where modules are kept."""
    if own := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(own) / "wlmsim" / "laws"
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "wlmsim" / "laws"


@lru_cache(maxsize=1)
def usable_folder() -> Path | None:
    """The folder if it can be written to; `None`, with a warning once, if not."""
    try:
        path = folder()
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        warn(
            f"compiled laws cannot be kept, and are compiled anew in each process: {error}; "
            "set NUMBA_CACHE_DIR to a folder that can be written to",
            RuntimeWarning,
        )
        return None


@lru_cache(maxsize=1)
def _stamp() -> str:
    """Digest of the kernels, which are compiled into what is kept."""
    from wlmsim import kernels

    digest = hashlib.sha256()
    for path in sorted(Path(kernels.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _write(path: Path, text: str) -> None:
    """Write a file that other processes see as a whole or not at all."""
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(part, path)


def _note_use(path: Path) -> None:
    """Set the time of the last use; that of the last change stays, by which Numba knows a module again."""
    with suppress(OSError):  # the folder of another user
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def _prune(folder: Path) -> None:
    """Remove the modules beyond `MOST` that were used longest ago, and what Numba keeps of such as are gone.

    Another process may do so at the same time, and one that has loaded a module does not need its file.
    """

    def used(path: Path) -> int:
        try:
            return path.stat().st_atime_ns
        except OSError:
            return 0

    modules = sorted(folder.glob("wlmsim_law_*.py"), key=used)
    there = {path.stem for path in modules}
    gone = modules[:-MOST]
    there -= {path.stem for path in gone}
    compiled = (folder / "__pycache__").glob("wlmsim_law_*")
    for path in [*gone, *(path for path in compiled if path.name.partition(".")[0] not in there)]:
        with suppress(OSError):  # removed by another process, or in use on Windows
            path.unlink()
