"""A squeezed state breathes

A quantum packet narrower than the ground state is released off the centre of a harmonic well: it swings, and it
breathes twice in each period. Three ways to move the population are compared with the exact answer: many interacting
worlds (particles that repel their neighbours), a fluid under the quantum pressure of its smoothed density, and the
closure by the covariance, which is exact for Gaussian packets.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> None:
    """Move the packet by each method; draw the paths and how the width breathes."""
    output.mkdir(parents=True, exist_ok=True)
    times = np.linspace(0.0, 2 * np.pi, 13 if small else 101)
    figure, (paths, widths) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for method, n, style in [("closure", 40, "-"), ("worlds", 40, "--"), ("fluid", 100, ":")]:
        packet = wls.systems.SqueezedState(n=n, displacement=3.0, squeezing=0.4, method=method, seed=0)
        path = packet.simulate(times)
        x, w = path.positions[..., 0], path.weights
        width = np.sqrt(((x - (x @ w)[:, None]) ** 2) @ w)
        widths.plot(times, width, style, lw=2, label=f"{method}, n = {n}")
        if method == "worlds":
            paths.plot(times, x, color="tab:blue", lw=0.7)
        error = np.abs(path.positions - packet.exact(times).positions).mean()
        print(f"{method}: mean error {error:.1e}")
    paths.set(xlabel="time", ylabel="x", title="forty interacting worlds")
    ground = np.sqrt(0.5)
    exact = ground * np.sqrt(np.exp(-0.8) * np.cos(times) ** 2 + np.exp(0.8) * np.sin(times) ** 2)
    widths.plot(times, exact, color="black", lw=0.8, label="exact")
    widths.axhline(ground, color="grey", lw=0.8)
    widths.text(4.2, 0.98 * ground, "ground state", va="top", color="grey")
    widths.set(xlabel="time", ylabel="standard deviation", ylim=(0, None))
    widths.legend(frameon=False)
    figure.savefig(output / "squeezed_state.png", dpi=150)

    plane = wls.systems.SqueezedState(n=500, dim=2, displacement=[3.0, 0.0], velocity=[0.0, 2.0], squeezing=0.4, seed=0)
    wls.visual.film(plane.simulate(times), output / "squeezed_state.mp4", trail=6)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("squeezed_state"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
