"""Pictures of data far from the origin and of clocks far from zero: everything that differs is seen to differ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim.visual import _box, _drawing, _mechanics, pages
from wlmsim.visual.plots._style import time_text

GRID = np.stack(np.meshgrid(np.arange(12.0), np.arange(12.0)), -1).reshape(-1, 2)
PLACES = {"here": 0.0, "utm": np.array([5e5, 5e6]), "5e8": 5e8, "1e12": 1e12, "one axis": np.array([0.0, 7e7])}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [0.3, 1.0, 1e3])
def test_rows_of_a_grid_are_told_apart_at_any_offset(place, size):
    x = size * GRID + PLACES[place]
    drawing = _drawing.prepare(wls.Population(x))
    points = drawing.main.points[0]
    for k in (0, 1):
        if np.ptp(x[:, k]) < 11.9 * size * (1 - 1e-3) and len(np.unique(x[:, k])) < 12:
            continue  # the numbers themselves do not tell them apart
        assert len(np.unique(points[:, k])) == 12
        assert np.allclose(points[:, k] + drawing.origin[k], x[:, k], rtol=0, atol=1e-4 * size)
        ticks = _box.labels(_box.round_values(*drawing.value_limits[:, k]))
        assert len(set(ticks)) == len(ticks) >= 3
        low, high = drawing.value_limits[:, k]
        assert low < x[:, k].min() and x[:, k].max() < high
    assert place != "here" or not drawing.origin.any()


@given(offset=st.floats(-1e10, 1e10), span=st.floats(1e-3, 1e5))
def test_ticks_differ(offset, span):
    values = _box.round_values(offset, offset + span)
    texts = _box.labels(values)
    assert len(set(texts)) == len(texts)
    assert np.allclose([float(text.replace("\u2212", "-")) for text in texts], values, rtol=0, atol=1e-3 * span)


@pytest.mark.parametrize("offset, step", [(1.7e9, 1.0), (1.7e9, 60.0), (1.7e9, 1 / 30), (0.0, 1e-9), (1e12, 1.0)])
def test_the_clock_and_its_colours_run(offset, step):
    path = wls.Trajectory(offset + step * np.arange(4), np.stack([GRID + k for k in range(4)]))
    drawing = _drawing.prepare(path, color="time")
    assert len({drawing.time_text(time) for time in path.times}) == 4
    low, high = drawing.coloring.limits
    assert low == path.times[0] and high == path.times[-1]
    titles = {time_text(time, {}, path.times) for time in path.times}
    assert len(titles) == 4
    colors = [pages._short(pages._values(drawing.main, k)) for k in range(4)]
    assert len({color[0] for color in colors}) == 4 or len({color.dtype for color in colors}) == 1


def test_a_page_shows_where_the_data_are():
    x = 0.3 * GRID + PLACES["utm"]
    drawing = _drawing.prepare(wls.Population(x))
    shown = pages._coordinates(drawing, drawing.main.points[0])
    assert np.allclose(np.column_stack([shown["x"], shown["y"]]), x, rtol=0, atol=1e-5)


def test_a_potential_surface_stands_at_its_place():
    offset = np.array([5e5, 5e6])

    def surface(place):
        a, b = place.tolist()
        bowl = wls.External(lambda x, xp: 0.5 * ((x[..., 0] - a) ** 2 + (x[..., 1] - b) ** 2))
        law = wls.Lagrangian(bowl)
        cloud = wls.Population.gaussian(n=50, seed=0).at_rest()
        moved = wls.Population(cloud.positions + place, cloud.velocities)
        drawing = _drawing.prepare(moved, lagrangian=law, potential=True)
        return drawing, drawing.heights(drawing.plane, drawing.main, 0)

    (here, low), (there, far) = surface(np.zeros(2)), surface(offset)
    assert np.allclose(low, far, rtol=1e-3, atol=1e-3)
    assert np.allclose(there.main.points[0][:, 2], here.main.points[0][:, 2], rtol=1e-3, atol=1e-3)
    assert np.allclose(here.value_limits[:, 2], there.value_limits[:, 2], rtol=1e-3)
    assert (
        _mechanics.potential(there.mechanics, there.plane + there.origin[:2], there.main.frames.population(0)).min()
        >= 0
    )


def crossing():
    """A particle that goes round a periodic box of side 1, and another that stays."""
    x = np.stack([np.arange(8.0) / 4 + 0.1, np.full(8, 0.5)], axis=1)
    still = np.full((8, 2), 0.3)
    path = wls.Trajectory(
        np.arange(8.0), np.stack([x, still], 1), np.stack([np.full((8, 2), (0.25, 0.0)), 0 * still], 1)
    )
    return path.wrapped(1.0)


def test_frames_between_wrapped_ones_do_not_fly_across_the_box():
    drawing = _drawing.prepare(crossing(), smooth=3)
    xs = np.array([points[0, 0] for points in drawing.main.points])
    steps = np.diff(xs)
    np.testing.assert_allclose(steps - np.round(steps), 0.0625, atol=1e-6)
    speeds = [np.linalg.norm(v, axis=1)[0] for v in drawing.main.frames.velocities]
    np.testing.assert_allclose(speeds, 0.25)


def test_trails_of_wrapped_paths_do_not_cross_the_box():
    plotter = wls.visual.scene(crossing(), trail=5, off_screen=True)
    meshes = [mesh for mesh in plotter.meshes if getattr(mesh, "n_lines", 0) == 2]
    line = next(mesh for mesh in meshes if len(mesh.points) == 12)
    path = np.asarray(line.points)[:6, 0]
    np.testing.assert_allclose(np.diff(path), 0.25, atol=1e-6)
    plotter.close()


def test_bars_of_time_have_dates_where_clocks_have():
    dated = wls.Trajectory(
        np.arange(5.0), np.zeros((5, 1, 2)), metadata={"first_date": "2021-03-01"}, units={"time": "d"}
    )
    drawing = _drawing.prepare(dated, color="time", trail=2)
    assert drawing.dates_of_colors == [(0.0, "2021-03-01"), (2.0, "2021-03-03"), (4.0, "2021-03-05")]
    assert _drawing.prepare(dated, color=None).dates_of_colors == []
