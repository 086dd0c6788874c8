"""Where the data are: which part of space a picture shows, and how far off a place is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TAILS = 0.025
"""Share of the points on either side of an axis that never decides what is shown."""
FENCE = 1.0
"""What lies farther outside of the others than so many times their width has run away."""

MOST = 0.1
"""A larger share of all rows than this does not leave, but moves about."""


def extent(*movings: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper corner of all points of moving clouds but for runaways.

    These are Tukey's fences, wide enough for all points of a Gaussian (they stand at 6 standard deviations): one
    particle that leaves, or a few percent of a forecast that diverges, does not shrink all the others to a dot. Where
    the rows of a cloud are the same particles at all times, those that leave are left out from the start.
    """
    points = np.concatenate([np.asarray(x, dtype=float) for frames in movings for x in frames])
    low, high = np.quantile(points, [TAILS, 1 - TAILS], axis=0)
    reach = np.where(high > low, FENCE * (high - low), np.inf)
    inside = ((points >= low - reach) & (points <= high + reach)).all(axis=1)
    kept = points[inside & ~_leavers(inside, movings)]
    return kept.min(axis=0), kept.max(axis=0)


def _leavers(inside: np.ndarray, movings: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Points of rows that are outside at some time, where these are few."""
    rows, start = np.zeros_like(inside), 0
    for frames in movings:
        sizes = [len(x) for x in frames]
        stop = start + sum(sizes)
        if len(set(sizes)) == 1:
            leaves = ~inside[start:stop].reshape(len(frames), -1).all(axis=0)
            rows[start:stop] = np.tile(leaves & (leaves.mean() < MOST), len(frames))
        start = stop
    return rows


def within(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Which of the points lie in a box, up to rounding."""
    slack = 1e-5 * (np.asarray(high) - low) + 1e-30
    return ((points >= low - slack) & (points <= high + slack)).all(axis=1)


def outside_text(outside: int, count: int) -> str:
    """How many are not shown, in words; empty where all are."""
    return f"{outside} of {count} outside" if outside else ""


def distance_to_data(places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance to the nearest point, in units of one and a half widths by which a kernel density is smoothed."""
    from scipy.spatial import cKDTree

    n, dim = points.shape
    width = float(np.sqrt(points.var(0).mean())) * n ** (-1.0 / (dim + 4)) or 1.0
    return cKDTree(points).query(places)[0] / (1.5 * width)
