"""Vortices and what drifts in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals import External, laws
from wlmsim.integrators import GaussLegendre, Integrator
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.incompressible import LambOseenFlow, StreamFlow, VortexFlow
from wlmsim.mechanics.lagrangian import Lagrangian
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
        x = _turned(start, angle)
        return x, self._flow(x)


class _FlowSystem(System):
    """A system of the plane that a flow moves."""

    _flow: Flow

    @property
    def mechanics(self) -> Flow:
        """The flow."""
        return self._flow

    def _moving(self, positions: np.ndarray) -> Population:
        """The population at these positions, at time 0."""
        weights = check.weights("weights", None, len(positions))
        return Population(positions, self._flow.velocity(positions, weights, 0.0))


class PointVortices(_FlowSystem):
    """Point vortices that carry each other, a Hamiltonian system of first order.

    See `wlmsim.VortexFlow` for its equations and for what it conserves. The default scheme is `GaussLegendre` of order
    4, which keeps both impulses to rounding and the Hamiltonian in bounds for all times; it asks for steps shorter
    than the turnover of the closest pair, (d^2 + delta^2) 2 pi / Gamma.

    Parameters
    ----------
    n : int
        Number of vortices. Default 100.
    circulations : sequence of n floats, optional
        Gamma of each vortex, of either sign [length^2 / time]. Default: 1 / n each.
    core : float
        delta, at least 0; 0 is the singular law [length]. Default 0.1.
    positions : array_like, shape (n, 2), optional
        Where the vortices start [length]. Default: drawn from a Gaussian about the origin.
    width : float
        Standard deviation of that Gaussian, positive [length]. Default 1.
    seed : int, optional
        Seed of the initial population.

    Raises
    ------
    ParameterError
        If two singular vortices start in the same place.

    Examples
    --------
    >>> import wlmsim as wls
    >>> dipole = wls.systems.PointVortices(2, circulations=[1.0, -1.0], positions=[[0.0, 0.5], [0.0, -0.5]], core=0)
    >>> dipole.simulate([0.0, 3.14159]).positions[1].round(4)  # moves on at Gamma / (2 pi d)
    array([[ 0.5,  0.5],
           [ 0.5, -0.5]])
    """

    def __init__(
        self,
        n: int = 100,
        *,
        circulations: Sequence[float] | None = None,
        core: float = 0.1,
        positions: Sequence[Sequence[float]] | None = None,
        width: float = 1.0,
        seed: int | None = None,
    ):
        super().__init__(n, 2, seed)
        self._flow: VortexFlow = VortexFlow(np.full(n, 1.0 / n) if circulations is None else circulations, core)
        self.circulations = None if circulations is None else self._flow.circulations
        if len(self._flow.circulations) != n:
            raise check.fail("circulations", f"an array of shape ({n},)", self._flow.circulations)
        self.core = self._flow.core
        self.positions = None if positions is None else check.cloud("positions", positions, shape=(n, 2))
        if self.positions is not None and core == 0 and len(np.unique(self.positions, axis=0)) < n:
            raise ParameterError("`positions` must differ for vortices without a core; got two in the same place")
        self.width = check.positive("width", width)

    @property
    def mechanics(self) -> VortexFlow:
        """The flow, which knows the conserved quantities."""
        return self._flow

    def _integrator(self) -> Integrator:
        return GaussLegendre()

    def _draw(self, rng: np.random.Generator) -> Population:
        drawn = self.width * rng.standard_normal((self.n, 2))
        return self._moving(drawn if self.positions is None else self.positions)


class VortexPolygon(_FlowSystem):
    """Equal point vortices at the corners of a regular polygon, which turns rigidly; two of them are the vortex pair.

    Each is carried at Omega = Gamma / (2 pi) sum over the others of (1 - cos theta_j) / (d_j^2 + delta^2), which
    without core is Gamma (n - 1) / (4 pi R^2). Up to seven stay so when disturbed, more leave.

    Parameters
    ----------
    n : int
        Number of vortices, at least 2. Default 5.
    circulation : float
        Gamma of each vortex [length^2 / time]. Default 1.
    radius : float
        R, positive [length]. Default 1.
    core : float
        delta, at least 0 [length]. Default 0.
    seed : int, optional
        Seed of the orientation.

    References
    ----------
    J. J. Thomson, A Treatise on the Motion of Vortex Rings (1883); P. G. Saffman, Vortex Dynamics (1992), section 7.4.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> pair = wls.systems.VortexPolygon(2, radius=0.5, seed=0)
    >>> bool(np.isclose(pair.angular_velocity, 2 / (2 * np.pi)))
    True
    """

    has_exact = True

    def __init__(
        self,
        n: int = 5,
        *,
        circulation: float = 1.0,
        radius: float = 1.0,
        core: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__(check.integer("n", n, least=2), 2, seed)
        self.circulation = check.real("circulation", circulation)
        self.radius = check.positive("radius", radius)
        self._flow: VortexFlow = VortexFlow(np.full(n, self.circulation), core)
        self.core = self._flow.core

    @property
    def angular_velocity(self) -> float:
        """Omega [1 / time]."""
        rise = 1 - np.cos(2 * np.pi * np.arange(1, self.n) / self.n)
        return float(self.circulation / (2 * np.pi) * (rise / (2 * self.radius**2 * rise + self.core**2)).sum())

    def _integrator(self) -> Integrator:
        return GaussLegendre()

    def _draw(self, rng: np.random.Generator) -> Population:
        angles = 2 * np.pi * (np.arange(self.n) / self.n + rng.random())
        return self._moving(self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        x = _turned(self.population.positions, self.angular_velocity * time)
        return x, self.angular_velocity * _turned(x, np.pi / 2)


class LambOseenDrifters(_FlowSystem):
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
        self._flow = LambOseenFlow(circulation, viscosity, age)
        self.circulation, self.viscosity, self.age = circulation, viscosity, age
        self.release = check.cloud("release", [release], shape=(1, 2))[0]
        self.width = check.positive("width", width)

    def _draw(self, rng: np.random.Generator) -> Population:
        return self._moving(self.release + self.width * rng.standard_normal((self.n, 2)))

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
        x = _turned(start, angle)
        return x, self._flow.velocity(x, self.population.weights, time)


class TaylorGreenDrifters(_FlowSystem):
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
        self._flow: StreamFlow = StreamFlow(laws.TaylorGreen(speed, wavenumber, viscosity))
        self.speed, self.wavenumber, self.viscosity = speed, wavenumber, viscosity

    @property
    def mechanics(self) -> StreamFlow:
        """The flow."""
        return self._flow

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


class DoubleGyreDrifters(_FlowSystem):
    """Passive drifters in two gyres between walls that sway, the standard example of chaotic mixing.

    Released evenly over the basin [0, 2] x [0, 1], which none leaves.

    Parameters
    ----------
    n : int
        Number of drifters. Default 1000.
    amplitude, sway, frequency : float
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
        sway: float = 0.25,
        frequency: float = 2 * np.pi / 10,
        seed: int | None = None,
    ):
        super().__init__(n, 2, seed)
        self._flow: StreamFlow = StreamFlow(laws.DoubleGyre(amplitude, sway, frequency))
        self.amplitude, self.sway, self.frequency = amplitude, sway, frequency

    @property
    def mechanics(self) -> StreamFlow:
        """The flow."""
        return self._flow

    def _draw(self, rng: np.random.Generator) -> Population:
        return self._moving(rng.uniform(0, (2, 1), (self.n, 2)))


def _turned(x: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Points of the plane turned about the origin, anticlockwise."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * x[:, 0] - s * x[:, 1], s * x[:, 0] + c * x[:, 1]], axis=1)
