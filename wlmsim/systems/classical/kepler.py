"""Kepler's problem: particles about a central mass, and two masses about each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.functionals import External, Pairwise, laws
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System
from wlmsim.systems.classical.conic import propagate
from wlmsim.systems.directions import directions, random_directions


class Kepler(System):
    """Test particles on ellipses, parabolas and hyperbolas about a point mass at the origin, x'' = -k x / |x|^3.

    Each orbit is drawn with its pericentre, eccentricity and orientation: anticlockwise in the plane, in any plane in
    space. Particles stand anywhere on their ellipse, with even odds in time; on open orbits within one period of the
    circle through the pericentre before or after it. The exact motion solves Kepler's equation in universal variables,
    so that it holds for every eccentricity; whole periods of an ellipse are exact returns.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    dim : int
        Dimension of space, at least 2. Default 2.
    strength : float
        k, G times the central mass, positive [length^3 / time^2]. Default 1.
    pericentre : float or sequence of 2 floats
        Smallest distance to the centre, positive; of two, each orbit draws one between [length]. Default (0.7, 1.3).
    eccentricity : float or sequence of 2 floats
        0 is a circle, below 1 an ellipse, above a hyperbola; of two, each orbit draws one between [dimensionless].
        Default (0, 0.5).
    seed : int, optional
        Seed of the initial population.

    Notes
    -----
    The force is singular at the centre, which no orbit here meets. A comet of high eccentricity falls close to it: give
    its simulation short steps, or ``Substepped()``.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> comets = wls.systems.Kepler(n=5, eccentricity=0.9, seed=0)
    >>> path = comets.exact([0.0, comets.periods[3]])
    >>> bool(np.allclose(path.positions[1, 3], path.positions[0, 3]))
    True
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        dim: int = 2,
        *,
        strength: float = 1.0,
        pericentre: float | Sequence[float] = (0.7, 1.3),
        eccentricity: float | Sequence[float] = (0.0, 0.5),
        seed: int | None = None,
    ):
        super().__init__(n, check.integer("dim", dim, least=2), seed)
        self.strength = check.positive("strength", strength)
        self.pericentre = _interval("pericentre", pericentre)
        self.eccentricity = _interval("eccentricity", eccentricity)
        if min(np.atleast_1d(self.pericentre)) <= 0:
            raise check.fail("pericentre", "positive", pericentre)

    @property
    def lagrangian(self) -> Lagrangian:
        """Potential of the central mass."""
        return Lagrangian(External(laws.Kepler(self.strength)))

    @property
    def periods(self) -> np.ndarray:
        """Period of each orbit, shape (n,) [time]; infinite of an open one."""
        return _period(*self._start, self.strength)

    def laplace_runge_lenz(self, population: Population) -> np.ndarray:
        """Vector towards each particle's pericentre, of length its eccentricity, shape (n, d) [dimensionless].

        It is ((v^2 - k / r) x - (x . v) v) / k, which the motion conserves because orbits close.
        """
        x, v = population.positions, population.velocities
        if v is None:
            raise check.fail("population", "one with known velocities", population)
        r = np.sqrt((x**2).sum(-1, keepdims=True))
        speed2, radial = (v**2).sum(-1, keepdims=True), (x * v).sum(-1, keepdims=True)
        return (speed2 / self.strength - 1 / r) * x - radial / self.strength * v

    def _draw(self, rng: np.random.Generator) -> Population:
        q, e = (_uniform(interval, self.n, rng) for interval in (self.pericentre, self.eccentricity))
        return Population(*_orbit(q, e, self.strength, self.dim, rng))

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        return propagate(*self._start, self.strength, time)


class TwoBody(System):
    """Two masses that attract each other by Newton's law, on conic sections about their common centre.

    Exact by reduction: the separation moves as a test particle of `Kepler` about the total mass.

    Parameters
    ----------
    dim : int
        Dimension of space, at least 2. Default 2.
    mass_ratio : float
        Second mass by the first, positive [dimensionless]. Default 0.3.
    strength : float
        G times the total mass, positive [length^3 / time^2]. Default 1.
    pericentre : float
        Smallest distance of the two, positive [length]. Default 1.
    eccentricity : float
        0 is a circle, below 1 an ellipse, above a hyperbola [dimensionless]. Default 0.5.
    seed : int, optional
        Seed of the orientation, and of where on their orbit the two start.

    Examples
    --------
    >>> import wlmsim as wls
    >>> binary = wls.systems.TwoBody(mass_ratio=0.25, seed=0)
    >>> binary.population.weights
    array([0.8, 0.2])
    """

    has_exact = True

    def __init__(
        self,
        dim: int = 2,
        *,
        mass_ratio: float = 0.3,
        strength: float = 1.0,
        pericentre: float = 1.0,
        eccentricity: float = 0.5,
        seed: int | None = None,
    ):
        super().__init__(2, check.integer("dim", dim, least=2), seed)
        self.mass_ratio = check.positive("mass_ratio", mass_ratio)
        self.strength = check.positive("strength", strength)
        self.pericentre = check.positive("pericentre", pericentre)
        self.eccentricity = check.nonnegative("eccentricity", eccentricity)

    @property
    def lagrangian(self) -> Lagrangian:
        """Gravity between the two, without softening."""
        return Lagrangian(Pairwise(laws.Plummer(self.strength, softening=0.0)))

    @property
    def period(self) -> float:
        """Period of the orbit [time]; infinite of an open one."""
        return float(_period(*self._separation(), self.strength)[0])

    def _draw(self, rng: np.random.Generator) -> Population:
        q, e = np.array([self.pericentre]), np.array([self.eccentricity])
        weights = np.array([1.0, self.mass_ratio]) / (1.0 + self.mass_ratio)
        x, v = _orbit(q, e, self.strength, self.dim, rng)
        return Population(_about_the_centre(x, weights), _about_the_centre(v, weights), weights)

    def _separation(self) -> tuple[np.ndarray, np.ndarray]:
        """Position and velocity of the second with respect to the first, shape (1, d)."""
        x, v = self._start
        return x[1:] - x[:1], v[1:] - v[:1]

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        x, v = propagate(*self._separation(), self.strength, time)
        weights = self.population.weights
        return _about_the_centre(x, weights), _about_the_centre(v, weights)


def _about_the_centre(separation: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Positions, or velocities, of two masses from their separation (1, d), their centre at rest at the origin."""
    return np.array([[-weights[1]], [weights[0]]]) * separation


def _orbit(
    q: np.ndarray, e: np.ndarray, strength: float, dim: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities on orbits of pericentres q and eccentricities e, shape (n,), of random orientation."""
    towards = random_directions(len(q), dim, rng)
    if dim == 2:
        along = np.stack([-towards[:, 1], towards[:, 0]], axis=1)
    else:
        other = rng.standard_normal((len(q), dim))
        along = directions(other - (other * towards).sum(-1, keepdims=True) * towards)
    x, v = q[:, None] * towards, np.sqrt(strength * (1 + e) / q)[:, None] * along
    # an ellipse is filled over its period, an open orbit over twice that of the circle through its pericentre
    axis = q / np.where(e < 1, 1 - e, 4.0 ** (-1 / 3))
    span = 2 * np.pi * np.sqrt(axis**3 / strength)
    return propagate(x, v, strength, span * (rng.random(len(q)) - 0.5))


def _period(x: np.ndarray, v: np.ndarray, strength: float) -> np.ndarray:
    """2 pi sqrt(a^3 / k) of each orbit, infinite if it is open."""
    r = np.sqrt((x**2).sum(-1))
    curvature = 2 / r - (v**2).sum(-1) / strength  # 1 / a, rounding error in a parabola
    closed = curvature * r > 1e-14
    return np.where(closed, 2 * np.pi / np.sqrt(strength * np.where(closed, curvature, 1.0) ** 3), np.inf)


def _interval(name: str, value: Any) -> float | tuple[float, float]:
    """A number at least 0, or an interval of them."""
    if np.ndim(value) == 0:
        return check.nonnegative(name, value)
    ends = tuple(check.nonnegative(name, end) for end in value)
    if len(ends) != 2 or ends[0] > ends[1]:
        raise check.fail(name, "a number, or two in increasing order", value)
    return ends[0], ends[1]


def _uniform(interval: float | tuple[float, float], n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n numbers evenly from an interval, or repeat the one number."""
    low, high = interval if isinstance(interval, tuple) else (interval, interval)
    return low + (high - low) * rng.random(n)
