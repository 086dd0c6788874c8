"""Predictions without mechanics: the naive baselines and smooth interpolants, which a study takes where they win."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from scipy.interpolate import CubicSpline

from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.evaluation import baseline, neighbours
from wlmsim.learn.prediction.growth import thinned
from wlmsim.transport.exact import ground_cost, optimal_plan
from wlmsim.transport.large import transport_plan

Prediction = Callable[[SnapshotSeries, float], Population | None]
"""The population at a time from the known marginals; None where it cannot be had."""


def forecasts() -> dict[str, Prediction]:
    """Naive ways to go beyond the last known marginal.

    "persistence" and "ballistic" are those of score tables; "steady transport" goes on along the optimal plan between
    the last two marginals at the pace at which it came, and needs no velocities.
    """
    return {"persistence": _from_last("persistence"), "ballistic": _from_last("ballistic"), "steady transport": _steady}


def interpolants() -> dict[str, Prediction]:
    """Naive ways between known marginals: those of score tables, and cubic splines along chained optimal plans."""
    return {
        "persistence": _from_last("persistence"),
        "OT-linear": _between("OT-linear"),
        "OT-Hermite": _between("OT-Hermite"),
        "OT-spline": _spline,
    }


def _from_last(name: str) -> Prediction:
    def predict(known: SnapshotSeries, time: float) -> Population | None:
        return baseline(name, neighbours(known, time)[0], None, time)

    return predict


def _between(name: str) -> Prediction:
    def predict(known: SnapshotSeries, time: float) -> Population | None:
        return baseline(name, *neighbours(known, time), time)

    return predict


def _steady(known: SnapshotSeries, time: float) -> Population | None:
    last = neighbours(known, time)[0]
    k = int(np.flatnonzero(known.times == last.time)[0])
    if k == 0:
        return None
    before = thinned(known[k - 1])
    plan = transport_plan(last.positions, before.positions, last.weights, before.weights)
    came = np.zeros_like(last.positions)
    np.add.at(came, plan.source, plan.mass[:, None] * (last.positions[plan.source] - before.positions[plan.target]))
    share = np.bincount(plan.source, plan.mass, len(last))[:, None]  # rows without weight came from nowhere, and stay
    pace = np.divide(came, share, out=np.zeros_like(came), where=share > 0) / (last.time - before.time)
    return Population(last.positions + (time - last.time) * pace, None, last.weights, time)


def _spline(known: SnapshotSeries, time: float) -> Population | None:
    """Cubic splines through the places of chains of particles, which optimal plans link from marginal to marginal."""
    if len(known) < 3 or known.times[-1] <= time:
        return None
    clouds = [thinned(cloud) for cloud in known]
    rows = np.arange(len(clouds[0].positions))
    rng = np.random.default_rng(0)
    places = [clouds[0].positions]
    for here, there in pairwise(clouds):
        plan = optimal_plan(ground_cost(here.positions, there.positions, 2), here.weights, there.weights)
        rows = _partners(rows, plan.source, plan.target, plan.mass, rng)
        places.append(there.positions[rows])
    origin = known.times[0]  # late times would lose digits in their cubes
    smooth = CubicSpline(known.times - origin, np.stack(places))
    return Population(smooth(time - origin), None, clouds[0].weights, time)


def _partners(
    rows: np.ndarray, source: np.ndarray, target: np.ndarray, mass: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """For each row one of its partners, by chance as its mass goes to them."""
    order = np.argsort(source, kind="stable")
    shares = np.cumsum(mass[order])
    ends = np.searchsorted(source[order], np.arange(source.max() + 1), side="right")
    starts = np.r_[0, ends[:-1]]
    low = np.where(starts > 0, shares[starts - 1], 0.0)
    at = low[rows] + rng.random(len(rows)) * (shares[ends - 1] - low)[rows]
    found = np.clip(np.searchsorted(shares, at), starts[rows], ends[rows] - 1)
    return target[order][found]
