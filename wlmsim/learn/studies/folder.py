"""The folder that a study is saved into: what is in it, and its record, which is read without torch."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wlmsim.errors import FileFormatError
from wlmsim.io.atomic import atomic
from wlmsim.io.paths import existing, local

DATA, MODEL, RECORD = "data.h5", "study.model", "study.json"
FOLD = re.compile(r"fold-[1-9]\d*\.model")
UNFINISHED = "unfinished"
"""Entry of the record that stands in a folder while the first study is saved into it."""
LARGEST = 100_000_000
"""Bytes of the largest record that is read; those of real studies have some thousands."""

NUMBER, SCORE = (int, float), (int, float, type(None))
ENTRY = {"name": str, "model": (str, type(None)), "w1": {...: [SCORE]}, "seconds": NUMBER}
SHAPE: dict[Any, Any] = {
    "seen": {"sizes": [int], "growing": bool, "notes": [str]},
    "units": {...: str},
    "goals": [str],
    "winners": {...: str},
    "entries": [ENTRY],
    "untried": [str],
    "learned": str,
    "expression": str,
    "findings": [str],
    "cautions": [str],
    "velocity_factor": NUMBER,
    "seconds": NUMBER,
    "budget": NUMBER,
    "interrupted": bool,
    "late": bool,
    "compiling": NUMBER,
    "names": [str],
    "files": {...: str},
}
"""What a record must hold: types by name, ``...`` for any name, and lists of one type."""


def of_fold(number: int) -> str:
    """Name of the file with the fit to a fold, which count from 0."""
    return f"fold-{number + 1}.model"


def holds_study(folder: str | Path) -> bool:
    """Whether a path is the folder of a study, by the name of its record."""
    return (local(folder) / RECORD).is_file()


def naive_winners(record: Mapping[str, Any]) -> dict[str, str]:
    """What predicts without mechanics, by the goal at which it did best."""
    naive = {entry["name"] for entry in record["entries"] if not entry["model"]}
    return {goal: name for goal, name in record["winners"].items() if name in naive}


def read_record(folder: str | Path) -> dict[str, Any]:
    """Read the record of a study.

    Raises
    ------
    FileNotFoundError
        If the folder or the record is not there.
    FileFormatError
        If it has changed since it was written, or does not describe a study.
    """
    found = existing(folder, folder=True)
    if found.is_file():
        raise FileFormatError(f"{folder}: it is a file, not the folder of a study")
    path = existing(found / RECORD)
    if path.stat().st_size > LARGEST:
        raise FileFormatError(f"{path}: it is too large for the record of a study")
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if UNFINISHED in told:
            raise FileFormatError(
                f"{path}: the study was not saved to its end; study.save({str(folder)!r}) does it again"
            )
        if told.pop("sha256") != digest_of(told):
            raise FileFormatError(f"{path}: it has changed since it was written")
        for name, shape in SHAPE.items():
            if not _is(told[name], shape):
                raise ValueError(f"{name!r} is not what it should be")
    except OSError:
        raise
    except Exception as error:
        raise undescribed(path, error) from None
    return dict(told)


def begin(folder: Path) -> None:
    """Make the folder, and mark it as that of a study, so that one that was not saved to its end can be saved again."""
    folder.mkdir(parents=True, exist_ok=True)
    if not holds_study(folder):
        with atomic(folder / RECORD) as temporary:
            temporary.write_text(json.dumps({UNFINISHED: True}) + "\n", encoding="utf-8")


def undescribed(path: Path, error: Exception) -> FileFormatError:
    """What a record is refused with that holds other than it should."""
    return FileFormatError(
        f"{path}: it does not describe a study as this version of wlmsim writes them ({type(error).__name__}: "
        f"{str(error)[:120]}); wls.learn.WLM.load({str(path.with_name(MODEL))!r}) reads its model alone"
    )


def check_free(folder: str | Path) -> None:
    """Refuse to save a study where files of other origin have the names of its own.

    Raises
    ------
    OSError
        If the path is a file, or a folder with such a file and without the record of a study.
    """
    found = local(folder)
    if found.exists() and not found.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "It is a file, not a folder", str(folder))
    taken = [name for name in (DATA, MODEL) if (found / name).exists()]
    if taken and not holds_study(found):
        raise FileExistsError(
            errno.EEXIST,
            f"It is there already, and no {RECORD} beside it says that it is of a study; save into another folder, "
            "or remove it",
            str(found / taken[0]),
        )


def remove_stale(folder: Path, before: Mapping[str, str], kept: Mapping[str, str]) -> None:
    """Remove the fits to folds of a study that another one has taken the place of."""
    for name in before.keys() - kept.keys():
        if FOLD.fullmatch(name):
            (folder / name).unlink(missing_ok=True)


def files_before(folder: Path) -> dict[str, str]:
    """The files of the study that a folder holds; none where it holds none that can be read."""
    try:
        return dict(read_record(folder)["files"])
    except OSError:
        return {}


def digest_of(told: Mapping[str, Any]) -> str:
    """SHA-256 of a record without that entry."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is(value: Any, shape: Any) -> bool:
    """Whether a value of JSON has a shape as those of `SHAPE`; numbers are finite, and no number is a truth value."""
    if isinstance(shape, list):
        return isinstance(value, list) and all(_is(item, shape[0]) for item in value)
    if isinstance(shape, dict) and ... in shape:
        return isinstance(value, dict) and all(_is(item, shape[...]) for item in value.values())
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(name in value and _is(value[name], of) for name, of in shape.items())
    if isinstance(value, bool):
        return shape is bool
    return isinstance(value, shape) and (not isinstance(value, NUMBER) or math.isfinite(value))
