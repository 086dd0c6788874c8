"""The energy distance as a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from wlmsim.learn.losses.base import Loss


@dataclass(frozen=True, repr=False, kw_only=True)
class Energy(Loss):
    """Square of the energy distance, 2 E|X - Y| - E|X - X'| - E|Y - Y'|, for which no plan is to be found.

    Parameters
    ----------
    velocity_weight : float
        How much velocities count at marginals where they are known, as in `Exact`. Default 0.

    Raises
    ------
    ParameterError
        If an option is not as described.

    References
    ----------
    G. J. Szekely and M. L. Rizzo, Energy statistics, J. Stat. Plan. Inference 143, 1249 (2013).

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(loss="energy")
    WLM(loss='energy')
    """

    needs_host: ClassVar[bool] = False

    def divergence(self, x: Any, y: Any, wx: Any, wy: Any, *, duals: Any = None, rng: Any = None) -> Any:
        """`wlmsim.learn.energy_divergence`."""
        from wlmsim.learn.losses.energy_divergence import energy_divergence

        return energy_divergence(x, y, wx, wy)
