"""Kepler's orbits, and how well they close

Bodies circle a point mass on ellipses of eccentricity up to 0.8. The leapfrog is symplectic, so that its orbits keep
their shape and turn slowly; Yoshida's scheme of fourth order turns them less. The exact motion solves Kepler's
equation. On the left the orbits, a dot where each body ends; on the right the mean error, which grows with time and
falls with the step as the order says.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> None:
    """Simulate the orbits with two schemes and compare them with the exact ones."""
    output.mkdir(parents=True, exist_ok=True)
    system = wls.systems.Kepler(n=12, pericentre=(0.3, 1.5), eccentricity=(0.0, 0.8), seed=3)
    times = np.linspace(0.0, 20.0 if small else 100.0, 401)
    exact = system.exact(times)

    figure, (plane, errors) = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
    for k in range(system.n):
        ellipse = system.exact(np.linspace(0.0, system.periods[k], 200)).positions[:, k]
        (line,) = plane.plot(*ellipse.T, lw=1)
        plane.plot(*exact.positions[-1, k], "o", ms=6, color=line.get_color())
    plane.plot(0, 0, "*", color="black", ms=12)
    plane.set(aspect="equal", xlabel="x", ylabel="y")

    for scheme, color in [(wls.Leapfrog(), "tab:orange"), (wls.Yoshida4(), "tab:blue")]:
        for dt, style in [(0.01, "-"), (0.005, "--")]:
            path = system.simulate(times, dt=dt, integrator=scheme)
            error = np.linalg.norm(path.positions - exact.positions, axis=-1).mean(axis=1)
            label = f"{type(scheme).__name__}, dt {dt:g}"
            errors.semilogy(times[1:], error[1:], style, color=color, label=label)
            drift = np.abs(path.energy() / path.energy()[0] - 1).max()
            print(f"{label}: mean error {error[-1]:.1e} at t = {times[-1]:g}, largest change of the energy {drift:.1e}")
    errors.set(xlabel="time", ylabel="mean distance from the exact orbit")
    errors.legend(frameon=False, loc="lower right")
    figure.savefig(output / "kepler.png", dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("kepler"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
