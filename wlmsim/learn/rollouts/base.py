"""What every way to roll out has: how far, and in which time steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from wlmsim.learn.options.constraints import Constraint, Integer, Real
from wlmsim.learn.options.part import Part

SHARE_OF_INTERVAL = 0.25
"""Largest time step that is taken by default, in units of the mean interval between marginals."""


@dataclass(frozen=True, repr=False, kw_only=True)
class Rollouts(Part, ABC):
    """From which marginals training rolls out, over how many, and in which steps."""

    horizon: int | None = None
    ramp: float = 0.0
    dt: float | None = None

    constraints: ClassVar[dict[str, Constraint]] = {
        "horizon": Integer(optional=True),
        "ramp": Real(least=0, most=1),
        "dt": Real(above=0, optional=True),
    }

    @abstractmethod
    def starts(self, possible: Sequence[int]) -> list[int]:
        """Of the marginals at which velocities are known, those at which rollouts start."""

    def time_step(self, interval: float) -> float:
        """Largest time step, for a mean interval between marginals [time]."""
        return SHARE_OF_INTERVAL * interval if self.dt is None else self.dt

    def longest(self, remaining: int, step: int, steps: int) -> int:
        """Most of the marginals that remain after a start that a rollout may run over at a training step."""
        most = min(remaining, self.horizon or remaining)
        climbed = 1.0 if self.ramp == 0 else step / (self.ramp * steps)
        return most if climbed >= 1 else 1 + int(climbed * (most - 1))
