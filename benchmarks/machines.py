"""Side by side on one machine: wlmsim's own processes beside a LocalCluster of Dask, and one fit on two processes."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import wlmsim as wls
from wlmsim.parallel.cluster import on_cluster
from wlmsim.parallel.processes import cores, in_processes


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
    model = wls.learn.WLM(
        optimiser=wls.learn.AdamW(steps=100),
        members=1,
        seed=seed,
        progress=False,
        runtime=wls.learn.Runtime(processes=1),
    )
    return float(model.fit(data_of(100)).losses_[-1])


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def pools(count: int) -> list[dict[str, Any]]:
    """Seconds until two processes have done their first, empty job, and of eight fits after that."""
    from distributed import Client, LocalCluster

    rows = []
    jobs, empty = list(range(8)), list(range(count))
    own = {"pool": "processes", "start": timed(lambda: in_processes(loaded, empty, count))}
    in_processes(fitted, empty, count)
    rows.append({**own, "eight fits": timed(lambda: in_processes(fitted, jobs, count))})
    began = time.monotonic()
    with (
        LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        on_cluster(loaded, empty, client)
        start = time.monotonic() - began
        on_cluster(fitted, empty, client)
        rows.append(
            {"pool": "LocalCluster", "start": start, "eight fits": timed(lambda: on_cluster(fitted, jobs, client))}
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.machines", description=__doc__)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    figures = {"cores": cores(), "load": os.getloadavg()[0], "pools": pools(arguments.processes)}
    for row in figures["pools"]:
        print(f"{row['pool']:>14}: started in {row['start']:.1f} s, eight fits in {row['eight fits']:.1f} s")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
