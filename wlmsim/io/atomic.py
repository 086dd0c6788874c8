"""Write a file wholly or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wlmsim.io.paths import local


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Write a file wholly or not at all: yield a temporary path beside it, renamed onto it on success.

    The body writes and closes the temporary file. It is then flushed to the disk, renamed over `path` in one
    step, and the folder is flushed too, so that after a crash there is either the old file or the new one. On
    any failure the temporary file is removed and `path` stays as it was.

    Parameters
    ----------
    path : str or Path
        The file to write; a leading ``~`` is the user's folder. A link is followed; an existing file is replaced and
        keeps its permissions.

    Yields
    ------
    Path
        A path that does not exist yet, hidden, in the same folder and with the same suffix.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    IsADirectoryError
        If `path` is a folder.
    PermissionError
        If the folder is not writable.
    OSError
        If `path` is a device or a pipe, or if writing fails.

    Examples
    --------
    >>> with atomic("note.txt") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("whole")
    """
    target = Path(os.path.realpath(local(path)))
    _check_writable(target, path)
    # The suffix stays last because many writers choose the format by it.
    temporary = target.with_name(f".wlmsim-{secrets.token_hex(8)}{target.suffix}")
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        _flush(temporary, os.O_RDWR)
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(target.parent)


def _check_writable(target: Path, given: str | Path) -> None:
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(given))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "Not a regular file", str(given))
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(target.parent))
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "Folder is not writable", str(target.parent))


def _flush(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a folder cannot be opened
    try:
        _flush(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot flush a folder
            raise
