"""Text files as named columns: as instruments, servers, spreadsheets and NumPy write them."""

from __future__ import annotations

import codecs
import csv
import gzip
import importlib
import io
import itertools
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.errors import DataWarning, FileFormatError
from wlmsim.io.believed import most_bytes
from wlmsim.io.paths import existing
from wlmsim.io.refusal import naming
from wlmsim.io.signatures import OTHER, signature
from wlmsim.io.suffixes import PACKED
from wlmsim.io.text_table import TextTable, table_of
from wlmsim.io.words import is_missing

COMMENTS = ("#", "%")
"""With what lines begin that are none."""
LOOKED_AT = 2**20
"""Letters of a file by which its encoding is told."""
BEGINNING = 2**16
"""Bytes by which it is told whether a letter takes several."""
ABOVE = 100
"""Lines from the top among which the header is looked for."""
BELOW = 10_000
"""Rows by which a line of units is told."""
POSES = "; the package movement reads poses of DeepLabCut, and Tracks.load the files that it writes"
"""What reads tables with several headers."""
ROWS = 10_000
"""Rows that are read at a time."""
_MARKED = {
    **{codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"},  # of which the first begins as that of UTF-16
    **{codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"},
}
_UNMARKED = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_PLAIN = "\t\r\n" + "".join(map(chr, range(32, 127)))
_CONTROL = "".join(chr(k) for k in range(32) if chr(k) not in "\t\r\n\f")
_UNPACKERS = {".gz": ("gzip", "GzipFile"), ".bz2": ("bz2", "BZ2File"), ".xz": ("lzma", "LZMAFile")}
_WITH_COMMA = re.compile(r"\s*[-+]?(\d{1,3}([.' \u00a0\u202f]\d{3})+|\d*)(,\d*)?([eE][-+]?\d+)?\s*")


class Layout(NamedTuple):
    """A way to read a text: its rows come after `above` lines, and have these names; `word` is said of it."""

    above: int
    header: list[str]
    separator: str
    word: str = ""


def text_columns(path: str | Path, *, decimal: str | None = None) -> TextTable:
    """Read a text file of columns; fields are separated by commas, tabs, semicolons, bars or blanks.

    Parameters
    ----------
    path : str or Path
        The file, which may be compressed (``.gz``, ``.bz2``, ``.xz``, or ``.zip`` of one file).
    decimal : {".", ","}, optional
        The decimal mark of numbers. Default: the comma where numbers have one, none has a point, and commas do not
        separate fields, with a warning; else the point.

    Returns
    -------
    TextTable
        The columns; as strings if some field of the file is not a number. A column of the names of rows that has no
        name in the header, as R writes it, is called ``""``. Without a header they are ``"1"``, ``"2"``, ...

    Raises
    ------
    FileFormatError
        If it is empty, not text, has no rows, repeats a name, or a line has another number of fields.

    Warns
    -----
    DataWarning
        If lines above the header, a line of units or repeated headers are left out, or there is no header; and if the
        last line has no end, as in a file that was cut short, maybe within a number.
    """
    if decimal is not None:
        check.choice("decimal", decimal, (".", ","))
    path = existing(path)
    with naming(path):
        columns = _text_columns(path, decimal)
        _warn_if_cut(path)
    return columns


def _text_columns(path: Path, decimal: str | None) -> TextTable:
    refused: FileFormatError | None = None
    try:
        encoding = _encoding(path)
        with _text(path, encoding) as stream:
            first = list(itertools.islice(stream, ABOVE))
        for layout in _layouts(first, decimal):
            try:
                columns = _columns(_Below(path, encoding, layout), decimal)
            except FileFormatError as error:
                refused = refused or error
                continue
            if layout.word:
                _say(path, layout.word)
            return columns
    except (UnicodeDecodeError, csv.Error, gzip.BadGzipFile, zipfile.BadZipFile, EOFError, zlib.error) as error:
        found = signature(path)
        what = error if found == OTHER else f"it begins as {found} files do, which its suffix should say"
        raise FileFormatError(f"{path}: it is not a text file of columns ({what})") from None
    raise refused or FileFormatError(f"{path}: it is empty")


def _layouts(lines: Sequence[str], decimal: str | None) -> Iterator[Layout]:
    """Ways to read a text with these first lines: below the first that is no comment, or below a later one of words."""
    first = next((k for k, line in enumerate(lines) if not _is_comment(line)), None)
    if first is None:
        return
    top = _from_top(lines, first, decimal)
    title = len(top.header) == 1 or not all(top.header[1:])  # which spreadsheets fill up with empty fields
    if not title:
        yield top
    for k in range(first + 1, len(lines)):
        separator = _separator(lines[k], decimal)
        header = _named(lines[k], separator)
        below = next((line for line in lines[k + 1 :] if line.strip()), "")
        words = all(header) and not any(check.is_number(name.replace(",", ".")) for name in header)
        if len(header) > 1 and words and len(_named(below, separator)) == len(header):
            yield Layout(
                k + 1, header, separator, f"its header is taken to be {lines[k].strip()!r}, and what is above left out"
            )
    if title:  # no later line can be the header
        yield top


def _from_top(lines: Sequence[str], first: int, decimal: str | None) -> Layout:
    """The layout with the first line that is no comment as its header, or without one where that line is numbers."""
    separator = _separator(lines[first], decimal)
    header = _named(lines[first], separator)
    numbers = [check.is_number(name.replace(decimal or ".", ".")) for name in header]
    lead = _named(lines[first - 1].lstrip("".join((*COMMENTS, " "))), separator) if first else []
    if len(lead) == len(header) and any(numbers):
        return Layout(first, lead, separator)  # as numpy.savetxt writes it
    counted = [[str(k + start) for k in range(len(header))] for start in (0, 1)]
    if all(numbers) and header not in counted:  # which is how pandas names what has no names
        word = f"it has no header, and its columns are called {counted[1][0]!r} to {counted[1][-1]!r}"
        return Layout(first, counted[1], separator, word)
    return Layout(first + 1, header, separator)


def _columns(below: _Below, decimal: str | None) -> TextTable:
    """The columns by one layout."""
    path, layout = below.path, below.layout
    if decimal != "," and _distinct(layout.header):
        numbers = _all_numbers(below.lines(), layout.separator, len(layout.header))
        if numbers is not None:
            return TextTable(layout.header, numbers, {name: k for k, name in enumerate(layout.header)})
    rows = list(itertools.islice(below.rows(), BELOW + 1))
    if not rows:
        raise FileFormatError(f"{path}: it has no rows below its header")
    header = _without_tail(below, rows[0])
    if not _distinct(header):
        poses = POSES if header[0].lower() == "scorer" else ""
        raise FileFormatError(f"{path}: its header repeats a name ({', '.join(header)}){poses}")
    units: dict[str, str] = {}
    below.kept = len(header)
    if (first := _below_units([row[: below.kept] for row in rows], path)) is not None:
        below.skipped, units = True, dict(zip(header, first, strict=True))
    if decimal is None and layout.separator != "," and _have_commas(rows[below.skipped :]):
        _say(path, "its numbers have decimal commas")
        decimal = ","
    below.with_points = decimal == ","
    del rows  # of which the table takes some at a time
    table = table_of(header, below.columns, units)
    if below.again:
        _say(
            path,
            f"its header stands {below.again} more times among its rows, as of files that were joined, and is left out",
        )
    return table


@dataclass
class _Below:
    """What stands below the header; each time that it is asked for it is read anew, so that little is kept of it.

    Of each row the first fields are `kept`, but of one that is `skipped`. Headers that stand there `again` are counted.
    """

    path: Path
    encoding: str
    layout: Layout
    kept: int | None = None
    skipped: bool = False
    with_points: bool = False
    again: int = 0

    def lines(self) -> Iterator[str]:
        with _text(self.path, self.encoding) as stream:
            yield from itertools.islice(stream, self.layout.above, None)

    def rows(self) -> Iterator[list[str]]:
        """Rows that are no blanks and no comments, which have all as many fields, or one more than names."""
        header, width, self.again = self.layout.header, -1, 0
        for number, row in enumerate(_rows(self.lines(), self.layout.separator), start=self.layout.above + 1):
            if len(row) != width or not row[0].strip() or row[0].strip() == header[0]:  # which is seldom
                expected = width if width > 0 else len(header)
                if not any(map(str.strip, row)) or (len(row) != expected and row[0].startswith(COMMENTS)):
                    continue
                if row[0].strip() == header[0] and [field.strip() for field in row] == header:
                    self.again += 1
                    continue
                width = expected + (width < 0 and len(row) == expected + 1)
                if len(row) != width:
                    raise FileFormatError(
                        f"{self.path}: row {number} has {len(row)} fields, and the header {len(header)}"
                    )
            yield row

    def columns(self) -> Iterator[Sequence[Sequence[str]]]:
        """The fields of some rows at a time, column by column."""
        rows = itertools.islice(self.rows(), int(self.skipped), None)
        while block := list(itertools.islice(rows, ROWS)):
            columns = list(zip(*block, strict=True))[: self.kept]
            yield list(map(_with_points, columns)) if self.with_points else columns


def _without_tail(below: _Below, row: Sequence[str]) -> list[str]:
    """Names without those of the empty columns that delimiters at the ends of lines make."""
    header = below.layout.header
    if len(row) > len(header):
        named = any(row[-1].strip() for row in below.rows())  # rows, as R does it
        header = ["", *header] if named else [*header, ""]
    kept = len(header)
    while kept and not header[kept - 1] and not any(row[kept - 1].strip() for row in below.rows()):
        kept -= 1
    return header[:kept]


def _encoding(path: Path) -> str:
    """UTF-8, or what else programs write: UTF-16, or one byte for each letter; what is guessed is said."""
    with _bytes(path) as raw:
        found = raw.read(BEGINNING)
    marked = next((name for mark, name in _MARKED.items() if found.startswith(mark)), None)
    if marked is not None and "\n" in found.decode(marked, errors="ignore"):
        return marked
    if b"\0" in found and (wide := next((name for name in _UNMARKED if _is_text(found, name)), None)) is not None:
        _say(path, f"it has no mark of its encoding, and is read as {wide.upper()}")
        return wide
    if b"\0" in found.split(b"\n", 1)[0] and (path.suffix.lower() in PACKED or signature(path) == OTHER):
        raise FileFormatError(
            f"{path}: it is not a text file of columns: it has zero bytes, as binary files have, and text of another "
            "encoding, which is read once it is saved as UTF-8"
        )
    try:
        with _text(path, "utf-8-sig") as stream:
            stream.read(LOOKED_AT)
    except UnicodeDecodeError:
        with _bytes(path) as raw:
            found = raw.read(LOOKED_AT)
        if any(byte < 32 and byte not in b"\t\r\n\f" for byte in found):
            return "utf-8-sig"  # no text at all, which is said when it is read
        _say(path, "it is not in UTF-8, and is read as Latin-1: letters beyond ASCII may be others")
        return "latin-1"
    return "utf-8-sig"


def _is_text(found: bytes, encoding: str) -> bool:
    """Whether bytes are lines of text in an encoding of several bytes for a letter, most of them ASCII."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(found)
    except UnicodeDecodeError:
        return False
    plain = sum(map(text.count, _PLAIN))
    return "\n" in text and 2 * plain > len(text) and not any(map(text.count, _CONTROL))


def _text(path: Path, encoding: str) -> TextIO:
    return io.TextIOWrapper(_bytes(path), newline="", encoding=encoding)


def _bytes(path: Path) -> io.BufferedReader:
    return io.BufferedReader(_Unpacked(path)) if path.suffix.lower() in PACKED else path.open("rb")


def _is_comment(line: str) -> bool:
    """Whether a line above the header is none: blank, behind a mark, or one by which Excel tells the separator."""
    return not line.strip() or line.startswith(COMMENTS) or line.lstrip('"').lower().startswith("sep=")


def _named(line: str, separator: str) -> list[str]:
    return [name.strip() for name in next(_rows([line], separator), [])]


def _below_units(rows: list[list[str]], path: Path) -> list[str] | None:
    """The first row, if it is one of units, which data servers such as ERDDAP write under the names."""
    units, below = rows[0], rows[1:]
    numeric = [
        k for k in range(len(units)) if below and all(check.is_number(row[k]) or is_missing(row[k]) for row in below)
    ]
    words = [units[k] for k in numeric if units[k]]
    if not words or any(check.is_number(word) or is_missing(word) for word in words):
        return None
    shown = ", ".join(map(repr, units))
    _say(
        path,
        f"the line below its header, {shown}, is taken for units; `units` may state others",
    )
    return units


def _say(path: Path, what: str) -> None:
    warn(f"{path}: {what}", DataWarning)


class _Unpacked(io.RawIOBase):
    """What a compressed file holds, up to what is believed of its size."""

    def __init__(self, path: Path):
        if path.suffix.lower() == ".zip":
            self._stream: Any = _only_member(path)
        else:
            module, opener = _UNPACKERS[path.suffix.lower()]
            self._stream = getattr(importlib.import_module(module), opener)(path, "rb")
        self._most = most_bytes(path.stat().st_size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return int(self._stream.seek(offset, whence))

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        if self._stream.tell() > self._most:
            raise OSError(f"it unpacks to more than {self._most / 1e6:.0f} MB, which text of numbers does not")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _only_member(path: Path) -> Any:
    """The only file of an archive, beside what macOS adds."""
    archive = zipfile.ZipFile(path)
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/") and not name.endswith("/")]
    if len(names) != 1:
        raise FileFormatError(f"{path}: it holds {len(names)} files, of which one must be unpacked first")
    return archive.open(names[0])


def _warn_if_cut(path: Path) -> None:
    """Say that the last number may be another one; of a compressed file that was cut nothing is read at all."""
    if path.suffix.lower() in PACKED:
        return
    with path.open("rb") as stream:
        stream.seek(-min(4, path.stat().st_size), io.SEEK_END)
        if stream.read().strip(b"\0")[-1:] not in (b"\r", b"\n"):  # of UTF-16 and UTF-32 beside zeros
            _say(path, "its last line does not end: if the file was cut short, the last number is a part of one")


def _separator(header: str, decimal: str | None) -> str:
    """What stands between the names most often; blanks only where nothing else does."""
    marks = [mark for mark in ",\t;|" if mark != decimal]
    return max(marks, key=header.count) if any(mark in header for mark in marks) else " "


def _rows(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    if separator == " ":
        lines = (line.strip() for line in lines)
    return csv.reader(lines, delimiter=separator, skipinitialspace=separator == " ")


def _have_commas(rows: Iterable[Sequence[str]]) -> bool:
    """Whether numbers have decimal commas: some of which not three digits follow, and none has a point."""
    entries = [entry.strip() for row in rows for entry in row]
    parts = [match[1] for entry in entries if (match := re.fullmatch(r"[-+]?\d*,(\d+)", entry))]
    return any(len(part) != 3 for part in parts) and not any(re.fullmatch(r"[-+]?\d*\.\d+", e) for e in entries)


def _with_points(column: Sequence[str]) -> Sequence[str]:
    """Numbers with a decimal point; points in a column of decimal commas part thousands. Other words stay."""
    if not any("," in entry for entry in column):
        return column
    bare = str.maketrans(",", ".", ".' \u00a0\u202f")
    return [entry.translate(bare) if _WITH_COMMA.fullmatch(entry) else entry for entry in column]


def _all_numbers(lines: Iterable[str], separator: str, count: int) -> np.ndarray | None:
    """The lines that follow as numbers, many times faster than field by field; None where that cannot be."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of a file without rows
            blanks = None if separator == " " else separator
            numbers = np.loadtxt(lines, delimiter=blanks, comments=None, quotechar='"', ndmin=2)
    except UnicodeDecodeError:
        raise
    except ValueError:
        return None
    return numbers if len(numbers) and numbers.shape[1] == count else None


def _distinct(names: list[str]) -> bool:
    return len(set(names)) == len(names)
