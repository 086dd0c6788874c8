"""The same individuals followed through time, with gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import asked, counted, in_words, recorded
from wlmsim.data.files import door
from wlmsim.data.population import Population
from wlmsim.data.projection import Located
from wlmsim.data.resampling import common_times
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import DataWarning, ParameterError

if TYPE_CHECKING:
    import pandas
    import xarray

Ids = str | int | Sequence[Any]
"""An individual by its name or number, or several."""


class Tracks(Located):
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
    ids : sequence of str, optional
        Names of the individuals, all different. Default: "0", "1", ...
    metadata : mapping, optional
        Plain values kept along, such as the ``projection`` of the positions.
    units : mapping, optional
        Names of the units of ``"length"`` and ``"time"``. Default: dimensionless.

    Attributes
    ----------
    seen : ndarray of bool, shape (T, n)
        Who is seen when.

    Raises
    ------
    ParameterError
        If shapes do not fit, a value is infinite, the times do not increase, two individuals have one name, or nobody
        is ever seen.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> x = np.array([[0.0, 5.0], [1.0, np.nan], [2.0, 7.0]])[..., None]  # two walkers on a line, one lost for a while
    >>> tracks = wls.Tracks([0.0, 1.0, 2.0], x, ids=["Ada", "Bo"])
    >>> tracks
    Tracks(times=3 in 0..2, n=2, dim=1, unseen 16.7%, velocities unknown)
    >>> tracks["Ada"].with_velocities(window=3).velocities[2].ravel()
    array([1.])
    >>> tracks.resample(every=0.5, max_gap=2.0).positions[:, 1].ravel()
    array([5. , 5.5, 6. , 6.5, 7. ])
    """

    def __init__(
        self,
        times: Any,
        positions: Any,
        velocities: Any = None,
        *,
        ids: Sequence[Any] | None = None,
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
        self.ids = check.names("ids", ids, self.n)
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

    def __len__(self) -> int:
        return len(self.times)

    @overload
    def __getitem__(self, key: int) -> Population: ...
    @overload
    def __getitem__(self, key: str | slice | Sequence[int] | Sequence[str]) -> Tracks: ...
    def __getitem__(self, key: Any) -> Population | Tracks:
        """The individuals of one name or several; or those who are seen at the k-th time; or some of the times."""
        if isinstance(key, str) or (isinstance(key, (list, tuple)) and key and isinstance(key[0], str)):
            return self.select(key)
        if isinstance(key, (int, np.integer)):
            return self._cloud(range(len(self))[key])
        return self._part(np.arange(len(self))[key], slice(None))

    def __eq__(self, other: object) -> bool:
        """Whether times, names, positions and velocities are equal, unseen where unseen; metadata may differ."""
        if not isinstance(other, Tracks):
            return NotImplemented
        mine, theirs = self.velocities, other.velocities
        return (
            self.ids == other.ids
            and np.array_equal(self.times, other.times)
            and np.array_equal(self.positions, other.positions, equal_nan=True)
            and (mine is theirs if mine is None or theirs is None else np.array_equal(mine, theirs, equal_nan=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        known = "unknown" if self.velocities is None else "known"
        return (
            f"Tracks(times={len(self)} in {_times.span(self.times)}, n={self.n}, dim={self.dim}, "
            f"unseen {1 - self.seen.mean():.1%}, velocities {known})"
        )

    def _repr_html_(self) -> str:
        from wlmsim import _html

        rows = [
            ("individuals", f"{self.n} in {self.dim}-D, unseen {1 - self.seen.mean():.1%} of the time"),
            *_html.when(self.times, self.units),
            ("velocities", "unknown" if self.velocities is None else "known"),
            *_html.about(self.metadata),
        ]
        seen = np.flatnonzero(self.seen.any(axis=1))
        clouds = [self.positions[k][self.seen[k]] for k in seen]
        return _html.card("Tracks", rows, _html.clouds(clouds, self.times[seen]))

    def _part(self, frames: Any, individuals: Any) -> Tracks:
        """Some of the times and of the individuals."""
        positions = self.positions[frames][:, individuals]
        if 0 in positions.shape:
            raise ParameterError(
                f"the selection must keep at least one of the {len(self)} times and of the {self.n} individuals"
            )
        velocities = None if self.velocities is None else self.velocities[frames][:, individuals]
        ids = np.array(self.ids, dtype=object)[individuals].tolist()
        return Tracks(self.times[frames], positions, velocities, ids=ids, metadata=self.metadata, units=self.units)

    def _number_of(self, ids: Ids) -> list[int]:
        """Numbers of individuals that are given by their names or numbers."""
        several = ids if isinstance(ids, (list, tuple, np.ndarray, range)) else [ids]
        place = {name: k for k, name in enumerate(self.ids)}
        numbers = []
        for one in several:
            found = place.get(str(one)) if isinstance(one, str) else one
            if not isinstance(found, (int, np.integer)) or isinstance(found, bool) or not -self.n <= found < self.n:
                shown = ", ".join(map(repr, self.ids[:20])) + (", ..." if self.n > 20 else "")
                hint = check.meant(one, self.ids) if isinstance(one, str) else ""
                raise ParameterError(f"`ids` must be among {shown}, or be numbers below {self.n}; got {one!r}{hint}")
            numbers.append(int(found))
        return numbers

    def select(self, individuals: Ids | slice) -> Tracks:
        """Return the tracks of some of the individuals, given by their names or their numbers."""
        chosen = np.arange(self.n)[individuals] if isinstance(individuals, slice) else self._number_of(individuals)
        return self._part(slice(None), chosen)

    def split(self, at: Any) -> tuple[Tracks, Tracks]:
        """Split into the past (time <= `at`) and the future (time > `at`); `at` is a time, or a date.

        Raises
        ------
        ParameterError
            If one of the two would be empty.
        """
        at = check.real("at", asked("at", at, self))
        past = _times.up_to(self.times, at, share=0.0)
        if past.all() or not past.any():
            first, last = (_times.text(t, self.times) for t in self.times[[0, -1]])
            raise check.fail("at", f"in [{first}, {last}), so that both parts have a time", at)
        return self._part(past, slice(None)), self._part(~past, slice(None))

    def hold_out(self, individuals: Ids) -> tuple[Tracks, Tracks]:
        """Split into the kept individuals and the held-out ones, given by their names or numbers."""
        held = np.zeros(self.n, dtype=bool)
        held[self._number_of(individuals)] = True
        return self._part(slice(None), ~held), self._part(slice(None), held)

    def at(self, time: Any) -> Population:
        """Return those who are seen at a time or date of the tracks; `ParameterError` if it is none of these."""
        return self._cloud(recorded("time", time, self.times, self, "a time of the tracks"))

    def ids_at(self, time: Any) -> tuple[str, ...]:
        """Names of those who are seen at a time or date, in the order of the rows of `at`."""
        k = recorded("time", time, self.times, self, "a time of the tracks")
        return tuple(name for name, there in zip(self.ids, self.rows(k), strict=True) if there)

    def rows(self, k: int) -> np.ndarray:
        """Who is in the k-th cloud: who is seen, and has a velocity where anybody has."""
        if self.velocities is None or not (known := ~np.isnan(self.velocities[k]).any(axis=1)).any():
            return self.seen[k]
        return known

    def _cloud(self, k: int) -> Population:
        rows = self.rows(k)
        if not rows.any():
            raise ParameterError(f"nobody is seen at t = {_times.text(self.times[k], self.times)}")
        known = self.velocities is not None and not np.isnan(self.velocities[k][rows]).any()
        velocities = self.velocities[k][rows] if known and self.velocities is not None else None
        return Population(self.positions[k][rows], velocities, time=float(self.times[k]))

    def last(self) -> tuple[Population, tuple[str, ...]]:
        """Return those who are seen at the last time, and their names: what a forecast starts from.

        Warns
        -----
        DataWarning
            If they are fewer than half of the individuals.
        """
        k = int(np.flatnonzero(self.seen.any(axis=1))[-1])
        rows = self.rows(k)
        if rows.sum() < 0.5 * self.n:
            warn(
                f"a start from the last time, {self._told(k)}, has {int(rows.sum())} of "
                f"the {self.n} individuals; {self._better_start(k)}",
                DataWarning,
            )
        return self._cloud(k), tuple(name for name, there in zip(self.ids, rows, strict=True) if there)

    def _better_start(self, k: int) -> str:
        """Where most individuals are seen at a time of the last ten, or how they come to be."""
        first = max(k - 10, 0)
        seen = [int(self.rows(j).sum()) for j in range(first, k)]
        best = max(range(first, k), key=lambda j: (seen[j - first], j), default=k)
        if best == k or seen[best - first] < 0.5 * self.n:
            return "resample(every=...) brings them to common times"
        return f"{self._told(best)} has {seen[best - first]}, and tracks[:{best + 1}] ends there"

    def _told(self, k: int) -> str:
        """The k-th time in words."""
        return in_words(self.times[[k]], self, self.times)[0]

    def resample(self, every: Any = None, *, times: Any = None, method: str = "linear", max_gap: Any = None) -> Tracks:
        """Interpolate each individual to common times, and over gaps that are not too long.

        It looks ahead by up to one interval between two sightings. Nobody is seen before the first or after the last
        of its sightings.

        Parameters
        ----------
        every : float, str or timedelta, optional
            Interval of the new times: a number in the unit of the times, or text such as ``"10 min"``. They are whole
            multiples of it, of dates since midnight. Default: the times stay, and gaps are filled.
        times : array_like, optional
            The new times, or dates, instead.
        method : {"linear", "spline"}
            ``"linear"``: straight between two sightings. ``"spline"``: a cubic spline through all sightings that no
            longer gap parts; smoother, and beyond the sightings where these are sparse.
        max_gap : float, str or timedelta, optional
            The longest interval between two sightings of an individual to interpolate over. Default: three times the
            usual (median) interval of the individuals, or `every` if that is longer.

        Returns
        -------
        Tracks
            Velocities, where they were known on both sides, are interpolated linearly. The metadata ``resampled`` say
            how.

        Raises
        ------
        ParameterError
            If both `every` and `times` are given, or the unit of a duration is not known.
        """
        frames = [np.flatnonzero(self.seen[:, i]) for i in range(self.n)]
        chosen = common_times(
            [self.times[rows] for rows in frames],
            self,
            every=every,
            times=self.times if every is None and times is None else times,
            method=method,
            max_gap=max_gap,
            ends=(self.times[0], self.times[-1]),
        )
        positions, velocities = chosen.interpolated(
            [
                (self.times[r], self.positions[r, i], None if self.velocities is None else self.velocities[r, i])
                for i, r in enumerate(frames)
            ]
        )
        return Tracks(
            chosen.times,
            positions,
            velocities,
            ids=self.ids,
            metadata={**self.metadata, "resampled": chosen.told()},
            units=self.units,
        )

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
        return Tracks(
            self.times,
            self.positions,
            velocities,
            ids=self.ids,
            metadata={**self.metadata, **about},
            units=self.units,
        )

    def moving(self) -> Tracks:
        """Return the tracks with velocities: as they are, or by `with_velocities`, which is said.

        Warns
        -----
        DataWarning
            If they had none.
        """
        if self.velocities is not None:
            return self
        warn(
            "the tracks have no velocities: they are the slopes over the last three sightings of each individual; "
            "tracks.with_velocities(...) takes others",
            DataWarning,
        )
        return self.with_velocities()

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
            warn(
                f"the trajectory has the {int(always.sum())} of {self.n} individuals that are seen at all times; "
                "snapshots() keep everybody",
                DataWarning,
            )
        velocities = None if self.velocities is None else self.velocities[:, always]
        if velocities is not None and np.isnan(velocities).any():
            velocities = None
        return Trajectory(
            self.times,
            self.positions[:, always],
            velocities,
            ids=[name for name, whole in zip(self.ids, always, strict=True) if whole],
            metadata=self.metadata,
            units=self.units,
        )

    def save(self, path: str | Path) -> Path:
        """Write an HDF5 file, or one of the format that the suffix names, atomically; see `wlmsim.io.save`."""
        return door().save(self, path)

    @classmethod
    def load(cls, path: str | Path, **columns: Any) -> Tracks:
        r"""Read a file of wlmsim, or another that follows individuals: its suffix tells which.

        Parameters
        ----------
        path : str or Path
            The file: of wlmsim; text with a header line (``.csv``, ``.tsv``, ``.txt``, also ``.gz``), as Movebank,
            trackdf and TrackMate write it; Parquet; XML of TrackMate; NetCDF or zarr of drifters (GDP, clouddrift,
            Parcels, OpenDrift) or of ``movement``.
        **columns
            What is not found by its usual name, and how to read it: `id`, `time`, `positions`, `velocities`, `crs`,
            `projection`, `timezone`, `date_format`, `every`, `times`, `method`, `max_gap`, `units`, `metadata`; see
            `wlmsim.io.tracks_from_columns`, and for NetCDF and zarr `wlmsim.io.load_drifters`.

        Returns
        -------
        Tracks

        Raises
        ------
        FileNotFoundError, FileFormatError, MissingPackageError
            If there is no such file, it cannot be used, or a package is not installed that it needs.
        ParameterError
            If a name is not in the file (the message lists those that are), or an argument is unusable.

        Examples
        --------
        >>> from pathlib import Path
        >>> _ = Path("foxes.csv").write_text(
        ...     "individual-local-identifier,timestamp,location-long,location-lat\n"
        ...     "Ada,2021-03-01 06:00:00,5.10,52.10\nAda,2021-03-01 06:10:00,5.11,52.10\n"
        ...     "Bo,2021-03-01 06:00:00,5.20,52.20\nBo,2021-03-01 06:10:00,5.20,52.21\n"
        ... )
        >>> foxes = Tracks.load("foxes.csv", units={"time": "min"})
        >>> foxes.ids, foxes.times.tolist(), foxes.units
        (('Ada', 'Bo'), [360.0, 370.0], {'time': 'min', 'length': 'm'})
        """
        return door().read_tracks(path, **columns)

    @classmethod
    def from_dataframe(cls, frame: pandas.DataFrame, **columns: Any) -> Tracks:
        """Build tracks from a data frame with a row for each sighting; `columns` are as in `load`."""
        return door().tracks_from_dataframe(frame, **columns)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the sightings as a pandas data frame (extra ``pandas``), one individual after the other.

        Its columns are id, time, date where there are dates, x, y, z, where known vx, vy, vz, and lon and lat where a
        projection is known; its ``attrs`` hold the metadata and the units.
        """
        return door().paths_to_dataframe(self)

    @classmethod
    def from_xarray(cls, dataset: xarray.Dataset, **columns: Any) -> Tracks:
        """Build tracks from a dataset of `to_xarray`, or any that `wlmsim.io.load_drifters` reads."""
        return door().load_drifters(dataset, **columns)

    def to_xarray(self) -> xarray.Dataset:
        """Return the sightings as an xarray dataset (extra ``xarray``) of trajectories in the CF conventions.

        It is a contiguous ragged array, as drifters have it: ``rowsize`` sightings of each individual.
        """
        return door().paths_to_xarray(self)


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
