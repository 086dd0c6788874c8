"""Drifters in the Gulf of Mexico

Particles carried by the currents of a reanalysis of the Gulf, seen at nine times. The mechanics are learned from
every second snapshot and the first velocities, and predict the snapshots between, each from the one before. Grey is
what was seen, colours what was predicted. Without the data (`WLMSIM_DATA`, or a download) a synthetic twin takes
their place.
"""

import argparse
import os
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> wls.evaluation.Scores:
    """Fit every second snapshot, predict the others, draw both."""
    output.mkdir(parents=True, exist_ok=True)
    real = "WLMSIM_DATA" in os.environ and not small
    data = wls.datasets.vortex_small(None if real else wls.datasets.twin("oceans_with_v0.npz", output))
    fitted, held = data.hold_out(range(1, len(data) - 1, 2))

    model = wls.learn.WLM(optimiser=wls.learn.AdamW(steps=20 if small else 1000), members=1 if small else 3)
    model.fit(fitted.without_velocities(except_at=[0]))
    scores = model.evaluate(held, data=fitted)
    print(scores)

    figure, axes = plt.subplots(
        1, len(held), figsize=(3.6 * len(held), 3.6), layout="constrained", squeeze=False, sharex=True, sharey=True
    )
    for ax, seen, before in zip(axes[0], held, fitted, strict=False):
        path = model.forecast(before, times=[seen.time])
        ax.scatter(*before.positions.T, s=2, color="tab:orange", label=f"{seen.time - before.time:g} before")
        ax.scatter(*seen.positions.T, s=14, color="silver", label="seen")
        ax.scatter(*path.positions[-1].T, s=5, color="tab:blue", label="predicted")
        ax.set(aspect="equal", title=f"t = {seen.time:g}", xlabel="x", ylabel="y")
    axes[0, 0].legend(frameon=False)
    figure.savefig(output / "gulf_drifters.png", dpi=150)
    wls.visual.plot_potential(model, fitted, time=fitted.times[0]).figure.savefig(
        output / "gulf_drifters_potential.png", dpi=150, bbox_inches="tight"
    )
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("gulf_drifters"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
