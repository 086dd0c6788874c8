"""The folder of a study in the place of a model: written by `wlmsim study`, and predicting by what had won."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import wlmsim as wls
from wlmsim.cli import app

LEARNED = "spring, matched"


def run(*arguments: object) -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="wlmsim")


def succeed(*arguments: object) -> str:
    """Run a command that has to succeed; return its stdout."""
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.stdout.split())


def refuse(code: int, *arguments: object) -> str:
    """Run a command that has to fail with one line on stderr and nothing on stdout; return the line."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("wlmsim: error: "), result.stderr
    return str(result.stderr)


@pytest.fixture(scope="module")
def spring() -> wls.Trajectory:
    return wls.systems.HarmonicOscillator(n=30, velocity_width=1.0, seed=0).exact(np.linspace(0, 4, 9))


@pytest.fixture(scope="module")
def found(spring: wls.Trajectory) -> wls.learn.Study:
    model = wls.learn.WLM(wls.learn.SeriesPotential(order=2, waves=0), friction=0.0, rollouts=None, progress=False)
    data = spring.snapshots(seed=0)[:7]
    return wls.learn.study(data, budget="8 s", candidates={"spring": model}, progress=False)


@pytest.fixture(scope="module")
def naive(found: wls.learn.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study in which persistence and straight lines had won."""
    winners = {"forecast": "persistence", "interpolate": "OT-linear"}
    return dataclasses.replace(found, winners=winners).save(tmp_path_factory.mktemp("studies") / "a study é")


@pytest.fixture(scope="module")
def learned(found: wls.learn.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study in which mechanics had won."""
    winners = dict.fromkeys(found.goals, LEARNED)
    return dataclasses.replace(found, winners=winners).save(tmp_path_factory.mktemp("studies") / "mechanics")


@pytest.fixture(scope="module")
def seen(spring: wls.Trajectory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the studied marginals, up to t = 3, and two later ones."""
    return spring.snapshots(seed=0).save(tmp_path_factory.mktemp("data") / "spring.h5")


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save without the pictures, which take seconds."""
    monkeypatch.setattr("wlmsim.learn.studies.saving.as_pdf", lambda study: b"")
    monkeypatch.setattr("wlmsim.learn.studies.saving.write_page", lambda *of: None)


def test_a_study_forecasts_by_what_had_won(naive: Path, learned: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.h5"
    told = succeed("forecast", naive, "--times", "3.25,3.5", "-o", later)
    assert "from t = 3, by what did best on the folds: 'persistence' (no mechanics)" in told
    data = wls.SnapshotSeries.load(naive / "data.h5")
    for cloud in wls.SnapshotSeries.load(later):
        np.testing.assert_array_equal(cloud.positions, data[-1].positions)
    told = succeed("forecast", learned, "--times", "3.25,3.5", "-o", later, "--force")
    assert f"'{LEARNED}' (the learned mechanics)" in told
    expected = wls.learn.WLM.load(learned / "study.model").forecast(data[-1], [3.25, 3.5])
    np.testing.assert_allclose(wls.SnapshotSeries.load(later)[-1].positions, expected.positions[-1])


def test_a_study_forecasts_from_other_data_and_from_within_its_own(naive: Path, seen: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.h5"
    assert "times=2 in 3.5..4" in (told := succeed("forecast", naive, seen, "-o", later)) and "from t = 3," in told
    assert "from t = 2," in succeed("forecast", naive, "--from", 2, "-o", later, "--force")
    data = wls.SnapshotSeries.load(naive / "data.h5")
    np.testing.assert_array_equal(wls.SnapshotSeries.load(later)[0].positions, data.at(2.0).positions)


def test_a_study_predicts_between_its_marginals(naive: Path, learned: Path, seen: Path, tmp_path: Path) -> None:
    between = tmp_path / "between.h5"
    assert "'OT-linear' (no mechanics)" in succeed("interpolate", naive, "--times", 1.25, "-o", between)
    expected = wls.learn.Study.load(naive).interpolate([1.25])
    np.testing.assert_array_equal(wls.SnapshotSeries.load(between)[0].positions, expected[0].positions)
    by_model = tmp_path / "model.h5"
    succeed("interpolate", learned / "study.model", seen, "--times", 1.25, "-o", by_model)
    succeed("interpolate", learned, "--times", 1.25, "-o", between, "--force")
    one, other = (wls.SnapshotSeries.load(path)[0] for path in (between, by_model))
    np.testing.assert_allclose(one.positions, other.positions)
    assert "DATA" in refuse(2, "interpolate", naive, seen, "--times", 1.25, "-o", tmp_path / "a.h5")
    assert "between known marginals" in refuse(2, "interpolate", naive, "--times", 9, "-o", tmp_path / "a.h5")


def test_scores_are_of_what_had_won(naive: Path, seen: Path, tmp_path: Path) -> None:
    told = succeed("evaluate", naive, seen, "--json", tmp_path / "scores.json")
    assert told.startswith("Predicted by what did best on the folds: 'persistence' (no mechanics)")
    scores = json.loads((tmp_path / "scores.json").read_text())
    expected = wls.learn.Study.load(naive).score(wls.SnapshotSeries.load(seen)[7:])
    assert scores == json.loads(json.dumps(expected.to_dict()))
    between = tmp_path / "between.h5"
    wls.systems.HarmonicOscillator(n=30, velocity_width=1.0, seed=1).exact([1.25, 9.0]).snapshots().save(between)
    assert "'OT-linear' (no mechanics)" in succeed("evaluate", naive, between, "--two-sided")
    assert "--until of wlmsim study" in refuse(1, "evaluate", naive, naive / "data.h5")


def test_the_mechanics_alone_say_that_something_else_had_won(
    naive: Path, learned: Path, seen: Path, tmp_path: Path
) -> None:
    for command in (["forecast", "-o", tmp_path / "a.h5", "-f"], ["evaluate"]):
        result = run(*command, naive / "study.model", seen)
        assert result.exit_code == 0, result.output
        warned = [line for line in result.stderr.splitlines() if "persistence" in line]
        assert len(warned) == 1 and "study.json" in warned[0] and "which is no mechanics" in warned[0]
        assert "study.json" not in run(*command, learned / "study.model", seen).stderr


def test_info_tells_a_study_without_torch(naive: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "wlmsim", "info", str(naive), "--json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    about = json.loads(result.stdout)
    assert about["kind"] == "study" and about["predicts"]["later marginals"] == "persistence (no mechanics)"
    assert about["data"]["times"]["count"] == 7
    assert " torch\n" not in result.stderr
    assert "persistence (no mechanics)" in succeed("info", naive)


def test_what_is_of_the_mechanics_alone_is_refused(naive: Path, seen: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.h5"
    for option in (["--dt", 0.1], ["--seed", 1], ["--ensemble", 3]):
        assert "study.model" in refuse(2, "forecast", naive, "--times", 4, "-o", file, *option)
    assert "study.model" in refuse(2, "evaluate", naive, seen, "--from", 1)
    assert "DATA" in refuse(2, "forecast", naive / "study.model", "--times", 4, "-o", file)
    assert "no marginal after t = 3" in refuse(1, "forecast", naive, "-o", file)
    assert "study.json" in refuse(1, "forecast", tmp_path, "--times", 4, "-o", file)
    assert "is read by the same command" in refuse(1, "forecast", naive, "--times", 4, "-f", "-o", naive / "data.h5")


@pytest.mark.usefixtures("without_pictures")
def test_a_study_is_written_as_a_folder(
    found: wls.learn.Study, seen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wls.learn, "study", lambda *args, **kwargs: copy.copy(found))
    folder = tmp_path / "saved"
    succeed("study", seen, "-o", folder, "--quiet")
    assert wls.learn.Study.load(folder).winners == found.winners
    assert "--force" in refuse(1, "study", seen, "-o", folder)
    succeed("study", seen, "-o", folder, "--quiet", "--force")
    assert "is read by the same command" in refuse(1, "study", folder / "data.h5", "-o", folder, "--force")
    assert "No such folder" in refuse(1, "study", seen, "-o", tmp_path / "no" / "where")
    assert "--report" in refuse(2, "study", seen, "-o", tmp_path / "report.html")
    (tmp_path / "file").write_text("mine")
    assert "not a folder" in refuse(1, "study", seen, "-o", tmp_path / "file", "--force")


def test_names_of_tracks_go_into_a_study(found: wls.learn.Study, tmp_path: Path, monkeypatch: Any) -> None:
    table = tmp_path / "cows.csv"
    rows = [f"{cow},{t},{t + k},{t * t}" for k, cow in enumerate("ab") for t in range(4)]
    table.write_text("\n".join(["id,time,x,y", *rows]))
    given = []
    monkeypatch.setattr(wls.learn, "study", lambda data, **kwargs: given.append(data) or copy.copy(found))
    succeed("study", table, "--until", 2, "--quiet")
    (tracks,) = given
    assert isinstance(tracks, wls.Tracks) and tracks.ids == ("a", "b") and tracks.times.tolist() == [0, 1, 2]


def test_a_folder_that_cannot_be_read_has_a_way_out_in_a_shell(naive: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copytree(naive, tmp_path / "copy"))
    (copied / "study.json").write_text("{}")
    told = refuse(1, "forecast", copied, "--times", 4, "-o", tmp_path / "a.h5")
    assert f"{copied / 'study.model'} in its place is its model alone" in told
