"""The same particles at many times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast, overload

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.by_value import ByValue, HoldsFunctions
from wlmsim.data.dates import counted, recorded
from wlmsim.data.files import door
from wlmsim.data.observations import Observations, Occurrences, span_of, within
from wlmsim.data.population import Population
from wlmsim.data.projection import Located
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.data.standardisation import Map
from wlmsim.errors import ParameterError

if TYPE_CHECKING:
    import pandas
    import xarray


class Mechanics(Protocol):
    """What moves particles, a Lagrangian or a flow."""

    def energy(self, population: Population) -> float:
        """Energy of a cloud."""


class SecondOrder(Mechanics, Protocol):
    """What a `Lagrangian` knows of a cloud, and a flow does not."""

    friction: float
    magnetic: Any

    def kinetic_energy(self, population: Population) -> float:
        """Kinetic energy K."""

    def potential_energy(self, population: Population) -> float:
        """Potential energy U."""

    def momentum(self, population: Population) -> np.ndarray:
        """Momentum, shape (d,)."""

    def angular_momentum(self, population: Population) -> np.ndarray:
        """Angular momentum about the origin."""


class Stored:
    """What a file says of mechanics or of a scheme, made when it is first asked for.

    Parameters
    ----------
    make : callable
        Makes it; raises an error where the file does not say enough.
    """

    def __init__(self, make: Callable[[], Any]):
        self._make = make

    def made(self) -> tuple[Any, str]:
        """The object, or None and the reason why there is none."""
        try:
            return self._make(), ""
        except Exception as error:  # whatever a class of another version says
            return None, str(error)


class Trajectory(HoldsFunctions, Located):
    """The same n particles at T times.

    Parameters
    ----------
    times : array_like, shape (T,)
        Strictly increasing times [time]. Dates and durations are counted in the unit of time, by default in days, which
        is kept; dates from the first one, which the metadata have as ``first_date``.
    positions : array_like, shape (T, n, d)
        Positions [length].
    velocities : array_like, shape (T, n, d), optional
        Velocities [length / time]. ``None`` where they are unknown.
    weights : array_like, shape (n,) or (T, n), optional
        Share of the population that each particle stands for, at all times or at each, rescaled to sum to 1. Default:
        all equal.
    ids : sequence of str, optional
        Names of the particles, all different. Default: none.
    mechanics : Lagrangian or Flow, optional
        What moved the particles; needed by the energies and the action. Files hold it by name and numbers, unless
        a law is a plain function.
    integrator : Integrator, optional
        The scheme of the run as it was at the end, its noise included, with which `wlmsim.resume` goes on.
    observables : Observations, optional
        What was measured along the run. Default: nothing.
    events : mapping, optional
        What happened along the run: `Occurrences` by the names of the events. Default: nothing.
    metadata : mapping, optional
        Plain values (numbers, strings, lists) kept with the file: seed, system, software version.
    units : mapping, optional
        Names of the units of ``"length"`` and ``"time"``. Default: dimensionless.
    copy : bool
        Whether to copy the arrays that are given, so that a change of them does not change the motion. Default True.

    Raises
    ------
    ParameterError
        If shapes do not fit, a value is not finite, or the times do not increase.
    """

    def __init__(
        self,
        times: Any,
        positions: Any,
        velocities: Any = None,
        weights: Any = None,
        *,
        ids: Sequence[Any] | None = None,
        mechanics: Mechanics | Stored | None = None,
        integrator: Any = None,
        observables: Observations | None = None,
        events: Mapping[str, Occurrences] | None = None,
        metadata: Mapping[str, Any] | None = None,
        units: Mapping[str, str] | None = None,
        copy: bool = True,
    ):
        times, units, metadata = counted("times", times, units, metadata)
        self.times = check.times("times", times)
        self.positions = _frames("positions", positions, len(self.times))
        self.velocities = None if velocities is None else _frames("velocities", velocities, len(self.times))
        if self.velocities is not None and self.velocities.shape != self.positions.shape:
            raise check.fail("velocities", f"of shape {self.positions.shape}", self.velocities)
        if copy:
            self.positions = check.own(positions, self.positions)
            self.velocities = None if self.velocities is None else check.own(velocities, self.velocities)
        self.weights = _weights(weights, *self.positions.shape[:2])
        self.ids = None if ids is None else check.names("ids", ids, self.n)
        self._mechanics: Any = mechanics
        self._integrator, self._unknown = integrator, "none was given"
        self.observables = Observations() if observables is None else observables
        self.events = dict(events or {})
        self.metadata = dict(metadata or {})
        self.units = dict(units or {})

    @property
    def mechanics(self) -> Mechanics | None:
        """What moved the particles; None where that is not known."""
        if isinstance(self._mechanics, Stored):
            self._mechanics, self._unknown = self._mechanics.made()
        return self._mechanics

    @mechanics.setter
    def mechanics(self, mechanics: Mechanics | None) -> None:
        self._mechanics = mechanics

    @property
    def integrator(self) -> Any:
        """The scheme of the run as it was at the end, its noise included; None where that is not known."""
        if isinstance(self._integrator, Stored):
            self._integrator = self._integrator.made()[0]
        return self._integrator

    def __getstate__(self) -> dict[str, Any]:
        """The state, in which mechanics with laws that pickle cannot find by name, such as lambdas, go by value."""
        return {
            **self.__dict__,
            "_mechanics": ByValue(self.mechanics),
            "_integrator": ByValue(self.integrator),
        }

    @property
    def dim(self) -> int:
        """Dimension of space, d."""
        return self.positions.shape[2]

    @property
    def n(self) -> int:
        """Number of particles."""
        return self.positions.shape[1]

    @property
    def uniform(self) -> bool:
        """Whether all particles have the same weight at all times."""
        return self.weights.ndim == 1 and self._frame(0).uniform

    def __len__(self) -> int:
        return len(self.times)

    @overload
    def __getitem__(self, key: int) -> Population: ...
    @overload
    def __getitem__(self, key: slice | Sequence[int]) -> Trajectory: ...
    def __getitem__(self, key: int | slice | Sequence[int]) -> Population | Trajectory:
        if isinstance(key, (int, np.integer)):
            return self._frame(int(key), copy=True)
        chosen = np.arange(len(self))[key]
        if len(chosen) == 0:
            raise ParameterError(f"the selection must keep at least one of the {len(self)} times; it keeps none")
        return Trajectory(
            self.times[chosen],
            self.positions[chosen],
            None if self.velocities is None else self.velocities[chosen],
            self.weights if self.weights.ndim == 1 else self.weights[chosen],
            ids=self.ids,
            mechanics=self._mechanics,
            integrator=self._integrator if chosen[-1] == len(self) - 1 else None,
            observables=self.observables.of_frames(self.times, chosen),
            events=within(self.events, *span_of(self.times, chosen)),
            metadata=self.metadata,
            units=self.units,
            copy=False,
        )

    def _frame(self, k: int, *, copy: bool = False) -> Population:
        """The cloud at the k-th time; not copied where it is only looked at."""
        velocities = None if self.velocities is None else self.velocities[k]
        weights = self.weights if self.weights.ndim == 1 else self.weights[k]
        return Population(self.positions[k], velocities, weights, float(self.times[k]), copy=copy)

    def _views(self) -> Iterator[Population]:
        return (self._frame(k) for k in range(len(self)))

    def __iter__(self) -> Iterator[Population]:
        return (self[k] for k in range(len(self)))

    def __eq__(self, other: object) -> bool:
        """Whether times, positions, velocities and weights are equal; mechanics and metadata may differ."""
        if not isinstance(other, Trajectory):
            return NotImplemented
        mine, theirs = self.velocities, other.velocities
        return (
            np.array_equal(self.times, other.times)
            and np.array_equal(self.positions, other.positions)
            and np.array_equal(self.weights, other.weights)
            and (mine is theirs if mine is None or theirs is None else np.array_equal(mine, theirs))
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Trajectory(times={len(self)} in {_times.span(self.times)}, n={self.n}, dim={self.dim})"

    def _repr_html_(self) -> str:
        from wlmsim import _html

        rows = [
            ("particles", f"{self.n} in {self.dim}-D, the same at all times"),
            *_html.when(self.times, self.units),
            ("velocities", "unknown" if self.velocities is None else "known"),
            ("moved by", "unknown" if self.mechanics is None else repr(self.mechanics)),
            *_html.about(self.metadata),
        ]
        return _html.card("Trajectory", rows, _html.clouds(self.positions, self.times))

    def at(self, time: Any) -> Population:
        """Return the recorded cloud at a time or a date; `ParameterError` if that time was not recorded."""
        return self[recorded("time", time, self.times, self, "a recorded time")]

    def snapshots(self, fraction: float = 1.0, *, seed: int | None = None, velocities: bool = True) -> SnapshotSeries:
        """Forget identities: an independent, shuffled subsample of the particles at each time.

        Parameters
        ----------
        fraction : float
            Share of the particles kept at each time, in (0, 1]. Default 1.
        seed : int, optional
            Seed of the subsampling and shuffling, recorded in the metadata.
        velocities : bool
            Whether the snapshots keep the velocities. Default True.

        Returns
        -------
        SnapshotSeries
        """
        if not 0 < check.real("fraction", fraction) <= 1:
            raise check.fail("fraction", "a number in (0, 1]", fraction)
        rng = np.random.default_rng(seed)
        count = max(1, round(fraction * self.n))
        chosen = [rng.permutation(self.n)[:count] for _ in self.times]
        kept = self.velocities if velocities else None
        return SnapshotSeries(
            self.times,
            [x[rows] for x, rows in zip(self.positions, chosen, strict=True)],
            None if kept is None else [v[rows] for v, rows in zip(kept, chosen, strict=True)],
            None if self.uniform else [f.weights[rows] for f, rows in zip(self._views(), chosen, strict=True)],
            metadata={**self.metadata, "snapshot_seed": seed, "snapshot_fraction": fraction},
            units=self.units,
        )

    def _mapped(self, place: Map, pace: Map, units: Mapping[str, str]) -> Trajectory:
        """The same motion in other coordinates; what moved it is not known there."""
        velocities = None if self.velocities is None else pace(self.velocities)
        positions = place(self.positions)
        about: dict[str, Any] = {"ids": self.ids, "metadata": self.metadata, "units": units}
        return Trajectory(self.times, positions, velocities, self.weights, **about, copy=False)

    def kinetic_energy(self) -> np.ndarray:
        """Kinetic energy K at each time, shape (T,) [mass length^2 / time^2]."""
        return np.array([self.lagrangian.kinetic_energy(frame) for frame in self._views()])

    def potential_energy(self) -> np.ndarray:
        """Potential energy U at each time, shape (T,) [mass length^2 / time^2]."""
        return np.array([self.lagrangian.potential_energy(frame) for frame in self._views()])

    def energy(self) -> np.ndarray:
        """Energy at each time, shape (T,).

        Of a Lagrangian K + U, which obeys dE/dt = -2 gamma K under friction gamma; of a flow what it conserves or
        lowers.
        """
        mechanics = self._known_mechanics
        return np.array([mechanics.energy(frame) for frame in self._views()])

    def momentum(self) -> np.ndarray:
        """Momentum of the population at each time, shape (T, d) [mass length / time]."""
        return np.array([self.lagrangian.momentum(frame) for frame in self._views()])

    def angular_momentum(self) -> np.ndarray:
        """Angular momentum about the origin, sum of m x_i v_j - x_j v_i for i < j, shape (T, d (d - 1) / 2)."""
        return np.array([self.lagrangian.angular_momentum(frame) for frame in self._views()])

    def action(self) -> float:
        """Action, the integral of exp(gamma t) (K - U) dt by the trapezoidal rule over the recorded times.

        A uniform magnetic field adds the integral of v . A rho to K - U, without friction.
        """
        lagrangian = self.lagrangian
        integrand = self.kinetic_energy() - self.potential_energy()
        if lagrangian.magnetic is not None:
            if lagrangian.friction:
                raise ParameterError("friction in a magnetic field derives from no action")
            integrand += [lagrangian.magnetic.coupling(f.positions, f.velocities, f.weights) for f in self._views()]
        integrand = np.exp(lagrangian.friction * self.times) * integrand
        return float(np.trapezoid(integrand, self.times))

    @property
    def _known_mechanics(self) -> Mechanics:
        if self.mechanics is None:
            raise ParameterError(
                f"this trajectory does not know its mechanics ({self._unknown}): set `trajectory.mechanics = ...` first"
            )
        return self.mechanics

    @property
    def lagrangian(self) -> SecondOrder:
        """The Lagrangian that moved the particles; `ParameterError` if it is not known, or a flow moved them."""
        mechanics = self._known_mechanics
        if not hasattr(mechanics, "kinetic_energy"):
            raise ParameterError(f"only a Lagrangian has this; the trajectory was moved by {mechanics!r}")
        return cast(SecondOrder, mechanics)

    def wrapped(self, box: Any, *, origin: Any = 0.0) -> Trajectory:
        """Return the same with every position within a periodic box, to look at; forces with a box see no difference.

        Simulations leave positions unwrapped, of which displacements can be measured. The box is kept in the metadata,
        as ``wrapped``, so that films draw no path across it.

        Parameters
        ----------
        box : float or sequence of d floats
            Side or sides of the box [length].
        origin : float or sequence of d floats
            Its lower corner [length]. Default 0; of a box around the origin minus half a side.

        Examples
        --------
        >>> import wlmsim as wls
        >>> wls.Trajectory([0.0], [[[1.5, -0.5]]]).wrapped(1.0).positions
        array([[[0.5, 0.5]]])
        """
        sides, corner = check.axes("box", box, self.dim, above=0.0), check.axes("origin", origin, self.dim)
        other = self[:]
        other.positions = corner + (self.positions - corner) % sides
        other.metadata["wrapped"] = {"box": sides.tolist(), "origin": corner.tolist()}
        return other

    def joined(self, *others: Trajectory) -> Trajectory:
        """Return this trajectory and later ones of the same particles, one after the other.

        Parameters
        ----------
        *others : Trajectory
            Each begins when the one before ends, with the same frame, which is kept once, or later. Weights are the
            same, or change in time and are the same in that frame.

        Returns
        -------
        Trajectory
            With the metadata of the first, and the mechanics where all have the same.

        Raises
        ------
        ParameterError
            If particles, weights, names or units differ, or one begins before the one before it ends.

        Examples
        --------
        >>> import wlmsim as wls
        >>> spring = wls.systems.HarmonicOscillator(n=3, seed=0)
        >>> first = spring.simulate([0.0, 1.0], dt=0.01)
        >>> first.joined(wls.simulate(spring.lagrangian, first[-1], [1.0, 2.0], dt=0.01))
        Trajectory(times=3 in 0..2, n=3, dim=2)
        """
        whole = self
        for other in others:
            whole = whole._joined(check.instance("others", other, Trajectory))
        return whole

    def _joined(self, other: Trajectory) -> Trajectory:
        mine, theirs = ((t.positions.shape[1:], t.ids, t.units, t.velocities is None) for t in (self, other))
        skip = int(other.times[0] == self.times[-1])
        if mine != theirs or (weights := self._weights_with(other, skip)) is None:
            raise ParameterError(
                f"`others` must be of the same particles, with the same weights, names, units and known velocities; "
                f"got {self!r} and {other!r}"
            )
        if other.times[0] < self.times[-1]:
            first, last = _times.text(other.times[0], self.times), _times.text(self.times[-1], self.times)
            raise ParameterError(
                f"`others` must begin when the trajectory before ends, t = {last}, or later; got {first}"
            )
        same = self._mechanics is other._mechanics or repr(self.mechanics) == repr(other.mechanics)
        both_have = set(self.events) & set(other.events)
        events = {**self.events, **other.events}
        events |= {name: self.events[name].followed_by(other.events[name]) for name in both_have}

        def both(name: str) -> np.ndarray:
            return np.concatenate([getattr(self, name), getattr(other, name)[skip:]])

        return Trajectory(
            both("times"),
            both("positions"),
            None if self.velocities is None else both("velocities"),
            weights,
            ids=self.ids,
            mechanics=self._mechanics if same else None,
            integrator=other._integrator,
            observables=self.observables.followed_by(other.observables),
            events=events,
            metadata=self.metadata,
            units=self.units,
            copy=False,
        )

    def _weights_with(self, later: Trajectory, skip: int) -> np.ndarray | None:
        """Weights of both, without the first `skip` of the later one; None if they do not fit together.

        Constant ones must be the same; where some change, those of a frame that both have.
        """
        if self.weights.ndim == later.weights.ndim == 1:
            return self.weights if np.array_equal(self.weights, later.weights) else None
        mine, theirs = (np.broadcast_to(t.weights, t.positions.shape[:2]) for t in (self, later))
        return np.concatenate([mine, theirs[skip:]]) if not skip or np.allclose(mine[-1], theirs[0]) else None

    def save(self, path: str | Path) -> Path:
        """Write an H5MD 1.1 file, or one of the format that the suffix names, atomically; see `wlmsim.io.save`."""
        return door().save(self, path)

    @classmethod
    def load(cls, path: str | Path, *, start: Any = None, stop: Any = None) -> Trajectory:
        """Read a file of wlmsim, or of the others that `Tracks.load` reads those who are seen at all times.

        With `start` or `stop`, times or dates, only the frames with start <= time <= stop.
        """
        return door().read_trajectory(path, start=start, stop=stop)

    def to_dataframe(self) -> pandas.DataFrame:
        """Return the paths as a pandas data frame (extra ``pandas``), one particle after the other.

        Its columns are id, time, date where there are dates, x, y, z, where known vx, vy, vz, and lon and lat where a
        projection is known; its ``attrs`` hold the metadata and the units.
        """
        return door().paths_to_dataframe(self)

    def to_xarray(self) -> xarray.Dataset:
        """Return the paths as an xarray dataset (extra ``xarray``) of trajectories in the CF conventions."""
        return door().paths_to_xarray(self)


def _weights(value: Any, count: int, n: int) -> np.ndarray:
    """Weights of n particles, shape (n,), or (count, n) where they change."""
    if value is None:
        return check.weights("weights", None, n)
    value = check.array("weights", value)
    if value.shape not in ((n,), (count, n)):
        raise check.fail("weights", f"an array of shape ({n},) or ({count}, {n})", value)
    if value.ndim == 1:
        return check.weights("weights", value, n)
    rows = np.array([check.weights("weights", row, n) for row in value])
    return rows[0] if (rows == rows[0]).all() else rows


def _frames(name: str, value: Any, count: int) -> np.ndarray:
    frames = check.array(name, value)
    if frames.ndim != 3 or 0 in frames.shape or len(frames) != count:
        raise check.fail(name, f"an array of shape (T, n, d) with T = {count}, as there are times", frames)
    return check.finite(name, frames)
