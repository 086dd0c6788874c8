"""``wlmsim convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wlmsim.cli.completion import DATA, files
from wlmsim.cli.files import check_output, check_suffix
from wlmsim.cli.options import Force, Output, Settings
from wlmsim.cli.reading import arguments, load, reading, told

SUFFIXES = (".h5", ".csv", ".tsv", ".parquet", ".npz", ".h5ad", ".nc", ".pvd", ".h5md")


@reading()
def convert(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Snapshots, tracks or trajectory, .csv, .npz, .h5ad, .nc, .zarr or any other HDF5.",
            autocompletion=files(*DATA),
            show_default=False,
        ),
    ],
    output: Output,
    weights: Annotated[str | None, typer.Option(metavar="NAME", help="Column of weights. Default: weight.")] = None,
    populations: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of populations. Default: population.")
    ] = None,
    dims: Annotated[int | None, typer.Option(help="Keep so many coordinates only.")] = None,
    time_values: Annotated[
        list[str] | None,
        typer.Option("--time-value", metavar="WORD=NUMBER", help="The time that a word means; repeatable."),
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(metavar=".|,", help="Decimal mark of text. Default: as its numbers tell.")
    ] = None,
    settings: Settings = None,
    force: Force = False,
    columns: dict[str, Any] | None = None,
) -> None:
    """Convert data from one format to another; the suffixes say which.

    Formats are .h5 (wlmsim), .csv, .tsv, .parquet, .npz, .h5ad (AnnData), .nc (NetCDF), .pvd (ParaView) and .h5md
    (MDAnalysis); the last two are written only. Movebank, TrackMate (.csv, .xml), GDP, clouddrift, Parcels (.nc,
    .zarr), OpenDrift and movement are read. `wlmsim info DATA` lists the columns of a file.
    """
    check_suffix("--output", output, SUFFIXES)
    check_output(output, force, data)
    given = {
        "weights": weights,
        "populations": populations,
        "dims": dims,
        "decimal": decimal,
        "time_values": dict(map(_meaning, time_values)) if time_values else None,
    }
    named: dict[str, Any] = {name: value for name, value in given.items() if value is not None} | (columns or {})
    named |= arguments(settings, "--set", named)

    import wlmsim as wls

    read = load(data, named)
    wls.io.export(read, output)
    typer.echo(f"{output}: {told(read)}")


def _meaning(setting: str) -> tuple[str, float]:
    word, _, number = setting.rpartition("=")
    try:
        return word, float(number)
    except ValueError:
        raise typer.BadParameter(f"{setting!r} is not WORD=NUMBER", param_hint="--time-value") from None
