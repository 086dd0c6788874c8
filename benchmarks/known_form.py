"""Boids of known form: the four weights, the two radii and the boundary from snapshots of the first half.

1000 birds, 51 marginals with velocities, rows shuffled. The fit begins with every parameter wrong by a random factor
between 1/2 and 2, and predicts each marginal from the one before it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import wlmsim as wls

TRUTH = {
    "cohesion": 0.005,
    "separation": 0.1,
    "alignment": 0.3,
    "boundary": 0.5,
    "outer_radius": 1.0,
    "inner_radius": 0.3,
    "half_width": 5.0,
}
"""The published rules."""


def guess(seed: int) -> wls.systems.Boids:
    """Rules with every parameter wrong by up to a factor of 2."""
    factors = 2.0 ** np.random.default_rng(seed).uniform(-1, 1, len(TRUTH))
    values = {name: value * factor for (name, value), factor in zip(TRUTH.items(), factors, strict=True)}
    values["inner_radius"] = min(values["inner_radius"], 0.9 * values["outer_radius"])
    return wls.systems.Boids(**values)


def run(seed: int, n: int, progress: bool) -> wls.learn.FittedParameters:
    flock = wls.systems.Boids(n=n, seed=seed, **TRUTH)
    past = flock.simulate(np.arange(0.0, 25.5, 0.5)).snapshots(seed=seed)
    return wls.learn.fit_parameters(guess(seed), past, list(TRUTH), progress=progress)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.known_form", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("-n", type=int, default=1000, help="number of birds")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    arguments = parser.parse_args()
    fits = {seed: run(seed, arguments.n, not arguments.quiet) for seed in arguments.seeds}
    console = Console(width=120)
    console.print(__doc__)
    for seed, fit in fits.items():
        console.print(_table(seed, fit))
    figures = _figures(fits)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


def _percent(fit: wls.learn.FittedParameters) -> dict[str, float]:
    return {name: 100 * abs(fit.values[name] / true - 1) for name, true in TRUTH.items()}


def _table(seed: int, fit: wls.learn.FittedParameters) -> Table:
    table = Table(title=f"seed {seed}: {fit.seconds:.0f} s, {fit.iterations} steps, distance {fit.distance:.2g}")
    table.add_column("parameter")
    for column in ("start", "learned", "true", "percent off"):
        table.add_column(column, justify="right")
    for name, percent in _percent(fit).items():
        row = (f"{fit.start[name]:.4g}", f"{fit.values[name]:.6g}", f"{TRUTH[name]:g}", f"{percent:.2g}")
        table.add_row(name, *row)
    return table


def _figures(fits: dict[int, wls.learn.FittedParameters]) -> dict[str, Any]:
    rows = [
        {"seed": seed, "values": fit.values, "percent_off": _percent(fit), "seconds": fit.seconds}
        for seed, fit in fits.items()
    ]
    return {
        "benchmark": "known_form",
        "percent_off": max(max(_percent(fit).values()) for fit in fits.values()),
        "seconds": float(np.median([fit.seconds for fit in fits.values()])),
        "rows": rows,
    }


if __name__ == "__main__":
    main()
