"""How much of a view its texts take, and how large a view is that its box fills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim.visual._box import GAP, TICK, tick_texts
from wlmsim.visual._camera import Camera
from wlmsim.visual._drawing import Drawing
from wlmsim.visual._key import key_height
from wlmsim.visual._page import NARROWEST, Margins, text_width

WIDTH, HIGHEST = 800, 640
"""Of a view, and of the part of it that holds the box [pixels]."""
LINE = 19
"""Height of a line of notes [pixels]."""


def margins(drawing: Drawing, width: float) -> Margins:
    """Pixels around the box, in a view so wide: tick labels on the left and below, notes above, the key at the foot."""
    upright = 2 if drawing.dim == 3 else 1
    longest = max((text_width(text, TICK) for text in tick_texts(drawing, upright)), default=0.0)
    left = 16 + GAP + longest if drawing.dim > 1 else 24
    right = 24 if drawing.dim < 3 else 44
    top, ticks = 26 + LINE * max(1, _lines(drawing)), 60 if drawing.dim < 3 else 36
    return Margins(left + 10, right, top, ticks + key_height(drawing, width))


def _lines(drawing: Drawing) -> int:
    """Notes in the upper left corner."""
    overlaid = drawing.truth is not None and not drawing.beside
    notes = (drawing.coloring.note, drawing.density is not None, drawing.force, drawing.runs_away)
    return sum(map(bool, (overlaid, *notes)))


def natural_size(drawing: Drawing, foot: float, cameras: Sequence[Camera]) -> tuple[int, int]:
    """Width and height of a view whose free part has the shape of the box [pixels]."""
    left, right, top, below = margins(drawing, WIDTH)
    wide, tall = np.max([_shape(drawing, camera) for camera in cameras], axis=0)
    room = WIDTH - left - right
    height = min(room * tall / wide, HIGHEST)
    width = max(min(room, height * wide / tall), NARROWEST - left - right)
    return round(width + left + right), round(max(height, 100) + top + below + foot)


def _shape(drawing: Drawing, camera: Camera) -> tuple[float, float]:
    """Width and height of the box as seen from a camera, without perspective."""
    spans = np.ptp(drawing.limits, axis=0)
    return float(np.abs(spans * camera.right).sum()), float(np.abs(spans * camera.up).sum())
