"""How strongly particles diffuse, from snapshots of a gradient flow alone."""

from __future__ import annotations

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.learn.functionals import SeriesPotential
from wlmsim.learn.matching.weak_form import means_of, weak_form
from wlmsim.learn.mechanics import scaled_cloud, scales_of

TRIED = np.geomspace(0.06, 1.5, 7)
"""Strengths, in units of the spread of the data over the root of the mean interval."""
ORDER = 4
"""Of the polynomials whose means tell the strength."""


def estimate_noise(data: SnapshotSeries) -> float:
    """Strength sigma of the noise in dX = -grad psi dt + sigma dW that explains closely spaced marginals best.

    For each strength the potential is estimated by the weak form, as a polynomial; the strength with the greatest
    evidence is taken, between the ones tried by a parabola. Where the means of all functions are explained without
    noise, it is the smallest that was tried.

    Parameters
    ----------
    data : SnapshotSeries
        At least two marginals of a population, better more, of two particles with weight, close enough that distances
        change by less than a sixth from one to the next.

    Returns
    -------
    float
        sigma [length / sqrt(time)].

    Raises
    ------
    ParameterError
        If there are fewer, so that nothing can be told.

    Examples
    --------
    >>> import wlmsim as wls
    >>> well = wls.systems.LangevinLandscape("poly", n=1000, seed=0)
    >>> data = well.independent_snapshots(well.benchmark_times[:11])
    >>> 0.5 < wls.learn.estimate_noise(data) / well.sigma < 2
    True
    """
    check.instance("data", data, SnapshotSeries)
    scales = scales_of(data, inertial=False)
    series = SeriesPotential(order=ORDER, waves=0)
    series.prepare(data.dim, scales)
    like = torch.zeros(0)
    means = [
        [means_of(series, scaled_cloud(cloud, scales, like)) for cloud in data.population(label)]
        for label in data.population_labels
    ]
    means = [each for each in means if len(each) > 1]
    if not means:
        raise check.fail("data", "of at least two marginals of a population", data)
    with np.errstate(all="ignore"):  # of a cloud without extent
        evidence = np.array([weak_form(series, means, float(noise)).evidence for noise in TRIED])
    if np.isnan(evidence).all():
        raise check.fail("data", "of clouds that spread, at least two particles with weight", data)
    best = int(np.nanargmax(evidence))
    return float(np.exp(_vertex(np.log(TRIED), evidence, best)) * scales.length / scales.duration**0.5)


def _vertex(x: np.ndarray, y: np.ndarray, k: int) -> float:
    """Where the parabola through a greatest value and its neighbours is greatest."""
    if k in (0, len(x) - 1) or not np.isfinite(y[k - 1 : k + 2]).all():
        return float(x[k])
    step, (a, b, c) = x[1] - x[0], y[k - 1 : k + 2]
    bend = a - 2 * b + c
    return float(x[k] + step * np.clip(0.5 * (a - c) / bend, -0.5, 0.5)) if bend < 0 else float(x[k])
