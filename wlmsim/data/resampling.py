"""Positions of an individual at other times than those at which it was seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.dates import Dated, asked, length_of, midnight
from wlmsim.errors import ParameterError

METHODS = ("linear", "spline")
"""Straight between two sightings, or a cubic spline through all of them that no gap interrupts."""
MOST_TIMES = 10**7
"""So many times fit into no memory beside their positions."""
USUAL_GAPS = 3.0
"""How many of its usual intervals an individual may be unseen and still be interpolated, if nothing else is said."""


Seen = tuple[np.ndarray, np.ndarray, np.ndarray | None]
"""Times (m,), positions (m, d) and velocities (m, d) at which an individual was seen; NaN where it had none."""


class CommonTimes(NamedTuple):
    """Times, shape (T,), and how individuals are interpolated to them."""

    times: np.ndarray
    method: str
    max_gap: float
    every: float | None

    def told(self) -> dict[str, Any]:
        """What the metadata say of it."""
        return {"method": self.method, "max_gap": self.max_gap} | ({} if self.every is None else {"every": self.every})

    def interpolated(self, paths: Sequence[Seen]) -> tuple[np.ndarray, np.ndarray | None]:
        """Positions and velocities of n individuals, shape (T, n, d); NaN where they are unseen.

        Velocities are interpolated linearly, and are None if those of all are.
        """
        positions, velocities = [], []
        for times, x, v in paths:
            positions.append(resampled(times, x, self.times, method=self.method, max_gap=self.max_gap))
            if v is not None:
                known = ~np.isnan(v).any(axis=1)
                velocities.append(resampled(times[known], v[known], self.times, max_gap=self.max_gap))
        return np.stack(positions, axis=1), np.stack(velocities, axis=1) if velocities else None


def common_times(
    seen: Sequence[np.ndarray],
    about: Dated,
    *,
    every: Any,
    times: Any,
    method: str,
    max_gap: Any,
    ends: tuple[float, float],
) -> CommonTimes:
    """Times to which individuals are interpolated.

    Parameters
    ----------
    seen : sequence of ndarray
        When each individual was seen.
    about : object with `units` and `metadata`
        What durations and dates are measured by.
    every, times, method, max_gap
        As of `Tracks.resample`; one of `every` and `times` is given.
    ends : tuple of float
        The first and the last time of all.

    Raises
    ------
    ParameterError
        If both `every` and `times` are given, or one of the arguments is unusable.
    """
    if every is not None and times is not None:
        raise ParameterError("`every` cannot go with `times`: either says which they are")
    check.choice("method", method, METHODS)
    unit = about.units.get("time")
    step = None if every is None else length_of("every", every, unit)
    longest = usual_gap(seen, step or 0.0) if max_gap is None else length_of("max_gap", max_gap, unit)
    if step is None:
        wanted = check.times("times", asked("times", times, about))
    else:
        wanted = regular_times(*ends, step, midnight(about))
    return CommonTimes(wanted, method, longest, step)


def resampled(
    times: np.ndarray,
    values: np.ndarray,
    wanted: np.ndarray,
    *,
    method: str = "linear",
    max_gap: float | None = None,
) -> np.ndarray:
    """Values at wanted times between sightings; NaN outside of them and within longer gaps.

    Parameters
    ----------
    times : ndarray, shape (m,)
        Strictly increasing times of the sightings.
    values : ndarray, shape (m, k)
        Finite values.
    wanted : ndarray, shape (T,)
        Increasing times.
    method : {"linear", "spline"}
        How to interpolate.
    max_gap : float, optional
        The longest interval between two sightings to interpolate over. Default: any.

    Returns
    -------
    ndarray, shape (T, k)
    """
    result = np.full((len(wanted), values.shape[1]), np.nan)
    if not len(times):
        return result
    same = _times.positions(wanted, times)
    hit = same >= 0
    result[hit] = values[same[hit]]
    after = np.searchsorted(times, wanted).clip(0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    longest = np.inf if max_gap is None else max_gap
    between = (times[before] <= wanted) & (wanted <= times[after]) & (times[after] - times[before] <= longest) & ~hit
    if not between.any():
        return result
    if method == "linear":
        first, last = before[between], after[between]
        share = ((wanted[between] - times[first]) / (times[last] - times[first]))[:, None]
        result[between] = (1 - share) * values[first] + share * values[last]
        return result
    from scipy.interpolate import CubicSpline

    pieces = np.split(np.arange(len(times)), np.flatnonzero(np.diff(times) > longest) + 1)
    for piece in pieces:
        inside = between & (times[piece[0]] < wanted) & (wanted < times[piece[-1]])
        if inside.any():
            ends = "not-a-knot" if len(piece) > 3 else "natural"
            result[inside] = CubicSpline(times[piece], values[piece], bc_type=ends)(wanted[inside])
    return result


def regular_times(first: float, last: float, every: float, origin: float = 0.0) -> np.ndarray:
    """Times from `first` to `last`, both within rounding, that are multiples of an interval away from an origin."""
    start = np.ceil((first - origin) / every - _times.SHARE)
    stop = np.floor((last - origin) / every + _times.SHARE)
    if stop < start:
        raise ParameterError(f"`every` must be shorter than the data, which last {last - first:g}; got {every:g}")
    if stop - start > MOST_TIMES:
        raise ParameterError(f"`every` must give at most {MOST_TIMES} times; {every:g} gives {stop - start + 1:.0f}")
    decimals = 12 - math.floor(math.log10(every))  # 3 * 0.1 is to be 0.3, and 1e9 seconds have milliseconds too
    return np.array([round(origin + k * every, decimals) for k in np.arange(start, stop + 1).tolist()])


def usual_gap(times: Sequence[np.ndarray], every: float) -> float:
    """The longest interval to interpolate over by default: three usual ones, or the wanted one if that is longer."""
    steps = np.concatenate([np.diff(t) for t in times]) if times else np.empty(0)
    return max(USUAL_GAPS * float(np.median(steps)), every) if len(steps) else every
