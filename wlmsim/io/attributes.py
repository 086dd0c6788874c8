"""Plain Python values as HDF5 attributes, and back unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError

_JSON = "json:"
_INT64 = range(-(2**63), 2**63)
_LONGEST_KEY = 1024  # HDF5 spoils the whole group, without an error, when a name is too long for its header


def write_attributes(group: h5py.Group, name: str, values: Mapping[str, Any]) -> None:
    """Write one attribute for each key of the mapping called `name`.

    Raises
    ------
    ParameterError
        If a key is not a usable name, or a value is not plain.
    """
    for key, value in values.items():
        if not _is_key(key):
            expected = f"a non-empty string of at most {_LONGEST_KEY} bytes, without NUL"
            raise check.fail(f"{name} key", expected, key)
        write_attribute(group, key, encode(f"{name}[{key!r}]", value))


def write_attribute(group: h5py.Group, key: str, value: Any) -> None:
    """Write one value that HDF5 can hold; strings get a fixed length.

    HDF5 keeps strings of variable length in a heap without a checksum, and its library can hang on a damaged one.
    """
    if isinstance(value, str):
        text = value.encode()
        group.attrs.create(key, text, dtype=h5py.string_dtype("utf-8", max(1, len(text))))
    else:
        group.attrs[key] = value


def read_attributes(group: h5py.Group) -> dict[str, Any]:
    """Read what `write_attributes` wrote."""
    return {key: decode(value) for key, value in group.attrs.items()}


def encode(name: str, value: Any) -> Any:
    """Return a value that HDF5 stores as it is, or JSON text marked ``json:``.

    Raises
    ------
    ParameterError
        If the value called `name` is not plain: None, bool, number, string, or a list or dict of those.
    """
    stored = plain(name, value)
    if _is_native(stored):
        return stored
    try:
        return _JSON + json.dumps(stored)
    except ValueError as error:  # an integer of thousands of digits
        raise ParameterError(f"`{name}` cannot be stored: {error}") from None


def decode(value: Any) -> Any:
    """Return the Python value behind an attribute."""
    if isinstance(value, bytes):
        value = value.decode()
    if isinstance(value, str):
        return json.loads(value.removeprefix(_JSON)) if value.startswith(_JSON) else value
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value


def plain(name: str, value: Any) -> Any:
    """Strip numpy types and tuples, which files do not tell apart from numbers and lists.

    Raises
    ------
    ParameterError
        If the value called `name` is not plain.
    """
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if value is None or isinstance(value, bool):
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, (list, tuple)):
        return [plain(f"{name}[{k}]", item) for k, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {str(key): plain(f"{name}[{key!r}]", item) for key, item in value.items()}
    expected = "a plain value: None, bool, number, string, or a list or dict (with string keys) of those"
    raise check.fail(name, expected, value)


def _is_native(value: Any) -> bool:
    if isinstance(value, str):
        return not value.startswith(_JSON) and _is_text(value)
    if isinstance(value, list):
        kinds = {type(item) for item in value}
        return kinds in ({int}, {float}) and all(map(_is_native, value))
    return isinstance(value, (bool, float)) or (isinstance(value, int) and value in _INT64)


def _is_key(key: Any) -> bool:
    return isinstance(key, str) and _is_text(key) and 0 < len(key.encode()) <= _LONGEST_KEY


def _is_text(value: str) -> bool:
    """Whether HDF5 can hold the string: no NUL, which would end it, and no lone surrogate."""
    return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
