"""Systems whose wave stays Gaussian: free packets, and oscillators' coherent, squeezed and ground states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals import Functional, GaussianQuantumPressure, laws
from wlmsim.functionals.laws import Law
from wlmsim.systems.quantum.base import QuantumSystem


class GaussianMotion:
    """A Gaussian wave in a harmonic well or, at frequency 0, in free space; one axis or more, elementwise.

    The packet moves as a classical particle does, q(t) and p(t). Its complex width Q(t) obeys the same equation,
    Q'' = -omega^2 Q, from Q = sigma_0 and Q' = P = i hbar / (2 sigma_0): |Q| is the standard deviation of |psi|^2, and
    psi = (2 pi)^(-1/4) Q^(-1/2) exp[(i / hbar) ((P / Q) (x - q)^2 / 2 + p (x - q) + S)].

    References
    ----------
    E. J. Heller, J. Chem. Phys. 62, 1544 (1975); P. R. Holland, The Quantum Theory of Motion (1993), chapter 4.
    """

    def __init__(
        self,
        time: float,
        centre: np.ndarray,
        velocity: np.ndarray,
        width: np.ndarray,
        hbar: float,
        frequency: np.ndarray,
    ):
        cosine, sine = np.cos(frequency * time), time * np.sinc(frequency * time / np.pi)
        self.hbar = hbar
        self.q = centre * cosine + velocity * sine
        self.p = velocity * cosine - centre * frequency**2 * sine
        self.action = 0.5 * (self.p * self.q - velocity * centre)
        self.Q = width * cosine + 0.5j * hbar / width * sine
        self.P = 0.5j * hbar / width * cosine - width * frequency**2 * sine

    def logarithm(self, x: np.ndarray) -> np.ndarray:
        """Log psi of each axis, up to the branch of its phase."""
        z = x - self.q
        exponent = 0.5 * (self.P / self.Q) * z**2 + self.p * z + self.action
        return 1j / self.hbar * exponent - 0.25 * np.log(2 * np.pi) - 0.5 * np.log(self.Q)

    def log_slope(self, x: np.ndarray) -> np.ndarray:
        """Derivative of log psi along each axis."""
        return 1j / self.hbar * ((self.P / self.Q) * (x - self.q) + self.p)

    @property
    def width(self) -> np.ndarray:
        """Standard deviation of |psi|^2."""
        return np.abs(self.Q)

    @property
    def expansion(self) -> np.ndarray:
        """Rate of the width over the width, the velocity gradient of the packet."""
        return (self.P / self.Q).real


class _GaussianSystem(QuantumSystem):
    """A Gaussian wave in a well of the given frequencies, 0 for none."""

    has_exact = True
    methods = ("closure", "pilot", "worlds", "fluid")
    _frequency: np.ndarray

    def __init__(self, n: int, dim: int, *, hbar: float, method: str, bandwidth: float | None, seed: int | None):
        super().__init__(n, dim, hbar=hbar, method=method, bandwidth=bandwidth, seed=seed)
        if method == "closure" and n <= dim:
            raise ParameterError(f"`n` must exceed `dim`, so that the cloud has a covariance; got {n} in {dim}-D")

    @property
    def potential(self) -> Law | None:  # type: ignore[override]
        """The harmonic well; ``None`` in free space."""
        return laws.Harmonic(tuple(self._frequency**2)) if self._frequency.any() else None

    @property
    def _pressure(self) -> Functional:
        return GaussianQuantumPressure(self.hbar) if self.method == "closure" else super()._pressure

    @property
    def _rate(self) -> float:
        return float((self.hbar / (2 * self._width**2)).max() + self._frequency.max())

    @property
    def _wavenumber(self) -> np.ndarray:
        fastest = np.hypot(self._velocity, self._frequency * self._centre)
        return fastest / self.hbar + 3 * np.maximum(1 / self._width, 2 * self._frequency * self._width / self.hbar)

    def _draw(self, rng: np.random.Generator) -> Population:
        if self.method != "closure":
            return super()._draw(rng)
        sample = rng.standard_normal((self.n, self.dim))
        sample -= sample.mean(0)
        whitening = np.linalg.cholesky(np.linalg.inv(sample.T @ sample / self.n))
        positions = sample @ whitening * self._width + self._centre
        return Population(positions, np.broadcast_to(self._velocity, positions.shape))

    def _motion(self, time: float) -> GaussianMotion:
        return GaussianMotion(time, self._centre, self._velocity, self._width, self.hbar, self._frequency)

    def _exact(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        motion = self._motion(time)
        away = (self.population.positions - self._centre) * (motion.width / self._width)
        return motion.q + away, motion.p + away * motion.expansion


class _OscillatorState(_GaussianSystem):
    """A packet in a well."""

    def _set_packet(
        self,
        frequency: float | Sequence[float],
        squeezing: float | Sequence[float] = 0.0,
        displacement: float | Sequence[float] = 0.0,
        velocity: float | Sequence[float] = 0.0,
    ) -> None:
        """Check and keep what states the packet at the start, by exp(-squeezing) as wide as the ground state."""
        self.frequency = self._frequency = check.axes("frequency", frequency, self.dim, above=0.0)
        self.squeezing = check.axes("squeezing", squeezing, self.dim)
        self.displacement = self._centre = check.axes("displacement", displacement, self.dim)
        self.velocity = self._velocity = check.axes("velocity", velocity, self.dim)
        self._width = np.exp(-self.squeezing) * np.sqrt(self.hbar / (2 * self.frequency))


class GaussianPacket(_GaussianSystem):
    """Free Gaussian wave packet of a quantum particle of mass 1; the population follows Bohm's trajectories.

    Each width grows as sigma_t = sigma_0 sqrt(1 + (hbar t / (2 sigma_0^2))^2), and every particle keeps its place
    in the cloud: x(t) - <x>(t) = (x_0 - <x>_0) sigma_t / sigma_0 along each axis.

    Parameters
    ----------
    n : int
        Number of particles, with ``"closure"`` more than `dim`. Default 1000.
    dim : int
        Dimension of space. Default 1.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    width : float or sequence of `dim` floats
        Standard deviation sigma_0 of |psi|^2 along each axis, positive [length]. Default 0.5.
    velocity : float or sequence of `dim` floats
        Mean velocity of the packet [length / time]. Default 0.
    method : {"closure", "pilot", "worlds", "fluid"}
        What moves the population, see `QuantumSystem`. Default "closure".
    bandwidth : float, optional
        Bandwidth of the fluid, see `QuantumSystem`.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    P. R. Holland, The Quantum Theory of Motion (1993), section 4.7.
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 1,
        *,
        hbar: float = 1.0,
        width: float | Sequence[float] = 0.5,
        velocity: float | Sequence[float] = 0.0,
        method: str = "closure",
        bandwidth: float | None = None,
        seed: int | None = None,
    ):
        super().__init__(n, dim, hbar=hbar, method=method, bandwidth=bandwidth, seed=seed)
        self.width = self._width = check.axes("width", width, dim, above=0.0)
        self.velocity = self._velocity = check.axes("velocity", velocity, dim)
        self._centre = self._frequency = np.zeros(dim)


class CoherentState(_OscillatorState):
    """Coherent state of the harmonic oscillator: the ground state displaced, which swings without changing its shape.

    The packet's centre moves as a classical particle, and every particle at a fixed distance from it.

    Parameters
    ----------
    n : int
        Number of particles, with ``"closure"`` more than `dim`. Default 1000.
    dim : int
        Dimension of space. Default 1.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    frequency : float or sequence of `dim` floats
        Angular frequency omega of each axis, positive [1 / time]. Default 1.
    displacement : float or sequence of `dim` floats
        Centre of the packet at the start [length]. Default 1.
    velocity : float or sequence of `dim` floats
        Velocity of the packet at the start [length / time]. Default 0.
    method : {"closure", "pilot", "worlds", "fluid"}
        What moves the population, see `QuantumSystem`. Default "closure".
    bandwidth : float, optional
        Bandwidth of the fluid, see `QuantumSystem`.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    E. Schroedinger, Naturwissenschaften 14, 664 (1926).
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 1,
        *,
        hbar: float = 1.0,
        frequency: float | Sequence[float] = 1.0,
        displacement: float | Sequence[float] = 1.0,
        velocity: float | Sequence[float] = 0.0,
        method: str = "closure",
        bandwidth: float | None = None,
        seed: int | None = None,
    ):
        super().__init__(n, dim, hbar=hbar, method=method, bandwidth=bandwidth, seed=seed)
        self._set_packet(frequency, displacement=displacement, velocity=velocity)


class SqueezedState(_OscillatorState):
    """Squeezed state of the harmonic oscillator: narrower or wider than the ground state, it breathes as it swings.

    sigma_t^2 = sigma_0^2 cos^2(omega t) + (hbar / (2 omega sigma_0))^2 sin^2(omega t), and every particle keeps its
    place in the cloud.

    Parameters
    ----------
    n : int
        Number of particles, with ``"closure"`` more than `dim`. Default 1000.
    dim : int
        Dimension of space. Default 1.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    frequency : float or sequence of `dim` floats
        Angular frequency omega of each axis, positive [1 / time]. Default 1.
    squeezing : float or sequence of `dim` floats
        r in sigma_0 = exp(-r) sqrt(hbar / (2 omega)), the width at the start [dimensionless]. Default 0.5.
    displacement : float or sequence of `dim` floats
        Centre of the packet at the start [length]. Default 0.
    velocity : float or sequence of `dim` floats
        Velocity of the packet at the start [length / time]. Default 0.
    method : {"closure", "pilot", "worlds", "fluid"}
        What moves the population, see `QuantumSystem`. Default "closure".
    bandwidth : float, optional
        Bandwidth of the fluid, see `QuantumSystem`.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    D. F. Walls, Nature 306, 141 (1983).
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 1,
        *,
        hbar: float = 1.0,
        frequency: float | Sequence[float] = 1.0,
        squeezing: float | Sequence[float] = 0.5,
        displacement: float | Sequence[float] = 0.0,
        velocity: float | Sequence[float] = 0.0,
        method: str = "closure",
        bandwidth: float | None = None,
        seed: int | None = None,
    ):
        super().__init__(n, dim, hbar=hbar, method=method, bandwidth=bandwidth, seed=seed)
        self._set_packet(frequency, squeezing, displacement, velocity)


class GroundState(_OscillatorState):
    """Ground state of the harmonic oscillator: quantum pressure and well balance, and every particle is at rest.

    Parameters
    ----------
    n : int
        Number of particles, with ``"closure"`` more than `dim`. Default 1000.
    dim : int
        Dimension of space. Default 1.
    hbar : float
        Reduced Planck constant over mass, positive [length^2 / time]. Default 1.
    frequency : float or sequence of `dim` floats
        Angular frequency omega of each axis, positive [1 / time]. Default 1.
    method : {"closure", "pilot", "worlds", "fluid"}
        What moves the population, or does not, see `QuantumSystem`. Default "pilot".
    bandwidth : float, optional
        Bandwidth of the fluid, see `QuantumSystem`.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    P. R. Holland, The Quantum Theory of Motion (1993), section 4.9.
    """

    def __init__(
        self,
        n: int = 1000,
        dim: int = 1,
        *,
        hbar: float = 1.0,
        frequency: float | Sequence[float] = 1.0,
        method: str = "pilot",
        bandwidth: float | None = None,
        seed: int | None = None,
    ):
        super().__init__(n, dim, hbar=hbar, method=method, bandwidth=bandwidth, seed=seed)
        self._set_packet(frequency)
