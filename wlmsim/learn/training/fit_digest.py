"""What tells one fit from another: its data, its settings, and the laws in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.functionals.base import Functional
from wlmsim.functionals.tracing import comparable
from wlmsim.learn.dissipations import LearnableDissipation
from wlmsim.learn.functionals import LearnableFunctional
from wlmsim.learn.options.part import Part
from wlmsim.mechanics.dissipation import Dissipation

UNRELATED = ("checkpoint", "runtime", "progress")
"""Parameters that change nothing of the result, beside the precision."""


def fit_digest(model: Any, data: SnapshotSeries) -> dict[str, str]:
    """Digests of the parameters of an estimator, and of the data that it is fitted to.

    Parameters
    ----------
    model : WLM
        Laws count by their code and the values that they read.
    data : SnapshotSeries
        The marginals.

    Returns
    -------
    dict of str to str
        By the names of what is different in another fit, such as ``"data.positions"``, ``"potential"`` or
        ``"optimiser.steps"``.

    Raises
    ------
    ParameterError
        If a law reads what cannot be compared, such as an open file.
    """
    columns: dict[str, Sequence[np.ndarray | None]] = {
        "times": [data.times],
        "positions": data.positions,
        "velocities": data.velocities,
        "weights": data.weights,
        "populations": [] if data.labels is None else data.labels,
    }
    if any(growth is not None for growth in data.growth):
        columns["growth"] = data.growth
    digests = {f"data.{name}": _digest(*map(_bytes, column)) for name, column in columns.items()}
    about = {name: value for name, value in model.get_params(deep=False).items() if name not in UNRELATED}
    about["runtime"] = model.part("runtime").replace(processes=None)
    for name, value in about.items():
        whole = described(value)
        options = whole if isinstance(value, Part) else {"": whole}
        for option, own in options.items():
            digests[f"{name}.{option}".rstrip(".")] = _digest(json.dumps(own, sort_keys=True).encode())
    return digests


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def _bytes(column: np.ndarray | None) -> bytes:
    return b"none" if column is None else repr(column.shape).encode() + np.ascontiguousarray(column).tobytes()


def described(value: Any) -> Any:
    """A parameter as JSON: laws, whose names are often alike, by what they compute, and all else by its `repr`."""
    if isinstance(value, (list, tuple)):
        return [described(part) for part in value]
    if isinstance(value, Part):
        return {"": type(value).__name__, **{name: described(option) for name, option in value.get_params().items()}}
    if isinstance(value, torch.nn.Module):
        arguments = value.settings() if isinstance(value, (LearnableFunctional, LearnableDissipation)) else {}
        inner = {name: described(argument) for name, argument in arguments.items()}
        return [comparable("checkpoint", type(value)), repr(value), inner]
    if isinstance(value, (Functional, Dissipation)) and len(value.terms) > 1:
        return [described(term) for term in value.terms]
    if isinstance(value, (Functional, Dissipation)) or callable(value):
        return comparable("checkpoint", value)
    return repr(value)
