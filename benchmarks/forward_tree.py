"""Gravity of a Plummer sphere by a tree, 100,000 and 1,000,000 particles, at the same error of the forces.

Peer: pytreegrav, with the monopoles that are its default and, at this accuracy, faster than its quadrupoles. On both
sides the opening parameter is the largest of a list at which the relative error of the force, as root mean square over
1,000 particles summed directly, is no more than 0.002. Every run builds its tree anew.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import forward_common as common

ERROR, SOFTENING, SAMPLE = 2e-3, 1e-6, 1000

MEMORY = """
import resource, numpy as np, wlmsim as wls
stars = wls.systems.PlummerSphere(n=1_000_000, seed=0)
stars.simulate([0.0, 0.01])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def main() -> None:
    parsed = common.arguments("forward_tree", __doc__)
    import numpy as np

    import wlmsim as wls

    def sampled_error(positions: np.ndarray, weights: np.ndarray) -> Callable[[np.ndarray], float]:
        """The error of forces on all particles, by direct sums for some."""
        sample = np.random.default_rng(1).choice(len(positions), SAMPLE, replace=False)
        exact = np.empty((SAMPLE, 3))
        columns = positions.T.copy()
        for k, i in enumerate(sample):
            d = columns - columns[:, i, None]
            r2 = (d**2).sum(0) + SOFTENING**2
            exact[k] = d @ (weights / (r2 * np.sqrt(r2)))
        return lambda forces: float(np.sqrt((((forces[sample] - exact) ** 2).sum(1) / (exact**2).sum(1)).mean()))

    def matched(make: Callable[[float], common.Work], openings: Sequence[float], error: Any) -> tuple[float, float]:
        """The largest opening whose error is small enough, and that error."""
        for opening in openings:
            if (found := error(make(opening)())) <= ERROR:
                return opening, found
        raise RuntimeError(f"no opening down to {openings[-1]} has an error of {ERROR}")

    def sides(positions: np.ndarray, weights: np.ndarray) -> dict[str, tuple[Callable[..., Any], np.ndarray]]:
        def ours(opening: float) -> common.Work:
            gravity = wls.Gravity(1.0, SOFTENING, method="tree", opening=opening)
            return lambda: gravity.force(positions, weights)

        def theirs() -> Callable[[float], common.Work]:
            from pytreegrav import Accel

            return lambda theta: lambda: Accel(positions, weights, theta=theta, parallel=True, method="tree")

        made = common.available({"pytreegrav": theirs})
        grids = {"wlmsim": np.arange(0.98, 0.3, -0.02), "pytreegrav": np.arange(0.86, 0.3, -0.02)}
        return {name: (make, grids[name]) for name, make in {"wlmsim": ours, **made}.items()}

    seconds, chosen = {}, {}
    for n in (100_000, 1_000_000):
        stars = wls.systems.PlummerSphere(n=n, seed=0).population
        error = sampled_error(stars.positions, stars.weights)
        works = {}
        for name, (make, openings) in sides(stars.positions, stars.weights).items():
            opening, found = matched(make, openings, error)
            works[f"{name}, N = {n}"] = make(opening)
            chosen[f"{name}, N = {n}"] = {"opening": round(float(opening), 3), "error": round(found, 5)}
        seconds |= common.timed(works, parsed.repeats if n < 1_000_000 else max(3, parsed.repeats // 5))
    print({name: f"opening {c['opening']}, error {c['error']}" for name, c in chosen.items()})

    memory = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    ratios = {name: value / seconds[name.replace("pytreegrav", "wlmsim")] for name, value in seconds.items()}
    common.report(
        "forward_tree",
        __doc__,
        seconds,
        parsed,
        ratios={name: ratio for name, ratio in ratios.items() if not name.startswith("wlmsim")},
        matched=chosen,
        memory_gib=float(memory.stdout),
    )


if __name__ == "__main__":
    main()
