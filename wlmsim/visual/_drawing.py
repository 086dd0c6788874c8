"""What is to be drawn, as plain arrays: coordinates, colours and limits. No graphics library here."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._extent import extent, outside_text, within
from wlmsim._warning import warn
from wlmsim.data.dates import dates_of, has_dates, written
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.visual import _frames, _mechanics
from wlmsim.visual._camera import Camera, camera_of
from wlmsim.visual._coloring import Coloring, color_map, colorize, energy_title, knows_velocities, with_unit
from wlmsim.visual._frames import Frames
from wlmsim.visual._look import GLYPHS, LAYOUTS

__all__ = ["Drawing", "MovingCloud", "axis_names", "choose_axes", "color_map", "prepare", "with_unit"]

FAR = 100
"""Data further from 0 than so many times their width are drawn from an origin of their own."""
DRAWABLE = 1e-18, 1e18
"""Least and greatest extent whose square single precision knows, which graphics cards draw in [length]."""
SURFACE_POINTS = 81
"""Points along each side of a potential surface."""


@dataclass(frozen=True)
class MovingCloud:
    """Frames of one moving cloud: points laid in space and a scalar for each."""

    frames: Frames
    points: Sequence[np.ndarray]
    values: Sequence[np.ndarray] | None
    owners: Sequence[np.ndarray] | None = None
    """Which individual each row of each frame is, where rows come and go and that is known."""

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def times(self) -> np.ndarray:
        """Times of the frames."""
        return self.frames.times

    @property
    def tracked(self) -> bool:
        """Whether it is known who is who."""
        return self.frames.tracked or self.owners is not None

    @cached_property
    def seen(self) -> np.ndarray:
        """Whether each individual is there in each frame, shape (frames, individuals)."""
        if self.owners is None:
            return np.ones((len(self), len(self.points[0])), dtype=bool)
        there = np.zeros((len(self), 1 + max(int(rows.max()) for rows in self.owners)), dtype=bool)
        for k, rows in enumerate(self.owners):
            there[k, rows] = True
        return there

    def followed(self, columns: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
        """Columns of all frames with a row for each individual; one that is not there has that of where it was last."""
        if self.owners is None:
            return columns
        frames = np.zeros((*self.seen.shape, *columns[0].shape[1:]), dtype=columns[0].dtype)
        for k, rows in enumerate(self.owners):
            frames[k, rows] = columns[k]
        last = np.maximum.accumulate(np.where(self.seen, np.arange(len(self))[:, None], -1), axis=0)
        last = np.where(last < 0, self.seen.argmax(axis=0), last)  # before its first frame, in that one
        return list(frames[last, np.arange(frames.shape[1])])

    def nearest(self, time: float) -> int:
        """Index of the frame nearest to `time`."""
        return int(np.argmin(np.abs(self.times - time)))


@dataclass(frozen=True)
class Drawing:
    """A cloud, perhaps the truth beside it, and all that both must share to be comparable."""

    main: MovingCloud
    truth: MovingCloud | None
    axes: tuple[int, ...]
    """The coordinates of the data that are drawn."""
    names: tuple[str, ...]
    """Label of each drawn axis."""
    limits: np.ndarray = field(repr=False)
    """Lower and upper corner of a box that contains every frame but for runaways, in space, shape (2, 3)."""
    value_limits: np.ndarray = field(repr=False)
    """What the ticks say at the corners: the limits from the origin on, but for a third axis that shows a potential."""
    origin: np.ndarray
    """The place of the data that is the origin of space, shape (3,): graphics cards know seven digits only."""
    coloring: Coloring
    camera: Camera
    time_text: Callable[[float], str]
    dated: bool
    """Whether times are written as dates."""
    mechanics: Lagrangian | Flow | None
    layout: str
    glyph: str
    trail: int
    density: float | None
    """Bandwidth of the density that is drawn, 0 for Silverman's; None for no density."""
    force: bool
    potential: bool
    point_size: float | None

    @property
    def dates_of_colors(self) -> list[tuple[float, str]]:
        """Times along a scale of colours as dates, as the clock shows them; empty where it shows none."""
        if not self.dated or self.coloring.kind != "time":
            return []
        return [(time, self.time_text(time)) for time in np.linspace(*self.coloring.limits, 3).tolist()]

    @property
    def dim(self) -> int:
        """Number of drawn axes, 1 to 3."""
        return len(self.names)

    @property
    def beside(self) -> bool:
        """Whether there are two views."""
        return self.truth is not None and self.layout == "side-by-side"

    def directions(self, moving: MovingCloud, k: int) -> np.ndarray:
        """Velocities of frame k, laid in space."""
        velocities: Any = moving.frames.velocities[k]
        flat = embed(velocities[:, self.axes])
        if self.potential:
            # Arrows lie in the surface: uphill by its slope along the velocity.
            ahead = moving.points[k][:, :2] + (step := 1e-3 * np.ptp(self.limits[:, 0])) * _unit(flat[:, :2])
            flat[:, 2] = np.linalg.norm(flat, axis=1) * (self.heights(ahead, moving, k) - moving.points[k][:, 2]) / step
        return flat

    def heights(self, xy: np.ndarray, moving: MovingCloud, k: int) -> np.ndarray:
        """Where the potential at points of the plane stands on the third axis, at the time of frame k."""
        energies = _mechanics.potential(self.mechanics, xy + self.origin[:2], moving.frames.population(k))
        (floor, roof), (low, high) = self.limits[:, 2], self.value_limits[:, 2]
        return floor + (roof - floor) * (energies - low) / (high - low)

    def inside(self, moving: MovingCloud, k: int) -> np.ndarray:
        """Which points of frame k are in the box; those that are not are counted, and not drawn."""
        return within(moving.points[k], *self.limits)

    def runaways(self, moving: MovingCloud, k: int) -> str:
        """How many points of frame k are not in the box, in words; empty where all are."""
        inside = self.inside(moving, k)
        return outside_text(int((~inside).sum()), len(inside))

    @cached_property
    def runs_away(self) -> bool:
        """Whether any point of any frame is not in the box."""
        every = [self.main] if self.truth is None else [self.main, self.truth]
        return any(self.runaways(moving, k) for moving in every for k in range(len(moving)))

    @cached_property
    def plane(self) -> np.ndarray:
        """Points of the plane under a potential surface, shape (SURFACE_POINTS^2, 2); the first axis runs fastest."""
        return _plane(self.limits)


def prepare(
    data: Any,
    truth: Any = None,
    *,
    layout: str = "side-by-side",
    color: Any = "auto",
    glyph: str = "points",
    axes: Sequence[int] | None = None,
    trail: int = 0,
    density: bool | float = False,
    force: bool = False,
    potential: bool = False,
    lagrangian: Any = None,
    camera: Any = None,
    point_size: float | None = None,
    smooth: int = 0,
) -> Drawing:
    """Check the arguments that films and scenes share, and lay the clouds out."""
    given = [_series("data", data)] + ([] if truth is None else [_series("truth", truth)])
    dim = given[0].dim
    if given[-1].dim != dim:
        raise ParameterError(f"`truth` must have the dimension of the data, d = {dim}; got d = {given[-1].dim}")
    for name, value in [("trail", trail), ("smooth", smooth)]:
        told = isinstance(given[0], Trajectory) or (name == "trail" and isinstance(data, Tracks))
        if check.integer(name, value, least=0) and not told:
            why = "snapshots, which do not say who is who"
            why = "tracks with gaps: resample(every=...) has times between" if isinstance(data, Tracks) else why
            raise ParameterError(f"`{name}` must be 0 for {why}; got {value}")
    check.choice("layout", layout, LAYOUTS)
    if check.choice("glyph", glyph, GLYPHS) == "arrows" and not knows_velocities(given[0]):
        raise ParameterError("`glyph` must not be 'arrows' when velocities are unknown")
    mechanics = _mechanics_of(given[0], lagrangian, needed=force or potential)
    chosen = choose_axes(axes, dim)
    bandwidth = _bandwidth(density, len(chosen))
    if potential and (chosen != [0, 1] or dim != 2 or force or bandwidth is not None):
        raise ParameterError("`potential` is a surface over data with d = 2, without `force` and `density`")
    if point_size is not None:
        check.positive("point_size", point_size)

    _warn_of_crowds(given)
    clouds = [_frames.frames(series, smooth) for series in given]
    units = given[0].units
    coloring, values = colorize(color, given, clouds, mechanics, units, trail)
    origin = _origin(clouds, chosen)
    moving_clouds = [
        MovingCloud(f, [embed(x[:, chosen] - origin[: len(chosen)]) for x in f.positions], scalars, _owners(what, f))
        for f, scalars, what in zip(clouds, values, (data, truth), strict=False)
    ]
    names = axis_names(chosen, dim, units)
    if len(chosen) == 1:
        _spread(moving_clouds, origin)
    limits = _limits(moving_clouds, max(len(chosen), 2), origin)
    value_limits = limits + origin
    if potential:
        names = (*names, energy_title(f"potential{_mechanics.of_kind(mechanics)}", units, mechanics))
        limits, value_limits = _raise(moving_clouds, mechanics, limits, origin)
    return Drawing(
        main=moving_clouds[0],
        truth=moving_clouds[1] if truth is not None else None,
        axes=tuple(chosen),
        names=names,
        limits=limits,
        value_limits=value_limits,
        origin=origin,
        coloring=coloring,
        camera=camera_of(camera, len(names), surface=potential),
        dated=has_dates(given[0]),
        time_text=_dated(given[0]) or _clock(moving_clouds[0].times, units.get("time", "")),
        mechanics=mechanics,
        layout=layout,
        glyph=glyph,
        trail=trail,
        density=bandwidth,
        force=bool(force),
        potential=bool(potential),
        point_size=point_size,
    )


def _series(name: str, data: Any) -> Trajectory | SnapshotSeries:
    if isinstance(data, Tracks):
        data = data.snapshots()
    if isinstance(data, Population):
        return SnapshotSeries.from_populations([data])
    return check.instance(name, data, (Trajectory, SnapshotSeries))


def _owners(data: Any, frames: Frames) -> list[np.ndarray] | None:
    """Which individual of tracks each point of the frames is."""
    if not isinstance(data, Tracks):
        return None
    owners = [np.flatnonzero(data.rows(int(k))) for k in np.flatnonzero(data.seen.any(axis=1))]
    return [who if kept is None else who[kept] for who, kept in zip(owners, frames.rows, strict=True)]


def _mechanics_of(data: Any, given: Any, *, needed: bool) -> Lagrangian | Flow | None:
    if given is not None:
        return check.instance("lagrangian", given, (Lagrangian, Flow))
    known = getattr(data, "mechanics", None)
    if needed and known is None:
        raise ParameterError("`lagrangian` must be given to draw its force or potential; the data do not know theirs")
    return known


def _bandwidth(density: Any, drawn: int) -> float | None:
    if density is False or density is None:
        return None
    if drawn == 1:
        raise ParameterError("`density` needs two or three drawn coordinates; got one")
    return 0.0 if density is True else check.positive("density", density)


def _warn_of_crowds(given: list[Any]) -> None:
    n = max(len(x) for series in given for x in series.positions)
    if n > _frames.MOST_POINTS:
        text = f"drawing {_frames.MOST_POINTS} of {n} points, chosen at random: more would not be seen"
        warn(text, DataWarning)


def choose_axes(axes: Sequence[int] | None, dim: int, *, most: int = 3) -> list[int]:
    """Check which coordinates to draw."""
    if axes is None:
        if dim > 3:
            raise ParameterError(
                f"`axes` must say which coordinates to draw when there are more than 3, "
                f"such as `axes=(0, 1)` or `axes=(0, 1, 2)`; the data have d = {dim}"
            )
        return list(range(dim))
    try:
        chosen = [int(k) for k in axes]
    except (TypeError, ValueError):
        chosen = []
    if not 1 <= len(chosen) <= most or len(set(chosen)) < len(chosen) or not all(0 <= k < dim for k in chosen):
        raise check.fail("axes", f"at most {most} different integers in 0..{dim - 1}", axes)
    return chosen


def _origin(clouds: Sequence[Frames], axes: list[int]) -> np.ndarray:
    """The middle of the data along each axis on which they are far from 0, as the coordinates of a map are."""
    low, high = extent(*([x[:, axes] for x in f.positions] for f in clouds))
    middle, span = 0.5 * (low + high), float((high - low).max())
    if 0 < span < DRAWABLE[0] or max(span, _side_of_a_point(middle)) > DRAWABLE[1]:
        raise ParameterError(
            f"`data` must span between {DRAWABLE[0]:g} and {DRAWABLE[1]:g} to be drawn in single precision; got "
            f"{span:.3g}, around {np.abs(middle).max():.3g}: give them in another unit of length"
        )
    origin = np.zeros(3)
    origin[: len(axes)] = np.where(np.abs(middle) > FAR * max(span, 1e-300), middle, 0.0)
    return origin


def _side_of_a_point(place: np.ndarray) -> float:
    """How wide a box around a single place is, so that its ends are other numbers [length]."""
    return max(1.0, 1e-6 * float(np.abs(place).max()))


def embed(x: np.ndarray) -> np.ndarray:
    """Lay (n, 1..3) coordinates in three dimensions."""
    points = np.zeros((len(x), 3), dtype=np.float32)
    points[:, : x.shape[1]] = x
    return points


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)


def _spread(moving_clouds: list[MovingCloud], origin: np.ndarray) -> None:
    """Give the points of a line small heights, so that a crowd shows as one; a particle keeps its height."""
    low, high = _limits(moving_clouds, 1, origin)[:, 0]
    for moving in moving_clouds:
        for points in moving.points:
            golden = np.arange(1, len(points) + 1) * 0.6180339887498949 % 1.0
            points[:, 1] = 0.2 * (high - low) * (golden - 0.5)


def _limits(moving_clouds: list[MovingCloud], dim: int, origin: np.ndarray) -> np.ndarray:
    low, high = extent(*(moving.points for moving in moving_clouds))
    # A flat cloud still gets a box that can be seen; the 5 % keep the outermost points off its sides.
    span = (high - low)[:dim]
    floor = 0.1 * span.max() if span.max() > 0 else _side_of_a_point(origin)
    half = 0.5 * np.maximum(span, floor) * 1.05
    middle = 0.5 * (low + high)[:dim]
    low[:dim], high[:dim] = middle - half, middle + half
    return np.array([low, high])


def _plane(limits: np.ndarray) -> np.ndarray:
    x, y = (np.linspace(limits[0, axis], limits[1, axis], SURFACE_POINTS) for axis in (0, 1))
    return np.column_stack([grid.ravel() for grid in np.meshgrid(x, y)])


def _raise(
    moving_clouds: list[MovingCloud], mechanics: Any, limits: np.ndarray, origin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lift the points to the potential energy at their place, and return the limits in space and of the values."""
    energies = [
        [_mechanics.potential(mechanics, x, r.frames.population(k)) for k, x in enumerate(r.frames.positions)]
        for r in moving_clouds
    ]
    plane = _plane(limits) + origin[:2]
    grounds = np.concatenate(
        [
            _mechanics.potential(mechanics, plane, moving_clouds[0].frames.population(k))
            for k in {0, len(moving_clouds[0]) - 1}
        ]
    )
    # Most particles decide how high the surface reaches, so that its steep walls do not flatten what they visit.
    low = min(grounds.min(), min(e.min() for moving in energies for e in moving))
    high = max(float(np.quantile(grounds, 0.4)), float(extent(*([e[:, None] for e in m] for m in energies))[1][0]))
    high = high + 0.05 * (high - low) if high > low else low + 1.0
    roof = 0.6 * np.ptp(limits[:, :2], axis=0).max()
    for moving, levels in zip(moving_clouds, energies, strict=True):
        for points, e in zip(moving.points, levels, strict=True):
            points[:, 2] = roof * (e - low) / (high - low)
    values, space = limits + origin, limits.copy()
    values[:, 2], space[:, 2] = (low, high), (0.0, roof)
    return space, values


def axis_names(axes: list[int], dim: int, units: dict[str, str]) -> tuple[str, ...]:
    """Label each drawn axis."""
    return tuple(with_unit("xyz"[k] if dim <= 3 else f"x{k}", units.get("length", "")) for k in axes)


def _dated(data: Trajectory | SnapshotSeries) -> Callable[[float], str] | None:
    """Write times as dates, where data have them, to the day, the minute or the second."""
    if not has_dates(data):
        return None
    length = len(written(data.dates)[0])
    unit = {10: "D", 16: "m"}.get(length, "s")
    return lambda time: written(dates_of(np.array([time]), data).astype(f"M8[{unit}]"))[0].replace("T", " ")


def _clock(times: np.ndarray, unit: str) -> Callable[[float], str]:
    """Write times with as many decimals as tell the frames apart, so that the counter does not jump about."""
    suffix = f" {unit}" if unit and unit != "dimensionless" else ""
    step = float(np.diff(times).min()) if len(times) > 1 else max(abs(float(times[0])), 1.0)
    finest = max(0, 1 - math.floor(math.log10(step)))
    exact = (k for k in range(finest + 1) if np.allclose(np.round(times, k), times, rtol=0, atol=1e-3 * step))
    decimals = next(exact, finest)
    if decimals > 6 or np.abs(times).max() >= 1e15:
        return lambda time: f"t = {_times.text(time, times)}{suffix}"
    return lambda time: f"t = {time:.{decimals}f}{suffix}"
