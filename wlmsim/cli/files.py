"""Files that commands read and write."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

PLOTS = (".png", ".pdf", ".svg")
READ = "It is read by the same command, and cannot be its output"


def check_output(path: Path, force: bool, *inputs: Path | None) -> None:
    """Refuse before the work what could not be written after it, or would be written over what is read.

    Raises
    ------
    OSError
        If the file exists (unless `force`), is one of the inputs or a folder, or its folder is missing or not writable.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    _check_writable(path.parent)
    if path.exists() and any(other is not None and _is_of(path, other) for other in inputs):
        raise FileExistsError(errno.EEXIST, READ, str(path))
    if path.exists() and not force:
        raise FileExistsError(errno.EEXIST, "It exists already (--force replaces it)", str(path))


def check_folder(path: Path, force: bool, *inputs: Path) -> None:
    """Refuse before the work a folder that a study could not be saved into after it.

    Raises
    ------
    OSError
        If it holds files (unless `force`), or files that are no study's, is or holds one of the inputs, is a file, or
        the folder above is missing or not writable.
    """
    from wlmsim.learn.studies.folder import check_free

    if any(other.exists() and _is_of(other, path) for other in inputs):
        raise FileExistsError(errno.EEXIST, READ, str(path))
    check_free(path)
    above = path if path.is_dir() else path.parent
    _check_writable(above)
    if above is path and any(path.iterdir()) and not force:
        raise FileExistsError(errno.EEXIST, "It exists already (--force replaces the study in it)", str(path))


def _check_writable(folder: Path) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, "No such folder", str(folder))
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, "Folder is not writable", str(folder))


def _is_of(path: Path, other: Path) -> bool:
    """Whether a file that exists is the other one, or in it if that is a folder."""
    return other.exists() and (path.samefile(other) or (other.is_dir() and path.parent.samefile(other)))


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
