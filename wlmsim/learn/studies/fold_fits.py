"""Fits of candidates to folds, one after the other or side by side in processes, each up to a moment."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from wlmsim._deadline import OutOfTimeError, until
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.learn.studies.folds import FORECAST, Fold
from wlmsim.learn.wlm import WLM
from wlmsim.parallel.jobs import Send, UnsendableError
from wlmsim.parallel.spread import spread


@dataclass(frozen=True)
class Job:
    """Fit a model to a fold up to a moment of the monotonic clock, and score what it predicts."""

    name: str
    model: WLM
    fold: Fold
    end: float


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes
    ----------
    score : float or None
        W1 of the predictions, infinite where they or the fit diverged; None where time was over, or the model does not
        suit the data.
    seconds : float
        Of the fit.
    fit : WLM or None
        The fitted model, where it can be used.
    """

    score: float | None
    seconds: float
    fit: WLM | None = None


def run(job: Job) -> Outcome:
    """Do one job."""
    began = time.monotonic()
    if began >= job.end:
        return Outcome(None, 0.0)
    try:
        with warnings.catch_warnings(), until(job.end):
            warnings.simplefilter("ignore")
            fitted = copy.deepcopy(job.model).fit(job.fold.fitted)
            score = job.fold.score(predictor(fitted, job.fold.goal))
    except SimulationError:
        return Outcome(math.inf, time.monotonic() - began)
    except (OutOfTimeError, ParameterError):
        return Outcome(None, time.monotonic() - began)
    return Outcome(score, time.monotonic() - began, fitted if math.isfinite(score) else None)


def run_all(
    jobs: Sequence[Job],
    processes: int,
    tell: Callable[[int, str], None],
    client: Any = None,
    ready: Callable[[], bool] = lambda: True,
) -> tuple[list[Outcome | None], bool]:
    """Do jobs, in their order; where the user interrupts, those that were not done have no outcome.

    Parameters
    ----------
    jobs : sequence of Job
        What to do.
    processes : int
        How many at the same time.
    tell : callable
        Told how many are done, and of which candidate one was.
    client : Client, Cluster or str, optional
        Where the workers of a cluster do them.
    ready : callable
        Whether the processes have started; until then this one does the first jobs.

    Returns
    -------
    outcomes : list of Outcome or None
        In the order of the jobs.
    interrupted : bool
        Whether the user did.
    """
    found: list[Outcome | None] = [None] * len(jobs)
    done = 0

    def receive(index: int, outcome: Outcome) -> None:
        found[index] = outcome
        tell(sum(one is not None for one in found), jobs[index].name)

    try:
        if (processes > 1 or client is not None) and jobs:
            while done < len(jobs) and not ready():
                receive(done, run(jobs[done]))
                done += 1
            date = time.time() - time.monotonic()
            rest = [(job, job.end + date) for job in jobs[done:]]
            with suppress(UnsendableError):  # a law that stays in this process
                spread(_run_alone, rest, processes, client, lambda index, outcome: receive(done + index, outcome))
                return found, False
        for index in range(done, len(jobs)):
            receive(index, run(jobs[index]))
    except KeyboardInterrupt:
        return found, True
    return found, False


def _run_alone(item: tuple[Job, float], send: Send) -> None:
    """Do a job up to a date in a process beside others, on one thread; other machines have other monotonic clocks."""
    job, date = item
    torch.set_num_threads(1)
    send(run(replace(job, end=time.monotonic() + date - time.time())))


def predictor(model: WLM, goal: str) -> Callable[[SnapshotSeries, np.ndarray], Sequence[Population | None]]:
    """Predictions of a fitted model for a goal."""

    def forecast(known: SnapshotSeries, times: np.ndarray) -> Sequence[Population | None]:
        start = known[-1]
        if start.velocities is None and model.initial_velocities in ("zero", "learn") and not model.first_order:
            start = known[0]
        return list(model.forecast(start, times))

    def between(known: SnapshotSeries, times: np.ndarray) -> Sequence[Population | None]:
        return list(model.interpolate(times, data=known, two_sided=True))

    return forecast if goal == FORECAST else between
