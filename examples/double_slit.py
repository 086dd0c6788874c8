"""Bohm's trajectories behind a double slit

A packet leaves two slits. Each particle rides on the wave, with the velocity hbar Im(grad psi / psi), and no particle
crosses the plane of symmetry; yet where they arrive are the fringes of interference. The histogram of arrivals follows
the density of the wave.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> None:
    """Simulate the particles; draw their paths across the slits, and where they arrive."""
    output.mkdir(parents=True, exist_ok=True)
    slits = wls.systems.DoubleSlit(n=200 if small else 5000, seed=0)
    times = np.linspace(0.0, 2.5, 11 if small else 101)
    path = slits.simulate(times)
    error = np.abs(path.positions - slits.exact(times).positions).max()
    print(f"{path}: largest distance from the exact trajectories {error:.1e}")

    figure, (paths, screen) = plt.subplots(
        1, 2, figsize=(11, 6), width_ratios=[3, 1], layout="constrained", sharey=True
    )
    across = path.positions[:, : 200 if small else 300, 1]
    paths.plot(times, across, color="tab:blue", lw=0.4, alpha=0.7)
    paths.set(xlabel="time", ylabel="position across the slits", ylim=(-12, 12), xlim=(0, times[-1]))
    wave = slits.wave(times[-1])
    axis = wave.grid.axes[1]
    density = wave.density.sum(axis=0) * wave.grid.spacing[0]
    screen.hist(path.positions[-1, :, 1], bins=np.linspace(-12, 12, 97), density=True, orientation="horizontal",
                color="tab:blue", alpha=0.4, label="particles")  # fmt: skip
    screen.plot(density, axis, color="black", lw=1, label="|psi|²")
    screen.set(xlabel=f"density at t = {times[-1]:g}")
    screen.legend(frameon=False)
    figure.savefig(output / "double_slit.png", dpi=150)
    wls.visual.film(path, output / "double_slit.mp4", color=path.positions[0, :, 1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("double_slit"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
