"""``wlmsim render``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from wlmsim.cli.completion import DATA, files, words
from wlmsim.cli.files import PLOTS, check_output, check_suffix, load, save_plot
from wlmsim.cli.options import DataFile, Force, Output, Quiet, numbers

FILMS, PICTURES = (".gif", ".mp4"), (".png",)


def render(
    data: DataFile,
    output: Output,
    truth: Annotated[
        Path | None, typer.Option(autocompletion=files(*DATA), help="Snapshots or trajectory to show for comparison.")
    ] = None,
    overview: Annotated[bool, typer.Option("--overview", help="Plot the clouds of all times over each other.")] = False,
    time: Annotated[float | None, typer.Option(help="Time of a picture. Default: the last.")] = None,
    layout: Annotated[str | None, typer.Option(**words("side-by-side|overlay"), help="Where the truth goes.")] = None,
    color: Annotated[str | None, typer.Option(**words("auto|speed|time|none"), help="What colours mean.")] = None,
    axes: Annotated[str | None, typer.Option(metavar="I,I,...", help="Coordinates to draw; they count from 0.")] = None,
    trail: Annotated[int | None, typer.Option(help="Number of earlier times that trails lead back to.")] = None,
    smooth: Annotated[int | None, typer.Option(help="Frames of a film to insert between recorded times.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames of a film shown in a second.")] = None,
    point_size: Annotated[float | None, typer.Option(help="Diameter of a point in pixels.")] = None,
    window_size: Annotated[
        str | None, typer.Option("--size", metavar="WIDTH,HEIGHT", help="Size of one view in pixels.")
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Draw a trajectory or snapshots.

    The output is a film (.gif, .mp4), a picture of one time (.png), or with --overview a plot (.png, .pdf, .svg).
    """
    check_suffix("--output", output, PLOTS if overview else FILMS + PICTURES)
    kind = "overview" if overview else "film" if output.suffix.lower() in FILMS else "picture"
    given = {
        "truth": truth,
        "time": time,
        "layout": layout,
        "color": color,
        "axes": axes and numbers("--axes", axes, int),
        "trail": trail,
        "smooth": smooth,
        "fps": fps,
        "point_size": point_size,
        "window_size": window_size and numbers("--size", window_size, int),
    }
    look: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    useless = {"overview": look.keys() - {"axes"}, "film": {"time"}, "picture": {"smooth", "fps"}}[kind] & look.keys()
    if useless:
        option = {"window_size": "size"}.get(first := min(useless), first.replace("_", "-"))
        raise typer.BadParameter(f"it is not for {kind}s", param_hint=f"--{option}")
    check_output(output, force)
    if color == "none":
        look["color"] = None
    if truth is not None:
        look["truth"] = load(truth)
    shown = load(data)

    import wlmsim as wls
    from wlmsim.io import atomic

    if kind == "overview":
        save_plot(output, wls.visual.plot_snapshots, shown, **look)
    elif kind == "film":
        wls.visual.film(shown, output, progress=not quiet, **look)
    else:
        with closing(wls.visual.scene(shown, off_screen=True, **look)) as plotter, atomic(output) as temporary:
            plotter.screenshot(temporary)
    typer.echo(f"{output}: {kind} of {shown!r}")
