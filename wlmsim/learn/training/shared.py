"""A training that several processes share: each has a share of every step, and their gradients are added.

The steps are those of one process, to rounding: all draw the same starts, batches and noise. Where particles do not
feel each other, each process rolls its rows of a batch out; the rows are then put together, for a distance between
clouds is one of whole clouds. What is compared is shared too: each process takes some of the marginals that a rollout
reaches, or some directions of sliced transport. Where particles feel each other, each process rolls the batch out up
to the last of its marginals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from wlmsim.errors import SimulationError
from wlmsim.functionals.external import External
from wlmsim.learn.group import Group
from wlmsim.learn.losses.common import Duals
from wlmsim.learn.mechanics import Cloud, Mechanics
from wlmsim.learn.training.trainer import Rolled, Trainer, Watcher


class SharedTrainer(Trainer):
    """A `Trainer` in each process of a group, which ends with the same mechanics in all of them.

    Parameters
    ----------
    group : Group
        The processes.
    mechanics, populations, **options
        As of `Trainer`, the same in all.
    """

    def __init__(self, group: Group, mechanics: Mechanics, populations: Sequence[Sequence[Cloud]], **options: Any):
        super().__init__(mechanics, populations, **options)
        self.group = group
        self._own: tuple[int, slice] | None = None
        part = self.loss.part_of(group.rank, group.size)
        self._all_targets, self._loss_part = part is not None, part or self.loss

    def _differentiate(self) -> float:
        def compute() -> float:
            self._descent.forget_gradients()
            loss = self._loss_of_step()
            if loss.requires_grad:
                loss.backward()
            return float(loss.detach())

        return self._added(self._with_all_pairs(compute))

    def _added(self, value: float) -> float:
        """Add losses and gradients of all processes; a parameter has one if it has one anywhere."""
        parameters = list(self.mechanics.parameters())
        like = parameters[0]
        about = torch.tensor([value, *(p.grad is not None for p in parameters)], dtype=like.dtype, device=like.device)
        gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        self.group.add(about, *gradients)
        for parameter, gradient, count in zip(parameters, gradients, about[1:].tolist(), strict=True):
            parameter.grad = gradient if count else None
        return float(about[0])

    def _exceeds(self, here: bool) -> bool:
        return self.group.anywhere(here) if self._of_near_pairs else False

    def _watch(self, watchers: Sequence[Watcher]) -> None:
        """The first process tells of the step and keeps it; what ends the fit there ends it everywhere."""
        met: BaseException | None = None
        if self.group.first:
            try:
                super()._watch(watchers)
            except BaseException as error:
                met = error
        if self.group.anywhere(met is not None):
            self.group.of_first(partial(_raise, met))

    # --- rollouts

    @property
    def _by_rows(self) -> bool:
        """Whether particles do not feel each other, so that each may be rolled out by itself."""
        mechanics = self.mechanics
        return (
            all(term.local for term in mechanics.learned)
            and all(isinstance(term, External) for term in mechanics.analytic)
            and not mechanics.dissipations
        )

    def _rollout_loss(
        self, start: Cloud, targets: Sequence[Cloud], duals: Sequence[Duals | None], population: int
    ) -> torch.Tensor:
        ends = [self._position(population, target) for target in targets]
        mine = [self._all_targets or self.group.owns(population + end) for end in ends]
        if self._by_rows:
            return self._by_own_rows(start, targets, duals, population, mine)
        reached = len(targets) if self.noise or self._all_targets or self.group.first else _last(mine)
        if not reached:
            return torch.zeros((), dtype=start.x.dtype, device=start.x.device)
        try:
            rolled, roughness = self._roll_out(start, [target.time for target in targets[:reached]], population)
            loss = self._share_of_divergence(rolled, start, targets, duals, mine)
        except SimulationError:
            return torch.full((), math.nan, dtype=start.x.dtype, device=start.x.device)
        return loss + roughness if self.group.first else loss

    def _by_own_rows(
        self,
        start: Cloud,
        targets: Sequence[Cloud],
        duals: Sequence[Duals | None],
        population: int,
        mine: Sequence[bool],
    ) -> torch.Tensor:
        """Its share of the loss, with the gradient of the whole loss by its rows."""
        n = len(start.x)
        rows = self.group.rows(n)
        part = Cloud(start.x[rows], None if start.v is None else start.v[rows], start.w[rows], start.time)
        self._own = n, rows
        try:
            rolled, rough = self._roll_out(part, [target.time for target in targets], population)
            own = [tensor for cloud in rolled for tensor in cloud if tensor is not None]
        except SimulationError:
            count = len(targets) * (1 if self.mechanics.first_order else 2)
            own, rough = [torch.full_like(part.x, math.nan) for _ in range(count)], part.x.new_full((), math.nan)
        finally:
            self._own = None
        whole = self.group.joined(torch.stack(own, dim=1), n).requires_grad_()
        columns = list(whole.unbind(1))
        clouds: Rolled = (
            [(x, None) for x in columns]
            if self.mechanics.first_order
            else list(zip(columns[::2], columns[1::2], strict=True))
        )
        try:
            loss = self._share_of_divergence(clouds, start, targets, duals, mine)
            gradient = torch.autograd.grad(loss, whole)[0] if loss.requires_grad else torch.zeros_like(whole)
        except SimulationError:
            loss, gradient = whole.new_full((), math.nan), torch.zeros_like(whole)
        self.group.add(gradient)
        along = (torch.stack(own, dim=1) * gradient[rows]).sum()
        return loss.detach() + along - along.detach() + rough

    def _share_of_divergence(
        self,
        rolled: Rolled,
        start: Cloud,
        targets: Sequence[Cloud],
        duals: Sequence[Duals | None],
        mine: Sequence[bool],
    ) -> torch.Tensor:
        """The divergences that are this process's, over the number of all."""
        terms = [
            self._divergence(self._loss_part, cloud, start, target, kept)
            for cloud, target, kept, own in zip(rolled, targets, duals, mine, strict=False)
            if own
        ]
        return torch.stack(terms).sum() / len(targets) if terms else start.w.new_zeros(())

    def _position(self, population: int, target: Cloud) -> int:
        """Which marginal of its population a batch is of."""
        times = [cloud.time for cloud in self.populations[population]]
        return times.index(target.time)

    def _local_acceleration(self, population: int, cloud: Cloud, gradient: torch.Tensor) -> torch.Tensor:
        if not self.group.owns(population):
            return torch.zeros((), dtype=cloud.x.dtype, device=cloud.x.device)
        return super()._local_acceleration(population, cloud, gradient)

    def _kicks(self, strength: float, x: torch.Tensor, step: float) -> torch.Tensor:
        """Those of the rows that are this process's, of all that are drawn."""
        if self._own is None:
            return super()._kicks(strength, x, step)
        n, rows = self._own
        return super()._kicks(strength, x.new_empty(n, *x.shape[1:]), step)[rows]

    def _score(self) -> float:
        """Each process scores some of the validation marginals; with noise all draw the same of it."""
        scores = [
            self._validation_w1(k, cloud) if self.noise or self.group.owns(number) else 0.0
            for number, (k, cloud) in enumerate(self.validation)
        ]
        own = [score if self.group.owns(number) else 0.0 for number, score in enumerate(scores)]
        shared = torch.tensor(own, dtype=torch.float64, device=self.populations[0][0].x.device)
        self.group.add(shared)
        return float(np.mean(shared.tolist()))


def _raise(error: BaseException | None) -> None:
    assert error is not None
    raise error


def _last(mine: Sequence[bool]) -> int:
    """Number of the first targets among which are all of one's own."""
    return max((k + 1 for k, own in enumerate(mine) if own), default=0)
