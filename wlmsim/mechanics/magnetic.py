"""The magnetic field: a force linear in the velocity that does no work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.errors import ParameterError
from wlmsim.functionals.tracing import takes_time


class MagneticField(HoldsFunctions):
    """Magnetic field B, in the Lagrangian as integral of v . A rho with B = curl A; force v x B.

    The strength includes the charge: a particle of a population of mass m gyrates at the angular frequency |B| / m,
    clockwise in the plane for positive B. The Coriolis force in a frame that turns at the angular velocity Omega is
    that of ``MagneticField(2 * mass * Omega)``; beside it acts the centrifugal potential -m |Omega x r|^2 / 2.

    Parameters
    ----------
    strength : float, sequence of 3 floats or callable
        B times the charge [mass / time]: a number in 2-D, where the field stands on the plane, a vector in 3-D. A field
        that varies in space is a function of ``(x, xp)``, x of shape (n, d), with a result of shape (n,) in 2-D and
        (n, 3) in 3-D, there without divergence. Default 1.

    Raises
    ------
    ParameterError
        If the strength is none of these or not finite; later, if it does not fit the dimension of space.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> gyration = wls.Lagrangian(magnetic=wls.MagneticField(2.0))
    >>> start = wls.Population([[0.0, 1.0]], [[2.0, 0.0]])
    >>> quarter_turn = wls.simulate(gyration, start, [np.pi / 4], dt=0.01)
    >>> bool(np.allclose(quarter_turn.velocities, [[[0.0, -2.0]]]))
    True
    """

    def __init__(self, strength: float | Sequence[float] | Callable[..., Any] = 1.0):
        if not callable(strength):
            values = check.array("strength", strength)
            if values.shape not in ((), (3,)) or not np.isfinite(values).all():
                raise check.fail("strength", "a finite number, 3 of them, or a function of (x, xp)", strength)
            strength = float(values) if values.ndim == 0 else tuple(values.tolist())
        elif takes_time(strength):
            raise ParameterError("`strength` must be a number, or a function of (x, xp); a field in time is not known")
        self.strength = strength

    @property
    def uniform(self) -> bool:
        """Whether the field is the same everywhere."""
        return not callable(self.strength)

    def at(self, positions: np.ndarray) -> np.ndarray:
        """Field at the particles [mass / time]: (n, 1) in 2-D, (n, 3) in 3-D; n is 1 for a uniform field."""
        n, dim = positions.shape
        expected = f"of one component in 2-D, of three in 3-D; {self!r} does not fit {n} particles in {dim}-D"
        if dim not in (2, 3):
            raise ParameterError(f"`strength` must be {expected}")
        try:
            field = np.asarray(self.strength(positions, np) if callable(self.strength) else self.strength)
        except IndexError as error:
            raise ParameterError(f"`strength` must be {expected}: {error}") from error
        if field.shape != (() if self.uniform else (n,)) + (() if dim == 2 else (3,)):
            raise ParameterError(f"`strength` must be {expected}: its shape is {field.shape}")
        return field.reshape(-1, 1 if dim == 2 else 3)

    def force(self, positions: np.ndarray, velocities: np.ndarray) -> np.ndarray:
        """Lorentz force v x B per unit of weight, shape (n, d) [mass length / time^2]."""
        return cross(velocities, self.at(positions))

    def coupling(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> float:
        """Integral of v . A rho in the gauge A = B x r / 2 of a uniform field [mass length^2 / time^2]."""
        if not self.uniform:
            raise ParameterError(f"the vector potential is known of a uniform field only, not of {self!r}")
        potential = -0.5 * cross(positions, self.at(positions))
        return float(weights @ (velocities * potential).sum(-1))

    @property
    def latex(self) -> str:
        """LaTeX of its term in the Lagrangian."""
        return r"\int v \cdot A \, \rho \, dx"

    def __repr__(self) -> str:
        law = self.strength
        return f"MagneticField({getattr(law, '__name__', repr(law))})"


def cross(v: np.ndarray, b: np.ndarray) -> np.ndarray:
    """v x b of vectors v (n, d) with a field b that stands on the plane, (n, 1), or in space, (n, 3)."""
    if v.shape[1] == 2:
        return b * np.stack([v[:, 1], -v[:, 0]], axis=1)
    (x, y, z), (bx, by, bz) = v.T, b.T
    return np.stack([y * bz - z * by, z * bx - x * bz, x * by - y * bx], axis=1)
