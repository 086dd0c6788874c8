"""``wlmsim simulate``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wlmsim.cli.catalogue import systems
from wlmsim.cli.errors import blaming
from wlmsim.cli.files import check_data
from wlmsim.cli.options import Force, Output, Quiet, Settings, arguments

if TYPE_CHECKING:
    import numpy as np


def _list_systems(wanted: bool) -> None:
    if wanted:
        from rich.console import Console
        from rich.table import Table

        table = Table("SYSTEM", "what it is", "parameters")
        for name, system in systems().items():
            parameters = inspect.signature(system).parameters.values()
            summary = (system.__doc__ or "").strip().split("\n")[0]
            table.add_row(name, summary, ", ".join(f"{p.name}={p.default}" for p in parameters))
        Console().print(table)
        raise typer.Exit()


def simulate(
    system: Annotated[
        str,
        typer.Argument(
            metavar="SYSTEM",
            help="A system, such as boids; --list names all.",
            autocompletion=lambda: list(systems()),
            show_default=False,
        ),
    ],
    until: Annotated[float, typer.Option(help="Last time to record; the first is 0.", show_default=False)],
    dt: Annotated[float, typer.Option(help="Time between records, and the time step.", show_default=False)],
    output: Output,
    step: Annotated[float | None, typer.Option(help="Smaller time step between the records.")] = None,
    n: Annotated[int | None, typer.Option("-n", help="Number of particles.")] = None,
    dim: Annotated[int | None, typer.Option(help="Dimension of space.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    settings: Settings = None,
    snapshots: Annotated[bool, typer.Option("--snapshots", help="Write snapshots: identities are forgotten.")] = False,
    fraction: Annotated[float | None, typer.Option(help="Share of the particles in each of the snapshots.")] = None,
    force: Force = False,
    quiet: Quiet = False,
    listing: Annotated[
        bool, typer.Option("--list", is_eager=True, callback=_list_systems, help="List the systems.")
    ] = False,
) -> None:
    """Simulate a system; write its trajectory, or snapshots of it."""
    from wlmsim import _validation as check

    if fraction is not None and not snapshots:
        raise typer.BadParameter("it needs --snapshots", param_hint="--fraction")
    if system not in systems():
        hint = check.meant(system, systems())
        raise typer.BadParameter(f"{system!r} is not one of {', '.join(systems())}{hint}", param_hint="SYSTEM")
    kind = systems()[system]
    parameters = arguments(kind, {"n": n, "dim": dim, "seed": seed}, settings)
    with blaming():
        chosen = kind(**parameters)
    times = _regular_times(until, dt)
    if step is not None:
        check.positive("step", step)
    check_data(output, force)
    result: Any = chosen.simulate(times, dt=step, progress=not quiet)
    result.metadata["parameters"] = parameters
    if snapshots:
        result = result.snapshots(1.0 if fraction is None else fraction, seed=seed)
    result.save(output)
    typer.echo(f"{output}: {result!r}")


def _regular_times(until: float, dt: float) -> np.ndarray:
    """0, dt, 2 dt, ... up to `until`, to twelve digits: 3 * 0.1 is to be 0.3."""
    import numpy as np

    from wlmsim import _times
    from wlmsim import _validation as check

    count = int(check.positive("until", until) / check.positive("dt", dt) + _times.SHARE)
    if count == 0:
        raise typer.BadParameter(f"{dt:g} is longer than --until {until:g}", param_hint="--dt")
    return np.array([float(f"{k * dt:.12g}") for k in range(count + 1)])
