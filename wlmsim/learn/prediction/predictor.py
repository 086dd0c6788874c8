"""Forecasts and interpolations of learned mechanics, and their scores."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.dates import asked
from wlmsim.data.population import Population, row_keys
from wlmsim.data.projection import check_same_place, located
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.data.units import check_alike
from wlmsim.errors import AccuracyWarning, DataWarning, NotFittedError, ParameterError
from wlmsim.evaluation import Scores, mean_scores, score_forecast, score_interpolation
from wlmsim.integrators import ConstantSpeedEuler, Integrator, StochasticHeun
from wlmsim.learn.prediction.bridge import FAR_OUT, bridge, extent, reach_of
from wlmsim.learn.prediction.growth import CONSERVED, Growth, GrowthRates, growth_rates
from wlmsim.learn.velocities.rules import ESTIMATES, with_velocities
from wlmsim.mechanics.flow import Flow, GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation import simulate

BESIDE = 1 / 3
"""Share of the interval to the next marginal below which a new start takes the place of a fitted one."""
FAR = 2
"""How many times the fitted span a forecast may go beyond it without a word."""


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
    rates : callable
        Gives the rates at which they do so in forecasts, `GrowthRates`, or None where weights are kept. Default: None.
    seed : int
        Of the noise.
    fitted : SnapshotSeries, optional
        The fitted marginals.
    name : str
        What forecasts say that they come from.
    units : mapping
        Units of forecasts.
    spread : float
        Standard deviation of the fitted data along an axis, where these are not kept [length]. Default 0: unknown.
    progress : bool
        Whether to show bars where something takes more than two seconds. Default False.
    metadata : mapping
        First date and projection of forecasts.
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
    rates: Callable[[], GrowthRates | None] = lambda: None
    seed: int = 0
    fitted: SnapshotSeries | None = None
    name: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    spread: float = 0.0
    progress: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def first_order(self) -> bool:
        """Whether velocities follow from the positions."""
        return isinstance(self.mechanics, Flow)

    # --- forecasts

    def forecast(
        self,
        start: Population | SnapshotSeries,
        times: Any,
        dt: float | None = None,
        seed: int | None = None,
        ensemble: int = 1,
    ) -> Trajectory:
        """Roll out from a marginal, each of several populations by itself; see `WLM.forecast`."""
        if check.integer("ensemble", ensemble) > 1 and not self.noise:
            raise check.fail("ensemble", "1 without noise, as all replicas would be the same", ensemble)
        times = check.times("times", asked("times", times, self))
        series = self.starting(start, times)
        self._warn_of_time(series[0], times)
        seed = self.seed if seed is None else check.integer("seed", seed, least=0)
        runs = [self._all_populations(series, times, dt, part) for part in _seeds(seed, ensemble)]
        self._warn_of_extent("forecast", series, [x for run in runs for x in run.positions])
        return runs[0] if ensemble == 1 else _joined(runs, {"seed": seed, "ensemble": ensemble})

    def starting(self, start: Population | SnapshotSeries, times: np.ndarray) -> SnapshotSeries:
        """A start of forecasts to some times as a series of one marginal, refused where it is not like the data."""
        series = self._as_series(start)
        for label in series.population_labels:
            self._check_after(series.population(label)[0], times)
        return series

    def _all_populations(self, series: SnapshotSeries, times: Any, dt: float | None, seed: int) -> Trajectory:
        """One run of every population, each with noise of its own, in the order of the rows."""
        if len(series.population_labels) == 1:
            return self._rolled_out(series[0], times, dt, seed)
        parts = [series.population(label)[0] for label in series.population_labels]
        seeds = _seeds(seed, len(parts))
        paths = [self._rolled_out(part, times, dt, one) for part, one in zip(parts, seeds, strict=True)]
        assert series.labels is not None
        # populations one after the other, each in the order of its rows, and with its share of all
        rows = np.argsort(np.argsort(series.labels[0], kind="stable"))
        shares = [series[0].weights[series.labels[0] == label].sum() for label in series.population_labels]
        of_each = [
            np.broadcast_to(share * path.weights, path.positions.shape[:2])
            for share, path in zip(shares, paths, strict=True)
        ]
        weights = np.concatenate(of_each, axis=1)
        return Trajectory(
            paths[0].times,
            np.concatenate([path.positions for path in paths], axis=1)[:, rows],
            np.concatenate([path.velocities for path in paths], axis=1)[:, rows],
            weights[:, rows],
            metadata=paths[0].metadata,
            units=paths[0].units,
        )

    def _check_after(self, start: Population, times: np.ndarray) -> None:
        """Refuse times before the start: backward in time `wlmsim.simulate` runs, where that is asked for."""
        if times[0] < start.time and _times.position(times, start.time) != 0:
            begin, first = (_times.text(t, [start.time, *times]) for t in (start.time, times[0]))
            raise ParameterError(f"`times` must be at or after the start's time {begin}; got {first}")

    def _warn_of_time(self, start: Population, times: np.ndarray) -> None:
        """Say that a forecast runs far outside of the times that were fitted, as from a start that has none."""
        first, last = float(self.times[0]), float(self.times[-1])
        span, spacing = last - first, (last - first) / (len(self.times) - 1)
        every = [start.time, *self.times, *times]
        fitted = " to ".join(_times.text(t, every) for t in (first, last))
        if start.time < first - spacing:
            warn(
                f"the start has t = {_times.text(start.time, every)}, before the fitted times {fitted}; "
                "`Population(..., time=...)` says when it is",
                DataWarning,
            )
        elif times[-1] > last + FAR * span:
            warn(
                f"the forecast runs from t = {_times.text(start.time, every)} to {_times.text(times[-1], every)}, "
                f"beyond the fitted times {fitted} by more than {FAR} times their span",
                DataWarning,
            )
        if self.growth.reach < math.inf and self.rates() is None:
            warn(
                "the forecast keeps the weights of its start: the file of this model, of an earlier wlmsim, has no "
                "rates of growth; fit again, or interpolate(times, two_sided=True)",
                DataWarning,
            )

    def _warn_of_extent(self, what: str, data: SnapshotSeries, predicted: Sequence[np.ndarray]) -> None:
        """Say that a prediction leaves the data, or what is known of them, far behind."""
        clouds = data.positions if self.fitted is None else [*data.positions, *self.fitted.positions]
        origin, radius = extent(clouds)
        radius = max(radius, self.spread)
        reached = reach_of(origin, predicted)
        if radius > 0 and not reached <= FAR_OUT * radius:
            warn(
                f"the {what} reaches {reached:.3g} from the middle of the data, which reach {radius:.3g}: it is not to "
                "be trusted. A smaller dt, more friction, or a fit with a larger regularisation may mend it",
                AccuracyWarning,
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
        if isinstance(data, SnapshotSeries):
            check_alike(name, data.units, self.units, "the fit")
            check_same_place(name, data, self.metadata, "the fit")

    def _rolled_out(
        self, start: Population, times: Any, dt: float | None = None, seed: int | None = None
    ) -> Trajectory:
        """Forecast of one population."""
        about: dict[str, Any] = {**self.metadata, "model": self.name, "start": start.time}
        if self.noise:
            about["seed"] = self.seed if seed is None else seed
        path = simulate(
            self.mechanics,
            self._moving(start),
            times,
            dt=self.dt if dt is None else dt,
            integrator=self._integrator(seed),
            progress=self.progress,
            metadata=about,
        )
        path.units = dict(self.units)
        if (rates := self.rates()) is not None:
            begun = np.concatenate([[start.time], path.times])
            frames = np.concatenate([start.positions[None], path.positions])
            path.weights = rates.weights(begun, frames, start.weights)[1:]
        return path

    def without_growth(self) -> Predictor:
        """The same, but for forecasts, which keep the weights of their start."""
        return dataclasses.replace(self, rates=lambda: None)

    @property
    def grows(self) -> bool:
        """Whether particles multiply and die: by a reach, or as was known beforehand of those that were fitted."""
        fitted = self.fitted if self.growth.reach == math.inf else None
        return self.growth.reach < math.inf or (fitted is not None and any(g is not None for g in fitted.growth))

    def fitted_rates(self) -> GrowthRates | None:
        """Rates of growth between the fitted marginals, if particles multiply and die."""
        if not self.grows:
            return None
        fitted = self._known(None)
        populations = [list(self._with_estimates(fitted.population(label))) for label in fitted.population_labels]
        integrator = None if self.noise else self._integrator()
        how: dict[str, Any] = {"dt": self.dt, "integrator": integrator, "progress": self.progress}
        return growth_rates(self.mechanics, populations, self.growth.reach, **how)

    def _moving(self, start: Population) -> Population:
        """A start with velocities, by the rule of the fit where they are unknown."""
        if start.velocities is not None or self.first_order:
            return start
        if self.rule == "zero":
            return start.at_rest()
        if self.initial_field is not None and _times.position(self.times, start.time) == 0:
            return start.with_velocities(self.initial_field(start.positions))
        if self.rule in ESTIMATES and self.fitted is not None:
            parts = [self.fitted.population(label) for label in self.fitted.population_labels]
            own = [series for series in parts if _is_marginal(series, start)]
            if own or len(parts) == 1:
                return self._estimated(start, (own or parts)[0], seen=bool(own))
        raise ParameterError(
            "`start` must have velocities, as start.with_velocities(...) gives it, or start.at_rest() zero ones: "
            f"{self._why_none()}"
        )

    def _estimated(self, start: Population, series: SnapshotSeries, *, seen: bool) -> Population:
        """A start with the velocities that the rule estimates of it among the marginals of its population."""
        if not seen:
            warn(
                f"`start` has no velocities and is no fitted marginal: they are estimated by {self.rule} from it and "
                "the fitted marginals around its time; start.with_velocities(...) gives others",
                DataWarning,
            )
        beside = _beside(series.times, start.time)
        # velocities of the others are not wanted: as if they were known
        others = [cloud.at_rest() for k, cloud in enumerate(series) if k != beside]
        among = SnapshotSeries.from_populations(sorted([*others, start], key=lambda cloud: cloud.time))
        return next(cloud for cloud in with_velocities(among, self.rule) if cloud.time == start.time)

    def _why_none(self) -> str:
        """Why a start without velocities is of no use, and which one is."""
        first = _times.text(self.times[0], self.times)
        if self.rule == "learn":
            return (
                f"initial_velocities='learn' learned those at the first fitted marginal, t = {first}; start there, "
                "or fit with initial_velocities='transport', which estimates them at all fitted marginals"
            )
        if self.rule in ESTIMATES:
            return (
                f"initial_velocities={self.rule!r} estimates them among the fitted marginals, which files do not keep, "
                "and among those of one population"
            )
        return f"the model was fitted with initial_velocities={self.rule!r}"

    def _integrator(self, seed: int | None = None) -> Integrator | None:
        """The scheme of predictions; None for the default of `simulate`."""
        if self.speed is not None:
            return ConstantSpeedEuler(self.speed)
        return StochasticHeun(self.noise, seed=self.seed if seed is None else seed) if self.noise else None

    # --- between the fitted marginals

    def interpolate(self, times: Any, data: SnapshotSeries | None = None, *, two_sided: bool = False) -> SnapshotSeries:
        """Predict marginals between the fitted ones; see `WLM.interpolate`."""
        fitted = self._known(data)
        times = check.times("times", asked("times", times, self))
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
            check.instance("data", data, SnapshotSeries)
            self._check_dimension("data", data)
            return data
        if self.fitted is None:
            raise NotFittedError(
                "this WLM has no `data_`: it is not kept in files; pass the fitted marginals as `data`"
            )
        return self.fitted

    def _interpolated(self, fitted: SnapshotSeries, times: np.ndarray, two_sided: bool) -> SnapshotSeries:
        """Marginals of one population."""
        fitted = self._with_estimates(fitted)
        predict = self._between if two_sided else self._from_before
        clouds = [predict(fitted, time) for time in times]
        self._warn_of_extent("interpolation", fitted, [cloud.positions for cloud in clouds])
        return SnapshotSeries.from_populations(clouds, units=fitted.units, metadata=located(fitted))

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
        if start is not None and two_sided:
            raise ParameterError("`two_sided` cannot go with `start`: it takes the fitted marginals on both sides")
        start = None if start is None else self._as_series(start)
        observed, left_out = self._unseen(observed, data)
        if start is not None:
            self._warn_of_time(start[0], observed.times)
            scores = []
            for truth, x in _by_population("start", observed, start):
                path = self._rolled_out(x[0], truth.times)
                self._warn_of_extent("forecast", x, list(path.positions))
                scores.append(score_forecast(list(path), truth, x[0], metrics=metrics, progress=self.progress))
        else:
            name = "fit's data" if data is None else "data"
            scores = [
                self._score_interpolation(truth, known, two_sided, metrics)
                for truth, known in _by_population(name, observed, self._known(data))
            ]
        return dataclasses.replace(mean_scores(scores), left_out=left_out)

    def _unseen(self, observed: SnapshotSeries, data: SnapshotSeries | None) -> tuple[SnapshotSeries, int]:
        """The marginals that the fit has not seen, and how many it has; those never enter a score."""
        known: Any = self.fitted if data is None else check.instance("data", data, SnapshotSeries)
        seen = _times.among(observed.times, self.times)
        for k in np.flatnonzero(seen).tolist() if known is not None else []:
            # another recording may have the same times, but none of the same particles
            seen[k] = _holds(known, observed[k])
        if not seen.any():
            return observed, 0
        if seen.all():
            raise ParameterError(
                f"`observed` must hold marginals that the fit has not seen; all {len(observed)} of them were fitted. "
                "`data.hold_out(...)` or `data.split(at=...)` keeps some from the fit"
                + ("" if known is not None else "; `data`, the fitted marginals, tells another recording apart")
            )
        warn(
            f"left out {int(seen.sum())} of {len(observed)} marginals, which were fitted, from the scores", DataWarning
        )
        return observed[np.flatnonzero(~seen).tolist()], int(seen.sum())

    def _score_interpolation(
        self, observed: SnapshotSeries, fitted: SnapshotSeries, two_sided: bool, metrics: Sequence[str]
    ) -> Scores:
        """Scores of predictions of one population."""
        starts = self._with_estimates(fitted)
        origins = [self._last_start(starts, time).time for time in observed.times]
        predicted = list(self._interpolated(fitted, observed.times, two_sided))
        scores = score_interpolation(predicted, observed, fitted, origins, metrics=metrics, progress=self.progress)
        return dataclasses.replace(scores, protocol="two-sided") if two_sided else scores


def _beside(times: np.ndarray, time: float) -> int | None:
    """Which marginal is at a time, or too near to it for displacements to tell velocities from noise."""
    nearest = _times.nearest(times, time)
    interval = np.diff(times)[max(nearest - 1, 0) : nearest + 1].min()
    return nearest if abs(times[nearest] - time) < BESIDE * interval else None


def _is_marginal(series: SnapshotSeries, cloud: Population) -> bool:
    """Whether a cloud is the marginal of its time."""
    k = _times.position(series.times, cloud.time)
    return k is not None and np.array_equal(series[k].positions, cloud.positions)


def _seeds(seed: int, count: int) -> list[int]:
    """Seeds of independent replicas; of one alone the seed itself."""
    return [seed] if count == 1 else np.random.SeedSequence(seed).generate_state(count).tolist()


def _joined(runs: Sequence[Trajectory], about: dict[str, Any]) -> Trajectory:
    """Replicas as one trajectory, one after the other, each with its share of the weight."""
    first = runs[0]
    return Trajectory(
        first.times,
        np.concatenate([run.positions for run in runs], axis=1),
        np.concatenate([run.velocities for run in runs], axis=1),
        np.concatenate([run.weights for run in runs], axis=-1),
        metadata={**first.metadata, **about},
        units=first.units,
        copy=False,
    )


def _holds(series: SnapshotSeries, cloud: Population) -> bool:
    """Whether a particle of a cloud stands where one of the series does at that time."""
    k = _times.position(series.times, cloud.time)
    if k is None:
        return False
    there = series[k].positions
    mine, keys = row_keys(cloud.positions), row_keys(there)
    order = np.argsort(keys)
    place = order[np.searchsorted(keys[order], mine).clip(0, len(keys) - 1)]
    alike = np.flatnonzero(keys[place] == mine)
    return bool((there[place[alike]] == cloud.positions[alike]).all(1).any())


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
