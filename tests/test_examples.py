"""Every example runs at a small size, leaves something to look at, and finds what it says it finds."""

from __future__ import annotations

import importlib.util
import runpy
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
SEEN = {".gif", ".mp4", ".png", ".html"}

FOUND = {
    "tune_a_launch": lambda misses: misses[-1] < 0.05 * misses[0],
    "which_mechanics": lambda named: all(truth == name for truth, name in named.items()),
    "liquid": lambda displaced: displaced[0.2] < 0.1 < 0.3 < displaced[1.5],
    "cell_fates": lambda found: (found["learned"] > 0.8 > found["nearest"]) and found["genes"] > 0.8,
    "infer_parameters": lambda off: 0.5 < np.sqrt((off**2).mean()) < 2.0,
}
"""What the result of an example must be, where it is worth a check of its own."""

LONG = {"boids_learned", "cell_fates", "demo", "double_slit", "kepler", "squeezed_state", "which_mechanics"}
"""Examples that take more than a few seconds even at a small size."""


def each(*, run: bool):
    """A parameter for each example, slow where it is `run` and long."""
    marks = {path: [pytest.mark.slow] if run and path.stem in LONG else [] for path in EXAMPLES}
    return pytest.mark.parametrize("path", [pytest.param(p, id=p.stem, marks=m) for p, m in marks.items()])


@pytest.fixture(autouse=True)
def off_screen(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib

    matplotlib.use("agg")


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@each(run=True)
def test_it_runs_at_a_small_size(path, tmp_path):
    result = load(path).main(tmp_path / "results", small=True)
    assert {file.suffix for file in (tmp_path / "results").rglob("*")} & SEEN
    assert FOUND.get(path.stem, lambda result: True)(result)


@each(run=False)
def test_it_is_short_and_takes_the_usual_arguments(path, monkeypatch, capsys):
    code = path.read_text(encoding="utf-8")
    assert len(code.splitlines()) < 100
    monkeypatch.setattr(sys, "argv", [path.name, "--help"])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(path), run_name="__main__")
    shown = capsys.readouterr().out
    assert end.value.code == 0 and "--output" in shown and "--small" in shown
    title, blank = code.removeprefix('"""').splitlines()[:2]
    assert title and not blank, "the first line of the docstring is the title, a line of its own"
