"""The command line: ``wlmsim COMMAND``, such as ``wlmsim study`` and ``wlmsim forecast``.

Results go to stdout; progress bars, warnings and errors to stderr. The exit code is 0 for success, 1 for failure,
2 for bad usage and 130 after Ctrl-C. Whatever is heavy is imported by the command that needs it, so that ``--help``
is instant.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from wlmsim.cli.annotating import annotate
from wlmsim.cli.conversion import convert
from wlmsim.cli.errors import Command, Group
from wlmsim.cli.inspection import info
from wlmsim.cli.interpolation import interpolate
from wlmsim.cli.learning import evaluate, fit, forecast
from wlmsim.cli.rendering import render
from wlmsim.cli.simulation import simulate
from wlmsim.cli.studying import study

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    epilog="`wlmsim COMMAND --help` says more. Errors take one line; --debug shows where they come from.",
)


def main() -> None:
    """Run the ``wlmsim`` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")  # terminals that know ASCII only show what they can
    app(prog_name="wlmsim")


def _print_version(wanted: bool) -> None:
    if wanted:
        from wlmsim._about import version as installed

        typer.echo(f"wlmsim {installed()}")
        raise typer.Exit()


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", envvar="WLMSIM_DEBUG", help="Show failures with their traceback.")
    ] = False,
) -> None:
    """Simulate populations of particles, and learn their mechanics from snapshots."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


for command in (simulate, study, fit, forecast, interpolate, evaluate, annotate, render, convert, info):
    app.command(cls=Command)(command)
