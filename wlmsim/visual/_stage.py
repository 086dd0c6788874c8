"""Draw clouds with PyVista: one `View` a subplot, all with the same camera, box and colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.visual._box import NAME, TICK, Box
from wlmsim.visual._camera import Camera
from wlmsim.visual._drawing import Drawing, MovingCloud
from wlmsim.visual._field_layers import MASSES, Density, Force, Surface
from wlmsim.visual._key import draw_key
from wlmsim.visual._layers import FAINTEST, Cloud, Dots, Layer, Trails, layer_height, length_of_pixel
from wlmsim.visual._look import FULL, INK, PLAIN, TRUTH, point_size_of
from wlmsim.visual._margins import LINE, margins
from wlmsim.visual._page import Page, fit_camera, text_width

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

        def dots(*moving_clouds: MovingCloud) -> Dots:
            # The larger cloud decides, so that points are of one size on both sides.
            return min(self.views[0].dots(moving, finer) for moving in moving_clouds)

        if drawing.beside:
            left = view(0, "truth")
            left.add_cloud(moving_clouds[1], dots(*moving_clouds))
            right = view(1, "forecast")
            right.add_cloud(moving_clouds[0], dots(*moving_clouds))
            plotter.link_views()
        else:
            alone = view(0, "")
            alone.add_cloud(drawing.main, dots(drawing.main))
            if drawing.truth is not None:
                alone.overlay(drawing.truth, dots(drawing.truth))

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


def around(drawing: Drawing, sweep: float) -> list[Camera]:
    """Where the camera comes by as it turns [degrees]."""
    return [drawing.camera.turned(a) for a in np.linspace(0.0, sweep, 1 + int(abs(sweep) // 5))]


class View:
    """One subplot: a box with a clock, and the layers in it."""

    def __init__(self, plotter: pv.Plotter, drawing: Drawing, title: str, *, foot: float, sweep: float):
        self._drawing, self._angle = drawing, 0.0
        self._cameras = around(drawing, sweep)
        self._layers: list[tuple[MovingCloud, Layer]] = []
        self.page = Page(plotter, foot)
        self.page.margins = margins(drawing, self.page.width / self.page.scale)
        self._clock = self.page.write("", (-16, -12), 20, "right")
        self.page.write(title, (0, -12), 20, "center")
        self._lines = 0
        self._counted: tuple[MovingCloud, ...] = ()
        self._count: pv.Text | None = None
        if drawing.coloring.note:
            self._note(drawing.coloring.note)
        self._box = Box(self.page, drawing)
        draw_key(self.page, drawing)
        self._turn(0.0)

    def _turn(self, angle: float) -> None:
        camera = self._drawing.camera.turned(angle)
        self._box.face(camera)
        fit_camera(self.page, self._drawing, camera, self._cameras)
        self._angle = angle

    def dots(self, moving: MovingCloud, finer: int) -> Dots:
        """How large the points of a cloud are here, and how strong."""
        scale, camera = self.page.scale, self._drawing.camera
        across = np.array([camera.right, camera.up]) / (scale * length_of_pixel(self.page))
        size, covered = point_size_of(moving.points, across)
        if self._drawing.point_size:
            return Dots(finer * self._drawing.point_size, 1.0)
        faint = self._drawing.dim == 2 and covered > FULL
        return Dots(scale * size, max(FULL / covered, FAINTEST) if faint else 1.0)

    def add_cloud(self, moving: MovingCloud, dots: Dots) -> None:
        """Draw a cloud, with all that the look asks for around it."""
        drawing, page = self._drawing, self.page
        if drawing.truth is not None and not drawing.beside:
            self._lines += 1  # names
        if drawing.density is not None:
            self._layers.append((moving, Density(page, drawing, moving)))
            self._note(f"tinted: the densest {', '.join(f'{100 * mass:g}' for mass in MASSES[::-1])} %")
        if drawing.force:
            field = Force(page, drawing, moving)
            self._layers.append((moving, field))
            what = "force" if isinstance(drawing.mechanics, Lagrangian) else "velocity"
            pale = "; pale: no data near" if field.learned else ""
            self._note(f"longest arrows: {what} {field.strongest:.2g} and more{pale}")
        if drawing.potential:
            self._layers.append((moving, Surface(page, drawing, moving)))
        # A dot is a ball: on a surface it lies, lest its lower half shows below.
        lift = 0.02 * float(np.ptp(drawing.limits[:, 2])) if drawing.potential else 0.0
        self._layers.insert(0, (moving, Cloud(page, drawing, moving, dots, height=lift)))
        self._trail(moving, height=lift)
        if drawing.runs_away:
            self._count, self._counted = self._note(""), (moving,)

    def _trail(self, moving: MovingCloud, **look: Any) -> None:
        if self._drawing.trail and moving.tracked and len(moving) > 1:
            self._layers.append((moving, Trails(self.page, self._drawing, moving, **look)))

    def overlay(self, truth: MovingCloud, dots: Dots) -> None:
        """Draw the truth in grey: behind the cloud that is here or, if it has fewer points, before it."""
        fewer = len(truth.points[0]) < len(self._drawing.main.points[0])
        height = layer_height(self._drawing) * (1 if fewer else -1)
        self._layers.append((truth, Cloud(self.page, self._drawing, truth, dots, color=TRUTH, height=height)))
        self._trail(truth, color=TRUTH, height=height)
        self._counted = (*self._counted, truth)
        place = 16.0
        for name, color in (("truth", TRUTH), ("forecast", INK if self._drawing.coloring else PLAIN)):
            self.page.write(f"\u25cf {name}", (place, -12), NAME, "left", color)
            place += text_width(f"\u25cf {name}  ", NAME)

    def _note(self, text: str) -> pv.Text:
        """Write into the upper left corner, a line below the others."""
        self._lines += 1
        return self.page.write(text, (16, 4 - LINE * self._lines), TICK, "left")

    def _count_runaways(self, time: float) -> None:
        """Say how many points are outside the box."""
        if self._count is not None:
            names = ("", "truth: ")
            told = [self._drawing.runaways(moving, moving.nearest(time)) for moving in self._counted]
            self._count.input = "; ".join(name + text for name, text in zip(names, told, strict=False) if text)

    def show(self, time: float, angle: float) -> None:
        """Move every layer to its frame nearest to `time`, and the camera round to `angle`."""
        for moving, layer in self._layers:
            layer.show(moving.nearest(time))
        self._count_runaways(time)
        main = self._layers[0][0]
        self._clock.input = self._drawing.time_text(float(main.times[main.nearest(time)]))
        if angle != self._angle:
            self._turn(angle)
        self.page.renderer.reset_camera_clipping_range()  # layers lie before and behind the box
