"""Schroedinger bridges: against their closed form between Gaussians, at their ends, in their limits."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.learn.prediction.bridge import bridge
from wlmsim.transport import ground_cost, wasserstein1
from wlmsim.transport.schroedinger import sample_coupling, schroedinger_bridge
from wlmsim.transport.unbalanced import unbalanced_plan

STILL = wls.GradientFlow(wls.External(lambda x, xp: 0 * x[..., 0]))


def gaussian(n: int, mean: list[float], width: list[float], time: float, seed: int) -> wls.Population:
    """A cloud whose mean and covariance are those of the Gaussian to the last digit."""
    x = np.random.default_rng(seed).standard_normal((n, len(mean)))
    x -= x.mean(0)
    x @= np.linalg.inv(np.linalg.cholesky(np.cov(x.T, bias=True))).T
    return wls.Population(np.array(mean) + x * width, time=time)


def weighted(n: int, seed: int, time: float) -> wls.Population:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.2, 1.0, n)
    return wls.Population(rng.standard_normal((n, 2)), None, weights / weights.sum(), time)


@pytest.mark.parametrize("noise", [0.5, 1.0])
@pytest.mark.parametrize("s", [0.5, 0.25])
def test_between_gaussians(noise, s):
    """Leonard (2014) and, for the covariance of the ends, Janati et al., NeurIPS 2020: entropic plans of Gaussians."""
    a, b, duration = np.array([1.0, 0.4]), np.array([0.6, 1.2]), 2.0
    before, after = gaussian(900, [0.0, 1.0], a.tolist(), 1.0, 0), gaussian(800, [3.0, 1.0], b.tolist(), 3.0, 1)
    cloud = schroedinger_bridge(before, after, 1.0 + s * duration, noise=noise, count=60_000)
    epsilon = noise**2 * duration
    ends = 0.5 * (np.sqrt(4 * a**2 * b**2 + epsilon**2) - epsilon)
    variance = (1 - s) ** 2 * a**2 + s**2 * b**2 + 2 * s * (1 - s) * ends + epsilon * s * (1 - s)
    assert cloud.time == 1.0 + s * duration
    np.testing.assert_allclose(cloud.positions.mean(0), [3 * s, 1.0], atol=0.02)
    np.testing.assert_allclose(np.cov(cloud.positions.T), np.diag(variance), atol=0.04 * variance.max())


@pytest.mark.parametrize("reach", [math.inf, 1.0])
def test_both_ends_are_met_with_their_weights(reach):
    before, after = weighted(40, 0, 0.0), weighted(60, 1, 2.0)
    for s, cloud, side in ((0.0, before, 0), (1.0, after, 1)):
        rows = sample_coupling(before, after, s, noise=0.3, reach=reach, count=5000)[side]
        np.testing.assert_allclose(np.bincount(rows, minlength=len(cloud.weights)) / 5000, cloud.weights, atol=2e-3)
        drawn = schroedinger_bridge(before, after, cloud.time, noise=0.3, reach=reach, count=5000)
        assert wasserstein1(drawn, cloud) < 0.01


def test_little_noise_is_optimal_transport():
    before, after = weighted(30, 0, 0.0), weighted(30, 1, 1.0)
    plan = unbalanced_plan(ground_cost(before.positions, after.positions, 2), before.weights, after.weights)
    straight = 0.5 * before.positions[plan.source] + 0.5 * after.positions[plan.target]
    bridged = schroedinger_bridge(before, after, 0.5, noise=0.03, count=2000)
    assert wasserstein1(bridged, wls.Population(straight, None, plan.carried)) < 0.05


@pytest.mark.parametrize("s", [0.0, 0.5, 1.0])
def test_particles_that_multiply_are_drawn_as_often_as_there_are_of_them(s):
    """Two kinds far apart, of shares 1/2, 1/2 and then 2/3, 1/3: in between as powers, and none changes its kind."""
    x = np.array([[0.0], [9.0]])
    before, after = wls.Population(x), wls.Population(x, None, np.array([2, 1]) / 3, 1.0)
    source, target = sample_coupling(before, after, s, noise=0.5, reach=1.0, count=1000)
    np.testing.assert_array_equal(source, target)
    shares = np.array([0.5, 0.5]) ** (1 - s) * np.array([2 / 3, 1 / 3]) ** s
    np.testing.assert_allclose(np.bincount(source) / 1000, shares / shares.sum(), atol=2e-3)
    moving = sample_coupling(before, after, s, noise=0.5, count=1000)
    assert np.mean(moving[0] != moving[1]) == pytest.approx(1 / 6, abs=2e-3)


def test_rows_without_weight_are_not_drawn():
    cloud = wls.Population(np.arange(4.0)[:, None], None, np.array([0.5, 0.0, 0.25, 0.25]))
    later = wls.Population(cloud.positions, None, cloud.weights, 1.0)
    for rows in sample_coupling(cloud, later, 0.5, noise=1.0, count=400):
        assert 1 not in rows


def test_seeds():
    before, after = weighted(20, 0, 0.0), weighted(20, 1, 1.0)
    first, again, other = (schroedinger_bridge(before, after, 0.5, noise=0.5, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.positions, again.positions)
    assert len(first.positions) == 80
    assert np.abs(first.positions - other.positions).max() > 0.1


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"noise": 0.0}, "`noise` must be a finite number > 0"),
        ({"reach": -1.0}, "`reach` must be a finite number > 0"),
        ({"time": 1.5}, "`time` must be between the clouds at 0 and 1"),
        ({"count": 0}, "`count` must be an integer >= 1"),
    ],
    ids=["noise", "reach", "time", "count"],
)
def test_errors_name_the_argument(what, message):
    with pytest.raises(ParameterError, match=message):
        schroedinger_bridge(weighted(5, 0, 0.0), weighted(5, 1, 1.0), **{"time": 0.5, "noise": 1.0, **what})


class TestJoinedMechanics:
    def test_without_a_force_it_is_the_bridge(self):
        before, after = weighted(20, 0, 0.0), weighted(30, 1, 2.0)
        for reach in (math.inf, 1.0):
            joined = bridge(STILL, before, after, 0.5, dt=0.5, noise=0.4, reach=reach, seed=5)
            expected = schroedinger_bridge(before, after, 0.5, noise=0.4, reach=reach, seed=5)
            np.testing.assert_allclose(joined.positions, expected.positions, atol=1e-12)

    def test_the_paths_follow_the_flow(self):
        """A drift that grows with time lags behind the straight line: by t (T - t) / 2 at time t."""
        falling = wls.GradientFlow(wls.External(lambda x, t, xp: t * x[..., 1]))
        before, after = weighted(20, 0, 0.0), weighted(30, 1, 2.0)
        straight = schroedinger_bridge(before, after, 1.0, noise=0.4, seed=5)
        bent = bridge(falling, before, after, 1.0, dt=0.1, noise=0.4, seed=5)
        np.testing.assert_allclose(bent.positions - straight.positions, [[0.0, 0.5]] * 100, atol=1e-9)  # u = -t
