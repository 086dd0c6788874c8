"""The command line with clocks of any offset, files of other programs, and ways out that a shell can take."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import wlmsim as wls
from wlmsim.cli import app

FIT = ["--steps", 2, "--set", "members=1", "-q"]


def run(*arguments: object) -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="wlmsim")


def succeed(*arguments: object) -> str:
    """Run a command that has to succeed; return what it printed."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refuse(*arguments: object) -> str:
    """Run a command that has to fail with one line; return the line."""
    result = run(*arguments)
    assert result.exit_code in (1, 2) and result.stderr.count("\n") == 1, result.output
    return result.stderr


@pytest.mark.parametrize("offset, step", [(1.7e9, 1.0), (0.0, 1e-9), (1e12, 1.0)], ids=["epoch", "ns", "far"])
def test_no_marginal_is_lost_or_leaked(offset, step, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spring = wls.systems.HarmonicOscillator(n=20, seed=0).exact(np.arange(6.0)).snapshots(seed=0)
    times = offset + step * spring.times
    wls.SnapshotSeries(times, spring.positions, [v / step for v in spring.velocities]).save("a.h5")
    succeed("fit", "a.h5", "-o", "a.model", "--until", float(times[3]), *FIT)
    assert np.array_equal(wls.learn.WLM.load("a.model").times_, times[:4])
    succeed("evaluate", "a.model", "a.h5", "--json", "a.json")
    assert json.loads(Path("a.json").read_text())["times"] == times[4:].tolist()
    for since in ([], ["--from", float(times[3])]):
        succeed("forecast", "a.model", "a.h5", *since, "-o", "f.h5", "-f")
        assert np.array_equal(wls.Trajectory.load("f.h5").times, times[4:])
    assert f"{times[-1]:.0f}" in succeed("info", "a.h5") or step < 1


def test_the_time_that_an_error_suggests_is_accepted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    times = np.arange(20) / 72
    wls.SnapshotSeries(times, list(rng.normal(size=(20, 9, 2))), list(rng.normal(size=(20, 9, 2)))).save("a.h5")
    succeed("fit", "a.h5", "-o", "a.model", *FIT)
    error = refuse("forecast", "a.model", "a.h5", "--from", "0.07", "-o", "f.h5")
    nearest = re.search(r"nearest is ([\d.e+-]+)\)", error)[1]
    succeed("forecast", "a.model", "a.h5", "--from", nearest, "-o", "f.h5")


def clouds(path: Path, count: int = 4) -> Path:
    rng = np.random.default_rng(0)
    wls.SnapshotSeries(np.arange(float(count)), [rng.normal(size=(12, 2)) + k for k in range(count)]).save(path)
    return path


def test_gradient_flows_are_told_of_and_scored_from_both_sides(tmp_path):
    data, model = clouds(tmp_path / "a.h5"), tmp_path / "a.model"
    succeed("fit", data, "-o", model, "--friction", "inf", "--hold-out", 1, *FIT)
    about = succeed("info", model)
    assert "GradientFlow" in about and "inf" in about
    plain = json.loads(succeed("info", model, "--json"), parse_constant=pytest.fail)  # no Infinity, which is no JSON
    assert plain["friction"] == "inf" and plain["fitted_times"] == [0, 2, 3]
    assert "interpolate, each between the fitted" in succeed("evaluate", model, data, "--two-sided").replace("\n", " ")
    assert "--two-sided: it cannot go with --from" in refuse("evaluate", model, data, "--two-sided", "--from", 0)
    succeed("fit", data, "-o", model, "--friction", "inf", "-f", *FIT)
    assert "--hold-out or --until of wlmsim fit keeps some" in refuse("evaluate", model, data)


def test_forecasts_with_noise_take_a_seed_and_an_ensemble(tmp_path):
    data, model, out = clouds(tmp_path / "a.h5"), tmp_path / "a.model", tmp_path / "f.h5"
    succeed("fit", data, "-o", model, "--friction", "inf", "--set", "noise=0.3", *FIT)
    options = ["--from", 2, "--times", "2.5,3", "--seed", 5, "--ensemble", 3]
    succeed("forecast", model, data, *options, "-o", out)
    path = wls.Trajectory.load(out)
    assert path.n == 36 and path.metadata["seed"] == 5 and path.metadata["ensemble"] == 3


def test_text_of_other_programs(tmp_path):
    table, out = tmp_path / "a.csv", tmp_path / "a.h5"
    table.write_text('"time";"x"\n0;0,1\n1;0,2\n')
    error = refuse("convert", table, "-o", out, "--decimal", ".")
    assert "--read decimal=, reads decimal commas" in error
    succeed("convert", table, "-o", out, "--decimal", ",")
    assert wls.SnapshotSeries.load(out).positions[1].tolist() == [[0.2]]
    table.write_text("time,x\nearly,0.1\nlate,0.2\n")
    error = refuse("convert", table, "-o", out, "-f")
    assert "--time-value WORD=NUMBER" in error and "{" not in error
    table.write_text("time,x\n2020-01-01T00:00Z,0.1\n2020-01-01T01:30Z,0.2\n")
    succeed("convert", table, "-o", out, "-f", "--time-unit", "min", "--length-unit", "m")
    series = wls.SnapshotSeries.load(out)
    assert series.times.tolist() == [0, 90] and series.units == {"time": "min", "length": "m"}
    assert "got --time-unit frame" in refuse("convert", table, "-o", out, "-f", "--time-unit", "frame")
    (tmp_path / "a.feather").write_bytes(b"PAR1")
    for command in (["info"], ["convert", "-o", out, "-f"]):
        assert "save it as .csv with pandas" in refuse(command[0], tmp_path / "a.feather", *command[1:])


def test_drifters_on_the_command_line(tmp_path):
    xarray, _ = pytest.importorskip("xarray"), pytest.importorskip("h5netcdf")
    metres = 5e5 + 1e3 * np.arange(10.0).reshape(2, 5)
    variables = {
        "time": (("traj", "obs"), np.tile(np.arange(5.0), (2, 1)), {"units": "seconds"}),
        "lon": (("traj", "obs"), metres),
        "lat": (("traj", "obs"), metres),
    }
    file, out = tmp_path / "a.nc", tmp_path / "a.h5"
    xarray.Dataset(variables, attrs={"feature_type": "trajectory"}).to_netcdf(file, engine="h5netcdf")
    assert "lon" in succeed("info", file)
    error = refuse("convert", file, "-o", out)
    suggested = re.search(r"--read (position_unit=m)", error)[1]
    succeed("convert", file, "-o", out, "--set", suggested)
    series = wls.SnapshotSeries.load(out)
    assert series.units == {"length": "km", "time": "s"} and series.sizes == (2,) * 5
    assert "a is given twice" in refuse("convert", file, "-o", out, "-f", "--set", "a=1", "--set", "a=2")


def test_forecasts_grow_without_a_word(tmp_path):
    data, model = clouds(tmp_path / "a.h5"), tmp_path / "a.model"
    succeed("fit", data, "-o", model, "--friction", "inf", "--set", "loss.reach=1.0", *FIT)
    shown = run("forecast", model, data, "--from", 2, "--times", "2.5", "-o", tmp_path / "f.h5").stderr
    assert "weights" not in shown and not wls.Trajectory.load(tmp_path / "f.h5").uniform
