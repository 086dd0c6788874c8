"""A fit, from snapshots to mechanics: scaled data, members, early stopping, and what is reported of it all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import AccuracyWarning, DataWarning, ParameterError, SimulationError
from wlmsim.functionals.base import Functional
from wlmsim.learn.functionals import ExternalPotential, Scales
from wlmsim.learn.group import ALONE, Group
from wlmsim.learn.matching import weak_form
from wlmsim.learn.matching.least_squares import is_linear
from wlmsim.learn.matching.objective import MatchingObjective
from wlmsim.learn.matching.options import Matching
from wlmsim.learn.mechanics import Cloud, Mechanics, scaled_cloud, scales_of
from wlmsim.learn.prediction.growth import Growth, choose_growth
from wlmsim.learn.rollouts.anchored import Anchored
from wlmsim.learn.rollouts.base import Rollouts
from wlmsim.learn.training.callbacks import Record
from wlmsim.learn.training.checkpoint_file import CheckpointFile, opened
from wlmsim.learn.training.early_stopping import EarlyStopping
from wlmsim.learn.training.ensemble import Ensemble, Training
from wlmsim.learn.training.fit_digest import fit_digest
from wlmsim.learn.training.long_fits import LongFits, faster
from wlmsim.learn.training.progress import FittingBars
from wlmsim.learn.training.shared import SharedTrainer
from wlmsim.learn.training.trainer import Trainer
from wlmsim.learn.velocities.rules import moving, with_velocities
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.parallel.cluster import workers
from wlmsim.parallel.processes import cores

RISE = 1.25
"""By what factor the loss must be larger at the end of a fit than at its beginning for a warning; less is chance."""
FEWEST = 20
"""Steps of either whose median is compared."""
DIFFUSED = 1 / 3
"""How far particles diffuse in the mean interval under the automatic noise, in units of the spread of the data."""

MATCHED = 1000
"""Steps of matching where none follow."""


@dataclass(frozen=True)
class Result:
    """What came of a fit; the fields are described at `WLM`, whose fitted attributes they become."""

    members: list[Mechanics]
    losses: np.ndarray
    frictions: np.ndarray
    recoveries: list[int]
    best_step: int
    validation: list[tuple[int, float]]
    dt: float
    growth: Growth
    noise: float
    seconds: float


@dataclass(frozen=True)
class Fit:
    """One fit of an estimator with checked parameters to data.

    Parameters
    ----------
    model : WLM
        What is fitted; only its parameters are read.
    data : SnapshotSeries
        The marginals.
    previous : sequence of Mechanics
        Members to start from, in their order; none for a fresh start.
    group : Group
        The processes that share it. Default: this one alone.
    """

    model: Any
    data: SnapshotSeries
    previous: Sequence[Mechanics] = ()
    group: Group = ALONE

    def run(self, callbacks: Sequence[Callable[[Record], Any]] = (), client: Any = None) -> Result:
        """Train every member, with early stopping if it is asked for."""
        model, started = self.model, time.monotonic()
        self._count_rows_without_weight()
        if client is not None and self.group.size > 1:
            raise check.fail("client", "None in a process group, whose processes share the fit", client)
        scales = self.previous[0].scales if self.previous else scales_of(self.data, inertial=not model.first_order)
        # where nothing is rolled out there are no steps to choose
        stopping: EarlyStopping | None = model.part("stopping") if rolled_steps(model) else None
        fitted, held = self._hold_out(stopping)
        setting = Setting.of(model, fitted, scales, self.previous, self.group)

        steps, scores, members = setting.steps, [], []
        bars = [FittingBars(model.part("runtime").about())] if model.progress else []
        long = LongFits(faster(model, max(self.data.sizes)))
        watching: list[Callable[[Record], Any]] = [*callbacks, *bars, long] if self.group.first else []
        with ExitStack() as claims:
            kept: list[CheckpointFile | None] = []
            self.group.of_first(lambda: kept.append(claims.enter_context(self._open_checkpoint())))
            checkpoint = kept[0] if kept else None
            with Ensemble(watching, checkpoint, self.group) as ensemble:
                if held and stopping is not None:  # the first member finds the number of steps for all
                    trainer = setting.trainer(fitted, steps, 0, held, stopping.patience)
                    long.matching_steps = trainer.matching_steps
                    first = Training("choosing the steps", 1, 1, trainer)
                    ensemble.run(first)
                    progress = first.trainer.progress
                    matched = first.trainer.matching_steps  # which every fit begins with beside those chosen
                    steps = progress.best_step - matched
                    scores = [(step - matched, w1 * scales.length) for step, w1 in progress.scores]
                    if progress.best_step == 0:
                        raise SimulationError(
                            "every prediction of the validation marginal blew up; try a smaller learning_rate or dt"
                        )
                    if stopping.refit:
                        fitted = populations_of(self.data)
                    else:
                        members = [first]
                rest = range(len(members), model.members)
                fresh = [Training("fitting", k + 1, model.members, setting.trainer(fitted, steps, k)) for k in rest]
                members += fresh
                processes = self._processes(members[0].trainer)
                long.matching_steps = members[0].trainer.matching_steps
                if client is not None:
                    long.side_by_side = workers(client)
                else:
                    long.side_by_side = cores() if processes is None else processes
                ensemble.run_all(fresh, processes, client)
            if checkpoint is not None:
                checkpoint.remove()
        return self._result([member.trainer for member in members], setting, steps, scores, started)

    def _count_rows_without_weight(self) -> None:
        """Say how many rows no batch will have."""
        count = sum(int((cloud.weights == 0).sum()) for cloud in self.data)
        if count and self.group.first and self.model.part("optimiser").batch_size is not None:
            message = f"{count} rows of `data` weigh nothing, and batches are drawn from the others"
            warn(message, DataWarning)

    def _result(
        self,
        trainers: list[Trainer],
        setting: Setting,
        steps: int,
        scores: list[tuple[int, float]],
        started: float,
    ) -> Result:
        recoveries = [step for trainer in trainers for step in trainer.progress.recoveries]
        if recoveries and self.group.first:
            warn(
                f"training diverged {len(recoveries)} times and went on from before with half the learning rate "
                "and horizon; a smaller horizon, learning_rate or dt would be safer",
                RuntimeWarning,
            )
        losses = _mean_course([trainer.progress.losses for trainer in trainers])
        begun = trainers[0].matching_steps if steps else 0  # what is matched and what is rolled out have other units
        rise = risen(losses[begun + math.ceil(rollouts_of(self.model).ramp * steps) :])
        if rise and self.group.first:
            warn(
                f"the loss rose during the fit, from about {rise[0]:.3g} to {rise[1]:.3g}: nothing was learned that "
                "predicts better. Forces may be learned in too large a unit (`typical_force` of a term is theirs), or "
                "the steps be too large; a smaller learning_rate or horizon would be safer",
                AccuracyWarning,
            )
        return Result(
            [trainer.mechanics.eval() for trainer in trainers],
            losses,
            _mean_course([trainer.progress.frictions for trainer in trainers]),
            recoveries,
            steps,
            scores,
            rollouts_of(self.model).time_step(setting.scales.duration),
            setting.growth,
            setting.noise,
            self.group.of_first(lambda: time.monotonic() - started),
        )

    def _hold_out(self, stopping: EarlyStopping | None) -> tuple[list[SnapshotSeries], list[tuple[int, Population]]]:
        """Each population without its validation marginal, and those marginals with the number of the population."""
        populations = populations_of(self.data)
        if stopping is None:
            return populations, []
        fitted, held = [], []
        for number, series in enumerate(populations):
            index = _index(stopping.validation, len(series))
            # two marginals, a start and a target, have to remain for the loss
            if index == 0 or len(series) < 3:
                if stopping.validation != "last":
                    raise check.fail(
                        "EarlyStopping.validation", "a marginal after the first, of at least 3", stopping.validation
                    )
                fitted.append(series)
                continue
            rest, out = series.hold_out([index])
            fitted.append(rest)
            held.append((number, out[0]))
        return fitted, held

    def _processes(self, trainer: Trainer) -> int | None:
        """How many processes may train members; None where their time decides."""
        if self.group.size > 1:
            return 1
        return self.model.part("runtime").processes if trainer.on_one_thread else 1

    def _open_checkpoint(self) -> AbstractContextManager[CheckpointFile | None]:
        options = self.model.part("checkpoint")
        if options is None:
            return nullcontext()
        return opened(options.path, fit_digest(self.model, self.data), options.every)


@dataclass(frozen=True)
class Setting:
    """What the trainers of a fit have in common."""

    model: Any
    scales: Scales
    growth: Growth
    noise: float
    previous: Sequence[Mechanics] = ()
    group: Group = ALONE

    @property
    def steps(self) -> int:
        """Most training steps, beside those of matching."""
        return rolled_steps(self.model)

    @classmethod
    def of(
        cls,
        model: Any,
        fitted: list[SnapshotSeries],
        scales: Scales,
        previous: Sequence[Mechanics] = (),
        group: Group = ALONE,
    ) -> Setting:
        """Growth and noise as given, or chosen from the fitted marginals."""
        reach = getattr(model.part("loss"), "reach", math.inf)
        growth = choose_growth(fitted, scales.length) if reach == "learn" else Growth(float(reach))
        typical_noise = DIFFUSED * scales.length / math.sqrt(scales.duration)
        noise = typical_noise if isinstance(model.noise, str) else float(model.noise)
        return cls(model, scales, growth, noise, previous, group)

    def trainer(
        self,
        populations: list[SnapshotSeries],
        steps: int,
        member: int,
        held: Sequence[tuple[int, Population]] = (),
        patience: int = 500,
    ) -> Trainer:
        """A trainer of one member, its data and options in scaled coordinates."""
        model, scales, seed = self.model, self.scales, int(self.model.seed) + member
        mechanics = self._mechanics(populations[0].dim, member)
        like = torch.zeros(0, dtype=next(mechanics.parameters()).dtype, device=next(mechanics.parameters()).device)
        clouds = [self._starting_clouds(series, like) for series in populations]
        optimiser = model.part("optimiser").replace(steps=steps)
        rollouts = rollouts_of(model)
        dt = rollouts.time_step(scales.duration) / scales.duration
        noise = self.noise * scales.duration**0.5 / scales.length
        begun = bool(self.previous) or weak_form.begin(mechanics, clouds, noise=noise, dt=dt)
        options = matching_of(model)
        matching = None if begun or options is None else self._matching(options, populations, like, noise, seed)
        rate = 1.0 if matching is None or options is None else options.rate
        if matching is not None and is_linear(mechanics) and model.speed is None:
            mechanics.standard_errors = matching.solve(mechanics)
            matching = None
        loss = model.part("loss")
        if getattr(loss, "reach", None) == "learn":
            loss = loss.replace(reach=self.growth.reach)
        kind = Trainer if self.group.size == 1 else partial(SharedTrainer, self.group)
        return kind(
            mechanics,
            clouds,
            loss=loss.scaled(scales.length, [cloud.x for series in clouds for cloud in series], optimiser.batch_size),
            regularisation=model._regularisation,
            rollouts=rollouts.replace(dt=dt),
            optimiser=optimiser,
            runtime=model.part("runtime"),
            speed=None if model.speed is None else model.speed * scales.duration / scales.length,
            noise=noise,
            patience=patience,
            matching=matching,
            rate=rate,
            matching_steps=0 if options is None else options.steps or model.part("optimiser").steps or MATCHED,
            validation=[(k, scaled_cloud(cloud, scales, like)) for k, cloud in held],
            seed=seed,
        )

    def _matching(
        self, options: Matching, populations: list[SnapshotSeries], like: torch.Tensor, noise: float, seed: int
    ) -> MatchingObjective:
        """What the mechanics of a member is matched to."""
        model, scales = self.model, self.scales
        known = [series if model.first_order else moving(series, model.initial_velocities) for series in populations]
        clouds = [[scaled_cloud(cloud, scales, like) for cloud in series] for series in known]
        clouds = [[_with_weight(cloud) for cloud in same] for same in clouds]
        speed = None if model.speed is None else model.speed * scales.duration / scales.length
        reach = self.growth.reach / scales.length
        return MatchingObjective(clouds, options, model._regularisation, noise, reach, speed, seed, self.group)

    def _mechanics(self, dim: int, member: int) -> Mechanics:
        """The mechanics of a member before training, on its device."""
        model = self.model
        # one seed fixes the parameters' start without touching the caller's random state
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(model.seed) + member)
            mechanics = new_mechanics(model, dim, self.scales)
        if member < len(self.previous):
            if not self.previous[member].is_like(mechanics):
                raise check.fail(
                    "warm_start", "False where terms, friction or dimension differ from those of the last fit", True
                )
            mechanics.load_state_dict(self.previous[member].state_dict())
        if not any(True for _ in mechanics.parameters()):
            raise ParameterError("`potential` and `friction` leave nothing to learn; give a learnable functional")
        return mechanics.to(model.part("runtime").torch_device())

    def _starting_clouds(self, series: SnapshotSeries, like: torch.Tensor) -> list[Cloud]:
        """Marginals of a population, with velocities at those that rollouts may start from, by the model's rule."""
        model = self.model
        known = series if model.first_order else with_velocities(series, model.initial_velocities)
        clouds = [scaled_cloud(cloud, self.scales, like) for cloud in known]
        first = clouds[0]
        if model.first_order:
            return clouds
        if model.initial_velocities in ("zero", "learn"):
            v = torch.zeros_like(first.x) if model.initial_velocities == "zero" else None
            return [replace(c, v=v if c is first else None) for c in clouds]
        if first.v is None:
            raise ParameterError(
                "`data` must have velocities at its first marginal for initial_velocities='given'; "
                "give them, learn or estimate them, or start from rest with initial_velocities='zero'"
            )
        return clouds


def rolled_steps(model: Any) -> int:
    """Most training steps of rollouts."""
    return 0 if model.part("rollouts") is None else model.part("optimiser").steps


def rollouts_of(model: Any) -> Rollouts:
    """How a model is rolled out: where training does not, in the time steps that it would take."""
    return model.part("rollouts") or Anchored()


def matching_of(model: Any) -> Matching | None:
    """How a model is matched: where nothing is rolled out, in the usual way."""
    return model.part("matching") or (None if rolled_steps(model) else Matching())


def new_mechanics(model: Any, dim: int, scales: Scales) -> Mechanics:
    """The mechanics of a model with parameters from torch's random state."""
    potential: Functional = ExternalPotential() if model.potential is None else model.potential
    friction: str | float = model.friction if model.speed is None else 0.0
    dissipation: Dissipation | None = model.dissipation
    field = model.initial_velocities == "learn" and not model.first_order
    return Mechanics(potential, friction, dim, scales, dissipation, initial_field=field)


def populations_of(data: SnapshotSeries) -> list[SnapshotSeries]:
    """Each population of a series as a series of its own."""
    return [data.population(label) for label in data.population_labels]


def _index(validation: str | int, count: int) -> int:
    """Number of the validation marginal, from the beginning."""
    if validation == "last":
        return count - 1
    index = int(validation)
    if not -count <= index < count:
        raise check.fail("EarlyStopping.validation", f"an index of the {count} fitted marginals", index)
    return range(count)[index]


def risen(losses: np.ndarray) -> tuple[float, float] | None:
    """About the losses at the beginning and at the end, medians of a tenth of the steps, if the loss has risen."""
    count = max(FEWEST, len(losses) // 10)
    if len(losses) < 2 * count:
        return None
    first, last = float(np.median(losses[:count])), float(np.median(losses[-count:]))
    return (first, last) if last > RISE * first else None


def _mean_course(courses: Sequence[Sequence[float]]) -> np.ndarray:
    """Mean over the members at each step, of those that still train: one that was validated may go on longer."""
    table = np.full((len(courses), max(map(len, courses))), np.nan)
    for row, course in zip(table, courses, strict=True):
        row[: len(course)] = course
    return np.nanmean(table, axis=0)


def _with_weight(cloud: Cloud) -> Cloud:
    """The rows that weigh something."""
    weighs = cloud.w > 0
    return cloud if weighs.all() else cloud.rows(torch.nonzero(weighs).flatten())
