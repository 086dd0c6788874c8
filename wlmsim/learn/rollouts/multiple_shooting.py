"""Rollouts that start at any marginal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wlmsim.learn.rollouts.base import Rollouts


@dataclass(frozen=True, repr=False, kw_only=True)
class MultipleShooting(Rollouts):
    """Every rollout starts at a marginal whose velocities are known; it and the horizon are drawn anew at each step.

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
    >>> wls.learn.WLM(rollouts=wls.learn.MultipleShooting(horizon=2))
    WLM(rollouts=MultipleShooting(horizon=2))
    """

    def starts(self, possible: Sequence[int]) -> list[int]:
        """All of them."""
        return list(possible)
