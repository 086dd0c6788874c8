"""Forecasts and interpolations of learned mechanics, and their scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import NotFittedError, ParameterError
from wlmsim.evaluation import Scores, mean_scores, score_forecast, score_interpolation
from wlmsim.integrators import ConstantSpeedEuler, Integrator, StochasticHeun
from wlmsim.learn.prediction.bridge import bridge
from wlmsim.learn.prediction.growth import CONSERVED, Growth
from wlmsim.learn.velocities.rules import ESTIMATES, with_velocities
from wlmsim.mechanics.flow import Flow, GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation import simulate


@dataclass(frozen=True)
class Predictor:
    """What is needed to predict with learned mechanics.

    Parameters
    ----------
    mechanics : Lagrangian or GradientFlow
        What was learned.
    dim : int
        Dimension of space.
    dt : float
        Largest time step [time].
    times : ndarray
        Times of the fitted marginals [time].
    rule : str
        Where velocities come from that a start does not have, one of `wlmsim.learn.velocities.rules.RULES`.
    initial_field : callable, optional
        Learned velocities at the first fitted time, a function of positions (n, d).
    speed : float, optional
        Constant speed of all particles [length / time].
    noise : float
        Strength of the noise [length / sqrt(time)].
    growth : Growth
        How particles multiply and die in two-sided predictions.
    seed : int
        Of the noise.
    fitted : SnapshotSeries, optional
        The fitted marginals.
    name : str
        What forecasts say that they come from.
    """

    mechanics: Lagrangian | GradientFlow
    dim: int
    dt: float
    times: np.ndarray
    rule: str = "given"
    initial_field: Callable[[np.ndarray], np.ndarray] | None = None
    speed: float | None = None
    noise: float = 0.0
    growth: Growth = CONSERVED
    seed: int = 0
    fitted: SnapshotSeries | None = None
    name: str = ""

    @property
    def first_order(self) -> bool:
        """Whether velocities follow from the positions."""
        return isinstance(self.mechanics, Flow)

    # --- forecasts

    def forecast(self, start: Population | SnapshotSeries, times: Any, dt: float | None = None) -> Trajectory:
        """Roll out from a marginal, each of several populations by itself; see `WLM.forecast`."""
        series = self._as_series(start)
        if len(series.population_labels) == 1:
            return self._rolled_out(series[0], times, dt)
        paths = [self._rolled_out(series.population(label)[0], times, dt) for label in series.population_labels]
        assert series.labels is not None
        # populations one after the other, each in the order of its rows
        rows = np.argsort(np.argsort(series.labels[0], kind="stable"))
        return Trajectory(
            paths[0].times,
            np.concatenate([path.positions for path in paths], axis=1)[:, rows],
            np.concatenate([path.velocities for path in paths], axis=1)[:, rows],
            series[0].weights,
            metadata=paths[0].metadata,
            units=series.units,
        )

    def _as_series(self, start: Population | SnapshotSeries) -> SnapshotSeries:
        """A start as a series of one marginal, which knows its populations."""
        self._check_dimension("start", start)
        if isinstance(start, SnapshotSeries):
            if len(start) != 1:
                raise check.fail("start", "a single marginal", start)
            return start
        if self.fitted is not None and len(self.fitted.population_labels) > 1:
            for k, cloud in enumerate(self.fitted):
                if cloud == start:
                    return self.fitted[[k]]
        return SnapshotSeries.from_populations([start])

    def _check_dimension(self, name: str, data: Population | SnapshotSeries) -> None:
        check.instance(name, data, (Population, SnapshotSeries))
        if data.dim != self.dim:
            raise check.fail(name, f"of {self.dim} dimensions, as the fitted data are", data)

    def _rolled_out(self, start: Population, times: Any, dt: float | None = None) -> Trajectory:
        """Forecast of one population."""
        return simulate(
            self.mechanics,
            self._moving(start),
            times,
            dt=self.dt if dt is None else dt,
            integrator=self._integrator(),
            metadata={"model": self.name, "start": start.time},
        )

    def _moving(self, start: Population) -> Population:
        """A start with velocities, by the rule of the fit where they are unknown."""
        if start.velocities is not None or self.first_order:
            return start
        if self.rule == "zero":
            return start.at_rest()
        if self.initial_field is not None and _times.position(self.times, start.time) == 0:
            return start.with_velocities(self.initial_field(start.positions))
        known = self.fitted if self.rule in ESTIMATES else None
        for series in [] if known is None else map(known.population, known.population_labels):
            for k, cloud in enumerate(with_velocities(series, self.rule)):
                if _times.position(series.times, start.time) == k and np.array_equal(cloud.positions, start.positions):
                    return cloud
        raise ParameterError(
            f"`start` must have velocities: the model was fitted with initial_velocities={self.rule!r}"
        )

    def _integrator(self) -> Integrator | None:
        """The scheme of predictions; None for the default of `simulate`."""
        if self.speed is not None:
            return ConstantSpeedEuler(self.speed)
        return StochasticHeun(self.noise, seed=self.seed) if self.noise else None

    # --- between the fitted marginals

    def interpolate(self, times: Any, data: SnapshotSeries | None = None, *, two_sided: bool = False) -> SnapshotSeries:
        """Predict marginals between the fitted ones; see `WLM.interpolate`."""
        fitted = self._known(data)
        self._check_dimension("data", fitted)
        times = check.times("times", times)
        if fitted.labels is None:
            return self._interpolated(fitted, times, two_sided)
        parts = {label: fitted.population(label) for label in fitted.population_labels}
        within = {label: times[_inside(times, part.times, two_sided)] for label, part in parts.items()}
        missed = np.setdiff1d(times, np.concatenate(list(within.values())))
        if len(missed):
            raise check.fail("times", "within the times of the fitted marginals of a population", missed[0])
        return SnapshotSeries.of_several(
            {label: self._interpolated(parts[label], asked, two_sided) for label, asked in within.items() if len(asked)}
        )

    def _known(self, data: SnapshotSeries | None) -> SnapshotSeries:
        """The fitted marginals, given or kept."""
        if data is not None:
            return check.instance("data", data, SnapshotSeries)
        if self.fitted is None:
            raise NotFittedError(
                "this WLM has no `data_`: it is not kept in files; pass the fitted marginals as `data`"
            )
        return self.fitted

    def _interpolated(self, fitted: SnapshotSeries, times: np.ndarray, two_sided: bool) -> SnapshotSeries:
        """Marginals of one population."""
        fitted = self._with_estimates(fitted)
        predict = self._between if two_sided else self._from_before
        return SnapshotSeries.from_populations([predict(fitted, time) for time in times], units=fitted.units)

    def _with_estimates(self, series: SnapshotSeries) -> SnapshotSeries:
        return series if self.first_order else with_velocities(series, self.rule)

    def _from_before(self, fitted: SnapshotSeries, time: float) -> Population:
        return self._rolled_out(self._last_start(fitted, time), [time])[0]

    def _between(self, fitted: SnapshotSeries, time: float) -> Population:
        """Two-sided prediction of one marginal."""
        before = self._last_start(fitted, time)
        seen = int(_times.up_to(fitted.times, time).sum())
        if seen == len(fitted):
            last = _times.text(fitted.times[-1], [*fitted.times, time])
            raise check.fail("times", f"before the last fitted marginal at t = {last}", time)
        after = fitted[seen]
        if self.rule in ("zero", "learn") and not self.first_order:
            after = after.with_velocities(None)
        return bridge(
            self.mechanics,
            self._moving(before),
            after,
            time,
            dt=self.dt,
            integrator=None if self.noise else self._integrator(),
            reach=self.growth.reach,
            noise=self.noise,
            marginals=list(fitted) if self.growth.changing else [],
            seed=self.seed,
        )

    def _last_start(self, fitted: SnapshotSeries, time: float) -> Population:
        """The last marginal before `time` whose velocities are known under the rule of the fit."""
        only_first = self.rule in ("zero", "learn")
        usable = [
            fitted[int(k)]
            for k in np.flatnonzero(_times.up_to(fitted.times, time))
            if k == 0 or self.first_order or (not only_first and fitted[int(k)].velocities is not None)
        ]
        if not usable:
            first = _times.text(fitted.times[0], [*fitted.times, time])
            raise check.fail("times", f"at or after the first fitted marginal at t = {first}", time)
        return usable[-1]

    # --- scores

    def evaluate(
        self,
        observed: SnapshotSeries,
        start: Population | SnapshotSeries | None = None,
        data: SnapshotSeries | None = None,
        *,
        two_sided: bool = False,
        metrics: Sequence[str] = ("w1",),
    ) -> Scores:
        """Score predictions beside the naive baselines; see `WLM.evaluate`."""
        check.instance("observed", observed, SnapshotSeries)
        self._check_dimension("observed", observed)
        if start is not None:
            if two_sided:
                raise ParameterError("`two_sided` cannot go with `start`: it takes the fitted marginals on both sides")
            return mean_scores(
                [
                    score_forecast(list(self._rolled_out(x[0], truth.times)), truth, x[0], metrics=metrics)
                    for truth, x in _by_population("start", observed, self._as_series(start))
                ]
            )
        name = "fit's data" if data is None else "data"
        return mean_scores(
            [
                self._score_interpolation(truth, known, two_sided, metrics)
                for truth, known in _by_population(name, observed, self._known(data))
            ]
        )

    def _score_interpolation(
        self, observed: SnapshotSeries, fitted: SnapshotSeries, two_sided: bool, metrics: Sequence[str]
    ) -> Scores:
        """Scores of predictions of one population."""
        starts = self._with_estimates(fitted)
        origins = [self._last_start(starts, time).time for time in observed.times]
        predicted = list(self._interpolated(fitted, observed.times, two_sided))
        scores = score_interpolation(predicted, observed, fitted, origins, metrics=metrics)
        return dataclasses.replace(scores, protocol="two-sided") if two_sided else scores


def _inside(times: np.ndarray, fitted: np.ndarray, two_sided: bool) -> np.ndarray:
    """Which of the times come after the first fitted one, and before the last one if both sides are needed."""
    seen = np.array([_times.up_to(fitted, time).sum() for time in times])
    return (seen > 0) & ((seen < len(fitted)) | (not two_sided))


def _by_population(
    name: str, observed: SnapshotSeries, known: SnapshotSeries
) -> list[tuple[SnapshotSeries, SnapshotSeries]]:
    """Each observed population with what is known of it."""
    if known.labels is None and observed.labels is None:
        return [(observed, known)]
    if missing := set(observed.population_labels) - set(known.population_labels):
        raise check.fail(name, f"a series with the populations {sorted(missing)} that were observed", known)
    return [(observed.population(label), known.population(label)) for label in observed.population_labels]
