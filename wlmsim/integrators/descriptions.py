"""Schemes as plain values, with the state of their noise, so that a run can go on from a file."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from wlmsim import integrators
from wlmsim.errors import ParameterError
from wlmsim.integrators.base import Integrator
from wlmsim.integrators.noise import StochasticIntegrator


def describe(integrator: Integrator) -> dict[str, Any]:
    """Plain values from which `build` makes a scheme that goes on in the same stream of noise.

    Raises
    ------
    ParameterError
        If it is none of wlmsim's.
    """
    kind = type(integrator)
    if getattr(integrators, kind.__name__, None) is not kind:
        raise ParameterError(f"{integrator!r} is no scheme that files know by name")
    settings: dict[str, Any] = {}
    for name in inspect.signature(kind).parameters:
        value = getattr(integrator, name)
        if isinstance(value, Integrator):
            value = describe(value)
        elif isinstance(value, np.random.Generator):
            value = None
        settings[name] = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
    description = {"type": kind.__name__, "settings": settings}
    if isinstance(integrator, StochasticIntegrator):
        description["noise"] = integrator._rng.bit_generator.state
    return description


def build(description: dict[str, Any]) -> Integrator:
    """Make a scheme from its description; `ValueError` if it names what this version does not know."""
    kind = getattr(integrators, description["type"], None)
    if not (isinstance(kind, type) and issubclass(kind, Integrator)):
        raise ValueError(f"there is no scheme {description['type']!r}")
    settings = {
        name: build(value) if isinstance(value, dict) else value for name, value in description["settings"].items()
    }
    integrator = kind(**settings)
    if isinstance(integrator, StochasticIntegrator):
        state = description["noise"]
        source = getattr(np.random, state["bit_generator"])
        if not (isinstance(source, type) and issubclass(source, np.random.BitGenerator)):
            raise ValueError(f"there is no source of noise {state['bit_generator']!r}")
        source = source()
        source.state = state
        integrator._rng = np.random.Generator(source)
    return integrator
