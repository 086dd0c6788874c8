"""Errors suggest the fix: what was meant, how to come by what is expected, where a file is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim import _validation as check
from wlmsim.errors import FileFormatError, MissingPackageError, ParameterError


def series():
    return wls.systems.HarmonicOscillator(n=5, seed=0).exact([0.0, 1.0, 2.0]).snapshots(seed=0)


def well():
    return wls.External(wls.laws.Harmonic(2.0))


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("sinkhron", "sinkhorn"),
        ("Exact", "exact"),
        ("multiple_shooting", "multiple-shooting"),
        ("multiple", "multiple-shooting"),
        ("dya", "day"),
        ("ex", None),
        ("voronoi", None),
        (3, None),
    ],
)
def test_the_word_that_was_meant(word, meant):
    options = ["sinkhorn", "exact", "multiple-shooting", "multiplicity" if word == "multip" else "sliced", "day"]
    assert check.meant(word, options) == (f" (did you mean {meant!r}?)" if meant else "")
    with pytest.raises(ParameterError, match=re.escape(f"got {word!r}{check.meant(word, options)}") + "$"):
        check.choice("loss", word, options)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("study", "; there is wlmsim.learn.study"),
        ("Boids", "; there is wlmsim.systems.Boids"),
        ("load", "; there is wlmsim.SnapshotSeries.load, wlmsim.Tracks.load, wlmsim.Trajectory.load"),
        ("nowhere", ""),
        ("_repr_html_", ""),
    ],
)
def test_where_a_name_is_that_is_looked_for_at_the_top(name, place):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'{re.escape(place)}$"):
        getattr(wls, name)


def test_a_beginning_of_several_words_means_none_of_them():
    assert check.meant("eb_", ["eb_pcs10.npz", "eb_velocity_v5.npz"]) == ""


def test_names_of_parameters():
    law = wls.Lagrangian(well())
    with pytest.raises(ParameterError, match=r"got 'external.stifness' \(did you mean 'external.stiffness'\?\)"):
        wls.learn.fit_parameters(law, series(), learn=["external.stifness"])
    with pytest.raises(ParameterError, match=r"\(did you mean 'external.stiffness'\?\); known are friction"):
        wls.learn.with_parameters(law, {"external.stifness": 1.0})


@pytest.mark.parametrize(
    ("call", "hint"),
    [
        (
            lambda: wls.simulate(wls.Lagrangian(), series()[0], [1.0], walls=(0, 1)),
            "`wls.Walls(lower, upper)` makes them of bounds",
        ),
        (lambda: wls.learn.WLM().fit(series()[0]), "`wls.SnapshotSeries.from_populations` takes several"),
        (lambda: wls.learn.WLM().fit(wls.Trajectory([0.0], np.zeros((1, 2, 2)))), "its .snapshots() forget who is who"),
        (lambda: wls.learn.WLM().fit(np.zeros((3, 4, 2))), "`wls.SnapshotSeries(times, clouds)` makes one of arrays"),
        (lambda: wls.learn.WLM().fit("flock.h5"), "`wls.SnapshotSeries.load(path)` reads a file"),
        (lambda: wls.learn.WLM().fit(Path("flock.h5")), "`wls.SnapshotSeries.load(path)` reads a file"),
        (lambda: wls.simulate(wls.Lagrangian(well()), series(), [1.0]), "is `series[k]` or `series.at(time)`"),
        (lambda: wls.simulate(well(), series()[0], [1.0]), "`wls.Lagrangian(functional)` makes one of it"),
        (
            lambda: wls.Lagrangian(wls.laws.Harmonic()),
            "a law becomes one in `wls.External(law)` or `wls.Pairwise(law)`",
        ),
        (lambda: wls.Lagrangian(lambda x, xp: x), "a law becomes one in `wls.External(law)` or `wls.Pairwise(law)`"),
        (lambda: wls.Lagrangian(wls.External), "construct one of that class"),
        (lambda: wls.Lagrangian(well(), dissipation=wls.Friction), "construct one of that class"),
        (lambda: wls.Lagrangian(dissipation=0.1), "`wls.Friction(rate)` makes one of a number"),
        (lambda: wls.Lagrangian(magnetic=2), "`wls.MagneticField(strength)` makes one of a number"),
        (
            lambda: wls.simulate(wls.laws.Kepler(), series()[0], [1.0]),
            "a potential becomes one in `wls.Lagrangian(wls.External(law))`, and a velocity field in a class of "
            "`wls.Flow`",
        ),
        (
            lambda: wls.simulate(wls.Lagrangian(well()), series()[0], [1.0], events=[lambda cloud: 1.0]),
            "`wls.Event(function, name='...')` makes one of a function that passes through zero",
        ),
        (lambda: wls.Population([1.0, 2.0]), "for points on a line add an axis, as x[:, None] does"),
        (lambda: wls.SnapshotSeries([0.0], [[1.0, 2.0]]), "for points on a line add an axis, as x[:, None] does"),
        (lambda: wls.visual.plot_scores(wls.learn.WLM()), "`model.evaluate(observed)` returns them"),
    ],
    ids=range(19),
)
def test_how_to_come_by_what_is_expected(call, hint):
    with pytest.raises(ParameterError) as caught:
        call()
    assert str(caught.value).endswith(f"; {hint}") or (hint.startswith("is `") and str(caught.value).endswith(hint))


def test_every_hint_names_classes_that_there_are():
    """A class that is renamed must not leave a hint behind that never comes."""
    ours = {
        name
        for home in (
            wls,
            wls.mechanics.dissipation,
            wls.learn,
            wls.evaluation,
            wls.systems,
            wls.functionals,
            wls.integrators,
        )
        for name in dir(home)
    }
    others = {
        "ndarray",
        "list",
        "str",
        "PurePath",
        "DataFrame",
        "AnnData",
        "Callable",
        "Functional",
        "tuple",
        "float",
        "int",
    }
    assert {name for pair in check.WAYS for name in pair} <= ours | others


def test_what_is_given_right_gets_no_hint():
    assert check.instance("data", data := series(), wls.SnapshotSeries) is data
    with pytest.raises(ParameterError, match=r"must be a SnapshotSeries; got 3$"):
        wls.learn.WLM().fit(3)


# Files


@pytest.mark.parametrize(
    "read",
    [wls.SnapshotSeries.load, wls.Trajectory.load, wls.learn.WLM.load, wls.io.kind, wls.io.describe, wls.io.outline],
    ids=lambda read: read.__qualname__,
)
def test_a_file_that_is_not_there(read, tmp_path):
    (tmp_path / "flock.h5").touch()
    with pytest.raises(FileNotFoundError, match=r"No such file or directory \(did you mean 'flock.h5'\?\)") as caught:
        read(tmp_path / "flok.h5")
    assert caught.value.filename == str(tmp_path / "flok.h5")
    with pytest.raises(FileNotFoundError, match="No such file or directory: "):
        read(tmp_path / "quite-another")
    with pytest.raises(FileNotFoundError, match="No such folder") as caught:
        read(tmp_path / "nowhere" / "flock.h5")
    assert caught.value.filename == str(tmp_path / "nowhere")


@pytest.mark.parametrize("suffix", [".csv", ".npz", ".nc", ".h5ad"])
def test_files_of_other_kinds_that_are_not_there(suffix, tmp_path):
    for package in {".nc": ["xarray", "h5netcdf"], ".h5ad": ["anndata"]}.get(suffix, []):
        pytest.importorskip(package)
    (tmp_path / f"cells{suffix}").touch()
    with pytest.raises(FileNotFoundError, match=rf"\(did you mean 'cells{suffix}'\?\)"):
        wls.SnapshotSeries.load(tmp_path / f"cell{suffix}")


def test_files_of_the_wrong_kind(tmp_path):
    data = series()
    data.save(tmp_path / "data.h5")
    wlm(steps=1, members=1, progress=False).fit(data).save(tmp_path / "it.model")
    with pytest.raises(FileFormatError, match=r"a model or a checkpoint: WLM.load reads models"):
        wls.SnapshotSeries.load(tmp_path / "it.model")
    with pytest.raises(FileFormatError, match=r"it holds data, which SnapshotSeries.load reads"):
        wls.learn.WLM.load(tmp_path / "data.h5")
    with pytest.raises(
        FileFormatError, match=r"it holds snapshots, not a trajectory: read it with SnapshotSeries.load"
    ):
        wls.Trajectory.load(tmp_path / "data.h5")


def test_names_of_columns(tmp_path):
    table = tmp_path / "cells.csv"
    table.write_text("day,px,py\n0,1,2\n1,2,3\n")
    with pytest.raises(ParameterError, match=r"got 'dya' \(did you mean 'day'\?\)"):
        wls.SnapshotSeries.load(table, time="dya", positions=["px", "py"])
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'tiem' \(did you mean 'time'\?\)"):
        wls.SnapshotSeries.load(table, tiem="day")


def test_a_package_that_is_not_installed(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "anndata", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'wlmsim\[anndata\]'"):
        series().to_anndata()


# Paths


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's folder with a name that is neither ASCII nor without spaces."""
    folder = tmp_path / "Füße und 鳥"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    return folder


def visible(folder):
    """Names in a folder but for hidden ones, such as the cache of compiled laws."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_the_users_folder(home):
    data = series()
    assert data.save("~/dätä.h5") == home / "dätä.h5"
    assert wls.SnapshotSeries.load("~/dätä.h5") == data
    for suffix in (".csv", ".npz"):
        assert wls.io.export(data, f"~/dätä{suffix}") == home / f"dätä{suffix}"
        assert wls.SnapshotSeries.load(f"~/dätä{suffix}")[0].positions.shape == data[0].positions.shape
    flight = wls.systems.HarmonicOscillator(n=5, seed=0).exact([0.0, 1.0])
    assert wls.Trajectory.load(flight.save("~/飛行.h5")) == flight
    model = wlm(steps=1, members=1, progress=False, checkpoint="~/part.checkpoint").fit(data)
    assert model.save("~/модель") == home / "модель"
    assert wls.learn.WLM.load("~/модель").friction_ == model.friction_
    wls.systems.HarmonicOscillator(n=5, seed=0).simulate([0.0, 1.0], save="~/as it goes.h5")
    assert len(wls.Trajectory.load("~/as it goes.h5")) == 2
    assert visible(home) == {
        "dätä.h5", "dätä.csv", "dätä.npz", "飛行.h5", "модель", "as it goes.h5"
    }  # fmt: skip


def test_the_users_folder_on_the_command_line(home, capsys):
    from wlmsim import cli

    def run(*arguments):
        with pytest.raises(SystemExit) as done:
            cli.app(list(arguments), prog_name="wlmsim")
        assert done.value.code == 0, capsys.readouterr().err

    run("simulate", "kepler", "--until", "1", "--dt", "0.5", "-n", "3", "-q", "--output=~/orbit.h5")
    run("info", "~/orbit.h5")
    run("convert", "~/orbit.h5", "--output=~/orbit.csv")
    assert visible(home) == {"orbit.csv", "orbit.h5"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["simulat", "boids"], "Did you mean 'simulate'?"),
        (["simulate", "boid", "--until", "1", "--dt", "1", "-o", "x.h5"], "(did you mean 'boids'?)"),
        (["simulate", "boids", "--until", "1", "--dt", "1", "-o", "x.h5", "--set", "cohesio=3"], "mean 'cohesion'?"),
        (
            ["fit", "nothing.h5", "-o", "x.model", "--set", "los=exact"],
            "WLM has no parameter los (did you mean 'loss'?)",
        ),
        (["fit", "flok.h5", "-o", "x.model"], "flok.h5: No such file or directory (did you mean 'flock.h5'?)"),
        (["info", "flok.h5"], "flok.h5: No such file or directory (did you mean 'flock.h5'?)"),
        (["forecast", "flock.h5", "flock.h5", "-o", "x.h5"], "it holds data, which SnapshotSeries.load reads"),
        (["convert", "flock.h5", "-o", "x.cvs"], "(did you mean '.csv'?)"),
        (["render", "flock.h5", "-o", "x.png", "--color", "sped"], "(did you mean 'speed'?)"),
    ],
    ids=["command", "system", "setting", "parameter", "data", "file", "kind", "suffix", "color"],
)
def test_the_command_line_suggests(arguments, said, tmp_path, monkeypatch, capsys):
    from wlmsim import cli

    monkeypatch.chdir(tmp_path)
    series().save("flock.h5")
    with pytest.raises(SystemExit) as done:
        cli.app(arguments, prog_name="wlmsim")
    words = capsys.readouterr().err
    assert done.value.code in (1, 2) and said in words and words.count("\n") == 1
