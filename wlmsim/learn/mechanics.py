"""The mechanics that a fit works on: learnable and analytic terms, friction, in scaled coordinates."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from wlmsim.data.population import Population, grown
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.learn.dissipations import AverageDissipation, LearnableDissipation
from wlmsim.learn.functionals import Average, Learnable, LearnableFunctional, Scales
from wlmsim.learn.functionals.force_evaluation import ForceEvaluator
from wlmsim.learn.networks.near_pairs import OfNearPairs
from wlmsim.learn.networks.perceptron import Perceptron
from wlmsim.learn.rollouts.rollout import VelocityForce, torch_force
from wlmsim.mechanics.dissipation import Dissipation, Friction
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian

INITIAL_FIELD = (64,)
"""Widths of the hidden layers of a learned field of initial velocities."""
INITIAL_FRICTION = 0.01
"""Where a learned friction starts, in units of 1 / the mean interval between marginals."""


@dataclass(frozen=True)
class Cloud:
    """One marginal as tensors in scaled coordinates."""

    x: torch.Tensor
    v: torch.Tensor | None
    w: torch.Tensor
    time: float
    growth: torch.Tensor | None = None

    def rows(self, index: torch.Tensor) -> Cloud:
        """Some of its particles, with weights that sum to 1."""
        w = self.w[index]
        v, growth = (None if column is None else column[index] for column in (self.v, self.growth))
        return Cloud(self.x[index], v, w / w.sum(), self.time, growth)

    def grown(self, time: float) -> torch.Tensor:
        """Weights at another time, of particles that grow as is known beforehand."""
        return self.w if self.growth is None else grown(self.w, (time - self.time) * self.growth, torch)


WEAK = 0.03
"""Share of the unit of force under which forces that turn the motion within the data, or speed it up, are weak."""


def scales_of(series: SnapshotSeries, *, inertial: bool = True) -> Scales:
    """Scales under which the data's positions and the interval between marginals are of order one.

    Where velocities v are known and the mechanics is `inertial`, a force v^2 / L turns the motion within the extent L
    of the data, and one of dv/dt speeds it up between two marginals. The force of order one carries a particle that far
    between two marginals: with many marginals, close to each other, it is far larger, and the others are typical.
    """
    positions = np.concatenate(series.positions)
    length = float(np.sqrt(positions.var(0).mean())) or 1.0
    within = np.average([x.var(0).mean() for x in series.positions], weights=series.sizes)
    span = float(series.times[-1] - series.times[0])
    duration = span / max(len(series) - 1, 1) or 1.0
    typical = _typical_force(series, length) if inertial else 0.0
    share = typical * duration**2 / length
    return Scales(
        tuple(positions.mean(0).tolist()),
        length,
        float(series.times[0]),
        duration,
        typical if 0 < share < WEAK else None,
        float(np.sqrt(within)) or None,
    )


def _typical_force(series: SnapshotSeries, length: float) -> float:
    """What turns the motion within the extent of the data, or speeds it up; 0 where no velocities are known."""
    known = [(cloud.time, len(cloud), cloud.velocities) for cloud in series if cloud.velocities is not None]
    if not known:
        return 0.0
    times, sizes = (np.array([row[k] for row in known]) for k in (0, 1))
    speeds = np.array([np.sqrt((v**2).sum(1).mean()) for _, _, v in known])
    turning = float(sizes @ speeds**2 / sizes.sum()) / length
    rates = np.diff(speeds) / np.diff(times)
    return max(turning, float(np.sqrt((rates**2).mean()))) if len(rates) else turning


def scaled_cloud(cloud: Population, scales: Scales, like: torch.Tensor) -> Cloud:
    """Convert a marginal to tensors of the type and device of `like`."""

    def tensor(values: np.ndarray) -> torch.Tensor:
        return torch.as_tensor(values).to(like)

    velocities = cloud.velocities
    return Cloud(
        tensor((cloud.positions - np.array(scales.centre)) / scales.length),
        None if velocities is None else tensor(velocities * scales.duration / scales.length),
        tensor(cloud.weights),
        (cloud.time - scales.start) / scales.duration,
        None if cloud.growth is None else tensor(cloud.growth * scales.duration),
    )


class Mechanics(torch.nn.Module):
    """A functional and friction as one torch module, in scaled coordinates with unit mobility.

    Parameters
    ----------
    functional : Functional
        Copied, so that the caller's stays as it was.
    friction : "learn" or float
        Learned as gamma = exp(theta), or fixed [1 / time]; infinite for a gradient flow.
    dim : int
        Dimension of space.
    scales : Scales
        Scaled coordinates.
    dissipation : Dissipation, optional
        Forces that depend on the velocity, beside friction. Copied.
    initial_field : bool
        Whether there is a learned field of velocities at the first marginal. Default False.
    """

    centre: torch.Tensor

    def __init__(
        self,
        functional: Functional,
        friction: str | float,
        dim: int,
        scales: Scales,
        dissipation: Dissipation | None = None,
        *,
        initial_field: bool = False,
    ):
        super().__init__()
        self.dim = dim
        self.scales = scales
        terms = [copy.deepcopy(term) for term in functional.terms]
        self.learned = [term for term in terms if isinstance(term, LearnableFunctional)]
        self.analytic = [term for term in terms if not isinstance(term, LearnableFunctional)]
        self.dissipations = [] if dissipation is None else [copy.deepcopy(term) for term in dissipation.terms]
        learned: list[Any] = [*self.learned, *(d for d in self.dissipations if isinstance(d, LearnableDissipation))]
        for term in learned:
            term.prepare(dim, scales)
        self.networks = torch.nn.ModuleList(learned)  # what torch sees of them
        self.evaluator = ForceEvaluator()
        self.standard_errors: dict[str, np.ndarray] = {}
        self.register_buffer("centre", torch.tensor(scales.centre, dtype=torch.float64), persistent=False)
        self.initial_field: Any = Perceptron([dim, *INITIAL_FIELD, dim]) if initial_field else None
        if friction == "learn":
            self.log_friction: torch.nn.Parameter | None = torch.nn.Parameter(torch.tensor(math.log(INITIAL_FRICTION)))
            self.fixed_friction = 0.0
        else:
            self.log_friction = None
            self.fixed_friction = float(friction) * scales.duration

    @property
    def gamma(self) -> Any:
        """Friction rate in scaled time, a tensor where it is learned."""
        return self.fixed_friction if self.log_friction is None else self.log_friction.exp()

    @property
    def friction(self) -> float:
        """Friction rate in the data's time [1 / time]."""
        with torch.no_grad():
            gamma = self.gamma
        return (gamma.item() if isinstance(gamma, torch.Tensor) else gamma) / self.scales.duration

    @property
    def first_order(self) -> bool:
        """Whether friction is infinite, so that the force is the velocity."""
        return self.fixed_friction == math.inf

    def is_like(self, other: Mechanics) -> bool:
        """Whether the other one has the same terms, dimension and kind of friction: its tensors then fit here."""

        def form(mechanics: Mechanics) -> tuple[Any, ...]:
            tensors = {name: tensor.shape for name, tensor in mechanics.state_dict().items()}
            return mechanics.dim, mechanics.fixed_friction, repr(list(mechanics.networks)), tensors

        return form(self) == form(other)

    def force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Acceleration before the factor 1 + gamma of unit mobility, shape (n, d), in scaled coordinates.

        In first-order mechanics, which are the limit, this is the velocity.
        """
        total = torch.zeros_like(x)
        for term in self.learned:
            total = total + self.evaluator.force(term, x, w, t)
        if self.analytic:
            mobility = 1.0 / self.scales.duration if self.first_order else 1.0 / (1.0 + self.gamma)
            total = total + self._analytic_force(x, w, t) * mobility
        return total

    def _analytic_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        scales, positions = self.scales, self._in_data_units(x)
        time = t * scales.duration + scales.start
        force = torch.zeros_like(x)
        for term in self.analytic:
            force = force + torch_force(term, positions, w, time)
        return force * (scales.duration**2 / scales.length)

    def velocity_force(self, w: torch.Tensor) -> VelocityForce | None:
        """Acceleration by the dissipations, before the factor 1 + gamma as in `force`; None where there are none."""
        return partial(self._velocity_force_at, w) if self.dissipations else None

    def _velocity_force_at(self, w: torch.Tensor, x: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        learned = [term.scaled_force_at(x, w) for term in self.dissipations if isinstance(term, LearnableDissipation)]
        others = [term for term in self.dissipations if not isinstance(term, LearnableDissipation)]

        def at(v: torch.Tensor) -> torch.Tensor:
            total = torch.zeros_like(v)
            for force in learned:
                total = total + force(v)
            for term in others:
                total = total + self._analytic_velocity_force(term, x, v, w) / (1.0 + self.gamma)
            return total

        return at

    def conservative_acceleration(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Acceleration by the potential, shape (n, d), in scaled coordinates."""
        return (1.0 + self.gamma) * self.force(x, w, t)

    def velocity_acceleration(self, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Acceleration by friction and the other dissipations."""
        drag, further = -self.gamma * v, self.velocity_force(w)
        return drag if further is None else drag + (1.0 + self.gamma) * further(x)(v)

    def local_acceleration(self, cloud: Cloud, gradient: torch.Tensor) -> torch.Tensor:
        """Mean square of du/dt = a - (v . grad) u, the rate at which a current changes where the particles are."""
        assert cloud.v is not None
        acceleration = self.conservative_acceleration(cloud.x, cloud.w, cloud.time)
        acceleration = acceleration + self.velocity_acceleration(cloud.x, cloud.v, cloud.w)
        return cloud.w @ ((acceleration - cloud.v @ gradient) ** 2).sum(-1)

    @property
    def is_local(self) -> bool:
        """Whether the force at a place is a matter of the place and the time alone, which may be a tensor of times."""
        return all(term.local for term in self.learned) and not self.analytic and not self.dissipations

    def _analytic_velocity_force(
        self, term: Dissipation, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor
    ) -> torch.Tensor:
        import array_api_compat.torch as xp

        scales = self.scales
        with torch.enable_grad():
            v = v if v.requires_grad else v.detach().requires_grad_()
            velocities = v * (scales.length / scales.duration)
            rayleigh = term.rayleigh(self._in_data_units(x), velocities, w, xp)
            (gradient,) = torch.autograd.grad(rayleigh, velocities, create_graph=True)
        return -gradient / w[:, None] * (scales.duration**2 / scales.length)

    def initial_velocities(self, positions: np.ndarray) -> np.ndarray:
        """The learned field at the first marginal, in the data's units."""
        scales, parameter = self.scales, next(self.initial_field.parameters())
        with torch.no_grad():
            v = self.initial_field(torch.as_tensor((positions - np.array(scales.centre)) / scales.length).to(parameter))
        return v.cpu().double().numpy() * scales.length / scales.duration

    def _in_data_units(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scales.length + self.centre.to(x.dtype)

    def terms(self) -> list[Learnable]:
        """Copies of the learned terms in the data's units, independent of further training."""
        terms: list[Any] = list(copy.deepcopy(self.networks))
        for term in terms:
            term.factor = self.scales.duration if self.first_order else 1.0 + self.friction * self.scales.duration
            term.eval().requires_grad_(False).to("cpu")
            if isinstance(term, OfNearPairs):
                term.capacity = None
        return terms


def mean_mechanics(members: Sequence[Mechanics]) -> Lagrangian | GradientFlow:
    """The mean of mechanics of one form in the data's units: mean energies and mean friction."""
    by_term = zip(*(member.terms() for member in members), strict=True)
    learned = [same[0] if len(same) == 1 else _average(same) for same in by_term]
    first = members[0]
    functionals = [term for term in learned if isinstance(term, Functional)] + first.analytic
    dissipations = [term for term in learned if isinstance(term, Dissipation)]
    dissipations += [term for term in first.dissipations if not isinstance(term, LearnableDissipation)]
    potential = functionals[0] if len(functionals) == 1 else FunctionalSum(*functionals)
    if first.first_order:
        return GradientFlow(potential)
    gamma = float(np.mean([member.friction for member in members]))
    dissipations += [Friction(gamma)] if gamma > 0 else []
    return Lagrangian(potential, dissipation=sum(dissipations[1:], dissipations[0]) if dissipations else None)


def _average(same: Sequence[Any]) -> Any:
    return Average(same) if isinstance(same[0], Functional) else AverageDissipation(same)
