"""Forces with their adjoints: by automatic differentiation, compiled, or typed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any, Protocol

import numpy as np
import torch

from wlmsim.functionals import External, Gravity, Pairwise, tracing
from wlmsim.functionals.base import Functional
from wlmsim.functionals.binding import bound
from wlmsim.learn.functionals import ExternalPotential, LearnableFunctional
from wlmsim.learn.functionals.base import members


class AdjointForce(Protocol):
    """A force and its adjoint.

    Attributes
    ----------
    parameters : tuple of Tensor
        What the force depends on beside the positions and has a gradient.
    """

    parameters: tuple[torch.Tensor, ...]

    def __call__(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """Force at the positions, without gradient."""
        ...

    def pull_back(
        self, x: torch.Tensor, t: float, u: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, Sequence[torch.Tensor]]:
        """Force, and the gradient of sum of u . force with respect to the positions and to each parameter."""
        ...


class TracedForce:
    """A force given as a torch function, its adjoint by automatic differentiation.

    Parameters
    ----------
    force : callable
        Acceleration as a function of positions (n, d) and time.
    parameters : sequence of Tensor
        Every tensor that the force depends on and that has a gradient.
    """

    def __init__(self, force: Callable[[torch.Tensor, Any], torch.Tensor], parameters: Sequence[torch.Tensor] = ()):
        self.force = force
        self.parameters = tuple(parameters)

    def __call__(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """Force at the positions, without gradient."""
        with torch.no_grad():
            return self.force(x, t)

    def pull_back(
        self, x: torch.Tensor, t: float, u: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, Sequence[torch.Tensor]]:
        """Force and adjoint, from the graph of one evaluation."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            force = self.force(x, t)
            if not force.requires_grad:  # the same force everywhere
                return force, torch.zeros_like(x), [torch.zeros_like(p) for p in self.parameters]
            inputs = [x, *self.parameters]
            towards_x, *towards = torch.autograd.grad(force, inputs, u, allow_unused=True, materialize_grads=True)
        return force.detach(), towards_x, towards


class CompiledForce:
    """The force of an analytic functional in float64 on the CPU, compiled, with its adjoint derived by SymPy.

    Parameters
    ----------
    functional : External, Gravity or Pairwise
        One of those that `is_compiled` is true of; numbers in its law may be tensors.
    w : Tensor, shape (n,)
        Weights that sum to 1.
    dim : int
        Dimension of space.
    """

    def __init__(self, functional: External | Gravity | Pairwise, w: torch.Tensor, dim: int):
        law = functional.law
        entries = tracing.entries_of(law)
        rows = [k for k, entry in enumerate(entries) if isinstance(entry, torch.Tensor) and entry.requires_grad]
        self.parameters = tuple(entries[k] for k in rows)
        self._rows = rows
        self._w = w.detach().numpy()
        loops = _external_loops(law, dim) if isinstance(functional, External) else _pair_loops(law, dim, bool(rows))
        self._force, self._adjoint = loops

    @staticmethod
    def is_compiled(functional: Functional, x: torch.Tensor) -> bool:
        """Whether there is a compiled adjoint for a functional and such positions."""
        uncut = type(functional) is Pairwise and functional.cutoff is None and not functional.timed
        whole = uncut or type(functional) in (External, Gravity)
        return whole and x.dtype == torch.float64 and x.device.type == "cpu"

    def __call__(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """Force at the positions."""
        return torch.from_numpy(self._force(x.numpy(), self._w, float(t)))

    def pull_back(
        self, x: torch.Tensor, t: float, u: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, Sequence[torch.Tensor]]:
        """Force and adjoint from one loop over particles or pairs."""
        force, towards_x, towards_p = self._adjoint(x.numpy(), self._w, float(t), u.contiguous().numpy())
        towards = [torch.full_like(p, towards_p[:, k].sum()) for k, p in zip(self._rows, self.parameters, strict=True)]
        return torch.from_numpy(force), torch.from_numpy(towards_x), towards


Loops = tuple[Callable[..., Any], Callable[..., Any]]
"""Force as a function of (x, w, t), and force and adjoint as a function of (x, w, t, u)."""


def _external_loops(law: Any, dim: int) -> Loops:
    from wlmsim.functionals import adjoints
    from wlmsim.kernels import adjoints as backward
    from wlmsim.kernels import laws as forward
    from wlmsim.kernels.threads import threads_for

    compiled, adjoint = tracing.compile_external(law, dim), adjoints.compile_external_adjoint(law, dim)
    gradient, array = compiled.gradient, compiled.parameters
    parameters, axes, slopes = tuple(array.tolist()), (0.0,) * dim, (0.0,) * len(tracing.entries_of(law))

    def force(x: np.ndarray, w: np.ndarray, t: float) -> Any:
        with threads_for(len(x)):
            return bound(forward.external_force, gradient)(x, t, array)

    def pull_back(x: np.ndarray, w: np.ndarray, t: float, u: np.ndarray) -> Any:
        with threads_for(len(x)):
            return bound(backward.external_adjoint, adjoint)(x, t, parameters, u, axes, slopes)

    return force, pull_back


def _pair_loops(law: Any, dim: int, with_parameters: bool) -> Loops:
    from wlmsim.functionals import adjoints
    from wlmsim.kernels import adjoints as backward
    from wlmsim.kernels import laws as forward
    from wlmsim.kernels.threads import threads_for

    compiled = tracing.compile_radial(law)
    derivative = compiled.gradient
    adjoint, count = adjoints.compile_radial_adjoint(law, parameters=with_parameters)
    parameters, axes, slopes = tuple(compiled.parameters.tolist()), (0.0,) * dim, (0.0,) * count

    def force(x: np.ndarray, w: np.ndarray, t: float) -> Any:
        with threads_for(len(x) ** 2):
            return bound(forward.pair_force, derivative)(x, w, parameters, axes)

    def pull_back(x: np.ndarray, w: np.ndarray, t: float, u: np.ndarray) -> Any:
        with threads_for(len(x) ** 2):
            return bound(backward.pair_adjoint, adjoint)(x, w, parameters, u, axes, slopes)

    return force, pull_back


class LearnedForce:
    """The force of a learned external potential on the CPU, with its adjoint typed out.

    Parameters
    ----------
    potential : ExternalPotential
        Without Fourier features.
    factor : float
        What the potential is multiplied by in scaled coordinates.
    w : Tensor, shape (n,)
        Weights that sum to 1.
    """

    def __init__(self, potential: ExternalPotential, factor: float, w: torch.Tensor):
        self.potential, self._w = potential, w
        self.parameters: tuple[torch.Tensor, ...] = tuple(p for p in potential.parameters() if p.requires_grad)
        self._learned = [p.requires_grad for p in potential.parameters()]
        scales = potential._known_scales
        self._unit, self._length = factor * scales.length / scales.duration**2, scales.length

    @staticmethod
    def terms_of(functional: Functional, w: torch.Tensor) -> list[LearnedForce]:
        """One for each member of a learned external potential; none of another functional, or on another device."""
        if not isinstance(functional, LearnableFunctional) or w.device.type != "cpu":
            return []
        found: list[Any] = members(functional)
        typed = all(type(member) is ExternalPotential and not member.fourier_features for member, _ in found)
        return [LearnedForce(member, factor, w) for member, factor in found] if typed else []

    def __call__(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """Force at the positions, without gradient."""
        with torch.no_grad():
            return self._unit * self.potential.scaled_force(*self.potential._to_scaled(x, self._w, t)).to(x)

    def pull_back(
        self, x: torch.Tensor, t: float, u: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, Sequence[torch.Tensor]]:
        """Force and adjoint from one pass through the network and back."""
        with torch.no_grad():
            positions, _, time = self.potential._to_scaled(x, self._w, t)
            force, towards_x, towards = self.potential.pull_back(positions, time, (self._unit * u).to(positions))
        return self._unit * force.to(x), (towards_x / self._length).to(x), list(compress(towards, self._learned))


class SumForce:
    """The sum of forces.

    Parameters
    ----------
    *terms : AdjointForce
        Any number of them; none is no force.
    """

    def __init__(self, *terms: AdjointForce):
        self.terms = terms
        self.parameters = tuple(parameter for term in terms for parameter in term.parameters)

    def __call__(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """Force at the positions, without gradient."""
        return sum((term(x, t) for term in self.terms), torch.zeros_like(x))

    def pull_back(
        self, x: torch.Tensor, t: float, u: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, Sequence[torch.Tensor]]:
        """Force and adjoint, term by term."""
        force, towards_x = torch.zeros_like(x), torch.zeros_like(x)
        towards: list[torch.Tensor] = []
        for term in self.terms:
            part, position, parameters = term.pull_back(x, t, u)
            force, towards_x = force + part, towards_x + position
            towards.extend(parameters)
        return force, towards_x, towards
