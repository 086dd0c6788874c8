"""One way to refuse a file: whatever a reader raises on it becomes an error of wlmsim that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wlmsim.errors import FileFormatError, MissingPackageError, WlmsimError


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Within it a file is read: what goes wrong there becomes an error of wlmsim whose message names the file.

    Readers of other packages raise whatever they stumble over in a damaged file. That a file is not there or may not
    be read is said by Python itself, which names it.

    Raises
    ------
    FileFormatError
        If anything but an error of wlmsim was raised.
    """
    try:
        yield
    except (MissingPackageError, Warning):
        raise
    except (FileNotFoundError, PermissionError):
        raise
    except WlmsimError as error:
        if Path(path).name in str(error):
            raise
        raise type(error)(f"{_message(error)} (in {path})") from error
    except MemoryError as error:
        raise FileFormatError(f"{path}: it asks for more memory than there is") from error
    except Exception as error:
        raise FileFormatError(f"{path}: it is damaged, or not what its name says ({_message(error)})") from error


def _message(error: BaseException) -> str:
    """What an error says, in one line, and which it is where it says little."""
    text = one_line(error)
    plain = isinstance(error, (WlmsimError, OSError, ValueError)) or text == type(error).__name__
    return text if plain else f"{type(error).__name__}: {text}"


def one_line(error: BaseException) -> str:
    """What an error says, in one line: of the system what went wrong, not by which number; its name if nothing."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else error.args[0] if error.args else ""
    return " ".join(str(said).split())[:300] or type(error).__name__
