"""``wlmsim convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wlmsim.cli.completion import DATA, files
from wlmsim.cli.files import check_output, check_suffix, load
from wlmsim.cli.options import Force, Output, Settings, named_values

SUFFIXES = (".h5", ".csv", ".tsv", ".npz", ".h5ad", ".nc", ".pvd", ".h5md")


def convert(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Snapshots or trajectory, .csv, .tsv, .npz, .h5ad, .nc or any other HDF5.",
            autocompletion=files(*DATA),
            show_default=False,
        ),
    ],
    output: Output,
    time: Annotated[str | None, typer.Option(metavar="NAME", help="Column of times. Default: time.")] = None,
    positions: Annotated[
        str | None,
        typer.Option(metavar="NAME,...", help="Columns of positions, or one array such as X_pca. Default: x,y,z."),
    ] = None,
    velocities: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Those of velocities. Default: vx,vy,vz, if there.")
    ] = None,
    weights: Annotated[str | None, typer.Option(metavar="NAME", help="Column of weights. Default: weight.")] = None,
    populations: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of populations. Default: population.")
    ] = None,
    dims: Annotated[int | None, typer.Option(help="Keep so many coordinates only.")] = None,
    time_values: Annotated[
        list[str] | None,
        typer.Option("--time-value", metavar="WORD=NUMBER", help="The time that a word means; repeatable."),
    ] = None,
    decimal: Annotated[str | None, typer.Option(metavar=".|,", help="Decimal mark of text. Default: a point.")] = None,
    time_unit: Annotated[
        str | None, typer.Option(metavar="NAME", help="Unit of time; dates are counted in it. Default: day for dates.")
    ] = None,
    length_unit: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the unit of length.")] = None,
    settings: Settings = None,
    force: Force = False,
) -> None:
    """Convert data from one format to another; the suffixes say which.

    Formats are .h5 (wlmsim), .csv, .tsv, .npz, .h5ad (AnnData), .nc (NetCDF), .pvd (ParaView) and .h5md (MDAnalysis);
    the last two are written only. `wlmsim info DATA` lists the columns of a file. --set takes whatever else
    wlmsim.io.load_drifters takes, such as position_unit=m.
    """
    check_suffix("--output", output, SUFFIXES)
    check_output(output, force, data)
    given = {
        "time": time,
        "positions": _names(positions),
        "velocities": _names(velocities),
        "weights": weights,
        "populations": populations,
        "dims": dims,
        "decimal": decimal,
        "units": _units(time_unit, length_unit),
        "time_values": dict(map(_meaning, time_values)) if time_values else None,
    }
    columns: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    columns |= named_values(settings, reserved=[name for name in given if name in columns])

    import wlmsim as wls

    read = wls.SnapshotSeries.load(data, **columns) if columns else load(data)
    wls.io.export(read, output)
    typer.echo(f"{output}: {read!r}")


def _units(time: str | None, length: str | None) -> dict[str, str] | None:
    given = {"length": length, "time": time}
    return {kind: name for kind, name in given.items() if name is not None} or None


def _names(text: str | None) -> str | list[str] | None:
    """``x,y`` as two columns; one name may also be that of an array."""
    return text.split(",") if text and "," in text else text


def _meaning(setting: str) -> tuple[str, float]:
    word, _, number = setting.rpartition("=")
    try:
        return word, float(number)
    except ValueError:
        raise typer.BadParameter(f"{setting!r} is not WORD=NUMBER", param_hint="--time-value") from None
