"""Commands where there is no home, no other letters than ASCII, no room, and nobody who reads what is printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reliability import specimens

COMMAND = [sys.executable, "-m", "wlmsim", "info", "a.h5"]
POOR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "COLUMNS": "20", "HOME": "/nonexistent"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    specimens.snapshots().save(tmp_path / "a.h5")
    return tmp_path


def environment(**changes: str) -> dict[str, str]:
    path = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, **changes}


def test_a_narrow_terminal_that_knows_ascii_only_and_no_home(folder):
    done = subprocess.run(COMMAND, cwd=folder, env=environment(**POOR), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert b"seed" in done.stdout and done.stdout.isascii()


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
@pytest.mark.parametrize("rest", ["| true", "| head -c 1", ">&-"])
def test_nobody_reads(folder, rest):
    line = " ".join(COMMAND) + f" {rest}"
    done = subprocess.run(["sh", "-c", line], cwd=folder, env=environment(), capture_output=True)
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr, done.stderr.decode()
