"""The training loop: random rollouts, optimiser, moving average, early stopping, checkpoints."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch

from wlmsim.errors import FileFormatError, SimulationError
from wlmsim.io.paths import local
from wlmsim.learn import files
from wlmsim.learn.functionals.force_evaluation import Acceleration
from wlmsim.learn.losses.divergences import (
    Duals,
    energy_divergence,
    exact_transport,
    sinkhorn_divergence,
    sliced_transport,
)
from wlmsim.learn.losses.steady_flow import velocity_gradient
from wlmsim.learn.mechanics import Cloud, Mechanics
from wlmsim.learn.networks.near_pairs import OfNearPairs
from wlmsim.learn.rollouts.adjoint import kept_bytes, recomputed
from wlmsim.learn.rollouts.cuda_graphs import Recorder
from wlmsim.learn.rollouts.rollout import Force, flow_rollout, rollout

Watcher = Callable[["Trainer"], None]
"""Called with the trainer after every step."""

Rolled = Sequence[tuple[torch.Tensor, torch.Tensor | None]]
"""Positions and velocities at some times; in first-order mechanics no velocities."""

KIND = "wlmsim-checkpoint"
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


MOST_POPULATIONS = 4
"""Populations that a training step rolls out; of more, so many are drawn anew at each step."""

ON_DEVICE = ("sliced", "energy")
"""Losses that need nothing from the host."""

SLICES = 32
"""Number of directions of the sliced loss, drawn anew for each target."""


@dataclass(frozen=True)
class Settings:
    """How to train; lengths and times in scaled coordinates, see `wlmsim.learn.WLM` for the meaning."""

    steps: int
    learning_rate: float
    weight_decay: float
    ema: float
    clip: float
    batch_size: int | None
    dt: float
    speed: float | None
    noise: float
    loss: str
    force_penalty: float
    jerk_penalty: float
    blur: float
    reach: float
    velocity_weight: float
    steady_weight: float
    shooting: bool
    horizon: int | None
    ramp: float
    seed: int
    check_every: int
    patience: int
    precision: str
    compile: bool


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
    """Fits a `Mechanics` to the marginals of one or several populations.

    Parameters
    ----------
    mechanics : Mechanics
        What to train, in place.
    populations : sequence of sequences of Cloud
        The fitted marginals of each population in the order of time, the first with velocities.
    settings : Settings
        How to train.
    validation : sequence of (int, Cloud), optional
        Marginals for early stopping, each with the number of its population; never part of the loss.
    """

    def __init__(
        self,
        mechanics: Mechanics,
        populations: Sequence[Sequence[Cloud]],
        settings: Settings,
        validation: Sequence[tuple[int, Cloud]] = (),
    ):
        self.mechanics = mechanics
        self.populations = populations
        self.settings = settings
        self.validation = validation
        self.progress = Progress()
        self._rng = np.random.default_rng(settings.seed)
        self._average = copy.deepcopy(mechanics).requires_grad_(False).eval()
        mechanics.acceleration = Acceleration(settings.precision, settings.compile)
        self._graphs: dict[int, int] = {}
        self._largest_graph = SHARE_OF_GPU * torch.cuda.mem_get_info()[0] if self._devices else LARGEST_GRAPH
        self._time_steps: dict[tuple[float, ...], torch.Tensor] = {}
        self._duals: dict[tuple[int, int, int], Duals] = {}
        self._best: dict[str, torch.Tensor] | None = None
        self._optimiser = torch.optim.AdamW(self._parameter_groups(), fused=bool(self._devices))
        self._of_near_pairs = [term for term in mechanics.networks if isinstance(term, OfNearPairs)]
        self._recorder: Recorder | None = None
        if self._devices:
            self._reserve()
            self._recorder = Recorder(mechanics)
        self._remembered: dict[str, Any] | None = None
        self._horizon = 1
        self._starts = [
            [
                k
                for k, cloud in enumerate(clouds[:-1])
                if (mechanics.first_order or cloud.v is not None or (k == 0 and mechanics.initial_field is not None))
                and (settings.shooting or k == 0)
            ]
            for clouds in populations
        ]
        steady = populations if settings.steady_weight else []
        self._currents = [[(c, velocity_gradient(c)) for c in clouds if c.v is not None] for clouds in steady]

    def _parameter_groups(self) -> list[dict[str, Any]]:
        """Networks and friction; the friction's logarithm has further to go than a network's weights."""
        friction = [p for name, p in self.mechanics.named_parameters() if name == "log_friction"]
        rest = [p for name, p in self.mechanics.named_parameters() if name != "log_friction"]
        settings = self.settings
        groups = [
            {"params": rest, "rate": settings.learning_rate, "weight_decay": settings.weight_decay},
            {"params": friction, "rate": FRICTION_RATE * settings.learning_rate, "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    def run(self, watchers: Sequence[Watcher] = ()) -> None:
        """Train to the end of the schedule or to early stopping; the mechanics then has the averaged parameters."""
        self.advance(self.settings.steps, watchers)
        self.mechanics.load_state_dict(self._average.state_dict() if self._best is None else self._best)

    def advance(self, until: int, watchers: Sequence[Watcher] = ()) -> None:
        """Train up to a step, or to the end if that comes first."""
        threads = _threads(1 if self.on_one_thread else None)
        with threads, torch.random.fork_rng(devices=self._devices), self.mechanics.acceleration():
            self._advance(until, watchers)
        if self._recorder is not None:
            self._recorder.forget()

    @property
    def on_one_thread(self) -> bool:
        """Whether a step computes on one CPU thread: for few rows a second one only waits, and burns a core."""
        rows = max(len(cloud.x) for clouds in self.populations for cloud in clouds)
        rows = rows if self.settings.batch_size is None else min(rows, self.settings.batch_size)
        return rows <= SINGLE_THREAD_LIMIT and not self._devices

    @property
    def _devices(self) -> list[torch.device]:
        """The CUDA device, if the training runs on one."""
        device = self.populations[0][0].x.device
        return [device] if device.type == "cuda" else []

    def _advance(self, until: int, watchers: Sequence[Watcher]) -> None:
        settings, progress = self.settings, self.progress
        while progress.step < min(until, settings.steps) and not progress.stopped:
            try:
                loss = self._step()
            except SimulationError as error:
                self._recover(error)
                continue
            progress.losses.append(loss)
            progress.frictions.append(self.mechanics.friction)
            progress.step += 1
            if self.validation and (progress.step % settings.check_every == 0 or progress.step == settings.steps):
                self._validate()
            for watch in watchers:
                watch(self)

    def _step(self) -> float:
        settings, step = self.settings, self.progress.step
        rate = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / settings.steps))
        for group in self._optimiser.param_groups:
            group["lr"] = group["rate"] * rate * self.progress.rate
        self._optimiser.zero_grad(set_to_none=True)
        loss = self._complete_loss()
        value = loss.item()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.mechanics.parameters(), settings.clip)
        if not math.isfinite(value + norm.item()):
            raise SimulationError("the loss or its gradient is not finite")
        if step % REMEMBER_EVERY == 0:  # these parameters have just proved usable
            self._remembered = {"step": step, **copy.deepcopy(self._tensors())}
        self._optimiser.step()
        self._follow(min(settings.ema, (1 + step) / (10 + step)))
        return value

    def _complete_loss(self) -> torch.Tensor:
        """The loss with all near pairs: where some found no room, it is computed again, with more."""
        random = self._rng.bit_generator.state
        while True:
            torch.manual_seed((self.settings.seed * 2**20 + self.progress.step) % 2**63)  # of dropout
            loss = self._loss()
            outgrown = [term.room.outgrown() for term in self._of_near_pairs if term.room is not None]
            if not any(outgrown):
                return loss
            if self._recorder is not None:
                self._recorder.forget()
            self._rng.bit_generator.state = random

    def _reserve(self) -> None:
        """On a GPU, set sizes for near pairs by the fitted marginals, so that rollouts need not wait for it."""
        size = self.settings.batch_size
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
        drawn: Any = range(len(self.populations))
        if len(drawn) > MOST_POPULATIONS:
            drawn = self._rng.permutation(len(drawn))[:MOST_POPULATIONS]
        for k in drawn:
            clouds, starts = self.populations[k], self._starts[k]
            start = starts[self._rng.integers(len(starts))]
            horizon = self._horizon = int(self._rng.integers(1, self._longest_horizon(len(clouds) - 1 - start) + 1))
            ends = range(start + 1, start + 1 + horizon)
            targets = [self._batch(clouds[end]) for end in ends]
            duals = [self._duals_between(k, start, end) for end in ends]
            total = total + self._rollout_loss(self._batch(clouds[start]), targets, duals, k)
            if weight := self.settings.steady_weight:
                cloud, gradient = self._currents[k][self._rng.integers(len(self._currents[k]))]
                total = total + weight * self._unsteadiness(self._batch(cloud), gradient)
        return total / len(drawn)

    def _batch(self, cloud: Cloud) -> Cloud:
        """A random part of a cloud, or all of it where it is small."""
        n, size = len(cloud.x), self.settings.batch_size
        if size is None or n <= size:
            return cloud
        rows = torch.as_tensor(self._rng.permutation(n)[:size], device=cloud.x.device)
        w = cloud.w[rows]
        return Cloud(cloud.x[rows], None if cloud.v is None else cloud.v[rows], w / w.sum(), cloud.time)

    def _duals_between(self, population: int, start: int, end: int) -> Duals | None:
        """Duals of the last rollout between two marginals, where they are compared whole: each row keeps its own."""
        clouds, size = self.populations[population], self.settings.batch_size
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
        again = self._is_computed_again(start, times[-1])
        if self._recorder is None or again:
            rolled, roughness = self._rolled(start, times, again)
            return self._mean_divergence(rolled, start.w, targets, duals) + roughness
        whole = self.settings.loss in ON_DEVICE
        clouds = [start, *targets] if whole else [start]

        def run(*tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            first, *others = _clouds(tensors, clouds)
            rolled, roughness = self._rolled(first, times)
            if whole:
                return (self._mean_divergence(rolled, first.w, others, duals) + roughness,)
            return (*(part for cloud in rolled for part in cloud if part is not None), roughness)

        *parts, last = self._recorder(run, population, (start.time, *times), *_tensors(clouds))
        if whole:
            return last
        velocities = [None] * len(parts) if self.mechanics.first_order else parts[1::2]
        positions = parts if self.mechanics.first_order else parts[::2]
        return self._mean_divergence(list(zip(positions, velocities, strict=True)), start.w, targets, duals) + last

    def _mean_divergence(
        self, rolled: Rolled, w: torch.Tensor, targets: Sequence[Cloud], duals: Sequence[Duals | None]
    ) -> torch.Tensor:
        terms = [self._divergence(x, v, w, y, d) for (x, v), y, d in zip(rolled, targets, duals, strict=True)]
        return torch.stack(terms).mean()

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
        return clouds, self._roughness(torch.stack(forces), moments, start.w)

    def _is_computed_again(self, start: Cloud, end: float) -> bool:
        """Whether forces are computed again for their gradient: what that keeps of all steps would be too large."""
        n = len(start.x)
        if n not in self._graphs:
            with torch.random.fork_rng(devices=self._devices):
                x = start.x.clone().requires_grad_()
                self._graphs[n] = kept_bytes(lambda: self.mechanics.force(x, start.w, start.time))
        return (end - start.time) / self.settings.dt * self._graphs[n] > self._largest_graph

    def _roughness(self, forces: torch.Tensor, times: Sequence[float], w: torch.Tensor) -> torch.Tensor:
        """Mean squares of the force and of its rate of change along the paths, each with its weight.

        In first-order mechanics that of the velocity alone: along paths with noise, it has no rate of change.
        """
        settings = self.settings
        if self.mechanics.first_order:
            return settings.force_penalty * _mean_square(forces, w)
        jerks = forces.diff(dim=0) / self._intervals(tuple(times), w)
        return settings.force_penalty * _mean_square(forces, w) + settings.jerk_penalty * _mean_square(jerks, w)

    def _intervals(self, times: tuple[float, ...], like: torch.Tensor) -> torch.Tensor:
        """Time steps, shape (steps, 1, 1); kept on the device, so that a rollout sends nothing to it."""
        if times not in self._time_steps:
            intervals = torch.tensor(times, dtype=like.dtype, device=like.device).diff()
            self._time_steps[times] = intervals[:, None, None]
        return self._time_steps[times]

    def _unsteadiness(self, cloud: Cloud, gradient: torch.Tensor) -> torch.Tensor:
        """Mean square of du/dt = a - (v . grad) u, the rate at which a current changes where the particles are."""
        mechanics, v = self.mechanics, cloud.v
        assert v is not None
        force = mechanics.force(cloud.x, cloud.w, cloud.time)
        if mechanics.dissipations:
            force = force + mechanics.velocity_force(cloud.x, v, cloud.w)
        acceleration = (1.0 + mechanics.gamma) * force - mechanics.gamma * v
        return _mean_square(acceleration - v @ gradient, cloud.w)

    def _longest_horizon(self, remaining: int) -> int:
        """Most marginals that a rollout may run over now: all that remain, once the ramp is climbed."""
        settings = self.settings
        most = min(remaining, settings.horizon or remaining, self.progress.longest or remaining)
        climbed = 1.0 if settings.ramp == 0 else self.progress.step / (settings.ramp * settings.steps)
        return most if climbed >= 1 else 1 + int(climbed * (most - 1))

    def _roll(self, mechanics: Mechanics, force: Force, start: Cloud, times: Sequence[float]) -> Rolled:
        """Positions and velocities at the times; in first-order mechanics no velocities."""
        if mechanics.first_order:
            noise = partial(self._kicks, self.settings.noise) if self.settings.noise else None
            clouds = flow_rollout(force, start.x, times, start=start.time, dt=self.settings.dt, noise=noise)
            return [(x, None) for x in clouds]
        v = mechanics.initial_field(start.x) if start.v is None else start.v
        return rollout(
            force,
            start.x,
            v,
            times,
            start=start.time,
            dt=self.settings.dt,
            friction=mechanics.gamma,
            unit_mobility=True,
            velocity_force=partial(_velocity_force_of, mechanics, start.w) if mechanics.dissipations else None,
            speed=self.settings.speed,
        )

    def _kicks(self, strength: float, x: torch.Tensor, step: float) -> torch.Tensor:
        """Increments of Brownian motion; a GPU draws its own, so that it need not wait for them."""
        if x.device.type != "cpu":
            return strength * math.sqrt(step) * torch.randn_like(x)
        return torch.as_tensor(strength * math.sqrt(step) * self._rng.standard_normal(x.shape)).to(x)

    def _divergence(
        self, x: torch.Tensor, v: torch.Tensor | None, w: torch.Tensor, target: Cloud, duals: Duals | None = None
    ) -> torch.Tensor:
        """Divergence of a predicted cloud from an observed one, in phase space where velocities were observed."""
        y, weight = target.x, self.settings.velocity_weight
        if weight and v is not None and target.v is not None:
            x, y = torch.cat([x, weight * v], dim=1), torch.cat([y, weight * target.v], dim=1)
        if self.settings.loss == "sinkhorn":
            return sinkhorn_divergence(x, y, w, target.w, blur=self.settings.blur, duals=duals)
        if self.settings.loss == "energy":
            return energy_divergence(x, y, w, target.w)
        if self.settings.loss == "sliced":
            return sliced_transport(x, y, w, target.w, directions=self._directions(x))
        return exact_transport(x, y, w, target.w, power=2, reach=self.settings.reach, duals=duals)

    def _directions(self, x: torch.Tensor) -> torch.Tensor:
        """Random unit vectors, shape (SLICES, d); a GPU draws its own, so that it need not wait for them."""
        if x.device.type != "cpu":
            return torch.nn.functional.normalize(torch.randn(SLICES, x.shape[1], dtype=x.dtype, device=x.device))
        vectors = self._rng.standard_normal((SLICES, x.shape[1]))
        return torch.as_tensor(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).to(x)

    def _validate(self) -> None:
        """Score the averaged weights on the validation marginals; remember the best, stop when none gets better."""
        progress = self.progress
        score = float(np.mean([self._validation_w1(k, cloud) for k, cloud in self.validation]))
        progress.scores.append((progress.step, score))
        if score < progress.best_score:
            progress.best_step, progress.best_score = progress.step, score
            self._best = copy.deepcopy(self._average.state_dict())
        progress.stopped = progress.step - progress.best_step >= self.settings.patience

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
                scores.append(float(exact_transport(x.detach(), target.x, clouds[k].w, target.w, power=1)))
        return float(np.mean(scores))

    def state(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit: tensors and plain values only."""
        return {
            **self._tensors(),
            "best": self._best,
            "remembered": self._remembered,
            "duals": self._duals,
            "rng": self._rng.bit_generator.state,
            "progress": vars(self.progress),
        }

    def _tensors(self) -> dict[str, Any]:
        return {
            "mechanics": self.mechanics.state_dict(),
            "average": self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state given by `state`."""
        self._restore_tensors(state)
        self._best, self._remembered = state["best"], state["remembered"]
        self._duals = state["duals"]
        self._rng.bit_generator.state = state["rng"]
        self.progress = Progress(**state["progress"])

    def _restore_tensors(self, state: dict[str, Any]) -> None:
        self.mechanics.load_state_dict(state["mechanics"])
        self._average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])


def _tensors(clouds: Sequence[Cloud]) -> list[torch.Tensor]:
    """Positions, weights and, where they are known, velocities of each cloud."""
    return [part for cloud in clouds for part in (cloud.x, cloud.w, cloud.v) if part is not None]


def _clouds(tensors: Sequence[torch.Tensor], like: Sequence[Cloud]) -> list[Cloud]:
    """The clouds that such tensors are of."""
    rest = iter(tensors)
    parts = [(next(rest), next(rest), None if cloud.v is None else next(rest), cloud.time) for cloud in like]
    return [Cloud(x, v, w, time) for x, w, v, time in parts]


def _mean_square(vectors: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Mean over times and particles of |vector|^2; vectors (T, n, d), weights (n,)."""
    return ((vectors**2).sum(-1) @ w).mean()


def _force_of(mechanics: Mechanics, w: torch.Tensor, x: torch.Tensor, t: float) -> torch.Tensor:
    return mechanics.force(x, w, t)


def _velocity_force_of(mechanics: Mechanics, w: torch.Tensor, x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    return mechanics.velocity_force(x, v, w)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    """Compute on a number of CPU threads, or on as many as before."""
    numba.get_num_threads()  # starts Numba's threads, which sets the number of torch's too: not later, in the midst
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Checkpoint:
    """A file from which a killed fit resumes: the states of its stages so far.

    Parameters
    ----------
    path : path
        The file; removed when the fit is complete. One that exists is read.
    fingerprint : str
        Of the data and the settings.
    interval : float
        Least seconds between two writes.

    Attributes
    ----------
    resumed : bool
        Whether there was such a file.

    Raises
    ------
    FileFormatError
        If the file is unreadable, belongs to a fit with another fingerprint, or was written by another version.
    """

    def __init__(self, path: str | Path, fingerprint: str, interval: float):
        self.path = local(path)
        self.fingerprint = fingerprint
        self.interval = interval
        self._stages: dict[str, Any] = {}
        self._written = time.monotonic()
        self.resumed = self.path.exists()
        if self.resumed:
            content = files.read(self.path, KIND)
            if content["fingerprint"] != fingerprint:
                raise FileFormatError(
                    f"{path}: this checkpoint belongs to a fit with other data or settings; remove it to start afresh"
                )
            self._stages = content["stages"]

    def restore(self, stage: str, trainer: Trainer) -> None:
        """Bring a trainer to where its stage was, if it had begun."""
        if stage not in self._stages:
            return
        state, own = self._stages[stage], trainer.state()
        differ = {*(state.keys() ^ own.keys()), *(state.get("progress", {}).keys() ^ own["progress"].keys())}
        try:
            if differ:
                raise ValueError(f"not the same in both: {', '.join(sorted(differ))}")
            trainer.restore(state)
        except (RuntimeError, ValueError) as error:
            about = str(error).split("\n")[0]
            raise FileFormatError(
                f"{self.path}: this checkpoint was written by another version of wlmsim ({about}); "
                "finish the fit with that version, or remove the file to start afresh"
            ) from error

    def keep(self, stage: str, trainer: Trainer, *, now: bool = False) -> None:
        """Write the trainer's state if the last write is long enough ago or `now`."""
        if now or time.monotonic() - self._written >= self.interval:
            self.put(stage, trainer.state())

    def put(self, stage: str, state: dict[str, Any]) -> None:
        """Write a trainer's state, atomically."""
        self._stages[stage] = state
        files.write(self.path, KIND, {"fingerprint": self.fingerprint, "stages": self._stages})
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file, once the fit is complete."""
        self.path.unlink(missing_ok=True)
