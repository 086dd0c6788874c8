"""Nested values as the bytes of a safetensors file: tensors in its body, all else as JSON in its header.

The header begins with the SHA-256 of the whole file, computed while its own 64 digits are zeros, so that a single bit
that changed anywhere is found before anything else is read. See docs/file_formats.md.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save

from wlmsim.errors import FileFormatError, ParameterError
from wlmsim.io.signatures import TENSORS_BEGIN

LENGTH = 8
"""Bytes at the beginning that hold the length of the header."""
DIGEST = slice(LENGTH + len(TENSORS_BEGIN), LENGTH + len(TENSORS_BEGIN) + 64)
"""Where the digits of the SHA-256 stand."""
BLANK = "0" * 64
"""What stands there while it is computed."""

TYPES = (
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
)
"""Types of tensors that are kept."""
MANY = 64
"""Numbers from which on a list of floats goes to the body, where it takes less room and time than in JSON."""


def pack(kind: str, version: int, content: Mapping[str, Any]) -> bytes:
    """Return the file that holds some content.

    Parameters
    ----------
    kind, version
        What the content is; `unpack` gives them back.
    content : mapping
        Tensors, arrays, numbers, strings and None, in dicts, lists and tuples as deep as need be.

    Raises
    ------
    ParameterError
        If it holds anything else; the message says where.
    """
    tensors: dict[str, torch.Tensor] = {}
    described = _described(content, "", tensors)
    header = {"sha256": BLANK, "kind": kind, "version": version, "content": described}
    data = save(tensors, {"wlmsim": json.dumps(header, separators=(",", ":"), allow_nan=False)})
    assert data.startswith(TENSORS_BEGIN, LENGTH)
    return data[: DIGEST.start] + _digest(data) + data[DIGEST.stop :]


def unpack(data: bytes) -> tuple[str, int, dict[str, Any]]:
    """Return the kind, the version and the content of a file that `pack` made; its tensors are on the CPU.

    Raises
    ------
    FileFormatError
        If a bit is not as it was written.
    """
    if not data.startswith(TENSORS_BEGIN, LENGTH) or data[DIGEST] != _digest(data):
        raise FileFormatError("it is truncated or damaged: it has not the SHA-256 with which it was written")
    length = int.from_bytes(data[:LENGTH], "little")
    metadata = json.loads(data[LENGTH : LENGTH + length])["__metadata__"]
    header = json.loads(metadata["wlmsim"])
    return header["kind"], header["version"], _rebuilt(header["content"], load(data))


def _digest(data: bytes) -> bytes:
    """SHA-256 of a file with zeros for its digits, as digits."""
    total = hashlib.sha256(data[: DIGEST.start])
    total.update(BLANK.encode())
    total.update(memoryview(data)[DIGEST.stop :])
    return total.hexdigest().encode()


def _described(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Return what JSON holds of a value; its tensors are added to those given, under names that begin with `name`.

    What JSON has no word for is an object with a single key, which begins with a dollar sign.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": repr(value)}
    if isinstance(value, torch.Tensor):
        return {"$tensor": _kept(value, name, tensors)}
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        native = np.array(value, value.dtype.newbyteorder("="), order="C")
        return {"$array": _kept(torch.from_numpy(native), name, tensors)}
    if isinstance(value, list) and len(value) >= MANY and all(type(item) is float for item in value):
        return {"$floats": _kept(torch.tensor(value, dtype=torch.float64), name, tensors)}
    if isinstance(value, (list, tuple)):
        items = [_described(item, _below(name, k), tensors) for k, item in enumerate(value)]
        return items if isinstance(value, list) else {"$tuple": items}
    if isinstance(value, Mapping):
        entries = [(key, _described(item, _below(name, key), tensors)) for key, item in value.items()]
        if all(isinstance(key, str) and not key.startswith("$") for key, _ in entries):
            return dict(entries)
        return {"$dict": [[_described(key, name, tensors), item] for key, item in entries]}
    raise ParameterError(f"`{name}` must be a tensor or a plain value to be kept in a file; got {type(value).__name__}")


def _kept(tensor: torch.Tensor, name: str, tensors: dict[str, torch.Tensor]) -> str:
    """Add a tensor under a name, and return that, which is another one if the name is taken."""
    if tensor.dtype not in TYPES:
        raise ParameterError(f"`{name}` must be of a type that files keep; got {tensor.dtype}")
    while name in tensors or name == "__metadata__":
        name += "'"
    # a copy, as safetensors refuses two tensors that share memory
    tensors[name] = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
    return name


def _below(name: str, key: Any) -> str:
    return f"{name}/{key}" if name else str(key)


def _rebuilt(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Return the value that `_described` described."""
    if isinstance(value, list):
        return [_rebuilt(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not (mark := next(iter(value))).startswith("$"):
        return {key: _rebuilt(item, tensors) for key, item in value.items()}
    held = value[mark]
    match mark:
        case "$float":
            return float(held)
        case "$tensor":
            return tensors[held].clone()  # into memory of torch's own, aligned as that of a new tensor
        case "$array":
            return tensors[held].numpy().copy()
        case "$floats":
            return tensors[held].tolist()
        case "$tuple":
            return tuple(_rebuilt(item, tensors) for item in held)
        case "$dict":
            return {_rebuilt(key, tensors): _rebuilt(item, tensors) for key, item in held}
    raise FileFormatError(f"it holds {mark!r}, which this version of wlmsim does not know")
