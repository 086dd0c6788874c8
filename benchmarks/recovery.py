"""Known mechanics, simulated and learned again from snapshots: how well forces and friction come back.

200 particles (100 that align), 10 marginals with velocities, rows shuffled. The error of the force (without friction;
the velocity, of a gradient flow) is the root mean square over the particles and times that were fitted, relative to
that of the true force; that of the friction is |gamma - true| / true. One setting for all: predictions reach to the
next marginal only, and are compared with its velocities too.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

import wlmsim as wls
from wlmsim import learn

TIMES = np.linspace(0.0, 3.0, 10)
TARGET = 0.05
SETTING: dict[str, Any] = {
    "loss": learn.Exact(velocity_weight=1.0),
    "rollouts": learn.MultipleShooting(horizon=1, dt=0.04),
    "optimiser": learn.AdamW(steps=4000),
    "members": 1,
}
"""Chosen with fits of seed 10, see docs/results.md."""


class Case(NamedTuple):
    """Mechanics, and what is to be learned of them beside the friction."""

    truth: wls.Lagrangian | wls.GradientFlow
    potential: Any
    dissipation: Any = None
    n: int = 200


def spread(m: Any, xp: Any) -> Any:
    """Energy that pulls a cloud together where its second moment is above 1, and apart where it is below."""
    return 0.5 * (m[0] + m[1] - 1.0) ** 2


def cases() -> dict[str, Case]:
    """What is simulated and learned."""
    bowl = wls.External(wls.laws.Harmonic((1.0, 2.0)))
    wells = wls.External(wls.laws.DoubleWell(barrier=0.5))
    repulsion = wls.Pairwise(lambda r, xp: 2.0 * xp.exp(-(r**2)))
    breathing = wls.MeanField([lambda x, xp: x[..., 0] ** 2, lambda x, xp: x[..., 1] ** 2], spread)
    alignment = wls.Alignment(strength=2.0, radius=0.5, exponent=3.0)

    def damped(potential: Any, gamma: float, *others: Any) -> wls.Lagrangian:
        return wls.Lagrangian(potential, dissipation=sum(others, wls.Friction(gamma)))

    still, pairs = learn.ExternalPotential(time_dependent=False), learn.PairPotential(3.0)
    return {
        "anisotropic bowl, friction 0.5": Case(damped(bowl, 0.5), still),
        "double well, friction 0.3": Case(damped(wells, 0.3), still),
        "pair repulsion, friction 0.5": Case(damped(repulsion, 0.5), pairs),
        "mean field, friction 0.3": Case(damped(breathing, 0.3), learn.MeanFieldPotential()),
        "alignment in a bowl, friction 0.2": Case(
            damped(bowl, 0.2, alignment), still, learn.LearnableAlignment(2.0), 100
        ),
        "gradient flow in an anisotropic bowl": Case(wls.GradientFlow(bowl), still),
        "the same flow, learned as a series": Case(wls.GradientFlow(bowl), learn.SeriesPotential()),
    }


def force(mechanics: wls.Lagrangian | wls.GradientFlow, cloud: wls.Population) -> np.ndarray:
    """What moves the particles, without friction."""
    if isinstance(mechanics, wls.GradientFlow):
        return mechanics.velocity(cloud.positions, cloud.weights, cloud.time)
    assert cloud.velocities is not None
    at_rest = mechanics.acceleration(cloud.positions, cloud.weights, cloud.time)
    return at_rest + mechanics.velocity_acceleration(cloud.positions, cloud.velocities, cloud.weights)


def recover(case: Case, seed: int, progress: bool) -> dict[str, float]:
    """Simulate, forget identities, learn, and compare with the truth."""
    truth = case.truth
    cloud = wls.Population.gaussian(n=case.n, dim=2, seed=seed, velocity_width=1.0)
    path = wls.simulate(truth, cloud, TIMES, dt=0.01)
    given: dict[str, Any] = {} if isinstance(truth, wls.Lagrangian) else {"friction": math.inf}
    model = learn.WLM(case.potential, dissipation=case.dissipation, seed=seed, progress=progress, **SETTING, **given)
    started = time.process_time()
    model.fit(path.snapshots(seed=seed))
    seconds = time.process_time() - started
    known = np.array([force(truth, frame) for frame in path])
    learned = np.array([force(model.mechanics_, frame) for frame in path])
    gamma = truth.friction if isinstance(truth, wls.Lagrangian) else math.nan
    return {
        "force_error": float(np.sqrt(((learned - known) ** 2).sum() / (known**2).sum())),
        "friction_error": abs(model.friction_ - gamma) / gamma,
        "seconds": model.seconds_,
        "cpu_seconds": seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    arguments = parser.parse_args()
    table = Table(title="Errors of recovered mechanics, mean (largest) over seeds")
    for column in ("mechanics", "force", "friction", "CPU seconds a fit"):
        table.add_column(column)
    rows = []
    for name, case in cases().items():
        runs = [recover(case, seed, not arguments.quiet) for seed in arguments.seeds]
        row = {key: [run[key] for run in runs] for key in runs[0]}
        rows.append(
            {"benchmark": f"recovery/{name}", **{key: float(np.mean(row[key])) for key in row}, "by_seed": runs}
        )
        cells = [
            f"{100 * np.mean(row[key]):.2f}% ({100 * max(row[key]):.2f}%)" for key in ("force_error", "friction_error")
        ]
        table.add_row(
            name, *(cell.replace("nan% (nan%)", "-") for cell in cells), f"{np.median(row['cpu_seconds']):.0f}"
        )
    Console(width=120).print(table)
    worst = {key: float(np.nanmax([row[key] for row in rows])) for key in ("force_error", "friction_error")}
    figures = {"benchmark": "recovery", "seeds": arguments.seeds, **worst, "target": TARGET, "rows": rows}
    # JSON knows no NaN: a gradient flow has no friction to be recovered
    text = json.dumps(figures).replace("NaN", "null")
    if arguments.json:
        arguments.json.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
