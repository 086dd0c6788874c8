"""Cells of an AnnData object by time and population, and where learned mechanics carries them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._progress import telling
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError
from wlmsim.io.columns import Rows

if TYPE_CHECKING:
    from wlmsim.learn.prediction.predictor import Predictor


class Marginal(NamedTuple):
    """Cells of one time and population: in which rows they stand, and the cloud that they are."""

    rows: np.ndarray
    cloud: Population
    label: int

    @property
    def time(self) -> float:
        """When they were seen."""
        return self.cloud.time


def marginals_of(rows: Rows, model: Any) -> list[Marginal]:
    """The marginals of each population, population by population in the order of time; unusable rows are left out.

    Where the model has inertia, and a rule for velocities that are unknown, they have those that it estimates of them.
    """
    usable = np.isfinite(rows.positions).all(axis=1)
    for column in (rows.velocities, rows.weights):
        usable &= True if column is None else np.isfinite(column.reshape(len(usable), -1)).all(axis=1)
    usable &= True if rows.labels is None else ~np.ma.getmaskarray(rows.labels)
    if not usable.any():
        raise ParameterError(
            f"`data` must have cells of which all that is read is known; none of {len(usable)} is: "
            "positions, velocities or weights are NaN or infinite, or their population is missing"
        )
    labels = np.zeros(len(usable), dtype=np.int64) if rows.labels is None else np.ma.getdata(rows.labels)
    times, which = _times.distinct(rows.times)
    found, predictor = list[Marginal](), model._predictor()
    for label in np.unique(labels[usable]).tolist():
        own = []
        for k, time in enumerate(times.tolist()):
            here = np.flatnonzero(usable & (labels == label) & (which == k))
            if len(here):
                own.append(Marginal(here, _cloud(rows, here, time), label))
        found += _with_estimates(own, predictor)
    return found


def _with_estimates(marginals: list[Marginal], predictor: Predictor) -> list[Marginal]:
    """The marginals of one population with velocities, by the rule of the fit."""
    if predictor.first_order or len(marginals) < 2:
        return marginals
    series = SnapshotSeries.from_populations([marginal.cloud for marginal in marginals])
    with telling("estimating velocities of the cells"):
        series = predictor._with_estimates(series)
    return [marginal._replace(cloud=cloud) for marginal, cloud in zip(marginals, series, strict=True)]


def _cloud(rows: Rows, here: np.ndarray, time: float) -> Population:
    velocities, weights, growth = (
        None if column is None else column[here] for column in (rows.velocities, rows.weights, rows.growth)
    )
    growth = None if growth is None or np.isnan(growth).all() else growth
    return Population(rows.positions[here], velocities, weights, time, growth=growth)


def at_time(marginals: list[Marginal], name: str, time: Any) -> list[Marginal]:
    """The marginals of each population at a time; `ParameterError` if nobody was seen then."""
    times = sorted({marginal.time for marginal in marginals})
    wanted = times[check.recorded(name, time, np.array(times), "an observed time")]
    return [marginal for marginal in marginals if marginal.time == wanted]


def members_of(model: Any) -> list[Predictor]:
    """A predictor for each network of a fitted model."""
    from wlmsim.learn.mechanics import mean_mechanics

    whole = model._predictor()
    return [dataclasses.replace(whole, mechanics=mean_mechanics([member])) for member in model._fitted_members]


def moving(predictor: Predictor, cloud: Population) -> Population:
    """A cloud with velocities: of a flow its own, else those that a forecast would start with."""
    if not predictor.first_order:
        return predictor._moving(cloud)
    flow: Any = predictor.mechanics
    return cloud.with_velocities(flow.velocity(cloud.positions, cloud.weights, cloud.time))


def carried(predictor: Predictor, cloud: Population, time: float) -> np.ndarray:
    """Where a cloud is at a later time by the mechanics without its noise, shape (n, d) [length]."""
    if time == cloud.time:
        return cloud.positions
    still = dataclasses.replace(predictor.without_growth(), noise=0.0)
    return still._rolled_out(cloud, [time])[0].positions


def spread_of(model: Any) -> float:
    """Standard deviation of the fitted cells along an axis [length]."""
    return float(model._fitted_members[0].scales.length)


def check_fitted_to(model: Any, rows: Rows) -> None:
    """Refuse cells of other units than the fitted ones."""
    from wlmsim.data.units import check_alike

    if rows.units and model.units_:
        check_alike("data", rows.units, model.units_, "the fit")
    if not len(rows.positions):
        raise ParameterError("`data` must have cells; it has none")
