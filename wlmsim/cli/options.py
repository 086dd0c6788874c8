"""The options that commands share, and the values that options hold."""

from __future__ import annotations

import ast
import inspect
import json
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from wlmsim.cli.completion import DATA, files, settings
from wlmsim.cli.errors import blaming

Number = TypeVar("Number", int, float)

ModelFile = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Fitted model, or the folder of a study.", show_default=False)
]
DataFile = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="Snapshots or trajectory.", autocompletion=files(*DATA), show_default=False),
]
OptionalData = Annotated[
    Path | None,
    typer.Argument(metavar="[DATA]", help="Snapshots or trajectory.", autocompletion=files(*DATA), show_default=False),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="File to write.", show_default=False)]
Force = Annotated[bool, typer.Option("--force", "-f", help="Replace files that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
Scheduler = Annotated[
    str | None,
    typer.Option("--client", metavar="ADDRESS", help="Scheduler of a Dask cluster, whose workers do the fits."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", autocompletion=settings, help="Any other parameter; repeatable."),
]


def numbers(option: str, text: str, kind: Callable[[str], Number]) -> list[Number]:
    """Read ``1,2,3``."""
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        noun = "integers" if kind is int else "numbers"
        raise typer.BadParameter(f"{text!r} is not a list of {noun} such as 1,2,3", param_hint=option) from None


def is_date(text: str) -> bool:
    """Whether a word is no number, and hence to be a date."""
    try:
        float(text)
    except ValueError:
        return True
    return False


def moment(option: str, text: str, series: Any) -> float:
    """Read a time: a number, or a date where the series has dates."""
    from wlmsim.data.dates import asked

    try:
        return float(text)
    except ValueError:
        with blaming(option):
            return float(asked("time", text, series))


def word_or_number(option: str, text: str, words: Mapping[str, Any], kind: Callable[[str], Number]) -> Any:
    """Read one of a few words, which stand for values, or a number."""
    if text in words:
        return words[text]
    try:
        return kind(text)
    except ValueError:
        expected = " or ".join([*words, "an integer" if kind is int else "a number"])
        raise typer.BadParameter(f"{text!r} is not {expected}", param_hint=option) from None


def arguments(
    target: type, options: Mapping[str, Any], settings: Iterable[str] | None, *, reserved: Iterable[str] = ()
) -> dict[str, Any]:
    """Merge options with ``--set name=value`` to arguments of a constructor, checked against its signature.

    Parameters
    ----------
    target : type
        Class whose constructor takes the arguments.
    options : mapping
        Values of options of their own; those that are ``None`` were not given.
    settings : iterable of str, optional
        The ``name=value`` of each ``--set``.
    reserved : iterable of str
        Arguments of the constructor that the command line may not set.

    Returns
    -------
    dict

    Raises
    ------
    typer.BadParameter
        If a name is unknown or given twice; the message names the known ones.
    """
    from wlmsim import _validation as check

    names = target.nested_names() if hasattr(target, "nested_names") else inspect.signature(target).parameters
    known = [name for name in names if name not in reserved]
    given = [(_flag(name), name, value) for name, value in options.items() if value is not None]
    for setting in settings or ():
        name, equals, text = setting.partition("=")
        if not equals:
            raise typer.BadParameter(f"{setting!r} is not NAME=VALUE", param_hint="--set")
        given.append(("--set", name.strip().replace("-", "_"), _literal(text.strip())))
    merged: dict[str, Any] = {}
    for option, name, value in given:
        if name not in known:
            nested = [full for full in known if full.endswith(f".{name}")]
            hint = f" (did you mean {nested[0]!r}?)" if nested else check.meant(name, known)
            raise typer.BadParameter(
                f"{target.__name__} has no parameter {name}{hint}; known are {', '.join(known)}", param_hint=option
            )
        if name in merged:
            raise typer.BadParameter(f"{name} is given twice", param_hint=option)
        merged[name] = value
    return merged


def named_values(
    settings: Iterable[str] | None, option: str = "--set", *, reserved: Iterable[str] = ()
) -> dict[str, Any]:
    """The names and values of each ``name=value`` of an option; none of those that are reserved, nor one twice."""
    values: dict[str, Any] = {}
    for setting in settings or ():
        name, equals, text = setting.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise typer.BadParameter(f"{setting!r} is not NAME=VALUE", param_hint=option)
        if name in values or name in reserved:
            raise typer.BadParameter(f"{name} is given twice", param_hint=option)
        values[name] = _literal(text.strip())
    return values


def _flag(name: str) -> str:
    name = name.rpartition(".")[2]
    return f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"


def _literal(text: str) -> Any:
    """Return the value of a JSON or Python literal; other text stands for itself."""
    for parse in (json.loads, ast.literal_eval, {"inf": math.inf}.__getitem__):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, KeyError):
            continue
    return text
