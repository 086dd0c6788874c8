"""The same individuals followed through time, with gaps."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.dates import counted
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import DataWarning, ParameterError


class Tracks:
    """Individuals that a camera, a tag or a buoy followed, with gaps where they were lost.

    A `Trajectory` is complete and a `SnapshotSeries` knows no identities; tracks are what stands between a recording
    and either of them. Identities serve to estimate velocities; `snapshots` then forgets them.

    Parameters
    ----------
    times : array_like, shape (T,)
        Strictly increasing times [time]. Dates and durations are counted in the unit of time, by default in days, which
        is kept; dates from the first one, which the metadata have as ``first_date``.
    positions : array_like, shape (T, n, d)
        Positions [length]; an individual with a NaN coordinate is unseen at that time.
    velocities : array_like, shape (T, n, d), optional
        Velocities [length / time]; NaN where they are unknown. Default: unknown everywhere.
    metadata : mapping, optional
        Plain values kept along.
    units : mapping, optional
        Names of the units of ``"length"`` and ``"time"``. Default: dimensionless.

    Attributes
    ----------
    seen : ndarray of bool, shape (T, n)
        Who is seen when.

    Raises
    ------
    ParameterError
        If shapes do not fit, a value is infinite, the times do not increase, or nobody is ever seen.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> x = np.array([[0.0, 5.0], [1.0, np.nan], [2.0, 7.0]])[..., None]  # two walkers on a line, one lost for a while
    >>> tracks = wls.Tracks([0.0, 1.0, 2.0], x)
    >>> tracks
    Tracks(times=3 in 0..2, n=2, dim=1, unseen 16.7%, velocities unknown)
    >>> tracks.with_velocities(window=3).velocities[2].ravel()
    array([1., 1.])
    """

    def __init__(
        self,
        times: Any,
        positions: Any,
        velocities: Any = None,
        *,
        metadata: Mapping[str, Any] | None = None,
        units: Mapping[str, str] | None = None,
    ):
        times, units, metadata = counted("times", times, units, metadata)
        self.times = check.times("times", times)
        self.positions = _with_gaps("positions", positions, (len(self.times), None, None))
        self.seen = ~np.isnan(self.positions).any(axis=2)
        if not self.seen.any():
            raise ParameterError("`positions` must show somebody at some time; all rows hold NaN")
        self.positions[~self.seen] = np.nan
        self.velocities = None if velocities is None else _with_gaps("velocities", velocities, self.positions.shape)
        if self.velocities is not None:
            self.velocities[~self.seen | np.isnan(self.velocities).any(axis=2)] = np.nan
        self.metadata = dict(metadata or {})
        self.units = dict(units or {})

    @property
    def n(self) -> int:
        """Number of individuals."""
        return self.positions.shape[1]

    @property
    def dim(self) -> int:
        """Dimension of space, d."""
        return self.positions.shape[2]

    def __getattr__(self, name: str) -> Any:
        if name in ("save", "load"):
            raise AttributeError(f"Tracks have no file format and no `{name}`: save `tracks.snapshots()` instead")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        known = "unknown" if self.velocities is None else "known"
        return (
            f"Tracks(times={len(self)} in {_times.span(self.times)}, n={self.n}, dim={self.dim}, "
            f"unseen {1 - self.seen.mean():.1%}, velocities {known})"
        )

    def select(self, individuals: Sequence[int] | slice) -> Tracks:
        """Return the tracks of some of the individuals, given by their indices."""
        velocities = None if self.velocities is None else self.velocities[:, individuals]
        return Tracks(self.times, self.positions[:, individuals], velocities, metadata=self.metadata, units=self.units)

    def with_velocities(self, window: int = 3, *, degree: int = 1, causal: bool = True) -> Tracks:
        """Estimate velocities by a polynomial fitted to each individual's positions around each time.

        The velocity is the slope, at that time, of the least-squares polynomial through the last sightings of the
        individual, or those around that time if not causal. Two sightings and degree 1 are a finite difference,
        backward if causal; more average noise away, and degree 2 takes the lag off that a causal average has, at the
        price of more noise.

        Parameters
        ----------
        window : int
            Number of sightings, however far apart, at least ``degree + 1``; odd if not causal. Default 3.
        degree : int
            Degree of the polynomial, at least 1. Default 1.
        causal : bool
            Use this sighting and those before only: what a forecast may know. If False, the window is centred and
            looks as far ahead as back; at either end of a track it is cut. Default True.

        Returns
        -------
        Tracks
            With new velocities [length / time]; NaN where an individual is unseen, or has too few sightings in the
            window (at most `degree`), as at its first one.

        Raises
        ------
        ParameterError
            If the window does not suffice for the degree.
        """
        degree = check.integer("degree", degree)
        window = check.integer("window", window, least=degree + 1)
        if not causal and window % 2 == 0:
            raise check.fail("window", "odd, so that it can be centred (causal=False)", window)
        ahead = 0 if causal else window // 2
        offsets = np.arange(ahead - window + 1, ahead + 1)
        velocities = np.full_like(self.positions, np.nan)
        for i in range(self.n):
            frames = np.flatnonzero(self.seen[:, i])
            velocities[frames, i] = _slopes(self.times[frames], self.positions[frames, i], offsets, degree)
        about = {"velocity_window": window, "velocity_degree": degree, "velocity_causal": causal}
        return Tracks(self.times, self.positions, velocities, metadata={**self.metadata, **about}, units=self.units)

    def snapshots(self) -> SnapshotSeries:
        """Forget identities: at each time, the cloud of those who are seen.

        Times at which nobody is seen are left out. Where the velocities of some are known, those without one are
        left out, and the metadata ``without_velocity`` say how many; where nobody's is known, they are unknown. The
        metadata ``individuals`` say how many there are in all, so that scores can allow for those who are hidden. The
        rows keep their order, of which a fit makes no use.

        Returns
        -------
        SnapshotSeries
        """
        times, positions, velocities, lost = [], [], [], 0
        for k in np.flatnonzero(self.seen.any(axis=1)):
            rows, v = self.seen[k], None
            if self.velocities is not None and (known := ~np.isnan(self.velocities[k]).any(axis=1)).any():
                lost += int((rows & ~known).sum())
                rows, v = known, self.velocities[k][known]
            times.append(self.times[k])
            positions.append(self.positions[k][rows])
            velocities.append(v)
        about = {"individuals": self.n} | ({"without_velocity": lost} if lost else {})
        return SnapshotSeries(times, positions, velocities, metadata={**self.metadata, **about}, units=self.units)

    def trajectory(self) -> Trajectory:
        """Return the individuals that are seen at all times, with their velocities if those are known throughout.

        Raises
        ------
        ParameterError
            If nobody is seen at all times.

        Warns
        -----
        DataWarning
            If somebody is left out.
        """
        always = self.seen.all(axis=0)
        if not always.any():
            raise ParameterError(
                f"nobody of the {self.n} is seen at all {len(self)} times; snapshots() has no need of it"
            )
        if not always.all():
            warnings.warn(
                f"the trajectory has the {int(always.sum())} of {self.n} individuals that are seen at all times; "
                "snapshots() keep everybody",
                DataWarning,
                stacklevel=2,
            )
        velocities = None if self.velocities is None else self.velocities[:, always]
        if velocities is not None and np.isnan(velocities).any():
            velocities = None
        return Trajectory(self.times, self.positions[:, always], velocities, metadata=self.metadata, units=self.units)


def _with_gaps(name: str, value: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    frames = check.array(name, value).copy()
    if (
        frames.ndim != 3
        or 0 in frames.shape
        or any(s not in (None, n) for s, n in zip(shape, frames.shape, strict=True))
    ):
        wanted = f"(T, n, d) with T = {shape[0]}, as there are times" if shape[1] is None else str(shape)
        raise check.fail(name, f"an array of shape {wanted}", frames)
    if np.isinf(frames).any():
        raise ParameterError(f"`{name}` must be finite, or NaN for unseen; got infinity")
    return frames


def _slopes(times: np.ndarray, positions: np.ndarray, offsets: np.ndarray, degree: int) -> np.ndarray:
    """Slopes at each of m times of the polynomials through the neighbours at some offsets; NaN where undetermined."""
    neighbours = np.arange(len(times))[:, None] + offsets
    there = (neighbours >= 0) & (neighbours < len(times))
    slopes = np.full(positions.shape, np.nan)
    enough = there.sum(axis=1) > degree
    neighbours, there = neighbours[enough].clip(0, len(times) - 1), there[enough]
    if not enough.any():
        return slopes
    delays = np.where(there, times[neighbours] - times[enough][:, None], 0.0)
    length = np.abs(delays).max(axis=1, keepdims=True)
    powers = (delays / length)[..., None] ** np.arange(degree + 1) * there[..., None]
    # Relative to the position at the time itself, far less is lost to rounding.
    moved = positions[neighbours] - positions[enough][:, None]
    normal = np.einsum("mwa,mwb->mab", powers, powers)
    moments = np.einsum("mwa,mwd->mad", powers, moved)
    slopes[enough] = np.linalg.solve(normal, moments)[:, 1] / length
    return slopes
