"""``wlmsim render``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from wlmsim.cli.completion import DATA, files, words
from wlmsim.cli.errors import blaming, doing
from wlmsim.cli.files import PLOTS, check_output, check_suffix, save_plot
from wlmsim.cli.options import DataFile, Force, Output, Quiet, is_date, moment, numbers
from wlmsim.cli.reading import load, reading

FILMS, PICTURES, PAGES = (".gif", ".mp4"), (".png", ".pdf", ".svg", ".eps"), (".html",)


@reading({"time": "time_column"})
def render(
    data: DataFile,
    output: Output,
    truth: Annotated[
        Path | None, typer.Option(autocompletion=files(*DATA), help="Snapshots or trajectory to show for comparison.")
    ] = None,
    on_map: Annotated[
        bool, typer.Option("--map", help="Plot positions on a map: longitudes, latitudes, dates and the coastline.")
    ] = False,
    overview: Annotated[bool, typer.Option("--overview", help="Plot the clouds of all times over each other.")] = False,
    time: Annotated[
        str | None, typer.Option(metavar="TIME", help="Time or date of a picture. Default: the last.")
    ] = None,
    layout: Annotated[str | None, typer.Option(**words("side-by-side|overlay"), help="Where the truth goes.")] = None,
    color: Annotated[
        str | None,
        typer.Option(**words("auto|speed|time|energy|population|release|individual|none"), help="What colours mean."),
    ] = None,
    glyph: Annotated[
        str | None, typer.Option(**words("points|spheres|arrows"), help="What stands for a particle.")
    ] = None,
    axes: Annotated[str | None, typer.Option(metavar="I,I,...", help="Coordinates to draw; they count from 0.")] = None,
    trail: Annotated[int | None, typer.Option(help="Number of earlier times that trails lead back to.")] = None,
    smooth: Annotated[int | None, typer.Option(help="Frames of a film to insert between recorded times.")] = None,
    density: Annotated[bool | None, typer.Option("--density", help="Tint the densest regions.")] = None,
    force: Annotated[bool | None, typer.Option("--force-field", help="Draw the force of the model as arrows.")] = None,
    potential: Annotated[
        bool | None, typer.Option("--potential", help="Lift 2-D data onto the potential of the model.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Fitted model that knows energy, force and potential.")] = None,
    camera: Annotated[
        str | None, typer.Option(metavar="NAME|AZIMUTH,ELEVATION", help="Where space is seen from: oblique, top, ...")
    ] = None,
    orbit: Annotated[float | None, typer.Option(help="Degrees by which the camera of a film walks round.")] = None,
    fps: Annotated[float | None, typer.Option(help="Frames of a film shown in a second.")] = None,
    point_size: Annotated[float | None, typer.Option(help="Diameter of a point in pixels.")] = None,
    window_size: Annotated[
        str | None, typer.Option("--size", metavar="WIDTH,HEIGHT", help="Size of one view in pixels.")
    ] = None,
    replace: Force = False,
    quiet: Quiet = False,
    columns: dict[str, Any] | None = None,
) -> None:
    """Draw a trajectory or snapshots.

    The output is a film (.gif, .mp4), a picture of one time (.png, .pdf, .svg, .eps), a page that plays in a browser
    (.html), or with --overview a plot (.png, .pdf, .svg).
    """
    if on_map and overview:
        raise typer.BadParameter("it cannot go with --overview", param_hint="--map")
    check_suffix("--output", output, PLOTS if overview or on_map else FILMS + PICTURES + PAGES)
    suffix = output.suffix.lower()
    kind = (
        "map"
        if on_map
        else "overview"
        if overview
        else "film"
        if suffix in FILMS
        else "page"
        if suffix in PAGES
        else "picture"
    )
    given = {
        "truth": truth,
        "time": time,
        "layout": layout,
        "color": color,
        "glyph": glyph,
        "axes": axes and numbers("--axes", axes, int),
        "trail": trail,
        "smooth": smooth,
        "density": density,
        "force": force,
        "potential": potential,
        "lagrangian": model,
        "camera": _camera(camera),
        "orbit": orbit,
        "fps": fps,
        "point_size": point_size,
        "window_size": window_size and numbers("--size", window_size, int),
    }
    look: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    useless = (
        look.keys()
        & {
            "map": look.keys() - {"truth", "color", "time"},
            "overview": look.keys() - {"axes"},
            "film": {"time"},
            "picture": {"smooth", "orbit", "fps"},
            "page": {"time", "glyph", "density", "force", "orbit", "window_size"},
        }[kind]
    )
    if useless:
        names = {"window_size": "size", "lagrangian": "model", "force": "force-field"}
        option = names.get(first := min(useless), first.replace("_", "-"))
        raise typer.BadParameter(f"it is not for {kind}s", param_hint=f"--{option}")
    check_output(output, replace, data, truth, model)
    if color == "none":
        look["color"] = None
    read = _on_the_earth if on_map else load
    shown: Any = read(data, columns)
    seen: Any = None if truth is None else read(truth)
    if not on_map and look.get("color") in ("release", "individual"):
        look["color"] = _by_path(look["color"], shown)
    if overview:
        shown = _without_names(shown)
    if time is not None and on_map:
        when = look.pop("time")
        shown, seen = _until(when, shown), None if seen is None else _until(when, seen, exactly=False)
    elif time is not None:
        look["time"] = moment("--time", time, shown)
    if seen is not None:
        look["truth"] = seen

    import wlmsim as wls

    if model is not None:
        look["lagrangian"] = wls.learn.WLM.load(model).mechanics_
    with doing(f"drawing {'an' if overview else 'a'} {kind}", quiet=quiet or kind == "film"):  # films have a bar
        if kind == "map":
            save_plot(output, wls.visual.plot_map, shown, **look)
        elif kind == "overview":
            save_plot(output, wls.visual.plot_snapshots, shown, **look)
        elif kind == "film":
            wls.visual.film(shown, output, progress=not quiet, **look)
        elif kind == "page":
            wls.visual.export_html(shown, output, **look)
        else:
            wls.visual.snapshot(shown, output, **look)
    typer.echo(f"{output}: {kind} of {shown!r}")


def _on_the_earth(path: Path, columns: dict[str, Any] | None = None) -> Any:
    """Data whose longitudes and latitudes are known: of a table that has them beside other positions, these."""
    from wlmsim.data.projection import Projection
    from wlmsim.io.reading import opened
    from wlmsim.io.suffixes import is_foreign
    from wlmsim.io.track_tables import degrees_among

    data = load(path, columns)
    given = columns or {}
    if Projection.of(data) is not None or not is_foreign(path) or "positions" in given:
        return data
    with opened(path) as file:
        found = degrees_among(file.columns)
        return data if found is None else file.read({**given, "positions": found, "velocities": None})


def _until(time: str, data: Any, *, exactly: bool = True) -> Any:
    """Paths up to a time, or the cloud at it; what need not be recorded exactly then, as it is next to it."""
    from wlmsim import _times
    from wlmsim.data.dates import recorded
    from wlmsim.data.snapshots import SnapshotSeries

    when = moment("--time", time, data)
    k = _times.nearest(data.times, when)
    if exactly:
        with blaming("--time"):
            k = recorded("time", time if is_date(time) else when, data.times, data, "a recorded time")
    return data[[k]] if isinstance(data, SnapshotSeries) else data[: k + 1]


def _by_path(color: str, data: Any) -> Any:
    """A colour for each individual, and of tracks for those of each time: its name, or where it was first seen."""
    import numpy as np

    from wlmsim.data.tracks import Tracks
    from wlmsim.data.trajectory import Trajectory

    if not isinstance(data, (Tracks, Trajectory)):
        raise typer.BadParameter(
            f"{color!r} is for tracks and trajectories; snapshots do not say who is who", param_hint="--color"
        )
    seen = data.seen if isinstance(data, Tracks) else np.ones(data.positions.shape[:2], dtype=bool)
    first = data.positions[seen.argmax(axis=0), np.arange(data.n)]
    axis = int(np.ptp(first[seen.any(axis=0)], axis=0).argmax())
    given = np.array(data.ids or range(data.n), dtype=str) if color == "individual" else first[:, axis]
    if isinstance(data, Trajectory):
        return given
    return [given[data.rows(int(k))] for k in np.flatnonzero(seen.any(axis=1))]


def _without_names(data: Any) -> Any:
    """Snapshots of tracks; what else there is as it is."""
    from wlmsim.data.tracks import Tracks

    return data.snapshots() if isinstance(data, Tracks) else data


def _camera(text: str | None) -> str | list[float] | None:
    """Read a name, or two angles."""
    return numbers("--camera", text, float) if text and "," in text else text
