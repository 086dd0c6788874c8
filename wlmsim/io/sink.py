"""Where HDF5 files are written: a file that fails once, so that the HDF5 library can close it on a full disk too."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


class _Sink(io.RawIOBase):
    """A file for the HDF5 library, which ends the whole process if it cannot write what it still holds as it closes.

    From the first write that fails on nothing is written any more, without a word to the library: the error is kept,
    and raised once the file is closed, or by `check_written`; the file is to be removed.
    """

    def __init__(self, path: Path):
        self._file = path.open("x+b", buffering=0)
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        if self.error is not None:
            return size
        try:
            written = 0
            while written < size:
                written += self._file.write(memoryview(data).cast("B")[written:]) or 0
        except OSError as error:
            self.error = error
        return size

    def readinto(self, buffer: Any) -> int:
        return self._file.readinto(buffer) or 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._file.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def flush(self) -> None:
        pass  # nothing is buffered here

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def check_written(file: h5py.File) -> None:
    """Raise the error of an open file that could not be written, so that nobody computes in vain."""
    sink = getattr(file, "_wlmsim_sink", None)
    if sink is not None and sink.error is not None:
        raise sink.error


@contextmanager
def sink(path: Path) -> Iterator[io.RawIOBase]:
    """Create a file that a library may write as HDF5 and close, and raise what failed in between.

    Raises
    ------
    OSError
        If it cannot be written, for example because the disk is full.
    """
    with _Sink(path) as stream:
        try:
            yield stream
        except Exception:
            if stream.error is not None:
                raise stream.error from None
            raise
        if stream.error is not None:
            raise stream.error


@contextmanager
def hdf5_file(path: Path, **options: Any) -> Iterator[h5py.File]:
    """Create an HDF5 file, and close it whatever happens; errors are those of `sink`."""
    with sink(path) as stream, h5py.File(stream, "w", **options) as file:
        file._wlmsim_sink = stream
        yield file
