"""Plans between clouds that are too large for all their distances, against exact ones of clouds just small enough."""

from __future__ import annotations

import math

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.transport import (
    exact,
    ground_cost,
    optimal_plan,
    schroedinger_bridge,
    transport_plan,
    unbalanced_plan,
    unbalanced_transport_plan,
)


@pytest.fixture
def small_limit(monkeypatch):
    monkeypatch.setattr(exact, "EXACT_PAIRS", 0)
    monkeypatch.setattr(exact, "FEW_PAIRS", 0)


def even(n):
    return np.full(n, 1 / n)


def cost_of(plan, x, y):
    return float(plan.mass @ ((x[plan.source] - y[plan.target]) ** 2).sum(1))


def clouds(n, m, dim, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)), 1.3 * rng.normal(size=(m, dim)) + np.eye(dim)[0]


@pytest.mark.parametrize(("dim", "excess"), [(1, 1.001), (2, 1.01), (10, 1.06), (40, 1.06)])
def test_the_cost_is_near_the_least(small_limit, dim, excess):
    x, y = clouds(900, 900, dim)
    plan = transport_plan(x, y, even(900), even(900))
    least = cost_of(optimal_plan(ground_cost(x, y, 2), even(900), even(900)), x, y)
    assert least * (1 - 1e-9) <= cost_of(plan, x, y) < excess * least
    np.testing.assert_array_equal(plan.source, np.arange(900))
    np.testing.assert_array_equal(np.sort(plan.target), np.arange(900))


def test_clouds_of_other_sizes_and_weights(small_limit):
    x, y = clouds(900, 500, 2)
    plan = transport_plan(x, y, even(900), even(500))
    least = cost_of(optimal_plan(ground_cost(x, y, 2), even(900), even(500)), x, y)
    assert cost_of(plan, x, y) < 1.03 * least
    np.testing.assert_allclose(np.bincount(plan.source, plan.mass), even(900))
    np.testing.assert_allclose(np.bincount(plan.target, plan.mass), even(500), atol=1 / 900)
    w = np.random.default_rng(1).uniform(0.1, 1, 900)
    weighted = transport_plan(x, y, w / w.sum(), even(500))
    np.testing.assert_allclose(np.bincount(weighted.source, weighted.mass, 900), w / w.sum(), atol=0.5 / 900)
    assert weighted.mass.sum() == pytest.approx(1)


def test_small_clouds_have_exact_plans():
    x, y = clouds(40, 30, 3)
    plan, best = transport_plan(x, y, even(40), even(30)), optimal_plan(ground_cost(x, y, 2), even(40), even(30))
    assert all(np.array_equal(a, b) for a, b in zip(plan, best, strict=True))


def test_a_translation_is_found(small_limit):
    """Chosen blocks cannot hide it: every row goes to its own image, whose cost is the least there is."""
    x = np.random.default_rng(0).normal(size=(1000, 3))
    order = np.random.default_rng(1).permutation(1000)
    plan = transport_plan(x, (x + np.array([0.0, 5.0, 0.0]))[order], even(1000), even(1000))
    assert np.mean(order[plan.target] == plan.source) > 0.9


def test_growth_is_seen(small_limit):
    rng = np.random.default_rng(0)
    groups = [np.r_[np.zeros(k), np.full(1200 - k, 9.0)] for k in (600, 800)]
    x, y = (np.stack([g, np.zeros(1200)], 1) + 0.3 * rng.normal(size=(1200, 2)) for g in groups)
    plan = unbalanced_transport_plan(x, y, even(1200), even(1200), reach=1.0)
    masses = plan.masses(0.5)
    left = masses[x[plan.source, 0] < 4.5].sum()
    shares = np.sqrt([0.5 * 2 / 3, 0.5 / 3])
    assert left == pytest.approx(shares[0] / shares.sum(), abs=0.02)
    assert masses[np.abs(x[plan.source, 0] - y[plan.target, 0]) > 4.5].sum() < 0.02
    conserved = unbalanced_transport_plan(x, y, even(1200), even(1200))
    np.testing.assert_array_equal(conserved.before, conserved.after)


@pytest.mark.parametrize("rate", [-8.0, -1000.0])
def test_those_who_are_known_to_die_keep_their_weight(small_limit, rate):
    rng = np.random.default_rng(0)
    x, y = 0.1 * rng.normal(size=(1000, 2)), 0.1 * rng.normal(size=(1200, 2))
    x[:500, 0] += 9.0
    growth = np.where(x[:, 0] > 4.5, rate, 0.0)
    plan = unbalanced_transport_plan(x, y, even(1000), even(1200), growth=growth)
    np.testing.assert_allclose(np.bincount(plan.source, plan.masses(0.0), 1000), 1 / 1000, rtol=1e-9)
    np.testing.assert_allclose(np.bincount(plan.target, plan.masses(1.0), 1200), 1 / 1200, rtol=1e-9)
    assert plan.carried[growth[plan.source] < 0].sum() < 0.001


@pytest.mark.parametrize("dim", [2, 8])
def test_groups_that_die_or_are_born_keep_their_weight(small_limit, dim):
    """Next to nothing of them is carried, less than the share of a row: they have partners nevertheless."""
    rng = np.random.default_rng(0)
    x, y = 0.1 * rng.normal(size=(1000, dim)), 0.1 * rng.normal(size=(1200, dim))
    x[:500, 0] += 9.0
    y[:900, 1] += 9.0
    w = rng.uniform(0.1, 1, 1200)
    plan = unbalanced_transport_plan(x, y, even(1000), w, reach=1.0)
    np.testing.assert_allclose(np.bincount(plan.source, plan.before, 1000), even(1000), rtol=1e-9)
    np.testing.assert_allclose(np.bincount(plan.target, plan.after, 1200), w / w.sum(), rtol=1e-9)
    assert plan.carried.sum() == pytest.approx(1)
    assert plan.carried[plan.source < 500].sum() < 1e-3


@pytest.mark.parametrize("far", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("n", [500, 3000])
def test_a_cloud_that_blew_up_is_refused(small_limit, far, n):
    x, y = clouds(n, n, 2)
    x[3, 1] = far
    for plan in (transport_plan, unbalanced_transport_plan):
        with pytest.raises(SimulationError, match="a cloud blew up"):
            plan(x, y)
    with pytest.raises(SimulationError, match="a cloud blew up"):
        optimal_plan(ground_cost(x[:40], y[:30], 2), even(40), even(30))
    with pytest.raises(ParameterError, match="`source` must be an array of shape"):
        transport_plan(y, y, even(n - 1))
    with pytest.raises(ParameterError, match="must have one dimension"):
        transport_plan(y, y[:, :1])
    with pytest.raises(ParameterError, match="add an axis"):
        transport_plan(y[:, 0], y)


def test_carried_masses_are_those_of_whole_clouds(monkeypatch):
    x, y = clouds(1500, 1500, 2)
    whole = unbalanced_plan(ground_cost(x, y, 2), even(1500), even(1500), reach=1.0)
    monkeypatch.setattr(exact, "EXACT_PAIRS", 0)
    monkeypatch.setattr(exact, "FEW_PAIRS", 0)
    parts = unbalanced_transport_plan(x, y, even(1500), even(1500), reach=1.0)
    leaving = [np.bincount(plan.source, plan.carried, 1500) for plan in (whole, parts)]
    near = x[:, 0] > 0
    assert leaving[0][near].sum() == pytest.approx(leaving[1][near].sum(), abs=0.03)


@pytest.mark.parametrize("reach", [math.inf, 30.0])
def test_bridges_between_gaussians(small_limit, reach):
    """As of small clouds: entropic plans of Gaussians (Janati et al., NeurIPS 2020)."""
    rng = np.random.default_rng(0)
    a, b, noise = np.array([1.0, 0.4]), np.array([0.6, 1.2]), 0.7
    before = wls.Population(a * rng.normal(size=(3000, 2)))
    after = wls.Population(b * rng.normal(size=(2500, 2)) + [3.0, 0.0], time=2.0)
    cloud = schroedinger_bridge(before, after, 1.0, noise=noise, reach=reach, count=20_000)
    epsilon = noise**2 * 2.0
    ends = 0.5 * (np.sqrt(4 * a**2 * b**2 + epsilon**2) - epsilon)
    variance = 0.25 * (a**2 + b**2) + 0.5 * ends + 0.25 * epsilon
    np.testing.assert_allclose(cloud.positions.mean(0), [1.5, 0.0], atol=0.06)
    np.testing.assert_allclose(cloud.positions.var(0), variance, rtol=0.08)
