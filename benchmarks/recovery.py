"""Known mechanics, simulated and learned again from snapshots: how well forces and friction come back.

The error of the force is the root mean square over the particles and times that were fitted, relative to that of the
true force; that of the friction is |gamma - true| / true.
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
from wlmsim import learn

TIMES = np.linspace(0.0, 3.0, 10)
TARGET = 0.05


def _cases() -> dict[str, tuple[wls.Lagrangian, wls.Population, Any]]:
    """Mechanics, initial cloud and what is to be learned."""
    bowl = wls.External(wls.laws.Harmonic((1.0, 2.0)))
    well = wls.External(wls.laws.DoubleWell(barrier=0.5))
    repulsion = wls.Pairwise(lambda r, xp: 2.0 * xp.exp(-(r**2)))
    cloud = wls.Population.gaussian(n=200, dim=2, seed=0, velocity_width=1.0)
    still = learn.ExternalPotential(time_dependent=False)
    return {
        "anisotropic bowl, friction 0.5": (wls.Lagrangian(bowl, dissipation=wls.Friction(0.5)), cloud, still),
        "double well, friction 0.3": (wls.Lagrangian(well, dissipation=wls.Friction(0.3)), cloud, still),
        "pair repulsion, friction 0.5": (
            wls.Lagrangian(repulsion, dissipation=wls.Friction(0.5)),
            cloud,
            learn.PairPotential(3.0),
        ),
    }


def recover(name: str, seed: int, progress: bool) -> dict[str, Any]:
    """Simulate, forget identities, learn, and compare with the truth."""
    truth, cloud, potential = _cases()[name]
    path = wls.simulate(truth, cloud, TIMES, dt=0.01)
    model = learn.WLM(potential, training="multiple-shooting", horizon=4, members=1, seed=seed, progress=progress)
    model.fit(path.snapshots(seed=seed))
    assert truth.potential is not None and model.lagrangian_.potential is not None
    errors, sizes = [], []
    for frame in path:
        known = truth.potential.force(frame.positions, frame.weights, frame.time)
        learned = model.lagrangian_.potential.force(frame.positions, frame.weights, frame.time)
        errors.append(((learned - known) ** 2).sum(-1).mean())
        sizes.append((known**2).sum(-1).mean())
    return {
        "force_error": float(np.sqrt(np.mean(errors) / np.mean(sizes))),
        "friction_error": abs(model.friction_ - truth.friction) / truth.friction,
        "seconds": model.seconds_,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    arguments = parser.parse_args()
    table = Table(title="Errors of recovered mechanics, mean over seeds")
    for column in ("mechanics", "force", "friction", "seconds a fit"):
        table.add_column(column)
    rows = []
    for name in _cases():
        runs = [recover(name, seed, not arguments.quiet) for seed in arguments.seeds]
        row = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
        rows.append({"benchmark": f"recovery/{name}", **row, "by_seed": runs})
        table.add_row(name, f"{row['force_error']:.3f}", f"{row['friction_error']:.3f}", f"{row['seconds']:.0f}")
    Console(width=120).print(table)
    worst = {key: max(row[key] for row in rows) for key in ("force_error", "friction_error")}
    figures = {"benchmark": "recovery", "seeds": arguments.seeds, **worst, "target": TARGET, "rows": rows}
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
