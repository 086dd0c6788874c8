"""Walls that particles bounce off."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.integrators import State

__all__ = ["Walls"]

MOST = 1000
"""Bounces of a particle within a step until it is taken to be stuck."""


class Walls:
    """Reflecting walls of a box: particles bounce off them elastically.

    The bounce is found within the step, from where a particle is at its end: it is mirrored in the wall, with what the
    force does meanwhile, which is taken to be constant during the step of a bounce. So a ball that falls onto a floor
    keeps its energy at any time step. Paths with noise, and those of flows, are mirrored.

    Parameters
    ----------
    lower, upper : float or sequence of d floats
        Where the walls stand along each axis [length]; infinite where there is none. Default: none.

    Raises
    ------
    ParameterError
        If a lower wall is not below the upper one.

    Examples
    --------
    >>> import wlmsim as wls
    >>> fall = wls.Lagrangian(wls.External(wls.laws.UniformField((0.0, -1.0))))
    >>> ball = wls.Population([[0.0, 0.5]], [[0.0, 0.0]])                       # up again after 2 t.u.
    >>> path = wls.simulate(fall, ball, [2.0, 4.0], dt=0.03, walls=wls.Walls(lower=(-1.0, 0.0)))
    >>> path.positions[:, 0, 1].round(6)
    array([0.5, 0.5])
    """

    def __init__(self, lower: Any = -np.inf, upper: Any = np.inf):
        self.lower = check.own(lower, check.array("lower", lower))
        self.upper = check.own(upper, check.array("upper", upper))
        for name, wall in (("lower", self.lower), ("upper", self.upper)):
            if wall.ndim > 1 or np.isnan(wall).any():
                raise check.fail(name, "a number, or one for each axis", wall)
        if np.shape(self.lower) and np.shape(self.upper) and self.lower.shape != self.upper.shape:
            raise check.fail("upper", f"of {len(self.lower)} numbers, as `lower` is", self.upper)
        if not (self.lower < self.upper).all():
            raise check.fail("lower", f"below `upper`, {self.upper.tolist()}", self.lower.tolist())

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments, as plain values."""
        return {"lower": self.lower.tolist(), "upper": self.upper.tolist()}

    def check_start(self, positions: np.ndarray) -> None:
        """Refuse particles that start beyond a wall."""
        for wall in (self.lower, self.upper):
            if wall.ndim and len(wall) != positions.shape[1]:
                raise ParameterError(
                    f"`walls` must be a number, or one for each of {positions.shape[1]} axes; got {self}"
                )
        outside = ((positions < self.lower) | (positions > self.upper)).any(1)
        if outside.any():
            first = int(np.argmax(outside))
            raise ParameterError(
                f"`population` must start within the walls; {outside.sum()} particles do not, "
                f"the first is {first} at x = {positions[first]}"
            )

    def bounced(self, before: State, after: State, dt: float, *, smooth: bool) -> State:
        """The end of a step of those that bounce in it.

        Parameters
        ----------
        before, after : State
            Where the step begins, and where it would end without walls.
        dt : float
            Its length [time].
        smooth : bool
            Whether the force is the same all the way, and no noise.
        """
        x = after.positions
        lower, upper = np.broadcast_to(self.lower, x.shape), np.broadcast_to(self.upper, x.shape)
        if not ((x < lower) | (x > upper)).any():
            return after
        x, v = x.copy(), after.velocities.copy()
        a = (v - before.velocities) / dt if smooth else np.zeros_like(v)
        for _ in range(MOST):
            wall = np.where(x < lower, lower, np.where(x > upper, upper, np.nan))
            out = ~np.isnan(wall)
            if not out.any():
                return State(x, v, after.weights, after.time)
            x[out], v[out] = _mirrored(x[out] - wall[out], v[out], a[out], dt, wall[out])
        raise SimulationError(
            f"a particle bounces more than {MOST} times in a step of {abs(dt):g}: it is pressed to a wall, or the box "
            "is narrow; try a smaller dt"
        )

    def __repr__(self) -> str:
        return f"Walls(lower={self.lower.tolist()}, upper={self.upper.tolist()})"


def _mirrored(
    beyond: np.ndarray, v: np.ndarray, a: np.ndarray, dt: float, wall: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Coordinate and velocity after a bounce, of how far beyond the wall it would be without."""
    at_wall = np.copysign(np.sqrt(np.maximum(v**2 - 2 * a * beyond, 0.0)), beyond * dt)
    # how long ago, from whichever of two equal expressions divides by more
    slowing, total = v - at_wall, v + at_wall
    with np.errstate(divide="ignore", invalid="ignore"):
        ago = np.where(np.abs(slowing) > np.abs(total), slowing / a, 2 * beyond / total)
    ago = np.clip(np.nan_to_num(ago), min(dt, 0.0), max(dt, 0.0))
    return wall - beyond + a * ago**2, -v + 2 * a * ago
