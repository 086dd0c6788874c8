"""Approximate plans of large clouds: their cost above the least, and CPU seconds.

Squared distances between independent normal clouds, of which one is stretched and moved, or both have one density. The
least cost is that of an exact plan, where it fits into memory.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

from wlmsim.transport.exact import ground_cost, optimal_plan
from wlmsim.transport.large import approximate_plan

CASES = [(3000, 2, True), (3000, 10, True), (3000, 50, True), (3000, 2, False), (3000, 10, False)]
LARGE = [(100_000, 2, True), (100_000, 10, True)]
"""Rows, dimensions, and whether one cloud is another than the other."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.plans", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    approximate_plan(*_clouds(500, 2, True, seed))  # compiles
    rows = [_measured(*case, seed, exact=True) for case in CASES]
    rows += [_measured(*case, seed, exact=False) for case in LARGE]
    for row in rows:
        print("| {rows:,}, {dim}{kind} | {above} | {seconds:.2g} |".format(**row))
    print(json.dumps({"benchmark": "plans", "seed": seed, "rows": rows}))


def _clouds(n: int, dim: int, moved: bool, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((2, n, dim))
    y = y * np.linspace(0.5, 2.0, dim) + 1.0 if moved else y
    weights = np.full(n, 1 / n)
    return x, y, weights, weights


def _measured(n: int, dim: int, moved: bool, seed: int, *, exact: bool) -> dict[str, Any]:
    x, y, source, target = _clouds(n, dim, moved, seed)
    began = time.process_time()
    plan = approximate_plan(x, y, source, target)
    seconds = time.process_time() - began
    cost = float(plan.mass @ ((x[plan.source] - y[plan.target]) ** 2).sum(1))
    above = "not known"
    if exact:
        squares = ground_cost(x, y, 2)
        best = optimal_plan(squares, source, target)
        above = f"{100 * (cost / float(best.mass @ squares[best.source, best.target]) - 1):.1f} percent"
    kind = "" if moved else ", both clouds of one density"
    return {"rows": n, "dim": dim, "kind": kind, "above": above, "seconds": seconds}


if __name__ == "__main__":
    main()
