"""Velocities of every marginal of a series, from what one marginal and its neighbours say."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import DataWarning, ParameterError

Estimate = Callable[[SnapshotSeries, int], np.ndarray]
"""Velocities at one marginal of a series."""


def filled(data: SnapshotSeries, estimate: Estimate) -> SnapshotSeries:
    """The series with velocities estimated wherever they are unknown, each population by itself."""
    check.instance("data", data, SnapshotSeries)
    if len(data) < 2:
        raise ParameterError(f"`data` must hold at least 2 marginals; got {len(data)}")
    clouds = list(data)
    velocities = [np.full_like(c.positions, np.nan) if c.velocities is None else c.velocities.copy() for c in clouds]
    for label in data.population_labels:
        series = data.population(label)
        for k in range(len(series)):
            # a population may be missing at some times
            place = int(np.flatnonzero(data.times == series.times[k])[0])
            if clouds[place].velocities is None:
                rows = slice(None) if data.labels is None else data.labels[place] == label
                velocities[place][rows] = estimate(series, k)
    return data.with_columns(velocities=velocities)


def slope(series: SnapshotSeries, k: int, places: Callable[[int], np.ndarray]) -> np.ndarray:
    """Slope at marginal k of the parabola through what `places` gives at it and its two neighbours."""
    near = [j for j in (k - 1, k, k + 1) if 0 <= j < len(series)]
    return np.tensordot(_slope_weights(series.times[near], near.index(k)), np.stack([places(j) for j in near]), axes=1)


def _slope_weights(times: np.ndarray, k: int) -> np.ndarray:
    """Weights of values at a few times in the slope at the k-th of them of the polynomial through all."""
    powers = np.arange(len(times))
    t = times - times[k]
    span = np.abs(t).max()  # powers of very short or long times would be lost to rounding
    return np.linalg.solve((t / span)[None, :] ** powers[:, None], (powers == 1).astype(float)) / span


def lasting(data: SnapshotSeries) -> SnapshotSeries:
    """The populations that were seen at least twice: of the others no motion is known, and they are left out."""
    parts = {label: data.population(label) for label in data.population_labels}
    seen_once = [label for label, series in parts.items() if len(series) < 2]
    if not seen_once:
        return data
    if len(seen_once) == len(parts):
        several = len(parts) > 1
        least, most = ("2 marginals of a population", "1 of each") if several else ("2 marginals", "1")
        raise ParameterError(f"`data` must hold at least {least}; got {most}")
    warn(
        f"left out {len(seen_once)} of {len(parts)} populations, which have one marginal, and so no motion: "
        f"{', '.join(map(str, seen_once[:5]))}{', ...' if len(seen_once) > 5 else ''}",
        DataWarning,
    )
    return SnapshotSeries.of_several({label: s for label, s in parts.items() if label not in seen_once})


def startable(data: SnapshotSeries) -> SnapshotSeries:
    """Each population from its first marginal with velocities on: no rollout starts or ends at those before.

    What has no velocities at all, or too few marginals then, stays as it is.
    """
    parts = {label: data.population(label) for label in data.population_labels}
    first = {label: next((k for k, v in enumerate(s.velocities) if v is not None), 0) for label, s in parts.items()}
    left_out = sum(first.values())
    if not left_out or any(len(parts[label]) - k < 2 for label, k in first.items()):
        return data
    warn(
        f"left out {left_out} of {sum(map(len, parts.values()))} marginals, before the first one with velocities: no "
        "rollout starts or ends there",
        DataWarning,
    )
    if data.labels is None:
        return data[first[0] :]
    return SnapshotSeries.of_several({label: series[first[label] :] for label, series in parts.items()})
