"""Distances of clouds that are too large for exact plans, against those of small ones and closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from wlmsim import Population, transport
from wlmsim.errors import ParameterError
from wlmsim.transport import estimates, exact


@pytest.fixture
def small_limit(monkeypatch):
    """Clouds of a thousand rows count as large."""
    monkeypatch.setattr(exact, "EXACT_PAIRS", 10_000)
    monkeypatch.setattr(exact, "FEW_PAIRS", 0)
    monkeypatch.setattr(estimates, "ROWS", 100)


def test_small_clouds_are_compared_exactly(rng):
    x, y = rng.normal(size=(40, 3)), rng.normal(size=(50, 3))
    for name, distance in (("w1", transport.wasserstein1), ("w2", transport.wasserstein2)):
        assert transport.estimate_distance(x, y, name) == (distance(x, y), 0.0, 0)
    assert transport.estimate_distance(x, y, "energy").value == transport.energy_distance(x, y)
    assert transport.estimate_distance(x, y, lambda a, b: 7.0) == (7.0, 0.0, 0)


@pytest.mark.parametrize("metric", ["w1", "w2"])
def test_parts_of_large_clouds_lie_within_floor_and_interval_of_the_whole(small_limit, rng, metric):
    x, y = rng.normal(size=(800, 2)), rng.normal(size=(700, 2)) + np.array([1.0, 0.5])
    whole = getattr(transport, f"wasserstein{metric[1]}")(x, y)
    found = transport.estimate_distance(x, y, metric)
    floor = transport.sampling_floor(y, metric)
    assert found.rows == 100 and found.error > 0 and floor.rows == 100
    assert whole - found.error < found.value < whole + floor.value + found.error


def test_parts_are_disjoint_and_follow_the_weights(small_limit, rng):
    x = np.arange(1000.0)[:, None]
    drawn = np.concatenate([part.positions for part in estimates._parts(Population(x))])
    assert len(np.unique(drawn)) == len(drawn) == 500
    left = Population(x, weights=np.where(x[:, 0] < 100, 9.0, 1.0))  # half of the mass
    shares = [float((part.positions < 100).mean()) for part in estimates._parts(left)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.01)


def test_parts_do_not_shrink_where_a_cloud_begins_to_be_large(small_limit, rng):
    truth = rng.normal(size=(3000, 2))
    found = [transport.estimate_distance(rng.normal(size=(n, 2)), truth) for n in (100, 101, 160, 600)]
    assert [one.rows for one in found] == [100] * 4
    assert max(one.value for one in found) < 1.5 * min(one.value for one in found)
    parts = list(estimates._parts(Population(np.arange(160.0)[:, None])))
    assert all(len(np.unique(part.positions)) == 100 for part in parts)


def test_weighted_large_clouds(small_limit, rng):
    x, w = rng.normal(size=(600, 2)), rng.uniform(0.1, 1, 600)
    found = transport.estimate_distance(Population(x, weights=w), Population(x + np.array([2.0, 0.0]), weights=w))
    assert found.value == pytest.approx(2.0, abs=0.25)


def test_a_line_is_sorted_at_any_size(small_limit, rng):
    x, y = rng.normal(size=(2000, 1)), rng.normal(size=(2000, 1))
    assert transport.estimate_distance(x, y) == (transport.wasserstein1(x, y), 0.0, 0)


def test_a_small_cloud_beside_a_large_one_is_taken_whole(small_limit, rng):
    few = rng.normal(size=(20, 2))
    found = transport.estimate_distance(few, np.tile(few, (100, 1)) + np.array([5.0, 0.0]))
    assert found.rows == 20 and found.value == pytest.approx(5.0, abs=0.6)


def test_memory_decides_too(monkeypatch):
    monkeypatch.setattr(exact, "available_memory", lambda: 1e8)
    assert exact.fits(500, 500) and not exact.fits(2000, 2000)
    monkeypatch.setattr(exact, "available_memory", lambda: 1e12)
    assert exact.fits(4096, 4096) and not exact.fits(20_000, 20_000)


def test_the_limit_of_a_control_group_counts(tmp_path, monkeypatch):
    names = [tmp_path / name for name in ("max", "current", "stat")]
    for path, text in zip(names, ("5000\n", "3000\n", "anon 2000\ninactive_file 400\n"), strict=True):
        path.write_text(text)
    monkeypatch.setattr(exact, "CONTROL_GROUPS", (tuple(map(str, names)),))
    assert exact._of_the_control_group() == [2400.0]
    names[0].write_text("max\n")  # no limit
    assert exact._of_the_control_group() == []
    assert exact.available_memory() > 0


def test_the_floor_of_halves(rng):
    x = rng.normal(size=(60, 2))
    rows = np.random.default_rng(0).permutation(60)
    assert transport.sampling_floor(x).value == pytest.approx(transport.wasserstein1(x[rows[:30]], x[rows[30:]]))
    assert np.isnan(transport.sampling_floor(x[:1]).value)


def test_sliced_distance_of_a_translation_is_the_mean_projection(rng):
    x = rng.normal(size=(50, 3))
    moved = transport.sliced_wasserstein1(x, x + np.array([2.0, 0.0, 0.0]), directions=4000)
    assert moved == pytest.approx(1.0, rel=0.03)  # the mean of |cos| over the sphere in space is 1/2
    assert transport.sliced_wasserstein1(x, x) == 0
    assert moved < transport.wasserstein1(x, x + np.array([2.0, 0.0, 0.0]))
    w = rng.uniform(0.1, 1, 50)
    weighted = [Population(part, weights=w) for part in (x, x + np.array([2.0, 0.0, 0.0]))]
    assert transport.sliced_wasserstein1(*weighted, directions=4000) == pytest.approx(moved, rel=1e-6)


def test_what_cannot_be_compared(rng):
    with pytest.raises(ParameterError, match="`metric` must be one of"):
        transport.estimate_distance([[0.0]], [[1.0]], "w3")
    with pytest.raises(ParameterError, match="must have one dimension"):
        transport.sliced_wasserstein1([[0.0]], [[1.0, 2.0]])


def test_an_estimate_has_names():
    assert transport.DistanceEstimate(1.0)._asdict() == {"value": 1.0, "error": 0.0, "rows": 0}


def test_the_floor_is_that_of_rows_that_weigh_something():
    x = np.random.default_rng(0).normal(size=(40, 2))
    weights = np.r_[np.full(3, 1.0), np.zeros(37)]
    floor = transport.sampling_floor(Population(x, weights=weights))
    assert floor.value == transport.sampling_floor(x[:3]).value > 0
    assert np.isnan(transport.sampling_floor(Population(x, weights=np.r_[1.0, np.zeros(39)])).value)


def test_what_is_no_metric_is_refused():
    x = np.zeros((3, 2))
    for estimate in (transport.sampling_floor, lambda x, m: transport.estimate_distance(x, x, m)):
        with pytest.raises(ParameterError, match=r"`metric` must be a name of w1.* or a callable"):
            estimate(x, 3)
