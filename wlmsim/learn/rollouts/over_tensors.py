"""Mechanics and schemes over tensors: the integrators of `wlmsim.integrators` step them as they step arrays."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import array_api_compat.torch as xp
import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.external import as_scalar
from wlmsim.integrators import (
    BAOAB,
    Boris,
    EulerMaruyama,
    Integrator,
    Leapfrog,
    RungeKutta4,
    StochasticHeun,
    Yoshida4,
    half_kick,
)
from wlmsim.learn.functionals.base import force_of_energy
from wlmsim.learn.rollouts.rollout import torch_force
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.mechanics.flow import Flow, GradientFlow
from wlmsim.mechanics.incompressible import StreamFlow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.mechanics.magnetic import cross

DIFFERENTIABLE = (Leapfrog, Yoshida4, Boris, BAOAB, RungeKutta4, EulerMaruyama, StochasticHeun)
"""Schemes whose steps are differentiable where forces are."""


class TensorLagrangian(Lagrangian):
    """A Lagrangian whose forces are differentiable tensors.

    Parameters
    ----------
    lagrangian : Lagrangian
        Its numbers may be tensors.
    like : Tensor
        Of the type and on the device of the state.
    """

    def __init__(self, lagrangian: Lagrangian, like: torch.Tensor):
        self.__dict__.update(lagrangian.__dict__)
        self.mass = lagrangian.mass if np.ndim(lagrangian.mass) == 0 else torch.as_tensor(lagrangian.mass).to(like)

    def acceleration(self, positions: Any, weights: Any, time: float = 0.0) -> Any:
        """As of every Lagrangian."""
        if self.potential is None:
            return torch.zeros_like(positions)
        force: Any = torch_force(self.potential, positions, weights, time)
        return self._by_mass(force)

    def dissipative_acceleration(self, positions: Any, velocities: Any, weights: Any) -> Any:
        """As of every Lagrangian."""
        terms = [] if self.dissipation is None else [t for t in self.dissipation.terms if not t.only_friction]
        forces: Any = (dissipative_force(term, positions, velocities, weights) for term in terms)
        none: Any = torch.zeros_like(velocities)
        return self._by_mass(sum(forces, none))


class TensorFlow(Flow):
    """A flow whose velocities are differentiable tensors.

    Parameters
    ----------
    flow : Flow
        Its numbers may be tensors.
    """

    def __init__(self, flow: Flow):
        self.flow = flow

    def velocity(self, positions: Any, weights: Any, time: float = 0.0) -> Any:
        """As of the flow."""
        if isinstance(self.flow, GradientFlow):
            return torch_force(self.flow.potential, positions, weights, time)
        t = as_scalar(time, positions, xp)
        if isinstance(self.flow, StreamFlow):
            law = self.flow.stream_function
            descent = force_of_energy(lambda x: law(x, t).sum(), positions, torch.ones_like(weights))
            return torch.stack([-descent[:, 1], descent[:, 0]], dim=1)
        try:
            return self.flow.expression(positions, weights, t, xp)
        except ParameterError as error:
            raise ParameterError(f"`mechanics` cannot be differentiated: {error}") from error


def dissipative_force(term: Dissipation, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Force of a dissipation but for friction: its expression, else -(1 / w_j) dR/dv_j."""
    force = term.expression(x, v, w, xp)
    if force is not NotImplemented:
        return force
    with torch.enable_grad():
        # a tensor of its own: x may have come about by v, and the force is the slope at fixed x
        v = v.view_as(v) if v.requires_grad else v.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(term.rayleigh(x, v, w, xp), v, create_graph=True)
    return -gradient / w[:, None]


class Draws:
    """A source of noise whose numbers are tensors.

    Parameters
    ----------
    source : numpy.random.Generator
        Where they come from.
    like : Tensor
        Of their type and on their device.
    """

    def __init__(self, source: np.random.Generator, like: torch.Tensor):
        self._source, self._like = source, like

    def standard_normal(self, shape: Any) -> torch.Tensor:
        """As of NumPy's generators."""
        return torch.as_tensor(self._source.standard_normal(tuple(shape))).to(self._like)


def over_tensors(scheme: Integrator, numbers: Mapping[str, torch.Tensor]) -> Integrator:
    """Return a copy of a scheme that steps tensors, with tensors in the place of some of its numbers.

    Raises
    ------
    ParameterError
        If its steps cannot be differentiated.
    """
    if type(scheme) not in DIFFERENTIABLE:
        known = ", ".join(kind.__name__ for kind in DIFFERENTIABLE)
        raise check.fail("integrator", f"one of {known}, whose steps can be differentiated", scheme)
    scheme = _TensorBoris() if isinstance(scheme, Boris) else copy.copy(scheme)
    for name, value in numbers.items():
        setattr(scheme, name, value)
    return scheme


class _TensorBoris(Boris):
    """The Boris push by matrix exponentials, whose slopes are right at fields and frictions of zero too."""

    def turns(self, mechanics: Lagrangian, positions: Any, time: float) -> Any:
        """Return m and c of dv/dt = F + M v, exp(M t) and its integral over t: blocks of one exponential."""
        if mechanics.magnetic is None:
            decay, kick = half_kick(mechanics.friction, 2 * time, unit_mobility=False)
            return (lambda v: decay * v), (lambda f: kick * f)
        eye = torch.eye(positions.shape[1]).to(positions)
        field = mechanics.magnetic.at(positions) / mechanics.inertia
        matrix = torch.stack([cross(row.expand(len(field), -1), field) for row in eye], dim=1)
        matrix = matrix - mechanics.friction * eye
        top = torch.cat([matrix * time, (eye * time).expand_as(matrix)], dim=2)
        whole = _exponential(torch.cat([top, torch.zeros_like(top)], dim=1))
        d = len(eye)
        m, c = whole[:, :d, :d], whole[:, :d, d:]
        return (lambda v: (v[:, None] @ m)[:, 0]), (lambda f: (f[:, None] @ c)[:, 0])


def _exponential(matrix: torch.Tensor) -> torch.Tensor:
    """Exponentials of matrices, shape (..., k, k): Taylor's series of a half of them, and halves, squared again.

    To rounding, where `torch.linalg.matrix_exp` leaves 1e-11 of matrices of a small norm.
    """
    norm = matrix.detach().abs().sum(-1).max().item()
    halvings = max(0, math.ceil(math.log2(norm)) + 1) if norm > 0 else 0
    matrix = matrix / 2**halvings
    term = total = torch.eye(matrix.shape[-1]).to(matrix).expand_as(matrix)
    for k in range(1, 17):  # (1 / 2)^17 / 17! is 2e-20
        term = term @ matrix / k
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total
