"""Exact optimal transport as a loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from wlmsim.learn.losses.base import Loss
from wlmsim.learn.options.constraints import Constraint, Real


@dataclass(frozen=True, repr=False, kw_only=True)
class Exact(Loss):
    """Mean squared displacement under exact optimal transport, sum of P_ij |x_i - y_j|^2 over the optimal plan P.

    Between small batches it draws predictions together: where noise spreads the clouds, `Sliced` with all particles is
    the better choice. Its cost grows with the cube of the number of particles of a batch.

    Parameters
    ----------
    velocity_weight : float
        How much velocities count at marginals where they are known, in units of the mean interval between marginals, at
        least 0: displacements in the transport cost are those of x and of this times v together. Default 0.
    reach : float or "learn"
        Distance beyond which particles rather multiply here and die there than move, positive [length]: with the
        weights a, b of the clouds, ``sum P_ij |x_i - y_j|^2 / 2 + reach^2 KL(P 1 | a) + reach^2 KL(P^T 1 | b)`` is
        least (unbalanced transport, see `wlmsim.transport`). Cells that divide need it: without, a type that grows
        looks like motion of the others towards it. It enters two-sided predictions too. "learn" takes the reach under
        which the fitted marginals follow best from their neighbours, and finds whether growth changes between them, for
        which it takes four. Default infinite: every particle keeps its weight.

    Raises
    ------
    ParameterError
        If an option is not as described.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(loss=wls.learn.Exact(reach=1.5))
    WLM(loss=Exact(reach=1.5))
    """

    reach: float | str = math.inf

    constraints: ClassVar[dict[str, Constraint]] = {
        **Loss.constraints,
        "reach": Real(above=0, infinite=True, words=("learn",)),
    }

    def scaled(self, length: float, clouds: Sequence[Any], rows: int | None) -> Exact:
        """The same with its reach in scaled coordinates."""
        return self.replace(reach=float(self.reach) / length)

    def divergence(self, x: Any, y: Any, wx: Any, wy: Any, *, duals: Any = None, rng: Any = None) -> Any:
        """`wlmsim.learn.exact_transport`, squared."""
        from wlmsim.learn.losses.exact_transport import exact_transport

        return exact_transport(x, y, wx, wy, power=2, reach=float(self.reach), duals=duals)
