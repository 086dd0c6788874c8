"""Small fits for a group of processes: ``torchrun ... -m tests.learn.training.shared_fits FOLDER CASE ...``."""

from __future__ import annotations

import math
import os
import pickle
import signal
import sys
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed

import wlmsim as wls
from tests.models import quick

PATIENCE = 120
"""Seconds after which a process no longer waits for another."""


def drifters(n: int = 40, seed: int = 0) -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=n, seed=seed).exact(np.linspace(0, 2, 5)).snapshots(seed=seed)


def small(*terms: Any, **options: Any) -> wls.learn.WLM:
    potential = sum(terms, wls.learn.ExternalPotential((8,)))
    return quick(potential, **{"steps": 10, "batch_size": 25, "runtime": "cpu", **options})


def pairs() -> wls.learn.PairPotential:
    return wls.learn.PairPotential(cutoff=1.0)


BOWL = wls.External(lambda x, xp: 0.1 * (x**2).sum(-1))
CASES = {
    "rows of batches": lambda: small(members=2),
    "analytic terms": lambda: small(BOWL, rollouts="multiple-shooting", stopping="early"),
    "directions": lambda: small(loss="sliced", batch_size=None),
    "kept duals": lambda: small(loss="sinkhorn", batch_size=None, local_acceleration=0.3),
    "noise": lambda: small(friction=math.inf, noise=0.1, loss="sliced"),
    "noise and pairs": lambda: small(pairs(), friction=math.inf, noise=0.1, stopping="early"),
    "pairs": lambda: small(pairs()),
    "several populations": lambda: small(pairs()),
    "known growth": lambda: small(friction=math.inf, loss="exact", batch_size=None),
    "learned velocities": lambda: small(initial_velocities="learn"),
    "matching": lambda: small(rollouts=None, matching=wls.learn.Matching(steps=10)),
    "matching pairs": lambda: small(pairs(), matching=wls.learn.Matching(steps=6), steps=4),
    "least squares": lambda: quick(wls.learn.SeriesPotential(order=2, waves=0) + pairs(), rollouts=None, runtime="cpu"),
}


def data_of(case: str) -> wls.SnapshotSeries:
    if case == "several populations":
        return wls.SnapshotSeries.of_several({k: drifters(30 + k, k) for k in range(3)})
    if case == "known growth":
        return drifters().with_columns(growth=[np.linspace(-1, 1, n) for n in drifters().sizes])
    return drifters().without_velocities() if case == "learned velocities" else drifters()


def fitted(case: str) -> dict[str, Any]:
    model = CASES[case]().fit(data_of(case))
    return {
        "losses": model.losses_,
        "parameters": [p.detach().numpy() for m in model._fitted_members for p in m.parameters()],
        "errors": model.standard_errors_,
        "validation": np.array(model.validation_),
    }


def diverging() -> str:
    """The message of an error that every process meets."""
    wild = wls.External(lambda x, xp: -1e6 * (x**4).sum(-1))
    try:
        small(wild, dt=1.0).fit(drifters())
    except wls.errors.SimulationError as error:
        return str(error)
    return "none"


def ended_by_a_callback() -> str:
    """What the others are told when the first process, which alone has callbacks, ends a fit."""

    def stop(record: wls.learn.Record) -> None:
        if record.step == 3:
            raise ZeroDivisionError("enough")

    try:
        small().fit(drifters(), callbacks=[stop])
    except ZeroDivisionError as error:
        return str(error)
    return "none"


def compared() -> np.ndarray:
    """Fits of a comparison are shared too."""
    return wls.learn.compare({"a": small(steps=4)}, drifters(), seeds=[0, 1], progress=False).w1["a"]


def killed(folder: Path, rank: int) -> dict[str, Any]:
    """A fit with a checkpoint, whose second process is killed at its tenth step the first time."""
    (folder / f"pid.{rank}").write_text(str(os.getpid()))
    torch.distributed.barrier()
    steps = []

    def kill(record: wls.learn.Record) -> None:
        steps.append(record.step)
        if record.step == 10 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(int((folder / "pid.1").read_text()), signal.SIGKILL)

    kept = wls.learn.Checkpoint(path=folder / "fit.checkpoint", every=0.0)
    model = small(steps=20, checkpoint=kept).fit(drifters(), callbacks=[kill])
    return {"losses": model.losses_, "steps": steps, "restarts": os.environ["TORCHELASTIC_RESTART_COUNT"]}


def main(folder: Path, cases: list[str]) -> None:
    warnings.simplefilter("ignore")
    others = {"diverging": diverging, "callback": ended_by_a_callback, "compared": compared}
    with wls.learn.process_group(timeout=PATIENCE) as group:
        found = {
            case: killed(folder, group.rank) if case == "killed" else others.get(case, partial(fitted, case))()
            for case in cases
        }
    (folder / f"results.{group.rank}").write_bytes(pickle.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
