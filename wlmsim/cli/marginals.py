"""The marginals of a file that a command needs, chosen by their times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import typer

from wlmsim import _times
from wlmsim.cli.errors import blaming, report
from wlmsim.cli.options import is_date, moment
from wlmsim.data.dates import in_words, recorded
from wlmsim.errors import WlmsimError

if TYPE_CHECKING:
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.learn import WLM, Study


def start(series: SnapshotSeries, since: str | None, known: np.ndarray) -> SnapshotSeries:
    """The marginal at `since`, with its populations; without it the last of the known times, or else the first."""
    if since is not None:
        time = since if is_date(since) else moment("--from", since, series)
        with blaming("--from"):
            return series[[recorded("time", time, series.times, series, "an observed time")]]
    last = _times.among(series.times, known) & ~_times.up_to(series.times, known[-2])
    return series[[int(last.argmax())]]


def up_to(series: SnapshotSeries, until: str | None, path: Path, hint: str = "") -> SnapshotSeries:
    """The marginals at or before a time, if one is given; `hint` says what may be done where there is none."""
    if until is None:
        return series
    last = moment("--until", until, series)
    kept = _times.up_to(series.times, last)
    if not kept.any():
        given, first = told([last, series.times[0]], series)
        raise typer.BadParameter(
            f"{path} holds no marginal up to {given}; the first is at {first}{hint}", param_hint="--until"
        )
    return series[kept.nonzero()[0].tolist()]


def after(series: SnapshotSeries, start: float, until: str | None, path: Path, hint: str = "") -> SnapshotSeries:
    """The marginals later than a time, up to another; `hint` says what may be done where there is none."""
    later = ~_times.up_to(series.times, start)
    if not later.any():
        raise WlmsimError(f"{path}: it holds no marginal after {told([start], series)[0]}{hint}")
    return up_to(series[later.nonzero()[0].tolist()], until, path, hint)


def to_forecast(
    series: SnapshotSeries, start: float, until: str | None, path: Path, known: np.ndarray
) -> SnapshotSeries:
    """The marginals at whose times a forecast is made; where they end before `until`, it is said."""
    gap = float(np.median(np.diff(series.times))) if len(series) > 1 else 1.0
    first, last = told(known[[0, -1]], series)
    example = ",".join(word.removeprefix("t = ") for word in told([start + gap, start + 2 * gap], series))
    hint = (
        f"; the model was fitted from {first} to {last}, and --times {example} forecasts at times that the data do "
        "not have"
    )
    later = after(series, start, until, path, hint)
    if until is not None and moment("--until", until, series) > later.times[-1] + 0.5 * gap:
        report(f"the data end at {told(later.times[-1:], series)[0]}, and so does the forecast{hint}")
    return later


def told(times: Sequence[float] | np.ndarray, series: SnapshotSeries) -> list[str]:
    """Times as they may be typed in: dates where the series has them."""
    return in_words(times, series, series.times)


def begun(study: Study, series: SnapshotSeries, start: float) -> SnapshotSeries | None:
    """What a study forecasts from, with what came before it; None where that is where its own data end."""
    if series is study.data and start == series.times[-1] and series.labels is None:
        return None
    return series[_times.up_to(series.times, start).nonzero()[0].tolist()]


def to_score(
    series: SnapshotSeries, study: Study, until: str | None, two_sided: bool, path: Path
) -> tuple[SnapshotSeries, str]:
    """The marginals that a study has not seen, and the goal: those after its last one, or else those between."""
    first, last = study.data.times[[0, -1]]
    new = up_to(series, until, path)
    new_times = ~_times.among(new.times, study.data.times) & ~_times.up_to(new.times, first)
    beyond = ~_times.up_to(new.times, last)
    goal = "interpolate" if two_sided or not (new_times & beyond).any() else "forecast"
    kept = new_times & (~beyond if goal == "interpolate" else beyond)
    if not kept.any():
        ends = " and ".join(told([first, last], series))
        between = f"between {ends}" if two_sided else f"after {ends.split(' and ')[0]}"
        raise WlmsimError(
            f"{path}: it has no marginal {between} that the study has not seen, which leaves none to score; --until of "
            "wlmsim study keeps some from it"
        )
    return new[kept.nonzero()[0].tolist()], goal


def fitted(series: SnapshotSeries, model: WLM, path: Path, hint: str = "") -> SnapshotSeries:
    """The marginals at the fitted times; `hint` says what may be done where there is none."""
    seen = _times.among(series.times, model.times_)
    if not seen.any():
        raise WlmsimError(f"{path}: the model was fitted at none of its times{hint}")
    return series[seen.nonzero()[0].tolist()]


def unseen(series: SnapshotSeries, model: WLM, path: Path) -> tuple[SnapshotSeries, SnapshotSeries]:
    """The marginals at the fitted times, and the others."""
    past = fitted(series, model, path, "; give --from to start somewhere")
    seen = _times.among(series.times, model.times_)
    later = ~seen & ~_times.up_to(series.times, model.times_[0])
    if not later.any():
        raise WlmsimError(
            f"{path}: the model was fitted at all of its times, which leaves none to score; --hold-out or --until of "
            "wlmsim fit keeps some from the fit"
        )
    return past, series[later.nonzero()[0].tolist()]
