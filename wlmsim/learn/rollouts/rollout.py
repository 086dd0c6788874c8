"""Differentiable simulation: the leapfrog of `wlmsim.integrators` over torch tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import torch

from wlmsim.functionals.base import Functional, FunctionalSum
from wlmsim.integrators import half_kick, heun_kick, heun_step, kick_drift_kick
from wlmsim.learn.functionals import LearnableFunctional
from wlmsim.learn.functionals.base import force_of_energy

Force = Callable[[torch.Tensor, Any], torch.Tensor]
VelocityForce = Callable[[torch.Tensor], Callable[[torch.Tensor], torch.Tensor]]


def torch_force(functional: Functional, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
    """Force of any functional as a differentiable tensor: of a learned one its own, else the derivative of its energy.

    Parameters
    ----------
    functional : Functional
        Analytic or learned.
    x : Tensor, shape (n, d)
        Positions [length].
    w : Tensor, shape (n,)
        Weights that sum to 1.
    t : float or Tensor
        Time.

    Returns
    -------
    Tensor, shape (n, d)
        -(1 / w_j) dU/dx_j.
    """
    import array_api_compat.torch as xp

    if isinstance(functional, LearnableFunctional):
        return functional.torch_force(x, w, t)
    if isinstance(functional, FunctionalSum):
        return sum((torch_force(term, x, w, t) for term in functional.terms), torch.zeros_like(x))
    return force_of_energy(lambda y: functional.expression(y, w, t, xp), x, w)


def steps_over(interval: float, dt: float) -> int:
    """Number of equal steps no longer than `dt` in an interval, one more being taken for more than rounding errors."""
    return max(1, math.ceil(interval / dt - 1e-9)) if interval > 0 else 0


def rollout(
    force: Force,
    x: torch.Tensor,
    v: torch.Tensor,
    times: Sequence[float],
    *,
    start: float,
    dt: float,
    friction: float | torch.Tensor = 0.0,
    unit_mobility: bool = False,
    velocity_force: VelocityForce | None = None,
    speed: float | None = None,
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Carry a cloud by leapfrog with exact friction, or at constant speed, and keep it at the given times.

    Gradients flow to the force's parameters, to the friction and to the initial state.

    Parameters
    ----------
    force : callable
        Acceleration as a function of positions (n, d) and time.
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
    unit_mobility : bool
        Whether forces are scaled by 1 + gamma. Default False.
    velocity_force : callable, optional
        Further acceleration, second order as in `Leapfrog`: at positions, which are asked once, as a function of the
        velocities.
    speed : float, optional
        Speed to which every velocity is reset after each step, as in `ConstantSpeedEuler` [length / time].

    Returns
    -------
    list of (x, v)
        One for each time.
    """
    if speed is not None:
        return _at_one_speed(force, x, v, times, start, dt, friction, velocity_force, speed)

    def further_at(x: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor] | None:
        return None if velocity_force is None else velocity_force(x)

    kept = []
    acceleration = force(x, start)
    further = further_at(x)  # for all kicks between two drifts
    for time, steps, step in _divided(start, times, dt):
        m, c = half_kick(friction, step, unit_mobility=unit_mobility)
        kick = partial(_kick, m, c)
        for k in range(steps):
            later = time + (k + 1) * step
            if further is None:
                x, v, acceleration = kick_drift_kick(x, v, acceleration, partial(_at, force, later), m, c, step)
            else:
                v = heun_kick(v, acceleration, further, kick)
                x = x + step * v
                acceleration, further = force(x, later), further_at(x)
                v = heun_kick(v, acceleration, further, kick)
        kept.append((x, v))
    return kept


def flow_rollout(
    velocity: Force,
    x: torch.Tensor,
    times: Sequence[float],
    *,
    start: float,
    dt: float,
    noise: Callable[[torch.Tensor, float], torch.Tensor] | None = None,
) -> list[torch.Tensor]:
    """Carry a cloud along a velocity field by Heun's scheme, with noise or without, and keep it at the given times.

    Second order without noise, and of weak order two with noise that is the same everywhere. Gradients flow to the
    field's parameters and to the initial positions.

    Parameters
    ----------
    velocity : callable
        Velocity as a function of positions (n, d) and time.
    x : Tensor, shape (n, d)
        Initial positions.
    times : sequence of float
        Increasing times to keep, none before `start`.
    start : float
        Time of the initial positions.
    dt : float
        Largest time step; each interval is divided into equal steps no longer than this.
    noise : callable, optional
        Increments sigma dW of a step as a function of positions and its length. Default: no noise.

    Returns
    -------
    list of Tensor
        Positions, one for each time.
    """
    kept = []
    for time, steps, step in _divided(start, times, dt):
        for k in range(steps):
            x, _ = heun_step(velocity, x, time + k * step, step, 0.0 if noise is None else noise(x, step))
        kept.append(x)
    return kept


def _divided(start: float, times: Sequence[float], dt: float) -> Iterator[tuple[float, int, float]]:
    """Begin, number of equal steps and their length of every interval."""
    for time, target in pairwise([start, *times]):
        steps = steps_over(target - time, dt)
        yield time, steps, (target - time) / max(steps, 1)


def _kick(m: Any, c: Any, v: torch.Tensor, force: torch.Tensor) -> torch.Tensor:
    """Velocities half a step later under a constant force."""
    return m * v + c * force


def _at_one_speed(
    force: Force,
    x: torch.Tensor,
    v: torch.Tensor,
    times: Sequence[float],
    start: float,
    dt: float,
    friction: Any,
    velocity_force: VelocityForce | None,
    speed: float,
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Turn velocities of one speed into the direction of v + step a, and move along them."""
    kept = []
    for time, steps, step in _divided(start, times, dt):
        for k in range(steps):
            a = force(x, time + k * step) - friction * v
            a = a if velocity_force is None else a + velocity_force(x)(v)
            v = v + step * a
            v = v * (speed / (v**2).sum(-1, keepdim=True).clamp_min(1e-30).sqrt())
            x = x + step * v
        kept.append((x, v))
    return kept


def _at(force: Force, time: float, x: torch.Tensor) -> torch.Tensor:
    return force(x, time)
