"""Names of files as users write them."""

from __future__ import annotations

import difflib
import errno
from pathlib import Path


def local(path: str | Path) -> Path:
    """A path in which a leading ``~`` is the user's folder, as shells have it and file systems do not."""
    return Path(path).expanduser()


def existing(path: str | Path) -> Path:
    """The same, of a file that must be there.

    Raises
    ------
    FileNotFoundError
        If it is not; the message names a neighbour that is spelt alike.
    """
    found = local(path)
    if found.exists():
        return found
    folder = found.parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(folder))
    close = difflib.get_close_matches(found.name, [other.name for other in folder.iterdir()], n=1, cutoff=0.7)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise FileNotFoundError(errno.ENOENT, f"No such file or directory{hint}", str(found))
