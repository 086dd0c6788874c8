"""Particles in a double well."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.functionals import External, laws
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.classical.harmonic import oscillate
from wlmsim.systems.gaussian_start import GaussianStart


class DoubleWell(GaussianStart):
    """Particles released in one well of V(x) = h ((x_1 / a)^2 - 1)^2 + k / 2 sum_{i > 1} x_i^2; some cross the barrier.

    The motion is exact, in Jacobi's elliptic functions along the first axis (Duffing's oscillator) and in circular ones
    along the others.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    dim : int
        Dimension of space. Default 2.
    barrier : float
        h, height of the barrier, positive [length^2 / time^2]. Default 1.
    distance : float
        a, from the barrier to either minimum, positive [length]. Default 1.
    stiffness : float
        k, of the other axes, positive [1 / time^2]. Default 1.
    width, velocity_width : float
        Standard deviation of the initial positions about the well at x_1 = -a [length] and of the velocities
        [length / time]. Default 0.3 and 1.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    NIST Digital Library of Mathematical Functions, section 22.19(ii), for Duffing's equation.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> wells = wls.systems.DoubleWell(n=5, dim=1, seed=0)
    >>> path = wells.exact([0.0, wells.periods[2]])
    >>> bool(np.allclose(path.positions[0, 2], path.positions[1, 2]))
    True
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        dim: int = 2,
        *,
        barrier: float = 1.0,
        distance: float = 1.0,
        stiffness: float = 1.0,
        width: float = 0.3,
        velocity_width: float = 1.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, width=width, velocity_width=velocity_width, seed=seed)
        self.barrier = check.positive("barrier", barrier)
        self.distance = check.positive("distance", distance)
        self.stiffness = check.positive("stiffness", stiffness)

    @property
    def lagrangian(self) -> Lagrangian:
        """The double well."""
        return Lagrangian(External(laws.DoubleWell(self.barrier, self.distance, self.stiffness)))

    @property
    def periods(self) -> np.ndarray:
        """Period of each particle along the first axis, shape (n,) [time]; infinite if it just reaches the barrier."""
        from scipy.special import ellipk

        orbit = self._orbit()
        return np.where(orbit.crosses, 4.0, 2.0) * ellipk(orbit.m) / orbit.rate

    def _draw(self, rng: np.random.Generator) -> Population:
        cloud = super()._draw(rng)
        cloud.positions[:, 0] -= self.distance
        return cloud

    def _orbit(self) -> _Orbit:
        x, v = self._start
        return _duffing_orbit(x[:, 0] / self.distance, v[:, 0] / self.distance, 4 * self.barrier / self.distance**2)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        x, v = oscillate(*self._start, np.sqrt(self.stiffness), 0.0, time)
        u, du = self._orbit().at(time)
        x[:, 0], v[:, 0] = self.distance * u, self.distance * du
        return x, v


class _Orbit(NamedTuple):
    """Solutions of u'' = lambda (u - u^3): u = A dn(phase + rate t, m) in a well, A cn(...) across the barrier."""

    crosses: np.ndarray
    amplitude: np.ndarray
    rate: np.ndarray
    m: np.ndarray
    phase: np.ndarray

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """u and its derivative at a time."""
        from scipy.special import ellipj

        sn, cn, dn, _ = ellipj(self.phase + self.rate * time, self.m)
        slope = -self.amplitude * self.rate * sn
        return (
            self.amplitude * np.where(self.crosses, cn, dn),
            slope * np.where(self.crosses, dn, self.m * cn),
        )


def _duffing_orbit(u: np.ndarray, du: np.ndarray, strength: float) -> _Orbit:
    """The orbit through u, du at time 0, for lambda = strength."""
    from scipy.special import ellipkinc

    # the square root of the energy by the barrier's, from which the turning points follow: A^2 = 1 + root
    root = np.sqrt(2 * du**2 / strength + (u**2 - 1) ** 2)
    crosses = root >= 1
    amplitude = np.sqrt(1 + root) * np.where(crosses, 1.0, np.sign(u))
    rate = np.sqrt(strength * np.where(crosses, root, 0.5 * (1 + root)))
    m = np.where(crosses, (1 + root) / np.where(crosses, 2 * root, 1.0), 2 * root / (1 + root))
    # The angle am with sn = sin am, cn = cos am, from position and velocity together, which keeps all digits.
    # In a well both are functions of twice the angle; a particle at rest at the bottom may have any.
    shallow = np.where(m > 0, m, 1.0)
    twice = np.arctan2(-2 * du / (amplitude * rate * shallow), 1 - 2 * (1 - (u / amplitude) ** 2) / shallow)
    cn = u / amplitude
    dn = np.sqrt(np.maximum(1 - m + m * cn**2, 1e-300))
    angle = np.where(crosses, np.arctan2(-du / (amplitude * rate * dn), cn), 0.5 * twice)
    moves = (u != 0) | (du != 0)  # what rests on the barrier's top stays there
    return _Orbit(crosses, amplitude * moves, rate, m, ellipkinc(angle, m))
