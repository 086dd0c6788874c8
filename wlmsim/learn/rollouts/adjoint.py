"""Gradients through long simulations in little memory: the leapfrog run backwards beside its adjoint.

Plain automatic differentiation keeps what every step computed. Here the forward pass keeps the state at about sqrt(T)
of T steps and nothing else. The backward pass walks from the end to the start: a step of the leapfrog can be solved for
the state before it, v <- (v - c F) / m and x <- x - dt v, with the same force F whose adjoint the gradient needs, so
that no force is evaluated twice for it. Rounding errors grow on the way back, by friction and by chaos; so each stretch
ends at a kept state, is checked against it, and is computed anew, forwards, if it went astray.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from wlmsim.integrators import half_kick
from wlmsim.learn.rollouts.adjoint_forces import AdjointForce
from wlmsim.learn.rollouts.rollout import steps_over

State = tuple[torch.Tensor, torch.Tensor]


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
            m, c = half_kick(friction, interval / steps, unit_mobility=unit_mobility)
            decays.append(torch.as_tensor(m, dtype=x.dtype, device=x.device))
            kicks.append(torch.as_tensor(c / mass, dtype=x.dtype, device=x.device))
        plan.kept.append(len(plan.times) - 1)
    if not decays:
        return [(x, v) for _ in times]
    positions, velocities = _Leapfrog.apply(
        plan, force, x, v, torch.stack(decays), torch.stack(kicks), *force.parameters
    )
    return list(zip(positions.unbind(), velocities.unbind(), strict=True))


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
