"""One cloud of particles at one time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from wlmsim import _times
from wlmsim import _validation as check
from wlmsim.data.standardisation import Map

LEAST = -200.0
"""Logarithm of the least factor by which particles grow, in units of the greatest; with a weight it makes a number."""


class Population:
    """A cloud of particles at one time: positions, velocities, weights.

    Parameters
    ----------
    positions : array_like, shape (n, d)
        Positions [length].
    velocities : array_like, shape (n, d), optional
        Velocities [length / time]. ``None`` (the default) means unknown, which is not the same as zero:
        see `at_rest`.
    weights : array_like, shape (n,), optional
        Share of the population that each particle stands for [dimensionless]. Rescaled to sum to 1.
        Default: all equal.
    time : float, optional
        When the cloud is seen [time]. Default 0.
    growth : array_like, shape (n,), optional
        Rate at which each particle is known beforehand to multiply, or, if negative, to die [1 / time]; only
        differences between particles matter. Default ``None``: nothing is known.
    copy : bool
        Whether to copy the arrays that are given, so that a change of them does not move the cloud. Default True.

    Raises
    ------
    ParameterError
        If a shape does not fit, a value is not finite, or a weight is negative.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.Population([[0.0, 0.0], [1.0, 0.0]]).at_rest()
    Population(n=2, dim=2, time=0, velocities known, uniform weights)
    """

    __slots__ = ("growth", "positions", "time", "velocities", "weights")

    def __init__(
        self,
        positions: Any,
        velocities: Any = None,
        weights: Any = None,
        time: float = 0.0,
        *,
        growth: Any = None,
        copy: bool = True,
    ):
        self.positions = check.cloud("positions", positions)
        self.velocities = (
            None if velocities is None else check.cloud("velocities", velocities, shape=self.positions.shape)
        )
        if copy:
            self.positions = check.own(positions, self.positions)
            self.velocities = None if self.velocities is None else check.own(velocities, self.velocities)
        self.weights = check.weights("weights", weights, len(self.positions))
        self.time = check.real("time", time)
        self.growth = None if growth is None else check.finite("growth", check.array("growth", growth))
        if self.growth is not None and self.growth.shape != self.weights.shape:
            raise check.fail("growth", f"an array of shape {self.weights.shape}, a rate for each particle", self.growth)
        if copy and self.growth is not None:
            self.growth = check.own(growth, self.growth)

    @classmethod
    def gaussian(
        cls,
        n: int,
        dim: int = 2,
        *,
        width: float = 1.0,
        velocity_width: float = 0.0,
        seed: int | np.random.Generator | None = None,
    ) -> Population:
        """Draw a centred isotropic Gaussian cloud.

        Parameters
        ----------
        n : int
            Number of particles.
        dim : int
            Dimension of space. Default 2.
        width : float
            Standard deviation of each coordinate [length]. Default 1.
        velocity_width : float
            Standard deviation of each velocity component [length / time]. Default 0: at rest.
        seed : int or numpy.random.Generator, optional
            Source of randomness.

        Returns
        -------
        Population
        """
        check.integer("n", n), check.integer("dim", dim)
        check.nonnegative("velocity_width", velocity_width)
        rng = np.random.default_rng(seed)
        positions = check.positive("width", width) * rng.standard_normal((n, dim))
        return cls(positions, velocity_width * rng.standard_normal((n, dim)))

    @property
    def dim(self) -> int:
        """Dimension of space, d."""
        return self.positions.shape[1]

    @property
    def mean(self) -> np.ndarray:
        """Weighted mean position, shape (d,) [length]."""
        return self.weights @ self.positions

    @property
    def uniform(self) -> bool:
        """Whether all weights are equal."""
        return bool(np.ptp(self.weights) <= 1e-12 * self.weights.max())

    def at_rest(self) -> Population:
        """Return the same cloud with zero velocities."""
        return self.with_velocities(np.zeros_like(self.positions))

    def with_velocities(self, velocities: Any) -> Population:
        """Return the same cloud with other velocities, shape (n, d); ``None`` for unknown."""
        return Population(self.positions, velocities, self.weights, self.time, growth=self.growth)

    def rows(self, index: Any) -> Population:
        """Return some of its particles, by their numbers or a mask, with weights that sum to 1."""
        velocities = None if self.velocities is None else self.velocities[index]
        growth = None if self.growth is None else self.growth[index]
        return Population(self.positions[index], velocities, self.weights[index], self.time, growth=growth)

    def grown(self, time: float) -> np.ndarray:
        """Weights, shape (n,), that the particles have at another time if they grow as is known beforehand."""
        time = check.real("time", time)
        return self.weights if self.growth is None else grown(self.weights, (time - self.time) * self.growth)

    def _mapped(self, place: Map, pace: Map, units: Mapping[str, str]) -> Population:
        """The same cloud in other coordinates, whose units it does not know."""
        velocities = None if self.velocities is None else pace(self.velocities)
        return Population(place(self.positions), velocities, self.weights, self.time, growth=self.growth)

    def __len__(self) -> int:
        return len(self.positions)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Population):
            return NotImplemented
        return (
            self.time == other.time
            and np.array_equal(self.positions, other.positions)
            and np.array_equal(self.weights, other.weights)
            and _equal(self.velocities, other.velocities)
            and _equal(self.growth, other.growth)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        known = "known" if self.velocities is not None else "unknown"
        kind = "uniform" if self.uniform else "given"
        time, growth = _times.text(self.time), "" if self.growth is None else ", growth known"
        return f"Population(n={len(self)}, dim={self.dim}, time={time}, velocities {known}, {kind} weights{growth})"

    def _repr_html_(self) -> str:
        from wlmsim import _html

        spread = np.sqrt(self.weights @ (self.positions - self.mean) ** 2)
        speeds = None if self.velocities is None else np.linalg.norm(self.velocities, axis=1)
        rows = [
            ("particles", f"{len(self)} in {self.dim}-D"),
            ("time", _times.text(self.time)),
            ("mean position", _short(self.mean)),
            ("spread", _short(spread)),
            ("mean speed", "velocities unknown" if speeds is None else float(self.weights @ speeds)),
            ("weights", "uniform" if self.uniform else f"{self.weights.min():.3g} to {self.weights.max():.3g}"),
            *([] if self.growth is None else [("growth", f"{self.growth.min():.3g} to {self.growth.max():.3g}")]),
        ]
        return _html.card("Population", rows, _html.clouds([self.positions], [self.time]))


def grown(weights: Any, logarithms: Any, xp: Any = np) -> Any:
    """Weights of particles that multiply by factors whose logarithms are known up to a constant, with the same sum.

    Where all factors are the same nothing changes, to the last bit; those who surely die keep next to nothing, so that
    plans know them. `xp` is the namespace of the arrays: NumPy, torch.
    """
    logarithms = xp.where(weights > 0, logarithms, -math.inf)
    found = weights * xp.exp(xp.clip(logarithms - logarithms.max(), LEAST, None))
    return found * (weights.sum() / found.sum())


def _equal(mine: np.ndarray | None, theirs: np.ndarray | None) -> bool:
    return mine is theirs if mine is None or theirs is None else np.array_equal(mine, theirs)


def row_keys(positions: np.ndarray) -> np.ndarray:
    """A number for each row, the same for the same rows and hardly ever for others; in no more memory than a column."""
    keys, rng = np.zeros(len(positions)), np.random.default_rng(0)
    for column in positions.T:  # a product with a matrix may round the same rows otherwise
        keys += rng.uniform(1, 2) * column
    return keys


def _short(values: np.ndarray) -> str:
    shown = ", ".join(f"{value:.3g}" for value in values[:4])
    return f"({shown}{', ...' if len(values) > 4 else ''})"
