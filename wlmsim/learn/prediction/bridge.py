"""Interpolation from both sides: the mechanics between two observed clouds, joined so that both ends are met."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from wlmsim.data.population import Population
from wlmsim.evaluation import hermite_interpolation
from wlmsim.integrators import Integrator, State
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.simulation import default_integrator
from wlmsim.transport.abundance import growth_correction
from wlmsim.transport.large import unbalanced_transport_plan
from wlmsim.transport.schroedinger import bridge_noise, sample_coupling

FAR_OUT = 10
"""How many times the extent of the data a prediction may reach without a word."""


def bridge(
    mechanics: Lagrangian | Flow,
    before: Population,
    after: Population,
    time: float,
    *,
    dt: float,
    integrator: Integrator | None = None,
    reach: float = math.inf,
    noise: float = 0.0,
    marginals: Sequence[Population] = (),
    seed: int = 0,
) -> Population:
    """Predict the cloud at a time between two observed ones.

    The mechanics carries the cloud before forward to the time of the cloud after, and the cloud after backward in time
    to that of the cloud before. The plan of least total cost says which particle ends where, its cost being the
    squares of what both paths of a pair of particles miss at their far ends. To each path is added the cubic that takes
    away what it misses there, in position and velocity, and changes nothing at its start; between the two paths of a
    pair the prediction passes evenly from the one to the other. Mechanics without any force give the cubic Hermite
    interpolation along the plan.

    Parameters
    ----------
    mechanics : Lagrangian or Flow
        A flow is used forward only, since diffusion cannot be run backward; what a path misses is taken away evenly.
        Its plan is that between the observed clouds, which a gradient flow nearly follows. With `noise` it is the plan
        of the Schroedinger bridge (`wlmsim.transport`), and the paths have the noise of Brownian bridges.
    before, after : Population
        The clouds, the first with what is known of its growth beforehand; a Lagrangian needs the velocities of
        `before`. Without those of `after` it is used forward only, and what a path misses is taken away by a parabola;
        so it is where paths back leave the data far behind, as with strong friction, which backward in time is growth.
    time : float
        When, between the two [time].
    dt : float
        Largest time step [time].
    integrator : Integrator, optional
        Scheme for both directions. Default: that of `wlmsim.simulate`.
    reach : float
        Distance beyond which particles rather multiply here and die there than move, see `wlmsim.transport` [length].
        Default infinite: masses are conserved.
    noise : float
        Strength of the noise in dX = u dt + sigma dW, for flows [length / sqrt(time)]. Default 0.
    marginals : sequence of Population
        All observed clouds in the order of time, `before` and `after` among them. With a finite reach, growth then
        changes between them as it does over all of them (`wlmsim.transport`). Default: growth at constant rates.
    seed : int
        Of the noise. Default 0.

    Returns
    -------
    Population
        A particle for each entry of the plan: as many as there are in equal uniform clouds, else more. With noise twice
        as many as in both clouds: a sample of a density, where entries of a plan are places between observed ones.
    """
    cloud = _joined(mechanics, before, after, time, dt, integrator, reach, noise, seed)
    if reach == math.inf or not marginals:
        return cloud
    outside = [c for c in marginals if not before.time < c.time < after.time]
    masses = cloud.weights * growth_correction(outside, cloud.positions, time, reach=reach)
    return Population(cloud.positions, None, masses / masses.sum(), time)


def _joined(
    mechanics: Lagrangian | Flow,
    before: Population,
    after: Population,
    time: float,
    dt: float,
    integrator: Integrator | None,
    reach: float,
    noise: float,
    seed: int,
) -> Population:
    """The paths of both sides, joined; masses grow along them at constant rates."""
    scheme = default_integrator(mechanics) if integrator is None else integrator
    span = after.time - before.time
    s = (time - before.time) / span
    ahead, end = _carried(mechanics, before, [time, after.time], dt, scheme)
    x0, x1 = before.positions, after.positions
    first_order = isinstance(mechanics, Flow)
    if noise:
        i, j = sample_coupling(before, after, s, noise=noise, reach=reach, seed=seed)
        x = ahead.positions[i] + s * (x1[j] - end.positions[i])
        return Population(x + bridge_noise(before, after, s, x.shape, noise=noise, seed=seed), time=time)
    known = None if before.growth is None else span * before.growth
    if first_order or after.velocities is None:
        left = x0 if first_order else end.positions
        plan = unbalanced_transport_plan(left, x1, before.weights, after.weights, reach=reach, growth=known)
        missed = x1[plan.target] - end.positions[plan.source]
        x = ahead.positions[plan.source] + (s if first_order else s**2) * missed
        return Population(x, None, plan.masses(s), time)
    back, start = _carried(mechanics, after, [time, before.time], dt, scheme)
    if _strays([back, start], [before, after]):
        return _joined(mechanics, before, after.with_velocities(None), time, dt, integrator, reach, noise, seed)
    misses = np.hstack([end.positions, x0]), np.hstack([x1, start.positions])  # at both ends, as one squared distance
    plan = unbalanced_transport_plan(*misses, before.weights, after.weights, reach=reach, growth=known)
    i, j = plan.source, plan.target
    assert before.velocities is not None
    v0, v1 = before.velocities[i], after.velocities[j]
    missed_after = hermite_interpolation(s, span, 0.0, x1[j] - end.positions[i], 0.0, v1 - end.velocities[i])
    missed_before = hermite_interpolation(s, span, x0[i] - start.positions[j], 0.0, v0 - start.velocities[j], 0.0)
    x = (1 - s) * (ahead.positions[i] + missed_after) + s * (back.positions[j] + missed_before)
    return Population(x, None, plan.masses(s), time)


def _strays(states: Sequence[State], clouds: Sequence[Population]) -> bool:
    """Whether paths have left the data by more than `FAR_OUT` times the extent of these, or lost their numbers."""
    origin, radius = extent([cloud.positions for cloud in clouds])
    return not reach_of(origin, [state.positions for state in states]) <= FAR_OUT * radius


def extent(clouds: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
    """The middle of some positions, shape (d,), and the largest distance of one of them from it [length]."""
    origin = np.mean([x.mean(0) for x in clouds], axis=0)
    return origin, reach_of(origin, clouds)


def reach_of(origin: np.ndarray, clouds: Sequence[np.ndarray]) -> float:
    """The largest distance of a particle from a point [length]; NaN if one is nowhere."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.max([np.linalg.norm(x - origin, axis=1).max() for x in clouds]))


def _carried(
    mechanics: Lagrangian | Flow, cloud: Population, times: list[float], dt: float, integrator: Integrator
) -> list[State]:
    """The cloud at times that all lie after it or all before it, in the order in which they are reached."""
    velocities = np.zeros_like(cloud.positions) if isinstance(mechanics, Flow) else cloud.velocities
    assert velocities is not None
    state = State(cloud.positions, velocities, cloud.weights, cloud.time)
    states = []
    for time in times:
        interval = time - state.time
        steps = math.ceil(abs(interval) / dt - 1e-9)
        for _ in range(steps):
            state = integrator.step(mechanics, state, interval / steps)
        states.append(State(state.positions.copy(), state.velocities.copy(), state.weights, time))
    return states
