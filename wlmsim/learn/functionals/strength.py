"""A learnable factor before a known functional."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from wlmsim import _validation as check
from wlmsim.functionals.base import Functional
from wlmsim.learn.functionals.base import LearnableFunctional


class LearnableStrength(LearnableFunctional):
    """A known functional with a learnable strength, U[rho] = s U_0[rho], s > 0.

    The temperature of ``Entropy(temperature=1, bandwidth=h)`` is s; Planck's constant of a quantum pressure with
    hbar = 1 is the square root of s.

    Parameters
    ----------
    functional : Functional
        U_0, analytic.
    strength : float
        Where s starts, positive [dimensionless]. Default 1.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.LearnableStrength(wls.GaussianQuantumPressure(hbar=1.0)).strength
    1.0
    """

    centre: torch.Tensor

    def __init__(self, functional: Functional, strength: float = 1.0):
        super().__init__()
        self.functional = check.instance("functional", functional, Functional)
        if isinstance(functional, LearnableFunctional):
            raise check.fail("functional", "an analytic functional", functional)
        self.initial = check.positive("strength", strength)
        self.log_strength = torch.nn.Parameter(torch.tensor(math.log(self.initial)))

    @property
    def degree(self) -> int | None:  # type: ignore[override]
        """Degree in the density of U_0."""
        return self.functional.degree

    @property
    def kinds(self) -> tuple[str, ...] | None:
        """What each particle is to U_0."""
        return self.functional.kinds

    def of_rows(self, rows: Sequence[int] | np.ndarray) -> LearnableStrength:
        """The same strength of U_0 among those particles."""
        other = copy.copy(self)
        other.functional = self.functional.of_rows(rows)
        return other

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"functional": self.functional, "strength": self.initial}

    def build(self, dim: int) -> None:
        """Start from the initial strength."""
        self.log_strength = torch.nn.Parameter(torch.tensor(math.log(self.initial)))
        centre = torch.tensor(self._known_scales.centre, dtype=torch.float64)
        self.register_buffer("centre", centre, persistent=False)

    @property
    def strength(self) -> float:
        """s, as learned."""
        return self.factor * math.exp(self.log_strength.item())

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """s U_0 of the positions in the data's units."""
        import array_api_compat.torch as xp

        scales = self._known_scales
        positions, time = x * scales.length + self.centre.to(x.dtype), t * scales.duration + scales.start
        energy = self.functional.expression(positions, w, time, xp)
        return self.log_strength.exp() * energy * (scales.duration / scales.length) ** 2

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return rf"s_\theta \left[ {self.functional.latex} \right]"

    def __repr__(self) -> str:
        return f"LearnableStrength({self.functional!r}, strength={self.strength:g})"
