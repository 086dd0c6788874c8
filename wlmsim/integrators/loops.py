"""Many steps at once, in compiled code: for laws that are compiled and few particles, where Python would rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim.functionals.pieces import Piece, loop_over, p_of
from wlmsim.integrators.state import State

Walls = tuple[np.ndarray, np.ndarray, bool]
OPEN: Walls = (np.empty(0), np.empty(0), False)
"""No walls."""
Scheme = Callable[..., Any]
"""A function of `wlmsim.kernels.steps`."""


@dataclass(frozen=True)
class Loop:
    """Steps of a scheme under some mechanics.

    Parameters
    ----------
    advance : callable
        A step of `wlmsim.kernels.steps`.
    field : tuple of Piece
        The acceleration by the potential, or the velocity of a flow.
    numbers : callable
        Those of the scheme, of the length of a step, of how many there are, and of the shape of the cloud.
    thrust : callable, optional
        What a constant force does in a kick. Default: `steps.scaled`.
    further, magnetic : tuple of Piece, optional
        Accelerations that depend on the velocity too, and the magnetic field over the mass, if it is not in `numbers`.
        Default: none.
    """

    advance: Scheme
    field: tuple[Piece, ...]
    numbers: Callable[[float, int, tuple[int, ...]], tuple[Any, ...]]
    thrust: Scheme | None = None
    further: tuple[Piece, ...] = ()
    magnetic: tuple[Piece, ...] = ()

    @cached_property
    def operations(self) -> int:
        """What a force costs, in pairs of particles."""
        return sum(piece.operations for pieces in self._functions.values() for piece in pieces)

    @cached_property
    def _functions(self) -> dict[str, tuple[Piece, ...]]:
        return {"field": self.field, "further": self.further, "magnetic": self.magnetic}

    @cached_property
    def _compiled(self) -> tuple[Scheme, tuple[Any, ...]]:
        """The loop, and what its pieces take."""
        from wlmsim.kernels import steps

        kick = steps.by_heun if self.further else steps.by_force
        parts = {"advance": self.advance, "kick": kick, "thrust": self.thrust or steps.scaled}
        return loop_over(steps.many, parts, **self._functions), p_of(**self._functions)

    def steps(
        self,
        state: State,
        start: float,
        dt: float,
        first: int,
        count: int,
        path: np.ndarray | None = None,
        walls: Walls = OPEN,
    ) -> tuple[State, int, bool]:
        """Do steps.

        Parameters
        ----------
        state : State
            Where they begin.
        start, dt : float
            Step k begins at start + (first + k) dt [time].
        first, count : int
            The number of the first step, and how many there are; after none of them the acceleration is known.
        path : ndarray, shape (count, 2, n, d), optional
            Takes positions and velocities after each step. Default: they are not kept.
        walls : tuple
            Lower and upper walls, arrays of shape (d,), and whether no noise acts. Default: none.

        Returns
        -------
        (state, done, finite) : tuple
            The state after them, their number, and whether its coordinates are finite; else they ended there. If they
            are fewer than asked for although they are, a particle is stuck at a wall in the next one. The acceleration
            is that by the potential, or the velocity of a flow.
        """
        x, v, known = state.positions.copy(), state.velocities.copy(), state.acceleration
        a = np.empty_like(x) if known is None else known.copy()
        path = np.empty((0, 2, *x.shape)) if path is None else path
        loop, p = self._compiled
        done, finite = loop(
            x, v, a, known is not None, start, first, count, dt, walls, path, self.numbers(dt, count, x.shape), p
        )
        return State(x, v, state.weights, start + (first + done) * dt, a), done, finite

    def rate(self, positions: np.ndarray, weights: np.ndarray, time: float) -> np.ndarray:
        """Acceleration by the potential, or velocity of a flow, shape (n, d)."""
        here = State(positions, np.zeros_like(positions), weights, time)
        found = self.steps(here, time, 1.0, 0, 0)[0].acceleration
        assert found is not None
        return found


def room_for(further: tuple[Piece, ...], shape: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Arrays that kicks by further forces need, of a cloud of some shape."""
    return tuple(np.empty(shape) for _ in range(4)) if further else ()
