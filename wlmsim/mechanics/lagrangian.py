"""The mechanics of a population: mass, potential energy U, dissipation R, magnetic field B."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional
from wlmsim.functionals.pieces import InPieces, Piece, joined
from wlmsim.mechanics.dissipation import Dissipation, force_of
from wlmsim.mechanics.magnetic import MagneticField


class Lagrangian(InPieces):
    """The damped Lagrangian L = exp(gamma t) (K - U) of a population, with further dissipation R and magnetic field B.

    The particles obey m dv/dt = -grad (dU/drho) + v x B - m gamma v - dR/dv, with K = m / 2 integral |v|^2 rho.

    Parameters
    ----------
    potential : Functional, optional
        Potential energy U; functionals combine with ``+``. Default: none, free particles.
    dissipation : Dissipation, optional
        Friction, alignment, self-propulsion; they combine with ``+``. Default: none. Friction is a rate
        gamma [1 / time], which may depend on the time: its force is -m gamma v.
    magnetic : MagneticField, optional
        Magnetic field, or the Coriolis force of a rotating frame. Default: none.
    mass : float or array_like, shape (n,), optional
        Mass m of the population, positive [mass]; or of each particle, the population's if all were like it. It is what
        resists a force; what exerts one are the weights, and charges where a `Charged` law has some. Default 1.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.Lagrangian(wls.External(wls.laws.Harmonic(2.0)), dissipation=wls.Friction(0.1))
    Lagrangian(External(Harmonic(stiffness=2.0)), dissipation=Friction(0.1))
    """

    whole = ("acceleration", "velocity_acceleration", "dissipative_acceleration")

    def __init__(
        self,
        potential: Functional | None = None,
        *,
        dissipation: Dissipation | None = None,
        magnetic: MagneticField | None = None,
        mass: Any = 1.0,
    ):
        self.potential = None if potential is None else check.instance("potential", potential, Functional)
        self.dissipation = None if dissipation is None else check.instance("dissipation", dissipation, Dissipation)
        self.magnetic = None if magnetic is None else check.instance("magnetic", magnetic, MagneticField)
        self.mass: Any = check.positive("mass", mass) if np.ndim(mass) == 0 else _masses(mass)

    @property
    def friction(self) -> float:
        """Linear friction rate gamma [1 / time]; `ParameterError` if it depends on the time, see `at`."""
        return 0.0 if self.dissipation is None else self.dissipation.friction

    @property
    def timed(self) -> bool:
        """Whether dissipation or magnetic field depend on the time; potentials take it as an argument."""
        dissipation, magnetic = self.dissipation, self.magnetic
        return (dissipation is not None and dissipation.timed) or (magnetic is not None and magnetic.timed)

    def at(self, time: float) -> Self:
        """Return the Lagrangian with dissipation and magnetic field as they are at a time; else itself."""
        if not self.timed:
            return self
        now = copy.copy(self)
        now.dissipation = None if self.dissipation is None else self.dissipation.at(time)
        now.magnetic = None if self.magnetic is None else self.magnetic.at_time(time)
        return now

    def acceleration(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Acceleration by the potential, -grad (dU/drho) / m, shape (n, d) [length / time^2]."""
        if self.potential is None:
            return np.zeros(positions.shape)
        return self._by_mass(self.potential.force(positions, weights, time))

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """Acceleration by the potential as pieces of compiled code, or `None`; see `Functional.pieces`."""
        self.check_count(len(weights))
        potential = () if self.potential is None else self.potential.pieces(weights, dim)
        return self._pieces_by_mass(potential, len(weights))

    def further_pieces(self, weights: np.ndarray, dim: int, *, magnetic: bool = True) -> tuple[Piece, ...] | None:
        """The same of what depends on the velocity but for friction, with or without the force of the magnetic field.

        Their loops take positions, velocities, p and out. `None` too where the field is not the same everywhere.
        """
        parts = [] if self.dissipation is None else [self.dissipation.pieces(weights, dim)]
        parts += [self.magnetic.pieces_of_force(weights, dim)] if magnetic and self.magnetic is not None else []
        return self._pieces_by_mass(joined(parts), len(weights))

    def magnetic_pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """The same of the magnetic field over the mass; `None` if there is none."""
        return None if self.magnetic is None else self._pieces_by_mass(self.magnetic.pieces(weights, dim), len(weights))

    def _pieces_by_mass(self, pieces: tuple[Piece, ...] | None, n: int) -> tuple[Piece, ...] | None:
        if not pieces or self._of_unit_mass:
            return pieces
        from wlmsim.kernels.pieces import divide

        return (*pieces, Piece(divide, (), (np.broadcast_to(np.ravel(self.mass), n).copy(),), 0))

    @property
    def inertia(self) -> Any:
        """The mass in a form by which vectors of particles, shape (n, d), are divided: a number, or shape (n, 1)."""
        return self.mass if np.ndim(self.mass) == 0 else self.mass[:, None]

    @property
    def _of_unit_mass(self) -> bool:
        return np.ndim(self.mass) == 0 and bool(self.mass == 1.0)

    def check_count(self, n: int) -> None:
        """Refuse n particles if there are masses of another number of them."""
        if np.ndim(self.mass) and len(self.mass) != n:
            raise ParameterError(f"`mass` must be one for each particle; got {len(self.mass)} for {n}")

    def _carried(self, weights: np.ndarray) -> np.ndarray:
        """Mass that each particle carries, m_i w_i, shape (n,) [mass]."""
        self.check_count(len(weights))
        return self.mass * weights

    def _by_mass(self, force: np.ndarray) -> np.ndarray:
        """Force over mass; of mass 1 without another array."""
        self.check_count(len(force))
        return force if self._of_unit_mass else force / self.inertia

    @property
    def only_friction(self) -> bool:
        """Whether no force depends on the velocity but linear friction."""
        return self.magnetic is None and (self.dissipation is None or self.dissipation.only_friction)

    def velocity_acceleration(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Acceleration by dissipation and magnetic field but for friction, shape (n, d) [length / time^2]."""
        total = self.dissipative_acceleration(positions, velocities, weights)
        return total if self.magnetic is None else total + self._by_mass(self.magnetic.force(positions, velocities))

    def dissipative_acceleration(
        self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Acceleration by the dissipation but for friction, shape (n, d) [length / time^2]."""
        if self.dissipation is None:
            return np.zeros_like(velocities)
        return self._by_mass(force_of(self.dissipation, positions, velocities, weights))

    def kinetic_energy(self, population: Population) -> float:
        """K = m / 2 sum of w_i |v_i|^2 [mass length^2 / time^2]."""
        v = _velocities(population)
        return float(0.5 * self._carried(population.weights) @ (v**2).sum(-1))

    def potential_energy(self, population: Population) -> float:
        """U of the particles [mass length^2 / time^2]."""
        if self.potential is None:
            return 0.0
        return self.potential.energy(population.positions, population.weights, population.time)

    def energy(self, population: Population) -> float:
        """Total energy K + U [mass length^2 / time^2]."""
        return self.kinetic_energy(population) + self.potential_energy(population)

    def virial(self, population: Population) -> float:
        """Sum of w_i x_i . F_i, F the force by the potential [mass length^2 / time^2].

        In equilibrium 2 K + virial = 0 on average (without magnetic field). It is U for gravity and charges without
        softening and -2 U for harmonic wells; of internal forces it does not depend on the origin.
        """
        x, w = population.positions, population.weights
        return float(self._carried(w) @ (x * self.acceleration(x, w, population.time)).sum(-1))

    def momentum(self, population: Population) -> np.ndarray:
        """m sum of w_i v_i, shape (d,) [mass length / time]."""
        return self._carried(population.weights) @ _velocities(population)

    def angular_momentum(self, population: Population) -> np.ndarray:
        """m sum of w (x_i v_j - x_j v_i) for each plane i < j, shape (d (d - 1) / 2,) [mass length^2 / time]."""
        tensor = (self._carried(population.weights)[:, None] * population.positions).T @ _velocities(population)
        rows, columns = np.triu_indices(population.dim, 1)
        return (tensor - tensor.T)[rows, columns]

    def __repr__(self) -> str:
        parts = ["free" if self.potential is None else repr(self.potential)]
        parts += [] if self.dissipation is None else [f"dissipation={self.dissipation!r}"]
        parts += [] if self.magnetic is None else [f"magnetic={self.magnetic!r}"]
        parts += [] if self._of_unit_mass else [f"mass={self._mass_in_words()}"]
        return f"Lagrangian({', '.join(parts)})"

    @property
    def latex(self) -> str:
        """LaTeX of the Lagrangian, and of the Rayleigh function where friction is not all of it; no dollar signs."""
        terms = r"\tfrac{m}{2} \int |v|^2 \rho \, dx"
        terms += "" if self.magnetic is None else f" + {self.magnetic.latex}"
        if self.potential is not None:
            energy = self.potential.latex
            alone = len(self.potential.terms) == 1 and not energy.startswith("-")
            terms += f" - {energy}" if alone else rf" - \left( {energy} \right)"
        if self.only_friction:
            changing = self.dissipation is not None and self.dissipation.timed
            rate = r"\int \gamma(t) \, dt" if changing else f"{self.friction:.4g} t"
            damped = rf"e^{{{rate}}} \left( {terms} \right)"
            return rf"\mathcal{{L}} = {damped if changing or self.friction else terms}"
        # no factor exp(gamma t) makes a Lagrangian of these: friction stands in the Rayleigh function too
        rayleigh = "" if self.dissipation is None else rf", \quad \mathcal{{R}} = {self.dissipation.latex}"
        return rf"\mathcal{{L}} = {terms}{rayleigh}"

    def _repr_latex_(self) -> str:
        return f"${self.latex}$"

    def _repr_html_(self) -> str:
        from wlmsim import _html

        return _html.card("Lagrangian", [("", _html.math(self.latex)), *self._terms()])

    def _terms(self) -> list[tuple[str, str]]:
        """What it is made of, with the values of all parameters, as rows of a card."""
        parts = [("potential", self.potential), ("dissipation", self.dissipation)]
        rows = [(name, repr(term)) for name, part in parts if part is not None for term in part.terms]
        rows += [] if self.magnetic is None else [("magnetic", repr(self.magnetic))]
        return rows if self._of_unit_mass else [*rows, ("mass", self._mass_in_words())]

    def _mass_in_words(self) -> str:
        return f"{self.mass:g}" if np.ndim(self.mass) == 0 else f"{len(self.mass)} masses"


def _masses(mass: Any) -> np.ndarray:
    masses = check.finite("mass", check.array("mass", mass))
    if masses.ndim != 1 or len(masses) == 0 or (masses <= 0).any():
        raise check.fail("mass", "a positive number, or one for each particle", mass)
    return masses.copy()


def _velocities(population: Population) -> np.ndarray:
    if population.velocities is None:
        raise ParameterError(
            "the population's velocities are unknown: give them, or use `population.at_rest()` for zero"
        )
    return population.velocities
