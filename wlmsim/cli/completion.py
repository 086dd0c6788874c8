"""What a shell may offer for the word that is being typed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from wlmsim.cli.catalogue import systems

RESERVED = ("potential", "dissipation", "progress", "warm_start")
"""Parameters of a model that no text can be, or that options of their own set."""

DATA = (".h5", ".csv", ".tsv", ".txt", ".gz", ".npz", ".npy", ".h5ad", ".nc", ".zarr", ".parquet", ".xml")
"""Suffixes of files that hold data; models may have any."""


def words(metavar: str) -> dict[str, Any]:
    """Say in the help which words an option takes, as ``last|none|INDEX`` does, and offer those in lower case."""
    offered = [word for word in metavar.split("|") if not word.isupper()]
    return {"metavar": metavar, "autocompletion": lambda: offered}


def files(*suffixes: str) -> Callable[[str], list[str]]:
    """Offer the files with one of these suffixes, and the folders."""

    def matching(incomplete: str) -> list[str]:
        typed, _, beginning = incomplete.rpartition("/")
        folder = typed + "/" if "/" in incomplete else ""
        try:
            found = sorted(Path(folder or ".").expanduser().iterdir())
        except OSError:
            return []
        shown = [path for path in found if path.name.startswith(beginning) and not path.name.startswith(".")]
        folders = [f"{folder}{path.name}/" for path in shown if path.is_dir()]
        return folders + [f"{folder}{path.name}" for path in shown if path.suffix.lower() in suffixes]

    return matching


def settings(ctx: typer.Context) -> list[str]:
    """Offer the parameters of the system that is named, or of the model that is to be fitted."""
    if ctx.info_name == "fit":
        from wlmsim.learn.wlm import WLM

        return [f"{name}=" for name in WLM.nested_names() if name not in RESERVED]
    # of a line that ends within an option, the parser leaves the words aside
    named = [systems()[word] for word in [ctx.params.get("system"), *ctx.args] if word in systems()]
    return [f"{name}=" for name in inspect.signature(named[0]).parameters] if named else []
