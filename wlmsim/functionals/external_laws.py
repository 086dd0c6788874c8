"""External potentials V(x); part of `wlmsim.laws`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError

__all__ = ["Eckart", "Harmonic", "Kepler", "Quadrupole", "UniformField", "VortexPressure", "Wall"]


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
