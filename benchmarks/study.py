"""What `wlmsim.learn.study` reaches by itself in a minute, beside the hand-made recipes of the other benchmarks.

Each data set is given as a stranger would give it, with the goal and nothing else; embryoid body and sheep have three
minutes, the sheep also the paths of the dog and the shepherd. A fold of the fitted marginals chooses; the marginals
that are scored are those of the benchmark of that name. `--only` names some of the data sets.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import loky
import numpy as np
from rich.console import Console
from rich.table import Table

import wlmsim as wls
from benchmarks import fish_school, sheep
from wlmsim import SnapshotSeries, datasets, learn, systems
from wlmsim.evaluation import Scores

RECIPES = {
    "vortex_small": 0.0360,
    "vortex_big": 0.0700,
    "gradient_flow": 0.1194,
    "hematopoiesis": 0.3896,
    "embryoid_body": 0.6576,
    "gom_sbirr": 0.154,
    "sheep": 0.822,
    "fish_school": 104.9,
}
"""Figures of docs/results.md, mean of seeds 0, 1 and 2; of boids with 200 birds the recipe is fitted beside.

For the simulated populations of SBIRR there is no recipe.
"""


class Task(NamedTuple):
    """What is studied, and how the study is scored: each gives W1 of it and of the naive baselines."""

    data: SnapshotSeries
    goal: str
    score: Callable[[learn.Study], list[Scores]]
    budget: str = "1 min"
    given: Mapping[str, Any] = MappingProxyType({})


def of_held(data: SnapshotSeries, held: SnapshotSeries, goal: str, budget: str = "1 min") -> Task:
    """Marginals that are left out."""
    return Task(data, goal, lambda found: [found.score(held)], budget)


def vortex_small(seed: int) -> Iterator[Task]:
    yield of_held(*datasets.vortex_small().hold_out([1, 3, 5, 7]), "interpolate")


def vortex_big(seed: int) -> Iterator[Task]:
    yield of_held(*datasets.vortex_big().split(at=9.0), "forecast")


def gradient_flow(seed: int) -> Iterator[Task]:
    for name in ("bohachevsky", "poly", "styblinski_tang", "oakley_ohagan", "wavy_plateau"):
        system = systems.LangevinLandscape(name, seed=seed)
        data = system.independent_snapshots(system.benchmark_times)
        yield of_held(data[:11], data[11:], "forecast")


def hematopoiesis(seed: int) -> Iterator[Task]:
    yield of_held(*datasets.mouse_hematopoiesis().hold_out([1]), "interpolate")


def embryoid_body(seed: int) -> Iterator[Task]:
    cells, _ = datasets.embryoid_body().standardise()
    for left_out in (1, 2, 3):
        yield of_held(*cells.hold_out([left_out]), "interpolate", "3 min")


def every_other(file: str) -> Iterator[Task]:
    """Positions of a shared file at integer times: the odd ones are left out."""
    with np.load(Path(os.environ["WLMSIM_DATA"]) / file) as arrays:
        positions = arrays["positions"]
    data = SnapshotSeries(np.arange(float(len(positions))), positions)
    yield of_held(*data.hold_out(range(1, len(positions), 2)), "interpolate")


def gom_sbirr(seed: int) -> Iterator[Task]:
    return every_other("gom_sbirr.npz")


def lotka_volterra(seed: int) -> Iterator[Task]:
    return every_other("lotka_volterra_sbirr.npz")


def repressilator(seed: int) -> Iterator[Task]:
    return every_other("repressilator_sbirr.npz")


def boids(seed: int) -> Iterator[Task]:
    flock = systems.Boids(n=200, seed=seed).simulate(np.arange(0, 50.5, 0.5)).snapshots(seed=seed)
    yield of_held(*flock.split(at=25.0), "forecast")


def fish(seed: int) -> Iterator[Task]:
    frames, ahead = datasets.fish_school(window=fish_school.WINDOW), fish_school.AHEAD
    past = frames[fish_school.EVERY - 1 : fish_school.FITTED : fish_school.EVERY]

    def score(found: learn.Study) -> list[Scores]:
        return [found.model.evaluate(frames[[k + ahead]], start=frames[k]) for k in fish_school.STARTS]

    yield Task(past, "forecast", score)


def herd(seed: int) -> Iterator[Task]:
    drives = sheep.Drives(datasets.sheep_drives())

    def score(found: learn.Study) -> list[Scores]:
        pairs = [drives.pair(k, drives.last(k, sheep.FITTED), 20) for k in drives.long_enough(50)]
        return [found.model.evaluate(observed, start=start) for start, observed in pairs]

    agents = [drives.path("dog"), drives.path("shepherd")]
    yield Task(drives.until(sheep.FITTED), "forecast", score, "3 min", {"agents": agents})


TASKS: dict[str, Callable[[int], Iterator[Task]]] = {
    "vortex_small": vortex_small,
    "vortex_big": vortex_big,
    "gradient_flow": gradient_flow,
    "hematopoiesis": hematopoiesis,
    "embryoid_body": embryoid_body,
    "gom_sbirr": gom_sbirr,
    "lotka_volterra_sbirr": lotka_volterra,
    "repressilator_sbirr": repressilator,
    "boids": boids,
    "sheep": herd,
    "fish_school": fish,
}


def measured(name: str, seed: int, show: bool) -> dict[str, Any]:
    """One data set with one seed: W1 of the study and of the naive baselines, seconds of all its studies."""
    w1, baselines, won, seconds, cpu = [], [], [], [], _cpu_seconds()
    for task in TASKS[name](seed):
        began = time.monotonic()
        found = learn.study(task.data, task.budget, goal=task.goal, seed=seed, progress=show, **task.given)
        seconds.append(time.monotonic() - began)
        scores = task.score(found)
        w1.append(np.mean([s.mean[s.model] for s in scores]))
        known = [n for n in scores[0].mean if n != scores[0].model and all(math.isfinite(s.mean[n]) for s in scores)]
        baselines.append(min(float(np.mean([s.mean[n] for s in scores])) for n in known))
        won.append(found.winners.get(task.goal, "the first candidate"))
    row = {"w1": float(np.mean(w1)), "best_naive": float(np.mean(baselines)), "won": won}
    if name == "boids":
        (task,) = TASKS[name](seed)
        turning = learn.recipes.flock(1.5, dt=0.5, typical_force=0.1, seed=seed, progress=show).fit(task.data)
        held = systems.Boids(n=200, seed=seed).simulate(np.arange(0, 50.5, 0.5)).snapshots(seed=seed).split(at=25.0)[1]
        row["recipe"] = turning.evaluate(held, start=task.data[-1]).mean["WLM"]
    return {**row, "seconds": float(np.mean(seconds)), "cpu_seconds": (_cpu_seconds() - cpu) / len(seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    try:
        for name in given.only:
            runs = [measured(name, seed, not given.quiet) for seed in given.seeds]
            recipe = float(np.mean([run["recipe"] for run in runs])) if name == "boids" else RECIPES.get(name)
            mean = {key: float(np.mean([run[key] for run in runs])) for key in ("w1", "best_naive", "cpu_seconds")}
            rows.append({"benchmark": f"study/{name}", **mean, "w1_by_seed": [run["w1"] for run in runs]})
            rows[-1].update(
                recipe=recipe,
                seconds=float(np.median([run["seconds"] for run in runs])),
                won=[run["won"] for run in runs],
            )
            print(rows[-1], flush=True)
    except (wls.errors.FileFormatError, KeyError, FileNotFoundError) as error:
        sys.exit(f"study: cannot find its data: {error}")
    table = Table(title="W1 on marginals that the study has not seen, mean over seeds")
    for column in ("data", "study", "by seed", "recipe", "best naive", "seconds", "CPU seconds"):
        table.add_column(column)
    for row in rows:
        by_seed = "  ".join(f"{value:.4g}" for value in row["w1_by_seed"])
        figures_of = (row[key] for key in ("recipe", "best_naive", "seconds", "cpu_seconds"))
        numbers = ["-" if figure is None else f"{figure:.4g}" for figure in figures_of]
        table.add_row(row["benchmark"].removeprefix("study/"), f"{row['w1']:.4g}", by_seed, *numbers)
    Console(width=120).print(table)
    figures = {"benchmark": "study", "seeds": given.seeds, "rows": rows}
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


def _cpu_seconds() -> float:
    """CPU time of this process and of those that it started, which counts once they have ended."""
    loky.get_reusable_executor(reuse=True).shutdown(wait=True)
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
