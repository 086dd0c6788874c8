"""What happens to files on bad disks, in broken transfers, and at the hands of somebody who means harm."""

from __future__ import annotations

import numpy as np

LARGE = (2**31 - 1, 2**32 - 1, 2**40, 2**62, 2**64 - 1)
"""Sizes that no file has."""


def mutated(data: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Name of a change, and the changed content."""
    kind = str(rng.choice(list(CHANGES), p=SHARES))
    return kind, bytes(CHANGES[kind](bytearray(data), rng))


def _flipped(data: bytearray, rng: np.random.Generator) -> bytearray:
    bit = int(rng.integers(8 * len(data)))
    data[bit // 8] ^= 1 << bit % 8
    return data


def _cut(data: bytearray, rng: np.random.Generator) -> bytearray:
    return data[: int(rng.integers(len(data)))]


def _run(data: bytearray, rng: np.random.Generator) -> slice:
    start = int(rng.integers(len(data)))
    return slice(start, start + 1 + int(rng.integers(min(512, len(data) - start))))


def _blanked(data: bytearray, rng: np.random.Generator) -> bytearray:
    part = _run(data, rng)
    data[part] = bytes(len(data[part]))
    return data


def _noise(data: bytearray, rng: np.random.Generator) -> bytearray:
    part = _run(data, rng)
    data[part] = rng.bytes(len(data[part]))
    return data


def _dropped(data: bytearray, rng: np.random.Generator) -> bytearray:
    del data[_run(data, rng)]
    return data


def _spliced(data: bytearray, rng: np.random.Generator) -> bytearray:
    part, to = _run(data, rng), int(rng.integers(len(data)))
    piece = data[part]
    data[to : to + len(piece)] = piece
    return data


def _doubled(data: bytearray, rng: np.random.Generator) -> bytearray:
    part = _run(data, rng)
    data[part.start : part.start] = data[part]
    return data


def _enlarged(data: bytearray, rng: np.random.Generator) -> bytearray:
    size, at = int(rng.choice([4, 8])), int(rng.integers(len(data)))
    number = int(rng.choice(LARGE)) if rng.random() < 0.5 else int(rng.integers(2**20, 2**40))
    data[at : at + size] = (number % 2 ** (8 * size)).to_bytes(size, "little")
    return data


CHANGES = {
    "flip": _flipped,
    "cut": _cut,
    "blank": _blanked,
    "noise": _noise,
    "drop": _dropped,
    "splice": _spliced,
    "double": _doubled,
    "huge": _enlarged,
}
"""What changes a file, by its name."""
SHARES = [0.5, 0.1, 0.05, 0.05, 0.05, 0.1, 0.05, 0.1]
"""How often each is chosen."""
