"""What is known of growth beforehand: scores of proliferation and apoptosis as rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.dates import SECONDS, unit_of_time
from wlmsim.errors import ParameterError
from wlmsim.io.columns import GROWTH
from wlmsim.io.exchange import mark_as_rates
from wlmsim.learn.cells.reading import check_is_anndata

if TYPE_CHECKING:
    import anndata

SLOW, FAST = 0.3, 1.7
"""Least and greatest rate of births, and of deaths, a day: cells double in 55 hours, or in 10."""
BIRTHS, DEATHS = (0.25, 0.5), (0.1, 0.2)
"""Scores at which rates are half-way, and the width of the change."""
KEY = GROWTH
"""Where rates are written."""


def growth_prior(
    data: anndata.AnnData,
    proliferation: str,
    apoptosis: str | None = None,
    *,
    unit: str = "day",
    key: str | None = KEY,
) -> np.ndarray:
    """Rates of growth by scores of gene sets, as a prior for fits and couplings.

    Births less deaths, each at a rate r = 0.3 + 1.4 / (1 + exp(-4 (s - c) / w)) a day that rises with the score s,
    around c = 0.25 in a width w = 0.5 for births, and around 0.1 in 0.2 for deaths. Without a score deaths are the
    rarest. Only differences between cells of a time matter.

    Parameters
    ----------
    data : anndata.AnnData
        The cells, n of them.
    proliferation, apoptosis : str
        Columns of ``obs`` with scores, as ``scanpy.tl.score_genes`` writes them.
    unit : str
        The unit of time of the data, per which rates are given; it is kept in ``uns["wlmsim_growth"]``, and where times
        say that they are in another one there is a warning. Default "day".
    key : str or None
        Name in ``obs`` under which they are written, a new one, or the default, which is written over; None writes
        nothing. Default "growth_prior". `WLM.fit` and `study` take it as `growth`, and so do `push`, `pull`,
        `descendants` and `ancestors`.

    Returns
    -------
    ndarray, shape (n,)
        [1 / time].

    Raises
    ------
    ParameterError
        If there is no such column, a score is not known, or the name is that of another column.

    References
    ----------
    G. Schiebinger et al., Optimal-transport analysis of single-cell gene expression identifies developmental
    trajectories in reprogramming, Cell 176, 928 (2019).

    Examples
    --------
    >>> import anndata, pandas as pd, wlmsim as wls
    >>> cells = anndata.AnnData(obs=pd.DataFrame({"S_score": [-1.0, 0.25, 1.0]}, index=list("abc")))
    >>> wls.learn.cells.growth_prior(cells, "S_score").round(1).tolist()
    [0.0, 0.7, 1.4]
    """
    check_is_anndata(data)
    if key != KEY and key in data.obs:
        raise check.fail("key", "a name that no column of `obs` has, which it would write over", key)
    unit = check.choice("unit", unit_of_time(unit) or unit, list(SECONDS))
    rates = _rate(_scores(data, "proliferation", proliferation), *BIRTHS)
    deaths = np.full(data.n_obs, -np.inf) if apoptosis is None else _scores(data, "apoptosis", apoptosis)
    rates = (rates - _rate(deaths, *DEATHS)) * SECONDS[unit] / SECONDS["day"]
    if key is not None:
        data.obs[key] = rates
        mark_as_rates(data, key, unit)
    return rates


def _scores(data: anndata.AnnData, name: str, column: Any) -> np.ndarray:
    scores = check.array(name, data.obs[check.choice(name, column, list(data.obs))].to_numpy())
    if unknown := int(np.isnan(scores).sum()):
        raise ParameterError(f"`{name}` must be known for every cell; {column!r} is not for {unknown} of {len(scores)}")
    return scores


def _rate(scores: np.ndarray, centre: float, width: float) -> np.ndarray:
    from scipy.special import expit

    return SLOW + (FAST - SLOW) * expit(4 * (scores - centre) / width)
