"""Draw clouds with PyVista: one `View` a subplot, all with the same camera, box and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from wlmsim.visual._drawing import MOST_TRAIL_VERTICES, Drawing, Reel, color_map
from wlmsim.visual._page import INK, Page, aim, draw_box, draw_color_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyvista as pv

PLAIN = "#3b6fb6"
TRUTH = "#949494"


class Stage:
    """Everything that is drawn: views of the data and of the truth, moved together in time."""

    def __init__(self, plotter: pv.Plotter, drawing: Drawing, *, layout: str, trail: int, point_size: float | None):
        self.plotter = plotter
        self._times = drawing.main.times
        self._views: list[View] = []
        beside = layout == "side-by-side"
        if drawing.truth is not None and beside:
            plotter.subplot(0, 0)
            # The larger cloud decides, so that points are of one size on both sides.
            size = point_size or min(_point_size(reel, plotter) for reel in (drawing.main, drawing.truth))
            left = View(plotter, drawing, "truth")
            left.add_cloud(drawing.truth, size)
            plotter.subplot(0, 1)
            right = View(plotter, drawing, "forecast")
            right.add_cloud(drawing.main, size, trail=trail)
            self._views = [left, right]
            plotter.link_views()
        else:
            view = View(plotter, drawing)
            view.add_cloud(drawing.main, point_size or _point_size(drawing.main, plotter), trail=trail)
            if drawing.truth is not None:
                view.overlay(drawing.truth, point_size or _point_size(drawing.truth, plotter))
            self._views = [view]

    def show(self, k: int) -> None:
        """Move to frame k of the data, and to the frame of the truth that is nearest in time."""
        for view in self._views:
            view.show(float(self._times[k]))

    def picture(self) -> np.ndarray:
        """Draw what is shown, as an (h, w, 3) array of bytes."""
        from pyvista.plotting.utilities.regression import image_from_window

        # `plotter.screenshot` would draw twice.
        window: Any = self.plotter.render_window
        window.Render()
        return np.asarray(image_from_window(window, ignore_alpha=True))


class Layer(Protocol):
    """Something in a view that changes with time."""

    def show(self, k: int) -> None:
        """Move to frame k of the layer's reel."""


class View:
    """One subplot: a box with a clock, and the layers in it."""

    def __init__(self, plotter: pv.Plotter, drawing: Drawing, title: str = ""):
        self._plotter, self._drawing = plotter, drawing
        self._layers: list[tuple[Reel, Layer]] = []
        self._page = Page(plotter)
        self._clock = self._page.write("", (-16, -16), 18, "right")
        self._page.write(title, (0, -16), 20, "center")
        draw_box(self._page, drawing)
        if drawing.colored:
            draw_color_bar(self._page, drawing)
        aim(self._page, drawing)

    def add_cloud(self, reel: Reel, point_size: float, *, trail: int = 0, **look: Any) -> None:
        """Draw a cloud, with trails if it tracks its particles."""
        self._layers.append((reel, Cloud(self._plotter, self._drawing, reel, point_size, **look)))
        if trail and reel.tracked and len(reel) > 1:
            self._layers.append((reel, Trails(self._plotter, self._drawing, reel, trail)))

    def overlay(self, truth: Reel, point_size: float) -> None:
        """Draw the truth in grey: behind the cloud that is here or, if it has fewer points, before it."""
        fewer = len(truth.points[0]) < len(self._drawing.main.points[0])
        self.add_cloud(truth, point_size, color=TRUTH, height=_layer(self._drawing) * (1 if fewer else -1))
        self._page.write("truth", (16, -16), 18, "left", TRUTH)
        self._page.write("forecast", (84, -16), 18, "left", INK if self._drawing.colored else PLAIN)

    def show(self, time: float) -> None:
        """Move every layer to its frame nearest to `time`."""
        for reel, layer in self._layers:
            layer.show(reel.nearest(time))
        main = self._layers[0][0]
        self._clock.input = self._drawing.time_text(float(main.times[main.nearest(time)]))


class Cloud:
    """The points of one reel, in colours or in one `color`, in the plane raised by `height`."""

    def __init__(
        self,
        plotter: pv.Plotter,
        drawing: Drawing,
        reel: Reel,
        point_size: float,
        *,
        color: str | None = None,
        height: float = 0.0,
    ):
        import pyvista as pv

        self._points = reel.points
        self._values = reel.values if color is None else None
        self._raise = np.array([0, 0, height], dtype=np.float32)
        self._mesh = pv.PolyData()
        self.show(0)
        look: dict[str, Any] = {"color": color or PLAIN}
        if self._values is not None:
            look = {"scalars": "value", "cmap": color_map(), "clim": drawing.color_limits, "show_scalar_bar": False}
        plotter.add_mesh(
            self._mesh,
            style="points",
            point_size=point_size,
            render_points_as_spheres=True,
            lighting=drawing.dim == 3,
            ambient=0.3 if drawing.dim == 3 else 0.0,
            reset_camera=False,
            **look,
        )

    def show(self, k: int) -> None:
        """Move to frame k."""
        import pyvista as pv

        points = self._points[k] + self._raise
        if len(points) == self._mesh.n_points:
            self._mesh.points = points
        else:
            self._mesh.copy_from(pv.PolyData(points))
        if self._values is not None:
            self._mesh["value"] = self._values[k]
            self._mesh.set_active_scalars("value")


class Trails:
    """Thin lines through the last frames of every particle, fading into the past."""

    def __init__(self, plotter: pv.Plotter, drawing: Drawing, reel: Reel, length: int):
        import pyvista as pv

        self._points, self._values, self._color_limits = reel.points, reel.values, drawing.color_limits
        self._past = np.arange(-min(length, len(reel) - 1), 1)
        # In the plane, trails lie between a cloud and the truth below it.
        self._raise = np.array([0, 0, -0.5 * _layer(drawing)], dtype=np.float32)
        stride = 1 + len(reel.points[0]) * len(self._past) // MOST_TRAIL_VERTICES
        self._rows = np.arange(0, len(reel.points[0]), stride)
        n, m = len(self._rows), len(self._past)
        lines = np.column_stack([np.full(n, m), np.arange(n * m).reshape(n, m)])
        self._mesh = pv.PolyData(np.zeros((n * m, 3), dtype=np.float32), lines=lines.ravel())
        self.show(0)
        plotter.add_mesh(
            self._mesh,
            scalars="rgba",
            rgba=True,
            line_width=1.5 * Page(plotter).scale,
            lighting=False,
            reset_camera=False,
        )

    def show(self, k: int) -> None:
        """Move to frame k."""
        # Before the first frame there is nothing to trail: those segments shrink to a point.
        frames = np.maximum(k + self._past, 0)
        self._mesh.points = self._along(self._points, frames).reshape(-1, 3) + self._raise
        self._mesh["rgba"] = self._colors(frames).reshape(-1, 4)

    def _along(self, columns: Sequence[np.ndarray], frames: np.ndarray) -> np.ndarray:
        return np.stack([columns[j][self._rows] for j in frames], axis=1)

    def _colors(self, frames: np.ndarray) -> np.ndarray:
        from matplotlib.colors import Normalize, to_rgb

        rgba = np.empty((len(self._rows), len(frames), 4))
        if self._values is None:
            rgba[:] = (*to_rgb(PLAIN), 1.0)
        else:
            rgba[:] = color_map()(Normalize(*self._color_limits)(self._along(self._values, frames)))
        rgba[..., 3] = np.linspace(0.0, 0.6, len(frames))
        return (255 * rgba).astype(np.uint8)


def _layer(drawing: Drawing) -> float:
    """Distance between things drawn over each other in the plane; none in space, where depth is real.

    At equal heights it would be left to chance which is seen; and a point is drawn as a sphere, so the distance
    must exceed its radius.
    """
    return 0.1 * float(np.ptp(drawing.limits, axis=0).max()) if drawing.dim < 3 else 0.0


def _point_size(reel: Reel, plotter: pv.Plotter) -> float:
    n = max(len(points) for points in reel.points)
    return float(np.clip(42 * n**-0.25, 2.5, 18) * Page(plotter).scale)
