"""What a file is by its suffix."""

from __future__ import annotations

from pathlib import Path

TEXT = (".csv", ".tsv", ".txt", ".dat", ".asc")
PACKED = (".gz", ".bz2", ".xz", ".zip")
"""Suffixes behind another one, of compressed text."""
ZARR = ".zarr"
"""Suffix of folders that are zarr stores."""
NETCDF = (".nc", ".nc4", ".cdf", ZARR)
ARRAYS = (".npz", ".npy")
PARQUET = (".parquet", ".pq")
CELLS = ".h5ad"
XML = ".xml"
FOREIGN = (*TEXT, *(suffix + packed for suffix in TEXT for packed in PACKED), *ARRAYS, CELLS, *NETCDF, *PARQUET, XML)
"""Suffixes of files that are read and are not wlmsim's own."""
_PANDAS = "wls.SnapshotSeries.from_dataframe(pandas.{}(path)) does, with pandas"
_MDANALYSIS = (
    "wls.Trajectory(times, [frame.positions.copy() for frame in MDAnalysis.Universe(path).trajectory]) does, "
    "with MDAnalysis"
)
DRAWN = (
    *(".png", ".pdf", ".svg", ".eps", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".html"),
    *(".gif", ".mp4", ".mov", ".avi", ".mkv", ".webm"),
)
"""Suffixes of pictures, pages and films."""
WAYS = {
    ".feather": _PANDAS.format("read_feather"),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), _PANDAS.format("read_excel")),
    **dict.fromkeys((".pkl", ".pickle"), _PANDAS.format("read_pickle")),
    ".json": _PANDAS.format("read_json"),
    ".dta": _PANDAS.format("read_stata"),
    ".sas7bdat": _PANDAS.format("read_sas"),
    **dict.fromkeys((".xyz", ".pdb", ".gro", ".dcd", ".xtc", ".trr", ".lammpstrj", ".gsd"), _MDANALYSIS),
    ".loom": "anndata.io.read_loom(path) does, whose result wls.SnapshotSeries.from_anndata takes",
    **dict.fromkeys((".rds", ".rda", ".rdata"), "R does: write.csv(table, path) makes a table of it"),
    **dict.fromkeys((".mat", ".fits"), "scipy.io.loadmat or astropy.table do, of whose arrays a series is made"),
    **dict.fromkeys((".pvd", ".vtp", ".vtu", ".vtk", ".vtkhdf"), "pyvista.read(path).points are arrays"),
    **dict.fromkeys(
        (*PACKED, ".zst", ".7z", ".tar", ".tgz"), "unpack it first, or call it .csv.zip if it holds one table"
    ),
    **dict.fromkeys(DRAWN, "wls.visual draws them, as wls.visual.film(data, path) does"),
}
"""What reads files that are not read here."""


def suffix_of(path: str | Path) -> str:
    """The suffix that says what a file is, in small letters; of compressed text together with the one before it."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    packed = suffixes[-1:] and suffixes[-1] in PACKED and suffixes[-2:-1] and suffixes[-2] in TEXT
    return "".join(suffixes[-2:] if packed else suffixes[-1:])


def is_text(path: str | Path) -> bool:
    """Whether a file is by its suffix text, compressed or not."""
    suffix = suffix_of(path)
    return suffix in TEXT or any(suffix.endswith(packed) and suffix.removesuffix(packed) in TEXT for packed in PACKED)


def is_foreign(path: str | Path) -> bool:
    """Whether a file is by its suffix not one of wlmsim's own."""
    return suffix_of(path) in (*FOREIGN, *WAYS)
