"""Times: which of them are the same, and how they are written so that they differ.

Two times are the same if they differ by less than `SHARE` of the spacing of the series that they belong to, or by
rounding. A tolerance that is relative to the time itself would take the seconds since 1970 of two frames for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

SHARE = 1e-4
"""Part of the spacing by which two times may differ that are the same: those that a user types have few digits."""
ROUNDING = 4 * np.finfo(np.float64).eps
"""Relative error of a time that was summed up or converted; times that stand alone may differ by this much."""


def position(times: np.ndarray, time: float, share: float = SHARE) -> int | None:
    """Index of the recorded time that `time` is, or None if it is none of them."""
    k = nearest(times, time)
    return k if _same(np.asarray([time]), np.asarray(times), np.array([k]), share)[0] else None


def nearest(times: np.ndarray, time: float) -> int:
    """Index of the recorded time next to `time`."""
    return int(np.argmin(np.abs(np.asarray(times) - time)))


def among(times: Any, recorded: Any) -> np.ndarray:
    """For each of the times whether it is one of the recorded ones; the spacing is the smaller one of both."""
    return positions(times, np.sort(np.asarray(recorded, float))) >= 0


def positions(times: Any, recorded: np.ndarray) -> np.ndarray:
    """For each of the times the index of the recorded one, of several in order, that it is, or -1 if it is none."""
    given = np.atleast_1d(np.asarray(times, float))
    after = np.searchsorted(recorded, given).clip(0, len(recorded) - 1)
    before = np.maximum(after - 1, 0)
    near = np.where(np.abs(recorded[before] - given) <= np.abs(recorded[after] - given), before, after)
    return np.where(_same(given, recorded, near), near, -1)


def up_to(times: np.ndarray, last: float, share: float = SHARE) -> np.ndarray:
    """For each of the times whether it is at or before `last`, which may be one of them as it was typed in.

    With a `share` of 0 it may be so but for rounding only.
    """
    k = position(times, last, share)
    return np.asarray(times) <= (last if k is None else times[k])


def union(*several: np.ndarray) -> np.ndarray:
    """The distinct times of several series, in order."""
    known = several[0]
    for times in several[1:]:
        known = np.sort(np.concatenate([known, times[~among(times, known)]]))
    return known


def distinct(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct times of a column, in order, and for each of its rows which one it has.

    Rows that differ by rounding alone have one time, if all others are far further apart.
    """
    values, which = np.unique(times, return_inverse=True)
    steps, rounding = np.diff(values), ROUNDING * np.abs(values[1:])
    apart = steps > rounding
    if apart.all() or not apart.any() or (steps[~apart] > SHARE * steps[apart].min()).any():
        return values, which.reshape(-1)
    kept = np.concatenate([[True], apart])
    return values[kept], (np.cumsum(kept) - 1)[which.reshape(-1)]


def text(time: float, others: Sequence[float] | np.ndarray = ()) -> str:
    """A time with as many digits as tell it from the others, at least six, so that it may be typed in again.

    Examples
    --------
    >>> text(1700000001.0, [1700000000.0, 1700000001.0])
    '1700000001'
    >>> text(1 / 3, [0.0, 1 / 3, 2 / 3]), text(0.1 + 0.2)
    ('0.333333', '0.3')
    """
    gaps = np.abs(np.asarray(others, dtype=float) - time)
    gap = float(gaps.min(initial=np.inf, where=gaps > 0))
    spacing = gap if np.isfinite(gap) else 0.0
    tolerance = 0.5 * _tolerance(np.array([spacing]), np.array([abs(time)]))[0]
    # the last digit is the same for all times of a series, so that a column of them is in line
    fewest = 6 if not spacing or not time else max(6, min(16, math.ceil(math.log10(abs(time) / tolerance))))
    written = (f"{time:.{digits}g}" for digits in range(fewest, 17))
    return next((short for short in written if abs(float(short) - time) <= tolerance), repr(float(time)))


def span(times: np.ndarray) -> str:
    """The first and the last time, as ``0..20``."""
    return f"{text(times[0], times)}..{text(times[-1], times)}"


def _same(given: np.ndarray, known: np.ndarray, near: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Whether each given time is the known one next to it."""
    spacing = np.minimum(_gaps(known)[near], _gaps(given) if len(given) > 1 else np.inf)
    size = np.maximum(np.abs(given), np.abs(known[near]))
    return np.abs(given - known[near]) <= _tolerance(np.where(np.isfinite(spacing), spacing, 0.0), size, share)


def _gaps(times: np.ndarray) -> np.ndarray:
    """Distance of each time to the next other one; infinite where there is none."""
    order = np.argsort(times, kind="stable")
    values = times[order]
    steps = np.diff(values)
    steps = np.concatenate([[np.inf], np.where(steps > 0, steps, np.inf), [np.inf]])
    gaps = np.empty(len(times))
    gaps[order] = np.minimum(steps[:-1], steps[1:])
    return gaps


def _tolerance(spacing: np.ndarray, size: np.ndarray, share: float = SHARE) -> np.ndarray:
    """How far a time of this size may lie from another that is the same; a spacing of 0 stands for none known."""
    rounding = ROUNDING * size
    return np.where(spacing > 0, np.clip(rounding, share * spacing, 0.25 * spacing), rounding)
