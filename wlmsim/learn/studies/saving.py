"""A study as a folder, and back."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import FileFormatError
from wlmsim.io.atomic import atomic
from wlmsim.io.paths import existing
from wlmsim.learn.studies.figure import as_pdf
from wlmsim.learn.studies.looking import Seen
from wlmsim.learn.studies.page import write_page
from wlmsim.learn.studies.record import record
from wlmsim.learn.studies.search import Entry, folds_within, plain
from wlmsim.learn.studies.trust import fits_of_folds
from wlmsim.learn.wlm import WLM

Kind = TypeVar("Kind")

DATA, MODEL, RECORD = "data.h5", "study.model", "study.json"
KEPT = ("winners", "untried", "learned", "late", "seconds", "budget", "interrupted", "velocity_factor", "compiling")
"""Attributes of a study that its record holds as they are."""


def save_study(study: Any, folder: str | Path) -> Path:
    """Write all that a study found into a folder, each file wholly or not at all; the record last."""
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    written = [study.model.save(folder / MODEL), study.data.save(folder / DATA)]
    written += [fit.save(folder / _of_fold(k)) for k, fit in enumerate(fits_of_folds(study)) if fit is not None]
    printed = as_pdf(study)
    write_page(study, folder / "report.html", printed)
    with atomic(folder / "figure.pdf") as temporary:
        temporary.write_bytes(printed)
    found = {**record(study), "files": {path.name: _digest(path) for path in written}}
    with atomic(folder / RECORD) as temporary:
        temporary.write_text(json.dumps({**found, "sha256": _digest_of(found)}, indent=2) + "\n", encoding="utf-8")
    return folder


def load_study(make: Callable[..., Kind], folder: str | Path) -> Kind:
    """Read a study that `save_study` wrote, without executing code from its files."""
    folder = existing(folder, folder=True)
    path = existing(folder / RECORD)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told.pop("sha256") != _digest_of(told):
            raise FileFormatError(f"{path}: it has changed since it was written")
        files: Mapping[str, str] = told["files"]
        for name, digest in files.items():
            if Path(name).name != name or _digest(existing(folder / name)) != digest:
                raise FileFormatError(f"{folder / name}: it is not the file that was written with {path}")
        data, model = SnapshotSeries.load(folder / DATA), WLM.load(folder / MODEL)
        model.data_, chosen = data, plain(model)
        if not told["expression"].startswith("WLM(potential="):  # the usual one, which the model's file has written out
            chosen.set_params(potential=None)
        entries = [_entry(entry) for entry in told["entries"]]
        for entry in entries:
            if entry.name == told["learned"]:
                count = sum(map(len, entry.scores.values()))
                entry.fits = [WLM.load(folder / _of_fold(k)) if _of_fold(k) in files else None for k in range(count)]
        return make(
            data=data,
            seen=_seen(told["seen"]),
            entries=entries,
            goals=tuple(told["goals"]),
            chosen=chosen,
            model=model,
            folds=folds_within(data, told["goals"], told["budget"]),
            names=tuple(told["names"]),
            **{name: told[name] for name in KEPT},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"{path}: it does not describe a study as this version of wlmsim writes them ({error!r}); "
            f"wls.learn.WLM.load({MODEL!r}) reads its model alone"
        ) from None


def _of_fold(number: int) -> str:
    return f"fold-{number + 1}.model"


def _entry(told: Mapping[str, Any]) -> Entry:
    scores = {goal: [math.inf if w1 is None else w1 for w1 in found] for goal, found in told["w1"].items()}
    return Entry(told["name"], None, scores, told["seconds"], expression=told["model"] or "")


def _seen(told: Mapping[str, Any]) -> Seen:
    """What was seen, with the numbers that are unknown, of which JSON knows none."""
    numbers = {part.name for part in dataclasses.fields(Seen) if part.type == "float"}
    values: dict[str, Any] = {k: math.nan if value is None and k in numbers else value for k, value in told.items()}
    return Seen(**{**values, "sizes": tuple(values["sizes"])})


def _digest_of(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
