"""What a type checker knows of the public names; `make lint` checks this file, and nothing runs it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, assert_type

import numpy as np

import wlmsim as wls
from wlmsim.systems import Boids


def a_study() -> None:
    flock = wls.systems.Boids(n=100, seed=1)
    assert_type(flock, Boids)
    flight = flock.simulate(times=np.arange(0, 5.5, 0.5))
    assert_type(flight, wls.Trajectory)
    path = flight.snapshots(fraction=0.5, seed=0).save("flock.h5")
    assert_type(path, Path)
    data = wls.SnapshotSeries.load(path)
    past, future = data.split(at=2.5)
    assert_type(past, wls.SnapshotSeries)
    assert_type(past[-1], wls.Population)
    model = wls.learn.WLM(wls.learn.ExternalPotential() + wls.learn.PairPotential(cutoff=1.5), friction="learn")
    assert_type(model.fit(past), wls.learn.WLM)
    assert_type(model.lagrangian_, wls.Lagrangian)
    scores = model.evaluate(future, start=past[-1])
    assert_type(scores, wls.evaluation.Scores)
    assert_type(scores.mean, dict[str, float])
    assert_type(model.forecast(past[-1], times=future.times), wls.Trajectory)
    assert_type(wls.visual.film(flight, "forecast.mp4", truth=future), Path)
    wls.visual.plot_scores(scores).set_title("scores")


def a_law() -> None:
    law = wls.Lagrangian(
        wls.External(lambda x, xp: 0.5 * (x**2).sum(-1)) + wls.Pairwise(wls.laws.Morse(c=1.5, l=0.5)),
        dissipation=wls.Friction(0.1) + wls.Alignment(strength=1.0, radius=2.0),
    )
    swarm = wls.simulate(law, wls.Population.gaussian(n=500, dim=3, seed=0), times=np.linspace(0, 20, 201))
    assert_type(swarm, wls.Trajectory)
    assert_type(law.energy(swarm[0]), float)
    fitted = wls.learn.fit_parameters(law, wls.datasets.vortex_small(), learn=["friction", "pairwise.c"])
    assert_type(fitted, wls.learn.FittedParameters)
    assert_type(wls.transport.wasserstein1(swarm[0], swarm[1]), float)
    distance: Callable[[Any, Any], float] = wls.transport.wasserstein1
    assert_type(distance(swarm[0], swarm[1]), float)


def mistakes() -> None:
    """Each is an error that a type checker finds, or the comment that silences it would be one."""
    wls.Lagrangain()  # type: ignore[attr-defined]
    wls.systems.Boids(number=3)  # type: ignore[call-arg]
    wls.learn.WLM(frictoin=0.1)  # type: ignore[call-arg]
    wls.Population([[0.0]]).velocity  # type: ignore[attr-defined]  # noqa: B018
