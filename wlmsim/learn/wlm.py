"""WLM: the estimator that learns a Lagrangian from snapshots."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim._about import version
from wlmsim.citing import citation, cited_by
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import NotFittedError, ParameterError, SimulationError
from wlmsim.evaluation import Scores, mean_scores, score_forecast, score_interpolation
from wlmsim.functionals.base import Functional
from wlmsim.integrators import ConstantSpeedEuler, Integrator, StochasticHeun
from wlmsim.io.paths import local
from wlmsim.learn import files
from wlmsim.learn.estimator import Estimator
from wlmsim.learn.functionals import ExternalPotential, Scales
from wlmsim.learn.functionals.force_evaluation import PRECISIONS
from wlmsim.learn.losses.divergences import automatic_blur
from wlmsim.learn.matching import weak_form
from wlmsim.learn.mechanics import Cloud, Mechanics, mean_mechanics, scaled_cloud, scales_of
from wlmsim.learn.prediction.bridge import bridge
from wlmsim.learn.prediction.growth import Growth, choose_growth
from wlmsim.learn.references import references
from wlmsim.learn.training.callbacks import Record
from wlmsim.learn.training.ensemble import Ensemble, Training
from wlmsim.learn.training.progress import FittingBars
from wlmsim.learn.training.trainer import Checkpoint, Settings, Trainer
from wlmsim.learn.velocities.estimation import potential_velocities, transport_velocities
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation import simulate

KIND = "wlmsim-model"
FIT_REPORT = (
    *("losses_", "frictions_", "times_", "best_step_", "validation_", "dt_", "seconds_", "recoveries_"),
    "cites_",
)
"""Attributes of a fit that are kept in files beside the mechanics."""
CHOSEN = ("reach_", "growth_changes_", "noise_")
"""Those that predictions need, given or chosen from the data."""

DIFFUSED = 1 / 3
"""How far particles diffuse in the mean interval under the automatic noise, in units of the spread of the data."""

ESTIMATES = {"transport": transport_velocities, "potential": potential_velocities}
"""Rules of initial velocities that estimate them from the data."""


class WLM(Estimator):
    """Learn the Lagrangian of a population from snapshots (Wasserstein Lagrangian mechanics).

    The potential energy is a sum of learnable and analytic functionals, the friction is learned or given. Rollouts
    of the mechanics from observed marginals are compared with later marginals by optimal transport, and the
    parameters follow the gradient. All lengths and times below are in the data's units.

    Parameters
    ----------
    potential : Functional, optional
        Sum of functionals; default ``ExternalPotential()``. It is copied: the one given stays as it was.
    friction : "learn" or float
        Friction rate gamma, learned or fixed, at least 0 [1 / time]. Infinite, ``math.inf``, makes the mechanics
        first-order, the gradient flow dx/dt = -grad (dU/drho): velocities are neither needed nor used, and a rollout
        may start from every marginal. Default "learn".
    noise : float or "auto"
        Strength sigma of the noise in dX = -grad (dU/drho) dt + sigma dW, at least 0, for infinite friction
        [length / sqrt(time)]. Rollouts in training and forecasts are then random; without noise, the same spreading of
        the density is an `Entropy` of temperature sigma^2 / 2 in the potential. Two-sided predictions are samples of
        Schroedinger bridges, see `wlmsim.transport`. "auto" takes the noise under which a particle diffuses, in the
        mean interval between marginals, by a third of the standard deviation of the data along each axis, which served
        for cells in two to five dimensions. Default 0.
    dissipation : Dissipation, optional
        Sum of learnable and analytic forces that depend on the velocity, without friction. Default: none.
    speed : float, optional
        Constant speed of all particles, as of birds and fish, positive [length / time]: every velocity is reset to it
        after each time step, friction loses its meaning and is 0, and forecasts step as training does, with
        `ConstantSpeedEuler`. Default: speeds are free.
    initial_velocities : {"given", "zero", "learn", "transport", "potential"}
        What rollouts start with: the data's velocities; rest, at the first marginal; a field of velocities v_0(x) at
        the first marginal, learned along; or, where velocities are unknown, estimates by `transport_velocities` or by
        `potential_velocities`. Default "given".
    training : {"anchored", "multiple-shooting"}
        Where rollouts start: at the first marginal, or at any marginal whose velocities are known, drawn anew at
        each step. The horizon, in marginals, is random in both. Default "anchored".
    horizon : int, optional
        Most marginals that a training rollout runs over. Default: all that remain.
    ramp : float
        Share of the steps over which the longest horizon grows from one marginal, in [0, 1]. Default 0.
    loss : {"exact", "sinkhorn", "sliced", "energy"}
        Mean squared displacement under exact optimal transport; the debiased Sinkhorn divergence; the mean over random
        directions of the squared distances of the projections, which large clouds can afford (take ``batch_size=None``
        with it); or the square of the energy distance. Exact transport between small batches draws predictions
        together; where noise spreads the clouds, "sliced" with all particles is the better choice. Default "exact".
    reach : float or "learn"
        Distance beyond which particles rather multiply here and die there than move, see `wlmsim.transport`, positive
        [length]. Cells that divide need it: without, a type that grows looks like motion of the others towards it. It
        enters the exact loss and two-sided predictions; "learn" takes the reach under which the fitted marginals follow
        best from their neighbours, and finds whether growth changes between them (`wlmsim.transport`), for which it
        takes four. Default infinite: every particle keeps its weight.
    velocity_weight : float
        How much velocities count in the loss at marginals where they are known, in units of the mean interval between
        marginals, at least 0: displacements in the transport cost are those of x and of this times v together.
        Default 0.
    steady_weight : float
        How much velocities count as those of a steady current, at least 0: weight in the loss of the mean square of
        what the acceleration a differs by from (v . grad) u at a marginal whose velocities are known, u the affine
        field that fits them best, in scaled coordinates [dimensionless]. Velocities within one marginal then tell its
        force. For what drifts with a current that changes slowly, such as the sea's; 0.3 serves. Default 0.
    force_penalty, jerk_penalty : float
        Weights in the loss of the mean squared force along the rollouts, and of the mean squared rate at which it
        changes along the path of a particle, all in scaled coordinates [dimensionless]. Of the mechanics that fit the
        marginals about equally well they take the smoothest, as a spline is the smoothest curve through its knots.
        Defaults 0.001 and 0.0003.
    blur : float or "auto"
        Blur of the Sinkhorn divergence relative to the spread of the data [dimensionless], or "auto": the typical
        distance of a particle to the nearest other one in a batch. Default 0.05.
    batch_size : int or None
        Most particles of a cloud that take part in a training step, drawn anew each time; the cost of exact transport
        grows with their cube. ``None`` takes all. Default 200.
    dt : float, optional
        Largest time step of rollouts and forecasts [time]. Default: a quarter of the mean interval between marginals.
    steps : int
        Most training steps. Default 1000.
    learning_rate : float
        Of AdamW, falling to a hundredth along a cosine. Default 1e-2.
    weight_decay : float
        Of AdamW. Default 0.
    ema : float
        Memory of the moving average of the parameters, in [0, 1); the averaged parameters are the result.
        Default 0.99.
    clip : float
        Largest norm of the gradient. Default 1.
    validation : None, "last" or int
        Which of the fitted marginals chooses the number of steps: it is left out of the loss, training stops when its
        W1, averaged over the starts of the rollouts, has not improved for `patience` steps, and a fresh training on
        all marginals (`refit`) runs for as many steps as were best. An index counts from the end if negative.
        Default ``None``: all marginals, all steps.
    patience : int
        Steps without improvement on the validation marginal after which training stops. Default 500.
    refit : bool
        Whether to train again on all marginals once the number of steps is known. Default True.
    members : int
        Number of networks trained with seeds ``seed``, ``seed + 1`` and so on; the result is the mean of their forces
        and of their frictions, which predicts better than one of them. Default 3.
    processes : int, optional
        How many members are trained at the same time, each in a process of its own on one thread. On the CPU the result
        is the same to the bit, up to 2000 rows a step. Default: as many as there are cores, where that saves more time
        than the start of processes takes; 1 on CUDA and for larger steps, which use the cores otherwise.
    seed : int
        Of everything random; on the CPU a fit is reproducible. Default 0.
    device : {"auto", "cpu", "cuda"} or str
        Where to train. Default "auto": CUDA where there is a GPU.
    precision : {"float32", "tf32", "bfloat16"}
        Of the networks in training: single; single, with products of matrices rounded to TF32 on a GPU that has it; or
        bfloat16, three digits, in which forces are off by about a hundredth. Positions, the loss and what is learned
        stay single. Default "float32".
    compile : bool
        Whether torch compiles the forces of external and mean-field potentials, which takes a while at the first step;
        it needs a C++ compiler, on a GPU Triton. Other terms are differentiated twice, or have a number of pairs that
        changes; they run as they are. Default False.
    checkpoint : path, optional
        File to which the fit's state is written every `checkpoint_every` seconds. A fit that was killed resumes from it
        when `fit` is called again with the same data and settings, and ends where it would have.
    checkpoint_every : float
        Least seconds between two checkpoints. Default 30.
    callbacks : sequence of callables
        Each is called with a `Record` after every step: `JSONLines`, `TensorBoard` or any function; not kept in files.
        Default: none.
    warm_start : bool
        Whether a second `fit` starts from the parameters of the first. Default False.
    progress : bool
        Whether to show a progress bar. Default True.

    Attributes
    ----------
    lagrangian_ : Lagrangian
        The learned mechanics in the data's units, like any other Lagrangian; none where friction is infinite.
    mechanics_ : Lagrangian or GradientFlow
        The same, or the learned gradient flow where friction is infinite.
    friction_ : float
        Learned or given friction rate [1 / time].
    losses_, frictions_ : ndarray, shape (steps,)
        Along the final training, averaged over the members.
    best_step_ : int
        Number of steps chosen on the validation marginal, or trained without one.
    validation_ : list of (step, W1)
        Scores on the validation marginal [length].
    recoveries_ : list of int
        Steps at which training diverged, went back to an earlier state and on with half the learning rate and horizon.
    seconds_ : float
        Wall time of the fit.
    dt_ : float
        Time step of rollouts and forecasts [time].
    reach_ : float
        Given or chosen reach [length].
    growth_changes_ : bool
        Whether rates of growth change between the marginals as they do over all fitted ones, in two-sided predictions;
        chosen with the reach, else not.
    noise_ : float
        Given or chosen strength of the noise [length / sqrt(time)].
    times_ : ndarray
        Times of the fitted marginals.
    data_ : SnapshotSeries
        The fitted marginals; not kept in files.
    cites_ : list of str
        What the data asks to cite, see `citation`.

    References
    ----------
    V. Guan, L. Atanackovic, K. Neklyudov, A Call to Lagrangian Action: Learning Population Mechanics from Temporal
    Snapshots, ICML 2026, arXiv:2605.08550.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.systems.HarmonicOscillator(n=50, seed=0).exact(np.linspace(0, 2, 5))
    >>> model = wls.learn.WLM(steps=20, validation=None, progress=False).fit(spring.snapshots(seed=0))
    >>> model.forecast(spring[-1], times=[2.5, 3.0])
    Trajectory(times=2 in 2.5..3, n=50, dim=2)
    """

    def __init__(
        self,
        potential: Functional | None = None,
        *,
        friction: str | float = "learn",
        noise: float | str = 0.0,
        dissipation: Dissipation | None = None,
        speed: float | None = None,
        initial_velocities: str = "given",
        training: str = "anchored",
        horizon: int | None = None,
        ramp: float = 0.0,
        loss: str = "exact",
        reach: float | str = math.inf,
        velocity_weight: float = 0.0,
        steady_weight: float = 0.0,
        force_penalty: float = 0.001,
        jerk_penalty: float = 0.0003,
        blur: float | str = 0.05,
        batch_size: int | None = 200,
        dt: float | None = None,
        steps: int = 1000,
        learning_rate: float = 1e-2,
        weight_decay: float = 0.0,
        ema: float = 0.99,
        clip: float = 1.0,
        validation: str | int | None = None,
        patience: int = 500,
        refit: bool = True,
        members: int = 3,
        processes: int | None = None,
        seed: int = 0,
        device: str = "auto",
        precision: str = "float32",
        compile: bool = False,
        checkpoint: str | Path | None = None,
        checkpoint_every: float = 30.0,
        callbacks: Sequence[Callable[[Record], Any]] = (),
        warm_start: bool = False,
        progress: bool = True,
    ):
        self.potential = potential
        self.friction = friction
        self.noise = noise
        self.dissipation = dissipation
        self.speed = speed
        self.initial_velocities = initial_velocities
        self.training = training
        self.horizon = horizon
        self.ramp = ramp
        self.loss = loss
        self.reach = reach
        self.velocity_weight = velocity_weight
        self.steady_weight = steady_weight
        self.force_penalty = force_penalty
        self.jerk_penalty = jerk_penalty
        self.blur = blur
        self.batch_size = batch_size
        self.dt = dt
        self.steps = steps
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.ema = ema
        self.clip = clip
        self.validation = validation
        self.patience = patience
        self.refit = refit
        self.members = members
        self.processes = processes
        self.seed = seed
        self.device = device
        self.precision = precision
        self.compile = compile
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.progress = progress

    def __repr__(self) -> str:
        changed = [f"{name}={value!r}" for name, value in self.changed_params().items()]
        fitted = f", fitted: friction_={self.friction_:.4g}" if self.fitted else ""
        return f"WLM({', '.join(changed)}{fitted})"

    def _repr_html_(self) -> str:
        from wlmsim.learn.notebook import model_card

        return model_card(self)

    @property
    def fitted(self) -> bool:  # type: ignore[override]
        """Whether the model has been fitted or loaded."""
        return "mechanics_" in vars(self)

    def __getattr__(self, name: str) -> Any:
        if name == "_fitted_members":
            name = "mechanics_"
        if name.endswith("_") and not name.startswith("_"):
            hint = "call fit first"
            if "mechanics_" in vars(self):
                hint = "it learned a gradient flow, mechanics_" if name == "lagrangian_" else "it is not kept in files"
            raise NotFittedError(f"this WLM has no `{name}`: {hint}")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _check(self) -> None:
        """Check every parameter; one message form, naming the parameter."""
        if self.friction != "learn":
            if isinstance(self.friction, str):
                raise check.fail("friction", "'learn' or a number >= 0", self.friction)
            if self.friction != math.inf:
                check.nonnegative("friction", self.friction)
        if isinstance(self.noise, str):
            if self.noise != "auto":
                raise check.fail("noise", "'auto' or a number >= 0", self.noise)
        else:
            check.nonnegative("noise", self.noise)
        if self.noise and self.friction != math.inf:
            raise check.fail("noise", "0 unless friction is infinite", self.noise)
        if self.potential is not None:
            check.instance("potential", self.potential, Functional)
        if self.dissipation is not None:
            check.instance("dissipation", self.dissipation, Dissipation)
            if self.dissipation.friction:
                raise check.fail("dissipation", "without friction, which has its own parameter", self.dissipation)
        if self.speed is not None:
            check.positive("speed", self.speed)
            if self.friction not in ("learn", 0):
                raise check.fail("friction", "0 or left alone at constant speed", self.friction)
        if self.friction == math.inf and self.dissipation is not None:
            raise check.fail("dissipation", "None where friction is infinite", self.dissipation)
        check.choice("initial_velocities", self.initial_velocities, ("given", "zero", "learn", *ESTIMATES))
        check.choice("training", self.training, ("anchored", "multiple-shooting"))
        check.choice("loss", self.loss, ("exact", "sinkhorn", "sliced", "energy"))
        if self.reach not in ("learn", math.inf):
            if isinstance(self.reach, str):
                raise check.fail("reach", "'learn' or a number > 0", self.reach)
            check.positive("reach", self.reach)
        if self.reach != math.inf and self.loss != "exact":
            raise check.fail("loss", "'exact' where particles multiply and die, with a finite `reach`", self.loss)
        if self.blur != "auto":
            if isinstance(self.blur, str):
                raise check.fail("blur", "'auto' or a positive number", self.blur)
            check.positive("blur", self.blur)
        for name in ("learning_rate", "clip"):
            check.positive(name, getattr(self, name))
        for name in ("velocity_weight", "force_penalty", "jerk_penalty", "weight_decay", "checkpoint_every"):
            check.nonnegative(name, getattr(self, name))
        inertial = self.friction != math.inf and self.speed is None and self.initial_velocities not in ("zero", "learn")
        if check.nonnegative("steady_weight", self.steady_weight) and not inertial:
            raise check.fail("steady_weight", "0 unless velocities are known and may change freely", self.steady_weight)
        for name in ("steps", "patience", "members"):
            check.integer(name, getattr(self, name))
        check.integer("seed", self.seed, least=0)
        for name in ("horizon", "batch_size", "processes"):
            if getattr(self, name) is not None:
                check.integer(name, getattr(self, name))
        if not 0 <= check.real("ramp", self.ramp) <= 1:
            raise check.fail("ramp", "a number in [0, 1]", self.ramp)
        check.choice("precision", self.precision, PRECISIONS)
        check.instance("compile", self.compile, bool)
        if self.dt is not None:
            check.positive("dt", self.dt)
        if not 0 <= check.real("ema", self.ema) < 1:
            raise check.fail("ema", "a number in [0, 1)", self.ema)
        if isinstance(self.validation, str):
            check.choice("validation", self.validation, ("last",))
        for callback in self.callbacks:
            if not callable(callback):
                raise check.fail("callbacks", "callables that take a Record", callback)

    # --- fitting

    def fit(self, data: SnapshotSeries) -> WLM:
        """Learn the mechanics from snapshots.

        Parameters
        ----------
        data : SnapshotSeries
            At least two marginals. With ``initial_velocities="given"`` the first one needs velocities.

        Returns
        -------
        WLM
            Itself, fitted.

        Raises
        ------
        ParameterError
            If a parameter is unusable or the data does not suffice.
        SimulationError
            If training diverges, or every prediction of the validation marginal does.
        """
        self._check()
        check.instance("data", data, SnapshotSeries)
        if len(data) < 2:
            raise ParameterError(f"`data` must hold at least 2 marginals; got {len(data)}")
        started = time.monotonic()
        checkpoint = self._open_checkpoint(data)
        previous = self._fitted_members if self.warm_start and self.fitted else []
        scales = previous[0].scales if previous else scales_of(data, inertial=not self._first_order)

        steps, scores, members = self.steps, [], []
        fitted, held = self._hold_out(data)
        growth = choose_growth(fitted, scales.length) if self.reach == "learn" else Growth(float(self.reach))
        self.reach_, self.growth_changes_ = growth
        typical_noise = DIFFUSED * scales.length / math.sqrt(scales.duration)
        self.noise_ = typical_noise if isinstance(self.noise, str) else float(self.noise)
        with Ensemble([*self.callbacks, *([FittingBars()] if self.progress else [])], checkpoint) as ensemble:
            if held:  # the first member finds the number of steps for all
                first = Training("choosing the steps", 1, 1, self._trainer(fitted, held, steps, scales, previous, 0))
                ensemble.run(first)
                progress = first.trainer.progress
                steps, scores = progress.best_step, [(step, w1 * scales.length) for step, w1 in progress.scores]
                if steps == 0:
                    raise SimulationError(
                        "every prediction of the validation marginal blew up; try a smaller learning_rate or dt"
                    )
                if self.refit:
                    fitted = _populations(data)
                else:
                    members = [first]
            rest = range(len(members), self.members)
            members += [
                Training("fitting", k + 1, self.members, self._trainer(fitted, [], steps, scales, previous, k))
                for k in rest
            ]
            ensemble.run_all(members[len(members) - len(rest) :], self._processes(members[0].trainer))
        trainers = [member.trainer for member in members]
        if checkpoint is not None:
            checkpoint.remove()

        self._keep([trainer.mechanics.eval() for trainer in trainers])
        self.losses_ = _mean_course([trainer.progress.losses for trainer in trainers])
        self.frictions_ = _mean_course([trainer.progress.frictions for trainer in trainers])
        self.recoveries_ = [step for trainer in trainers for step in trainer.progress.recoveries]
        if self.recoveries_:
            warnings.warn(
                f"training diverged {len(self.recoveries_)} times and went on from before with half the learning rate "
                "and horizon; a smaller horizon, learning_rate or dt would be safer",
                RuntimeWarning,
                stacklevel=2,
            )
        self.best_step_ = steps
        self.validation_ = scores
        self.dt_ = self._time_step(scales)
        self.times_ = data.times.copy()
        self.data_ = data
        self.cites_ = cited_by(data.metadata)
        self.seconds_ = time.monotonic() - started
        return self

    def _keep(self, members: list[Mechanics]) -> None:
        self._fitted_members = members
        self.mechanics_: Lagrangian | GradientFlow = mean_mechanics(members)
        self.__dict__.pop("lagrangian_", None)
        if isinstance(self.mechanics_, Lagrangian):
            self.lagrangian_: Lagrangian = self.mechanics_
        self.friction_: float = self.lagrangian_.friction if "lagrangian_" in vars(self) else math.inf

    @property
    def _fitted_friction(self) -> str | float:
        return self.friction if self.speed is None else 0.0

    @property
    def _first_order(self) -> bool:
        return self.friction == math.inf

    def _time_step(self, scales: Scales) -> float:
        return 0.25 * scales.duration if self.dt is None else self.dt

    def _hold_out(self, data: SnapshotSeries) -> tuple[list[SnapshotSeries], list[tuple[int, Population]]]:
        """Each population without its validation marginal, and those marginals with the number of the population."""
        populations = _populations(data)
        if self.validation is None:
            return populations, []
        fitted, held = [], []
        for number, series in enumerate(populations):
            index = len(series) - 1 if self.validation == "last" else range(len(series))[self._index(len(series))]
            # two marginals, a start and a target, have to remain for the loss
            if index == 0 or len(series) < 3:
                if self.validation != "last":
                    raise check.fail("validation", "a marginal after the first, of at least 3", self.validation)
                fitted.append(series)
                continue
            rest, out = series.hold_out([index])
            fitted.append(rest)
            held.append((number, out[0]))
        return fitted, held

    def _index(self, count: int) -> int:
        index = check.integer("validation", self.validation, least=-count)
        if index >= count:
            raise check.fail("validation", f"an index of the {count} fitted marginals", self.validation)
        return index

    def _trainer(
        self,
        populations: list[SnapshotSeries],
        held: list[tuple[int, Population]],
        steps: int,
        scales: Scales,
        previous: Sequence[Mechanics],
        member: int,
    ) -> Trainer:
        device, seed = _device(self.device), self.seed + member
        # one seed fixes the parameters' start without touching the caller's random state
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            potential = ExternalPotential() if self.potential is None else self.potential
            mechanics = self._mechanics(potential, populations[0].dim, scales)
        if member < len(previous):
            mechanics.load_state_dict(previous[member].state_dict())
        if not any(True for _ in mechanics.parameters()):
            raise ParameterError("`potential` and `friction` leave nothing to learn; give a learnable functional")
        mechanics.to(device)
        like = torch.zeros(0, dtype=next(mechanics.parameters()).dtype, device=device)
        clouds = [
            self._starting_clouds([scaled_cloud(c, scales, like) for c in self._with_estimates(series)])
            for series in populations
        ]
        settings = Settings(
            steps=steps,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            ema=self.ema,
            clip=self.clip,
            batch_size=self.batch_size,
            dt=self._time_step(scales) / scales.duration,
            speed=None if self.speed is None else self.speed * scales.duration / scales.length,
            noise=(self.noise_ if self.noise == "auto" else float(self.noise)) * scales.duration**0.5 / scales.length,
            loss=self.loss,
            force_penalty=self.force_penalty,
            jerk_penalty=self.jerk_penalty,
            blur=self._blur([cloud.x for series in clouds for cloud in series]),
            reach=(self.reach_ if self.reach == "learn" else float(self.reach)) / scales.length,
            velocity_weight=self.velocity_weight,
            steady_weight=self.steady_weight,
            shooting=self.training == "multiple-shooting",
            horizon=self.horizon,
            ramp=self.ramp,
            seed=seed,
            check_every=max(1, min(50, steps // 10)),
            patience=self.patience,
            precision=self.precision,
            compile=self.compile,
        )
        if not previous:
            weak_form.begin(mechanics, clouds, noise=settings.noise, dt=settings.dt)
        return Trainer(mechanics, clouds, settings, [(k, scaled_cloud(c, scales, like)) for k, c in held])

    def _blur(self, clouds: Sequence[torch.Tensor]) -> float:
        """Blur in scaled coordinates."""
        return automatic_blur(clouds, self.batch_size) if isinstance(self.blur, str) else self.blur

    def _starting_clouds(self, clouds: list[Cloud]) -> list[Cloud]:
        """Apply the rule of initial velocities to the marginals that rollouts may start from."""
        first = clouds[0]
        if self._first_order:
            return clouds
        if self.initial_velocities in ("zero", "learn"):
            v = torch.zeros_like(first.x) if self.initial_velocities == "zero" else None
            return [Cloud(c.x, v if c is first else None, c.w, c.time) for c in clouds]
        if first.v is None:
            raise ParameterError(
                "`data` must have velocities at its first marginal for initial_velocities='given'; "
                "give them, learn or estimate them, or start from rest with initial_velocities='zero'"
            )
        return clouds

    def _with_estimates(self, series: SnapshotSeries) -> SnapshotSeries:
        """The series with velocities wherever the rule of initial velocities has an estimate."""
        estimate = ESTIMATES.get(self.initial_velocities)
        unknown = any(cloud.velocities is None for cloud in series)
        return estimate(series) if estimate and unknown and not self._first_order else series

    def _mechanics(self, potential: Functional, dim: int, scales: Scales) -> Mechanics:
        field = self.initial_velocities == "learn" and not self._first_order
        return Mechanics(potential, self._fitted_friction, dim, scales, self.dissipation, initial_field=field)

    def _processes(self, trainer: Trainer) -> int | None:
        """How many processes may train members; None where their time decides."""
        return self.processes if trainer.on_one_thread else 1

    def _open_checkpoint(self, data: SnapshotSeries) -> Checkpoint | None:
        if self.checkpoint is None:
            return None
        digest = hashlib.sha256()
        labels: Sequence[np.ndarray | None] = [None] * len(data) if data.labels is None else data.labels
        for cloud, label in zip(data, labels, strict=True):
            for part in (cloud.positions, cloud.velocities, cloud.weights, np.array(cloud.time), label):
                digest.update(b"none" if part is None else np.ascontiguousarray(part).tobytes())
        unrelated = ("checkpoint", "checkpoint_every", "callbacks", "processes", "progress")
        about = {name: repr(value) for name, value in self.get_params().items() if name not in unrelated}
        digest.update(json.dumps(about, sort_keys=True).encode())
        return Checkpoint(self.checkpoint, digest.hexdigest(), self.checkpoint_every)

    # --- prediction

    def forecast(self, start: Population | SnapshotSeries, times: Any, *, dt: float | None = None) -> Trajectory:
        """Roll the learned mechanics out from a marginal.

        Parameters
        ----------
        start : Population or SnapshotSeries
            The cloud to start from. Without velocities it starts from rest if the model was fitted so, with the learned
            field if there is one and it is of the first fitted time, and with the estimates of the fit if it is one of
            the fitted marginals. Several populations, each of which moves by itself, are given as a series of one
            marginal, ``data[[-1]]``, or as one of the fitted marginals.
        times : array_like, shape (T,)
            Strictly increasing times, none before the start's [time].
        dt : float, optional
            Largest time step. Default: that of the fit.

        Returns
        -------
        Trajectory
            Of all rows of the start, in their order. That of several populations knows no mechanics, since its energies
            would be those of their union.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ParameterError
            If the start has no velocities and the model needs them.
        """
        series = self._as_series(start)
        if len(series.population_labels) == 1:
            return self._rolled_out(series[0], times, dt)
        paths = [self._rolled_out(part[0], times, dt) for part in _populations(series)]
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
        fitted = vars(self).get("data_")
        if fitted is not None and len(fitted.population_labels) > 1:
            for k, cloud in enumerate(fitted):
                if cloud == start:
                    return fitted[[k]]
        return SnapshotSeries.from_populations([start])

    def _check_dimension(self, name: str, data: Population | SnapshotSeries) -> None:
        dim = self._fitted_members[0].dim
        check.instance(name, data, (Population, SnapshotSeries))
        if data.dim != dim:
            raise check.fail(name, f"of {dim} dimensions, as the fitted data are", data)

    def _rolled_out(self, start: Population, times: Any, dt: float | None) -> Trajectory:
        """Forecast of one population."""
        mechanics = self.mechanics_
        return simulate(
            mechanics,
            self._moving(start),
            times,
            dt=self.dt_ if dt is None else dt,
            integrator=self._integrator(),
            metadata={"model": repr(self), "start": start.time},
        )

    def _moving(self, start: Population) -> Population:
        """A start with velocities, by the rule of the fit where they are unknown."""
        if start.velocities is not None or self._first_order:
            return start
        rule = self.initial_velocities
        if rule == "zero":
            return start.at_rest()
        if rule == "learn" and np.isclose(start.time, self.times_[0]):
            velocities = np.mean([member.initial_velocities(start.positions) for member in self._fitted_members], 0)
            return Population(start.positions, velocities, start.weights, start.time)
        for series in _populations(self.data_) if rule in ESTIMATES and "data_" in vars(self) else ():
            for cloud in self._with_estimates(series):
                if cloud.time == start.time and np.array_equal(cloud.positions, start.positions):
                    return cloud
        raise ParameterError(f"`start` must have velocities: the model was fitted with initial_velocities={rule!r}")

    def _integrator(self) -> Integrator | None:
        """The scheme of predictions; None for the default of `simulate`."""
        if self.speed is not None:
            return ConstantSpeedEuler(self.speed)
        return StochasticHeun(self.noise_, seed=self.seed) if self.noise_ else None

    def interpolate(self, times: Any, data: SnapshotSeries | None = None, *, two_sided: bool = False) -> SnapshotSeries:
        """Predict marginals between the fitted ones, each from the last fitted marginal that it can start from.

        Parameters
        ----------
        times : array_like, shape (K,)
            Strictly increasing times, none before the first fitted marginal [time].
        data : SnapshotSeries, optional
            The fitted marginals to start from. Default: those of `fit`.
        two_sided : bool
            Whether to use also the fitted marginal after each time: the mechanics forward from the one before and
            backward from the one after, joined so that both ends are met (`bridge`). Default False.

        Returns
        -------
        SnapshotSeries
            Of several populations each is predicted by itself, at those of the times that its marginals allow.
        """
        fitted = self.data_ if data is None else check.instance("data", data, SnapshotSeries)
        self._check_dimension("data", fitted)
        times = check.times("times", times)
        if fitted.labels is None:
            return self._interpolated(fitted, times, two_sided)
        parts = {label: fitted.population(label) for label in fitted.population_labels}
        last = [part.times[-1] if two_sided else math.inf for part in parts.values()]
        within = {
            label: times[(times >= part.times[0]) & (times < end)]
            for (label, part), end in zip(parts.items(), last, strict=True)
        }
        missed = np.setdiff1d(times, np.concatenate(list(within.values())))
        if len(missed):
            raise check.fail("times", "within the times of the fitted marginals of a population", missed[0])
        return SnapshotSeries.of_several(
            {label: self._interpolated(parts[label], asked, two_sided) for label, asked in within.items() if len(asked)}
        )

    def _interpolated(self, fitted: SnapshotSeries, times: np.ndarray, two_sided: bool) -> SnapshotSeries:
        """Marginals of one population."""
        fitted = self._with_estimates(fitted)
        predict = self._between if two_sided else self._from_before
        return SnapshotSeries.from_populations([predict(fitted, time) for time in times], units=fitted.units)

    def _from_before(self, fitted: SnapshotSeries, time: float) -> Population:
        return self._rolled_out(self._last_start(fitted, time), [time], None)[0]

    def _between(self, fitted: SnapshotSeries, time: float) -> Population:
        """Two-sided prediction of one marginal."""
        before = self._last_start(fitted, time)
        after = next((cloud for cloud in fitted if cloud.time > time), None)
        if after is None:
            raise check.fail("times", f"before the last fitted marginal at t = {fitted.times[-1]:g}", time)
        if self.initial_velocities in ("zero", "learn") and not self._first_order:
            after = Population(after.positions, None, after.weights, after.time)
        return bridge(
            self.mechanics_,
            self._moving(before),
            after,
            time,
            dt=self.dt_,
            integrator=None if self.noise_ else self._integrator(),
            reach=self.reach_,
            noise=self.noise_,
            marginals=list(fitted) if self.growth_changes_ else [],
            seed=self.seed,
        )

    def _last_start(self, fitted: SnapshotSeries, time: float) -> Population:
        """The last marginal before `time` whose velocities are known under the rule of the fit."""
        only_first = self.initial_velocities in ("zero", "learn")
        usable = [
            cloud
            for k, cloud in enumerate(fitted)
            if cloud.time <= time and (k == 0 or self._first_order or (not only_first and cloud.velocities is not None))
        ]
        if not usable:
            raise check.fail("times", f"at or after the first fitted marginal at t = {fitted.times[0]:g}", time)
        return usable[-1]

    def evaluate(
        self,
        observed: SnapshotSeries,
        start: Population | SnapshotSeries | None = None,
        data: SnapshotSeries | None = None,
        *,
        two_sided: bool = False,
        metrics: Sequence[str] = ("w1",),
    ) -> Scores:
        """Score predictions by exact W1, beside the naive baselines.

        Parameters
        ----------
        observed : SnapshotSeries
            Marginals that the fit has not seen. Of several populations each is predicted and scored by itself, and the
            scores are averaged, each population counting once.
        start : Population or SnapshotSeries, optional
            Forecast all of them from this marginal, given as to `forecast`. Default: predict each from the fitted
            marginal before it.
        data : SnapshotSeries, optional
            The fitted marginals, for predictions without `start`. Default: those of `fit`.
        two_sided : bool
            Whether to predict each from the fitted marginals on both sides, as `interpolate` does. Default False.
        metrics : sequence of {"w1", "w2", "energy"}
            Distances to score by, beside W1. Default W1 alone.

        Returns
        -------
        Scores
            ``print`` it for a table.
        """
        check.instance("observed", observed, SnapshotSeries)
        self._check_dimension("observed", observed)
        if start is not None:
            if two_sided:
                raise ParameterError("`two_sided` cannot go with `start`: it takes the fitted marginals on both sides")
            return mean_scores(
                [
                    score_forecast(list(self._rolled_out(x[0], truth.times, None)), truth, x[0], metrics=metrics)
                    for truth, x in _pairs_of_populations("start", observed, self._as_series(start))
                ]
            )
        fitted = self.data_ if data is None else check.instance("data", data, SnapshotSeries)
        name = "fit's data" if data is None else "data"
        return mean_scores(
            [
                self._score_interpolation(truth, known, two_sided, metrics)
                for truth, known in _pairs_of_populations(name, observed, fitted)
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

    # --- citing

    def citation(self) -> str:
        """BibTeX of wlmsim, its paper, the methods that the model uses, and the data set it was fitted to, if known.

        Returns
        -------
        str
            See `wlmsim.citation`, which takes several models and data.
        """
        return citation(self)

    def _cites(self) -> list[str]:
        return references(self)

    # --- files

    def save(self, path: str | Path) -> Path:
        """Write the fitted model: tensors and plain values, atomically.

        Parameters
        ----------
        path : path
            Where to write.

        Returns
        -------
        Path

        Raises
        ------
        NotFittedError
            If there is nothing to save.
        ParameterError
            If an analytic term's law is a plain function.
        """
        path = local(path)
        members = self._fitted_members
        parameters = {
            name: value
            for name, value in self.get_params().items()
            if name not in ("potential", "dissipation", "checkpoint", "callbacks")
        }
        content = {
            "parameters": parameters,
            "potential": files.describe([*members[0].learned, *members[0].analytic]),
            "dissipation": files.describe(members[0].dissipations),
            "dim": members[0].dim,
            "scales": members[0].scales._asdict(),
            "members": [member.state_dict() for member in members],
            "fit": {name: _plain(getattr(self, name)) for name in (*FIT_REPORT, *CHOSEN)},
            "created_by": version(),
        }
        files.write(path, KIND, content)
        return path

    @classmethod
    @files.refusing
    def load(cls, path: str | Path) -> WLM:
        """Read a model written by `save`, without executing code from the file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If the file is truncated, damaged, foreign, of a newer schema, or of wlmsim 0.1.0.
        """
        content = files.read(Path(path), KIND)
        model = cls(files.build(content["potential"]), **content["parameters"])
        assert model.potential is not None
        if content.get("dissipation"):
            model.dissipation = files.build(content["dissipation"])
        members = []
        for state in content["members"]:
            scales = Scales(**content["scales"])
            member = model._mechanics(model.potential, content["dim"], scales)
            member.load_state_dict(state)
            members.append(member.eval())
        model._keep(members)
        for name in FIT_REPORT:
            value = content["fit"].get(name, [])
            setattr(model, name, np.array(value) if name in ("losses_", "frictions_", "times_") else value)
        given = {"reach_": math.inf, "growth_changes_": False, "noise_": model.noise}  # in files of earlier versions
        for name in CHOSEN:
            setattr(model, name, content["fit"].get(name, given[name]))
        return model


def _populations(data: SnapshotSeries) -> list[SnapshotSeries]:
    return [data.population(label) for label in data.population_labels]


def _pairs_of_populations(
    name: str, observed: SnapshotSeries, known: SnapshotSeries
) -> list[tuple[SnapshotSeries, SnapshotSeries]]:
    """Each observed population with what is known of it."""
    if known.labels is None and observed.labels is None:
        return [(observed, known)]
    if missing := set(observed.population_labels) - set(known.population_labels):
        raise check.fail(name, f"a series with the populations {sorted(missing)} that were observed", known)
    return [(observed.population(label), known.population(label)) for label in observed.population_labels]


def _mean_course(courses: Sequence[Sequence[float]]) -> np.ndarray:
    """Mean over the members at each step, of those that still train: one that was validated may go on longer."""
    table = np.full((len(courses), max(map(len, courses))), np.nan)
    for row, course in zip(table, courses, strict=True):
        row[: len(course)] = course
    return np.nanmean(table, axis=0)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise check.fail("device", "'auto', 'cpu' or 'cuda'", name) from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise check.fail("device", "'cpu' or 'auto' where there is no CUDA device", name)
    return device
