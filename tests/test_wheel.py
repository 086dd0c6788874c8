"""What users install: the wheel holds the package and nothing else, and works away from the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("hatchling")
pytestmark = pytest.mark.slow


def run(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=ROOT)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def sources(folder):
    """The package's files, as the repository has them."""
    found = (path.relative_to(ROOT) for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".pyi", ".typed"))
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        names = wheel.namelist()
    package = {name for name in names if ".dist-info/" not in name}
    assert package == sources("wlmsim") | {"wlmsim/py.typed"}
    assert {name.rpartition("/")[2] for name in set(names) - package} >= {"METADATA", "LICENSE", "entry_points.txt"}


def test_the_source_distribution_can_be_tested_and_documented(built):
    with tarfile.open(built[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert sources("wlmsim") | sources("tests") | sources("examples") | sources("benchmarks") <= names
    wanted = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "conftest.py", "constraints.txt", "Makefile"}
    assert wanted <= names and "docs/conventions.md" in names
    assert not [name for name in names if name.startswith(".ci") or name.endswith((".pyc", ".h5"))]


def test_the_wheel_works_away_from_the_repository(built, tmp_path):
    """In an environment that has the dependencies of this one, but not its wlmsim."""
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=False)
    scripts = clean / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / Path(sys.executable).name
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # a path in a .pth file brings the packages that lie there, and not those that its own .pth files name
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index", built[0])
    away = {"cwd": tmp_path, "env": {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}}

    script = (
        "import wlmsim as wls; print(wls.__file__, wls._version(), wls.Lagrangian.__doc__[:5], len(dir(wls.learn)))"
    )
    where = run(python, "-c", script, **away)
    assert where.startswith(str(site)) and "0+unknown" not in where
    assert "Usage: wlmsim" in run(scripts / "wlmsim", "--help", **away)
    simulated = ["simulate", "kepler", "-n", "3", "--until", "1", "--dt", "0.5", "-q", "-o", "orbit.h5"]
    assert "Trajectory(times=3 in 0..1, n=3, dim=2)" in run(scripts / "wlmsim", *simulated, **away)
    assert "trajectory" in run(scripts / "wlmsim", "info", "orbit.h5", **away)
    run(python, "-m", "doctest", site / "wlmsim" / "data" / "population.py", **away)
