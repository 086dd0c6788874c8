"""``wlmsim study``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from wlmsim.cli.completion import words
from wlmsim.cli.errors import doing
from wlmsim.cli.files import check_folder, check_output, check_suffix
from wlmsim.cli.options import DataFile, Force, Quiet, Scheduler
from wlmsim.cli.reading import clouds_of, load, reading

PAGES = (".html", ".htm")
FIGURES = (".pdf", ".svg", ".eps", ".png")
MODEL_SUFFIX = ".model"


@reading()
def study(
    data: DataFile,
    budget: Annotated[
        str, typer.Option(metavar="TIME", help="Time that it may take, such as '90 s' or '1 min'; a number is seconds.")
    ] = "1 min",
    goal: Annotated[
        str, typer.Option(**words("both|forecast|interpolate"), help="What predictions are wanted for.")
    ] = "both",
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Study the marginals up to this time or date. Default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the study into this folder; into .model the fitted model alone."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report as a page: .html.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Write one page that a paper can print: .pdf, .svg, .eps or .png.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    client: Scheduler = None,
    force: Force = False,
    quiet: Quiet = False,
    columns: dict[str, Any] | None = None,
) -> None:
    """Find the mechanics that predicts the data best, and say how far to believe it.

    It tries what suits the data within a time, scores it by marginals that it leaves out in turn, and prints a report.
    Ctrl-C ends it with the best so far.
    """
    if report is not None:
        check_suffix("--report", report, PAGES)
    if figure is not None:
        check_suffix("--figure", figure, FIGURES)
    if report is not None and report == output:
        raise typer.BadParameter("it cannot be that of --output", param_hint="--report")
    if figure is not None and figure == output:
        raise typer.BadParameter("it cannot be that of --output", param_hint="--figure")
    if output is not None and output.suffix.lower() in (*PAGES, *FIGURES):
        raise typer.BadParameter(
            f"the study goes into a folder; --report and --figure write {output.suffix}", param_hint="--output"
        )
    whole = output is not None and output.suffix.lower() != MODEL_SUFFIX
    if output is not None and whole:
        check_folder(output, force, data)
    for path in filter(None, (None if whole else output, report, figure)):
        check_output(path, force, data)

    import wlmsim as wls
    from wlmsim.cli import marginals

    given: Any = load(data, columns)
    if isinstance(given, wls.Tracks):  # whose names go into the study
        given = given.moving()
    series = marginals.up_to(clouds_of(given), until, data)
    studied = given[given.times <= series.times[-1]] if isinstance(given, wls.Tracks) else series
    allowed = _seconds(budget)
    found = wls.learn.study(studied, budget=allowed, goal=goal, seed=seed, client=client, progress=not quiet)
    if output is not None and whole:
        with doing(f"writing {output}", quiet=quiet):
            found.save(output)
    elif output is not None:
        found.model.save(output)
    if report is not None:
        found.report(report)
    if figure is not None:
        found.figure(figure)
    if as_json:
        from wlmsim.learn.studies.record import record

        typer.echo(json.dumps(record(found), indent=2))
    else:
        typer.echo(found)


def _seconds(budget: str) -> str | float:
    """A budget as Python takes it: a number alone is in seconds."""
    try:
        return float(budget)
    except ValueError:
        return budget
