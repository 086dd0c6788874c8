"""Where steps begin and end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlmsim.integrators.time_grid import RecordedGrid, TimeGrid

starts = st.one_of(st.just(0.0), st.floats(-10, 10), st.floats(1.6e9, 1.7e9))
spans = st.floats(1e-3, 50.0)
steps = st.floats(1e-3, 100.0)


@given(start=starts, span=spans, dt=steps)
def test_steps_follow_each_other_and_fill_the_time(start, span, dt):
    grid = TimeGrid(start, start + span, dt)
    ends = [grid.time(k) for k in range(min(grid.steps, 50) + 1)]
    lengths = [grid.length(k) for k in range(len(ends) - 1)]
    rounding = 1e-9 * dt + 1e-15 * abs(start + span)
    np.testing.assert_allclose(np.diff(ends), lengths, rtol=0, atol=2 * rounding)
    assert grid.time(0) == start and grid.time(grid.steps) == start + span
    assert max(lengths) <= dt and min(lengths) > 0
    assert grid.steps <= max(1, np.ceil(span / dt))


@given(start=starts, span=spans, dt=steps, share=st.floats(0, 1))
def test_a_time_has_its_place(start, span, dt, share):
    grid = TimeGrid(start, start + span, dt)
    time = min(start + share * span, start + span)
    step, part = grid.place(time)
    assert 0 <= step <= grid.steps
    assert grid.time(step) + part == pytest.approx(time, rel=1e-15, abs=2e-9 * dt + 1e-6 * (start > 1e9))
    assert part == 0 or 0 < part < grid.length(step) * (1 + 1e-9) + 1e-6 * (start > 1e9)


@given(start=starts, dt=steps, counts=st.lists(st.integers(0, 10_000), min_size=1, max_size=10, unique=True))
def test_multiples_of_the_step_are_on_the_grid(start, dt, counts):
    """However they are rounded: as sums, or as multiples."""
    counts = sorted(counts)
    grid = TimeGrid(start, start + counts[-1] * dt, dt)
    assert grid.steps == counts[-1]
    for count in counts:
        assert grid.place(start + count * dt) == (count, 0.0)


def test_alike_steps_end_before_the_one_cut_short():
    grid = TimeGrid(1.0, 2.1, 0.25)
    assert grid.steps == 5 and grid.length(4) == pytest.approx(0.1)
    assert grid.alike(0, 5) == (1.0, 0, 4) and grid.alike(1, 3) == (1.0, 1, 2)
    assert grid.alike(4, 5) == (2.0, 0, 1)
    assert TimeGrid(1.0, 2.0, 0.25).alike(2, 4) == (1.0, 2, 2)


def test_nothing_to_do():
    assert TimeGrid(1.0, 1.0, 0.25).steps == 0 and TimeGrid(1.0, 1.0, 0.25).place(1.0) == (0, 0.0)


@pytest.mark.parametrize("start", [0.0, 0.5])
def test_recorded_times_are_the_grid_where_no_step_is_given(start):
    times = np.array([0.5, 0.75, 2.0])
    grid = RecordedGrid(start, times)
    assert grid.steps == 3 - (start == 0.5)
    assert [grid.place(time) for time in times] == [(k + grid.steps - 2, 0.0) for k in range(3)]
    assert sum(grid.length(k) for k in range(grid.steps)) == 2.0 - start
    assert grid.alike(1, 2) == (grid.time(1), 0, 1)
