"""Where cells end, and which genes go along with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.errors import AccuracyWarning, DataWarning, ParameterError
from wlmsim.learn.cells.reading import check_is_anndata

if TYPE_CHECKING:
    import anndata
    import pandas

DIRECT = 4000
"""Most transient cells for which equations are solved without iterations."""
LEAST = 1e-12
"""Probability of a step below which it is lost in rounding beside 1, and leads nowhere."""
RESIDUAL = 1e-6
"""Greatest residual of a solution that goes without a word."""


def fate_probabilities(
    data: anndata.AnnData,
    transitions: Any,
    groups: str | None = None,
    terminal: Sequence[str] | Mapping[str, Any] | None = None,
    *,
    key: str | None = "fate_probabilities",
) -> pandas.DataFrame:
    """Probability of each cell to end in each of some terminal groups, by a Markov chain between the cells.

    Terminal cells are where the chain stays. The others reach group k with probability F_ik, which solves
    (1 - Q) F = R, Q being the transitions between them and R those into the groups.

    Parameters
    ----------
    data : anndata.AnnData
        The cells, n of them.
    transitions : sparse matrix, shape (n, n)
        Of `WLM.transition_matrix`, or any with rows that sum to 1.
    groups : str, optional
        The column of ``obs`` whose categories are groups.
    terminal : sequence of str, or mapping of str to mask
        The categories that are terminal; or the cells of each terminal group, as masks (n,), which need no `groups`:
        ``{"late up": (data.obs["kind"] == "up") & (data.obs["day"] == "day 4")}``.
    key : str or None
        Name in ``obsm`` under which the result is written too, as a data frame; None writes nothing. Default
        "fate_probabilities".

    Returns
    -------
    pandas.DataFrame
        A row for each cell and a column for each group; rows sum to 1. NaN where no group can be reached.

    Raises
    ------
    ParameterError
        If a group is not there, two overlap, or the transitions are not between these cells.

    Warns
    -----
    DataWarning
        If cells reach no terminal group.

    Examples
    --------
    The gambler's ruin: three cells in a row between two ends, each step to either side.

    >>> import anndata, numpy as np, pandas as pd, wlmsim as wls
    >>> cells = anndata.AnnData(obs=pd.DataFrame({"kind": ["lost", "", "", "", "won"]}, index=list("abcde")))
    >>> steps = 0.5 * (np.eye(5, k=1) + np.eye(5, k=-1))
    >>> steps[0, 0] = steps[4, 4] = 0.5
    >>> wls.learn.cells.fate_probabilities(cells, steps, "kind", ["won", "lost"])["won"].round(9).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    import pandas
    from scipy.sparse import csr_matrix

    check_is_anndata(data)
    chain = csr_matrix(transitions)
    if chain.shape != (data.n_obs, data.n_obs):
        raise check.fail("transitions", f"of shape ({data.n_obs}, {data.n_obs}), as there are cells", chain.shape)
    if not np.allclose(chain.sum(axis=1), 1.0, atol=1e-6):
        raise ParameterError("`transitions` must have rows that sum to 1")
    masks = _masks(data, groups, terminal)
    found = _absorbed(chain, np.column_stack(list(masks.values())).astype(float))
    lost = int(np.isnan(found[:, 0]).sum())
    if lost:
        warn(f"{lost} of {data.n_obs} cells reach no terminal group: NaN", DataWarning)
    frame = pandas.DataFrame(found, index=data.obs_names, columns=list(masks))
    if key is not None:
        data.obsm[key] = frame
    return frame


def driver_genes(
    data: anndata.AnnData, fate: str | Any, *, key: str = "fate_probabilities", layer: str | None = None
) -> pandas.DataFrame:
    """Correlation of the expression of each gene with the probability of a fate.

    Parameters
    ----------
    data : anndata.AnnData
        The cells; of ``X`` nothing becomes dense.
    fate : str or array_like, shape (n,)
        A terminal group of `fate_probabilities`, or any number for each cell; cells with NaN are left out.
    key : str
        Where ``obsm`` has the probabilities. Default "fate_probabilities".
    layer : str, optional
        The layer with the expression, normalised and logarithmic. Default: ``X``.

    Returns
    -------
    pandas.DataFrame
        A row for each gene, the greatest correlation first: Pearson's ``correlation``, its ``pvalue`` for independent
        cells, and the ``qvalue``, the false discovery rate of Benjamini and Hochberg. Probabilities of neighbouring
        cells are not independent, so that p-values are too small: they rank genes, and prove nothing. NaN for genes
        that are the same in all cells.

    Examples
    --------
    >>> import anndata, numpy as np, pandas as pd, wlmsim as wls
    >>> counts = np.array([[0.0, 3.0], [1.0, 1.0], [2.0, 0.0], [3.0, 2.0]])
    >>> cells = anndata.AnnData(counts, var=pd.DataFrame(index=["up", "other"]))
    >>> wls.learn.cells.driver_genes(cells, [0.1, 0.2, 0.3, 0.4])["correlation"].round(2).to_dict()
    {'up': 1.0, 'other': -0.4}
    """
    import pandas

    check_is_anndata(data)
    y = _fate(data, fate, key)
    known = np.isfinite(y)
    if known.sum() < 3:
        raise check.fail("fate", "known of at least 3 cells", int(known.sum()))
    matrix = data.X if layer is None else data.layers[check.choice("layer", layer, list(data.layers))]
    if matrix is None:
        raise ParameterError("`data` must have expressions: it has no X; `layer` may name where they are")
    r = _correlations(matrix[np.flatnonzero(known)], y[known])
    p = _pvalues(r, int(known.sum()))
    columns = {"correlation": r, "pvalue": p, "qvalue": _qvalues(p)}
    frame = pandas.DataFrame(columns, index=data.var_names)
    return frame.sort_values("correlation", ascending=False, kind="stable")


# --- absorption


def _masks(data: anndata.AnnData, groups: str | None, terminal: Any) -> dict[str, np.ndarray]:
    """The cells of each terminal group."""
    if isinstance(terminal, Mapping):
        masks = {str(name): np.asarray(mask, dtype=bool) for name, mask in terminal.items()}
    else:
        if groups is None or isinstance(terminal, str) or not terminal:
            raise ParameterError("`terminal` must name categories of the column `groups` of obs, or give masks by name")
        column = np.asarray(data.obs[check.choice("groups", groups, list(data.obs))]).astype(str)
        there = sorted(set(column.tolist()))
        masks = {str(name): column == check.choice("terminal", str(name), there) for name in terminal}
    for name, mask in masks.items():
        if mask.shape != (data.n_obs,) or not mask.any():
            raise check.fail(f"terminal[{name!r}]", f"a mask of {data.n_obs} cells, of which some are true", mask)
    if not masks or np.sum(list(masks.values()), axis=0).max() > 1:
        raise ParameterError("`terminal` must be groups, at least one, that have no cell in common")
    return masks


def _absorbed(chain: Any, ends: np.ndarray) -> np.ndarray:
    """Probabilities to be absorbed in groups of cells, shape (n, k): one-hot rows where the chain ends."""
    stay = ends.sum(axis=1) > 0
    found = np.where(stay[:, None], ends, np.nan)
    inner = np.flatnonzero(_reach(chain, stay) & ~stay)
    if len(inner):
        found[inner] = np.clip(_solved(chain[inner][:, inner], chain[inner] @ ends), 0.0, None)
        # what goes to where no end is reached is lost: the rest is made of those that arrive
        found[inner] /= found[inner].sum(1, keepdims=True)
    return found


def _reach(chain: Any, ends: np.ndarray) -> np.ndarray:
    """Which cells can reach an end."""
    there, fresh = ends.copy(), ends
    while fresh.any():
        fresh = (chain @ there.astype(float) > LEAST) & ~there
        there |= fresh
    return there


def _solved(inside: Any, right: np.ndarray) -> np.ndarray:
    """The solution of (1 - Q) F = R."""
    from scipy.sparse import csc_matrix, identity
    from scipy.sparse.linalg import LinearOperator, gmres, spilu, splu

    matrix = csc_matrix(identity(inside.shape[0], format="csc") - inside)
    if inside.shape[0] <= DIRECT:
        return splu(matrix).solve(right)
    rough = spilu(matrix, drop_tol=1e-4, fill_factor=20)
    preconditioner = LinearOperator(matrix.shape, rough.solve)
    columns = [gmres(matrix, column, rtol=1e-9, maxiter=100, M=preconditioner)[0] for column in right.T]
    solution = np.column_stack(columns)
    residual = float(np.abs(matrix @ solution - right).max())
    if residual > RESIDUAL:
        warn(f"fates are known to {residual:.1g} only", AccuracyWarning)
    return solution


# --- correlation


def _fate(data: anndata.AnnData, fate: Any, key: str) -> np.ndarray:
    if not isinstance(fate, str):
        y = check.array("fate", fate)
        if y.shape != (data.n_obs,):
            raise check.fail("fate", f"an array of shape ({data.n_obs},), as there are cells", y)
        return y
    if key not in data.obsm:
        raise ParameterError(f"`data` must have obsm[{key!r}]: `fate_probabilities` writes it")
    frame = data.obsm[key]
    return np.asarray(frame[check.choice("fate", fate, [str(name) for name in frame.columns])], dtype=float)


def _correlations(matrix: Any, y: np.ndarray) -> np.ndarray:
    """Pearson's of each column with y, without making a sparse matrix dense."""
    n, z = len(y), y - y.mean()
    mean = np.asarray(matrix.mean(axis=0)).ravel()
    squares = matrix.multiply(matrix) if hasattr(matrix, "multiply") else matrix**2
    variance = np.asarray(squares.mean(axis=0)).ravel() - mean**2
    covariance = np.asarray(matrix.T @ z).ravel() / n
    with np.errstate(divide="ignore", invalid="ignore"):
        r = covariance / np.sqrt(np.where(variance > 1e-12 * (1 + mean**2), variance, np.nan) * (z @ z / n))
    return np.clip(r, -1.0, 1.0)


def _pvalues(r: np.ndarray, n: int) -> np.ndarray:
    from scipy.stats import t

    with np.errstate(divide="ignore"):
        return 2 * t.sf(np.abs(r) * np.sqrt((n - 2) / np.maximum(1 - r**2, 0.0)), n - 2)


def _qvalues(p: np.ndarray) -> np.ndarray:
    from scipy.stats import false_discovery_control

    q, known = np.full_like(p, np.nan), np.isfinite(p)
    q[known] = false_discovery_control(p[known]) if known.any() else []
    return q
