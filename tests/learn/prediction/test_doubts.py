"""A fit that a naive baseline beats says so."""

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import AccuracyWarning


@pytest.fixture(scope="module")
def drifting():
    x = np.random.default_rng(0).standard_normal((60, 2))
    v = np.tile([2.0, 0.0], (60, 1))
    return wls.SnapshotSeries(np.arange(5.0), [x + t * v for t in range(5)], [v] * 5)


def test_a_fit_that_ballistic_motion_beats_says_so(drifting):
    with pytest.warns(AccuracyWarning, match="ballistic is nearer to the last fitted marginal than the fit, W1 .* for"):
        quick(wls.External(lambda x, xp: -5.0 * (x**2).sum(-1)), steps=1).fit(drifting)


def test_a_fit_that_is_best_says_nothing():
    spring = wls.systems.HarmonicOscillator(n=60, velocity_width=1.0, seed=0)
    data = spring.exact(np.linspace(0, 3, 7)).snapshots(seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", AccuracyWarning)
        quick(wls.learn.SeriesPotential(order=2, waves=0), rollouts=None).fit(data)
