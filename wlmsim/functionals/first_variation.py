"""The first variation of an energy functional: what a particle added somewhere would cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.functionals.base import Functional

AT_ONCE = 512
"""Points evaluated together: with pair forces memory grows with the square of their number."""


def first_variation(
    functional: Functional,
    points: Any,
    population: Population,
    *,
    time: float | None = None,
    like: int | None = None,
) -> np.ndarray:
    """First variation dU/drho at points in the field of a population, by automatic differentiation.

    It is how fast the energy grows with mass that is put there: of an external potential V(x, t) itself, of a pair
    potential the mean of W(|x - y|) over the population. Its negative gradient is the force. Energies of a probability
    density are all the same when a constant is added to it.

    Parameters
    ----------
    functional : Functional
        Analytic or learned.
    points : array_like, shape (m, d)
        Where [length].
    population : Population
        The particles whose field it is; their velocities do not matter.
    time : float, optional
        When, for laws that depend on it [time]. Default: the population's.
    like : int, optional
        Number of a particle whose charge and type the added one has, where a `Charged` or a `Between` law tells them
        apart. Default: none, which serves where all are alike.

    Returns
    -------
    ndarray, shape (m,)
        [length^2 / time^2], for a population of mass 1.

    Raises
    ------
    ParameterError
        If `points` are not of the population's dimension, `like` is needed, or the value is infinite or undefined at
        one of them.

    Examples
    --------
    >>> import wlmsim as wls
    >>> well = wls.External(wls.laws.Harmonic(2.0))
    >>> wls.first_variation(well, [[0.0, 0.0], [1.0, 1.0]], wls.Population([[5.0, 5.0]]))
    array([0., 2.])
    """
    check.instance("functional", functional, Functional)
    check.instance("population", population, Population)
    x = check.cloud("points", points)
    if x.shape[1] != population.dim:
        raise check.fail("points", f"of {population.dim} dimensions, as the population is", x)
    t = population.time if time is None else check.real("time", time)
    extended = joined_by(functional, population, like)
    parts = [_at(extended, x[k : k + AT_ONCE], population, t) for k in range(0, len(x), AT_ONCE)]
    return check.finite("dU/drho", np.concatenate(parts))


def joined_by(functional: Functional, population: Population, like: int | None) -> Callable[[int], Functional]:
    """The functional of the population and of so many more particles like one of it."""
    kinds = functional.kinds
    if kinds is None:
        return lambda count: functional
    n = len(population)
    if len(kinds) != n:
        raise check.fail("population", f"of {len(kinds)} particles, as {functional!r} is for", population)
    if like is None and len(set(kinds)) > 1:
        raise check.fail("like", f"given, the number of a particle: there are {_in_words(kinds)}", like)
    row = check.integer("like", 0 if like is None else like, least=0)
    if row >= n:
        raise check.fail("like", f"below {n}, the number of particles", like)
    return lambda count: functional.of_rows(np.append(np.arange(n), np.full(count, row)))


def _in_words(kinds: tuple[str, ...]) -> str:
    several = list(dict.fromkeys(map(repr, kinds)))
    return ", ".join(several[:3]) + (", ..." if len(several) > 3 else "")


def _at(extended: Callable[[int], Functional], points: np.ndarray, population: Population, time: float) -> np.ndarray:
    """dU/dw of particles without weight at the points: they meet the population, and not each other."""
    import array_api_compat.torch as xp
    import torch

    x = torch.as_tensor(np.concatenate([population.positions, points]))
    w = torch.as_tensor(np.concatenate([population.weights, np.zeros(len(points))])).requires_grad_()
    with torch.enable_grad():
        (slopes,) = torch.autograd.grad(extended(len(points)).expression(x, w, time, xp), w)
    return slopes[len(population) :].double().numpy()
