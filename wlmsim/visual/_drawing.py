"""What is to be drawn, as plain arrays: coordinates, colours and limits. No graphics library here."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.population import Population
from wlmsim.snapshots import SnapshotSeries
from wlmsim.trajectory import Trajectory

MOST_POINTS = 200_000
"""More points than this in one frame are thinned."""

MOST_TRAIL_VERTICES = 1_000_000
"""Trails are drawn for as many particles as keep below this."""


@dataclass(frozen=True)
class Reel:
    """Frames of one moving cloud: points laid in space and a scalar for each."""

    times: np.ndarray
    points: Sequence[np.ndarray]
    values: Sequence[np.ndarray] | None
    tracked: bool
    """Whether row i is the same particle in every frame."""

    def __len__(self) -> int:
        return len(self.times)

    def nearest(self, time: float) -> int:
        """Index of the frame nearest to `time`."""
        return int(np.argmin(np.abs(self.times - time)))


@dataclass(frozen=True)
class Drawing:
    """A cloud, perhaps the truth beside it, and all that both must share to be comparable."""

    main: Reel
    truth: Reel | None
    names: tuple[str, ...]
    """Label of each drawn axis."""
    limits: np.ndarray = field(repr=False)
    """Lower and upper corner of a box that contains every frame, shape (2, 3)."""
    colored: bool
    """Whether colours mean something."""
    color_limits: tuple[float, float]
    color_title: str
    time_text: Callable[[float], str]

    @property
    def dim(self) -> int:
        """Number of drawn axes, 1 to 3."""
        return len(self.names)


def prepare(
    data: Any,
    truth: Any = None,
    *,
    color: Any = "auto",
    axes: Sequence[int] | None = None,
    trail: int = 0,
    smooth: int = 0,
) -> Drawing:
    """Check the arguments that `film` and `scene` share, and lay the clouds out."""
    given = [_series("data", data)] + ([] if truth is None else [_series("truth", truth)])
    dim = given[0].dim
    if given[-1].dim != dim:
        raise ParameterError(f"`truth` must have the dimension of the data, d = {dim}; got d = {given[-1].dim}")
    check.integer("trail", trail, least=0)
    check.integer("smooth", smooth, least=0)
    for name, value in [("trail", trail), ("smooth", smooth)]:
        if value and not isinstance(given[0], Trajectory):
            raise ParameterError(f"`{name}` must be 0 for snapshots, which do not say who is who; got {value}")

    _warn_of_crowds(given)
    chosen = choose_axes(axes, dim)
    kind = _color(color, given)
    reels = [_reel(series, chosen, _color_of(series, color, kind, given[0]), smooth) for series in given]
    units = given[0].units
    if len(chosen) == 1:
        _spread(reels)
    return Drawing(
        main=reels[0],
        truth=reels[1] if truth is not None else None,
        names=axis_names(chosen, dim, units),
        limits=_limits(reels, max(len(chosen), 2)),
        colored=kind is not None,
        color_limits=_color_limits(reels, speed=kind == "speed"),
        color_title=_color_title(kind, units),
        time_text=_clock(reels[0].times, units.get("time", "")),
    )


def _series(name: str, data: Any) -> Trajectory | SnapshotSeries:
    if isinstance(data, Population):
        return SnapshotSeries.from_populations([data])
    return check.instance(name, data, (Trajectory, SnapshotSeries))


def _warn_of_crowds(given: list[Any]) -> None:
    n = max(len(x) for series in given for x in series.positions)
    if n > MOST_POINTS:
        text = f"drawing {MOST_POINTS} of {n} points, chosen at random: more would not be seen"
        warnings.warn(text, DataWarning, stacklevel=4)  # the caller of the public function


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


def _color(color: Any, given: list[Any]) -> str | None:
    """Decide what colours mean: "speed", "time", "given" (an array) or None."""
    unknown = [name for name, series in zip(["data", "truth"], given, strict=False) if not _knows_velocities(series)]
    if color is None:
        return None
    if isinstance(color, str):
        if check.choice("color", color, ("auto", "speed", "time")) == "auto":
            color = "time" if unknown else "speed"
        if color == "speed" and unknown:
            raise ParameterError(f"`color` must not be 'speed' when velocities are unknown, as in `{unknown[0]}`")
        return str(color)
    scalars = check.array("color", color)
    if not isinstance(given[0], Trajectory) and len(given[0]) > 1:
        raise ParameterError("`color` must be a word or None for snapshots, which do not say who is who; got an array")
    n = len(given[0][0].positions)
    if scalars.shape != (n,):
        raise check.fail("color", f"'speed', 'time', None or an array of shape ({n},)", scalars)
    check.finite("color", scalars)
    return "given"


def _color_of(series: Any, color: Any, kind: str | None, data: Any) -> Any:
    """A given array belongs to the particles of the data; a truth takes it only if it tracks as many."""
    if kind != "given":
        return kind
    same = series is data or (isinstance(series, Trajectory) and series.n == len(data[0].positions))
    return check.array("color", color) if same else None


def _knows_velocities(series: Trajectory | SnapshotSeries) -> bool:
    if isinstance(series, Trajectory):
        return series.velocities is not None
    return all(v is not None for v in series.velocities)


def _reel(series: Trajectory | SnapshotSeries, axes: list[int], color: Any, smooth: int) -> Reel:
    times, positions, velocities, keep = _frames(series, smooth)
    values: list[np.ndarray] | None
    if color is None:
        values = None
    elif isinstance(color, np.ndarray):
        values = [color if keep is None else color[keep]] * len(times)
    elif color == "time":
        values = [np.full(len(x), t) for x, t in zip(positions, times, strict=True)]
    else:
        values = [np.linalg.norm(v, axis=1) for v in velocities]
    points = [_embed(x[:, axes]) for x in positions]
    return Reel(times, points, values, tracked=isinstance(series, Trajectory))


def _frames(series: Trajectory | SnapshotSeries, smooth: int) -> tuple[np.ndarray, Any, Any, np.ndarray | None]:
    """Times, positions and velocities of few enough points, and the rows kept (of the first cloud)."""
    if isinstance(series, Trajectory):
        (keep,) = _thin([series.n])
        x, v = series.positions, series.velocities
        if keep is not None:
            x, v = x[:, keep], None if v is None else v[:, keep]
        if smooth and len(series) > 1:
            return *_interpolate(series.times, x, v, smooth), keep
        return series.times, x, v, keep
    rows = _thin(series.sizes)
    positions = [x if k is None else x[k] for x, k in zip(series.positions, rows, strict=True)]
    velocities = [v if v is None or k is None else v[k] for v, k in zip(series.velocities, rows, strict=True)]
    return series.times, positions, velocities, rows[0]


def _thin(sizes: Sequence[int]) -> list[np.ndarray | None]:
    """Rows to keep of clouds of these sizes, chosen at random; None keeps all."""
    rng = np.random.default_rng(0)
    return [None if n <= MOST_POINTS else np.sort(rng.choice(n, MOST_POINTS, replace=False)) for n in sizes]


def _interpolate(
    times: np.ndarray, x: np.ndarray, v: np.ndarray | None, between: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Insert `between` frames into every interval: cubic Hermite where velocities are known, straight lines else."""
    steps = np.arange(between + 1) / (between + 1)
    s = steps[None, :, None, None]
    h = np.diff(times)[:, None, None, None]
    x0, x1 = x[:-1, None], x[1:, None]
    new_v = None
    if v is None:
        new_x = x0 + s * (x1 - x0)
    else:
        v0, v1 = v[:-1, None], v[1:, None]
        new_x = (
            (1 + 2 * s) * (1 - s) ** 2 * x0
            + s * (1 - s) ** 2 * h * v0
            + s**2 * (3 - 2 * s) * x1
            + s**2 * (s - 1) * h * v1
        )
        slope = 6 * s * (1 - s) * (x1 - x0) / h + (1 - s) * (1 - 3 * s) * v0 + s * (3 * s - 2) * v1
        new_v = np.concatenate([slope.reshape(-1, *v.shape[1:]), v[-1:]])
    new_times = (times[:-1, None] + steps * np.diff(times)[:, None]).ravel()
    return np.append(new_times, times[-1]), np.concatenate([new_x.reshape(-1, *x.shape[1:]), x[-1:]]), new_v


def _embed(x: np.ndarray) -> np.ndarray:
    """Lay (n, 1..3) coordinates in three dimensions."""
    points = np.zeros((len(x), 3), dtype=np.float32)
    points[:, : x.shape[1]] = x
    return points


def _spread(reels: list[Reel]) -> None:
    """Give the points of a line small heights, so that a crowd shows as one; a particle keeps its height."""
    low, high = _limits(reels, 1)[:, 0]
    for reel in reels:
        for points in reel.points:
            golden = np.arange(1, len(points) + 1) * 0.6180339887498949 % 1.0
            points[:, 1] = 0.2 * (high - low) * (golden - 0.5)


def _limits(reels: list[Reel], dim: int) -> np.ndarray:
    low = np.min([points.min(axis=0) for reel in reels for points in reel.points], axis=0).astype(float)
    high = np.max([points.max(axis=0) for reel in reels for points in reel.points], axis=0).astype(float)
    # A flat cloud still gets a box that can be seen; the 5 % keep the outermost points off its sides.
    span = (high - low)[:dim]
    floor = 0.1 * span.max() if span.max() > 0 else 1.0
    half = 0.5 * np.maximum(span, floor) * 1.05
    middle = 0.5 * (low + high)[:dim]
    low[:dim], high[:dim] = middle - half, middle + half
    return np.array([low, high])


def _color_limits(reels: list[Reel], *, speed: bool) -> tuple[float, float]:
    values = [v for reel in reels if reel.values is not None for v in reel.values]
    if not values:
        return 0.0, 1.0
    low, high = float(min(v.min() for v in values)), float(max(v.max() for v in values))
    if speed:
        # One runaway particle must not leave all the others in the darkest colour.
        low, high = 0.0, max(float(np.quantile(v, 0.995)) for v in values)
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        low, high = low - (0.5 if low else 0.0), high + (0.5 if high else 1.0)
    return low, high


def axis_names(axes: list[int], dim: int, units: dict[str, str]) -> tuple[str, ...]:
    """Label each drawn axis."""
    return tuple(with_unit("xyz"[k] if dim <= 3 else f"x{k}", units.get("length", "")) for k in axes)


def with_unit(name: str, unit: str) -> str:
    """Append a unit in brackets, if there is one."""
    return f"{name} [{unit}]" if unit and unit != "dimensionless" else name


def color_map() -> Any:
    """Plasma without its palest end, which cannot be seen on white."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["plasma"](np.linspace(0.0, 0.88, 256)))


def _color_title(kind: str | None, units: dict[str, str]) -> str:
    length, time = units.get("length", ""), units.get("time", "")
    named = length and time and "dimensionless" not in (length, time)
    return {
        "speed": with_unit("speed", f"{length} / {time}" if named else ""),
        "time": with_unit("time", time),
        "given": "value",
        None: "",
    }[kind]


def _clock(times: np.ndarray, unit: str) -> Callable[[float], str]:
    """Write times with as many decimals as tell the frames apart, so that the counter does not jump about."""
    suffix = f" {unit}" if unit and unit != "dimensionless" else ""
    step = float(np.diff(times).min()) if len(times) > 1 else max(abs(float(times[0])), 1.0)
    finest = max(0, 1 - math.floor(math.log10(step)))
    exact = (k for k in range(finest + 1) if np.allclose(np.round(times, k), times, rtol=0, atol=1e-3 * step))
    decimals = next(exact, finest)
    if decimals > 6 or np.abs(times).max() >= 1e7:
        return lambda time: f"t = {time:.6g}{suffix}"
    return lambda time: f"t = {time:.{decimals}f}{suffix}"
