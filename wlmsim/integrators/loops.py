"""Many steps at once, in compiled code: for laws that are compiled and few particles, where Python would rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from wlmsim.functionals.pieces import Piece, with_force
from wlmsim.integrators.state import State


@dataclass(frozen=True)
class Loop:
    """Steps of a scheme under some mechanics.

    Parameters
    ----------
    kernel : callable
        Of `wlmsim.kernels.steps`.
    pieces : tuple of Piece
        The force, or the velocity of a flow.
    numbers : callable
        What else the kernel takes, of the length of a step, of how many there are, and of the number of coordinates.
    """

    kernel: Callable[..., Any]
    pieces: tuple[Piece, ...]
    numbers: Callable[[float, int, int], Sequence[Any]]

    @cached_property
    def operations(self) -> int:
        """What a force costs, in pairs of particles."""
        return sum(piece.operations for piece in self.pieces)

    @cached_property
    def _arguments(self) -> tuple[Any, ...]:
        return tuple(piece.arguments for piece in self.pieces)

    def steps(
        self, state: State, start: float, dt: float, first: int, count: int, path: np.ndarray | None = None
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

        Returns
        -------
        (state, done, finite) : tuple
            The state after them, their number, and whether its coordinates are finite; else they ended there. Its
            acceleration is that by the potential, or the velocity of a flow.
        """
        x, v, known = state.positions.copy(), state.velocities.copy(), state.acceleration
        a = np.empty_like(x) if known is None else known.copy()
        numbers = self.numbers(dt, count, x.size)
        path = np.empty((0, 2, *x.shape)) if path is None else path
        done, finite = with_force(self.kernel, self.pieces)(
            x, v, a, known is not None, start, first, count, dt, path, *numbers, self._arguments
        )
        return State(x, v, state.weights, start + (first + done) * dt, a), done, finite

    def rate(self, positions: np.ndarray, weights: np.ndarray, time: float) -> np.ndarray:
        """Acceleration by the potential, or velocity of a flow, shape (n, d)."""
        here = State(positions, np.zeros_like(positions), weights, time)
        found = self.steps(here, time, 1.0, 0, 0)[0].acceleration
        assert found is not None
        return found
