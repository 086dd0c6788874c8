"""One way in for files of any kind that holds snapshots."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.errors import FileFormatError, ParameterError
from wlmsim.io import (
    drifters,
    exchange,
    hdf5,
    inspection,
    paths_exchange,
    tables,
    track_tables,
    trackmate,
    tracks_file,
)
from wlmsim.io.columns import series_from_columns
from wlmsim.io.optional import package
from wlmsim.io.paths import existing, local
from wlmsim.io.refusal import naming
from wlmsim.io.snapshots_file import load_snapshots

NETCDF = (".nc", ".nc4", ".cdf", drifters.ZARR)
ARRAYS = (".npz", ".npy")
PARQUET = (".parquet", ".pq")
XML = ".xml"
FOREIGN = (*tables.TEXT, *(f"{suffix}.gz" for suffix in tables.TEXT), *ARRAYS, ".h5ad", *NETCDF, *PARQUET, XML)
"""Suffixes of files that are not wlmsim's own."""
WAYS = {
    (".feather",): "pandas.read_feather(path)",
    (".xlsx", ".xls", ".ods"): "pandas.read_excel(path)",
    (".pkl", ".pickle"): "pandas.read_pickle(path)",
    (".json",): "pandas.read_json(path)",
    (".dta",): "pandas.read_stata(path)",
    (".sas7bdat",): "pandas.read_sas(path)",
}
"""How pandas makes a data frame of files that are not read here."""


def suffix_of(path: str | Path) -> str:
    """The suffix that says what a file is, in small letters; of a compressed one together with the one before it."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:])


def size_of(path: str | Path) -> int:
    """Bytes of a file, or of all files of a folder, as zarr stores are."""
    path = local(path)
    return sum(part.stat().st_size for part in (path.rglob("*") if path.is_dir() else [path]) if part.is_file())


def is_foreign(path: str | Path) -> bool:
    """Whether a file is by its suffix not one of wlmsim's own."""
    return suffix_of(path) in (*FOREIGN, *(suffix for suffixes in WAYS for suffix in suffixes))


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
        If a name is not there (the message lists those that are), or no time falls between `start` and `stop`.
    """
    path = local(path)
    suffix = suffix_of(path)
    _check_names(columns)
    _check_readable(path, suffix)
    decimal = columns.pop("decimal", None)
    if decimal is not None and suffix.removesuffix(".gz") not in tables.TEXT:
        raise ParameterError(f"`decimal` is for text files, {', '.join(tables.TEXT)}; got {str(path)!r}")
    with naming(path):
        if suffix in NETCDF:
            series = _netcdf(path, columns)
        elif suffix == XML:
            return read_tracks(path, **columns).snapshots()
        elif suffix == ".h5ad":
            with _annotated(path) as data:
                series = exchange.from_anndata(data, source=path.name, **columns)
        elif suffix in FOREIGN or columns:
            with opened_columns(path, decimal or ".") as found:
                series = series_from_columns(found, path.name, **columns)
        else:
            return load_snapshots(path, start=start, stop=stop)
    return (
        series
        if start is None and stop is None
        else series[hdf5.window(series.times, start, stop, {"metadata": series.metadata, "units": series.units})]
    )


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
        If a name is not there (the message lists those that are).
    """
    path = local(path)
    suffix = suffix_of(path)
    _check_names(columns, (track_tables.tracks_from_columns, drifters.load_drifters))
    _check_readable(path, suffix)
    with naming(path):
        return _read_tracks(path, suffix, columns)


def _read_tracks(path: Path, suffix: str, columns: dict[str, Any]) -> Tracks:
    if suffix in NETCDF:
        return drifters.load_drifters(path, **columns)
    if suffix == XML:
        found, units = trackmate.xml(path)
        columns["units"] = {**units, **(columns.get("units") or {})}
        return track_tables.tracks_from_columns(found, path.name, **columns)
    if suffix not in FOREIGN and not columns:
        return tracks_file.load_tracks(path)
    decimal = columns.pop("decimal", None)
    with opened_columns(path, decimal or ".") as opened:
        if suffix in PARQUET and isinstance(opened, ParquetColumns):
            return paths_exchange.tracks_from_dataframe(opened.frame, source=path.name, **columns)
        table: Any = dict(opened) if suffix.removesuffix(".gz") in tables.TEXT else opened
        if trackmate.is_table(table):
            table, units = trackmate.table(table)
            columns["units"] = {**units, **(columns.get("units") or {})}
        return track_tables.tracks_from_columns(table, path.name, **columns)


def holds_individuals(path: str | Path, **columns: Any) -> bool:
    """Whether a file says who is who: whether `read_tracks` is the better way to read it than `read_snapshots`.

    Of tables it is so if a column of names, one of times and those of positions have usual names, or are given, and the
    same name stands in several rows.
    """
    path = local(path)
    suffix = suffix_of(path)
    if suffix == XML:
        return True
    if suffix in NETCDF:
        with drifters.opened(path) as dataset:
            return drifters.holds_drifters(dataset)
    if suffix.removesuffix(".gz") not in tables.TEXT and suffix not in PARQUET:
        return not is_foreign(path) and inspection.kind(path) == "tracks"
    with opened_columns(path) as opened:
        return track_tables.are_sightings(opened, path.name, columns)


@contextmanager
def opened_columns(path: str | Path, decimal: str = ".") -> Iterator[Mapping[str, Any]]:
    """Open a file of any kind but wlmsim's own, and yield what it holds by name; values are read when asked for."""
    path = local(path)
    suffix = suffix_of(path)
    _check_readable(path, suffix)
    with naming(path):
        yield from _columns_of(path, suffix, decimal)


def _columns_of(path: Path, suffix: str, decimal: str) -> Iterator[Mapping[str, Any]]:
    if suffix.removesuffix(".gz") in tables.TEXT:
        yield tables.text_columns(path, decimal=decimal)
    elif suffix in PARQUET:
        yield _parquet(path)
    elif suffix == XML:
        yield trackmate.xml(path)[0]
    elif suffix in ARRAYS:
        with tables.archive_columns(path) as arrays:
            yield arrays
    elif suffix in NETCDF:
        with drifters.opened(path) as dataset:
            yield {str(name): variable for name, variable in dataset.variables.items()}
    elif suffix == ".h5ad":
        with _annotated(path) as data:
            yield exchange.AnnotatedColumns(data)
    else:
        with tables.dataset_columns(path) as datasets:
            if "snapshots/offsets" in datasets:
                raise ParameterError(f"{path} is a file of wlmsim: it is read without naming columns")
            yield datasets


def outline(path: str | Path) -> dict[str, Any]:
    """Say which columns a file of another kind holds: their names, shapes and kinds of values."""
    with opened_columns(path) as columns:
        found = {name: columns[name] for name in columns}
        shown = {name: f"{_kind(value)} {tuple(np.shape(value))}" for name, value in found.items()}
    return {"path": str(path), "bytes": size_of(path), "kind": "columns", "columns": shown}


class ParquetColumns(Mapping[str, Any]):
    """The columns of a Parquet file, and the data frame that they are of."""

    def __init__(self, frame: Any):
        self.frame = frame

    def __getitem__(self, name: str) -> Any:
        column = self.frame[name]
        return column if getattr(column.dtype, "tz", None) is not None else column.to_numpy()

    def __iter__(self) -> Iterator[str]:
        return iter(map(str, self.frame.columns))

    def __len__(self) -> int:
        return len(self.frame.columns)


def _parquet(path: Path) -> ParquetColumns:
    pandas = package("pandas", "parquet")
    package("pyarrow", "parquet")
    path = existing(path)
    try:
        _check_rows(path)
        return ParquetColumns(pandas.read_parquet(path))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: it is not a Parquet file ({str(error).splitlines()[0]})") from None


def _check_rows(path: Path) -> None:
    """Refuse a table that declares far more numbers than the file has bytes, before memory is taken for them."""
    from pyarrow import parquet

    about, size = parquet.read_metadata(path), path.stat().st_size
    if 8 * about.num_rows * about.num_columns > max(tables.LARGE, tables.DENSEST * size):
        raise ValueError(f"it declares {about.num_rows} rows of {about.num_columns} columns in {size} bytes")


def _check_names(
    columns: Mapping[str, Any], readers: Sequence[Any] = (series_from_columns, drifters.load_drifters)
) -> None:
    """Refuse misspelt arguments here: within an open file, a `TypeError` would be taken for damage."""
    known = ["decimal", *(name for reader in readers for name in inspect.signature(reader).parameters)]
    for name in columns:
        if name not in known:
            raise TypeError(f"load() got an unexpected keyword argument {name!r}{check.meant(name, known)}")


def _check_readable(path: Path, suffix: str) -> None:
    """Say which other package reads a file that is not read here."""
    for suffixes, call in WAYS.items():
        if suffix in suffixes:
            existing(path)
            way = f"wls.SnapshotSeries.from_dataframe({call})"
            raise FileFormatError(f"{path}: wlmsim does not read {suffix} files; {way} does, with pandas")


def _kind(value: Any) -> str:
    return str(getattr(value, "dtype", type(value).__name__))


def _netcdf(path: Path, columns: Mapping[str, Any]) -> SnapshotSeries:
    with drifters.opened(path) as dataset:
        if drifters.holds_drifters(dataset):
            tracks = drifters.load_drifters(dataset, **columns)
            tracks.metadata["source"] = str(path)
            return tracks.snapshots()
        return exchange.from_xarray(dataset, source=path.name, **columns)


def read_cells(path: str | Path) -> Any:
    """Read an .h5ad file as an AnnData object, all of it in memory; errors are those of `read_snapshots`."""
    with _annotated(local(path)) as data:
        return data.to_memory()


@contextmanager
def _annotated(path: Path) -> Iterator[Any]:
    """An .h5ad file; its matrix X stays on the disk until it is asked for."""
    anndata = package("anndata", "anndata")
    with hdf5.reading(path, foreign=True):
        pass
    try:
        data = anndata.read_h5ad(path, backed="r")
    except Exception as error:  # what it raises on a foreign file is not documented
        raise FileFormatError(f"{path}: anndata cannot read it ({str(error).splitlines()[0]})") from error
    try:
        yield data
    finally:
        data.file.close()
