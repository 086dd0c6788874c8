"""Forecasts and interpolations of a fitted model."""

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import AccuracyWarning, ParameterError
from wlmsim.learn.functionals import Scales
from wlmsim.learn.prediction.predictor import Predictor

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


@pytest.fixture(scope="module")
def interpolating(drifters) -> wls.learn.WLM:
    fitted, _ = drifters.hold_out([3, 5])
    return quick(steps=100).fit(fitted)


class TestPredictions:
    def test_interpolation_starts_from_the_marginal_before(self, interpolating, drifters):
        scores = interpolating.evaluate(drifters[[3, 5]])
        assert scores.protocol == "interpolate"
        np.testing.assert_array_equal(scores.origins, [1.0, 2.0])
        assert list(scores.w1) == ["WLM", "persistence", "ballistic", "OT-linear", "OT-Hermite"]
        direct = interpolating.forecast(drifters[2], times=[1.5])[0]
        assert scores.w1["WLM"][0] == pytest.approx(wls.transport.wasserstein1(direct, drifters[3]))

    def test_forecast_starts_where_it_is_told(self, interpolating, drifters):
        scores = interpolating.evaluate(drifters[[3, 5]], start=drifters[2])
        assert scores.protocol == "forecast" and scores.left_out == 0
        np.testing.assert_array_equal(scores.origins, [1.0, 1.0])
        assert list(scores.w1) == ["WLM", "persistence", "ballistic"]

    def test_the_learned_lagrangian_is_one_like_any_other(self, interpolating, drifters):
        flight = wls.simulate(interpolating.lagrangian_, drifters[0], [0.0, 1.0, 2.0], dt=interpolating.dt_)
        expected = interpolating.forecast(drifters[0], times=[0.0, 1.0, 2.0])
        np.testing.assert_array_equal(flight.positions, expected.positions)
        assert np.isfinite(flight.energy()).all()
        assert "psi" in interpolating.lagrangian_._repr_latex_()

    def test_times_before_the_first_marginal_are_refused(self, interpolating):
        with pytest.raises(ParameterError, match="first fitted marginal"):
            interpolating.interpolate([-1.0])


def test_doors_that_put_series_together(drifters):
    def in_units(**units):
        return wls.SnapshotSeries(drifters.times, drifters.positions, drifters.velocities, units=units)

    model = quick(wls.learn.ExternalPotential((4,)), steps=2).fit(in_units(length="km", time="day")[[0, 1, 3]])
    other = in_units(length="m", time="days")
    for use in (
        lambda: model.evaluate(other[[2]]),
        lambda: model.evaluate(in_units(length="km")[[2]], data=other[[0, 1, 3]]),
        lambda: model.interpolate([1.0], data=other[[0, 1, 3]]),
        lambda: model.forecast(other[[0]], [0.5]),
        lambda: wls.visual.plot_forecast(in_units(length="km"), other),
    ):
        with pytest.raises(ParameterError, match="must have positions in km"):
            use()
    model.evaluate(in_units(length="kilometres")[[2]])


class TestFarOut:
    """No prediction leaves the data by orders of magnitude without a word."""

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, drifters):
        return quick(wls.learn.ExternalPotential((4,)), friction=0.0, steps=2).fit(drifters[[0, 2, 4]])

    @pytest.mark.parametrize("kept", [True, False])
    def test_the_extents_are_named(self, fitted, drifters, kept, tmp_path):
        model = fitted if kept else wls.learn.WLM.load(fitted.save(tmp_path / "x.model"))
        fast = drifters[4].with_velocities(1e4 * drifters[4].velocities)
        known = {} if kept else {"data": drifters[[0, 2, 4]]}
        with pytest.warns(
            AccuracyWarning, match=r"the forecast reaches [\d.e+]+ from the middle of the data, which reach"
        ):
            model.forecast(fast, [2.5])
        with pytest.warns(AccuracyWarning, match="the forecast reaches"):
            model.evaluate(drifters[[5]], start=fast)
        hasty = wls.SnapshotSeries(
            drifters.times[[0, 2, 4]],
            [drifters[k].positions for k in (0, 2, 4)],
            [1e4 * drifters[k].velocities for k in (0, 2, 4)],
        )
        with pytest.warns(AccuracyWarning, match="the interpolation reaches"):
            model.interpolate([0.5], data=hasty)
        with pytest.warns(AccuracyWarning, match="the interpolation reaches"):
            model.evaluate(drifters[[1]], data=hasty)
        with warnings.catch_warnings():
            warnings.simplefilter("error", AccuracyWarning)
            model.forecast(drifters[4], [2.5])
            model.interpolate([0.5], **known)


def test_a_fit_is_doubted_by_a_part_of_a_large_cloud(monkeypatch):
    data = wls.systems.VortexDrifters(n=80, seed=0).exact(np.linspace(0, 1, 4)).snapshots(seed=0)
    monkeypatch.setattr("wlmsim.learn.prediction.doubts.ROWS", 30)
    rows, forecast = [], Predictor.forecast
    monkeypatch.setattr(
        Predictor, "forecast", lambda self, start, *a, **k: (rows.append(len(start)), forecast(self, start, *a, **k))[1]
    )
    quick(steps=2).fit(data)
    assert rows == [30]
