"""Files of fitted models and checkpoints: tensors and plain values, read without executing code."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

from wlmsim import functionals
from wlmsim.errors import FileFormatError, ParameterError
from wlmsim.functionals import Functional
from wlmsim.io.atomic import atomic
from wlmsim.io.paths import existing
from wlmsim.io.signatures import EMPTY, HDF5, PICKLE, TENSORS, signature
from wlmsim.learn import dissipations as learned_dissipations
from wlmsim.learn import functionals as learned_functionals
from wlmsim.learn.packing import pack, unpack
from wlmsim.mechanics import descriptions, dissipation
from wlmsim.mechanics.dissipation import Dissipation

HOMES = (functionals, dissipation, learned_functionals, learned_dissipations)
"""Where the classes of terms are found by their names."""
VERSION = 3
"""Schema of the files written; 1 and 2, of wlmsim 0.1.0, were archives of torch."""

FOREIGN = {
    EMPTY: ": it is empty",
    HDF5: "; it holds data, which SnapshotSeries.load reads",
    PICKLE: " that this version reads; wlmsim 0.1.0 wrote it: fit again, or load it with that version",
}
"""What is said of files that are none, by what they are."""

Load = TypeVar("Load", bound=Callable[..., Any])


def write(path: Path, kind: str, content: dict[str, Any]) -> None:
    """Write tensors and plain values atomically under a kind and the schema version."""
    data = pack(kind, VERSION, content)
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def read(path: Path, kind: str) -> dict[str, Any]:
    """Read a file written by `write`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is truncated, damaged, of another kind, of a newer schema, or of wlmsim 0.1.0.
    """
    path = existing(path)
    if (found := signature(path)) != TENSORS:
        raise FileFormatError(f"{path}: not a {kind} file{FOREIGN.get(found, ', or a damaged one')}")
    try:
        of, version, content = unpack(path.read_bytes())
    except FileFormatError as error:
        raise FileFormatError(f"{path}: {error}") from None
    except Exception as error:  # whole, as its digest tells, but never written by wlmsim
        raise FileFormatError(f"{path}: not a readable {kind} file ({_short(error)})") from error
    if of != kind:
        raise FileFormatError(f"{path}: not a {kind} file, but a {of} file")
    if version > VERSION:
        raise FileFormatError(f"{path}: schema version {version} is newer than this wlmsim's {VERSION}")
    return content


def refusing(load: Load) -> Load:
    """Let a class method that makes an object of a file refuse one that it cannot use by a `FileFormatError`."""

    @functools.wraps(load)
    def refuse(cls: Any, path: str | Path) -> Any:
        try:
            return load(cls, path)
        except OSError:  # of which FileFormatError is one: they name the file
            raise
        except Exception as error:
            raise FileFormatError(
                f"{path}: this version of wlmsim cannot use it, another one may have written it ({_short(error)})"
            ) from error

    return cast(Load, refuse)


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
        if "law" in settings:
            settings = descriptions.built_settings(settings)
        for name in ("functionals", "dissipations"):  # of an average
            if name in settings:
                settings[name] = [build(member) for member in settings[name]]
        if kind == "LearnableStrength":
            settings["functional"] = build(settings["functional"])
        terms.append(_term(kind)(**settings))
    return sum(terms[1:], terms[0])


def _term(name: str) -> Any:
    """The class of a term: nothing else that a module holds can be called by a file."""
    for home in HOMES:
        found = getattr(home, name, None)
        if isinstance(found, type) and issubclass(found, (Functional, Dissipation)):
            return found
    raise ValueError(f"there is no term {name!r}")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:120]}"


def _plain(term: Functional | Dissipation) -> dict[str, Any]:
    if hasattr(term, "settings"):
        return {name: _described(value) for name, value in term.settings().items()}
    try:
        return descriptions.settings_of(term)
    except ParameterError as error:
        raise ParameterError(f"a model with {error}") from error


def _described(value: Any) -> Any:
    """A setting with terms described: one as the sum that it is, each of several as a sum of its own."""
    if isinstance(value, (Functional, Dissipation)):
        return describe(value.terms)
    if isinstance(value, list) and value and isinstance(value[0], (Functional, Dissipation)):
        return [describe([member]) for member in value]
    return value
