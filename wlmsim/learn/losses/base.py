"""What every loss has: how velocities count, and the divergence that it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from wlmsim.learn.options.constraints import Constraint, Real
from wlmsim.learn.options.part import Part

if TYPE_CHECKING:
    import numpy as np
    import torch

    from wlmsim.learn.losses.common import Duals


@dataclass(frozen=True, repr=False, kw_only=True)
class Loss(Part, ABC):
    """How a predicted cloud is compared with an observed one."""

    velocity_weight: float = 0.0

    constraints: ClassVar[dict[str, Constraint]] = {"velocity_weight": Real(least=0)}
    needs_host: ClassVar[bool] = True
    """Whether a GPU has to wait for the host, so that the loss cannot be part of a CUDA graph."""

    def scaled(self, length: float, clouds: Sequence[Any], rows: int | None) -> Self:
        """The same loss between clouds in scaled coordinates, of which at most so many rows are compared at a time."""
        return self

    def part_of(self, rank: int, size: int) -> Self | None:
        """The part of this loss that one of several processes computes of every cloud; None if it has no parts.

        The parts add up to the loss, and draw the same random numbers.
        """
        return None

    def __call__(
        self,
        x: torch.Tensor,
        v: torch.Tensor | None,
        w: torch.Tensor,
        target: Any,
        *,
        duals: Duals | None = None,
        rng: np.random.Generator | None = None,
    ) -> torch.Tensor:
        """Divergence of a predicted cloud from an observed one, in phase space where velocities were observed."""
        import torch

        y, weight = target.x, self.velocity_weight
        if weight and v is not None and target.v is not None:
            x, y = torch.cat([x, weight * v], dim=1), torch.cat([y, weight * target.v], dim=1)
        return self.divergence(x, y, w, target.w, duals=duals, rng=rng)

    @abstractmethod
    def divergence(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        wx: torch.Tensor,
        wy: torch.Tensor,
        *,
        duals: Duals | None = None,
        rng: np.random.Generator | None = None,
    ) -> torch.Tensor:
        """Divergence between weighted points, a scalar.

        Parameters
        ----------
        x, y : Tensor, shape (n, d) and (m, d)
            Points.
        wx, wy : Tensor, shape (n,) and (m,)
            Weights, each summing to 1.
        duals : Duals, optional
            Dual potentials of an earlier comparison with the same target, which are replaced by those of this one.
        rng : numpy.random.Generator, optional
            Source of randomness, of losses that need one.
        """
