"""Mechanics as plain values, by names and numbers, so that files can hold them without code."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from wlmsim import functionals
from wlmsim.errors import ParameterError
from wlmsim.functionals import Functional, between, laws
from wlmsim.mechanics import boid_rules, dissipation, flow, incompressible
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.mechanics.flow import Flow, GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.mechanics.magnetic import MagneticField

HOMES = (functionals, between, dissipation, boid_rules)
"""Where the classes of terms are found by their names."""
FLOWS = (flow, incompressible)
"""Where those of flows are."""


def describe(mechanics: Any) -> dict[str, Any]:
    """Plain values from which `build` makes a Lagrangian or a flow again.

    Raises
    ------
    ParameterError
        If it holds a plain function, or a part that only its own file holds.
    """
    if isinstance(mechanics, Lagrangian):
        magnetic = mechanics.magnetic
        return {
            "type": "Lagrangian",
            "potential": [] if mechanics.potential is None else described_terms(mechanics.potential.terms),
            "dissipation": [] if mechanics.dissipation is None else described_terms(mechanics.dissipation.terms),
            "magnetic": None if magnetic is None else _plain("the strength of the magnetic field", magnetic.strength),
            "mass": mechanics.mass,
        }
    if isinstance(mechanics, GradientFlow):
        return {"type": "GradientFlow", "potential": described_terms(mechanics.potential.terms)}
    if _class(type(mechanics).__name__, FLOWS, Flow) is not type(mechanics):
        raise ParameterError(f"{mechanics!r} is no flow that files know by name")
    return {"type": type(mechanics).__name__, "settings": settings_of(mechanics)}


def build(description: dict[str, Any]) -> Lagrangian | Flow:
    """Make a Lagrangian or a flow from its description; `ValueError` if it names what this version does not know."""
    kind = description["type"]
    if kind == "Lagrangian":
        magnetic = description["magnetic"]
        return Lagrangian(
            built_terms(description["potential"]),
            dissipation=built_terms(description["dissipation"]),
            magnetic=None if magnetic is None else MagneticField(magnetic),
            mass=description["mass"],
        )
    if kind == "GradientFlow":
        return GradientFlow(built_terms(description["potential"]))
    found = _class(kind, FLOWS, Flow)
    if found is None:
        raise ValueError(f"there is no flow {kind!r}")
    return found(**built_settings(description["settings"]))


def described_terms(terms: Iterable[Functional | Dissipation]) -> list[dict[str, Any]]:
    """Plain values of functionals or dissipations, one after the other."""
    found = []
    for term in terms:
        if _class(type(term).__name__, HOMES, (Functional, Dissipation)) is not type(term):
            raise ParameterError(f"{term!r} is no term that files know by name")
        found.append({"type": type(term).__name__, "settings": settings_of(term)})
    return found


def built_terms(description: list[dict[str, Any]]) -> Any:
    """The sum of the terms that are described; `None` of none."""
    terms: list[Any] = []
    for entry in description:
        found = _class(entry["type"], HOMES, (Functional, Dissipation))
        if found is None:
            raise ValueError(f"there is no term {entry['type']!r}")
        terms.append(found(**built_settings(entry["settings"])))
    return sum(terms[1:], terms[0]) if terms else None


def settings_of(thing: Any) -> dict[str, Any]:
    """The arguments of a term or a flow as plain values; a law is its name, and its numbers are `parameters`."""
    settings: dict[str, Any] = {}
    for name in inspect.signature(type(thing)).parameters:
        value = getattr(thing, name)
        if name == "law":
            settings |= {"law": _name_of_law(value, thing), "parameters": dataclasses.asdict(value)}
        elif isinstance(value, Functional):
            settings[name] = {"terms": described_terms(value.terms)}
        else:
            settings[name] = _plain(f"{name!r} of {thing!r}", value)
    return settings


def built_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The arguments that such values describe."""
    settings = dict(settings)
    parameters = _with_tuples(settings.pop("parameters", {}))
    settings = _with_tuples(settings)
    if "law" in settings:
        settings["law"] = _law(settings["law"])(**parameters)
    for name, value in settings.items():
        if isinstance(value, dict) and set(value) == {"terms"}:
            settings[name] = built_terms(value["terms"])
    return settings


def _name_of_law(law: Any, owner: Any) -> str:
    name = type(law).__name__
    if name not in laws.__all__ or getattr(laws, name) is not type(law):
        raise ParameterError(f"{owner!r} cannot be saved: files hold no code, so give the law as one of wlmsim.laws")
    return name


def _law(name: str) -> Callable[..., Any]:
    if name not in laws.__all__:
        raise ValueError(f"there is no law {name!r}")
    return getattr(laws, name)


def _class(name: str, homes: Iterable[Any], kinds: Any) -> Any:
    """The class of that name; nothing else that a module holds can be called by a file."""
    for home in homes:
        found = getattr(home, name, None)
        if isinstance(found, type) and issubclass(found, kinds):
            return found
    return None


def _plain(name: str, value: Any) -> Any:
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    entries = value if isinstance(value, (list, tuple)) else [value]
    flat = [part for entry in entries for part in (entry if isinstance(entry, (list, tuple)) else [entry])]
    if not all(part is None or isinstance(part, (bool, int, float, str)) for part in flat):
        raise ParameterError(f"{name} is not made of numbers and words, and files hold no code")
    return value


def _with_tuples(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: _tuple(value) for name, value in settings.items()}


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value
