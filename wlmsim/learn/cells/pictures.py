"""Velocities in pictures, such as UMAPs, by where neighbours stand in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.learn.cells.annotation import Written
from wlmsim.learn.cells.reading import check_is_anndata, dense

if TYPE_CHECKING:
    import anndata


def picture_velocities(
    data: anndata.AnnData, transitions: Any, picture: str = "X_umap", *, overwrite: bool = False
) -> np.ndarray:
    """Directions in a picture that a Markov chain takes, for arrows and streams: of no use but for the eye.

    The arrow of cell i is the mean over the chain of (u_j - u_i) / |u_j - u_i|, u being places in the picture: 1 long
    where all cells that may be reached lie in one direction.

    Parameters
    ----------
    data : anndata.AnnData
        The cells, n of them. ``obsm["velocity_umap"]`` is written, after ``"X_umap"``, where scVelo looks for it:
        ``scvelo.pl.velocity_embedding_stream(data, basis="umap")``.
    transitions : sparse matrix, shape (n, n)
        Of `WLM.transition_matrix`.
    picture : str
        Its name in ``obsm``. Default "X_umap".
    overwrite : bool
        Whether to replace what is there and was not written by wlmsim, with a word. Default False.

    Returns
    -------
    ndarray, shape (n, 2) or (n, 3)
        [dimensionless].

    Examples
    --------
    >>> import anndata, numpy as np, wlmsim as wls
    >>> cells = anndata.AnnData(obsm={"X_umap": np.array([[0.0, 0.0], [3.0, 0.0], [-1.0, 0.0]])}, shape=(3, 0))
    >>> wls.learn.cells.picture_velocities(cells, [[0.1, 0.8, 0.1], [0, 1, 0], [0, 0, 1]])[0].round(2)
    array([0.7, 0. ])
    """
    from scipy.sparse import csr_matrix

    check_is_anndata(data)
    places = dense(data.obsm[check.choice("picture", picture, [str(name) for name in data.obsm])])
    chain = csr_matrix(transitions)
    if chain.shape != (len(places), len(places)):
        raise ParameterError(f"`transitions` must be between the {len(places)} cells; got the shape {chain.shape}")
    source = np.repeat(np.arange(len(places)), np.diff(chain.indptr))
    step = places[chain.indices] - places[source]
    length = np.linalg.norm(step, axis=1, keepdims=True)
    unit = np.divide(step, length, out=np.zeros_like(step), where=length > 0)
    arrows = np.column_stack([np.bincount(source, chain.data * axis, len(places)) for axis in unit.T])
    written = Written(data, "", overwrite)
    written.plan("obsm", f"velocity_{picture.removeprefix('X_')}", arrows)
    written.write({})
    return arrows
