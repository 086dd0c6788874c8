"""The base of all quantum systems: one initial wave, several ways to move the population."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals import External, Functional, ManyInteractingWorlds, QuantumPressure
from wlmsim.functionals.laws import Law
from wlmsim.integrators import DormandPrince, Integrator
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.quantum import Grid, PilotWave, WaveFunction
from wlmsim.systems.base import System

LATTICE_HALF_WIDTH = 4.0
"""Half-width of the lattice of a fluid, in standard deviations of the packet."""


class QuantumSystem(System):
    """A quantum particle of mass 1 in a potential, and a population that follows its probability.

    The method says what moves the population and how it starts:

    - ``"pilot"``: the wave on a grid carries particles drawn from |psi|^2, see `wlmsim.quantum.PilotWave`. The
      reference: any dimension up to 3, errors that vanish with the time step and the spacing.
    - ``"worlds"``: no wave but the repulsion of neighbours on a line, see `wlmsim.ManyInteractingWorlds`. Equal
      particles start as the ground state of the many worlds scaled to the packet. Adaptive steps, which fall as
      1 / n^2, by `DormandPrince` unless told otherwise.
    - ``"fluid"``: no wave but the pressure of the smoothed density, see `wlmsim.QuantumPressure`. Particles start on
      a lattice within 4 standard deviations, weighted by |psi|^2. Any dimension; no nodes.

    Gaussian systems also have ``"closure"``, the quantum pressure of a Gaussian with the cloud's covariance, which for
    them is exact; particles are drawn from |psi|^2 and then matched to its mean and covariance.

    Simulations take steps of `time_step` unless told otherwise.

    Parameters
    ----------
    n : int
        Number of particles.
    dim : int
        Dimension of space.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time].
    method : str
        One of `methods`.
    bandwidth : float or None
        Bandwidth of the fluid, positive [length]. ``None`` for 2.5 spacings of its lattice, or 0.15 standard
        deviations of the packet where that is more.
    seed : int or None
        Seed of the initial population. Worlds start the same whatever the seed.
    """

    methods: tuple[str, ...] = ("pilot", "worlds", "fluid")
    """What `method` may be."""

    potential: Law | None = None
    """The external potential V, a function of (x, xp); ``None`` for none."""

    def __init__(self, n: int, dim: int, *, hbar: float, method: str, bandwidth: float | None, seed: int | None):
        super().__init__(n, dim, seed)
        self.hbar = check.positive("hbar", hbar)
        self.method = check.choice("method", method, self.methods)
        if method == "worlds" and (dim != 1 or n < 2):
            raise ParameterError(f"`method` 'worlds' needs two particles or more on a line; got {n} in {dim}-D")
        if method == "pilot" and dim > 3:
            raise ParameterError(f"`method` 'pilot' needs a grid of at most 3 dimensions; got {dim}")
        self.bandwidth = None if bandwidth is None else check.positive("bandwidth", bandwidth)

    # what a system states: its wave at the start, a product of packets

    _centre: np.ndarray
    """Mean position of the packet, shape (d,)."""

    _width: np.ndarray
    """Standard deviation of |psi|^2 along each axis, shape (d,)."""

    _velocity: np.ndarray
    """Velocity of every particle at the start, shape (d,)."""

    @property
    @abstractmethod
    def _rate(self) -> float:
        """The fastest rate of the motion [1 / time]: steps of a twentieth of its inverse resolve it."""

    def _initial(self, x: np.ndarray) -> np.ndarray:
        """psi at the start, up to a factor, x of shape (..., d)."""
        z = (x - self._centre) / self._width
        return np.exp(-0.25 * (z**2).sum(-1) + 1j * (x @ self._velocity) / self.hbar)

    def _quantiles(self, shares: np.ndarray) -> np.ndarray:
        """Positions below which the given shares of |psi|^2 lie at the start, axis by axis, both of shape (n, d)."""
        from scipy.special import ndtri

        return self._centre + self._width * ndtri(shares)

    @property
    def _box(self) -> np.ndarray:
        """Half-width along each axis of the region that holds all but exp(-8) of the peak of |psi|^2, shape (d,)."""
        return LATTICE_HALF_WIDTH * self._width

    @property
    def _wavenumber(self) -> np.ndarray:
        """Largest wave number along each axis, at any time, but for a share of 1e-8 of the probability, shape (d,)."""
        return np.abs(self._velocity) / self.hbar + 3 / self._width

    # the wave

    @cached_property
    def _pilot(self) -> PilotWave:
        low, high = self._centre - 2.5 * self._box, self._centre + 2.5 * self._box
        grid = Grid.covering(low.tolist(), high.tolist(), (np.pi / 2 / self._wavenumber).tolist())
        start = WaveFunction.of(lambda x, xp: self._initial(x), grid, hbar=self.hbar)
        return PilotWave(start, self.potential, step=None if self.potential is None else 0.025 / self._rate)

    def wave(self, time: float) -> WaveFunction:
        """Return the wave at a time, at least 0, by `wlmsim.quantum.SplitStep` on a grid that grows with it."""
        return self._pilot.wave(check.nonnegative("time", time))

    def density(self, times: Any, at: Any) -> np.ndarray:
        """Probability density |psi|^2 at given points, zero beyond the wave's grid.

        Parameters
        ----------
        times : array_like, shape (T,)
            Strictly increasing times, none negative [time].
        at : array_like, shape (m, d)
            Points [length].

        Returns
        -------
        ndarray, shape (T, m)
            [1 / length^d]
        """
        points = check.cloud("at", at)
        out = np.zeros((len(times := check.times("times", times)), len(points)))
        for row, time in zip(out, times, strict=True):
            wave = self.wave(time)
            inside = ((points >= wave.grid.low) & (points < wave.grid.high)).all(1)
            if inside.any():
                row[inside] = np.abs(wave(points[inside])) ** 2
        return out

    # the mechanics

    @property
    def mechanics(self) -> Lagrangian | Flow:
        """The flow of the wave for ``"pilot"``, else the Lagrangian."""
        return self._pilot if self.method == "pilot" else self.lagrangian

    @property
    def lagrangian(self) -> Lagrangian:
        """The potential and the quantum pressure of the method."""
        if self.method == "pilot":
            return super().lagrangian
        pressure = self._pressure
        return Lagrangian(pressure if self.potential is None else External(self.potential) + pressure)

    @property
    def _pressure(self) -> Functional:
        if self.method == "worlds":
            return ManyInteractingWorlds(self.hbar)
        return QuantumPressure(self.hbar, self._bandwidth)

    @property
    def _bandwidth(self) -> float:
        if self.bandwidth is not None:
            return self.bandwidth
        spacing = (np.prod(2 * self._box) / self.n) ** (1 / self.dim)
        return float(max(2.5 * spacing, 0.15 * self._width.min()))

    @property
    def time_step(self) -> float:
        """A time step at which a leapfrog of the method is stable at the start and resolves the motion."""
        motion = 0.05 / self._rate
        if self.method == "worlds":
            gap = np.diff(np.sort(self.population.positions[:, 0])).min()
            return float(min(motion, 0.5 * gap**2 / self.hbar))
        return min(motion, 0.5 * self._bandwidth**2 / self.hbar) if self.method == "fluid" else motion

    def _time_step(self, integrator: Integrator) -> float | None:
        return None if integrator.adaptive else self.time_step

    def _integrator(self, noise: np.random.Generator) -> Integrator:
        return DormandPrince(1e-8) if self.method == "worlds" else super()._integrator(noise)

    # the population

    def _draw(self, rng: np.random.Generator) -> Population:
        if self.method == "pilot":
            positions = self._quantiles(rng.random((self.n, self.dim)))
            return Population(positions, self._pilot.velocity(positions, np.full(self.n, 1 / self.n)))
        weights = None
        if self.method == "worlds":
            positions = self._centre + self._width * ground_state_of_worlds(self.n)[:, None]
        else:
            positions = self._centre + self._box * (2 * lattice(self.n, self.dim, rng.random(self.dim)) - 1)
            weights = np.abs(self._initial(positions)) ** 2
        return Population(positions, np.broadcast_to(self._velocity, positions.shape), weights)


def ground_state_of_worlds(n: int) -> np.ndarray:
    """Positions of n interacting worlds at rest in a well of frequency hbar / 2, in order, shape (n,) [dimensionless].

    Each gap is minus the inverse of the sum of the positions before it, and the arrangement is symmetric; it tends to
    the quantiles of a standard Gaussian. Scaled by sigma it is at rest where the ground state has the width sigma, and
    without a well spreads as the exact packet does.

    References
    ----------
    M. J. W. Hall, D.-A. Deckert, H. M. Wiseman, Phys. Rev. X 4, 041013 (2014), section IV.
    """
    from scipy.optimize import brentq

    def half(first: float) -> np.ndarray:
        """Positions up to the middle, the first of those beyond included; infinite if the first is too far in."""
        positions, total = [first], first
        for _ in range(n // 2):
            positions.append(positions[-1] - 1 / total if total < 0 else np.inf)
            total += positions[-1]
        return np.array(positions)

    def asymmetry(first: float) -> float:
        positions = half(first)
        middle = positions[-1] if n % 2 else positions[-1] + positions[-2]
        return min(float(middle), 1e3)

    first = brentq(asymmetry, -3 - np.sqrt(2 * np.log(n)), -0.5, xtol=1e-15)
    left = half(first)[: n // 2]
    return np.concatenate([left, np.zeros(n % 2), -left[::-1]])


def lattice(n: int, dim: int, shift: np.ndarray) -> np.ndarray:
    """n points of the unit cube at regular distances, shape (n, d): a rank-1 lattice, shifted with wrap-around.

    Point i is (i / n, i a, i a^2, ...) modulo 1, with 1 / a the root above 1 of a^-d = 1 + 1 / a: the golden ratio in
    the plane, the plastic number in space.
    """
    root = 2.0
    for _ in range(60):
        root = (1 + root) ** (1 / dim)
    steps = np.concatenate([[1 / n], root ** -np.arange(1.0, dim)])
    return (np.arange(n)[:, None] * steps + shift) % 1.0
