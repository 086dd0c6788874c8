"""Passive drifters in vortices and other flows of the plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.functionals import External, laws
from wlmsim.mechanics.incompressible import LambOseenFlow, StreamFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System
from wlmsim.systems.plane_flow import PlaneFlowSystem, rotated


class _DriftersFromPatch(System):
    """Drifters that are released in a Gaussian patch of the plane."""

    def _set_patch(self, release: Sequence[float], width: float) -> None:
        """Check and keep the centre and the standard deviation of the patch."""
        self.release = check.cloud("release", [release], shape=(1, 2))[0]
        self.width = check.positive("width", width)

    def _draw_patch(self, rng: np.random.Generator) -> np.ndarray:
        """Draw initial positions."""
        return self.release + self.width * rng.standard_normal((self.n, 2))


class VortexDrifters(_DriftersFromPatch):
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
        self._set_patch(release, width)
        self.pressure = laws.VortexPressure(rotation, core)
        self.rotation, self.core = rotation, core

    @property
    def lagrangian(self) -> Lagrangian:
        """The vortex's pressure as external potential."""
        return Lagrangian(External(self.pressure))

    def _draw(self, rng: np.random.Generator) -> Population:
        positions = self._draw_patch(rng)
        return Population(positions, self._flow(positions))

    def _flow(self, x: np.ndarray) -> np.ndarray:
        """Velocity of the fluid at x."""
        omega = self.pressure.angular_velocity((x**2).sum(-1, keepdims=True))
        return omega * np.stack([-x[:, 1], x[:, 0]], axis=1)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        start = self.population.positions
        angle = self.pressure.angular_velocity((start**2).sum(-1)) * time
        x = rotated(start, angle)
        return x, self._flow(x)


class LambOseenDrifters(PlaneFlowSystem[LambOseenFlow], _DriftersFromPatch):
    """A patch of passive drifters about a vortex that viscosity spreads: exact circles, ever slower.

    The angle turned in a time t has a closed form by the exponential integral.

    Parameters
    ----------
    n : int
        Number of drifters. Default 1000.
    circulation, viscosity, age : float
        As of `wlmsim.LambOseenFlow`. Default 2 pi, 0.1 and 1.
    release : sequence of 2 floats
        Centre of the patch where the drifters are released [length]. Default (0.5, 0).
    width : float
        Standard deviation of the patch, positive [length]. Default 0.1.
    seed : int, optional
        Seed of the initial population.
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        *,
        circulation: float = 2 * np.pi,
        viscosity: float = 0.1,
        age: float = 1.0,
        release: Sequence[float] = (0.5, 0.0),
        width: float = 0.1,
        seed: int | None = None,
    ):
        super().__init__(n, 2, seed)
        self._set_patch(release, width)
        self._flow = LambOseenFlow(circulation, viscosity, age)
        self.circulation, self.viscosity, self.age = circulation, viscosity, age

    def _draw(self, rng: np.random.Generator) -> Population:
        return self._moving(self._draw_patch(rng))

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        from scipy.special import exp1

        start = self.population.positions
        r2 = (start**2).sum(-1)
        angle = np.zeros(self.n)
        moving = r2 > 0
        a = r2[moving] / (4 * self.viscosity)

        def swept(age: float) -> np.ndarray:
            """Integral of 1 - exp(-a / age)."""
            return -age * np.expm1(-a / age) + a * exp1(a / age)

        travelled = swept(self.age + time) - swept(self.age)
        angle[moving] = self.circulation / (2 * np.pi * r2[moving]) * travelled
        x = rotated(start, angle)
        return x, self._flow.velocity(x, self.population.weights, time)


class TaylorGreenDrifters(PlaneFlowSystem[StreamFlow]):
    """Passive drifters in Taylor's lattice of vortices, steady or decaying, released evenly over a period.

    Each stays in its cell and on its streamline psi = const, about which it goes as Jacobi's elliptic functions say:
    with c = sin(k x) sin(k y) and m = 1 - c^2, cos(k x) = sqrt(m) sn(phi, m) and cos(k y) = sqrt(m) cd(phi, m), where
    phi falls at the rate k U (in cells that turn anticlockwise, it rises). Decay slows down time alone.

    Parameters
    ----------
    n : int
        Number of drifters. Default 1000.
    speed, wavenumber, viscosity : float
        As of `wlmsim.laws.TaylorGreen`. Default 1, 1 and 0.
    seed : int, optional
        Seed of the initial population.
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        *,
        speed: float = 1.0,
        wavenumber: float = 1.0,
        viscosity: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__(n, 2, seed)
        self._flow = StreamFlow(laws.TaylorGreen(speed, wavenumber, viscosity))
        self.speed, self.wavenumber, self.viscosity = speed, wavenumber, viscosity

    def _draw(self, rng: np.random.Generator) -> Population:
        return self._moving(rng.uniform(0, 2 * np.pi / self.wavenumber, (self.n, 2)))

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        from scipy.special import ellipj, ellipkinc

        k, rate = self.wavenumber, 2 * self.viscosity * self.wavenumber**2
        slowed = -np.expm1(-rate * time) / rate if rate else time
        cell, inside = np.divmod(k * self.population.positions, np.pi)
        sense = 1 - 2 * (cell.sum(-1) % 2)
        (sx, sy), (cx, cy) = np.sin(inside).T, np.cos(inside).T
        root = np.sqrt(cx**2 + (sx * cy) ** 2)
        phase = ellipkinc(np.arctan2(cx, cy * sx), root**2) - sense * k * self.speed * slowed
        sn, cn, dn, _ = ellipj(phase, root**2)
        inside = np.stack([np.arctan2(dn, root * sn), np.arctan2(sx * sy, root * cn)], axis=1)
        x = (cell * np.pi + inside) / k
        return x, self._flow.velocity(x, self.population.weights, time)


class DoubleGyreDrifters(PlaneFlowSystem[StreamFlow]):
    """Passive drifters in two gyres between walls that oscillate, the standard example of chaotic mixing.

    Released evenly over the basin [0, 2] x [0, 1], which none leaves.

    Parameters
    ----------
    n : int
        Number of drifters. Default 1000.
    amplitude, oscillation, frequency : float
        As of `wlmsim.laws.DoubleGyre`. Default 0.1, 0.25 and 2 pi / 10.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    See `wlmsim.laws.DoubleGyre`.
    """

    def __init__(
        self,
        n: int = 1000,
        *,
        amplitude: float = 0.1,
        oscillation: float = 0.25,
        frequency: float = 2 * np.pi / 10,
        seed: int | None = None,
    ):
        super().__init__(n, 2, seed)
        self._flow = StreamFlow(laws.DoubleGyre(amplitude, oscillation, frequency))
        self.amplitude, self.oscillation, self.frequency = amplitude, oscillation, frequency

    def _draw(self, rng: np.random.Generator) -> Population:
        return self._moving(rng.uniform(0, (2, 1), (self.n, 2)))
