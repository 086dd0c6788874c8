"""Draw clouds with PyVista: one `View` a subplot, all with the same camera, box and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.visual._box import Box
from wlmsim.visual._drawing import Drawing, MovingCloud
from wlmsim.visual._field_layers import MASSES, Density, Force, Surface
from wlmsim.visual._key import draw_key
from wlmsim.visual._layers import Cloud, Layer, Trails, layer_height
from wlmsim.visual._look import INK, PLAIN, TRUTH, point_size_of
from wlmsim.visual._page import Page, fit_camera

if TYPE_CHECKING:
    import pyvista as pv


class Stage:
    """Everything that is drawn: views of the data and of the truth, moved together in time.

    Parameters
    ----------
    plotter : pyvista.Plotter
        Where to draw.
    drawing : Drawing
        What to draw.
    finer : int
        How many times finer than it will be shown.
    foot : float
        Pixels to leave free at the foot of a view.
    sweep : float
        Angle by which the camera is going to turn [degrees].
    """

    def __init__(self, plotter: pv.Plotter, drawing: Drawing, *, finer: int = 1, foot: float = 0, sweep: float = 0.0):
        self.plotter = plotter
        self.times = drawing.main.times
        moving_clouds = [drawing.main] if drawing.truth is None else [drawing.main, drawing.truth]
        self.views: list[View] = []

        def view(column: int, title: str) -> View:
            if drawing.beside:
                plotter.subplot(0, column)
            self.views.append(View(plotter, drawing, title, foot=foot, sweep=sweep))
            return self.views[-1]

        def size(*moving_clouds: MovingCloud) -> float:
            # The larger cloud decides, so that points are of one size on both sides.
            scale = Page(plotter).scale
            return (
                finer * drawing.point_size
                if drawing.point_size
                else scale * min(point_size_of(moving.points) for moving in moving_clouds)
            )

        if drawing.beside:
            left = view(0, "truth")
            left.add_cloud(moving_clouds[1], size(*moving_clouds))
            right = view(1, "forecast")
            right.add_cloud(moving_clouds[0], size(*moving_clouds))
            plotter.link_views()
        else:
            alone = view(0, "")
            alone.add_cloud(drawing.main, size(drawing.main))
            if drawing.truth is not None:
                alone.overlay(drawing.truth, size(drawing.truth))

    def show(self, k: int, angle: float = 0.0) -> None:
        """Move to frame k of the data and to the nearest in time of the truth, turned by an angle [degrees]."""
        for view in self.views:
            view.show(float(self.times[k]), angle)

    def picture(self) -> np.ndarray:
        """Draw what is shown, as an (h, w, 3) array of bytes."""
        from pyvista.plotting.utilities.regression import image_from_window

        # `plotter.screenshot` would draw twice.
        window: Any = self.plotter.render_window
        window.Render()
        return np.asarray(image_from_window(window, ignore_alpha=True))


class View:
    """One subplot: a box with a clock, and the layers in it."""

    def __init__(self, plotter: pv.Plotter, drawing: Drawing, title: str, *, foot: float, sweep: float):
        self._drawing, self._angle = drawing, 0.0
        self._cameras = [drawing.camera.turned(a) for a in np.linspace(0.0, sweep, 1 + int(abs(sweep) // 5))]
        self._layers: list[tuple[MovingCloud, Layer]] = []
        self.page = Page(plotter, foot)
        self._clock = self.page.write("", (-16, -16), 18, "right")
        self.page.write(title, (0, -16), 20, "center")
        self._notes: list[str] = []
        self._line: pv.Text | None = None
        self._box = Box(self.page, drawing)
        draw_key(self.page, drawing)
        self._turn(0.0)

    def _turn(self, angle: float) -> None:
        camera = self._drawing.camera.turned(angle)
        self._box.face(camera)
        fit_camera(self.page, self._drawing, camera, self._cameras)
        self._angle = angle

    def add_cloud(self, moving: MovingCloud, point_size: float) -> None:
        """Draw a cloud, with all that the look asks for around it."""
        drawing, page = self._drawing, self.page
        if drawing.density is not None:
            self._layers.append((moving, Density(page, drawing, moving)))
            self._note(f"tinted: the densest {', '.join(f'{100 * mass:g}' for mass in MASSES[::-1])} %")
        if drawing.force:
            field = Force(page, drawing, moving)
            self._layers.append((moving, field))
            what = "force" if isinstance(drawing.mechanics, Lagrangian) else "velocity"
            self._note(f"longest arrows: {what} {field.strongest:.2g} and more")
        if drawing.potential:
            self._layers.append((moving, Surface(page, drawing, moving)))
        # A dot is a ball: on a surface it lies, lest its lower half shows below.
        lift = 0.02 * float(np.ptp(drawing.limits[:, 2])) if drawing.potential else 0.0
        self._layers.insert(0, (moving, Cloud(page, drawing, moving, point_size, height=lift)))
        self._trail(moving, height=lift)

    def _trail(self, moving: MovingCloud, **look: Any) -> None:
        if self._drawing.trail and moving.tracked and len(moving) > 1:
            self._layers.append((moving, Trails(self.page, self._drawing, moving, **look)))

    def overlay(self, truth: MovingCloud, point_size: float) -> None:
        """Draw the truth in grey: behind the cloud that is here or, if it has fewer points, before it."""
        fewer = len(truth.points[0]) < len(self._drawing.main.points[0])
        height = layer_height(self._drawing) * (1 if fewer else -1)
        self._layers.append((truth, Cloud(self.page, self._drawing, truth, point_size, color=TRUTH, height=height)))
        self._trail(truth, color=TRUTH, height=height)
        self.page.write("truth", (16, -12), 17, "left", TRUTH)
        self.page.write("forecast", (80, -12), 17, "left", INK if self._drawing.coloring else PLAIN)

    def _note(self, text: str) -> None:
        """Write into the upper left corner, below the names of an overlay."""
        overlaid = self._drawing.truth is not None and not self._drawing.beside
        self._notes.append(text)
        if self._line is None:
            self._line = self.page.write("", (16, -36 if overlaid else -16), 13, "left")
        self._line.input = "; ".join(self._notes)

    def show(self, time: float, angle: float) -> None:
        """Move every layer to its frame nearest to `time`, and the camera round to `angle`."""
        for moving, layer in self._layers:
            layer.show(moving.nearest(time))
        main = self._layers[0][0]
        self._clock.input = self._drawing.time_text(float(main.times[main.nearest(time)]))
        if angle != self._angle:
            self._turn(angle)
        self.page.renderer.reset_camera_clipping_range()  # layers lie before and behind the box
