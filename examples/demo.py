"""Drifters in a vortex: simulated, learned, forecast

Drifters are released in a vortex and seen at 31 times; who is who is forgotten. A potential and the friction are
learned from the snapshots up to t = 8, and the rest is forecast from the last of them. The film shows the truth
beside the forecast; the plot shows the exact 1-Wasserstein distance between them, below those of the naive
baselines.

Leaves in the output folder the data, the model, the forecast, the scores, the plot and the film: ``make demo``.
"""

import argparse
import json
from pathlib import Path

import numpy as np

import wlmsim as wls


def main(output: Path, *, n: int = 600, steps: int = 1500, seed: int = 0, small: bool = False) -> wls.evaluation.Scores:
    """Run the demonstration and return the scores of the forecast."""
    if small:
        n, steps = 60, 30
    output.mkdir(parents=True, exist_ok=True)

    print(f"Simulating {n} drifters released in a vortex, seen at 31 times")
    vortex = wls.systems.VortexDrifters(n=n, rotation=2.0, release=(1.0, 0.0), width=0.2, seed=seed)
    drift = vortex.simulate(times=np.linspace(0.0, 12.0, 31), dt=0.02)
    drift.snapshots(fraction=0.5, seed=seed).save(output / "drifters.h5")  # identities forgotten

    data = wls.SnapshotSeries.load(output / "drifters.h5")
    past, future = data.split(at=8.0)
    print(f"Learning a potential and the friction from {past}")
    model = wls.learn.WLM(
        wls.learn.ExternalPotential(time_dependent=False),
        rollouts=wls.learn.MultipleShooting(horizon=4),
        optimiser=wls.learn.AdamW(steps=steps),
        seed=seed,
    )
    model.fit(past)
    model.save(output / "drifters.model")
    print(f"{model.best_step_} steps, {model.seconds_:.0f} s; friction {model.friction_:.4f} (none in truth)")

    forecast = model.forecast(past[-1], times=future.times)
    forecast.save(output / "forecast.h5")
    scores = model.evaluate(future, start=past[-1])
    print(scores)
    best = scores.best_baseline
    print(f"Mean W1 is {scores.mean[best] / scores.mean[scores.model]:.1f} times below the best naive baseline, {best}")
    (output / "scores.json").write_text(json.dumps(scores.to_dict(), indent=2) + "\n")

    import matplotlib

    matplotlib.use("agg")
    axes = wls.visual.plot_scores(scores)
    axes.figure.savefig(output / "score.png", dpi=150, bbox_inches="tight")
    film_times = np.linspace(future.times[0], future.times[-1], 9 if small else 81)
    film = wls.visual.film(
        model.forecast(past[-1], times=film_times),
        output / "forecast.gif",
        truth=vortex.exact(film_times),
        trail=8,
    )
    print(f"Wrote {output / 'score.png'} and {film}")
    return scores


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="few drifters and a short fit")
    main(**vars(parser.parse_args()))
