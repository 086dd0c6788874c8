"""What a file is, by its first bytes."""

from __future__ import annotations

from pathlib import Path

EMPTY, HDF5, TENSORS, PICKLE, ZIP, GZIP, OTHER = "empty", "HDF5", "tensors", "pickle", "zip", "gzip", "other"
"""What `signature` tells apart: `TENSORS` are models and checkpoints, `PICKLE` those of wlmsim 0.1.0."""

TENSORS_BEGIN = b'{"__metadata__":{"wlmsim":"{\\"sha256\\":\\"'
"""What a model or a checkpoint begins with, after eight bytes that hold the length of its header."""


def signature(path: Path) -> str:
    """Return which of the kinds above a file begins as; whether it is whole and sound is not looked at."""
    with path.open("rb") as stream:
        first = stream.read(128)
    if not first:
        return EMPTY
    if first.startswith(b"\x89HDF"):
        return HDF5
    if first.startswith(b"PK"):
        return PICKLE if b"/data.pkl" in first else ZIP  # as torch names the first member of an archive
    if first.startswith(b"\x1f\x8b"):
        return GZIP
    return TENSORS if first[8:].startswith(TENSORS_BEGIN) else OTHER
