"""Pages that play in a browser."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.visual._coloring import category_colors
from wlmsim.visual._drawing import Drawing, MovingCloud, prepare
from wlmsim.visual._html_layout import hex_of, layout_of
from wlmsim.visual._look import HILL, INK, PLAIN, TRUTH, VALLEY, point_size_of
from wlmsim.visual._margins import natural_size
from wlmsim.visual._page import CONTROLS

if TYPE_CHECKING:
    from wlmsim.data.population import Population
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.data.trajectory import Trajectory
    from wlmsim.mechanics.flow import Flow
    from wlmsim.mechanics.lagrangian import Lagrangian

BOX = 600
"""About as many pixels of a browser show the longest side of the box."""
MOST_NUMBERS = 6_000_000
"""Coordinates and scalars that a page holds at most, about 32 MB; more points are thinned."""


def export_html(
    data: Trajectory | SnapshotSeries | Population,
    path: str | Path,
    *,
    truth: Trajectory | SnapshotSeries | Population | None = None,
    layout: str = "side-by-side",
    color: Any = "auto",
    axes: Sequence[int] | None = None,
    trail: int = 0,
    potential: bool = False,
    lagrangian: Lagrangian | Flow | None = None,
    camera: str | Sequence[float] | None = None,
    smooth: int = 0,
    fps: float = 20,
    point_size: float | None = None,
) -> Path:
    """Write a page that plays in any browser, without Python and without a network.

    It has a play button and a slider for the time; drag to turn or move, scroll to zoom, point at a particle to read
    its coordinates. Needs Plotly, whose program is part of the page (5 MB).

    Parameters
    ----------
    data : Trajectory, SnapshotSeries or Population
        What to show.
    path : str or Path
        The file, which ends in ``.html``; written wholly or not at all.
    truth, layout, color, axes, potential, lagrangian, camera
        As in `scene`. A potential surface is that of the last time.
    trail : int
        Number of earlier frames that thin lines lead back to; Trajectory only. Default 0.
    smooth : int
        Number of frames to insert between recorded times, as in `film`. Default 0.
    fps : float
        Frames shown in a second; many points play more slowly. Default 20.
    point_size : float, optional
        Diameter of a point [pixels]. Default: smaller when there are more points.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ParameterError
        If an argument is unusable, the data do not hold what it needs, or Plotly is not installed.
    OSError
        If the file cannot be written.

    Warns
    -----
    DataWarning
        If points are thinned, to keep the page below about 40 MB.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> swarm = wls.systems.MorseSwarm(n=300, dim=3, seed=0).simulate(np.linspace(0.0, 20.0, 101))
    >>> wls.visual.export_html(swarm, "swarm.html", trail=10)  # doctest: +SKIP
    """
    from wlmsim.io import atomic

    path = Path(path)
    if path.suffix.lower() != ".html":
        raise check.fail("path", "a file that ends in .html", str(path))
    check.positive("fps", fps)
    go = _plotly("a page")
    drawing = prepare(
        data,
        truth,
        layout=layout,
        color=color,
        axes=axes,
        trail=trail,
        potential=potential,
        lagrangian=lagrangian,
        camera=camera,
        point_size=point_size,
        smooth=smooth,
    )
    figure = _figure(go, drawing, _stride(drawing), fps)
    link = _LINK if drawing.beside and drawing.dim == 3 else None
    with atomic(path) as temporary:
        figure.write_html(
            temporary,
            include_plotlyjs=True,
            auto_play=False,
            post_script=link,
            config={"displaylogo": False, "responsive": True},
        )
    return path


def interactive(data: Any, *, smooth: int, fps: float, window_size: tuple[int, int] | None, **look: Any) -> Any:
    """A figure of Plotly that a notebook shows, plays and turns without a server.

    What it cannot draw is refused: glyphs, densities and forces.
    """
    go = _plotly("a view in a notebook")
    for name in ("glyph", "density", "force"):
        if look.get(name, False) not in (False, None, "points"):
            raise ParameterError(f"`{name}` is not drawn in a notebook's view; see `scene(...)` or `snapshot(...)`")
    drawing = prepare(data, smooth=smooth, **look)
    figure = _figure(go, drawing, _stride(drawing), fps)
    width, height = window_size or natural_size(drawing, CONTROLS, [drawing.camera])
    return figure.update_layout(width=(2 if drawing.beside else 1) * width, height=height)


def in_notebook() -> bool:
    """Whether this runs in a cell of a notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def _plotly(what: str) -> Any:
    try:
        import plotly.graph_objects as go
    except ModuleNotFoundError:
        raise ParameterError(f"{what} needs Plotly, which is not installed: `pip install 'wlmsim[html]'`") from None
    return go


_LINK = """
const page = document.getElementById("{plot_id}");
let turning = false;
page.on("plotly_relayout", change => {
  if (turning) return;
  for (const [from, to] of [["scene", "scene2"], ["scene2", "scene"]])
    if (change[from + ".camera"]) {
      turning = true;
      Plotly.relayout(page, {[to + ".camera"]: change[from + ".camera"]}).then(() => { turning = false; });
    }
});
"""
"""Turning one side turns the other."""


def _stride(drawing: Drawing) -> int:
    """Keep every so many points, so that the page does not grow too large."""
    moving_clouds = [drawing.main, *([] if drawing.truth is None else [drawing.truth])]
    drawn = drawing.dim + bool(drawing.coloring)
    held = drawn * sum(len(x) for moving in moving_clouds for x in moving.points) * (1 + drawing.trail)
    stride = int(np.ceil(held / MOST_NUMBERS))
    if stride > 1:
        text = f"the page shows every {stride}th point: all of them would make it larger than browsers like"
        warn(text, DataWarning)
    return stride


def _figure(go: Any, drawing: Drawing, stride: int, fps: float) -> Any:
    """The traces of the last frame, and for every frame the data of those that move."""
    clouds = _clouds_and_sides(drawing)
    last = len(drawing.main) - 1
    still = [_surface(go, drawing)] if drawing.potential else []
    traces_of_clouds = [
        trace for moving, side, color in clouds for trace in _traces(go, drawing, moving, side, color, last, stride)
    ]
    names = [_name(drawing, k) for k in range(last + 1)]
    frames = [
        go.Frame(
            name=str(k),
            data=[
                trace
                for moving, side, color in clouds
                for trace in _traces(go, drawing, moving, side, color, k, stride, whole=False)
            ],
            traces=list(range(len(traces_of_clouds))),
        )
        for k in range(last + 1)
    ]
    return go.Figure(
        [*traces_of_clouds, *_key(go, drawing), *still], layout_of(drawing, names, fps), frames if last else None
    )


def _name(drawing: Drawing, k: int) -> str:
    """When a frame is, and how many of its points are outside."""
    runaways = drawing.runaways(drawing.main, k)
    when = drawing.time_text(float(drawing.main.times[k]))
    return f"{when} ({runaways})" if runaways else when


def _clouds_and_sides(drawing: Drawing) -> list[tuple[MovingCloud, int, str | None]]:
    """The clouds, the side on which each is, and the one colour of those that have no others."""
    plain = None if drawing.main.values is not None else PLAIN
    if drawing.truth is None:
        return [(drawing.main, 1, plain)]
    if drawing.beside:
        return [(drawing.truth, 1, None if drawing.truth.values is not None else PLAIN), (drawing.main, 2, plain)]
    return [(drawing.truth, 1, TRUTH), (drawing.main, 1, plain)]


def _traces(
    go: Any,
    drawing: Drawing,
    moving: MovingCloud,
    side: int,
    color: str | None,
    k: int,
    stride: int,
    whole: bool = True,
) -> list[Any]:
    """Trails and points of frame k of the data; unless `whole`, only what changes."""
    k = moving.nearest(float(drawing.main.times[k]))
    kind = go.Scatter3d if drawing.dim == 3 else go.Scattergl
    suffix = "" if side == 1 else "2"
    place: dict[str, Any] = (
        {"scene": f"scene{suffix}"} if drawing.dim == 3 else {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    )
    marker: dict[str, Any] = {"color": color} if color else {"color": _short(_values(moving, k)[::stride])}
    if whole:
        pixel = float(np.ptp(drawing.limits, axis=0).max()) / BOX
        across = np.array([drawing.camera.right, drawing.camera.up]) / pixel
        free, _ = point_size_of(moving.points, across, stride)
        size = drawing.point_size or free * (0.6 if drawing.dim == 3 else 0.9)
        marker |= {"size": size, "line": {"width": 0}}
        if color is None:
            marker |= {"coloraxis": "coloraxis"}
    look = {**place, "showlegend": False} if whole else {}
    traces = []
    if drawing.trail and moving.tracked and len(moving) > 1:
        line = {"mode": "lines", "line": {"color": color or "#a9adb5", "width": 1}, "opacity": 0.6, "hoverinfo": "skip"}
        trails = _coordinates(drawing, _trails(drawing, moving, k, stride))
        traces.append(kind(**trails, **(line | look if whole else {})))
    points = {"mode": "markers", "hoverinfo": "x+y+z" if drawing.dim == 3 else "x+y"} if whole else {}
    traces.append(kind(**_coordinates(drawing, moving.points[k][::stride]), marker=marker, **points, **look))
    return traces


def _values(moving: MovingCloud, k: int) -> np.ndarray:
    values: Any = moving.values
    return values[k]


def _short(values: np.ndarray) -> np.ndarray:
    """Values with seven digits, which make a smaller page, where these are enough."""
    short = np.asarray(values, dtype=np.float32)
    return short if np.abs(short - values).max() <= 1e-4 * np.ptp(values) else np.asarray(values)


def _trails(drawing: Drawing, moving: MovingCloud, k: int, stride: int) -> np.ndarray:
    """Paths up to frame k, a row of NaN after each, which breaks the line."""
    frames = np.maximum(k + np.arange(-min(drawing.trail, len(moving) - 1), 1), 0)
    followed = moving.followed(moving.points)
    there = [np.where(moving.seen[j][:, None], followed[j], np.nan) for j in frames]
    paths = np.stack([points[::stride] for points in there], axis=1)
    gap = np.full((len(paths), 1, 3), np.nan, dtype=np.float32)
    return np.concatenate([paths, gap], axis=1).reshape(-1, 3)


def _coordinates(drawing: Drawing, points: np.ndarray) -> dict[str, np.ndarray]:
    """What the axes of the page show: values of a potential, not heights."""
    (floor, roof), (low, high) = drawing.limits[:, 2], drawing.value_limits[:, 2]
    x, y, z = (_placed(points[:, k], drawing.origin[k]) for k in range(3))
    if drawing.potential:
        z = _short(low + (high - low) * (points[:, 2] - floor) / (roof - floor))
    return {"x": x, "y": y} | ({"z": z} if drawing.dim == 3 else {})


def _placed(column: np.ndarray, origin: float) -> np.ndarray:
    """Where points of space are among the data."""
    return column.astype(float) + origin if origin else np.asarray(column, dtype=np.float32)


def _surface(go: Any, drawing: Drawing) -> Any:
    side = int(np.sqrt(len(drawing.plane)))
    last = len(drawing.main) - 1
    heights = drawing.heights(drawing.plane, drawing.main, last)
    points = _coordinates(drawing, np.column_stack([drawing.plane, heights]))
    return go.Surface(
        x=points["x"][:side],
        y=points["y"][::side],
        z=points["z"].reshape(side, side),
        colorscale=[[0, VALLEY], [1, HILL]],
        showscale=False,
        hoverinfo="skip",
        opacity=0.75,
    )


def _key(go: Any, drawing: Drawing) -> list[Any]:
    """Legend entries: categories, or truth and forecast where both are in one view."""
    entries = []
    if drawing.coloring.categories:
        names = drawing.coloring.categories
        entries = [(name, hex_of(color)) for name, color in zip(names, category_colors(len(names)), strict=True)]
    if drawing.truth is not None and not drawing.beside:
        entries = [("truth", TRUTH), ("forecast", PLAIN if not drawing.coloring else INK), *entries]
    kind = go.Scatter3d if drawing.dim == 3 else go.Scatter
    nowhere = {"x": [None], "y": [None]} | ({"z": [None]} if drawing.dim == 3 else {})
    return [
        kind(**nowhere, mode="markers", name=name, marker={"color": color, "size": 10}, hoverinfo="skip")
        for name, color in entries
    ]
