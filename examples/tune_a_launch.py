"""A launch tuned by gradient through the simulator

A launcher throws a small cloud of probes, each a little off, past two moving planets. Their common launch velocity is
tuned by the gradient of their mean square distance from a target at the time of arrival, found through a thousand
steps of the leapfrog in a field of gravity that changes in time.

Leaves a picture in the output folder.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch

import wlmsim as wls

ARRIVAL = 8.0
LAUNCHER, TARGET = np.array([-3.0, -1.0]), np.array([3.0, 1.5])
ORBITS = {"tab:orange": (1.2, 0.8, 0.0), "tab:green": (2.2, -0.45, 2.5)}
"""Radius, angular velocity and initial angle of each planet."""


def planet(radius, rate, phase, t, xp):
    """Where a planet is at time t."""
    return radius * xp.cos(rate * t + phase), radius * xp.sin(rate * t + phase)


def gravity(x, t, xp):
    """Potential of both planets, softened within 0.2."""
    total = 0.0
    for orbit in ORBITS.values():
        a, b = planet(*orbit, t, xp)
        total = total - 0.6 / xp.sqrt((x[..., 0] - a) ** 2 + (x[..., 1] - b) ** 2 + 0.04)
    return total


def main(output: Path, *, n: int = 40, dt: float = 0.008, seed: int = 0, small: bool = False) -> list[float]:
    """Tune the launch; return the root mean square distance from the target of each attempt."""
    n, dt = (10, 0.04) if small else (n, dt)
    output.mkdir(parents=True, exist_ok=True)
    law = wls.Lagrangian(wls.External(gravity))
    rng = np.random.default_rng(seed)
    probes = wls.Population(LAUNCHER + 0.01 * rng.standard_normal((n, 2)))
    errors = torch.from_numpy(0.01 * rng.standard_normal((n, 2)))  # no launch is quite as planned

    launch = torch.tensor((TARGET - LAUNCHER) / ARRIVAL, requires_grad=True)  # straight at it, to begin with
    optimiser = torch.optim.LBFGS([launch], max_iter=1, max_eval=10, line_search_fn="strong_wolfe")

    def mean_square_distance() -> torch.Tensor:
        optimiser.zero_grad()
        path = wls.learn.differentiable_simulate(law, probes, [ARRIVAL], dt=dt, velocities=launch + errors)
        loss = ((path.positions[-1] - torch.from_numpy(TARGET)) ** 2).sum(-1).mean()
        loss.backward()
        return loss

    flights, misses = [], []
    while len(misses) < 2 or misses[-1] < 0.999 * misses[-2]:
        start = probes.with_velocities((launch + errors).detach().numpy())
        flights.append(wls.simulate(law, start, np.linspace(0.0, ARRIVAL, 161), dt=dt))
        misses.append(float(np.sqrt(((flights[-1].positions[-1] - TARGET) ** 2).sum(-1).mean())))
        vx, vy = launch.tolist()
        print(f"attempt {len(misses)}: launched at ({vx:.4f}, {vy:.4f}), {misses[-1]:.3f} off the target")
        optimiser.step(mean_square_distance)
    print(f"Wrote {draw(flights, output / 'launch.png')}")
    return misses


def draw(flights: list[wls.Trajectory], path: Path) -> Path:
    """Draw the flight of the first probe from attempt to attempt, and where all end in the last."""
    _, axes = plt.subplots(figsize=(9.0, 4.6), layout="constrained")
    times = np.linspace(0.0, ARRIVAL, 200)
    for colour, orbit in ORBITS.items():
        axes.plot(*planet(*orbit, times, np), color=colour, linewidth=1, alpha=0.5)
        for share in (0.0, 0.5, 1.0):
            axes.plot(*planet(*orbit, share * ARRIVAL, np), "o", color=colour, markersize=11, alpha=0.3 + 0.7 * share)
    axes.plot([], [], "o", color="tab:orange", label="planets, fainter at launch")
    for k, flight in enumerate(flights[:-1]):
        look = {"color": "0.55", "linewidth": 1, "linestyle": "--", "label": None if k else "earlier attempts"}
        axes.plot(*flight.positions[:, 0].T, **look)
    axes.plot(*flights[-1].positions[:, 0].T, color="tab:blue", linewidth=2.2, label="tuned launch")
    axes.plot(*flights[-1].positions[-1].T, ".", color="tab:blue", markersize=4, label="all probes at arrival")
    axes.plot(*LAUNCHER, "k^", markersize=9, label="launcher")
    axes.plot(*TARGET, "r*", markersize=15, markeredgecolor="white", label="target")
    axes.set(aspect="equal", xlabel="x", ylabel="y", xlim=(-4, 4.2), ylim=(-3, 3))
    axes.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False)
    axes.figure.savefig(path, dpi=150)
    plt.close(axes.figure)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("launch"), help="folder for the picture")
    parser.add_argument("--small", action="store_true", help="few probes and long time steps")
    main(**vars(parser.parse_args()))
