"""A study as plain values, for JSON."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from wlmsim._about import version
from wlmsim.learn.studies import words
from wlmsim.learn.studies.ranking import is_naive
from wlmsim.learn.studies.trust import frictions


def record(study: Any) -> dict[str, Any]:
    """What a study saw, tried and chose.

    Parameters
    ----------
    study : Study
        Finished.

    Returns
    -------
    dict
        Plain values; what is infinite or unknown is None.
    """
    found = {
        "wlmsim": version(),
        "seen": dataclasses.asdict(study.seen),
        "units": dict(study.data.units),
        "goals": list(study.goals),
        "winners": dict(study.winners),
        "folds": [_fold(fold) for fold in study.folds],
        "entries": [_entry(entry) for entry in study.entries],
        "untried": list(study.untried),
        "learned": study.learned,
        "expression": words.repeat(study),
        "frictions": frictions(study),
        "velocity_factor": study.velocity_factor,
        "findings": words.findings(study),
        "cautions": words.cautions(study),
        "seconds": study.seconds,
        "budget": study.budget,
        "interrupted": study.interrupted,
        "late": study.late,
        "compiling": study.compiling,
        "names": list(study.names),
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def _fold(fold: Any) -> dict[str, Any]:
    parts = [{"known": known.times.tolist(), "held": held.times.tolist()} for known, held in fold.parts]
    return {"goal": fold.goal, "populations": parts}


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "name": entry.name,
        "naive": is_naive(entry),
        "model": entry.expression or None,
        "w1": entry.scores,
        "seconds": entry.seconds,
    }


def _plain(value: Any) -> Any:
    """The value without what JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
