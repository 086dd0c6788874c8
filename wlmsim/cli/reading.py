"""The options that say how data of another kind are read, and the reading itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from wlmsim.cli.options import named_values

if TYPE_CHECKING:
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.data.tracks import Tracks
    from wlmsim.data.trajectory import Trajectory

PANEL = "How to read DATA"


def _option(*names: str, **about: Any) -> Any:
    return typer.Option(*names, rich_help_panel=PANEL, **about)


OPTIONS: dict[str, Any] = {
    "id": Annotated[str | None, _option(metavar="NAME,...", help="Columns of who is seen, if not called as usual.")],
    "time": Annotated[str | None, _option("--time", metavar="NAME,...", help="Column of times, or of date and time.")],
    "positions": Annotated[
        str | None,
        _option(metavar="NAME,...", help="Columns of positions, longitude first; or one array, such as X_pca."),
    ],
    "velocities": Annotated[str | None, _option("--velocities", metavar="NAME,...", help="Those of velocities.")],
    "every": Annotated[
        str | None, _option(metavar="TIME", help="Interpolate individuals to common times, such as '10 min' apart.")
    ],
    "max_gap": Annotated[
        str | None, _option(metavar="TIME", help="Longest gap to interpolate over. Default: three usual intervals.")
    ],
    "projection": Annotated[
        str | None, _option(metavar="NAME", help="Plane for longitudes and latitudes: utm, EPSG:32633, ...")
    ],
    "time_unit": Annotated[
        str | None, _option(metavar="NAME", help="Unit of time; dates are counted in it. Default: day for dates.")
    ],
    "length_unit": Annotated[str | None, _option(metavar="NAME", help="Unit of length.")],
    "read": Annotated[
        list[str] | None,
        _option(
            "--read",
            metavar="NAME=VALUE",
            help="Anything else that Tracks.load or SnapshotSeries.load takes, such as crs=EPSG:32633, "
            "timezone=Europe/Amsterdam, dims=5; repeatable.",
        ),
    ],
}


def reading(renamed: dict[str, str] | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of reading; it gets what was given as its argument `columns`.

    Parameters
    ----------
    renamed : dict, optional
        Options by other names, where the command has one of this name for something else.
    """
    names = {name: (renamed or {}).get(name, name) for name in OPTIONS}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "columns"]
        hints = get_type_hints(command, include_extras=True)
        hints.pop("columns", None)
        clash = {p.name for p in own} & set(names.values())
        assert not clash, clash

        @functools.wraps(command)
        def run(**given: Any) -> None:
            options = {name: given.pop(called) for name, called in names.items()}
            command(**given, columns=_columns(options))

        added = []
        for name, called in names.items():
            hint = OPTIONS[name]
            if called != name:
                hint = _called(hint, called)
            hints[called] = hint
            added.append(inspect.Parameter(called, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=hint))
        keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[p.name]) for p in own]
        run.__signature__ = inspect.Signature([*keyword, *added])  # type: ignore[attr-defined]
        run.__annotations__ = hints
        del run.__wrapped__
        return run

    return decorate


def _called(hint: Any, name: str) -> Any:
    kind, option = hint.__origin__, hint.__metadata__[0]
    flag = f"--{name.replace('_', '-')}"
    return Annotated[kind, typer.Option(flag, metavar=option.metavar, help=option.help, rich_help_panel=PANEL)]


def _columns(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of reading that were given."""
    units = {kind: options.pop(f"{kind}_unit") for kind in ("length", "time")}
    more = arguments(options.pop("read"), "--read", [name for name, value in options.items() if value is not None])
    columns = {name: _names(value) for name, value in options.items() if value is not None}
    for name in ("every", "max_gap"):
        if name in columns:
            columns[name] = _number_or_text(columns[name])
    if any(units.values()):
        columns["units"] = {kind: name for kind, name in units.items() if name is not None}
    return columns | more


def arguments(settings: list[str] | None, option: str, reserved: Iterable[str]) -> dict[str, Any]:
    """Other arguments of reading, as the ``NAME=VALUE`` of an option; none that there is not."""
    values = named_values(settings, option, reserved=reserved)
    if values:
        from wlmsim import _validation as check
        from wlmsim.io.arguments import ALL

        for name in values.keys() - set(ALL):
            known = ", ".join(sorted(ALL))
            raise typer.BadParameter(
                f"{name!r} says nothing of how data are read{check.meant(name, ALL)}; known are {known}",
                param_hint=option,
            )
    return values


def _names(text: str) -> Any:
    """``x,y`` as two columns; one name may also be that of an array."""
    return text.split(",") if "," in text else text


def _number_or_text(text: Any) -> Any:
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def load(path: Path, columns: dict[str, Any] | None = None) -> Trajectory | SnapshotSeries | Tracks:
    """Read what the file holds: tracks where it says who is who."""
    from wlmsim import io

    return io.read(path, **(columns or {}))


def told(data: Trajectory | SnapshotSeries | Tracks) -> str:
    """What data are, and in which units."""
    from wlmsim.data.dates import has_dates

    units = [f"positions in {unit}" for unit in [data.units.get("length")] if unit]
    units += [f"times in {unit}" for unit in [data.units.get("time")] if unit]
    if has_dates(data):
        units[-1] += f" since {data.metadata['first_date']}"
    return f"{data!r}{', ' if units else ''}{', '.join(units)}"


def clouds(path: Path, columns: dict[str, Any] | None = None) -> SnapshotSeries:
    """Read snapshots; of individuals with velocities."""
    return clouds_of(load(path, columns))


def clouds_of(data: Trajectory | SnapshotSeries | Tracks) -> SnapshotSeries:
    """Forget who is who; of tracks without velocities these are estimated before."""
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.data.tracks import Tracks
    from wlmsim.io.snapshots_file import forget

    if isinstance(data, Tracks):
        return data.moving().snapshots()
    return data if isinstance(data, SnapshotSeries) else forget(data)
