"""One way out to files of any kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from wlmsim import _validation as check
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.io.atomic import atomic
from wlmsim.io.mdanalysis import save_h5md
from wlmsim.io.optional import package
from wlmsim.io.paths import local
from wlmsim.io.snapshots_file import forget
from wlmsim.io.tables import save_archive, save_text
from wlmsim.io.vtk import save_vtk


def export(data: Trajectory | SnapshotSeries, path: str | Path) -> Path:
    """Write a trajectory or a series as a file of the kind that the suffix says.

    Parameters
    ----------
    data : Trajectory or SnapshotSeries
        What to write. Formats of rows forget the identities of a trajectory.
    path : str or Path
        ``.h5``: HDF5 of wlmsim. ``.csv``, ``.tsv``: text. ``.npz``: arrays. ``.h5ad``: AnnData. ``.nc``: NetCDF, as
        `SnapshotSeries.to_xarray` lays it out. ``.pvd``: points for ParaView, see `save_vtk`. ``.h5md``: a trajectory
        for MDAnalysis, see `save_h5md`.

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
    check.instance("data", data, (Trajectory, SnapshotSeries))
    path = local(path)
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        raise check.fail("path", f"a name that ends in {', '.join(WRITERS)}", str(path))
    if suffix == ".h5md" and not isinstance(data, Trajectory):
        raise ParameterError("`data` must be a Trajectory for .h5md; the particles of snapshots have no identities")
    if isinstance(data, Trajectory) and suffix not in (".h5", ".h5md", ".pvd"):
        data = forget(data)
    WRITERS[suffix](data, path)
    return path


def _save(data: Trajectory | SnapshotSeries, path: Path) -> None:
    data.save(path)


def _save_h5ad(series: SnapshotSeries, path: Path) -> None:
    data = series.to_anndata()
    with atomic(path) as temporary:
        data.write_h5ad(temporary)


def _save_netcdf(series: SnapshotSeries, path: Path) -> None:
    dataset = series.to_xarray()
    package("h5netcdf", "xarray")
    with atomic(path) as temporary:
        dataset.to_netcdf(temporary, engine="h5netcdf")


WRITERS: dict[str, Callable[[Any, Path], Any]] = {
    ".h5": _save,
    ".csv": save_text,
    ".tsv": save_text,
    ".npz": save_archive,
    ".h5ad": _save_h5ad,
    ".nc": _save_netcdf,
    ".pvd": save_vtk,
    ".h5md": save_h5md,
}
"""What writes a file of each suffix."""
