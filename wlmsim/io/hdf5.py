"""What all HDF5 files of wlmsim share: the header, compressed columns, and one way to refuse a bad file."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._about import version
from wlmsim.data.dates import asked
from wlmsim.errors import FileFormatError, ParameterError, WlmsimError
from wlmsim.io import trial
from wlmsim.io.atomic import atomic
from wlmsim.io.attributes import read_attributes, write_attributes
from wlmsim.io.believed import most_bytes
from wlmsim.io.paths import existing
from wlmsim.io.refusal import naming, one_line
from wlmsim.io.signatures import EMPTY, GZIP, PICKLE, TENSORS, ZIP, signature
from wlmsim.io.sink import hdf5_file
from wlmsim.io.suffixes import TEXT, is_foreign, suffix_of

SCHEMAS = {"snapshots": 1, "trajectory": 1, "tracks": 1}
"""The kinds of files, and the newest version of each that this wlmsim writes and reads."""

_CHUNK_BYTES = 512 * 1024
_LIBVER = ("v108", "v108")  # any HDF5 library since 1.8 (2008) can read the files
_KINDS = {"f": "real numbers", "iu": "integers", "b": "booleans", "S": "text"}


_OTHERS = {
    TENSORS: ", but a model or a checkpoint: WLM.load reads models",
    PICKLE: ", but a model or a checkpoint of wlmsim 0.1.0",
    ZIP: ", but a ZIP archive: .npz files go by their suffix, others are to be unpacked first",
    GZIP: ", but compressed: a table is read by a name such as .csv.gz",
}
"""What is said of files that begin as others do."""
_OWN = (".h5", ".hdf5", ".h5md", ".h5ad")
"""Suffixes that promise HDF5."""


LOCKED = (
    "it is locked: another program has it open for writing; close it there, or wait until it is written "
    "(HDF5_USE_FILE_LOCKING=FALSE in the environment reads it as it stands)"
)
"""What is said of a sound file that is being written."""


class Damage(ValueError):
    """The reason why the open file cannot be used; `reading` adds the name of the file."""


# --- writing


@contextmanager
def writing(
    path: str | Path, schema: str, metadata: Mapping[str, Any], units: Mapping[str, str]
) -> Iterator[h5py.File]:
    """Open a new file with its header written; it appears under its name only when the body succeeds."""
    if is_foreign(path):  # it would be read, or opened, as what its name says
        raise check.fail("path", f"a name that ends in .h5: an HDF5 file is no {suffix_of(path)} file", str(path))
    with atomic(path) as temporary, hdf5_file(temporary, libver=_LIBVER) as file:
        header = file.create_group("wlmsim")
        origin = {
            "schema": schema,
            "schema_version": SCHEMAS[schema],
            "creator": "wlmsim",
            "creator_version": version(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_attributes(header, "wlmsim", origin)
        write_attributes(header.create_group("metadata"), "metadata", metadata)
        write_attributes(header.create_group("units"), "units", units)
        yield file


def store(
    group: h5py.Group, name: str, data: np.ndarray, unit: str | None = None, *, rows: int | None = None
) -> h5py.Dataset:
    """Write a compressed column and its unit if there is one.

    It can grow along its first axis; `rows` says to how many, so that chunks are cut for the whole.
    """
    dataset = group.create_dataset(
        name,
        data=data,
        chunks=chunk_shape((rows or len(data), *data.shape[1:]), data.itemsize),
        maxshape=(None, *data.shape[1:]),
        compression="gzip",
        compression_opts=4,
        shuffle=True,
        fillvalue=np.nan if data.dtype.kind == "f" else None,  # a lost chunk reads as NaN, which is refused
    )
    if unit:
        dataset.attrs["unit"] = unit
    return dataset


def store_in_parts(group: h5py.Group, name: str, parts: Sequence[np.ndarray], unit: str | None = None) -> h5py.Dataset:
    """Write parts of a column one after the other, without a copy of them all."""
    ends = np.cumsum([len(part) for part in parts]).tolist()
    dataset = store(group, name, parts[0], unit, rows=ends[-1])
    dataset.resize(ends[-1], axis=0)
    for part, end in zip(parts[1:], ends[1:], strict=True):
        dataset[end - len(part) : end] = part
    return dataset


def store_names(group: h5py.Group, name: str, names: Sequence[str]) -> h5py.Dataset:
    """Write names as text of a fixed length, in UTF-8."""
    return store(group, name, np.array([entry.encode() for entry in names], dtype=bytes))


def names(file: h5py.File, name: str, count: int) -> list[str]:
    """Read as many names."""
    return [entry.decode() for entry in column(file, name, (count,), "S")[:].tolist()]


def store_text(group: h5py.Group, name: str, text: str) -> h5py.Dataset:
    """Write a text of any length, as its bytes in UTF-8: an attribute has room for 64 KB."""
    return store(group, name, np.frombuffer(text.encode(), dtype=np.uint8))


def text(file: h5py.File, name: str) -> str:
    """Read such a text."""
    return column(file, name, (None,), "iu")[:].astype(np.uint8).tobytes().decode()


def chunk_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the shape of chunks of at most 512 KiB, within the data, that cut the first axis first."""
    budget = _CHUNK_BYTES // itemsize
    chunk: list[int] = []
    for size in reversed(shape):
        pieces = math.ceil(size / budget)
        chunk.append(math.ceil(size / pieces))  # equal pieces: no nearly empty chunk at the end
        budget = budget // chunk[-1] if pieces == 1 else 1
    return tuple(reversed(chunk))


def unit_of(units: Mapping[str, str], *, length: int = 0, time: int = 0) -> str | None:
    """Return a product of powers as H5MD writes it, such as ``nm ps-1``; None where a unit is not known."""
    powers = {"length": length, "time": time}
    if not all(units.get(name) for name, power in powers.items() if power):
        return None
    return " ".join(f"{units[name]}{power if power != 1 else ''}" for name, power in powers.items() if power)


# --- reading


@contextmanager
def reading(path: str | Path, *, foreign: bool = False) -> Iterator[h5py.File]:
    """Open a file of wlmsim, or any HDF5 file; whatever is wrong with it becomes one `FileFormatError` that names it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    PermissionError
        If it may not be read.
    FileFormatError
        If it is truncated, damaged, foreign, or of a newer schema.
    """
    path = existing(path)
    with naming(path):
        try:
            _check_container(path)
            if foreign:
                trial.try_reading(path)
            with _opened(path) as file:
                if not foreign and _has_variable_strings(file):
                    trial.try_reading(path)
                _check_items(file)
                if not foreign:
                    schema(file)
                yield file
        except (WlmsimError, FileNotFoundError, PermissionError):
            raise
        except Damage as damage:
            raise FileFormatError(f"{path}: {damage}") from None
        except BlockingIOError:
            raise FileFormatError(f"{path}: {LOCKED}") from None
        except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"{path}: it is truncated or damaged ({one_line(error)})") from None


@contextmanager
def stored_values() -> Iterator[None]:
    """Within it an unusable value is the file's fault, not the caller's."""
    try:
        yield
    except ParameterError as error:
        raise Damage(f"it is damaged: {error}") from None


def schema(file: h5py.File) -> str:
    """Return the kind of an open file: ``"snapshots"``, ``"trajectory"`` or ``"tracks"``."""
    header = file.get("wlmsim")
    if not isinstance(header, h5py.Group):
        raise Damage("it is an HDF5 file, but not one of wlmsim (it has no group /wlmsim)")
    found = read_attributes(header)
    name, number = found.get("schema"), found.get("schema_version")
    if not isinstance(number, int) or number < 1:
        raise Damage(f"it is damaged: /wlmsim has no valid schema_version (found {number!r})")
    if not isinstance(name, str) or name not in SCHEMAS:
        raise Damage(f"it holds {name!r}, which this wlmsim {version()} does not know")
    if number > SCHEMAS[name]:
        raise Damage(
            f"it has schema version {number} of {name}, and this wlmsim {version()} reads up to "
            f"{SCHEMAS[name]}: a newer wlmsim is needed"
        )
    return name


def about(file: h5py.File) -> dict[str, Any]:
    """Return the metadata and the units, as keyword arguments of a `Trajectory` or `SnapshotSeries`."""
    return {name: read_attributes(_group(file, f"wlmsim/{name}")) for name in ("metadata", "units")}


def column(
    file: h5py.File, name: str, shape: tuple[int | None, ...], kind: str = "f", *, empty: bool = False
) -> h5py.Dataset:
    """Return a dataset unread, once its shape and its kind of numbers are right; None is any size, 0 if it may be."""
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise Damage(f"it is damaged: the dataset /{name} is missing")
    given = dataset.shape or ()
    fits = len(given) == len(shape) and all(
        have == want or (want is None and (empty or have > 0)) for have, want in zip(given, shape, strict=True)
    )
    if not fits or dataset.dtype.kind not in kind:
        wanted = str(shape).replace("None", "*")
        raise Damage(
            f"it is damaged: the dataset /{name} must hold {_KINDS[kind]} of shape {wanted}; "
            f"it holds {dataset.dtype} of shape {given}"
        )
    return dataset if dataset.dtype.kind == "f" else complete(dataset)  # NaN, which is refused, stands for lost numbers


def values(file: h5py.File, name: str, rows: int) -> np.ndarray:
    """Read an array of numbers of any shape with so many rows, NaN among them."""
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset) or not dataset.shape or len(dataset) != rows:
        raise Damage(f"it is damaged: /{name} must be an array of {rows} rows")
    return np.asarray(complete(dataset)[:])


def complete(dataset: h5py.Dataset) -> h5py.Dataset:
    """Refuse a dataset that has lost a chunk, which would be read as zeros or as NaN without a word."""
    if dataset.chunks:
        places = (range(0, size, step) for size, step in zip(dataset.shape, dataset.chunks, strict=True))
        for place in itertools.product(*places):
            try:
                dataset.id.read_direct_chunk(place)
            except (RuntimeError, ValueError, MemoryError):  # the size of a chunk that is not there is no size
                raise Damage(f"it is damaged: a part of the dataset {dataset.name} is missing") from None
    return dataset


def times_of(file: h5py.File, name: str) -> np.ndarray:
    """Read the times, all of them."""
    dataset = column(file, name, (None,))
    with stored_values():
        return check.times(name, dataset[:])


def window(times: np.ndarray, start: Any, stop: Any, about: Mapping[str, Any] | None = None) -> slice:
    """Return the indices of the times with start <= time <= stop, which `about`, metadata and units, may be dates of.

    Raises
    ------
    ParameterError
        If there is none.
    """
    first, last = 0, len(times)
    known: Any = SimpleNamespace(**(about or {"units": {}, "metadata": {}}))
    start, stop = (None if t is None else asked(name, t, known) for name, t in (("start", start), ("stop", stop)))
    if start is not None:
        k = _times.position(times, check.real("start", start))
        first = int(np.searchsorted(times, start, side="left")) if k is None else k
    if stop is not None:
        last = int(_times.up_to(times, check.real("stop", stop)).sum())
    if first >= last:
        raise ParameterError(
            f"`start` and `stop` must enclose at least one of the {len(times)} times "
            f"in {_times.span(times)}; got start={start}, stop={stop}"
        )
    return slice(first, last)


def _has_variable_strings(file: h5py.File) -> bool:
    """Whether something of a header has no fixed size; wlmsim writes none, and the library is not safe with it."""
    groups = [file.get(name) for name in ("wlmsim", "wlmsim/metadata", "wlmsim/units")]
    attributes = [group.attrs for group in groups if isinstance(group, h5py.Group)]
    return any(held.get_id(key).dtype.hasobject for held in attributes for key in held)


def _check_items(file: h5py.File) -> None:
    """Refuse what would read other files, or take far more memory than the file has bytes."""

    def link_fault(name: str, link: Any) -> str | None:
        return (
            f"/{name} is a link to another file, which is not followed" if isinstance(link, h5py.ExternalLink) else None
        )

    def fault(name: str, item: Any) -> str | None:
        if not isinstance(item, h5py.Dataset) or item.shape is None:
            return None
        if item.external or item.is_virtual:
            return f"the dataset /{name} keeps its values in another file, which is not followed"
        stored = item.id.get_storage_size()
        needed = item.dtype.itemsize * max(item.size, math.prod(item.chunks or (0,)))
        if needed > most_bytes(stored):
            return f"the dataset /{name} declares {needed / 1e9:.3g} GB, of which {stored} bytes are there"
        return None

    if found := file.visititems_links(link_fault) or file.visititems(fault):
        raise Damage(found)


def _check_container(path: Path) -> None:
    found = signature(path)  # Python's own errors name the file when it may not be read
    if found == EMPTY:
        raise Damage("it is empty")
    if not h5py.is_hdf5(path):
        table = f"; tables are read by the names {', '.join(TEXT)}" if path.suffix.lower() not in _OWN else ""
        raise Damage(f"it is not an HDF5 file{_OTHERS.get(found, table)}")


def _opened(path: str | Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except BlockingIOError:
        raise
    except OSError as error:
        reason = "truncated" if "truncated" in str(error) else "truncated or damaged"
        raise Damage(f"it is {reason} ({one_line(error)})") from None


def _group(file: h5py.File, name: str) -> h5py.Group:
    group = file.get(name)
    if not isinstance(group, h5py.Group):
        raise Damage(f"it is damaged: the group /{name} is missing")
    return group
