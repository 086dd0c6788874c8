"""A change of coordinates to zero mean and unit spread, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np

from wlmsim import _validation as check

Map = Callable[[np.ndarray], np.ndarray]


class Located(Protocol):
    """What has positions in space: a `Population`, a `SnapshotSeries` or a `Trajectory`."""

    @property
    def dim(self) -> int:
        """Dimension of space."""

    def _mapped(self, place: Map, pace: Map, units: Mapping[str, str]) -> Any:
        """The same with positions and velocities in other coordinates."""


class Series(Located, Protocol):
    """What `Standardisation.of` needs of a `SnapshotSeries`."""

    units: dict[str, str]

    @property
    def positions(self) -> Sequence[np.ndarray]:
        """Positions at each time."""

    @property
    def weights(self) -> Sequence[np.ndarray]:
        """Weights at each time."""


Data = TypeVar("Data", bound=Located)


class Standardisation:
    """The map x -> (x - centre) / scale of positions, with v -> v / scale of velocities; times stay.

    `apply` and `invert` undo each other to rounding: ``invert(apply(data))`` differs from the data by at most one unit
    in the last place, of x or of x - centre, whichever is larger in size, for each coordinate, and of v for each
    velocity; coordinates larger in size than 4 (x - centre) come back to the last bit. (Where x is far smaller than
    x - centre, no number of the same precision could tell more of it.)

    Parameters
    ----------
    centre : array_like, shape (d,)
        What becomes the origin [length].
    scale : array_like, shape (d,)
        What becomes the unit of each axis, positive [length].
    length : str, optional
        Name of the unit of length, which standardised data lose and inverted ones get back.

    Raises
    ------
    ParameterError
        If shapes do not fit, a value is not finite, or a scale is not positive.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> cells = wls.SnapshotSeries([0.0, 1.0], [np.array([[1.0, 10.0], [3.0, 30.0]]), np.array([[5.0, 50.0]])])
    >>> standard, standardisation = cells.standardise()
    >>> np.concatenate(standard.positions).std(axis=0)
    array([1., 1.])
    >>> standardisation.invert(standard) == cells
    True
    """

    def __init__(self, centre: Any, scale: Any, *, length: str | None = None):
        self.centre = check.finite("centre", np.atleast_1d(check.own(centre, check.array("centre", centre))))
        self.scale = check.finite("scale", np.atleast_1d(check.own(scale, check.array("scale", scale))))
        if self.centre.ndim != 1 or self.scale.shape != self.centre.shape:
            raise check.fail("scale", f"an array of shape {self.centre.shape}, as the centre is", self.scale)
        if not (self.scale > 0).all():
            raise check.fail("scale", "positive", self.scale.tolist())
        self.length = length

    @classmethod
    def of(cls, series: Series, scale: str = "axis") -> Standardisation:
        """Take centre and scale from all rows of a series together, each time counted by its number of rows.

        Parameters
        ----------
        series : SnapshotSeries
            The data.
        scale : str
            ``"axis"``, the default: the standard deviation of each axis; 1 for an axis without spread.
            ``"common"``: their root mean square for all axes, which keeps angles and ratios of lengths.

        Returns
        -------
        Standardisation
        """
        check.choice("scale", scale, ("axis", "common"))
        rows = np.concatenate(series.positions)
        shares = np.concatenate([len(w) * w for w in series.weights])
        centre = np.average(rows, axis=0, weights=shares)
        variance = np.average((rows - centre) ** 2, axis=0, weights=shares)
        if scale == "common":
            variance = np.full_like(variance, variance.mean())
        spread = variance > (8 * np.finfo(float).eps * np.abs(centre)) ** 2
        return cls(centre, np.sqrt(np.where(spread, variance, 1.0)), length=series.units.get("length"))

    def apply(self, data: Data) -> Data:
        """Standardise a `Population`, a `SnapshotSeries` or a `Trajectory` (which then forgets its mechanics)."""
        return self._map(data, self._place, self._pace, None)

    def invert(self, data: Data) -> Data:
        """Bring standardised data back to the original coordinates."""
        return self._map(data, self._unplace, self._unpace, self.length)

    def __repr__(self) -> str:
        return f"Standardisation(centre={_short(self.centre)}, scale={_short(self.scale)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Standardisation):
            return NotImplemented
        return np.array_equal(self.centre, other.centre) and np.array_equal(self.scale, other.scale)

    __hash__ = None  # type: ignore[assignment]

    def _place(self, x: np.ndarray) -> np.ndarray:
        return _settle((x - self.centre) / self.scale, x, self._unplace)

    def _unplace(self, x: np.ndarray) -> np.ndarray:
        return x * self.scale + self.centre

    def _pace(self, v: np.ndarray) -> np.ndarray:
        return _settle(v / self.scale, v, self._unpace)

    def _unpace(self, v: np.ndarray) -> np.ndarray:
        return v * self.scale

    def _map(self, data: Any, place: Map, pace: Map, length: str | None) -> Any:
        if not hasattr(data, "_mapped"):
            raise check.fail("data", "a Population or SnapshotSeries or Trajectory", data)
        if data.dim != len(self.centre):
            raise check.fail("data", f"of dimension {len(self.centre)}, as the centre is", data)
        units = {name: unit for name, unit in getattr(data, "units", {}).items() if name != "length"}
        return data._mapped(place, pace, units | ({} if length is None else {"length": length}))


def _settle(candidate: np.ndarray, wanted: np.ndarray, back: Map) -> np.ndarray:
    """Move each candidate by a few last places to where the way back ends nearest to what is wanted."""
    error = back(candidate) - wanted
    for _ in range(2):
        other = np.nextafter(candidate, np.where(error > 0, -np.inf, np.inf))
        other_error = back(other) - wanted
        better = np.abs(other_error) < np.abs(error)
        candidate, error = np.where(better, other, candidate), np.where(better, other_error, error)
    return candidate


def _short(values: np.ndarray) -> str:
    return "[" + " ".join(f"{value:.4g}" for value in values[:6]) + (" ...]" if len(values) > 6 else "]")
