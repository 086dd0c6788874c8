"""Systems of the plane that a flow moves."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.mechanics.flow import Flow
from wlmsim.systems.base import System

F = TypeVar("F", bound=Flow)


class PlaneFlowSystem(System, Generic[F]):
    """A system of the plane that a flow moves."""

    _flow: F

    @property
    def mechanics(self) -> F:
        """The flow."""
        return self._flow

    def _moving(self, positions: np.ndarray) -> Population:
        """The population at these positions, at time 0."""
        weights = check.weights("weights", None, len(positions))
        return Population(positions, self._flow.velocity(positions, weights, 0.0))


def rotated(x: np.ndarray, angle: np.ndarray | float) -> np.ndarray:
    """Points of the plane, shape (..., 2), rotated about the origin, anticlockwise."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * x[..., 0] - s * x[..., 1], s * x[..., 0] + c * x[..., 1]], axis=-1)
