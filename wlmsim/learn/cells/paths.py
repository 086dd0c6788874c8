"""Simulated cells as AnnData: where learned mechanics and its noise carry observed ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _times
from wlmsim.data.trajectory import Trajectory
from wlmsim.io.exchange import LOADINGS, is_picture
from wlmsim.io.optional import package
from wlmsim.learn.cells.genes import is_too_large, loadings_for
from wlmsim.learn.cells.marginals import Marginal, at_time, check_fitted_to, marginals_of
from wlmsim.learn.cells.reading import dense, rows_of

if TYPE_CHECKING:
    import anndata
    import pandas

NEIGHBOURS = 10
"""Observed cells by which a simulated one gets its place in a picture."""
SIMULATED = "wlmsim_simulation"
"""The entry of ``uns`` that says what simulated cells are."""
NEAREST = "nearest_"
"""What columns begin with that are those of the nearest observed cell."""


def simulated_cells(
    model: Any,
    data: anndata.AnnData,
    times: Any,
    *,
    start: float | None = None,
    ensemble: int = 1,
    seed: int | None = None,
    genes: bool | None = None,
    **columns: Any,
) -> anndata.AnnData:
    """Carry observed cells along the learned mechanics, and return what becomes of them as cells.

    Parameters
    ----------
    model : WLM
        Fitted to the cells.
    data : anndata.AnnData
        The cells.
    times : array_like, shape (T,)
        When they are looked at: increasing, none before the start [time].
    start : float, optional
        The time of the cells to start from, n of them. Default: the first one.
    ensemble : int
        How many runs of the noise, independent of each other. Default 1.
    seed : int, optional
        Of the noise. Default: that of the model.
    genes : bool, optional
        Whether ``X`` holds expressions, dense, by the loadings ``varm["PCs"]`` and the mean of ``data.X``: what the
        components say of them, and no counts. Default: where there are loadings and it has at most 2 GB.
    **columns
        What is to be read in other places than the model remembers, as in `SnapshotSeries.from_anndata`.

    Returns
    -------
    anndata.AnnData
        A row for each cell, run and time, T x ensemble x n, time by time. ``obs``: the time, under its name in the
        data; ``origin``, the name of the cell it started as; ``run``; ``weight``, its share of the population, which
        changes where growth was learned; and all columns of the nearest observed cell, under names that begin with
        ``nearest_``: simulated cells have no annotation of their own. ``obsm``: the embedding; and pictures, such as
        ``X_umap``, at the mean place of the ten nearest observed cells. ``var`` and the loadings are those of the data.

    Examples
    --------
    Ten futures of each cell of day 0, looked at each half day::

        futures = wls.learn.cells.simulated_cells(model, data, np.arange(0, 4.5, 0.5), start=0, ensemble=10)
    """
    rows = rows_of(model, data, **columns)
    check_fitted_to(model, rows)
    marginals = marginals_of(rows, model)
    first = min(m.time for m in marginals) if start is None else start
    starts = at_time(marginals, "start", first)
    paths = [(m, model.forecast(m.cloud, times, seed=seed, ensemble=ensemble)) for m in starts]
    positions = [path.positions.reshape(-1, path.dim) for _, path in paths]
    x, about = np.concatenate(positions), _about(data, str(rows.names["time"]), paths)
    used = np.flatnonzero(np.isfinite(rows.positions).all(axis=1))
    near = _nearest(rows.positions[used], x)
    for name in data.obs:
        about[f"{NEAREST}{name}"] = data.obs[name].array[used[near[:, 0]]]
    embedding = str(rows.names["positions"])
    places = {embedding: x} | {
        str(name): dense(data.obsm[name])[used][near].mean(axis=1)
        for name in data.obsm
        if str(name) != embedding and is_picture(str(name))
    }
    told = {"model": repr(model), "start": float(first), "annotations": "those of the nearest observed cell"}
    return _annotated(data, _expressions(data, embedding, x, genes), about, places, told)


def _about(data: anndata.AnnData, clock: str, paths: Sequence[tuple[Marginal, Trajectory]]) -> pandas.DataFrame:
    """When each simulated cell is seen, as which cell it started, and in which run."""
    import pandas

    parts, total = [], sum(len(marginal.rows) for marginal, _ in paths)
    for marginal, path in paths:
        runs = path.n // len(marginal.rows)
        origin = np.tile(data.obs_names[marginal.rows], runs * len(path.times))
        run = np.tile(np.repeat(np.arange(runs), len(marginal.rows)), len(path.times))
        weight = np.broadcast_to(path.weights, path.positions.shape[:2]).ravel() * (len(marginal.rows) / total)
        columns = {clock: np.repeat(path.times, path.n), "origin": origin, "run": run, "weight": weight}
        parts.append(pandas.DataFrame(columns))
    about = pandas.concat(parts, ignore_index=True)
    texts = {time: _times.text(time, paths[0][1].times) for time in paths[0][1].times}
    names = about["origin"] + "-" + about["run"].astype(str) + "-t" + about[clock].map(texts)
    return about.set_axis(pandas.Index(names), axis=0)


def _nearest(observed: np.ndarray, x: np.ndarray) -> np.ndarray:
    """The rows of the observed cells nearest to each place, the nearest first."""
    from scipy.spatial import cKDTree

    _, near = cKDTree(observed).query(x, min(NEIGHBOURS, len(observed)))
    return near.reshape(len(x), -1)


def _expressions(data: anndata.AnnData, embedding: str, x: np.ndarray, genes: bool | None) -> np.ndarray | None:
    """Expressions by the loadings, about the mean that the components leave out."""
    loadings = loadings_for(data, embedding, genes)
    size = 4.0 * len(x) * data.n_vars
    if loadings is None or data.X is None or is_too_large(size, genes, f"{len(x):,} x {data.n_vars:,} expressions"):
        return None
    weights, places = np.asarray(data.varm[loadings]), dense(data.obsm[embedding])
    middle = places[np.isfinite(places).all(axis=1)].mean(axis=0)
    rest = _mean_expression(data) - middle @ weights.T
    return (x @ weights[:, : x.shape[1]].T + rest).astype(np.float32)


def _mean_expression(data: anndata.AnnData) -> np.ndarray:
    """Of each gene over all cells; of a file that is not in memory, piece by piece."""
    pieces = (piece for piece, _, _ in data.chunked_X()) if data.isbacked else (data.X,)
    return sum(np.asarray(piece.sum(axis=0, dtype=np.float64)).ravel() for piece in pieces) / data.n_obs


def _annotated(
    data: anndata.AnnData,
    expressions: np.ndarray | None,
    about: pandas.DataFrame,
    places: dict[str, np.ndarray],
    told: dict[str, Any],
) -> anndata.AnnData:
    make, dim = package("anndata", "anndata").AnnData, next(iter(places.values())).shape[1]
    genes: dict[str, Any] = {}
    if expressions is not None:
        genes = {"var": data.var.copy(), "varm": {LOADINGS: np.asarray(data.varm[LOADINGS])[:, :dim]}}
    return make(expressions, obs=about, obsm=places, uns={SIMULATED: told}, **genes)
