"""From tracks with dates and places to forecasts that have them too, and to scores of each individual."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.evaluation import IndividualScores, score_individuals

ABOUT = {
    "metadata": {"first_date": "2021-03-01", "projection": "+proj=aeqd +lat_0=52 +lon_0=5 +datum=WGS84"},
    "units": {"length": "m", "time": "h"},
}


@pytest.fixture(scope="module")
def herd() -> wls.Tracks:
    """Walkers on a slope, who all drift the same way; one of them is lost for an hour."""
    rng = np.random.default_rng(0)
    times = np.arange(7.0)
    x = rng.normal(size=(12, 2)) * 100 + np.array([50.0, -20.0]) * times[:, None, None] ** 1.2
    x[3, 4] = np.nan
    return wls.Tracks(times, x, ids=[f"cow {k}" for k in range(12)], **ABOUT)


@pytest.fixture(scope="module")
def model(herd: wls.Tracks) -> wls.learn.WLM:
    with pytest.warns(DataWarning, match="slopes over the last three sightings"):
        return quick(steps=20).fit(herd.split(at="2021-03-01T04:00")[0])


def test_forecasts_have_names_dates_and_places(herd, model, tmp_path):
    past, _ = herd.with_velocities().split(at="2021-03-01T04:00")
    path = model.forecast(past, ["2021-03-01T05:00", "2021-03-01T06:30"])
    assert path.ids == herd.ids and path.times.tolist() == [5, 6.5]
    assert path.dates[1] == np.datetime64("2021-03-01T06:30")
    np.testing.assert_allclose(path.lonlat[0, 0], [5.0, 52.0], atol=0.02)
    again = wls.learn.WLM.load(model.save(tmp_path / "a.model"))
    assert again.located_ == model.located_ == ABOUT["metadata"]
    assert again.forecast(past, np.array(["2021-03-01T05:00"], "M8[m]")).times.tolist() == [5]
    between = model.interpolate(["2021-03-01T02:30"])
    assert between.dates[0] == np.datetime64("2021-03-01T02:30") and between.lonlat[0].shape == (12, 2)
    with pytest.raises(ParameterError, match="`times` must be a finite number, or a date"):
        model.forecast(past, ["soon"])


def test_scores_of_the_cloud_and_of_each_individual(herd, model):
    tracks = herd.with_velocities()
    past, future = tracks.split(at=4.0)
    scores = model.evaluate(future, start=past)
    assert scores.protocol == "forecast" and {"persistence", "ballistic"} <= set(scores.w1)
    each = scores.by_individual
    assert isinstance(each, IndividualScores) and each.ids == herd.ids and each.length_unit == "m"
    assert list(each.distances) == [scores.model, "persistence", "ballistic"]
    moved = np.linalg.norm(future.positions - past.positions[-1], axis=2)
    np.testing.assert_allclose(each.distances["persistence"], moved)
    straight = past.positions[-1] + (future.times - 4.0)[:, None, None] * past.velocities[-1]
    np.testing.assert_allclose(each.distances["ballistic"], np.linalg.norm(straight - future.positions, axis=2))
    assert "cow 11" in str(each) and each.to_dict()["ids"][0] == "cow 0"
    strangers = wls.Tracks(future.times, future.positions, future.velocities, ids=list("abcdefghijkl"), **ABOUT)
    assert model.evaluate(strangers, start=past).by_individual is None  # the cloud is scored all the same
    assert scores.to_dict()["by_individual"]["mean_distance"]["persistence"][0] == pytest.approx(moved[:, 0].mean())


def test_the_lost_have_no_score_and_strangers_are_refused(herd):
    guess = wls.Trajectory(herd.times[1:], np.nan_to_num(herd.positions[1:]), ids=herd.ids)
    each = score_individuals(guess, herd)
    assert np.isnan(each.distances["model"][2, 4]) and each.mean["model"].max() == 0
    with pytest.raises(ParameterError, match="`forecast` must have names"):
        score_individuals(wls.Trajectory(guess.times, guess.positions), herd)
    with pytest.raises(ParameterError, match="`truth` must share an individual"):
        score_individuals(wls.Trajectory(guess.times, guess.positions, ids=range(12)), herd)


def test_another_plane_or_another_first_date_is_refused(herd, model):
    for key, value in (("projection", "EPSG:32631"), ("first_date", "2021-04-01")):
        other = wls.Tracks(herd.times, herd.positions, metadata={**ABOUT["metadata"], key: value}, units=ABOUT["units"])
        with pytest.raises(ParameterError, match=r"`observed` must have .*, as the fit has"):
            model.evaluate(other.snapshots())


def test_a_start_of_few(herd, model):
    alone = wls.Tracks(herd.times, herd.positions.copy(), **ABOUT)
    alone.positions[-1, 3:] = np.nan
    alone = wls.Tracks(herd.times, alone.positions, ids=herd.ids, **ABOUT).with_velocities()
    with pytest.warns(DataWarning, match="has 3 of the 12 individuals"):
        assert model.forecast(alone, [7.0]).ids == herd.ids[:3]


def test_a_study_of_tracks(herd):
    past, future = herd.with_velocities().split(at=5.0)
    found = wls.learn.study(past, budget=4.0, candidates={"any": quick(steps=5)}, progress=False)
    clouds = found.forecast(["2021-03-01T06:00"], start=past)
    assert clouds.dates[0] == np.datetime64("2021-03-01T06:00") and len(found.score(future).times) == 1
