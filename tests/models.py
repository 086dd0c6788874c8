"""Models for tests, whose options go by their own names: ``wlm(steps=20)`` for ``WLM(optimiser=AdamW(steps=20))``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import wlmsim as wls
from wlmsim.functionals import Functional
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import Mechanics
from wlmsim.learn.training.fitting import Setting
from wlmsim.learn.training.trainer import Trainer


def wlm(potential: Functional | None = None, **options: Any) -> wls.learn.WLM:
    """A model with parameters, and options of its parts, by their names."""
    return wls.learn.WLM(potential).set_params(**named(**options))


def quick(potential: Functional | None = None, **options: Any) -> wls.learn.WLM:
    """A short fit of one network, unless told otherwise."""
    return wlm(potential, **{"steps": 30, "members": 1, "progress": False, **options})


def named(**options: Any) -> dict[str, Any]:
    """The options under the names that `set_params` knows: each with the part that it belongs to."""
    owners: dict[str, str] = {}
    for full in wls.learn.WLM.nested_names():
        part, _, option = full.rpartition(".")
        owners.setdefault(option, f"{part}__{option}" if part else option)
    return {owners.get(name, name): value for name, value in options.items()}


def trainer_of(
    model: wls.learn.WLM,
    populations: list[wls.SnapshotSeries],
    steps: int,
    scales: Scales,
    previous: Sequence[Mechanics] = (),
    held: Sequence[tuple[int, wls.Population]] = (),
) -> Trainer:
    """The trainer of the first member of a fit."""
    return Setting.of(model, populations, scales, previous).trainer(populations, steps, 0, held)
