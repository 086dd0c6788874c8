"""Annotated matrices in files, of which each element stays on the disk until it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import h5py

from wlmsim.io.optional import package


class StoredCells:
    """An .h5ad file with what is read of an AnnData object: `obs`, `obsm`, `varm`, `layers`, `uns` and `X`.

    Parameters
    ----------
    file : h5py.File
        Open, and laid out as anndata 0.8 and later do it.
    """

    def __init__(self, file: h5py.File):
        self.obs = Annotations(file["obs"])
        self.obsm, self.varm, self.layers, self.uns = (
            Elements(file.get(name, {})) for name in ("obsm", "varm", "layers", "uns")
        )
        self.X = _element(file["X"]) if "X" in file else None


class Elements(Mapping[str, Any]):
    """The elements of a group; arrays and tables are read when they are asked for, sparse matrices row by row."""

    def __init__(self, group: Any):
        self._group = group

    def __getitem__(self, name: str) -> Any:
        return _element(self._group[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._group)

    def __len__(self) -> int:
        return len(self._group)


class Annotations(Elements):
    """The columns of a table, one of which is read without the others."""

    @property
    def columns(self) -> list[str]:
        """Their names, in their order."""
        return [name.decode() if isinstance(name, bytes) else str(name) for name in self._group.attrs["column-order"]]

    def __getitem__(self, name: str) -> Any:
        return package("pandas", "anndata").Series(super().__getitem__(name), copy=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)


def is_stored_by_elements(file: h5py.File) -> bool:
    """Whether a file is laid out as anndata 0.8 and later do it."""
    table = file.get("obs")
    whole = file.attrs.get("encoding-type") == "anndata" and isinstance(table, h5py.Group)
    return whole and "column-order" in table.attrs


def _element(stored: Any) -> Any:
    """A dense array as it is stored, a sparse matrix that is read in parts, and anything else as anndata reads it."""
    io = package("anndata.io", "anndata")
    kind = str(stored.attrs.get("encoding-type", ""))
    if kind == "array":
        return stored
    return io.sparse_dataset(stored) if kind in ("csr_matrix", "csc_matrix") else io.read_elem(stored)
