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


def fit_digest(model: Any, data: SnapshotSeries) -> str:
    """Digest of an estimator and the data that it is fitted to.

    Parameters
    ----------
    model : WLM
        Laws count by their code and the values that they read.
    data : SnapshotSeries
        The marginals.

    Returns
    -------
    str

    Raises
    ------
    ParameterError
        If a law reads what cannot be compared, such as an open file.
    """
    digest = hashlib.sha256()
    labels: Sequence[np.ndarray | None] = [None] * len(data) if data.labels is None else data.labels
    for cloud, label in zip(data, labels, strict=True):
        for part in (cloud.positions, cloud.velocities, cloud.weights, np.array(cloud.time), label):
            digest.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
    about = {n: described(value) for n, value in model.get_params(deep=False).items() if n not in UNRELATED}
    about["runtime"] = repr(model.part("runtime").replace(processes=None))
    digest.update(json.dumps(about, sort_keys=True).encode())
    return digest.hexdigest()


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
