"""Treatments and other conditions: one mechanics with a covariate, and what a condition would make of other cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError
from wlmsim.io.columns import Rows
from wlmsim.io.exchange import cells_of
from wlmsim.learn.cells.reading import check_is_anndata, leading
from wlmsim.learn.functionals.conditioned import MARGIN, ConditionedPotential

if TYPE_CHECKING:
    import anndata

SPANS = 2.0
"""Windows of time are so many times as long as the times of all cells, so that forecasts have room."""


@dataclass(frozen=True)
class Conditions:
    """What `fit_conditions` learned.

    Attributes
    ----------
    model : WLM
        The fitted mechanics, in which condition k has times k periods later.
    data : dict of str to SnapshotSeries
        The cells of each condition at their own times, the reference first.
    period : float
        By which times of one condition are later than those of the one before [time].
    """

    model: Any
    data: dict[str, SnapshotSeries]
    period: float

    @property
    def names(self) -> list[str]:
        """Names of the conditions, the reference first."""
        return list(self.data)

    def forecast(
        self, start: Population, times: Any, condition: str, *, seed: int | None = None, ensemble: int = 1
    ) -> Trajectory:
        """What cells become under a condition, whichever they were seen under.

        Parameters
        ----------
        start : Population
            The cells at their own time, such as ``conditions.data["untreated"][0]``.
        times : array_like, shape (T,)
            When, by the same clock: increasing, none before the start's [time].
        condition : str
            One of `names`.
        seed, ensemble
            As for `WLM.forecast`.

        Returns
        -------
        Trajectory
        """
        later = self._offset(condition)
        times = check.times("times", times)
        first, end = self._clock(), self._clock() + (1 - MARGIN) * self.period
        if times[-1] >= end:
            span = " to ".join(_times.text(t, [first, end]) for t in (first, end))
            raise check.fail("times", f"within the window of a condition, {span}", times[-1])
        moved = Population(start.positions, start.velocities, start.weights, start.time + later)
        path = self.model.forecast(moved, times + later, seed=seed, ensemble=ensemble)
        about = {**path.metadata, "start": start.time, "condition": condition}
        return Trajectory(times, path.positions, path.velocities, path.weights, metadata=about, units=path.units)

    def velocity(self, positions: Any, condition: str) -> np.ndarray:
        """Velocities at some places under a condition, shape (n, d) to (n, d) [length / time].

        Differences between two conditions are what the one does to the cells; where a condition had no cells they are
        a guess.
        """
        x = check.cloud("positions", positions)
        weights = np.full(len(x), 1 / len(x))
        return self.model.mechanics_.velocity(x, weights, self._clock() + self._offset(condition))

    def _clock(self) -> float:
        return min(float(series.times[0]) for series in self.data.values())

    def _offset(self, condition: str) -> float:
        return self.period * self.names.index(check.choice("condition", condition, self.names))


def fit_conditions(model: Any, data: anndata.AnnData, condition: str, reference: str, **columns: Any) -> Conditions:
    """Learn one gradient flow for cells under several conditions: what they share, and what each of them changes.

    Parameters
    ----------
    model : WLM
        Not fitted, of infinite friction, such as ``wlmsim.learn.recipes.cells()``; its potential becomes a
        `ConditionedPotential` with the same hidden layers.
    data : anndata.AnnData
        Cells of all conditions, each seen at two times at least.
    condition : str
        The column of ``obs`` that tells the condition of a cell.
    reference : str
        The condition that others are compared with, such as the untreated one.
    **columns
        Where times, positions and more are, as in `series_of`.

    Returns
    -------
    Conditions

    Raises
    ------
    ParameterError
        If the column or the reference is not there, a condition has a single time, or the model has inertia.

    Examples
    --------
    What untreated cells would become under the drug::

        found = wls.learn.cells.fit_conditions(wls.learn.recipes.cells(), data, "treatment", "untreated", time="day")
        path = found.forecast(found.data["untreated"][0], times=[2.0, 4.0], condition="drug")
    """
    check_is_anndata(data)
    if not model.first_order:
        raise check.fail("model", "of infinite friction, as recipes.cells() is", model)
    check.choice("condition", condition, [str(name) for name in data.obs])
    columns["dims"] = columns.get("dims") or leading(data, columns.get("positions"))
    rows = cells_of(data, **{**columns, "populations": condition})
    parts = _parts(rows, reference)
    period = SPANS * float(np.ptp(rows.times))
    together = SnapshotSeries.of_several({k: _later(part, k * period) for k, part in enumerate(parts.values())})
    potential = ConditionedPotential(len(parts), float(rows.times.min()), period, _hidden(model))
    fitted = type(model)(**{**model.get_params(deep=False), "potential": potential}).fit(together)
    return Conditions(fitted, parts, period)


def _parts(rows: Rows, reference: str) -> dict[str, SnapshotSeries]:
    """The cells of each condition, the reference first."""
    series = rows.series()
    words = rows.metadata.get("population_names")
    names = {label: str(label if words is None else words[label]) for label in series.population_labels}
    check.choice("reference", str(reference), sorted(names.values()))
    ordered = sorted(names, key=lambda label: names[label] != str(reference))
    parts = {names[label]: series.population(label) for label in ordered}
    if len(parts) < 2:
        raise ParameterError(f"`condition` must tell two conditions at least; all cells are of {reference!r}")
    for name, part in parts.items():
        if len(part) < 2:
            raise ParameterError(
                f"condition {name!r} must be seen at two times at least; it is at {part.times.tolist()}"
            )
    return parts


def _later(series: SnapshotSeries, offset: float) -> SnapshotSeries:
    clouds = [Population(c.positions, c.velocities, c.weights, c.time + offset, growth=c.growth) for c in series]
    return SnapshotSeries.from_populations(clouds, units=series.units)


def _hidden(model: Any) -> tuple[int, ...]:
    """Hidden layers of the potential that is replaced."""
    return tuple(getattr(model.potential, "hidden", (64, 64)))
