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


def point_size_of(clouds: Sequence[np.ndarray], stride: int = 1) -> float:
    """Diameter of a point that suits the number of points, of which every `stride`-th is drawn [pixels]."""
    n = max(len(points) for points in clouds) / stride
    return float(np.clip(42 * n**-0.25, 2.5, 18))
