"""Radial pair potentials W(r); part of `wlmsim.laws`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wlmsim import _validation as check

__all__ = ["GeneralisedMorse", "LennardJones", "Morse", "Plummer"]


@dataclass(frozen=True)
class GeneralisedMorse:
    """Morse swarming pair law with all four constants, W(r) = C_r exp(-r / l_r) - C_a exp(-r / l_a).

    Parameters
    ----------
    repulsion, attraction : float
        C_r and C_a, at least 0, of the whole population: n times those of a pair of n equal particles
        [length^2 / time^2]. Default 1.5 and 1.
    repulsion_range, attraction_range : float
        l_r and l_a, positive [length]. Default 0.5 and 1.

    References
    ----------
    See `Morse`, which has C_a = l_a = 1.
    """

    repulsion: float = 1.5
    repulsion_range: float = 0.5
    attraction: float = 1.0
    attraction_range: float = 1.0
    latex = r"C_r e^{-r/\ell_r} - C_a e^{-r/\ell_a}"

    def __post_init__(self) -> None:
        check.nonnegative("repulsion", self.repulsion)
        check.positive("repulsion_range", self.repulsion_range)
        check.nonnegative("attraction", self.attraction)
        check.positive("attraction_range", self.attraction_range)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        repel = self.repulsion * xp.exp(-r / self.repulsion_range)
        return repel - self.attraction * xp.exp(-r / self.attraction_range)


@dataclass(frozen=True)
class LennardJones:
    """Lennard-Jones pair law, W(r) = 4 epsilon ((sigma / r)^12 - (sigma / r)^6).

    Parameters
    ----------
    strength : float
        epsilon of the whole population, positive: n times the depth of the well between two of n equal particles
        [length^2 / time^2]. Default 1.
    size : float
        sigma, the distance at which W vanishes, positive [length]. Default 1.

    References
    ----------
    J. E. Lennard-Jones, Proc. Phys. Soc. 43, 461 (1931).
    """

    strength: float = 1.0
    size: float = 1.0
    latex = r"4 \varepsilon \left[ (\sigma/r)^{12} - (\sigma/r)^6 \right]"

    def __post_init__(self) -> None:
        check.positive("strength", self.strength)
        check.positive("size", self.size)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        sixth = (self.size / r) ** 6
        return 4.0 * self.strength * (sixth**2 - sixth)


@dataclass(frozen=True)
class Morse:
    """Morse swarming pair law, W(r) = c exp(-r / l) - exp(-r), in units of the attraction.

    Parameters
    ----------
    c : float
        Strength of the repulsion relative to the attraction [dimensionless]. Default 1.5.
    l : float
        Range of the repulsion relative to the attraction, positive [dimensionless]. Default 0.5.

    References
    ----------
    D'Orsogna, Chuang, Bertozzi, Chayes, Phys. Rev. Lett. 96, 104302 (2006).
    """

    c: float = 1.5
    l: float = 0.5
    latex = r"C e^{-r/\ell} - e^{-r}"

    def __post_init__(self) -> None:
        check.nonnegative("c", self.c)
        check.positive("l", self.l)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        return self.c * xp.exp(-r / self.l) - xp.exp(-r)


@dataclass(frozen=True)
class Plummer:
    """Gravity, or repulsion of charges, with softening: W(r) = -G / sqrt(r^2 + epsilon^2).

    Parameters
    ----------
    strength : float
        G times the total mass [length^3 / time^2]; negative for repulsion. Default 1.
    softening : float
        epsilon, at least 0 [length]. 0 is Newton's law, singular where two particles meet. Default 0.05.

    References
    ----------
    H. C. Plummer, MNRAS 71, 460 (1911).
    """

    strength: float = 1.0
    softening: float = 0.05
    latex = r"-G / \sqrt{r^2 + \varepsilon^2}"

    def __post_init__(self) -> None:
        check.real("strength", self.strength)
        check.nonnegative("softening", self.softening)

    def __call__(self, r: Any, xp: Any) -> Any:
        """Evaluate W at distance r."""
        return -self.strength / xp.sqrt(r**2 + self.softening**2)
