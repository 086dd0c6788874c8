"""How a cloud is drawn: the options that scenes, films and pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from wlmsim.data.population import Population
    from wlmsim.data.snapshots import SnapshotSeries
    from wlmsim.data.trajectory import Trajectory
    from wlmsim.mechanics.flow import Flow
    from wlmsim.mechanics.lagrangian import Lagrangian

LAYOUTS = ("side-by-side", "overlay")
GLYPHS = ("points", "spheres", "arrows")


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
