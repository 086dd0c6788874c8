"""Every system that has an exact solution, simulated beside it: the table of docs/accuracy.md.

    python -m benchmarks.exact_answers [--json FILE]

The error is the largest of any coordinate of 12 particles at time 1.5, in units of the largest exact coordinate; the
order is fitted to three halvings of the time step. Systems are discovered, each with its default parameters and
scheme, seed 0. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import wlmsim as wls

TIME, PARTICLES = 1.5, 12
STEPS = 0.1 * 0.5 ** np.arange(4)
ROUNDING = 1e-12
"""Errors below this have no order."""


def exact_systems() -> list[Any]:
    """An example of each exported system with an exact solution; some have a size of their own."""
    exported = (getattr(wls.systems, name) for name in wls.systems.__all__)
    classes = [c for c in exported if not inspect.isabstract(c) and c.has_exact]
    sized = [c for c in classes if "n" in inspect.signature(c).parameters]
    return [c(n=PARTICLES, seed=0) if c in sized else c(seed=0) for c in classes]


def errors(system: Any) -> list[float]:
    """The relative error for each time step."""
    exact = system.exact([TIME]).positions
    return [np.abs(system.simulate([TIME], dt=dt).positions - exact).max() / np.abs(exact).max() for dt in STEPS]


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.exact_answers", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    table = Table("system", "scheme", *(f"dt {dt:g}" for dt in STEPS), "order")
    rows = []
    for system in exact_systems():
        found = errors(system)
        order = -np.polyfit(np.arange(len(STEPS)), np.log2(found), 1)[0] if min(found) > ROUNDING else None
        row = {
            "system": type(system).__name__,
            "scheme": repr(system._integrator(np.random.default_rng(0))),
            "errors": found,
            "order": order,
        }
        rows.append(row)
        shown = "exact" if order is None else f"{order:.2f}"
        table.add_row(row["system"], row["scheme"], *(f"{error:.1e}" for error in found), shown)
    Console(width=140).print(table)
    figures = {"benchmark": "exact_answers", "steps": STEPS.tolist(), "rows": rows}
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
