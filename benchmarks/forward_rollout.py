"""Value and gradient of 1,000 leapfrog steps, beside plain automatic differentiation by torch: time and peak memory.

The value is the mean square of the last positions, the gradient is with respect to the initial velocities, the friction
and the parameters of the law. "forward" is the same simulation without gradient, "simulate" the ordinary one. Memory is
the peak of the process above what it held before the run. Plain differentiation of 1,000 particles in pairs would need
about 100 gigabytes, and is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.forward_common import Work, arguments, report, timed

STEPS = (100, 1000, 4000)
"""Lengths of the runs whose memory is compared."""
MOST_PLAIN = 1000
"""Steps up to which plain differentiation is measured."""


class Case:
    """One mechanics, by our simulator and by torch alone."""

    def __init__(self, n: int, name: str):
        import torch

        import wlmsim as wls

        self.wls, self.torch = wls, torch
        self.population = wls.Population.gaussian(n=n, dim=2, velocity_width=1.0, seed=0)
        torch.manual_seed(0)
        learned = wls.learn.ExternalPotential()
        learned.prepare(2, wls.learn.functionals.Scales((0.0, 0.0), 1.0, 0.0, 1.0))
        potential, numbers = {
            "external": (wls.External(wls.laws.VortexPressure()), {"external.core": 1.0}),
            "pairs": (wls.Pairwise(wls.laws.Morse()), {"pairwise.c": 1.5, "pairwise.l": 0.5}),
            "learned": (learned, {}),
        }[name]
        self.dtype = torch.float32 if name == "learned" else torch.float64
        self.law = wls.Lagrangian(potential, dissipation=wls.Friction(0.1))
        values = {"friction": 0.1, **numbers}
        self.numbers = {k: torch.tensor(v, dtype=self.dtype, requires_grad=True) for k, v in values.items()}
        self.weights = list(learned.parameters()) if name == "learned" else []

    def _start(self) -> tuple[Any, Any]:
        make = self.torch.tensor
        x, v = (make(a, dtype=self.dtype) for a in (self.population.positions, self.population.velocities))
        return x, v.requires_grad_()

    def _ours(self, steps: int) -> tuple[Any, Any]:
        x, v = self._start()
        path = self.wls.learn.differentiable_simulate(
            self.law, self.population, [0.01 * steps], dt=0.01, parameters=self.numbers, positions=x, velocities=v
        )
        return (path.positions**2).mean(), v

    def _plainly(self, steps: int) -> tuple[Any, Any]:
        x, v = self._start()
        w = self.torch.as_tensor(self.population.weights).to(x)
        law = self.wls.learn.with_parameters(self.law, self.numbers, checked=False)

        def force(x: Any, t: Any) -> Any:
            return self.wls.learn.torch_force(law.potential, x, w, t)

        ((x, _),) = self.wls.learn.rollout(force, x, v, [0.01 * steps], start=0.0, dt=0.01, friction=law.friction)
        return (x**2).mean(), v

    def _gradient(self, value: Any, v: Any) -> None:
        self.torch.autograd.grad(value, [v, *self.numbers.values(), *self.weights])

    def gradient(self, steps: int) -> None:
        self._gradient(*self._ours(steps))

    def plain(self, steps: int) -> None:
        self._gradient(*self._plainly(steps))

    def forward(self, steps: int) -> None:
        with self.torch.no_grad():
            self._ours(steps)

    def simulate(self, steps: int) -> None:
        self.wls.simulate(self.law, self.population, [0.01 * steps], dt=0.01)


CASES = {"external, n 1000": ("external", 1000), "pairs, n 100": ("pairs", 100), "pairs, n 1000": ("pairs", 1000)}
CASES |= {"learned, n 200": ("learned", 200)}
WITHOUT_PLAIN = ("pairs, n 1000",)


def seconds(name: str, repeats: int) -> dict[str, float]:
    kind, n = CASES[name]
    case = Case(n, kind)

    def work(run: Callable[[int], None]) -> Work:
        return lambda: run(1000)

    works = {"wlmsim": work(case.gradient), "forward": work(case.forward), "simulate": work(case.simulate)}
    if name not in WITHOUT_PLAIN:
        works["torch"] = work(case.plain)
    return {f"{name}: {key}": value for key, value in timed(works, repeats).items()}


# --- memory, each run in a process of its own


def measure(kind: str, n: int, way: str, steps: int) -> None:
    """Print the peak memory of a run above what the process held, in megabytes."""
    run = getattr(Case(n, kind), way)
    run(2)  # compiles
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    run(steps)
    print(_status("VmHWM") - before)


def _status(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return float(line.split()[1]) / 1024


def megabytes(name: str, way: str, steps: int) -> float:
    kind, n = CASES[name]
    command = [sys.executable, "-m", "benchmarks.forward_rollout", "--measure", kind, str(n), way, str(steps)]
    found = subprocess.run(command, capture_output=True, text=True)
    return float(found.stdout.split()[-1]) if found.returncode == 0 else float("nan")


def main() -> None:
    parsed = arguments("forward_rollout", __doc__ or "")
    times: dict[str, float] = {}
    for name in CASES:
        times |= seconds(name, min(parsed.repeats, 3) if name in WITHOUT_PLAIN else min(parsed.repeats, 5))
    memory = {
        f"{name}: {way}": [megabytes(name, way, k) for k in STEPS if way == "gradient" or k <= MOST_PLAIN]
        for name in CASES
        for way in ("gradient", "plain")
        if way == "gradient" or name not in WITHOUT_PLAIN
    }
    print(f"\npeak memory in MB over {', '.join(map(str, STEPS))} steps")
    for key, values in memory.items():
        print(
            f"{key.replace('gradient', 'wlmsim').replace('plain', 'torch'):28s}" + "".join(f"{v:10.1f}" for v in values)
        )
    print()
    ratios = {
        f"{name}: torch": times[f"{name}: torch"] / times[f"{name}: wlmsim"]
        for name in CASES
        if f"{name}: torch" in times
    }
    report(
        "forward_rollout",
        __doc__ or "",
        times,
        parsed,
        ratios=ratios,
        over_forward={name: times[f"{name}: wlmsim"] / times[f"{name}: forward"] for name in CASES},
        over_simulate={name: times[f"{name}: wlmsim"] / times[f"{name}: simulate"] for name in CASES},
        megabytes=json.loads(json.dumps(memory)),
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
    else:
        main()
