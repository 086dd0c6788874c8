"""A murmuration in space

Thousands of birds in three dimensions, each an arrow along its velocity, follow cohesion, separation and alignment
with the neighbours they see. Out of disorder grow bands that turn together where they meet the walls of their soft
box. In the picture colours say how fast a bird climbs; in the film the camera walks round the flock.
"""

import argparse
from pathlib import Path

import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> wls.Trajectory:
    """Simulate the birds, film them and leave a picture."""
    output.mkdir(parents=True, exist_ok=True)
    birds = wls.systems.Boids(
        n=200 if small else 4000, dim=3, cohesion=0.03, outer_radius=1.5, inner_radius=0.4, half_width=6.0, seed=0
    )
    flight = birds.simulate(np.arange(0.0, 5.5 if small else 60.5, 0.5))
    order = np.linalg.norm(flight.velocities.mean(axis=1), axis=1)
    print(f"{flight}: share of the birds' motion that is common, {order[0]:.2f} at first and {order[-1]:.2f} at last")

    look = {"glyph": "arrows", "point_size": 8, "window_size": (300, 300) if small else (700, 700)}
    climb = flight.velocities[-1, :, 2]
    wls.visual.snapshot(flight, output / "murmuration.png", color=climb, **look)
    wls.visual.film(flight, output / "murmuration.mp4", color=None, orbit=90, smooth=0 if small else 1, **look)
    return flight


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("murmuration"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
