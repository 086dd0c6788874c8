"""First-order mechanics: populations that are carried by a velocity field, dx/dt = u(x, t)."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.by_value import HoldsFunctions
from wlmsim.data.population import Population
from wlmsim.errors import ParameterError
from wlmsim.functionals.base import Functional
from wlmsim.functionals.external import as_scalar
from wlmsim.functionals.pieces import InPieces, Piece


class Flow(HoldsFunctions, InPieces):
    """First-order mechanics, dx/dt = u(x, t): the velocities follow from the positions.

    One of your own has `expression`, the velocity in any array namespace, or `velocity` alone, for simulations only.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> class Drain(wls.Flow):
    ...     def __init__(self, rate):
    ...         self.rate = rate
    ...     def expression(self, positions, weights, time, xp):
    ...         return -self.rate * positions
    >>> path = wls.simulate(Drain(0.5), wls.Population([[1.0]]), [2.0], dt=0.01)
    >>> bool(np.isclose(path.positions[-1, 0, 0], np.exp(-1)))
    True
    """

    whole = ("velocity",)

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Velocity of each particle, shape (n, d), written with the functions of an array namespace.

        From it come `velocity` and the gradients of `learn.differentiable_simulate`. The time is a scalar array.
        """
        raise ParameterError(
            f"{type(self).__name__} must have a method `expression(positions, weights, time, xp)` that gives the "
            "velocities, written with the functions of `xp`"
        )

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Velocity u of each particle.

        Parameters
        ----------
        positions : ndarray, shape (n, d)
            Positions [length].
        weights : ndarray, shape (n,)
            Weights that sum to 1.
        time : float
            Time, for fields that depend on it.

        Returns
        -------
        ndarray, shape (n, d)
            [length / time].
        """
        return np.asarray(self.expression(positions, weights, as_scalar(time, positions, np), np))

    def energy(self, population: Population) -> float:
        """What the flow conserves (a Hamiltonian) or lowers (a free energy); `ParameterError` if it has neither."""
        raise ParameterError(f"{type(self).__name__} has no energy")


class GradientFlow(Flow):
    """Wasserstein gradient flow of a free energy, u = -grad (dF/drho): the limit of strong friction.

    Parameters
    ----------
    potential : Functional
        Free energy F; functionals combine with ``+``. Its force is the velocity, at unit mobility.

    Notes
    -----
    With F = integral V rho + (sigma^2 / 2) integral rho log rho the population has the law of
    dX = -grad V dt + sigma dW. The noise is not part of the flow: give it to the integrator,
    ``EulerMaruyama(noise=sigma)``.

    References
    ----------
    R. Jordan, D. Kinderlehrer, F. Otto, SIAM J. Math. Anal. 29, 1 (1998).

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> relaxation = wls.GradientFlow(wls.External(wls.laws.Harmonic(1.0)))
    >>> path = wls.simulate(relaxation, wls.Population([[1.0]]), [0.0, 1.0], dt=0.01)
    >>> bool(np.isclose(path.positions[-1, 0, 0], np.exp(-1)))
    True
    """

    def __init__(self, potential: Functional):
        self.potential = check.instance("potential", potential, Functional)

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-grad (dF/drho)(x_i)."""
        return self.potential.force(positions, weights, time)

    def pieces(self, weights: np.ndarray, dim: int) -> tuple[Piece, ...] | None:
        """Those of the force."""
        return self.potential.pieces(weights, dim)

    def energy(self, population: Population) -> float:
        """Free energy F, which the flow lowers at the rate integral |u|^2 rho."""
        return self.potential.energy(population.positions, population.weights, population.time)

    def __repr__(self) -> str:
        return f"GradientFlow({self.potential!r})"

    def _repr_latex_(self) -> str:
        return rf"$\dot{{x}} = -\nabla \frac{{\delta F}}{{\delta \rho}}, \quad F[\rho] = {self.potential.latex}$"
