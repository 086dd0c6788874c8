"""Tracked animals

A hundred fish that a camera follows, with gaps where it lost them. Short gaps are filled, the past is learned without
knowing who is who, and each fish is forecast under its own name: how far is it from where it swam, beside straight
lines and beside staying where it was? Lines are the forecasts, dots where the fish were. Without the data
(`WLMSIM_DATA`) a synthetic twin takes their place.
"""

import argparse
import os
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> wls.evaluation.Scores:
    """Fill gaps, fit the past, forecast each fish, score cloud and individuals."""
    output.mkdir(parents=True, exist_ok=True)
    real = "WLMSIM_DATA" in os.environ and not small
    fish = wls.datasets.fish_school_tracks(None if real else wls.datasets.twin("fish_school.npz", output))
    fitted, ahead = (200, 20) if real else (len(fish) // 2, 3)

    past = fish[:fitted].resample(max_gap=5.0).with_velocities(5)
    future = fish[fitted - 1 + ahead : fitted + ahead]
    model = wls.learn.recipes.school(
        cutoff=150.0, horizon=5, dt=0.5, optimiser__steps=5 if small else 60, members=1, progress=False
    )
    model.fit(past[fitted - (20 if small else 60) :: 2])
    scores = model.evaluate(future, start=past)
    print(scores)
    print(scores.by_individual)

    forecast = model.forecast(past, times=np.arange(1.0, ahead + 1) + past.times[-1])
    wls.io.export(forecast, output / "tracked_animals.csv")
    ax = plt.subplots(figsize=(6, 6), layout="constrained")[1]
    ax.plot(*np.moveaxis(forecast.positions, 2, 0), color="tab:blue", linewidth=0.8)
    ax.scatter(*future.positions[0].T, s=8, color="silver", zorder=1, label="seen")
    ax.set(aspect="equal", xlabel="x [px]", ylabel="y [px]", title=f"{ahead} frames ahead")
    ax.legend(frameon=False)
    ax.figure.savefig(output / "tracked_animals.png", dpi=150)
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("tracked_animals"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
