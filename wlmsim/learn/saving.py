"""A fitted model as a file, and back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from wlmsim._about import version
from wlmsim.io.paths import local
from wlmsim.learn import files
from wlmsim.learn.declaration import PARTS
from wlmsim.learn.functionals import Scales
from wlmsim.learn.options.part import Part
from wlmsim.learn.prediction.growth import GrowthRates, Interval
from wlmsim.learn.training.fitting import new_mechanics

Model = TypeVar("Model")

KIND = "wlmsim-model"
FIT_REPORT = (
    "losses_",
    "frictions_",
    "times_",
    "best_step_",
    "validation_",
    "dt_",
    "seconds_",
    "recoveries_",
    "reach_",
    "growth_changes_",
    "noise_",
    "cites_",
    "units_",
    "cells_",
    "located_",
)
"""Attributes of a fit that are kept beside the mechanics."""
ARRAYS = ("losses_", "frictions_", "times_")
"""Those that are arrays."""
LATER = ("units_", "cells_", "located_")
"""Those that files of before do not have."""
LEFT_OUT = ("potential", "dissipation", "checkpoint")
"""Parameters that are kept otherwise, or are of one fit only."""


def save_model(model: Any, path: str | Path) -> Path:
    """Write a fitted `WLM`: tensors and plain values, atomically."""
    path = local(path)
    members = model._fitted_members
    parameters = model._fitted_with
    content = {
        "parameters": {name: _described(value) for name, value in parameters.items() if name not in LEFT_OUT},
        "potential": files.describe([*members[0].learned, *members[0].analytic]),
        "dissipation": files.describe(members[0].dissipations),
        "dim": members[0].dim,
        "scales": members[0].scales._asdict(),
        "members": [member.state_dict() for member in members],
        "growth": [part._asdict() for part in model.growth_rates_.intervals] if model.growth_rates_ else [],
        "fit": {name: _plain(getattr(model, name)) for name in FIT_REPORT},
        "created_by": version(),
    }
    files.write(path, KIND, content)
    return path


@files.refusing
def load_model(make: Callable[..., Model], path: str | Path) -> Model:
    """Read a `WLM` written by `save_model`, without executing code from the file."""
    content = files.read(Path(path), KIND)
    parameters = {name: _built(name, value) for name, value in content["parameters"].items()}
    model: Any = make(files.build(content["potential"]), **parameters)
    if content["dissipation"]:
        model.dissipation = files.build(content["dissipation"])
    members = []
    for state in content["members"]:
        member = new_mechanics(model, content["dim"], Scales(**content["scales"]))
        member.load_state_dict(state)
        members.append(member.eval())
    model._keep(members, model.get_params(deep=False))
    for name in FIT_REPORT:
        value = content["fit"].get(name, {}) if name in LATER else content["fit"][name]
        setattr(model, name, np.array(value) if name in ARRAYS else value)
    intervals = [Interval(**part) for part in content.get("growth", [])]  # files of before have none
    model.growth_rates_ = GrowthRates(model.reach_, intervals) if intervals else None
    return model


def _described(value: Any) -> Any:
    """A parameter as plain values: a part as its class and its options."""
    return {"part": type(value).__name__, **value.get_params()} if isinstance(value, Part) else value


def _built(name: str, value: Any) -> Any:
    """The parameter that such values describe."""
    if not isinstance(value, dict):
        return value
    options = dict(value)
    kind = options.pop("part")
    return next(part for part in PARTS[name].classes if part.__name__ == kind)(**options)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value
