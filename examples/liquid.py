"""A crystal that melts: pair correlation, structure factor, diffusion

A Lennard-Jones fluid starts on a lattice. At low temperature it stays there: pairs have sharp distances, waves of the
lattice stand out, and particles do not get anywhere. At high temperature it is a liquid: a shell of neighbours and
little beyond, and a displacement that grows with time. All is measured during the run.
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt
import numpy as np

import wlmsim as wls


def main(output: Path, *, small: bool = False) -> dict[float, float]:
    """Simulate a cold and a hot fluid; return the displacement of the particles of each."""
    output.mkdir(parents=True, exist_ok=True)
    figure, (pairs, waves, moved) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    found = {}
    for temperature, color in [(0.2, "tab:blue"), (1.5, "tab:orange")]:
        fluid = wls.systems.LennardJonesFluid(n=108 if small else 500, density=0.85, temperature=temperature, seed=0)
        law = wls.Lagrangian(fluid.pairs, dissipation=wls.Friction(1.0))
        bath = wls.BAOAB(temperature, seed=1)
        settled = wls.simulate(law, fluid.population, [2.0 if small else 10.0], dt=0.005, integrator=bath)[-1]

        g = wls.observables.PairCorrelation(cutoff=fluid.box / 2, box=fluid.box, bins=60)
        s = wls.observables.StructureFactor(largest=15.0, box=fluid.box, bins=40)
        times = settled.time + np.linspace(0.0, 1.0 if small else 10.0, 11 if small else 101)
        wanted = {"g": g, "S": s, "msd": "mean_square_displacement", "temperature": fluid.kinetic_temperature}
        run = wls.simulate(fluid.lagrangian, settled, times, dt=0.005, observables=wanted)

        label = f"T = {run.observables['temperature'].mean():.2f}"
        pairs.plot(g.distances, run.observables["g"].mean(axis=0), color=color, label=label)
        waves.plot(s.wave_numbers, run.observables["S"].mean(axis=0), ".-", color=color)
        moved.plot(times - settled.time, run.observables["msd"], color=color)
        found[temperature] = float(run.observables["msd"][-1])
        print(f"{label}: displaced by {found[temperature] ** 0.5:.2f} in {times[-1] - times[0]:g}")
    pairs.set(xlabel="distance r", ylabel="g(r)")
    waves.set(xlabel="wave number k", ylabel="S(k)", yscale="log")
    moved.set(xlabel="time", ylabel="mean square displacement")
    pairs.legend(frameon=False)
    figure.savefig(output / "liquid.png", dpi=150)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("liquid"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
