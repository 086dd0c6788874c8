"""Where velocities come from, by the names of the rules that `WLM` knows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.learn.velocities.potential import potential_velocities
from wlmsim.learn.velocities.transport import transport_velocities

ESTIMATES: dict[str, Callable[[SnapshotSeries], SnapshotSeries]] = {
    "transport": partial(transport_velocities, progress=False),
    "potential": potential_velocities,
}
"""Rules of initial velocities that estimate them from the data."""
RULES = ("given", "zero", "learn", *ESTIMATES)
"""All of them: the data's velocities, rest, a learned field at the first marginal, or an estimate."""


def with_velocities(series: SnapshotSeries, rule: str) -> SnapshotSeries:
    """The series with velocities wherever the rule has an estimate of those that are unknown."""
    estimate = ESTIMATES.get(rule)
    unknown = any(cloud.velocities is None for cloud in series)
    return estimate(series) if estimate and unknown else series


def moving(series: SnapshotSeries, rule: str) -> SnapshotSeries:
    """The series with velocities everywhere: those of the rule and, where it has none, displacements by transport."""
    known = series
    if rule == "zero":
        first = series[0].at_rest()
        known = SnapshotSeries.from_populations([first, *list(series)[1:]], units=series.units)
    return with_velocities(known, rule if rule in ESTIMATES else "transport")
