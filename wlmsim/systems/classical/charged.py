"""Charged particles in uniform fields and in a Penning trap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import External, laws
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.mechanics.magnetic import MagneticField
from wlmsim.systems.gaussian_start import GaussianStart


class ChargedParticles(GaussianStart):
    """Charges that feel a uniform magnetic field, a uniform electric one, and in space a Penning trap; not each other.

    x'' = E + x' x B - k (-x / 2, -y / 2, z), charge and mass 1. They gyrate with radius v / B at the cyclotron
    frequency B, drift with E x B / B^2, and run along the field in a helix. In the trap, for a field along z, the
    frequencies are sqrt(k) along the axis and B / 2 +- sqrt(B^2 / 4 - k / 2) across. All forces are linear, so that
    the exact motion is a matrix exponential.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    dim : int
        2 or 3. Default 3.
    magnetic : float or sequence of 3 floats
        B: a number stands on the plane, or along z in space [1 / time]. Default 1.
    electric : float or sequence of `dim` floats
        E, along every axis or along each [length / time^2]. Default 0.
    trap : float
        k, stiffness of the quadrupole of a Penning trap, in space only [1 / time^2]. Default 0: no trap. It confines
        if 0 < k < B^2 / 2.
    width, velocity_width : float
        Standard deviation of the initial positions [length] and velocities [length / time]. Default 1 and 1.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    L. S. Brown, G. Gabrielse, Rev. Mod. Phys. 58, 233 (1986).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> beam = wls.systems.ChargedParticles(n=10, dim=2, magnetic=2.0, seed=0)
    >>> turn = beam.exact([0.0, np.pi])
    >>> bool(np.allclose(turn.positions[0], turn.positions[1]))
    True
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        dim: int = 3,
        *,
        magnetic: float | Sequence[float] = 1.0,
        electric: float | Sequence[float] = 0.0,
        trap: float = 0.0,
        width: float = 1.0,
        velocity_width: float = 1.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, width=width, velocity_width=velocity_width, seed=seed)
        if dim not in (2, 3):
            raise check.fail("dim", "2 or 3", dim)
        field = check.array("magnetic", magnetic)
        if field.shape not in ((), (3,))[: dim - 1] or not np.isfinite(field).all():
            raise check.fail("magnetic", "a finite number, or 3 of them in space", magnetic)
        self.magnetic = np.array([0.0, 0.0, float(field)]) if dim == 3 and field.ndim == 0 else field
        self.electric = check.axes("electric", electric, dim)
        self.trap = check.real("trap", trap)
        if self.trap and dim == 2:
            raise check.fail("trap", "0 in the plane: the quadrupole is one of space", trap)

    @property
    def lagrangian(self) -> Lagrangian:
        """The three fields."""
        potential = External(laws.UniformField(tuple(self.electric)))
        field = MagneticField(self.magnetic.tolist())
        if not self.trap:
            return Lagrangian(potential, magnetic=field)
        return Lagrangian(potential + External(laws.Quadrupole(self.trap)), magnetic=field)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        from scipy.linalg import expm

        d = self.dim
        states = np.concatenate([*self._start, np.ones((self.n, 1))], axis=1)
        after = states @ expm(self._generator() * time).T
        return after[:, :d], after[:, d : 2 * d]

    def _generator(self) -> np.ndarray:
        """The matrix A of the linear equation dy/dt = A y of y = (x, v, 1)."""
        d = self.dim
        bx, by, bz = self.magnetic if d == 3 else (0.0, 0.0, float(self.magnetic))
        turn = np.array([[0.0, bz, -by], [-bz, 0.0, bx], [by, -bx, 0.0]])
        generator = np.zeros((2 * d + 1, 2 * d + 1))
        generator[:d, d : 2 * d] = np.eye(d)
        generator[d : 2 * d, :d] = np.diag(self.trap * np.array([0.5, 0.5, -1.0]))[:d, :d]
        generator[d : 2 * d, d : 2 * d] = turn[:d, :d]
        generator[d : 2 * d, -1] = self.electric
        return generator
