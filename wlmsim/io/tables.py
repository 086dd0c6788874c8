"""NumPy archives and foreign HDF5 files as named columns, and rows as text or an archive."""

from __future__ import annotations

import csv
import math
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from wlmsim.data.dates import written
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import FileFormatError, WlmsimError
from wlmsim.io import hdf5
from wlmsim.io.atomic import atomic
from wlmsim.io.believed import most_bytes
from wlmsim.io.columns import columns_from_series, split_axes, with_places
from wlmsim.io.paths import existing, local
from wlmsim.io.refusal import naming

ROWS = 10_000
"""Rows of text that are written at a time."""


@contextmanager
def archive_columns(path: str | Path) -> Iterator[Mapping[str, Any]]:
    """Open a .npz archive, or the single array of a .npy file; its arrays are read when asked for.

    Arrays of objects, which could run code, are refused.

    Raises
    ------
    FileFormatError
        If it is no such archive, or damaged.
    """
    path = existing(path)
    with naming(path):
        try:
            if not zipfile.is_zipfile(path):
                yield _single(_array(path))
                return
            _check_members(path)
            with np.load(path) as arrays:
                yield arrays
        except (WlmsimError, FileNotFoundError, PermissionError):
            raise
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise FileFormatError(f"{path}: it is not a sound archive of plain arrays ({error})") from None


def _array(path: Path) -> np.ndarray:
    with path.open("rb") as stream:
        _check_header(stream, path.stat().st_size)
    return np.load(path)


def _check_members(path: Path) -> None:
    """Read the beginning of every array, and refuse one that has not the name or the size that the archive says."""
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.file_size > most_bytes(member.compress_size):
                raise ValueError(f"{member.filename} unpacks from {member.compress_size} bytes to {member.file_size}")
            with archive.open(member) as stream:
                if member.filename.endswith(".npy"):
                    _check_header(stream, member.file_size)


def _check_header(stream: Any, size: int) -> None:
    """Refuse an array that declares more values than there are bytes of, before memory is taken for them."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(stream)
    if kind.hasobject:
        raise ValueError("it holds Python objects, which could run code")
    if stream.tell() + math.prod(shape) * kind.itemsize != size:
        raise ValueError(f"values of shape {shape} do not take the {size} bytes that there are")


def _single(array: np.ndarray) -> Mapping[str, Any]:
    """What an array without a name holds: fields, or positions of the same particles at all times."""
    if array.dtype.names:
        return {name: array[name] for name in array.dtype.names}
    if array.ndim == 3:
        return {"positions": array}
    raise ValueError(
        f"one array without a name, of shape {array.shape}; of shape (T, n, d) it would be positions, and "
        "np.savez(path, time=..., positions=...) names what each array is"
    )


@contextmanager
def dataset_columns(path: str | Path) -> Iterator[Mapping[str, Any]]:
    """Open any HDF5 file; its datasets, under their paths without the leading slash, are read when asked for.

    Raises
    ------
    FileFormatError
        If it is not an HDF5 file, or damaged.
    """
    with hdf5.reading(path, foreign=True) as file:
        found: dict[str, Any] = {}

        def visit(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.shape is not None:
                found[name] = item.asstr() if h5py.check_string_dtype(item.dtype) else item

        file.visititems(visit)
        yield found


def save_text(series: SnapshotSeries, path: str | Path) -> Path:
    """Write the rows of a series as a text file, atomically; each number is written so that it reads back equal.

    Columns are time, x, y, z (or x1, x2, ...), and as far as known vx, vy, vz, weight, population, date, lon and lat.
    Metadata and units are not written.

    Returns
    -------
    Path
        The path given.
    """
    return write_rows(with_places(series, split_axes(columns_from_series(series))), path)


def write_rows(columns: Mapping[str, np.ndarray], path: str | Path) -> Path:
    """Write columns as text below their names, atomically; tabs part the fields of a ``.tsv``."""
    path = local(path)
    columns = {name: np.array(written(column)) if name == "date" else column for name, column in columns.items()}
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=separator, lineterminator="\n")
        writer.writerow(columns)
        count = len(next(iter(columns.values())))
        for k in range(0, count, ROWS):  # as Python's numbers rows take many times their memory
            writer.writerows(zip(*(column[k : k + ROWS].tolist() for column in columns.values()), strict=True))
    return path


def save_archive(series: SnapshotSeries, path: str | Path) -> Path:
    """Write the rows of a series as a .npz archive, atomically: see `columns_from_series` for the arrays.

    Returns
    -------
    Path
        The path given.
    """
    columns: Mapping[str, Any] = columns_from_series(series)
    with atomic(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **columns)
    return local(path)
