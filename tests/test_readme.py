"""The study in README.md, with fewer birds and steps: every call in it exists and fits the next."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import wlmsim as wls

README = Path(__file__).parents[1] / "README.md"

SMALLER = {
    "n=1000": "n=60",
    "np.arange(0, 50.5, 0.5)": "np.arange(0, 5.5, 0.5)",
    "at=25.0": "at=2.5",
    'friction="learn"': 'friction="learn", steps=3, progress=False',
    'wls.visual.film(forecast, "forecast.mp4", truth=future)': "",  # tests/test_visual.py makes films
}


@pytest.mark.skipif("PairPotential" not in wls.learn.__all__, reason="wlmsim.learn has no PairPotential")
def test_a_whole_study(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL).group(1)
    for long, short in SMALLER.items():
        assert long in code
        code = code.replace(long, short)
    study = {}
    exec(code, study)
    assert "forecast from t = 2.5" in capsys.readouterr().out
    assert isinstance(study["forecast"], wls.Trajectory)
    assert study["forecast"].times.tolist() == study["future"].times.tolist()
