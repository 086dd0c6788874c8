"""Which mechanics made these snapshots?

Three clouds in the same bowl: one moves with friction, in one the particles also repel each other, and one creeps
through syrup, where force is velocity and what is measured of velocities is thermal noise. Four candidate mechanics
are fitted to each without its last snapshot, with several seeds, and ranked by how well they predict it. Of those that
the fits do not tell apart the simplest is named.

Leaves in the output folder a picture for each cloud: the ranking, and the potential and the pair law of the best.
"""

import argparse
import math
from pathlib import Path

import numpy as np

import wlmsim as wls
from wlmsim import learn

TIMES = np.linspace(0.0, 2.4, 9)
BOWL = wls.External(wls.laws.Harmonic((1.0, 2.0)))


def repulsion(r, xp):
    """Pair energy of particles that keep their distance."""
    return 4.0 * xp.exp(-2.0 * r**2)


TRUTHS = {
    "gradient flow": wls.GradientFlow(BOWL),
    "damped": wls.Lagrangian(BOWL, dissipation=wls.Friction(1.0)),
    "interacting": wls.Lagrangian(BOWL + wls.Pairwise(repulsion), dissipation=wls.Friction(0.5)),
}


def snapshots(truth: wls.Lagrangian | wls.GradientFlow, n: int, seed: int) -> wls.SnapshotSeries:
    """What is seen of a cloud: nobody knows who is who."""
    start = wls.Population.gaussian(n=n, dim=2, velocity_width=1.0, seed=seed)
    data = wls.simulate(truth, start, TIMES, dt=0.02).snapshots(seed=seed)
    if isinstance(truth, wls.Lagrangian):
        return data
    rng = np.random.default_rng(seed)
    return wls.SnapshotSeries(TIMES, data.positions, [rng.standard_normal(x.shape) for x in data.positions])


def candidates(steps: int) -> dict[str, learn.WLM]:
    """The mechanics to choose from, the simplest first."""

    def model(*pairs: learn.PairPotential, **about) -> learn.WLM:
        potential = sum(pairs, learn.ExternalPotential((32, 32), time_dependent=False))
        rollouts, optimiser = learn.MultipleShooting(horizon=3), learn.AdamW(steps=steps)
        return learn.WLM(potential, rollouts=rollouts, optimiser=optimiser, members=1, progress=False, **about)

    return {
        "conservative": model(friction=0.0),
        "gradient flow": model(friction=math.inf),
        "damped": model(),
        "interacting": model(learn.PairPotential(2.0)),
    }


def main(output: Path, *, n: int = 100, steps: int = 300, seed: int = 0, small: bool = False) -> dict[str, str]:
    """Rank the candidates on each cloud; return the mechanics that is named for each truth."""
    n, steps, fits = (30, 80, (0, 1)) if small else (n, steps, (0, 1, 2))
    output.mkdir(parents=True, exist_ok=True)
    named = {}
    for truth in ("gradient flow", "damped") if small else TRUTHS:
        models = candidates(steps)
        result = learn.compare(models, snapshots(TRUTHS[truth], n, seed), seeds=fits)
        named[truth] = next(name for name in models if name in (result.best_, *result.undecided))
        print(f"\nThe truth is {truth!r}.\n{result}\n{result.report()}\nThe simplest of the best: {named[truth]!r}.")
        picture = output / f"{truth.replace(' ', '_')}.png"
        print(f"Wrote {result.draw(picture)}")
    print(f"\nNamed rightly: {sum(truth == name for truth, name in named.items())} of {len(named)}")
    return named


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("which_mechanics"), help="folder for the pictures")
    parser.add_argument("--small", action="store_true", help="few particles and short fits, of two clouds")
    main(**vars(parser.parse_args()))
