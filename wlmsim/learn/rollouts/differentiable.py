"""wlmsim as a differentiable simulator: tensors in, tensors out."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
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
from wlmsim.integrators import Integrator, Leapfrog, State
from wlmsim.learn.known_form.parameter_names import with_parameters
from wlmsim.learn.rollouts.adjoint import flat_rollout
from wlmsim.learn.rollouts.adjoint_forces import AdjointForce, CompiledForce, LearnedForce, SumForce, TracedForce
from wlmsim.learn.rollouts.over_tensors import Draws, TensorFlow, TensorLagrangian, over_tensors
from wlmsim.learn.rollouts.rollout import steps_over, torch_force
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation import default_integrator


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
    mechanics: Lagrangian | Flow,
    population: Population,
    times: Any,
    *,
    dt: float | None = None,
    integrator: Integrator | None = None,
    parameters: Mapping[str, torch.Tensor] | None = None,
    positions: torch.Tensor | None = None,
    velocities: torch.Tensor | None = None,
) -> Path:
    """Simulate as `wlmsim.simulate` does, with gradients.

    Gradients flow from the path to whatever is given as a tensor: numbers in laws, flows and magnetic fields, friction,
    mass, temperature, the strength of noise, the initial positions and velocities, and the weights of learned
    functionals. Their memory does not grow with the number of steps, but for about the square root of it in states,
    under the default leapfrog with no force but friction that depends on the velocity; else it grows with the square
    root of the number of steps.

    Parameters
    ----------
    mechanics : Lagrangian or Flow
        Analytic or learned. A flow of your own needs its `expression`; so does a dissipation of your own that derives
        from no Rayleigh function.
    population : Population
        The initial cloud, its weights and its time.
    times : array_like, shape (T,)
        Strictly increasing times at which to record, none before ``population.time`` [time].
    dt : float, optional
        Largest time step; each interval between records is divided into equal steps no longer than this.
        Default: one step an interval.
    integrator : Integrator, optional
        `Leapfrog`, `Yoshida4`, `Boris`, `BAOAB`, `RungeKutta4`, `EulerMaruyama` or `StochasticHeun`; by default that of
        `simulate`. Noise is the same as there, of the same seed, and held fixed as gradients are taken
        (reparameterised): a scheme that is used again goes on in its stream, a new one of the same seed repeats it.
    parameters : mapping of str to Tensor, optional
        Scalars in the place of numbers of the mechanics, by the names of `parameters_of`, and of the scheme's
        "temperature" or "noise".
    positions, velocities : Tensor, shape (n, d), optional
        Initial state in the place of the population's. The type and device of the computation are those of `positions`,
        else of `velocities`, else float64 on the CPU, which is where analytic laws run compiled.

    Returns
    -------
    Path

    Raises
    ------
    ParameterError
        If an argument is unusable, a name unknown, velocities that are needed are unknown, or a force or a scheme
        cannot be differentiated, as adaptive steps.

    Notes
    -----
    The schemes are those of `simulate`; there are no second derivatives. See `wlmsim.learn.rollouts.adjoint` for how
    gradients through the leapfrog are found. Steps are those of `simulate` where `dt` divides the intervals; elsewhere
    they are shorter, so that each record is the end of one. A temperature of zero has no slope, for its noise goes with
    the root.

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

    The width that a bath gives to a cloud at rest in a well, <x^2> = T / k, rises by 1 / k with the temperature:

    >>> well = wls.Lagrangian(wls.External(wls.laws.Harmonic(2.0)), dissipation=wls.Friction(1.0))
    >>> warmth = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    >>> path = wls.learn.differentiable_simulate(
    ...     well, wls.Population(np.zeros((4000, 1))).at_rest(), [8.0], dt=0.2,
    ...     integrator=wls.BAOAB(1.0, seed=0), parameters={"temperature": warmth},
    ... )
    >>> (path.positions[-1] ** 2).mean().backward()
    >>> bool(abs(warmth.grad - 0.5) < 0.03)
    True
    """
    check.instance("mechanics", mechanics, (Lagrangian, Flow))
    check.instance("population", population, Population)
    times = check.times("times", times)
    if times[0] < population.time:
        start = _times.text(population.time, [population.time, *times])
        raise check.fail("times", f"at or after the population's time {start}", times[0])
    longest = math.inf if dt is None else check.positive("dt", dt)
    scheme = (
        default_integrator(mechanics) if integrator is None else check.instance("integrator", integrator, Integrator)
    )
    tensors: dict[str, Any] = dict(parameters or {})
    for name, value in tensors.items():
        if not isinstance(value, torch.Tensor) or value.numel() != 1:
            raise check.fail(f"parameters[{name!r}]", "a tensor with one element", value)
    names = [name for name in ("temperature", "noise") if name in tensors and hasattr(scheme, name)]
    of_scheme: dict[str, Any] = {name: tensors.pop(name) for name in names}
    for name, value in of_scheme.items():
        check.nonnegative(f"parameters[{name!r}]", value.item())
    with_parameters(mechanics, {name: value.item() for name, value in tensors.items()})  # checks names and values
    x, v, w = _state(mechanics, population, positions, velocities)
    tensors, of_scheme = (
        {name: value.reshape(()).to(x) for name, value in given.items()} for given in (tensors, of_scheme)
    )
    steps = over_tensors(scheme, of_scheme)
    steps.check_mechanics(mechanics)
    tuned = with_parameters(mechanics, tensors, checked=False)
    begin, ends = population.time, times.tolist()
    learned = [tensor for tensor in (*tensors.values(), *of_scheme.values()) if tensor.requires_grad]
    if isinstance(tuned, Lagrangian) and _is_leapfrog(scheme, tuned):
        force = _force(tuned, x, w, learned)
        kept = flat_rollout(force, x, v, ends, start=begin, dt=longest, friction=tuned.friction, mass=tuned.mass)
    else:
        kept = list(_in_stretches(steps, tuned, (x, v, w), begin, ends, longest, learned))
    return Path(times, torch.stack([x for x, _ in kept]), torch.stack([v for _, v in kept]))


def _is_leapfrog(scheme: Integrator, lagrangian: Lagrangian) -> bool:
    """Whether steps are those that can be run back beside their adjoint."""
    plain = isinstance(scheme, Leapfrog) and scheme.scaling == "physical"
    return plain and lagrangian.only_friction and not lagrangian.timed and np.ndim(lagrangian.mass) == 0


def _state(
    mechanics: Lagrangian | Flow,
    population: Population,
    positions: torch.Tensor | None,
    velocities: torch.Tensor | None,
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
    if isinstance(mechanics, Lagrangian):
        mechanics.check_count(len(population))
    elif velocities is not None:
        raise ParameterError("`velocities` are for a Lagrangian: a flow's follow from the positions")
    elif population.velocities is None:
        population = population.at_rest()
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


# --- any scheme


def _in_stretches(
    scheme: Integrator,
    mechanics: Lagrangian | Flow,
    cloud: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    start: float,
    times: list[float],
    dt: float,
    learned: list[torch.Tensor],
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Steps of a scheme in stretches of about sqrt(T) of T, each computed again when its gradient is taken."""
    parts: Any = _parts(mechanics)
    learned = [*learned, *_weights_of(parts)]
    x, v, w = cloud
    moved: Any = TensorLagrangian(mechanics, x) if isinstance(mechanics, Lagrangian) else TensorFlow(mechanics)
    counts = [steps_over(b - a, dt) for a, b in pairwise([start, *times])]
    longest = math.isqrt(max(sum(counts) - 1, 0)) + 1
    for end, count in zip(times, counts, strict=True):
        step = (end - start) / max(count, 1)
        for first in range(0, count, longest):
            stretch = _Stretch(scheme, moved, w, start + first * step, step, min(longest, count - first))
            x, v = _Recomputed.apply(stretch, x, v, *learned)
        yield x, moved.velocity(x, w, end) if isinstance(mechanics, Flow) else v
        start = end


class _Stretch:
    """Steps of a scheme as a function of the state that they begin with: later calls see the noise of the first."""

    def __init__(self, scheme: Any, mechanics: Any, w: torch.Tensor, start: float, dt: float, count: int):
        self._scheme, self._mechanics, self._w = scheme, mechanics, w
        self._start, self._dt, self._count = start, dt, count
        self._first = getattr(scheme, "_rng", None)
        self._again = copy.deepcopy(self._first)

    def __call__(self, x: torch.Tensor, v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scheme = copy.copy(self._scheme)
        if self._again is not None:
            source = copy.deepcopy(self._again) if self._first is None else self._first
            scheme._rng, self._first = Draws(source, x), None
        state: Any = State(cast(Any, x), cast(Any, v), cast(Any, self._w), self._start)
        for k in range(self._count):
            state.time = self._start + k * self._dt
            state = scheme.step(self._mechanics, state, self._dt)
        return state.positions, state.velocities


def _parts(mechanics: Lagrangian | Flow) -> list[Any]:
    """Functionals and dissipations."""
    holders = [getattr(mechanics, name, None) for name in ("potential", "dissipation")]
    return [term for holder in holders if holder is not None for term in holder.terms]


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
