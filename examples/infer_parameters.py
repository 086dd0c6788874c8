"""Constants of a known law, inferred from snapshots with standard errors

Particles swarm under Morse forces and friction in a harmonic well. They are seen seven times, with errors of
measurement, and nobody knows who is who; velocities are known at the start. The stiffness of the well, the friction,
the strength and the range of the repulsion are learned from a guess that is far off. The picture shows by how many
standard errors each misses the truth, for several seeds: about two thirds should be within one.

Leaves a table and a picture in the output folder.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls

TRUTH = {"external.stiffness": 2.0, "friction": 0.3, "pairwise.c": 6.0, "pairwise.l": 0.6}
GUESS = {"external.stiffness": 1.0, "friction": 0.0, "pairwise.c": 3.0, "pairwise.l": 0.8}
TIMES = np.linspace(0.0, 3.0, 7)


def swarm(values: dict[str, float]) -> wls.Lagrangian:
    """The law with these values of its constants."""
    form = wls.Lagrangian(wls.External(wls.laws.Harmonic()) + wls.Pairwise(wls.laws.Morse()))
    return wls.learn.with_parameters(form, values)


def infer(seed: int, n: int, error: float) -> wls.learn.FittedParameters:
    """Simulate a swarm, measure it, and learn its constants."""
    start = wls.Population.gaussian(n=n, dim=2, width=0.7, velocity_width=0.3, seed=seed)
    seen = wls.simulate(swarm(TRUTH), start, TIMES, dt=0.05).snapshots(seed=seed)  # identities forgotten
    rng = np.random.default_rng(seed)
    measured = [x + error * rng.standard_normal(x.shape) for x in seen.positions]
    data = wls.SnapshotSeries(TIMES, measured, [seen[0].velocities] + [None] * (len(TIMES) - 1))
    return wls.learn.fit_parameters(swarm(GUESS), data, list(TRUTH), dt=0.05)


def main(output: Path, *, n: int = 120, seeds: int = 12, error: float = 0.005, small: bool = False) -> np.ndarray:
    """Infer the constants with several seeds; return how many standard errors each is from the truth."""
    n, seeds = (40, 3) if small else (n, seeds)
    output.mkdir(parents=True, exist_ok=True)
    fits = [infer(seed, n, error) for seed in range(seeds)]
    print(fits[0])
    off = np.array([[(fit.values[name] - true) / fit.errors[name] for name, true in TRUTH.items()] for fit in fits])
    print(f"Within one standard error of the truth: {np.mean(np.abs(off) < 1):.0%}; root mean square {rms(off):.2f}")
    first = {"values": fits[0].values, "errors": fits[0].errors, "truth": TRUTH, "standard errors off": off.tolist()}
    (output / "parameters.json").write_text(json.dumps(first, indent=2) + "\n")
    print(f"Wrote {draw(fits, off, output / 'parameters.png')}")
    return off


def rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


def draw(fits: list[wls.learn.FittedParameters], off: np.ndarray, path: Path) -> Path:
    """Draw guess and fits relative to the truth, and their deviations in standard errors."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained", sharey=True)
    rows, true = np.arange(len(TRUTH)), np.array(list(TRUTH.values()))
    spread = np.linspace(-0.25, 0.25, len(fits))
    left.axvline(1.0, color="0.6", linewidth=1)
    left.plot(np.array(list(GUESS.values())) / true, rows, "x", color="0.4", markersize=8, label="guess")
    for k, fit in enumerate(fits):
        values, errors = (np.array([part[name] for name in TRUTH]) / true for part in (fit.values, fit.errors))
        look = {"fmt": ".", "color": "tab:blue", "markersize": 5, "linewidth": 1}
        left.errorbar(values, rows + spread[k], xerr=errors, label=None if k else "fits of several seeds", **look)
        right.plot(off[k], rows + spread[k], ".", color="tab:blue")
    left.set(yticks=rows, yticklabels=list(TRUTH), xlabel="value relative to the truth")
    left.legend(frameon=False)
    right.axvspan(-1, 1, color="tab:blue", alpha=0.12, linewidth=0)
    right.axvline(0.0, color="0.6", linewidth=1)
    right.set(xlabel="standard errors from the truth", xlim=np.array([-1, 1]) * max(3.2, 1.1 * np.abs(off).max()))
    right.invert_yaxis()
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("parameters"), help="folder for the table and the picture")
    parser.add_argument("--small", action="store_true", help="few particles and seeds")
    main(**vars(parser.parse_args()))
