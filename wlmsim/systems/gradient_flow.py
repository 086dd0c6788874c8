"""Overdamped Langevin dynamics: populations that relax in a landscape."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.data.snapshots import SnapshotSeries
from wlmsim.functionals import External, laws
from wlmsim.functionals.laws import Law
from wlmsim.integrators import EulerMaruyama, ExactOrnsteinUhlenbeck, Integrator
from wlmsim.mechanics.flow import GradientFlow
from wlmsim.simulation import simulate
from wlmsim.systems.base import System

LANDSCAPES: Mapping[str, Law] = MappingProxyType(
    {
        "bohachevsky": laws.Bohachevsky(),
        "poly": laws.Harmonic(1.0),
        "styblinski_tang": laws.StyblinskiTang(),
        "oakley_ohagan": laws.OakleyOHagan(),
        "wavy_plateau": laws.WavyPlateau(),
        "mueller_brown": laws.MuellerBrown(0.01),
        "double_well": laws.DoubleWell(),
        "gaussian_mixture": laws.GaussianMixture(),
    }
)
"""The landscapes that have a name; the first five are those of the published benchmark."""


class Langevin(System):
    """Particles with dX = -grad V dt + sigma dW, each with noise of its own.

    The density is the gradient flow of F[rho] = integral V rho + (sigma^2 / 2) integral rho log rho, and settles at the
    Gibbs law, proportional to exp(-2 V / sigma^2), where that can be normalised. The velocities that a simulation
    records are the drift -grad V.
    """

    sigma: float

    @property
    @abstractmethod
    def law(self) -> Law:
        """The landscape V(x)."""

    @abstractmethod
    def _scheme(self, rng: np.random.Generator) -> Integrator:
        """The scheme, with noise from `rng`."""

    @abstractmethod
    def _draw_positions(self, rng: np.random.Generator) -> np.ndarray:
        """Draw initial positions."""

    @property
    def mechanics(self) -> GradientFlow:
        """The drift, as the gradient flow of the landscape; the noise belongs to the scheme."""
        return GradientFlow(External(self.law))

    def _integrator(self, noise: np.random.Generator) -> Integrator:
        return self._scheme(noise)

    def _draw(self, rng: np.random.Generator) -> Population:
        cloud = Population(self._draw_positions(rng))
        return cloud.with_velocities(self.mechanics.velocity(cloud.positions, cloud.weights))

    def independent_snapshots(self, times: Any, *, dt: float = 0.01) -> SnapshotSeries:
        """Snapshots of a population of its own for each time, each simulated anew from time 0 ("unpaired").

        Nothing links one snapshot to another, not even who was drawn: unlike ``simulate(times).snapshots()``, where
        they show the same particles ("paired").

        Parameters
        ----------
        times : array_like, shape (T,)
            Strictly increasing times, none negative [time].
        dt : float
            Time step. Default 0.01.

        Returns
        -------
        SnapshotSeries
            Without velocities.
        """
        times = check.times("times", times)
        mechanics, clouds = self.mechanics, []
        for k, time in enumerate(times):
            rng = self._stream(2, k)
            start = Population(self._draw_positions(rng))
            end = simulate(mechanics, start, [time], dt=dt, integrator=self._scheme(rng))
            clouds.append(end.positions[0])
        return SnapshotSeries(times, clouds, metadata={"system": type(self).__name__, "seed": self.seed, "dt": dt})


class LangevinLandscape(Langevin):
    """Overdamped Langevin dynamics in a landscape, dX = -grad V dt + sigma dW from N(0, width^2).

    The defaults are those of the published benchmark of learning from snapshots: 1000 particles in the plane, sigma 1,
    X_0 ~ N(0, 0.2), and steps of 0.01 by Euler-Maruyama between the `benchmark_times`.

    Parameters
    ----------
    landscape : str or law
        A name in `LANDSCAPES`: the five of the benchmark, "bohachevsky", "poly" (harmonic), "styblinski_tang",
        "oakley_ohagan", "wavy_plateau"; and "mueller_brown" (of 1/100 the usual height, for time steps of 0.001),
        "double_well", "gaussian_mixture"; or a law V(x) as `External` takes. Default "bohachevsky".
    n : int
        Number of particles. Default 1000.
    dim : int
        Dimension of space. Default 2.
    sigma : float
        Strength of the noise, at least 0 [length / sqrt(time)]. Default 1.
    width : float
        Standard deviation of the initial positions along each axis, positive [length]. Default sqrt(0.2).
    seed : int, optional
        Seed of the initial population and, independent of it, of the noise.

    References
    ----------
    arXiv:2605.08550; A. Terpin, N. Lanzetti, M. Gadea, F. Doerfler, NeurIPS (2024), for the landscapes.

    Examples
    --------
    >>> import wlmsim as wls
    >>> bumps = wls.systems.LangevinLandscape("bohachevsky", n=200, seed=0)
    >>> bumps.simulate(bumps.benchmark_times)                            # the same particles at all times
    Trajectory(times=21 in 0..0.2, n=200, dim=2)
    >>> bumps.independent_snapshots(bumps.benchmark_times)               # others at each time
    SnapshotSeries(times=21 in 0..0.2, n=200, dim=2, velocities at 0 of 21)
    """

    benchmark_times = tuple(round(0.01 * k, 2) for k in range(21))
    """0, 0.01, ..., 0.2: the 20 steps of the benchmark, of which the first half is for fitting [time]."""

    def __init__(
        self,
        landscape: str | Law = "bohachevsky",
        n: int = 1000,
        dim: int = 2,
        *,
        sigma: float = 1.0,
        width: float = 0.2**0.5,
        seed: int | None = None,
    ):
        super().__init__(n, dim, seed)
        if not callable(landscape):
            check.choice("landscape", landscape, tuple(LANDSCAPES))
        self.landscape = landscape
        try:
            self.law(np.zeros((1, dim)), np)
        except IndexError:  # a law of the plane, say
            raise check.fail("dim", f"a dimension in which {landscape!r} is defined", dim) from None
        self.sigma = check.nonnegative("sigma", sigma)
        self.width = check.positive("width", width)

    @property
    def law(self) -> Law:
        """The landscape V(x)."""
        return LANDSCAPES[self.landscape] if isinstance(self.landscape, str) else self.landscape

    def _scheme(self, rng: np.random.Generator) -> Integrator:
        return EulerMaruyama(self.sigma, seed=rng)

    def _draw_positions(self, rng: np.random.Generator) -> np.ndarray:
        return self.width * rng.standard_normal((self.n, self.dim))


class OrnsteinUhlenbeck(Langevin):
    """The Ornstein-Uhlenbeck process, dX_i = -k_i X_i dt + sigma dW_i, from N(mean, width^2).

    A Gaussian at all times, with `exact_moments`. Simulated by the exact transition: the law of the particles at the
    recorded times has no error of the time step.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    dim : int
        Dimension of space. Default 2.
    stiffness : float or sequence of `dim` floats
        k, positive [1 / time]. Default 1.
    sigma : float
        Strength of the noise, at least 0 [length / sqrt(time)]. Default 1.
    mean : float or sequence of `dim` floats
        Mean of the initial positions [length]. Default 1.
    width : float
        Standard deviation of the initial positions along each axis, positive [length]. Default 0.5.
    seed : int, optional
        Seed of the initial population and, independent of it, of the noise.

    References
    ----------
    G. E. Uhlenbeck and L. S. Ornstein, Phys. Rev. 36, 823 (1930).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> process = wls.systems.OrnsteinUhlenbeck(n=20000, dim=1, seed=0)
    >>> means, covariances = process.exact_moments([0.0, 2.0])
    >>> late = process.simulate([0.0, 2.0])[-1].positions
    >>> bool(abs(late.mean() - means[-1, 0]) < 0.02 and abs(late.var() - covariances[-1, 0, 0]) < 0.02)
    True
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 2,
        *,
        stiffness: float | Sequence[float] = 1.0,
        sigma: float = 1.0,
        mean: float | Sequence[float] = 1.0,
        width: float = 0.5,
        seed: int | None = None,
    ):
        super().__init__(n, dim, seed)
        self.stiffness = check.axes("stiffness", stiffness, dim, above=0.0)
        self.sigma = check.nonnegative("sigma", sigma)
        self.mean = check.axes("mean", mean, dim)
        self.width = check.positive("width", width)

    @property
    def law(self) -> Law:
        """The harmonic well."""
        return laws.Harmonic(tuple(self.stiffness.tolist()))

    def exact_moments(self, times: Any) -> tuple[np.ndarray, np.ndarray]:
        """Exact mean and covariance of the law of a particle.

        Parameters
        ----------
        times : array_like, shape (T,)
            Strictly increasing times [time].

        Returns
        -------
        (means, covariances) : tuple of ndarray, shape (T, d) and (T, d, d)
            [length] and [length^2]
        """
        decay = np.exp(-np.multiply.outer(check.times("times", times), self.stiffness))
        settled = self.stationary_covariance.diagonal()
        variance = self.width**2 * decay**2 + settled * (1 - decay**2)
        return self.mean * decay, variance[..., None] * np.eye(self.dim)

    @property
    def stationary_covariance(self) -> np.ndarray:
        """Covariance of the law that the process settles at, sigma^2 / 2 k, around 0; shape (d, d) [length^2]."""
        return np.diag(self.sigma**2 / (2 * self.stiffness))

    def _scheme(self, rng: np.random.Generator) -> Integrator:
        return ExactOrnsteinUhlenbeck(self.sigma, seed=rng)

    def _draw_positions(self, rng: np.random.Generator) -> np.ndarray:
        return self.mean + self.width * rng.standard_normal((self.n, self.dim))
