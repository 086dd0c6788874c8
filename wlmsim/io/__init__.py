"""Files: everything that wlmsim reads or writes passes through here.

The layout of the files is described in docs/file_formats.md.
"""

from wlmsim.io.atomic import atomic
from wlmsim.io.columns import series_from_columns
from wlmsim.io.drifters import load_drifters
from wlmsim.io.exchange import from_anndata, from_dataframe, from_xarray, to_anndata, to_dataframe, to_xarray
from wlmsim.io.h5md import load_trajectory, save_trajectory
from wlmsim.io.inspection import describe, kind
from wlmsim.io.mdanalysis import save_h5md
from wlmsim.io.paths_exchange import paths_to_dataframe, paths_to_xarray, tracks_from_dataframe
from wlmsim.io.reading import holds_individuals, outline, read, read_cells, read_snapshots, read_tracks, read_trajectory
from wlmsim.io.snapshots_file import load_snapshots, save_snapshots
from wlmsim.io.suffixes import FOREIGN, is_foreign
from wlmsim.io.tables import save_archive, save_text
from wlmsim.io.track_tables import tracks_from_columns
from wlmsim.io.tracks_file import load_tracks, save_tracks
from wlmsim.io.vtk import save_vtk
from wlmsim.io.writing import export, save, write_cells

__all__ = [
    "FOREIGN",
    "atomic",
    "describe",
    "export",
    "from_anndata",
    "from_dataframe",
    "from_xarray",
    "holds_individuals",
    "is_foreign",
    "kind",
    "load_drifters",
    "load_snapshots",
    "load_tracks",
    "load_trajectory",
    "outline",
    "paths_to_dataframe",
    "paths_to_xarray",
    "read",
    "read_cells",
    "read_snapshots",
    "read_tracks",
    "read_trajectory",
    "save",
    "save_archive",
    "save_h5md",
    "save_snapshots",
    "save_text",
    "save_tracks",
    "save_trajectory",
    "save_vtk",
    "series_from_columns",
    "to_anndata",
    "to_dataframe",
    "to_xarray",
    "tracks_from_columns",
    "tracks_from_dataframe",
    "write_cells",
]
