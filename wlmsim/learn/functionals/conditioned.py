"""A learnable external potential that differs between conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from wlmsim import _validation as check
from wlmsim.learn.functionals.external import ExternalPotential

MARGIN = 0.25
"""Share of a window of time by which it begins before the first time of its condition."""


class ConditionedPotential(ExternalPotential):
    """Learnable external potential psi(x, c) of several conditions c, one perceptron for all of them.

    Conditions are told by windows of time, in which their populations are placed: condition k has the times from
    `origin` + k `period` on, until `period` later. `wlmsim.learn.cells.fit_conditions` does that. The perceptron sees
    for each condition but the first, the reference, a number that is 1 in its window and else 0: what conditions have
    in common it learns once. Within a condition the potential does not depend on time.

    Parameters
    ----------
    conditions : int
        How many, at least 2.
    origin : float
        The first time of the reference [time].
    period : float
        From one window to the next, positive and longer than the times of a condition [time].
    hidden : sequence of int
        Widths of the hidden layers. Default (64, 64).

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.ConditionedPotential(2, origin=0.0, period=10.0)
    ConditionedPotential(conditions=2, origin=0, period=10, hidden=(64, 64))
    """

    def __init__(self, conditions: int, origin: float, period: float, hidden: Sequence[int] = (64, 64)):
        super().__init__(hidden)
        self.conditions = check.integer("conditions", conditions, least=2)
        self.origin, self.period = check.real("origin", origin), check.positive("period", period)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        about = {"conditions": self.conditions, "origin": self.origin, "period": self.period}
        return {**about, "hidden": list(self.hidden)}

    @property
    def covariates(self) -> int:
        """What the perceptron sees beside the positions."""
        return self.conditions - 1

    def _inputs(self, x: torch.Tensor, t: Any) -> torch.Tensor:
        scales = self._known_scales
        since = (torch.zeros_like(x[:, :1]) + t) - (self.origin - scales.start) / scales.duration
        window = torch.floor(since * (scales.duration / self.period) + MARGIN).clamp(0, self.conditions - 1)
        of_each = torch.arange(1, self.conditions, device=x.device, dtype=x.dtype)
        return torch.cat([x, (window == of_each).to(x)], dim=1)

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\int \psi_\theta(x, c) \rho \, dx"

    def __repr__(self) -> str:
        about = f"conditions={self.conditions}, origin={self.origin:g}, period={self.period:g}"
        return f"ConditionedPotential({about}, hidden={self.hidden})"
