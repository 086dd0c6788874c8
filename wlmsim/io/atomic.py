"""Write a file wholly or not at all, and by one process at a time."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from wlmsim.io.paths import local

NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""What file systems that have no locks answer."""
FULL = {errno.ENOSPC: "No space left", errno.EDQUOT: "quota exceeded", errno.EFBIG: "File too large"}
"""What is said where there is no room, by number; libraries that write pass on the one or the other."""


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Write a file wholly or not at all: yield a temporary path beside it, renamed onto it on success.

    The body writes and closes the temporary file. It is then flushed to the disk, renamed over `path` in one
    step, and the folder is flushed too, so that after a crash there is either the old file or the new one. On
    any failure the temporary file is removed and `path` stays as it was; one that a killed process left is removed
    when the same file is next written.

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
    BlockingIOError
        If another process, or thread, is writing the same file.
    OSError
        If `path` is a device or a pipe, or if writing fails, for example because the disk is full.

    Examples
    --------
    >>> with atomic("note.txt") as temporary:  # doctest: +SKIP
    ...     temporary.write_text("whole")
    """
    target = Path(os.path.realpath(local(path)))
    _check_writable(target, path)
    with claimed(target, path) as alone:
        # The suffix stays last because many writers choose the format by it.
        token = "part" if alone else secrets.token_hex(8)
        temporary = _hidden(target, f"{token}{target.suffix}")
        if alone:  # whoever left one here was killed
            temporary.unlink(missing_ok=True)
        try:
            yield temporary
            if target.exists():
                shutil.copymode(target, temporary)
            _flush(temporary, os.O_RDWR)
            os.replace(temporary, target)
        except BaseException as error:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            if isinstance(error, Exception) and (number := _full(error)):
                raise OSError(number, os.strerror(number), str(path)) from error
            raise
    _flush_folder(target.parent)


@contextmanager
def claimed(target: Path, given: str | Path, purpose: str = "") -> Iterator[bool]:
    """Within it no other process or thread claims the same file for the same purpose.

    The claim is a lock on a hidden file beside it, which the system releases however a process ends.

    Yields
    ------
    bool
        Whether it is claimed: not where the file system has no locks.

    Raises
    ------
    BlockingIOError
        If it is claimed already.
    """
    lock = _hidden(target, f"{purpose}lock")
    try:
        descriptor = _locked(lock)
    except BlockingIOError:
        raise BlockingIOError(errno.EAGAIN, "Another process is writing this file", str(given)) from None
    except OSError as error:
        raise type(error)(error.errno, os.strerror(error.errno or 0), str(given)) from error
    if descriptor is None:
        yield False
        return
    try:
        yield True
    finally:
        with suppress(OSError):
            lock.unlink(missing_ok=True)  # while it is held: who waits for it will see that it is another file
        os.close(descriptor)


def _locked(lock: Path) -> int | None:
    """A descriptor that holds the lock of a file; None where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return None
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if lock.exists() and os.path.samestat(os.fstat(descriptor), lock.stat()):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise
        except FileNotFoundError:  # removed just now by the one who held it
            pass
        except OSError as error:
            os.close(descriptor)
            lock.unlink(missing_ok=True)
            if error.errno in NO_LOCKS:
                return None
            raise
        os.close(descriptor)


def _hidden(target: Path, name: str) -> Path:
    """A hidden neighbour of a file, the same for each name, however long the file's own is."""
    return target.with_name(f".wlmsim-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-{name}")


def _full(error: BaseException | None) -> int:
    """The number of the reason why there is no room, if that is what an error or its causes tell of; else 0."""
    while error is not None:
        for number, words in FULL.items():
            if getattr(error, "errno", None) == number or words in str(error) or f"errno = {number}," in str(error):
                return number
        error = error.__cause__ or error.__context__
    return 0


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
