"""What may be said of files of other kinds as they are read: by which reader it is understood, and what it may be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.io.columns import series_from_columns
from wlmsim.io.drifters import load_drifters
from wlmsim.io.track_tables import tracks_from_columns

RESAMPLING = ("every", "max_gap", "method")
"""How individuals are interpolated, those of files of wlmsim too."""
OF_TRACKS = (*RESAMPLING, "id", "times", "crs", "projection", "timezone", "date_format", "keypoint")
"""What only data have which say who is who."""
OF_SNAPSHOTS = ("weights", "populations", "growth", "dims", "time_values", "start", "stop")
"""What only data have which do not."""
NAMES = "a name, or several names"
KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(("units", "metadata", "time_values"), ("a mapping", lambda given: isinstance(given, Mapping))),
    **dict.fromkeys(("id", "time", "positions"), (NAMES, lambda given: _are_names(given))),
    "velocities": (f"{NAMES}, or False", lambda given: isinstance(given, bool) or _are_names(given)),
    **dict.fromkeys(("weights", "populations", "growth"), ("a name", lambda given: isinstance(given, str))),
    **dict.fromkeys(
        ("crs", "projection", "timezone", "date_format", "keypoint", "position_unit"),
        ("text", lambda given: isinstance(given, str)),
    ),
}
"""What an argument must be; of what else there is the reader knows."""


def names_of(*readers: Callable[..., Any]) -> list[str]:
    """The arguments of readers that say what the columns are and how to read them."""
    parameters = [p for reader in readers for p in inspect.signature(reader).parameters.values()]
    return list(dict.fromkeys(p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "source"))


ALL = ["start", "stop", "decimal", *names_of(series_from_columns, tracks_from_columns, load_drifters)]
"""Every argument that some kind of file takes."""


def check_known(names: Iterable[str], known: Collection[str] = ALL) -> None:
    """Refuse misspelt arguments before a file is opened: within it, a `TypeError` would be taken for damage."""
    for name in names:
        if name not in known:
            raise TypeError(f"load() got an unexpected keyword argument {name!r}{check.meant(name, known)}")


def check_taken(columns: Mapping[str, Any], reader: Callable[..., Any], what: str) -> None:
    """Refuse arguments that are for files of other kinds, or are not what they should be.

    Parameters
    ----------
    columns : mapping
        The arguments; those that are None were not given.
    reader : callable
        What takes them.
    what : str
        What it reads, several things, for the message.

    Raises
    ------
    ParameterError
        It names the argument, and those that the reader takes.
    """
    known = names_of(reader)
    for name, value in columns.items():
        if name not in known:
            hint = " (Tracks.load takes it)" if name in OF_TRACKS else ""
            raise ParameterError(f"`{name}` is not for {what}, which take {', '.join(known)}{hint}")
        expected, fits = KINDS.get(name, ("", lambda given: True))
        if value is not None and not fits(value):
            raise check.fail(name, expected, value)


def follow_individuals(columns: Mapping[str, Any]) -> bool | None:
    """Whether arguments are those of tracks or those of snapshots; None if they are of both kinds.

    Raises
    ------
    ParameterError
        If some are of the one and some of the other kind alone.
    """
    of_tracks, of_snapshots = (
        [name for name in kinds if columns.get(name) is not None] for kinds in (OF_TRACKS, OF_SNAPSHOTS)
    )
    if of_tracks and of_snapshots:
        raise ParameterError(
            f"`{of_snapshots[0]}` cannot go with `{of_tracks[0]}`: that is for snapshots, this for data that say "
            "who is who"
        )
    return True if of_tracks else False if of_snapshots else None


def _are_names(given: Any) -> bool:
    several = isinstance(given, Sequence) and all(isinstance(name, str) for name in given)
    return isinstance(given, str) or several
