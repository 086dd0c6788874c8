"""The Sinkhorn divergence as a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from wlmsim.learn.losses.base import Loss
from wlmsim.learn.options.constraints import Constraint, Real


@dataclass(frozen=True, repr=False, kw_only=True)
class Sinkhorn(Loss):
    """Debiased Sinkhorn divergence for the cost |x - y|^2 / 2, with entropic regularisation blur^2.

    Parameters
    ----------
    velocity_weight : float
        How much velocities count at marginals where they are known, as in `Exact`. Default 0.
    blur : float or "auto"
        Length below which differences are smoothed away, relative to the spread of the data, positive [dimensionless];
        or "auto": the typical distance of a particle to the nearest other one in a batch. Default 0.05.

    Raises
    ------
    ParameterError
        If an option is not as described.

    References
    ----------
    J. Feydy et al., Interpolating between optimal transport and MMD using Sinkhorn divergences, AISTATS 2019.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(loss=wls.learn.Sinkhorn(blur=0.1))
    WLM(loss=Sinkhorn(blur=0.1))
    """

    blur: float | str = 0.05

    constraints: ClassVar[dict[str, Constraint]] = {**Loss.constraints, "blur": Real(above=0, words=("auto",))}

    def scaled(self, length: float, clouds: Sequence[Any], rows: int | None) -> Sinkhorn:
        """The same with a blur that is a number."""
        from wlmsim.learn.losses.sinkhorn_divergence import automatic_blur

        return self.replace(blur=automatic_blur(clouds, rows)) if self.blur == "auto" else self

    def divergence(self, x: Any, y: Any, wx: Any, wy: Any, *, duals: Any = None, rng: Any = None) -> Any:
        """`wlmsim.learn.sinkhorn_divergence`."""
        from wlmsim.learn.losses.sinkhorn_divergence import sinkhorn_divergence

        return sinkhorn_divergence(x, y, wx, wy, blur=float(self.blur), duals=duals)
