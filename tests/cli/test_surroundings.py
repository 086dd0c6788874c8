"""Commands where there is no home, no other letters than ASCII, no room, and nobody who reads what is printed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wlmsim as wls
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


@pytest.mark.slow
def test_no_folder_can_be_written_to_but_the_one_of_results(tmp_path):
    """Nor beside the package: a file stands wherever Numba would make a folder, which stops root too."""
    package = tmp_path / "wlmsim"
    shutil.copytree(Path(wls.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("")
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache", "MPLBACKEND": "agg"}
    surroundings = {**os.environ, **nowhere, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("NUMBA_CACHE_DIR", "MPLCONFIGDIR"):
        surroundings.pop(name, None)
    run, picture = tmp_path / "run.h5", tmp_path / "run.png"
    for arguments in (
        ["simulate", "boids", "--until", "1", "--dt", "0.1", "-n", "20", "-o", str(run)],
        ["render", str(run), "-o", str(picture)],
    ):
        command = [sys.executable, "-m", "wlmsim", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        kept = "compiled code cannot be kept" not in done.stderr
        assert kept == (arguments[0] == "render") and "Traceback" not in done.stderr
    assert wls.Trajectory.load(run).positions.any() and picture.stat().st_size
