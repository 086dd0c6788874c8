"""Data of any kind in every command: columns, individuals, dates, terms; and errors that speak of options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wlmsim as wls
from tests.cli.test_commands import one_thread, refuse, run, succeed  # noqa: F401

FIT = ("--steps", 3, "--set", "members=1", "--rollouts", "multiple-shooting", "-q")


@pytest.fixture(scope="module")
def cows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight cows that drift east, as Movebank has them, each seen at minutes of its own."""
    rng = np.random.default_rng(0)
    rows = ["timestamp,location-long,location-lat,individual-local-identifier"]
    for k in range(8):
        for m in range(0, 300, 20):
            when = np.datetime64("2021-03-01T06:00") + np.timedelta64(m + k, "m")
            lon, lat = 5 + 0.01 * rng.normal() + 0.0005 * m, 52 + 0.01 * rng.normal()
            rows.append(f"{str(when).replace('T', ' ')},{lon:.5f},{lat:.5f},cow {k}")
    path = tmp_path_factory.mktemp("cows") / "cows.csv"
    path.write_text("\n".join([*rows, ""]))
    return path


READ = ("--every", "20 min", "--time-unit", "h")


@pytest.fixture(scope="module")
def model(cows: Path) -> Path:
    path = cows.with_suffix(".model")
    succeed("fit", cows, *READ, "-o", path, "--until", "2021-03-01T09:00", *FIT)
    return path


def test_info_says_who_when_and_where(cows):
    told = json.loads(run("info", cows, "--json").stdout)
    assert told["kind"] == "tracks" and told["individuals"] == 8 and told["sightings"] == 120
    assert told["dates"] == {"first": "2021-03-01T06:00", "last": "2021-03-01T10:47"}
    assert told["longitude"].startswith("4.9") and told["usual interval"] == pytest.approx(20 / 1440)
    assert told["in words"].startswith("every 20 min, with gaps of up to ")
    assert "--every '20 min' interpolates to common times" in run("info", cows).stderr


def test_from_a_table_to_a_forecast_with_names_and_dates(cows, model, tmp_path):
    out = tmp_path / "a.csv"
    succeed("forecast", model, cows, *READ, "--from", "2021-03-01T09:00", "--until", "2021-03-01T10:00", "-o", out)
    header, first, *_ = out.read_text().splitlines()
    assert header == "id,time,date,x,y,vx,vy,lon,lat" and first.startswith("cow 0,9.3333333333333,2021-03-01T09:20")
    out = tmp_path / "a.h5"
    succeed("forecast", model, cows, *READ, "--times", "2021-03-01T11:30", "-o", out)
    path = wls.Trajectory.load(out)
    assert path.ids == tuple(f"cow {k}" for k in range(8)) and path.dates[0] == np.datetime64("2021-03-01T11:30")
    assert wls.learn.WLM.load(model).times_[-1] == 9.0


def test_scores_of_each_individual(cows, model, tmp_path):
    told = succeed("evaluate", model, cows, *READ, "--from", "2021-03-01T09:00", "--json", tmp_path / "a.json")
    assert "mean distance of each individual [m]" in told and "cow 7" in told
    scores = json.loads((tmp_path / "a.json").read_text())
    assert len(scores["by_individual"]["ids"]) == 8 and scores["protocol"] == "forecast"


def test_convert_keeps_individuals_and_common_times(cows, tmp_path):
    succeed("convert", cows, *READ, "--projection", "utm", "-o", tmp_path / "a.h5")
    tracks = wls.Tracks.load(tmp_path / "a.h5")
    assert tracks.metadata["projection"] == "EPSG:32631" and tracks.metadata["resampled"]["every"] == pytest.approx(
        1 / 3
    )
    succeed("convert", tmp_path / "a.h5", "--every", "1 h", "-o", tmp_path / "b.parquet")
    assert wls.Tracks.load(tmp_path / "b.parquet").times.tolist() == [6, 7, 8, 9, 10]
    assert json.loads(run("info", tmp_path / "a.h5", "--json").stdout)["individuals"] == 8


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    rows = [f"{t},{rng.normal() + t:.4f},{rng.normal():.4f}" for t in (0, 1, 2, 3) for _ in range(10)]
    path = tmp_path_factory.mktemp("table") / "screen.csv"
    path.write_text("hour,a,b\n" + "\n".join(rows) + "\n")
    return path


NAMES = ("--time", "hour", "--positions", "a,b")


def test_columns_of_other_names_in_every_command(table, tmp_path):
    model = tmp_path / "a.model"
    told = succeed("fit", table, *NAMES, "-o", model, "--hold-out", 2, "--two-sided", "--velocities", "zero", *FIT)
    assert "interpolate" in told
    succeed("evaluate", model, table, *NAMES, "--two-sided")
    succeed("study", table, *NAMES, "--budget", "2", "-q")
    succeed("render", table, "--time-column", "hour", "--positions", "a,b", "--overview", "-o", tmp_path / "a.png")
    succeed("info", table, *NAMES)


@pytest.mark.parametrize(
    ("options", "terms"),
    [
        (["--term", "pair:2.5"], ["PairPotential(cutoff=2.5"]),
        (["--alignment", "1.0", "--term", "mean-field"], ["LearnableAlignment(cutoff=1", "MeanFieldPotential("]),
        (["--term", "alignment:2", "--term", "self-propulsion"], ["LearnableAlignment(cutoff=2", "LearnableSelfProp"]),
    ],
)
def test_terms(table, tmp_path, options, terms):
    velocities = ["--velocities", "zero"]
    told = succeed("fit", table, *NAMES, "-o", tmp_path / "a.model", *velocities, *options, *FIT, "--friction", 0.1)
    assert all(term in told for term in terms)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--term", "pear:2"], "'pear' is not one of pair, mean-field, attention, alignment, self-propulsion (did"),
        (["--term", "pair"], "it needs a number"),
        (["--term", "pair:far"], "'far' is not a number"),
        (["--term", "pair:-1"], "`cutoff` must be"),
        (["--two-sided"], "it needs --hold-out"),
        (["--until", "2021-03-01"], "the data have no dates"),
        (["--until", "soon"], "must be a finite number, or a date"),
        (["--positions", "a,c"], "got 'c'"),
    ],
)
def test_bad_usage(table, tmp_path, options, reason):
    names = NAMES if "--positions" not in options else NAMES[:2]
    error = refuse(2, "fit", table, *names, "-o", tmp_path / "a.model", *options, *FIT)
    assert reason in error


def test_errors_say_options(table, cows, tmp_path):
    def said(*arguments: object) -> str:
        return run(*arguments).stderr

    out = ("-o", tmp_path / "a.model")
    assert "or 'frame': --time NAME says it" in said("fit", table, "--positions", "a,b", *out)
    assert "--positions NAME" in said("fit", table, "--time", "hour", *out)
    assert "--id NAME" in said("fit", table, *NAMES, "--every", "1 h", *out)
    (tmp_path / "a.csv").write_text("id,time,x,y\na,1.3.2021,0,0\na,2.3.2021,1,0\n")
    assert "--read date_format='%d.%m.%Y %H:%M'" in said("fit", tmp_path / "a.csv", *out)
    for text in (said("fit", cows, "--projection", "mine", *out), said("fit", cows, "--read", "timezone=Mars", *out)):
        assert "(" not in text.split("error:")[1].split("got")[0]


def test_maps_and_colours_by_place_of_release(cows, model, tmp_path):
    path = tmp_path / "a.h5"
    succeed("forecast", model, cows, *READ, "--from", "2021-03-01T09:00", "-o", path)
    succeed("render", path, "--map", "--color", "release", "--truth", cows, "-o", tmp_path / "a.png")
    succeed("render", cows, *READ, "--map", "-o", tmp_path / "b.png")
    assert "it is not for maps" in refuse(2, "render", path, "--map", "--trail", 2, "-o", tmp_path / "c.png")
    cloud = wls.Tracks.load(path).snapshots().save(tmp_path / "cloud.h5")
    assert "do not say who is who" in refuse(2, "render", cloud, "--color", "release", "-o", tmp_path / "c.png")
    assert (tmp_path / "a.png").stat().st_size > 5000


@pytest.mark.parametrize("color", ["individual", "release"])
def test_films_of_tracks_know_who_is_who(cows, tmp_path, monkeypatch, color):
    """What is drawn, not the drawing, which takes long."""
    drawn: list[Any] = []
    monkeypatch.setattr(wls.visual, "film", lambda *what, **look: drawn.extend((what[0], look)))
    gaps = cows.read_text().splitlines(keepends=True)
    (tmp_path / "gaps.csv").write_text("".join([*gaps[:10], *gaps[11:]]))
    succeed("render", tmp_path / "gaps.csv", "--trail", 3, "--color", color, "-o", tmp_path / "a.gif")
    tracks, look = drawn
    assert isinstance(tracks, wls.Tracks) and look["trail"] == 3
    assert [len(row) for row in look["color"]] == tracks.seen.sum(axis=1).tolist()
    first = {name: tracks.positions[np.flatnonzero(tracks.seen[:, i])[0], i] for i, name in enumerate(tracks.ids)}
    if color == "individual":
        assert look["color"][1].tolist() == list(tracks.ids_at(tracks.times[1]))
    else:
        assert any(look["color"][1].tolist() == [first[n][k] for n in tracks.ids_at(tracks.times[1])] for k in (0, 1))


def test_a_list_of_columns_is_said_as_an_option(tmp_path):
    (tmp_path / "a.csv").write_text("id,time,lon,lat,height above msl\na,0,5,52,1\na,1,5,53,2\n")
    said = run("info", tmp_path / "a.csv").stderr
    assert "--positions 'lon,lat,height above msl' takes it too" in said


def test_options_of_snapshots_on_a_table_that_says_who_is_who(tmp_path):
    rows = "".join(f"{who},{day},{k},{k},{kind}\n" for k, day in enumerate(("d1", "d2")) for who, kind in ("ab", "ba"))
    (tmp_path / "a.csv").write_text(f"id,time,x,y,kind\n{rows}")
    days = ("--time-value", "d1=1", "--time-value", "d2=2")
    succeed("convert", tmp_path / "a.csv", "--populations", "kind", "--dims", 1, *days, "-o", tmp_path / "a.h5")
    clouds = wls.SnapshotSeries.load(tmp_path / "a.h5")
    assert clouds.population_labels == (0, 1) and clouds.dim == 1 and clouds.times.tolist() == [1, 2]
    refused = refuse(2, "convert", tmp_path / "a.csv", "--dims", 1, "--every", 1, "-o", tmp_path / "b.h5")
    assert "`dims` cannot go with `every`" in refused
    assert "did you mean 'dims'" in refuse(2, "info", tmp_path / "a.csv", "--read", "dimz=1")
    refused = refuse(2, "convert", tmp_path / "a.csv", *days, "-o", tmp_path / "b.xyz")
    assert "does not end in .h5" in refused


def test_arguments_without_an_option_of_their_own(cows, tmp_path):
    refused = refuse(2, "convert", cows, "--timezone", "Asia/Tokyo", "-o", tmp_path / "a.h5")
    assert "No such option: --timezone" in refused and "; --read timezone=... says it" in refused
    assert "--read" not in refuse(2, "convert", cows, "--colour", "red", "-o", tmp_path / "a.h5")


def test_info_of_a_zarr_store(cows, tmp_path):
    pytest.importorskip("zarr")
    wls.Tracks.load(cows).resample("20 min").to_xarray().to_zarr(tmp_path / "a.zarr")
    assert json.loads(run("info", tmp_path / "a.zarr", "--json").stdout)["individuals"] == 8
    (tmp_path / "folder").mkdir()
    assert "it is a folder" in refuse(1, "info", tmp_path / "folder")


def test_a_forecast_as_a_table_is_mapped_again(cows, model, tmp_path):
    start = (model, cows, *READ, "--from", "2021-03-01T09:00")
    succeed("forecast", *start, "--to", "2021-03-01T10:00", "-o", tmp_path / "several.csv")
    told = succeed("forecast", *start, "--times", "2021-03-01T10:00", "-o", tmp_path / "one.csv")
    assert "positions in m, times in h since 2021-03-01, from 2021-03-01T09:00" in told
    moment = ("--map", "--time", "2021-03-01T10:00", "--truth", cows)
    for name in ("several", "one"):
        succeed("render", tmp_path / f"{name}.csv", *moment, "-o", tmp_path / f"{name}.png")
    assert "the nearest is 2021-03-01T10:00" in refuse(
        2, "render", tmp_path / "several.csv", "--map", "--time", "2021-03-01T11:00", "-o", tmp_path / "a.png"
    )


def test_snapshots_as_a_table_are_mapped(cows, tmp_path):
    clouds = wls.Tracks.load(cows, units={"time": "h"}).resample("20 min").snapshots()
    clouds.save(tmp_path / "clouds.csv")
    again = wls.SnapshotSeries.load(tmp_path / "clouds.csv")
    assert again == clouds and again.units["time"] == "h" and (again.dates == clouds.dates).all()
    succeed("render", tmp_path / "clouds.csv", "--map", "-o", tmp_path / "a.png")
    succeed("render", tmp_path / "clouds.csv", "--map", "--time", "2021-03-01T08:00", "-o", tmp_path / "b.png")


def test_what_a_forecast_can_be_made_of_is_said(cows, model, tmp_path):
    out = ("-o", tmp_path / "a.csv")
    hint = "the model was fitted from 2021-03-01T06:20 to 2021-03-01T09:00, and --times "
    start = (model, cows, *READ, "--from")
    assert hint in run("forecast", *start, "2021-03-01T10:40", *out).stderr
    told = run("forecast", *start, "2021-03-01T10:00", "--to", "2021-03-02", *out)
    assert told.exit_code == 0 and "the data end at 2021-03-01T10:40, and so does the forecast" in told.stderr
    assert hint + "2021-03-01T10:20,2021-03-01T10:40" in told.stderr
    assert "does not write .xyz files" in refuse(2, "forecast", *start, "2021-03-01T10:00", "-o", tmp_path / "a.xyz")
    past = tmp_path / "past.h5"
    wls.Tracks.load(cows, units={"time": "h"}).resample("20 min").split(at="2021-03-01T09:00")[0].save(past)
    assert "fitted at all of its times" in run("evaluate", model, past).stderr


def test_a_warning_is_said_once(cows, capsys):
    import warnings

    from wlmsim.cli.errors import _short_warnings, doing

    with _short_warnings():
        for category in (wls.errors.DataWarning, UserWarning):
            warnings.warn("the same", category, stacklevel=1)
    assert capsys.readouterr().err == "wlmsim: warning: the same\n"
    with doing("sleeping"):
        pass
    assert not capsys.readouterr().err


def test_long_work_is_said(capsys, monkeypatch):
    import time

    from wlmsim import _progress
    from wlmsim.cli.errors import doing

    monkeypatch.setattr(_progress, "SHORT", 0.01)
    for quiet in (True, False):
        with doing("sleeping", quiet=quiet):
            time.sleep(0.5)
    assert capsys.readouterr().err == "wlmsim: sleeping ...\n"
