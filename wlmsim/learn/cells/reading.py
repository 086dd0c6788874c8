"""Single cells as snapshots to learn from, and as rows to write on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.io.columns import PREFERRED, Rows
from wlmsim.io.exchange import cells_of

if TYPE_CHECKING:
    import anndata

COMPONENTS = 10
"""Principal components that are learned in, if not said otherwise: the others are mostly noise."""


def is_anndata(data: Any) -> bool:
    """Whether it is an AnnData object; nothing is imported to find out."""
    return any(kind.__name__ == "AnnData" for kind in type(data).__mro__)


def series_of(data: anndata.AnnData, **columns: Any) -> SnapshotSeries:
    """Single cells as snapshots to learn from: the first ten principal components, unless told otherwise.

    It is `SnapshotSeries.from_anndata`, but for the number of components; `WLM.fit` and `study` call it.

    Parameters
    ----------
    data : anndata.AnnData
        The cells.
    **columns
        As in `SnapshotSeries.from_anndata`: `time`, `positions`, `velocities`, `populations`, `weights`, `growth`,
        `time_values` and `dims`, the number of components.

    Returns
    -------
    SnapshotSeries

    Warns
    -----
    DataWarning
        Of what was found by itself: the embedding, the column of times, numbers in words, how many of the components.

    Examples
    --------
    >>> import anndata, numpy as np, pandas as pd, wlmsim as wls
    >>> obs = pd.DataFrame({"day": [0.0, 0.0, 2.0]}, index=["a", "b", "c"])
    >>> cells = anndata.AnnData(obs=obs, obsm={"X_pca": np.zeros((3, 2))})
    >>> wls.learn.cells.series_of(cells, time="day").sizes
    (2, 1)
    """
    if columns.get("dims") is None:
        columns["dims"] = leading(data, columns.get("positions"))
    return cells_of(data, **columns).series()


def as_series(name: str, data: Any, columns: Mapping[str, Any] = MappingProxyType({})) -> SnapshotSeries:
    """A series, as it is, of AnnData or tracks, or of the marginals that searches of scikit-learn make of it."""
    if is_anndata(data):
        return series_of(data, **columns)
    if isinstance(data, Tracks) and not columns:
        return data.moving().snapshots()
    if columns:
        raise TypeError(f"{', '.join(columns)} can be given with an AnnData object; got {type(data).__name__}")
    apart = isinstance(data, (list, tuple)) and data and all(isinstance(cloud, Population) for cloud in data)
    return SnapshotSeries.from_populations(data) if apart else check.instance(name, data, SnapshotSeries)


def rows_of(model: Any, data: anndata.AnnData, **columns: Any) -> Rows:
    """The cells of an AnnData object in its order, read as those were that a model was fitted to.

    Parameters
    ----------
    model : WLM
        Fitted; it remembers where the data had positions and times.
    data : anndata.AnnData
        The cells, of the same experiment.
    **columns
        What else is to be read than the model remembers.

    Returns
    -------
    Rows
    """
    check_is_anndata(data)
    where = dict(model.cells_)
    if (first := where.pop("first_date", None)) is not None:
        where["metadata"] = {"first_date": first}
    if "time_values" in where:
        where["time_values"] = dict(where["time_values"])
    dim = len(model._fitted_members[0].scales.centre)
    if "velocities" in where and where["velocities"] not in (*data.obsm, *data.layers):
        del where["velocities"]
    if "growth" in where and where["growth"] not in data.obs:  # what is known of fitted cells need not be of others
        del where["growth"]
    where = {"dims": dim, **where, **{name: value for name, value in columns.items() if value is not None}}
    with warnings.catch_warnings():  # it was all said when the model was fitted
        warnings.simplefilter("ignore", DataWarning)
        rows = cells_of(data, **where)
    if rows.positions.shape[1] != dim:
        raise ParameterError(
            f"`positions` must have the {dim} dimensions that the model was fitted to; "
            f"{rows.names['positions']!r} of the AnnData object has {rows.positions.shape[1]}"
        )
    return rows


def check_is_anndata(data: Any) -> None:
    """Refuse what is no AnnData object."""
    if not is_anndata(data):
        way = "; `to_anndata` makes one of a series" if isinstance(data, SnapshotSeries) else ""
        raise ParameterError(f"`data` must be an AnnData object; got {type(data).__name__}{way}")


def dense(matrix: Any) -> np.ndarray:
    """What AnnData keeps, dense or sparse, as an array."""
    sparse = hasattr(matrix, "toarray") and not isinstance(matrix, np.ndarray)  # views of arrays have it too
    return np.asarray(matrix.toarray() if sparse else matrix, dtype=float)


def leading(data: anndata.AnnData, positions: Any) -> int | None:
    """How many of the coordinates to take, with a word where there are more than ten; None for all."""
    embeddings = [str(name) for name in data.obsm if str(name).startswith("X_")]
    name = positions or (PREFERRED if PREFERRED in embeddings else embeddings[0] if len(embeddings) == 1 else None)
    if not isinstance(name, str) or name not in data.obsm or (count := data.obsm[name].shape[1]) <= COMPONENTS:
        return None
    if not name.startswith(PREFERRED):
        _say(f"all {count} coordinates of {name!r} are used: many for snapshots to tell forces in; `dims` takes fewer")
        return None
    _say(f"the first {COMPONENTS} of {count} components of {name!r} are used; dims={count} uses all")
    return COMPONENTS


def _say(message: str) -> None:
    warn(message, DataWarning)
