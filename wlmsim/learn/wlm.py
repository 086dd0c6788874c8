"""WLM: the estimator that learns a Lagrangian from snapshots."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.citing import citation, cited_by
from wlmsim.data.population import Population
from wlmsim.data.projection import located
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.tracks import Tracks
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import AccuracyWarning, DataWarning, NotFittedError, ParameterError
from wlmsim.evaluation import Scores, score_individuals
from wlmsim.functionals.base import Functional
from wlmsim.io.exchange import CELLS
from wlmsim.learn.cells.reading import as_series
from wlmsim.learn.declaration import CONSTRAINTS, MOVED, PARTS
from wlmsim.learn.losses.base import Loss
from wlmsim.learn.losses.regularisation import Regularisation
from wlmsim.learn.matching.options import Matching
from wlmsim.learn.options.constraints import Constraint, validate
from wlmsim.learn.options.estimator import Choice, Estimator, explain_unknown
from wlmsim.learn.prediction.doubts import beaten
from wlmsim.learn.prediction.growth import Growth, GrowthRate, GrowthRates
from wlmsim.learn.prediction.predictor import Predictor
from wlmsim.learn.references import references
from wlmsim.learn.rollouts.base import Rollouts
from wlmsim.learn.training.adamw import AdamW
from wlmsim.learn.training.checkpoint import Checkpoint
from wlmsim.learn.training.early_stopping import EarlyStopping
from wlmsim.learn.training.runtime import Runtime
from wlmsim.learn.velocities.series import lasting, startable
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian

if TYPE_CHECKING:
    import anndata
    from scipy.sparse import csr_matrix

    from wlmsim.learn.mechanics import Mechanics
    from wlmsim.learn.training.callbacks import Record


FITTED = (
    *("mechanics_", "lagrangian_", "friction_", "losses_", "frictions_", "recoveries_", "best_step_", "validation_"),
    *("seconds_", "dt_", "reach_", "growth_changes_", "noise_", "times_", "standard_errors_", "data_", "cells_"),
    *("cites_", "located_", "growth_rates_"),
)
"""Attributes of a fitted model."""


class WLM(Estimator):
    """Learn the Lagrangian of a population from snapshots (Wasserstein Lagrangian mechanics).

    The potential energy is a sum of learnable and analytic functionals, the friction is learned or given. Rollouts
    of the mechanics from observed marginals are compared with later marginals by optimal transport, and the
    parameters follow the gradient. All lengths and times are in the data's units. A parameter that is an object with
    options of its own, such as `loss`, may be given by a word for its defaults; its options also have names such as
    ``loss__reach`` in `get_params` and `set_params`.

    Parameters
    ----------
    potential : Functional, optional
        Sum of functionals; default ``ExternalPotential()``. It is copied: the one given stays as it was.
    friction : "learn" or float
        Friction rate gamma, learned or fixed, at least 0 [1 / time]. Infinite, ``math.inf``, makes the mechanics
        first-order, the gradient flow dx/dt = -grad (dU/drho): velocities are neither needed nor used, and a rollout
        may start from every marginal. Default "learn".
    dissipation : Dissipation, optional
        Sum of learnable and analytic forces that depend on the velocity, without friction. Default: none.
    noise : float or "auto"
        Strength sigma of the noise in dX = -grad (dU/drho) dt + sigma dW, at least 0, for infinite friction
        [length / sqrt(time)]. Rollouts in training and forecasts are then random; without noise, the same spreading of
        the density is an `Entropy` of temperature sigma^2 / 2 in the potential. Two-sided predictions are samples of
        Schroedinger bridges, see `wlmsim.transport`. "auto" takes the noise under which a particle diffuses, in the
        mean interval between marginals, by a third of the standard deviation of the data along each axis, which served
        for cells in two to five dimensions. Default 0.
    speed : float, optional
        Constant speed of all particles, as of birds and fish, positive [length / time]: every velocity is reset to it
        after each time step, friction loses its meaning and is 0, and forecasts step as training does, with
        `ConstantSpeedEuler`. Default: speeds are free.
    initial_velocities : {"given", "zero", "learn", "transport", "potential"}
        What rollouts start with: the data's velocities; rest, at the first marginal; a field of velocities v_0(x) at
        the first marginal, learned along; or, where velocities are unknown, estimates by `transport_velocities` or by
        `potential_velocities`. Default "given", and "transport" with a warning where the data have none at all.
    loss : Loss or {"exact", "sinkhorn", "sliced", "energy"}
        How predicted clouds are compared with observed ones: `Exact`, `Sinkhorn`, `Sliced` or `Energy`. Default
        "exact".
    regularisation : Regularisation, "smooth" or None
        What is added to the loss, so that of the mechanics that fit about equally well the smoothest is taken; None
        adds nothing. Default "smooth".
    rollouts : Rollouts, {"anchored", "multiple-shooting"} or None
        Where training rollouts start, how far they run, and in which time steps: `Anchored` at the first marginal, or
        `MultipleShooting` from any whose velocities are known. None stops where `matching` has ended. Default
        "anchored".
    matching : Matching, "paths" or None
        How the mechanics is learned without simulating before it is rolled out; None begins with rollouts of random
        networks, unless nothing is rolled out. Default: none.
    optimiser : AdamW or "adamw"
        Steps, learning rate, batches. Default "adamw".
    stopping : EarlyStopping, "early" or None
        Whether one of the fitted marginals chooses the number of steps. Default ``None``: all marginals, all steps.
    members : int
        Number of networks trained with seeds ``seed``, ``seed + 1`` and so on; the result is the mean of their forces
        and of their frictions, which predicts better than one of them. Default 3.
    runtime : Runtime or str
        Device, precision, compilation and processes; a string is the device. Default "auto".
    checkpoint : Checkpoint or path, optional
        File from which a fit that was killed resumes. Default: none.
    warm_start : bool
        Whether a second `fit` starts from the parameters of the first. Default False.
    progress : bool
        Whether to show a progress bar. Default True.
    seed : int
        Of everything random; on the CPU a fit is reproducible. Default 0.

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
        Given or chosen reach of the loss [length].
    growth_changes_ : bool
        Whether rates of growth change between the marginals as they do over all fitted ones, in two-sided predictions;
        chosen with the reach, else not.
    noise_ : float
        Given or chosen strength of the noise [length / sqrt(time)].
    standard_errors_ : dict of str to ndarray
        Of the friction, "friction" [1 / time], and of the parameters of each learned term, where all of them enter
        linearly and `matching` found them by least squares; else empty.
    times_ : ndarray
        Times of the fitted marginals.
    data_ : SnapshotSeries
        The fitted marginals; not kept in files.
    units_ : dict of str to str
        Units of the data, which forecasts have too.
    located_ : dict of str to str
        The first date and the projection of the data, if they have them; forecasts have them too.
    cells_ : dict
        Where the AnnData object that it was fitted to has positions and times; empty for other data.
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
    >>> model = wls.learn.WLM(optimiser=wls.learn.AdamW(steps=20), progress=False).fit(spring.snapshots(seed=0))
    >>> model.forecast(spring[-1], times=[2.5, 3.0])
    Trajectory(times=2 in 2.5..3, n=50, dim=2)
    """

    parts: ClassVar[dict[str, Choice]] = PARTS
    constraints: ClassVar[dict[str, Constraint]] = CONSTRAINTS
    moved: ClassVar[dict[str, str]] = MOVED

    @explain_unknown
    def __init__(
        self,
        potential: Functional | None = None,
        *,
        friction: str | float = "learn",
        dissipation: Dissipation | None = None,
        noise: float | str = 0.0,
        speed: float | None = None,
        initial_velocities: str = "given",
        loss: Loss | str = "exact",
        regularisation: Regularisation | str | None = "smooth",
        rollouts: Rollouts | str | None = "anchored",
        matching: Matching | str | None = None,
        optimiser: AdamW | str = "adamw",
        stopping: EarlyStopping | str | None = None,
        members: int = 3,
        runtime: Runtime | str = "auto",
        checkpoint: Checkpoint | str | Path | None = None,
        warm_start: bool = False,
        progress: bool = True,
        seed: int = 0,
    ):
        self.potential = potential
        self.friction = friction
        self.dissipation = dissipation
        self.noise = noise
        self.speed = speed
        self.initial_velocities = initial_velocities
        self.loss = loss
        self.regularisation = regularisation
        self.rollouts = rollouts
        self.matching = matching
        self.optimiser = optimiser
        self.stopping = stopping
        self.members = members
        self.runtime = runtime
        self.checkpoint = checkpoint
        self.warm_start = warm_start
        self.progress = progress
        self.seed = seed

    def __repr__(self) -> str:
        changed = [f"{name}={value!r}" for name, value in self.changed_params().items()]
        if not self.fitted:
            return f"WLM({', '.join(changed)})"
        anew = [name for name, value in self.get_params(deep=False).items() if self._is_new(name, value)]
        about = f", with other {', '.join(anew)}" if anew else ""
        return f"WLM({', '.join([*changed, f'fitted: friction_={self.friction_:.4g}'])}{about})"

    def _is_new(self, name: str, value: Any) -> bool:
        """Whether a parameter was set after the fit; velocities that were not given, it has estimated."""
        kept = self._fitted_with[name]
        estimated = name == "initial_velocities" and (value, kept) == ("given", "transport")
        # a pickle holds each number by itself, so that what comes of it is equal and not the same
        same = value is kept or (isinstance(value, (str, int, float)) and value == kept)
        return not same and not estimated

    def _repr_html_(self) -> str:
        from wlmsim.learn.notebook import model_card

        return model_card(self)

    @property
    def fitted(self) -> bool:  # type: ignore[override]
        """Whether the model has been fitted or loaded."""
        return "mechanics_" in vars(self)

    @property
    def first_order(self) -> bool:
        """Whether the mechanics is a gradient flow, of infinite friction."""
        return self.friction == math.inf

    @property
    def _regularisation(self) -> Regularisation:
        """The weights, all zero where there are none."""
        return self.part("regularisation") or Regularisation(force=0.0, jerk=0.0)

    def __getattr__(self, name: str) -> Any:
        if name in ("_fitted_members", "_fitted_with"):
            name = "mechanics_"
        if name in FITTED:
            hint = "call fit first"
            if "mechanics_" in vars(self):
                hint = "it learned a gradient flow, mechanics_" if name == "lagrangian_" else "it is not kept in files"
            raise NotFittedError(f"this WLM has no `{name}`: {hint}")
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}{check.meant(name, FITTED)}", name=name, obj=self
        )

    def _check(self) -> None:
        """Check every parameter, and what has to go together."""
        validate("", self.constraints, self.__getattribute__)
        for name in self.parts:
            self.part(name)
        if self.noise and not self.first_order:
            raise check.fail("noise", "0 unless friction is infinite", self.noise)
        if self.dissipation is not None and (self.first_order or self.dissipation.friction):
            expected = "None where friction is infinite" if self.first_order else "without friction, which has its own"
            raise check.fail("dissipation", expected, self.dissipation)
        if self.speed is not None and self.friction not in ("learn", 0):
            raise check.fail("friction", "0 or left alone at constant speed", self.friction)
        known_and_free = (
            not self.first_order and self.speed is None and self.initial_velocities not in ("zero", "learn")
        )
        if (weight := self._regularisation.local_acceleration) and not known_and_free:
            expected = "0 unless velocities are known and may change freely"
            raise check.fail("Regularisation.local_acceleration", expected, weight)

    # --- fitting

    def fit(
        self,
        data: SnapshotSeries | Tracks | anndata.AnnData,
        *,
        callbacks: Sequence[Callable[[Record], Any]] = (),
        client: Any = None,
        **columns: Any,
    ) -> WLM:
        """Learn the mechanics from snapshots.

        Parameters
        ----------
        data : SnapshotSeries, Tracks, sequence of Population or AnnData
            At least two marginals. With ``initial_velocities="given"`` those before the first one with velocities, from
            which no rollout can start, are left out with a warning. Of single cells the first ten principal components
            are taken, see `wlmsim.learn.cells.series_of`.
        callbacks : sequence of callables
            Each is called with a `Record` after every training step: `JSONLines`, `TensorBoard` or any function.
            Default: none.
        client : dask.distributed.Client, Cluster or str, optional
            Whose workers train the members, one each at a time: a client, a cluster, or the address of a scheduler.
            Default: the processes of `Runtime`.
        **columns
            Of an AnnData object: where it has times, positions and more, as in `SnapshotSeries.from_anndata`; with
            ``growth="growth_prior"`` cells are expected to grow at the rates in that column.

        Returns
        -------
        WLM
            Itself, fitted.

        Raises
        ------
        ParameterError
            If a parameter is unusable or the data does not suffice, or nothing answers at `client`.
        SimulationError
            If training diverges, or every prediction of the validation marginal does.
        """
        from wlmsim.learn.group import Group
        from wlmsim.learn.training.fitting import Fit

        self._check()
        data = lasting(as_series("data", data, columns))
        if self.initial_velocities == "given" and not self.first_order:
            data = startable(data)
        for callback in check.sequence("callbacks", callbacks, "a sequence of callables that take a Record"):
            if not callable(callback) or isinstance(callback, type):
                raise check.fail("callbacks", "callables that take a Record, objects and not classes", callback)
        rule = self._rule_for(data)
        fitting = self if rule == self.initial_velocities else copy.copy(self).set_params(initial_velocities=rule)
        previous = self._fitted_members if self.warm_start and self.fitted else []
        group = Group.current()
        result = Fit(fitting, data, previous, group).run(callbacks, client)
        self._keep(result.members, {**self.get_params(deep=False), "initial_velocities": rule})
        self.losses_, self.frictions_, self.recoveries_ = result.losses, result.frictions, result.recoveries
        self.best_step_, self.validation_, self.seconds_ = result.best_step, result.validation, result.seconds
        self.reach_, self.growth_changes_ = result.growth
        self.dt_, self.noise_ = result.dt, result.noise
        self.standard_errors_ = dict(result.members[0].standard_errors)
        self.times_, self.data_, self.cites_ = data.times.copy(), data, cited_by(data.metadata)
        self.units_, self.cells_ = dict(data.units), dict(data.metadata.get(CELLS, {}))
        self.located_ = located(data)
        self.__dict__.pop("growth_rates_", None)
        if group.first and (doubt := beaten(self._predictor(), data)) is not None:
            warn(doubt, AccuracyWarning)
        return self

    def _rule_for(self, data: SnapshotSeries) -> str:
        """Where velocities come from: where none are given, they are estimated, with a word."""
        unknown = all(v is None for v in data.velocities)
        if self.first_order or self.initial_velocities != "given" or not unknown:
            return self.initial_velocities
        warn(
            "the data have no velocities: they are estimated by optimal transport, as initial_velocities='transport' "
            "does; initial_velocities='learn', 'zero' or 'potential', or friction=math.inf, assume otherwise",
            DataWarning,
        )
        return "transport"

    def _keep(self, members: list[Mechanics], parameters: dict[str, Any]) -> None:
        """Keep what was learned, and with which parameters: they may be set anew before the next fit."""
        from wlmsim.learn.mechanics import mean_mechanics

        self._fitted_members, self._fitted_with = members, parameters
        self.mechanics_: Lagrangian | GradientFlow = mean_mechanics(members)
        self.__dict__.pop("lagrangian_", None)
        if isinstance(self.mechanics_, Lagrangian):
            self.lagrangian_: Lagrangian = self.mechanics_
        self.friction_: float = self.lagrangian_.friction if "lagrangian_" in vars(self) else math.inf

    @cached_property
    def growth_rates_(self) -> GrowthRates | None:
        """Rates of growth between the fitted marginals; None if masses are conserved.

        Found when they are first asked for, by forecasts, `growth_rate` or `save`: plans take a second or so each.
        """
        return self._predictor().fitted_rates()

    # --- prediction

    def _predictor(self) -> Predictor:
        members, given = self._fitted_members, self._fitted_with
        learned = members[0].initial_field is not None
        return Predictor(
            self.mechanics_,
            members[0].dim,
            self.dt_,
            self.times_,
            given["initial_velocities"],
            (lambda x: np.mean([m.initial_velocities(x) for m in members], axis=0)) if learned else None,
            given["speed"],
            self.noise_,
            Growth(self.reach_, self.growth_changes_),
            lambda: self.growth_rates_,
            int(given["seed"]),
            vars(self).get("data_"),
            repr(self),
            self.units_,
            members[0].scales.length,
            bool(given["progress"]),
            self.located_,
        )

    def forecast(
        self,
        start: Population | SnapshotSeries | Tracks,
        times: Any,
        *,
        dt: float | None = None,
        seed: int | None = None,
        ensemble: int = 1,
    ) -> Trajectory:
        """Roll the learned mechanics out from a marginal.

        Parameters
        ----------
        start : Population, SnapshotSeries or Tracks
            The cloud to start from; of tracks those who are seen at the last time, whose names the forecast keeps.
            Without velocities it starts from rest if the model was fitted so, with the learned field if there is one
            and it is of the first fitted time, and with the estimates of the fit if it is one of the fitted marginals.
            Several populations, each of which moves by itself, are given as a series of one marginal, ``data[[-1]]``,
            or as one of the fitted marginals.
        times : array_like, shape (T,)
            Strictly increasing times, none before the start's [time]; or dates, also as text.
        dt : float, optional
            Largest time step. Default: that of the fit.
        seed : int, optional
            Of the noise, if there is any. Default: that of the model, hence the same path at each call.
        ensemble : int
            How many runs of the noise, independent of each other. Default 1.

        Returns
        -------
        Trajectory
            Of all rows of the start, in their order, once for each run. That of several populations or runs knows no
            mechanics, since its energies would be those of their union. Weights are those of the start, and change if
            growth was learned (a finite reach of the loss): at the rates between the fitted marginals, after the last
            one at those of the last interval.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ParameterError
            If the start has no velocities and the model needs them, or an ensemble is asked for without noise.

        Warns
        -----
        DataWarning
            If the start is before the fitted times, or the times are far beyond them.
        """
        cloud, names = (start, None) if not isinstance(start, Tracks) else start.moving().last()
        path = self._predictor().forecast(cloud, times, dt, seed, ensemble)
        if names is not None:
            path.ids = names if ensemble == 1 else tuple(f"{name} ({k + 1})" for k in range(ensemble) for name in names)
        return path

    def growth_rate(self, positions: Any, time: float) -> GrowthRate:
        """Rates at which particles multiply or die, over and above the population as a whole.

        Counted are, around each place, what the particles of one fitted marginal stand for at the next one, along the
        plan of `wlmsim.transport.unbalanced_plan` from where the mechanics carries them.

        Parameters
        ----------
        positions : array_like, shape (n, d)
            Where [length].
        time : float
            When; at a fitted time rates are those until the next one, before the first and from the last one on those
            of the nearest interval [time].

        Returns
        -------
        GrowthRate
            ``rate`` and its standard error from counting, ``error``, each of shape (n,) [1 / time]. What was known
            beforehand is part of it (`growth` of the data). Both are zero if masses are conserved, as they are unless
            the loss has a finite reach or growth was known.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ParameterError
            If the positions are not of the dimension of the fit, or the model is of a file of an earlier wlmsim, which
            has no rates.
        """
        members = self._fitted_members
        x = check.cloud("positions", positions)
        if x.shape[1] != members[0].dim:
            raise check.fail("positions", f"of shape (n, {members[0].dim})", x)
        if self.growth_rates_ is None and self.reach_ < math.inf:
            raise ParameterError(
                "`growth_rate` is not known: the file of this model, of an earlier wlmsim, has no rates of growth; fit "
                "again"
            )
        if self.growth_rates_ is None:
            return GrowthRate(np.zeros(len(x)), np.zeros(len(x)))
        return self.growth_rates_(x, check.real("time", time))

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
            backward from the one after, joined so that both ends are met. Default False.

        Returns
        -------
        SnapshotSeries
            Of several populations each is predicted by itself, at those of the times that its marginals allow.
        """
        return self._predictor().interpolate(times, data, two_sided=two_sided)

    def evaluate(
        self,
        observed: SnapshotSeries | Tracks,
        start: Population | SnapshotSeries | Tracks | None = None,
        data: SnapshotSeries | Tracks | None = None,
        *,
        two_sided: bool = False,
        metrics: Sequence[str] = ("w1",),
    ) -> Scores:
        """Score predictions by W1, beside the naive baselines: exact, or of large clouds by parts, see `Scores`.

        Parameters
        ----------
        observed : SnapshotSeries or Tracks
            Marginals that the fit has not seen; fitted ones among them are left out with a warning. Of several
            populations each is predicted and scored by itself, and the scores are averaged, each counting once.
        start : Population, SnapshotSeries or Tracks, optional
            Forecast all of them from this marginal, given as to `forecast`. Of tracks that are observed the scores then
            have the distances of each individual too, `Scores.by_individual`. Default: predict each from the fitted
            marginal before it.
        data : SnapshotSeries, optional
            The fitted marginals, for predictions without `start`, and to tell them from another recording at the same
            times. Default: those of `fit`.
        two_sided : bool
            Whether to predict each from the fitted marginals on both sides, as `interpolate` does. Default False.
        metrics : sequence of {"w1", "w2", "energy", "partial"}
            Distances to score by, beside W1. Default W1 alone; of individuals that were followed, and some of them
            hidden, also "partial", see `Scores`.

        Returns
        -------
        Scores
            ``print`` it for a table.

        Raises
        ------
        ParameterError
            If all of the marginals were fitted.
        """
        known = data.moving().snapshots() if isinstance(data, Tracks) else data
        clouds = observed.snapshots() if isinstance(observed, Tracks) else observed
        if not isinstance(start, Tracks):
            return self._predictor().evaluate(clouds, start, known, two_sided=two_sided, metrics=metrics)
        moving = start.moving()
        begin, names = moving.last()
        scores = self._predictor().evaluate(clouds, begin, known, two_sided=two_sided, metrics=metrics)
        if isinstance(observed, Tracks) and set(observed.ids) & set(names):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is to be said of this forecast the scores have said
                path = self._predictor().forecast(begin, scores.times)
                path.ids = names
                scores.by_individual = score_individuals(path, observed, moving, model=scores.model)
        return scores

    def score(self, observed: SnapshotSeries) -> float:
        """Minus the mean W1 of predictions, each from the fitted marginal before it: the greater the better [length].

        Where individuals were followed and some of them hidden it is the partial W1, as `Scores.judged` has it.

        Parameters
        ----------
        observed : SnapshotSeries or sequence of Population
            Marginals that the fit has not seen, all after the first fitted one.
        """
        scores = self.evaluate(as_series("observed", observed))
        return -scores.judged[scores.model]

    # --- single cells

    def annotate(
        self,
        data: anndata.AnnData,
        *,
        genes: bool | None = None,
        prefix: str = "",
        overwrite: bool = False,
        **columns: Any,
    ) -> anndata.AnnData:
        """Write into an AnnData object what was learned of each of its cells.

        Parameters
        ----------
        data : anndata.AnnData
            The fitted cells, or others of the same experiment; the model remembers in which embedding and in which
            column it finds positions and times. ``X`` is not touched.
        genes : bool, optional
            Whether to write velocities of genes. Default: where ``varm["PCs"]`` has the loadings of the embedding, and
            the layer has at most 2 GB.
        prefix : str
            What all names begin with. Default "".
        overwrite : bool
            Whether to replace what is there and was not written by wlmsim, with a word. Default False.
        **columns
            What is to be read in other places than the model remembers, as in `SnapshotSeries.from_anndata`.

        Returns
        -------
        anndata.AnnData
            The same object, with the following; NaN for cells without a position.

        Raises
        ------
        ParameterError
            If a place is taken, or the cells have not the dimensions or the units that were fitted.

        Notes
        -----
        ``obsm["velocity_pca"]``, after ``"X_pca"``: velocity by the learned mechanics where the cell is, of first-order
        mechanics; else the one that forecasts from it start with [length / time].

        ``layers["velocity"]``: the same of genes, through the loadings, in the units of the expression that the
        components are of; 0 where loadings are 0, ``var["velocity_genes"]`` says where they are not.

        ``obs["potential"]``: dU/drho at the cell, less the mean over all cells, or over those of its time where the
        potential depends on time [length^2 / time; with inertia length^2 / time^2].

        ``obs["force_certainty"]``: |F|^2 / (|F|^2 + s^2), of the mean F of the forces of the networks and their
        standard deviation s, in [0, 1]; not written of a single network.

        ``obs["growth_rate"]``, ``obs["growth_rate_error"]``: `growth_rate` until the next time (of the last time: since
        the one before), and its standard error from counts and from the spread over the networks [1 / time]. It is over
        and above the population as a whole, of whose growth numbers of cells in samples say nothing; never beyond
        log(1 + cells) / interval. Not written where masses are conserved: the loss has no reach, and no growth was
        known beforehand.

        ``uns["wlmsim_annotation"]``: what was written; a fit does not take these velocities for data.
        """
        from wlmsim.learn.cells.annotation import annotate

        return annotate(self, data, genes=genes, prefix=prefix, overwrite=overwrite, **columns)

    def transition_matrix(
        self, data: anndata.AnnData, *, lag: float | None = None, neighbours: int = 30, **columns: Any
    ) -> csr_matrix:
        """Probabilities of each observed cell to be near each other one after a lag, as a Markov chain.

        Each cell is carried by the learned mechanics from the time at which it was seen, and spread by the noise; the
        chance to arrive near another cell, of any time, is that density there over the density of the sample. CellRank
        takes the chain as ``cellrank.kernels.PrecomputedKernel(chain, adata=data)``; `wlmsim.learn.cells` has
        probabilities of fates from it. Growth is not part of it.

        Parameters
        ----------
        data : anndata.AnnData
            The cells, n of them, as for `annotate`.
        lag : float, optional
            In which time a step is made [time]. Default: that in which noise spreads cells among about half of their
            neighbours, but no more than the shortest interval between the fitted times. Fates hardly depend on it.
        neighbours : int
            Cells that may be reached in a step, those nearest to where a cell is carried. Default 30.
        **columns
            What is to be read in other places than the model remembers, as in `SnapshotSeries.from_anndata`.

        Returns
        -------
        scipy.sparse.csr_matrix, shape (n, n)
            Rows sum to 1; cells without a position stay where they are.

        Warns
        -----
        DataWarning
            If the noise in a lag is narrower than the distance between cells, or there is none: the chain spreads
            cells as far as the sample can tell.

        References
        ----------
        See `wlmsim.learn.cells.gaussian_transitions`.
        """
        from wlmsim.learn.cells.transitions import transition_matrix

        return transition_matrix(self, data, lag=lag, neighbours=neighbours, **columns)

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
        from wlmsim.learn.saving import save_model

        return save_model(self, path)

    @classmethod
    def load(cls, path: str | Path) -> WLM:
        """Read a model written by `save`, without executing code from the file.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        FileFormatError
            If the file is truncated, damaged, foreign, of a newer schema, or of wlmsim 0.1.0.
        """
        from wlmsim.learn.saving import load_model

        return load_model(cls, path)
