"""Text files, NumPy archives and foreign HDF5 files as named columns."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import math
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import h5py
import numpy as np

from wlmsim import _validation as check
from wlmsim.data.dates import written
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import DataWarning, FileFormatError, WlmsimError
from wlmsim.io import hdf5
from wlmsim.io.atomic import atomic
from wlmsim.io.believed import most_bytes
from wlmsim.io.columns import MISSING, columns_from_series, split_axes, with_places, without_unit
from wlmsim.io.paths import existing, local
from wlmsim.io.refusal import naming

COMMENTS = ("#", "%")
"""With what lines above the header begin that are none."""
LOOKED_AT = 2**20
"""Letters of a file by which its encoding is told."""
ROWS = 10_000
"""Rows of text that are written at a time."""


def text_columns(path: str | Path, *, decimal: str = ".") -> dict[str, np.ndarray]:
    """Read a text file with a header line; fields are separated by commas, tabs, semicolons or blanks.

    Parameters
    ----------
    path : str or Path
        The file, which may be compressed (``.gz``).
    decimal : {".", ","}
        The decimal mark of numbers. Default ".".

    Returns
    -------
    dict
        The columns; as strings if some field of the file is not a number. A column of the names of rows that has no
        name in the header, as R writes it, is called ``""``.

    Raises
    ------
    FileFormatError
        If it is empty, not text, has no rows, repeats a name, or a line has another number of fields.

    Warns
    -----
    DataWarning
        If the last line has no end, as in a file that was cut short, maybe within a number.
    """
    check.choice("decimal", decimal, (".", ","))
    path = existing(path)
    with naming(path):
        columns = _text_columns(path, decimal)
        _warn_if_cut(path)
    return columns


def _text_columns(path: Path, decimal: str) -> dict[str, np.ndarray]:
    try:
        with _text(path, _encoding(path)) as stream:
            above, first = _above(stream)
            separator = _separator(first, decimal)
            header = _named(first, separator)
            lead = _named(above[-1].lstrip("".join((*COMMENTS, " "))), separator) if above else []
            if len(lead) == len(header) and any(map(check.is_number, header)):
                header = lead  # as numpy.savetxt writes it
            else:
                above, first = [*above, first], ""
            rest = itertools.chain([first] if first else [], stream)
            numbers = _all_numbers(rest, separator, len(header)) if decimal == "." and separator != " " else None
            if numbers is not None and _distinct(header):
                return dict(zip(_without_units(header, path), numbers.T, strict=True))
            stream.seek(0)
            rows = [row for row in _rows(itertools.islice(stream, len(above), None), separator) if row]
    except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FileFormatError(f"{path}: it is not a text file of columns ({error})") from None
    if not rows:
        raise FileFormatError(f"{path}: it {'has no rows below its header' if header else 'is empty'}")
    if all(len(row) == len(header) + 1 for row in rows):
        header = ["", *header]
    if not _distinct(header):
        raise FileFormatError(f"{path}: its header repeats a name ({', '.join(header)})")
    for number, row in enumerate(rows, start=len(above) + 1):
        if len(row) != len(header):
            raise FileFormatError(f"{path}: row {number} has {len(row)} fields, and the header {len(header)}")
    columns = dict(zip(_without_units(header, path), zip(*_below_units(rows, path), strict=True), strict=True))
    if decimal == ",":
        columns = {name: tuple(map(_with_point, column)) for name, column in columns.items()}
    return {name: np.array(column) for name, column in columns.items()}


def _encoding(path: Path) -> str:
    """UTF-8, or what a spreadsheet writes instead: UTF-16 with its mark, or one byte for each letter, with a word."""
    try:
        with _text(path, "utf-8-sig") as stream:
            stream.read(LOOKED_AT)
    except UnicodeDecodeError:
        with (gzip.open if path.suffix.lower() == ".gz" else open)(path, "rb") as raw:
            found = raw.read(LOOKED_AT)
        marked = found.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        if marked and "\n" in found.decode("utf-16", errors="ignore"):
            return "utf-16"
        if any(byte < 32 and byte not in b"\t\r\n\f" for byte in found):
            return "utf-8-sig"  # no text at all, which is said when it is read
        warnings.warn(
            f"{path}: it is not in UTF-8, and is read as Latin-1: letters beyond ASCII may be others",
            DataWarning,
            stacklevel=3,
        )
        return "latin-1"
    return "utf-8-sig"


def _text(path: Path, encoding: str) -> TextIO:
    stream = io.BufferedReader(_Unpacked(path)) if path.suffix.lower() == ".gz" else path.open("rb")
    return io.TextIOWrapper(stream, newline="", encoding=encoding)


def _above(stream: TextIO) -> tuple[list[str], str]:
    """The comments above the header, and the first line that is none."""
    above: list[str] = []
    while (line := stream.readline()).startswith(COMMENTS) or (line and not line.strip()):
        above.append(line)
    return above, line


def _named(line: str, separator: str) -> list[str]:
    return [name.strip() for name in next(_rows([line], separator), [])]


def _without_units(header: list[str], path: Path) -> list[str]:
    """Names without the units that stand behind them in brackets, where they differ without them too."""
    bare = [without_unit(name) for name in header]
    if bare == header or not _distinct(bare):
        return header
    warnings.warn(
        f"{path}: its columns are called {', '.join(map(repr, bare))}, without what stands in brackets; `units` may "
        "state units",
        DataWarning,
        stacklevel=4,
    )
    return bare


def _below_units(rows: list[list[str]], path: Path) -> list[list[str]]:
    """The rows below one of units, which data servers such as ERDDAP write under the names."""
    units, below = rows[0], rows[1 : 1 + ROWS]
    numeric = [
        k for k in range(len(units)) if below and all(check.is_number(row[k]) or row[k] in MISSING for row in below)
    ]
    words = [units[k] for k in numeric if units[k]]
    if not words or any(check.is_number(word) or word in MISSING for word in words):
        return rows
    warnings.warn(
        f"{path}: the line below its header, {', '.join(map(repr, units))}, is taken for units and left out; `units` "
        "may state them",
        DataWarning,
        stacklevel=4,
    )
    return rows[1:]


class _Unpacked(io.RawIOBase):
    """What a compressed file holds, up to what is believed of its size."""

    def __init__(self, path: Path):
        self._stream = gzip.GzipFile(path, "rb")
        self._most = most_bytes(path.stat().st_size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        if self._stream.tell() > self._most:
            raise OSError(f"it unpacks to more than {self._most / 1e6:.0f} MB, which text of numbers does not")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _warn_if_cut(path: Path) -> None:
    """Say that the last number may be another one; of a compressed file that was cut nothing is read at all."""
    if path.suffix.lower() == ".gz":
        return
    with path.open("rb") as stream:
        stream.seek(-min(2, path.stat().st_size), io.SEEK_END)
        if stream.read().strip(b"\0")[-1:] not in (b"\r", b"\n"):  # of UTF-16 beside a zero
            warnings.warn(
                f"{path}: its last line does not end: if the file was cut short, the last number is a part of one",
                DataWarning,
                stacklevel=2,
            )


def _separator(header: str, decimal: str) -> str:
    """What stands between the names most often; blanks only where nothing else does."""
    marks = [mark for mark in ",\t;" if mark != decimal]
    return max(marks, key=header.count) if any(mark in header for mark in marks) else " "


def _rows(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    if separator == " ":
        lines = (line.strip() for line in lines)
    return csv.reader(lines, delimiter=separator, skipinitialspace=separator == " ")


def _with_point(entry: str) -> str:
    """A number with a decimal point; other words stay."""
    return entry.replace(",", ".") if re.fullmatch(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*", entry) else entry


def _all_numbers(lines: Iterable[str], separator: str, count: int) -> np.ndarray | None:
    """The lines that follow as numbers, many times faster than field by field; None where that cannot be."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of a file without rows
            numbers = np.loadtxt(lines, delimiter=separator, comments=None, quotechar='"', ndmin=2)
    except UnicodeDecodeError:
        raise
    except ValueError:
        return None
    return numbers if len(numbers) and numbers.shape[1] == count else None


def _distinct(names: list[str]) -> bool:
    return len(set(names)) == len(names)


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
