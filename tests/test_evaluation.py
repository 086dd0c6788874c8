"""Scores and naive baselines on clouds whose answers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from wlmsim import Population, SnapshotSeries
from wlmsim.errors import ParameterError
from wlmsim.evaluation import (
    BASELINES,
    Scores,
    baseline,
    hermite_interpolation,
    mean_scores,
    neighbours,
    score_forecast,
    score_interpolation,
)
from wlmsim.transport import energy_distance, wasserstein1
from wlmsim.visual import plot_scores

# a cloud whose points are far apart, so that small motions leave the optimal plan the obvious one
START = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
VELOCITY = np.array([3.0, 4.0])


def uniform_motion(times, *, velocities=True, shuffled=True) -> SnapshotSeries:
    """Every point moves with one velocity; rows are in another order each time."""
    rng = np.random.default_rng(0)
    clouds = [START + t * 0.1 * VELOCITY for t in times]
    clouds = [rng.permutation(x) for x in clouds] if shuffled else clouds
    return SnapshotSeries(times, clouds, [np.tile(0.1 * VELOCITY, (4, 1))] * len(times) if velocities else None)


def cubic(t):
    """Positions and velocities of points on cubics of their own."""
    c = np.array([[0.1, -0.2], [0.3, 0.1], [-0.2, 0.2], [0.2, 0.3]])
    return START + c * t + c[::-1] * t**2 - c[:, ::-1] * t**3, c + 2 * c[::-1] * t - 3 * c[:, ::-1] * t**2


def cubic_motion(times) -> SnapshotSeries:
    orders = [np.random.default_rng(k).permutation(4) for k in range(len(times))]
    paths = [cubic(t) for t in times]
    return SnapshotSeries(
        times,
        [x[o] for (x, _), o in zip(paths, orders, strict=True)],
        [v[o] for (_, v), o in zip(paths, orders, strict=True)],
    )


def interpolated(series, held):
    fitted, observed = series.hold_out(held)
    return score_interpolation([*observed], observed, fitted)


# --- baselines


def test_persistence_and_ballistic_in_uniform_motion():
    series = uniform_motion([0.0, 1.0, 2.0, 4.0])
    past, future = series.split(at=0.0)
    scores = score_forecast([*future], future, past[-1])
    np.testing.assert_allclose(scores.w1["persistence"], [0.5, 1.0, 2.0])  # |v| t
    np.testing.assert_allclose(scores.w1["ballistic"], 0.0, atol=1e-14)
    assert list(scores.w1) == ["WLM", "persistence", "ballistic"]
    np.testing.assert_array_equal(scores.w1["WLM"], 0.0)
    np.testing.assert_array_equal(scores.times, future.times)
    np.testing.assert_array_equal(scores.origins, [0.0, 0.0, 0.0])
    assert scores.protocol == "forecast"


def test_a_forecast_starts_from_the_last_fitted_marginal_not_from_the_first():
    series = uniform_motion([0.0, 1.0, 2.0])
    late = score_forecast([series[2]], series[2:], series[1])
    early = score_forecast([series[2]], series[2:], series[0])
    assert late.w1["persistence"] == pytest.approx([0.5]) and early.w1["persistence"] == pytest.approx([1.0])
    assert late.origins.tolist() == [1.0] and early.origins.tolist() == [0.0]


def test_ot_linear_is_exact_for_a_translation():
    scores = interpolated(uniform_motion([0.0, 1.0, 2.0, 3.0]), [1, 2])
    np.testing.assert_allclose(scores.w1["OT-linear"], 0.0, atol=1e-14)
    np.testing.assert_allclose(scores.w1["OT-Hermite"], 0.0, atol=1e-14)
    np.testing.assert_allclose(scores.w1["persistence"], [0.5, 1.0])
    assert list(scores.w1) == ["WLM", *BASELINES]


def test_ot_hermite_is_exact_for_cubics():
    series = cubic_motion([0.0, 0.4, 0.7, 1.0, 1.6])
    scores = interpolated(series, [1, 2])
    np.testing.assert_allclose(scores.w1["OT-Hermite"], 0.0, atol=1e-13)
    assert (scores.w1["OT-linear"] > 0.01).all() and (scores.w1["ballistic"] > 0.01).all()
    np.testing.assert_array_equal(scores.origins, [0.0, 0.0])
    # from t = 1 to t = 1.6 and in the second gap too
    np.testing.assert_allclose(interpolated(series, [1, 3]).w1["OT-Hermite"], 0.0, atol=1e-13)


@pytest.mark.parametrize("s", [0.0, 0.3, 1.0])
def test_hermite_interpolation_by_hand(s):
    """Through 0 with slope 1 and 2 with slope -1 over a span of 2: x = s (2 + 4 s - 4 s^2)."""
    x = hermite_interpolation(s, 2.0, np.zeros(1), np.full(1, 2.0), np.ones(1), -np.ones(1))
    assert x == pytest.approx(s * (2 + 4 * s - 4 * s**2))


def test_baselines_of_unequal_weighted_clouds():
    """A heavy point is split between two: half stays on its way to each."""
    before = Population([[0.0], [10.0]], None, [0.75, 0.25], time=0.0)
    after = Population([[0.0], [4.0], [10.0]], None, [0.5, 0.25, 0.25], time=2.0)
    between = baseline("OT-linear", before, after, 0.5)
    assert dict(zip(between.positions[:, 0], between.weights, strict=True)) == pytest.approx(
        {0.0: 0.5, 1.0: 0.25, 10.0: 0.25}
    )
    assert between.time == 0.5
    kept = baseline("persistence", before, after, 0.5)
    np.testing.assert_array_equal(kept.weights, before.weights)


def test_baselines_that_cannot_be_had():
    before = Population([[0.0]], [[1.0]], time=0.0)
    after = Population([[1.0]], None, time=1.0)
    assert baseline("OT-Hermite", before, after, 0.5) is None
    assert baseline("OT-Hermite", after.at_rest(), None, 1.5) is None
    assert baseline("OT-linear", before, None, 0.5) is None
    assert baseline("ballistic", after, None, 1.5) is None
    assert baseline("ballistic", before, None, 0.5).positions.tolist() == [[0.5]]
    with pytest.raises(ParameterError, match=r"`name` must be one of.*OT-linear.*got 'OT-cubic'"):
        baseline("OT-cubic", before, after, 0.5)


def test_without_velocities_there_is_no_column_for_what_needs_them():
    scores = interpolated(uniform_motion([0.0, 1.0, 2.0], velocities=False), [1])
    assert list(scores.w1) == ["WLM", "persistence", "OT-linear"]


def test_a_baseline_that_misses_a_marginal_is_nan_there_and_cannot_be_best():
    series = uniform_motion([0.0, 1.0, 2.0, 3.0, 4.0]).without_velocities(except_at=[0])
    scores = interpolated(series, [1, 3])
    assert scores.w1["ballistic"][0] == pytest.approx(0, abs=1e-14) and np.isnan(scores.w1["ballistic"][1])
    assert np.isnan(scores.mean["ballistic"])
    assert scores.best_baseline == "OT-linear"
    # a marginal after the last fitted one has no cloud after it
    beyond = interpolated(series, [1, 4])
    assert np.isnan(beyond.w1["OT-linear"]).tolist() == [False, True]


# --- which marginal a prediction starts from


def test_neighbours():
    fitted = uniform_motion([0.0, 1.0, 3.0])
    assert neighbours(fitted, 2.0) == (fitted[1], fitted[2])
    assert neighbours(fitted, 1.0) == (fitted[1], fitted[2])
    assert neighbours(fitted, 5.0) == (fitted[2], None)
    with pytest.raises(ParameterError, match="`times` must not come before the first fitted marginal at t = 0; got -1"):
        neighbours(fitted, -1.0)


def test_each_interpolation_starts_from_the_fitted_marginal_before_it():
    scores = interpolated(uniform_motion([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), [1, 3, 4])
    assert scores.origins.tolist() == [0.0, 2.0, 2.0]
    np.testing.assert_allclose(scores.w1["persistence"], [0.5, 0.5, 1.0])


# --- scores


def some_scores(**about) -> Scores:
    w1 = {"mine": np.array([0.1, 0.3]), "persistence": np.array([0.2, 0.6]), "ballistic": np.array([0.15, np.nan])}
    return Scores(np.array([1.0, 2.0]), np.array([0.5, 0.5]), w1, **about)


def test_model_is_scored_by_w1():
    series = uniform_motion([0.0, 1.0])
    guess = Population(series[1].positions + np.array([0.0, 0.25]))
    scores = score_forecast([guess], series[1:], series[0], model="guess")
    assert scores.model == "guess"
    assert wasserstein1(guess, series[1]) == pytest.approx(0.25)
    assert scores.w1["guess"] == pytest.approx([0.25])
    with pytest.raises(ValueError):
        score_forecast([guess, guess], series[1:], series[0])


def test_means_and_the_best_baseline():
    scores = some_scores()
    assert scores.mean["mine"] == pytest.approx(0.2) and scores.mean["persistence"] == pytest.approx(0.4)
    assert np.isnan(scores.mean["ballistic"])
    assert scores.best_baseline == "persistence" and scores.beats_baselines
    scores.w1["OT-linear"] = np.array([0.1, 0.1])
    assert scores.best_baseline == "OT-linear" and not scores.beats_baselines


def test_the_table_shows_the_origin_and_every_baseline():
    text = str(some_scores(length_unit="km"))
    assert "W1 [km], forecast from t = 0.5" in text
    for word in ("time", "from", "mine", "persistence", "ballistic", "0.1000", "0.6000", "0.2000", "mean"):
        assert word in text
    rows = [line for line in text.splitlines() if "0.6000" in line]
    assert len(rows) == 1 and "-" in rows[0]  # what cannot be had
    assert text.splitlines()[-2].replace("│", " ").split() == ["mean", "0.2000", "0.4000", "-"]


def test_the_table_of_an_interpolation_says_where_each_starts():
    scores = interpolated(uniform_motion([0.0, 1.0, 2.0, 3.0, 4.0]), [1, 3])
    text = str(scores)
    assert "interpolate, each from the fitted marginal before it" in text
    assert all(name in text for name in BASELINES)


def test_units_come_from_the_data():
    series = SnapshotSeries([0, 1], [START, START], units={"length": "km"})
    assert score_forecast([series[1]], series[1:], series[0]).length_unit == "km"


def test_to_dict_is_json():
    plain = some_scores().to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["w1"]["ballistic"] == [0.15, None] and plain["mean"]["ballistic"] is None
    assert plain["origins"] == [0.5, 0.5] and plain["times"] == [1.0, 2.0] and plain["protocol"] == "forecast"


# --- further metrics


def test_w2_and_energy_distance_beside_w1():
    series = uniform_motion([0.0, 1.0, 2.0])
    guesses = [Population(cloud.positions + np.array([0.3, 0.4])) for cloud in series[1:]]
    scores = score_forecast(guesses, series[1:], series[0], metrics=("w1", "w2", "energy"))
    assert scores.mean["WLM"] == pytest.approx(0.5)
    assert scores.others["w2"]["WLM"] == pytest.approx([0.5, 0.5])  # a translation
    assert list(scores.others) == ["w2", "energy"] and list(scores.others["energy"]) == list(scores.w1)
    apart = [energy_distance(guess, cloud) for guess, cloud in zip(guesses, series[1:], strict=True)]
    assert scores.others["energy"]["WLM"] == pytest.approx(apart)
    text = str(scores)
    assert "mean W2" in text and "mean energy distance" in text
    assert scores.to_dict()["mean_w2"]["WLM"] == pytest.approx(0.5)
    with pytest.raises(ParameterError, match=r"`metrics` must be one of.*got 'w3'"):
        score_forecast(guesses, series[1:], series[0], metrics=["w3"])


def test_energy_distance_of_points_by_hand():
    # 2 (|0-1| + |0-3|) / 2 - 0 - 2 |1-3| / 4 = 4 - 1
    assert energy_distance([[0.0]], [[1.0], [3.0]]) == pytest.approx(np.sqrt(3.0))
    assert energy_distance([[0.0]], Population([[1.0], [3.0]], None, [1.0, 0.0])) == pytest.approx(np.sqrt(2.0))
    x = np.random.default_rng(0).standard_normal((50, 2))
    assert energy_distance(x, x[::-1]) == pytest.approx(0.0, abs=1e-7)


def test_scores_of_several_populations_are_averaged_where_they_were_observed():
    data, start = uniform_motion([0.0, 1.0, 2.0]), uniform_motion([0.0])[0]
    exact, late = score_forecast([*data[1:]], data[1:], start), score_forecast([data[0]], data[1:2], start)
    both = mean_scores([exact, late])
    assert both.times.tolist() == [1.0, 2.0]
    np.testing.assert_allclose(both.w1["WLM"], [late.w1["WLM"][0] / 2, 0.0])
    assert mean_scores([exact]) is exact


# --- large clouds and the sampling floor


def test_the_sampling_floor_is_in_every_table():
    past, future = uniform_motion([0.0, 1.0, 2.0]).split(at=0.0)
    scores = score_forecast([*future], future, past[-1])
    assert scores.rows is None and scores.errors == {} and len(scores.floor) == 2
    text = str(scores)
    assert "floor" in text and f"{scores.floor[0]:.4f}" in text and "two random halves" in text
    assert "floor" in scores._repr_html_() and scores.to_dict()["floor"] == scores.floor.tolist()


def test_large_clouds_are_scored_by_parts_and_along_lines(monkeypatch, rng):
    from wlmsim.transport import estimates, exact

    monkeypatch.setattr(exact, "EXACT_PAIRS", 10_000)
    monkeypatch.setattr(exact, "FEW_PAIRS", 0)
    monkeypatch.setattr(estimates, "ROWS", 50)
    x = rng.normal(size=(400, 2))
    observed = SnapshotSeries([1.0, 2.0], [x + np.array([1.0, 0.0]), x + np.array([2.0, 0.0])])
    scores = score_forecast([*observed], observed, Population(x), metrics=["w1", "energy"])
    assert scores.rows.tolist() == [50, 50] and list(scores.others) == ["energy", "sliced"]
    assert scores.w1["persistence"] == pytest.approx([1.0, 2.0], abs=0.3)
    assert scores.others["sliced"]["WLM"] == pytest.approx([0.0, 0.0])
    # rows that keep their order are no better than others: a perfect prediction is at the floor
    assert scores.w1["WLM"] == pytest.approx(scores.floor, rel=0.4)
    assert (scores.errors["persistence"] > 0).all() and scores.beats_baselines
    text = " ".join(str(scores).split())
    assert "±" in text and "5 random parts of 50 rows" in text and "sliced W1, all rows" in text
    both = mean_scores([scores, scores])
    assert both.rows.tolist() == [50, 50] and both.floor == pytest.approx(scores.floor)
    assert both.errors["persistence"] == pytest.approx(scores.errors["persistence"] / 2**0.5)
    assert json.loads(json.dumps(both.to_dict()))["rows"] == [50, 50]


def test_scores_say_dates_and_no_more_digits_than_tell_anything():
    about = {"metadata": {"first_date": "2021-03-01"}, "units": {"time": "h", "length": "m"}}
    x = 1e5 * np.arange(3.0)[:, None, None] * np.ones((3, 4, 2))
    series = SnapshotSeries([0.0, 6.0, 30.0], list(x), **about)
    scores = score_forecast([series[0], series[0]], series[1:], series[0])
    text = str(scores)
    assert "W1 [m], forecast from 2021-03-01T00:00" in text
    assert "2021-03-01T06:00" in text and "2021-03-02T06:00" in text and " 141421 " in text
    without = score_forecast([series[0]], SnapshotSeries([6.0], [x[1] / 1e5]), series[0])
    assert "forecast from t = 0" in str(without) and "1.4142" in str(without)
    assert "2021" in plot_scores(scores).get_title()
