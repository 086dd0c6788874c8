"""What a Lagrangian looks like in space: its potential, its force, the energy of each particle."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional
from wlmsim.mechanics.flow import Flow, GradientFlow
from wlmsim.mechanics.lagrangian import Lagrangian

MOST_INTERACTING = 4_000
"""Energies of more particles than this are refused if they interact: the memory grows with the square."""

LIKE = 0
"""The particle whose charge and type a test particle has, where particles are told apart."""

TEST_WEIGHT = 1e-6
"""Share of the population that all points together stand for at which a force is felt."""


def functional_of(mechanics: Lagrangian | Flow | None) -> Functional | None:
    """The energy functional of the mechanics, if it has one."""
    return mechanics.potential if isinstance(mechanics, (Lagrangian, GradientFlow)) else None


def of_kind(mechanics: Lagrangian | Flow | None) -> str:
    """What a test particle is, where particles are told apart; else nothing."""
    functional = functional_of(mechanics)
    kinds = None if functional is None else functional.kinds
    return "" if kinds is None else f" of {kinds[LIKE]}"


def potential(mechanics: Lagrangian | Flow | None, points: np.ndarray, population: Population) -> np.ndarray:
    """Potential energy dU/drho of a test particle at the points, in the field of the population, shape (m,)."""
    from wlmsim.functionals.first_variation import first_variation

    functional = functional_of(mechanics)
    if functional is None:
        return np.zeros(len(points))
    return first_variation(functional, points, population, like=LIKE)


def particle_energies(lagrangian: Lagrangian, population: Population) -> np.ndarray:
    """Energy of each particle in the field of all others, m |v_i|^2 / 2 + (dU/drho)(x_i), shape (n,)."""
    v: Any = population.velocities
    lagrangian.check_count(len(population))
    energies = 0.5 * lagrangian.mass * (v**2).sum(axis=1)
    return energies if lagrangian.potential is None else energies + _own_potential(lagrangian.potential, population)


def _own_potential(functional: Functional, population: Population) -> np.ndarray:
    """dU/drho at the particles: dU/dw_i, in which no particle meets itself."""
    import array_api_compat.torch as xp
    import torch

    if len(population) > MOST_INTERACTING and any(getattr(term, "degree", None) != 1 for term in functional.terms):
        raise ParameterError(
            f"`color` must not be 'energy' for more than {MOST_INTERACTING} particles that interact; "
            f"got {len(population)}"
        )
    x = torch.as_tensor(population.positions)
    w = torch.as_tensor(population.weights).clone().requires_grad_()
    with torch.enable_grad():
        (slopes,) = torch.autograd.grad(functional.expression(x, w, population.time, xp), w)
    return slopes.double().numpy()


def force(mechanics: Lagrangian | Flow, points: np.ndarray, population: Population) -> np.ndarray:
    """Force on a test particle of the Lagrangian's mass at the points, or velocity of a flow there, shape (m, d)."""
    x = np.concatenate([population.positions, points])
    w = np.concatenate([(1 - TEST_WEIGHT) * population.weights, np.full(len(points), TEST_WEIGHT / len(points))])
    functional = functional_of(mechanics)
    if functional is None or functional.kinds is None:
        return _field(mechanics, x, w, population.time)[len(population) :]
    from wlmsim.functionals.first_variation import joined_by

    return joined_by(functional, population, LIKE)(len(points)).force(x, w, population.time)[len(population) :]


def own_force(mechanics: Lagrangian | Flow, population: Population) -> np.ndarray:
    """The same at the particles themselves, shape (n, d)."""
    return _field(mechanics, population.positions, population.weights, population.time)


def _field(mechanics: Lagrangian | Flow, x: np.ndarray, w: np.ndarray, time: float) -> np.ndarray:
    if isinstance(mechanics, Lagrangian):
        return np.zeros_like(x) if mechanics.potential is None else mechanics.potential.force(x, w, time)
    return mechanics.velocity(x, w, time)
