"""Sliced optimal transport as a loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from wlmsim.learn.losses.base import Loss
from wlmsim.learn.options.constraints import Constraint, Integer


@dataclass(frozen=True, repr=False, kw_only=True)
class Sliced(Loss):
    """Mean over random directions of the squared distances of the projections, under their optimal transport.

    Large clouds can afford it: take ``AdamW(batch_size=None)`` with it.

    Parameters
    ----------
    velocity_weight : float
        How much velocities count at marginals where they are known, as in `Exact`. Default 0.
    directions : int
        Number of directions, drawn anew for each comparison. Default 32.

    Raises
    ------
    ParameterError
        If an option is not as described.

    References
    ----------
    N. Bonneel, J. Rabin, G. Peyre, H. Pfister, J. Math. Imaging Vis. 51, 22 (2015).

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.WLM(loss="sliced", optimiser=wls.learn.AdamW(batch_size=None))
    WLM(loss='sliced', optimiser=AdamW(batch_size=None))
    """

    directions: int = 32

    constraints: ClassVar[dict[str, Constraint]] = {**Loss.constraints, "directions": Integer()}
    needs_host: ClassVar[bool] = False

    def part_of(self, rank: int, size: int) -> Sliced:
        """Every process has some of the directions."""
        return _OfSomeDirections(**self.get_params(), rank=rank, size=size)

    def divergence(self, x: Any, y: Any, wx: Any, wy: Any, *, duals: Any = None, rng: Any = None) -> Any:
        """`wlmsim.learn.sliced_transport`."""
        from wlmsim.learn.losses.sliced_transport import sliced_transport

        return sliced_transport(x, y, wx, wy, directions=self._drawn(x, rng))

    def _drawn(self, x: Any, rng: np.random.Generator | None) -> Any:
        """Random unit vectors, shape (directions, d); a GPU draws its own, so that it need not wait for them."""
        import torch

        shape = (self.directions, x.shape[1])
        if x.device.type != "cpu":
            return torch.nn.functional.normalize(torch.randn(*shape, dtype=x.dtype, device=x.device))
        vectors = np.random.default_rng(rng).standard_normal(shape)
        return torch.as_tensor(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).to(x)


@dataclass(frozen=True, repr=False, kw_only=True)
class _OfSomeDirections(Sliced):
    """The part of sliced transport that is of one process's directions."""

    rank: int
    size: int

    def divergence(self, x: Any, y: Any, wx: Any, wy: Any, *, duals: Any = None, rng: Any = None) -> Any:
        """That of its own directions, by their share of all."""
        from wlmsim.learn.losses.sliced_transport import sliced_transport

        own = self._drawn(x, rng)[self.rank :: self.size]
        if not len(own):
            return 0 * x.sum()
        return len(own) / self.directions * sliced_transport(x, y, wx, wy, directions=own)
