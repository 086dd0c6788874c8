"""The command line, end to end on tiny data, and every way in which it refuses."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import wlmsim as wls
from tests.models import wlm
from wlmsim import _progress
from wlmsim.cli import app
from wlmsim.cli.catalogue import _kebab, systems
from wlmsim.evaluation import score_forecast


def run(*arguments: object) -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="wlmsim")


def succeed(*arguments: object) -> str:
    """Run a command that has to succeed; return its stdout."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refuse(code: int, *arguments: object) -> str:
    """Run a command that has to fail with one line on stderr and nothing on stdout; return the line."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.stderr.startswith("wlmsim: error: ")
    return result.stderr


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    settings = {**os.environ, "COLUMNS": "80", **environment}
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, env=settings, timeout=120)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: on tiny data more of them only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A folder with a trajectory, spring.h5 at t = 0, 0.5, ..., 4, and spring.model, fitted up to t = 2."""
    folder = tmp_path_factory.mktemp("study")
    spring, model = folder / "spring.h5", folder / "spring.model"
    particles = ["-n", 20, "--until", 4, "--dt", 0.5, "--seed", 3]
    succeed("simulate", "harmonic-oscillator", *particles, "-o", spring, "--quiet")
    succeed("fit", spring, "--until", 2, "--steps", 3, "--validation", "none", "-o", model, "--quiet")
    return folder


# --- the way in


def test_help_names_every_command() -> None:
    shown = succeed("--help")
    for command in ("simulate", "study", "fit", "forecast", "evaluate", "render", "info"):
        assert f" {command} " in shown
        assert "Usage: wlmsim " + command in succeed(command, "-h")


def test_without_command_shows_help() -> None:
    result = run()
    assert result.exit_code == 2
    assert "Usage: wlmsim" in result.stdout


def test_version() -> None:
    assert succeed("--version") == f"wlmsim {wls._version()}\n"


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys\n"
        "try:\n    from wlmsim.cli import main; main()\n"
        "except SystemExit as end:\n    assert end.code == 0, end.code\n"
        "heavy = {'torch', 'numba', 'pyvista', 'matplotlib', 'h5py', 'numpy', 'scipy', 'sympy', 'ot'}\n"
        "print('LOADED', sorted(heavy & sys.modules.keys()))"
    )
    result = python("-c", script, "--help")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("LOADED []\n")
    assert "Usage: wlmsim" in result.stdout


def test_module_runs_like_the_command(study: Path) -> None:
    result = python("-m", "wlmsim", "info", str(study / "spring.h5"))
    assert (result.returncode, result.stderr) == (0, "")
    assert "trajectory" in result.stdout


@pytest.mark.parametrize(
    ("typed", "offered"), [("wlmsim for", "forecast"), ("wlmsim simulate gauss", "gaussian-packet")]
)
def test_shell_completion(typed: str, offered: str) -> None:
    line = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    assert python("-m", "wlmsim", _WLMSIM_COMPLETE="complete_bash", **line).stdout.split() == [offered]


# --- simulate


def test_every_exported_system_can_be_simulated(tmp_path: Path) -> None:
    exported = {name for name in wls.systems.__all__ if not inspect.isabstract(getattr(wls.systems, name))}
    assert {system.__name__ for system in systems().values()} == exported
    listed = succeed("simulate", "--list")
    for name, system in systems().items():
        assert name in listed
        file = tmp_path / f"{name}.h5"
        size = {"n": 8} if "n" in inspect.signature(system).parameters else {}
        options = ["-n", 8] if size else []
        shown = succeed("simulate", name, *options, "--until", 0.2, "--dt", 0.1, "--seed", 5, "-o", file)
        assert str(file) in shown
        expected = system(**size, seed=5).simulate([0.0, 0.1, 0.2])  # type: ignore[call-arg]
        np.testing.assert_array_equal(wls.Trajectory.load(file).positions, expected.positions)


@pytest.mark.parametrize(
    ("name", "kebab"),
    [("Boids", "boids"), ("GaussianPacket", "gaussian-packet"), ("SPHFluid", "sph-fluid"), ("Toy2Body", "toy2-body")],
)
def test_names_of_systems(name: str, kebab: str) -> None:
    assert _kebab(name) == kebab


def test_constructor_parameters(tmp_path: Path) -> None:
    file = tmp_path / "spring.h5"
    options = ["-n", 5, "--dim", 3, "--set", "frequency=[1, 2.0, 3e0]", "--set", "friction=0.5", "--set", "width=2"]
    succeed("simulate", "harmonic-oscillator", *options, "--until", 1, "--dt", 0.5, "--step", 0.1, "-o", file)
    spring = wls.systems.HarmonicOscillator(n=5, dim=3, frequency=[1, 2, 3], friction=0.5, width=2, seed=0)
    saved = wls.Trajectory.load(file)
    np.testing.assert_array_equal(saved.positions, spring.simulate([0, 0.5, 1], dt=0.1).positions)
    assert saved.metadata["parameters"] == {
        "n": 5,
        "dim": 3,
        "seed": 0,
        "frequency": [1, 2, 3],
        "friction": 0.5,
        "width": 2,
    }


def test_dashes_and_python_literals_in_set(tmp_path: Path) -> None:
    file = tmp_path / "drifters.h5"
    settings = ["--set", "release=(2, 0.5)", "--set", "width=1e-9"]
    succeed("simulate", "vortex-drifters", "-n", 4, *settings, "--until", 1, "--dt", 1, "-o", file)
    np.testing.assert_allclose(wls.Trajectory.load(file).positions[0], [[2, 0.5]] * 4, atol=1e-7)
    succeed("simulate", "boids", "-n", 4, "--set", "half-width=2", "--until", 1, "--dt", 1, "-o", file, "--force")
    assert wls.Trajectory.load(file).metadata["parameters"]["half_width"] == 2


def test_times_are_round(tmp_path: Path) -> None:
    file = tmp_path / "spring.h5"
    succeed("simulate", "harmonic-oscillator", "-n", 1, "--until", 0.75, "--dt", 0.1, "-o", file)
    assert wls.Trajectory.load(file).times.tolist() == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_simulated_snapshots(tmp_path: Path) -> None:
    file, other = tmp_path / "snapshots.h5", tmp_path / "other.h5"
    options = ["-n", 10, "--until", 1, "--dt", 0.5, "--snapshots", "--fraction", 0.4]
    succeed("simulate", "boids", *options, "--seed", 7, "-o", file)
    expected = wls.systems.Boids(n=10, seed=7).simulate([0, 0.5, 1]).snapshots(0.4, seed=7)
    assert wls.SnapshotSeries.load(file) == expected
    assert expected.sizes == (4, 4, 4)
    succeed("simulate", "boids", *options, "--seed", 8, "-o", other)
    assert wls.SnapshotSeries.load(other) != expected


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["boid"], "'boid' is not one of boids, charged-particles"),
        (["boids", "-n", 0], "`n` must be an integer >= 1; got 0"),
        (["boids", "--set", "friction=1"], "no parameter friction; known are n, dim, cohesion"),
        (["boids", "--set", "noise"], "'noise' is not NAME=VALUE"),
        (["boids", "--set", "noise=-1"], "`noise` must be a finite number >= 0; got -1"),
        (["boids", "--set", "noise=some"], "`noise` must be a finite number >= 0; got 'some'"),
        (["boids", "--set", "n=3", "-n", 4], "n is given twice"),
        (["vortex-drifters", "--dim", 2], "--dim: VortexDrifters has no parameter dim; known are n, rotation"),
        (["boids", "--fraction", 0.5], "--fraction: it needs --snapshots"),
        (["boids", "-n", 3, "--snapshots", "--fraction", 2], "--fraction: `fraction` must be a number in (0, 1]"),
        (["boids", "--step", 0], "--step: `step` must be a finite number > 0"),
        (["boids", "--until", -1], "--until: `until` must be a finite number > 0"),
        (["boids", "--until", "nan"], "--until: `until` must be a finite number > 0"),
        (["boids", "--until", "soon"], "Invalid value for '--until'"),
        (["boids", "--dt", 5], "--dt: 5 is longer than --until 1"),
        (["boids", "--wings", 2], "No such option: --wings"),
    ],
)
def test_bad_usage_of_simulate(tmp_path: Path, options: list[object], reason: str) -> None:
    file = tmp_path / "x.h5"
    line = refuse(2, "simulate", "--until", 1, "--dt", 1, "-o", file, "--quiet", *options)
    assert reason in line
    assert "see 'wlmsim simulate --help'" in line
    assert not file.exists()


def test_missing_arguments() -> None:
    assert "Missing argument 'SYSTEM'" in refuse(2, "simulate")
    assert "Missing option '--until'" in refuse(2, "simulate", "boids")
    assert "No such command 'simulat'" in refuse(2, "simulat")


def test_blown_up_simulation(tmp_path: Path) -> None:
    file = tmp_path / "x.h5"
    options = ["--set", "frequency=1e9", "--until", 1000, "--dt", 10, "-o", file, "--quiet"]
    result = run("simulate", "harmonic-oscillator", "-n", 3, *options)
    warning, error = result.stderr.splitlines()
    assert result.exit_code == 1 and result.stdout == "" and not file.exists()
    assert warning.startswith(
        "wlmsim: warning: no --step was given, and one step of 10 from one record to the next is too long"
    )
    assert "stopped being finite" in error and error.endswith("try a --step smaller than --dt")
    assert "stopped being finite" in refuse(1, "simulate", "harmonic-oscillator", "-n", 3, *options, "--step", 5)


# --- outputs


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("old.h5", "old.h5: It exists already (--force replaces it)"),
        ("folder", "folder: Is a directory"),
        ("missing/x.h5", "missing: No such folder"),
    ],
)
def test_output_is_checked_before_the_work(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    (tmp_path / "old.h5").write_text("precious")
    (tmp_path / "folder").mkdir()

    def work(*_: Any, **__: Any) -> None:
        raise AssertionError("worked before looking at the output")

    for home, method in ((wls.systems.System, "simulate"), (wls.learn.WLM, "fit"), (wls.learn.WLM, "forecast")):
        monkeypatch.setattr(home, method, work)
    file, data, model = tmp_path / name, study / "spring.h5", study / "spring.model"
    for command in (
        ["simulate", "boids", "--until", 1, "--dt", 1, "-o", file],
        ["fit", data, "-o", file],
        ["forecast", model, data, "-o", file],
        ["evaluate", model, data, "--json", file],
    ):
        assert reason in refuse(1, *command)
    assert (tmp_path / "old.h5").read_text() == "precious"


def test_force_replaces(tmp_path: Path) -> None:
    file = tmp_path / "old.h5"
    file.write_text("old")
    succeed("simulate", "boids", "-n", 3, "--until", 1, "--dt", 1, "-o", file, "--force")
    assert len(wls.Trajectory.load(file)) == 2


# --- fit


def test_fit_keeps_to_what_it_was_told(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.model"
    options = {
        "--friction": 0.25,
        "--velocities": "zero",
        "--loss": "sinkhorn",
        "--steps": 2,
        "--learning-rate": 0.01,
        "--dt": 0.125,
        "--hidden": "8,4",
        "--validation": -1,
        "--seed": 5,
        "--device": "cpu",
        "--set": "optimiser.averaging=0.5",
        "--until": 2,
    }
    flat = [part for pair in options.items() for part in pair]
    succeed("fit", study / "spring.h5", "-o", file, "--quiet", "--static", "--hold-out", 1, "--hold-out", -1, *flat)
    model = wls.learn.WLM.load(file)
    found = model.get_params()
    expected = {"friction": 0.25, "initial_velocities": "zero", "loss": "sinkhorn", "rollouts__dt": 0.125, "seed": 5}
    expected["optimiser"] = wls.learn.AdamW(steps=2, learning_rate=0.01, averaging=0.5)
    expected |= {"stopping__validation": -1, "runtime__device": "cpu"}
    assert {name: found[name] for name in expected} == expected
    assert repr(model.potential) == "ExternalPotential(hidden=(8, 4), time_dependent=False)"
    assert model.times_.tolist() == [0, 1, 1.5]
    assert model.friction_ == pytest.approx(0.25)


def test_fit_of_pair_forces(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.model"
    few = ("--steps", 1, "--set", "members=1", "--quiet")
    succeed("fit", study / "spring.h5", "-o", file, "--pair", 0.5, *few)
    _, pair = wls.learn.WLM.load(file).potential.terms
    assert isinstance(pair, wls.learn.PairPotential) and pair.cutoff == 0.5


def test_options_not_given_have_the_defaults_of_wlm(study: Path) -> None:
    found = wls.learn.WLM.load(study / "spring.model").get_params()
    expected = wlm(wls.learn.ExternalPotential(), steps=3, progress=False).get_params()
    assert repr(found.pop("potential")) == repr(expected.pop("potential"))
    assert found == expected


def test_fit_with_a_checkpoint(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, state = tmp_path / "m.model", tmp_path / "state"
    seen = []
    original = wls.learn.WLM.fit

    def fit(self: Any, data: Any, **options: Any) -> Any:
        seen.append(self.checkpoint)
        return original(self, data, **options)

    monkeypatch.setattr(wls.learn.WLM, "fit", fit)
    options = ["--steps", 2, "--until", 1, "--validation", "none", "--checkpoint", state, "--quiet"]
    succeed("fit", study / "spring.h5", "-o", file, *options)
    assert seen == [state]


def test_model_in_a_file_without_suffix(study: Path, tmp_path: Path) -> None:
    succeed("fit", study / "spring.h5", "-o", tmp_path / "model", "--steps", 1, "--validation", "none", "--quiet")
    assert "ExternalPotential" in succeed("info", tmp_path / "model")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--friction", "some"], "--friction: 'some' is not learn or a number"),
        (["--friction", -1], "--friction: `friction` must be 'learn' or a number >= 0; got -1.0"),
        (["--velocities", "some"], "--velocities: `initial_velocities` must be one of 'given', 'zero'"),
        (["--rollouts", "some"], "--rollouts: `rollouts` must be 'anchored' or 'multiple-shooting'"),
        (["--loss", "some"], "--loss: `loss` must be 'exact' or 'sinkhorn' or"),
        (["--learning-rate", 0], "--learning-rate: `AdamW.learning_rate` must be a finite number > 0"),
        (["--steps", -1], "--steps: `AdamW.steps` must be an integer >= 0; got -1"),
        (["--steps", "2.5"], "Invalid value for '--steps'"),
        (["--hidden", "8,,4"], "--hidden: '8,,4' is not a list of integers"),
        (["--pair", "-1"], "--pair: `cutoff` must be a finite number > 0; got -1"),
        (["--hidden", "0"], "--hidden: `hidden` must be an integer >= 1; got 0"),
        (["--validation", "first"], "--validation: 'first' is not last or none or an integer"),
        (["--validation", 99], "--validation: `EarlyStopping.validation` must be an index of the 9 fitted marginals"),
        (["--hold-out", 99], "--hold-out: `indices` must be integers between -9 and 8; got [99]"),
        (["--until", -1], "spring.h5 holds no marginal up to t = -1"),
        (["--device", "abacus"], "--device: `Runtime.device` must be"),
        (["--set", "potential=3"], "WLM has no parameter potential; known are friction"),
        (["--set", "optimiser.steps=3", "--steps", 4], "optimiser.steps is given twice"),
        (["--set", "steps=3"], "--set: WLM has no parameter steps (did you mean 'optimiser.steps'?)"),
        (["--set", "loss.raech=3"], "--set: WLM has no parameter loss.raech (did you mean 'loss.reach'?)"),
        (["--set", "loss.reach=-1"], "--set: `Exact.reach` must be 'learn' or a number > 0; got -1"),
        (["--set", "loss.blur=0.1"], "--set: Exact has no option `blur`; it has velocity_weight, reach"),
    ],
)
def test_bad_usage_of_fit(study: Path, tmp_path: Path, options: list[object], reason: str) -> None:
    file = tmp_path / "m.model"
    assert reason in refuse(2, "fit", study / "spring.h5", "-o", file, "--quiet", *options)
    assert not file.exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.h5", "missing.h5: No such file or directory"),
        ("empty.h5", "empty.h5: it is empty"),
        ("text.h5", "text.h5: it is not an HDF5 file"),
        ("cut.h5", "cut.h5: it is truncated"),
        ("spring.model", "spring.model: it is not an HDF5 file"),
        ("folder", "folder"),
    ],
)
def test_unusable_data(study: Path, tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty.h5").touch()
    (tmp_path / "text.h5").write_text("time,x\n0,1\n")
    (tmp_path / "cut.h5").write_bytes((study / "spring.h5").read_bytes()[:4000])
    (tmp_path / "spring.model").write_bytes((study / "spring.model").read_bytes())
    (tmp_path / "folder").mkdir()
    assert reason in refuse(1, "fit", tmp_path / name, "-o", tmp_path / "m.model")
    assert reason in refuse(1, "forecast", study / "spring.model", tmp_path / name, "-o", tmp_path / "f.h5")
    assert reason in refuse(1, "render", tmp_path / name, "-o", tmp_path / "film.gif")


def test_data_that_does_not_suffice_is_no_bad_usage(study: Path, tmp_path: Path) -> None:
    reason = refuse(1, "fit", study / "spring.h5", "--until", 0, "-o", tmp_path / "m.model")
    assert "`data` must hold at least 2 marginals; got 1" in reason


# --- forecast


def test_forecast(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "forecast.h5"
    assert str(file) in succeed("forecast", study / "spring.model", study / "spring.h5", "--from", 1, "-o", file)
    model, data = wls.learn.WLM.load(study / "spring.model"), wls.SnapshotSeries.load(study / "spring.h5")
    expected = model.forecast(data.at(1.0), [1.5, 2, 2.5, 3, 3.5, 4])
    found = wls.Trajectory.load(file)
    np.testing.assert_array_equal(found.times, expected.times)
    np.testing.assert_array_equal(found.positions, expected.positions)


@pytest.mark.parametrize(
    ("options", "start", "times"),
    [
        ([], 2.0, [2.5, 3, 3.5, 4]),
        (["--until", 3], 2.0, [2.5, 3]),
        (["--times", "2.25,7"], 2.0, [2.25, 7]),
        (["--times", "1", "--from", 0], 0.0, [1]),
        (["--from", 3.5], 3.5, [4]),
    ],
)
def test_start_and_times_of_a_forecast(
    study: Path, tmp_path: Path, options: list[object], start: float, times: list[float]
) -> None:
    file = tmp_path / "forecast.h5"
    shown = succeed("forecast", study / "spring.model", study / "spring.h5", "-o", file, *options)
    assert f"from t = {start:g}\n" in shown
    found = wls.Trajectory.load(file)
    assert found.times.tolist() == times
    assert found.metadata["start"] == start


def test_forecast_of_other_data_starts_at_its_first_marginal(study: Path, tmp_path: Path) -> None:
    other, file = tmp_path / "other.h5", tmp_path / "forecast.h5"
    clouds = [[[0.0, 0.0], [1.0, 0.0]]] * 2
    units = {"length": "km", "time": "h"}
    wls.SnapshotSeries([0.3, 0.7], clouds, clouds, units=units).save(other)
    assert "from t = 0.3\n" in succeed("forecast", study / "spring.model", other, "-o", file)
    assert wls.Trajectory.load(file).times.tolist() == [0.7]
    assert wls.Trajectory.load(file).units == units


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--times", "1,2,x"], "--times: `time` must be a finite number, or a date such as"),
        (["--times", "4,3"], "--times: `times` must be strictly increasing"),
        (["--times", "1"], "--times: `times` must be at or after the start's time 2; got 1"),
        (["--times", "3", "--until", 3], "--until: it cannot go with --times"),
        (["--from", 1.2], "--from: `time` must be an observed time (the nearest is 1); got 1.2"),
        (["--until", 2.2], "spring.h5 holds no marginal up to t = 2.2"),
        (["--dt", 0], "--dt: `dt` must be a finite number > 0"),
    ],
)
def test_bad_usage_of_forecast(study: Path, tmp_path: Path, options: list[object], reason: str) -> None:
    file = tmp_path / "forecast.h5"
    assert reason in refuse(2, "forecast", study / "spring.model", study / "spring.h5", "-o", file, *options)
    assert not file.exists()


def test_impossible_forecasts(study: Path, tmp_path: Path) -> None:
    spring, model, file = study / "spring.h5", study / "spring.model", tmp_path / "forecast.h5"
    assert "no marginal after t = 4" in refuse(1, "forecast", model, spring, "--from", 4, "-o", file)
    assert "spring.h5" in refuse(1, "forecast", spring, spring, "-o", file)
    assert "missing.model" in refuse(1, "forecast", tmp_path / "missing.model", spring, "-o", file)
    wls.SnapshotSeries.load(spring).without_velocities().save(tmp_path / "still.h5")
    assert "must have velocities" in refuse(1, "forecast", model, tmp_path / "still.h5", "-o", file)


# --- evaluate


def test_evaluate_from_a_marginal(study: Path, tmp_path: Path) -> None:
    plot, scores = tmp_path / "scores.png", tmp_path / "scores.json"
    spring, model = study / "spring.h5", study / "spring.model"
    shown = succeed("evaluate", model, spring, "--from", 2, "--until", 3, "--plot", plot, "--json", scores)
    data, fitted = wls.SnapshotSeries.load(spring), wls.learn.WLM.load(model)
    expected = score_forecast(list(fitted.forecast(data.at(2.0), [2.5, 3.0])), data[5:7], data.at(2.0))
    assert json.loads(scores.read_text()) == expected.to_dict()
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert "forecast from t = 2" in shown
    assert "persistence" in shown
    for value in expected.w1["WLM"]:
        assert f"{value:.4f}" in shown


def test_evaluate_each_unseen_marginal(study: Path, tmp_path: Path) -> None:
    model, scores = tmp_path / "gap.model", tmp_path / "scores.json"
    spring = study / "spring.h5"
    options = ["--steps", 2, "--validation", "none", "--until", 2, "--hold-out", 1, "--hold-out", 3]
    succeed("fit", spring, "-o", model, "--quiet", *options)
    succeed("evaluate", model, spring, "--json", scores)
    found = json.loads(scores.read_text())
    assert found["times"] == [0.5, 1.5, 2.5, 3, 3.5, 4]
    assert found["origins"] == [0, 1, 2, 2, 2, 2]


def test_evaluate_leaves_fitted_times_out(study: Path) -> None:
    result = run("evaluate", study / "spring.model", study / "spring.h5", "--from", 1)
    assert result.exit_code == 0 and "2 fitted left out" in result.stdout.replace("\n", " ")
    assert result.stderr == "wlmsim: warning: left out 2 of 6 marginals, which were fitted, from the scores\n"
    assert "│    2 │" not in result.stdout
    assert "warning" not in run("evaluate", study / "spring.model", study / "spring.h5", "--from", 2).stderr


def test_impossible_evaluations(study: Path, tmp_path: Path) -> None:
    spring, model = study / "spring.h5", study / "spring.model"
    assert "does not end in .png" in refuse(2, "evaluate", model, spring, "--plot", tmp_path / "scores.txt")
    assert "--from: `time` must be an observed" in refuse(2, "evaluate", model, spring, "--from", 9)
    data = wls.SnapshotSeries.load(spring)
    data[:5].save(tmp_path / "past.h5")
    assert "fitted at all of its times" in refuse(1, "evaluate", model, tmp_path / "past.h5")
    data[5:].save(tmp_path / "future.h5")
    assert "fitted at none of its times" in refuse(1, "evaluate", model, tmp_path / "future.h5")


# --- render


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Record what is asked of wlmsim.visual, and draw nothing: drawing has tests of its own."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def record(name: str) -> Any:
        return lambda data, path, **options: calls.append((name, {"data": data, "path": path, **options}))

    for name in ("film", "snapshot", "export_html"):
        monkeypatch.setattr(wls.visual, name, record(name))
    return calls


def test_render_film(study: Path, tmp_path: Path, drawn: list[tuple[str, dict[str, Any]]]) -> None:
    spring, film, snapshots = study / "spring.h5", tmp_path / "film.gif", tmp_path / "snapshots.h5"
    wls.Trajectory.load(spring).snapshots(seed=0).save(snapshots)
    options = ["--layout", "overlay", "--color", "none", "--axes", "1,0", "--trail", 2, "--smooth", 1, "--fps", 5]
    succeed("render", spring, "-o", film, "--truth", snapshots, "--size", "200,100", "--point-size", 3, "-q", *options)
    [(kind, asked)] = drawn
    assert kind == "film"
    assert isinstance(asked.pop("data"), wls.Trajectory)
    assert isinstance(asked.pop("truth"), wls.SnapshotSeries)
    assert asked == {
        "path": film,
        "layout": "overlay",
        "color": None,
        "axes": [1, 0],
        "trail": 2,
        "smooth": 1,
        "fps": 5,
        "point_size": 3,
        "window_size": [200, 100],
        "progress": False,
    }


def test_render_picture(study: Path, tmp_path: Path, drawn: list[tuple[str, dict[str, Any]]]) -> None:
    file, options = tmp_path / "picture.pdf", ["--time", 1.5, "--camera", "30,20", "--density", "--glyph", "arrows"]
    succeed("render", study / "spring.h5", "-o", file, *options)
    [(kind, asked)] = drawn
    assert kind == "snapshot"
    assert isinstance(asked.pop("data"), wls.Trajectory)
    assert asked == {"path": file, "time": 1.5, "camera": [30.0, 20.0], "density": True, "glyph": "arrows"}


def test_render_page(study: Path, tmp_path: Path, drawn: list[tuple[str, dict[str, Any]]]) -> None:
    file = tmp_path / "page.html"
    succeed(
        "render", study / "spring.h5", "-o", file, "--camera", "top", "--potential", "--model", study / "spring.model"
    )
    [(kind, asked)] = drawn
    assert kind == "export_html"
    assert isinstance(asked.pop("lagrangian"), wls.Lagrangian)
    asked.pop("data")
    assert asked == {"path": file, "camera": "top", "potential": True}


def test_render_overview(study: Path, tmp_path: Path) -> None:
    file = tmp_path / "overview.svg"
    succeed("render", study / "spring.h5", "-o", file, "--overview", "--axes", "1")
    assert "<svg" in file.read_text()


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("film.avi", [], "does not end in .gif, .mp4, .png"),
        ("plot.svgz", [], "does not end in .gif, .mp4, .png"),
        ("film.gif", ["--overview"], "does not end in .png, .pdf, .svg"),
        ("film.gif", ["--time", 1], "--time: it is not for films"),
        ("picture.png", ["--fps", 1], "--fps: it is not for pictures"),
        ("page.html", ["--orbit", 90], "--orbit: it is not for pages"),
        ("film.gif", ["--camera", "3,up"], "--camera: '3,up' is not a list of numbers"),
        ("plot.png", ["--overview", "--size", "90,90"], "--size: it is not for overviews"),
        ("film.gif", ["--axes", "x,y"], "--axes: 'x,y' is not a list of integers"),
        ("film.gif", ["--axes", "0,7"], "--axes: `axes`"),
        ("film.gif", ["--layout", "some"], "--layout: `layout` must be one of"),
        ("film.gif", ["--fps", 0], "--fps: `fps` must be a finite number > 0"),
        ("film.gif", ["--size", "100"], "--size: `window_size` must be two integers"),
    ],
)
def test_bad_usage_of_render(study: Path, tmp_path: Path, name: str, options: list[object], reason: str) -> None:
    assert reason in refuse(2, "render", study / "spring.h5", "-o", tmp_path / name, "--quiet", *options)
    assert not (tmp_path / name).exists()


# --- info


def test_no_command_writes_over_what_it_reads(study: Path, tmp_path: Path) -> None:
    data, model = tmp_path / "own.h5", tmp_path / "own.model"
    data.write_bytes((study / "spring.h5").read_bytes())
    model.write_bytes((study / "spring.model").read_bytes())
    before = data.read_bytes(), model.read_bytes()
    for command in (
        ["fit", data, "--steps", 1, "-f", "-o", data],
        ["forecast", model, data, "--from", 1, "-f", "-o", data],
        ["forecast", model, data, "--from", 1, "-f", "-o", model],
        ["convert", data, "-f", "-o", data],
    ):
        assert "It is read by the same command, and cannot be its output" in refuse(1, *command)
    assert (data.read_bytes(), model.read_bytes()) == before


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--set", "stopping.patience=2", "--set", "stopping=None"], "`stopping` must be a part"),
        (["--validation", "last", "--set", "stopping=None"], "`stopping` must be a part"),
    ],
)
def test_contradictions_are_refused(study: Path, tmp_path: Path, options: list[str], reason: str) -> None:
    assert reason in refuse(2, "fit", study / "spring.h5", "-o", tmp_path / "m.model", "--quiet", *options)


def test_info(study: Path, tmp_path: Path) -> None:
    wls.SnapshotSeries([0.0, 1.0], [[[0.0]], [[1.0]]], metadata={"note": "[bold]"}).save(tmp_path / "s.h5")
    for file, words in (
        (study / "spring.h5", ["trajectory", "last=4", "HarmonicOscillator", "seed: 3"]),
        (tmp_path / "s.h5", ["snapshots", "count=2", "note=[bold]"]),
        (study / "spring.model", ["model", "ExternalPotential", "0 0.5 1 1.5 2", "AdamW(steps=3)"]),
    ):
        shown = succeed("info", file)
        for word in words:
            assert word in shown


def test_info_as_json(study: Path) -> None:
    assert json.loads(succeed("info", "--json", study / "spring.h5"))["times"] == {"count": 9, "first": 0, "last": 4}
    about = json.loads(succeed("info", "--json", study / "spring.model"))
    assert about["fitted_times"] == [0, 0.5, 1, 1.5, 2]
    assert about["parameters"]["optimiser"] == "AdamW(steps=3)"


def test_info_of_other_files(tmp_path: Path) -> None:
    assert "missing: No such file or directory" in refuse(1, "info", tmp_path / "missing")
    (tmp_path / "text").write_text("text")
    assert "text: it is not an HDF5 file" in refuse(1, "info", tmp_path / "text")
    np.savez(tmp_path / "arrays.npz", x=np.zeros(3))
    assert "x=float64 (3,)" in succeed("info", tmp_path / "arrays.npz")
    (tmp_path / "arrays.npz").rename(tmp_path / "arrays.zip")
    assert "arrays.zip: not a" in refuse(1, "info", tmp_path / "arrays.zip")
    assert "it is a folder" in refuse(1, "info", tmp_path)
    torch.save({"kind": "wlmsim-model", "version": 2}, tmp_path / "old.model")
    assert "wlmsim 0.1.0 wrote it: fit again" in refuse(1, "info", tmp_path / "old.model")


# --- convert


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A text file of cells, whose columns have other names than the usual ones."""
    path = tmp_path / "cells.csv"
    path.write_text("stage,pc1,pc2,batch\nearly,1.5,2,a\nlate,0.5,1,b\nlate,2.5,3,a\n")
    return path


NAMED = ("--time", "stage", "--time-value", "early=0.5", "--time-value", "late=2", "--positions", "pc")


def test_convert_named_columns(table: Path, tmp_path: Path) -> None:
    said = succeed("convert", table, *NAMED, "--populations", "batch", "--dims", 1, "-o", tmp_path / "cells.h5")
    series = wls.SnapshotSeries.load(tmp_path / "cells.h5")
    assert said == f"{tmp_path / 'cells.h5'}: {series!r}\n"
    assert series.times.tolist() == [0.5, 2] and series.positions[1].tolist() == [[0.5], [2.5]]
    assert series.metadata["population_names"] == ["a", "b"]
    succeed("convert", table, *NAMED[:-1], "pc2,pc1", "--velocities", "pc1,pc2", "-o", tmp_path / "moving.h5")
    moving = wls.SnapshotSeries.load(tmp_path / "moving.h5")
    assert moving.positions[0].tolist() == [[2, 1.5]] and moving.velocities[0].tolist() == [[1.5, 2]]


@pytest.mark.parametrize("suffix", [".h5", ".csv", ".tsv", ".npz", ".h5ad", ".nc"])
def test_convert_there_and_back(study: Path, tmp_path: Path, suffix: str) -> None:
    pytest.importorskip({".h5ad": "anndata", ".nc": "h5netcdf"}.get(suffix, "numpy"))
    path = tmp_path / f"spring{suffix}"
    succeed("convert", study / "spring.h5", "-o", path)
    assert wls.SnapshotSeries.load(path) == wls.SnapshotSeries.load(study / "spring.h5")
    about = json.loads(succeed("info", "--json", path))
    kinds = {".h5": "trajectory", ".csv": "tracks", ".tsv": "tracks", ".nc": "tracks"}
    assert about["kind"] == kinds.get(suffix, "columns")


def test_convert_keeps_identities_where_it_can(study: Path, tmp_path: Path) -> None:
    for suffix in (".h5", ".h5md"):
        succeed("convert", study / "spring.h5", "-o", tmp_path / f"copy{suffix}")
        assert wls.Trajectory.load(tmp_path / f"copy{suffix}").n == 20
    succeed("convert", study / "spring.h5", "-o", tmp_path / "film.pvd")
    assert len(list((tmp_path / "film").iterdir())) == 9


def test_other_formats_can_be_fitted_and_rendered(study: Path, tmp_path: Path) -> None:
    succeed("convert", study / "spring.h5", "-o", tmp_path / "spring.csv")
    succeed("fit", tmp_path / "spring.csv", "--steps", 1, "--validation", "none", "-o", tmp_path / "m.model", "--quiet")


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["-o", "a.xyz"], 2, "'a.xyz' does not end in .h5, .csv"),
        ([*NAMED, "-o", "a.h5md"], 1, "`data` must be a Trajectory for .h5md"),
        (["--positions", "pc", "-o", "a.h5"], 1, "`time` must say which of the columns of cells.csv"),
        (["--positions", "pc", "--time", "day", "-o", "a.h5"], 2, "Invalid value for --time: `time` must name one of"),
        ([*NAMED, "--dims", 3, "-o", "a.h5"], 2, "Invalid value for --dims: `dims` must be at most 2"),
        ([*NAMED[:-2], "--positions", "batch", "-o", "a.h5"], 2, "`positions` must be numbers; cells.csv has 'a'"),
        (["--time-value", "early", "-o", "a.h5"], 2, "Invalid value for --time-value: 'early' is not WORD=NUMBER"),
        ([*NAMED, "-o", "cells.csv"], 1, "It is read by the same command, and cannot be its output"),
    ],
)
def test_impossible_conversions(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[object], code: int, reason: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reason in refuse(code, "convert", table, *options)
    assert [path.name for path in tmp_path.iterdir()] == ["cells.csv"]


# --- errors


BOIDS = ("simulate", "boids", "-n", 3, "--until", 1, "--dt", 1)


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let every simulation fail."""

    def simulate(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(wls.systems.System, "simulate", simulate)


def test_unforeseen_error_takes_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("two\nlines"))
    line = refuse(1, *BOIDS, "-o", tmp_path / "x.h5")
    assert line == "wlmsim: error: ZeroDivisionError: two lines (`wlmsim --debug ...` shows where)\n"


def test_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    result = run(*BOIDS, "-o", tmp_path / "x.h5")
    assert (result.exit_code, result.output) == (130, "wlmsim: interrupted\n")


def test_debug_lets_failures_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ZeroDivisionError("deep"))
    assert isinstance(run("--debug", *BOIDS, "-o", tmp_path / "x.h5").exception, ZeroDivisionError)
    monkeypatch.setenv("WLMSIM_DEBUG", "1")
    assert isinstance(run(*BOIDS, "-o", tmp_path / "x.h5").exception, ZeroDivisionError)
    monkeypatch.setenv("WLMSIM_DEBUG", "0")
    assert isinstance(run(*BOIDS, "-o", tmp_path / "x.h5").exception, SystemExit)


def test_warnings_take_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = wls.systems.System.simulate

    def simulate(self: Any, *arguments: Any, **options: Any) -> Any:
        warnings.warn("mind\nthe gap", wls.errors.DataWarning, stacklevel=1)
        return original(self, *arguments, **options)

    monkeypatch.setattr(wls.systems.System, "simulate", simulate)
    result = run(*BOIDS, "-o", tmp_path / "x.h5", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "wlmsim: warning: mind the gap\n")


def test_progress_goes_to_stderr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_progress, "SHORT", -1.0)  # of work that takes longer
    result = run(*BOIDS, "-o", tmp_path / "x.h5")
    assert "simulating" in result.stderr
    assert result.stdout.count("\n") == 1
    assert run(*BOIDS, "-o", tmp_path / "y.h5", "--quiet").stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["info", "missing.h5"], 1, "wlmsim: error: missing.h5: No such file or directory\n"),
        (["inform"], 2, "wlmsim: error: No such command 'inform'."),
    ],
)
def test_exit_codes_of_the_process(tmp_path: Path, arguments: list[str], code: int, line: str) -> None:
    result = python("-m", "wlmsim", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


def test_traceback_of_the_process() -> None:
    result = python("-m", "wlmsim", "info", "missing.h5", WLMSIM_DEBUG="1")
    assert result.returncode == 1
    assert result.stderr.startswith("Traceback")
    assert "FileNotFoundError" in result.stderr
