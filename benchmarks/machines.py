"""Side by side on one machine: wlmsim's own processes beside a LocalCluster of Dask, and one fit on two processes."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import wlmsim as wls
from wlmsim.parallel.cluster import on_cluster
from wlmsim.parallel.processes import cores, in_processes

SHARED = {
    "sliced, 4000 rows": (4000, {"loss": "sliced", "optimiser__batch_size": None}),
    "exact, batches of 1000": (4000, {"loss": "exact", "optimiser__batch_size": 1000}),
    "exact, batches of 200": (4000, {"loss": "exact", "optimiser__batch_size": 200}),
}
"""Fits whose steps are shared: rows of a marginal, and options."""
SLOW = 3
"""First steps, which are not counted."""


def data_of(n: int) -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=n, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


def loaded(item: int, send: Callable[[Any], None]) -> int:
    """What every job needs first: torch, and the estimator."""
    import torch

    torch.set_num_threads(1)
    return wls.learn.WLM(members=1).members


def fitted(seed: int, send: Callable[[Any], None]) -> float:
    import torch

    torch.set_num_threads(1)
    options = {"optimiser": wls.learn.AdamW(steps=60), "members": 1, "progress": False}
    model = wls.learn.WLM(seed=seed, runtime=wls.learn.Runtime(processes=1), **options)
    return float(model.fit(data_of(100)).losses_[-1])


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def pools(count: int) -> list[dict[str, Any]]:
    """Seconds until all processes have done their first, empty job, and of eight fits after that."""
    from distributed import Client, LocalCluster

    jobs, empty = list(range(8)), list(range(count))
    own = {"pool": "processes", "start": timed(lambda: in_processes(loaded, empty, count))}
    in_processes(fitted, empty, count)
    own["eight fits"] = timed(lambda: in_processes(fitted, jobs, count))
    began = time.monotonic()
    with (
        LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        on_cluster(loaded, empty, client)
        dask = {"pool": "LocalCluster", "start": time.monotonic() - began}
        on_cluster(fitted, empty, client)
        dask["eight fits"] = timed(lambda: on_cluster(fitted, jobs, client))
    return [own, dask]


def one_fit(steps: int) -> dict[str, dict[str, Any]]:
    """Seconds a step, and the losses, of each fit, on the processes that torchrun started or on this one."""
    rows = {}
    warnings.simplefilter("ignore")
    with wls.learn.process_group(timeout=300):
        for name, (n, options) in SHARED.items():
            seen: list[tuple[float, float]] = []
            model = wls.learn.WLM(members=1, progress=False, runtime="cpu").set_params(**options)
            model.set_params(optimiser__steps=steps)
            model.fit(
                data_of(n), callbacks=[lambda record, seen=seen: seen.append((record.seconds, time.process_time()))]
            )
            wall, cpu = np.median(np.diff(seen, axis=0)[SLOW:], axis=0) if seen else (np.nan, np.nan)
            rows[name] = {"wall": float(wall), "cpu": float(cpu), "losses": model.losses_.tolist()}
    return rows


def shared(count: int, steps: int) -> list[dict[str, Any]]:
    """One process of one thread beside several that share the fit."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    module = ["benchmarks.machines", "--one-fit", str(steps)]
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "-m"]
    one, several = (
        json.loads(subprocess.check_output([sys.executable, "-m", *how, *module], env=environment).splitlines()[-1])
        for how in ([], torchrun)
    )
    return [
        {
            "fit": name,
            "one": {what: one[name][what] for what in ("wall", "cpu")},
            "several": {what: several[name][what] for what in ("wall", "cpu")},
            "farthest losses": float(
                np.max(np.abs(np.array(several[name]["losses"]) / np.array(one[name]["losses"]) - 1))
            ),
        }
        for name in one
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.machines", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--one-fit", type=int, metavar="STEPS", help="what torchrun runs")
    parser.add_argument("--json", help="also write the figures to this file")
    arguments = parser.parse_args()
    if arguments.one_fit is not None:
        rows = one_fit(arguments.one_fit)
        if os.environ.get("RANK", "0") == "0":
            print(json.dumps(rows))
        return
    count = arguments.processes
    figures: dict[str, Any] = {"cores": cores(), "load": os.getloadavg()[0], "pools": pools(count)}
    for row in figures["pools"]:
        print(f"{row['pool']:>22}: started in {row['start']:.1f} s, eight fits in {row['eight fits']:.1f} s")
    figures["shared"] = shared(count, arguments.steps)
    for row in figures["shared"]:
        one, several = row["one"], row["several"]
        print(
            f"{row['fit']:>22}: {one['wall']:.3f} s a step in one process, {several['wall']:.3f} s in {count}; CPU "
            f"{one['cpu']:.3f} s and {several['cpu']:.3f} s; losses {row['farthest losses']:.0e} apart"
        )
    if arguments.json:
        with open(arguments.json, "w") as stream:
            stream.write(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
