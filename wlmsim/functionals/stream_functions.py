"""Stream functions of the plane, u = (dpsi/dy, -dpsi/dx), for `StreamFlow`; part of `wlmsim.laws`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from wlmsim import _validation as check

__all__ = ["DoubleGyre", "PointVortex", "TaylorGreen"]


@dataclass(frozen=True)
class PointVortex:
    """Stream function of a vortex of unit circulation, psi(r) = -log(r^2 + delta^2) / (4 pi), anticlockwise.

    Its swirl is u_theta = r / (2 pi (r^2 + delta^2)). As a pair law it makes the Hamiltonian of point vortices.

    Parameters
    ----------
    core : float
        delta, at least 0 [length]. 0 is the singular vortex. Default 0.

    References
    ----------
    L. Rosenhead, Proc. R. Soc. Lond. A 127, 590 (1930); R. Krasny, J. Comput. Phys. 65, 292 (1986).
    """

    core: float = 0.0
    latex = r"-\frac{1}{4 \pi} \log(r^2 + \delta^2)"

    def __post_init__(self) -> None:
        check.nonnegative("core", self.core)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate psi at distance r."""
        return -xp.log(r**2 + self.core**2) / (4 * math.pi)


@dataclass(frozen=True)
class TaylorGreen:
    """Stream function of Taylor's decaying vortices, psi(x, t) = (U / k) sin(k x) sin(k y) exp(-2 nu k^2 t).

    A square lattice of vortices of alternating sign, an exact solution of the Navier-Stokes equations.

    Parameters
    ----------
    speed : float
        U, the largest speed at time 0 [length / time]. Default 1.
    wavenumber : float
        k, positive [1 / length]; each vortex fills a square of side pi / k. Default 1.
    viscosity : float
        nu, at least 0 [length^2 / time]. Default 0: steady.

    References
    ----------
    G. I. Taylor, Phil. Mag. 46, 671 (1923); G. I. Taylor, A. E. Green, Proc. R. Soc. Lond. A 158, 499 (1937).
    """

    speed: float = 1.0
    wavenumber: float = 1.0
    viscosity: float = 0.0
    latex = r"\frac{U}{k} \sin(k x) \sin(k y) e^{-2 \nu k^2 t}"

    def __post_init__(self) -> None:
        check.real("speed", self.speed)
        check.positive("wavenumber", self.wavenumber)
        check.nonnegative("viscosity", self.viscosity)

    def __call__(self, x: Any, t: Any, xp: Any) -> Any:
        """Evaluate psi at x, shape (..., 2), and time t."""
        k = self.wavenumber
        decay = xp.exp(-2 * self.viscosity * k**2 * t)
        return self.speed / k * decay * xp.sin(k * x[..., 0]) * xp.sin(k * x[..., 1])


@dataclass(frozen=True)
class DoubleGyre:
    """Stream function of two gyres between walls that oscillate, psi(x, t) = -A sin(pi f(x, t)) sin(pi y).

    Here f = a x^2 + (1 - 2 a) x with a(t) = epsilon sin(omega t), on the rectangle [0, 2] x [0, 1], which no drifter
    leaves. With epsilon > 0 drifters mix chaotically across the line between the gyres.

    Parameters
    ----------
    amplitude : float
        A; the largest speed is pi A [length / time]. Default 0.1.
    oscillation : float
        epsilon, in [0, 0.5): how far the line between the gyres goes to and fro [length]. Default 0.25.
    frequency : float
        omega, the angular frequency [1 / time]. Default 2 pi / 10.

    References
    ----------
    S. C. Shadden, F. Lekien, J. E. Marsden, Physica D 212, 271 (2005), section 6.
    """

    amplitude: float = 0.1
    oscillation: float = 0.25
    frequency: float = 2 * math.pi / 10
    latex = r"-A \sin(\pi f(x, t)) \sin(\pi y)"

    def __post_init__(self) -> None:
        check.real("amplitude", self.amplitude)
        if check.nonnegative("oscillation", self.oscillation) >= 0.5:
            raise check.fail("oscillation", "at least 0 and below 0.5", self.oscillation)
        check.real("frequency", self.frequency)

    def __call__(self, x: Any, t: Any, xp: Any) -> Any:
        """Evaluate psi at x, shape (..., 2), and time t."""
        a = self.oscillation * xp.sin(self.frequency * t)
        f = (a * x[..., 0] + 1 - 2 * a) * x[..., 0]
        return -self.amplitude * xp.sin(math.pi * f) * xp.sin(math.pi * x[..., 1])
