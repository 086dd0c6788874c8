"""A wave function on a grid at one time."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.functionals.laws import Law
from wlmsim.quantum.grid import Grid

NODE = 1e-12
"""Density, as a share of its maximum, below which the velocity is brought to zero: at a node it has no meaning."""

UNRESOLVED = 1e-6
"""Probability allowed at wave numbers above three quarters of the grid's largest, where the spline errs."""


class WaveFunction:
    """A wave function psi on a grid at one time.

    Parameters
    ----------
    values : array_like of complex, shape grid.shape
        psi at the grid's points [length^(-d / 2)]; its norm is kept as it is given.
    grid : Grid
        Where the values stand.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    time : float
        When the wave is seen [time]. Default 0.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> line = wls.quantum.Grid.covering([-10.0], [10.0], spacing=0.2)
    >>> packet = wls.quantum.WaveFunction.of(lambda x, xp: xp.exp(-(x[..., 0] ** 2) + 3j * x[..., 0]), line)
    >>> packet.velocity(np.array([[0.5]])).round(3)
    array([[3.]])
    """

    def __init__(self, values: Any, grid: Grid, *, hbar: float = 1.0, time: float = 0.0):
        self.grid = check.instance("grid", grid, Grid)
        self.values = np.ascontiguousarray(values, dtype=np.complex128)
        if self.values.shape != grid.shape:
            raise check.fail("values", f"an array of shape {grid.shape}, as the grid is", self.values)
        if not np.isfinite(self.values).all():
            raise ParameterError("`values` must be finite; got NaN or infinity")
        self.hbar = check.positive("hbar", hbar)
        self.time = check.real("time", time)

    @classmethod
    def of(
        cls, function: Callable[[Any, Any], Any], grid: Grid, *, hbar: float = 1.0, time: float = 0.0
    ) -> WaveFunction:
        """Return the normalised wave function of a plain function of (x, xp), x of shape (..., d)."""
        values = np.asarray(function(grid.points, np), dtype=np.complex128)
        norm = np.sqrt((np.abs(values) ** 2).sum() * grid.cell)
        if not norm > 0:
            raise ParameterError("`function` must be a wave that does not vanish on the grid")
        return cls(values / norm, grid, hbar=hbar, time=time)

    @cached_property
    def density(self) -> np.ndarray:
        """Probability density |psi|^2 at the grid's points [1 / length^d]."""
        return self.values.real**2 + self.values.imag**2

    @property
    def norm(self) -> float:
        """Integral of |psi|^2 [dimensionless]."""
        return float(self.density.sum() * self.grid.cell)

    @property
    def mean(self) -> np.ndarray:
        """Mean position, shape (d,) [length]."""
        axes = np.ix_(*self.grid.axes)
        return np.array([(self.density * axis).sum() for axis in axes]) / self.density.sum()

    def kinetic_energy(self) -> float:
        """hbar^2 / 2 integral |grad psi|^2 [mass length^2 / time^2]."""
        from scipy.fft import fftn

        spectrum = np.abs(fftn(self.values)) ** 2 * (self.grid.cell / self.grid.size)
        squares = sum(np.ix_(*(k**2 for k in self.grid.wavenumbers)))
        return float(0.5 * self.hbar**2 * (spectrum * squares).sum())

    def potential_energy(self, potential: Law | None) -> float:
        """Integral of V |psi|^2, for V a law of (x, xp) or (x, t, xp) [mass length^2 / time^2]."""
        if potential is None:
            return 0.0
        return float((potential_on(self.grid, potential, self.time) * self.density).sum() * self.grid.cell)

    def energy(self, potential: Law | None = None) -> float:
        """Energy <psi| H |psi> [mass length^2 / time^2]."""
        return self.kinetic_energy() + self.potential_energy(potential)

    @cached_property
    def _coefficients(self) -> np.ndarray:
        """Coefficients of the septic spline through the values, with three axes; by division in Fourier space."""
        from wlmsim.kernels import split_step
        from wlmsim.quantum.fourier import transform

        grid = self.grid
        wave = transform(grid.shape)
        wave.array[...] = self.values
        wave.forward()
        for axis, n in enumerate(grid.shape):
            band = np.take(wave.array, range(3 * n // 8, n - 3 * n // 8 + 1), axis)
            share = (np.abs(band) ** 2).sum() * grid.cell / grid.size
            if share > UNRESOLVED * max(1.0, self.norm):
                raise SimulationError(
                    f"the grid's spacing {grid.spacing[axis]:g} is too coarse for the wave at "
                    f"t = {_times.text(self.time)}: probability {share:.1g} has wave numbers near the largest that it "
                    "resolves; use a finer grid"
                )
        # the spline through unit samples exp(i k x) has this factor at the points
        turns = [2 * np.pi * np.fft.fftfreq(n) for n in grid.shape]
        inverse = [2520 / (1208 + 1191 * np.cos(a) + 120 * np.cos(2 * a) + np.cos(3 * a)) / a.size for a in turns]
        split_step.multiply_axes(three_axes(wave.array), *three_factors(inverse))
        wave.backward()
        return three_axes(wave.array.copy())

    def _interpolated(self, positions: Any) -> tuple[np.ndarray, np.ndarray]:
        from wlmsim.kernels import split_step, threads

        positions = check.cloud("positions", positions)
        if positions.shape[1] != self.grid.dim:
            raise check.fail("positions", f"an array of shape (n, {self.grid.dim})", positions)
        self.grid.require_inside("positions", positions)
        with threads.threads_for(len(positions) * 8**self.grid.dim // 8):
            return split_step.interpolate(self._coefficients, self.grid.low, self.grid.spacing, positions)

    def __call__(self, positions: Any) -> np.ndarray:
        """psi at any positions in the box, shape (n, d), by septic splines; complex, shape (n,)."""
        return self._interpolated(positions)[0]

    def velocity(self, positions: Any) -> np.ndarray:
        """Velocity of the probability current, hbar Im(grad psi / psi), shape (n, d) [length / time].

        psi and its gradient are those of the spline of degree 7 through the values, so that the error falls with the
        seventh power of the spacing. Nodes, where the velocity is undefined, are regularised: it is multiplied by
        |psi|^2 / (|psi|^2 + 1e-12 max |psi|^2), so that it vanishes there, and no component exceeds hbar pi / spacing,
        the speed of the shortest wave on the grid.
        """
        psi, gradient = self._interpolated(positions)
        current = self.hbar * (psi.conj()[:, None] * gradient).imag
        squares = np.abs(psi) ** 2
        limit = np.pi * self.hbar / self.grid.spacing
        return np.clip(current / (squares + NODE * self.density.max())[:, None], -limit, limit)

    def sample(self, n: int, *, seed: int | np.random.Generator | None = None) -> np.ndarray:
        """Draw positions from |psi|^2, shape (n, d): a grid cell by its probability, uniformly within it."""
        check.integer("n", n)
        rng = np.random.default_rng(seed)
        share = self.density.ravel()
        cells = rng.choice(share.size, size=n, p=share / share.sum())
        indices = np.stack(np.unravel_index(cells, self.grid.shape), axis=1)
        return self.grid.low + self.grid.spacing * (indices + rng.random((n, self.grid.dim)) - 0.5)

    def __repr__(self) -> str:
        return f"WaveFunction({self.grid!r}, hbar={self.hbar:g}, time={_times.text(self.time)}, norm={self.norm:.6g})"


def three_axes(array: np.ndarray) -> np.ndarray:
    """View an array of up to three axes as one of three, the first of length 1."""
    return array.reshape((1, 1, *array.shape)[-3:])


def three_factors(factors: list[np.ndarray]) -> list[np.ndarray]:
    """Complex factors along each of three axes, 1 along those that the dimension lacks."""
    return [np.ones(1, np.complex128)] * (3 - len(factors)) + [f.astype(np.complex128) for f in factors]


def potential_on(grid: Grid, potential: Law, time: float) -> np.ndarray:
    """Evaluate the potential at the grid's points."""
    from wlmsim.functionals.tracing import takes_time

    values = potential(grid.points, time, np) if takes_time(potential) else potential(grid.points, np)
    return np.broadcast_to(np.asarray(values, dtype=np.float64), grid.shape)
