"""What the learning benchmarks share: their command line, their table and their JSON line."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import loky
import numpy as np
from rich.console import Console
from rich.table import Table

import wlmsim as wls
from wlmsim.evaluation import Scores

Run = Callable[[int, bool], list[tuple[str, Scores, float]]]
"""Fits with a seed, with or without a progress bar; gives each row's name, scores and seconds of the fit."""


def main(benchmark: str, description: str, run: Run) -> None:
    """Run a benchmark over seeds, print its table and, as the last line, its figures as JSON."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{benchmark}", description=description)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    arguments = parser.parse_args()
    try:
        runs, cpu_seconds = [], []
        for seed in arguments.seeds:
            before = _cpu_seconds()
            runs.append(run(seed, not arguments.quiet))
            cpu_seconds.append(_cpu_seconds() - before)
    except wls.errors.FileFormatError as error:
        sys.exit(f"{benchmark}: cannot find its data: {error}")
    rows = [_row(f"{benchmark}/{row[0][0]}", list(row)) for row in zip(*runs, strict=True)]
    console = Console(width=120)
    console.print(description)
    for first, row in zip(runs[0], rows, strict=True):
        console.print(f"\nseed {arguments.seeds[0]}, {first[0]}")
        console.print(first[1].table())
        console.print(_summary(row, arguments.seeds))
    console.print(f"\nCPU seconds of all that a seed takes: {', '.join(f'{cpu:.0f}' for cpu in cpu_seconds)}")
    figures = {**rows[0], "benchmark": benchmark, "seeds": arguments.seeds, "cpu_seconds": cpu_seconds, "rows": rows}
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


def joined(scores: Sequence[Scores]) -> Scores:
    """Scores of several forecasts, each from its own start, as those of one."""
    w1 = {name: np.concatenate([s.w1[name] for s in scores]) for name in scores[0].w1}
    times, origins = (np.concatenate([getattr(s, name) for s in scores]) for name in ("times", "origins"))
    floor = None if any(s.floor is None for s in scores) else np.concatenate([s.floor for s in scores])
    return dataclasses.replace(scores[0], times=times, origins=origins, w1=w1, floor=floor, rows=None, errors={})


def _cpu_seconds() -> float:
    """CPU time of this process and of those that trained: unlike wall time, little changed by a busy machine."""
    loky.get_reusable_executor(reuse=True).shutdown(wait=True)  # the time of a process counts once it has ended
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _row(name: str, runs: list[tuple[str, Scores, float]]) -> dict[str, Any]:
    scores = [s for _, s, _ in runs]
    model = [s.mean[s.model] for s in scores]
    rivals = [name for name, w1 in list(scores[0].mean.items())[1:] if np.isfinite(w1)]
    baselines = {name: [s.mean[name] for s in scores] for name in rivals}
    return {
        "benchmark": name,
        "w1": float(np.mean(model)),
        "w1_by_seed": model,
        "seconds": float(np.median([seconds for _, _, seconds in runs])),
        "baselines": {name: float(np.mean(w1)) for name, w1 in baselines.items()},
        "baselines_by_seed": baselines,
        "origins": sorted(set(scores[0].origins.tolist())),
    }


def _summary(row: dict[str, Any], seeds: list[int]) -> Table:
    table = Table(title=f"{row['benchmark']}: mean W1 over held-out marginals")
    table.add_column("method")
    table.add_column("W1", justify="right")
    table.add_column("by seed", justify="right")
    table.add_column("seconds a fit", justify="right")
    table.add_row("WLM", f"{row['w1']:.4f}", _by_seed(seeds, row["w1_by_seed"]), f"{row['seconds']:.0f}")
    for name, w1 in row["baselines"].items():
        table.add_row(name, f"{w1:.4f}", _by_seed(seeds, row["baselines_by_seed"][name]), "")
    return table


def _by_seed(seeds: list[int], w1: list[float]) -> str:
    return "  ".join(f"{seed}: {value:.4f}" for seed, value in zip(seeds, w1, strict=True))
