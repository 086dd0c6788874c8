"""What all time-stepping schemes share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.integrators.loops import Loop
from wlmsim.integrators.state import State
from wlmsim.mechanics.flow import Flow
from wlmsim.mechanics.lagrangian import Lagrangian

Array = TypeVar("Array", bound=Any)
"""A NumPy array, or a torch tensor."""


class Integrator(HoldsFunctions, ABC):
    """A scheme that carries a state over one time step."""

    moves: type[Lagrangian] | type[Flow] | tuple[type[Lagrangian], type[Flow]] = Lagrangian
    """The kind of mechanics that the scheme is for, or both kinds."""

    order: float
    """Order of convergence in the time step, weak if there is noise; infinite for exact solutions."""

    reversible: bool = False
    """Whether, without dissipation, a step back with the velocities reversed undoes a step."""

    conserves_energy: bool = False
    """Whether, without dissipation, the energy error stays bounded for all times (symplectic schemes)."""

    adaptive: bool = False
    """Whether the scheme divides the time step itself, until the error is as small as its `tolerance` asks."""

    @property
    def noisy(self) -> bool:
        """Whether a step draws noise."""
        return False

    def check_mechanics(self, mechanics: Lagrangian | Flow) -> None:
        """Raise `ParameterError` if the scheme is not for these mechanics."""
        if not isinstance(mechanics, self.moves):
            kind = Lagrangian if isinstance(mechanics, Flow) else Flow
            raise check.fail("integrator", f"a scheme for {mechanics!r}", f"{self!r}, which moves a {kind.__name__}")

    @abstractmethod
    def step(self, mechanics: Any, state: State, dt: float) -> State:
        """Return the state one step `dt` [time] later; the given one may not be used again."""

    def loop(self, mechanics: Any, weights: np.ndarray, dim: int) -> Loop | None:
        """Many such steps in compiled code, of the laws as they are now; `None` if there is none for the mechanics."""
        return None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "step" in vars(cls) and "loop" not in vars(cls):
            cls.loop = Integrator.loop  # type: ignore[method-assign]  # that of a base does other steps

    def on_the_way(self, mechanics: Any, dt: float) -> Callable[[float], Integrator]:
        """Schemes for records in the midst of the step `dt` [time] that comes next.

        Returns
        -------
        callable
            The scheme of a step of the length that it is given, which grows from call to call. The step itself is then
            what it would be without, so that a scheme with noise draws that of records from elsewhere.
        """
        return lambda part: self


def acceleration_at(mechanics: Lagrangian, state: State) -> np.ndarray:
    """Acceleration by the potential at a state, unless it is known already."""
    if state.acceleration is not None:
        return state.acceleration
    return mechanics.acceleration(state.positions, state.weights, state.time)


def heun_kick(v: Array, force: Array, further: Callable[[Array], Array] | None, kick: Callable[..., Array]) -> Array:
    """Kick velocities by a force, and by further ones that depend on the velocities, if any, by Heun's rule.

    `kick` returns the velocities v after a constant force F, as a function of (v, F). Arrays may be torch tensors.
    """
    if further is None:
        return kick(v, force)
    before = further(v)
    after = further(kick(v, force + before))
    return kick(v, force + 0.5 * (before + after))


def heun_step(
    velocity: Callable[[Array, float], Array], x: Array, t: float, dt: float, noise: Any = 0.0
) -> tuple[Array, Array]:
    """Positions a step later along a velocity field by Heun's rule, with increments sigma dW of a noise.

    Second order without noise, and of weak order two with noise that is the same everywhere. Returned too are the
    velocities at the first positions. Arrays may be torch tensors.
    """
    before = velocity(x, t)
    after = velocity(x + dt * before + noise, t + dt)
    return x + 0.5 * dt * (before + after) + noise, before


def call(scheme: Integrator, **arguments: Any) -> str:
    """Name and arguments of a scheme; a seed is shown if it is a number."""
    shown = {k: v for k, v in arguments.items() if k != "seed" or isinstance(v, int)}
    return f"{type(scheme).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"
