"""Interpolation from both sides: the mechanics between two observed clouds, joined so that both ends are met."""

from __future__ import annotations

import math

import numpy as np

from wlmsim import transport
from wlmsim.evaluation import hermite_interpolation
from wlmsim.flow import Flow
from wlmsim.integrators import Integrator, State
from wlmsim.lagrangian import Lagrangian
from wlmsim.population import Population
from wlmsim.simulation import default_integrator


def bridge(
    mechanics: Lagrangian | Flow,
    before: Population,
    after: Population,
    time: float,
    *,
    dt: float,
    integrator: Integrator | None = None,
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
    before, after : Population
        The clouds; a Lagrangian needs the velocities of `before`. Without those of `after` it is used forward only,
        and what a path misses is taken away by a parabola.
    time : float
        When, between the two [time].
    dt : float
        Largest time step [time].
    integrator : Integrator, optional
        Scheme for both directions. Default: that of `wlmsim.simulate`.

    Returns
    -------
    Population
        A particle for each entry of the plan: as many as there are in equal uniform clouds, else more.
    """
    scheme = default_integrator(mechanics) if integrator is None else integrator
    span = after.time - before.time
    s = (time - before.time) / span
    ahead, end = _carried(mechanics, before, [time, after.time], dt, scheme)
    x0, x1 = before.positions, after.positions
    cost = transport.ground_cost(end.positions, x1, 2)
    if isinstance(mechanics, Flow) or after.velocities is None:
        i, j, mass = transport.optimal_plan(cost, before.weights, after.weights)
        share = s if isinstance(mechanics, Flow) else s**2
        return Population(ahead.positions[i] + share * (x1[j] - end.positions[i]), None, mass, time)
    back, start = _carried(mechanics, after, [time, before.time], dt, scheme)
    i, j, mass = transport.optimal_plan(
        cost + transport.ground_cost(x0, start.positions, 2), before.weights, after.weights
    )
    assert before.velocities is not None
    v0, v1 = before.velocities[i], after.velocities[j]
    missed_after = hermite_interpolation(s, span, 0.0, x1[j] - end.positions[i], 0.0, v1 - end.velocities[i])
    missed_before = hermite_interpolation(s, span, x0[i] - start.positions[j], 0.0, v0 - start.velocities[j], 0.0)
    x = (1 - s) * (ahead.positions[i] + missed_after) + s * (back.positions[j] + missed_before)
    return Population(x, None, mass, time)


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
