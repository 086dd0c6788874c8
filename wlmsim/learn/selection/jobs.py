"""Fits side by side: each left-out marginal, model and seed is one job, in processes of its own if wanted."""

from __future__ import annotations

import copy
import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim._progress import LateBar
from wlmsim._warning import warn
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.evaluation import Scores
from wlmsim.learn.group import Group
from wlmsim.learn.wlm import WLM
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.parallel.jobs import Lost
from wlmsim.parallel.spread import wherever


@dataclass(frozen=True)
class Job:
    """Fit a model with a seed to all marginals but one, and score its prediction of that one."""

    model: WLM
    data: SnapshotSeries
    left_out: int
    seed: int
    two_sided: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a job: scores and the learned mechanics, or why there are none."""

    scores: Scores | None
    friction: float
    seconds: float
    mechanics: Lagrangian | GradientFlow | None = None
    failure: str = ""

    @property
    def w1(self) -> float:
        """W1 of the prediction, as `Scores.judged` has it; infinite where training or prediction diverged."""
        return np.inf if self.scores is None else self.scores.judged[self.scores.model]


def unfitted(model: WLM, **parameters: Any) -> WLM:
    """A model with the same parameters that has not been fitted, but for the ones given; it writes no files."""
    own = {name: copy.deepcopy(value) for name, value in model.get_params(deep=False).items()}
    return WLM(**{**own, "checkpoint": None, "progress": False}).set_params(**parameters)


def run(job: Job) -> Outcome:
    """Do one job."""
    fitted, held = job.data.hold_out([job.left_out])
    model = unfitted(job.model, seed=job.seed)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* is nearer to the last fitted marginal")  # scores are to come
            model.fit(fitted)
        scores = model.evaluate(held, data=fitted, two_sided=job.two_sided)
        return Outcome(scores, model.friction_, model.seconds_, model.mechanics_)
    except SimulationError as error:
        return Outcome(None, np.nan, np.nan, failure=str(error))


def run_all(jobs: Sequence[Job], processes: int | None, *, client: Any = None, progress: bool = True) -> list[Outcome]:
    """Do jobs one after the other, or in several processes with one thread each; the outcomes in their order.

    Parameters
    ----------
    jobs : sequence of Job
        What to do.
    processes : int, optional
        How many. Default: as many as there are cores, if the time of the first job says that it saves any.
    client : Client, Cluster or str, optional
        Where the workers of a cluster do them all.
    progress : bool
        Whether to show, from the second second on, how many are done and the time left. Default True.

    Raises
    ------
    ParameterError
        If a model cannot be sent to another process, though processes or a cluster are asked for.
    """
    if processes is not None:
        check.integer("processes", processes)
    group = Group.current()
    if group.size > 1:  # which shares every fit: all have to do the same
        processes = 1
        if client is not None:
            raise check.fail("client", "None in a process group, whose processes share each fit", client)
    with LateBar("fits", len(jobs), shown=progress and group.first) as bar:
        found = wherever(run, jobs, processes, client, bar.advance, _run_alone)
    return [_lost(one) if isinstance(one, Lost) else one for one in found]


def _lost(job: Lost) -> Outcome:
    """What came of a job that no process survived."""
    warn(f"a fit is left out: {job.reason}", RuntimeWarning)
    return Outcome(None, np.nan, np.nan, failure=job.reason)


def _run_alone(job: Job) -> Outcome:
    """Do a job in a process beside others, on one thread."""
    torch.set_num_threads(1)
    return run(dataclasses.replace(job, model=unfitted(job.model, runtime__processes=1)))


def seeds_of(seeds: Any) -> list[int]:
    """Check seeds: at least one, all different."""
    values = [check.integer("seeds", seed, least=0) for seed in ([seeds] if isinstance(seeds, int) else seeds)]
    if not values or len(set(values)) < len(values):
        raise check.fail("seeds", "at least one integer, each once", seeds)
    return values


def marginals_to_leave_out(name: str, which: Any, data: SnapshotSeries, *, two_sided: bool = False) -> list[int]:
    """Check which marginals are left out in turn: "last", "each" (all but the first), "between" the two, or indices.

    To be predicted from both sides one must lie between others.
    """
    count = len(data)
    if count < 3:
        raise ParameterError(f"`data` must hold at least 3 marginals, so that 2 remain to be fitted; got {count}")
    if isinstance(which, str):
        check.choice(name, which, ("last", "each", "between"))
        named = {"last": [count - 1], "each": list(range(1, count)), "between": list(range(1, count - 1))}[which]
        return _with_neighbours(name, which, named, count) if two_sided else named
    indices = [check.integer(name, k, least=-count) for k in ([which] if isinstance(which, int) else which)]
    if not indices or any(k >= count or k % count == 0 for k in indices):
        raise check.fail(name, f"'last', 'each', 'between' or indices of the {count} marginals, not the first", which)
    chosen = sorted({k % count for k in indices})
    return _with_neighbours(name, which, chosen, count) if two_sided else chosen


def _with_neighbours(name: str, which: Any, indices: list[int], count: int) -> list[int]:
    """The indices, if none is that of the last marginal, after which there is nothing."""
    if count - 1 in indices:
        raise check.fail(name, "'between' or indices without the last marginal, with `two_sided`", which)
    return indices
