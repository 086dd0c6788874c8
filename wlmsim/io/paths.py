"""Names of files as users write them."""

from __future__ import annotations

import difflib
import errno
from pathlib import Path

from wlmsim.errors import FileFormatError


def local(path: str | Path) -> Path:
    """A path in which a leading ``~`` is the user's folder, as shells have it and file systems do not."""
    return Path(path).expanduser()


def existing(path: str | Path, *, folder: bool = False) -> Path:
    """The same, of a file, or a folder where that is wanted, that must be there.

    Raises
    ------
    FileNotFoundError
        If it is not; the message names a neighbour that is spelt alike.
    FileFormatError
        If it is a folder, or a pipe or a device, which could be waited for without end.
    """
    found = local(path)
    if found.is_file() or (folder and found.is_dir()):
        return found
    if found.is_dir():
        raise FileFormatError(f"{path}: it is a folder, not a file")
    if found.exists():
        raise FileFormatError(f"{path}: it is a pipe or a device, not a file; save what comes from it as a file first")
    above = found.parent
    if not above.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(above))
    close = difflib.get_close_matches(found.name, [other.name for other in above.iterdir()], n=1, cutoff=0.7)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise FileNotFoundError(errno.ENOENT, f"No such file or directory{hint}", str(found))
