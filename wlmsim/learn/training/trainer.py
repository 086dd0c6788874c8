"""The training loop: random rollouts, optimiser, moving average, early stopping, checkpoints."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numba
import numpy as np
import torch

from wlmsim import _deadline
from wlmsim.errors import SimulationError
from wlmsim.learn.functionals.force_evaluation import ForceEvaluator
from wlmsim.learn.losses.base import Loss
from wlmsim.learn.losses.common import Duals
from wlmsim.learn.losses.exact_transport import exact_transport
from wlmsim.learn.losses.regularisation import Regularisation
from wlmsim.learn.losses.velocity_gradient import velocity_gradient
from wlmsim.learn.matching.objective import MatchingObjective
from wlmsim.learn.mechanics import Cloud, Mechanics
from wlmsim.learn.networks.near_pairs import OfNearPairs
from wlmsim.learn.rollouts.base import Rollouts
from wlmsim.learn.rollouts.cuda_graphs import Recorder
from wlmsim.learn.rollouts.recomputation import kept_bytes, recomputed
from wlmsim.learn.rollouts.rollout import Force, flow_rollout, rollout
from wlmsim.learn.training.adamw import AdamW
from wlmsim.learn.training.descent import Descent, ParameterGroup
from wlmsim.learn.training.runtime import Runtime

Watcher = Callable[["Trainer"], None]
"""Called with the trainer after every step."""

Rolled = Sequence[tuple[torch.Tensor, torch.Tensor | None]]
"""Positions and velocities at some times; in first-order mechanics no velocities."""

Kind = TypeVar("Kind")

LARGEST_GRAPH = 2**32
"""Bytes that automatic differentiation may keep of the forces of one rollout; beyond, they are computed twice."""
SHARE_OF_GPU = 0.25
"""The same on a GPU, as a share of what memory is free when training begins."""
SINGLE_THREAD_LIMIT = 2000
"""Rows in a training step up to which a fit runs on one CPU thread."""

RECOVERIES = 5
"""Times that a training goes back after a divergence before it gives up."""
REMEMBER_EVERY = 25
"""Steps between two states that a training can go back to."""

FRICTION_RATE = 10.0
"""Learning rate of the friction's logarithm, relative to that of the networks."""


MOST_UNCHECKED = 50
"""Most steps between two scores on the validation marginals."""

MOST_POPULATIONS = 4
"""Populations that a training step rolls out; of more, so many are drawn anew at each step."""

LEAST = 0.5
"""Share of its steps that a training takes where time is over: with fewer it has hardly learned."""


@dataclass
class Progress:
    """How far a training has come, beside the tensors."""

    step: int = 0
    best_step: int = 0
    best_score: float = math.inf
    losses: list[float] = field(default_factory=list)
    frictions: list[float] = field(default_factory=list)
    scores: list[tuple[int, float]] = field(default_factory=list)
    stopped: bool = False
    rate: float = 1.0
    longest: int | None = None
    recoveries: list[int] = field(default_factory=list)


class Trainer:
    """Fits a `Mechanics` to the marginals of one or several populations, all in scaled coordinates.

    Parameters
    ----------
    mechanics : Mechanics
        What to train, in place.
    populations : sequence of sequences of Cloud
        The fitted marginals of each population in the order of time, the first with velocities.
    loss : Loss
        How predicted clouds are compared with observed ones.
    regularisation : Regularisation
        What is added to the divergence.
    rollouts : Rollouts
        Where rollouts start and how far they run; its time step must be given.
    optimiser : AdamW
        How parameters follow the gradient.
    runtime : Runtime
        In which precision, compiled or not; the device is that of the clouds.
    speed : float, optional
        Constant speed of all particles. Default: speeds are free.
    noise : float
        Strength sigma of the noise of first-order mechanics. Default 0.
    patience : int
        Steps without improvement on the validation marginals after which training stops. Default 500.
    matching : MatchingObjective, optional
        What the first steps minimise, before the mechanics is rolled out. Default: rollouts from the first step on.
    matching_steps : int
        How many steps those are, beside those of rollouts. Default 0.
    rate : float
        Learning rate of rollouts in units of the optimiser's. Default 1.
    validation : sequence of (int, Cloud), optional
        Marginals for early stopping, each with the number of its population; never part of the loss.
    seed : int
        Of batches, starts, horizons, directions and noise. Default 0.
    """

    def __init__(
        self,
        mechanics: Mechanics,
        populations: Sequence[Sequence[Cloud]],
        *,
        loss: Loss,
        regularisation: Regularisation,
        rollouts: Rollouts,
        optimiser: AdamW,
        runtime: Runtime,
        speed: float | None = None,
        noise: float = 0.0,
        patience: int = 500,
        matching: MatchingObjective | None = None,
        matching_steps: int = 0,
        rate: float = 1.0,
        validation: Sequence[tuple[int, Cloud]] = (),
        seed: int = 0,
    ):
        self.matching, self.matching_steps = matching, 0 if matching is None else matching_steps
        self.rate = rate
        self.loss, self.regularisation, self.rollouts, self.optimiser = loss, regularisation, rollouts, optimiser
        self.speed, self.noise, self.patience, self.seed = speed, noise, patience, seed
        self.mechanics = mechanics
        self.populations = populations
        self.validation = validation
        self.progress = Progress()
        self._rng = np.random.default_rng(seed)
        self._average = copy.deepcopy(mechanics).requires_grad_(False).eval()
        mechanics.evaluator = ForceEvaluator(runtime.precision, runtime.compile)
        self._graphs: dict[int, int] = {}
        self._largest_graph = SHARE_OF_GPU * torch.cuda.mem_get_info()[0] if self._devices else LARGEST_GRAPH
        self._time_steps: dict[tuple[float, ...], torch.Tensor] = {}
        self._duals: dict[tuple[int, int, int], Duals] = {}
        self._best: dict[str, torch.Tensor] | None = None
        self._descent = Descent(self._parameter_groups(), fused=bool(self._devices))
        self._of_near_pairs = [term for term in mechanics.networks if isinstance(term, OfNearPairs)]
        self._recorder: Recorder | None = None
        if self._devices:
            self._reserve()
            self._recorder = Recorder(mechanics)
        self._guide: dict[str, torch.Tensor] | None = None
        self._round = -1
        self._remembered: dict[str, Any] | None = None
        self._horizon = 1
        self._weightless = any(bool((cloud.w == 0).any()) for clouds in populations for cloud in clouds)
        self._starts = [rollouts.starts(self._possible_starts(clouds)) for clouds in populations]
        steady = populations if regularisation.local_acceleration else []
        self._gradients = [[(c, velocity_gradient(c)) for c in clouds if c.v is not None] for clouds in steady]

    def _possible_starts(self, clouds: Sequence[Cloud]) -> list[int]:
        """The marginals from which a rollout may start: those whose velocities are known or learned."""
        learned = self.mechanics.initial_field is not None
        known = [self.mechanics.first_order or c.v is not None or (k == 0 and learned) for k, c in enumerate(clouds)]
        return [k for k, is_known in enumerate(known[:-1]) if is_known]

    def _parameter_groups(self) -> list[ParameterGroup]:
        """Networks and friction; the friction's logarithm has further to go than a network's weights."""
        friction = [p for name, p in self.mechanics.named_parameters() if name == "log_friction"]
        rest = [p for name, p in self.mechanics.named_parameters() if name != "log_friction"]
        rate, decay = self.optimiser.learning_rate, self.optimiser.weight_decay
        return [ParameterGroup(rest, rate, decay), ParameterGroup(friction, FRICTION_RATE * rate, 0.0)]

    def run(self, watchers: Sequence[Watcher] = ()) -> None:
        """Train to the end of the schedule or to early stopping; the mechanics then has the averaged parameters."""
        self.advance(self.steps, watchers)
        self.mechanics.load_state_dict(self._average.state_dict() if self._best is None else self._best)

    @property
    def steps(self) -> int:
        """Most training steps, of matching and of rollouts."""
        return self.matching_steps + self.optimiser.steps

    def advance(self, until: int, watchers: Sequence[Watcher] = ()) -> None:
        """Train up to a step, or to the end if that comes first."""
        threads = _threads(1 if self.on_one_thread else None)
        with threads, torch.random.fork_rng(devices=self._devices), self.mechanics.evaluator():
            self._advance(until, watchers)
        if self._recorder is not None:
            self._recorder.forget()

    @property
    def on_one_thread(self) -> bool:
        """Whether a step computes on one CPU thread: for few rows a second one only waits, and burns a core."""
        rows = max(len(cloud.x) for clouds in self.populations for cloud in clouds)
        rows = rows if self.optimiser.batch_size is None else min(rows, self.optimiser.batch_size)
        return rows <= SINGLE_THREAD_LIMIT and not self._devices

    @property
    def _devices(self) -> list[torch.device]:
        """The CUDA device, if the training runs on one."""
        device = self.populations[0][0].x.device
        return [device] if device.type == "cuda" else []

    def _advance(self, until: int, watchers: Sequence[Watcher]) -> None:
        progress, steps = self.progress, self.steps
        check_every = max(1, min(MOST_UNCHECKED, self.optimiser.steps // 10))
        while progress.step < min(until, steps) and not progress.stopped:
            _deadline.check()
            if _deadline.is_enough() and progress.step >= LEAST * steps:
                progress.stopped = True
                break
            try:
                loss = self._step()
            except SimulationError as error:
                self._recover(error)
                continue
            progress.losses.append(loss)
            progress.frictions.append(self.mechanics.friction)
            progress.step += 1
            rolled = progress.step - self.matching_steps
            if self.validation and rolled >= 0 and (rolled % check_every == 0 or progress.step == steps):
                self._validate()
            self._watch(watchers)

    def _watch(self, watchers: Sequence[Watcher]) -> None:
        """Tell those who follow of the step."""
        for watch in watchers:
            watch(self)

    def _step(self) -> float:
        step = self.progress.step
        self._descent.forget_gradients()
        value = self._differentiate()
        norm = torch.nn.utils.clip_grad_norm_(self.mechanics.parameters(), self.optimiser.clip)
        if not math.isfinite(value + norm.item()):
            raise SimulationError("the loss or its gradient is not finite")
        if step % REMEMBER_EVERY == 0:  # these parameters have just proved usable
            self._remembered = {"step": step, **copy.deepcopy(self._tensors())}
        self._descent.step(self._rate(step) * self.progress.rate)
        self._follow(self.optimiser.memory(step))
        return value

    def _differentiate(self) -> float:
        """The loss, whose gradient the parameters then have."""
        loss = self._with_all_pairs(self._loss_of_step)
        value = loss.item()
        loss.backward()
        return value

    def _rate(self, step: int) -> float:
        """Share of the learning rate at a step: it falls once as forces are matched, and again as they are polished."""
        if step < self.matching_steps:
            return self.optimiser.replace(steps=self.matching_steps).decay(step)
        return self.rate * self.optimiser.decay(step - self.matching_steps)

    def _match(self, step: int) -> torch.Tensor:
        """The objective of matching; each round is guided by the averaged mechanics of the one before."""
        assert self.matching is not None
        rounds = min(self.matching.options.rounds, self.matching_steps)
        number, last = (k * rounds // self.matching_steps for k in (step, step - 1))
        if number != self._round:  # at the first step of a round, or resumed in its midst
            if number != last or self._guide is None:
                self._guide = copy.deepcopy(self._average.state_dict())
            guide = copy.deepcopy(self._average)
            guide.load_state_dict(self._guide)
            self.matching.begin_round(number, guide)
            self._round = number
        return self.matching(self.mechanics, step)

    def _loss_of_step(self) -> torch.Tensor:
        """What is minimised at this step."""
        step = self.progress.step
        return self._match(step) if step < self.matching_steps else self._loss()

    def _with_all_pairs(self, compute: Callable[[], Kind]) -> Kind:
        """What is computed with all near pairs: where some found no place, it is computed again, with more."""
        random = self._rng.bit_generator.state
        while True:
            self._seed_dropout()
            found = compute()
            exceeded = [term.capacity.exceeded() for term in self._of_near_pairs if term.capacity is not None]
            if not self._exceeds(any(exceeded)):
                return found
            if self._recorder is not None:
                self._recorder.forget()
            self._rng.bit_generator.state = random

    def _seed_dropout(self) -> None:
        """Dropout of a step is its own; `torch.manual_seed` seeds what is not there too, for a tenth of a step."""
        seed = (self.seed * 2**20 + self.progress.step) % 2**63
        torch.default_generator.manual_seed(seed)
        for device in self._devices:
            torch.cuda.default_generators[device.index or 0].manual_seed(seed)

    def _exceeds(self, here: bool) -> bool:
        """Whether some pairs found no place."""
        return here

    def _reserve(self) -> None:
        """On a GPU, set sizes for near pairs by the fitted marginals, so that rollouts need not wait for it."""
        size = self.optimiser.batch_size
        clouds = [cloud.x for clouds in self.populations for cloud in clouds]
        parts = [x if size is None else x[:: math.ceil(len(x) / size)] for x in clouds]
        for term in self._of_near_pairs:
            term.reserve(parts)

    def _recover(self, error: SimulationError) -> None:
        """Go back to the remembered state and on from there with half the learning rate and horizon.

        Long rollouts of forces yet unlearned may diverge where shorter ones serve, before a single step is done.
        """
        progress, remembered, horizon = self.progress, self._remembered, self._horizon
        given_up = remembered is None or progress.rate <= 0.5**RECOVERIES
        if given_up and horizon == 1:
            raise SimulationError(
                f"training diverged at step {progress.step + 1} ({error}); try a smaller learning_rate or dt"
            ) from error
        progress.recoveries.append(progress.step)
        progress.longest = max(horizon // 2, 1)
        if remembered is None:
            return
        progress.rate /= 2
        progress.step = remembered["step"]
        del progress.losses[progress.step :], progress.frictions[progress.step :]
        progress.scores = [(step, score) for step, score in progress.scores if step <= progress.step]
        self._restore_tensors(copy.deepcopy(remembered))
        self._duals.clear()  # of clouds that went astray

    def _follow(self, keep: float) -> None:
        """Exponential moving average of the parameters."""
        with torch.no_grad():
            follow = torch.optim.swa_utils.get_ema_multi_avg_fn(keep)
            follow(list(self._average.parameters()), list(self.mechanics.parameters()), None)

    def _loss(self) -> torch.Tensor:
        """Loss of one random rollout, averaged over the populations, or over a few of many."""
        total: Any = 0.0
        drawn: Any = [k for k, starts in enumerate(self._starts) if starts]
        if len(drawn) > MOST_POPULATIONS:
            drawn = self._rng.permutation(drawn)[:MOST_POPULATIONS]
        for k in drawn:
            clouds, starts = self.populations[k], self._starts[k]
            start = starts[self._rng.integers(len(starts))]
            horizon = self._horizon = int(self._rng.integers(1, self._longest_horizon(len(clouds) - 1 - start) + 1))
            ends = range(start + 1, start + 1 + horizon)
            targets = [self._batch(clouds[end]) for end in ends]
            duals = [self._duals_between(k, start, end) for end in ends]
            total = total + self._rollout_loss(self._batch(clouds[start]), targets, duals, k)
            if weight := self.regularisation.local_acceleration:
                cloud, gradient = self._gradients[k][self._rng.integers(len(self._gradients[k]))]
                total = total + weight * self._local_acceleration(k, self._batch(cloud), gradient)
        return total / len(drawn)

    def _local_acceleration(self, population: int, cloud: Cloud, gradient: torch.Tensor) -> torch.Tensor:
        """That of a batch of a population."""
        return self.mechanics.local_acceleration(cloud, gradient)

    def _batch(self, cloud: Cloud) -> Cloud:
        """A random part of a cloud, or all of it where it is small."""
        n, size = len(cloud.x), self.optimiser.batch_size
        if size is None or n <= size:
            return cloud
        rows = torch.as_tensor(self._rng.permutation(n), device=cloud.x.device)
        rows = rows[cloud.w[rows] > 0][:size] if self._weightless else rows[:size]  # a batch must weigh something
        return cloud.rows(rows)

    def _duals_between(self, population: int, start: int, end: int) -> Duals | None:
        """Duals of the last rollout between two marginals, where they are compared whole: each row keeps its own."""
        clouds, size = self.populations[population], self.optimiser.batch_size
        whole = size is None or max(len(clouds[start].x), len(clouds[end].x)) <= size
        return self._duals.setdefault((population, start, end), {}) if whole else None

    def _rollout_loss(
        self, start: Cloud, targets: Sequence[Cloud], duals: Sequence[Duals | None], population: int
    ) -> torch.Tensor:
        """Mean divergence over the targets, and the roughness of the motion along the way.

        On a GPU from a recording, if that is possible: of the rollout, and of the loss too if it needs nothing from the
        host.
        """
        times = [cloud.time for cloud in targets]
        if self._recorder is None or self.loss.needs_host or self._is_computed_again(start, times[-1]):
            rolled, roughness = self._roll_out(start, times, population)
            return self._mean_divergence(rolled, start, targets, duals) + roughness
        clouds = [start, *targets]

        def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            first, *others = _clouds(tensors, clouds)
            rolled, roughness = self._rolled(first, times)
            return (self._mean_divergence(rolled, first, others, duals) + roughness,)

        return self._recorder(run, population, (start.time, *times), *_tensors(clouds))[0]

    def _roll_out(self, start: Cloud, times: Sequence[float], population: int) -> tuple[Rolled, torch.Tensor]:
        """Clouds at the times and the roughness of the motion; on a GPU from a recording, if that is possible."""
        again = self._is_computed_again(start, times[-1])
        if self._recorder is None or again:
            return self._rolled(start, times, again)

        def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            (first,) = _clouds(tensors, [start])
            rolled, roughness = self._rolled(first, times)
            return (*(part for cloud in rolled for part in cloud if part is not None), roughness)

        *parts, roughness = self._recorder(run, population, (start.time, *times), *_tensors([start]))
        velocities = [None] * len(parts) if self.mechanics.first_order else parts[1::2]
        positions = parts if self.mechanics.first_order else parts[::2]
        return list(zip(positions, velocities, strict=True)), roughness

    def _mean_divergence(
        self, rolled: Rolled, start: Cloud, targets: Sequence[Cloud], duals: Sequence[Duals | None]
    ) -> torch.Tensor:
        compared = zip(rolled, targets, duals, strict=True)
        terms = [self._divergence(self.loss, cloud, start, target, kept) for cloud, target, kept in compared]
        return torch.stack(terms).mean()

    def _divergence(
        self,
        loss: Loss,
        rolled: tuple[torch.Tensor, torch.Tensor | None],
        start: Cloud,
        target: Cloud,
        duals: Duals | None,
    ) -> torch.Tensor:
        """That of a cloud that a start has come to from a target, by weights that it is known to have grown to."""
        return loss(*rolled, start.grown(target.time), target, duals=duals, rng=self._rng)

    def _rolled(self, start: Cloud, times: Sequence[float], again: bool = False) -> tuple[Rolled, torch.Tensor]:
        """Clouds at the times and the roughness of the motion, with forces that are computed again or not."""
        evaluate: Force = partial(_force_of, self.mechanics, start.w)
        if again:
            evaluate = recomputed(evaluate, list(self.mechanics.parameters()))
        forces: list[torch.Tensor] = []
        moments: list[float] = []

        def force(x: torch.Tensor, t: float) -> torch.Tensor:
            value = evaluate(x, t)
            forces.append(value if self.mechanics.first_order else (1.0 + self.mechanics.gamma) * value)
            moments.append(t)
            return value

        clouds = self._roll(self.mechanics, force, start, times)
        if self.speed is not None and self.regularisation.jerk:
            force(clouds[-1][0], times[-1])  # which no motion at one speed asks for
        return clouds, self._roughness(torch.stack(forces), moments, start.w)

    def _is_computed_again(self, start: Cloud, end: float) -> bool:
        """Whether forces are computed again for their gradient: what that keeps of all steps would be too large."""
        n = len(start.x)
        if n not in self._graphs:
            with torch.random.fork_rng(devices=self._devices):
                x = start.x.clone().requires_grad_()
                self._graphs[n] = kept_bytes(lambda: self.mechanics.force(x, start.w, start.time))
        return (end - start.time) / self._dt * self._graphs[n] > self._largest_graph

    def _roughness(self, forces: torch.Tensor, times: Sequence[float], w: torch.Tensor) -> torch.Tensor:
        """Mean squares of the force and of its rate of change along the paths, each with its weight.

        In first-order mechanics that of the velocity alone: along paths with noise, it has no rate of change.
        """
        weights = self.regularisation
        if self.mechanics.first_order or not weights.jerk:
            return weights.force * _mean_square(forces, w)
        jerks = forces.diff(dim=0) / self._intervals(tuple(times), w)
        return weights.force * _mean_square(forces, w) + weights.jerk * _mean_square(jerks, w)

    def _intervals(self, times: tuple[float, ...], like: torch.Tensor) -> torch.Tensor:
        """Time steps, shape (steps, 1, 1); kept on the device, so that a rollout sends nothing to it."""
        if times not in self._time_steps:
            intervals = torch.tensor(times, dtype=like.dtype, device=like.device).diff()
            self._time_steps[times] = intervals[:, None, None]
        return self._time_steps[times]

    def _longest_horizon(self, remaining: int) -> int:
        """Most marginals that a rollout may run over now; fewer after a divergence."""
        most = min(remaining, self.progress.longest or remaining)
        return self.rollouts.longest(most, self.progress.step - self.matching_steps, self.optimiser.steps)

    @property
    def _dt(self) -> float:
        """Largest time step."""
        return self.rollouts.time_step(1.0)

    def _roll(self, mechanics: Mechanics, force: Force, start: Cloud, times: Sequence[float]) -> Rolled:
        """Positions and velocities at the times; in first-order mechanics no velocities."""
        if mechanics.first_order:
            noise = partial(self._kicks, self.noise) if self.noise else None
            clouds = flow_rollout(force, start.x, times, start=start.time, dt=self._dt, noise=noise)
            return [(x, None) for x in clouds]
        v = mechanics.initial_field(start.x) if start.v is None else start.v
        return rollout(
            force,
            start.x,
            v,
            times,
            start=start.time,
            dt=self._dt,
            friction=mechanics.gamma,
            unit_mobility=True,
            velocity_force=mechanics.velocity_force(start.w),
            speed=self.speed,
        )

    def _kicks(self, strength: float, x: torch.Tensor, step: float) -> torch.Tensor:
        """Increments of Brownian motion; a GPU draws its own, so that it need not wait for them."""
        if x.device.type != "cpu":
            return strength * math.sqrt(step) * torch.randn_like(x)
        return torch.as_tensor(strength * math.sqrt(step) * self._rng.standard_normal(x.shape)).to(x)

    def _validate(self) -> None:
        """Score the averaged weights on the validation marginals; remember the best, stop when none gets better."""
        progress = self.progress
        score = self._score()
        progress.scores.append((progress.step, score))
        if score < progress.best_score:
            progress.best_step, progress.best_score = progress.step, score
            self._best = copy.deepcopy(self._average.state_dict())
        progress.stopped = progress.step - progress.best_step >= self.patience

    def _score(self) -> float:
        """Mean score on the validation marginals."""
        return float(np.mean([self._validation_w1(k, cloud) for k, cloud in self.validation]))

    def _validation_w1(self, population: int, target: Cloud) -> float:
        """W1 of the predictions of a marginal, averaged over all the marginals that rollouts may start from."""
        clouds = self.populations[population]
        scores = []
        for k in self._starts[population]:
            if clouds[k].time < target.time:
                force = partial(_force_of, self._average, clouds[k].w)
                ((x, _),) = self._roll(self._average, force, clouds[k], [target.time])
                if not torch.isfinite(x).all():
                    return math.inf
                w = clouds[k].grown(target.time)
                scores.append(float(exact_transport(x.detach(), target.x, w, target.w, power=1)))
        return float(np.mean(scores))

    def state(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit: tensors and plain values only."""
        return {
            **self._tensors(),
            "best": self._best,
            "remembered": self._remembered,
            "duals": self._duals,
            "guide": self._guide,
            "rng": self._rng.bit_generator.state,
            "progress": vars(self.progress),
        }

    def _tensors(self) -> dict[str, Any]:
        return {
            "mechanics": self.mechanics.state_dict(),
            "average": self._average.state_dict(),
            "descent": self._descent.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        self._restore_tensors(state)
        self._best, self._remembered = state["best"], state["remembered"]
        self._duals, self._guide = state["duals"], state["guide"]
        self._rng.bit_generator.state = state["rng"]
        self.progress = Progress(**state["progress"])

    def _restore_tensors(self, state: dict[str, Any]) -> None:
        self.mechanics.load_state_dict(state["mechanics"])
        self._average.load_state_dict(state["average"])
        self._descent.restore(state["descent"])


def _tensors(clouds: Sequence[Cloud]) -> list[torch.Tensor]:
    """Positions, weights and, where they are known, velocities and rates of growth of each cloud."""
    return [part for cloud in clouds for part in (cloud.x, cloud.w, cloud.v, cloud.growth) if part is not None]


def _clouds(tensors: Sequence[torch.Tensor], like: Sequence[Cloud]) -> list[Cloud]:
    """The clouds that such tensors are of."""
    rest = iter(tensors)
    found = []
    for cloud in like:
        x, w = next(rest), next(rest)
        v, growth = (None if column is None else next(rest) for column in (cloud.v, cloud.growth))
        found.append(Cloud(x, v, w, cloud.time, growth))
    return found


def _mean_square(vectors: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Mean over times and particles of |vector|^2; vectors (T, n, d), weights (n,)."""
    return ((vectors**2).sum(-1) @ w).mean()


def _force_of(mechanics: Mechanics, w: torch.Tensor, x: torch.Tensor, t: float) -> torch.Tensor:
    return mechanics.force(x, w, t)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Compute on a number of CPU threads, or on as many as before."""
    before = torch.get_num_threads()
    numba.get_num_threads()  # starts Numba's threads, which sets the number of torch's too: not later, in the midst
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
