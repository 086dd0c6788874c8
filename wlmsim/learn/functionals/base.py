"""The base of all energy functionals with parameters to learn, and their mean."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from wlmsim import _validation as check
from wlmsim.functionals.base import Functional

TIME_STRETCH = 0.6
"""What a network sees of scaled time: a potential that changes slowly over the interval between marginals."""


def with_time(x: torch.Tensor, t: Any) -> torch.Tensor:
    """Positions with the stretched time as a further coordinate, shape (n, d + 1)."""
    return torch.cat([x, torch.zeros_like(x[:, :1]) + t * TIME_STRETCH], dim=1)


def force_of_energy(energy: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """-(1 / w_j) dU/dx_j of an energy as a function of the positions, by automatic differentiation, shape (n, d)."""
    with torch.enable_grad():
        x = x if x.requires_grad else x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(energy(x).sum(), x, create_graph=True)
    return -gradient / w[:, None]


def by_each(term: torch.nn.Module, force: Callable[[], torch.Tensor]) -> torch.Tensor:
    """What each parameter of a linear term alone adds to a force, found by setting one after the other."""
    parameters = list(term.parameters())
    kept, found = parameters_to_vector(parameters), []
    with torch.no_grad():
        for values in torch.cat([torch.zeros_like(kept)[None], torch.eye(len(kept)).to(kept)]):
            vector_to_parameters(values, parameters)
            found.append(force())
        vector_to_parameters(kept, parameters)
    return torch.stack(found[1:]) - found[0]


def widths_of(name: str, hidden: Any) -> tuple[int, ...]:
    """Check the widths of hidden layers: one, or several."""
    widths = [hidden] if isinstance(hidden, int) else list(hidden)
    if not widths:
        raise check.fail(name, "at least one width", hidden)
    return tuple(check.integer(name, width) for width in widths)


class Scales(NamedTuple):
    """Affine map from the data's coordinates to those of order one that a network sees.

    Positions are (x - centre) / length, with one length for all axes, so that distances keep their meaning; times
    are (t - start) / duration, `duration` being also the unit of time of the scaled dynamics. Forces are of the size
    `typical_force`, or else of order one [length / time^2]. `spread` is the standard deviation of a single marginal
    along an axis, that of all together being `length`; by default they are the same [length].
    """

    centre: tuple[float, ...]
    length: float
    start: float
    duration: float
    typical_force: float | None = None
    spread: float | None = None

    def pair_unit(self, cutoff: float, dim: int) -> float:
        """What pairs within a cutoff do to each other where their sum carries a particle through a marginal, scaled."""
        return (self.spread or self.length) / self.length / self.share_within(cutoff, dim)

    def share_within(self, cutoff: float, dim: int) -> float:
        """About the share of the particles of a marginal that are within a cutoff of one of them [dimensionless]."""
        radius = cutoff / (2 * (self.spread or self.length))
        return min(1.0, radius**dim / math.gamma(dim / 2 + 1))

    def force(self, value: float | None) -> float | None:
        """A force in scaled coordinates, by default the typical one of the data, if there is one."""
        value = self.typical_force if value is None else value
        return None if value is None else value * self.duration**2 / self.length


class Learnable(torch.nn.Module):
    """A term of a Lagrangian whose parameters are learned, in scaled coordinates.

    A subclass says how to `build` its parameters for a number of dimensions. Units: the term works in scaled
    coordinates (`Scales`), in which it is multiplied by `factor` = (1 + gamma) for the unit-mobility scaling of a fit.
    """

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.scales: Scales | None = None
        self.factor = 1.0

    linear = False
    """Whether the force is linear in all parameters, so that least squares learn them."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments: plain values, and terms that this one is made of."""

    @abstractmethod
    def build(self, dim: int) -> None:
        """Create the parameters for `dim` coordinates, from torch's random state."""

    def prepare(self, dim: int, scales: Scales) -> None:
        """Fit the coordinates to the data and create the parameters anew for this dimension."""
        self.scales = scales
        self.factor = 1.0
        self.build(dim)

    @property
    def _known_scales(self) -> Scales:
        if self.scales is None:
            raise check.fail("functional", "fitted or prepared before it can be evaluated", self)
        return self.scales

    def _check_rows(self, weights: Any, **vectors: Any) -> None:
        """Refuse arrays that are not of shapes (n, d) and (n,), of the d dimensions that were fitted."""
        dim = len(self._known_scales.centre)
        for name, rows in vectors.items():
            if np.ndim(rows) != 2 or np.shape(rows)[1] != dim:
                raise check.fail(name, f"an array of shape (n, {dim}), of the {dim} dimensions that were fitted", rows)
            if np.shape(weights) != np.shape(rows)[:1]:
                raise check.fail("weights", f"an array of shape ({len(rows)},), as there are `{name}`", weights)

    def _tensors(self, *arrays: Any) -> list[torch.Tensor]:
        """The arrays as tensors of the type and device of the parameters."""
        parameter = next(self.parameters())
        return [torch.as_tensor(array).to(parameter) for array in arrays]

    def _scaled_positions(self, positions: Any) -> torch.Tensor:
        """In the precision that was given: far from the origin, single precision does not tell places apart."""
        scales, x = self._known_scales, torch.as_tensor(positions)
        x = x if x.is_floating_point() else x.double()
        return (x - torch.tensor(scales.centre, dtype=x.dtype, device=x.device)) / scales.length


class LearnableFunctional(Learnable, Functional):
    """A functional whose energy is a torch module.

    A subclass gives its `scaled_energy` and, where that is faster than differentiating, its `scaled_force`. In the
    data's units the energy is multiplied by factor length^2 / duration^2.
    """

    local = False
    """Whether the force at a place is a matter of the place and the time alone, of which there may be one a place."""

    @abstractmethod
    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Energy in scaled coordinates, without `factor`: x (n, d), w (n,), t a number or scalar tensor."""

    def force_of_each(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Force by each parameter alone in scaled coordinates, shape (parameters, n, d), of a linear term."""
        return by_each(self, lambda: self.scaled_force(x, w, t))

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Force in scaled coordinates, shape (n, d); differentiates the energy unless a subclass knows better."""
        return force_of_energy(lambda y: self.scaled_energy(y, w, t), x, w)

    def _to_scaled(self, positions: Any, weights: Any, time: Any) -> tuple[torch.Tensor, torch.Tensor, Any]:
        scales = self._known_scales
        self._check_rows(weights, positions=positions)
        x, w = self._tensors(self._scaled_positions(positions), weights)
        return x, w, (time - scales.start) / scales.duration

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Energy in the data's units; a torch tensor that can be differentiated, or a number for NumPy arrays."""
        scales = self._known_scales
        energy = self.scaled_energy(*self._to_scaled(positions, weights, time))
        energy = self.factor * scales.length**2 / scales.duration**2 * energy
        return energy.item() if isinstance(positions, np.ndarray) else energy

    def torch_force(self, positions: torch.Tensor, weights: torch.Tensor, time: Any) -> torch.Tensor:
        """Force in the data's units, of the type of the positions; it can be differentiated."""
        scales = self._known_scales
        force = self.scaled_force(*self._to_scaled(positions, weights, time)).to(positions)
        return self.factor * scales.length / scales.duration**2 * force

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Force in the data's units."""
        x, w = check.array("positions", positions), check.array("weights", weights)
        with torch.no_grad():
            force = self.torch_force(torch.as_tensor(x), torch.as_tensor(w), time)
        return force.numpy()


class Average(LearnableFunctional):
    """Mean of several learnable functionals, U[rho] = sum of U_k[rho] / K: what a fit with several members learns.

    Parameters
    ----------
    functionals : sequence of LearnableFunctional
        At least one, all of one form.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.Average([wls.learn.ExternalPotential(), wls.learn.ExternalPotential()])
    Average(2 of ExternalPotential(hidden=(64, 64), time_dependent=True))
    """

    def __init__(self, functionals: Sequence[LearnableFunctional]):
        super().__init__()
        if not functionals:
            raise check.fail("functionals", "at least one", functionals)
        for functional in functionals:
            check.instance("functionals", functional, LearnableFunctional)
        self.functionals: Any = torch.nn.ModuleList(functionals)
        self.scales = functionals[0].scales

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        """Degree in the density, of all."""
        return self.functionals[0].degree

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """What each particle is, which is the same to all."""
        return self.functionals[0].kinds

    def of_rows(self, rows: Sequence[int] | np.ndarray) -> Average:
        """The average among those particles."""
        other = Average([functional.of_rows(rows) for functional in self.functionals])
        other.factor = self.factor
        return other

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"functionals": list(self.functionals)}

    def build(self, dim: int) -> None:
        """Prepare all."""
        for functional in self.functionals:
            functional.prepare(dim, self._known_scales)

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Mean of the energies, each with its factor."""
        return sum(f.factor * f.scaled_energy(x, w, t) for f in self.functionals) / len(self.functionals)

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Mean of the forces, each with its factor."""
        return sum(f.factor * f.scaled_force(x, w, t) for f in self.functionals) / len(self.functionals)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return rf"\langle {self.functionals[0].latex} \rangle_{{\theta}}"

    def __repr__(self) -> str:
        return f"Average({len(self.functionals)} of {self.functionals[0]!r})"


def members(learned: LearnableFunctional) -> list[tuple[Any, float]]:
    """The potentials of a mean, or the one potential, and the factor before each."""
    if isinstance(learned, Average):
        share = learned.factor / len(learned.functionals)
        return [(member, share * member.factor) for member in learned.functionals]
    return [(learned, learned.factor)]
