"""Systems that their own gravity holds together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.data.population import Population
from wlmsim.errors import AccuracyWarning
from wlmsim.functionals import Gravity
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System
from wlmsim.systems.directions import random_directions


class _StarSystem(System):
    """Stars, at least 2, that attract each other by softened gravity."""

    def __init__(
        self,
        n: int,
        dim: int,
        strength: float,
        radius: float,
        softening: float,
        method: str,
        opening: float,
        seed: int | None,
    ):
        super().__init__(check.integer("n", n, least=2), dim, seed)
        self.strength = check.positive("strength", strength)
        self.radius = check.positive("radius", radius)
        self.softening, self.method, self.opening = softening, method, opening
        self._gravity = Gravity(strength, softening, method=method, opening=opening)

    @property
    def lagrangian(self) -> Lagrangian:
        """Softened gravity between all particles."""
        return Lagrangian(self._gravity)


class PlummerSphere(_StarSystem):
    """Gravitational n-body problem from Plummer's sphere, a model of a star cluster in equilibrium.

    Positions follow the density rho(r) = (3 / 4 pi a^3) (1 + r^2 / a^2)^(-5/2) out to where it encloses 99.9% of the
    mass. Speeds follow the isotropic distribution f(E) ~ |E|^(7/2), drawn by rejection. Then the centre of mass is
    put to rest at the origin, and all speeds are scaled by one number near 1 so that 2 K + virial = 0 holds for
    these very particles.

    Parameters
    ----------
    n : int
        Number of particles, at least 2. Default 1000.
    strength : float
        G times the total mass, positive [length^3 / time^2]. Default 1.
    radius : float
        a, positive; half of the mass lies within 1.3 a [length]. Default 1.
    softening : float
        epsilon of the Plummer law between particles, positive [length]. Default 0.05.
    masses : sequence of n floats, optional
        Masses in any unit, positive; heavy and light particles are mixed well. Default: all equal.
    method : {"auto", "direct", "tree"}
        How the forces are summed. Default "auto". See `wlmsim.Gravity`.
    opening : float
        Accuracy of the tree. Default 0.8. See `wlmsim.Gravity`.
    seed : int, optional
        Seed of the initial population.

    Notes
    -----
    A step of a hundredth of the crossing time (a^3 / G M)^(1/2) conserves the energy to some 1e-6.

    References
    ----------
    H. C. Plummer, MNRAS 71, 460 (1911); S. J. Aarseth, M. Henon, R. Wielen, Astron. Astrophys. 37, 183 (1974).

    Examples
    --------
    >>> import wlmsim as wls
    >>> cluster = wls.systems.PlummerSphere(n=100, seed=0)
    >>> law, stars = cluster.lagrangian, cluster.population
    >>> round(-2 * law.kinetic_energy(stars) / law.virial(stars), 6)
    1.0
    """

    def __init__(
        self,
        n: int = 1000,
        *,
        strength: float = 1.0,
        radius: float = 1.0,
        softening: float = 0.05,
        masses: Sequence[float] | None = None,
        method: str = "auto",
        opening: float = 0.8,
        seed: int | None = None,
    ):
        super().__init__(n, 3, strength, radius, softening, method, opening, seed)
        self.masses = None if masses is None else check.array("masses", masses)
        if self.masses is not None and (
            self.masses.shape != (n,) or not np.isfinite(self.masses).all() or (self.masses <= 0).any()
        ):
            raise check.fail("masses", f"{n} positive numbers", masses)

    def _draw(self, rng: np.random.Generator) -> Population:
        enclosed = rng.uniform(0, 0.999, self.n)
        r = self.radius / np.sqrt(enclosed ** (-2 / 3) - 1)
        escape = np.sqrt(2 * self.strength) * (r**2 + self.radius**2) ** -0.25
        positions = r[:, None] * random_directions(self.n, 3, rng)
        velocities = (escape * _fraction_of_escape(rng, self.n))[:, None] * random_directions(self.n, 3, rng)

        weights = check.weights("masses", self.masses, self.n)
        cloud = Population(positions - weights @ positions, velocities - weights @ velocities, weights)
        balance = -self.lagrangian.virial(cloud) / (2 * self.lagrangian.kinetic_energy(cloud))
        return cloud.with_velocities(np.sqrt(balance) * cloud.velocities)


def _fraction_of_escape(rng: np.random.Generator, n: int) -> np.ndarray:
    """Speeds over the escape speed, of density proportional to q^2 (1 - q^2)^(7/2) < 0.1, by rejection."""
    speeds = np.empty(0)
    while len(speeds) < n:
        q, height = rng.random(2 * n), rng.uniform(0, 0.1, 2 * n)
        speeds = np.concatenate([speeds, q[height < q**2 * (1 - q**2) ** 3.5]])
    return speeds[:n]


class KuzminDisc(_StarSystem):
    """A disc of stars in the plane, in near equilibrium under its own gravity, with spirals to grow.

    Surface density Sigma(R) = (M' a / 2 pi) (R^2 + a^2)^(-3/2), out to the edge that encloses 90% of the mass M' of
    Kuzmin's disc, which has no end: M = 0.9 M' is the mass of the stars. Circular orbits follow from the pull of the
    disc up to its edge, softened by epsilon, R Omega^2 = F_R, which is summed over rings. Stars have Gaussian
    velocities about the mean rotation, with radial spread sigma_R = 3.36 Q G Sigma / kappa (kappa: the epicyclic
    frequency) and azimuthal spread kappa / (2 Omega) of that; the rotation lags the circular orbits by the asymmetric
    drift. From Q of about 1.3 on the spread alone is more than gravity holds in places, and the disc expands at first,
    with an `AccuracyWarning`.

    Parameters
    ----------
    n : int
        Number of stars, at least 2. Default 2000.
    strength : float
        G times the mass of the stars, positive [length^3 / time^2]. Default 1.
    radius : float
        a, positive [length]. Default 1.
    toomre_q : float
        Q, at least 0: 0 is a cold disc, which breaks up into clumps; below 1 rings grow, above some 2 little does
        [dimensionless]. Default 1.2.
    softening : float
        epsilon of the Plummer law between stars, positive [length]. Default 0.1.
    method : {"auto", "direct", "tree"}
        How the forces are summed. Default "auto". See `wlmsim.Gravity`.
    opening : float
        Accuracy of the tree. Default 0.8. See `wlmsim.Gravity`.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    G. G. Kuzmin, Astron. Zh. 33, 27 (1956); A. Toomre, Astrophys. J. 139, 1217 (1964); J. Binney, S. Tremaine,
    Galactic Dynamics, 2nd ed. (2008), sections 2.3.1, 4.4.3 and 6.2.3.
    """

    def __init__(
        self,
        n: int = 2000,
        *,
        strength: float = 1.0,
        radius: float = 1.0,
        toomre_q: float = 1.2,
        softening: float = 0.1,
        method: str = "auto",
        opening: float = 0.8,
        seed: int | None = None,
    ):
        super().__init__(n, 2, strength, radius, softening, method, opening, seed)
        self.toomre_q = check.nonnegative("toomre_q", toomre_q)

    def _draw(self, rng: np.random.Generator) -> Population:
        a = self.radius
        r = _kuzmin_radius(rng.uniform(0, 1, self.n), a)
        turning2, epicyclic2, steepness = self._orbits(r)
        density = a / (2 * np.pi * INSIDE) * (r**2 + a**2) ** -1.5
        spread2 = (3.36 * self.toomre_q * self.strength * density) ** 2 / epicyclic2
        ratio2 = epicyclic2 / (4 * turning2)
        rotation2 = r**2 * turning2 + spread2 * (1 - ratio2 + steepness)
        unheld = float((rotation2 < 0).mean())
        if unheld > UNHELD:
            warn(
                f"at toomre_q={self.toomre_q:g} the spread of velocities is more than gravity holds where {unheld:.0%} "
                "of the stars are: the disc is not in equilibrium, and expands at first; up to about 1.3 it is",
                AccuracyWarning,
            )
        rotation = np.sqrt(np.maximum(rotation2, 0))

        angle = rng.uniform(0, 2 * np.pi, self.n)
        outwards = np.stack([np.cos(angle), np.sin(angle)], 1)
        onwards = np.stack([-np.sin(angle), np.cos(angle)], 1)
        radial = np.sqrt(spread2) * rng.standard_normal(self.n)
        azimuthal = rotation + np.sqrt(spread2 * ratio2) * rng.standard_normal(self.n)
        return Population(r[:, None] * outwards, radial[:, None] * outwards + azimuthal[:, None] * onwards)

    def _orbits(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Omega^2 of circular orbits, kappa^2, and d log(Sigma sigma_R^2) / d log R.

        The pull of the disc up to its edge is summed over rings and kept on a grid of log R. Sigma sigma_R^2 is
        proportional to Sigma^3 / kappa^2.
        """
        from scipy.interpolate import CubicSpline
        from scipy.special import roots_legendre

        a = self.radius
        edge = _kuzmin_radius(np.ones(1), a)[0]
        nodes, shares = roots_legendre(RINGS)  # the 80th part of the time that NumPy takes
        rings, log_r = _kuzmin_radius((nodes + 1) / 2, a), np.linspace(np.log(1e-3 * a), np.log(edge), GRID)
        grid = np.exp(log_r)
        pull = self.strength * _pull_of_rings(grid[:, None], rings, self.softening) @ (shares / 2)
        turning2 = CubicSpline(log_r, pull / grid)
        # kappa^2 = R dOmega^2 / dR + 4 Omega^2; at the edge it may vanish, where nothing is in equilibrium
        values = turning2(log_r, 1) + 4 * turning2(log_r)
        log_epicyclic2 = CubicSpline(log_r, np.log(np.maximum(values, 0.1 * turning2(log_r))))
        x = np.log(np.clip(r, grid[0], edge))
        steepness = -9 * r**2 / (r**2 + a**2) - log_epicyclic2(x, 1)
        return turning2(x), np.exp(log_epicyclic2(x)), steepness


UNHELD = 0.05
"""Share of the stars of a disc that gravity may not hold at first without a word."""
INSIDE = 0.9
"""Share of the mass of Kuzmin's disc, which has no end, that lies inside of the edge."""
RINGS, GRID = 2000, 400
"""Rings that the pull of a disc is summed over, and radii at which it is."""


def _kuzmin_radius(share: np.ndarray, radius: float) -> np.ndarray:
    """Radius that encloses a share of the stars."""
    return radius * np.sqrt((1 - INSIDE * share) ** -2 - 1)


def _pull_of_rings(r: np.ndarray, rings: np.ndarray, softening: float) -> np.ndarray:
    """Inward pull at radii r of rings of mass 1, softened, for G = 1, by complete elliptic integrals."""
    from scipy.special import ellipe, ellipk

    far2, near2 = (r + rings) ** 2 + softening**2, (r - rings) ** 2 + softening**2
    m = 4 * r * rings / far2
    return (ellipk(m) + (r**2 - rings**2 - softening**2) / near2 * ellipe(m)) / (np.pi * r * np.sqrt(far2))
