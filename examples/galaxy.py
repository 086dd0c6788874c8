"""A galaxy's disc grows spirals

Stars turn about the centre of a thin disc and attract each other: gravity by a tree, softened, a leapfrog, and
nothing else. The disc starts cool and in near equilibrium (Toomre's Q is 1.2); its own noise is amplified into spiral
arms that wind up and form anew. The film is coloured by speed.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> None:
    """Simulate the disc, film it, and draw four moments of it."""
    output.mkdir(parents=True, exist_ok=True)
    galaxy = wls.systems.KuzminDisc(n=1000 if small else 20_000, toomre_q=1.0, softening=0.05, seed=0)
    flight = galaxy.simulate(np.linspace(0.0, 15.0, 7 if small else 101), dt=0.05)
    change = flight.energy()[-1] / flight.energy()[0] - 1
    print(f"{flight}: relative change of the energy {change:.1e}")

    figure, axes = plt.subplots(1, 4, figsize=(14, 3.8), layout="constrained", sharex=True, sharey=True)
    for ax, k in zip(axes, np.linspace(0, len(flight) - 1, 4).astype(int), strict=True):
        stars = flight.positions[k]
        ax.hist2d(*stars.T, bins=80 if small else 200, range=[[-4, 4], [-4, 4]], norm="log", cmap="inferno", cmin=1)
        ax.set(
            aspect="equal", title=f"t = {flight.times[k]:g}", facecolor="black", xticks=[-3, 0, 3], yticks=[-3, 0, 3]
        )
    figure.savefig(output / "galaxy.png", dpi=150)
    wls.visual.film(flight, output / "galaxy.mp4", window_size=(300, 300) if small else (500, 500))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("galaxy"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
