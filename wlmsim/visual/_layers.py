"""What moves in a view: particles as clouds of points, and the trails behind them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wlmsim.visual._drawing import Drawing, MovingCloud
from wlmsim.visual._frames import unwrapped
from wlmsim.visual._look import PLAIN

if TYPE_CHECKING:
    import pyvista as pv

    from wlmsim.visual._page import Page

MOST_TRAIL_VERTICES = 1_000_000
"""Trails are drawn for as many particles as keep below this."""

AMBIENT = {"points": 0.5, "spheres": 0.5, "arrows": 0.6}
"""Ambient light on what stands for a particle: enough for its colour to be read from the bar."""
BALL = """//VTK::Color::Impl
vec2 place = offsetVCVSOutput.xy;
float off = dot(place, place);
if (off > 1.0) discard;
float lit = max(0.0, dot(vec3(place, sqrt(1.0 - off)), vec3(-0.32, 0.48, 0.82)));
float haze = %.3f * clamp((1.0 / gl_FragCoord.w - %.9g) / %.9g, 0.0, 1.0);
ambientColor = mix(min(0.5 + 0.6 * lit, 1.0) * ambientColor, vec3(1.0), haze);
"""
"""What the graphics card computes for a pixel of a ball: its light from the upper left, and the haze before it."""
HAZE = 0.5
"""How far the colour of the farthest points fades into the white of the page."""


FAINTEST = 0.1
"""Opacity of the points of the largest crowds."""


class Dots(NamedTuple):
    """What stands for a particle."""

    size: float
    """Diameter [pixels]."""
    opacity: float


class Layer(ABC):
    """Something in a view that changes with time."""

    @abstractmethod
    def show(self, k: int) -> None:
        """Move to frame k of the layer's moving."""


def layer_height(drawing: Drawing) -> float:
    """Distance between things drawn over each other in the plane; none in space, where depth is real.

    At equal heights it would be left to chance which is seen; and a point is drawn as a sphere, so the distance
    must exceed its radius.
    """
    return 0.1 * float(np.ptp(drawing.limits, axis=0).max()) if drawing.dim < 3 else 0.0


class Cloud(Layer):
    """The points of one moving, in colours or in one `color`, in the plane raised by `height`."""

    def __init__(
        self,
        page: Page,
        drawing: Drawing,
        moving: MovingCloud,
        dots: Dots,
        *,
        color: str | None = None,
        height: float = 0.0,
    ):
        import pyvista as pv

        self._drawing, self._moving_cloud = drawing, moving
        self._values = moving.values if color is None else None
        self._raise = np.array([0, 0, height], dtype=np.float32)
        known = all(v is not None for v in moving.frames.velocities)
        self._arrows = drawing.glyph == "arrows" and known
        self._mesh = pv.PolyData()
        self.show(0)
        look: dict[str, Any] = {"color": color or PLAIN}
        if self._values is not None:
            coloring = drawing.coloring
            look = {
                "scalars": "value",
                "cmap": coloring.palette,
                "n_colors": len(coloring.categories) or 256,
                "clim": coloring.limits,
                "show_scalar_bar": False,
            }
        lit, balls = drawing.dim == 3, drawing.dim == 3 and drawing.glyph == "points"
        actor = page.plotter.add_mesh(
            self._mesh,
            style="points",
            point_size=dots.size,
            opacity=dots.opacity,
            render_points_as_spheres=True,
            lighting=lit,
            ambient=AMBIENT[drawing.glyph] if lit else 0.0,
            diffuse=1.15 - AMBIENT[drawing.glyph] if lit else 1.0,
            reset_camera=False,
            name=None,
            **look,
        )
        if balls:
            self._shade(actor, page, dots.size)
        elif drawing.glyph != "points":
            self._shape(actor, dots.size * length_of_pixel(page))

    def _shape(self, actor: pv.Actor, size: float) -> None:
        """Draw a solid at every point, which the graphics card repeats, in place of a dot."""
        import pyvista as pv
        from vtkmodules.vtkRenderingCore import vtkGlyph3DMapper

        dots: Any = actor.mapper
        mapper = vtkGlyph3DMapper()
        mapper.SetInputData(self._mesh)
        flat = self._drawing.dim < 3
        if self._arrows:
            mapper.SetSourceData(_arrowhead(flat))
            mapper.SetOrientationArray("direction")
            mapper.SetOrientationModeToDirection()
        else:
            mapper.SetSourceData(pv.Sphere(radius=0.5, theta_resolution=12, phi_resolution=12))
            mapper.OrientOff()
        mapper.SetScaleModeToNoDataScaling()
        mapper.SetScaleFactor(1.8 * size if self._arrows else size)
        _take_colors(mapper, dots)
        actor.SetMapper(mapper)
        actor.prop.style = "surface"

    def _shade(self, actor: pv.Actor, page: Page, size: float) -> None:
        """Draw points as balls that look smaller and paler from afar: a disc each, which the graphics card shades.

        Where the light falls, colours are those of the bar, also of points of a few pixels.
        """
        from vtkmodules.vtkRenderingCore import vtkPointGaussianMapper

        eye = page.renderer.camera
        reach = 0.5 * float(np.linalg.norm(np.ptp(self._drawing.limits, axis=0)))
        haze = 0.0 if eye.parallel_projection else HAZE
        dots: Any = actor.mapper
        mapper: Any = vtkPointGaussianMapper()
        mapper.SetInputData(self._mesh)
        mapper.EmissiveOff()
        mapper.SetScaleFactor(0.5 * size * length_of_pixel(page))
        mapper.SetSplatShaderCode(BALL % (haze, eye.distance - reach, 2 * reach))
        _take_colors(mapper, dots)
        actor.SetMapper(mapper)
        actor.prop.ambient, actor.prop.diffuse = 1.0, 0.0
        actor.prop.render_points_as_spheres = False
        actor.prop.style = "surface"

    def show(self, k: int) -> None:
        """Move to frame k."""
        import pyvista as pv

        inside = self._drawing.inside(self._moving_cloud, k)
        points = (self._moving_cloud.points[k] + self._raise)[inside]
        if len(points) == self._mesh.n_points:
            self._mesh.points = points
        else:
            self._mesh.copy_from(pv.PolyData(points))
        if self._arrows:
            self._mesh["direction"] = self._drawing.directions(self._moving_cloud, k)[inside]
        if self._values is not None:
            self._mesh["value"] = self._values[k][inside]
            self._mesh.set_active_scalars("value")


def _arrowhead(flat: bool) -> pv.PolyData:
    """A body of length 1 that points along the first axis: a notched arrowhead in the plane, a slim cone in space."""
    import pyvista as pv

    if not flat:
        return pv.Cone(height=1.0, radius=0.26, resolution=10).compute_normals(split_vertices=True, feature_angle=60)
    outline = np.array([[0.5, 0, 0], [-0.5, 0.36, 0], [-0.28, 0, 0], [-0.5, -0.36, 0]])
    return pv.PolyData(outline, faces=[3, 0, 1, 2, 3, 0, 2, 3])


def _take_colors(mapper: Any, dots: Any) -> None:
    """Colour what stands for points as the points were."""
    mapper.SetScalarVisibility(dots.GetScalarVisibility())
    mapper.SetLookupTable(dots.GetLookupTable())
    mapper.SetScalarRange(dots.GetScalarRange())
    mapper.SetUseLookupTableScalarRange(True)


class Trails(Layer):
    """Thin lines through the last frames of every particle, fading into the past."""

    def __init__(
        self, page: Page, drawing: Drawing, moving: MovingCloud, *, color: str | None = None, height: float = 0.0
    ):
        import pyvista as pv

        self._points, self._coloring = moving.followed(moving.points), drawing.coloring
        self._seen = moving.seen
        self._sides: np.ndarray | None = None
        if (sides := moving.frames.sides) is not None:
            self._sides = np.append(sides[list(drawing.axes)], [np.inf] * 3)[:3]
        self._color = color or PLAIN
        self._values = None if color is not None or moving.values is None else moving.followed(moving.values)
        self._past = np.arange(-min(drawing.trail, len(moving) - 1), 1)
        # In the plane, trails lie just below their cloud.
        self._raise = np.array([0, 0, height - 0.5 * layer_height(drawing)], dtype=np.float32)
        count = len(self._points[0])
        self._rows = np.arange(0, count, 1 + count * len(self._past) // MOST_TRAIL_VERTICES)
        n, m = len(self._rows), len(self._past)
        lines = np.column_stack([np.full(n, m), np.arange(n * m).reshape(n, m)])
        self._mesh = pv.PolyData(np.zeros((n * m, 3), dtype=np.float32), lines=lines.ravel())
        self.show(0)
        actor = page.plotter.add_mesh(
            self._mesh,
            scalars="rgba",
            rgba=True,
            line_width=1.5 * page.scale,
            lighting=False,
            reset_camera=False,
            name=None,
        )
        _clip(actor, drawing)

    def show(self, k: int) -> None:
        """Move to frame k."""
        # Before the first frame there is nothing to trail: those segments shrink to a point.
        frames = np.maximum(k + self._past, 0)
        path = self._along(self._points, frames)
        if self._sides is not None:  # as if the box went on: what lies beyond it is cut off
            path = unwrapped(path[:, ::-1].swapaxes(0, 1), self._sides)[::-1].swapaxes(0, 1)
        self._mesh.points = path.reshape(-1, 3) + self._raise
        self._mesh["rgba"] = self._colors(frames).reshape(-1, 4)

    def _along(self, columns: Sequence[np.ndarray], frames: np.ndarray) -> np.ndarray:
        return np.stack([columns[j][self._rows] for j in frames], axis=1)

    def _colors(self, frames: np.ndarray) -> np.ndarray:
        from matplotlib.colors import Normalize, to_rgb

        rgba = np.empty((len(self._rows), len(frames), 4))
        if self._values is None:
            rgba[:] = (*to_rgb(self._color), 1.0)
        else:
            rgba[:] = self._coloring.palette(Normalize(*self._coloring.limits)(self._along(self._values, frames)))
        rgba[..., 3] = np.linspace(0.0, 0.6, len(frames)) * self._seen[frames][:, self._rows].T
        return (255 * rgba).astype(np.uint8)


def _clip(actor: pv.Actor, drawing: Drawing) -> None:
    """Cut lines off where they leave the box, as those of runaways do."""
    from vtkmodules.vtkCommonDataModel import vtkPlane

    mapper: Any = actor.mapper
    for k in range(drawing.dim if drawing.dim > 1 else 0):
        for corner, sign in zip(drawing.limits, (1.0, -1.0), strict=True):
            plane = vtkPlane()
            plane.SetOrigin(*corner)
            plane.SetNormal(*(sign * (np.arange(3) == k)))
            mapper.AddClippingPlane(plane)


def length_of_pixel(page: Page) -> float:
    """How long a pixel is in the middle of the box."""
    eye = page.renderer.camera
    if eye.parallel_projection:
        tall = 2 * eye.parallel_scale
    else:
        tall = 2 * np.tan(np.radians(eye.view_angle / 2)) * eye.distance
    return tall / page.height
