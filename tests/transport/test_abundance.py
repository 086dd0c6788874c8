"""Abundances between the times at which they were counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.learn.prediction.bridge import bridge
from wlmsim.transport import wasserstein1
from wlmsim.transport.abundance import growth_correction, log_abundances

PLACES = np.array([[-3.0], [3.0]])
STILL = wls.GradientFlow(wls.External(lambda x, xp: 0 * x[..., 0]))


def kinds(time: float, share: float, n: int = 400, width: float = 0.3) -> wls.Population:
    """Two kinds of particles, of which the first has a given share."""
    rng = np.random.default_rng(int(10 * time))
    x = np.repeat(PLACES, [round(share * n), n - round(share * n)], axis=0)
    return wls.Population(x + width * rng.standard_normal(x.shape), time=time)


def logistic(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def test_shares_are_those_of_the_marginals():
    marginals = [kinds(0.0, 0.2), kinds(1.0, 0.6)]
    shares = np.exp(log_abundances(marginals, PLACES, 0.5))
    np.testing.assert_allclose(shares.sum(0), 1)
    np.testing.assert_allclose(shares[1], [0.75, 1 / 3], atol=0.12)


def test_marginals_count_by_their_weights_and_not_by_their_size():
    """With ten and twenty particles in one place, all of the nearest; one particle is added to each count."""
    small, large = wls.Population(np.zeros((10, 1))), wls.Population(np.zeros((20, 1)))
    np.testing.assert_allclose(np.exp(log_abundances([small, large], np.zeros((1, 1)), 0.5)), 0.5)
    halves = wls.Population(np.repeat([[0.0], [50.0]], [10, 1], axis=0), None, np.array([0.05] * 10 + [0.5]))
    shares = np.exp(log_abundances([halves, large], np.zeros((1, 1)), 0.5))  # of 15.5 particles each
    assert shares[0, 0] == pytest.approx((15.5 / 2 + 1) / (15.5 * 3 / 2 + 2))


def test_between_two_marginals_growth_is_constant():
    np.testing.assert_array_equal(growth_correction([kinds(0.0, 0.2), kinds(2.0, 0.6)], PLACES, 1.3, reach=0.5), 1.0)


@pytest.mark.parametrize("times", [[0.0, 1.0, 2.0, 3.0], [0.0, 0.5, 2.0, 3.0, 4.0]])
def test_at_the_marginals_they_are_met(times):
    marginals = [kinds(t, logistic(1 - (t - 1.5) ** 2)) for t in times]
    for t in times:
        np.testing.assert_allclose(growth_correction(marginals, PLACES, t, reach=0.5), 1.0)


def test_constant_growth_stays_as_it_is():
    """Log odds that are linear in time, but for the errors of 30 counted neighbours."""
    marginals = [kinds(t, logistic(0.4 * (t - 2)), n=2000) for t in (0.0, 1.0, 3.0, 4.0)]
    factors = growth_correction(marginals, np.linspace(-3.5, -2.5, 50)[:, None], 2.0, reach=0.5)
    assert np.log(factors).mean() == pytest.approx(0.0, abs=0.1)


def test_a_kind_that_blooms_is_foreseen():
    """It was rare at first and is rare at last: the one cubic of least bending through four equal steps is known."""
    log_odds = [-2.0, 0.0, 0.0, -2.0]
    marginals = [kinds(t, logistic(y), n=4000) for t, y in zip((0.0, 1.0, 2.0, 3.0), log_odds, strict=True)]
    places = PLACES[:1] + np.linspace(-0.2, 0.2, 50)[:, None]
    bloom, others = (np.log(growth_correction(marginals, x, 1.5, reach=0.5)).mean() for x in (places, places + 6.0))
    # at the middle of the inner interval it exceeds the line by 3/20 of the second difference of the log odds, here 2
    assert bloom - others == pytest.approx(0.3, abs=0.1)


def test_predictions_with_changing_growth():
    marginals = [kinds(t, logistic(1 - 0.5 * (t - 2) ** 2)) for t in (0.0, 1.0, 3.0, 4.0)]
    truth = kinds(2.0, logistic(1.0))
    constant, changing = (
        bridge(STILL, marginals[1], marginals[2], 2.0, dt=1.0, reach=1.0, marginals=known) for known in ([], marginals)
    )
    assert changing.weights.sum() == pytest.approx(1)
    assert wasserstein1(changing, truth) < 0.6 * wasserstein1(constant, truth)
    conserved = bridge(STILL, marginals[1], marginals[2], 2.0, dt=1.0, marginals=marginals)
    expected = bridge(STILL, marginals[1], marginals[2], 2.0, dt=1.0)
    np.testing.assert_array_equal(conserved.weights, expected.weights)  # nothing grows


def test_times_outside_are_refused():
    with pytest.raises(ParameterError, match="`time` must be between the first and the last marginal, 0 and 1"):
        growth_correction([kinds(0.0, 0.5), kinds(1.0, 0.5)], PLACES, 1.5, reach=0.5)


def test_kinds_that_move_less_than_the_reach_are_one():
    """All move on by more than their own width; the two kinds stay as abundant as they were."""
    marginals = [kinds(t, 0.4) for t in (0.0, 1.0, 3.0)]
    moved = [wls.Population(cloud.positions + 0.6 * cloud.time, time=cloud.time) for cloud in marginals]
    left, right = np.log(growth_correction(moved, PLACES + 1.2, 2.0, reach=2.0))
    assert left == pytest.approx(right, abs=0.05)


def test_many_places_are_looked_at_in_parts():
    marginals = [kinds(t, share) for t, share in ((0.0, 0.2), (1.0, 0.6), (2.0, 0.3))]
    places = np.linspace(-4, 4, 2300)[:, None]
    whole = log_abundances(marginals, places, 0.5)
    np.testing.assert_allclose(whole[:, 1500:1510], log_abundances(marginals, places[1500:1510], 0.5), rtol=1e-12)
