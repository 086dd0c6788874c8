"""What moves in a view: clouds, trails, densities, fields of force, potential surfaces."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim.errors import ParameterError
from wlmsim.visual import _mechanics
from wlmsim.visual._drawing import SURFACE_POINTS, Drawing, Reel, embed

if TYPE_CHECKING:
    import pyvista as pv

    from wlmsim.visual._page import Page

PLAIN = "#3b6fb6"
MOST_TRAIL_VERTICES = 1_000_000
"""Trails are drawn for as many particles as keep below this."""

MASSES = (0.8, 0.5, 0.2)
"""Shares of the population in the densest regions that are shown."""

AMBIENT = {"points": 0.3, "spheres": 0.35, "arrows": 0.55}
"""Light that falls on what is turned away from the lamp, so that colours can be read from the bar."""

MOST_KERNELS = 5_000
"""A density is estimated from as many points of a frame, chosen at random."""


class Layer(ABC):
    """Something in a view that changes with time."""

    @abstractmethod
    def show(self, k: int) -> None:
        """Move to frame k of the layer's reel."""


class Cloud(Layer):
    """The points of one reel, in colours or in one `color`, in the plane raised by `height`."""

    def __init__(
        self,
        page: Page,
        drawing: Drawing,
        reel: Reel,
        point_size: float,
        *,
        color: str | None = None,
        height: float = 0.0,
    ):
        import pyvista as pv

        self._drawing, self._reel = drawing, reel
        self._values = reel.values if color is None else None
        self._raise = np.array([0, 0, height], dtype=np.float32)
        known = all(v is not None for v in reel.frames.velocities)
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
        lit = drawing.dim == 3
        actor = page.plotter.add_mesh(
            self._mesh,
            style="points",
            point_size=point_size,
            render_points_as_spheres=True,
            lighting=lit,
            ambient=AMBIENT[drawing.glyph] if lit else 0.0,
            diffuse=1.15 - AMBIENT[drawing.glyph] if lit else 1.0,
            reset_camera=False,
            name=None,
            **look,
        )
        if drawing.glyph != "points":
            self._shape(actor, point_size * _length_of_pixel(page))

    def _shape(self, actor: pv.Actor, size: float) -> None:
        """Draw a solid at every point, which the graphics card repeats, in place of a dot."""
        import pyvista as pv
        from vtkmodules.vtkRenderingCore import vtkGlyph3DMapper

        dots: Any = actor.mapper
        mapper = vtkGlyph3DMapper()
        mapper.SetInputData(self._mesh)
        flat = self._drawing.dim < 3
        if self._arrows:
            mapper.SetSourceData(_dart(flat))
            mapper.SetOrientationArray("direction")
            mapper.SetOrientationModeToDirection()
        else:
            mapper.SetSourceData(pv.Sphere(radius=0.5, theta_resolution=12, phi_resolution=12))
            mapper.OrientOff()
        mapper.SetScaleModeToNoDataScaling()
        mapper.SetScaleFactor(2.2 * size if self._arrows else size)
        mapper.SetScalarVisibility(dots.GetScalarVisibility())
        mapper.SetLookupTable(dots.GetLookupTable())
        mapper.SetScalarRange(dots.GetScalarRange())
        mapper.SetUseLookupTableScalarRange(True)
        actor.SetMapper(mapper)
        actor.prop.style = "surface"

    def show(self, k: int) -> None:
        """Move to frame k."""
        import pyvista as pv

        points = self._reel.points[k] + self._raise
        if len(points) == self._mesh.n_points:
            self._mesh.points = points
        else:
            self._mesh.copy_from(pv.PolyData(points))
        if self._arrows:
            self._mesh["direction"] = self._drawing.directions(self._reel, k)
        if self._values is not None:
            self._mesh["value"] = self._values[k]
            self._mesh.set_active_scalars("value")


def _dart(flat: bool) -> pv.PolyData:
    """A body of length 1 that points along the first axis: a notched arrowhead in the plane, a slim cone in space."""
    import pyvista as pv

    if not flat:
        return pv.Cone(height=1.0, radius=0.26, resolution=10).compute_normals(split_vertices=True, feature_angle=60)
    outline = np.array([[0.5, 0, 0], [-0.5, 0.36, 0], [-0.28, 0, 0], [-0.5, -0.36, 0]])
    return pv.PolyData(outline, faces=[3, 0, 1, 2, 3, 0, 2, 3])


class Trails(Layer):
    """Thin lines through the last frames of every particle, fading into the past."""

    def __init__(self, page: Page, drawing: Drawing, reel: Reel, *, color: str | None = None, height: float = 0.0):
        import pyvista as pv

        self._points, self._coloring = reel.points, drawing.coloring
        self._color = color or PLAIN
        self._values = reel.values if color is None else None
        self._past = np.arange(-min(drawing.trail, len(reel) - 1), 1)
        # In the plane, trails lie just below their cloud.
        self._raise = np.array([0, 0, height - 0.5 * layer_height(drawing)], dtype=np.float32)
        stride = 1 + len(reel.points[0]) * len(self._past) // MOST_TRAIL_VERTICES
        self._rows = np.arange(0, len(reel.points[0]), stride)
        n, m = len(self._rows), len(self._past)
        lines = np.column_stack([np.full(n, m), np.arange(n * m).reshape(n, m)])
        self._mesh = pv.PolyData(np.zeros((n * m, 3), dtype=np.float32), lines=lines.ravel())
        self.show(0)
        page.plotter.add_mesh(
            self._mesh,
            scalars="rgba",
            rgba=True,
            line_width=1.5 * page.scale,
            lighting=False,
            reset_camera=False,
            name=None,
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
            rgba[:] = (*to_rgb(self._color), 1.0)
        else:
            rgba[:] = self._coloring.palette(Normalize(*self._coloring.limits)(self._along(self._values, frames)))
        rgba[..., 3] = np.linspace(0.0, 0.6, len(frames))
        return (255 * rgba).astype(np.uint8)


class Density(Layer):
    """The densest regions that hold given shares of the population: tinted areas in the plane, shells in space."""

    def __init__(self, page: Page, drawing: Drawing, reel: Reel):
        self._drawing, self._reel = drawing, reel
        self._meshes = [_speck() for _ in MASSES]
        space = drawing.dim == 3
        for k, mesh in enumerate(self._meshes):
            tint = 0.13 + 0.13 * k
            page.plotter.add_mesh(
                mesh,
                color=PLAIN,
                opacity=tint if space else 1.5 * tint,
                lighting=space,
                smooth_shading=False,
                specular=0.2 if space else 0.0,
                reset_camera=False,
                name=None,
            )
        if space:
            # Shells behind shells are sorted pixel by pixel, which multisampling would leave blank.
            page.plotter.disable_anti_aliasing()
            page.renderer.enable_depth_peeling(number_of_peels=8)

    def show(self, k: int) -> None:
        """Move to frame k."""
        for mesh, region in zip(self._meshes, self._regions(k), strict=True):
            mesh.copy_from(region if region.n_points else _speck())

    def _regions(self, k: int) -> list[pv.PolyData]:
        """One for each share of `MASSES`."""
        from wlmsim.functionals.smoothing import kernel_density, silverman

        dim = self._drawing.dim
        x = self._reel.points[k][:, :dim].astype(float)
        w = self._reel.frames.weights[k]
        if len(x) > MOST_KERNELS:
            rows = np.random.default_rng(0).choice(len(x), MOST_KERNELS, replace=False)
            x, w = x[rows], w[rows]
        try:
            h = self._drawing.density or silverman(x, w)
        except ParameterError:
            return [_speck() for _ in MASSES]  # all in one place
        grid = _grid(x.min(axis=0) - 3.5 * h, x.max(axis=0) + 3.5 * h, 200 if dim == 2 else 48)
        nodes = np.asarray(grid.points)[:, :dim]
        grid["density"] = kernel_density(x, w, bandwidth=h, at=nodes)
        levels = _levels(kernel_density(x, w, bandwidth=h), w)
        if dim == 3:
            return [grid.contour([level], scalars="density") for level in levels]
        height = layer_height(self._drawing)
        return [
            grid.translate((0, 0, (0.1 * j - 3) * height), inplace=False)
            .clip_scalar(scalars="density", value=level, invert=False)
            .extract_surface(algorithm="dataset_surface")
            for j, level in enumerate(levels)
        ]


def _levels(densities: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The densities above which the particles hold the shares `MASSES` of the population."""
    order = np.argsort(densities)[::-1]
    held = np.cumsum(weights[order])
    return densities[order][np.minimum(np.searchsorted(held, MASSES), len(order) - 1)]


def _grid(low: np.ndarray, high: np.ndarray, most: int) -> pv.ImageData:
    """A regular grid with as many points along its longest side."""
    import pyvista as pv

    spacing = (high - low).max() / (most - 1)
    counts = np.ceil((high - low) / spacing).astype(int) + 1
    grid = pv.ImageData(dimensions=(*counts, *(1,) * (3 - len(counts))), spacing=(spacing,) * 3)
    grid.origin = (*low, *(0.0,) * (3 - len(low)))
    return grid


def _speck() -> pv.PolyData:
    """Nothing to be seen; a mesh must not be empty."""
    import pyvista as pv

    return pv.PolyData(np.zeros((3, 3)), faces=[3, 0, 1, 2])


class Force(Layer):
    """Arrows on a grid: the force on a test particle, or the velocity of a flow, in the field of the population."""

    def __init__(self, page: Page, drawing: Drawing, reel: Reel):
        import pyvista as pv
        from vtkmodules.vtkRenderingCore import vtkGlyph3DMapper

        self._drawing, self._reel = drawing, reel
        self._nodes, spacing = _lattice(drawing)
        self._mesh = pv.PolyData(embed(self._nodes) + embed(np.array([[0, 0, -2 * layer_height(drawing)]])))
        # The longest arrow spans the spacing. Forces that hardly a particle feels, on steep walls or near a
        # singularity, are drawn as long as that: else no arrow would be seen where the particles are.
        mechanics: Any = drawing.mechanics
        clouds = [reel.frames.population(k) for k in {0, len(reel) // 2, len(reel) - 1}]
        felt = [np.linalg.norm(_mechanics.own_force(mechanics, cloud)[:, drawing.axes], axis=1) for cloud in clouds]
        self.strongest = float(np.quantile(np.concatenate(felt), 0.95)) or 1.0
        self.show(0)
        mapper = vtkGlyph3DMapper()
        mapper.SetInputData(self._mesh)
        mapper.SetSourceData(_pointer(flat=drawing.dim < 3))
        mapper.SetOrientationArray("field")
        mapper.SetOrientationModeToDirection()
        mapper.SetScaleArray("field")
        mapper.SetScaleModeToScaleByMagnitude()
        mapper.SetScaleFactor(0.9 * spacing)
        mapper.ScalarVisibilityOff()
        actor = page.plotter.add_mesh(
            pv.PolyData(self._mesh.points), color="#8a8f98", lighting=False, reset_camera=False, name=None
        )
        actor.SetMapper(mapper)

    def show(self, k: int) -> None:
        """Move to frame k."""
        field = self._field(k) / self.strongest
        size = np.linalg.norm(field, axis=1, keepdims=True)
        self._mesh["field"] = embed(field / np.maximum(size, 1.0))

    def _field(self, k: int) -> np.ndarray:
        """Drawn components of the field; coordinates that are not drawn are the mean of the population."""
        population = self._reel.frames.population(k)
        points = np.tile(population.weights @ population.positions, (len(self._nodes), 1))
        points[:, self._drawing.axes] = self._nodes
        mechanics: Any = self._drawing.mechanics
        field = _mechanics.force(mechanics, points, population)[:, self._drawing.axes]
        return np.nan_to_num(field, nan=0.0, posinf=0.0, neginf=0.0)


def _lattice(drawing: Drawing) -> tuple[np.ndarray, float]:
    """Points in the middles of cubes that fill the box, shape (m, dim), and their spacing."""
    low, high = drawing.limits[:, : max(drawing.dim, 1)]
    spacing = (high - low).max() / {1: 25, 2: 21, 3: 8}[drawing.dim]
    sides = []
    for a, b in zip(low, high, strict=True):
        count = max(1, int((b - a) / spacing + 1e-6))
        sides.append(0.5 * (a + b) + spacing * (np.arange(count) - 0.5 * (count - 1)))
    return np.stack([axis.ravel() for axis in np.meshgrid(*sides, indexing="ij")], axis=1), float(spacing)


def _pointer(*, flat: bool) -> pv.PolyData:
    """An arrow of length 1 along the first axis, about its middle."""
    import pyvista as pv

    if not flat:
        arrow = pv.Arrow(start=(-0.5, 0, 0), tip_length=0.35, tip_radius=0.09, shaft_radius=0.025)
        return arrow.compute_normals(split_vertices=True)
    shaft = [[-0.5, -0.025, 0], [0.2, -0.025, 0], [0.2, 0.025, 0], [-0.5, 0.025, 0]]
    head = [[0.15, -0.13, 0], [0.5, 0, 0], [0.15, 0.13, 0]]
    return pv.PolyData(np.array(shaft + head, dtype=float), faces=[4, 0, 1, 2, 3, 3, 4, 5, 6])


class Surface(Layer):
    """The potential over the plane, cut off where no particle comes so high, with lines of equal height."""

    def __init__(self, page: Page, drawing: Drawing, reel: Reel):
        self._drawing, self._reel = drawing, reel
        self._heights: np.ndarray | None = None
        self._mesh, self._lines = _speck(), _speck()
        self.show(0)
        page.plotter.add_mesh(
            self._mesh,
            scalars="height",
            cmap=_pale(),
            clim=drawing.limits[:, 2].tolist(),
            show_scalar_bar=False,
            smooth_shading=False,
            ambient=0.6,
            diffuse=0.45,
            specular=0.0,
            reset_camera=False,
            name=None,
        )
        page.plotter.add_mesh(
            self._lines, color="#7d8694", line_width=page.scale, lighting=False, reset_camera=False, name=None
        )

    def show(self, k: int) -> None:
        """Move to frame k."""
        import pyvista as pv

        plane = self._drawing.plane
        heights = self._drawing.heights(plane, self._reel, k)
        if self._heights is not None and np.array_equal(heights, self._heights):
            return
        self._heights = heights
        x, y, z = (column.reshape(SURFACE_POINTS, SURFACE_POINTS) for column in (*plane.T, heights))
        whole = pv.StructuredGrid(x, y, z).extract_surface(algorithm="dataset_surface")
        whole["height"] = np.asarray(whole.points)[:, 2]
        floor, roof = self._drawing.limits[:, 2]
        shown = whole.clip_scalar(scalars="height", value=roof)
        shown = shown.compute_normals(cell_normals=False, consistent_normals=False)
        lines = shown.contour(np.linspace(floor, roof, 12)[1:-1], scalars="height")
        lines.points[:, 2] += 0.003 * (roof - floor)
        self._mesh.copy_from(shown)
        self._mesh.set_active_scalars("height")
        self._lines.copy_from(lines if lines.n_points else _speck())


def _pale() -> Any:
    """From a shaded blue-grey in the valleys to nearly white on the hills, on which colours stand out."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pale", ["#b9c6d8", "#f4f6f9"])


def layer_height(drawing: Drawing) -> float:
    """Distance between things drawn over each other in the plane; none in space, where depth is real.

    At equal heights it would be left to chance which is seen; and a point is drawn as a sphere, so the distance
    must exceed its radius.
    """
    return 0.1 * float(np.ptp(drawing.limits, axis=0).max()) if drawing.dim < 3 else 0.0


def point_size_of(reel: Reel, scale: float) -> float:
    """Diameter of a point that suits their number [pixels]."""
    n = max(len(points) for points in reel.points)
    return float(np.clip(42 * n**-0.25, 2.5, 18) * scale)


def _length_of_pixel(page: Page) -> float:
    """How long a pixel is in the middle of the box."""
    eye = page.renderer.camera
    if eye.parallel_projection:
        tall = 2 * eye.parallel_scale
    else:
        tall = 2 * np.tan(np.radians(eye.view_angle / 2)) * eye.distance
    return tall / page.height
