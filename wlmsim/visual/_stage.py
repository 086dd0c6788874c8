"""Draw clouds with PyVista: one `View` a subplot, all with the same camera, box and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.visual._drawing import MOST_TRAIL_VERTICES, Drawing, Reel

if TYPE_CHECKING:
    import pyvista as pv

PLAIN = "#3b6fb6"
TRUTH = "#c2c2c2"
TRUTH_INK = "#7a7a7a"
INK = "#222222"
FAINT = "#b8b8b8"

# Pixels of a subplot that hold no data: tick labels on the left and below, title above, colour bar at the foot.
LEFT, RIGHT, TOP, TICKS, BAR = 90, 40, 60, 60, 90


class Stage:
    """Everything that is drawn: views of the data and of the truth, moved together in time."""

    def __init__(
        self,
        plotter: pv.Plotter,
        drawing: Drawing,
        *,
        layout: str,
        trail: int,
        point_size: float | None,
    ):
        self.plotter = plotter
        self._drawing = drawing
        beside = drawing.truth is not None and layout == "side-by-side"
        size = point_size or _point_size(drawing, plotter)
        self._views: list[View] = []
        if beside:
            plotter.subplot(0, 0)
            self._views.append(View(plotter, drawing, drawing.truth, title="truth", point_size=size))
            plotter.subplot(0, 1)
        self._views.append(
            View(plotter, drawing, drawing.main, title="forecast" if beside else "", trail=trail, point_size=size)
        )
        if beside:
            plotter.link_views()
        elif drawing.truth is not None:
            self._views[0].lay_under(drawing.truth)

    def picture(self) -> np.ndarray:
        """Draw what is shown, as an (h, w, 3) array of bytes."""
        from pyvista.plotting.utilities.regression import image_from_window

        # `plotter.screenshot` would draw twice.
        self.plotter.render_window.Render()
        return np.asarray(image_from_window(self.plotter.render_window, ignore_alpha=True))

    def show(self, k: int) -> None:
        """Move to frame k of the data, and to the frame of the truth that is nearest in time."""
        time = float(self._drawing.main.times[k])
        for view in self._views:
            view.show(time)


class View:
    """One subplot: a cloud in its box, with its trails, clock and colour bar."""

    def __init__(
        self,
        plotter: pv.Plotter,
        drawing: Drawing,
        reel: Reel,
        *,
        title: str = "",
        trail: int = 0,
        point_size: float,
    ):
        self._plotter, self._drawing = plotter, drawing
        self._page = Page(plotter)
        self._clouds = [Cloud(plotter, drawing, reel, trail=trail, point_size=point_size)]
        self._clock = self._page.write("", (-16, -16), 18, "right")
        if title:
            self._page.write(title, (0, -16), 20, "center")
        _draw_box(self._page, drawing)
        if drawing.color_limits is not None:
            _draw_color_bar(self._page, self._clouds[0].lookup_table, drawing)
        _aim(self._page, drawing)

    def lay_under(self, truth: Reel) -> None:
        """Draw the truth in grey behind the cloud that is already here."""
        size = 1.5 * self._clouds[0].point_size
        self._clouds.append(Cloud(self._plotter, self._drawing, truth, trail=0, point_size=size, under=True))
        self._page.write("truth", (16, -16), 18, "left", TRUTH_INK)
        self._page.write("forecast", (84, -16), 18, "left", PLAIN if self._drawing.color_limits is None else INK)

    def show(self, time: float) -> None:
        """Move to the frame nearest to `time`."""
        shown = [cloud.show(time) for cloud in self._clouds]
        self._clock.input = self._drawing.time_text(shown[0])


class Cloud:
    """The points of one reel, and the trails behind them."""

    def __init__(
        self, plotter: pv.Plotter, drawing: Drawing, reel: Reel, *, trail: int, point_size: float, under: bool = False
    ):
        import pyvista as pv

        self.point_size = point_size
        self._reel = reel
        self._colored = reel.values is not None and not under
        # In the plane, equal heights would leave it to chance which of two clouds is seen; a point is a sphere,
        # so the lower cloud must lie lower than the radius of a point.
        self._offset = np.float32([0, 0, -_layer(drawing) if under else 0])
        self._mesh = pv.PolyData(reel.points[0] + self._offset)
        look: dict[str, Any] = {"color": TRUTH if under else PLAIN}
        if self._colored:
            self._mesh["value"] = reel.values[0]
            look = {"scalars": "value", "cmap": color_map(), "clim": drawing.color_limits}
        self._actor = plotter.add_mesh(
            self._mesh,
            style="points",
            point_size=point_size,
            render_points_as_spheres=True,
            lighting=drawing.dim == 3,
            show_scalar_bar=False,
            reset_camera=False,
            name=None,
            **look,
        )
        self._trails = Trails(plotter, drawing, reel, trail) if trail and reel.tracked else None

    @property
    def lookup_table(self) -> Any:
        return self._actor.mapper.lookup_table

    def show(self, time: float) -> float:
        """Move to the frame nearest to `time`, and say which time that is."""
        import pyvista as pv

        k = self._reel.nearest(time)
        points = self._reel.points[k] + self._offset
        if len(points) == self._mesh.n_points:
            self._mesh.points = points
        else:
            self._mesh.copy_from(pv.PolyData(points))
        if self._colored:
            self._mesh["value"] = self._reel.values[k]
            self._mesh.set_active_scalars("value")
        if self._trails is not None:
            self._trails.show(k)
        return float(self._reel.times[k])


class Trails:
    """Thin lines through the last frames of every particle, fading into the past."""

    def __init__(self, plotter: pv.Plotter, drawing: Drawing, reel: Reel, length: int):
        import pyvista as pv

        self._reel, self._drawing, self._length = reel, drawing, min(length, len(reel))
        stride = 1 + len(reel.points[0]) * (self._length + 1) // MOST_TRAIL_VERTICES
        self._rows = np.arange(0, len(reel.points[0]), stride)
        n, m = len(self._rows), self._length + 1
        lines = np.column_stack([np.full(n, m), np.arange(n * m).reshape(n, m)])
        self._mesh = pv.PolyData(np.zeros((n * m, 3), dtype=np.float32), lines=lines.ravel())
        self._mesh["rgba"] = np.zeros((n * m, 4), dtype=np.uint8)
        plotter.add_mesh(
            self._mesh, scalars="rgba", rgba=True, line_width=1.5 * Page(plotter).scale, lighting=False, reset_camera=False, name=None
        )

    def show(self, k: int) -> None:
        # Before the first frame there is nothing to trail: those segments shrink to a point.
        frames = np.maximum(np.arange(k - self._length, k + 1), 0)
        places = np.stack([self._reel.points[j][self._rows] for j in frames], axis=1).reshape(-1, 3)
        self._mesh.points = places - np.float32([0, 0, 0.5 * _layer(self._drawing)])
        self._mesh["rgba"] = self._colors(frames).reshape(-1, 4)

    def _colors(self, frames: np.ndarray) -> np.ndarray:
        from matplotlib.colors import Normalize, to_rgb

        rgba = np.empty((len(self._rows), len(frames), 4))
        if self._reel.values is None:
            rgba[:] = (*to_rgb(PLAIN), 1.0)
        else:
            values = np.stack([self._reel.values[j][self._rows] for j in frames], axis=1)
            rgba[:] = color_map()(Normalize(*self._drawing.color_limits)(values))
        rgba[..., 3] = np.linspace(0.0, 0.6, len(frames))
        return (255 * rgba).astype(np.uint8)


def color_map() -> Any:
    """Plasma without its palest end, which cannot be seen on white."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["plasma"](np.linspace(0.0, 0.88, 256)))


def _layer(drawing: Drawing) -> float:
    """Distance between things drawn over each other in the plane [length]; none in space, where depth is real."""
    return 0.1 * float(np.ptp(drawing.limits, axis=0).max()) if drawing.dim < 3 else 0.0


def _point_size(drawing: Drawing, plotter: pv.Plotter) -> float:
    reels = [drawing.main] + ([] if drawing.truth is None else [drawing.truth])
    n = max(len(points) for reel in reels for points in reel.points)
    return float(np.clip(42 * n**-0.25, 2.5, 18) * Page(plotter).scale)


class Page:
    """The active subplot as a page to write on, in pixels of a view 800 wide."""

    def __init__(self, plotter: pv.Plotter):
        self.plotter = plotter
        self.width, self.height = plotter.renderer.GetSize()
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

        set_font(style, size * self.scale)
        style.SetColor(*to_rgb(color))
        style.SetJustification(("left", "center", "right").index(side))
        style.SetVerticalJustification(("bottom", "center", "top").index(level))


def set_font(style: Any, size: float) -> None:
    """Use the sans-serif that comes with matplotlib: the fonts inside VTK lack letters such as µ and Å."""
    from matplotlib import get_data_path

    style.SetFontFamily(4)  # VTK_FONT_FILE
    style.SetFontFile(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf")
    style.SetFontSize(max(round(size), 8))
    style.SetBold(False)
    style.SetItalic(False)
    style.SetShadow(False)


def _draw_box(page: Page, drawing: Drawing) -> None:
    """Outline the limits, with round tick values along one edge of each axis."""
    import pyvista as pv

    low, high = drawing.limits
    length = 0.012 * (high - low).max()
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
        for value in ticks(low[k], high[k]):
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


def ticks(low: float, high: float, most: int = 5) -> np.ndarray:
    """Round values within the limits, about `most` of them."""
    from matplotlib.ticker import MaxNLocator

    values = MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    inside = values[(values >= low) & (values <= high)]
    return np.where(np.abs(inside) < 1e-9 * (high - low), 0.0, inside)


def _draw_color_bar(page: Page, table: Any, drawing: Drawing) -> None:
    """Lay a colour bar along the foot: title above, round values below."""
    from vtkmodules.vtkRenderingAnnotation import vtkScalarBarActor

    width, height = page.share(400, 18)
    bar = vtkScalarBarActor()
    bar.SetLookupTable(table)
    bar.SetOrientationToHorizontal()
    bar.SetPosition(0.5 - width / 2, page.share(0, 36)[1])
    bar.SetWidth(width)
    bar.SetHeight(height)
    bar.SetBarRatio(1.0)
    bar.SetDrawTickLabels(False)
    page.add(bar)
    # VTK would write the values over the bar.
    low, high = drawing.color_limits
    for value in ticks(low, high):
        page.write(f"{value:g}", (400 * ((value - low) / (high - low) - 0.5), 30), 14, "center")
    page.write(drawing.color_title, (0, 62), 16, "center", level="bottom")


def _aim(page: Page, drawing: Drawing) -> None:
    """Fit the box into the part of the subplot that is free of text."""
    low, high = drawing.limits
    start = np.array(page.share(LEFT, TICKS + (0 if drawing.color_limits is None else BAR)))
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
        camera.focal_point, camera.position, camera.up = focus, focus + [0, 0, 4 * tall], (0, 1, 0)
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
