"""Growth that is known beforehand enters fits: nobody is thought to move because others multiply."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.learn.training.fit_digest import fit_digest

RATE = 0.8
"""By how much more the upper branch grows than the lower one [1 / time]."""
TIMES = (0.0, 1.0, 2.0, 3.0)
EXACT = wls.learn.Exact(reach=2.0)


def two_branches(n: int = 150, seed: int = 0) -> tuple[wls.SnapshotSeries, list[np.ndarray]]:
    """Two branches at y = 1 and -1 that move at the velocity (1, 0), and the rates of their rows."""
    rng, clouds, rates = np.random.default_rng(seed), [], []
    for time in TIMES:
        up = np.arange(n) < round(n / (1 + np.exp(-RATE * time)))
        centre = np.column_stack([np.full(n, time), np.where(up, 1.0, -1.0)])
        clouds.append(centre + 0.3 * rng.normal(size=(n, 2)))
        rates.append(RATE * up)
    return wls.SnapshotSeries(TIMES, clouds), rates


def flow(**options) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential(time_dependent=False)
    return quick(potential, **{"friction": np.inf, "steps": 200, **options})


def missed(model: wls.learn.WLM, data: wls.SnapshotSeries) -> float:
    """Root mean square of the error of the learned velocity."""
    errors = [model.mechanics_.velocity(c.positions, c.weights, c.time) - [1.0, 0.0] for c in data]
    return float(np.sqrt(np.mean([(error**2).sum(1).mean() for error in errors])))


def difference(model: wls.learn.WLM) -> float:
    """By how much more the upper branch is said to grow."""
    rate = model.growth_rate([[1.5, 1.0], [1.5, -1.0]], time=1.5).rate
    return float(rate[0] - rate[1])


@pytest.fixture(scope="module")
def knowing() -> wls.learn.WLM:
    data, rates = two_branches()
    return flow(loss=EXACT).fit(data.with_columns(growth=rates))


@pytest.mark.parametrize(
    "options", [{"loss": "exact"}, {"loss": EXACT}, {"loss": EXACT, "rollouts": None}, {"noise": 0.2}]
)
def test_motion_and_growth_are_told_apart_by_what_is_known(options):
    data, rates = two_branches()
    blind, knowing = flow(**options).fit(data), flow(**options).fit(data.with_columns(growth=rates))
    assert missed(knowing, data) < 0.6 * missed(blind, data)
    assert difference(knowing) == pytest.approx(RATE, abs=0.25) != pytest.approx(difference(blind), abs=0.2)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "exact"},
        {"loss": EXACT, "batch_size": 60},
        {"loss": EXACT, "rollouts": None},
        {"loss": wls.learn.Exact(reach="learn"), "noise": 0.1},
        {"loss": "sinkhorn"},
        {"loss": "sliced"},
        {"friction": "learn", "initial_velocities": "transport"},
    ],
)
def test_growth_that_all_share_changes_nothing(options):
    data, _ = two_branches(80)
    alike = data.with_columns(growth=[np.full(n, 0.7 + k) for k, n in enumerate(data.sizes)])
    one, other = (flow(**{"steps": 6, **options}).fit(series) for series in (data, alike))
    assert one.reach_ == other.reach_
    for mine, theirs in zip(one._fitted_members[0].parameters(), other._fitted_members[0].parameters(), strict=True):
        assert (mine == theirs).all()
    np.testing.assert_array_equal(one.losses_, other.losses_)


def test_only_differences_within_a_time_matter():
    data, rates = two_branches(80)
    one, other = (
        flow(loss=EXACT, steps=6).fit(data.with_columns(growth=[g + shift for g in rates])) for shift in (0.0, 3.0)
    )
    np.testing.assert_allclose(one.losses_, other.losses_, rtol=1e-3)


def test_what_was_known_is_in_forecasts_files_and_rates(knowing, tmp_path):
    data, _ = two_branches()
    path = knowing.forecast(data[0], TIMES[1:])
    upper = path.weights @ (data[0].positions[:, 1] > 0)
    np.testing.assert_allclose(upper, [1 / (1 + np.exp(-RATE * t)) for t in TIMES[1:]], atol=0.06)
    back = wls.learn.WLM.load(knowing.save(tmp_path / "a.model"))
    assert difference(back) == difference(knowing)
    np.testing.assert_array_equal(back.forecast(data[0], TIMES[1:]).weights, path.weights)


def test_what_was_known_exactly_is_in_files_without_a_reach(tmp_path):
    data, rates = two_branches(80)
    model = flow(loss="exact", steps=5).fit(data.with_columns(growth=rates))
    assert model.reach_ == np.inf and difference(model) == pytest.approx(RATE, abs=0.25)
    assert difference(wls.learn.WLM.load(model.save(tmp_path / "a.model"))) == difference(model)
    still = flow(loss="exact", steps=5).fit(data)
    assert still.growth_rates_ is None and difference(still) == 0


def test_saved_snapshots_teach_the_same(tmp_path):
    data, rates = two_branches(60)
    known = data.with_columns(growth=rates)
    one = flow(loss=EXACT, steps=5).fit(known)
    other = flow(loss=EXACT, steps=5).fit(wls.SnapshotSeries.load(known.save(tmp_path / "a.h5")))
    np.testing.assert_array_equal(one.losses_, other.losses_)
    assert (one.losses_ != flow(loss=EXACT, steps=5).fit(data).losses_).any()


def test_a_fit_with_other_growth_is_another_one(tmp_path):
    data, rates = two_branches(40)
    model = flow(loss="exact", steps=4, checkpoint=tmp_path / "a.checkpoint")
    blind, knowing = fit_digest(model, data), fit_digest(model, data.with_columns(growth=rates))
    assert {name for name in knowing if knowing[name] != blind.get(name)} == {"data.growth"}


@pytest.mark.parametrize("loss", ["exact", EXACT])
def test_those_who_surely_die_are_not_taken_for_others(loss):
    rng, lower = np.random.default_rng(0), np.arange(100) < 50
    clouds = [0.3 * rng.normal(size=(100, 2)) + np.where(lower[:, None], -3.0, 3.0) for _ in range(2)]
    data = wls.SnapshotSeries([0.0, 1.0], clouds, growth=[np.where(lower, -900.0, 0.0), None])
    dying = flow(loss=loss, steps=2).fit(data)
    low, high = dying.growth_rate([[-3.0, -3.0], [3.0, 3.0]], time=0.5).rate
    assert low < -10 and abs(high) < 2
    assert dying.forecast(data[0], times=[1.0]).weights[0, lower].sum() < 0.01


def test_populations_have_their_own_growth():
    data, rates = two_branches(60)
    known = data.with_columns(growth=rates)
    both = wls.SnapshotSeries.of_several({1: known, 2: known})
    model = flow(loss="exact", steps=5).fit(both)
    assert difference(model) == pytest.approx(RATE, abs=0.3)


def test_velocities_by_transport_know_of_growth():
    data, rates = two_branches()
    blind, knowing = (wls.learn.transport_velocities(series) for series in (data, data.with_columns(growth=rates)))
    across = [np.abs(series[0].velocities[:, 1]).mean() for series in (blind, knowing)]
    assert across[1] < 0.6 * across[0]
    assert knowing.growth[0].tolist() == rates[0].tolist()
