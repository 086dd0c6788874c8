"""From components to genes, within bounds of memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wlmsim._warning import warn
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.io.exchange import loadings_of

if TYPE_CHECKING:
    import anndata

LARGE = 2e9
"""Bytes beyond which a dense matrix of genes is not made unless asked for."""


def loadings_for(data: anndata.AnnData, embedding: str, genes: bool | None) -> str | None:
    """The name of the loadings if genes are wanted and they are there; `ParameterError` if asked for in vain."""
    loadings = loadings_of(data, embedding)
    if genes and loadings is None:
        raise ParameterError(
            f"`genes` needs the loadings of {embedding!r}, as scanpy.pp.pca keeps them in varm['PCs']; "
            f"there is {', '.join(map(repr, data.varm)) or 'nothing'} in varm"
        )
    return None if genes is False else loadings


def is_too_large(size: float, genes: bool | None, what: str) -> bool:
    """Whether a matrix takes more memory than one would expect, with a word, and was not asked for."""
    if size <= LARGE or genes:
        return False
    warn(
        f"{what} are left out: they take {size / 1e9:.3g} GB; genes=True makes them, data[:, names] has fewer genes",
        DataWarning,
    )
    return True
