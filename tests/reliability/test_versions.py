"""The lowest versions that are tested are the lowest that may be installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_lowest_constraints_are_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    own = re.search(r"wlmsim\[(.*)\]", " ".join(extras["dev"]))
    assert own is not None
    groups = [project["dependencies"], extras["dev"], *(extras[name] for name in own[1].split(","))]
    bounds: dict[str, str] = {}
    for requirement in (each for group in groups for each in group if "[" not in each):
        name, version = requirement.split(">=")
        bounds[name] = max(bounds.get(name, "0"), version, key=lambda v: [int(part) for part in v.split(".")])
    lines = (ROOT / "constraints-lowest.txt").read_text().partition("\n\n")[0].splitlines()
    assert sorted(line for line in lines if not line.startswith("#")) == sorted(f"{n}=={v}" for n, v in bounds.items())
