"""The study in README.md, with fewer birds and steps: every call in it exists and fits the next."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

import wlmsim as wls

README = Path(__file__).parents[1] / "README.md"

SMALLER = {
    "n=1000": "n=60",
    "dt=0.5),": "dt=0.5), optimiser=wls.learn.AdamW(steps=3), members=1, progress=False,",
    'wls.visual.film(forecast, "forecast.gif", truth=future)': "",  # tests/visual/test_pictures.py makes films
}


def blocks():
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_from_a_file_to_a_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    vortex = wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 8, 5))
    wls.io.export(vortex.snapshots(seed=0), "drifters.csv")
    code = blocks()[0]
    assert '"1 min"' in code
    named = {}
    exec(code.replace('"1 min"', '"2 s", progress=False'), named)
    assert "What cannot be trusted" in capsys.readouterr().out and (tmp_path / "report.html").is_file()
    assert named["future"].times.tolist() == [8.4, 8.8]


def test_a_whole_study(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = blocks()[1]
    for long, short in SMALLER.items():
        assert long in code
        code = code.replace(long, short)
    study = {}
    exec(code, study)
    assert "forecast from t = 25" in capsys.readouterr().out
    assert isinstance(study["forecast"], wls.Trajectory)
    assert study["forecast"].times.tolist() == study["future"].times.tolist()
