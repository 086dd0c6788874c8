"""Wasserstein distances against closed forms and brute force."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment, linprog
from scipy.stats import wasserstein_distance

from wlmsim import Population, transport
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.kernels.assignment import assign
from wlmsim.transport import ground_cost, optimal_plan, wasserstein1, wasserstein2

coordinates = st.floats(-10, 10, allow_subnormal=False)


def line(max_size=8):
    return st.integers(1, max_size).flatmap(lambda n: arrays(float, (n, 1), elements=coordinates))


def cloud_in_the_plane(size=5):
    return arrays(float, (size, 2), elements=coordinates)


def weighted(n, dim, seed):
    rng = np.random.default_rng(seed)
    return Population(rng.standard_normal((n, dim)), None, rng.uniform(0.2, 2, n))


@given(a=line(), b=line())
def test_w1_on_the_line_is_the_area_between_distribution_functions(a, b):
    assert wasserstein1(a, b) == pytest.approx(wasserstein_distance(a[:, 0], b[:, 0]), abs=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_weighted_w1_on_the_line(seed):
    a, b = weighted(7, 1, seed), weighted(5, 1, seed + 10)
    expected = wasserstein_distance(a.positions[:, 0], b.positions[:, 0], a.weights, b.weights)
    assert wasserstein1(a, b) == pytest.approx(expected, rel=1e-10)


@given(a=arrays(float, (6, 1), elements=coordinates), b=arrays(float, (6, 1), elements=coordinates))
def test_w2_on_the_line_pairs_sorted_points(a, b):
    expected = np.sqrt(np.mean((np.sort(a, 0) - np.sort(b, 0)) ** 2))
    assert wasserstein2(a, b) == pytest.approx(expected, abs=1e-7)


@given(a=cloud_in_the_plane(), b=cloud_in_the_plane())
def test_equal_sizes_are_the_best_of_all_pairings(a, b):
    pairings = [b[list(order)] - a for order in permutations(range(5))]
    w1 = min(np.linalg.norm(d, axis=1).mean() for d in pairings)
    w2 = min((d**2).sum(1).mean() for d in pairings) ** 0.5
    assert wasserstein1(a, b) == pytest.approx(w1, abs=1e-10)
    assert wasserstein2(a, b) == pytest.approx(w2, abs=1e-7)


@pytest.mark.parametrize("kind", ["cloud", "random", "integers", "equal", "negative", "coincident", "far"])
@pytest.mark.parametrize("n", [1, 2, 17, 90])
def test_assignment_is_optimal_from_any_prices(kind, n):
    rng = np.random.default_rng(n)
    x, y = rng.standard_normal((2, n, 2))
    cost = {
        "cloud": lambda: ground_cost(x, y, 2),
        "random": lambda: rng.uniform(size=(n, n)),
        "integers": lambda: rng.integers(0, 4, (n, n)).astype(float),
        "equal": lambda: np.full((n, n), 2.0),
        "negative": lambda: rng.standard_normal((n, n)),
        "coincident": lambda: ground_cost(np.round(x), np.round(y), 1),
        "far": lambda: ground_cost(x, 1e6 + y, 2),
    }[kind]()
    rows, columns = linear_sum_assignment(cost)
    least = cost[rows, columns].sum()
    size = np.abs(cost).max()
    for prices in (np.zeros(n), cost.min(0), size * rng.standard_normal(n), 1e6 * rng.standard_normal(n)):
        again = prices.copy()
        chosen = assign(cost, prices)
        assert sorted(chosen) == list(range(n))
        slack = 1e-12 * n * (size + 1e6)
        assert cost[rows, chosen].sum() == pytest.approx(least, rel=1e-12, abs=slack)
        reduced = cost - prices  # complementary slackness: each row has the column that it likes best
        assert (reduced[rows, chosen] <= reduced.min(1) + slack).all()
        np.testing.assert_array_equal(assign(cost, again), chosen)
        assert sorted(assign(cost, prices)) == list(range(n))


def test_prices_of_a_nearby_plan():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 50, 2))
    uniform = np.full(50, 0.02)
    prices = np.zeros(50)
    optimal_plan(ground_cost(x, y, 2), uniform, uniform, prices=prices)
    assert np.abs(prices).max() > 0.1
    cost = ground_cost(x + 0.01 * rng.standard_normal(x.shape), y, 2)
    warm, cold = optimal_plan(cost, uniform, uniform, prices=prices), optimal_plan(cost, uniform, uniform)
    np.testing.assert_array_equal(warm.target, cold.target)
    with pytest.raises(SimulationError, match="finite costs"):
        optimal_plan(np.where(cost > 1, np.nan, cost), uniform, uniform)


def by_linear_programming(a, b, power):
    """The transport problem written out: rows of the plan sum to one cloud's weights, columns to the other's."""
    cost = np.linalg.norm(a.positions[:, None] - b.positions[None], axis=-1) ** power
    n, m = cost.shape
    rows, columns = np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))
    solution = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([a.weights, b.weights]))
    return solution.fun


@pytest.mark.parametrize(("n", "m"), [(1, 6), (4, 6), (6, 6), (7, 3)])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_unequal_sizes_and_weights(n, m, dim):
    a, b = weighted(n, dim, n), weighted(m, dim, 100 + m)
    assert wasserstein1(a, b) == pytest.approx(by_linear_programming(a, b, 1), rel=1e-8)
    assert wasserstein2(a, b) ** 2 == pytest.approx(by_linear_programming(a, b, 2), rel=1e-8)


def test_unequal_sizes_with_uniform_weights():
    a, b = np.random.default_rng(0).standard_normal((2, 6, 2))
    expected = by_linear_programming(Population(a), Population(b[:4]), 1)
    assert wasserstein1(a, b[:4]) == pytest.approx(expected, rel=1e-8)


@given(a=cloud_in_the_plane(), b=cloud_in_the_plane(7), c=cloud_in_the_plane())
def test_distances_are_metrics(a, b, c):
    for distance in (wasserstein1, wasserstein2):
        assert distance(a, a[::-1]) == pytest.approx(0, abs=1e-12)
        assert distance(a, b) == pytest.approx(distance(b, a), rel=1e-9, abs=1e-9)
        assert distance(a, c) <= distance(a, b) + distance(b, c) + 1e-9
    assert wasserstein1(a, b) <= wasserstein2(a, b) + 1e-9


@given(a=cloud_in_the_plane(), shift=arrays(float, 2, elements=coordinates))
def test_a_translated_cloud_is_at_the_length_of_the_translation(a, shift):
    assert wasserstein1(a, a + shift) == pytest.approx(np.linalg.norm(shift), abs=1e-9)
    assert wasserstein2(a, a + shift) == pytest.approx(np.linalg.norm(shift), abs=1e-6)


def test_copies_of_points_weigh_like_weights():
    a, b = weighted(4, 2, 0), weighted(5, 2, 1)
    doubled = np.repeat(b.positions, [2, 1, 1, 1, 1], axis=0)
    weights = [2, 1, 1, 1, 1]
    assert wasserstein1(a, doubled) == pytest.approx(wasserstein1(a, Population(b.positions, None, weights)), rel=1e-9)


@pytest.mark.parametrize("uniform", [False, True])
def test_a_plan_moves_all_mass_and_no_more(uniform):
    a, b = weighted(6, 2, 2), weighted(6, 2, 3)
    if uniform:
        a, b = Population(a.positions), Population(b.positions)
    plan = optimal_plan(ground_cost(a.positions, b.positions, 2), a.weights, b.weights)
    np.testing.assert_allclose(np.bincount(plan.source, plan.mass, 6), a.weights, rtol=1e-12)
    np.testing.assert_allclose(np.bincount(plan.target, plan.mass, 6), b.weights, rtol=1e-12)
    assert len(plan.mass) == 6 if uniform else len(plan.mass) <= 11
    assert (plan.mass > 0).all()


def test_many_points_on_a_line_need_no_plan(rng):
    x, y, p, q = rng.normal(size=100_000), rng.normal(size=70_000), rng.random(100_000), rng.random(70_000)
    a, b = Population(x[:, None], weights=p), Population(y[:, None], weights=q)
    assert wasserstein1(a, b) == pytest.approx(wasserstein_distance(x, y, p, q), abs=1e-12)


@pytest.mark.parametrize("power", [1, 2])
def test_weighted_distances_on_the_line_and_in_the_plane_agree(power, rng):
    """The same clouds on a line in the plane, where the network simplex finds the plan."""
    x, y, p, q = rng.normal(size=(30, 1)), rng.normal(size=(20, 1)), rng.random(30), rng.random(20)
    p[:3] = 0
    distance = wasserstein1 if power == 1 else wasserstein2
    line = distance(Population(x, weights=p), Population(y, weights=q))
    plane = distance(Population(x * [0.6, 0.8], weights=p), Population(y * [0.6, 0.8], weights=q))
    assert line == pytest.approx(plane, rel=1e-9)


def test_a_plan_that_does_not_fit_into_memory_is_refused(monkeypatch):
    from wlmsim.transport import exact

    monkeypatch.setattr(exact, "FEW_PAIRS", 0)
    monkeypatch.setattr(exact, "available_memory", lambda: 40 * 19.0)
    with pytest.raises(ParameterError, match=r"small enough for an exact plan; got 4 and 5 points"):
        wasserstein1(np.zeros((4, 2)), np.zeros((5, 2)))
    assert wasserstein1(np.zeros((4, 2)), np.zeros((4, 2))) == 0
    with pytest.raises(ParameterError, match=r"small enough for an exact plan; got 5 and 6 points"):
        transport.partial_wasserstein1(np.zeros((4, 2)), np.zeros((5, 2)))
    with pytest.raises(ParameterError, match=r"small enough for all their distances; got 10 and 10 points"):
        wasserstein1(np.zeros((10, 2)), np.zeros((10, 2)))


def test_energy_distance_needs_no_matrix_of_all_pairs(monkeypatch, rng):
    from wlmsim.transport import exact

    x, y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2))
    whole = transport.energy_distance(x, y)
    monkeypatch.setattr(exact, "BLOCK", 70)
    monkeypatch.setattr(exact, "FEW_PAIRS", 0)
    monkeypatch.setattr(exact, "available_memory", lambda: 8 * 70.0)
    assert transport.energy_distance(x, y) == pytest.approx(whole, rel=1e-12)


def test_ground_cost():
    x, y = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[3.0, 4.0]])
    np.testing.assert_allclose(ground_cost(x, y, 1), [[5.0], [np.sqrt(20.0)]])
    np.testing.assert_allclose(ground_cost(x, y, 2), [[25.0], [20.0]])


def test_a_solver_that_does_not_converge_is_said(monkeypatch):
    import ot

    monkeypatch.setattr(ot, "emd", lambda *a, **k: (np.zeros((2, 3)), {"warning": "numItermax reached"}))
    with pytest.raises(SimulationError, match="did not converge: numItermax reached"):
        wasserstein1(np.zeros((2, 2)), np.ones((3, 2)))


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([[0.0]], [[0.0, 1.0]], "`a` and `b` must have one dimension; got 1 and 2"),
        ([[np.nan]], [[0.0]], "`a` must be finite"),
        ([[0.0]], [], "`b` must be a non-empty array"),
        ("cloud", [[0.0]], "`a` must be an array of real numbers"),
    ],
)
def test_errors_name_the_argument(a, b, message):
    for distance in (transport.wasserstein1, transport.wasserstein2):
        with pytest.raises(ParameterError, match=message):
            distance(a, b)
