"""Films of moving clouds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wlmsim import _validation as check
from wlmsim.visual._drawing import prepare
from wlmsim.visual._encoders import encoder
from wlmsim.visual.scenes import set_stage

if TYPE_CHECKING:
    import numpy as np

    from wlmsim.snapshots import SnapshotSeries
    from wlmsim.trajectory import Trajectory


def film(
    data: Trajectory | SnapshotSeries,
    path: str | Path,
    *,
    truth: Trajectory | SnapshotSeries | None = None,
    layout: str = "side-by-side",
    color: Any = "auto",
    axes: Sequence[int] | None = None,
    trail: int = 0,
    smooth: int = 0,
    fps: float = 20,
    point_size: float | None = None,
    window_size: tuple[int, int] | None = None,
    progress: bool = True,
) -> Path:
    """Write a film of a moving cloud, one frame for each of its times.

    A line is drawn with small heights that spread a crowd, a plane is seen from above, space in perspective.
    The camera, the box and the colours stay the same throughout and span all times of `data` and `truth`.

    Parameters
    ----------
    data : Trajectory or SnapshotSeries
        What to film, such as a forecast.
    path : str or Path
        The file, written wholly or not at all: ``.gif``, or ``.mp4`` if imageio-ffmpeg is installed. A GIF is
        assembled in memory (about 1 MB a frame): prefer MP4 for long films.
    truth : Trajectory or SnapshotSeries, optional
        Shown for comparison, each frame at its time nearest to that of `data`.
    layout : {"side-by-side", "overlay"}
        Where the truth goes: in a linked view on the left (the default), or in grey behind the data.
    color : {"auto", "speed", "time"}, None or array_like of shape (n,)
        What colours mean: speed [length / time], time [time], nothing, or a scalar for each particle of
        `data` (a truth that does not track the same number of particles is then drawn plain).
        Default: speed where velocities are known, else time.
    axes : sequence of int, optional
        Which one to three coordinates to draw. Default: all; needed when there are more than 3.
    trail : int
        Number of earlier frames that thin, fading lines lead back to; Trajectory only. Default 0.
    smooth : int
        Number of frames to insert between recorded times, on cubic Hermite curves where velocities are known
        and on straight lines where not; Trajectory only. Default 0.
    fps : float
        Frames shown in a second. Default 20; a GIF shows at most 50.
    point_size : float, optional
        Diameter of a point [pixels]. Default: smaller when there are more points.
    window_size : (int, int), optional
        Width and height of one view [pixels], made even. Default 800 x 800, or 800 x 360 for a line.
    progress : bool
        Show a progress bar. Default True.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ParameterError
        If an argument is unusable, the suffix is not ``.gif`` or ``.mp4``, imageio-ffmpeg is needed and not
        installed, or colours or trails need what the data do not hold.
    RenderingError
        If this machine has no OpenGL library.
    OSError
        If the file cannot be written.

    Warns
    -----
    DataWarning
        If more than 200,000 points are thinned.

    Notes
    -----
    Colours of speed end at the 99.5th percentile, so that a runaway particle does not darken all the others.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> times = np.linspace(0.0, 6.0, 61)
    >>> circle = np.stack([np.cos(times), np.sin(times)], axis=-1)[:, None, :]
    >>> wls.visual.film(wls.Trajectory(times, circle), "circle.gif", trail=20)  # doctest: +SKIP
    """
    from wlmsim.io import atomic

    path = Path(path)
    encode = encoder(path)
    check.positive("fps", fps)
    drawing = prepare(data, truth, color=color, axes=axes, trail=trail, smooth=smooth)
    with atomic(path) as temporary:
        stage = set_stage(
            drawing,
            layout=layout,
            trail=trail,
            point_size=point_size,
            window_size=window_size,
            off_screen=True,
            finer=2,
        )
        with closing(stage.plotter):

            def shoot(k: int) -> np.ndarray:
                stage.show(k)
                return _halve(stage.picture())

            encode(temporary, shoot, len(drawing.main), fps, f"film {path.name}" if progress else None)
    return path


def _halve(picture: np.ndarray) -> np.ndarray:
    """Average 2 x 2 pixels: round, smooth points, which multisampling does not give."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(picture).reduce(2))
