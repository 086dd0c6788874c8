"""A study as a folder, and back."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from wlmsim import _times
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import FileFormatError
from wlmsim.io.atomic import atomic
from wlmsim.io.paths import existing, local
from wlmsim.learn.studies import folder as folders
from wlmsim.learn.studies import naive
from wlmsim.learn.studies.figure import as_pdf
from wlmsim.learn.studies.folder import DATA, MODEL, RECORD, of_fold
from wlmsim.learn.studies.folds import FORECAST, GOALS, Fold
from wlmsim.learn.studies.looking import Seen
from wlmsim.learn.studies.page import write_page
from wlmsim.learn.studies.record import record
from wlmsim.learn.studies.search import Entry, folds_within, plain
from wlmsim.learn.studies.trust import fits_of_folds
from wlmsim.learn.wlm import WLM

Kind = TypeVar("Kind")

KEPT = ("winners", "untried", "learned", "late", "seconds", "budget", "interrupted", "velocity_factor", "compiling")
"""Attributes of a study that its record holds as they are."""


def save_study(study: Any, folder: str | Path) -> Path:
    """Write all that a study found into a folder, each file wholly or not at all; the record last."""
    folder = local(folder)
    folders.check_free(folder)
    folders.begin(folder)
    before = folders.files_before(folder)
    written = [study.model.save(folder / MODEL), study.data.save(folder / DATA)]
    written += [fit.save(folder / of_fold(k)) for k, fit in enumerate(fits_of_folds(study)) if fit is not None]
    printed = as_pdf(study)
    write_page(study, folder / "report.html", printed)
    with atomic(folder / "figure.pdf") as temporary:
        temporary.write_bytes(printed)
    files = {path.name: folders.digest(path) for path in written}
    found = {**record(study), "files": files}
    with atomic(folder / RECORD) as temporary:
        temporary.write_text(
            json.dumps({**found, "sha256": folders.digest_of(found)}, indent=2) + "\n", encoding="utf-8"
        )
    folders.remove_stale(folder, before, files)
    return folder


def load_study(make: Callable[..., Kind], folder: str | Path) -> Kind:
    """Read a study that `save_study` wrote, without executing code from its files."""
    told = folders.read_record(folder)
    folder = local(folder)
    files: Mapping[str, str] = {DATA: "", MODEL: "", **told["files"]}
    try:
        for name, digest in files.items():
            if Path(name).name != name or folders.digest(existing(folder / name)) != digest:
                raise FileFormatError(f"{folder / name}: it is not the file that was written with {folder / RECORD}")
        data, model = SnapshotSeries.load(folder / DATA), WLM.load(folder / MODEL)
        _check_like(model, data, folder / MODEL)
        model.data_, chosen = data, plain(model)
        if not told["expression"].startswith("WLM(potential="):  # the usual one, which the model's file has written out
            chosen.set_params(potential=None)
        entries = [_entry(entry) for entry in told["entries"]]
        folds = folds_within(data, told["goals"], told["budget"])
        _check(told, entries, folds)
        for entry in entries:
            if entry.name == told["learned"]:
                entry.fits = [_fit(folder / of_fold(k), files, data, fold) for k, fold in enumerate(folds)]
        return make(
            data=data,
            seen=_seen(told["seen"]),
            entries=entries,
            goals=tuple(told["goals"]),
            chosen=chosen,
            model=model,
            folds=folds,
            names=tuple(told["names"]),
            **{name: told[name] for name in KEPT},
        )
    except OSError:  # of which FileFormatError is one: they name the file
        raise
    except Exception as error:
        raise folders.undescribed(folder / RECORD, error) from None


def _fit(path: Path, files: Mapping[str, str], data: SnapshotSeries, fold: Fold) -> WLM | None:
    """The fit to a fold, with what it saw, among which it estimates velocities.

    None where it diverged, so that no file was written.
    """
    if path.name not in files:
        return None
    model = WLM.load(path)
    _check_like(model, data, path)
    model.data_ = fold.fitted
    return model


def _check_like(model: WLM, data: SnapshotSeries, path: Path) -> None:
    """Refuse a model that is not of the data beside it, whatever the record says."""
    dim = model._fitted_members[0].dim
    if dim != data.dim or not _times.among(model.times_, data.times).all():
        raise FileFormatError(f"{path}: it was fitted to other data than those of {path.with_name(DATA)}")


def _check(told: Mapping[str, Any], entries: list[Entry], folds: list[Fold]) -> None:
    """Refuse a record of which predictions could not be made, or tables could not be drawn."""
    if not told["goals"] or set(told["goals"]) - set(GOALS):
        raise ValueError(f"'goals' must be of {GOALS}; got {told['goals']}")
    counts = {goal: sum(fold.goal == goal for fold in folds) for goal in told["goals"]}
    ways = {goal: naive.forecasts() if goal == FORECAST else naive.interpolants() for goal in told["goals"]}
    for entry in entries:
        if any(len(w1) != counts.get(goal) for goal, w1 in entry.scores.items()):
            raise ValueError(f"'w1' of {entry.name!r} must have a number for each fold, {counts}")
    for goal in told["goals"]:
        able = {*ways[goal], told["learned"]}
        scored = {entry.name for entry in entries if entry.name in able and math.isfinite(entry.mean(goal))}
        winner = told["winners"].get(goal)
        if winner not in scored if scored else winner is not None:
            raise ValueError(
                f"'winners' has {winner!r} at {goal!r}, of {sorted(scored)}, which were scored and can predict"
            )


def _entry(told: Mapping[str, Any]) -> Entry:
    scores = {goal: [math.inf if w1 is None else w1 for w1 in found] for goal, found in told["w1"].items()}
    return Entry(told["name"], None, scores, told["seconds"], expression=told["model"] or "")


def _seen(told: Mapping[str, Any]) -> Seen:
    """What was seen, with the numbers that are unknown, of which JSON knows none."""
    numbers = {part.name for part in dataclasses.fields(Seen) if part.type == "float"}
    values: dict[str, Any] = {k: math.nan if value is None and k in numbers else value for k, value in told.items()}
    return Seen(**{**values, "sizes": tuple(values["sizes"])})
