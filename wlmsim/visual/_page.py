"""The page a view is drawn on: its text, and how the camera fits the data into the part that is left free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wlmsim.visual._camera import Camera
from wlmsim.visual._drawing import Drawing
from wlmsim.visual._look import INK

if TYPE_CHECKING:
    import pyvista as pv

NARROWEST, LOWEST = 480, 260
"""Texts of a view that is smaller than this on one side shrink with it."""
ANGLE = 22
"""Of the view, in perspective [degrees]: near enough for depth to be seen, far enough for the box to look like one."""
CONTROLS = 70
"""Pixels at the foot for the slider and the play button, where there are any."""


class Margins(NamedTuple):
    """Pixels of a view 800 wide that hold no data."""

    left: float
    right: float
    top: float
    foot: float


@dataclass(frozen=True)
class Writing:
    """A text on the page: its VTK actor, and what another renderer of text needs to know."""

    actor: Any
    anchor: np.ndarray
    """Place in the subplot as shares of it, shape (2,), or a point in space, shape (3,)."""
    shift: tuple[float, float]
    """Way from a point in space to the text [pixels]."""
    size: float
    side: str
    level: str
    color: Any
    turned: float

    def place(self, renderer: Any) -> np.ndarray:
        """Place in the subplot [pixels]."""
        width, height = renderer.GetSize()
        if len(self.anchor) == 2:
            return self.anchor * (width, height)
        matrix = renderer.camera.GetCompositeProjectionTransformMatrix(width / height, -1, 1)
        x, y, _, w = matrix.MultiplyPoint((*self.anchor, 1.0))
        return (0.5 + 0.5 * np.array([x, y]) / w) * (width, height) + self.shift


class Page:
    """The active subplot as a page to write on, in pixels of a view 800 wide; `foot` are left free below all else."""

    def __init__(self, plotter: pv.Plotter, foot: float = 0, margins: Margins | None = None):
        self.plotter = plotter
        self.renderer = plotter.renderer
        self.foot = foot
        self.margins = margins or Margins(60, 24, 44, 54)
        size: Any = self.renderer.GetSize()
        self.width, self.height = size
        self.scale = min(max(self.width, self.height) / 800, self.width / NARROWEST, self.height / LOWEST)
        self.writings: list[Writing] = []

    def share(self, x: float, y: float) -> tuple[float, float]:
        """Turn pixels into shares of the subplot."""
        return x * self.scale / self.width, y * self.scale / self.height

    def write(
        self, text: str, place: tuple[float, float], size: float, side: str, color: Any = INK, level: str = "top"
    ) -> pv.Text:
        """Write text; negative places count from the right and the top, centred text from the middle."""
        import pyvista as pv

        x, y = self.share(place[0], place[1] + (self.foot if place[1] >= 0 else 0))
        x = x + 0.5 if side == "center" else x % 1.0
        actor = pv.Text(text)
        actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        actor.SetPosition(x, y % 1.0)
        self._style(actor.GetTextProperty(), size, side, level, color)
        self.add(actor)
        anchor = np.array([x, y % 1.0])
        self.writings.append(Writing(actor, anchor, (0, 0), size * self.scale, side, level, color, 0.0))
        return actor

    def label(
        self,
        text: str,
        place: np.ndarray,
        shift: tuple[float, float],
        size: float,
        side: str,
        level: str,
        turned: float = 0.0,
    ) -> Writing:
        """Write text of fixed size at a point in space, moved by a few pixels."""
        from vtkmodules.vtkRenderingCore import vtkBillboardTextActor3D

        actor = vtkBillboardTextActor3D()
        actor.SetInput(text)
        actor.SetPosition(*place)
        pixels = (round(self.scale * shift[0]), round(self.scale * shift[1]))
        actor.SetDisplayOffset(*pixels)
        actor.GetTextProperty().SetOrientation(turned)
        self._style(actor.GetTextProperty(), size, side, level, INK)
        self.add(actor)
        writing = Writing(actor, np.array(place), pixels, size * self.scale, side, level, INK, turned)
        self.writings.append(writing)
        return writing

    def add(self, actor: Any) -> None:
        """Put an actor on the page without moving the camera."""
        self.renderer.add_actor(actor, reset_camera=False, name=None, pickable=False)

    def erase(self, writing: Writing) -> None:
        """Take a text off the page."""
        self.writings.remove(writing)
        self.renderer.remove_actor(writing.actor, render=False)

    def _style(self, style: Any, size: float, side: str, level: str, color: Any) -> None:
        from matplotlib.colors import to_rgb

        _set_font(style, size * self.scale)
        style.SetColor(*to_rgb(color))
        style.SetJustification(("left", "center", "right").index(side))
        style.SetVerticalJustification(("bottom", "center", "top").index(level))


def font_file() -> str:
    """The sans-serif that comes with matplotlib: the fonts inside VTK lack letters such as µ and Å."""
    from matplotlib import get_data_path

    return f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf"


def text_width(text: str, size: float) -> float:
    """How long a text is [pixels]."""
    return float(_font(size).getlength(text))


@cache
def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(font_file(), size)


def _set_font(style: Any, size: float) -> None:
    style.SetFontFamily(4)  # VTK_FONT_FILE
    style.SetFontFile(font_file())
    style.SetFontSize(max(round(size), 8))
    style.SetBold(False)
    style.SetItalic(False)
    style.SetShadow(False)


def fit_camera(page: Page, drawing: Drawing, camera: Camera, others: Sequence[Camera] = ()) -> None:
    """Fit the box into the part of the subplot that is free of text, as seen from this camera or where it comes by."""
    low, high = drawing.limits
    left, right, top, foot = page.margins
    start = np.array(page.share(left, foot + page.foot))
    end = 1 - np.array(page.share(right, top))
    center = 0.5 * (low + high)
    corners = np.array(np.meshgrid(*zip(low - center, high - center, strict=True))).reshape(3, -1).T
    eye = page.renderer.camera
    eye.view_angle = ANGLE
    # Where the free part begins and ends: slopes of the line of sight to its edges, or shares of half the height.
    aspect = np.array([page.width / page.height, 1.0])
    slope = np.tan(np.radians(eye.view_angle / 2)) if camera.perspective else 1.0
    edges = slope * aspect * (2 * start - 1), slope * aspect * (2 * end - 1)
    seen = [np.column_stack([corners @ c.right, corners @ c.up, corners @ c.ahead]) for c in others or (camera,)]
    if not camera.perspective:
        for view in seen:
            view[:, 2] = 0.0  # what is farther off is as large
    distance, shift = _stand(seen, *edges)
    if not camera.perspective:
        eye.parallel_scale, distance = distance, 8 * distance
    focus = center + shift[0] * camera.right + shift[1] * camera.up
    eye.parallel_projection = not camera.perspective
    eye.focal_point, eye.position, eye.up = focus, focus - distance * camera.ahead, camera.up


def _stand(views: Sequence[np.ndarray], low: np.ndarray, high: np.ndarray) -> tuple[float, np.ndarray]:
    """How far off and how far aside the viewer stands for all corners to lie between slopes `low` and `high`.

    A corner at (r, u) across and d ahead is seen at the slope (r - s) / (D + d) from distance D and aside by s.
    Of several views the middle of all is taken, so that a camera that walks round sees no wobble.
    """
    near, shifts = 0.0, []
    for view in views:
        across, ahead = view[:, :2], view[:, 2:]
        first, last = (across - high * ahead).max(axis=0), (across - low * ahead).min(axis=0)
        near = max(near, float(((first - last) / (high - low)).max()))
        shifts.append((first, last))
    shift = np.mean([0.5 * (first - high * near + last - low * near) for first, last in shifts], axis=0)
    for first, last in shifts:
        near = max(near, float(((first - shift) / high).max()), float(((last - shift) / low).max()))
    return near, shift
