"""The harmonic oscillator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import External, laws
from wlmsim.mechanics.dissipation import Friction
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.gaussian_start import GaussianStart


class HarmonicOscillator(GaussianStart):
    """Damped anisotropic harmonic oscillator in any dimension, x_i'' = -omega_i^2 x_i - gamma x_i'.

    Exact in all three regimes, underdamped, critical and overdamped, axis by axis.

    Parameters
    ----------
    n : int
        Number of particles. Default 1000.
    dim : int
        Dimension of space. Default 2.
    frequency : float or sequence of `dim` floats
        Undamped angular frequency omega of each axis, positive [1 / time]. Default 1.
    friction : float
        gamma, at least 0 [1 / time]. Default 0.
    width, velocity_width : float
        Standard deviation of the initial positions [length] and velocities [length / time]. Default 1 and 0.
    seed : int, optional
        Seed of the initial population.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> spring = wls.systems.HarmonicOscillator(n=10, frequency=2.0, friction=0.1, seed=0)
    >>> times = np.linspace(0, 5, 51)
    >>> bool(np.abs(spring.simulate(times, dt=1e-3).positions - spring.exact(times).positions).max() < 1e-5)
    True
    """

    has_exact = True

    def __init__(
        self,
        n: int = 1000,
        dim: int = 2,
        *,
        frequency: float | Sequence[float] = 1.0,
        friction: float = 0.0,
        width: float = 1.0,
        velocity_width: float = 0.0,
        seed: int | None = None,
    ):
        super().__init__(n, dim, width=width, velocity_width=velocity_width, seed=seed)
        self.frequency = check.axes("frequency", frequency, dim, above=0.0)
        self.friction = check.nonnegative("friction", friction)

    @property
    def lagrangian(self) -> Lagrangian:
        """Harmonic well and friction."""
        well = External(laws.Harmonic(tuple(self.frequency**2)))
        return Lagrangian(well, dissipation=Friction(self.friction) if self.friction else None)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        return oscillate(*self._start, self.frequency, self.friction, time)


def oscillate(x: np.ndarray, v: np.ndarray, omega: Any, gamma: float, time: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities of damped oscillators after a time."""
    c, s = _damped_cosine_and_sine(np.asarray(omega), gamma, time)
    return x * (c + 0.5 * gamma * s) + v * s, v * (c - 0.5 * gamma * s) - x * omega**2 * s


def _damped_cosine_and_sine(omega: np.ndarray, gamma: float, time: float) -> tuple[np.ndarray, np.ndarray]:
    """exp(-gamma t / 2) times cos(W t) and sin(W t) / W, W^2 = omega^2 - gamma^2 / 4 of either sign or zero."""
    square = omega**2 - 0.25 * gamma**2
    rate = np.sqrt(np.abs(square))
    # rate - gamma / 2 without its cancellation at strong damping; underdamped, where it is not used, it stays finite
    slow = np.exp(-(omega**2) / (rate + 0.5 * gamma) * time)
    decay = np.exp(-0.5 * gamma * time)
    with np.errstate(divide="ignore", invalid="ignore"):
        # written without cosh and sinh, which overflow at late times
        overdamped_sine = np.where(rate > 0, slow * -np.expm1(-2 * rate * time) / (2 * rate), decay * time)
    overdamped_cosine = 0.5 * (slow + np.exp(-(rate + 0.5 * gamma) * time))
    under = square > 0
    cosine = np.where(under, decay * np.cos(rate * time), overdamped_cosine)
    sine = np.where(under, decay * time * np.sinc(rate * time / np.pi), overdamped_sine)
    return cosine, sine
