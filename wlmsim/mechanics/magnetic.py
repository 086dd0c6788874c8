"""The magnetic field: a force linear in the velocity that does no work."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.errors import ParameterError
from wlmsim.functionals import tracing
from wlmsim.functionals.external import as_scalar
from wlmsim.functionals.pieces import InPieces, Piece
from wlmsim.functionals.tracing import name_of, takes_time


class MagneticField(HoldsFunctions, InPieces):
    """Magnetic field B, in the Lagrangian as integral of v . A rho with B = curl A; force v x B.

    The strength includes the charge: a particle of a population of mass m gyrates at the angular frequency |B| / m,
    clockwise in the plane for positive B. The Coriolis force in a frame that turns at the angular velocity Omega is
    that of ``MagneticField(2 * mass * Omega)``; beside it acts the centrifugal potential -m |Omega x r|^2 / 2.

    Parameters
    ----------
    strength : float, sequence of 3 floats or callable
        B times the charge [mass / time]: a number in 2-D, where the field stands on the plane, a vector in 3-D. A field
        that varies is a function of ``(x, xp)``, or of ``(x, t, xp)`` where it depends on the time, x of shape (n, d),
        with a result of shape (n,) in 2-D and (n, 3) in 3-D, there without divergence; or of one number, or three, if
        it is the same everywhere. Default 1.

    Raises
    ------
    ParameterError
        If the strength is none of these or not finite; later, if it does not fit the dimension of space.

    Notes
    -----
    A field that changes in time induces an electric one, curl E = -dB/dt, which is no part of this force: add it to the
    potential if it matters, or as a dissipation of your own.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> gyration = wls.Lagrangian(magnetic=wls.MagneticField(2.0))
    >>> start = wls.Population([[0.0, 1.0]], [[2.0, 0.0]])
    >>> quarter_turn = wls.simulate(gyration, start, [np.pi / 4], dt=0.01)
    >>> bool(np.allclose(quarter_turn.velocities, [[[0.0, -2.0]]]))
    True
    """

    whole = ("at", "force")

    def __init__(self, strength: float | Sequence[float] | Callable[..., Any] = 1.0):
        if not callable(strength):
            values = check.array("strength", strength)
            if values.shape not in ((), (3,)) or not np.isfinite(values).all():
                expected = "a finite number, 3 of them, or a function of (x, xp) or (x, t, xp)"
                raise check.fail("strength", expected, strength)
            strength = float(values) if values.ndim == 0 else tuple(values.tolist())
        self.strength: Any = strength
        self.timed = callable(strength) and takes_time(strength, "strength")

    @property
    def uniform(self) -> bool:
        """Whether the field is the same everywhere and always; not known of a class that has its own `at`."""
        return not callable(self.strength) and type(self).at is MagneticField.at

    def at_time(self, time: float) -> MagneticField:
        """Return the field as it is at a time."""
        if not self.timed:
            return self
        now, law = copy.copy(self), self.strength
        now.strength, now.timed = lambda x, xp: law(x, as_scalar(time, x, xp), xp), False
        return now

    def at(self, positions: Any) -> Any:
        """Field at the particles [mass / time]: (n, 1) in 2-D, (n, 3) in 3-D; n is 1 for a uniform field."""
        n, dim = positions.shape
        expected = f"of one component in 2-D, of three in 3-D; {self!r} does not fit {n} particles in {dim}-D"
        if dim not in (2, 3):
            raise ParameterError(f"`strength` must be {expected}")
        if self.timed:
            raise ParameterError(f"{self!r} depends on the time: ask it at one, `field.at_time(time)`")
        xp = array_namespace(positions)
        try:
            field = self.strength(positions, xp) if callable(self.strength) else self.strength
        except IndexError as error:
            raise ParameterError(f"`strength` must be {expected}: {error}") from error
        parts = [as_scalar(part, positions, xp) for part in field] if isinstance(field, (tuple, list)) else None
        if parts is not None and any(getattr(part, "ndim", 0) for part in parts):
            # of three particles, components would be taken for rows
            raise ParameterError(
                f"`strength` must give numbers, or one array of shape (n,) in 2-D and (n, 3) in 3-D; {self!r} gives "
                f"{len(parts)} arrays: put components together by xp.stack([bx, by, bz], axis=-1)"
            )
        field = as_scalar(field, positions, xp) if parts is None else xp.stack(parts)
        each = () if dim == 2 else (3,)
        if tuple(field.shape) not in (each, (n, *each)):
            raise ParameterError(f"`strength` must be {expected}: its shape is {tuple(field.shape)}")
        return field.reshape((-1, 1 if dim == 2 else 3))

    def force(self, positions: Any, velocities: Any) -> Any:
        """Lorentz force v x B per unit of weight, shape (n, d) [mass length / time^2]."""
        return cross(velocities, self.at(positions))

    def steady(self, n: int, dim: int) -> np.ndarray | None:
        """The field at n particles, as of `at`, if it is the same wherever they are; `None` if not, or not known."""
        if self.timed or type(self).at is not MagneticField.at:
            return None
        return self.at(np.zeros((n, dim))) if self.uniform or tracing.is_steady(self.strength, n, dim) else None

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """A field that is a function of the place as compiled code; `None` if it cannot be."""
        if not callable(self.strength) or self.timed:
            return None
        law = tracing.compile_vector(self.strength, dim, 1 if dim == 2 else 3)
        if law is None:
            return None
        from wlmsim.kernels.pieces import set_vectors

        vector, parameters = law
        return (Piece(set_vectors, (vector,), (parameters,), len(weights)),)

    def pieces_of_force(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """The force of a steady field as compiled code, of loops that take velocities; `None` of others."""
        b = self.steady(len(weights), dim)
        if b is None or type(self).force is not MagneticField.force:
            return None
        from wlmsim.kernels.pieces import add_lorentz

        return (Piece(add_lorentz, (), (b,), 0),)

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
        return f"MagneticField({name_of(self.strength) if callable(self.strength) else repr(self.strength)})"


def cross(v: Any, b: Any) -> Any:
    """v x b of vectors v (n, d) with a field b that stands on the plane, (n, 1), or in space, (n, 3); any namespace."""
    xp = array_namespace(v)
    if v.shape[1] == 2:
        return b * xp.stack([v[:, 1], -v[:, 0]], axis=1)
    (x, y, z), (bx, by, bz) = v.T, b.T
    return xp.stack([y * bz - z * by, z * bx - x * bz, x * by - y * bx], axis=1)
