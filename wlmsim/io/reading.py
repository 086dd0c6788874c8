"""One way in for files of any kind that holds snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from wlmsim._progress import telling
from wlmsim._warning import warn
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import DataWarning, FileFormatError, ParameterError
from wlmsim.io import (
    arguments,
    drifters,
    exchange,
    h5md,
    hdf5,
    inspection,
    paths_exchange,
    tables,
    text,
    track_tables,
    trackmate,
    tracks_file,
)
from wlmsim.io.believed import most_bytes
from wlmsim.io.columns import series_from_columns
from wlmsim.io.optional import package
from wlmsim.io.paths import existing, local
from wlmsim.io.refusal import naming, one_line
from wlmsim.io.snapshots_file import load_snapshots
from wlmsim.io.stored_cells import StoredCells, is_stored_by_elements
from wlmsim.io.suffixes import ARRAYS, CELLS, NETCDF, PARQUET, TEXT, WAYS, XML, is_foreign, is_text, suffix_of


def size_of(path: str | Path) -> int:
    """Bytes of a file, or of all files of a folder, as zarr stores are."""
    path = local(path)
    return sum(part.stat().st_size for part in (path.rglob("*") if path.is_dir() else [path]) if part.is_file())


def read(path: str | Path, **columns: Any) -> Trajectory | SnapshotSeries | Tracks:
    """Read what a file of any known kind holds: tracks where it says who is who.

    Parameters
    ----------
    path : str or Path
        See `read_snapshots` and `read_tracks`.
    **columns
        What either of these takes.

    Returns
    -------
    Trajectory, Tracks or SnapshotSeries
        Snapshots where `weights`, `populations`, `dims` or `time_values` are given, which tracks have not.

    Raises
    ------
    FileNotFoundError, FileFormatError, MissingPackageError, ParameterError
        As `read_snapshots`.
    """
    path = local(path)
    arguments.check_known(columns)
    with telling(f"reading {path}"):
        if is_foreign(path) or columns.keys() - {*arguments.RESAMPLING, "start", "stop"}:
            with opened(path, columns.pop("decimal", None)) as file:
                return file.read(columns)
        if arguments.follow_individuals(columns):
            return tracks_file.load_tracks(path).resample(**columns)
        kind = inspection.kind(path)
        if kind == "trajectory":
            return h5md.load_trajectory(path, **columns)
        return tracks_file.load_tracks(path) if kind == "tracks" and not columns else load_snapshots(path, **columns)


def read_snapshots(path: str | Path, *, start: Any = None, stop: Any = None, **columns: Any) -> SnapshotSeries:
    """Read snapshots from a file of any known kind, which its suffix tells.

    Parameters
    ----------
    path : str or Path
        ``.csv``, ``.tsv`` or ``.txt``, also with ``.gz``: text with a header line. ``.npz``, ``.npy``: arrays.
        ``.h5ad``: AnnData. ``.nc``, ``.zarr``: drifters or other variables. ``.parquet``: a table. ``.xml``: tracks of
        TrackMate. Anything else: HDF5, of wlmsim, or foreign if names are given.
    start, stop : float or date, optional
        Keep only the clouds with start <= time <= stop [time].
    **columns
        What the columns are: see `series_from_columns`; for drifters see `load_drifters`. Text takes `decimal`, the
        decimal mark, "." or ",".

    Returns
    -------
    SnapshotSeries

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is damaged, or not of the kind that its suffix says.
    MissingPackageError
        If its kind needs a package that is not installed.
    ParameterError
        If a name is not there (the message lists those that are), an argument is for files of another kind, or no time
        falls between `start` and `stop`.
    """
    path = local(path)
    arguments.check_known(columns)
    with telling(f"reading {path}"):
        if not is_foreign(path) and not columns:
            with naming(path):
                return load_snapshots(path, start=start, stop=stop)
        with opened(path, columns.pop("decimal", None)) as file:
            return file.snapshots({**columns, "start": start, "stop": stop})


def read_trajectory(path: str | Path, *, start: Any = None, stop: Any = None) -> Trajectory:
    """Read a trajectory from a file of any known kind that follows individuals, which its suffix tells.

    Parameters
    ----------
    path : str or Path
        The file.
    start, stop : float or date, optional
        Only the frames with start <= time <= stop [time].

    Returns
    -------
    Trajectory
        Of files that are not wlmsim's own, those who are seen at all times; a warning says how many others there are.

    Raises
    ------
    FileNotFoundError, FileFormatError, MissingPackageError, ParameterError
        As `load_trajectory` and `read_tracks`.
    """
    if not is_foreign(local(path)):
        return h5md.load_trajectory(local(path), start=start, stop=stop)
    found = read_tracks(path).trajectory()
    about = {"metadata": found.metadata, "units": found.units}
    return found[hdf5.window(found.times, start, stop, about)]


def read_tracks(path: str | Path, **columns: Any) -> Tracks:
    """Read tracks from a file of any known kind, which its suffix tells.

    Parameters
    ----------
    path : str or Path
        See `Tracks.load`.
    **columns
        What the columns are and how to read them: see `tracks_from_columns`, and `load_drifters` for NetCDF and zarr.

    Returns
    -------
    Tracks

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If it is damaged, or not of the kind that its suffix says.
    MissingPackageError
        If its kind needs a package that is not installed.
    ParameterError
        If a name is not there (the message lists those that are), or an argument is for files of another kind.
    """
    path = local(path)
    arguments.check_known(columns)
    with telling(f"reading {path}"):
        if not is_foreign(path) and not columns:
            with naming(path):
                return tracks_file.load_tracks(path)
        with opened(path, columns.pop("decimal", None)) as file:
            return file.tracks(columns)


def holds_individuals(path: str | Path, **columns: Any) -> bool:
    """Whether a file says who is who: whether `read_tracks` is the better way to read it than `read_snapshots`.

    Of tables it is so if a column of names, one of times and those of positions have usual names, or are given, and the
    same name stands in several rows.
    """
    if not is_foreign(path):
        return inspection.kind(path) == "tracks"
    with opened(path) as file:
        return file.holds_individuals(columns)


def outline(path: str | Path) -> dict[str, Any]:
    """Say which columns a file of another kind holds: their names, shapes and kinds of values."""
    with opened(path) as file:
        return file.outline()


@dataclass
class Opened:
    """A file of any kind but wlmsim's own, parsed once.

    Parameters
    ----------
    path : Path
        Where it is.
    columns : mapping
        What it holds by name; values are read when asked for.
    whole : Any
        The dataset, the annotated matrix or the table that has the columns, if there is one.
    units : mapping
        Units that it tells beside its columns.
    """

    path: Path
    columns: Mapping[str, Any]
    whole: Any = None
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def suffix(self) -> str:
        """What tells its kind."""
        return suffix_of(self.path)

    def holds_individuals(self, given: Mapping[str, Any]) -> bool:
        """Whether it says who is who, by usual names or those that are given."""
        if self.suffix == XML:
            return True
        if self.suffix in NETCDF:
            return drifters.holds_drifters(self.whole)
        if not is_text(self.path) and self.suffix not in PARQUET:
            return False
        return track_tables.are_sightings(self.columns, self.path.name, given)

    def outline(self) -> dict[str, Any]:
        """Names, shapes and kinds of values of the columns."""
        shown = {name: _described(self.columns[name]) for name in self.columns}
        return {"path": str(self.path), "bytes": size_of(self.path), "kind": "columns", "columns": shown}

    def read(self, columns: Mapping[str, Any]) -> SnapshotSeries | Tracks:
        """Tracks, or snapshots where nobody is followed or what is given is for snapshots alone."""
        wanted = arguments.follow_individuals(columns)
        if wanted is None or (self.suffix in NETCDF and not wanted):
            wanted = self.holds_individuals(columns)
        elif not wanted and self.holds_individuals(columns):
            name = next(name for name in arguments.OF_SNAPSHOTS if name in columns)
            warn(f"{self.path.name}: it says who is who, which is forgotten, as `{name}` is for snapshots", DataWarning)
        return self.tracks(columns) if wanted else self.snapshots(columns)

    def tracks(self, columns: Mapping[str, Any]) -> Tracks:
        """The sightings of individuals; arguments are those of `read_tracks`."""
        if self.suffix in NETCDF:
            arguments.check_taken(columns, drifters.load_drifters, f"drifters of {self.path.name}")
            return drifters.load_drifters(self.whole, **columns)
        arguments.check_taken(columns, track_tables.tracks_from_columns, f"tracks of {self.path.name}")
        if self.suffix in PARQUET:
            return paths_exchange.tracks_from_table(self.whole, source=self.path.name, **columns)
        table, units = self.columns, self.units
        if trackmate.is_table(table):
            table, units = trackmate.table(table)
        named = {**columns, "units": {**units, **(columns.get("units") or {})}}
        return track_tables.tracks_from_columns(table, self.path.name, **named)

    def snapshots(self, columns: Mapping[str, Any]) -> SnapshotSeries:
        """The clouds; arguments are those of `read_snapshots`."""
        bounds = {name: columns.get(name) for name in ("start", "stop")}
        columns = {name: value for name, value in columns.items() if name not in bounds}
        series = self._all_snapshots(columns)
        if all(time is None for time in bounds.values()):
            return series
        return series[hdf5.window(series.times, **bounds, about={"metadata": series.metadata, "units": series.units})]

    def _all_snapshots(self, columns: Mapping[str, Any]) -> SnapshotSeries:
        if self.suffix == XML or (self.suffix in NETCDF and drifters.holds_drifters(self.whole)):
            return self.tracks(columns).snapshots()
        arguments.check_taken(columns, series_from_columns, f"snapshots of {self.path.name}")
        if self.suffix in NETCDF:
            return exchange.from_xarray(self.whole, source=self.path.name, **columns)
        if self.suffix in PARQUET:
            return exchange.from_table(self.whole, source=self.path.name, **columns)
        if self.suffix == CELLS:
            return exchange.from_anndata(self.whole, source=self.path.name, **columns)
        return series_from_columns(self.columns, self.path.name, **columns)


@contextmanager
def opened(path: str | Path, decimal: str | None = None) -> Iterator[Opened]:
    """Open a file of any kind but wlmsim's own; what goes wrong within names the file."""
    path = local(path)
    suffix = suffix_of(path)
    _check_readable(path, suffix)
    if decimal is not None and not is_text(path):
        raise ParameterError(f"`decimal` is for text files, {', '.join(TEXT)}; got {str(path)!r}")
    with naming(path):
        yield from _opened(path, suffix, decimal)


def _opened(path: Path, suffix: str, decimal: str | None) -> Iterator[Opened]:
    if is_text(path):
        yield Opened(path, text.text_columns(path, decimal=decimal))
    elif suffix in PARQUET:
        with _parquet(path) as table:
            yield Opened(path, table, table)
    elif suffix == XML:
        columns, units = trackmate.xml(path)
        yield Opened(path, columns, units=units)
    elif suffix in ARRAYS:
        with tables.archive_columns(path) as arrays:
            yield Opened(path, arrays)
    elif suffix in NETCDF:
        with drifters.opened(path) as dataset:
            yield Opened(path, {str(name): variable for name, variable in dataset.variables.items()}, dataset)
    elif suffix == CELLS:
        with _cells(path) as data:
            yield Opened(path, exchange.AnnotatedColumns(data), data)
    else:
        with tables.dataset_columns(path) as datasets:
            if "snapshots/offsets" in datasets or "tracks/ids" in datasets:
                raise ParameterError(f"{path} is a file of wlmsim: it is read without naming columns")
            yield Opened(path, datasets)


class ParquetColumns(exchange.FrameColumns):
    """The columns of a table of which each is read when it is asked for, as pandas reads it."""

    def __init__(self, file: Any):
        super().__init__(file.schema_arrow.empty_table().to_pandas())
        self._file = file

    def _column(self, name: Any) -> Any:
        return self._file.read(columns=[name]).to_pandas()[name]


@contextmanager
def _parquet(path: Path) -> Iterator[ParquetColumns]:
    package("pandas", "parquet")
    package("pyarrow", "parquet")
    from pyarrow import parquet

    path = existing(path)
    try:
        _check_rows(path)
        file = parquet.ParquetFile(path)
        columns = ParquetColumns(file)
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: it is not a Parquet file ({one_line(error)})") from None
    with file:
        yield columns


def _check_rows(path: Path) -> None:
    """Refuse a table that declares far more numbers than the file has bytes, before memory is taken for them."""
    from pyarrow import parquet

    about, size = parquet.read_metadata(path), path.stat().st_size
    if 8 * about.num_rows * about.num_columns > most_bytes(size):
        raise ValueError(f"it declares {about.num_rows} rows of {about.num_columns} columns in {size} bytes")


def _check_readable(path: Path, suffix: str) -> None:
    """Say what reads a file that is not read here."""
    if suffix in WAYS:
        raise FileFormatError(f"{existing(path)}: wlmsim does not read {suffix} files; {WAYS[suffix]}")


def _described(value: Any) -> str:
    """Kind and shape of values."""
    return f"{getattr(value, 'dtype', type(value).__name__)} {tuple(np.shape(value))}"


def read_cells(path: str | Path) -> Any:
    """Read an .h5ad file as an AnnData object, all of it in memory; errors are those of `read_snapshots`."""
    with _annotated(local(path), backed=None) as data:
        return data


@contextmanager
def _cells(path: Path) -> Iterator[Any]:
    """An .h5ad file, of which nothing is read before it is asked for; one that is laid out as of old all but X."""
    package("anndata", "anndata")
    with hdf5.reading(path, foreign=True) as file:
        if is_stored_by_elements(file):
            yield StoredCells(file)
            return
    with _annotated(path) as data:
        yield data


@contextmanager
def _annotated(path: Path, backed: str | None = "r") -> Iterator[Any]:
    """An .h5ad file; its matrix X, which need not be there, stays on the disk unless all is to be in memory."""
    anndata = package("anndata", "anndata")
    with hdf5.reading(path, foreign=True):
        pass
    try:
        data = anndata.read_h5ad(path, backed=backed)
    except Exception as error:  # what it raises on a foreign file is not documented
        raise FileFormatError(f"{path}: anndata cannot read it ({one_line(error)})") from error
    try:
        yield data
    finally:
        data.file.close()
