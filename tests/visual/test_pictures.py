"""Films, scenes and plots: files hold what they should, pictures show the points, errors say what to do."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import DataWarning, ParameterError, WlmsimError
from wlmsim.evaluation import Scores
from wlmsim.visual import _drawing, _encoders, _field_layers, _frames, _mechanics, _offscreen, films, pages, scenes
from wlmsim.visual._look import INK

matplotlib.use("Agg")

SMALL = {"window_size": (200, 160), "progress": False}


def orbit(n=30, dim=2, frames=5, seed=0, velocities=True, **about):
    """Ellipses about the origin, each at its own phase."""
    rng = np.random.default_rng(seed)
    times = np.linspace(0.0, 2.0, frames)
    a, b = rng.normal(size=(2, n, dim))
    c, s = np.cos(times)[:, None, None], np.sin(times)[:, None, None]
    return wls.Trajectory(times, a * c + b * s, b * c - a * s if velocities else None, **about)


def read(path):
    import imageio.v3 as iio

    return np.asarray(iio.imread(path))[..., :3].astype(int)


def inside(picture):
    """The part of a 200 x 160 view that shows the box and no text."""
    return picture[18:95, 30:180]


def colored(picture):
    """Pixels that are neither white nor grey."""
    return np.ptp(picture, axis=-1) > 40


def drawn(data, **options):
    """A picture of a scene."""
    with closing(wls.visual.scene(data, window_size=(200, 160), **options)) as plotter:
        return np.asarray(plotter.screenshot(None, return_img=True)).astype(int)


# Importing


def test_import_loads_no_graphics():
    code = (
        "import sys, wlmsim.visual, wlmsim.visual as v; dir(v); "
        "print([m for m in ('pyvista', 'vtkmodules', 'matplotlib', 'PIL') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_functions_are_not_hidden_by_modules():
    assert all(callable(getattr(wls.visual, name)) for name in wls.visual.__all__)
    assert set(wls.visual.__all__) >= {"explore", "film", "scene", "snapshot", "plot_scores", "plot_snapshots"}


def test_film_without_display(tmp_path):
    """A clean environment: no display, and VTK says nothing about it."""
    code = (
        "import sys, numpy as np, wlmsim as wls\n"
        "x = np.random.default_rng(0).normal(size=(2, 5, 2))\n"
        "wls.visual.film(wls.Trajectory([0, 1], x), sys.argv[1], window_size=(100, 100), progress=False)"
    )
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["PYTHONPATH"] = str(Path(wls.__file__).parents[1])
    target = tmp_path / "film.gif"
    result = subprocess.run(
        [sys.executable, "-c", code, str(target)], capture_output=True, text=True, check=False, env=environment
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert len(read(target)) == 2


# Films


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_film_shows_moving_points(tmp_path, suffix, dim):
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    path = wls.visual.film(orbit(dim=dim), tmp_path / f"film{suffix}", **SMALL)
    frames = read(path)
    assert frames.shape == (5, 160, 200, 3)
    assert (frames[:, 0, 0] >= 250).all()
    for first, second in pairwise(frames):
        assert colored(inside(first)).sum() > 30
        assert (np.abs(inside(first) - inside(second)) > 60).any()


def test_film_returns_the_path_and_leaves_nothing_else(tmp_path):
    path = wls.visual.film(orbit(), str(tmp_path / "film.gif"), **SMALL)
    assert path == tmp_path / "film.gif"
    assert list(tmp_path.iterdir()) == [path]


def test_background_of_a_gif_is_white(tmp_path):
    frames = read(wls.visual.film(orbit(dim=3), tmp_path / "film.gif", **SMALL))
    assert (frames[:, :10, :60] == 255).all()


def test_palette_keeps_white_and_rare_colors():
    """Many shades of near-white must cost neither white itself nor a few bright pixels."""
    picture = np.random.default_rng(0).integers(200, 255, size=(200, 200, 3), dtype=np.uint8)
    picture[0, 0], picture[5, 0], picture[5, 1], picture[5, 2] = 250, 255, (250, 190, 30), (10, 10, 130)
    palette = _encoders._palette([picture])
    colors = np.array(palette.getpalette()).reshape(-1, 3)
    assert len(colors) <= 255
    for wanted, tolerance in [((255, 255, 255), 0), ((250, 190, 30), 4), ((10, 10, 130), 4)]:
        assert np.abs(colors - wanted).max(axis=1).min() <= tolerance


def test_white_stays_white_beside_shades_of_it():
    """Pillow compares colours without their last bits: a film of one orbit was on lilac."""
    from PIL import Image

    picture = np.full((40, 40, 3), 255, np.uint8)
    picture[0, :4] = [(251, 247, 252), (252, 250, 253), (253, 252, 250), (249, 252, 254)]
    palette = _encoders._palette([picture])
    drawn = Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
    assert (np.asarray(drawn)[20] == 255).all()


@pytest.mark.parametrize("same", [True, False])
def test_truth_beside_the_forecast(tmp_path, same):
    """Both sides share camera and colours: equal clouds give equal pictures, others do not."""
    data = orbit()
    truth = data if same else orbit(seed=1)
    frames = read(wls.visual.film(data, tmp_path / "film.gif", truth=truth, **SMALL))
    assert frames.shape == (5, 160, 400, 3)
    left, right = inside(frames[2][:, :200]), inside(frames[2][:, 200:])
    assert (np.abs(left - right).max() <= 8) == same


def test_truth_is_shown_at_the_nearest_time():
    data = orbit(frames=5)
    drawing = _drawing.prepare(data, orbit(frames=3).snapshots())
    assert [drawing.truth.nearest(t) for t in data.times + 0.01] == [0, 1, 1, 2, 2]


def test_clouds_may_change_size(tmp_path):
    rng = np.random.default_rng(0)
    series = wls.SnapshotSeries([0.0, 1.0, 3.0], [rng.normal(size=(n, 2)) for n in (5, 200, 20)])
    frames = read(wls.visual.film(series, tmp_path / "film.gif", color=None, **SMALL))
    few, many, some = (colored(inside(frame)).sum() for frame in frames)
    assert 0 < few < some < many


def test_a_film_of_one_frame(tmp_path):
    one = wls.Trajectory([1.0], [[[0.0, 0.0]]])
    assert wls.visual.film(one, tmp_path / "film.gif", trail=3, smooth=2, **SMALL).stat().st_size > 0


def test_fps_of_a_gif(tmp_path):
    from PIL import Image

    path = wls.visual.film(orbit(), tmp_path / "film.gif", fps=10, **SMALL)
    with Image.open(path) as image:
        assert image.info["duration"] == 100
        assert image.info["loop"] == 0


def test_fps_of_an_mp4(tmp_path):
    reader = pytest.importorskip("imageio_ffmpeg")
    path = wls.visual.film(orbit(), tmp_path / "film.mp4", fps=10, **SMALL)
    assert next(reader.read_frames(str(path)))["fps"] == 10


def test_odd_window_sizes_are_made_even(tmp_path):
    path = wls.visual.film(orbit(frames=2), tmp_path / "film.gif", window_size=(101, 91), progress=False)
    assert read(path).shape[1:3] == (90, 100)


def test_progress_goes_to_stderr(tmp_path, capsys):
    wls.visual.film(orbit(frames=2), tmp_path / "film.gif", window_size=(100, 100))
    out, err = capsys.readouterr()
    assert out == "" and "film.gif" in err
    wls.visual.film(orbit(frames=2), tmp_path / "film.gif", window_size=(100, 100), progress=False)
    assert capsys.readouterr().err == ""


def test_failure_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "film.gif"
    target.write_text("old")
    calls = []

    def fail(picture):
        calls.append(picture)
        if len(calls) > 4:
            raise RuntimeError("no more")
        return np.asarray(picture)[::2, ::2]

    monkeypatch.setattr(films, "reduced", fail)
    with pytest.raises(RuntimeError, match="no more"):
        wls.visual.film(orbit(), target, **SMALL)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_failure_of_an_mp4_leaves_no_file(tmp_path, monkeypatch):
    pytest.importorskip("imageio_ffmpeg")
    pictures = iter([np.zeros((160, 200, 3), dtype=np.uint8)])
    monkeypatch.setattr(films, "reduced", lambda picture: next(pictures))
    with pytest.raises(RuntimeError):  # a generator that runs out inside a generator
        wls.visual.film(orbit(), tmp_path / "film.mp4", **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_plotters_are_closed(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(scenes, "open_plotter", lambda **o: opened.append(_offscreen.open_plotter(**o)) or opened[-1])
    wls.visual.film(orbit(frames=2), tmp_path / "film.gif", **SMALL)
    monkeypatch.setattr(films, "reduced", lambda picture: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        wls.visual.film(orbit(frames=2), tmp_path / "film.gif", **SMALL)
    assert [plotter._closed for plotter in opened] == [True, True]


# Scenes


def test_scene_shows_the_last_time_unless_told():
    data = orbit()
    assert (drawn(data) == drawn(data, time=2.0)).all()
    assert (np.abs(inside(drawn(data)) - inside(drawn(data, time=0.1))) > 60).any()
    assert (drawn(data, time=0.1) == drawn(data, time=0.0)).all()


def test_trails_add_lines_behind_the_points():
    data = orbit(n=8)
    bare, trailed = (colored(inside(drawn(data, color=None, trail=trail))) for trail in (0, 4))
    assert trailed.sum() > bare.sum() + 30
    assert trailed[bare].all()


def test_overlay_draws_the_truth_in_grey():
    data = orbit(n=10)
    both = inside(drawn(data, truth=orbit(n=40, seed=3), layout="overlay", color=None))
    alone = inside(drawn(data, color=None))
    grey = (np.ptp(both, axis=-1) < 12) & (both.max(axis=-1) < 175) & (both.min(axis=-1) > 120)
    assert grey.sum() > 100
    assert colored(both).sum() > 30
    assert both.shape == alone.shape


def test_scene_on_a_given_plotter():
    import pyvista as pv

    with closing(pv.Plotter(off_screen=True, shape=(1, 2), window_size=(400, 200))) as plotter:
        plotter.subplot(0, 1)
        assert wls.visual.scene(orbit(), plotter=plotter) is plotter
        picture = np.asarray(plotter.screenshot(None, return_img=True)).astype(int)
    assert colored(picture[:, 200:]).sum() > 30
    assert not colored(picture[:, :200]).any()
    with closing(pv.Plotter(off_screen=True)) as plotter, pytest.raises(ParameterError, match=r"shape \(1, 2\)"):
        wls.visual.scene(orbit(), truth=orbit(), plotter=plotter)


def test_turning_one_side_turns_the_other():
    with closing(wls.visual.scene(orbit(dim=3), truth=orbit(dim=3), window_size=(100, 100))) as plotter:
        plotter.renderers[0].camera.azimuth = 40
        assert plotter.renderers[1].camera.azimuth == 40


def test_planes_are_seen_from_above_and_space_in_perspective():
    for dim, parallel in [(1, True), (2, True), (3, False)]:
        with closing(wls.visual.scene(orbit(dim=dim), window_size=(100, 100))) as plotter:
            assert plotter.camera.parallel_projection is parallel
            direction = np.array(plotter.camera.direction)
            assert np.allclose(direction, [0, 0, -1]) is parallel


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_camera_contains_every_frame_of_both(dim):
    """The corners of the box fall between the margins of the view."""
    data, truth = orbit(dim=dim), wls.Trajectory([0.0, 1.0], 3.0 + 5.0 * orbit(dim=dim, frames=2).positions)
    drawing = _drawing.prepare(data, truth, layout="overlay")
    every = np.concatenate([*drawing.main.points, *drawing.truth.points])
    assert (every >= drawing.limits[0] - 1e-6).all() and (every <= drawing.limits[1] + 1e-6).all()
    stage = scenes.set_stage(drawing, window_size=(400, 300), off_screen=True)
    with closing(stage.plotter) as plotter:
        page = stage.views[0].page
        matrix = plotter.camera.GetCompositeProjectionTransformMatrix(page.width / page.height, -1, 1)
        transform = np.array([[matrix.GetElement(i, j) for j in range(4)] for i in range(4)])
    corners = np.array(np.meshgrid(*drawing.limits.T)).reshape(3, -1)
    projected = transform @ np.vstack([corners, np.ones(corners.shape[1])])
    x, y = 0.5 + 0.5 * projected[:2] / projected[3]
    left, foot = page.share(page.margins.left, page.margins.foot)
    right, top = page.share(page.margins.right, page.margins.top)
    assert x.min() >= left - 1e-3 and x.max() <= 1 - right + 1e-3
    assert y.min() >= foot - 1e-3 and y.max() <= 1 - top + 1e-3
    # It fills the free part from side to side, or from top to foot.
    assert np.ptp(x) > 0.99 * (1 - left - right) or np.ptp(y) > 0.99 * (1 - foot - top)


# What colours and coordinates mean


def test_speed_where_known_else_nothing_but_time_along_trails():
    assert _drawing.prepare(orbit()).coloring.title == "speed"
    unknown = orbit(velocities=False)
    assert not _drawing.prepare(unknown).coloring  # the clock says it
    assert _drawing.prepare(unknown, trail=2).coloring.title == "time"
    assert _drawing.prepare(unknown, color="time").coloring.title == "time"
    assert not _drawing.prepare(orbit(), unknown).coloring
    assert not _drawing.prepare(orbit(), color=None).coloring


def test_what_does_not_vary_is_a_number_and_no_colour():
    angles = np.linspace(0, 6, 40)
    swimmers = wls.Population(
        np.random.default_rng(0).normal(size=(40, 2)), 1.2 * np.c_[np.cos(angles), np.sin(angles)]
    )
    drawing = _drawing.prepare(swimmers)
    assert not drawing.coloring and drawing.main.values is None and drawing.coloring.note == "speed = 1.2"
    with closing(staged(swimmers).plotter) as plotter:
        texts = [str(actor.GetInput()) for actor in plotter.renderer.actors.values() if hasattr(actor, "GetInput")]
        bars = [actor for actor in plotter.renderer.actors.values() if actor.IsA("vtkScalarBarActor")]
    assert "speed = 1.2" in texts and "speed" not in texts and bars == []
    steady = orbit(frames=2, units={"length": "m", "time": "s"})
    assert _drawing.prepare(steady.snapshots()[[0]], color="time").coloring.note == "time = 0 s"


def test_speeds_begin_at_rest_unless_all_are_fast():
    def limits(slowest):
        speeds = np.linspace(slowest, 10.0, 200)
        return _drawing.prepare(wls.Population(np.zeros((200, 2)), np.c_[speeds, 0 * speeds])).coloring.limits

    assert limits(1.0)[0] == 0.0
    assert 8.0 < limits(8.0)[0] < 8.1 < 9.9 < limits(8.0)[1] < 10.0


# Runaways, and how much of a window the data take


def scattered(outside, frames=3, n=500):
    """A Gaussian cloud of which some leave."""
    rng = np.random.default_rng(0)
    positions = np.repeat(rng.normal(size=(1, n, 2)), frames, axis=0)
    positions[:, :outside] += 100.0 * np.arange(frames)[:, None, None]
    return wls.Trajectory(np.arange(frames) * 1.0, positions)


def note_of(stage):
    return [w.actor.GetInput() for w in stage.views[0].page.writings if "outside" in w.actor.GetInput()]


def test_runaways_are_counted_and_do_not_stretch_the_box():
    data = scattered(3)
    drawing = _drawing.prepare(data)
    assert np.abs(drawing.limits[:, :2]).max() < 5
    stage = staged(data)
    with closing(stage.plotter):
        assert note_of(stage) == ["3 of 500 outside"]
        cloud = stage.views[0]._layers[0][1]
        assert cloud._mesh.n_points == 497
        stage.show(0)
        assert note_of(stage) == [] and cloud._mesh.n_points == 500
    assert not _drawing.prepare(scattered(0)).runs_away
    assert _drawing.prepare(data.snapshots()).runs_away


def test_what_many_do_is_no_running_away():
    half = scattered(250)
    assert not _drawing.prepare(half).runs_away
    assert np.ptp(_drawing.prepare(half).limits[:, 0]) > 200
    three = wls.Trajectory([0.0, 1.0], [[[0.0, 0], [1, 0], [9, 0]], [[0.0, 0], [0, 1], [0, 9]]])
    assert not _drawing.prepare(three).runs_away


def test_trails_end_at_the_box():
    stage = staged(scattered(3), trail=2, color=None, show=2)
    with closing(stage.plotter) as plotter:
        planes = [a.GetMapper().GetClippingPlanes() for a in plotter.renderer.actors.values() if a.IsA("vtkActor")]
        assert [p.GetNumberOfItems() for p in planes if p is not None] == [4]


@pytest.mark.parametrize(("shape", "wide"), [((4.0, 1.0), 3.0), ((1.0, 1.0), 0.9), ((1.0, 4.0), 0.2)])
def test_the_window_has_the_shape_of_the_data(shape, wide):
    corners = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) * shape
    with closing(wls.visual.scene(wls.Population(corners))) as plotter:
        width, height = plotter.window_size
    assert (width / height > 0.6 * wide) and max(width, height) <= 820
    assert width == 800 or height > 700


def test_points_are_as_large_as_the_density_has_room_for():
    from wlmsim.visual._look import LEAST, MOST, point_size_of

    rng, across = np.random.default_rng(0), 100.0 * np.eye(2, 3)

    def size(n, width=1.0):
        return point_size_of([width * rng.normal(size=(n, 3))], across)

    sizes = [size(n)[0] for n in (10, 1000, 10_000, 200_000)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] == MOST and sizes[-1] == LEAST
    assert size(1)[0] == MOST  # a planet by itself was the least of dots
    assert size(1000, width=0.2)[0] < 0.5 * size(1000)[0]  # a dense cloud
    assert size(1000)[1] == pytest.approx(0.7, rel=0.01) and size(200_000)[1] > 1


def test_points_of_a_crowd_are_faint():
    opacities = []
    for n in (500, 150_000):
        stage = staged(wls.Population.gaussian(n, seed=0), window=(400, 300), color=None)
        with closing(stage.plotter) as plotter:
            opacities.append(min(a.prop.opacity for a in plotter.renderer.actors.values() if hasattr(a, "prop")))
    assert opacities[0] == 1.0 and 0.1 <= opacities[1] < 0.8


def test_points_in_space_look_smaller_from_afar():
    picture = drawn(wls.Population([[0, 0, 0], [0, 20, 0], [4, 0, 0]]), color=None, camera=(-90, 10), point_size=30)
    blue = colored(picture)
    from scipy.ndimage import label

    sizes = np.sort(np.bincount(label(blue)[0].ravel())[1:])[-3:]
    assert sizes[0] < 0.9 * sizes[2]


def test_speeds_are_speeds_and_color_limits_span_all_frames():
    data, truth = orbit(n=400), wls.Trajectory([0.0], np.zeros((1, 3, 2)), np.full((1, 3, 2), 30.0))
    drawing = _drawing.prepare(data, truth)
    assert np.allclose(drawing.main.values[1], np.linalg.norm(data.velocities[1], axis=1))
    assert drawing.coloring.limits == pytest.approx((0.0, 30.0 * np.sqrt(2)))
    assert _drawing.prepare(data, color="time").coloring.limits == (0.0, 2.0)


def test_colors_do_not_shift_from_frame_to_frame():
    """A particle of constant speed keeps its colour while the others change theirs."""
    positions = np.zeros((2, 2, 2))
    positions[:, 1] = [3.0, 3.0]
    velocities = np.array([[[1.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 4.0]]])
    data = wls.Trajectory([0.0, 1.0], positions, velocities)
    first, second = (inside(drawn(data, time=t, point_size=16)) for t in (0.0, 1.0))
    half = first.shape[1] // 2
    assert (first[:, :half] == second[:, :half]).all()
    assert (first[:, half:] != second[:, half:]).any()


def test_given_scalars_color_the_particles():
    data = orbit(n=4)
    drawing = _drawing.prepare(data, orbit(n=3), color=[0.0, 1.0, 2.0, 5.0])
    assert drawing.coloring.limits == (0.0, 5.0)
    assert (drawing.main.values[2] == [0, 1, 2, 5]).all()
    assert drawing.truth.values is None
    assert _drawing.prepare(data, orbit(n=4, seed=2), color=np.arange(4)).truth.values is not None


def test_units_are_named():
    drawing = _drawing.prepare(orbit(units={"length": "µm", "time": "h"}))
    assert drawing.coloring.title == "speed [µm / h]"
    assert drawing.names == ("x [µm]", "y [µm]")
    assert drawing.time_text(0.5) == "t = 0.5 h"


@pytest.mark.parametrize(
    ("times", "text"),
    [([0, 1, 2], "t = 1"), ([0.0, 0.25, 1.0], "t = 0.25"), ([0, 1e-9], "t = 1e-09"), ([0.5, 1.0], "t = 1.0")],
)
def test_clock_has_as_many_decimals_as_the_times(times, text):
    assert _drawing._clock(np.array(times, dtype=float), "")(times[1]) == text


def test_axes_choose_the_coordinates():
    data = orbit(dim=5)
    drawing = _drawing.prepare(data, axes=(4, 1))
    assert np.allclose(drawing.main.points[3][:, :2], data.positions[3][:, [4, 1]], atol=1e-6)
    assert (drawing.main.points[3][:, 2] == 0).all()
    assert drawing.names == ("x4", "x1")
    assert drawing.dim == 2


def test_a_line_is_spread_and_particles_keep_their_heights():
    drawing = _drawing.prepare(orbit(dim=1))
    heights = [points[:, 1] for points in drawing.main.points]
    assert (heights[0] == heights[3]).all() and len(set(heights[0].tolist())) == 30
    assert np.ptp(heights[0]) < 0.25 * np.ptp(drawing.limits[:, 0])


def test_smooth_follows_the_curve():
    coarse, fine = orbit(frames=9), orbit(frames=33)
    drawing = _drawing.prepare(coarse, smooth=3)
    assert np.allclose(drawing.main.times, fine.times)
    error = np.abs(np.array(drawing.main.points)[..., :2] - fine.positions).max()
    speeds = np.linalg.norm(fine.velocities, axis=-1)
    straight = _drawing.prepare(orbit(frames=9, velocities=False), smooth=3)
    assert error < 1e-3 < np.abs(np.array(straight.main.points)[..., :2] - fine.positions).max()
    assert np.abs(np.array(drawing.main.values) - speeds).max() < 5e-3


def test_crowds_are_thinned_with_a_warning(monkeypatch):
    monkeypatch.setattr(_frames, "MOST_POINTS", 10)
    data = orbit(n=30)
    with pytest.warns(DataWarning, match="10 of 30") as caught, closing(wls.visual.scene(data)):
        pass
    assert [warning.filename for warning in caught] == [__file__]
    with pytest.warns(DataWarning):
        drawing = _drawing.prepare(data, color=np.arange(30.0))
    kept = drawing.main.values[0].astype(int)
    assert len(kept) == 10
    for frame, points in enumerate(drawing.main.points):
        assert np.allclose(points[:, :2], data.positions[frame][kept], atol=1e-6)
    with pytest.warns(DataWarning):
        assert [len(x) for x in _drawing.prepare(data.snapshots()).main.points] == [10] * 5


# Looks


HARMONIC = wls.Lagrangian(wls.External(wls.laws.Harmonic(2.0)), mass=3.0)


def staged(data, window=(200, 160), show=-1, **look):
    """A stage that shows a frame."""
    stage = scenes.set_stage(_drawing.prepare(data, **look), window_size=window, off_screen=True)
    stage.show(range(len(stage.times))[show])
    return stage


@pytest.mark.parametrize("glyph", ["spheres", "arrows"])
@pytest.mark.parametrize("dim", [2, 3])
def test_solids_stand_where_the_points_are(glyph, dim):
    data = orbit(n=6, dim=dim, seed=2)
    dots, solids = (colored(inside(drawn(data, glyph=shape, point_size=8))) for shape in ("points", glyph))
    assert 0.3 < solids.sum() / dots.sum() < 3
    assert (dots & solids).sum() > 0.4 * min(dots.sum(), solids.sum())


def test_arrows_point_along_the_velocity():
    """A notched dart is wider at its tail; its tip is on the side to which the particle moves."""
    for way in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)):
        data = wls.Population([[0.0, 0.0]], [way])
        picture = colored(drawn(data, glyph="arrows", point_size=30, color=None))
        rows, columns = np.nonzero(picture)
        across, along = (rows, columns) if way[0] else (columns, -rows)
        sign = sum(way)
        tip = along * sign > (along * sign).max() - 8
        tail = along * sign < (along * sign).min() + 8
        assert np.ptp(across[tip]) + 4 < np.ptp(across[tail])


def test_arrows_need_velocities_and_a_truth_without_keeps_points():
    with pytest.raises(ParameterError, match="velocities are unknown"):
        _drawing.prepare(orbit(velocities=False), glyph="arrows")
    with closing(staged(orbit(), glyph="arrows", truth=orbit(velocities=False), color=None).plotter):
        pass


def test_trails_of_the_truth():
    look = {"truth": orbit(n=5, seed=1), "color": None}
    (bare, trailed) = (colored(drawn(orbit(n=5), trail=trail, **look))[18:95, 30:180].sum() for trail in (0, 4))
    assert trailed > bare + 20


def test_energy_is_that_of_each_particle_in_the_field_of_the_others():
    data = orbit(n=12)
    drawing = _drawing.prepare(data, color="energy", lagrangian=HARMONIC)
    expected = 1.5 * (data.velocities**2).sum(-1) + (data.positions**2).sum(-1)
    assert np.allclose(drawing.main.values, expected)
    pairs = wls.Lagrangian(wls.Pairwise(wls.laws.Morse(c=1.5, l=0.5)))
    population = data[3]
    own = _mechanics.particle_energies(pairs, population) - 0.5 * (population.velocities**2).sum(-1)
    # U is quadratic in the density, so that the population's mean of dU/drho is 2 U
    assert population.weights @ own == pytest.approx(2 * pairs.potential_energy(population))
    with pytest.raises(ParameterError, match="`lagrangian` must be given"):
        _drawing.prepare(data, color="energy")


def test_a_simulated_trajectory_knows_its_lagrangian():
    start = wls.Population.gaussian(5, velocity_width=1.0, seed=0)
    path = wls.simulate(HARMONIC, start, [0.0, 0.5])
    assert _drawing.prepare(path, color="energy").mechanics is HARMONIC


def test_unit_of_energy_is_named_for_mass_one():
    data = orbit(units={"length": "m", "time": "s"})
    light = wls.Lagrangian(wls.External(wls.laws.Harmonic(2.0)))
    assert _drawing.prepare(data, color="energy", lagrangian=light).coloring.title == "energy [m² / s²]"
    assert _drawing.prepare(data, color="energy", lagrangian=HARMONIC).coloring.title == "energy"


def test_labels_are_categories_in_their_colors():
    names = np.repeat(["root", "leaf", "stem"], 2)
    data = wls.Population(orbit(n=6).positions[0])
    drawing = _drawing.prepare(data, color=names)
    assert drawing.coloring.categories == ("leaf", "root", "stem")
    assert drawing.main.values[0].tolist() == [1, 1, 0, 0, 2, 2]
    with closing(staged(data, color=names, point_size=12).plotter) as plotter:
        texts = [actor.GetInput() for actor in plotter.renderer.actors.values() if hasattr(actor, "GetInput")]
        picture = np.asarray(plotter.screenshot(None, return_img=True)).astype(int)
    assert {"leaf", "root", "stem"} <= {str(text) for text in texts}
    from wlmsim.visual._coloring import category_colors

    for color in category_colors(3):
        assert (np.abs(inside(picture) - 255 * np.array(color)).max(axis=-1) < 12).sum() > 20


def test_labels_may_change_with_time_and_too_many_are_refused():
    series = wls.SnapshotSeries([0.0, 1.0], [np.zeros((2, 2)), np.ones((3, 2))])
    drawing = _drawing.prepare(series, color=[[4, 7], [7, 7, 9]])
    assert [v.tolist() for v in drawing.main.values] == [[0, 1], [1, 1, 2]]
    with pytest.raises(ParameterError, match="at most 20 different labels"):
        _drawing.prepare(orbit(n=30), color=np.arange(30))


def test_color_by_population():
    series = wls.SnapshotSeries([0.0], [np.eye(3)], populations=[[5, 2, 5]])
    drawing = _drawing.prepare(series, color="population")
    assert (drawing.coloring.categories, drawing.main.values[0].tolist()) == (("2", "5"), [1, 0, 1])
    with pytest.raises(ParameterError, match="a single one"):
        _drawing.prepare(orbit(), color="population")


def test_density_holds_the_shares_it_says():
    """Of a Gaussian in the plane, the densest share p lies within the radius sqrt(-2 log(1 - p))."""
    cloud = wls.Population.gaussian(3000, seed=0)
    stage = staged(cloud, density=0.15, color=None)
    with closing(stage.plotter):
        (layer,) = (layer for _, layer in stage.views[0]._layers if isinstance(layer, _field_layers.Density))
        for share, mesh in zip(_field_layers.MASSES, layer._meshes, strict=True):
            assert mesh.area == pytest.approx(-2 * np.pi * np.log(1 - share), rel=0.15)


@pytest.mark.parametrize("dim", [2, 3])
def test_density_tints_the_middle(dim):
    data = wls.Population.gaussian(400, dim=dim, seed=0)
    bare, tinted = (inside(drawn(data, density=density, color=None, point_size=1)) for density in (False, True))
    changed = np.abs(bare - tinted).max(axis=-1) > 8
    assert changed[25:50, 60:90].mean() > 0.5 > 0.3 > changed[:10].mean()


def test_a_cloud_in_one_place_has_no_density():
    assert (
        drawn(wls.Population(np.zeros((3, 2)))) == drawn(wls.Population(np.zeros((3, 2))), density=True)
    ).mean() > 0.95


def test_force_field_points_down_the_potential():
    stage = staged(orbit(n=4), force=True, lagrangian=HARMONIC)
    with closing(stage.plotter):
        (layer,) = (layer for _, layer in stage.views[0]._layers if isinstance(layer, _field_layers.Force))
        assert np.allclose(layer._field(0), -2 * layer._nodes)
        lengths = np.linalg.norm(layer._mesh["field"], axis=1)
    assert lengths.max() == pytest.approx(1.0, abs=1e-6) and (lengths < 0.5).any()
    felt = 2 * np.linalg.norm(orbit(n=4).positions[[0, 2, 4]], axis=-1)
    assert layer.strongest == pytest.approx(np.quantile(felt, 0.95))
    plain = inside(drawn(orbit(n=4), color=None))
    arrows = inside(drawn(orbit(n=4), color=None, force=True, lagrangian=HARMONIC))
    assert (np.abs(plain - arrows).max(axis=-1) > 40).sum() > 100


def test_a_learned_force_is_pale_where_there_are_no_data():
    from tests.visual.test_plots import prepared

    two = np.random.default_rng(0).normal(size=(600, 2)) * 0.2 + np.repeat([[-3.0, 0], [3.0, 0]], 300, axis=0)
    learned = wls.Lagrangian(prepared(wls.learn.ExternalPotential(hidden=8)))
    stage = staged(wls.Population(two), force=True, lagrangian=learned)
    with closing(stage.plotter):
        (layer,) = (layer for _, layer in stage.views[0]._layers if isinstance(layer, _field_layers.Force))
        pale, far = np.asarray(layer._mesh["tone"])[:, 0], np.abs(layer._nodes[:, 0]) < 0.4
        notes = " ".join(w.actor.GetInput() for w in stage.views[0].page.writings)
    assert pale[far].min() > 200 > 150 > pale[~far].min() and "pale: no data near" in notes
    stage = staged(wls.Population(two), force=True, lagrangian=HARMONIC)
    with closing(stage.plotter):
        assert not any(getattr(layer, "learned", False) for _, layer in stage.views[0]._layers)


def test_force_of_the_others_on_a_test_particle():
    """Far from a cloud that attracts with W = r^2 / 2, the force is the way to its mean."""
    cloud = wls.Population.gaussian(50, seed=0)
    pull = wls.Lagrangian(wls.Pairwise(lambda r, xp: 0.5 * r**2))
    points = np.array([[10.0, 0.0], [0.0, -7.0]])
    assert np.allclose(_mechanics.force(pull, points, cloud), cloud.positions.mean(0) - points, atol=1e-4)
    flow = wls.GradientFlow(wls.External(wls.laws.Harmonic(1.0)))
    assert np.allclose(_mechanics.force(flow, points, cloud), -points)


def test_potential_lifts_points_onto_its_surface():
    data = orbit(n=8)
    drawing = _drawing.prepare(data, potential=True, lagrangian=HARMONIC)
    assert drawing.dim == 3 and drawing.names[2] == "potential"
    low, high = drawing.value_limits[:, 2]
    energies = (data.positions**2).sum(-1)
    assert low == pytest.approx(0.0, abs=0.01) and high >= energies.max()
    roof = drawing.limits[1, 2]
    for points, e in zip(drawing.main.points, energies, strict=True):
        assert np.allclose(points[:, 2], roof * (e - low) / (high - low), atol=1e-5)
    stage = staged(data, potential=True, lagrangian=HARMONIC)
    with closing(stage.plotter):
        (surface,) = (layer for _, layer in stage.views[0]._layers if isinstance(layer, _field_layers.Surface))
        x, y, z = np.asarray(surface._mesh.points).T
    assert np.allclose(z, roof * (x**2 + y**2 - low) / (high - low), atol=0.02 * roof)


def test_arrows_lie_in_the_surface():
    data = wls.Population([[1.0, 0.0], [0.0, 0.5]], [[1.0, 0.0], [1.0, 0.0]])
    drawing = _drawing.prepare(data, potential=True, lagrangian=HARMONIC, glyph="arrows")
    slope = np.ptp(drawing.limits[:, 2]) / np.ptp(drawing.value_limits[:, 2])
    assert np.allclose(drawing.directions(drawing.main, 0)[:, 2], [2 * slope, 0.0], atol=0.02)


# Cameras


@pytest.mark.parametrize(
    ("camera", "ahead", "up"),
    [
        ("top", (0, 0, -1), (0, 1, 0)),
        ("bottom", (0, 0, 1), (0, -1, 0)),
        ("front", (0, 1, 0), (0, 0, 1)),
        ("back", (0, -1, 0), (0, 0, 1)),
        ("right", (-1, 0, 0), (0, 0, 1)),
        ("left", (1, 0, 0), (0, 0, 1)),
        ((-90, 0), (0, 1, 0), (0, 0, 1)),
    ],
)
def test_cameras(camera, ahead, up):
    with closing(wls.visual.scene(orbit(dim=3), camera=camera, window_size=(100, 100))) as plotter:
        eye = plotter.camera
        assert np.allclose(eye.direction, ahead) and np.allclose(eye.up, up)
        assert eye.parallel_projection == isinstance(camera, str)


def test_isometric_view_shows_all_axes_at_one_scale():
    from wlmsim.visual._camera import CAMERAS

    camera = CAMERAS["isometric"]
    lengths = np.hypot(camera.right, camera.up)
    assert np.allclose(lengths, lengths[0])


@pytest.mark.parametrize("azimuth", range(-170, 190, 40))
def test_ticks_stand_on_the_silhouette(azimuth):
    """No tick label lies over the picture of the box, wherever the camera is."""
    stage = staged(orbit(dim=3), camera=(azimuth, 25), window=(400, 400), color=None)
    with closing(stage.plotter):
        from scipy.spatial import ConvexHull, Delaunay

        from wlmsim.visual._page import Writing

        page = stage.views[0].page
        corners = np.array(np.meshgrid(*stage.views[0]._drawing.limits.T)).reshape(3, -1).T
        spots = [Writing(None, c, (0, 0), 1, "left", "top", INK, 0).place(page.renderer) for c in corners]
        hull = Delaunay(np.array(spots)[ConvexHull(spots).vertices])
        labels = [w.place(page.renderer) for w in page.writings if len(w.anchor) == 3]
    assert len(labels) >= 9
    assert (hull.find_simplex(np.array(labels)) < 0).all()


def test_orbit_turns_the_camera_and_keeps_its_distance():
    stage = scenes.set_stage(_drawing.prepare(orbit(dim=3)), window_size=(200, 160), off_screen=True, sweep=360.0)
    with closing(stage.plotter) as plotter:
        seen = []
        for angle in (0.0, 90.0, 200.0):
            stage.show(0, angle)
            seen.append((plotter.camera.distance, np.array(plotter.camera.direction)))
    assert np.allclose([distance for distance, _ in seen], seen[0][0])
    assert seen[0][1][:2] @ seen[1][1][:2] == pytest.approx(0.0, abs=1e-6)
    assert seen[0][1][2] == pytest.approx(seen[2][1][2])


def test_film_in_orbit(tmp_path):
    data = wls.Trajectory(np.arange(5.0), np.repeat(orbit(dim=3).positions[:1], 5, axis=0))
    still, turning = (read(wls.visual.film(data, tmp_path / "film.gif", orbit=a, color=None, **SMALL)) for a in (0, 90))
    assert (np.abs(inside(still[0]) - inside(still[4])) <= 8).all()
    assert (np.abs(inside(turning[0]) - inside(turning[4])) > 60).any()


# Pictures


def test_snapshot_is_smooth_and_large(tmp_path):
    from PIL import Image

    path = wls.visual.snapshot(orbit(n=3), tmp_path / "picture.png", window_size=(300, 240), color=None, point_size=20)
    assert list(tmp_path.iterdir()) == [path]
    with Image.open(path) as image:
        assert image.size == (300, 240)
        blue = colored(np.asarray(image.convert("RGB")).astype(int))
        shades = len(np.unique(np.asarray(image.convert("RGB"))[blue], axis=0))
    assert blue.sum() == pytest.approx(3 * np.pi * 10**2, rel=0.25)
    assert shades >= 4  # edges fade


@pytest.mark.parametrize("suffix", [".pdf", ".svg", ".eps"])
def test_vector_pictures(tmp_path, suffix):
    data = orbit(n=5, units={"length": "µm", "time": "h"})
    path = wls.visual.snapshot(data, tmp_path / f"picture{suffix}", window_size=(300, 240), truth=orbit(n=5))
    start = {".pdf": b"%PDF", ".svg": b"<?xml", ".eps": b"%!PS-Adobe"}[suffix]
    content = path.read_bytes()
    assert content.startswith(start)
    if suffix == ".svg":
        assert content.count(b"<image") == 1
        for text in ("speed [µm / h]", "truth", "forecast", "t = 2.0 h"):
            assert f"<!-- {text} -->".encode() in content


def test_texts_of_a_vector_picture_stand_where_they_stood():
    """Where VTK drew text, matplotlib's is: within the bounds of the pixels that the texts changed."""
    from wlmsim.visual import _printing

    stage = staged(orbit(dim=3), color=None, window=(400, 320))
    with closing(stage.plotter):
        page = stage.views[0].page
        whole = stage.picture().astype(int)
        for writing in page.writings:
            writing.actor.SetVisibility(False)
        bare = stage.picture().astype(int)
        spots = np.array([w.place(page.renderer) for w in page.writings if w.actor.GetInput()])
    rows, columns = np.nonzero(np.abs(whole - bare).max(axis=-1) > 60)
    for x, y in spots:
        assert np.hypot(columns - x, 319 - rows - y).min() < 12
    assert _printing.reduced(whole.astype(np.uint8)).shape == (160, 200, 3)


def test_scene_options_are_those_of_the_look():
    """Films, pictures and windows take what `scene` documents."""
    import inspect

    from wlmsim.visual._look import Look

    own = {"data", "time", "window_size", "off_screen", "plotter"}
    assert set(Look.__annotations__) == set(inspect.signature(wls.visual.scene).parameters) - own


# Exploring


@pytest.fixture
def player():
    from wlmsim.visual._controls import Player

    stage = staged(orbit(frames=4), show=0)
    player = Player(stage, fps=10)
    player.attach()
    with closing(stage.plotter):
        yield player


def test_player_plays_to_the_end_and_starts_again(player):
    assert (player.frame, player.playing) == (0, False)
    player.tick()
    assert player.frame == 0
    player.toggle()
    for expected in (1, 2, 3):
        player.tick()
        assert player.frame == expected
    assert not player.playing
    player.toggle()
    assert (player.frame, player.playing) == (0, True)
    player.toggle()
    player.tick()
    assert (player.frame, player.playing) == (0, False)


def test_slider_and_player_agree(player):
    player.seek(2.2)
    assert player._slider.GetRepresentation().GetValue() == 2
    assert player.stage.views[0]._clock.input == "t = 1.33"
    player.seek(99)
    assert player.frame == 3
    player._slider.GetRepresentation().SetValue(1.0)
    player._slider.InvokeEvent("InteractionEvent")
    assert player.frame == 1


def test_explore_draws_its_controls():
    with closing(wls.visual.explore(orbit(), off_screen=True, window_size=(400, 400))) as plotter:
        picture = np.asarray(plotter.screenshot(None, return_img=True)).astype(int)
    foot = picture[-35:]
    assert (foot.max(axis=-1) < 120)[:, 20:45].sum() > 30  # the button
    assert (np.abs(foot - (201, 206, 214)).max(axis=-1) < 40)[:, 60:370].sum() > 200  # the slider


def notebook(monkeypatch):
    """As if this were a cell of a notebook."""
    import types

    shell = types.SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=lambda: shell))


def test_explore_is_a_figure_in_a_notebook(monkeypatch):
    pytest.importorskip("plotly")
    notebook(monkeypatch)
    figure = wls.visual.explore(orbit(dim=3), trail=2)
    assert [step["label"] for step in figure.layout.sliders[0].steps][-1] == "t = 2.0"
    assert len(figure.frames) == 5 and 480 <= figure.layout.width <= 800
    with pytest.raises(ParameterError, match=r"`density` is not drawn in a notebook.*scene"):
        wls.visual.explore(orbit(), density=True)
    with closing(wls.visual.explore(orbit(), off_screen=True, window_size=(100, 100))) as plotter:
        assert hasattr(plotter, "camera")  # what is asked for is done
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ParameterError, match=r"a view in a notebook needs Plotly.*pip install 'wlmsim\[html\]'"):
        wls.visual.explore(orbit())


# Pages


def test_a_page_counts_runaways_and_says_what_does_not_vary():
    go = pytest.importorskip("plotly.graph_objects")
    drawing = _drawing.prepare(scattered(3), color="time")
    assert pages._name(drawing, 0) == "t = 0" and pages._name(drawing, 2) == "t = 2 (3 of 500 outside)"
    steady = _drawing.prepare(wls.Population(np.eye(2), np.eye(2)))
    (note,) = pages._figure(go, steady, 1, 20).layout.annotations
    assert note.text == "speed = 1"


def page_of(path):
    """The figure of a page: traces, layout, frames, as the browser would read them."""
    import json
    import re

    text = path.read_text()
    call = re.search(r"Plotly\.newPlot\(\s*\"[^\"]+\",\s*", text)
    decode = json.JSONDecoder().raw_decode
    data, end = decode(text, call.end())
    layout, _ = decode(text, re.compile(r"[\s,]*").match(text, end).end())
    frames = re.search(r"Plotly\.addFrames\('[^']+',\s*", text)
    return data, layout, decode(text, frames.end())[0] if frames else []


def numbers(column):
    import base64

    return np.frombuffer(base64.b64decode(column["bdata"]), column["dtype"])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_page_holds_every_frame_and_needs_no_network(tmp_path, dim):
    pytest.importorskip("plotly")
    data = orbit(dim=dim)
    path = wls.visual.export_html(data, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == [path]
    _, layout, frames = page_of(path)
    assert len(frames) == 5 and len(layout["sliders"][0]["steps"]) == 5
    for k, frame in enumerate(frames):
        for axis, name in enumerate("xyz"[:dim]):
            assert np.allclose(numbers(frame["data"][0][name]), data.positions[k][:, axis], atol=1e-6)
        speeds = np.linalg.norm(data.velocities[k], axis=1)
        assert np.allclose(numbers(frame["data"][0]["marker"]["color"]), speeds, atol=1e-6)
    assert layout["coloraxis"]["colorbar"]["title"]["text"] == "speed"
    assert 'src="http' not in path.read_text()


def test_page_with_truth_trails_and_labels(tmp_path):
    pytest.importorskip("plotly")
    data, truth = orbit(n=4, dim=3), orbit(n=4, dim=3, seed=1)
    traces, _, frames = page_of(
        wls.visual.export_html(data, tmp_path / "page.html", truth=truth, trail=2, color=["a", "b", "b", "a"])
    )
    assert {trace.get("scene") for trace in traces} >= {"scene", "scene2"}
    assert frames[3]["traces"] == [0, 1, 2, 3]
    tail = numbers(frames[3]["data"][2]["x"]).reshape(4, 4)
    assert np.allclose(tail[:, :3], data.positions[1:4, :, 0].T, atol=1e-6) and np.isnan(tail[:, 3]).all()
    assert [trace["name"] for trace in traces if "name" in trace] == ["a", "b"]


def test_page_of_a_potential(tmp_path):
    pytest.importorskip("plotly")
    data = orbit(n=4)
    traces, _, frames = page_of(
        wls.visual.export_html(data, tmp_path / "page.html", potential=True, lagrangian=HARMONIC)
    )
    (surface,) = (trace for trace in traces if trace["type"] == "surface")
    x, y, z = (numbers(surface[name]) for name in "xyz")
    assert np.allclose(z.reshape(len(y), len(x)), x**2 + y[:, None] ** 2, atol=1e-3)
    energies = (data.positions[2] ** 2).sum(-1)
    assert np.allclose(numbers(frames[2]["data"][0]["z"]), energies, atol=1e-4)


def test_large_pages_are_thinned(tmp_path, monkeypatch):
    pytest.importorskip("plotly")
    monkeypatch.setattr(pages, "MOST_NUMBERS", 200)
    with pytest.warns(DataWarning, match="every 3th point"):
        path = wls.visual.export_html(orbit(), tmp_path / "page.html")
    assert len(numbers(page_of(path)[2][0]["data"][0]["x"])) == 10


def test_pages_without_plotly(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ParameterError, match=r"pip install 'wlmsim\[html\]'"):
        wls.visual.export_html(orbit(), tmp_path / "page.html")


# Errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "film.avi"}, r"\.gif or \.mp4"),
        ({"path": "film"}, r"\.gif or \.mp4"),
        ({"data": orbit(dim=4)}, r"axes=\(0, 1\)"),
        ({"axes": (0, 2)}, "axes"),
        ({"axes": (0, 0)}, "axes"),
        ({"axes": 0}, "axes"),
        ({"data": orbit(velocities=False), "color": "speed"}, "velocities are unknown, as in `data`"),
        ({"truth": orbit(velocities=False), "color": "speed"}, "velocities are unknown, as in `truth`"),
        ({"color": "hue"}, "'speed', 'time'"),
        ({"color": np.zeros(7)}, r"\(30,\)"),
        ({"data": orbit().snapshots(), "color": np.zeros(30)}, "who is who"),
        ({"data": orbit().snapshots(), "trail": 3}, "who is who"),
        ({"data": orbit().snapshots(), "smooth": 1}, "who is who"),
        ({"truth": orbit(dim=3)}, "d = 2; got d = 3"),
        ({"truth": orbit(), "layout": "under"}, "'side-by-side', 'overlay'"),
        ({"glyph": "cubes"}, "'points', 'spheres', 'arrows'"),
        ({"force": True}, "`lagrangian` must be given"),
        ({"potential": True}, "`lagrangian` must be given"),
        ({"data": orbit(dim=3), "potential": True, "lagrangian": wls.Lagrangian()}, "d = 2"),
        ({"data": orbit(dim=1), "density": True}, "two or three drawn coordinates"),
        ({"density": -1.0}, "density"),
        ({"camera": "front"}, "'top' for a line or a plane"),
        ({"data": orbit(dim=3), "camera": "aslant"}, "'oblique', 'isometric'"),
        ({"data": orbit(dim=3), "camera": (0, 100)}, "between -90 and 90"),
        ({"orbit": 90}, "`orbit` must be 0"),
        ({"fps": 0}, "fps"),
        ({"trail": -1}, "trail"),
        ({"point_size": 0}, "point_size"),
        ({"window_size": 500}, "window_size"),
        ({"data": np.zeros((3, 2))}, "Trajectory or SnapshotSeries"),
    ],
)
def test_unusable_arguments(tmp_path, options, message):
    arguments = {"data": orbit(), "path": "film.gif", **options}
    with pytest.raises(ParameterError, match=message):
        wls.visual.film(arguments.pop("data"), tmp_path / arguments.pop("path"), **arguments)
    assert list(tmp_path.iterdir()) == []


def test_mp4_without_its_encoder(tmp_path, monkeypatch):
    monkeypatch.setattr(_encoders, "find_spec", lambda name: None)
    with pytest.raises(ParameterError, match="pip install imageio-ffmpeg"):
        wls.visual.film(orbit(), tmp_path / "film.mp4")


def test_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        wls.visual.film(orbit(), tmp_path / "nowhere" / "film.gif", **SMALL)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about X11 and EGL")
def test_without_opengl_or_display(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(WlmsimError, match="off_screen=True"):
        wls.visual.scene(orbit(), off_screen=False)

    class LastResort:
        def GetClassName(self):
            return "vtkOSOpenGLRenderWindow"

    monkeypatch.setattr("vtkmodules.vtkRenderingCore.vtkRenderWindow", LastResort)
    monkeypatch.setattr(_offscreen, "_loads", lambda *libraries: False)
    with pytest.raises(WlmsimError, match="libegl1"):
        _offscreen._check_opengl.__wrapped__()
    monkeypatch.setattr(_offscreen, "_loads", lambda *libraries: True)
    _offscreen._check_opengl.__wrapped__()


# Plots


@pytest.fixture
def ax():
    import matplotlib.pyplot as plt

    yield plt.subplots()[1]
    plt.close("all")


def scores(**w1):
    times = np.array([26.0, 27.0, 28.0])
    return Scores(times, np.full(3, 25.0), {k: np.array(v) for k, v in w1.items()}, length_unit="µm")


def test_plot_scores(ax):
    given = scores(WLM=[0.1, 0.2, 0.3], persistence=[1.0, 1.5, 1.9], ballistic=[np.nan] * 3)
    assert wls.visual.plot_scores(given, ax=ax) is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "W1 distance [µm]")
    assert "forecast" in ax.get_title() and "25" in ax.get_title()
    lines = {line.get_label(): line for line in ax.get_lines()}
    assert set(lines) == {"WLM", "persistence"}
    assert (lines["WLM"].get_ydata() == [0.1, 0.2, 0.3]).all()
    assert lines["WLM"].get_linewidth() > lines["persistence"].get_linewidth()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["WLM", "persistence"]
    assert ax.get_yscale() == "linear"


def test_plot_scores_is_logarithmic_over_a_wide_range(ax):
    assert wls.visual.plot_scores(scores(WLM=[0.05, 0.1, 0.1], persistence=[1, 2, 3]), ax).get_yscale() == "log"


def test_plot_scores_names_all_origins(ax):
    given = Scores(np.array([1.0, 3.0]), np.array([0.0, 2.0]), {"WLM": np.ones(2)}, "interpolate")
    title = wls.visual.plot_scores(given, ax).get_title()
    assert "interpolation" in title and "0 to 2" in title
    assert ax.get_ylabel() == "W1 distance"


def test_legend_does_not_cover_the_data(ax):
    wls.visual.plot_scores(scores(WLM=[0.1, 0.2, 0.3]), ax)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 > ax.get_window_extent().x1


def test_plots_open_a_figure_of_their_own(ax):
    own = wls.visual.plot_scores(scores(WLM=[0.1, 0.2, 0.3]))
    assert own.figure is not ax.figure
    assert wls.visual.plot_snapshots(orbit()).figure not in (ax.figure, own.figure)


def test_plot_snapshots(ax):
    series = orbit(dim=3, units={"length": "m", "time": "s"}).snapshots(0.5, seed=0)
    assert wls.visual.plot_snapshots(series, axes=(2, 0), ax=ax) is ax
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("z [m]", "x [m]")
    dots = ax.collections[0]
    offsets = np.asarray(dots.get_offsets())
    expected = np.concatenate(series.positions)[:, [2, 0]]
    assert np.allclose(offsets[np.lexsort(offsets.T)], expected[np.lexsort(expected.T)])
    assert dots.get_clim() == (0.0, 2.0)
    assert set(np.asarray(dots.get_array())) == set(series.times)
    assert [other.get_ylabel() for other in ax.figure.axes if other is not ax] == ["time [s]"]


def test_plot_snapshots_thins_and_plots_a_line_against_time(ax):
    wls.visual.plot_snapshots(orbit(dim=1), ax=ax, max_points=12)
    assert len(ax.collections[0].get_offsets()) == 12
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("time", "x")


def test_plot_snapshots_refuses_three_axes(ax):
    with pytest.raises(ParameterError, match="at most 2"):
        wls.visual.plot_snapshots(orbit(dim=3), axes=(0, 1, 2), ax=ax)


# Tracks with gaps


def lost_and_found():
    """Three walkers to the right; the second is unseen in the middle, the third comes at the end."""
    x = np.stack(np.broadcast_arrays(np.arange(6.0)[:, None], np.arange(3.0)), axis=-1)
    x[2:4, 1] = x[:5, 2] = np.nan
    return wls.Tracks(np.arange(6.0), x)


def test_trails_follow_tracks_with_gaps():
    """Each individual trails behind itself, wherever it stands among the rows, and gaps are left out."""
    cloud = _drawing.prepare(lost_and_found(), trail=5, color="time").main
    assert cloud.tracked and [len(points) for points in cloud.points] == [2, 2, 1, 1, 2, 3]
    np.testing.assert_array_equal(cloud.seen.T, [[1] * 6, [1, 1, 0, 0, 1, 1], [0] * 5 + [1]])
    paths = np.stack(cloud.followed(cloud.points))[..., 0] - cloud.points[0][0, 0]
    np.testing.assert_array_equal(paths.T, [[0, 1, 2, 3, 4, 5], [0, 1, 1, 1, 4, 5], [5] * 6])
    np.testing.assert_array_equal(np.stack(cloud.followed(cloud.values))[:, 1], [0, 1, 1, 1, 4, 5])
    bare, trailed = (colored(inside(drawn(lost_and_found(), trail=trail, color=None))) for trail in (0, 5))
    assert trailed.sum() > bare.sum() + 20


def test_pages_and_films_have_trails_of_tracks(tmp_path):
    assert wls.visual.film(lost_and_found(), tmp_path / "film.gif", trail=3, **SMALL).stat().st_size > 0
    figure = pages.interactive(lost_and_found(), smooth=0, fps=20, window_size=None, trail=5)
    lines = figure.frames[-1].data[0]
    assert np.isnan(np.asarray(lines.x, dtype=float)).sum() == 3 + 2 + 5  # ends of lines, and who is not seen
    with pytest.raises(ParameterError, match=r"`smooth` must be 0 for tracks with gaps: resample\(every=\.\.\.\)"):
        wls.visual.film(lost_and_found(), tmp_path / "film.gif", smooth=2, **SMALL)


def test_time_is_a_colour_along_long_trails_only():
    unknown = orbit(velocities=False, frames=12)
    assert not _drawing.prepare(unknown, trail=3).coloring
    assert _drawing.prepare(unknown, trail=4).coloring.title == "time"
