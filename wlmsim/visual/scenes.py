"""One picture of a cloud, to look at, turn, play and save."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.io.paths import local
from wlmsim.visual._drawing import Drawing, prepare
from wlmsim.visual._look import Look
from wlmsim.visual._margins import natural_size
from wlmsim.visual._offscreen import open_plotter

if TYPE_CHECKING:
    import pyvista as pv

    from wlmsim.data.population import Population
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.data.trajectory import Trajectory
    from wlmsim.mechanics.flow import Flow
    from wlmsim.mechanics.lagrangian import Lagrangian
    from wlmsim.visual._stage import Stage

PICTURES = (".png", ".pdf", ".svg", ".eps")


def scene(
    data: Trajectory | SnapshotSeries | Population,
    *,
    time: float | None = None,
    truth: Trajectory | SnapshotSeries | Population | None = None,
    layout: str = "side-by-side",
    color: Any = "auto",
    glyph: str = "points",
    axes: Sequence[int] | None = None,
    trail: int = 0,
    density: bool | float = False,
    force: bool = False,
    potential: bool = False,
    lagrangian: Lagrangian | Flow | None = None,
    camera: str | Sequence[float] | None = None,
    point_size: float | None = None,
    window_size: tuple[int, int] | None = None,
    off_screen: bool | None = None,
    plotter: pv.Plotter | None = None,
) -> pv.Plotter:
    """Draw the cloud at one time.

    A line is drawn with small heights that spread a crowd, a plane is seen from above, space in perspective.
    The box and the colours span all times of `data` and `truth`, so scenes of different times compare. Points that ran
    away from all others neither stretch the box nor are drawn; a corner of the picture counts them.

    Parameters
    ----------
    data : Trajectory, SnapshotSeries or Population
        What to draw.
    time : float, optional
        When [time]; the nearest recorded time is shown. Default: the last one.
    truth : Trajectory, SnapshotSeries or Population, optional
        Drawn for comparison, at its recorded time nearest to the time shown.
    layout : {"side-by-side", "overlay"}
        Where the truth goes: in a linked view on the left (the default), or in grey behind the data.
    color : {"auto", "speed", "time", "energy", "population"}, None or array_like
        What colours mean: speed [length / time], time [time], the energy of each particle in the field of the
        others, m |v|^2 / 2 + dU/drho [mass length^2 / time^2], the population that a row belongs to, or nothing.
        Or values of the particles of `data`, shape (n,), or one such array for each time: floats are a scale;
        integers or strings are labels, of clusters for example, with at most 20 different ones. A truth that does
        not track the same number of particles is then drawn plain. Default: speed where velocities are known,
        else time along trails, else nothing. What is the same for all is written in the corner, and is no colour.
    glyph : {"points", "spheres", "arrows"}
        What stands for a particle: a dot, in space a ball that looks smaller and paler from afar; a solid ball; or a
        dart along the velocity. Default: dots.
    axes : sequence of int, optional
        Which one to three coordinates to draw. Default: all; needed when there are more than 3.
    trail : int
        Number of earlier recorded times that thin, fading lines lead back to; Trajectory only. Default 0.
    density : bool or float
        Whether to tint the densest regions, which hold 20, 50 and 80 % of the population: areas in the plane,
        shells in space. A number is the bandwidth of the kernel density [length]; True is Silverman's.
    force : bool
        Whether to draw the force -grad dU/drho on a test particle as arrows on a grid, for a `Flow` its velocity.
        Coordinates that are not drawn are then those of the population's mean. Default False.
    potential : bool
        Whether to lift two-dimensional data onto the surface of their potential energy dU/drho, seen from the
        side: an external potential V(x, t), the mean field of interactions. Default False.
    lagrangian : Lagrangian or Flow, optional
        Mechanics of which to show energy, force or potential, analytic or learned. Default: what moved the data,
        if they are a Trajectory that was simulated or forecast.
    camera : str or (float, float), optional
        Where space is seen from: "oblique", "isometric", "front", "back", "right", "left", "top", "bottom", or the
        azimuth and elevation of the viewer [degrees]. Default: oblique; a plane is always seen from the top.
    point_size : float, optional
        Diameter of a point [pixels], of solids in the middle of the box. Default: as the area that the cloud takes
        has room for, from 1.5 to 13 in a view 800 wide; the points of larger crowds are drawn fainter.
    window_size : (int, int), optional
        Width and height of one view [pixels]. Default: 800 wide, and as high as its box of data needs. Text, lines
        and points grow with it: ask for a larger one to print.
    off_screen : bool, optional
        Draw without a window. Default: when there is no display.
    plotter : pyvista.Plotter, optional
        Draw into the active subplot of this plotter; side by side needs one of shape (1, 2).

    Returns
    -------
    pyvista.Plotter
        Call its ``.show()``, then ``.close()``. To save a picture see `snapshot`.

    Raises
    ------
    ParameterError
        If an argument is unusable, or the data do not hold what it needs.
    RenderingError
        If this machine has no OpenGL library, or no display for ``off_screen=False``.

    Warns
    -----
    DataWarning
        If more than 200,000 points are thinned.

    Notes
    -----
    The box holds all points that are no farther outside of the middle 95 % along an axis than its width.
    Colours of speed and energy end at the 0.5th and 99.5th percentile, so that a runaway particle does not darken all
    the others; those of speed begin at 0 unless the slowest have more than 0.3 times the speed of the fastest.
    Arrows of forces are as long as the grid is wide at the 95th percentile of what the particles feel, and no longer.
    Regions of density are those of at most 5,000 points, chosen at random.

    Examples
    --------
    >>> import wlmsim as wls
    >>> cloud = wls.Population.gaussian(500, dim=3, velocity_width=1.0, seed=0)
    >>> wls.visual.scene(cloud, color="speed", glyph="arrows").show()  # doctest: +SKIP
    """
    drawing = prepare(
        data,
        truth,
        layout=layout,
        color=color,
        glyph=glyph,
        axes=axes,
        trail=trail,
        density=density,
        force=force,
        potential=potential,
        lagrangian=lagrangian,
        camera=camera,
        point_size=point_size,
    )
    stage = set_stage(drawing, window_size=window_size, off_screen=off_screen, plotter=plotter)
    stage.show(_frame(drawing, time))
    return stage.plotter


def snapshot(
    data: Trajectory | SnapshotSeries | Population,
    path: str | Path,
    *,
    time: float | None = None,
    window_size: tuple[int, int] | None = None,
    **look: Unpack[Look],
) -> Path:
    """Write a picture of the cloud at one time, fit to print.

    Parameters
    ----------
    data : Trajectory, SnapshotSeries or Population
        What to draw.
    path : str or Path
        The file, written wholly or not at all: ``.png``, or ``.pdf``, ``.svg``, ``.eps`` with text and numbers as
        vectors over a picture of the rest, which OpenGL draws in pixels.
    time : float, optional
        When [time]; the nearest recorded time is shown. Default: the last one.
    window_size : (int, int), optional
        Width and height of one view [pixels]. Default: 1600 wide, and as high as its box of data needs. Drawn at
        twice the resolution and averaged, so that points and lines are smooth.
    **look
        How to draw it, as in `scene`.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ParameterError
        If an argument is unusable, the data do not hold what it needs, or the suffix is none of these.
    RenderingError
        If this machine has no OpenGL library.
    OSError
        If the file cannot be written.

    Warns
    -----
    DataWarning
        If more than 200,000 points are thinned.

    Examples
    --------
    >>> import wlmsim as wls
    >>> cloud = wls.Population.gaussian(500, dim=3, velocity_width=1.0, seed=0)
    >>> wls.visual.snapshot(cloud, "cloud.png", density=True, camera="isometric")  # doctest: +SKIP
    """
    from wlmsim.io import atomic
    from wlmsim.visual._printing import save_picture

    path = local(path)
    if path.suffix.lower() not in PICTURES:
        raise check.fail("path", f"a file that ends in {', '.join(PICTURES)}", str(path))
    drawing = prepare(data, **look)
    with atomic(path) as temporary:
        stage = set_stage(drawing, window_size=window_size, natural=2, off_screen=True, finer=2)
        with closing(stage.plotter):
            stage.show(_frame(drawing, time))
            save_picture(stage, temporary, finer=2)
    return path


def explore(
    data: Trajectory | SnapshotSeries | Population,
    *,
    smooth: int = 0,
    fps: float = 20,
    window_size: tuple[int, int] | None = None,
    off_screen: bool | None = None,
    **look: Unpack[Look],
) -> Any:
    """Open a window, or in a notebook a view, in which to play, turn and zoom.

    A slider moves through time; the button beside it, or the space bar, plays and pauses. The arrow keys go one
    frame back or on. Drag to turn, scroll to zoom, press q to close. In a notebook the view is a figure in the cell,
    with the slider and the button; it needs Plotly, and no server.

    Parameters
    ----------
    data : Trajectory, SnapshotSeries or Population
        What to show.
    smooth : int
        Number of frames to insert between recorded times, as in `film`. Default 0.
    fps : float
        Frames shown in a second while it plays. Default 20.
    window_size : (int, int), optional
        Width and height of one view [pixels]. Default: 800 wide, and as high as its box of data needs.
    off_screen : bool, optional
        Only set the scene, with its slider, and open no window. Default: when there is no display, and in no notebook.
    **look
        How to draw it, as in `scene`.

    Returns
    -------
    pyvista.Plotter or plotly.graph_objects.Figure
        When the window is closed; off-screen at once. In a notebook the figure, which the cell shows.

    Raises
    ------
    ParameterError
        If an argument is unusable, or the data do not hold what it needs; in a notebook, if Plotly is not installed, or
        asked for glyphs, a density or a force, which it does not draw.
    RenderingError
        If this machine has no OpenGL library, or no display for ``off_screen=False``.

    Warns
    -----
    DataWarning
        If more than 200,000 points are thinned.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> swarm = wls.systems.MorseSwarm(n=300, dim=3, seed=0).simulate(np.linspace(0.0, 20.0, 101))
    >>> wls.visual.explore(swarm, glyph="arrows", trail=10)  # doctest: +SKIP
    """
    from wlmsim.visual._controls import Player
    from wlmsim.visual._page import CONTROLS
    from wlmsim.visual.pages import in_notebook, interactive

    check.positive("fps", fps)
    if off_screen is None and in_notebook():
        return interactive(data, smooth=smooth, fps=fps, window_size=window_size, **look)
    drawing = prepare(data, smooth=smooth, **look)
    stage = set_stage(drawing, window_size=window_size, off_screen=off_screen, foot=CONTROLS)
    player = Player(stage, fps)
    player.attach()
    if not stage.plotter.off_screen:
        stage.plotter.show(title="wlmsim")
    return stage.plotter


def _frame(drawing: Drawing, time: float | None) -> int:
    return len(drawing.main) - 1 if time is None else drawing.main.nearest(check.real("time", time))


def set_stage(
    drawing: Drawing,
    *,
    window_size: tuple[int, int] | None,
    off_screen: bool | None,
    plotter: pv.Plotter | None = None,
    finer: int = 1,
    foot: float = 0,
    sweep: float = 0.0,
    natural: int = 1,
) -> Stage:
    """Open a plotter (unless one is given), `finer` than asked in both directions, and put the drawing on it.

    Without a size the window has the shape of the data, `natural` times 800 pixels wide.
    """
    from wlmsim.visual._stage import Stage, around

    shape = (1, 2) if drawing.beside else (1, 1)
    if plotter is not None:
        if shape == (1, 2) and tuple(plotter.shape) != shape:
            raise ParameterError(f"`plotter` must have shape (1, 2) to hold two views; got shape {plotter.shape}")
        return Stage(plotter, drawing)
    if window_size is None:
        sides = natural_size(drawing, foot, around(drawing, sweep))
        window_size = (natural * sides[0], natural * sides[1])
    width, height = _window_size(window_size)
    own = open_plotter(off_screen=off_screen, shape=shape, window_size=[finer * shape[1] * width, finer * height])
    try:
        if finer > 1:
            own.disable_anti_aliasing()  # averaging the finer pixels does better, and a software driver is 4x faster
        return Stage(own, drawing, finer=finer, foot=foot, sweep=sweep)
    except BaseException:
        own.close()
        raise


def _window_size(size: tuple[int, int]) -> tuple[int, int]:
    try:
        width, height = size
    except (TypeError, ValueError):
        raise check.fail("window_size", "two integers, width and height", size) from None
    # Video codecs halve the resolution of colour: both sides must be even.
    return tuple(check.integer("window_size", side, least=64) // 2 * 2 for side in (width, height))  # type: ignore[return-value]
