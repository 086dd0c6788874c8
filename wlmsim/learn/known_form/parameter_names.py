"""The numbers in a model, by name: read them, and build the same model with other ones.

A number may be replaced by a torch tensor (``checked=False``), so that gradients with respect to it can be taken.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import FunctionalSum
from wlmsim.mechanics.dissipation import DissipationSum, Friction
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems import System

Model: TypeAlias = Lagrangian | Flow | System
Number: TypeAlias = Any
"""A float, or a tensor with one element."""


def parameters_of(model: Model) -> dict[str, float]:
    """Return the numbers in a model by their names.

    Parameters
    ----------
    model : Lagrangian, Flow or System
        A Lagrangian has ``"friction"``, ``"mass"`` and, for each term, names such as ``"pairwise.c"``: the term's
        class in lower case and the parameter of its law or of itself; terms of one class are numbered,
        ``"external_1.stiffness"``. A system has the numbers that its constructor takes. A parameter with a value for
        each axis has a name for each, ``"frequency[0]"``, and its own name for all of them if they are equal.

    Returns
    -------
    dict of str to float

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.parameters_of(wls.Lagrangian(wls.Pairwise(wls.laws.Morse(c=1.5, l=0.5))))
    {'friction': 0.0, 'mass': 1.0, 'pairwise.c': 1.5, 'pairwise.l': 0.5}
    """
    known: dict[str, float] = {}
    if isinstance(model, Lagrangian):
        known |= {} if _changing_friction(model) else {"friction": model.friction}
        known |= {"mass": model.mass} if np.ndim(model.mass) == 0 else {}
    for prefix, part in _parts(model):
        for name, value in _numbers(part).items():
            known |= {f"{prefix}{key}": number for key, number in _entries(name, value)}
    return known


def with_parameters(model: Any, values: Mapping[str, Number], *, checked: bool = True) -> Any:
    """Build the same model with other numbers.

    Parameters
    ----------
    model : Lagrangian, Flow or System
        Stays as it is.
    values : mapping of str to float or Tensor
        New values by the names of `parameters_of`.
    checked : bool
        Whether the constructors check the numbers. Default True; false where they are tensors, in a Lagrangian or a
        gradient flow.

    Returns
    -------
    Lagrangian, Flow or System
        As `model` is.

    Raises
    ------
    ParameterError
        If a name is unknown, with the list of those that are known, or a value is unusable.

    Examples
    --------
    >>> import wlmsim as wls
    >>> swarm = wls.Lagrangian(wls.Pairwise(wls.laws.Morse()))
    >>> wls.learn.with_parameters(swarm, {"pairwise.c": 2.0, "friction": 0.1})
    Lagrangian(Pairwise(Morse(c=2.0, l=0.5)), dissipation=Friction(0.1))
    """
    known = parameters_of(model)
    for name in values:
        if name not in known:
            own = "; a flow has the arguments of its constructor that it keeps by their names"
            raise ParameterError(
                f"`{name}` is not a parameter of {model!r}{check.meant(name, known)}; "
                f"known are {', '.join(known) or 'none'}{own if isinstance(model, Flow) else ''}"
            )
    rebuilt = {prefix: _replaced(part, prefix, values, checked) for prefix, part in _parts(model)}
    if isinstance(model, Lagrangian):
        return _with_terms(model, rebuilt, values, checked)
    if "" in rebuilt:
        return rebuilt[""]
    model = copy.copy(model)  # a gradient flow
    model.potential = _sum(FunctionalSum, [rebuilt[prefix] for prefix in rebuilt])
    return model


def _with_terms(
    model: Lagrangian, rebuilt: Mapping[str, Any], values: Mapping[str, Number], checked: bool
) -> Lagrangian:
    """The Lagrangian with its terms replaced, in their order."""
    model = copy.copy(model)
    terms = iter(rebuilt.values())
    if model.potential is not None:
        model.potential = _sum(FunctionalSum, [next(terms) for _ in model.potential.terms])
    others = [next(terms) for _ in _other_dissipation(model)]
    if not _changing_friction(model):
        friction = values.get("friction", model.friction)
        drag = Friction(friction) if checked else _assigned(Friction(0.0), {"rate": friction})
        others = others if checked and drag.friction == 0 else [drag, *others]
    model.dissipation = _sum(DissipationSum, others) if others else None
    if model.magnetic is not None:
        model.magnetic = next(terms)
    mass = values.get("mass", model.mass)
    model.mass = Lagrangian(mass=mass).mass if checked else mass
    return model


def _sum(kind: type, terms: list[Any]) -> Any:
    return terms[0] if len(terms) == 1 else kind(*terms)


def _other_dissipation(model: Lagrangian) -> list[Any]:
    terms = () if model.dissipation is None else model.dissipation.terms
    return [term for term in terms if _changing_friction(model) or not isinstance(term, Friction)]


def _changing_friction(model: Lagrangian) -> bool:
    """Whether friction depends on the time, so that it is a term with a law of its own instead of a number."""
    terms = () if model.dissipation is None else model.dissipation.terms
    return any(isinstance(term, Friction) and term.timed for term in terms)


def _parts(model: Any) -> list[tuple[str, Any]]:
    """The objects that hold a model's numbers, each with what its names begin with."""
    if isinstance(model, Lagrangian):
        terms = [*(() if model.potential is None else model.potential.terms), *_other_dissipation(model)]
        terms += [] if model.magnetic is None else [model.magnetic]
        return list(zip(_prefixes(terms), terms, strict=True))
    if isinstance(model, Flow) and hasattr(model, "potential"):
        return list(zip(_prefixes(model.potential.terms), model.potential.terms, strict=True))
    if isinstance(model, (Flow, System)):
        return [("", model)]
    raise ParameterError(f"`model` must be a Lagrangian, a Flow or a System; got {model!r}")


def _prefixes(terms: Iterable[Any]) -> list[str]:
    kinds = [re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(term).__name__).lower() for term in terms]
    numbered = [f"{kind}_{kinds[: k + 1].count(kind)}" for k, kind in enumerate(kinds)]
    return [
        f"{one if kinds.count(kind) == 1 else many}." for kind, one, many in zip(kinds, kinds, numbered, strict=True)
    ]


def _numbers(part: Any) -> dict[str, Any]:
    """The real numbers and vectors among the arguments that an object was constructed with."""
    numbers: dict[str, Any] = {}
    if isinstance(part, torch.nn.Module):  # what it has learned are its weights; its numbers are their layout
        return numbers
    numerics = getattr(part, "numerics", ())
    for name, parameter in inspect.signature(type(part)).parameters.items():
        value = None if name in numerics else getattr(part, name, None)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            numbers |= _numbers(value)  # a law with parameters
        elif str(parameter.annotation).split(" ")[0] != "int" and _is_real(value):
            numbers[name] = value
    return numbers


def _is_real(value: Any) -> bool:
    if value is None or isinstance(value, (bool, str)) or callable(value):
        return False
    try:
        array = np.asarray(value)
    except ValueError:
        return False
    return array.dtype.kind in "if" and array.ndim <= 1


def _entries(name: str, value: Any) -> list[tuple[str, float]]:
    """Names and values of a number, or of a vector's components."""
    if np.ndim(value) == 0:
        return [(name, float(value))]
    numbers = [float(number) for number in value]
    common = [(name, numbers[0])] if len(set(numbers)) == 1 else []
    return [*common, *((f"{name}[{k}]", number) for k, number in enumerate(numbers))]


def _replaced(part: Any, prefix: str, values: Mapping[str, Number], checked: bool) -> Any:
    """The object with the numbers that `values` names; the object itself if there are none."""
    changes = {}
    for name, value in _numbers(part).items():
        if f"{prefix}{name}" in values:
            new = values[f"{prefix}{name}"]
            changes[name] = new if np.ndim(value) == 0 else (new,) * len(value)
        keys = [f"{prefix}{name}[{k}]" for k in range(len(value) if np.ndim(value) else 0)]
        if any(key in values for key in keys):
            changes[name] = tuple(values.get(key, old) for key, old in zip(keys, changes.get(name, value), strict=True))
    return _changed(part, changes, checked) if changes else part


def _changed(part: Any, changes: dict[str, Any], checked: bool) -> Any:
    for field in () if dataclasses.is_dataclass(part) else inspect.signature(type(part)).parameters:
        law = getattr(part, field, None)
        if dataclasses.is_dataclass(law) and not isinstance(law, type):
            inner = {name: changes.pop(name) for name in list(changes) if hasattr(law, name)}
            # the new law is the old one with other numbers: the functional need not probe it again
            part = _assigned(part, {field: _changed(law, inner, checked)}) if inner else part
    if not changes:
        return part
    if not checked:
        return _assigned(part, changes)
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        return dataclasses.replace(part, **changes)
    given = {name: getattr(part, name) for name in inspect.signature(type(part)).parameters}
    return type(part)(**{**given, **changes})


def _assigned(part: Any, changes: Mapping[str, Any]) -> Any:
    """A copy with attributes set, without passing through its checks of numbers."""
    part = copy.copy(part)
    for name, value in changes.items():
        object.__setattr__(part, name, value)
    return part
