"""Predictions without mechanics, against exact ones."""

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.learn.studies import naive


@pytest.fixture
def moving():
    x = np.random.default_rng(0).standard_normal((40, 2))
    rng = np.random.default_rng(1)
    # slowly, so that plans join each particle with itself, and shuffled
    return wls.SnapshotSeries(np.arange(5.0), [rng.permutation(x + 0.02 * t**2) for t in range(5)]), x


def test_steady_transport_goes_on_as_it_came(moving):
    data, x = moving
    guess = naive.forecasts()["steady transport"](data, 6.0)
    expected = x + 0.02 * 16 + 2 * 0.02 * 7  # two more intervals at the pace of the last
    np.testing.assert_allclose(np.sort(guess.positions, axis=0), np.sort(expected, axis=0), atol=1e-9)


def test_splines_are_exact_for_parabolas(moving):
    data, x = moving
    guess = naive.interpolants()["OT-spline"](data, 2.5)
    np.testing.assert_allclose(np.sort(guess.positions, axis=0), np.sort(x + 0.02 * 6.25, axis=0), atol=1e-9)


def test_what_cannot_be_had_is_none(moving):
    data, _ = moving
    assert naive.forecasts()["ballistic"](data, 6.0) is None
    assert naive.forecasts()["steady transport"](data[:1], 6.0) is None
    assert naive.interpolants()["OT-spline"](data[:2], 0.5) is None
    assert naive.interpolants()["OT-Hermite"](data, 2.5) is None


def test_splines_of_clouds_of_other_sizes():
    rng = np.random.default_rng(0)
    data = wls.SnapshotSeries(np.arange(4.0), [rng.standard_normal((n, 3)) + k for k, n in enumerate((20, 35, 9, 50))])
    guess = naive.interpolants()["OT-spline"](data, 1.5)
    assert guess.positions.shape == (20, 3) and np.isfinite(guess.positions).all()
