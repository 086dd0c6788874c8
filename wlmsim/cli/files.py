"""Files that commands read and write."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

PLOTS = (".png", ".pdf", ".svg")


def check_output(path: Path, force: bool, *inputs: Path | None) -> None:
    """Refuse before the work what could not be written after it, or would be written over what is read.

    Raises
    ------
    OSError
        If the file exists (unless `force`), is one of the inputs or a folder, or its folder is missing or not writable.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(path.parent))
    if not os.access(path.parent, os.W_OK):
        raise PermissionError(errno.EACCES, "Folder is not writable", str(path.parent))
    if path.exists() and any(other is not None and other.exists() and path.samefile(other) for other in inputs):
        raise FileExistsError(errno.EEXIST, "It is read by the same command, and cannot be its output", str(path))
    if path.exists() and not force:
        raise FileExistsError(errno.EEXIST, "It exists already (--force replaces it)", str(path))


def check_there(*inputs: Path) -> None:
    """Miss a file that is missing before torch is loaded, which takes seconds."""
    from wlmsim.io.paths import existing

    for path in inputs:
        existing(path)


def check_suffix(option: str, path: Path, known: tuple[str, ...]) -> None:
    """Refuse a file of an unknown format."""
    if path.suffix.lower() not in known:
        from wlmsim import _validation as check

        hint = check.meant(path.suffix, known)
        raise typer.BadParameter(f"{str(path)!r} does not end in {', '.join(known)}{hint}", param_hint=option)


def check_data(path: Path, force: bool, *inputs: Path | None) -> None:
    """As `check_output`, and refuse a format that data are not written in."""
    from wlmsim.cli.errors import blaming
    from wlmsim.io.writing import check_suffix

    check_output(path, force, *inputs)
    with blaming("--output"):
        check_suffix(path)


def save_plot(path: Path, plot: Callable[..., Any], *what: Any, **options: Any) -> None:
    """Write the figure of a function of `wlmsim.visual` that plots with matplotlib."""
    import matplotlib

    matplotlib.use("Agg")  # files only: no display is needed
    import matplotlib.pyplot as plt

    from wlmsim.io import atomic

    figure = plot(*what, **options).figure
    with atomic(path) as temporary:
        figure.savefig(temporary)
    plt.close(figure)
