"""How much a file may hold for its size: what declares more is damaged, or meant to fill the memory."""

from __future__ import annotations

LARGE = 2**28
"""Bytes up to which everything is believed."""
DENSEST = 200
"""Above `LARGE` bytes nothing is believed that is packed more than so many times; text of numbers is some ten times."""


def most_bytes(packed: int) -> int:
    """How many bytes so many packed ones may hold."""
    return max(LARGE, DENSEST * packed)
