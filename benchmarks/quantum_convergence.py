"""How the quantum methods converge to the exact answer: the table of docs/quantum.md.

    python -m benchmarks.quantum_convergence [--json FILE]

Each row refines one parameter of one method and fits the order of the error. The error is the mean distance of the
particles from their exact positions, weighted, in standard deviations of |psi|^2 at that time, unless the row says
otherwise. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

import wlmsim as wls
from wlmsim.quantum import Grid, PilotWave, SplitStep, WaveFunction
from wlmsim.systems import CoherentState, DoubleSlit, GaussianPacket, SqueezedState, Tunnelling
from wlmsim.systems.quantum import QuantumSystem


class Study(NamedTuple):
    """One method, one system, one parameter that is refined."""

    method: str
    system: str
    refined: str
    values: Sequence[float]
    error: Callable[[float], float]
    order: float
    """Order expected in the parameter: negative in numbers of particles."""


class Row(NamedTuple):
    """A study and what came out."""

    study: Study
    errors: list[float]
    order: float


def deviation(system: QuantumSystem, time: float, **keywords: object) -> float:
    """Weighted mean distance from the exact positions, in standard deviations."""
    end = system.simulate([time], **keywords)
    exact = system.exact([time]).positions[0]
    spread = np.sqrt(end.weights @ ((exact - end.weights @ exact) ** 2).sum(1))
    return float(end.weights @ np.linalg.norm(end.positions[0] - exact, axis=1) / spread)


def swinging_wave(step: float = 0.01, spacing: float = 0.15) -> float:
    """Root mean square error of psi of a coherent state after one radian, relative, by the split step."""
    system = SqueezedState(10, displacement=1.0, method="pilot", seed=0)
    grid = Grid.covering([-9.0], [9.0], spacing)
    start, end = (np.exp(system._motion(time).logarithm(grid.points))[..., 0] for time in (0.0, 1.0))
    wave = SplitStep(system.potential, step=step, open=False).evolve(WaveFunction(start, grid), 1.0)
    return float(np.sqrt((np.abs(wave.values - end) ** 2).sum() * grid.cell))


def interpolation(spacing: float) -> float:
    """Deviation in a free packet, whose wave is exact on any grid that holds it."""
    system = GaussianPacket(100, method="pilot", velocity=0.5, seed=0)
    grid = Grid.covering([-6.0], [6.0], spacing)
    pilot = PilotWave(WaveFunction.of(lambda x, xp: system._initial(x), grid))
    path = wls.simulate(pilot, system.population, [1.0], dt=0.025)
    exact = system.exact([1.0]).positions[0]
    return float(np.abs(path.positions[0] - exact).mean() / exact.std())


def distance_of_worlds(n: float) -> float:
    """W1 of n worlds from |psi|^2, in standard deviations, when the packet has spread."""
    system = GaussianPacket(int(n), method="worlds")
    end = system.simulate([1.0]).positions[0, :, 0]
    shares = (np.arange(200 * int(n)) + 0.5) / (200 * int(n))
    width = float(system._motion(1.0).width[0])
    return float(np.abs(np.repeat(np.sort(end), 200) - width * ndtri(shares)).mean() / width)


def share_that_tunnels(method: str, n: int) -> float:
    """Share of the population beyond the barrier in the end."""
    end = Tunnelling(n, method=method, seed=0).simulate([24.0])
    return float(end.weights @ (end.positions[0, :, 0] > 0))


def wave_that_tunnels() -> float:
    """Share of |psi|^2 beyond the barrier in the end, on the grid."""
    wave = Tunnelling(10, seed=0).wave(24.0)
    return float(wave.density[wave.grid.axes[0] > 0].sum() * wave.grid.cell)


def leapfrog(system: QuantumSystem, dt: float) -> float:
    """Deviation after a unit of time with a leapfrog."""
    return deviation(system, 1.0, dt=dt, integrator=wls.Leapfrog())


def fluid_of_time(dt: float) -> float:
    """Change of the fluid's positions from a time step a quarter as long, per standard deviation."""
    system = SqueezedState(100, method="fluid", seed=0)
    ends = [system.simulate([1.0], dt=step).positions[0] for step in (dt, dt / 4)]
    return float(np.abs(ends[0] - ends[1]).mean() / ends[1].std())


STUDIES = [
    Study("wave", "squeezed", "dt", (0.08, 0.04, 0.02), lambda dt: swinging_wave(step=dt), 2),
    Study("wave", "squeezed", "dx", (0.6, 0.5, 0.4), lambda dx: swinging_wave(step=2.5e-4, spacing=dx), np.inf),
    Study(
        "pilot",
        "packet",
        "dt",
        (0.2, 0.1, 0.05),
        lambda dt: deviation(GaussianPacket(100, method="pilot", velocity=0.5, seed=0), 1.0, dt=dt),
        4,
    ),
    Study(
        "pilot",
        "coherent",
        "dt",
        (0.024, 0.012, 0.006),
        lambda dt: deviation(CoherentState(100, method="pilot", seed=0), 1.0, dt=dt),
        2,
    ),
    Study("pilot", "packet", "dx", (0.4, 0.3, 0.2), interpolation, 7),
    Study(
        "pilot",
        "double slit",
        "dt",
        (0.1, 0.07, 0.05),
        lambda dt: deviation(DoubleSlit(200, slit_width=0.4, seed=0), 1.0, dt=dt),
        4,
    ),
    Study("closure", "squeezed", "dt", (0.05, 0.025, 0.0125), lambda dt: leapfrog(SqueezedState(100, seed=0), dt), 2),
    Study(
        "worlds",
        "squeezed",
        "dt",
        (4e-4, 2e-4, 1e-4),
        lambda dt: leapfrog(SqueezedState(40, method="worlds"), dt),
        2,
    ),
    Study("worlds", "packet", "n, W1", (25, 50, 100), distance_of_worlds, -1),
    Study("fluid", "squeezed", "dt, self", (4e-3, 2e-3, 1e-3), fluid_of_time, 2),
    Study(
        "fluid",
        "packet",
        "n",
        (25, 50, 100),
        lambda n: deviation(GaussianPacket(int(n), method="fluid", bandwidth=10 / n, seed=0), 0.7),
        -2,
    ),
    Study(
        "fluid",
        "packet, 2-D",
        "n",
        (400, 900, 2025),
        lambda n: deviation(GaussianPacket(int(n), 2, method="fluid", bandwidth=10 / np.sqrt(n), seed=0), 0.5, dt=0.02),
        -1,
    ),
]

SHARES = [("pilot", 1000), ("worlds", 50), ("fluid", 100), ("fluid", 400)]
"""Methods and sizes for the share that tunnels."""


def measure(study: Study) -> Row:
    """Run one study."""
    errors = [study.error(value) for value in study.values]
    return Row(study, errors, float(np.polyfit(np.log(study.values), np.log(errors), 1)[0]))


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, as in docs/quantum.md."""
    lines = ["| method | system | refined | values | errors | order |", "| --- | --- | --- | --- | --- | --- |"]
    for row in rows:
        values = ", ".join(f"{value:g}" for value in row.study.values)
        errors = ", ".join(f"{error:.1e}" for error in row.errors)
        study = row.study
        lines.append(f"| {study.method} | {study.system} | {study.refined} | {values} | {errors} | {row.order:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quantum_convergence", description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    rows = [measure(study) for study in STUDIES]
    print(table(rows))
    shares = {"exact": Tunnelling(10).transmission(), "wave": wave_that_tunnels()}
    shares |= {f"{method}, n = {n}": share_that_tunnels(method, n) for method, n in SHARES}
    print("share that tunnels: " + ", ".join(f"{name} {share:.4f}" for name, share in shares.items()))
    figures = {
        "benchmark": "quantum_convergence",
        "rows": [
            {
                **{k: v for k, v in row.study._asdict().items() if k not in ("error", "order")},
                "errors": row.errors,
                "order": row.order,
            }
            for row in rows
        ],
        "tunnelled": shares,
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
