"""Point vortices that carry each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.integrators import GaussLegendre, Integrator
from wlmsim.mechanics.incompressible import VortexFlow
from wlmsim.systems.plane_flow import PlaneFlowSystem, rotated


class _VortexSystem(PlaneFlowSystem[VortexFlow]):
    """Point vortices, whose flow knows the quantities that it conserves."""

    def _integrator(self, noise: np.random.Generator) -> Integrator:
        return GaussLegendre()


class PointVortices(_VortexSystem):
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
        self._flow = VortexFlow(np.full(n, 1.0 / n) if circulations is None else circulations, core)
        self.circulations = None if circulations is None else self._flow.circulations
        if len(self._flow.circulations) != n:
            raise check.fail("circulations", f"an array of shape ({n},)", self._flow.circulations)
        self.core = self._flow.core
        self.positions = None if positions is None else check.cloud("positions", positions, shape=(n, 2))
        if self.positions is not None and core == 0 and len(np.unique(self.positions, axis=0)) < n:
            raise ParameterError("`positions` must differ for vortices without a core; got two in the same place")
        self.width = check.positive("width", width)

    def _draw(self, rng: np.random.Generator) -> Population:
        drawn = self.width * rng.standard_normal((self.n, 2))
        return self._moving(drawn if self.positions is None else self.positions)


class VortexPolygon(_VortexSystem):
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
        self._flow = VortexFlow(np.full(n, self.circulation), core)
        self.core = self._flow.core

    @property
    def angular_velocity(self) -> float:
        """Omega [1 / time]."""
        rise = 1 - np.cos(2 * np.pi * np.arange(1, self.n) / self.n)
        return float(self.circulation / (2 * np.pi) * (rise / (2 * self.radius**2 * rise + self.core**2)).sum())

    def _draw(self, rng: np.random.Generator) -> Population:
        angles = 2 * np.pi * (np.arange(self.n) / self.n + rng.random())
        return self._moving(self.radius * np.stack([np.cos(angles), np.sin(angles)], axis=1))

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        x = rotated(self.population.positions, self.angular_velocity * time)
        return x, self.angular_velocity * rotated(x, np.pi / 2)
