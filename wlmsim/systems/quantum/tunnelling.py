"""A packet and a barrier."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import laws
from wlmsim.functionals.laws import Law
from wlmsim.systems.quantum.base import QuantumSystem


class Tunnelling(QuantumSystem):
    """A packet on a line that meets an Eckart barrier, V = V_0 / cosh^2(x / a), and splits.

    Particles at the front of the packet pass, those behind are turned back; none overtakes another. By the methods
    without a wave the share that passes is approximate: interference before the barrier has nodes.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    height : float
        V_0 [length^2 / time^2]; negative for a well. Default 1.25.
    thickness : float
        a, positive [length]. Default 0.5.
    velocity : float
        Mean velocity of the packet, positive [length / time]. Default 1.5, of energy 1.125.
    width : float
        Standard deviation of |psi|^2 at the start, positive [length]. Default 2.
    distance : float
        Distance of the packet from the barrier at the start, positive [length]. Default 12.
    method : {"pilot", "worlds", "fluid"}
        What moves the population, see `QuantumSystem`. Default "pilot".
    bandwidth : float, optional
        Bandwidth of the fluid, see `QuantumSystem`.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    C. Eckart, Phys. Rev. 35, 1303 (1930); C. Dewdney and B. J. Hiley, Found. Phys. 12, 27 (1982).
    """

    def __init__(
        self,
        n: int = 1000,
        *,
        hbar: float = 1.0,
        height: float = 1.25,
        thickness: float = 0.5,
        velocity: float = 1.5,
        width: float = 2.0,
        distance: float = 12.0,
        method: str = "pilot",
        bandwidth: float | None = None,
        seed: int | None = None,
    ):
        super().__init__(n, 1, hbar=hbar, method=method, bandwidth=bandwidth, seed=seed)
        self.height = check.real("height", height)
        self.thickness = check.positive("thickness", thickness)
        self.velocity = check.positive("velocity", velocity)
        self.width = check.positive("width", width)
        self.distance = check.positive("distance", distance)
        self._centre = np.array([-self.distance])
        self._width = np.array([self.width])
        self._velocity = np.array([self.velocity])

    @property
    def potential(self) -> Law:  # type: ignore[override]
        """The barrier."""
        return laws.Eckart(self.height, self.thickness)

    @property
    def _rate(self) -> float:
        return (0.5 * self.velocity**2 + abs(self.height)) / self.hbar

    @property
    def _wavenumber(self) -> np.ndarray:
        # a well speeds the packet up; edges of the barrier admit wave numbers of its inverse thickness
        fastest = np.sqrt(self.velocity**2 + 2 * max(0.0, -self.height))
        return np.array([fastest / self.hbar + 3 / self.width + 3 / self.thickness])

    def transmission(self) -> float:
        """Probability that the particle passes the barrier, in the end: exact [dimensionless].

        The integral over the packet's wave numbers k > 0 of
        T(k) = sinh^2(pi k a) / (sinh^2(pi k a) + cosh^2(pi / 2 sqrt(8 V_0 a^2 / hbar^2 - 1))).
        """
        mean, spread = self.velocity / self.hbar, 1 / (2 * self.width)
        k = np.linspace(max(0.0, mean - 9 * spread), mean + 9 * spread, 4001)
        share = np.exp(-0.5 * ((k - mean) / spread) ** 2) / (np.sqrt(2 * np.pi) * spread)
        depth = 8 * self.height * (self.thickness / self.hbar) ** 2 - 1
        # in ratio to cosh^2(pi k a), which would overflow; a cosine where the argument is imaginary
        across = np.pi * k * self.thickness
        angle = np.pi / 2 * np.sqrt(abs(depth))
        if depth > 0:
            log_barrier = 2 * (np.logaddexp(angle, -angle) - np.logaddexp(across, -across))
            barrier = np.exp(np.minimum(log_barrier, 700.0))
        else:
            barrier = (np.cos(angle) / np.cosh(np.minimum(across, 300.0))) ** 2
        passed = np.tanh(across) ** 2
        return min(1.0, float(np.trapezoid(share * passed / np.maximum(passed + barrier, 1e-300), k)))
