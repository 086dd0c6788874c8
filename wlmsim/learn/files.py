"""Files of fitted models and checkpoints: tensors and plain values, read without executing code."""

from __future__ import annotations

import dataclasses
import inspect
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from wlmsim import functionals
from wlmsim.errors import FileFormatError, ParameterError
from wlmsim.functionals import Functional, laws
from wlmsim.io.atomic import atomic
from wlmsim.io.paths import existing
from wlmsim.learn import dissipations as learned_dissipations
from wlmsim.learn import functionals as learned_functionals
from wlmsim.mechanics import dissipation
from wlmsim.mechanics.dissipation import Dissipation

HOMES = (functionals, dissipation, learned_functionals, learned_dissipations)
"""Where the classes of terms are found by their names."""
VERSION = 2
"""Schema of the files written; 2 holds several members of a model, 1 held one."""


def write(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write tensors and plain values atomically under a kind and the schema version."""
    # through a stream: given a path, torch refuses some names, such as a hidden one without a suffix
    with atomic(path) as temporary, temporary.open("wb") as stream:
        torch.save({"kind": kind, "version": VERSION, **content}, stream)


def read(path: Path, kind: str) -> dict[str, Any]:
    """Read a file written by `write`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is truncated, of another kind, or of a newer schema.
    """
    path = existing(path)
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            data = stream.read(4) == b"\x89HDF"
        about = "; it holds data, which SnapshotSeries.load reads" if data else ", or a truncated one"
        raise FileFormatError(f"{path}: not a {kind} file{about}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a broken or foreign file
        reason = str(error).strip().split("\n")[0][:120]
        raise FileFormatError(f"{path}: not a readable {kind} file ({type(error).__name__}: {reason})") from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise FileFormatError(f"{path}: not a {kind} file")
    if content["version"] > VERSION:
        raise FileFormatError(f"{path}: schema version {content['version']} is newer than this wlmsim's {VERSION}")
    return content


def describe(terms: Iterable[Functional | Dissipation]) -> list[dict[str, Any]]:
    """Plain values from which `build` makes the sum of the terms again.

    Raises
    ------
    ParameterError
        If a term's law is a plain function: only laws with a name can be written to a file.
    """
    return [{"type": type(term).__name__, "settings": _plain(term)} for term in terms]


def build(description: list[dict[str, Any]]) -> Any:
    """Make a functional or a dissipation from its description; learned terms come without their tensors."""
    terms: list[Any] = []
    for entry in description:
        kind, settings = entry["type"], dict(entry["settings"])
        if kind in ("External", "Pairwise"):
            parameters = _lists_to_tuples(settings.pop("parameters"))
            settings = {**_lists_to_tuples(settings), "law": getattr(laws, settings["law"])(**parameters)}
        for name in ("functionals", "dissipations"):  # of an average
            if name in settings:
                settings[name] = [build(member) for member in settings[name]]
        if kind == "LearnableStrength":
            settings["functional"] = build(settings["functional"])
        home = next(module for module in HOMES if hasattr(module, kind))
        terms.append(getattr(home, kind)(**settings))
    return sum(terms[1:], terms[0])


def _plain(term: Functional | Dissipation) -> dict[str, Any]:
    if isinstance(term, (functionals.External, functionals.Pairwise)):
        law: Any = term.law
        if type(law).__name__ not in laws.__all__:
            raise ParameterError(
                f"a model with {term!r} cannot be saved: files hold no code, so give the law as one of wlmsim.laws"
            )
        others = {name: getattr(term, name) for name in inspect.signature(type(term)).parameters if name != "law"}
        return {"law": type(law).__name__, "parameters": dataclasses.asdict(law), **others}
    if hasattr(term, "settings"):
        return {name: _described(value) for name, value in term.settings().items()}
    return {name: getattr(term, name) for name in inspect.signature(type(term)).parameters}


def _described(value: Any) -> Any:
    """A setting with terms described: one as the sum that it is, each of several as a sum of its own."""
    if isinstance(value, (Functional, Dissipation)):
        return describe(value.terms)
    if isinstance(value, list) and value and isinstance(value[0], (Functional, Dissipation)):
        return [describe([member]) for member in value]
    return value


def _lists_to_tuples(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in parameters.items()}
