"""What to measure along a run: functions of a population, some of which have a name.

An observable is any function of a `Population` that returns a number or an array. It serves during a run,
``simulate(..., observables=...)``, after it, `observe`, and on a single cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.observations import Observations
from wlmsim.data.population import Population
from wlmsim.data.trajectory import Trajectory
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.functionals.periodic import lengths
from wlmsim.mechanics.lagrangian import Lagrangian

__all__ = [
    "MeanSquareDisplacement",
    "PairCorrelation",
    "StructureFactor",
    "observe",
    "polarisation",
    "temperature",
]

Observable: TypeAlias = Callable[[Population], Any]
Wanted: TypeAlias = Mapping[str, Observable | str] | Iterable[Observable | str] | None

OF_MECHANICS = ("energy", "kinetic_energy", "potential_energy", "momentum", "angular_momentum", "virial")
"""Names of methods of the mechanics."""
NAMES = (*OF_MECHANICS, "mean", "temperature", "polarisation", "mean_square_displacement")
"""Observables that are known by name."""


def temperature(population: Population, mass: Any = 1.0) -> float:
    """Kinetic temperature times Boltzmann's constant, m <|v - <v>|^2> / d [mass length^2 / time^2].

    Parameters
    ----------
    population : Population
        A cloud with velocities.
    mass : float or array_like, shape (n,)
        Mass m, as that of a `Lagrangian` [mass]; <v> is then the velocity of the centre of mass. Default 1.

    Examples
    --------
    >>> import wlmsim as wls
    >>> gas = wls.Population.gaussian(n=20000, dim=3, velocity_width=2.0, seed=0)
    >>> round(wls.observables.temperature(gas), 1)
    4.0
    """
    v = _velocities(population)
    masses = check.axes("mass", mass, len(population), above=0.0) * population.weights
    return float(masses @ ((v - masses @ v / masses.sum()) ** 2).sum(-1) / population.dim)


def polarisation(population: Population) -> float:
    """Order of a flock, |<v / |v|>|: 1 where all fly in one direction, near 1 / sqrt(n) where directions are random.

    Parameters
    ----------
    population : Population
        A cloud with velocities; particles at rest count as without direction.
    """
    v = _velocities(population)
    speeds = np.linalg.norm(v, axis=-1, keepdims=True)
    return float(np.linalg.norm(population.weights @ np.divide(v, speeds, out=np.zeros_like(v), where=speeds > 0)))


class MeanSquareDisplacement:
    """Mean square displacement <|x - x_0|^2> of the particles since a start [length^2].

    Positions must be unwrapped, as those of simulations are. Of free diffusion it is 2 d D t.

    Parameters
    ----------
    start : Population
        The same particles at the start.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> still = wls.GradientFlow(wls.External(lambda x, xp: 0.0 * x.sum(-1)))
    >>> start, noise = wls.Population(np.zeros((4000, 2))), wls.EulerMaruyama(noise=1.0, seed=0)
    >>> run = wls.simulate(still, start, [1.0, 2.0], integrator=noise, observables=["mean_square_displacement"])
    >>> run.observables["mean_square_displacement"].round()               # 2 d D t, with D = noise^2 / 2
    array([2., 4.])
    """

    def __init__(self, start: Population):
        self.start = check.instance("start", start, Population)

    def __call__(self, population: Population) -> float:
        """Of a later cloud."""
        if population.positions.shape != self.start.positions.shape:
            raise check.fail("population", f"the {len(self.start)} particles of the start", population)
        return float(population.weights @ ((population.positions - self.start.positions) ** 2).sum(-1))


@dataclass(frozen=True)
class PairCorrelation:
    """Pair correlation g(r), the density of pairs at a distance over that of an ideal gas, which has g = 1.

    Pairs count by the product of their weights, in shells of equal width up to the cutoff; of one particle there is
    none. Found through a k-d tree.

    Parameters
    ----------
    cutoff : float
        Largest distance, positive and at most half of the shortest side [length].
    box : float or sequence of d floats
        Side or sides of the periodic box [length]. Positions may lie anywhere.
    bins : int
        Number of shells. Default 100.

    References
    ----------
    D. Frenkel and B. Smit, Understanding Molecular Simulation (2002), section 4.4.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> gas = wls.Population(np.random.default_rng(0).uniform(size=(2000, 2)))
    >>> pairs = wls.observables.PairCorrelation(cutoff=0.5, box=1.0, bins=4)
    >>> pairs.distances, pairs(gas).round(1)
    (array([0.0625, 0.1875, 0.3125, 0.4375]), array([1., 1., 1., 1.]))
    """

    cutoff: float
    box: Any
    bins: int = 100

    def __post_init__(self) -> None:
        check.positive("cutoff", self.cutoff), check.integer("bins", self.bins)
        sides = [check.positive("box", side) for side in np.atleast_1d(np.asarray(self.box, dtype=object))]
        if min(sides) < 2 * self.cutoff:
            raise check.fail("cutoff", f"at most {min(sides) / 2:g}, half of the shortest side", self.cutoff)

    @property
    def distances(self) -> np.ndarray:
        """Middles of the shells, shape (bins,) [length]."""
        return (np.arange(self.bins) + 0.5) * self.cutoff / self.bins

    def __call__(self, population: Population) -> np.ndarray:
        """g of a cloud at the distances, shape (bins,)."""
        from scipy.spatial import cKDTree
        from scipy.special import gamma

        d, w = population.dim, population.weights
        sides = lengths(self.box if np.ndim(self.box) == 0 else tuple(self.box), d)
        wrapped = population.positions % sides
        tree = cKDTree(np.where(wrapped < sides, wrapped, 0.0), boxsize=sides)  # rounding may end at the far side
        edges = np.linspace(0.0, self.cutoff, self.bins + 1)
        # none of a particle with itself, which is at distance 0
        within = tree.count_neighbors(tree, edges[1:], weights=None if population.uniform else (w, w))
        within = within / len(w) ** 2 if population.uniform else within
        pairs = np.diff(np.concatenate([[0.0], within - (w**2).sum()]))
        shells = np.pi ** (d / 2) / gamma(d / 2 + 1) * np.diff(edges**d)
        return pairs / (1.0 - (w**2).sum()) * sides.prod() / shells if len(w) > 1 else np.zeros(self.bins)


@dataclass(frozen=True)
class StructureFactor:
    """Structure factor S(k) = |sum w exp(-i k x)|^2 / sum w^2, averaged over the waves of a box in shells of |k|.

    1 for an ideal gas at every k. The waves are those that fit into the box, k = 2 pi m / L with whole m; of k and -k
    one is counted.

    Parameters
    ----------
    largest : float
        Largest wave number |k|, positive [1 / length].
    box : float or sequence of d floats
        Side or sides of the periodic box [length].
    bins : int
        Number of shells of equal width. Default 50; those without a wave are NaN.

    References
    ----------
    J.-P. Hansen and I. R. McDonald, Theory of Simple Liquids (2013), section 4.1.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> crystal = wls.Population(np.arange(10.0)[:, None])
    >>> waves = wls.observables.StructureFactor(largest=7.0, box=10.0, bins=11)
    >>> float(waves(crystal).max().round(6)), float(waves.wave_numbers[np.argmax(waves(crystal))].round(1))
    (10.0, 6.0)
    """

    largest: float
    box: Any
    bins: int = 50

    def __post_init__(self) -> None:
        check.positive("largest", self.largest), check.integer("bins", self.bins)
        for side in np.atleast_1d(np.asarray(self.box, dtype=object)):
            check.positive("box", side)

    @property
    def wave_numbers(self) -> np.ndarray:
        """Middles of the shells, shape (bins,) [1 / length]."""
        return (np.arange(self.bins) + 0.5) * self.largest / self.bins

    def __call__(self, population: Population) -> np.ndarray:
        """S of a cloud in the shells, shape (bins,)."""
        waves = self._waves(population.dim)
        w, total = population.weights, np.empty(len(waves))
        for first in range(0, len(waves), 256):  # so that phases of many waves do not fill the memory
            part = slice(first, first + 256)
            total[part] = np.abs(np.exp(-1j * waves[part] @ population.positions.T) @ w) ** 2
        sizes = np.linalg.norm(waves, axis=1)
        shell = np.minimum((sizes / self.largest * self.bins).astype(int), self.bins - 1)
        count = np.bincount(shell, minlength=self.bins)
        sums = np.bincount(shell, total / (w**2).sum(), minlength=self.bins)
        return np.divide(sums, count, out=np.full(self.bins, np.nan), where=count > 0)

    def _waves(self, dim: int) -> np.ndarray:
        """Waves of the box up to the largest, shape (q, d), of k and -k one."""
        sides = lengths(self.box if np.ndim(self.box) == 0 else tuple(self.box), dim)
        steps = 2 * np.pi / sides
        counts = np.floor(self.largest / steps).astype(int)
        whole = np.stack(np.meshgrid(*(np.arange(-c, c + 1) for c in counts), indexing="ij"), -1).reshape(-1, dim)
        # in this order the second half are the negatives of the first, around zero
        waves = steps * whole[len(whole) // 2 + 1 :]
        return waves[np.linalg.norm(waves, axis=1) <= self.largest]


class Watched:
    """Observables along a run: functions that are called in turn, and what they returned.

    Parameters
    ----------
    wanted : mapping, iterable or None
        Functions, or names of `NAMES`; of an iterable each is called what it is called.
    mechanics : Lagrangian or Flow, optional
        What moves the particles, of which some names ask.
    start : Population
        The start of the run.
    """

    def __init__(self, wanted: Wanted, mechanics: Any, start: Population):
        wanted = named(wanted)
        self.known = {name: what for name, what in wanted.items() if isinstance(what, str)}
        """What is known by name, by the names that it has here."""
        self._functions = {name: _resolved(what, mechanics, start) for name, what in wanted.items()}
        self._times: list[float] = []
        self._values: dict[str, list[np.ndarray | None]] = {name: [] for name in self._functions}

    def __bool__(self) -> bool:
        return bool(self._functions)

    def look(self, population: Population) -> None:
        """Call them all; what fails leaves nothing of this time."""
        found = {name: function(population) for name, function in self._functions.items()}
        time = population.time
        values = {name: None if value is None else self._checked(name, value, time) for name, value in found.items()}
        self._times.append(time)
        for name, value in values.items():
            self._values[name].append(value)

    def _checked(self, name: str, value: Any, time: float) -> np.ndarray:
        """A value as an array of the shape that all have; of a later one that has not the run cannot go on."""
        before = next((known for known in self._values[name] if known is not None), None)
        try:
            found = check.array(name, value)
        except ParameterError as error:
            problem = str(error)
        else:
            if before is None or found.shape == before.shape:
                return found
            problem = f"its shape is {found.shape} after {before.shape}"
        message = f"the observable {name!r} must return a number or an array of one shape at all times: {problem}"
        raise (ParameterError if before is None else SimulationError)(f"{message}, at t = {_times.text(time)}")

    @property
    def observations(self) -> Observations:
        """What they returned until now; of one that returns nothing nothing is kept."""
        values: dict[str, np.ndarray] = {}
        for name, found in self._values.items():
            known = [value for value in found if value is not None]
            if known:
                values[name] = np.array(
                    [np.full(known[0].shape, np.nan) if value is None else value for value in found]
                )
        if not values:
            return Observations()
        order = np.argsort(self._times)  # a run back in time looks at the last first
        return Observations(np.array(self._times)[order], {name: v[order] for name, v in values.items()})


def observe(trajectory: Trajectory, observables: Wanted) -> Observations:
    """Measure the frames of a trajectory, as ``simulate(..., observables=...)`` does during a run.

    Parameters
    ----------
    trajectory : Trajectory
        Frames; some names need its mechanics.
    observables : mapping or iterable
        As in `wlmsim.simulate`.

    Returns
    -------
    Observations

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> run = wls.systems.Boids(n=50, seed=0).simulate(np.arange(0, 20, 0.5))
    >>> wls.observe(run, {"order": wls.observables.polarisation, "centre": "mean"})
    Observations(times=40 in 0..19.5: order, centre (40, 2))
    """
    check.instance("trajectory", trajectory, Trajectory)
    watched = Watched(observables, trajectory.mechanics, trajectory[0])
    for frame in trajectory:
        watched.look(frame)
    return watched.observations


def named(wanted: Wanted) -> dict[str, Observable | str]:
    """What to measure, by the names that it is to have."""
    if wanted is None:
        return {}
    if isinstance(wanted, Mapping):
        return {str(name): what for name, what in wanted.items()}
    if isinstance(wanted, str) or callable(wanted):
        wanted = [wanted]
    expected = "names and functions of a population, in a list, or in a mapping by the name they are to have"
    listed = list(check.sequence("observables", wanted, expected))
    found = {_name_of(what): what for what in listed}
    if len(found) < len(listed):
        raise ParameterError(
            f"`observables` must be of different names, got {[_name_of(what) for what in listed]}: give a mapping, as "
            "{'near': f, 'far': g}"
        )
    return found


def _name_of(what: Any) -> str:
    if isinstance(what, str):
        return what
    name = getattr(what, "__name__", type(what).__name__)
    if name == "<lambda>":
        raise ParameterError("`observables` must name a lambda: give a mapping, as {'height': lambda cloud: ...}")
    return str(name)


def _resolved(what: Any, mechanics: Any, start: Population) -> Observable:
    if not isinstance(what, str):
        if not callable(what):
            raise check.fail("observables", f"functions of a population, or names among {', '.join(NAMES)}", what)
        return what
    check.choice("observables", what, NAMES)
    if what == "mean_square_displacement":
        return MeanSquareDisplacement(start)
    if what == "mean":
        return lambda population: population.mean
    if what == "temperature":
        return partial(temperature, mass=mechanics.mass if isinstance(mechanics, Lagrangian) else 1.0)
    if what == "polarisation":
        return polarisation
    if mechanics is None:
        raise ParameterError(f"{what!r} needs the mechanics, which this trajectory does not know: set its `mechanics`")
    if not hasattr(mechanics, what):
        raise ParameterError(f"`observables`: only a Lagrangian has {what!r}; the particles are moved by {mechanics!r}")
    return getattr(mechanics, what)


def _velocities(population: Population) -> np.ndarray:
    if population.velocities is None:
        raise ParameterError("the population's velocities are unknown, which this observable needs")
    return population.velocities
