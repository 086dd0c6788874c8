"""Rollouts that all start at the first marginal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wlmsim.learn.rollouts.base import Rollouts


@dataclass(frozen=True, repr=False, kw_only=True)
class Anchored(Rollouts):
    """Every rollout starts at the first marginal; its horizon, in marginals, is drawn anew at each training step.

    Parameters
    ----------
    horizon : int, optional
        Most marginals that a training rollout runs over, at least 1. Default: all that remain.
    ramp : float
        Share of the training steps over which the longest horizon grows from one marginal, in [0, 1]. Default 0.
    dt : float, optional
        Largest time step of rollouts and forecasts, positive [time]. Default: a quarter of the mean interval between
        marginals.

    Raises
    ------
    ParameterError
        If an option is not as described.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(rollouts=wls.learn.Anchored(ramp=0.5))
    WLM(rollouts=Anchored(ramp=0.5))
    """

    def starts(self, possible: Sequence[int]) -> list[int]:
        """The first marginal."""
        return [k for k in possible if k == 0]
