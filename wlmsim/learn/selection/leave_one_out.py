"""Leave-one-out scores of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.projection import located
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import SimulationError
from wlmsim.evaluation import Scores
from wlmsim.learn.selection.jobs import Job, marginals_to_leave_out, run_all
from wlmsim.learn.wlm import WLM


def leave_one_out(
    model: WLM,
    data: SnapshotSeries,
    *,
    marginals: Any = "between",
    two_sided: bool = False,
    processes: int | None = None,
    client: Any = None,
    progress: bool = True,
) -> Scores:
    """Leave each marginal out in turn, fit to the others and score the prediction of the one left out.

    Parameters
    ----------
    model : WLM
        What to fit anew each time; stays as it is.
    data : SnapshotSeries
        At least three marginals.
    marginals : "between", "each", "last", int or sequence of int
        Which to leave out in turn: all but the first and the last; all but the first; or those of the indices
        given. Default "between".
    two_sided : bool
        Whether to predict each from the marginals on both sides of it, as `WLM.interpolate` does, and not only from
        the one before. Default False.
    processes : int, optional
        Number of processes that fit at the same time, with one thread each. Default: as many as there are cores, where
        that saves time.
    client : dask.distributed.Client, Cluster or str, optional
        Whose workers do the fits, one each at a time: a client, a cluster, or the address of a scheduler. Default: the
        processes of this machine.
    progress : bool
        Whether to show how many fits are done and the time left. Default True.

    Returns
    -------
    Scores
        A row for each left-out marginal, beside the naive baselines.

    Raises
    ------
    SimulationError
        If a fit or a prediction diverges.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> data = wls.systems.VortexDrifters(n=30, seed=0).exact(np.linspace(0, 1, 5)).snapshots(seed=0)
    >>> model = wls.learn.WLM(optimiser=wls.learn.AdamW(steps=5), members=1, progress=False)
    >>> wls.learn.leave_one_out(model, data, marginals=[1, 2]).times
    array([0.25, 0.5 ])
    """
    check.instance("model", model, WLM)
    check.instance("data", data, SnapshotSeries)
    left_out = marginals_to_leave_out("marginals", marginals, data, two_sided=two_sided)
    jobs = [Job(model, data, k, model.seed, two_sided) for k in left_out]
    rows = []
    for job, outcome in zip(jobs, run_all(jobs, processes, client=client, progress=progress), strict=True):
        if outcome.scores is None:
            raise SimulationError(
                f"without the marginal at t = {_times.text(data.times[job.left_out], data.times)}: {outcome.failure}"
            )
        rows.append(outcome.scores)
    metrics = dict.fromkeys(metric for row in rows for metric in row.others)
    parts = any(row.rows is not None for row in rows)
    counts = np.concatenate([np.zeros(1, int) if row.rows is None else row.rows for row in rows])
    errors = _joined([row.errors or dict.fromkeys(row.w1, np.zeros(1)) for row in rows])
    return Scores(
        np.concatenate([row.times for row in rows]),
        np.concatenate([row.origins for row in rows]),
        _joined([row.w1 for row in rows]),
        "leave one out, two-sided" if two_sided else "leave one out",
        data.units.get("length", ""),
        floor=np.concatenate([row.floor for row in rows if row.floor is not None]),
        rows=counts if parts else None,
        errors=errors if parts else {},
        others={metric: _joined([row.others.get(metric, {}) for row in rows]) for metric in metrics},
        hidden=any(row.hidden for row in rows),
        metadata=located(data),
        time_unit=data.units.get("time", ""),
    )


def _joined(distances: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Distances of several marginals, one after the other; NaN for a method that one of them does not have."""
    names = dict.fromkeys(name for one in distances for name in one)
    return {name: np.concatenate([one.get(name, np.array([np.nan])) for one in distances]) for name in names}
