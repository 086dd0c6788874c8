"""Times in words."""

from __future__ import annotations

import pytest

import wlmsim as wls
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.io.word_times import read_words


@pytest.mark.parametrize(
    ("words", "values", "unit"),
    [
        (["day 0", "day 3", "day 10"], [0, 3, 10], "day"),
        (["D0", "d3.5"], [0, 3.5], "day"),
        (["E7.5", "E8.25"], [7.5, 8.25], "day"),
        (["24hpf", "48 hpf"], [24, 48], "h"),
        (["day-2", "day-4"], [2, 4], "day"),
        (["t_1", "t_2"], [1, 2], None),
        (["week 1", "week 2"], [1, 2], "week"),
    ],
)
def test_numbers_in_words(words, values, unit):
    found = read_words(words)
    assert found is not None and list(found.values.values()) == values and found.unit == unit


@pytest.mark.parametrize(
    "words",
    [
        ["E18.5", "P0"],  # before and after birth
        ["day 1", "hour 2"],
        ["early", "late"],
        ["day 0-3", "day 6-9"],
        ["day -1", "day 1"],  # before the start, or not
        ["1st day", "2nd day"],
        ["day 1", None],
        ["d1", "D1"],  # two words for one time
    ],
)
def test_words_that_are_not_read(words):
    assert read_words(words) is None


def test_windows_are_refused_with_their_middles():
    columns = {"day": ["day 0-3", "day 6-9"], "x": [0.0, 1.0]}
    with pytest.raises(
        ParameterError, match=r"time_values=.* such as the middles .*\{'day 0-3': 1.5, 'day 6-9': 7.5\}"
    ):
        wls.io.series_from_columns(columns, "it", time="day")


def test_numbers_in_words_are_said():
    with pytest.warns(DataWarning, match="'day 0' as 0, 'day 3' as 3, in days; `time_values` may say otherwise"):
        series = wls.io.series_from_columns({"day": ["day 0", "day 3"], "x": [0.0, 1.0]}, "it", time="day")
    assert series.times.tolist() == [0, 3] and series.units == {"time": "day"}
