"""Rates of growth, and forecasts whose weights follow them."""

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.learn.prediction import growth
from wlmsim.learn.prediction.growth import GrowthRates, Interval

RATE = 0.5
"""By how much more the one kind grows than the other [1 / time]."""


def share(time: float) -> float:
    """Of the kind that grows."""
    return float(1 / (1 + np.exp(-RATE * time)))


@pytest.fixture(scope="module")
def two_kinds() -> wls.SnapshotSeries:
    """Two kinds that stay where they are, of which one grows."""
    rng, clouds = np.random.default_rng(0), []
    for time in range(4):
        grown = round(400 * share(time))
        x = rng.normal(0, 0.3, (400, 2))
        x[:grown, 0] -= 3
        x[grown:, 0] += 3
        clouds.append(wls.Population(x, time=float(time)))
    return wls.SnapshotSeries.from_populations(clouds)


@pytest.fixture(scope="module")
def model(two_kinds) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential(time_dependent=False)
    model = quick(potential, friction=np.inf, loss=wls.learn.Exact(reach=1.0), rollouts=None)
    return model.fit(two_kinds[:3])


def test_rates_are_those_of_the_kinds(model):
    rate, error = model.growth_rate([[-3.0, 0.0], [3.0, 0.0]], time=1.5)
    assert rate[0] - rate[1] == pytest.approx(RATE, abs=0.05)
    assert (error > 0).all() and (error < RATE).all()
    # where nobody was seen there is no growth
    assert abs(model.growth_rate([[0.0, 300.0]], time=1.5).rate[0]) < RATE


def test_forecasts_grow_beyond_the_data(model, two_kinds):
    forecast = model.forecast(two_kinds[2], times=[2.5, 3.0])
    assert forecast.weights.shape == (2, 400)
    for cloud in forecast:
        assert cloud.weights[cloud.positions[:, 0] < 0].sum() == pytest.approx(share(cloud.time), abs=0.01)
    scores = model.evaluate(two_kinds[3:], start=two_kinds[2])
    assert scores.mean["WLM"] < 0.3 * scores.mean["persistence"]


def test_weights_do_not_depend_on_the_times_that_are_asked_for(model, two_kinds):
    at_once = model.forecast(two_kinds[0], times=[2.5]).weights[-1]
    step_by_step = model.forecast(two_kinds[0], times=[0.5, 1.0, 1.5, 2.0, 2.5]).weights[-1]
    left = two_kinds[0].positions[:, 0] < 0
    assert at_once[left].sum() == pytest.approx(step_by_step[left].sum(), abs=0.005)
    assert at_once[left].sum() == pytest.approx(share(2.5), abs=0.01)


def test_rates_in_a_gap_are_those_of_before():
    x, rest = np.zeros((1, 1)), np.array([0.5])
    still = Interval(0.0, 1.0, x, x, rest, rest, 100)
    growing = Interval(4.0, 5.0, x, x, rest, 2 * rest, 100)
    rates = GrowthRates(1.0, [still, growing])
    assert [round(float(rates(x, time).rate[0]), 2) for time in (-1, 0, 1, 1.001, 3.9)] == [0] * 5
    assert all(rates(x, time).rate[0] > 0.6 for time in (4, 5, 50))


def test_mechanics_that_blows_up_leaves_growth_along_straight_lines(two_kinds, monkeypatch):
    def blown(*args, **options):
        raise SimulationError("blew up")

    monkeypatch.setattr(growth, "simulate", blown)
    rates = growth.growth_rates(growth._Still(), [list(two_kinds[:2])], 1.0, dt=1.0, progress=False)
    found = rates(np.array([[-3.0, 0.0], [3.0, 0.0]]), 0.5).rate
    assert found[0] - found[1] == pytest.approx(RATE, abs=0.1)


def test_rates_are_found_when_they_are_asked_for(two_kinds, model):
    assert "growth_rates_" in vars(model)
    fresh = quick(friction=np.inf, loss=wls.learn.Exact(reach=1.0), rollouts=None).fit(two_kinds[:2])
    assert "growth_rates_" not in vars(fresh)
    assert fresh.growth_rates_ is fresh.growth_rates_
    assert "growth_rates_" not in vars(fresh.fit(two_kinds[1:3]))


def test_files_keep_rates_and_changing_weights(model, two_kinds, tmp_path):
    forecast = model.forecast(two_kinds[2], times=[2.5, 3.0])
    loaded = wls.learn.WLM.load(model.save(tmp_path / "kinds.model"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert loaded.forecast(two_kinds[2], times=[2.5, 3.0]) == forecast
    path = forecast.save(tmp_path / "forecast.h5")
    assert wls.Trajectory.load(path) == forecast
    assert wls.Trajectory.load(path, start=2.9)[0] == forecast[1]
    series = wls.SnapshotSeries.load(path)
    np.testing.assert_array_equal(series.weights[1], forecast.weights[1])
    np.testing.assert_array_equal(forecast[[1]].weights, forecast.weights[[1]].squeeze())


def test_each_population_keeps_its_share(two_kinds):
    still = quick(friction=np.inf, loss=wls.learn.Exact(reach=1.0), rollouts=None)
    several = wls.SnapshotSeries.of_several({0: two_kinds[:3], 1: two_kinds[1:3]})
    forecast = still.fit(several).forecast(several[[2]], times=[2.5])
    labels = several.labels[2]
    for label in (0, 1):
        assert forecast[0].weights[labels == label].sum() == pytest.approx(0.5)


def test_masses_are_conserved_without_a_reach(two_kinds):
    model = quick(friction=np.inf, rollouts=None).fit(two_kinds[:2])
    assert model.growth_rates_ is None and not model.growth_rate([[0.0, 0.0]], 0.0).rate.any()
    assert model.forecast(two_kinds[1], times=[2.0]).weights.ndim == 1
    with pytest.raises(ParameterError, match=r"`positions` must be of shape \(n, 2\)"):
        model.growth_rate([[0.0]], 0.0)


def test_changing_weights_are_those_of_each_frame():
    x = np.zeros((2, 3, 1))
    changing = wls.Trajectory([0.0, 1.0], x, weights=[[1, 1, 2], [1, 2, 1]])
    np.testing.assert_allclose(changing[1].weights, [0.25, 0.5, 0.25])
    assert wls.Trajectory([0.0, 1.0], x, weights=[[1, 1, 2]] * 2).weights.shape == (3,)
    with pytest.raises(ParameterError, match="`weights`"):
        wls.Trajectory([0.0, 1.0], x, weights=[[1, 1, 2]])
