"""Times are compared relative to the spacing of the series, and written so that they differ."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim import _times
from wlmsim.errors import ParameterError
from wlmsim.evaluation import neighbours

CLOCKS = {
    "seconds": (0.0, 1.0),
    "epoch seconds": (1.7e9, 1.0),
    "30 Hz since 1970": (1.7e9, 1 / 30),
    "epoch nanoseconds": (1.7e18, 1e9),
    "nanoseconds": (0.0, 1e-9),
    "picoseconds": (5e-12, 1e-12),
    "far": (1e12, 1.0),
    "at the last digit": (1e12, 2.0**-13),
    "of 1972": (-3e9, 60.0),
}
"""Offsets and spacings of clocks."""


@pytest.fixture(params=CLOCKS, ids=list(CLOCKS))
def series(request):
    offset, step = CLOCKS[request.param]
    times = offset + step * np.arange(7.0)
    return wls.SnapshotSeries(times, [np.full((3, 2), float(k)) for k in range(7)])


def test_every_marginal_is_found_and_nothing_between_them(series):
    for k, time in enumerate(series.times):
        assert series.at(time).positions[0, 0] == k
    for left, right in zip(series.times[:-1], series.times[1:], strict=True):
        between = left + 0.4 * (right - left)
        if left < between < right:
            with pytest.raises(ParameterError, match="`time` must be an observed time"):
                series.at(between)


def test_a_split_leaks_no_marginal(series):
    for k, time in enumerate(series.times[:-1]):
        past, future = series.split(at=time)
        assert np.array_equal(past.times, series.times[: k + 1]) and np.array_equal(future.times, series.times[k + 1 :])
        before, after = neighbours(series, time)
        assert before.time == time and after.time == series.times[k + 1]


def test_a_window_in_a_file_holds_what_was_asked_for(series, tmp_path):
    series.save(tmp_path / "a.h5")
    part = wls.SnapshotSeries.load(tmp_path / "a.h5", start=series.times[2], stop=series.times[4])
    assert np.array_equal(part.times, series.times[2:5])


def test_a_trajectory_returns_the_frame_of_its_time(series):
    path = wls.Trajectory(series.times, np.stack(series.positions))
    assert [path.at(time).positions[0, 0] for time in path.times] == list(range(7))


def test_fitted_times_are_told_from_others(series):
    assert _times.among(series.times, series.times[::2]).tolist() == [True, False] * 3 + [True]
    assert not _times.among(series.times[1::2], series.times[::2]).any()


def test_written_times_differ_and_may_be_typed_in(series):
    written = [_times.text(time, series.times) for time in series.times]
    assert len(set(written)) == 7
    assert [series.at(float(time)).positions[0, 0] for time in written] == list(range(7))


def test_messages_show_two_times_that_differ():
    with pytest.raises(ParameterError, match="got 1700000001 followed by 1700000000 at index 1"):
        wls.SnapshotSeries([1.7e9 + 1, 1.7e9], [np.zeros((2, 2))] * 2)
    epoch = wls.SnapshotSeries(1.7e9 + np.arange(6.0), [np.zeros((2, 2))] * 6)
    assert "times=6 in 1700000000..1700000005" in repr(epoch)
    with pytest.raises(ParameterError, match=r"nearest is 1700000001\); got 1700000001\.4"):
        epoch.at(1700000001.4)


def test_what_an_error_suggests_is_accepted():
    thirds = wls.SnapshotSeries(np.arange(20) / 72, [np.zeros((2, 2))] * 20)
    with pytest.raises(ParameterError, match=r"the nearest is 0\.0694444") as caught:
        thirds.at(0.07)
    suggestion = str(caught.value).split("nearest is ")[1].split(")")[0]
    assert thirds.at(float(suggestion)) == thirds[5]
    alone = wls.SnapshotSeries([1 / 3], [np.zeros((2, 2))])
    with pytest.raises(ParameterError, match=r"0\.333333333333") as caught:
        alone.at(0.3333)
    assert alone.at(float(str(caught.value).split("nearest is ")[1].split(")")[0])) == alone[0]


@given(
    offset=st.floats(-1e13, 1e13),
    step=st.floats(1e-13, 1e7),
    gaps=st.lists(st.integers(1, 50), min_size=1, max_size=12),
    share=st.floats(0.01, 0.99),
)
def test_times_of_any_clock(offset, step, gaps, share):
    times = offset + step * np.cumsum([0, *gaps])
    if (np.diff(times) <= 0).any():
        return  # a clock that its own numbers cannot count
    written = [float(_times.text(time, times)) for time in times]
    for k, time in enumerate(times):
        assert _times.position(times, time) == k == _times.position(times, written[k])
        assert _times.up_to(times, time).sum() == k + 1 == _times.up_to(times, written[k]).sum()
        if k and (between := times[k - 1] + share * (time - times[k - 1])) not in times:
            assert _times.up_to(times, between).sum() == k
            far = min(between - times[k - 1], time - between) > 0.26 * (time - times[k - 1])
            assert not far or _times.position(times, between) is None
    assert _times.among(times, times).all()
    if len(times) > 2:
        assert _times.among(times, times[1:]).tolist() == [False] + [True] * (len(times) - 1)


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=20))
def test_a_column_of_times_keeps_what_is_apart(column):
    times = np.array(column)
    values, which = _times.distinct(times)
    assert (np.diff(values) > 0).all() and len(which) == len(times)
    assert np.allclose(values[which], times, rtol=1e-14, atol=0)


def test_rows_whose_times_differ_by_rounding_are_of_one_marginal():
    columns = {"time": [0.3, 0.1 * 3, 0.6, 0.9 - 0.3], "x": [1.0, 2.0, 3.0, 4.0]}
    series = wls.io.series_from_columns(columns, "a table")
    assert series.sizes == (2, 2)
    close = {"time": np.repeat(1e12 + 2.0**-13 * np.arange(4), 2), "x": np.arange(8.0)}
    assert wls.io.series_from_columns(close, "a table").sizes == (2, 2, 2, 2)


def test_a_split_is_at_a_time_but_for_rounding():
    series = wls.SnapshotSeries([0.1 * k for k in range(6)], [np.zeros((2, 2))] * 6)
    assert len(series.split(at=0.3)[0]) == 4 and len(series.split(at=0.29999)[0]) == 3


def test_populations_with_rounded_times_share_their_marginals():
    first = wls.SnapshotSeries([0.3, 0.6], [np.zeros((2, 2))] * 2)
    second = wls.SnapshotSeries([0.1 * 3, 0.9], [np.ones((3, 2))] * 2)
    both = wls.SnapshotSeries.of_several({1: first, 2: second})
    assert both.times.tolist() == [0.3, 0.6, 0.9] and both.sizes == (5, 2, 3)


def test_a_simulation_starts_at_a_time_typed_with_few_digits():
    start = wls.Population([[1.0]], [[0.0]], time=5 / 72)
    well = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    path = wls.simulate(well, start, [0.0694444, 0.1])
    assert path.times[0] == start.time and np.array_equal(path.positions[0], start.positions)
    with pytest.raises(ParameterError, match=r"time 0\.06944444; got 0\.069"):
        wls.simulate(well, start, [0.069, 0.1])


def test_tables_of_scores_tell_epoch_times_apart():
    times = 1.7e9 + np.arange(3.0)
    scores = wls.evaluation.Scores(times, times - 1, {"WLM": np.ones(3), "persistence": np.ones(3)})
    assert all(f"{time:.0f}" in str(scores) for time in times)


@pytest.mark.parametrize("offset, step", CLOCKS.values(), ids=list(CLOCKS))
def test_estimated_velocities_are_in_the_unit_of_any_clock(offset, step):
    cloud = np.random.default_rng(0).standard_normal((20, 2))
    times = offset + step * np.arange(3.0)
    drifting = wls.SnapshotSeries(times, [cloud + 0.01 * k for k in range(3)])
    velocities = wls.learn.transport_velocities(drifting)[1].velocities
    assert np.allclose(velocities * (times[2] - times[0]), 0.02, rtol=1e-6)
    assert math.isfinite(velocities.sum())


@pytest.mark.parametrize("friction", [math.inf, "learn"])
@pytest.mark.parametrize("offset", [1.7e9, 1e12])
def test_a_fit_does_not_depend_on_where_the_clock_begins(friction, offset):
    rng = np.random.default_rng(0)
    clouds = [rng.normal(size=(10, 2)) + np.array([k, 0.0]) for k in range(4)]
    options = {"optimiser": wls.learn.AdamW(steps=10), "members": 1, "progress": False, "friction": friction}
    forecasts = []
    for begin in (0.0, offset):
        series = wls.SnapshotSeries(begin + np.arange(4.0), clouds, [np.ones((10, 2))] * 4)
        forecasts.append(wls.learn.WLM(**options).fit(series).forecast(series[3], begin + np.array([4.0, 5.0])))
    assert np.allclose(forecasts[0].positions, forecasts[1].positions, rtol=0, atol=1e-6)
