"""What moves a scene through time by hand: a slider, a play button, keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.visual._page import CONTROLS, Page

if TYPE_CHECKING:
    import pyvista as pv

    from wlmsim.visual._stage import Stage

GREY, DARK = "#c9ced6", "#4a5260"


class Player:
    """Shows one frame after another.

    Parameters
    ----------
    stage : Stage
        What to move.
    fps : float
        Frames in a second.
    """

    def __init__(self, stage: Stage, fps: float):
        self.stage, self.fps = stage, fps
        self.frame, self.playing = 0, False
        self._timer: int | None = None
        self._slider: Any = None
        self._button: Any = None
        stage.show(0)

    def seek(self, frame: float) -> None:
        """Go to a frame, the first or the last if it is beyond them."""
        self.frame = int(np.clip(round(frame), 0, len(self.stage.times) - 1))
        self.stage.show(self.frame)
        if self._slider is not None:
            self._slider.GetRepresentation().SetValue(self.frame)
        self.stage.plotter.render()

    def toggle(self) -> None:
        """Play, from the start again if the end is reached; or pause."""
        self.playing = not self.playing
        if self.playing and self.frame == len(self.stage.times) - 1:
            self.seek(0)
        if self._button is not None:
            self._button.GetRepresentation().SetState(int(self.playing))
            self._run_timer()
            self.stage.plotter.render()

    def tick(self) -> None:
        """Go on by a frame, while it plays; pause at the end."""
        if not self.playing:
            return
        self.seek(self.frame + 1)
        if self.frame == len(self.stage.times) - 1:
            self.toggle()

    def _run_timer(self) -> None:
        """Let time pass only while it plays."""
        iren: Any = self.stage.plotter.iren
        interactor = iren.interactor
        if self._timer is not None:
            interactor.DestroyTimer(self._timer)
            self._timer = None
        if self.playing:
            self._timer = interactor.CreateRepeatingTimer(max(1, round(1000 / self.fps)))

    def attach(self) -> None:
        """Put the slider and the button on the page, and listen to them, to the keys and to the clock."""
        if len(self.stage.times) == 1:
            return  # nothing moves
        plotter: Any = self.stage.plotter
        page = Page(plotter)
        self._slider = _slider(page, len(self.stage.times), self.seek)
        self._button = _button(page, self.toggle)
        plotter.iren.add_observer("TimerEvent", lambda *_: self.tick())
        plotter.add_key_event("space", self.toggle)
        plotter.add_key_event("Right", lambda: self.seek(self.frame + 1))
        plotter.add_key_event("Left", lambda: self.seek(self.frame - 1))


def _slider(page: Page, count: int, seek: Any) -> Any:
    """A plain line with a knob, without numbers: the clock is in the corner."""
    y = page.share(0, 0.5 * CONTROLS)[1]
    slider = page.plotter.add_slider_widget(
        seek,
        (0, count - 1),
        value=0,
        pointa=(page.share(110, 0)[0], y),
        pointb=(1 - page.share(50, 0)[0], y),
        interaction_event="always",
        style="modern",
        color=DARK,
        slider_width=0.03,
        tube_width=0.01,
    )
    look = slider.GetRepresentation()
    look.ShowSliderLabelOff()
    for part, color in [
        (look.GetTubeProperty(), GREY),
        (look.GetSliderProperty(), DARK),
        (look.GetCapProperty(), GREY),
    ]:
        part.SetColor(*_rgb(color))
    return slider


def _button(page: Page, toggle: Any) -> Any:
    """A triangle that plays, two bars that pause."""
    from vtkmodules.vtkInteractionWidgets import vtkButtonWidget, vtkTexturedButtonRepresentation2D

    look = vtkTexturedButtonRepresentation2D()
    look.SetNumberOfStates(2)
    for state, picture in enumerate((_icon([[(8, 4), (8, 28), (27, 16)]]), _icon(_BARS))):
        look.SetButtonTexture(state, picture)
    look.SetState(0)
    side = 34 * page.scale
    x, y = 44 * page.scale, 0.5 * CONTROLS * page.scale - 0.5 * side
    look.SetPlaceFactor(1)
    look.PlaceWidget([x, x + side, y, y + side, 0, 0])
    button: Any = vtkButtonWidget()
    plotter: Any = page.plotter
    button.SetInteractor(plotter.iren.interactor)
    button.SetRepresentation(look)
    button.SetCurrentRenderer(page.renderer)
    button.SetEnabled(True)
    button.AddObserver("StateChangedEvent", lambda *_: toggle())
    getattr(plotter, "widgets", plotter).button_widgets.append(button)  # keeps it alive, and closes it
    return button


_BARS = [[(7, 4), (13, 4), (13, 28), (7, 28)], [(19, 4), (25, 4), (25, 28), (19, 28)]]


def _icon(shapes: list[list[tuple[int, int]]], finer: int = 4) -> pv.ImageData:
    """Draw polygons on a square of 32 x 32."""
    import pyvista as pv
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (32 * finer, 32 * finer), "white")
    for shape in shapes:
        ImageDraw.Draw(image).polygon([(finer * x, finer * y) for x, y in shape], fill=DARK)
    pixels = np.asarray(image.reduce(finer // 2))[::-1]
    grid = pv.ImageData(dimensions=(*pixels.shape[:2], 1))
    grid.point_data["rgb"] = pixels.reshape(-1, 3)
    grid.set_active_scalars("rgb")
    return grid


def _rgb(color: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    return to_rgb(color)
