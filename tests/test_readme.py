"""The study in README.md, with fewer birds and steps: every call in it exists and fits the next."""

from __future__ import annotations

import re
from pathlib import Path

import wlmsim as wls

README = Path(__file__).parents[1] / "README.md"

SMALLER = {
    "n=1000": "n=60",
    "dt=0.5),": "dt=0.5), optimiser=wls.learn.AdamW(steps=3), members=1, progress=False,",
    'wls.visual.film(forecast, "forecast.gif", truth=future)': "",  # tests/visual/test_pictures.py makes films
}


def test_a_whole_study(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL).group(1)
    for long, short in SMALLER.items():
        assert long in code
        code = code.replace(long, short)
    study = {}
    exec(code, study)
    assert "forecast from t = 25" in capsys.readouterr().out
    assert isinstance(study["forecast"], wls.Trajectory)
    assert study["forecast"].times.tolist() == study["future"].times.tolist()
