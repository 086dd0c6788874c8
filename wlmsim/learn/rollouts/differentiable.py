"""wlmsim as a differentiable simulator: tensors in, tensors out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.learn.known_form.parameter_names import with_parameters
from wlmsim.learn.rollouts.adjoint import flat_rollout, steps_over
from wlmsim.learn.rollouts.adjoint_forces import AdjointForce, CompiledForce, LearnedForce, SumForce, TracedForce
from wlmsim.learn.rollouts.rollout import rollout, torch_force
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.mechanics.lagrangian import Lagrangian


class Path(NamedTuple):
    """Positions and velocities of the same particles at several times, as tensors.

    Attributes
    ----------
    times : ndarray, shape (T,)
        Times [time].
    positions, velocities : Tensor, shape (T, n, d)
        [length], [length / time].
    """

    times: np.ndarray
    positions: torch.Tensor
    velocities: torch.Tensor


def differentiable_simulate(
    lagrangian: Lagrangian,
    population: Population,
    times: Any,
    *,
    dt: float | None = None,
    parameters: Mapping[str, torch.Tensor] | None = None,
    positions: torch.Tensor | None = None,
    velocities: torch.Tensor | None = None,
) -> Path:
    """Simulate as `wlmsim.simulate` does, with gradients.

    Gradients flow from the path to whatever is given as a tensor: numbers in the law, friction, mass, the initial
    positions and velocities, and the weights of learned functionals. Their memory does not grow with the number of
    steps, but for about the square root of it in states, as long as friction is the only force that depends on the
    velocity; with others it grows with the square root of the number of steps.

    Parameters
    ----------
    lagrangian : Lagrangian
        Analytic or learned.
    population : Population
        The initial cloud, its weights and its time.
    times : array_like, shape (T,)
        Strictly increasing times at which to record, none before ``population.time`` [time].
    dt : float, optional
        Largest time step; each interval between records is divided into equal steps no longer than this.
        Default: one step an interval.
    parameters : mapping of str to Tensor, optional
        Scalars in the place of numbers of the Lagrangian, by the names of `parameters_of`.
    positions, velocities : Tensor, shape (n, d), optional
        Initial state in the place of the population's. The type and device of the computation are those of `positions`,
        else of `velocities`, else float64 on the CPU, which is where analytic laws run compiled.

    Returns
    -------
    Path

    Raises
    ------
    ParameterError
        If an argument is unusable, a name unknown, velocities that are needed are unknown, or a force cannot be
        differentiated (magnetic fields, flocking rules that derive from no Rayleigh function).

    Notes
    -----
    The leapfrog with friction solved exactly, as in `simulate`; there are no second derivatives. See
    `wlmsim.learn.rollouts.adjoint` for how gradients are found. Steps are those of `simulate` where `dt` divides the
    intervals; elsewhere they are shorter, so that each record is the end of one.

    Examples
    --------
    How the end of half an oscillation depends on the launch and on the spring:

    >>> import numpy as np, torch, wlmsim as wls
    >>> spring = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    >>> launch = torch.tensor([[0.0, 1.0]], dtype=torch.float64, requires_grad=True)
    >>> stiffness = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    >>> path = wls.learn.differentiable_simulate(
    ...     spring, wls.Population([[1.0, 0.0]]), [np.pi / 2], dt=0.01,
    ...     velocities=launch, parameters={"external.stiffness": stiffness},
    ... )
    >>> path.positions[-1].sum().backward()
    >>> launch.grad.round(decimals=3)
    tensor([[1., 1.]], dtype=torch.float64)
    >>> stiffness.grad.round(decimals=2)
    tensor(-1.2900, dtype=torch.float64)
    """
    check.instance("lagrangian", lagrangian, Lagrangian)
    check.instance("population", population, Population)
    times = check.times("times", times)
    if times[0] < population.time:
        start = _times.text(population.time, [population.time, *times])
        raise check.fail("times", f"at or after the population's time {start}", times[0])
    longest = math.inf if dt is None else check.positive("dt", dt)
    if lagrangian.magnetic is not None:
        raise ParameterError(f"`lagrangian` must have no magnetic field to be differentiated; got {lagrangian!r}")
    if np.ndim(lagrangian.mass):
        raise ParameterError("`lagrangian` must have one mass for all particles to be differentiated")
    tensors: dict[str, Any] = dict(parameters or {})
    for name, value in tensors.items():
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise check.fail(f"parameters[{name!r}]", "a tensor with one element", value)
    with_parameters(lagrangian, {name: value.item() for name, value in tensors.items()})  # checks names and values
    x, v, w = _state(population, positions, velocities)
    tensors = {name: value.reshape(()).to(x) for name, value in tensors.items()}
    tuned = with_parameters(lagrangian, tensors, checked=False)
    begin, ends = population.time, times.tolist()
    learned = [tensor for tensor in tensors.values() if tensor.requires_grad]
    if tuned.only_friction:
        force = _force(tuned, x, w, learned)
        kept = flat_rollout(force, x, v, ends, start=begin, dt=longest, friction=tuned.friction, mass=tuned.mass)
    else:
        kept = list(_in_stretches(tuned, x, v, w, ends, begin, longest, learned))
    return Path(times, torch.stack([x for x, _ in kept]), torch.stack([v for _, v in kept]))


def _state(
    population: Population, positions: torch.Tensor | None, velocities: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Initial positions and velocities, and the weights, of one type and on one device."""
    given: dict[str, Any] = {"positions": positions, "velocities": velocities}
    for name, value in given.items():
        if value is None:
            continue
        shape = population.positions.shape
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or tuple(value.shape) != shape:
            raise check.fail(name, f"a tensor of real numbers of shape {shape}", value)
    like = next((value for value in given.values() if value is not None), torch.zeros(0, dtype=torch.float64))
    if velocities is None and population.velocities is None:
        raise ParameterError("`population` must have velocities to be simulated, or `velocities` must be given")
    x = torch.as_tensor(population.positions if positions is None else positions).to(like)
    v = torch.as_tensor(population.velocities if velocities is None else velocities).to(like)
    return x, v, torch.as_tensor(population.weights).to(like)


def _force(lagrangian: Lagrangian, x: torch.Tensor, w: torch.Tensor, tensors: list[torch.Tensor]) -> AdjointForce:
    """Force of the potential: compiled or with its adjoint typed out where it can be, traced by torch elsewhere."""
    terms = () if lagrangian.potential is None else lagrangian.potential.terms
    forces: list[AdjointForce] = []
    rest: list[Functional] = []
    for term in terms:
        if CompiledForce.is_compiled(term, x):
            forces.append(CompiledForce(cast(Any, term), w, x.shape[1]))
        elif typed := LearnedForce.terms_of(term, w):
            forces.extend(typed)
        else:
            rest.append(term)
    if rest:
        functional = rest[0] if len(rest) == 1 else FunctionalSum(*rest)
        forces.append(TracedForce(_traced(functional, w), [*tensors, *_weights_of(rest)]))
    return forces[0] if len(forces) == 1 else SumForce(*forces)


def _traced(functional: Functional, w: torch.Tensor) -> Any:
    return lambda x, t: torch_force(functional, x, w, t)


def _weights_of(terms: Any) -> list[torch.Tensor]:
    """What is learned in learnable functionals and dissipations."""
    return [p for term in terms if isinstance(term, torch.nn.Module) for p in term.parameters() if p.requires_grad]


# --- forces that depend on the velocity


def _in_stretches(
    lagrangian: Lagrangian,
    x: torch.Tensor,
    v: torch.Tensor,
    w: torch.Tensor,
    times: list[float],
    start: float,
    dt: float,
    learned: list[torch.Tensor],
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The leapfrog in stretches of about sqrt(T) of T steps, each computed again when its gradient is taken."""
    potential, friction, mass = lagrangian.potential, lagrangian.friction, lagrangian.mass
    terms = [] if lagrangian.dissipation is None else lagrangian.dissipation.terms
    terms = [term for term in terms if not term.only_friction]
    learned = [*learned, *_weights_of([*terms, *(() if potential is None else potential.terms)])]

    def force(x: torch.Tensor, t: float) -> torch.Tensor:
        return torch.zeros_like(x) if potential is None else torch_force(potential, x, w, t) / mass

    def velocity_force(x: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return sum((_rayleigh_force(term, x, v, w) for term in terms), torch.zeros_like(v)) / mass

    counts = [steps_over(b - a, dt) for a, b in pairwise([start, *times])]
    longest = math.isqrt(max(sum(counts) - 1, 0)) + 1
    for end, count in zip(times, counts, strict=True):
        for first in range(0, count, longest):
            step = (end - start) / count
            stretch = {
                "times": [start + min(first + longest, count) * step],
                "start": start + first * step,
                "dt": step,
                "friction": friction,
                "velocity_force": velocity_force,
            }
            x, v = _Recomputed.apply(partial(_end, force, stretch), x, v, *learned)
        yield x, v
        start = end


def _end(force: Any, stretch: dict[str, Any], x: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return rollout(force, x, v, **stretch)[0]


def _rayleigh_force(term: Dissipation, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """-(1 / w_j) dR/dv_j."""
    import array_api_compat.torch as xp

    with torch.enable_grad():
        # a tensor of its own: x may have come about by v, and the force is the slope at fixed x
        v = v.view_as(v) if v.requires_grad else v.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(term.rayleigh(x, v, w, xp), v, create_graph=True)
    return -gradient / w[:, None]


class _Recomputed(torch.autograd.Function):
    """A function of tensors, and of others that it holds, which keeps its arguments only."""

    @staticmethod
    def forward(ctx: Any, function: Any, x: torch.Tensor, v: torch.Tensor, *held: torch.Tensor) -> Any:
        ctx.function, ctx.held = function, held
        ctx.save_for_backward(x, v)
        with torch.no_grad():
            return tuple(value.detach() for value in function(x, v))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *towards: torch.Tensor) -> Any:
        with torch.enable_grad():
            inputs = [value.detach().requires_grad_() for value in ctx.saved_tensors]
            found = torch.autograd.grad(ctx.function(*inputs), [*inputs, *ctx.held], towards, allow_unused=True)
        return None, *found
