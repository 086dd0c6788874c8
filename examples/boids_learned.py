"""Boids, learned from snapshots and forecast

A flock follows Reynolds' three rules at constant speed in a soft box, and is seen in snapshots in which no bird is
known again. A potential in space, a pair force and an alignment are learned from the first snapshots, and the flock
is forecast from the last of them. In the film the truth is on the left, and every bird is an arrow along its
velocity.
"""

import argparse
from pathlib import Path

import numpy as np

import wlmsim as wls
from wlmsim import learn


def main(output: Path, *, small: bool = False) -> wls.evaluation.Scores:
    """Simulate, forget, learn, forecast; return the scores."""
    output.mkdir(parents=True, exist_ok=True)
    flock = wls.systems.Boids(n=40 if small else 400, seed=10)
    flight = flock.simulate(np.arange(0.0, 40.5, 0.5))
    past, future = flight.snapshots(seed=10).split(at=25.0)

    # birds turn by about 0.1 radians in a unit of time
    model = learn.recipes.flock(
        cutoff=1.5, dt=0.5, speed=1.0, typical_force=0.1, optimiser__steps=20 if small else 2000, seed=10
    ).fit(past)
    scores = model.evaluate(future, start=past[-1])
    print(scores)

    wls.visual.plot_scores(scores).figure.savefig(output / "boids_learned_scores.png", dpi=150, bbox_inches="tight")
    size = (300, 300) if small else (600, 600)
    forecast = model.forecast(past[-1], times=future.times)
    look = {"truth": flight, "glyph": "arrows", "color": None, "point_size": 9, "window_size": size}
    wls.visual.snapshot(forecast, output / "boids_learned.png", time=35.0, **look)
    wls.visual.film(forecast, output / "boids_learned.mp4", smooth=3, **look)
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("boids_learned"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
