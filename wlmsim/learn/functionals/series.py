"""A learnable external potential that is a short series: polynomials, and waves along each axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.linalg import block_diag

from wlmsim import _validation as check
from wlmsim.learn.functionals.base import LearnableFunctional

PERIOD = 9.0
"""Longest wave, in standard deviations of the positions: nearly all particles are within half of it."""
LARGEST = 2000
"""Most functions in a series: the weak form solves dense systems of as many unknowns."""


class SeriesPotential(LearnableFunctional):
    """Learnable external potential, U[rho] = integral of psi(x) rho, psi a sum of polynomials and waves.

    With few coefficients it learns from few particles, and a polynomial goes on where no particle has been yet. In a
    gradient flow (infinite friction) of this potential alone, training does not begin at random: the weak form of the
    Fokker-Planck equation, a linear problem in the coefficients, is solved first (`wlmsim.learn.matching`). Marginals
    should then follow each other before the flow changes distances by a sixth; where they are farther apart,
    `ExternalPotential` is the better choice.

    Parameters
    ----------
    order : int
        Highest total degree of the polynomials. Default 4.
    waves : int
        Number of harmonics along each axis, cosine and sine, the longest 9 standard deviations of the positions long.
        Default 9, the shortest wave then one standard deviation; 0 leaves polynomials alone.

    Notes
    -----
    Every function is scaled so that its slope is about 1 where the data are. After the weak form, training moves the
    coefficients along the axes of their error ellipsoid, in units of the standard error.

    Examples
    --------
    >>> import math, numpy as np, wlmsim as wls
    >>> bowl = wls.systems.OrnsteinUhlenbeck(n=2000, stiffness=2.0, seed=0)
    >>> data = bowl.independent_snapshots(np.linspace(0, 0.5, 6))
    >>> model = wls.learn.WLM(wls.learn.SeriesPotential(waves=0), friction=math.inf, noise=1.0, loss="sliced",
    ...                       optimiser=wls.learn.AdamW(steps=1), members=1, progress=False).fit(data)
    >>> bool(abs(model.mechanics_.velocity(np.ones((1, 2)), np.ones(1)) + 2.0).max() < 0.3)
    True
    """

    degree = 1
    local = True
    linear = True
    exponents: torch.Tensor
    sizes: torch.Tensor
    factors: torch.Tensor
    wave_numbers: torch.Tensor
    means: torch.Tensor
    axes: torch.Tensor

    def __init__(self, order: int = 4, waves: int = 9):
        super().__init__()
        self.order = check.integer("order", order)
        self.waves = check.integer("waves", waves, least=0)
        self.coefficients: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        return {"order": self.order, "waves": self.waves}

    def build(self, dim: int) -> None:
        """Create the coefficients, near 0."""
        exponents = _exponents(dim, self.order)
        count = len(exponents) + 2 * dim * self.waves
        if count > LARGEST:
            lower = f"a lower one in {dim} dimensions, where the series would have {count} > {LARGEST} functions"
            raise check.fail("order", lower, self.order)
        self.coefficients = torch.nn.Parameter(0.01 * torch.randn(count))
        self.register_buffer("exponents", torch.as_tensor(exponents))
        self.register_buffer("factors", torch.as_tensor(_factors(exponents)), persistent=False)
        self.register_buffer("sizes", torch.as_tensor(_sizes(exponents)).float())
        self.register_buffer("wave_numbers", 2 * math.pi / PERIOD * torch.arange(1.0, self.waves + 1))
        self.register_buffer("means", torch.zeros(count))
        self.register_buffer("axes", torch.eye(count))

    def begin(self, means: np.ndarray, covariance: np.ndarray) -> None:
        """Begin with such coefficients, and take training steps in units of their standard errors."""
        values, vectors = np.linalg.eigh(covariance)
        with torch.no_grad():
            self.means.copy_(torch.as_tensor(means))
            self.axes.copy_(torch.as_tensor(vectors * np.sqrt(np.maximum(values, 0.0))))
            self.coefficients.zero_()

    def functions(self, x: torch.Tensor) -> torch.Tensor:
        """Values of all functions at scaled positions, shape (n, count): polynomials, cosines, sines."""
        phases, numbers = self._phases(x), self.wave_numbers.to(x)
        waves = [(wave / numbers).flatten(1) for wave in (phases.cos(), phases.sin())]
        return torch.cat([self._looked_up(_powers(x, self.order)).prod(1) / self.sizes.to(x), *waves], dim=1)

    def slopes(self, x: torch.Tensor) -> torch.Tensor:
        """Gradients of all functions at scaled positions, shape (n, d, count)."""
        (n, dim), phases = x.shape, self._phases(x)
        own_axis = torch.eye(dim, dtype=x.dtype, device=x.device)[:, :, None]
        waves = [(wave[:, :, None] * own_axis).reshape(n, dim, -1) for wave in (-phases.sin(), phases.cos())]
        return torch.cat([self._slopes_of_polynomials(x), *waves], dim=2)

    def _slopes_of_polynomials(self, x: torch.Tensor) -> torch.Tensor:
        axes, powers = range(x.shape[1]), _powers(x, self.order)
        orders = torch.arange(self.order + 1, dtype=x.dtype, device=x.device)
        steps = torch.cat([torch.zeros_like(powers[..., :1]), powers[..., :-1]], 2) * orders
        values, slopes = self._looked_up(powers), self._looked_up(steps)
        others = _products_of_others(values.unbind(1))
        return torch.stack([slopes[:, a] * others[a] for a in axes], 1) / self.sizes.to(x)

    def _slope_of_their_sum(self, x: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
        """Gradient of a sum of polynomials; in more dimensions than its order each has few factors."""
        dim = x.shape[1]
        if dim <= self.order:
            return self._slopes_of_polynomials(x) @ coefficients
        factors = torch.cat([x, torch.ones_like(x[:, :1])], 1)[:, self.factors]
        axes = torch.nn.functional.one_hot(self.factors, dim + 1)[..., :dim].to(x)
        weights = coefficients / self.sizes.to(x)
        others = _products_of_others(factors.unbind(2))
        return sum(((weights * rest) @ axes[:, k] for k, rest in enumerate(others)), torch.zeros_like(x))

    def _looked_up(self, table: torch.Tensor) -> torch.Tensor:
        """Of a table over powers, (n, d, 1 + order), what each monomial has of each coordinate, (n, d, monomials)."""
        return table.gather(2, self.exponents.T.expand(len(table), -1, -1))

    def _phases(self, x: torch.Tensor) -> torch.Tensor:
        """Phases of the waves along each axis, shape (n, d, waves)."""
        return x[:, :, None] * self.wave_numbers.to(x)

    def laplacian(self) -> np.ndarray:
        """The Laplacian of each function as a sum of the constant 1 and of all functions, shape (count, 1 + count)."""
        exponents, sizes = self.exponents.cpu().numpy(), self.sizes.double().cpu().numpy()
        place = {tuple(e): k for k, e in enumerate(exponents)}
        polynomials = np.zeros((len(sizes), 1 + len(sizes)))
        for row, axis in np.argwhere(exponents >= 2):
            power, lower = exponents[row, axis], exponents[row] - 2 * np.eye(exponents.shape[1], dtype=int)[axis]
            column = place.get(tuple(lower))  # none for the constant
            target, size = (0, 1.0) if column is None else (1 + column, sizes[column])
            polynomials[row, target] += power * (power - 1) * size / sizes[row]
        squares = np.tile(self.wave_numbers.double().cpu().numpy() ** 2, 2 * exponents.shape[1])
        return block_diag(polynomials, np.diag(-squares))

    def polynomials(self) -> np.ndarray:
        """Which of the functions are polynomials."""
        return np.arange(len(self.means)) < len(self.exponents)

    def groups(self) -> np.ndarray:
        """Which functions are of one kind, with coefficients of one size: the cosine and the sine of one wave."""
        polynomials = len(self.exponents)
        waves = (len(self.means) - polynomials) // 2
        return np.r_[np.arange(polynomials), np.tile(polynomials + np.arange(waves), 2)]

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Sum of w_i psi(x_i)."""
        return w @ (self.functions(x) @ self._current)

    def scaled_force(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """-grad psi, in fewer operations than by `slopes`."""
        current, phases = self._current, self._phases(x)
        of_powers, of_waves = current[: len(self.exponents)], current[len(self.exponents) :]
        cosines, sines = of_waves.view(2, x.shape[1], self.waves)
        return (phases.sin() * cosines - phases.cos() * sines).sum(-1) - self._slope_of_their_sum(x, of_powers)

    def force_of_each(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """The slopes, along the axes of the coefficients."""
        return -(self.slopes(x) @ self.axes.to(x)).permute(2, 0, 1)

    @property
    def _current(self) -> torch.Tensor:
        return self.means + self.axes @ self.coefficients

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\int \sum_j \theta_j \phi_j(x) \rho \, dx"

    def __repr__(self) -> str:
        return f"SeriesPotential(order={self.order}, waves={self.waves})"


def _exponents(dim: int, degree: int) -> np.ndarray:
    """Exponents of all monomials of total degree 1 to `degree`, shape (count, d), in the order of the degree."""
    chosen = (
        np.bincount(axes, minlength=dim)
        for total in range(1, degree + 1)
        for axes in itertools.combinations_with_replacement(range(dim), total)
    )
    return np.array(list(chosen))


def _factors(exponents: np.ndarray) -> np.ndarray:
    """Axes whose product each monomial is, shape (count, order); of lower degree with axes d, for 1."""
    count, dim = exponents.shape
    found = np.full((count, exponents.sum(1).max()), dim)
    for row, powers in enumerate(exponents):
        found[row, : powers.sum()] = np.repeat(np.arange(dim), powers)
    return found


def _products_of_others(parts: Sequence[torch.Tensor]) -> list[Any]:
    """For each part the product of all the others."""
    before: list[Any] = [1.0, *itertools.accumulate(parts[:-1], torch.mul)]
    after: list[Any] = [1.0, *itertools.accumulate(parts[:0:-1], torch.mul)]
    return [one * other for one, other in zip(before, reversed(after), strict=True)]


def _sizes(exponents: np.ndarray) -> np.ndarray:
    """Root mean square slopes of monomials over the normal distribution."""
    # E z^(2k) = (2k - 1)!!
    even = np.array([math.prod(range(1, 2 * k, 2)) for k in range(exponents.max() + 1)])
    others = even[exponents].prod(1)[:, None] / even[exponents]
    return np.sqrt((exponents**2 * even[np.maximum(exponents - 1, 0)] * others).sum(1))


def _powers(x: torch.Tensor, order: int) -> torch.Tensor:
    """Powers 0 to `order` of each coordinate, shape (n, d, 1 + order)."""
    # by products: the derivative of `cumprod` looks for zeros, for which a GPU is waited for
    return torch.stack(list(itertools.accumulate([x] * order, torch.mul, initial=torch.ones_like(x))), dim=2)
