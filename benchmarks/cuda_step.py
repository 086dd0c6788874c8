"""Time of one training step on a GPU, for each learnable functional and number of particles.

A step is a rollout over up to four of five marginals, the sliced transport loss, and the gradient, with all particles.
Without a GPU there is nothing to measure, unless another device is asked for.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import wlmsim as wls

WARM_UP = 5
"""Steps that are not counted."""
NEIGHBOURS = 20
"""Mean number of particles within the cutoff of the pair potential."""


def functionals(n: int, spread: float) -> dict[str, wls.functionals.Functional]:
    """Every learnable functional; the cutoff of the pair potential keeps the number of neighbours."""
    cutoff = 2 * spread * math.sqrt(NEIGHBOURS / n)
    return {
        "external": wls.learn.ExternalPotential(),
        "pair": wls.learn.PairPotential(cutoff=cutoff),
        "mean field": wls.learn.MeanFieldPotential(),
        "attention": wls.learn.AttentionPotential(),
    }


def milliseconds(potential: wls.functionals.Functional, data: wls.SnapshotSeries, device: str, steps: int) -> float:
    """Median time of a step, infinite where the device has too little memory."""
    ends: list[float] = []
    model = wls.learn.WLM(
        potential,
        steps=WARM_UP + steps,
        loss="sliced",
        batch_size=None,
        members=1,
        device=device,
        callbacks=[lambda record: ends.append(record.seconds)],
        progress=False,
    )
    try:
        model.fit(data)
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        return math.inf
    return 1e3 * float(np.median(np.diff(ends)[WARM_UP - 1 :]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cuda_step", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="numbers of particles")
    parser.add_argument("--steps", type=int, default=20, help="steps that are timed")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit("cuda_step: no CUDA device is at hand")
    device = torch.cuda.get_device_name() if arguments.device == "cuda" else arguments.device
    rows: dict[str, dict[int, float]] = {}
    for n in arguments.sizes:
        data = wls.systems.VortexDrifters(n=n, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)
        spread = float(np.sqrt(np.concatenate(data.positions).var(0).mean()))
        for name, potential in functionals(n, spread).items():
            rows.setdefault(name, {})[n] = milliseconds(potential, data, arguments.device, arguments.steps)
    table = Table(title=f"Milliseconds of a training step on {device}")
    table.add_column("functional")
    for n in arguments.sizes:
        table.add_column(f"n {n:,}", justify="right")
    for name, times in rows.items():
        table.add_row(name, *(f"{t:.2f}" if math.isfinite(t) else "out of memory" for t in times.values()))
    Console(width=120).print(table)
    finite = {name: {str(n): t if math.isfinite(t) else None for n, t in times.items()} for name, times in rows.items()}
    figures = json.dumps({"benchmark": "cuda_step", "device": device, "milliseconds": finite})
    if arguments.json:
        arguments.json.write_text(figures + "\n")
    print(figures)


if __name__ == "__main__":
    main()
