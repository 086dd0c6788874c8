"""The page a view is drawn on: text, the box with its ticks, colour bar or legend, and the camera's aim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wlmsim.visual._camera import Camera
from wlmsim.visual._coloring import category_colors
from wlmsim.visual._drawing import Drawing

if TYPE_CHECKING:
    import pyvista as pv

INK = "#222222"
FAINT = "#b8b8b8"

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


class Box:
    """The outline of the limits, with round tick values along one edge of each axis.

    It is drawn anew when the camera has come so far round that other edges face it.
    """

    def __init__(self, page: Page, drawing: Drawing):
        self._page, self._drawing = page, drawing
        self._writings: list[Writing] = []
        self._lines: list[Any] = []
        self._drawn: Any = None

    def face(self, camera: Camera) -> None:
        """Put ticks on the edges of the silhouette, and leave out the edges that stand before the data."""
        edges = [edge for k in range(self._drawing.dim) if (edge := _edge(k, camera)) is not None]
        if edges != self._drawn:
            self._clear()
            self._draw(edges, camera)
            self._drawn = edges

    def _clear(self) -> None:
        for writing in self._writings:
            self._page.erase(writing)
        for line in self._lines:
            self._page.renderer.remove_actor(line, render=False)
        self._writings, self._lines = [], []

    def _draw(self, edges: list[_Edge], camera: Camera) -> None:
        import pyvista as pv

        low, high = self._drawing.limits
        length = 0.012 * (high - low).max()
        strokes = []
        for edge in edges:
            k = edge.axis
            place = np.where(edge.corner, high, low)
            for value, height in zip(*self._ticks(k), strict=True):
                place[k] = height
                strokes += [place.copy(), place + length * np.array(edge.out)]
                self._label(f"{value:g}", strokes[-1], edge.shift, 14, edge)
            place[k] = 0.5 * (low[k] + high[k])
            self._label(self._drawing.names[k], place, edge.gap, 16, edge)
        for lines in (_outline(low, high, camera), pv.line_segments_from_points(np.array(strokes))):
            actor = self._page.plotter.add_mesh(
                lines, color=FAINT, line_width=self._page.scale, lighting=False, reset_camera=False, name=None
            )
            self._lines.append(actor)

    def _label(self, text: str, place: np.ndarray, shift: tuple[float, float], size: float, edge: _Edge) -> None:
        # A short name of an upright axis stands beside it, a long one runs along it.
        turned = edge.upright and shift == edge.gap and (edge.axis != 2 or len(text) > 4)
        side, level, angle = ("center", "center", 90.0) if turned else (edge.side, edge.level, 0.0)
        self._writings.append(self._page.label(text, place, shift, size, side, level, angle))

    def _ticks(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Round values, and where they stand."""
        low, high = self._drawing.value_limits[:, k]
        floor, roof = self._drawing.limits[:, k]
        values = _ticks(low, high)
        return values, floor + (roof - floor) * (values - low) / (high - low)


class _Edge(NamedTuple):
    """An edge of the box that bears ticks."""

    axis: int
    corner: tuple[bool, ...]
    """For each axis, whether the edge is at the upper end."""
    out: tuple[int, ...]
    """The way of the ticks."""
    side: str
    level: str
    shift: tuple[float, float]
    gap: tuple[float, float]
    upright: bool


def _edge(k: int, camera: Camera) -> _Edge | None:
    """The edge along axis k that bears its ticks: on the silhouette, at the foot or for upright axes on the left."""
    ahead, right, up = camera.ahead, camera.right, camera.up
    if abs(ahead[k]) > 0.985:
        return None  # seen end on
    others = [j for j in range(3) if j != k]
    upright = k == 2 or (abs(ahead[2]) > 0.9 and abs(up[k]) > abs(right[k]))
    best: Any = None
    for signs in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        # A face is seen if its normal points towards the viewer; on the silhouette one face is seen and one is not.
        if len({sign * ahead[j] < -1e-9 for sign, j in zip(signs, others, strict=True)}) == 1:
            continue
        offset = sum(sign * (np.arange(3) == j) for sign, j in zip(signs, others, strict=True))
        score = offset @ (right if upright else up)
        if best is None or score < best[0] - 1e-9:
            best = (score, signs, offset)
    _, signs, offset = best
    ways = [sign * (np.arange(3) == j) for sign, j in zip(signs, others, strict=True)]
    if upright:
        out = max(ways, key=lambda way: -(way @ right))
        side, level, shift, gap = "right", "center", (-6, 0), (-58 if k != 2 else -54, 0)
    else:
        flat = [way for way in ways if way[2] == 0 and np.hypot(way @ right, way @ up) > 0.3]
        out = flat[0] if flat else min(ways, key=lambda way: way @ up)
        lean = (out @ right) / np.hypot(out @ right, out @ up)
        if abs(lean) < 0.35:
            side, level, shift, gap = "center", "top", (0, -6), (0, -32)
        elif lean < 0:
            side, level, shift, gap = "right", "top", (-4, -4), (-30, -34)
        else:
            side, level, shift, gap = "left", "top", (4, -4), (36, -22)
    corner = tuple(bool(sign > 0) for sign in offset)
    return _Edge(k, corner, tuple(map(int, out)), side, level, shift, gap, upright)


def _outline(low: np.ndarray, high: np.ndarray, camera: Camera) -> pv.PolyData:
    """The edges of the box but for those that stand before all of it, between two faces that are both seen."""
    import pyvista as pv

    ends = []
    for k in range(3):
        i, j = (axis for axis in range(3) if axis != k)
        for si, sj in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            if si * camera.ahead[i] < -1e-9 and sj * camera.ahead[j] < -1e-9:
                continue
            for end in (low, high):
                point = np.empty(3)
                point[i], point[j], point[k] = (high if si > 0 else low)[i], (high if sj > 0 else low)[j], end[k]
                ends.append(point)
    return pv.line_segments_from_points(np.array(ends))


def _ticks(low: float, high: float, most: int = 5) -> np.ndarray:
    """Round values within the limits, about `most` of them."""
    from matplotlib.ticker import MaxNLocator

    values = np.asarray(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    inside = values[(values >= low) & (values <= high)]
    return np.where(np.abs(inside) < 1e-9 * (high - low), 0.0, inside)


def draw_key(page: Page, drawing: Drawing) -> None:
    """Say at the foot what colours mean."""
    if drawing.coloring.categories:
        _draw_legend(page, drawing.coloring.title, drawing.coloring.categories)
    elif drawing.coloring:
        _draw_color_bar(page, drawing)


def _draw_color_bar(page: Page, drawing: Drawing) -> None:
    """Lay a colour bar along the foot: title above, round values below."""
    import pyvista as pv
    from vtkmodules.vtkRenderingAnnotation import vtkScalarBarActor

    coloring = drawing.coloring
    low, high = coloring.limits
    width, height = page.share(400, 18)
    bar = vtkScalarBarActor()
    bar.SetLookupTable(pv.LookupTable(coloring.palette, scalar_range=coloring.limits))
    bar.SetOrientationToHorizontal()
    bar.SetPosition(0.5 - width / 2, page.share(0, 36 + page.foot)[1])
    bar.SetWidth(width)
    bar.SetHeight(height)
    bar.SetBarRatio(1.0)
    bar.SetDrawTickLabels(False)
    page.add(bar)
    # VTK would write the values over the bar.
    for value in _ticks(low, high):
        page.write(f"{value:g}", (400 * ((value - low) / (high - low) - 0.5), 30), 14, "center")
    page.write(coloring.title, (0, 62), 16, "center", level="bottom")


def _draw_legend(page: Page, title: str, names: tuple[str, ...], size: float = 15) -> None:
    """Name the categories along the foot, in up to three centred rows."""
    from PIL import ImageFont

    dot = "●"
    entries = [name if len(name) <= 18 else f"{name[:17]}…" for name in names]
    room = 0.94 * page.width / page.scale
    while True:
        font = ImageFont.truetype(font_file(), size)
        widths = [font.getlength(f"{dot} {entry}") + 1.2 * size for entry in entries]
        rows = _wrap(widths, room)
        if len(rows) <= (2 if title else 3) or size <= 8:
            break
        size -= 1
    low = 11.0 * (3 - len(rows)) - (10 if title else 0)
    for line, row in enumerate(rows):
        x, y = -0.5 * sum(widths[k] for k in row), 22.0 * (len(rows) - line) + low
        for k in row:
            start = 0.5 * page.width / page.scale + x
            page.write(dot, (start, y), size, "left", category_colors(len(names))[k])
            page.write(entries[k], (start + font.getlength(f"{dot} "), y), size, "left")
            x += widths[k]
    page.write(title, (0, 22.0 * len(rows) + 8 + low), 16, "center", level="bottom")


def _wrap(widths: list[float], room: float) -> list[list[int]]:
    rows: list[list[int]] = [[]]
    filled = 0.0
    for k, width in enumerate(widths):
        if rows[-1] and filled + width > room:
            rows.append([])
            filled = 0.0
        rows[-1].append(k)
        filled += width
    return rows


def aim(page: Page, drawing: Drawing, camera: Camera, others: Sequence[Camera] = ()) -> None:
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
