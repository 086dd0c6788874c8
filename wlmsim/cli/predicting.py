"""What predicts: a fitted model, or the folder of a study, which knows where something naive does better."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wlmsim._warning import warn
from wlmsim.cli.files import check_there

if TYPE_CHECKING:
    from wlmsim.learn import WLM, Study

ASKED = {"forecast": "later marginals", "interpolate": "marginals between known ones"}


def check_predictor(path: Path) -> None:
    """Miss a model or a study that is missing before torch is loaded, which takes seconds."""
    if path.is_dir():
        from wlmsim.learn.studies.folder import read_record

        read_record(path)
    else:
        check_there(path)


def needs_data(path: Path, data: Path | None) -> None:
    """Refuse a model without data."""
    if data is None and not path.is_dir():
        raise typer.BadParameter("a model needs data to start from; a study has its own", param_hint="DATA")


def predictor(path: Path, goal: str) -> tuple[WLM, Study | None]:
    """The model of a file, or that of a folder with its study; of a model that something naive bettered it is said."""
    import wlmsim as wls

    if path.is_dir():
        study = wls.learn.Study.load(path)
        return study.model, study
    _warn_of_better(path, goal)
    return wls.learn.WLM.load(path), None


def mechanics(path: Path) -> Path:
    """The file of a model: that of the study, where the path is its folder."""
    from wlmsim.learn.studies.folder import MODEL

    return path / MODEL if path.is_dir() else path


def by_what(study: Study, goal: str) -> str:
    """What a study predicts by."""
    name = study.winners.get(goal)
    if name is None:
        return "by the learned mechanics, which no fold has tested"
    kind = "the learned mechanics" if study.predicts_by_mechanics(goal) else "no mechanics"
    return f"by what did best on the folds: {name!r} ({kind})"


def _warn_of_better(path: Path, goal: str) -> None:
    """Say that the study beside a model predicts by something else."""
    from wlmsim.errors import DataWarning
    from wlmsim.learn.studies.folder import RECORD, naive_winners, read_record

    if not (path.parent / RECORD).is_file():
        return
    try:
        record = read_record(path.parent)
    except OSError:  # it is the model that was asked for
        return
    name = naive_winners(record).get(goal)
    if name and path.name in record["files"]:
        warn(
            f"{path.parent / RECORD}: the study predicts {ASKED[goal]} by {name!r}, which is no mechanics, and not by "
            f"this model; {str(path.parent)!r} in place of {str(path)!r} predicts as it does",
            DataWarning,
        )
