"""Maps: where on the Earth, when, and beside which coast."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.visual._coastline import around, coastline

PLANE = {
    "metadata": {"projection": "+proj=aeqd +lat_0=26 +lon_0=-88", "first_date": "2021-03-01"},
    "units": {"length": "km", "time": "day"},
}


@pytest.fixture
def drifters() -> wls.Tracks:
    rng = np.random.default_rng(0)
    x = np.cumsum(rng.normal(size=(5, 6, 2)) * 40, axis=0)
    x[2, 3] = np.nan
    return wls.Tracks(np.arange(5.0), x, ids=list("abcdef"), **PLANE)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_the_coast_passes_where_it_should():
    lines = coastline()
    points = np.concatenate(lines)
    for place in ((-80.1, 25.8), (-97.2, 27.8), (-5.7, 36.0), (18.4, -34.0)):  # Miami, Texas, Gibraltar, the Cape
        assert np.hypot(*(points - place).T).min() < 0.6
    for line in around(lines, 180.0):
        assert line[:, 0].min() >= 0 and line[:, 0].max() <= 360 and np.abs(np.diff(line[:, 0])).max(initial=0) < 180


def test_axes_are_degrees_and_colours_dates(drifters):
    ax = wls.visual.plot_map(drifters)
    ax.figure.draw_without_rendering()
    (west, east), (south, north) = ax.get_xlim(), ax.get_ylim()
    places = drifters.lonlat[drifters.seen]
    assert west < places[:, 0].min() and east > places[:, 0].max() and south < places[:, 1].min() and north < 30
    assert ax.get_aspect() == pytest.approx(1 / np.cos(np.radians(places[:, 1].mean())))
    assert all(label.get_text().endswith("\N{DEGREE SIGN}W") for label in ax.get_xticklabels())
    bar = ax.figure.axes[1]
    assert bar.get_yticklabels()[0].get_text() == "2021-03-01"


def test_individuals_are_lines_and_snapshots_points(drifters):
    ax = wls.visual.plot_map(drifters, color="individual", coast=False)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list("abcdef")
    assert [len(path.vertices) for path in ax.collections[0].get_paths()] == [5, 5, 5, 4, 5, 5]
    ax = wls.visual.plot_map(drifters.snapshots(), truth=drifters, coast=[[[-88, 26], [-87, 26]]])
    assert [len(points.get_offsets()) for points in ax.collections] == [29, 29] and len(ax.lines) == 1
    ax = wls.visual.plot_map(drifters.snapshots(), color=None, coast=False, max_points=10)
    assert len(ax.collections[0].get_offsets()) == 10


def test_the_truth_is_that_of_the_times_of_the_data(drifters):
    later = drifters[2:4]
    ax = wls.visual.plot_map(later, truth=drifters, color="individual", coast=False)
    assert len(ax.collections[0].get_offsets()) == later.seen.sum() < drifters.seen.sum()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["truth", *"abcdef"]
    assert wls.visual.plot_map(later, coast=False).get_legend() is None
    ax = wls.visual.plot_map(drifters[4:], truth=drifters[:2], color="individual", coast=False)
    assert len(ax.collections[0].get_offsets()) == drifters[:2].seen.sum()


def test_colours_by_place_of_release(drifters):
    path = wls.Trajectory(drifters.times, np.nan_to_num(drifters.positions), **PLANE)
    ax = wls.visual.plot_map(path, color="release", coast=False)
    colors = ax.collections[0].get_edgecolor()
    first = path.lonlat[0]
    axis = int(np.ptp(first[:, 1]) > np.ptp(first[:, 0]) * np.cos(np.radians(26)))
    assert "of release" in ax.figure.axes[1].get_ylabel()
    order = np.argsort(first[:, axis])
    assert (np.diff(colors[order][:, 1]) >= 0).all()  # of this scale green grows


def test_across_the_date_line():
    about = {"metadata": {"projection": "+proj=aeqd +lat_0=0 +lon_0=180"}, "units": {"length": "km"}}
    tracks = wls.Tracks([0.0, 1.0], [[[-200.0, 0.0]], [[200.0, 0.0]]], **about)
    ax = wls.visual.plot_map(tracks)
    west, east = ax.get_xlim()
    assert east - west < 5
    ax.figure.draw_without_rendering()
    assert {label.get_text()[-1] for label in ax.get_xticklabels()} >= {"E", "W"}


def test_what_has_no_map(drifters):
    with pytest.raises(ParameterError, match="`lonlat` is not known"):
        wls.visual.plot_map(wls.Tracks(drifters.times, drifters.positions))
    with pytest.raises(ParameterError, match="`color` must not be 'release' for snapshots"):
        wls.visual.plot_map(drifters.snapshots(), color="release")
    with pytest.raises(ParameterError, match="`color` must be one of 'time', 'release'"):
        wls.visual.plot_map(drifters, color="speed")


def test_clocks_of_films_show_dates(drifters):
    from wlmsim.visual._drawing import prepare

    assert prepare(drifters).time_text(2.0) == "2021-03-03"
    hours = wls.Trajectory([0.0, 0.5], np.zeros((2, 1, 2)), **PLANE)
    assert prepare(hours).time_text(0.5) == "2021-03-01 12:00"
    assert prepare(wls.Trajectory([0.0, 0.5], np.zeros((2, 1, 2)))).time_text(0.5) == "t = 0.5"


def test_every_individual_has_a_colour_of_its_own(drifters):
    from wlmsim.visual._coloring import individual_colors

    for count in (3, 10, 11, 40):
        assert len(set(individual_colors(count))) == count


def test_places_of_release_beyond_the_date_line_are_written_as_degrees():
    about = {"metadata": {"projection": "+proj=aeqd +lat_0=0 +lon_0=180"}, "units": {"length": "km"}}
    paths = wls.Trajectory([0.0, 1.0], [[[-200.0, 0.0], [200.0, 0.0]], [[-190.0, 5.0], [210.0, 5.0]]], **about)
    ax = wls.visual.plot_map(paths, color="release", coast=False)
    bar = ax.figure.axes[1]
    ax.figure.canvas.draw()
    texts = {label.get_text()[-1] for label in bar.get_yticklabels() if label.get_text()}
    assert texts <= {"E", "W", "\N{DEGREE SIGN}"} and {"E", "W"} <= texts
