"""What an analytic model predicts from snapshots, as a function of some of its parameters."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.integrators import ConstantSpeedEuler, Integrator
from wlmsim.learn.known_form.parameter_names import Model, with_parameters
from wlmsim.simulation import default_integrator, simulate
from wlmsim.systems.base import System

Clouds = list[np.ndarray]
"""Predicted positions of each pair of a start and a target, arrays of shape (n, d)."""


class Window(NamedTuple):
    """A marginal that predictions start from, and those that are predicted from it."""

    start: Population
    targets: list[Population]


class Pair(NamedTuple):
    """A start and one of its targets."""

    start: Population
    target: Population


class Differences(NamedTuple):
    """Predicted clouds on both sides of each parameter, and how far apart the sides are."""

    low: list[Clouds]
    high: list[Clouds]
    width: np.ndarray

    @property
    def jacobians(self) -> Clouds:
        """Derivative of each cloud with respect to the parameters, arrays of shape (p, n, d)."""
        sides = list(zip(self.low, self.high, self.width, strict=True))
        return [np.stack([(high[k] - low[k]) / width for low, high, width in sides]) for k in range(len(self.low[0]))]


class Predictions:
    """The clouds that a model predicts over windows of snapshots.

    Parameters
    ----------
    model : Lagrangian, Flow or System
        Its other parameters stay as they are.
    names : list of str
        The parameters.
    windows : list of Window
        What is predicted from what.
    integrator : Integrator, optional
        Default: that of the system, or of `simulate`.
    dt : float, optional
        Largest time step. Default: a twentieth of the mean interval between marginals, or one step an interval for
        rules at constant speed.
    """

    def __init__(
        self, model: Model, names: list[str], windows: list[Window], integrator: Integrator | None, dt: float | None
    ):
        self.model = model
        self.names = names
        self.windows = windows
        self.integrator = _scheme(model) if integrator is None else integrator
        self.dt = dt
        if dt is None and not isinstance(self.integrator, ConstantSpeedEuler):
            intervals = [(w.targets[-1].time - w.start.time) / len(w.targets) for w in windows]
            self.dt = 0.05 * float(np.mean(intervals))

    @property
    def longest(self) -> int:
        """Number of targets of the longest window."""
        return max(len(window.targets) for window in self.windows)

    def some(self, count: int) -> Predictions:
        """Return the same predictions over at most so many of the windows."""
        chosen = np.unique(np.linspace(0, len(self.windows) - 1, count).round().astype(int))
        return self.over([self.windows[k] for k in chosen])

    def over(self, windows: list[Window]) -> Predictions:
        """Return the same predictions over other windows."""
        return Predictions(self.model, self.names, windows, self.integrator, self.dt)

    def pairs(self, reach: int | None = None) -> list[Pair]:
        """Pairs of a start and one of its first `reach` targets, in the order of `clouds`."""
        return [Pair(window.start, target) for window in self.windows for target in window.targets[:reach]]

    def clouds(self, theta: np.ndarray, reach: int | None = None) -> Clouds:
        """Predict each target; `ParameterError` or `SimulationError` if the parameters are unusable."""
        model = with_parameters(self.model, dict(zip(self.names, theta.tolist(), strict=True)))
        mechanics = model.mechanics if isinstance(model, System) else model
        clouds: Clouds = []
        for start, targets in self.windows:
            times = [target.time for target in targets[:reach]]
            # a copy: each prediction then sees the same noise, if the scheme has any
            scheme = copy.deepcopy(self.integrator)
            clouds.extend(simulate(mechanics, start, times, dt=self.dt, integrator=scheme, progress=False).positions)
        return clouds

    def attempt(self, theta: np.ndarray, reach: int | None = None) -> Clouds | None:
        """Predict each target, or give None if the parameters are unusable."""
        try:
            return self.clouds(theta, reach)
        except (ParameterError, SimulationError):
            return None

    def differences(
        self, theta: np.ndarray, clouds: Clouds, steps: np.ndarray, reach: int | None = None
    ) -> Differences:
        """Predict on both sides of each parameter; on one where it can go no further."""
        low, high, width = [], [], np.zeros(len(theta))
        for p, step in enumerate(steps):
            sides = []
            for sign in (-1, 1):
                shifted = theta.copy()
                shifted[p] += sign * step
                side = self.attempt(shifted, reach)
                width[p] += 0.0 if side is None else step
                sides.append(clouds if side is None else side)
            if width[p] == 0:
                raise SimulationError(f"the predictions fail on both sides of {self.names[p]} = {theta[p]:g}")
            low.append(sides[0])
            high.append(sides[1])
        return Differences(low, high, width)

    def admissible(self, theta: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Return the end of a step; a parameter that would leave its range stops at zero or goes half the way to it."""
        end = theta + step
        for p, name in enumerate(self.names):
            for value in (end[p], 0.0, 0.5 * theta[p]):
                try:
                    with_parameters(self.model, {name: float(value)})
                except ParameterError:
                    continue
                end[p] = value
                break
        return end


def _scheme(model: Model) -> Integrator:
    return model._integrator(model._noise(None)) if isinstance(model, System) else default_integrator(model)


def windows_of(series: SnapshotSeries, velocities: str, first_order: bool, horizon: int | None) -> list[Window]:
    """The predictions that the marginals of one population allow.

    Parameters
    ----------
    series : SnapshotSeries
        A single population.
    velocities : {"given", "zero"}
        Whether predictions start with the data's velocities, or at the first marginal from rest.
    first_order : bool
        Whether the model needs no velocities.
    horizon : int or None
        Number of targets; None for those up to the next possible start.

    Returns
    -------
    list of Window

    Raises
    ------
    ParameterError
        If there is nothing to start from or to predict.
    """
    clouds = list(series)
    if first_order:
        starts = list(range(len(clouds)))
    elif velocities == "zero":
        starts = [0]
        clouds[0] = clouds[0].at_rest()
    else:
        starts = [k for k, cloud in enumerate(clouds) if cloud.velocities is not None]
        if not starts:
            raise ParameterError(
                "`data` must have velocities at a marginal to start from for initial_velocities='given'; "
                "give them, or start from rest with initial_velocities='zero'"
            )
    windows = []
    for k, following in zip(starts, [*starts[1:], len(clouds) - 1], strict=True):
        reach = following - k if horizon is None else check.integer("horizon", horizon)
        if targets := clouds[k + 1 : k + 1 + reach]:
            windows.append(Window(clouds[k], targets))
    if not windows:
        raise ParameterError("`data` must have a marginal after one that predictions can start from; it has none")
    return windows
