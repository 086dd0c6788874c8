"""What a file is, without reading its particles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wlmsim.io import h5md, hdf5, snapshots_file, tracks_file
from wlmsim.io.attributes import read_attributes
from wlmsim.io.paths import existing


def kind(path: str | Path) -> str:
    """Return ``"snapshots"``, ``"trajectory"`` or ``"tracks"``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is neither, or truncated, damaged, or of a newer schema.
    """
    with hdf5.reading(path) as file:
        return hdf5.schema(file)


def describe(path: str | Path) -> dict[str, Any]:
    """Describe a file in plain values that JSON can hold; its particles are not read.

    Returns
    -------
    dict
        ``path``, ``bytes`` (size of the file), ``kind``, ``schema_version``, ``created`` (ISO 8601, UTC),
        ``creator``, ``creator_version``, ``times`` (count, first, last), ``sizes`` (rows per time: min, max,
        total), ``dim``, ``velocities`` (number of times at which they are known), ``weights`` and
        ``populations`` (whether the file has them), ``metadata``, ``units``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is truncated, damaged, foreign, or of a newer schema.
    """
    with hdf5.reading(path) as file:
        name = hdf5.schema(file)
        header = read_attributes(file["wlmsim"])
        outlines = {"trajectory": h5md.outline, "tracks": tracks_file.outline, "snapshots": snapshots_file.outline}
        return {
            "path": str(path),
            "bytes": existing(path).stat().st_size,
            "kind": name,
            **{key: header[key] for key in ("schema_version", "created", "creator", "creator_version")},
            **outlines[name](file),
            **hdf5.about(file),
        }
