"""Blood cells find their fate

Single cells of the mouse at three times, in a plane: stem cells become blood cells of several kinds. Nobody sees a
cell twice, and no velocities are known. A gradient flow in a potential is learned from the snapshots, and carries the
first cells to the last time: down its valleys run the paths of development. Without the data (`WLMSIM_DATA`, or a
download) a synthetic twin takes their place. How well such a flow predicts a time that it has not seen is measured by
``python -m benchmarks.hematopoiesis``.
"""

import argparse
import math
import os
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> wls.Trajectory:
    """Fit a gradient flow to all three times and draw the paths on its landscape."""
    output.mkdir(parents=True, exist_ok=True)
    real = "WLMSIM_DATA" in os.environ and not small
    data = wls.datasets.mouse_hematopoiesis(None if real else wls.datasets.twin("mouse_hematopoiesis.npz", output))
    landscape = wls.learn.ExternalPotential(time_dependent=False)
    model = wls.learn.WLM(
        landscape, friction=math.inf, optimiser=wls.learn.AdamW(steps=20 if small else 500), members=1
    )
    model.fit(data)
    path = model.forecast(data[0], times=np.linspace(data.times[0], data.times[-1], 41))
    print(f"{path}: W1 to the fitted cells at the last time {wls.transport.wasserstein1(path[-1], data[-1]):.3f}")

    ax = wls.visual.plot_potential(model, data)
    chosen = np.random.default_rng(0).choice(path.n, min(path.n, 60), replace=False)
    ax.plot(*np.moveaxis(path.positions[:, chosen], -1, 0), color="white", lw=1.6)
    ax.plot(*np.moveaxis(path.positions[:, chosen], -1, 0), color="black", lw=0.7)
    ax.figure.savefig(output / "blood_cells.png", dpi=150, bbox_inches="tight")
    size = (300, 300) if small else (600, 600)
    wls.visual.film(path, output / "blood_cells.mp4", truth=data, layout="overlay", color=None, window_size=size)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("blood_cells"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
