"""What serves for each kind of data: terms, loss and training that were chosen on data of that kind.

Each function returns an unfitted `WLM`. Further arguments replace parameters of it, and options of its parts, such as
``optimiser__steps``. How each choice was made is told in docs/results.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wlmsim import _validation as check
from wlmsim.data.trajectory import Trajectory
from wlmsim.learn.dissipations import LearnableAlignment
from wlmsim.learn.functionals import AgentPotential, ExternalPotential, PairPotential, SeriesPotential
from wlmsim.learn.losses.exact import Exact
from wlmsim.learn.losses.regularisation import Regularisation
from wlmsim.learn.rollouts.multiple_shooting import MultipleShooting
from wlmsim.learn.training.adamw import AdamW
from wlmsim.learn.wlm import WLM


def currents(**parameters: Any) -> WLM:
    """What drifts with a current that changes slowly, such as buoys at sea, velocities known at every marginal.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.recipes.currents(seed=1).rollouts
    MultipleShooting()
    """
    return WLM(
        loss=Exact(velocity_weight=0.3),
        regularisation=Regularisation(local_acceleration=0.3),
        rollouts=MultipleShooting(),
        optimiser=AdamW(steps=500),
    ).set_params(**parameters)


def cells(**parameters: Any) -> WLM:
    """Cells that divide, die and diffuse, without velocities: a gradient flow with noise, and growth in the transport.

    With two marginals none is left to tell a force from straight lines by: take ``regularisation__force=30.0``, which
    leaves the Schroedinger bridge nearly as it is.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.recipes.cells().loss
    Exact(reach='learn')
    """
    return WLM(
        ExternalPotential(time_dependent=False),
        friction=math.inf,
        noise="auto",
        loss=Exact(reach="learn"),
        regularisation=Regularisation(force=0.3),
        rollouts=MultipleShooting(),
        optimiser=AdamW(steps=200),
    ).set_params(**parameters)


def gradient_flow(noise: float, **parameters: Any) -> WLM:
    """Particles that diffuse in a potential, dX = -grad psi dt + sigma dW, seen at closely spaced times.

    Parameters
    ----------
    noise : float
        sigma, at least 0 [length / sqrt(time)].
    **parameters
        Parameters to be replaced.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.recipes.gradient_flow(1.0).potential
    SeriesPotential(order=4, waves=9)
    """
    return WLM(
        SeriesPotential(),
        friction=math.inf,
        noise=noise,
        loss="sliced",
        rollouts=MultipleShooting(),
        optimiser=AdamW(steps=300, learning_rate=0.03, batch_size=500),
        members=1,
    ).set_params(**parameters)


def flock(cutoff: float, dt: float, *, speed: float = 1.0, typical_force: float = 0.1, **parameters: Any) -> WLM:
    """Birds of one speed, velocities known: a potential in space, a pair force and alignment with the neighbours' mean.

    Parameters
    ----------
    cutoff : float
        Distance beyond which birds do not feel each other, positive [length].
    dt : float
        Time step in which birds move, positive [time].
    speed : float
        Of every bird, positive [length / time]. Default 1.
    typical_force : float
        Order of a bird's turns: the speed times the angle by which it turns in a unit of time [length / time^2].
        Default 0.1.
    **parameters
        Parameters to be replaced.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.recipes.flock(cutoff=1.5, dt=0.5).rollouts
    MultipleShooting(horizon=1, dt=0.5)
    """
    return WLM(
        ExternalPotential(time_dependent=False, typical_force=typical_force) + PairPotential(cutoff),
        dissipation=LearnableAlignment(cutoff, normalised=True),
        speed=speed,
        loss=Exact(velocity_weight=3.0),
        regularisation=None,
        rollouts=MultipleShooting(horizon=1, dt=dt),
        optimiser=AdamW(steps=4000, batch_size=None),
        members=1,
    ).set_params(**parameters)


def school(cutoff: float, horizon: int, dt: float, **parameters: Any) -> WLM:
    """Animals that move in a group at speeds of their own, such as fish, velocities estimated from tracks.

    Parameters
    ----------
    cutoff : float
        Distance beyond which animals do not feel each other, positive [length].
    horizon : int
        Marginals that forecasts are to run over, at least 1.
    dt : float
        Time step, about half the interval between marginals, positive [time].
    **parameters
        Parameters to be replaced.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.recipes.school(cutoff=400.0, horizon=4, dt=2.5).loss
    Exact(velocity_weight=1.0)
    """
    return WLM(
        ExternalPotential((32, 32), time_dependent=False) + PairPotential(cutoff, knots=12),
        dissipation=LearnableAlignment(cutoff, normalised=True),
        loss=Exact(velocity_weight=1.0),
        rollouts=MultipleShooting(horizon=horizon, dt=dt),
        optimiser=AdamW(steps=200),
    ).set_params(**parameters)


def herd(
    agents: Sequence[Trajectory],
    *,
    agent_cutoff: float,
    cutoff: float,
    typical_force: float,
    dt: float,
    **parameters: Any,
) -> WLM:
    """A herd that is driven by agents whose paths are known, such as sheep by a dog.

    Parameters
    ----------
    agents : sequence of Trajectory
        The paths, each kind of agent a trajectory.
    agent_cutoff : float
        Distance beyond which the herd does not feel them, positive [length].
    cutoff : float
        Distance beyond which animals do not feel each other, positive [length].
    typical_force : float
        Order of the accelerations, positive [length / time^2].
    dt : float
        Time step, positive [time].
    **parameters
        Parameters to be replaced.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> dog = wls.Trajectory([0.0, 1.0], np.zeros((2, 1, 2)))
    >>> wls.learn.recipes.herd([dog], agent_cutoff=10.0, cutoff=6.0, typical_force=0.5, dt=0.5).rollouts
    MultipleShooting(horizon=10, ramp=0.3, dt=0.5)
    """
    if not agents:
        raise check.fail("agents", "at least one trajectory", agents)
    driven = [AgentPotential(path, cutoff=agent_cutoff, typical_force=typical_force) for path in agents]
    return WLM(
        sum(driven[1:], driven[0]) + PairPotential(cutoff, knots=12, typical_force=typical_force),
        dissipation=LearnableAlignment(cutoff, normalised=True),
        rollouts=MultipleShooting(horizon=10, ramp=0.3, dt=dt),
        optimiser=AdamW(steps=150, learning_rate=2e-2),
    ).set_params(**parameters)
