"""The marginals of a file that a command needs, chosen by their times."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wlmsim import _times
from wlmsim.cli.errors import blaming
from wlmsim.cli.options import is_date, moment
from wlmsim.data.dates import recorded
from wlmsim.errors import WlmsimError

if TYPE_CHECKING:
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.learn import WLM


def start(series: SnapshotSeries, since: str | None, model: WLM) -> SnapshotSeries:
    """The marginal at `since`, with its populations; without it the last fitted one, or else the first."""
    if since is not None:
        time = since if is_date(since) else moment("--from", since, series)
        with blaming("--from"):
            return series[[recorded("time", time, series.times, series, "an observed time")]]
    last = _times.among(series.times, model.times_) & ~_times.up_to(series.times, model.times_[-2])
    return series[[int(last.argmax())]]


def up_to(series: SnapshotSeries, until: str | None, path: Path) -> SnapshotSeries:
    """The marginals at or before a time, if one is given."""
    if until is None:
        return series
    last = moment("--until", until, series)
    kept = _times.up_to(series.times, last)
    if not kept.any():
        given, first = (_times.text(t, [*series.times, last]) for t in (last, series.times[0]))
        raise typer.BadParameter(
            f"{path} holds no marginal up to t = {given}; the first is at {first}", param_hint="--until"
        )
    return series[kept.nonzero()[0].tolist()]


def after(series: SnapshotSeries, start: float, until: str | None, path: Path) -> SnapshotSeries:
    """The marginals later than a time, up to another."""
    later = ~_times.up_to(series.times, start)
    if not later.any():
        raise WlmsimError(f"{path}: it holds no marginal after t = {_times.text(start, series.times)}")
    return up_to(series[later.nonzero()[0].tolist()], until, path)


def unseen(series: SnapshotSeries, model: WLM, path: Path) -> tuple[SnapshotSeries, SnapshotSeries]:
    """The marginals at the fitted times, and the others."""
    seen = _times.among(series.times, model.times_)
    if seen.all():
        raise WlmsimError(
            f"{path}: the model was fitted at all of its times, which leaves none to score; --hold-out or --until of "
            "wlmsim fit keeps some from the fit"
        )
    if not seen.any():
        raise WlmsimError(f"{path}: the model was fitted at none of its times; give --from to start somewhere")
    return series[seen.nonzero()[0].tolist()], series[(~seen).nonzero()[0].tolist()]
