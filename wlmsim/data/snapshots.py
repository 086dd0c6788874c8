"""Clouds at several times, with no identity across times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import asked, counted, recorded
from wlmsim.data.files import door
from wlmsim.data.population import Population
from wlmsim.data.projection import Located
from wlmsim.data.standardisation import Map, Standardisation
from wlmsim.data.units import check_alike
from wlmsim.errors import DataWarning, ParameterError

if TYPE_CHECKING:
    import anndata
    import pandas
    import xarray


class SnapshotSeries(Located):
    """A population observed as unordered clouds at T times.

    Sizes may differ from time to time, spacing may be irregular, and nothing links a row at one time to a
    row at another.

    Parameters
    ----------
    times : array_like, shape (T,)
        Strictly increasing times [time]. Dates and durations are counted in the unit of time, by default in days, which
        is kept; dates from the first one, which the metadata have as ``first_date``.
    positions : sequence of array_like, each of shape (n_k, d)
        One cloud for each time [length].
    velocities : sequence of array_like or None, optional
        Velocities [length / time], of the shapes of the positions; ``None`` at times where they are unknown.
    weights : sequence of array_like of shape (n_k,) or None, optional
        Share of the population for each row, rescaled to sum to 1 at each time. Default: all equal.
    populations : sequence of array_like of shape (n_k,), optional
        Integer label of the population that each row belongs to. Several populations are independent
        replicates that obey one law; they do not interact.
    growth : sequence of array_like of shape (n_k,) or None, optional
        Rate at which each row is known beforehand to multiply, or, if negative, to die [1 / time]; ``None`` at times
        where nothing is known. Fits then expect rows to grow so; only differences within a time matter.
    metadata : mapping, optional
        Plain values kept with the file.
    units : mapping, optional
        Names of the units of ``"length"`` and ``"time"``. Default: dimensionless.

    Attributes
    ----------
    dropped : int
        Rows that were set aside because a position, velocity or weight was NaN or masked, or a label masked.

    Raises
    ------
    ParameterError
        If shapes do not fit, a value is infinite, the times do not increase, or a time has no usable row.

    Warns
    -----
    DataWarning
        If rows with NaN were dropped.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> series = wls.SnapshotSeries([0.0, 1.0], [np.zeros((3, 2)), np.ones((5, 2))])
    >>> series[1]
    Population(n=5, dim=2, time=1, velocities unknown, uniform weights)
    """

    def __init__(
        self,
        times: Any,
        positions: Sequence[Any],
        velocities: Sequence[Any] | None = None,
        weights: Sequence[Any] | None = None,
        populations: Sequence[Any] | None = None,
        *,
        growth: Sequence[Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        units: Mapping[str, str] | None = None,
    ):
        times, units, metadata = counted("times", times, units, metadata)
        self.times = check.times("times", times)
        count = len(self.times)
        columns = {
            "positions": positions,
            "velocities": velocities,
            "weights": weights,
            "populations": populations,
            "growth": growth,
        }
        for name, column in columns.items():
            if column is None and name != "positions":
                continue
            if column is None or not hasattr(column, "__getitem__") or not hasattr(column, "__len__"):
                raise check.fail(name, f"a list of {count} clouds, as there are times", column)
            if len(column) != count:
                raise ParameterError(f"`{name}` must hold {count} clouds, as there are times; got {len(column)}")
        self.dropped = 0
        self._clouds: list[Population] = []
        self._labels: list[np.ndarray] | None = None if populations is None else []
        fresh = all(column is None or getattr(column, "fresh", False) for column in columns.values())
        for k in range(count):
            row = {name: None if column is None else column[k] for name, column in columns.items()}
            self._add(k, **row, fresh=fresh)
        if len({cloud.dim for cloud in self._clouds}) > 1:
            raise ParameterError(
                f"`positions` must have one dimension d at all times; got {[cloud.dim for cloud in self._clouds]}"
            )
        self.metadata = dict(metadata or {})
        self.units = dict(units or {})
        if self.dropped:
            warn(f"dropped {self.dropped} rows with NaN from the snapshots", DataWarning)

    def _add(
        self, k: int, positions: Any, velocities: Any, weights: Any, populations: Any, growth: Any, *, fresh: bool
    ) -> None:
        """Add a cloud; arrays that are fresh, which nobody else has, are kept as they are."""
        x = check.array(f"positions[{k}]", positions)
        if x.ndim != 2 or 0 in x.shape:
            raise check.not_a_cloud(f"positions[{k}]", x)
        v = None if velocities is None else check.array(f"velocities[{k}]", velocities)
        w = None if weights is None else check.array(f"weights[{k}]", weights)
        g = None if growth is None else check.array(f"growth[{k}]", growth)
        labels, unlabelled = _labels(f"populations[{k}]", populations, len(x))
        if v is not None and v.shape != x.shape:
            raise check.fail(f"velocities[{k}]", f"an array of shape {x.shape}, as the positions are", v)
        if w is not None and w.shape != (len(x),):
            raise check.fail(f"weights[{k}]", f"an array of shape ({len(x)},)", w)
        if g is not None and g.shape != (len(x),):
            raise check.fail(f"growth[{k}]", f"an array of shape ({len(x)},), a rate for each row", g)
        bad = np.isnan(x).any(axis=1) | unlabelled
        bad |= False if v is None else np.isnan(v).any(axis=1)
        bad |= False if w is None else np.isnan(w)
        if bad.all():
            raise ParameterError(f"`positions[{k}]` must have at least one row without NaN; all {len(x)} have one")
        self.dropped += int(bad.sum())
        keep = ~bad if bad.any() or not fresh else slice(None)
        x = check.finite(f"positions[{k}]", x[keep])
        v = None if v is None else check.finite(f"velocities[{k}]", v[keep])
        w = None if w is None else check.weights(f"weights[{k}]", w[keep], len(x))
        g = None if g is None else g[keep]
        if g is not None and (unknown := int((~np.isfinite(g)).sum())):
            raise ParameterError(
                f"`growth[{k}]` must be finite; got NaN or infinity in {unknown} of {len(g)} rows; None, "
                "or in a column NaN in all rows of a time, says that nothing is known then"
            )
        self._clouds.append(Population(x, v, w, float(self.times[k]), growth=g, copy=False))
        if self._labels is not None:
            self._labels.append(labels[keep])

    @classmethod
    def from_populations(cls, clouds: Iterable[Population], **about: Any) -> SnapshotSeries:
        """Build a series from clouds in the order of their times; `about` is metadata and units."""
        clouds = list(clouds)
        known = any(cloud.velocities is not None for cloud in clouds)
        return cls(
            [cloud.time for cloud in clouds],
            [cloud.positions for cloud in clouds],
            [cloud.velocities for cloud in clouds] if known else None,
            None if all(cloud.uniform for cloud in clouds) else [cloud.weights for cloud in clouds],
            growth=[cloud.growth for cloud in clouds],
            **about,
        )

    @property
    def dim(self) -> int:
        """Dimension of space, d."""
        return self._clouds[0].dim

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of rows at each time."""
        return tuple(len(cloud) for cloud in self._clouds)

    @property
    def positions(self) -> list[np.ndarray]:
        """Positions at each time, a list of (n_k, d) arrays [length]."""
        return [cloud.positions for cloud in self._clouds]

    @property
    def velocities(self) -> list[np.ndarray | None]:
        """Velocities at each time, a list of (n_k, d) arrays or ``None`` [length / time]."""
        return [cloud.velocities for cloud in self._clouds]

    @property
    def weights(self) -> list[np.ndarray]:
        """Weights at each time, a list of (n_k,) arrays that sum to 1."""
        return [cloud.weights for cloud in self._clouds]

    @property
    def growth(self) -> list[np.ndarray | None]:
        """Rates that are known beforehand at each time, a list of (n_k,) arrays or ``None`` [1 / time]."""
        return [cloud.growth for cloud in self._clouds]

    @property
    def labels(self) -> list[np.ndarray] | None:
        """Population label of each row, a list of (n_k,) integer arrays, or ``None`` for a single population."""
        return self._labels

    @property
    def population_labels(self) -> tuple[int, ...]:
        """The labels of the populations in the series; ``(0,)`` for a single one."""
        return (0,) if self._labels is None else tuple(np.unique(np.concatenate(self._labels)).tolist())

    def population(self, label: int) -> SnapshotSeries:
        """Return one of several populations, at the times where it has rows."""
        if label not in self.population_labels:
            raise check.fail("label", f"one of {self.population_labels}", label)
        if self._labels is None:
            return self
        masks = [labels == label for labels in self._labels]
        clouds = [cloud.rows(mask) for cloud, mask in zip(self._clouds, masks, strict=True) if mask.any()]
        return SnapshotSeries.from_populations(
            clouds, metadata={**self.metadata, "population": label}, units=self.units
        )

    @classmethod
    def of_several(cls, populations: Mapping[int, SnapshotSeries]) -> SnapshotSeries:
        """Put several populations into one series; `population` takes them out again.

        Parameters
        ----------
        populations : mapping of int to SnapshotSeries
            Each population by its label. Their times may differ; each row counts as much as in its own population, so
            that populations count by their numbers of rows. Metadata and units are the first one's.

        Returns
        -------
        SnapshotSeries
            With velocities, and rates of growth, at the times at which those of all rows are known.

        Examples
        --------
        >>> import numpy as np, wlmsim as wls
        >>> first, second = (wls.SnapshotSeries([t], [np.zeros((n, 2))]) for t, n in ((0.0, 3), (1.0, 5)))
        >>> wls.SnapshotSeries.of_several({7: first, 8: second}).population_labels
        (7, 8)
        """
        if not populations:
            raise check.fail("populations", "at least one series by its label", populations)
        for label, series in populations.items():
            check.instance(f"populations[{label}]", series, SnapshotSeries)
        first = next(iter(populations.values()))
        for label, series in populations.items():
            check_alike(f"populations[{label}]", series.units, first.units, "the first one")
        times = _times.union(*(series.times for series in populations.values()))
        there = {label: {_times.nearest(times, cloud.time): cloud for cloud in s} for label, s in populations.items()}
        seen = [[(label, found[k]) for label, found in there.items() if k in found] for k in range(len(times))]
        velocities, growth = (
            [_joined([getattr(cloud, name) for _, cloud in row]) for row in seen] for name in ("velocities", "growth")
        )
        uniform = all(cloud.uniform for row in seen for _, cloud in row)
        return cls(
            times,
            [np.concatenate([cloud.positions for _, cloud in row]) for row in seen],
            velocities,
            None if uniform else [np.concatenate([len(c) * c.weights for _, c in row]) for row in seen],
            [np.repeat([label for label, _ in row], [len(cloud) for _, cloud in row]) for row in seen],
            growth=growth,
            metadata={name: value for name, value in first.metadata.items() if name != "population"},
            units=first.units,
        )

    def __len__(self) -> int:
        return len(self.times)

    @overload
    def __getitem__(self, key: int) -> Population: ...
    @overload
    def __getitem__(self, key: slice | Sequence[int]) -> SnapshotSeries: ...
    def __getitem__(self, key: int | slice | Sequence[int]) -> Population | SnapshotSeries:
        if isinstance(key, (int, np.integer)):
            cloud = self._clouds[key]
            return cloud.with_velocities(cloud.velocities)
        return self._select(np.arange(len(self))[key])

    def __iter__(self) -> Iterator[Population]:
        return (self[k] for k in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SnapshotSeries):
            return NotImplemented
        mine, theirs = self._labels, other._labels
        same = (mine is None) == (theirs is None) and self._clouds == other._clouds
        return same and (
            mine is None or theirs is None or all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        sizes = f"{min(self.sizes)}..{max(self.sizes)}" if len(set(self.sizes)) > 1 else f"{self.sizes[0]}"
        known = sum(v is not None for v in self.velocities)
        several = f", populations={len(self.population_labels)}" if self._labels is not None else ""
        growth = sum(g is not None for g in self.growth)
        several += f", growth known at {growth}" if growth else ""
        return (
            f"SnapshotSeries(times={len(self)} in {_times.span(self.times)}, n={sizes}, "
            f"dim={self.dim}, velocities at {known} of {len(self)}{several})"
        )

    def _repr_html_(self) -> str:
        from wlmsim import _html

        known = sum(v is not None for v in self.velocities)
        sizes = f"{min(self.sizes)} to {max(self.sizes)}" if len(set(self.sizes)) > 1 else f"{self.sizes[0]}"
        growth = sum(g is not None for g in self.growth)
        rows = [
            ("rows", f"{sizes} at each time, {sum(self.sizes)} in all, in {self.dim}-D"),
            *_html.when(self.times, self.units),
            ("velocities", {0: "unknown", len(self): "known"}.get(known, f"known at {known} of {len(self)} times")),
            *([] if self._labels is None else [("populations", len(self.population_labels))]),
            *([("growth", f"known at {growth} of {len(self)}")] if growth else []),
            *([("dropped", f"{self.dropped} rows with NaN")] if self.dropped else []),
            *_html.about(self.metadata),
        ]
        return _html.card("SnapshotSeries", rows, _html.clouds(self.positions, self.times))

    def _select(self, indices: np.ndarray) -> SnapshotSeries:
        if len(indices) == 0:
            raise ParameterError(f"the selection must keep at least one of the {len(self)} times; it keeps none")
        chosen = [self._clouds[k] for k in indices]
        if self._labels is None:
            return SnapshotSeries.from_populations(chosen, metadata=self.metadata, units=self.units)
        return SnapshotSeries(
            [cloud.time for cloud in chosen],
            [cloud.positions for cloud in chosen],
            [cloud.velocities for cloud in chosen],
            [cloud.weights for cloud in chosen],
            [self._labels[k] for k in indices],
            growth=[cloud.growth for cloud in chosen],
            metadata=self.metadata,
            units=self.units,
        )

    def split(self, at: Any) -> tuple[SnapshotSeries, SnapshotSeries]:
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
        return self._select(np.flatnonzero(past)), self._select(np.flatnonzero(~past))

    def hold_out(self, indices: Iterable[int]) -> tuple[SnapshotSeries, SnapshotSeries]:
        """Split into the kept marginals and the held-out ones, given by index (negative counts from the end)."""
        wanted = f"integers between {-len(self)} and {len(self) - 1}"
        given = list(check.sequence("indices", indices.tolist() if hasattr(indices, "tolist") else indices, wanted))
        whole = all(isinstance(k, (int, np.integer)) and not isinstance(k, bool) for k in given)
        if not (whole and all(-len(self) <= k < len(self) for k in given)):
            raise check.fail("indices", wanted, given)
        held = np.zeros(len(self), dtype=bool)
        held[given] = True
        return self._select(np.flatnonzero(~held)), self._select(np.flatnonzero(held))

    def without_velocities(self, *, except_at: Iterable[int] = ()) -> SnapshotSeries:
        """Forget the velocities, except at the marginals with the given indices."""
        keep = {range(len(self))[k] for k in except_at}
        return self.with_columns(velocities=[v if k in keep else None for k, v in enumerate(self.velocities)])

    def with_columns(self, **columns: Any) -> SnapshotSeries:
        """Return the same rows with some of what is known of them changed.

        Parameters
        ----------
        **columns
            Arguments of the class but for the times: `positions`, `velocities`, `weights`, `populations`, `growth`,
            `metadata` and `units`. What is not given stays; None forgets it.

        Examples
        --------
        Particles of which the second is known to multiply at a rate of 0.7:

        >>> import numpy as np, wlmsim as wls
        >>> series = wls.SnapshotSeries([0.0, 1.0], [np.zeros((2, 2)), np.ones((5, 2))])
        >>> series.with_columns(growth=[[0.0, 0.7], None])[0].grown(1.0).round(2)
        array([0.33, 0.67])
        """
        kept = {
            "positions": self.positions,
            "velocities": self.velocities,
            "weights": self.weights,
            "populations": self._labels,
            "growth": self.growth,
            "metadata": self.metadata,
            "units": self.units,
        }
        return SnapshotSeries(self.times, **{**kept, **columns})

    def at(self, time: Any) -> Population:
        """Return the marginal observed at a time or a date; `ParameterError` if there is none."""
        return self[recorded("time", time, self.times, self, "an observed time")]

    def save(self, path: str | Path) -> Path:
        """Write an HDF5 file, or one of the format that the suffix names, atomically; see `wlmsim.io.save`."""
        return door().save(self, path)

    @classmethod
    def load(cls, path: str | Path, *, start: Any = None, stop: Any = None, **columns: Any) -> SnapshotSeries:
        r"""Read a file of wlmsim, or another that holds snapshots: its suffix tells which.

        Of wlmsim are snapshots and trajectories, whose identities are then forgotten. Others are text with a header
        line (``.csv``, ``.tsv``, ``.txt``), NumPy archives (``.npz``), AnnData (``.h5ad``), NetCDF (``.nc``) and, with
        the names of its datasets given, any HDF5 file.

        Parameters
        ----------
        path : str or Path
            The file.
        start, stop : float or date, optional
            Read only the marginals with start <= time <= stop [time].
        **columns
            Which columns of another file hold what: `time`, `positions`, `velocities`, `weights`, `populations`,
            `growth`, with `dims`, `time_values`, `units`; see `wlmsim.io.series_from_columns`. The usual names need not
            be given.

        Raises
        ------
        FileNotFoundError, FileFormatError, MissingPackageError
            If there is no such file, it cannot be used, or a package is not installed that it needs.
        ParameterError
            If a name is not in the file (the message lists those that are), or no time is within the bounds.

        Examples
        --------
        >>> from pathlib import Path
        >>> _ = Path("cells.csv").write_text("day,pc1,pc2\n0,1.5,2\n0,0.5,1\n3,2.5,3\n")
        >>> SnapshotSeries.load("cells.csv", time="day", positions="pc")
        SnapshotSeries(times=2 in 0..3, n=1..2, dim=2, velocities at 0 of 2)
        """
        return door().read_snapshots(path, start=start, stop=stop, **columns)

    def standardise(self, scale: str = "axis") -> tuple[SnapshotSeries, Standardisation]:
        """Shift and scale to zero mean and unit spread over all rows; velocities are scaled along.

        Parameters
        ----------
        scale : str
            ``"axis"``: each axis by its own standard deviation. ``"common"``: all by the root mean square of these.
            Default ``"axis"``.

        Returns
        -------
        SnapshotSeries
            In the new coordinates.
        Standardisation
            The change of coordinates, with `apply` for other data and `invert` for the way back.
        """
        standardisation = Standardisation.of(self, scale)
        return standardisation.apply(self), standardisation

    def _mapped(self, place: Map, pace: Map, units: Mapping[str, str]) -> SnapshotSeries:
        """The same clouds in other coordinates."""
        return self.with_columns(
            positions=[place(x) for x in self.positions],
            velocities=[None if v is None else pace(v) for v in self.velocities],
            units=units,
        )

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the rows of all times as a pandas data frame (extra ``pandas``).

        Its columns are time, x, y, z (or x1, x2, ...), and as far as known vx, vy, vz, weight, population and
        growth_prior, which is read back where it is named; its ``attrs`` hold the metadata and the units.
        """
        return door().to_dataframe(self)

    @classmethod
    def from_dataframe(cls, frame: pandas.DataFrame, **columns: Any) -> SnapshotSeries:
        """Build a series from a data frame with a row for each particle at each time; `columns` are as in `load`."""
        return door().from_dataframe(frame, **columns)

    def to_xarray(self) -> xarray.Dataset:
        """Return the series as an xarray dataset (extra ``xarray``), laid out as a contiguous ragged array.

        It holds ``row_size`` (time), ``positions`` (row, axis) and as far as known ``velocities``, ``weight``,
        ``population`` and ``growth_prior``; the rows of one time follow those of the time before.
        """
        return door().to_xarray(self)

    @classmethod
    def from_xarray(cls, dataset: xarray.Dataset, **columns: Any) -> SnapshotSeries:
        """Build a series from a dataset of `to_xarray`, or any with the columns named as in `load`."""
        return door().from_xarray(dataset, **columns)

    def to_anndata(self, positions: str = "X_positions") -> anndata.AnnData:
        """Return the rows of all times as an AnnData object (extra ``anndata``).

        ``obs`` holds time, where they differ weight and population, and as far as known growth_prior; ``obsm`` the
        positions under the given name, ``"X_..."``, and the velocities under ``"velocity_..."``.
        """
        return door().to_anndata(self, positions)

    @classmethod
    def from_anndata(cls, data: anndata.AnnData, **columns: Any) -> SnapshotSeries:
        """Build a series from an AnnData object.

        Parameters
        ----------
        data : anndata.AnnData
            The cells.
        **columns
            As in `load`: `time` names a column of ``obs`` (with `time_values`, if it holds words); `positions` an array
            of ``obsm``, such as ``"X_pca"`` or ``"X_umap"``, or of ``layers``, or ``"X"``; `velocities` likewise, by
            default ``"velocity_pca"`` beside ``"X_pca"``; `dims` says how many components to keep; `growth` names a
            column of ``obs`` with rates that are known beforehand, such as those of `wlmsim.learn.cells.growth_prior`.
        """
        return door().from_anndata(data, **columns)


def _joined(columns: list[np.ndarray | None]) -> np.ndarray | None:
    """Columns one below the other; None where one of them is unknown."""
    known = [column for column in columns if column is not None]
    return np.concatenate(known) if len(known) == len(columns) else None


def _labels(name: str, given: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of populations as integers, and which of them are masked."""
    if given is None:
        return np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
    labels = given if isinstance(given, np.ma.MaskedArray) else np.asarray(given)
    fits = labels.dtype.kind == "i" or (labels.dtype.kind == "u" and (labels <= np.iinfo(np.int64).max).all())
    if labels.shape != (n,) or not fits:
        raise check.fail(name, f"an integer array of shape ({n},)", labels)
    return np.ma.filled(labels, 0).astype(np.int64), np.ma.getmaskarray(labels)
