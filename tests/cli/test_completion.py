"""`wlmsim` completes in the shell: commands, systems, their parameters, words and files, and stays quick."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from wlmsim.cli import main


def asked(words, shell="bash"):
    """The environment in which a shell asks what it may offer for the last of the words."""
    line = ["wlmsim", *words]
    return {
        "_WLMSIM_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": " ".join(line),
        "COMP_CWORD": str(len(words)),
        "_TYPER_COMPLETE_ARGS": " ".join(line),
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_WORD_TO_COMPLETE": words[-1],
    }


@pytest.fixture
def offered(folder, monkeypatch, capsys):
    """What the shell would offer, said in this process."""

    def offered(words):
        monkeypatch.chdir(folder)
        for name, value in asked(words).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code in (0, None)
        return capsys.readouterr().out.split()

    return offered


@pytest.fixture
def folder(tmp_path):
    for name in ("flock.h5", "cells.csv", "flock.model", "notes.md", ".hidden.h5"):
        (tmp_path / name).touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "drift.nc").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["sim"], ["simulate"]),
        (["simulate", "bo"], ["boids"]),
        (["simulate", "boids", "--unt"], ["--until"]),
        (["simulate", "boids", "--set", "co"], ["cohesion="]),
        (["fit", ""], ["more/", "cells.csv", "flock.h5"]),
        (["fit", "more/"], ["more/drift.nc"]),
        (["fit", "flock.h5", "--loss", "s"], ["sinkhorn", "sliced"]),
        (["fit", "flock.h5", "--validation", ""], ["last", "none"]),
        (["fit", "flock.h5", "--set", "rollouts.h"], ["rollouts.horizon="]),
        (["fit", "flock.h5", "--set", "loss.b"], ["loss.blur="]),
        (["render", "flock.h5", "--color", "sp"], ["speed"]),
        (["convert", "ce"], ["cells.csv"]),
        (["st"], ["study"]),
        (["study", "fl"], ["flock.h5"]),
        (["study", "flock.h5", "--goal", ""], ["both", "forecast", "interpolate"]),
    ],
    ids=[
        "command",
        "system",
        "option",
        "setting",
        "file",
        "folder",
        "word",
        "metavar",
        "nested",
        "nested too",
        "color",
        "other",
        "study",
        "studied",
        "goal",
    ],
)
def test_what_is_offered(offered, words, expected):
    assert offered(words) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_is_answered(folder, shell):
    """In a process of its own, as it is when a shell asks."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from wlmsim.cli import main; main()"],
        env={**os.environ, **asked(["simulate", "bo"], shell)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "boids" in done.stdout


def test_options_of_models_are_offered_without_torch():
    code = "import sys; from wlmsim.learn.wlm import WLM; WLM.nested_names(); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_completion_is_installed_by_an_option():
    done = subprocess.run([sys.executable, "-m", "wlmsim", "--help"], capture_output=True, text=True, check=True)
    assert "--install-completion" in done.stdout and "--show-completion" in done.stdout
