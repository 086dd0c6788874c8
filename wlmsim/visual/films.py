"""Films of moving clouds."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.io.paths import local
from wlmsim.visual._drawing import prepare
from wlmsim.visual._encoders import encoder
from wlmsim.visual._look import Look
from wlmsim.visual._printing import reduced
from wlmsim.visual.scenes import set_stage

if TYPE_CHECKING:
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.data.trajectory import Trajectory


def film(
    data: Trajectory | SnapshotSeries,
    path: str | Path,
    *,
    smooth: int = 0,
    orbit: float = 0.0,
    fps: float = 20,
    window_size: tuple[int, int] | None = None,
    progress: bool = True,
    **look: Unpack[Look],
) -> Path:
    """Write a film of a moving cloud, one frame for each of its times.

    The camera's distance, the box and the colours stay the same throughout and span all times of `data` and `truth`.

    Parameters
    ----------
    data : Trajectory or SnapshotSeries
        What to film, such as a forecast.
    path : str or Path
        The file, written wholly or not at all: ``.gif``, or ``.mp4`` if imageio-ffmpeg is installed. A GIF is
        assembled in memory, a byte for each pixel (0.6 MB a frame), and has 256 colours: prefer MP4 for long films.
    smooth : int
        Number of frames to insert between recorded times, on cubic Hermite curves where velocities are known
        and on straight lines where not; Trajectory only. Default 0.
    orbit : float
        Angle by which the camera walks round the third axis during the film [degrees]; 360 is once round. Three
        drawn axes only. Default 0.
    fps : float
        Frames shown in a second. Default 20; a GIF shows at most 50.
    window_size : (int, int), optional
        Width and height of one view [pixels], made even. Default: 800 wide, and as high as its box of data needs.
    progress : bool
        Show a progress bar. Default True.
    **look
        How to draw it, as in `scene`: `truth` for comparison, each frame at its time nearest to that of `data`;
        `trail`, which counts frames here; `color`, `glyph`, `camera`, `density` and the others.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ParameterError
        If an argument is unusable, the suffix is not ``.gif`` or ``.mp4``, imageio-ffmpeg is needed and not
        installed, or the data do not hold what the look needs.
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
    >>> import numpy as np, wlmsim as wls
    >>> times = np.linspace(0.0, 6.0, 61)
    >>> circle = np.stack([np.cos(times), np.sin(times)], axis=-1)[:, None, :]
    >>> wls.visual.film(wls.Trajectory(times, circle), "circle.gif", trail=20)  # doctest: +SKIP
    """
    from wlmsim.io import atomic

    path = local(path)
    encode = encoder(path)
    check.positive("fps", fps)
    drawing = prepare(data, smooth=smooth, **look)
    if check.real("orbit", orbit) and drawing.dim < 3:
        raise ParameterError(f"`orbit` must be 0 for a line or a plane, which is seen from the top; got {orbit:g}")
    angles = np.linspace(0.0, orbit, len(drawing.main) + 1)  # the end is the start of the next round
    with atomic(path) as temporary:
        stage = set_stage(drawing, window_size=window_size, off_screen=True, finer=2, sweep=orbit)
        with closing(stage.plotter):

            def shoot(k: int) -> np.ndarray:
                stage.show(k, angles[k])
                return reduced(stage.picture())

            encode(temporary, shoot, len(drawing.main), fps, f"film {path.name}" if progress else None)
    return path
