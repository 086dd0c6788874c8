"""Rates at which the cells of an AnnData object multiply."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim.io.columns import Rows
from wlmsim.learn.cells.marginals import Marginal, members_of


def growth_rates(model: Any, rows: Rows, marginals: Sequence[Marginal]) -> tuple[np.ndarray, np.ndarray]:
    """Rate of growth of each cell and its standard error, from counts and the spread over the networks [1 / time]."""
    rates, errors = np.full((2, len(rows.positions)), np.nan)
    single = _rates_of_members(model, rows, marginals)
    for marginal in marginals:
        x, time = marginal.cloud.positions, marginal.time
        found = model.growth_rate(x, time)
        spread = np.std([each(x, time).rate for each in single], axis=0, ddof=1) if len(single) > 1 else 0.0
        rates[marginal.rows], errors[marginal.rows] = found.rate, np.hypot(found.error, spread)
    return rates, errors


def _rates_of_members(model: Any, rows: Rows, marginals: Sequence[Marginal]) -> list[Any]:
    """Rates by each network alone, as the cells tell them; none where these are of a single time."""
    if len(model._fitted_members) < 2 or len({marginal.time for marginal in marginals}) < 2:
        return []
    series = rows.series()
    found = [dataclasses.replace(member, fitted=series).fitted_rates() for member in members_of(model)]
    return [rates for rates in found if rates is not None]  # none where growth was known, and is not of these cells
