"""Vortices and what drifts in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import External, laws
from wlmsim.lagrangian import Lagrangian
from wlmsim.population import Population
from wlmsim.systems.base import System


class VortexDrifters(System):
    """A patch of passive drifters released in a Kaufmann vortex, which shears it into a spiral.

    The fluid swirls with angular velocity Omega(r) = Omega_0 a^2 / (a^2 + r^2). Its pressure is the potential: a
    drifter that starts with the velocity of the fluid stays with it, on the exact circle
    x(t) = R(Omega(|x_0|) t) x_0.

    Parameters
    ----------
    n : int
        Number of drifters. Default 1000.
    rotation : float
        Omega_0 [1 / time]. Default 1.
    core : float
        a, positive [length]. Default 1.
    release : sequence of 2 floats
        Centre of the patch where the drifters are released [length]. Default (1.5, 0).
    width : float
        Standard deviation of the patch, positive [length]. Default 0.3.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    See `wlmsim.laws.VortexPressure`.
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        *,
        rotation: float = 1.0,
        core: float = 1.0,
        release: Sequence[float] = (1.5, 0.0),
        width: float = 0.3,
        seed: int | None = None,
    ):
        super().__init__(n, 2, seed)
        self.pressure = laws.VortexPressure(rotation, core)
        self.rotation, self.core = rotation, core
        self.release = check.cloud("release", [release], shape=(1, 2))[0]
        self.width = check.positive("width", width)

    @property
    def lagrangian(self) -> Lagrangian:
        """The vortex's pressure as external potential."""
        return Lagrangian(External(self.pressure))

    def _draw(self, rng: np.random.Generator) -> Population:
        positions = self.release + self.width * rng.standard_normal((self.n, 2))
        return Population(positions, self._flow(positions))

    def _flow(self, x: np.ndarray) -> np.ndarray:
        """Velocity of the fluid at x."""
        omega = self.pressure.angular_velocity((x**2).sum(-1, keepdims=True))
        return omega * np.stack([-x[:, 1], x[:, 0]], axis=1)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        start = self.population.positions
        angle = self.pressure.angular_velocity((start**2).sum(-1)) * time
        c, s = np.cos(angle), np.sin(angle)
        x = np.stack([c * start[:, 0] - s * start[:, 1], s * start[:, 0] + c * start[:, 1]], axis=1)
        return x, self._flow(x)
