"""The page a view is drawn on: text, the box with its ticks, the colour bar and the camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.visual._drawing import Drawing, color_map

if TYPE_CHECKING:
    import pyvista as pv

INK = "#222222"
FAINT = "#b8b8b8"

# Pixels of a subplot that hold no data: tick labels on the left and below, title above, colour bar at the foot.
LEFT, RIGHT, TOP, TICKS, BAR = 90, 40, 60, 60, 90


class Page:
    """The active subplot as a page to write on, in pixels of a view 800 wide."""

    def __init__(self, plotter: pv.Plotter):
        self.plotter = plotter
        size: Any = plotter.renderer.GetSize()
        self.width, self.height = size
        self.scale = min(self.width / 800, self.height / 360, max(self.width, self.height) / 800)

    def share(self, x: float, y: float) -> tuple[float, float]:
        """Turn pixels into shares of the subplot."""
        return x * self.scale / self.width, y * self.scale / self.height

    def write(
        self, text: str, place: tuple[float, float], size: float, side: str, color: str = INK, level: str = "top"
    ) -> pv.Text:
        """Write text; negative places count from the right and the top, centred text from the middle."""
        import pyvista as pv

        x, y = self.share(*place)
        x = x + 0.5 if side == "center" else x % 1.0
        actor = pv.Text(text)
        actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
        actor.SetPosition(x, y % 1.0)
        self._style(actor.GetTextProperty(), size, side, level, color)
        self.add(actor)
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
    ) -> None:
        """Write text of fixed size at a point in space, moved by a few pixels."""
        from vtkmodules.vtkRenderingCore import vtkBillboardTextActor3D

        actor = vtkBillboardTextActor3D()
        actor.SetInput(text)
        actor.SetPosition(*place)
        actor.SetDisplayOffset(*(round(self.scale * pixels) for pixels in shift))
        actor.GetTextProperty().SetOrientation(turned)
        self._style(actor.GetTextProperty(), size, side, level, INK)
        self.add(actor)

    def add(self, actor: Any) -> None:
        """Put an actor on the page without moving the camera."""
        self.plotter.add_actor(actor, reset_camera=False, name=None, pickable=False)

    def _style(self, style: Any, size: float, side: str, level: str, color: str) -> None:
        from matplotlib.colors import to_rgb

        _set_font(style, size * self.scale)
        style.SetColor(*to_rgb(color))
        style.SetJustification(("left", "center", "right").index(side))
        style.SetVerticalJustification(("bottom", "center", "top").index(level))


def _set_font(style: Any, size: float) -> None:
    """Use the sans-serif that comes with matplotlib: the fonts inside VTK lack letters such as µ and Å."""
    from matplotlib import get_data_path

    style.SetFontFamily(4)  # VTK_FONT_FILE
    style.SetFontFile(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf")
    style.SetFontSize(max(round(size), 8))
    style.SetBold(False)
    style.SetItalic(False)
    style.SetShadow(False)


def draw_box(page: Page, drawing: Drawing) -> None:
    """Outline the limits, with round tick values along one edge of each axis."""
    import pyvista as pv

    low, high = drawing.limits
    length = 0.012 * (high - low).max()
    edges: list[tuple[np.ndarray, tuple[float, float, float], str, str, tuple[float, float]]]
    gaps: list[tuple[float, float]]
    right = np.array([high[0], low[1], low[2]])
    # For each axis: where its edge starts, the way out of the box, and where text stands to the tick.
    if drawing.dim < 3:
        edges = [(low, (0, -1, 0), "center", "top", (0, -6)), (low, (-1, 0, 0), "right", "center", (-6, 0))]
        gaps = [(0, -32), (-58, 0)]
    else:
        edges = [
            (low, (0, -1, 0), "right", "top", (-4, -4)),
            (right, (1, 0, 0), "left", "top", (4, -4)),
            (low, (-1, 0, 0), "right", "center", (-6, 0)),
        ]
        gaps = [(-30, -34), (36, -22), (-50, 0)]
    strokes = []
    for k, name in enumerate(drawing.names):
        corner, out, side, level, shift = edges[k]
        place = np.array(corner, dtype=float)
        for value in _ticks(low[k], high[k]):
            place[k] = value
            strokes += [place.copy(), place + length * np.array(out)]
            page.label(f"{value:g}", strokes[-1], shift, 14, side, level)
        place[k] = 0.5 * (low[k] + high[k])
        if k == 1 and drawing.dim == 2:
            page.label(name, place, gaps[k], 16, "center", "center", turned=90)
        else:
            page.label(name, place, gaps[k], 16, side, level)
    outline = pv.Box(np.column_stack([low, high]).ravel()).extract_all_edges()
    for lines in (outline, pv.line_segments_from_points(np.array(strokes))):
        page.plotter.add_mesh(lines, color=FAINT, line_width=page.scale, lighting=False, reset_camera=False, name=None)


def _ticks(low: float, high: float, most: int = 5) -> np.ndarray:
    """Round values within the limits, about `most` of them."""
    from matplotlib.ticker import MaxNLocator

    values = np.asarray(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    inside = values[(values >= low) & (values <= high)]
    return np.where(np.abs(inside) < 1e-9 * (high - low), 0.0, inside)


def draw_color_bar(page: Page, drawing: Drawing) -> None:
    """Lay a colour bar along the foot: title above, round values below."""
    import pyvista as pv
    from vtkmodules.vtkRenderingAnnotation import vtkScalarBarActor

    width, height = page.share(400, 18)
    bar = vtkScalarBarActor()
    bar.SetLookupTable(pv.LookupTable(color_map(), scalar_range=drawing.color_limits))
    bar.SetOrientationToHorizontal()
    bar.SetPosition(0.5 - width / 2, page.share(0, 36)[1])
    bar.SetWidth(width)
    bar.SetHeight(height)
    bar.SetBarRatio(1.0)
    bar.SetDrawTickLabels(False)
    page.add(bar)
    # VTK would write the values over the bar.
    low, high = drawing.color_limits
    for value in _ticks(low, high):
        page.write(f"{value:g}", (400 * ((value - low) / (high - low) - 0.5), 30), 14, "center")
    page.write(drawing.color_title, (0, 62), 16, "center", level="bottom")


def aim(page: Page, drawing: Drawing) -> None:
    """Fit the box into the part of the subplot that is free of text."""
    low, high = drawing.limits
    start = np.array(page.share(LEFT, TICKS + (BAR if drawing.colored else 0)))
    room = 1 - start - page.share(RIGHT, TOP)
    middle = start + 0.5 * room - 0.5
    aspect = page.width / page.height
    center = 0.5 * (low + high)
    camera = page.plotter.camera
    if drawing.dim < 3:
        tall = max((high - low)[1] / room[1], (high - low)[0] / (room[0] * aspect))
        focus = center - [middle[0] * tall * aspect, middle[1] * tall, 0]
        camera.parallel_projection = True
        camera.parallel_scale = 0.5 * tall
        camera.focal_point, camera.position, camera.up = focus, focus + np.array([0, 0, 4 * tall]), (0, 1, 0)
    else:
        ahead, right, up = _directions()
        corners = np.array(np.meshgrid(*zip(low - center, high - center, strict=True))).reshape(3, -1).T
        slope = np.tan(np.radians(camera.view_angle / 2))
        reach = np.maximum(
            np.abs(corners @ right) / (slope * aspect * room[0]), np.abs(corners @ up) / (slope * room[1])
        )
        distance = (reach - corners @ ahead).max()
        focus = center - 2 * slope * distance * (middle[0] * aspect * right + middle[1] * up)
        camera.parallel_projection = False
        camera.focal_point, camera.position, camera.up = focus, focus - distance * ahead, (0, 0, 1)
    page.plotter.renderer.reset_camera_clipping_range()


def _directions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors of the oblique view from the front, right and above: ahead, to the right, up."""
    ahead = np.array([-0.45, 0.75, -0.42])
    ahead /= np.linalg.norm(ahead)
    right = np.cross(ahead, [0, 0, 1])
    right /= np.linalg.norm(right)
    return ahead, right, np.cross(right, ahead)
