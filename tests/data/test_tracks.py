"""Individuals with gaps: their velocities, and how their identities are forgotten."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlmsim import SnapshotSeries, Tracks
from wlmsim.errors import DataWarning, ParameterError

TIMES = np.cumsum([0.0, 1.0, 0.5, 2.0, 1.0, 1.0, 0.7, 1.3, 0.4, 1.0])


def walks(times=TIMES, n=4, dim=2, lost=0.2, seed=0) -> np.ndarray:
    """Smooth random positions (T, n, d), of which a share is unseen."""
    rng = np.random.default_rng(seed)
    positions = rng.normal(size=(n, dim)) + np.cumsum(rng.normal(size=(len(times), n, dim)), axis=0)
    positions[rng.random((len(times), n)) < lost] = np.nan
    return positions


@pytest.mark.parametrize("degree", [1, 2, 3])
@pytest.mark.parametrize("causal", [True, False])
def test_polynomials_are_differentiated_exactly_however_irregular_the_times_and_gaps(degree, causal):
    rng = np.random.default_rng(degree)
    factors = rng.normal(size=(degree + 1, 6, 2))
    powers = np.vander(TIMES, degree + 1, increasing=True)
    positions = np.einsum("tk,knd->tnd", powers, factors)
    slopes = np.einsum("tk,knd->tnd", np.vander(TIMES, degree, increasing=True) * np.arange(1, degree + 1), factors[1:])
    positions[rng.random((len(TIMES), 6)) < 0.2] = np.nan
    tracks = Tracks(TIMES, positions).with_velocities(5, degree=degree, causal=causal)
    known = ~np.isnan(tracks.velocities[..., 0])
    np.testing.assert_allclose(tracks.velocities[known], slopes[known], rtol=1e-7, atol=1e-7)
    sightings = np.cumsum(tracks.seen, axis=0)
    if causal:
        np.testing.assert_array_equal(known, tracks.seen & (sightings > degree))
    else:  # the window reaches two sightings to either side
        total = sightings[-1]
        within = np.minimum(sightings - 1, 2) + np.minimum(total - sightings, 2) + 1
        np.testing.assert_array_equal(known, tracks.seen & (within > degree))


def test_two_sightings_are_a_backward_difference():
    positions = walks(lost=0.0)
    velocities = Tracks(TIMES, positions).with_velocities(2).velocities
    differences = np.diff(positions, axis=0) / np.diff(TIMES)[:, None, None]
    np.testing.assert_allclose(velocities[1:], differences, rtol=1e-12)
    assert np.isnan(velocities[0]).all()


def test_least_squares_slopes_agree_with_polyfit():
    positions = walks(lost=0.0)
    tracks = Tracks(TIMES, positions)
    causal, centred = tracks.with_velocities(4, degree=2), tracks.with_velocities(5, degree=2, causal=False)
    for k in (4, 6):
        for velocities, frames in ((causal.velocities, slice(k - 3, k + 1)), (centred.velocities, slice(k - 2, k + 3))):
            factors = np.polyfit(TIMES[frames] - TIMES[k], positions[frames].reshape(-1, 8), 2)
            np.testing.assert_allclose(velocities[k].ravel(), factors[1], rtol=1e-9)


@given(now=st.integers(0, 9), seed=st.integers(0, 99), window=st.integers(2, 6))
def test_causal_velocities_do_not_know_the_future(now, seed, window):
    positions = walks(seed=seed)
    changed = positions.copy()
    changed[now + 1 :] = walks(seed=seed + 1)[now + 1 :]
    velocities = [Tracks(TIMES, x).with_velocities(window).velocities for x in (positions, changed)]
    np.testing.assert_array_equal(velocities[0][: now + 1], velocities[1][: now + 1])


def test_centred_velocities_do():
    positions = walks(lost=0.0)
    changed = positions.copy()
    changed[6:] += 1.0
    before, after = (Tracks(TIMES, x).with_velocities(3, causal=False).velocities for x in (positions, changed))
    assert (before[5] != after[5]).all() and np.array_equal(before[:5], after[:5])


def test_positions_far_from_the_origin_lose_nothing():
    positions = walks(lost=0.0)
    near, far = (Tracks(TIMES, positions + shift).with_velocities(3) for shift in (0.0, 2.0**20))
    np.testing.assert_allclose(far.velocities[1:], near.velocities[1:], atol=1e-8)


def test_snapshots_are_those_who_are_seen():
    positions = np.arange(12.0).reshape(3, 4, 1)
    positions[0, 1] = positions[2, :] = np.nan
    series = Tracks([0, 1, 2], positions, metadata={"a": 1}, units={"length": "m"}).snapshots()
    assert series == SnapshotSeries([0, 1], [[[0], [2], [3]], [[4], [5], [6], [7]]])
    assert series.metadata == {"a": 1, "individuals": 4} and series.units == {"length": "m"} and series.dropped == 0


def test_rows_without_velocity_are_left_out_where_others_have_one():
    positions = np.arange(9.0).reshape(3, 3, 1)
    positions[0, 1] = np.nan
    series = Tracks([0, 1, 2], positions).with_velocities(2).snapshots()
    assert series.velocities[0] is None and series.sizes == (2, 2, 3)
    assert series.positions[1].tolist() == [[3], [5]] and series.velocities[1].tolist() == [[3], [3]]
    assert series.metadata["without_velocity"] == 1 and series.metadata["velocity_causal"] is True


def test_trajectory_of_those_who_are_always_seen():
    positions = walks(lost=0.0)
    positions[3, 2, 1] = np.nan
    tracks = Tracks(TIMES, positions, np.ones_like(positions), units={"time": "s"})
    trajectory = tracks.trajectory()
    np.testing.assert_array_equal(trajectory.positions, positions[:, [0, 1, 3]])
    assert trajectory.velocities is not None and trajectory.units == {"time": "s"}
    assert tracks.with_velocities(2).trajectory().velocities is None
    with pytest.raises(ParameterError, match="nobody of the 1 is seen at all 10 times"):
        tracks.select([2]).trajectory()


def test_select_and_repr():
    tracks = Tracks([0, 1], [[[0.0], [np.nan], [2.0]], [[3.0], [4.0], [5.0]]], np.ones((2, 3, 1)))
    assert repr(tracks) == "Tracks(times=2 in 0..1, n=3, dim=1, unseen 16.7%, velocities known)"
    assert np.isnan(tracks.velocities[0, 1]).all() and len(tracks) == 2
    assert tracks.select(slice(1, 3)).positions[1].tolist() == [[4], [5]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], np.zeros((3, 2, 1))), r"`positions` must be an array of shape \(T, n, d\) with T = 2"),
        (([0, 1], np.zeros((2, 2))), r"`positions` must be an array of shape \(T, n, d\)"),
        (([0, 1], np.full((2, 1, 1), np.nan)), "`positions` must show somebody"),
        (([0, 1], np.full((2, 1, 1), np.inf)), "`positions` must be finite, or NaN for unseen"),
        (([0, 1], np.zeros((2, 1, 1)), np.zeros((2, 1, 2))), r"`velocities` must be an array of shape \(2, 1, 1\)"),
        (([1, 1], np.zeros((2, 1, 1))), "`times` must be strictly increasing"),
    ],
)
def test_bad_tracks(arguments, message):
    with pytest.raises(ParameterError, match=message):
        Tracks(*arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 1}, "`window` must be an integer >= 2"),
        ({"window": 2, "degree": 2}, "`window` must be an integer >= 3"),
        ({"degree": 0}, "`degree` must be an integer >= 1"),
        ({"window": 4, "causal": False}, "`window` must be odd"),
    ],
)
def test_bad_windows(options, message):
    with pytest.raises(ParameterError, match=message):
        Tracks(TIMES, walks()).with_velocities(**options)


# --- names, parts and other times


def named() -> Tracks:
    return Tracks(
        TIMES,
        walks(lost=0.0),
        ids=["Ada", "Bo", "Cy", "Di"],
        units={"time": "h"},
        metadata={"first_date": "2021-03-01"},
    )


def test_individuals_by_their_names():
    tracks = named()
    assert tracks["Bo"].ids == ("Bo",) and tracks[["Di", "Ada"]].ids == ("Di", "Ada")
    np.testing.assert_array_equal(tracks["Di"].positions[:, 0], tracks.positions[:, 3])
    kept, held = tracks.hold_out(["Ada", "Cy"])
    assert kept.ids == ("Bo", "Di") and held.ids == ("Ada", "Cy")
    assert tracks[2:4].times.tolist() == TIMES[2:4].tolist() and tracks[-1].time == TIMES[-1]
    with pytest.raises(ParameterError, match=r"`ids` must be among 'Ada', .* got 'Adda' \(did you mean 'Ada'\?\)"):
        tracks["Adda"]
    with pytest.raises(ParameterError, match="`ids` must be all different; 'a' stands twice"):
        Tracks(TIMES, walks(), ids=["a", "b", "a", "c"])
    with pytest.raises(ParameterError, match="`ids` must be 4 names"):
        Tracks(TIMES, walks(), ids=["a"])


def test_times_as_dates():
    tracks = named()
    past, future = tracks.split(at="2021-03-01T03:30")
    assert past.times.tolist() == [0, 1, 1.5, 3.5] and future.times[0] == 4.5 and future.ids == tracks.ids
    assert tracks.at("2021-03-01T01:30").time == 1.5 and tracks.ids_at(1.5) == tracks.ids
    assert tracks.dates[1] == np.datetime64("2021-03-01T01:00")
    series = tracks.snapshots()
    assert series.at(np.datetime64("2021-03-01T01:30")).time == 1.5
    assert [len(part) for part in series.split(at="2021-03-01T03:30")] == [4, 6]
    for wrong in ("2021-03-01T01:31", "yesterday"):
        with pytest.raises(ParameterError, match="`time` must be"):
            tracks.at(wrong)
    with pytest.raises(ParameterError, match=r"the nearest is 2021-03-01T01:30\); got '2021-03-01T01:31'"):
        series.at("2021-03-01T01:31")
    with pytest.raises(ParameterError, match="the data have no dates"):
        Tracks(TIMES, walks()).split(at="2021-03-01")
    with pytest.raises(ParameterError, match="`dates` are not known"):
        _ = Tracks(TIMES, walks()).dates


@pytest.mark.parametrize(("method", "degree"), [("linear", 1), ("spline", 3)])
def test_resampling_is_exact_for_polynomials(method, degree):
    rng = np.random.default_rng(degree)
    factors = rng.normal(size=(degree + 1, 3, 2))
    wanted = np.linspace(0, TIMES[-1], 23)
    positions = np.einsum("tk,knd->tnd", np.vander(TIMES, degree + 1), factors)
    between = np.einsum("tk,knd->tnd", np.vander(wanted, degree + 1), factors)
    positions[4, 0] = np.nan
    dense = Tracks(TIMES, positions).resample(times=wanted, method=method, max_gap=5.0)
    np.testing.assert_allclose(dense.positions, between, atol=1e-9)
    filled = Tracks(TIMES, positions).resample(method=method, max_gap=5.0)
    assert filled.seen.all() and filled.metadata["resampled"] == {"method": method, "max_gap": 5.0}
    short = Tracks(TIMES, positions).resample(method=method, max_gap=1.9)
    assert not short.seen[4, 0] and short.seen[:, 1].all()


def test_gaps_are_left_by_default_where_they_are_unusually_long():
    times = np.array([0.0, 1.0, 2.0, 3.0, 10.0, 11.0])
    tracks = Tracks(times, times[:, None, None])
    assert tracks.resample(every=1.0).seen[:, 0].sum() == 6  # three usual intervals of 1 do not reach over 7
    assert tracks.resample(every=1.0, max_gap=7.0).seen.all()
    with pytest.raises(ParameterError, match="`every` must be shorter than the data"):
        tracks[1:].resample(every=50.0)


@pytest.mark.parametrize("every", ["7 min", "1 min", "20 s"])
def test_the_first_and_the_last_sighting_are_on_the_grid_of_dates(every):
    dates = np.datetime64("2021-03-01T06:04", "s") + np.arange(0, 57, 7) * np.timedelta64(60, "s")
    tracks = Tracks(dates, np.arange(9.0)[:, None, None])
    assert tracks.units == {"time": "day"}
    common = tracks.resample(every)
    assert common.seen.all() and (common.dates[[0, -1]] == dates[[0, -1]]).all()
    np.testing.assert_allclose(common.positions[[0, -1]], tracks.positions[[0, -1]])
    assert common.resample(every) == common


@pytest.mark.parametrize("every", [0.1, 0.05, 0.001])
def test_grids_of_seconds_since_1970(every):
    tracks = Tracks(1.7e9 + 0.1 * np.arange(10), np.arange(10.0)[:, None, None])
    common = tracks.resample(every)
    assert len(common) == round(0.9 / every) + 1 and common.seen.all()
    np.testing.assert_allclose(common.positions[:, 0, 0], np.linspace(0, 9, len(common)), atol=1e-3)


def test_velocities_are_resampled_where_they_are_known():
    tracks = Tracks(TIMES, walks(lost=0.0)).with_velocities(2)
    between = tracks.resample(every=0.25, max_gap=9.0)
    assert np.isnan(between.velocities[0]).all() and not np.isnan(between.velocities[between.times >= 1.0]).any()


def test_a_start_that_few_have_says_a_better_one():
    positions = np.zeros((4, 6, 2)) + np.arange(4.0)[:, None, None]
    positions[3, 2:] = np.nan
    positions[2, 5:] = np.nan
    tracks = Tracks([0.0, 0.5, 1.0, 1.5], positions)
    with pytest.warns(DataWarning, match=r"t = 1.5, has 2 of the 6 .*; t = 0.5 has 6, and tracks\[:2\] ends there"):
        tracks.last()
    assert len(tracks[:2].last()[1]) == 6
    positions[:3, :4] = np.nan
    with pytest.warns(DataWarning, match=r"has 2 of the 6 individuals; resample"):
        Tracks([0.0, 0.5, 1.0, 1.5], positions).last()
