"""Incompressible flows of the plane: by a stream function, or by point vortices."""

from __future__ import annotations

from typing import Any

import numpy as np
from array_api_compat import array_namespace

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals import tracing
from wlmsim.functionals.binding import bound
from wlmsim.functionals.external import as_scalar, external_pieces
from wlmsim.functionals.laws import Law, PointVortex
from wlmsim.functionals.pairwise import pair_pieces
from wlmsim.functionals.pieces import Piece
from wlmsim.mechanics.flow import Flow


class StreamFlow(Flow):
    """Incompressible flow of the plane by its stream function, u = (dpsi/dy, -dpsi/dx).

    A Hamiltonian system for each drifter: psi is the Hamiltonian, x and y are conjugate. Drifters of a steady flow
    stay on their streamline.

    Parameters
    ----------
    law : callable
        psi as a function of ``(x, xp)``, or of ``(x, t, xp)`` for an unsteady flow, written with the functions of
        the array namespace `xp` [length^2 / time]. Named ones: `laws.TaylorGreen`, `laws.DoubleGyre`.
        What it reads is looked at in every evaluation.

    Raises
    ------
    ParameterError
        If the law cannot be differentiated in the plane.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> rotation = wls.StreamFlow(lambda x, xp: -0.5 * (x**2).sum(-1))
    >>> path = wls.simulate(rotation, wls.Population([[1.0, 0.0]]), [0.0, np.pi / 2], dt=0.01)
    >>> bool(np.allclose(path.positions[-1], [[0.0, 1.0]]))
    True
    """

    def __init__(self, law: Law):
        tracing.probe_external(law, dim=2)
        self.law = law

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """(dpsi/dy, -dpsi/dx) at each drifter."""
        from wlmsim.kernels import laws, threads

        _check_plane(positions)
        law, positions = tracing.compile_external(self.law, 2), check.array("positions", positions)
        with threads.threads_for(len(positions)):
            descent = bound(laws.external_force, law.gradient)(positions, float(time), law.parameters)
        return np.stack([-descent[:, 1], descent[:, 0]], axis=1)

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """-grad psi, turned, as compiled code."""
        return _turned(external_pieces(self.law, len(weights), dim)) if dim == 2 else None

    def stream_function(self, positions: Any, time: Any = 0.0) -> Any:
        """Stream function psi at each of (n, 2) positions, shape (n,) [length^2 / time]; they may be tensors."""
        xp = np if isinstance(positions, np.ndarray) else array_namespace(positions)
        return self.law(positions, time, xp) if tracing.takes_time(self.law) else self.law(positions, xp)

    def energy(self, population: Population) -> float:
        """Mean of the stream function over the population, which a steady flow conserves."""
        return float(population.weights @ self.stream_function(population.positions, population.time))

    def __repr__(self) -> str:
        return f"StreamFlow({tracing.name_of(self.law)})"

    def _repr_latex_(self) -> str:
        law = getattr(self.law, "latex", r"\psi(x, t)")
        return rf"$\dot{{x}} = (\partial_y \psi, -\partial_x \psi), \quad \psi = {law}$"


class VortexFlow(Flow):
    """Point vortices that carry each other, u_i = sum over j of Gamma_j / (2 pi) J (x_i - x_j) / (r^2 + delta^2).

    J is the quarter turn anticlockwise. A Hamiltonian system: with the energy H = sum over pairs of
    Gamma_i Gamma_j psi(r), psi the law `wlmsim.laws.PointVortex`, it reads Gamma_i dx_i/dt = dH/dy_i and
    Gamma_i dy_i/dt = -dH/dx_i. It conserves H, the linear impulse and the angular impulse. The particles' weights
    play no part; a particle without circulation is a passive drifter.

    Parameters
    ----------
    circulations : array_like, shape (n,)
        Gamma of each vortex, of either sign; positive ones turn anticlockwise [length^2 / time].
    core : float
        delta, at least 0 [length]. It makes the law regular: the swirl is fastest at r = delta. Without it (the
        default, 0) the swirl grows without bound between vortices that come close, and two in the same place do not
        move each other.

    Notes
    -----
    The impulses are quadratic in the positions, so that schemes like `GaussLegendre` conserve them to rounding, and
    being symplectic keep H in bounds for all times.

    References
    ----------
    P. G. Saffman, Vortex Dynamics (1992), chapter 7; H. Aref, Annu. Rev. Fluid Mech. 15, 345 (1983).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> pair = wls.VortexFlow([1.0, 1.0])
    >>> start = wls.Population([[0.5, 0.0], [-0.5, 0.0]])
    >>> half_turn = np.pi / (2 / (2 * np.pi))  # the angular velocity is (Gamma_1 + Gamma_2) / (2 pi d^2)
    >>> path = wls.simulate(pair, start, [0.0, half_turn], dt=0.1, integrator=wls.GaussLegendre())
    >>> bool(np.allclose(path.positions[-1], -start.positions, atol=1e-6))
    True
    """

    def __init__(self, circulations: Any, core: float = 0.0):
        self.circulations = check.finite("circulations", check.array("circulations", circulations))
        if self.circulations.ndim != 1 or len(self.circulations) == 0:
            raise check.fail("circulations", "a non-empty array of shape (n,)", self.circulations)
        self.law = PointVortex(core)
        self.core = self.law.core

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Velocity of each vortex in the field of the others."""
        from wlmsim.kernels import threads, vortices

        self._check(positions)
        positions = check.array("positions", positions)
        with threads.threads_for(len(positions) ** 2):
            return vortices.vortex_velocity(positions, self.circulations, self.core**2)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """The same in any namespace; circulations and core may be tensors."""
        self._check(positions)
        gamma = xp.stack([as_scalar(each, positions, xp) for each in self.circulations])
        away = positions[:, None] - positions[None]
        r2 = (away**2).sum(-1) + self.core**2
        rate = xp.where(r2 > 0, gamma / (2 * np.pi * xp.where(r2 > 0, r2, xp.ones_like(r2))), xp.zeros_like(r2))
        return xp.stack([-(rate * away[..., 1]).sum(-1), (rate * away[..., 0]).sum(-1)], axis=1)

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """-sum over j of Gamma_j grad psi(|x_i - x_j|), turned, as compiled code."""
        fits = dim == 2 and len(weights) == len(self.circulations)
        return _turned(pair_pieces(self.law, self.circulations, dim)) if fits else None

    def energy(self, population: Population) -> float:
        """H = sum over pairs of Gamma_i Gamma_j psi(|x_i - x_j|) [length^4 / time^2], conserved."""
        from wlmsim.kernels import threads, vortices

        self._check(population.positions)
        with threads.threads_for(len(population) ** 2):
            energy = vortices.vortex_energy(population.positions, self.circulations, self.core**2)
        if not np.isfinite(energy):
            raise ParameterError(
                "vortices in the same place have no finite energy: give `VortexFlow` a positive `core`"
            )
        return energy

    def impulse(self, population: Population) -> np.ndarray:
        """Linear impulse, sum of Gamma_i (y_i, -x_i), shape (2,) [length^3 / time], conserved."""
        self._check(population.positions)
        x, y = self.circulations @ population.positions
        return np.array([y, -x])

    def angular_impulse(self, population: Population) -> float:
        """Angular impulse, -1/2 sum of Gamma_i |x_i|^2 [length^4 / time], conserved."""
        self._check(population.positions)
        return float(-0.5 * self.circulations @ (population.positions**2).sum(-1))

    def _check(self, positions: np.ndarray) -> None:
        _check_plane(positions)
        if len(positions) != len(self.circulations):
            raise ParameterError(
                f"`circulations` must be one for each vortex; got {len(self.circulations)} for {len(positions)}"
            )

    def __repr__(self) -> str:
        n = len(self.circulations)
        return f"VortexFlow({n} vortices, total circulation {self.circulations.sum():g}, core={self.core:g})"

    def _repr_latex_(self) -> str:
        motion = r"\Gamma_i \dot{x}_i = \partial_{y_i} H, \; \Gamma_i \dot{y}_i = -\partial_{x_i} H"
        energy = rf"H = \sum_{{i < j}} \Gamma_i \Gamma_j \psi(|x_i - x_j|), \; \psi = {self.law.latex}"
        return rf"${motion}, \quad {energy}$"


class LambOseenFlow(Flow):
    """A vortex that viscosity spreads, u = Omega J x with 2 pi r^2 Omega = Gamma (1 - exp(-r^2 / (4 nu (t_0 + t)))).

    The solution of the Navier-Stokes equations that starts from a point vortex at time -t_0.

    Parameters
    ----------
    circulation : float
        Gamma; positive turns anticlockwise [length^2 / time]. Default 2 pi.
    viscosity : float
        nu, positive [length^2 / time]. Default 0.1.
    age : float
        t_0, positive; the core at time 0 is 2 sqrt(nu t_0) wide [time]. Default 1.

    References
    ----------
    C. W. Oseen, Ark. Mat. Astron. Fys. 7, 14 (1911); P. G. Saffman, Vortex Dynamics (1992), section 13.1.
    """

    def __init__(self, circulation: float = 2 * np.pi, viscosity: float = 0.1, age: float = 1.0):
        self.circulation = check.real("circulation", circulation)
        self.viscosity = check.positive("viscosity", viscosity)
        self.age = check.positive("age", age)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Omega(|x|, t) J x."""
        _check_plane(positions)
        width2 = 4 * self.viscosity * (self.age + time)
        s = (positions**2).sum(-1)[:, None] / width2
        # (1 - exp(-s)) / s, which is 1 at the centre
        away = xp.where(s > 0, s, xp.ones_like(s))
        profile = xp.where(s > 0, -xp.expm1(-away) / away, xp.ones_like(s))
        rate = self.circulation / (2 * np.pi * width2) * profile
        return rate * xp.stack([-positions[:, 1], positions[:, 0]], axis=1)

    def __repr__(self) -> str:
        return f"LambOseenFlow(circulation={self.circulation:g}, viscosity={self.viscosity:g}, age={self.age:g})"


def _turned(pieces: tuple[Piece, ...] | None) -> tuple[Piece, ...] | None:
    """Pieces of a velocity along streamlines, of those of the descent across them."""
    from wlmsim.kernels.pieces import turn

    return None if pieces is None else (*pieces, Piece(turn, (), (), 0))


def _check_plane(positions: np.ndarray) -> None:
    if positions.shape[1] != 2:
        raise ParameterError(f"this flow is of the plane; got positions in {positions.shape[1]} dimensions")
