"""One picture of a cloud, to look at, turn and save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.visual._drawing import Drawing, prepare
from wlmsim.visual._offscreen import open_plotter

if TYPE_CHECKING:
    import pyvista as pv

    from wlmsim.population import Population
    from wlmsim.snapshots import SnapshotSeries
    from wlmsim.trajectory import Trajectory
    from wlmsim.visual._stage import Stage

LAYOUTS = ("side-by-side", "overlay")


def scene(
    data: Trajectory | SnapshotSeries | Population,
    *,
    time: float | None = None,
    truth: Trajectory | SnapshotSeries | Population | None = None,
    layout: str = "side-by-side",
    color: Any = "auto",
    axes: Sequence[int] | None = None,
    trail: int = 0,
    point_size: float | None = None,
    window_size: tuple[int, int] | None = None,
    off_screen: bool | None = None,
    plotter: pv.Plotter | None = None,
) -> pv.Plotter:
    """Draw the cloud at one time.

    A line is drawn with small heights that spread a crowd, a plane is seen from above, space in perspective.
    The box and the colours span all times of `data` and `truth`, so scenes of different times compare.

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
    color : {"auto", "speed", "time"}, None or array_like of shape (n,)
        What colours mean: speed [length / time], time [time], nothing, or a scalar for each particle of
        `data` (a truth that does not track the same number of particles is then drawn plain).
        Default: speed where velocities are known, else time.
    axes : sequence of int, optional
        Which one to three coordinates to draw. Default: all; needed when there are more than 3.
    trail : int
        Number of earlier recorded times that thin, fading lines lead back to; Trajectory only. Default 0.
    point_size : float, optional
        Diameter of a point [pixels]. Default: smaller when there are more points.
    window_size : (int, int), optional
        Width and height of one view [pixels]. Default 800 x 800, or 800 x 360 for a line. Text, lines and
        points grow with it: ask for a larger one to print.
    off_screen : bool, optional
        Draw without a window. Default: when there is no display.
    plotter : pyvista.Plotter, optional
        Draw into the active subplot of this plotter; side by side needs one of shape (1, 2).

    Returns
    -------
    pyvista.Plotter
        Call its ``.show()`` or ``.screenshot("picture.png")``, then ``.close()``.

    Raises
    ------
    ParameterError
        If an argument is unusable, or colours or trails need what the data do not hold.
    RenderingError
        If this machine has no OpenGL library, or no display for ``off_screen=False``.

    Warns
    -----
    DataWarning
        If more than 200,000 points are thinned.

    Notes
    -----
    Colours of speed end at the 99.5th percentile, so that a runaway particle does not darken all the others.

    Examples
    --------
    >>> import wlmsim as wls
    >>> cloud = wls.Population.gaussian(500, dim=3, velocity_width=1.0, seed=0)
    >>> wls.visual.scene(cloud, color="speed").screenshot("cloud.png")  # doctest: +SKIP
    """
    drawing = prepare(data, truth, color=color, axes=axes, trail=trail)
    stage = set_stage(
        drawing,
        layout=layout,
        trail=trail,
        point_size=point_size,
        window_size=window_size,
        off_screen=off_screen,
        plotter=plotter,
    )
    times = drawing.main.times
    stage.show(len(times) - 1 if time is None else drawing.main.nearest(check.real("time", time)))
    return stage.plotter


def set_stage(
    drawing: Drawing,
    *,
    layout: str,
    trail: int,
    point_size: float | None,
    window_size: tuple[int, int] | None,
    off_screen: bool | None,
    plotter: pv.Plotter | None = None,
    finer: int = 1,
) -> Stage:
    """Open a plotter (unless one is given), `finer` than asked in both directions, and put the drawing on it."""
    from wlmsim.visual._stage import Stage

    check.choice("layout", layout, LAYOUTS)
    if point_size is not None:
        point_size = finer * check.positive("point_size", point_size)
    shape = (1, 2) if drawing.truth is not None and layout == "side-by-side" else (1, 1)
    if plotter is not None:
        if shape == (1, 2) and tuple(plotter.shape) != shape:
            raise ParameterError(f"`plotter` must have shape (1, 2) to hold two views; got shape {plotter.shape}")
        return Stage(plotter, drawing, layout=layout, trail=trail, point_size=point_size)
    width, height = _window_size(window_size, drawing.dim)
    own = open_plotter(off_screen=off_screen, shape=shape, window_size=[finer * shape[1] * width, finer * height])
    try:
        if finer > 1:
            own.disable_anti_aliasing()  # averaging the finer pixels does better, and a software driver is 4x faster
        return Stage(own, drawing, layout=layout, trail=trail, point_size=point_size)
    except BaseException:
        own.close()
        raise


def _window_size(size: tuple[int, int] | None, dim: int) -> tuple[int, int]:
    if size is None:
        return (800, 360) if dim == 1 else (800, 800)
    try:
        width, height = size
    except (TypeError, ValueError):
        raise check.fail("window_size", "two integers, width and height", size) from None
    # Video codecs halve the resolution of colour: both sides must be even.
    return tuple(check.integer("window_size", side, least=64) // 2 * 2 for side in (width, height))  # type: ignore[return-value]
