"""What all time-stepping schemes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from wlmsim.flow import Flow
from wlmsim.lagrangian import Lagrangian


@dataclass
class State:
    """Positions and velocities at one time; `acceleration` is that of the potential there, once known."""

    positions: np.ndarray
    velocities: np.ndarray
    weights: np.ndarray
    time: float
    acceleration: np.ndarray | None = None


class Integrator(ABC):
    """A scheme that carries a state over one time step."""

    moves: type[Lagrangian] | type[Flow] = Lagrangian
    """The kind of mechanics that the scheme is for."""

    order: int
    """Order of convergence in the time step."""

    reversible: bool = False
    """Whether, without dissipation, a step back with the velocities reversed undoes a step."""

    conserves_energy: bool = False
    """Whether, without dissipation, the energy error stays bounded for all times (symplectic schemes)."""

    @abstractmethod
    def step(self, mechanics: Any, state: State, dt: float) -> State:
        """Return the state one step `dt` [time] later; the given one may not be used again."""
