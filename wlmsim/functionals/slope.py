"""The potential energy under which a gradient flow is a motion without friction."""

from __future__ import annotations

from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import tracing
from wlmsim.functionals.base import Functional
from wlmsim.functionals.external import External
from wlmsim.functionals.fisher import GaussianQuantumPressure
from wlmsim.functionals.gaussian import GaussianEntropy
from wlmsim.functionals.laws import Law


class SlopePotential(Functional):
    """Minus half the squared metric slope of a functional F, U[rho] = -1/2 integral |grad (dF/drho)|^2 rho.

    The gradient flow dx/dt = -grad (dF/drho) is also a motion without friction: a curve of
    ``Lagrangian(SlopePotential(F))`` that starts with the velocities of the flow stays on it, with energy K + U = 0.
    For F = integral V rho + T integral rho log rho,

        U = integral (T lap V - 1/2 |grad V|^2) rho - T^2 / 2 integral |grad log rho|^2 rho:

    minus the Onsager-Machlup potential, and quantum pressure of the wrong sign with hbar = 2 T. Its derivatives are
    taken from the law V. The curve is unstable, as the flow read backward in time is a solution too: errors grow like
    exp(k t) where the flow contracts at the rate k, so that it can be followed over a few relaxation times only.

    Parameters
    ----------
    functional : Functional
        F, a sum of `External` with laws that do not depend on time, twice differentiable, and of `GaussianEntropy`.
        With entropy the two curves are one in harmonic wells, where a Gaussian stays Gaussian; in others the closures
        of the flow and of the motion differ.

    Raises
    ------
    ParameterError
        If F has other terms.

    References
    ----------
    L. Ambrosio, N. Gigli, G. Savare, Gradient Flows (2008), for the slope; L. Onsager and S. Machlup, Phys. Rev. 91,
    1505 (1953); arXiv:2605.08550 for the representation.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> flow = wls.GradientFlow(wls.External(wls.laws.DoubleWell()))
    >>> cloud = wls.Population([[0.2, 1.0], [-0.5, 0.5]])
    >>> moving = cloud.with_velocities(flow.velocity(cloud.positions, cloud.weights))
    >>> motion = wls.simulate(wls.Lagrangian(wls.SlopePotential(flow.potential)), moving, [0.5], dt=0.001)
    >>> bool(np.allclose(motion.positions, wls.simulate(flow, cloud, [0.5], dt=0.01).positions, atol=1e-5))
    True
    """

    def __init__(self, functional: Functional):
        self.functional = check.instance("functional", functional, Functional)
        laws, temperature = [], 0.0
        for term in functional.terms:
            if isinstance(term, External) and not tracing.takes_time(term.law):
                laws.append(term.law)
            elif isinstance(term, GaussianEntropy):
                temperature += term.temperature
            else:
                raise check.fail("functional", "a sum of External, constant in time, and GaussianEntropy", term)
        self._external = External(_minus_onsager_machlup(tuple(laws), temperature)) if laws else None
        self._fisher = GaussianQuantumPressure(2 * temperature) if temperature else None

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.functional,)  # what is derived from it is derived again

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """Minus the mean Onsager-Machlup potential, minus the quantum pressure of hbar = 2 T."""
        total = 0.0 * weights.sum()
        if self._external is not None:
            total = total + self._external.expression(positions, weights, time, xp)
        if self._fisher is not None:
            total = total - self._fisher.expression(positions, weights, time, xp)
        return total

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """Gradient of the Onsager-Machlup potential, compiled, and minus the force of the quantum pressure."""
        total = np.zeros(positions.shape)
        if self._external is not None:
            total += self._external.force(positions, weights, time)
        if self._fisher is not None:
            total -= self._fisher.force(positions, weights, time)
        return total

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        slope = r"-\tfrac12 \int \left| \nabla \tfrac{\delta F}{\delta \rho} \right|^2 \rho \, dx"
        return rf"{slope}, \quad F = {self.functional.latex}"

    def __repr__(self) -> str:
        return f"SlopePotential({self.functional!r})"


def _minus_onsager_machlup(laws: tuple[Law, ...], temperature: float) -> Law:
    """T lap V - 1/2 |grad V|^2 as a law, V the sum of the laws as they are when it is evaluated."""

    def law(x: Any, xp: Any) -> Any:
        sums = tracing.Form(laws, (), tracing.digest_of(*laws))
        expression, symbols = _derived(sums, temperature, x.shape[-1])
        return tracing.evaluate(expression, {symbol: x[..., i] for i, symbol in enumerate(symbols)}, xp)

    return law


@tracing.kept
def _derived(sums: tracing.Form, temperature: float, dim: int) -> tuple[Any, list[Any]]:
    """Its expression for the laws of a form, and the symbols of the coordinates."""
    traced = [tracing.expression_of(law, dim) for law in sums.template]
    value, symbols = sum(v for v, _ in traced), traced[0][1]
    slopes = [value.diff(symbol) for symbol in symbols]
    laplacian = sum(slope.diff(symbol) for slope, symbol in zip(slopes, symbols, strict=True))
    return temperature * laplacian - sum(slope**2 for slope in slopes) / 2, symbols
