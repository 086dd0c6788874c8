"""The classic laws: external potentials V(x) and radial pair potentials W(r), each written once.

A law is a plain function of coordinates and an array namespace ``xp``; it runs under NumPy and torch as it
stands, and is compiled for Numba through SymPy (see `wlmsim.functionals.tracing`). An external law takes
``(x, xp)`` or ``(x, t, xp)`` with x of shape (..., d) and returns shape (...); a pair law takes ``(r, xp)``.
The classes here are laws with named parameters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.landscapes import (
    Bohachevsky,
    DoubleWell,
    GaussianMixture,
    MuellerBrown,
    OakleyOHagan,
    StyblinskiTang,
    WavyPlateau,
)

__all__ = [
    "Bohachevsky",
    "DoubleGyre",
    "DoubleWell",
    "Eckart",
    "GaussianMixture",
    "GeneralisedMorse",
    "Harmonic",
    "Kepler",
    "LennardJones",
    "Morse",
    "MuellerBrown",
    "OakleyOHagan",
    "Plummer",
    "PointVortex",
    "Quadrupole",
    "StyblinskiTang",
    "TaylorGreen",
    "UniformField",
    "VortexPressure",
    "Wall",
    "WavyPlateau",
]

Law: TypeAlias = Callable[..., Any]


class ParametricLaw(Protocol):
    """What a law with named parameters offers beside being callable: dataclass fields and a LaTeX form."""

    latex: str


@dataclass(frozen=True)
class Harmonic:
    """Harmonic well, V(x) = 1/2 sum_i k_i x_i^2.

    Parameters
    ----------
    stiffness : float or sequence of d floats
        k, positive [1 / time^2 for unit mass]. Default 1.
    """

    stiffness: float | Sequence[float] = 1.0
    latex = r"\tfrac12 \sum_i k_i x_i^2"

    def __post_init__(self) -> None:
        if np.ndim(self.stiffness) == 0:
            check.positive("stiffness", self.stiffness)
        else:
            values = tuple(check.positive("stiffness", k) for k in np.asarray(self.stiffness, dtype=object))
            object.__setattr__(self, "stiffness", values)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        stiffness = self.stiffness
        if isinstance(stiffness, tuple):
            if x.shape[-1] != len(stiffness):
                raise ParameterError(
                    f"`stiffness` must be one number or one for each of the {x.shape[-1]} axes; got {len(stiffness)}"
                )
            return 0.5 * sum(k * x[..., i] ** 2 for i, k in enumerate(stiffness))
        uniform: Any = stiffness
        return 0.5 * uniform * (x**2).sum(-1)


@dataclass(frozen=True)
class Eckart:
    """Smooth barrier across the first axis, V(x) = V_0 / cosh^2(x_1 / a).

    The probability to tunnel through it is known in closed form, see `wlmsim.systems.Tunnelling`.

    Parameters
    ----------
    height : float
        V_0; negative for a well [length^2 / time^2 for unit mass]. Default 1.
    width : float
        a, positive [length]. Default 1.

    References
    ----------
    C. Eckart, Phys. Rev. 35, 1303 (1930).
    """

    height: float = 1.0
    width: float = 1.0
    latex = r"V_0 / \cosh^2(x_1 / a)"

    def __post_init__(self) -> None:
        check.real("height", self.height)
        check.positive("width", self.width)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        # 1 - tanh^2, because a cosh would overflow
        return self.height * (1 - xp.tanh(x[..., 0] / self.width) ** 2)


@dataclass(frozen=True)
class Wall:
    """Soft box, V(x) = s sum_i max(|x_i| - b, 0): a constant push s back from beyond |x_i| = b.

    Parameters
    ----------
    half_width : float
        b, positive [length]. Default 5.
    strength : float
        s, at least 0 [length / time^2 for unit mass]. Default 0.5.
    """

    half_width: float = 5.0
    strength: float = 0.5
    latex = r"s \sum_i \max(|x_i| - b, 0)"

    def __post_init__(self) -> None:
        check.positive("half_width", self.half_width)
        check.nonnegative("strength", self.strength)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        return self.strength * xp.maximum(xp.abs(x) - self.half_width, 0.0).sum(-1)


@dataclass(frozen=True)
class VortexPressure:
    """Pressure of a Kaufmann vortex at the origin of the plane, V(x) = -Omega_0^2 a^4 / (2 (a^2 + r^2)).

    The swirl u_theta = Omega_0 a^2 r / (a^2 + r^2) is in cyclostrophic balance, dV/dr = u_theta^2 / r, so a
    passive drifter that starts with the velocity of the fluid stays with the fluid.

    Parameters
    ----------
    rotation : float
        Omega_0, the angular velocity at the centre [1 / time]. Default 1.
    core : float
        a, the core radius, positive [length]. Default 1.

    References
    ----------
    W. Kaufmann, Ingenieur-Archiv 31, 1 (1962); M. P. Scully, MIT report ASRL TR 178-1 (1975).
    """

    rotation: float = 1.0
    core: float = 1.0
    latex = r"-\frac{\Omega_0^2 a^4}{2 (a^2 + r^2)}"

    def __post_init__(self) -> None:
        check.real("rotation", self.rotation)
        check.positive("core", self.core)

    def angular_velocity(self, r2: Any) -> Any:
        """Angular velocity of the fluid at squared radius `r2` [1 / time]."""
        return self.rotation * self.core**2 / (self.core**2 + r2)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., 2)."""
        r2 = x[..., 0] ** 2 + x[..., 1] ** 2
        return -0.5 * self.rotation * self.core**2 * self.angular_velocity(r2)


@dataclass(frozen=True)
class Kepler:
    """Central mass, V(x) = -k / sqrt(|x|^2 + epsilon^2).

    Parameters
    ----------
    strength : float
        k, G times the central mass; negative for repulsion [length^3 / time^2]. Default 1.
    softening : float
        epsilon, at least 0 [length]. Default 0: a point mass, at which energy and force are infinite.
    """

    strength: float = 1.0
    softening: float = 0.0
    latex = r"-k / \sqrt{|x|^2 + \varepsilon^2}"

    def __post_init__(self) -> None:
        check.real("strength", self.strength)
        check.nonnegative("softening", self.softening)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        return -self.strength / xp.sqrt((x**2).sum(-1) + self.softening**2)


@dataclass(frozen=True)
class UniformField:
    """Uniform force field, V(x) = -sum_i E_i x_i: weight, or an electric field.

    Parameters
    ----------
    field : sequence of d floats
        E, the force [length / time^2 for unit mass]. Default (0, -1): weight in the plane.
    """

    field: Sequence[float] = (0.0, -1.0)
    latex = r"-\sum_i E_i x_i"

    def __post_init__(self) -> None:
        values = tuple(check.real("field", e) for e in np.atleast_1d(self.field))
        if not values:
            raise check.fail("field", "one number for each axis", self.field)
        object.__setattr__(self, "field", values)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        if x.shape[-1] != len(self.field):
            raise ParameterError(
                f"`field` must be one number for each of the {x.shape[-1]} axes; got {len(self.field)}"
            )
        return -sum(e * x[..., i] for i, e in enumerate(self.field))


@dataclass(frozen=True)
class Quadrupole:
    """Saddle of a Penning trap in space, V(x) = k / 2 (z^2 - (x^2 + y^2) / 2): it traps along z and expels across.

    Parameters
    ----------
    stiffness : float
        k, negative for the opposite charge [1 / time^2 for unit mass]. Default 1.

    References
    ----------
    L. S. Brown, G. Gabrielse, Rev. Mod. Phys. 58, 233 (1986).
    """

    stiffness: float = 1.0
    latex = r"\tfrac{k}{2} \left( z^2 - \tfrac12 (x^2 + y^2) \right)"

    def __post_init__(self) -> None:
        check.real("stiffness", self.stiffness)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., 3)."""
        return 0.5 * self.stiffness * (x[..., 2] ** 2 - 0.5 * (x[..., 0] ** 2 + x[..., 1] ** 2))


@dataclass(frozen=True)
class GeneralisedMorse:
    """Morse swarming pair law with all four constants, W(r) = C_r exp(-r / l_r) - C_a exp(-r / l_a).

    Parameters
    ----------
    repulsion, attraction : float
        C_r and C_a, at least 0, of the whole population: n times those of a pair of n equal particles
        [length^2 / time^2]. Default 1.5 and 1.
    repulsion_range, attraction_range : float
        l_r and l_a, positive [length]. Default 0.5 and 1.

    References
    ----------
    See `Morse`, which has C_a = l_a = 1.
    """

    repulsion: float = 1.5
    repulsion_range: float = 0.5
    attraction: float = 1.0
    attraction_range: float = 1.0
    latex = r"C_r e^{-r/\ell_r} - C_a e^{-r/\ell_a}"

    def __post_init__(self) -> None:
        check.nonnegative("repulsion", self.repulsion)
        check.positive("repulsion_range", self.repulsion_range)
        check.nonnegative("attraction", self.attraction)
        check.positive("attraction_range", self.attraction_range)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        repel = self.repulsion * xp.exp(-r / self.repulsion_range)
        return repel - self.attraction * xp.exp(-r / self.attraction_range)


@dataclass(frozen=True)
class LennardJones:
    """Lennard-Jones pair law, W(r) = 4 epsilon ((sigma / r)^12 - (sigma / r)^6).

    Parameters
    ----------
    strength : float
        epsilon of the whole population, positive: n times the depth of the well between two of n equal particles
        [length^2 / time^2]. Default 1.
    size : float
        sigma, the distance at which W vanishes, positive [length]. Default 1.

    References
    ----------
    J. E. Lennard-Jones, Proc. Phys. Soc. 43, 461 (1931).
    """

    strength: float = 1.0
    size: float = 1.0
    latex = r"4 \varepsilon \left[ (\sigma/r)^{12} - (\sigma/r)^6 \right]"

    def __post_init__(self) -> None:
        check.positive("strength", self.strength)
        check.positive("size", self.size)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        sixth = (self.size / r) ** 6
        return 4.0 * self.strength * (sixth**2 - sixth)


@dataclass(frozen=True)
class Morse:
    """Morse swarming pair law, W(r) = c exp(-r / l) - exp(-r), in units of the attraction.

    Parameters
    ----------
    c : float
        Strength of the repulsion relative to the attraction [dimensionless]. Default 1.5.
    l : float
        Range of the repulsion relative to the attraction, positive [dimensionless]. Default 0.5.

    References
    ----------
    D'Orsogna, Chuang, Bertozzi, Chayes, Phys. Rev. Lett. 96, 104302 (2006).
    """

    c: float = 1.5
    l: float = 0.5
    latex = r"C e^{-r/\ell} - e^{-r}"

    def __post_init__(self) -> None:
        check.nonnegative("c", self.c)
        check.positive("l", self.l)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        return self.c * xp.exp(-r / self.l) - xp.exp(-r)


@dataclass(frozen=True)
class Plummer:
    """Gravity, or repulsion of charges, with softening: W(r) = -G / sqrt(r^2 + epsilon^2).

    Parameters
    ----------
    strength : float
        G times the total mass [length^3 / time^2]; negative for repulsion. Default 1.
    softening : float
        epsilon, at least 0 [length]. 0 is Newton's law, singular where two particles meet. Default 0.05.

    References
    ----------
    H. C. Plummer, MNRAS 71, 460 (1911).
    """

    strength: float = 1.0
    softening: float = 0.05
    latex = r"-G / \sqrt{r^2 + \varepsilon^2}"

    def __post_init__(self) -> None:
        check.real("strength", self.strength)
        check.nonnegative("softening", self.softening)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        return -self.strength / xp.sqrt(r**2 + self.softening**2)


# --- stream functions of the plane, u = (dpsi/dy, -dpsi/dx); see `wlmsim.StreamFlow`


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
    """Stream function of two gyres between walls that sway, psi(x, t) = -A sin(pi f(x, t)) sin(pi y).

    Here f = a x^2 + (1 - 2 a) x with a(t) = epsilon sin(omega t), on the rectangle [0, 2] x [0, 1], which no drifter
    leaves. With epsilon > 0 drifters mix chaotically across the line between the gyres.

    Parameters
    ----------
    amplitude : float
        A; the largest speed is pi A [length / time]. Default 0.1.
    sway : float
        epsilon, in [0, 0.5): how far the line between the gyres goes to and fro [length]. Default 0.25.
    frequency : float
        omega, the angular frequency [1 / time]. Default 2 pi / 10.

    References
    ----------
    S. C. Shadden, F. Lekien, J. E. Marsden, Physica D 212, 271 (2005), section 6.
    """

    amplitude: float = 0.1
    sway: float = 0.25
    frequency: float = 2 * math.pi / 10
    latex = r"-A \sin(\pi f(x, t)) \sin(\pi y)"

    def __post_init__(self) -> None:
        check.real("amplitude", self.amplitude)
        if check.nonnegative("sway", self.sway) >= 0.5:
            raise check.fail("sway", "at least 0 and below 0.5", self.sway)
        check.real("frequency", self.frequency)

    def __call__(self, x: Any, t: Any, xp: Any) -> Any:
        """Evaluate psi at x, shape (..., 2), and time t."""
        a = self.sway * xp.sin(self.frequency * t)
        f = (a * x[..., 0] + 1 - 2 * a) * x[..., 0]
        return -self.amplitude * xp.sin(math.pi * f) * xp.sin(math.pi * x[..., 1])
