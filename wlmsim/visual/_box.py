"""The box around the data, with ticks on the edges that face the camera."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wlmsim.visual._camera import Camera
from wlmsim.visual._drawing import Drawing
from wlmsim.visual._look import FAINT
from wlmsim.visual._page import Page, Writing, text_width

if TYPE_CHECKING:
    import pyvista as pv


TICK, NAME = 16, 18
"""Sizes of tick values and of the names of axes [pixels]."""
GAP = 26
"""From the tick values of an upright axis to the middle of its name."""


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
            for text, height in zip(*self._ticks(k), strict=True):
                place[k] = height
                strokes += [place.copy(), place + length * np.array(edge.out)]
                self._label(text, strokes[-1], edge.shift, TICK, edge)
            place[k] = 0.5 * (low[k] + high[k])
            self._label(self._drawing.names[k], place, self._gap(edge), NAME, edge)
        for lines in (_outline(low, high, camera), pv.line_segments_from_points(np.array(strokes))):
            actor = self._page.plotter.add_mesh(
                lines, color=FAINT, line_width=self._page.scale, lighting=False, reset_camera=False, name=None
            )
            self._lines.append(actor)

    def _gap(self, edge: _Edge) -> tuple[float, float]:
        """Way from an axis to its name: beyond the longest of its tick values."""
        if not edge.upright:
            return edge.gap
        lean = 10 if self._drawing.dim == 3 else 0  # in space the axis is aslant
        return -(max(text_width(text, TICK) for text in tick_texts(self._drawing, edge.axis)) + GAP + lean), 0

    def _label(self, text: str, place: np.ndarray, shift: tuple[float, float], size: float, edge: _Edge) -> None:
        # A short name of an upright axis stands beside it, a long one runs along it.
        turned = edge.upright and shift != edge.shift and len(text) > 2
        side, level, angle = ("center", "center", 90.0) if turned else (edge.side, edge.level, 0.0)
        self._writings.append(self._page.label(text, place, shift, size, side, level, angle))

    def _ticks(self, k: int) -> tuple[list[str], np.ndarray]:
        """Round values in text, and where they stand."""
        low, high = self._drawing.value_limits[:, k]
        floor, roof = self._drawing.limits[:, k]
        values = _tick_values(self._drawing, k)
        return labels(values), floor + (roof - floor) * (values - low) / (high - low)


def tick_texts(drawing: Drawing, k: int) -> list[str]:
    """What the ticks of an axis say."""
    return labels(_tick_values(drawing, k))


def _tick_values(drawing: Drawing, k: int) -> np.ndarray:
    """Round values, as many as the length of the axis beside the longest has room for."""
    spans = np.ptp(drawing.limits, axis=0)
    low, high = drawing.value_limits[:, k].tolist()
    return round_values(low, high, most=2 if spans[k] < 0.25 * spans.max() else 5)


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
        side, level, shift, gap = "right", "center", (-6, 0), (0, 0)
    else:
        flat = [way for way in ways if way[2] == 0 and np.hypot(way @ right, way @ up) > 0.3]
        out = flat[0] if flat else min(ways, key=lambda way: way @ up)
        lean = (out @ right) / np.hypot(out @ right, out @ up)
        if abs(lean) < 0.35:
            side, level, shift, gap = "center", "top", (0, -6), (0, -34)
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


def labels(values: np.ndarray) -> list[str]:
    """Evenly spaced values in text, all with the decimals that tell them apart; large and small ones as powers of ten.

    Examples
    --------
    >>> labels(np.array([-0.5, 0.0, 0.5])), labels(np.array([4.9e7, 5e7, 5.1e7]))
    (['\u22120.5', '0.0', '0.5'], ['4.9e7', '5.0e7', '5.1e7'])
    """
    if not len(values):
        return []
    largest = float(np.abs(values).max()) or 1.0
    step = float(np.diff(values).min()) if len(values) > 1 else largest
    power = math.floor(math.log10(largest))
    fine = next(k for k in range(-300, 300) if abs(round(step, k) - step) < 0.02 * step)
    digits = power + fine  # after the first one
    if (power >= 6 or power < -3) and digits < 4:
        scaled = values / 10.0**power
        written = [f"{value:.{max(digits, 0)}f}e{power}" if value else "0" for value in scaled]
    else:
        written = [f"{value:.{max(fine, 0)}f}" for value in values]
    return [text.replace("-", "\u2212") for text in written]


def round_values(low: float, high: float, most: int = 5) -> np.ndarray:
    """Round values within the limits, about `most` of them."""
    from matplotlib.ticker import MaxNLocator

    values = np.asarray(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    inside = values[(values >= low) & (values <= high)]
    return np.where(np.abs(inside) < 1e-9 * (high - low), 0.0, inside)
