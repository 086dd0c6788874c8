"""Smooth paths between coupled marginals, in scaled coordinates: what mechanics is matched to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from wlmsim.data.population import Population
from wlmsim.learn.mechanics import Cloud, Mechanics
from wlmsim.learn.rollouts.rollout import flow_rollout, rollout
from wlmsim.transport.exact import ground_cost
from wlmsim.transport.large import approximate_unbalanced_plan, draw
from wlmsim.transport.schroedinger import sample_coupling
from wlmsim.transport.unbalanced import UnbalancedPlan, unbalanced_plan

NODES = 8
"""Places of a path, evenly spaced, beside its start."""
COUPLED = 1000
"""Most rows that feel each other in one part of the paths, or that one Schroedinger bridge couples."""
PLANNED = 20_000
"""Most rows of a marginal that one plan couples, drawn anew in each round; parts of a thousand would couple rows that
are far apart, and draw the paths together."""
ROWS = 8000
"""Most pairs of a plan whose paths are laid in one round, and most rows that Schroedinger bridges couple."""
LATEST = 0.9
"""Fraction of the way up to which a Brownian bridge tells the drift: at its end only noise is left."""


@dataclass(frozen=True)
class Paths:
    """Paths of particles over one interval.

    Attributes
    ----------
    times : Tensor, shape (K,)
        Of the nodes.
    x, v : Tensor, shape (K, n, d)
        Places and velocities; first-order mechanics has no use for the latter.
    target : Tensor, shape (K, n, d)
        What the mechanics is to explain: dv/dt, or in first-order mechanics dx/dt.
    w : Tensor, shape (K, n)
        Weights, which sum to 1 at each node.
    interval : float
        Time between the two marginals.
    """

    times: torch.Tensor
    x: torch.Tensor
    v: torch.Tensor
    target: torch.Tensor
    w: torch.Tensor
    interval: float


def inertial_paths(
    before: Cloud, after: Cloud, mechanics: Mechanics | None, rng: np.random.Generator
) -> Iterator[Paths]:
    """Paths that leave one marginal and arrive at the next, with their velocities.

    To the motion under the mechanics from the first marginal, or without forces, is added the acceleration of least
    mean square that takes each particle to its partner. The plan makes that least on the whole,

        integral of |c''|^2 dt = 12 |dx / T - dv / 2|^2 / T + |dv|^2 / T,

    dx and dv being what a particle misses at the end; that is a squared distance between points of dimension 2 d.

    Parameters
    ----------
    before, after : Cloud
        With velocities.
    mechanics : Mechanics, optional
        Second-order mechanics. Default: free motion.
    rng : Generator
        Of the rows and pairs of large clouds that are taken.

    Yields
    ------
    Paths
        Of large clouds several, each of about a thousand pairs.
    """
    span, s = after.time - before.time, _fractions(before.x)

    @lru_cache(maxsize=1)  # a small cloud is carried to be coupled, and at once again
    def carried(part: Cloud) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return _carried(part, span, s, mechanics)

    def end(part: Cloud) -> np.ndarray:
        x, v, _ = carried(part)
        return _kinematic(x[-1], v[-1], span)

    def places(part: Cloud) -> np.ndarray:
        assert part.v is not None
        return _kinematic(part.x, part.v, span)

    for first, last, plan in _coupled(before, after, rng, end, places, mechanics):
        x, v, a = carried(first)
        assert last.v is not None
        i, j, mass = plan.source, plan.target, torch.as_tensor(plan.carried).to(first.x)
        dx, dv = last.x[j] - x[-1, i], last.v[j] - v[-1, i]
        x = x[:, i] + (3 * s**2 - 2 * s**3) * dx + span * (s**3 - s**2) * dv
        v = v[:, i] + (6 * s - 6 * s**2) * dx / span + (3 * s**2 - 2 * s) * dv
        a = a[:, i] + (6 - 12 * s) * dx / span**2 + (6 * s - 2) * dv / span
        w = (mass / mass.sum()).expand(len(s), -1)
        yield Paths(first.time + span * s.flatten(), x, v, a, w, span)


def flow_paths(
    before: Cloud,
    after: Cloud,
    mechanics: Mechanics | None,
    rng: np.random.Generator,
    *,
    noise: float = 0.0,
    reach: float = math.inf,
) -> Iterator[Paths]:
    """Paths of first-order mechanics, with Brownian bridges about them and masses that grow on the way.

    Parameters
    ----------
    before, after : Cloud
        The marginals.
    mechanics : Mechanics, optional
        First-order mechanics. Default: nobody moves, and paths are straight.
    rng : Generator
        Of parts, couplings and noise.
    noise : float
        sigma. Default 0.
    reach : float
        Distance beyond which particles rather multiply and die than move. Default infinite.

    Yields
    ------
    Paths
        One for each pair of parts.
    """
    span, every = after.time - before.time, _fractions(before.x)

    def arrived(part: Cloud) -> torch.Tensor:
        return part.x if mechanics is None else _drifted(part, span, every[-1:], mechanics)[0][-1]

    def pairs() -> Iterator[tuple[Cloud, Cloud, np.ndarray, np.ndarray, list[np.ndarray]]]:
        if noise:
            for first, last in _parts(before, after, rng):
                i, j = _bridged(first, last, rng, noise, reach)
                yield first, last, i, j, [np.full(len(i), 1 / len(i))] * len(s)
            return
        coupled = _coupled(
            before, after, rng, lambda part: _array(arrived(part)), lambda part: _array(part.x), mechanics, reach
        )
        for first, last, plan in coupled:
            yield first, last, plan.source, plan.target, [plan.masses(float(share)) for share in s.flatten()]

    s = every[: int(LATEST * NODES) + 1] if noise else every
    for first, last, i, j, shares in pairs():
        x, u = _drifted(first, span, s, mechanics)
        end = arrived(first) if noise else x[-1]
        masses = [torch.as_tensor(share).to(first.x) for share in shares]
        missed = last.x[j] - end[i]
        kicks = torch.as_tensor(rng.standard_normal((len(s), len(i), x.shape[2]))).to(x)
        width = noise * math.sqrt(span)
        place = x[:, i] + s * missed + width * (s * (1 - s)).sqrt() * kicks
        ahead = u[:, i] + missed / span - (width / span) * (s / (1 - s).clamp_min(1e-6)).sqrt() * kicks * bool(noise)
        yield Paths(first.time + span * s.flatten(), place, torch.zeros_like(place), ahead, torch.stack(masses), span)


def _fractions(like: torch.Tensor) -> torch.Tensor:
    """Fractions of the way at the nodes, shape (K, 1, 1)."""
    return torch.arange(NODES + 1, dtype=like.dtype, device=like.device)[:, None, None] / NODES


def _carried(
    cloud: Cloud, span: float, s: torch.Tensor, mechanics: Mechanics | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Positions, velocities and accelerations at fractions of the way, under the mechanics or none."""
    assert cloud.v is not None
    if mechanics is None:
        x = cloud.x + s * span * cloud.v
        return x, cloud.v.expand_as(x), torch.zeros_like(x)
    times = [cloud.time + span * share for share in s.flatten().tolist()]
    with torch.no_grad():
        states = rollout(
            lambda y, t: mechanics.force(y, cloud.w, t),
            cloud.x,
            cloud.v,
            times[1:],
            start=cloud.time,
            dt=span / NODES,
            friction=mechanics.gamma,
            unit_mobility=True,
            velocity_force=mechanics.velocity_force(cloud.w),
        )
        states = [(cloud.x, cloud.v), *states]
        accelerations = [
            mechanics.conservative_acceleration(x, cloud.w, t) + mechanics.velocity_acceleration(x, v, cloud.w)
            for (x, v), t in zip(states, times, strict=True)
        ]
    return torch.stack([x for x, _ in states]), torch.stack([v for _, v in states]), torch.stack(accelerations)


def _drifted(
    cloud: Cloud, span: float, s: torch.Tensor, mechanics: Mechanics | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions and velocities at fractions of the way in first-order mechanics, or where nobody moves."""
    if mechanics is None:
        x = cloud.x.expand(len(s), -1, -1)
        return x, torch.zeros_like(x)
    times = [cloud.time + span * share for share in s.flatten().tolist()]

    def velocity(x: torch.Tensor, t: float) -> torch.Tensor:
        return mechanics.force(x, cloud.w, t)

    with torch.no_grad():
        later = [t for t in times if t > cloud.time]
        places = flow_rollout(velocity, cloud.x, later, start=cloud.time, dt=span / NODES)
        places = [cloud.x] * (len(times) - len(later)) + places
        return torch.stack(places), torch.stack([velocity(x, t) for x, t in zip(places, times, strict=True)])


def _kinematic(x: torch.Tensor, v: torch.Tensor, span: float) -> np.ndarray:
    """Points whose squared distances are T times the least mean square acceleration from one state to another."""
    return np.concatenate([math.sqrt(12) * _array(x / span - v / 2), _array(v)], axis=1)


def _bridged(
    first: Cloud, last: Cloud, rng: np.random.Generator, noise: float, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows of both clouds that the Schroedinger bridge joins."""
    ends = [
        Population(_array(c.x), None, _array(c.w), c.time, growth=None if c.growth is None else _values(c.growth))
        for c in (first, last)
    ]
    seed = int(rng.integers(2**31))
    return sample_coupling(ends[0], ends[1], 0.5, noise=noise, reach=reach, count=len(first.x) + len(last.x), seed=seed)


def _parts(before: Cloud, after: Cloud, rng: np.random.Generator) -> Iterator[tuple[Cloud, Cloud]]:
    """Both clouds, or random parts of equal shares of each where they are large."""
    largest = min(max(len(before.x), len(after.x)), ROWS)
    count = math.ceil(largest / COUPLED)
    if count == 1 and largest == max(len(before.x), len(after.x)):
        yield before, after
        return
    pieces = [np.array_split(rng.permutation(len(c.x))[:ROWS], count) for c in (before, after)]
    for rows, others in zip(*pieces, strict=True):
        yield before.rows(torch.as_tensor(rows)), after.rows(torch.as_tensor(others))


def _coupled(
    before: Cloud,
    after: Cloud,
    rng: np.random.Generator,
    end: Callable[[Cloud], np.ndarray],
    places: Callable[[Cloud], np.ndarray],
    mechanics: Mechanics | None,
    reach: float = math.inf,
) -> Iterator[tuple[Cloud, Cloud, UnbalancedPlan]]:
    """Both clouds and the plan from where one ends to where the other is; of large ones random pairs of a plan of many.

    Parameters
    ----------
    end, places : callable of a Cloud
        Where particles end, and where the others are, as points whose squared distances are the cost.
    mechanics : Mechanics, optional
        Whose particles may feel each other: then they are carried in parts of `COUPLED`.
    """
    if max(len(before.x), len(after.x)) <= COUPLED:
        cost, growth = ground_cost(end(before), places(after), 2), _known_growth(before, after)
        yield before, after, unbalanced_plan(cost, _array(before.w), _array(after.w), reach=reach, growth=growth)
        return
    first, last = (c.rows(torch.as_tensor(rng.permutation(len(c.x))[:PLANNED])) for c in (before, after))
    alone = mechanics is None or mechanics.is_local
    parts = np.array_split(np.arange(len(first.x)), 1 if alone else math.ceil(len(first.x) / COUPLED))
    ends = np.concatenate([end(first.rows(torch.as_tensor(part))) for part in parts])
    seed = int(rng.integers(2**31))
    how: dict[str, Any] = {"reach": reach, "growth": _known_growth(first, last), "seed": seed}
    plan = approximate_unbalanced_plan(ends, places(last), _array(first.w), _array(last.w), **how)
    drawn = rng.permutation(draw(plan.carried, min(ROWS, len(plan.carried)), rng))
    for pairs in np.array_split(drawn, math.ceil(len(drawn) / COUPLED)):
        even = torch.full_like(first.w[:1], 1 / len(pairs)).expand(len(pairs))
        ones = [c.rows(torch.as_tensor(k[pairs])) for c, k in ((first, plan.source), (last, plan.target))]
        carried, number = plan.carried[pairs] * len(pairs), np.arange(len(pairs))
        grown = UnbalancedPlan(
            number,
            number,
            np.full(len(pairs), 1 / len(pairs)),
            plan.before[pairs] / carried,
            plan.after[pairs] / carried,
        )
        yield Cloud(ones[0].x, ones[0].v, even, before.time), Cloud(ones[1].x, ones[1].v, even, after.time), grown


def _known_growth(before: Cloud, after: Cloud) -> np.ndarray | None:
    """Logarithms of the factors by which particles are known to multiply on their way."""
    return None if before.growth is None else (after.time - before.time) * _values(before.growth)


def _array(tensor: torch.Tensor) -> np.ndarray:
    values = _values(tensor)
    return values / values.sum() if values.ndim == 1 else values


def _values(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().double().numpy()
