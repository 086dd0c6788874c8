"""Interference behind two slits."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.systems.quantum.base import LATTICE_HALF_WIDTH, QuantumSystem
from wlmsim.systems.quantum.gaussian import GaussianMotion

BISECTIONS = 60


class DoubleSlit(QuantumSystem):
    """A packet that leaves two slits with Gaussian profiles, in the plane: Bohm's trajectories gather in fringes.

    Axis 0 is the direction of flight, axis 1 lies across the slits. At late times the fringes are 2 pi hbar t / s
    apart, s the separation of the slits. No particle crosses the plane of symmetry. Along each axis the share of the
    probability on either side of a particle is constant, which gives the exact trajectories.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    separation : float
        s, the distance between the centres of the slits, positive [length]. Default 4.
    slit_width : float
        Standard deviation of |psi|^2 behind each slit, across it, positive [length]. Default 0.25.
    length : float
        Standard deviation of the packet in the direction of flight, positive [length]. Default 1.
    velocity : float
        Velocity of flight [length / time]. Default 4.
    method : {"pilot", "fluid"}
        What moves the population, see `QuantumSystem`. A fluid without nodes has no fringes but the first: for
        comparison. Default "pilot".
    bandwidth : float, optional
        Bandwidth of the fluid, see `QuantumSystem`.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    C. Philippidis, C. Dewdney, B. J. Hiley, Nuovo Cimento B 52, 15 (1979).
    """

    has_exact = True
    methods = ("pilot", "fluid")

    def __init__(
        self,
        n: int = 1000,
        *,
        hbar: float = 1.0,
        separation: float = 4.0,
        slit_width: float = 0.25,
        length: float = 1.0,
        velocity: float = 4.0,
        method: str = "pilot",
        bandwidth: float | None = None,
        seed: int | None = None,
    ):
        super().__init__(n, 2, hbar=hbar, method=method, bandwidth=bandwidth, seed=seed)
        self.separation = check.positive("separation", separation)
        self.slit_width = check.positive("slit_width", slit_width)
        self.length = check.positive("length", length)
        self.velocity = check.real("velocity", velocity)
        self._centre = np.zeros(2)
        self._width = np.array([self.length, self.slit_width])
        self._velocity = np.array([self.velocity, 0.0])

    def fringe_spacing(self, time: float) -> float:
        """Distance between neighbouring fringes long after the slits, 2 pi hbar t / s [length]."""
        return 2 * np.pi * self.hbar * check.nonnegative("time", time) / self.separation

    @property
    def _rate(self) -> float:
        return float(self.hbar * (1 / (2 * self._width**2)).max())

    @property
    def _box(self) -> np.ndarray:
        return LATTICE_HALF_WIDTH * self._width + np.array([0.0, self.separation / 2])

    def _initial(self, x: np.ndarray) -> np.ndarray:
        return np.exp(self._flight(0.0).logarithm(x[..., 0])) * self._across(x[..., 1], 0.0)[0]

    def _quantiles(self, shares: np.ndarray) -> np.ndarray:
        x = super()._quantiles(shares)
        tail = np.minimum(shares[:, 1], 1 - shares[:, 1])
        x[:, 1] = np.sign(shares[:, 1] - 0.5) * self._distance_of(tail, 0.0)
        return x

    # the exact wave: a Gaussian along the flight, two of them across

    def _flight(self, time: float) -> GaussianMotion:
        zero = np.zeros(())
        return GaussianMotion(time, zero, np.array(self.velocity), np.array(self.length), self.hbar, zero)

    def _slit(self, time: float) -> GaussianMotion:
        """The wave behind the upper slit; the lower one is its mirror image."""
        zero = np.zeros(())
        centre, width = np.array(self.separation / 2), np.array(self.slit_width)
        return GaussianMotion(time, centre, zero, width, self.hbar, zero)

    def _across(self, y: np.ndarray, time: float) -> tuple[np.ndarray, np.ndarray]:
        """The wave across the slits, up to its norm, and its derivative over itself."""
        slit = self._slit(time)
        upper, lower = slit.logarithm(y), slit.logarithm(-y)
        # relative to the larger of the two, so that far out neither underflows
        scale = np.maximum(upper.real, lower.real)
        a, b = np.exp(upper - scale), np.exp(lower - scale)
        return (a + b) * np.exp(scale), (a * slit.log_slope(y) - b * slit.log_slope(-y)) / (a + b)

    def _tail(self, y: np.ndarray, time: float) -> np.ndarray:
        """Probability above y >= 0 across the slits, in closed form."""
        from scipy.special import ndtr, wofz

        slit = self._slit(time)
        d, sigma = self.separation / 2, float(slit.width)
        # |psi|^2 is the mean of two Gaussians and of one at the middle times exp(-d^2 / 2 sigma^2) cos(turn y)
        turn = 2 * d * float(slit.expansion) / self.hbar
        below = wofz((1j * y - turn * sigma**2) / (np.sqrt(2) * sigma))
        cross = 0.5 * (np.exp(-((y**2 + d**2) / (2 * sigma**2)) - 1j * turn * y) * below).real
        whole = 1 + np.exp(-(d**2) / (2 * sigma**2) - 0.5 * (turn * sigma) ** 2)
        return (0.5 * (ndtr((d - y) / sigma) + ndtr(-(d + y) / sigma)) + cross) / whole

    def _distance_of(self, tail: np.ndarray, time: float) -> np.ndarray:
        """The y >= 0 with the given probability above it, by bisection."""
        low = np.zeros_like(tail)
        high = np.full_like(tail, self.separation / 2 + 38 * float(self._slit(time).width))
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            inside = self._tail(middle, time) > tail
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        return 0.5 * (low + high)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        start, flight = self.population.positions, self._flight(time)
        away = start[:, 0] * (flight.width / self.length)
        across = np.sign(start[:, 1]) * self._distance_of(self._tail(np.abs(start[:, 1]), 0.0), time)
        slope = self._across(across, time)[1]
        positions = np.stack([flight.q + away, across], axis=1)
        return positions, np.stack([flight.p + away * flight.expansion, self.hbar * slope.imag], axis=1)
