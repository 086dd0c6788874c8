"""What matching minimises: the mean miss of the mechanics along smooth paths between the marginals."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from wlmsim import _deadline
from wlmsim.learn.group import ALONE, Group
from wlmsim.learn.losses.regularisation import Regularisation
from wlmsim.learn.losses.velocity_gradient import velocity_gradient
from wlmsim.learn.matching.least_squares import solve
from wlmsim.learn.matching.options import Matching
from wlmsim.learn.matching.paths import Paths, flow_paths, inertial_paths
from wlmsim.learn.mechanics import Cloud, Mechanics

LAID = 16_000
"""Rows that paths are laid for in one round where marginals are many, see `INTERVALS`."""
INTERVALS = 16, 64
"""Intervals, of all populations, that always and at most have paths in one round; others have them in the next."""
FRAMES = 2
"""Moments of the population that a training step looks at where particles feel each other."""
SMALLEST = 1e-12
"""Keeps the slope of a root finite where nothing is missed."""


class Moment(NamedTuple):
    """Places, velocities, what is to be explained, weights and the time, or times, of some particles."""

    x: torch.Tensor
    v: torch.Tensor
    target: torch.Tensor
    w: torch.Tensor
    t: torch.Tensor


@dataclass
class MatchingObjective:
    """The miss of a force by which a particle would go astray in an interval, in mean square, and its roughness.

    A miss r of the acceleration leads astray by r T^2 / 2 in the interval T, one of a velocity by r T; so the objective
    is a length as W1 is, and regularisation weighs the same in both.

    Parameters
    ----------
    populations : sequence of sequences of Cloud
        The fitted marginals, with velocities where the mechanics has inertia.
    options : Matching
        How paths are made and looked at.
    regularisation : Regularisation
        What is added.
    noise : float
        sigma of first-order mechanics.
    reach : float
        Distance beyond which particles rather multiply and die than move, in first-order mechanics.
    speed : float, optional
        Constant speed of all particles: forces then only turn them.
    seed : int
        Of everything random; each step and each round has its own generator.
    group : Group
        The processes that share it: each has a part of the objective, and the parts add up to it.
    """

    populations: Sequence[Sequence[Cloud]]
    options: Matching
    regularisation: Regularisation
    noise: float = 0.0
    reach: float = math.inf
    speed: float | None = None
    seed: int = 0
    group: Group = ALONE
    _paths: list[Paths] = field(default_factory=list, init=False)
    _joined: _Joined | None = field(default=None, init=False)

    @cached_property
    def _gradients(self) -> list[tuple[Cloud, torch.Tensor]]:
        """Every marginal with the gradient of its velocities."""
        return [(cloud, velocity_gradient(cloud)) for clouds in self.populations for cloud in clouds]

    def begin_round(self, number: int, mechanics: Mechanics) -> None:
        """Couple the marginals and lay paths: the first time freely, then where the mechanics says particles go."""
        guide = None if number == 0 or self.speed is not None else mechanics
        rng = np.random.default_rng([self.seed, number, 1])
        self._paths = []
        intervals = [pair for clouds in self.populations for pair in pairwise(clouds)]
        for before, after in _some(intervals, rng):
            _deadline.check()
            if mechanics.first_order:
                found = flow_paths(before, after, guide, rng, noise=self.noise, reach=self.reach)
            else:
                found = inertial_paths(before, after, guide, rng)
            self._paths += [paths for paths in found if torch.isfinite(paths.target).all()]
        self._joined = _Joined.of(self._paths) if mechanics.is_local else None

    def solve(self, mechanics: Mechanics) -> dict[str, np.ndarray]:
        """Match mechanics that is linear in its parameters by least squares, in every round; the standard errors."""
        errors: dict[str, np.ndarray] = {}
        for number in range(self.options.rounds):
            self.begin_round(number, copy.deepcopy(mechanics))
            if self._paths:
                errors = solve(mechanics, self._paths, self.regularisation.force, self.group)
        return errors

    def __call__(self, mechanics: Mechanics, step: int) -> torch.Tensor:
        """The objective at random places of the paths; which ones is a matter of the step."""
        rng = np.random.default_rng([self.seed, step, 0])
        total = self._of_paths(mechanics, rng)
        if self.regularisation.local_acceleration:
            part = self._local_acceleration(mechanics, rng)
            total = total + self.regularisation.local_acceleration * part if self.group.first else total
        if mechanics.initial_field is not None:
            part = self._of_initial_field(mechanics, rng)
            total = total + part if self.group.first else total
        return total

    def _of_paths(self, mechanics: Mechanics, rng: np.random.Generator) -> torch.Tensor:
        if not self._paths:
            return sum((0.0 * p.sum() for p in mechanics.parameters()), torch.zeros(()))
        if self._joined is not None:
            moments, interval = self._joined.draw(max(self.options.points // 2, 1), rng)
            rows = self.group.rows(len(interval))
            own = [Moment(*(part[rows] for part in moment)) for moment in moments]
            return self._miss(mechanics, own, interval[rows], self.group)
        drawn = [self._paths[k] for k in rng.integers(len(self._paths), size=FRAMES)]
        frames = [self._frame(paths, rng) for paths in drawn]
        terms = [self._miss(mechanics, *frame) for k, frame in enumerate(frames) if self.group.owns(k)]
        return torch.stack(terms).sum() / FRAMES if terms else frames[0][1].new_zeros(())

    def _frame(self, paths: Paths, rng: np.random.Generator) -> tuple[list[Moment], torch.Tensor]:
        """Two moments of a population, one after the other, and how far a miss leads."""
        k, n = int(rng.integers(len(paths.times) - 1)), paths.x.shape[1]
        rows = torch.as_tensor(rng.permutation(n)[: self.options.points], device=paths.x.device)
        moments = []
        for at in (k, k + 1):
            w = paths.w[at, rows]
            moments.append(
                Moment(paths.x[at, rows], paths.v[at, rows], paths.target[at, rows], w / w.sum(), paths.times[at])
            )
        return moments, torch.as_tensor(paths.interval)

    def _miss(
        self, mechanics: Mechanics, moments: Sequence[Moment], interval: torch.Tensor, group: Group = ALONE
    ) -> torch.Tensor:
        """What is missed at two moments, with the roughness of the force from one to the other.

        Of a group each process gives moments of other particles, and has its part of the sum.
        """
        first_order, weights = mechanics.first_order, self.regularisation
        lever = interval if first_order else interval**2 / 2
        forces, squares = [], []
        for x, v, target, w, t in moments:
            time = t if mechanics.is_local else float(t)
            force = mechanics.force(x, w, time) if first_order else mechanics.conservative_acceleration(x, w, time)
            got = force if first_order else force + mechanics.velocity_acceleration(x, v, w)
            missed = got - target
            if self.speed is not None:
                along = v / (v**2).sum(1, keepdim=True).sqrt().clamp_min(SMALLEST)
                missed = missed - (missed * along).sum(1, keepdim=True) * along
            forces.append(force)
            squares.append(w @ ((missed * lever) ** 2).sum(1))
        w = moments[0].w
        rough = weights.force * sum(w @ (f**2).sum(1) for f in forces) / 2
        if not first_order:
            rates = (forces[1] - forces[0]) / (moments[1].t - moments[0].t)
            rough = rough + weights.jerk * (w @ (rates**2).sum(1))
        return _root(torch.stack(squares).mean(), group) + rough

    def _local_acceleration(self, mechanics: Mechanics, rng: np.random.Generator) -> torch.Tensor:
        cloud, gradient = self._gradients[int(rng.integers(len(self._gradients)))]
        rows = torch.as_tensor(rng.permutation(len(cloud.x))[: self.options.points], device=cloud.x.device)
        return mechanics.local_acceleration(cloud.rows(rows), gradient)

    def _of_initial_field(self, mechanics: Mechanics, rng: np.random.Generator) -> torch.Tensor:
        """What the learned field of velocities misses of those at the first marginal."""
        cloud = self.populations[int(rng.integers(len(self.populations)))][0]
        assert cloud.v is not None
        missed = mechanics.initial_field(cloud.x) - cloud.v
        return (cloud.w @ (missed**2).sum(1) + SMALLEST).sqrt()


def _some(intervals: list[tuple[Cloud, Cloud]], rng: np.random.Generator) -> list[tuple[Cloud, Cloud]]:
    """All intervals of a few marginals, random ones of many: as many as one round has time for."""
    rows = max((len(before.x) for before, _ in intervals), default=1)
    count = int(np.clip(LAID // rows, *INTERVALS))
    if len(intervals) <= count:
        return intervals
    return [intervals[k] for k in np.sort(rng.choice(len(intervals), count, replace=False))]


def _root(part: torch.Tensor, group: Group) -> torch.Tensor:
    """Root of a sum of which each process has a part: parts of the root, with its gradient by each."""
    if group.size == 1:
        return (part + SMALLEST).sqrt()
    whole = part.detach().clone()
    group.add(whole)
    root = (whole + SMALLEST).sqrt()
    along = part / (2 * root)
    return along - along.detach() + root / group.size


@dataclass(frozen=True)
class _Joined:
    """All paths side by side, for mechanics in which a place and a time tell the force."""

    moments: tuple[torch.Tensor, ...]
    interval: torch.Tensor
    shares: np.ndarray

    @classmethod
    def of(cls, paths: Sequence[Paths]) -> _Joined:
        nodes = min((len(p.times) for p in paths), default=0)
        parts = [
            (p.x[:nodes], p.v[:nodes], p.target[:nodes], p.w[:nodes], p.times[:nodes, None].expand(-1, p.x.shape[1]))
            for p in paths
        ]
        moments = tuple(torch.cat(list(same), dim=1) for same in zip(*parts, strict=True))
        interval = torch.cat([p.x.new_full((p.x.shape[1], 1), p.interval) for p in paths])
        shares = np.cumsum(np.concatenate([p.w.mean(0).double().cpu().numpy() for p in paths]))
        return cls(moments, interval, shares)

    def draw(self, count: int, rng: np.random.Generator) -> tuple[list[Moment], torch.Tensor]:
        """Pairs of neighbouring nodes of random paths, each path as often as it weighs."""
        x, v, target, _, times = self.moments
        rows = np.minimum(np.searchsorted(self.shares, rng.random(count) * self.shares[-1]), len(self.shares) - 1)
        node = torch.as_tensor(rng.integers(len(x) - 1, size=count), device=x.device)
        rows = torch.as_tensor(rows, device=x.device)
        w = x.new_full((count,), 1 / count)
        pair = [Moment(x[k, rows], v[k, rows], target[k, rows], w, times[k, rows, None]) for k in (node, node + 1)]
        return pair, self.interval[rows]
