"""The dance of point vortices

Two pairs of vortices of opposite sign, blown at each other, exchange partners and leave at a right angle; around them
drift a thousand passive particles, carried by the four. The scheme is symplectic for this flow, in which x and y are
conjugate: the Hamiltonian and the impulse stay what they were.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls

STARTS = [[-3.0, 0.5], [-3.0, -0.5], [3.0, 0.5], [3.0, -0.5]]
CIRCULATIONS = [2 * np.pi, -2 * np.pi, -2 * np.pi, 2 * np.pi]


def main(output: Path, *, small: bool = False) -> None:
    """Simulate vortices and drifters together; draw their paths and film them."""
    output.mkdir(parents=True, exist_ok=True)
    n = 100 if small else 1000
    drifters = np.random.default_rng(0).uniform([-4, -2], [4, 2], (n, 2))
    dance = wls.systems.PointVortices(
        4 + n, circulations=[*CIRCULATIONS, *np.zeros(n)], positions=np.concatenate([STARTS, drifters]), core=0.2
    )
    path = dance.simulate(np.linspace(0.0, 6.0, 9 if small else 121), dt=0.02)
    hamiltonian = path.energy()
    print(f"largest change of the Hamiltonian {np.ptp(hamiltonian) / abs(hamiltonian[0]):.1e}")

    figure, ax = plt.subplots(figsize=(8, 8), layout="constrained")
    side = np.sign(drifters[:, 0])
    ax.scatter(*path.positions[-1, 4:].T, s=5, c=np.where(side > 0, "tab:orange", "tab:blue"), lw=0, alpha=0.6)
    for k, circulation in enumerate(CIRCULATIONS):
        color = "black" if circulation > 0 else "crimson"
        ax.plot(*path.positions[:, k].T, color=color, lw=1.5)
        ax.plot(*path.positions[-1, k], "o", color=color, ms=7)
    ax.set(
        aspect="equal", xlabel="x", ylabel="y", title="drifters by the side they came from; vortices and their paths"
    )
    figure.savefig(output / "point_vortices.png", dpi=150)
    wls.visual.film(path, output / "point_vortices.mp4", color=np.append(np.sign(CIRCULATIONS) * 2, side))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("point_vortices"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
