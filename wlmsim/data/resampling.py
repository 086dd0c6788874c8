"""Positions of an individual at other times than those at which it was seen."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError

METHODS = ("linear", "spline")
"""Straight between two sightings, or a cubic spline through all of them that no gap interrupts."""
MOST_TIMES = 10**7
"""So many times fit into no memory beside their positions."""
USUAL_GAPS = 3.0
"""How many of its usual intervals an individual may be unseen and still be interpolated, if nothing else is said."""


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
    check.choice("method", method, METHODS)
    result = np.full((len(wanted), values.shape[1]), np.nan)
    if not len(times):
        return result
    after = np.searchsorted(times, wanted).clip(0, len(times) - 1)
    before = np.maximum(after - 1, 0)
    hit = times[after] == wanted
    result[hit] = values[after[hit]]
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
    start, stop = np.ceil((first - origin) / every - 1e-9), np.floor((last - origin) / every + 1e-9)
    if stop < start:
        raise ParameterError(f"`every` must be shorter than the data, which last {last - first:g}; got {every:g}")
    if stop - start > MOST_TIMES:
        raise ParameterError(f"`every` must give at most {MOST_TIMES} times; {every:g} gives {stop - start + 1:.0f}")
    return np.array([float(f"{origin + k * every:.12g}") for k in np.arange(start, stop + 1)])


def usual_gap(times: list[np.ndarray], every: float) -> float:
    """The longest interval to interpolate over by default: three usual ones, or the wanted one if that is longer."""
    steps = np.concatenate([np.diff(t) for t in times]) if times else np.empty(0)
    return max(USUAL_GAPS * float(np.median(steps)), every) if len(steps) else every
