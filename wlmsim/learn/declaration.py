"""What the parameters of `WLM` may be: declared once for its checks, for files and for the command line."""

from __future__ import annotations

from pathlib import Path

from wlmsim.functionals.base import Functional
from wlmsim.learn.losses.base import Loss
from wlmsim.learn.losses.energy import Energy
from wlmsim.learn.losses.exact import Exact
from wlmsim.learn.losses.regularisation import Regularisation
from wlmsim.learn.losses.sinkhorn import Sinkhorn
from wlmsim.learn.losses.sliced import Sliced
from wlmsim.learn.matching.options import Matching
from wlmsim.learn.options.constraints import Constraint, Flag, Instance, Integer, Real, Word
from wlmsim.learn.options.estimator import Choice
from wlmsim.learn.rollouts.anchored import Anchored
from wlmsim.learn.rollouts.base import Rollouts
from wlmsim.learn.rollouts.multiple_shooting import MultipleShooting
from wlmsim.learn.training.adamw import AdamW
from wlmsim.learn.training.checkpoint import Checkpoint
from wlmsim.learn.training.early_stopping import EarlyStopping
from wlmsim.learn.training.runtime import Runtime
from wlmsim.learn.velocities.rules import RULES
from wlmsim.mechanics.dissipation import Dissipation

LARGEST_SEED = 2**62
"""Of torch, with room for the members."""

PARTS: dict[str, Choice] = {
    "loss": Choice(Loss, {"exact": Exact, "sinkhorn": Sinkhorn, "sliced": Sliced, "energy": Energy}),
    "regularisation": Choice(Regularisation, {"smooth": Regularisation}, optional=True),
    "rollouts": Choice(Rollouts, {"anchored": Anchored, "multiple-shooting": MultipleShooting}, optional=True),
    "optimiser": Choice(AdamW, {"adamw": AdamW}),
    "matching": Choice(Matching, {"paths": Matching}, optional=True),
    "stopping": Choice(EarlyStopping, {"early": EarlyStopping}, optional=True),
    "runtime": Choice(Runtime, shorthand=lambda device: Runtime(device=device), shorthand_kinds=(str,)),
    "checkpoint": Choice(
        Checkpoint, shorthand=lambda path: Checkpoint(path=path), shorthand_kinds=(str, Path), optional=True
    ),
}
"""The parameters that are objects with options of their own, and the words for them."""

CONSTRAINTS: dict[str, Constraint] = {
    "potential": Instance(Functional),
    "friction": Real(least=0, infinite=True, words=("learn",)),
    "dissipation": Instance(Dissipation),
    "noise": Real(least=0, words=("auto",)),
    "speed": Real(above=0, optional=True),
    "initial_velocities": Word(RULES),
    "members": Integer(),
    "warm_start": Flag(),
    "progress": Flag(),
    "seed": Integer(least=0, most=LARGEST_SEED),
}
"""What each of the others may be."""

_RENAMED = {
    "rollouts": ("MultipleShooting", {"horizon": "horizon", "ramp": "ramp", "dt": "dt"}),
    "loss": ("Exact", {"reach": "reach", "velocity_weight": "velocity_weight"}),
    "regularisation": (
        "Regularisation",
        {"force_penalty": "force", "jerk_penalty": "jerk", "steady_weight": "local_acceleration"},
    ),
    "optimiser": (
        "AdamW",
        {
            "steps": "steps",
            "learning_rate": "learning_rate",
            "weight_decay": "weight_decay",
            "ema": "averaging",
            "clip": "clip",
            "batch_size": "batch_size",
        },
    ),
    "stopping": ("EarlyStopping", {"validation": "validation", "patience": "patience", "refit": "refit"}),
    "runtime": (
        "Runtime",
        {"device": "device", "precision": "precision", "compile": "compile", "processes": "processes"},
    ),
    "checkpoint": ("Checkpoint", {"checkpoint_every": "every"}),
}
MOVED: dict[str, str] = {
    "training": 'it is `rollouts`, as in WLM(rollouts="multiple-shooting")',
    "blur": "it is an option of a loss, as in WLM(loss=Sinkhorn(blur=...)), or `loss__blur` in set_params",
    "callbacks": "they are given to fit, as in model.fit(data, callbacks=[...])",
    **{
        old: f"it is an option of `{part}`, as in WLM({part}={kind}({new}=...)), or `{part}__{new}` in set_params"
        for part, (kind, names) in _RENAMED.items()
        for old, new in names.items()
    },
}
"""Where keywords of wlmsim 0.1.0 are now."""
