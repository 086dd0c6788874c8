"""Which mechanics a study tries, by what the data show: recipes, with scales taken from the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.learn import recipes
from wlmsim.learn.functionals import ExternalPotential, PairPotential, SeriesPotential
from wlmsim.learn.functionals.agent import between
from wlmsim.learn.losses.exact import Exact
from wlmsim.learn.matching.diffusion import estimate_noise
from wlmsim.learn.rollouts.multiple_shooting import MultipleShooting
from wlmsim.learn.studies.folds import FEW, thinned
from wlmsim.learn.studies.looking import Seen
from wlmsim.learn.wlm import WLM

NEAREST = 0.95
"""Share of the particles that the nearest agent moves, if any does: farther away is nothing to learn from."""
NEIGHBOURS = 12
"""Particles that one feels where they interact, about."""
HORIZON = 4
"""Marginals that training rollouts of many run over."""
CLOSE = 0.35
"""Displacement in an interval, in units of the spread, below which the weak form of a gradient flow can be trusted."""


def menu(data: SnapshotSeries, seen: Seen, agents: Sequence[Trajectory] = ()) -> dict[str, WLM]:
    """The candidates, the most likely first.

    Parameters
    ----------
    data : SnapshotSeries
        What is to be fitted.
    seen : Seen
        What it shows.
    agents : sequence of Trajectory
        Paths of agents that drive the population. Default: none.

    Returns
    -------
    dict of str to WLM
        Unfitted models.
    """
    if seen.velocities > 0 and _velocities_follow(data):
        return _inertial(data, seen, agents)
    return _without_velocities(data, seen)


def _velocities_follow(data: SnapshotSeries) -> bool:
    """Whether the first marginal of each population has velocities, as rollouts need them."""
    return all(data.population(label)[0].velocities is not None for label in data.population_labels)


def _inertial(data: SnapshotSeries, seen: Seen, agents: Sequence[Trajectory]) -> dict[str, WLM]:
    cutoff, interval = _cutoff(data), _interval(data)
    many = len(data) > FEW
    horizon = HORIZON if many else None
    shooting = MultipleShooting(horizon=horizon, ramp=0.3 if many else 0.0)
    force = seen.turning if seen.turning > 0 else None
    everywhere = seen.velocities == 1
    steady = ExternalPotential(time_dependent=False)
    found: dict[str, WLM] = {}
    if agents:
        reach = max(cutoff, _distance_to_agents(data, agents))
        scales: dict[str, Any] = {"agent_cutoff": reach, "cutoff": cutoff, "typical_force": force or 1.0}
        found["driven herd"] = recipes.herd(agents, dt=interval, **scales)
    if seen.speed is not None and everywhere:
        one_speed: dict[str, Any] = {"speed": seen.speed, "typical_force": force or 0.1 * seen.speed / interval}
        found["flock"] = recipes.flock(cutoff, interval, **one_speed)
        found["flock, seeing farther"] = recipes.flock(2 * cutoff, interval, **one_speed)
        if many:  # so much that is of one speed is no accident
            return found
    interacting = WLM(steady + PairPotential(cutoff), rollouts=shooting, loss=Exact(velocity_weight=0.3))
    if everywhere and many:
        found["group"] = recipes.school(cutoff, HORIZON, interval / 2)
        found["interacting"] = interacting
    if everywhere and not many:
        found["current"] = recipes.currents()
        found["current, smoother"] = recipes.currents(regularisation__jerk=0.003)
    if everywhere:
        found["well"] = WLM(SeriesPotential(_order(data.dim), waves=0), rollouts=None)
    found["potential that changes"] = WLM(rollouts=shooting if everywhere else "anchored")
    found["steady potential"] = WLM(steady, rollouts=shooting if everywhere else "anchored")
    if everywhere and not many:
        found["interacting"] = interacting
    return found


def _without_velocities(data: SnapshotSeries, seen: Seen) -> dict[str, WLM]:
    if len(data) == 2:
        # nothing can be left out: a force that hardly bends straight lines, and masses that are conserved
        return {"cells": recipes.cells(regularisation__force=30.0)}
    few, close = len(data) <= FEW, seen.displacement < CLOSE * seen.spread
    shooting = MultipleShooting(horizon=None if few else HORIZON)
    steady = ExternalPotential(time_dependent=False)
    found: dict[str, WLM] = {}
    if close and not seen.growing:
        noise = estimate_noise(data)
        found["diffusion in a potential"] = recipes.gradient_flow(noise)
        found["stronger diffusion in a potential"] = recipes.gradient_flow(2 * noise)
    if seen.growing:
        found["cells"] = recipes.cells()
    found["cells that keep their number"] = recipes.cells(loss="exact")
    found["inertial, changing potential"] = WLM(initial_velocities="transport", rollouts=shooting)
    found["flow that changes"] = WLM(friction=math.inf, rollouts=shooting)
    found["steady flow"] = WLM(steady, friction=math.inf, rollouts=shooting)
    if not seen.growing:
        pairs = steady + PairPotential(_cutoff(data))
        found["interacting flow"] = WLM(pairs, friction=math.inf, rollouts=shooting)
    return found


def _order(dim: int) -> int:
    """Degree of polynomials that stay few: a hundred or so."""
    return 4 if dim <= 4 else 3 if dim <= 6 else 2


def _interval(data: SnapshotSeries) -> float:
    """Median interval between marginals of a population."""
    return float(np.median(np.concatenate([np.diff(data.population(k).times) for k in data.population_labels])))


def _cutoff(data: SnapshotSeries) -> float:
    """Distance within which a particle has so many neighbours as it is likely to feel, the median [length]."""
    distances = []
    for label in data.population_labels:
        series = data.population(label)
        for k in np.unique(np.linspace(0, len(series) - 1, 5).round().astype(int)):
            x, n = series[int(k)].positions, len(series[int(k)])
            if n < 2:
                continue
            few = thinned(series[int(k)], 500).positions
            distances.append(np.median(cKDTree(x).query(few, min(NEIGHBOURS + 1, n))[0][:, -1]))
    return float(np.median(distances)) if distances and np.median(distances) > 0 else 1.0


def _distance_to_agents(data: SnapshotSeries, agents: Sequence[Trajectory]) -> float:
    """Distance within which nearly all particles have an agent [length]."""
    nearest = []
    for cloud in data:
        places = np.concatenate([_places(path, cloud.time) for path in agents])
        nearest.append(cKDTree(places).query(thinned(cloud, 500).positions)[0])
    return float(np.quantile(np.concatenate(nearest), NEAREST))


def _places(path: Trajectory, time: float) -> np.ndarray:
    """Where agents are at a time, shape (agents, d)."""
    before, after, share = between(path.times, time)
    return (1 - share) * path.positions[before] + share * path.positions[after]
