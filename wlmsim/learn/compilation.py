"""Learned terms as compiled loops, so that what was learned is simulated again at the speed of analytic laws."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, NoReturn, TypeVar

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.functionals.pairwise import short_range_sums
from wlmsim.functionals.pieces import Piece
from wlmsim.functionals.printing import Printed
from wlmsim.learn.functionals import Average, ExternalPotential, LearnableFunctional, PairPotential
from wlmsim.learn.functionals.base import TIME_STRETCH, members
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian

Mechanics = TypeVar("Mechanics", Lagrangian, GradientFlow, Functional)


def compiled(mechanics: Mechanics) -> Mechanics:
    """Return the same mechanics with learned external and pair potentials evaluated by compiled loops.

    They are evaluated in double precision, and agree with the learned terms, which are in single precision, to about
    1e-6 of the largest force. Means of several members are compiled too. All other terms stay as they are, also
    potentials with Fourier features. Parameters are copied: what is trained afterwards does not change the result.

    Parameters
    ----------
    mechanics : Lagrangian, GradientFlow or Functional
        Fitted, such as the ``lagrangian_`` of a `WLM`.

    Returns
    -------
    Lagrangian, GradientFlow or Functional
        Of the same kind. It can be simulated and differentiated, but not saved in a model file.

    Raises
    ------
    ParameterError
        If a term was neither fitted nor prepared.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> from wlmsim.learn.functionals import Scales
    >>> learned = wls.learn.ExternalPotential((8,))
    >>> learned.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))
    >>> fast = wls.learn.compiled(learned)
    >>> fast
    compiled(ExternalPotential(hidden=(8,), time_dependent=True))
    >>> x, w = np.eye(2), np.full(2, 0.5)
    >>> bool(np.allclose(fast.force(x, w), learned.force(x, w), atol=1e-5))
    True
    """
    if isinstance(mechanics, Functional):
        terms = [_compiled_term(term) for term in mechanics.terms]
        return terms[0] if len(terms) == 1 else FunctionalSum(*terms)
    if not isinstance(mechanics, (Lagrangian, GradientFlow)):
        raise check.fail("mechanics", "a Lagrangian, a GradientFlow or a Functional", mechanics)
    fast = copy.copy(mechanics)
    if mechanics.potential is not None:
        fast.potential = compiled(mechanics.potential)
    return fast


class Compiled(Functional):
    """A learned functional whose energy and force are compiled; its expression remains torch's."""

    def __init__(self, learned: LearnableFunctional):
        self.learned = copy.deepcopy(learned).double().requires_grad_(False)

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        """Degree in the density."""
        return self.learned.degree

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Energy of the learned functional."""
        return self.learned.expression(positions, weights, time, xp)

    @abstractmethod
    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Energy, compiled; `ParameterError` if it is not finite."""

    def settings(self) -> NoReturn:
        """Refuse to be described in a model file."""
        raise ParameterError(f"{self!r} cannot be saved: save the learned term, and compile it when it is loaded")

    @property
    def latex(self) -> str:
        """LaTeX of the learned functional."""
        return self.learned.latex

    def __repr__(self) -> str:
        return f"compiled({self.learned!r})"


class CompiledExternal(Compiled):
    """Learned external potentials, their perceptrons in the data's units."""

    def __init__(self, learned: LearnableFunctional):
        super().__init__(learned)
        self._networks = [_Network(self.learned, member, share) for member, share in members(self.learned)]

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Sum of w_i psi(x_i, t), compiled; `ParameterError` if it is not finite."""
        from wlmsim.kernels import perceptron, threads

        x = self._checked(positions, weights)
        with threads.threads_for(WORK * len(x)) as used:
            parts = [perceptron.energy(x, weights, *network.at(time), used) for network in self._networks]
        return self.finite(sum(parts))

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-grad psi(x_i, t), compiled."""
        from wlmsim.kernels import perceptron, threads

        x = self._checked(positions, weights)
        force = np.zeros_like(x)
        with threads.threads_for(WORK * len(x)) as used:
            for network in self._networks:
                perceptron.subtract_gradient(x, *network.at(time), used, force)
        return force

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """The same for loops over many steps."""
        from wlmsim.kernels.perceptron import add_perceptron

        if dim != self._networks[0].dim:
            return None
        each = [network.arguments() for network in self._networks]
        return tuple(Piece(add_perceptron, (), arguments, WORK * len(weights)) for arguments in each)

    def _checked(self, positions: np.ndarray, weights: np.ndarray) -> np.ndarray:
        positions, _ = check.particles(positions, weights)
        dim = self._networks[0].dim
        if positions.shape[1] != dim:
            raise check.fail("positions", f"an array of shape (n, {dim})", positions)
        return positions


class CompiledPair(Compiled):
    """Learned pair potentials on the same knots, their splines as polynomials in the data's units."""

    def __init__(self, learned: LearnableFunctional):
        super().__init__(learned)
        scales = self.learned._known_scales
        found = members(self.learned)
        law = found[0][0].law
        self.cutoff = law.cutoff * scales.length
        unit = (scales.length / scales.duration) ** 2
        table = np.sum([share * unit * _polynomials(member.law) for member, share in found], axis=0)
        self._parameters = table, len(table) / self.cutoff

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """Pair energy, compiled; `ParameterError` if it is not finite."""
        return self.finite(self._sums(positions, weights)[0])

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-sum over j of w_j grad W(|x_i - x_j|), compiled."""
        return self._sums(positions, weights)[2]

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...]:
        """The same for loops over many steps, of all pairs."""
        from wlmsim.kernels import spline
        from wlmsim.kernels.pieces import add_near_pairs

        arguments = weights, self._parameters, (self.cutoff, 0.0), np.zeros(dim), (0.0,) * dim
        return (Piece(add_near_pairs, (Printed.imported(spline.derivative),), arguments, len(weights) ** 2),)

    def _sums(self, positions: np.ndarray, weights: np.ndarray) -> tuple[float, float, np.ndarray]:
        from wlmsim.kernels import spline

        positions, weights = check.particles(positions, weights)
        law = Printed.imported(spline.value), Printed.imported(spline.derivative), self._parameters
        return short_range_sums(positions, weights, law, (self.cutoff, 0.0, 0.0))


WORK = 50
"""What a perceptron costs at a particle, in units of a simple law."""


def _compiled_term(term: Functional) -> Functional:
    found = list(term.functionals) if isinstance(term, Average) else [term]
    if all(type(member) is ExternalPotential and not member.fourier_features for member in found):
        return CompiledExternal(term)  # type: ignore[arg-type]
    same = len({(member.cutoff, member.knots) for member in found if type(member) is PairPotential}) == 1
    if same and all(type(member) is PairPotential for member in found):
        return CompiledPair(term)  # type: ignore[arg-type]
    return term


class _Network:
    """The perceptron of an external potential, laid out for the kernel, in the coordinates and units of the data."""

    def __init__(self, learned: LearnableFunctional, potential: ExternalPotential, factor: float):
        scales = learned._known_scales
        self.dim = len(scales.centre)
        *hidden, last = [layer.weight.numpy() for layer in potential.psi.layers]
        biases = [layer.bias.numpy() for layer in potential.psi.layers[:-1]]
        # the map to scaled coordinates is affine: it becomes part of the first layer, in which time moves the bias
        first = hidden[0][:, : self.dim] / scales.length
        self._rate = hidden[0][:, self.dim :].sum(1) * TIME_STRETCH / scales.duration
        biases[0] = biases[0] - first @ np.array(scales.centre) - self._rate * scales.start
        hidden[0] = first
        self._forward = tuple(_padded(weight.T) for weight in hidden)
        self._biases = tuple(np.ascontiguousarray(bias) for bias in biases)
        self._backward = tuple(_padded(weight) for weight in hidden)
        self._top = last[0] * (factor * potential.unit * (scales.length / scales.duration) ** 2)

    def at(self, time: float) -> tuple[Any, Any, Any, Any]:
        """What the kernel takes, see `wlmsim.kernels.perceptron`, at a time of the data."""
        first, *others = self._biases
        return self._forward, (first + self._rate * float(time), *others), self._backward, self._top

    def arguments(self) -> tuple[Any, ...]:
        """What `wlmsim.kernels.perceptron.add_perceptron` takes."""
        from wlmsim.kernels.perceptron import work_arrays

        network = self.at(0.0)
        return self._biases[0], self._rate, network, work_arrays(self._forward, self._backward)


def _padded(weights: np.ndarray) -> np.ndarray:
    """Weights with columns of zeros up to a multiple of what the kernel computes at the same time."""
    from wlmsim.kernels.perceptron import TILE

    return np.ascontiguousarray(np.pad(weights, ((0, 0), (0, -weights.shape[1] % len(TILE)))))


def _polynomials(law: Any) -> np.ndarray:
    """Coefficients of powers 0 to 3 of the place within each interval of a spline, shape (knots, 4).

    They are found from values of the spline itself, at four places of each interval.
    """
    places = np.arange(4) / 4.0
    count = len(law.coefficients)
    r = (np.arange(count)[:, None] + places) * (law.cutoff / count)
    with torch.no_grad():
        values = law(torch.as_tensor(r.ravel())).numpy().reshape(count, 4)
    return np.linalg.solve(places[:, None] ** np.arange(4), values.T).T
