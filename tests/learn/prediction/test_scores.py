"""Scores and forecasts say what they are of: nothing that was fitted, nobody who is hidden, which noise, how far."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.transport import partial_wasserstein1, wasserstein1

AdamW = wls.learn.AdamW


def drift(times=range(5), n=20, seed=0, **about):
    rng = np.random.default_rng(seed)
    return wls.SnapshotSeries(list(times), [rng.normal(size=(n, 2)) + np.array([t, 0]) for t in times], **about)


def flow(data, **options):
    options = {"optimiser": AdamW(steps=2), "members": 1, "progress": False, "friction": math.inf} | options
    return wls.learn.WLM(**options).fit(data)


@pytest.fixture(scope="module")
def series():
    return drift(units={"length": "m", "time": "s"})


@pytest.fixture(scope="module")
def model(series):
    return flow(series.hold_out([1, 3])[0])


@pytest.fixture(scope="module")
def noisy(series):
    return flow(series, noise=0.3)


# --- fitted marginals


def test_fitted_marginals_never_enter_a_score(model, series):
    held = series[[1, 3]]
    expected = model.evaluate(held)
    with pytest.warns(DataWarning, match="left out 3 of 5 marginals, which were fitted"):
        scores = model.evaluate(series)
    assert scores.times.tolist() == [1, 3] and scores.left_out == 3 and expected.left_out == 0
    assert scores.mean == expected.mean and "3 fitted left out" in str(scores).replace("\n", " ")
    assert scores.to_dict()["left_out"] == 3 and "left_out" not in expected.to_dict()
    with pytest.warns(DataWarning, match="left out 2 of 4"):
        assert model.evaluate(series[1:], start=series[0]).times.tolist() == [1, 3]
    with pytest.raises(ParameterError, match="all 3 of them were fitted"):
        model.evaluate(series[[0, 2, 4]])
    with pytest.raises(ParameterError, match="all 1 of them were fitted"):
        model.score(series[[2]])


def test_another_recording_at_the_same_times_is_scored(model, series):
    other = drift(seed=1)
    assert model.evaluate(other[1:], start=other[0]).times.tolist() == [1, 2, 3, 4]
    shuffled = wls.SnapshotSeries([2], [series.positions[2][::-1][:5]])
    with pytest.raises(ParameterError, match="all 1 of them were fitted"):
        model.evaluate(shuffled, start=series[0])


def test_a_model_from_a_file_knows_its_times(model, series, tmp_path):
    model.save(tmp_path / "a.model")
    again = wls.learn.WLM.load(tmp_path / "a.model")
    fitted, other = series[[0, 2, 4]], drift(seed=1)
    with pytest.raises(ParameterError, match="`data`, the fitted marginals, tells another recording apart"):
        again.evaluate(other[[2]], start=other[0])
    assert again.evaluate(other[[2]], start=other[0], data=fitted).times.tolist() == [2]
    with pytest.warns(DataWarning, match="left out 3 of 5"):
        assert again.evaluate(series, data=fitted).mean == model.evaluate(series[[1, 3]]).mean
    for call in (lambda: again.interpolate([0.5]), lambda: again.evaluate(series[[1]])):
        with pytest.raises(wls.errors.NotFittedError, match="pass the fitted marginals as `data`"):
            call()


def test_fitted_times_are_told_at_any_offset():
    clock = drift(1.7e9 + np.arange(5.0))
    model = flow(clock[:3])
    assert model.evaluate(clock[3:], start=clock[2]).left_out == 0
    with pytest.warns(DataWarning, match="left out 1 of 3"):
        assert model.evaluate(clock[2:], start=clock[1]).times.tolist() == [1.7e9 + 3, 1.7e9 + 4]


# --- individuals who are hidden


@given(
    seed=st.integers(0, 1000),
    hidden=st.lists(st.integers(0, 19), max_size=8),
    later=st.lists(st.integers(0, 19), max_size=8),
)
def test_a_perfect_forecast_of_those_who_are_seen_scores_nothing(seed, hidden, later):
    x = np.random.default_rng(seed).uniform(0, 1000, (20, 2))
    a, b = np.delete(x, hidden, axis=0), np.delete(x, later, axis=0)
    assert partial_wasserstein1(a, b, individuals=20) == pytest.approx(0.0, abs=1e-9)


def test_partial_distances_against_all_choices():
    rng = np.random.default_rng(0)
    from itertools import combinations, permutations

    x, y = rng.normal(size=(4, 2)), rng.normal(size=(3, 2))
    for individuals, both in ((None, 3), (4, 3), (5, 2), (6, 1)):
        least = min(
            np.mean([np.linalg.norm(x[i] - y[j]) for i, j in zip(rows, columns, strict=True)])
            for rows in combinations(range(4), both)
            for columns in permutations(range(3), both)
        )
        assert partial_wasserstein1(x, y, individuals=individuals) == pytest.approx(least, rel=1e-9)


def test_partial_distance_of_the_same_individuals_is_w1():
    x, y = np.random.default_rng(0).normal(size=(2, 30, 3))
    assert partial_wasserstein1(x, y) == pytest.approx(wasserstein1(x, y), rel=1e-12)
    shifted = wls.Population(x + np.array([3.0, 0, 0]))
    assert partial_wasserstein1(x, shifted) == pytest.approx(3.0)
    split = wls.Population(np.concatenate([x, x]))  # two rows an individual, as plans of transport have
    assert partial_wasserstein1(split, y[:25], counts=(30, 25)) == pytest.approx(partial_wasserstein1(x, y[:25]))


@pytest.mark.parametrize("individuals", [3, 8, 2.5])
def test_individuals_that_cannot_be(individuals):
    with pytest.raises(ParameterError, match="`individuals` must be"):
        partial_wasserstein1(np.zeros((4, 2)), np.zeros((4, 2)), individuals=individuals)


def fish(hidden):
    """Fish that swim straight on in a tank, some of which are hidden at some times."""
    rng = np.random.default_rng(0)
    x, v = rng.uniform(0, 1000, (30, 2)), rng.normal(size=(30, 2)) * 5
    frames = x + np.arange(6)[:, None, None] * v
    frames = np.where(rng.random((6, 30, 1)) < hidden, np.nan, frames)
    return wls.Tracks(np.arange(6.0), frames, units={"length": "px"})


def test_scores_of_individuals_allow_for_those_who_are_hidden():
    series = fish(0.1).with_velocities(2).snapshots()
    assert series.metadata["individuals"] == 30
    model = flow(series[:4], friction=0.0)
    scores = model.evaluate(series[4:], start=series[3])
    assert set(scores.others) == {"partial"} and "mean partial W1" in str(scores)
    # all swim straight on: what is left of the ballistic forecast is who is seen
    assert scores.w1["ballistic"].min() > 10 and scores.others["partial"]["ballistic"].max() < 1e-9
    assert scores.others["partial"]["persistence"].min() > 3
    assert scores.to_dict()["mean_partial"]["ballistic"] == pytest.approx(0, abs=1e-9)
    # who is hidden does not decide: the forecast with the least error is the best, and a perfect one beats the others
    assert scores.hidden and scores.best_baseline == "ballistic" and scores.judged["ballistic"] < 1e-9
    straight = [wls.evaluation.baseline("ballistic", series[3], None, truth.time) for truth in series[4:]]
    hits = wls.evaluation.score_forecast(straight, series[4:], series[3].at_rest(), model="straight on")
    assert hits.best_baseline == "persistence" and hits.judged["straight on"] < 1e-9 and hits.beats_baselines
    assert model.score(series[4:]) == -model.evaluate(series[4:]).others["partial"]["WLM"].mean()
    whole = fish(0.0).with_velocities(2).snapshots()[1:]
    complete = flow(whole[:3], friction=0.0).evaluate(whole[3:], start=whole[2])
    assert not complete.others and complete.mean["ballistic"] < 1e-9
    assert not complete.hidden and complete.judged == complete.mean


def test_models_are_ranked_by_what_the_hidden_do_not_decide():
    series = fish(0.1).with_velocities(2).snapshots()[1:]
    model = wls.learn.WLM(optimiser=AdamW(steps=2), members=1, progress=False, friction=0.0)
    scores = wls.learn.leave_one_out(model, series, progress=False)
    assert scores.hidden and scores.judged["ballistic"] < 1e-9 < 10 < scores.mean["ballistic"]
    ranked = wls.learn.compare({"free": model}, series, seeds=[0], validation="between", progress=False)
    assert ranked.mean["free"] == pytest.approx(scores.judged["WLM"]) and ranked.baselines["ballistic"] < 1e-9


@pytest.mark.skipif("WLMSIM_DATA" not in __import__("os").environ, reason="WLMSIM_DATA is not set")
def test_hidden_fish_do_not_make_the_score():
    tracks = wls.datasets.fish_school_tracks()
    series = tracks.snapshots()
    frames = np.arange(len(tracks))
    filled = tracks.positions.copy()
    for i in range(tracks.n):
        for d in range(2):
            seen = tracks.seen[:, i]
            filled[:, i, d] = np.interp(frames, frames[seen], tracks.positions[seen, i, d])
    start = 140
    for k in (142, 150, 160):
        perfect = filled[k][tracks.seen[start]]
        assert wasserstein1(perfect, series[k]) > 20
        assert partial_wasserstein1(perfect, series[k], individuals=tracks.n) == pytest.approx(0, abs=1e-9)
        stay = partial_wasserstein1(filled[start][tracks.seen[start]], series[k], individuals=tracks.n)
        assert stay > 20


# --- noise


def test_forecasts_with_noise_take_a_seed_and_an_ensemble(noisy, series):
    times = [4.5, 5.0]
    usual, again = (noisy.forecast(series[4], times) for _ in range(2))
    first, second, repeated = (noisy.forecast(series[4], times, seed=seed) for seed in (1, 2, 1))
    assert usual == again and first == repeated and first != second and usual.metadata["seed"] == 0
    assert first.metadata["seed"] == 1 and first.units == series.units
    many = noisy.forecast(series[4], times, seed=1, ensemble=8)
    assert many.n == 8 * 20 and many.weights.sum() == pytest.approx(1) and many.metadata["ensemble"] == 8
    runs = many.positions.reshape(2, 8, 20, 2)
    assert len({run.tobytes() for run in runs.transpose(1, 0, 2, 3)}) == 8
    spread = np.sqrt(((runs - runs.mean(axis=1, keepdims=True))[0] ** 2).mean() * 8 / 7)
    assert spread == pytest.approx(0.3 * math.sqrt(0.5), rel=0.25)


def test_populations_have_noise_of_their_own():
    cloud = np.zeros((5, 2))
    labels = [np.repeat([1, 2], 5)] * 3
    both = wls.SnapshotSeries([0, 1, 2], [np.concatenate([cloud, cloud])] * 3, populations=labels)
    spread = wls.SnapshotSeries(
        [0, 1, 2], [x + np.random.default_rng(k).normal(size=(10, 2)) for k, x in enumerate(both.positions)]
    )
    path = flow(spread, noise=0.5).forecast(both[[0]], [1.0])
    assert not np.array_equal(path.positions[0, :5], path.positions[0, 5:])
    assert path == flow(spread, noise=0.5).forecast(both[[0]], [1.0])


def test_an_ensemble_needs_noise(model, series):
    with pytest.raises(ParameterError, match="`ensemble` must be 1 without noise"):
        model.forecast(series[4], [5.0], ensemble=2)
    with pytest.raises(ParameterError, match="`ensemble` must be an integer >= 1"):
        model.forecast(series[4], [5.0], ensemble=0)
    with pytest.raises(ParameterError, match="`seed` must be an integer >= 0"):
        model.forecast(series[4], [5.0], seed=-1)


# --- times and growth


def test_forecasts_far_from_the_fitted_times_say_so(model, series, recwarn):
    model.forecast(series[4], [5.0, 12.0])
    model.forecast(series[0], [1.0])
    assert not recwarn.list
    with pytest.warns(
        DataWarning, match=re.escape("runs from t = 0 to 51, beyond the fitted times 0 to 4 by more than 2")
    ):
        model.forecast(series[0], [50.0, 51.0])
    late = flow(wls.SnapshotSeries(series.times + 50, series.positions))
    with pytest.warns(DataWarning, match=r"the start has t = 0, before the fitted times 50 to 54"):
        late.forecast(wls.Population(series.positions[0]), [50.0])


def test_growth_that_a_forecast_does_not_know_is_said(series):
    growing = flow(series, loss=wls.learn.Exact(reach=1.0))
    growing.growth_rates_ = None  # as in files of before
    with pytest.warns(DataWarning, match="keeps the weights of its start"):
        growing.forecast(series[4], [5.0])
    with pytest.raises(ParameterError, match="has no rates of growth; fit again"):
        growing.growth_rate(series.positions[0], 1.0)


# --- paths that documentation shows


def test_tracks_with_velocities_are_fitted():
    series = fish(0.0).with_velocities(3).snapshots()
    assert series.velocities[0] is None
    for rollouts in ("anchored", "multiple-shooting"):
        with pytest.warns(DataWarning, match="left out 1 of 6 marginals, before the first one with velocities"):
            model = flow(series, friction=0.0, rollouts=rollouts)
        assert model.times_.tolist() == [1, 2, 3, 4, 5] and model.data_.units == {"length": "px"}
    both = wls.SnapshotSeries.of_several({1: series, 2: series[1:]})
    with pytest.warns(DataWarning, match="left out 1 of 11"):
        assert flow(both, friction=0.0).data_.population_labels == (1, 2)
    with pytest.warns(DataWarning, match="no velocities: they are estimated by optimal transport"):
        assert flow(series.without_velocities(), friction=0.0).times_.tolist() == [0, 1, 2, 3, 4, 5]


def test_a_learned_start_says_where_it_is_and_its_way_out_is_accepted(series):
    learned = flow(series[:4], friction=0.0, initial_velocities="learn")
    with pytest.raises(ParameterError, match="at the first fitted marginal, t = 0; start there") as caught:
        learned.forecast(series[3], [4.0])
    assert learned.forecast(series[0], [4.0]).n == 20
    assert learned.forecast(series[3].with_velocities(np.zeros((20, 2))), [4.0]).n == 20
    rule = re.search(r"initial_velocities='(transport)'", str(caught.value))[1]
    assert flow(series[:4], friction=0.0, initial_velocities=rule).forecast(series[3], [4.0]).n == 20
