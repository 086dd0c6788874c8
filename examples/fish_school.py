"""A real school of fish

A hundred young zebrafish, filmed from above; some are missed in every frame. A potential in space, a pair force and
an alignment with the neighbours are learned from the first frames without knowing which fish is which, and the school
is forecast over the next 20 frames. Left the truth, right the forecast, an arrow for each fish. Without the data
(`WLMSIM_DATA`, or the package that has them) a synthetic twin takes their place. The benchmark
``benchmarks.fish_school`` scores forecasts of later frames, which this example leaves alone.
"""

import argparse
import os
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import wlmsim as wls
from wlmsim import learn

REACH = 400.0
"""How far a fish sees, in pixels."""


def main(output: Path, *, small: bool = False) -> wls.evaluation.Scores:
    """Learn the school's mechanics from one part of the film, forecast the next frames."""
    output.mkdir(parents=True, exist_ok=True)
    real = "WLMSIM_DATA" in os.environ and not small
    source = None if real else wls.datasets.twin("fish_school.npz", output)
    frames = wls.datasets.fish_school(source, window=5)
    start, ahead = (140, 20) if real else (20, 10)
    past, future = frames[4 : start + 1 : 5], frames[start + 1 : start + ahead + 1]

    steps = 10 if small else 300
    model = learn.recipes.school(REACH, horizon=4, dt=2.5, optimiser__steps=steps, members=1).fit(past)
    scores = model.evaluate(future, start=frames[start])
    print(scores)

    wls.visual.plot_scores(scores).figure.savefig(output / "fish_school_scores.png", dpi=150, bbox_inches="tight")
    wls.visual.plot_pair_law(model, data=past).figure.savefig(
        output / "fish_school_law.png", dpi=150, bbox_inches="tight"
    )
    forecast = model.forecast(frames[start], times=future.times)
    size = (300, 300) if small else (700, 700)
    film = output / "fish_school.mp4"
    wls.visual.film(forecast, film, truth=future, glyph="arrows", color=None, fps=8, window_size=size)
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("fish_school"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
