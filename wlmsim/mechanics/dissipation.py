"""Non-potential forces, from a Rayleigh dissipation function R: force -dR/dv."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.errors import ParameterError
from wlmsim.functionals.pieces import InPieces, Piece, joined
from wlmsim.functionals.tracing import name_of

__all__ = ["Alignment", "Dissipation", "Friction", "SelfPropulsion"]


class Dissipation(InPieces, ABC):
    """A force that is no gradient of a potential: friction, alignment, self-propulsion.

    Friction, the linear part, is kept apart as a rate because integrators solve it exactly; `force` is the rest.
    """

    whole = ("force",)

    friction: float = 0.0
    """Linear friction rate gamma [1 / time]; its force -gamma v is not part of `force`."""

    only_friction: bool = False
    """Whether there is nothing beside friction, so that `force` vanishes."""

    numerics: tuple[str, ...] = ()
    """Arguments that say where it acts, such as a periodic box, and are no parameters that could be learned."""
    timed: bool = False
    """Whether it depends on the time: integrators then ask for it as it is, by `at`."""

    def at(self, time: float) -> Dissipation:
        """Return the dissipation as it is at a time."""
        return self

    @abstractmethod
    def rayleigh(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """Rayleigh function R, friction included, written once for any array namespace `xp`."""

    @abstractmethod
    def force(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Force on each particle but for friction, -(1 / w_j) dR/dv_j, shape (n, d) [mass length / time^2]."""

    def expression(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """The same force in any array namespace, of one that derives from no Rayleigh function.

        `learn.differentiable_simulate` takes it where there is one, and else differentiates `rayleigh`.
        """
        return NotImplemented

    @property
    def latex(self) -> str:
        """LaTeX of the Rayleigh function, without dollar signs."""
        return rf"R_{{\text{{{type(self).__name__}}}}}"

    @property
    def terms(self) -> tuple[Dissipation, ...]:
        """The single dissipations that this one is the sum of."""
        return (self,)

    def __add__(self, other: Dissipation) -> DissipationSum:
        if not isinstance(other, Dissipation):
            return NotImplemented
        return DissipationSum(*self.terms, *other.terms)

    def __radd__(self, other: int) -> Dissipation:
        """The sum that begins with 0, as of `sum`."""
        return self if type(other) is int and other == 0 else NotImplemented


def force_of(
    dissipation: Dissipation, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The force of a dissipation; `ParameterError` for one of another shape, which NumPy might fit to them."""
    force = dissipation.force(positions, velocities, weights)
    if np.shape(force) != velocities.shape:
        name = type(dissipation).__name__
        raise check.fail(f"{name}.force", f"of shape {velocities.shape}, a force on each particle", force)
    return force


class DissipationSum(Dissipation):
    """The sum of several dissipations.

    Parameters
    ----------
    *terms : Dissipation
        At least one.
    """

    def __init__(self, *terms: Dissipation):
        if not terms:
            raise check.fail("terms", "at least one dissipation", terms)
        for term in terms:
            check.instance("terms", term, Dissipation)
        self._terms = tuple(part for term in terms for part in term.terms)
        self.only_friction = all(term.only_friction for term in self._terms)
        self.timed = any(term.timed for term in self._terms)

    @property
    def friction(self) -> float:  # type: ignore[override]
        """Sum of the rates [1 / time]."""
        return sum(term.friction for term in self._terms)

    def at(self, time: float) -> DissipationSum:
        """Return the sum of the terms as they are at a time."""
        return DissipationSum(*(term.at(time) for term in self._terms)) if self.timed else self

    @property
    def terms(self) -> tuple[Dissipation, ...]:
        """The dissipations in the sum."""
        return self._terms

    def rayleigh(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """Sum of the Rayleigh functions of the terms."""
        return sum(term.rayleigh(positions, velocities, weights, xp) for term in self._terms)

    def force(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum of the forces of the terms."""
        forces = (force_of(term, positions, velocities, weights) for term in self._terms if not term.only_friction)
        return sum(forces, np.zeros(velocities.shape))

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """Pieces of all terms; `None` if one has none."""
        return joined(term.pieces(weights, dim) for term in self._terms if not term.only_friction)

    @property
    def latex(self) -> str:
        """LaTeX of the sum."""
        return " + ".join(term.latex for term in self._terms)

    def __repr__(self) -> str:
        return " + ".join(repr(term) for term in self._terms)


def takes_one(function: Callable[..., Any]) -> bool:
    """Whether a function can be called with one argument; where that cannot be seen, it is taken to."""
    try:
        inspect.signature(function).bind(0.0)
    except TypeError:
        return False
    except ValueError:  # some built-in functions have no signature
        return True
    return True


class Friction(HoldsFunctions, Dissipation):
    """Linear friction, R = gamma / 2 integral |v|^2 rho; force -gamma v, solved exactly by the integrators.

    A rate that changes in time is taken as it is at both ends of each step, so that schemes keep their second order.

    Parameters
    ----------
    rate : float or callable
        gamma, at least 0 [1 / time], or a function of the time that gives it.

    Raises
    ------
    ParameterError
        If the rate is negative or not finite, also at the time when it is; and where one number is asked for, as by
        `Trajectory.action`, of a rate that changes.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> brake = wls.Lagrangian(dissipation=wls.Friction(lambda t: 1 / (1 + t)))
    >>> path = wls.simulate(brake, wls.Population([[0.0]], [[1.0]]), [1.0], dt=0.01)
    >>> bool(np.isclose(path.velocities[-1, 0, 0], 1 / 2, rtol=1e-4))      # v = 1 / (1 + t)
    True
    """

    only_friction = True

    def __init__(self, rate: float | Callable[[float], float]):
        if callable(rate) and not takes_one(rate):
            raise check.fail("rate", "a number, or a function of the time alone", rate)
        self.rate: Any = rate if callable(rate) else check.nonnegative("rate", rate)
        self.timed = callable(rate)

    @property
    def friction(self) -> float:  # type: ignore[override]
        """The rate, gamma [1 / time]; `ParameterError` if it depends on the time."""
        if self.timed:
            raise ParameterError(f"the rate of {self!r} depends on the time: ask it at one, `friction.at(time)`")
        return self.rate

    def at(self, time: float) -> Friction:
        """Return friction of the rate at a time."""
        if not self.timed:
            return self
        now = copy.copy(self)
        now.rate, now.timed = check.nonnegative_at("rate", time, self.rate(time)), False
        return now

    def force(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Zero: the integrators solve friction exactly."""
        return np.zeros(velocities.shape)

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...]:
        """None are needed."""
        return ()

    def rayleigh(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """gamma / 2 sum of w_i |v_i|^2; of a rate that depends on the time ask `at(time)`."""
        return 0.5 * self.friction * (weights[:, None] * velocities**2).sum()

    @property
    def latex(self) -> str:
        """LaTeX of the Rayleigh function of a population of mass m, for which gamma is a rate."""
        rate = r"\gamma(t)" if self.timed else r"\gamma"
        return rf"\tfrac{{m {rate}}}{{2}} \int |v|^2 \rho \, dx"

    def __repr__(self) -> str:
        return f"Friction({name_of(self.rate) if self.timed else format(self.rate, 'g')})"


class Alignment(Dissipation):
    """Velocity alignment (Cucker-Smale), R = 1/4 iint phi(|x - y|) |v - w|^2 rho rho.

    The communication rate is phi(r) = strength / (1 + (r / radius)^2)^exponent. Conserves momentum.
    Every pair is summed, so that the cost is O(n^2); a constant rate costs O(n).

    Parameters
    ----------
    strength : float
        Rate at zero distance, at least 0 [1 / time]. Default 1.
    radius : float
        Range, positive; infinity for a constant rate [length]. Default 1.
    exponent : float
        How fast the rate falls with distance, at least 0 [dimensionless]. Default 1/2.

    References
    ----------
    F. Cucker and S. Smale, IEEE Trans. Automat. Control 52, 852 (2007).
    """

    def __init__(self, strength: float = 1.0, radius: float = 1.0, exponent: float = 0.5):
        self.strength = check.nonnegative("strength", strength)
        self.radius = radius if radius == np.inf else check.positive("radius", radius)
        self.exponent = check.nonnegative("exponent", exponent)

    def rayleigh(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """1/4 sum of w_i w_j phi(|x_i - x_j|) |v_i - v_j|^2."""
        r2 = ((positions[:, None] - positions[None]) ** 2).sum(-1)
        speed2 = ((velocities[:, None] - velocities[None]) ** 2).sum(-1)
        rate = self.strength * (1.0 + r2 / self.radius**2) ** -self.exponent
        return 0.25 * (weights[:, None] * weights[None] * rate * speed2).sum()

    def force(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Sum over j of w_j phi(|x_i - x_j|) (v_j - v_i), compiled; in O(n) at a constant rate."""
        positions, velocities, weights = check.moving_particles(positions, velocities, weights)
        if self.radius == np.inf or self.exponent == 0:
            # from one of them on, so that a common velocity leaves nothing to rounding
            spread = velocities - velocities[0]
            return self.strength * (weights @ spread - spread)
        from wlmsim.kernels.alignment import alignment_force
        from wlmsim.kernels.threads import threads_for

        with threads_for(len(positions) ** 2 // 4):
            return alignment_force(positions, velocities, weights, self._numbers, (0.0,) * positions.shape[1])

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...]:
        """The same of all pairs as compiled code."""
        from wlmsim.kernels.alignment import add_alignment

        n = len(weights)
        arguments = weights, self._numbers, np.empty((dim, n)), np.empty((dim, n)), (0.0,) * dim
        return (Piece(add_alignment, (), arguments, n**2),)

    @property
    def _numbers(self) -> tuple[float, float, float]:
        return float(self.strength), float(self.radius) ** -2, float(self.exponent)

    @property
    def latex(self) -> str:
        """LaTeX of the Rayleigh function."""
        return r"\tfrac14 \iint \phi(|x - y|) \, |v - w|^2 \rho(x) \rho(y) \, dx \, dy"

    def __repr__(self) -> str:
        return f"Alignment(strength={self.strength:g}, radius={self.radius:g}, exponent={self.exponent:g})"


class SelfPropulsion(Dissipation):
    """Self-propulsion, R = integral (beta |v|^4 / 4 - alpha |v|^2 / 2) rho; force (alpha - beta |v|^2) v.

    Speeds settle at sqrt(alpha / beta).

    Parameters
    ----------
    alpha : float
        Propulsion, at least 0 [1 / time]. Default 1.
    beta : float
        Drag, at least 0 [time / length^2]. Default 1.

    References
    ----------
    D'Orsogna, Chuang, Bertozzi, Chayes, Phys. Rev. Lett. 96, 104302 (2006).
    """

    def __init__(self, alpha: float = 1.0, beta: float = 1.0):
        self.alpha = check.nonnegative("alpha", alpha)
        self.beta = check.nonnegative("beta", beta)

    def rayleigh(self, positions: Any, velocities: Any, weights: Any, xp: Any) -> Any:
        """Sum of w_i (beta |v_i|^4 / 4 - alpha |v_i|^2 / 2)."""
        speed2 = (velocities**2).sum(-1)
        return (weights * (0.25 * self.beta * speed2**2 - 0.5 * self.alpha * speed2)).sum()

    def force(self, positions: np.ndarray, velocities: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(alpha - beta |v|^2) v."""
        speed2 = (velocities**2).sum(-1, keepdims=True)
        return (self.alpha - self.beta * speed2) * velocities

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...]:
        """The same as compiled code."""
        from wlmsim.kernels.pieces import add_propulsion

        return (Piece(add_propulsion, (), (float(self.alpha), float(self.beta)), 0),)

    @property
    def latex(self) -> str:
        """LaTeX of the Rayleigh function."""
        return r"\int \left( \tfrac{\beta}{4} |v|^4 - \tfrac{\alpha}{2} |v|^2 \right) \rho \, dx"

    def __repr__(self) -> str:
        return f"SelfPropulsion(alpha={self.alpha:g}, beta={self.beta:g})"
