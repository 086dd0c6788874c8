"""The page a view is drawn on: its text, and how the camera fits the data into the part that is left free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.visual._camera import Camera
from wlmsim.visual._drawing import Drawing
from wlmsim.visual._look import INK

if TYPE_CHECKING:
    import pyvista as pv

# Pixels of a subplot that hold no data: tick labels on the left and below, title above, colour bar at the foot.
LEFT, RIGHT, TOP, TICKS, BAR = 90, 40, 60, 60, 90
CONTROLS = 70
"""Pixels at the foot for the slider and the play button, where there are any."""


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

    def __init__(self, plotter: pv.Plotter, foot: float = 0):
        self.plotter = plotter
        self.renderer = plotter.renderer
        self.foot = foot
        size: Any = self.renderer.GetSize()
        self.width, self.height = size
        self.scale = min(self.width / 800, self.height / 360, max(self.width, self.height) / 800)
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


def _set_font(style: Any, size: float) -> None:
    style.SetFontFamily(4)  # VTK_FONT_FILE
    style.SetFontFile(font_file())
    style.SetFontSize(max(round(size), 8))
    style.SetBold(False)
    style.SetItalic(False)
    style.SetShadow(False)


def fit_camera(page: Page, drawing: Drawing, camera: Camera, others: Sequence[Camera] = ()) -> None:
    """Fit the box into the part of the subplot that is free of text, as seen from this camera and from others."""
    low, high = drawing.limits
    key = BAR if drawing.coloring else 0
    start = np.array(page.share(LEFT, TICKS + key + page.foot))
    room = 1 - start - page.share(RIGHT, TOP)
    middle = start + 0.5 * room - 0.5
    aspect = page.width / page.height
    center = 0.5 * (low + high)
    corners = np.array(np.meshgrid(*zip(low - center, high - center, strict=True))).reshape(3, -1).T
    eye = page.renderer.camera
    ahead, right, up = camera.ahead, camera.right, camera.up
    slope = np.tan(np.radians(eye.view_angle / 2))
    if camera.perspective:
        distance = max(
            _distance(corners, step, slope * aspect * room[0], slope * room[1]) for step in (camera, *others)
        )
        tall = 2 * slope * distance
    else:
        tall = max(
            max(np.ptp(corners @ step.up) / room[1], np.ptp(corners @ step.right) / (room[0] * aspect))
            for step in (camera, *others)
        )
        distance = 4 * tall
        eye.parallel_scale = 0.5 * tall
    focus = center - tall * (middle[0] * aspect * right + middle[1] * up)
    eye.parallel_projection = not camera.perspective
    eye.focal_point, eye.position, eye.up = focus, focus - distance * ahead, up


def _distance(corners: np.ndarray, camera: Camera, wide: float, tall: float) -> float:
    """How far the eye must stand off for all corners to be within these slopes of the line of sight."""
    reach = np.maximum(np.abs(corners @ camera.right) / wide, np.abs(corners @ camera.up) / tall)
    return float((reach - corners @ camera.ahead).max())
