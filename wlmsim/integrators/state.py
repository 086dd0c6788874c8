"""What a scheme carries from step to step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass
class State:
    """Positions and velocities at one time; `acceleration` is that of the potential there, once known."""

    positions: np.ndarray
    velocities: np.ndarray
    weights: np.ndarray
    time: float
    acceleration: np.ndarray | None = None

    def copy(self) -> State:
        """The same state in arrays of its own."""
        a = self.acceleration
        return State(
            self.positions.copy(), self.velocities.copy(), self.weights, self.time, None if a is None else a.copy()
        )
