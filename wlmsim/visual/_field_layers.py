"""Fields that move in a view: densities, forces on a grid, potential surfaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim._extent import distance_to_data
from wlmsim.errors import ParameterError
from wlmsim.visual import _mechanics
from wlmsim.visual._drawing import SURFACE_POINTS, Drawing, MovingCloud, embed
from wlmsim.visual._layers import Layer, layer_height
from wlmsim.visual._look import HILL, PLAIN, VALLEY
from wlmsim.visual.plots.laws import is_learned

if TYPE_CHECKING:
    import pyvista as pv

    from wlmsim.visual._page import Page

MASSES = (0.8, 0.5, 0.2)
"""Shares of the population in the densest regions that are shown."""

MOST_KERNELS = 5_000
"""A density is estimated from as many points of a frame, chosen at random."""


ARROW = np.array([138.0, 143.0, 152.0])
"""Colour of the arrows of a force."""


class Density(Layer):
    """The densest regions that hold given shares of the population: tinted areas in the plane, shells in space."""

    def __init__(self, page: Page, drawing: Drawing, moving: MovingCloud):
        self._drawing, self._moving_cloud = drawing, moving
        self._meshes = [_invisible_mesh() for _ in MASSES]
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
            # Three shells have six sides, of which a pass peels the nearest and the farthest.
            page.renderer.enable_depth_peeling(number_of_peels=3)

    def show(self, k: int) -> None:
        """Move to frame k."""
        for mesh, region in zip(self._meshes, self._regions(k), strict=True):
            mesh.copy_from(region if region.n_points else _invisible_mesh())

    def _regions(self, k: int) -> list[pv.PolyData]:
        """One for each share of `MASSES`."""
        from wlmsim.functionals.smoothing import kernel_density, silverman

        dim = self._drawing.dim
        inside = self._drawing.inside(self._moving_cloud, k)
        x = self._moving_cloud.points[k][inside, :dim].astype(float)
        w = self._moving_cloud.frames.weights[k][inside]
        if not len(x):
            return [_invisible_mesh() for _ in MASSES]
        if len(x) > MOST_KERNELS:
            rows = np.random.default_rng(0).choice(len(x), MOST_KERNELS, replace=False)
            x, w = x[rows], w[rows]
        try:
            h = self._drawing.density or silverman(x, w)
        except ParameterError:
            return [_invisible_mesh() for _ in MASSES]  # all in one place
        low, high = self._drawing.limits[:, :dim]
        ends = np.maximum(x.min(axis=0) - 3.5 * h, low), np.minimum(x.max(axis=0) + 3.5 * h, high)
        grid = _grid(*ends, 200 if dim == 2 else 48)
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


def _invisible_mesh() -> pv.PolyData:
    """A triangle without area, for where there is nothing to draw: a mesh must not be empty."""
    import pyvista as pv

    return pv.PolyData(np.zeros((3, 3)), faces=[3, 0, 1, 2])


class Force(Layer):
    """Arrows on a grid: the force on a test particle, or the velocity of a flow, in the field of the population."""

    def __init__(self, page: Page, drawing: Drawing, moving: MovingCloud):
        import pyvista as pv
        from vtkmodules.vtkRenderingCore import vtkGlyph3DMapper

        self._drawing, self._moving_cloud = drawing, moving
        self._nodes, spacing = _lattice(drawing)
        self._mesh = pv.PolyData(embed(self._nodes) + embed(np.array([[0, 0, -2 * layer_height(drawing)]])))
        # The longest arrow spans the spacing. Forces that hardly a particle feels, on steep walls or near a
        # singularity, are drawn as long as that: else no arrow would be seen where the particles are.
        mechanics: Any = drawing.mechanics
        clouds = [moving.frames.population(k) for k in {0, len(moving) // 2, len(moving) - 1}]
        felt = [np.linalg.norm(_mechanics.own_force(mechanics, cloud)[:, drawing.axes], axis=1) for cloud in clouds]
        functional = _mechanics.functional_of(drawing.mechanics)
        self.learned = functional is not None and is_learned([functional])
        self.strongest = float(np.quantile(np.concatenate(felt), 0.95)) or 1.0
        self.show(0)
        mapper = vtkGlyph3DMapper()
        mapper.SetInputData(self._mesh)
        mapper.SetSourceData(_arrow(flat=drawing.dim < 3))
        mapper.SetOrientationArray("field")
        mapper.SetOrientationModeToDirection()
        mapper.SetScaleArray("field")
        mapper.SetScaleModeToScaleByMagnitude()
        mapper.SetScaleFactor(0.9 * spacing)
        mapper.ScalarVisibilityOff()
        actor = page.plotter.add_mesh(
            pv.PolyData(self._mesh.points), color=tuple(ARROW / 255), lighting=False, reset_camera=False, name=None
        )
        if self.learned:
            self._mesh["tone"] = self._tones()
            mapper.SetScalarModeToUsePointFieldData()
            mapper.SelectColorArray("tone")
            mapper.SetColorModeToDirectScalars()
            mapper.ScalarVisibilityOn()
        actor.SetMapper(mapper)

    def _tones(self) -> np.ndarray:
        """Grey where there are data at some time, pale where there are none from which a force could be learned."""
        dim, moving = self._nodes.shape[1], self._moving_cloud
        points = np.concatenate([x[self._drawing.inside(moving, k), :dim] for k, x in enumerate(moving.points)])
        rows = np.random.default_rng(0).permutation(len(points))[: 4 * MOST_KERNELS]
        far = np.clip(distance_to_data(self._nodes, points[rows].astype(float)) - 1, 0, 1)[:, None]
        return np.round(ARROW + 0.72 * far * (255 - ARROW)).astype(np.uint8)

    def show(self, k: int) -> None:
        """Move to frame k."""
        field = self._field(k) / self.strongest
        size = np.linalg.norm(field, axis=1, keepdims=True)
        self._mesh["field"] = embed(field / np.maximum(size, 1.0))

    def _field(self, k: int) -> np.ndarray:
        """Drawn components of the field; coordinates that are not drawn are the mean of the population."""
        population = self._moving_cloud.frames.population(k)
        points = np.tile(population.weights @ population.positions, (len(self._nodes), 1))
        points[:, self._drawing.axes] = self._nodes + self._drawing.origin[: len(self._drawing.axes)]
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


def _arrow(*, flat: bool) -> pv.PolyData:
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

    def __init__(self, page: Page, drawing: Drawing, moving: MovingCloud):
        self._drawing, self._moving_cloud = drawing, moving
        self._heights: np.ndarray | None = None
        self._mesh, self._lines = _invisible_mesh(), _invisible_mesh()
        self.show(0)
        page.plotter.add_mesh(
            self._mesh,
            scalars="height",
            cmap=_surface_colors(),
            clim=drawing.limits[:, 2].tolist(),
            show_scalar_bar=False,
            smooth_shading=False,
            culling="front",  # a wall that stands before the valley is seen through from its outer side
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
        heights = self._drawing.heights(plane, self._moving_cloud, k)
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
        self._lines.copy_from(lines if lines.n_points else _invisible_mesh())


def _surface_colors() -> Any:
    """Colours of a potential surface, pale enough for points to stand out on them."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("pale", [VALLEY, HILL])
