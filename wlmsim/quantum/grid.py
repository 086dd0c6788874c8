"""A regular grid in a periodic box."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError


class Grid:
    """Regular grid of a periodic box in one to three dimensions.

    Parameters
    ----------
    low, high : sequence of d floats
        Corners of the box [length]; the point at `high` is the one at `low`.
    shape : sequence of d integers
        Number of points along each axis, at least 8.

    Examples
    --------
    >>> import wlmsim as wls
    >>> line = wls.quantum.Grid([-4.0], [4.0], [16])
    >>> line.spacing, line.axes[0][:3]
    (array([0.5]), array([-4. , -3.5, -3. ]))
    """

    def __init__(self, low: Sequence[float], high: Sequence[float], shape: Sequence[int]):
        self.low = check.finite("low", check.own(low, np.atleast_1d(check.array("low", low))))
        self.high = check.finite("high", check.own(high, np.atleast_1d(check.array("high", high))))
        self.shape = tuple(check.integer("shape", count, least=8) for count in np.atleast_1d(np.asarray(shape)))
        if self.low.ndim != 1 or not 1 <= len(self.low) <= 3:
            raise check.fail("low", "a point in one to three dimensions", low)
        if self.high.shape != self.low.shape or not (self.high > self.low).all():
            raise check.fail("high", f"a point above `low` in each of the {len(self.low)} directions", high)
        if len(self.shape) != len(self.low):
            raise check.fail("shape", f"{len(self.low)} integers, as there are axes", shape)

    @classmethod
    def covering(cls, low: Sequence[float], high: Sequence[float], spacing: float | Sequence[float]) -> Grid:
        """Return the grid that covers a box at least, no coarser than `spacing`, of a size that transforms fast."""
        from scipy.fft import next_fast_len

        bottom, top = np.atleast_1d(check.array("low", low)), np.atleast_1d(check.array("high", high))
        steps = np.broadcast_to(check.array("spacing", spacing), bottom.shape)
        shape = [max(8, next_fast_len(int(np.ceil(count)))) for count in (top - bottom) / steps]
        excess = (np.array(shape) * steps - (top - bottom)) / 2
        return cls((bottom - excess).tolist(), (top + excess).tolist(), shape)

    @property
    def dim(self) -> int:
        """Dimension of space, d."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of points."""
        return int(np.prod(self.shape))

    @cached_property
    def spacing(self) -> np.ndarray:
        """Distance of neighbouring points along each axis, shape (d,) [length]."""
        return (self.high - self.low) / self.shape

    @property
    def cell(self) -> float:
        """Volume that a point stands for [length^d]."""
        return float(self.spacing.prod())

    @cached_property
    def axes(self) -> list[np.ndarray]:
        """Coordinates of the points along each axis [length]."""
        return [low + step * np.arange(n) for low, step, n in zip(self.low, self.spacing, self.shape, strict=True)]

    @cached_property
    def wavenumbers(self) -> list[np.ndarray]:
        """Wave numbers along each axis, in the order of the discrete Fourier transform [1 / length]."""
        return [2 * np.pi * np.fft.fftfreq(n, step) for n, step in zip(self.shape, self.spacing, strict=True)]

    @property
    def points(self) -> np.ndarray:
        """Positions of the points, shape ``(*shape, d)`` [length]."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1)

    def require_inside(self, name: str, positions: np.ndarray) -> None:
        """`ParameterError` unless all positions are in the box."""
        outside = int(((positions < self.low) | (positions >= self.high)).any(axis=1).sum())
        if outside:
            raise ParameterError(f"`{name}` must lie in the grid's box; {outside} of {len(positions)} are outside")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        return (
            self.shape == other.shape and np.array_equal(self.low, other.low) and np.array_equal(self.high, other.high)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Grid({self.low.tolist()}, {self.high.tolist()}, {list(self.shape)})"
