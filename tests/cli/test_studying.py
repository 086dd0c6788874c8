"""`wlmsim study`, from a file to the report, the page and the model, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import wlmsim as wls
from wlmsim.cli import app


def run(*arguments: object) -> Any:
    """Run a command in this process."""
    return CliRunner().invoke(app, ["study", *map(str, arguments)], prog_name="wlmsim")


def refuse(code: int, *arguments: object) -> str:
    """Run a command that has to fail with one line on stderr and nothing on stdout; return the line."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("wlmsim: error: ")
    return result.stderr


@pytest.fixture(scope="module")
def drifters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "drifters.h5"
    wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 1, 4)).snapshots(seed=0).save(path)
    return path


def test_a_study_prints_its_report_and_writes_the_model_and_the_page(
    drifters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wlmsim.learn.studies.page._drawn", lambda study, *kinds: "")  # pictures take seconds
    monkeypatch.setattr("wlmsim.learn.studies.page._to_print", lambda study: "")
    model, page, figure = (tmp_path / name for name in ("drifters.model", "report.html", "figure.svg"))
    result = run(drifters, "--budget", "2 s", "-o", model, "--report", page, "--figure", figure, "--quiet")
    assert result.exit_code == 0, result.output
    assert "A study of 4 marginals" in result.stdout and "What cannot be trusted" in result.stdout
    assert "persistence (no mechanics)" in result.stdout and "of a budget of 2 s" in " ".join(result.stdout.split())
    assert wls.learn.WLM.load(model).times_.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "A study of 4 marginals" in figure.read_text(encoding="utf-8")


def test_a_table_is_studied_up_to_a_time_and_told_as_json(drifters: Path, tmp_path: Path) -> None:
    table = tmp_path / "drifters.csv"
    wls.io.export(wls.SnapshotSeries.load(drifters), table)
    result = run(table, "--budget", 2, "--goal", "forecast", "--until", 0.7, "--seed", 3, "--json", "-q")
    assert result.exit_code == 0, result.output
    about = json.loads(result.stdout, parse_constant=pytest.fail)
    assert about["goals"] == ["forecast"] and about["seen"]["sizes"] == [20, 20, 20]
    assert {entry["name"] for entry in about["entries"]} >= {"persistence", "ballistic"}
    assert "seed=3" in about["expression"] and about["budget"] == 2.0


def test_what_cannot_be_done_is_refused_before_the_study(
    drifters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wls.learn, "study", lambda *args, **kwargs: pytest.fail("it began"))
    there = tmp_path / "there.html"
    there.write_text("old")
    assert "exists already" in refuse(1, drifters, "--report", there)
    assert "cannot be its output" in refuse(1, drifters, "-o", drifters, "--force")
    assert "No such folder" in refuse(1, drifters, "-o", tmp_path / "no" / "a.model")
    assert ".html" in refuse(2, drifters, "--report", tmp_path / "report.pdf")
    assert ".pdf" in refuse(2, drifters, "--figure", tmp_path / "figure.html")
    assert "--output" in refuse(2, drifters, "--figure", tmp_path / "a.pdf", "-o", tmp_path / "a.pdf")
    assert "--output" in refuse(2, drifters, "--report", there, "-o", there, "--force")
    assert "--until" in refuse(2, drifters, "--until", -1)
    assert "No such file" in refuse(1, tmp_path / "missing.csv")
    assert there.read_text() == "old"


def test_bad_values_are_the_fault_of_their_options(drifters: Path) -> None:
    assert "--budget" in refuse(2, drifters, "--budget", "soon")
    assert "--goal" in refuse(2, drifters, "--goal", "win")


def test_columns_of_other_names_have_a_way_in(tmp_path: Path) -> None:
    table = tmp_path / "cells.csv"
    table.write_text("cycle,x,y\n0,1,2\n1,2,3\n")
    assert "--time NAME says it" in refuse(1, table)
