"""Walls that particles bounce off."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.integrators import State

__all__ = ["Walls"]


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

    def on_axes(self, dim: int) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper walls of each axis, shape (d,)."""
        return np.broadcast_to(self.lower, dim).astype(float), np.broadcast_to(self.upper, dim).astype(float)

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
        if not ((x < self.lower) | (x > self.upper)).any():
            return after
        from wlmsim.kernels.bounces import bounce

        x, v = x.copy(), after.velocities.copy()
        if bounce(x, v, before.velocities, dt, *self.on_axes(x.shape[1]), smooth) < 0:
            raise self.stuck(dt)
        return State(x, v, after.weights, after.time)

    def stuck(self, dt: float) -> SimulationError:
        """What to raise where a particle does not come away from a wall in a step."""
        from wlmsim.kernels.bounces import MOST

        return SimulationError(
            f"a particle bounces more than {MOST} times in a step of {abs(dt):g}: it is pressed to a wall, or the box "
            "is narrow; try a smaller dt"
        )

    def __repr__(self) -> str:
        return f"Walls(lower={self.lower.tolist()}, upper={self.upper.tolist()})"
