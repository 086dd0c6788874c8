"""``wlmsim info``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from wlmsim.cli.errors import in_shell
from wlmsim.cli.predicting import ASKED
from wlmsim.cli.reading import load, reading
from wlmsim.errors import WlmsimError

TERMS = ("potential", "dissipation")
"""Parameters that the mechanics tell of."""


@reading()
def info(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="Snapshots, trajectory, model, folder of a study, or other data.", show_default=False
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    columns: dict[str, Any] | None = None,
) -> None:
    """Say what a file holds."""
    about = _described(file, as_json, columns or {})
    if as_json:
        typer.echo(json.dumps(about, indent=2))
        return

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in (about | _readable_times(about)).items():
        table.add_row(name.replace("_", " "), escape(_readable(value)))
    Console().print(table)


def _described(path: Path, as_json: bool, columns: Mapping[str, Any]) -> dict[str, Any]:
    """What a file, or the folder of a study, holds."""
    from wlmsim.learn.studies.folder import holds_study

    if holds_study(path):
        return _describe_study(path)
    return _describe_model(path, as_json) if _is_model(path) else _describe_data(path, columns)


def _readable_times(about: Mapping[str, Any]) -> dict[str, Any]:
    """The times of data with the digits that tell the first from the last."""
    times = about.get("times")
    if not isinstance(times, Mapping):
        return {}
    from wlmsim import _times

    ends = [times["first"], times["last"]]
    spacing = (ends[1] - ends[0]) / max(times["count"] - 1, 1)
    first, last = (_times.text(end, [end + spacing]) for end in ends)
    return {"times": {**times, "first": first, "last": last}}


def _is_model(path: Path) -> bool:
    """Whether it is one, or an archive as those of wlmsim 0.1.0 were, which `WLM.load` refuses with its reason."""
    from wlmsim.io.paths import existing
    from wlmsim.io.signatures import PICKLE, TENSORS, ZIP, signature

    if path.is_dir():  # a zarr store, or none of which its reader says so
        return False
    found = signature(existing(path))
    return found == TENSORS or (found in (PICKLE, ZIP) and path.suffix.lower() != ".npz")


def _describe_data(path: Path, columns: Mapping[str, Any]) -> dict[str, Any]:
    from wlmsim import io
    from wlmsim.io.believed import LARGE
    from wlmsim.io.reading import opened

    if not io.is_foreign(path):
        about = io.describe(path)
        return about | (_describe_tracks(load(path)) if about["kind"] == "tracks" else {})
    with opened(path, columns.get("decimal")) as file:
        about, named = file.outline(), {name: value for name, value in columns.items() if name != "decimal"}
        if not named and about["bytes"] > LARGE and not file.holds_individuals({}):
            return about
        try:
            data = file.read(named)
        except WlmsimError as error:
            if named:
                raise
            return about | {"not read yet": in_shell(str(error))}
    return about | _describe_tracks(data)


def _describe_tracks(data: Any) -> dict[str, Any]:
    """What tracks hold: who, when and where."""
    import numpy as np

    from wlmsim.data.dates import has_dates, written
    from wlmsim.data.projection import Projection
    from wlmsim.data.tracks import Tracks

    if not isinstance(data, Tracks):
        return {"read as": repr(data), "units": data.units}
    steps = [np.diff(data.times[data.seen[:, k]]) for k in range(data.n)]
    every = np.concatenate(steps)
    ends = data.times[[0, -1]]
    about: dict[str, Any] = {
        "kind": "tracks",
        "individuals": data.n,
        "ids": list(data.ids[:12]) + (["..."] if data.n > 12 else []),
        "sightings": int(data.seen.sum()),
        "times": {"count": len(data), "first": float(ends[0]), "last": float(ends[1])},
        "usual interval": float(np.median(every)) if len(every) else None,
        "longest gap": float(every.max()) if len(every) else None,
        **_in_words(every, data.units),
        "velocities": "unknown" if data.velocities is None else "known",
    }
    if has_dates(data):
        first, last = written(data.dates[[0, -1]])
        about["dates"] = {"first": first, "last": last}
    if Projection.of(data) is not None:
        places = data.lonlat[data.seen]
        low, high = places.min(axis=0), places.max(axis=0)
        about["longitude"] = f"{low[0]:.4f} to {high[0]:.4f}"
        about["latitude"] = f"{low[1]:.4f} to {high[1]:.4f}"
    return {**about, "units": data.units, "metadata": data.metadata}


def _in_words(intervals: Any, units: dict[str, str]) -> dict[str, str]:
    """The usual interval and the longest gap, where the unit of time is known."""
    import numpy as np

    from wlmsim.io.sightings import interval_in_words

    if not len(intervals) or isinstance(usual := interval_in_words(np.median(intervals), units.get("time", "")), float):
        return {}
    return {"in words": f"every {usual}, with gaps of up to {interval_in_words(intervals.max(), units['time'])}"}


def _describe_model(path: Path, as_json: bool) -> dict[str, Any]:
    import wlmsim as wls
    from wlmsim import _times

    model = wls.learn.WLM.load(path)
    parameters = {name: _plain(value) for name, value in model.get_params(deep=False).items() if name not in TERMS}
    return {
        "path": str(path),
        "bytes": path.stat().st_size,
        "kind": "model",
        "mechanics": repr(model.mechanics_),
        "friction": _plain(model.friction_),
        "fitted_times": model.times_.tolist() if as_json else [_times.text(t, model.times_) for t in model.times_],
        "time_step": model.dt_,
        "steps": model.best_step_,
        "last_loss": float(model.losses_[-1]) if len(model.losses_) else None,
        "best_validation_w1": min((w1 for _, w1 in model.validation_), default=None),
        "seconds": model.seconds_,
        "parameters": parameters,
    }


def _describe_study(folder: Path) -> dict[str, Any]:
    """What a study found, by its record alone."""
    from wlmsim import io
    from wlmsim.learn.studies.folder import DATA, naive_winners, read_record

    record, data = read_record(folder), io.describe(folder / DATA)
    naive = naive_winners(record)
    predicts = {
        ASKED[goal]: f"{name} ({'no' if goal in naive else 'the learned'} mechanics)"
        for goal, name in record["winners"].items()
    }
    return {
        "path": str(folder),
        "bytes": sum(path.stat().st_size for path in folder.iterdir() if path.is_file()),
        "kind": "study",
        "data": {name: data[name] for name in ("times", "sizes", "dim", "units") if name in data},
        "predicts": predicts,
        "findings": record["findings"],
        "cautions": record["cautions"],
        "expression": record["expression"],
        "seconds": record["seconds"],
        "files": sorted(record["files"]),
    }


def _plain(value: Any) -> Any:
    """A parameter as JSON can hold it: one with options as it is written in Python."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # for which JSON has no number
    return value if isinstance(value, (str, bool, int, float, type(None))) else repr(value)


def _readable(value: Any) -> str:
    """A mapping of more than three entries, and sentences, take a line for each."""
    if isinstance(value, Mapping) and len(value) > 3:
        return "\n".join(f"{name}: {_inline(item)}" for name, item in value.items())
    if isinstance(value, list) and any(" " in str(item) for item in value):
        return "\n".join(map(_inline, value))
    return _inline(value)


def _inline(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_inline(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " ".join(map(_inline, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
