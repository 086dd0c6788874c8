"""The base of all systems."""

from __future__ import annotations

import hashlib
import inspect
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.trajectory import Trajectory
from wlmsim.integrators import Integrator
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation import default_integrator, simulate


class System(ABC):
    """A Lagrangian together with its initial population, and its exact solution where one exists.

    A system keeps each argument of its constructor as an attribute of the same name.

    Parameters
    ----------
    n : int
        Number of particles.
    dim : int
        Dimension of space.
    seed : int, optional
        Seed of the initial population. ``None`` draws one at random, once.
    """

    has_exact: bool = False
    """Whether `exact` gives the solution in closed form."""

    def __init__(self, n: int, dim: int, seed: int | None):
        self.n = check.integer("n", n)
        self.dim = check.integer("dim", dim)
        self.seed = seed if seed is None else check.integer("seed", seed, least=0)

    @property
    def lagrangian(self) -> Lagrangian:
        """The Lagrangian, of a system of second order."""
        raise AttributeError(f"{type(self).__name__} is of first order: it has `mechanics`, a flow, and no Lagrangian")

    @property
    def mechanics(self) -> Lagrangian | Flow:
        """What moves the population: the Lagrangian, or a flow in a system of first order."""
        return self.lagrangian

    @abstractmethod
    def _draw(self, rng: np.random.Generator) -> Population:
        """Draw the initial population, at time 0."""

    def _integrator(self, noise: np.random.Generator) -> Integrator:
        """The scheme that `simulate` uses unless told otherwise, which draws any noise from the given source."""
        return default_integrator(self.mechanics)

    def _time_step(self, integrator: Integrator) -> float | None:
        """The time step of `simulate` unless told otherwise; ``None`` for one step an interval."""
        return None

    @cached_property
    def population(self) -> Population:
        """The initial population, at time 0; drawn once."""
        return self._draw(np.random.default_rng(self.seed))

    @property
    def _start(self) -> tuple[np.ndarray, np.ndarray]:
        """Positions and velocities of the initial population."""
        velocities = self.population.velocities
        assert velocities is not None
        return self.population.positions, velocities

    def _stream(self, *key: int) -> np.random.Generator:
        """A source of randomness from the seed, independent of the initial population's and of those of other keys."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))

    def _check_start(self, start: Population) -> None:  # noqa: B027 - any start is fine, unless a system knows better
        """Refuse a start that the law is not for."""

    def _noise(self, start: Population | None) -> np.random.Generator:
        """The noise of a run: one for each start, so that a run that is continued goes on with other noise."""
        if start is None or start == self.population:
            return self._stream(1)
        digest = hashlib.sha256(start.positions.tobytes() + np.float64(start.time).tobytes()).digest()
        return self._stream(1, *np.frombuffer(digest, dtype=np.uint32).tolist())

    def simulate(
        self,
        times: Any,
        *,
        start: Population | None = None,
        dt: float | None = None,
        integrator: Integrator | None = None,
        progress: bool = True,
        save: str | Path | None = None,
        **options: Any,
    ) -> Trajectory:
        """Simulate from the initial population or from another; arguments and errors as in `wlmsim.simulate`.

        Parameters
        ----------
        times : array_like, shape (T,)
            Strictly increasing times at which to record, none before that of the start [time].
        start : Population, optional
            Such as an observed marginal, or the last frame of a run that is to go on; noise, where there is any, is
            another one for each start, and the same again for the same. Default: the initial population, at time 0.
        dt : float, optional
            Time step, as in `wlmsim.simulate`. Default: one step an interval, or what the system asks for.
        integrator : Integrator, optional
            Default: that of `wlmsim.simulate`, or the rule that defines the system.
        progress : bool
            Whether to show a bar where it takes more than two seconds. Default True.
        save : path, optional
            File that the frames go to as they are computed, rather than to memory.
        **options
            Further arguments of `wlmsim.simulate`: `observables`, `observe_at`, `events`, `walls`.

        Returns
        -------
        Trajectory
        """
        if start is not None:
            self._check_start(check.instance("start", start, Population))
        integrator = self._integrator(self._noise(start)) if integrator is None else integrator
        return simulate(
            self.mechanics,
            self.population if start is None else start,
            times,
            dt=self._time_step(integrator) if dt is None else dt,
            integrator=integrator,
            progress=progress,
            save=save,
            metadata={"system": type(self).__name__, "seed": self.seed},
            **options,
        )

    def exact(self, times: Any) -> Trajectory:
        """Exact trajectories of the same particles at the given times.

        Raises
        ------
        NotImplementedError
            If the system has no solution in closed form (`has_exact` is false).
        """
        if not self.has_exact:
            raise NotImplementedError(f"{type(self).__name__} has no exact solution in closed form")
        times = check.times("times", times)
        paths = [self._exact(float(time)) for time in times]
        return Trajectory(
            times,
            [position for position, _ in paths],
            [velocity for _, velocity in paths],
            self.population.weights,
            mechanics=self.mechanics,
            metadata={"system": type(self).__name__, "seed": self.seed, "integrator": "exact"},
        )

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Exact positions and velocities at one time."""
        raise NotImplementedError

    def __repr__(self) -> str:
        arguments = (f"{name}={_plain(getattr(self, name))!r}" for name in inspect.signature(type(self)).parameters)
        return f"{type(self).__name__}({', '.join(arguments)})"

    def _repr_html_(self) -> str:
        from wlmsim import _html

        arguments = ", ".join(
            f"{name}={_plain(getattr(self, name))}" for name in inspect.signature(type(self)).parameters
        )
        law = str(getattr(self.mechanics, "_repr_latex_", lambda: "")()).strip("$")
        rows = [
            ("what", (type(self).__doc__ or "").strip().split("\n")[0]),
            ("arguments", arguments),
            ("moved by", _html.math(law) if law else repr(self.mechanics)),
            ("exact solution", "yes" if self.has_exact else "no"),
        ]
        drawn = _html.clouds([self.population.positions], [0.0]) if "population" in vars(self) else ""
        return _html.card(type(self).__name__, rows, drawn)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
