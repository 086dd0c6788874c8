"""A trial of foreign HDF5 files: a process of its own reads them first.

The HDF5 library, which all packages that read such files share, ends the whole process on some damaged files, and on
others it never returns. Files of wlmsim keep nothing where that happens (strings of variable length) and need no trial.
"""

from __future__ import annotations

import atexit
import os
import selectors
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from wlmsim.errors import FileFormatError
from wlmsim.io import believed

PATIENCE = 20.0
"""Seconds within which a file must have been read, and one more for every ten megabytes."""
IDLE = 60
"""Seconds after which the process ends if no file came."""
WHOLE = 64 * 2**20
"""Bytes up to which all values of a file are read; of a larger one those whose size varies are."""
ROOM = 4 * 2**30
"""Bytes of memory that a trial may take."""

PROGRAM = """
import math, os, select, sys
import h5py

try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, ({room}, {room}))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, ValueError, OSError):
    pass

def look(path):
    whole = os.path.getsize(path) <= {whole}
    def visit(name, item):
        for key in item.attrs:
            item.attrs[key]
        if isinstance(item, h5py.Dataset) and item.shape is not None and (whole or item.dtype.hasobject):
            most = max({large}, {densest} * item.id.get_storage_size())
            if item.dtype.itemsize * max(item.size, math.prod(item.chunks or (0,))) > most:
                return  # the reader refuses it
            if item.chunks:
                for chunk in item.iter_chunks():
                    item[chunk]
            else:
                item[()]
    with h5py.File(path, "r") as file:
        visit("/", file)
        file.visititems(visit)

for line in iter(lambda: select.select([0], [], [], {idle})[0] and sys.stdin.readline(), []):
    if not line:
        break
    answer = "read"
    try:
        look(bytes.fromhex(line).decode("utf-8", "surrogateescape"))
    except MemoryError:
        answer = "memory"
    except BaseException as error:
        answer = "memory" if "alloc" in str(error) else "error"
    print(answer, flush=True)
"""
"""What the process does: it answers a line for every path; errors are left for the reader itself to meet."""


class Trial:
    """The process that reads first; it is started when it is needed, and ends when it is idle or this one ends."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def read(self, path: Path) -> None:
        """Let the process read a file.

        Raises
        ------
        FileFormatError
            If it ended by that, or did not within `PATIENCE`, or took more memory than `ROOM`.
        """
        line = str(path.resolve()).encode("utf-8", "surrogateescape").hex() + "\n"
        patience = PATIENCE + path.stat().st_size / 1e7
        with self._lock:
            answer = self._asked(line, patience)
            if answer == "" and self._ended_by_itself():  # idle for too long just when it was asked
                answer = self._asked(line, patience)
            if answer is None:
                self.end()
                raise FileFormatError(f"{path}: it is damaged: the HDF5 library does not come to an end with it")
            if answer == "":
                self.end()
                raise FileFormatError(f"{path}: it is damaged: the HDF5 library crashes when it reads it")
        if answer == "memory":
            raise FileFormatError(f"{path}: it asks for more memory than {ROOM / 2**30:g} GiB")

    def end(self) -> None:
        """End the process, if this is the process that started it."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.communicate()
        self._process = None

    def _asked(self, line: str, patience: float) -> str | None:
        """The answer; empty if the process ended, None if there is none in time."""
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._start()
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(patience):
                return None
        return self._process.stdout.readline().strip()

    def _start(self) -> None:
        program = PROGRAM.format(room=ROOM, whole=WHOLE, idle=IDLE, large=believed.LARGE, densest=believed.DENSEST)
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for the reader
        )

    def _ended_by_itself(self) -> bool:
        return self._process is not None and self._process.wait() == 0


_trial = Trial()
atexit.register(_trial.end)
_tried: dict[tuple[int, int, int, int], None] = {}


def try_reading(path: Path) -> None:
    """Let a process of its own read an HDF5 file, if it has not read the same before.

    Raises
    ------
    FileFormatError
        If that process crashed, or did not come to an end, or took too much memory.
    """
    if os.name != "posix" or not sys.executable:  # no pipes to wait for, or no Python to start
        return
    found = path.stat()
    mark = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
    if mark not in _tried:
        _trial.read(path)
        _tried[mark] = None
