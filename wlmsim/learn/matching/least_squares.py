"""Matching by linear least squares, with standard errors, where the acceleration is linear in all that is learned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from wlmsim.learn.dissipations import LearnableDissipation
from wlmsim.learn.group import ALONE, Group
from wlmsim.learn.matching.paths import Paths
from wlmsim.learn.mechanics import Mechanics

FRAMES, LOOKED = 48, 3000
"""Moments of the population that are looked at, evenly spread over the paths, and more of small populations: as many as
have so many particles in all."""
ROWS = 500
"""Most particles of a moment."""
RIDGE = 1e-6
"""What is added to the normal equations, in units of their mean diagonal: some coefficients may act nowhere."""
NO_FRICTION = -20.0
"""Logarithm of a friction that counts for none."""


def is_linear(mechanics: Mechanics) -> bool:
    """Whether accelerations are linear in every parameter, friction apart, of which the rate is."""
    return mechanics.initial_field is None and all(term.linear for term in mechanics.networks)


def solve(mechanics: Mechanics, paths: Sequence[Paths], weight: float, group: Group = ALONE) -> dict[str, np.ndarray]:
    """Set all parameters to those that miss the accelerations of paths least, in mean square.

    Parameters
    ----------
    mechanics : Mechanics
        Linear, see `is_linear`; changed in place.
    paths : sequence of Paths
        What it is matched to.
    weight : float
        Of the mean square of the force, which is added.
    group : Group
        The processes that share it: each looks at some of the paths, and the normal equations are added.

    Returns
    -------
    dict of str to ndarray
        Standard errors: of the friction, "friction" [1 / time], and of the parameters of each learned term, by its
        name, in the units in which it keeps them. Misses along one path count as one, since they go
        together; that errors of a velocity act in both intervals beside it, and cancel in part, is not counted, so that
        the true errors may be smaller.
    """
    design = _Design(mechanics)
    owned = {id(part): group.owns(number) for number, part in enumerate(paths)}
    rows = [design.rows(part, k) for part, k in _frames(paths) if owned[id(part)]]
    rows = rows or [design.no_rows()]
    forces, drags, targets, groups = (np.concatenate(same) for same in zip(*rows, strict=True))
    with_friction = mechanics.log_friction is not None
    with_drag = drags if with_friction else drags[:, :0]
    solution, covariance = _regression(forces, with_drag, targets, groups, weight, group)
    gamma = float(solution[-1]) if with_friction else mechanics.fixed_friction
    rate_error = float(np.sqrt(max(covariance[-1, -1], 0.0))) if with_friction else 0.0
    if with_friction and gamma <= 0:
        solution, covariance = _regression(forces, drags[:, :0], targets, groups, weight, group)
        gamma = 0.0
    factor = 1.0 if mechanics.first_order else 1.0 + gamma
    count = forces.shape[1]
    design.set(solution[:count] / factor, gamma)
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    found = design.split(errors[:count] / factor)
    if with_friction:
        found["friction"] = np.array(rate_error / mechanics.scales.duration)
    return found


def _frames(paths: Sequence[Paths]) -> list[tuple[Paths, int]]:
    """Moments to look at: the first and the last of a path, where its acceleration is known least, are left out."""
    every = [(part, k) for part in paths for k in range(1, len(part.times) - 1)]
    rows = max((part.x.shape[1] for part in paths), default=1)
    chosen = np.unique(np.linspace(0, len(every) - 1, max(FRAMES, LOOKED // rows)).round().astype(int)).tolist()
    return [every[k] for k in chosen]


class _Design:
    """The accelerations of each parameter by itself."""

    def __init__(self, mechanics: Mechanics):
        self.mechanics = mechanics
        self.parameters = [(type(term).__name__, p) for term in mechanics.networks for p in term.parameters()]
        self.sizes = [p.numel() for _, p in self.parameters]

    def set(self, values: np.ndarray, gamma: float) -> None:
        """Give the parameters these values, one after the other."""
        with torch.no_grad():
            for (_, parameter), part in zip(self.parameters, self._parts(values), strict=True):
                parameter.copy_(torch.as_tensor(part).reshape(parameter.shape))
            if self.mechanics.log_friction is not None:
                self.mechanics.log_friction.fill_(np.log(gamma) if gamma > 0 else NO_FRICTION)

    def split(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Values by the name of the term; of several of one kind numbered."""
        found: dict[str, np.ndarray] = {}
        for (name, _), part in zip(self.parameters, self._parts(values), strict=True):
            number = sum(key.split(" ")[0] == name for key in found)
            found[name if number == 0 else f"{name} {number + 1}"] = part
        return found

    def _parts(self, values: np.ndarray) -> list[np.ndarray]:
        ends = np.cumsum(self.sizes)
        return [values[end - size : end] for end, size in zip(ends, self.sizes, strict=True)]

    def no_rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """No equations."""
        return np.zeros((0, sum(self.sizes))), np.zeros((0, 1)), np.zeros(0), np.zeros(0)

    def rows(self, paths: Paths, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Equations of one moment, weighted: accelerations by each parameter, by friction, what is to be explained."""
        n = paths.x.shape[1]
        chosen = torch.as_tensor(np.unique(np.linspace(0, n - 1, min(n, ROWS)).round().astype(int)))
        x, v, target, w = (part[k, chosen] for part in (paths.x, paths.v, paths.target, paths.w))
        w = w / w.sum()
        time = float(paths.times[k])

        self.set(np.zeros(sum(self.sizes)), 0.0)
        with torch.no_grad():
            force = self.mechanics.force(x, w, time)
            if (further := self.mechanics.velocity_force(w)) is not None:
                force = force + further(x)(v)
            alone = [self._of_each(term, x, v, w, time) for term in self.mechanics.networks]
            of_each = torch.cat([x.new_zeros(0, *x.shape), *alone])
        known = force.double().cpu().numpy()
        root = np.sqrt(w.double().cpu().numpy())[:, None]
        levers = paths.interval if self.mechanics.first_order else paths.interval**2 / 2
        scale = root * levers
        drag = (scale * -v.double().cpu().numpy()).reshape(-1, 1)
        explained = (scale * (target.double().cpu().numpy() - known)).ravel()
        design = (scale * of_each.double().cpu().numpy()).reshape(-1, len(explained)).T
        group = np.repeat(id(paths) % 2**40 * 2.0**12 + chosen.numpy(), x.shape[1])
        return design, drag, explained, group

    @staticmethod
    def _of_each(term: Any, x: torch.Tensor, v: torch.Tensor, w: torch.Tensor, time: float) -> torch.Tensor:
        """Force by each parameter of a term alone, shape (parameters, n, d)."""
        if isinstance(term, LearnableDissipation):
            return term.force_of_each(x, v, w)
        return term.force_of_each(x, w, time)


def _regression(
    forces: np.ndarray,
    drags: np.ndarray,
    targets: np.ndarray,
    groups: np.ndarray,
    weight: float,
    processes: Group = ALONE,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of least squares and their covariance, with misses of one group taken together."""
    left = np.concatenate([forces, drags], axis=1)
    normal, smoothing = processes.sums(left.T @ left, weight * forces.T @ forces)
    count = forces.shape[1]
    penalty = np.zeros_like(normal)
    penalty[:count, :count] = smoothing
    inverse = np.linalg.inv(normal + penalty + RIDGE * np.trace(normal) / len(normal) * np.eye(len(normal)))
    (solution,) = processes.sums(inverse @ left.T @ targets)
    _, group = np.unique(groups, return_inverse=True)
    scores = np.zeros((group.max(initial=-1) + 1, len(normal)))
    np.add.at(scores, group, left * (targets - left @ solution)[:, None])
    (squares,) = processes.sums(scores.T @ scores)
    return solution, inverse @ squares @ inverse
