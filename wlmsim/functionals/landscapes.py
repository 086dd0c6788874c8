"""Landscapes: external laws with several wells, as test beds of relaxation; part of `wlmsim.laws`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wlmsim import _validation as check
from wlmsim.errors import ParameterError

__all__ = [
    "Bohachevsky",
    "DoubleWell",
    "GaussianMixture",
    "MuellerBrown",
    "OakleyOHagan",
    "StyblinskiTang",
    "WavyPlateau",
]


@dataclass(frozen=True)
class Bohachevsky:
    """Bohachevsky's bowl with ripples, V(x, y) = x^2 + 2 y^2 - 0.3 cos(3 pi x) - 0.4 cos(4 pi y) + 0.7.

    Of the plane; its minimum is 0, at the origin.

    References
    ----------
    I. O. Bohachevsky, M. E. Johnson, M. L. Stein, Technometrics 28, 209 (1986).
    """

    latex = r"x^2 + 2 y^2 - 0.3 \cos 3 \pi x - 0.4 \cos 4 \pi y + 0.7"

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., 2)."""
        ripples = 0.3 * xp.cos(3 * math.pi * x[..., 0]) + 0.4 * xp.cos(4 * math.pi * x[..., 1])
        return x[..., 0] ** 2 + 2 * x[..., 1] ** 2 - ripples + 0.7


@dataclass(frozen=True)
class StyblinskiTang:
    """The Styblinski-Tang function, V(x) = sum_i (x_i^4 - 16 x_i^2 + 5 x_i) / 2.

    Two wells along every axis; the lowest is at x_i = -2.9035, with V = -39.166 for each axis.

    References
    ----------
    M. A. Styblinski and T.-S. Tang, Neural Networks 3, 467 (1990).
    """

    latex = r"\tfrac12 \sum_i (x_i^4 - 16 x_i^2 + 5 x_i)"

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        return 0.5 * (x**4 - 16 * x**2 + 5 * x).sum(-1)


@dataclass(frozen=True)
class OakleyOHagan:
    """The quadratic form of the benchmark, V(x) = sum_i x_i + |x|^2 + sum_i x_i x_(i+1).

    A convex bowl that couples neighbouring axes. The benchmark of gradient flows knows it as "oakley_ohagan", after
    the test functions of sensitivity analysis, which have more terms.

    References
    ----------
    J. E. Oakley and A. O'Hagan, J. R. Stat. Soc. B 66, 751 (2004), for the family; A. Terpin, N. Lanzetti, M. Gadea,
    F. Doerfler, NeurIPS (2024), for the form.
    """

    latex = r"\sum_i x_i + |x|^2 + \sum_i x_i x_{i+1}"

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        return (x + x**2).sum(-1) + (x[..., 1:] * x[..., :-1]).sum(-1)


@dataclass(frozen=True)
class WavyPlateau:
    """A plateau in waves without end, V(x) = sum_i sin x_i.

    References
    ----------
    A. Terpin, N. Lanzetti, M. Gadea, F. Doerfler, NeurIPS (2024).
    """

    latex = r"\sum_i \sin x_i"

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        return xp.sin(x).sum(-1)


@dataclass(frozen=True)
class MuellerBrown:
    """The Mueller-Brown surface, V(x, y) = s sum_k A_k exp(a_k X_k^2 + b_k X_k Y_k + c_k Y_k^2).

    X_k and Y_k are x and y from the centre of term k. The model of a reaction in two steps, of the plane: wells of
    -146.70 s at (-0.558, 1.442), -108.17 s at (0.623, 0.028) and -80.77 s at (-0.050, 0.467), behind saddles of
    -40.66 s and -72.25 s. Far out it rises like the exponential of a square.

    Parameters
    ----------
    scale : float
        s, positive [energy]. Default 1.

    References
    ----------
    K. Mueller and L. D. Brown, Theor. Chim. Acta 53, 75 (1979).
    """

    scale: float = 1.0
    latex = r"s \sum_{k=1}^4 A_k e^{a_k X_k^2 + b_k X_k Y_k + c_k Y_k^2}"

    def __post_init__(self) -> None:
        check.positive("scale", self.scale)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., 2)."""
        terms = []
        for height, a, b, c, x0, y0 in (
            (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
            (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
            (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
            (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
        ):
            dx, dy = x[..., 0] - x0, x[..., 1] - y0
            terms.append(height * xp.exp(a * dx**2 + b * dx * dy + c * dy**2))
        return self.scale * sum(terms)


@dataclass(frozen=True)
class DoubleWell:
    """Two wells along the first axis, V(x) = h (x_1^2 / a^2 - 1)^2 + k / 2 sum over i > 1 of x_i^2.

    Wells at x_1 = -a and a, with a barrier of h between them.

    Parameters
    ----------
    barrier : float
        h, positive [energy]. Default 1.
    distance : float
        a, of a well from the middle, positive [length]. Default 1.
    stiffness : float
        k, of the other axes, at least 0 [energy / length^2]. Default 1.
    """

    barrier: float = 1.0
    distance: float = 1.0
    stiffness: float = 1.0
    latex = r"h (x_1^2 / a^2 - 1)^2 + \tfrac{k}{2} \sum_{i > 1} x_i^2"

    def __post_init__(self) -> None:
        check.positive("barrier", self.barrier)
        check.positive("distance", self.distance)
        check.nonnegative("stiffness", self.stiffness)

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        across = 0.5 * self.stiffness * (x[..., 1:] ** 2).sum(-1)
        return self.barrier * (x[..., 0] ** 2 / self.distance**2 - 1) ** 2 + across


@dataclass(frozen=True)
class GaussianMixture:
    """The potential that has a mixture of Gaussians for its Gibbs law, V(x) = -T log mean_k exp(-|x - c_k|^2 / 2 s^2).

    In equilibrium at temperature T, that is under noise sigma = sqrt(2 T), a particle is in one of the Gaussians
    N(c_k, s^2), all equally likely.

    Parameters
    ----------
    width : float
        s, the standard deviation of each Gaussian, positive [length]. Default 0.4.
    temperature : float
        T, positive [energy]. Default 1/2, for noise of strength 1.
    centers : sequence of K sequences of d floats
        c_k [length]. Default: the corners of a square of side 2 in the plane.
    """

    width: float = 0.4
    temperature: float = 0.5
    centers: Sequence[Sequence[float]] = ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0))
    latex = r"-T \log \tfrac1K \sum_{k=1}^K e^{-|x - c_k|^2 / 2 s^2}"

    def __post_init__(self) -> None:
        check.positive("width", self.width)
        check.positive("temperature", self.temperature)
        centers = check.cloud("centers", self.centers)
        object.__setattr__(self, "centers", tuple(map(tuple, centers.tolist())))

    def __call__(self, x: Any, xp: Any) -> Any:
        """Evaluate V at x, shape (..., d)."""
        count, dim = len(self.centers), len(self.centers[0])
        if x.shape[-1] != dim:
            raise ParameterError(f"`centers` must be of {x.shape[-1]} coordinates, as the particles are; got {dim}")
        # Seen from the middle of the centres, with the square taken out of the logarithm, at least one exponent is
        # bounded from below: the sum never vanishes, however far the particle.
        middle = [sum(c[i] for c in self.centers) / count for i in range(dim)]
        y = [x[..., i] - middle[i] for i in range(dim)]
        total = 0.0
        for center in self.centers:
            c = [center[i] - middle[i] for i in range(dim)]
            along = sum(ci * yi for ci, yi in zip(c, y, strict=True)) - 0.5 * sum(ci**2 for ci in c)
            total = total + xp.exp(along / self.width**2)
        square = sum(yi**2 for yi in y)
        return self.temperature * (0.5 * square / self.width**2 - xp.log(total / count))
