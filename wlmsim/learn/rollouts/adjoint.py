"""Gradients through long simulations in little memory: the leapfrog run backwards beside its adjoint.

Plain automatic differentiation keeps what every step computed. Here the forward pass keeps the state at about sqrt(T)
of T steps and nothing else. The backward pass walks from the end to the start: a step of the leapfrog can be solved for
the state before it, v <- (v - c F) / m and x <- x - dt v, with the same force F whose adjoint the gradient needs, so
that no force is evaluated twice for it. Rounding errors grow on the way back, by friction and by chaos; so each stretch
ends at a kept state, is checked against it, and is computed anew, forwards, if it went astray.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any, Protocol

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from wlmsim.functionals import External, Pairwise, tracing
from wlmsim.functionals.base import Functional
from wlmsim.integrators import half_kick
from wlmsim.learn.functionals import ExternalPotential, LearnableFunctional
from wlmsim.learn.functionals.base import members

State = tuple[torch.Tensor, torch.Tensor]


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


def recomputed(
    force: Callable[[torch.Tensor, Any], torch.Tensor], parameters: Sequence[torch.Tensor]
) -> Callable[[torch.Tensor, Any], torch.Tensor]:
    """The same force, of which automatic differentiation keeps the positions only and computes the rest again.

    Parameters
    ----------
    force : callable
        Acceleration as a function of positions (n, d) and time; it may be random.
    parameters : sequence of Tensor
        Every tensor that the force depends on and that has a gradient.

    Returns
    -------
    callable
    """
    traced = TracedForce(force, [p for p in parameters if p.requires_grad])
    return lambda x, t: _Evaluation.apply(traced, t, x, *traced.parameters)


class _Evaluation(torch.autograd.Function):
    """One evaluation of a force, which keeps the positions, and what random numbers it saw."""

    @staticmethod
    def forward(ctx: Any, force: TracedForce, t: Any, x: torch.Tensor, *parameters: torch.Tensor) -> torch.Tensor:
        ctx.force, ctx.t = force, t
        ctx.devices = [x.device] if x.is_cuda else []
        ctx.random = torch.get_rng_state(), [torch.cuda.get_rng_state(device) for device in ctx.devices]
        ctx.save_for_backward(x)
        return force(x.detach(), t)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, u: torch.Tensor) -> Any:
        with torch.random.fork_rng(devices=ctx.devices):
            torch.set_rng_state(ctx.random[0])
            for device, state in zip(ctx.devices, ctx.random[1], strict=True):
                torch.cuda.set_rng_state(state, device)
            _, towards_x, towards = ctx.force.pull_back(ctx.saved_tensors[0], ctx.t, u)
        return None, None, towards_x, *towards


def kept_bytes(function: Callable[[], Any]) -> int:
    """Size of what automatic differentiation keeps of a function's evaluation."""
    kept: list[torch.Tensor] = []

    def keep(tensor: torch.Tensor) -> int:
        """Its place instead of the tensor: what is kept by the node that computed it would never be freed."""
        kept.append(tensor)
        return len(kept) - 1

    with torch.autograd.graph.saved_tensors_hooks(keep, kept.__getitem__):
        result = function()
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage() for tensor in kept}
    kept.clear()
    del result
    return sum(storage.nbytes() for storage in storages.values())


class CompiledForce:
    """The force of an analytic functional in float64 on the CPU, compiled, with its adjoint derived by SymPy.

    Parameters
    ----------
    functional : External or Pairwise
        One of those that `is_compiled` is true of; numbers in its law may be tensors.
    w : Tensor, shape (n,)
        Weights that sum to 1.
    dim : int
        Dimension of space.
    """

    def __init__(self, functional: External | Pairwise, w: torch.Tensor, dim: int):
        entries, law = _entries(functional.law), _with_numbers(functional.law)
        rows = [k for k, entry in enumerate(entries) if isinstance(entry, torch.Tensor) and entry.requires_grad]
        self.parameters = tuple(entries[k] for k in rows)
        self._rows = rows
        self._w = w.detach().numpy()
        loops = _external_loops(law, dim) if isinstance(functional, External) else _pair_loops(law, dim, bool(rows))
        self._force, self._adjoint = loops

    @staticmethod
    def is_compiled(functional: Functional, x: torch.Tensor) -> bool:
        """Whether there is a compiled adjoint for a functional and such positions."""
        whole = type(functional) is External or (type(functional) is Pairwise and functional.cutoff is None)
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

    gradient, adjoint = tracing.compile_external(law, dim).gradient, adjoints.compile_external_adjoint(law, dim)
    parameters, axes = tuple(map(float, _entries(law))), (0.0,) * dim
    array = np.array(parameters)

    def force(x: np.ndarray, w: np.ndarray, t: float) -> Any:
        with threads_for(len(x)):
            return forward.external_force(x, t, array, gradient)

    def pull_back(x: np.ndarray, w: np.ndarray, t: float, u: np.ndarray) -> Any:
        with threads_for(len(x)):
            return backward.external_adjoint(x, t, parameters, u, adjoint, axes)

    return force, pull_back


def _pair_loops(law: Any, dim: int, with_parameters: bool) -> Loops:
    from wlmsim.functionals import adjoints
    from wlmsim.kernels import adjoints as backward
    from wlmsim.kernels import laws as forward
    from wlmsim.kernels.threads import threads_for

    derivative = tracing.compile_radial(law).gradient
    adjoint, count = adjoints.compile_radial_adjoint(law, parameters=with_parameters)
    parameters, axes, slopes = tuple(map(float, _entries(law))), (0.0,) * dim, (0.0,) * count

    def force(x: np.ndarray, w: np.ndarray, t: float) -> Any:
        with threads_for(len(x) ** 2):
            return forward.pair_force(x, w, parameters, derivative, axes)

    def pull_back(x: np.ndarray, w: np.ndarray, t: float, u: np.ndarray) -> Any:
        with threads_for(len(x) ** 2):
            return backward.pair_adjoint(x, w, parameters, u, adjoint, axes, slopes)

    return force, pull_back


def _entries(law: Any) -> list[Any]:
    """The parameters of a law in the order in which its compiled form takes them."""
    if isinstance(law, tuple):
        return [entry for part in law for entry in _entries(part)]
    if dataclasses.is_dataclass(law):
        return _entries(tuple(getattr(law, field.name) for field in dataclasses.fields(law)))
    return [] if callable(law) else [law]


def _with_numbers(law: Any) -> Any:
    """The law with numbers where there are tensors."""
    if isinstance(law, tuple):
        return tuple(_with_numbers(part) for part in law)
    if isinstance(law, torch.Tensor):
        return law.item()
    if dataclasses.is_dataclass(law):
        law = copy.copy(law)
        for field in dataclasses.fields(law):
            object.__setattr__(law, field.name, _with_numbers(getattr(law, field.name)))
    return law


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


def flat_rollout(
    force: AdjointForce,
    x: torch.Tensor,
    v: torch.Tensor,
    times: Sequence[float],
    *,
    start: float,
    dt: float,
    friction: float | torch.Tensor = 0.0,
    mass: float | torch.Tensor = 1.0,
    unit_mobility: bool = False,
) -> list[State]:
    """Carry a cloud as `rollout` does, with gradients whose memory does not grow with the number of steps.

    Gradients flow to the force's parameters, to friction and mass and to the initial state. They cost one evaluation
    of the force and its adjoint a step, and the same forward pass again only where the way back is unstable. There are
    no second derivatives.

    Parameters
    ----------
    force : AdjointForce
        Force; divided by the mass it is the acceleration.
    x, v : Tensor, shape (n, d)
        Initial positions and velocities.
    times : sequence of float
        Increasing times to keep, none before `start`.
    start : float
        Time of the initial state.
    dt : float
        Largest time step; each interval is divided into equal steps no longer than this.
    friction : float or Tensor
        gamma [1 / time]. Default 0.
    mass : float or Tensor
        Default 1.
    unit_mobility : bool
        Whether forces are scaled by 1 + gamma. Default False.

    Returns
    -------
    list of (x, v)
        One for each time.
    """
    plan, decays, kicks = _Plan(start), [], []
    for target in times:
        interval = target - plan.times[-1]
        if steps := steps_over(interval, dt):
            plan.add(steps, target)
            m, c = half_kick(friction, interval / steps, unit_mobility=unit_mobility, xp=torch)
            decays.append(torch.as_tensor(m, dtype=x.dtype, device=x.device))
            kicks.append(torch.as_tensor(c / mass, dtype=x.dtype, device=x.device))
        plan.kept.append(len(plan.times) - 1)
    if not decays:
        return [(x, v) for _ in times]
    positions, velocities = _Leapfrog.apply(
        plan, force, x, v, torch.stack(decays), torch.stack(kicks), *force.parameters
    )
    return list(zip(positions.unbind(), velocities.unbind(), strict=True))


def steps_over(interval: float, dt: float) -> int:
    """Number of equal steps no longer than `dt` in an interval, one more being taken for more than rounding errors."""
    return max(1, math.ceil(interval / dt - 1e-9)) if interval > 0 else 0


@dataclasses.dataclass
class _Plan:
    """Times of the states, the interval and length of each step, and which states are asked for."""

    start: float
    steps: list[float] = dataclasses.field(default_factory=list)
    interval: list[int] = dataclasses.field(default_factory=list)
    kept: list[int] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        self.times = [self.start]

    def add(self, steps: int, target: float) -> None:
        """Append an interval of equal steps."""
        begin, number = self.times[-1], self.interval[-1] + 1 if self.interval else 0
        self.steps += [(target - begin) / steps] * steps
        self.interval += [number] * steps
        self.times += [begin + (k + 1) * (target - begin) / steps for k in range(steps - 1)] + [target]


class _Leapfrog(torch.autograd.Function):
    """Positions and velocities at the kept states, as a function of start, half-step coefficients and parameters."""

    @staticmethod
    def forward(ctx: Any, plan: _Plan, force: AdjointForce, x: Any, v: Any, m: Any, c: Any, *parameters: Any) -> Any:
        ctx.plan, ctx.force, ctx.bounds = plan, force, _bounds(len(plan.steps))
        ctx.coefficients = decays, kicks = m.tolist(), c.tolist()
        x, v = x.detach(), v.detach()
        wanted, bounds = set(plan.kept), set(ctx.bounds)
        kept, checkpoints, v0 = {0: (x, v)}, [], v
        acceleration = force(x, plan.times[0])
        for k, (dt, j) in enumerate(zip(plan.steps, plan.interval, strict=True)):
            v = torch.add(decays[j] * v, acceleration, alpha=kicks[j])
            if k in bounds:
                checkpoints += [x, v]
            x = torch.add(x, v, alpha=dt)
            acceleration = force(x, plan.times[k + 1])
            v = torch.add(decays[j] * v, acceleration, alpha=kicks[j])
            if k + 1 in wanted:
                kept[k + 1] = (x, v)
        ctx.save_for_backward(v0, x, v, *checkpoints)
        return tuple(torch.stack([kept[k][i] for k in plan.kept]) for i in (0, 1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *asked: torch.Tensor) -> Any:
        v0, x, v, *checkpoints = ctx.saved_tensors
        m, c = ctx.coefficients
        walk = _WayBack(ctx.plan, ctx.force, m, c, asked, with_coefficients=any(ctx.needs_input_grad[4:6]))
        begins = list(zip(checkpoints[::2], checkpoints[1::2], strict=True))
        sizes = [torch.stack([begin[i].abs().max() for begin in begins]).max().clamp_min(1e-30) for i in (0, 1)]
        # after the last step the velocity is known; after others the one half a step later
        end: State = (x, v)
        stable = True
        for first, last, begin in zip(ctx.bounds[-2::-1], ctx.bounds[::-1], reversed(begins), strict=False):
            before = walk.memory()
            if stable and not _close(walk.reverse(first, last, end), begin, sizes):
                walk.recall(before)
                stable = False
            if not stable:
                walk.retrace(first, last, begin, end)
            walk.settle()
            end = begin
        walk.at_start(end, v0)
        walk.settle()
        towards_m, towards_c = (torch.stack(parts) for parts in (walk.towards_m, walk.towards_c))
        return None, None, walk.towards_x, walk.towards_v, towards_m, towards_c, *walk.towards_parameters


def _bounds(steps: int) -> list[int]:
    """States from 0 to the last, about sqrt(steps) apart."""
    return [*range(0, steps, math.isqrt(steps - 1) + 1), steps]


def _close(found: State, kept: State, sizes: Sequence[torch.Tensor]) -> bool:
    """Whether a state that was reached backwards is the one that was kept, to far less than a step's own error."""
    tolerance = torch.finfo(kept[0].dtype).eps ** (2 / 3)
    off = [(a - b).abs().max() / size for a, b, size in zip(found, kept, sizes, strict=True)]
    return bool(torch.stack(off).max() <= tolerance)


class _WayBack:
    """The adjoint of the leapfrog: cotangents carried from the last state to the first.

    At state k the positions x_k are known, and v_{k+1/2}, the velocity half a step later. `towards_half` is the
    cotangent of that velocity; `towards_m` and `towards_c` those of the coefficients of each interval.
    """

    def __init__(
        self, plan: _Plan, force: AdjointForce, m: list[float], c: list[float], asked: Any, *, with_coefficients: bool
    ):
        self.plan, self.force, self.with_coefficients = plan, force, with_coefficients
        self._m = [max(m[j], torch.finfo(asked[0].dtype).tiny) for j in plan.interval]
        self._c = [c[j] for j in plan.interval]
        self._asked = {k: [i for i, kept in enumerate(plan.kept) if kept == k] for k in plan.kept}
        self._asked_x, self._asked_v = asked
        self.towards_x = self.towards_v = self.towards_half = torch.zeros_like(asked[0][0])
        self.towards_m = [asked[0].new_zeros(()) for _ in m]
        self.towards_c = list(self.towards_m)
        self._unsettled: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.towards_parameters = [torch.zeros_like(p) for p in force.parameters]

    def memory(self) -> dict[str, Any]:
        """What a stretch changes before it is settled."""
        kept: dict[str, Any] = {name: getattr(self, name) for name in ("towards_x", "towards_v", "towards_half")}
        return kept | {"_unsettled": {}, "towards_parameters": [p.clone() for p in self.towards_parameters]}

    def recall(self, memory: dict[str, Any]) -> None:
        """Go back to before a stretch."""
        vars(self).update(memory)

    def settle(self) -> None:
        """Sum what a stretch has found of the coefficients."""
        for j, (decay, kick) in self._unsettled.items():
            self.towards_m[j] = self.towards_m[j] + decay.sum()
            self.towards_c[j] = self.towards_c[j] + kick.sum()
        self._unsettled = {}

    def reverse(self, first: int, last: int, end: State) -> State:
        """Walk from state `last` to `first`, solving each step for the state before it."""
        x, v = end
        for k in range(last, first, -1):
            acceleration = self._through_force(k, x)
            if k < len(self.plan.steps):  # v is that half a step later
                v = torch.add(v, acceleration, alpha=-self._c[k]).mul_(1 / self._m[k])
                self._through_first_half(k, v, acceleration)
            v = torch.add(v, acceleration, alpha=-self._c[k - 1]).mul_(1 / self._m[k - 1])
            self._through_second_half(k, v, acceleration)
            x = torch.add(x, v, alpha=-self.plan.steps[k - 1])
        return x, v

    def retrace(self, first: int, last: int, begin: State, end: State) -> None:
        """The same with the states between computed from `first` on."""
        states = [begin]
        for k in range(first + 1, last):
            x, half = states[-1]
            x = torch.add(x, half, alpha=self.plan.steps[k - 1])
            acceleration = self.force(x, self.plan.times[k])
            v = torch.add(self._m[k - 1] * half, acceleration, alpha=self._c[k - 1])
            states.append((x, torch.add(self._m[k] * v, acceleration, alpha=self._c[k])))
        x = end[0]
        for k in range(last, first, -1):
            before, half = states.pop()
            acceleration = self._through_force(k, x)
            if k < len(self.plan.steps):
                v = torch.add(self._m[k - 1] * half, acceleration, alpha=self._c[k - 1])
                self._through_first_half(k, v, acceleration)
            self._through_second_half(k, half, acceleration)
            x = before

    def at_start(self, begin: State, v0: torch.Tensor) -> None:
        """The first state, which no step leads to."""
        self._through_first_half(0, v0, self._through_force(0, begin[0]))

    def _through_force(self, k: int, x: torch.Tensor) -> torch.Tensor:
        """Gather what reaches x_k and v_k; the force there takes part in the steps before and after."""
        later = k < len(self.plan.steps)
        self.towards_v = self.towards_half * self._m[k] if later else torch.zeros_like(x)
        for i in self._asked.get(k, ()):
            self.towards_x = self.towards_x + self._asked_x[i]
            self.towards_v = self.towards_v + self._asked_v[i]
        u = self.towards_half * self._c[k] if later else torch.zeros_like(x)
        if k > 0:
            u = torch.add(u, self.towards_v, alpha=self._c[k - 1])
        acceleration, towards_x, towards = self.force.pull_back(x, self.plan.times[k], u)
        self.towards_x = self.towards_x + towards_x
        for total, part in zip(self.towards_parameters, towards, strict=True):
            total += part
        return acceleration

    def _through_first_half(self, k: int, v: torch.Tensor, acceleration: torch.Tensor) -> None:
        """v_{k+1/2} = m v_k + c F_k."""
        self._coefficients(self.plan.interval[k], v, acceleration, self.towards_half)

    def _through_second_half(self, k: int, half: torch.Tensor, acceleration: torch.Tensor) -> None:
        """v_k = m v_{k-1/2} + c F_k and x_k = x_{k-1} + dt v_{k-1/2}."""
        self._coefficients(self.plan.interval[k - 1], half, acceleration, self.towards_v)
        self.towards_half = torch.add(self.towards_v * self._m[k - 1], self.towards_x, alpha=self.plan.steps[k - 1])

    def _coefficients(self, j: int, v: torch.Tensor, acceleration: torch.Tensor, towards: torch.Tensor) -> None:
        if self.with_coefficients:
            if j not in self._unsettled:
                self._unsettled[j] = torch.zeros_like(v), torch.zeros_like(v)
            decay, kick = self._unsettled[j]  # by particle and axis: summed once a stretch, not at every step
            decay.addcmul_(v, towards)
            kick.addcmul_(acceleration, towards)
