"""One way out to files of any kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wlmsim import _validation as check
from wlmsim._progress import telling
from wlmsim._warning import warn
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.io.atomic import atomic
from wlmsim.io.h5md import save_trajectory
from wlmsim.io.mdanalysis import save_h5md
from wlmsim.io.optional import package
from wlmsim.io.paths import local
from wlmsim.io.paths_exchange import path_columns
from wlmsim.io.sink import hdf5_file, sink
from wlmsim.io.snapshots_file import forget, save_snapshots
from wlmsim.io.suffixes import DRAWN, WAYS, is_foreign, suffix_of
from wlmsim.io.tables import save_archive, save_text, write_rows
from wlmsim.io.tracks_file import save_tracks
from wlmsim.io.vtk import save_vtk

if TYPE_CHECKING:
    import anndata


def export(data: Trajectory | SnapshotSeries | Tracks, path: str | Path) -> Path:
    """Write a trajectory, tracks or a series as a file of the kind that the suffix says.

    Parameters
    ----------
    data : Trajectory, Tracks or SnapshotSeries
        What to write. ``.npz`` and ``.h5ad`` forget who is who.
    path : str or Path
        ``.h5``: HDF5 of wlmsim. ``.csv``, ``.tsv``, ``.parquet``: tables, of tracks and trajectories with names, dates,
        longitudes and latitudes. ``.npz``: arrays. ``.h5ad``: AnnData. ``.nc``: NetCDF, as `to_xarray` lays it out: of
        tracks and trajectories the trajectories of the CF conventions. ``.pvd``: points for ParaView, see `save_vtk`.
        ``.h5md``: a trajectory for MDAnalysis, see `save_h5md`.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    ParameterError
        If the suffix is none of these, or the format cannot hold the data.
    MissingPackageError
        If the format needs a package that is not installed.
    """
    check.instance("data", data, (Trajectory, SnapshotSeries, Tracks))
    path = local(path)
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise check.fail("path", f"a name that ends in {', '.join(WRITERS)}", str(path))
    if suffix == ".h5md" and not isinstance(data, Trajectory):
        raise ParameterError("`data` must be a Trajectory for .h5md; the particles of snapshots have no identities")
    weighted = isinstance(data, Trajectory) and suffix == ".nc" and not data.uniform  # of which CF knows nothing
    if (suffix not in KEEPING or weighted) and not isinstance(data, SnapshotSeries):
        data = forget(data) if isinstance(data, Trajectory) else data.snapshots()
    elif isinstance(data, Tracks) and suffix == ".pvd":
        data = data.snapshots()
    with telling(f"writing {path}"):
        WRITERS[suffix](data, path)
    return path


def save(data: Trajectory | SnapshotSeries | Tracks, path: str | Path) -> Path:
    """Write an HDF5 file of wlmsim, or one of the format that the suffix names.

    Parameters
    ----------
    data : Trajectory, Tracks or SnapshotSeries
        What to write.
    path : str or Path
        One that ends as files of `export` do is written as such; one of any other format is refused; what is left is
        HDF5, by any suffix or none, ``.h5md`` among them for a trajectory.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    ParameterError
        If the suffix names a format that is not written, or one that cannot hold the data.
    MissingPackageError
        If the format needs a package that is not installed.

    Warns
    -----
    DataWarning
        If who is who is lost in the format.
    """
    check_suffix(path)
    suffix = suffix_of(path)
    if suffix not in WRITERS or suffix == ".h5" or (suffix == ".h5md" and isinstance(data, Trajectory)):
        return _save_hdf5(data, path)
    if suffix not in KEEPING and not isinstance(data, SnapshotSeries):
        warn(f"{path}: {suffix} files do not say who is who, which is forgotten; .h5 keeps it", DataWarning)
    return export(data, path)


def check_suffix(path: str | Path) -> None:
    """Refuse a suffix of a format that is not written, before the work."""
    suffix = suffix_of(path)
    if is_foreign(path) and suffix not in WRITERS:
        expected = f"a name that ends in {', '.join(WRITERS)}: wlmsim does not write {suffix} files"
        expected += f" ({WAYS[suffix]})" if suffix in DRAWN else ""
        raise check.fail("path", expected, str(path))


def _save_hdf5(data: Trajectory | SnapshotSeries | Tracks, path: str | Path) -> Path:
    with telling(f"writing {path}"):
        if isinstance(data, Trajectory):
            return save_trajectory(data, path)
        return save_tracks(data, path) if isinstance(data, Tracks) else save_snapshots(data, path)


def _save_table(data: Trajectory | SnapshotSeries | Tracks, path: Path) -> None:
    """Rows as text: of those who have names with these."""
    if isinstance(data, SnapshotSeries):
        save_text(data, path)
        return
    write_rows(path_columns(data), path)


def _save_parquet(data: Trajectory | SnapshotSeries | Tracks, path: Path) -> None:
    frame = data.to_dataframe()
    package("pyarrow", "parquet")
    with atomic(path) as temporary:
        frame.to_parquet(temporary, index=False)


def _save_h5ad(series: SnapshotSeries, path: Path) -> None:
    write_cells(series.to_anndata(), path)


def write_cells(data: anndata.AnnData, path: str | Path) -> Path:
    """Write an AnnData object as an .h5ad file, atomically.

    Returns
    -------
    Path
        The path given.

    Raises
    ------
    OSError
        If the file cannot be written, for example because the disk is full; an older file of that name is then
        untouched.
    """
    element = package("anndata.io", "anndata").write_elem
    with atomic(path) as temporary, hdf5_file(temporary) as file:
        # the checksums of gzip are verified when it is read
        element(file, "/", data, dataset_kwargs={"compression": "gzip"})
        if data.raw is None and "raw" in file:
            del file["raw"]  # which stands for None, and cannot be read from the disk
    return local(path)


def _save_netcdf(data: Trajectory | SnapshotSeries | Tracks, path: Path) -> None:
    dataset = data.to_xarray()
    h5netcdf = package("h5netcdf", "xarray")
    from xarray.backends import H5NetCDFStore

    encoding = {
        name: {"zlib": True, "fletcher32": True} for name, held in dataset.variables.items() if held.dtype.kind in "fiu"
    }
    with atomic(path) as temporary, sink(temporary) as stream, h5netcdf.File(stream, "w") as file:
        dataset.dump_to_store(H5NetCDFStore(file), encoding=encoding)


KEEPING = (".h5", ".h5md", ".pvd", ".csv", ".tsv", ".parquet", ".nc")
"""Suffixes of formats that say who is who."""
WRITERS: dict[str, Callable[[Any, Path], Any]] = {
    ".h5": _save_hdf5,
    ".csv": _save_table,
    ".tsv": _save_table,
    ".parquet": _save_parquet,
    ".npz": save_archive,
    ".h5ad": _save_h5ad,
    ".nc": _save_netcdf,
    ".pvd": save_vtk,
    ".h5md": save_h5md,
}
"""What writes a file of each suffix."""
