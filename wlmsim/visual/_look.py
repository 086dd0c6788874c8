"""How a cloud is drawn: the options, colours and sizes that scenes, films, pictures and pages share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

if TYPE_CHECKING:
    from wlmsim.data.population import Population
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.data.trajectory import Trajectory
    from wlmsim.mechanics.flow import Flow
    from wlmsim.mechanics.lagrangian import Lagrangian

LAYOUTS = ("side-by-side", "overlay")
GLYPHS = ("points", "spheres", "arrows")

INK, FAINT = "#222222", "#b8b8b8"
"""Colours of text, and of the box around the data."""
PLAIN, TRUTH = "#3b6fb6", "#949494"
"""Colours of points that have no scalar: of the data, and of a truth in the same view."""
VALLEY, HILL = "#b9c6d8", "#f4f6f9"
"""Colours of a potential surface: a shaded blue-grey where it is low, nearly white where it is high."""


class Look(TypedDict, total=False):
    """Options of `wlmsim.visual.scene` that every way of drawing takes; see there."""

    truth: Trajectory | SnapshotSeries | Population | None
    layout: str
    color: Any
    glyph: str
    axes: Sequence[int] | None
    trail: int
    density: bool | float
    force: bool
    potential: bool
    lagrangian: Lagrangian | Flow | None
    camera: str | Sequence[float] | None
    point_size: float | None


COVERED = 0.7
"""Share of the area on which a cloud lies that its points cover."""
LEAST, MOST = 1.5, 13.0
"""Diameters of points [pixels of a view 800 wide]."""
FULL = 2.5
"""Points of the least size that cover more than so many times their area are drawn the fainter."""


def point_size_of(clouds: Sequence[np.ndarray], across: np.ndarray, stride: int = 1) -> tuple[float, float]:
    """Diameter of a point that suits the number and the density of points, and how often such points cover their area.

    Parameters
    ----------
    clouds : sequence of ndarray, shape (n, 3)
        Frames.
    across : ndarray, shape (2, 3)
        What one pixel is in space, to the right and up [pixels / length].
    stride : int
        Every so many of the points are drawn.

    Returns
    -------
    size : float
        [pixels of a view 800 wide]; between `LEAST` and `MOST`.
    covered : float
        Share of their area that points of this size cover, all together; more than 1 where they lie over each other.
    """
    some = [clouds[k] for k in sorted({0, len(clouds) // 2, len(clouds) - 1})]
    free = [_area(points[::stride] @ across.T) / max(len(points[::stride]), 1) for points in some]
    area = float(np.mean(free))
    size = float(np.clip(np.sqrt(COVERED * area), LEAST, MOST))
    return size, size**2 / max(area, 1e-30)


def _area(points: np.ndarray) -> float:
    """Area on which points of the plane lie, by squares that hold some; at least what suits one of the largest size."""
    n = len(points)
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    cells = int(np.clip(np.sqrt(n) / 1.5, 4, 64))
    side = max(float((high - low).max()) / cells, 1.0)
    squares = np.floor(points / side).astype(np.int64)
    return max(side**2 * len(np.unique(squares, axis=0)), MOST**2 / COVERED)
