"""A function of a few means over the population."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import tracing
from wlmsim.functionals.base import Functional
from wlmsim.functionals.external import External
from wlmsim.functionals.laws import Law


class MeanField(Functional):
    """A function of means, U[rho] = F(E[phi_1], ..., E[phi_k]); force -sum_i dF/dm_i grad phi_i.

    Every particle feels the others through k numbers only, so the cost is O(n k). Such cylinder functionals
    approximate any smooth functional of the density as k grows.

    Parameters
    ----------
    features : sequence of callables
        phi_1, ..., phi_k, each a function of ``(x, xp)`` or ``(x, t, xp)`` as a law of `External` is.
    outer : callable
        F as a function of ``(m, xp)``, with m of shape (k,), written with the functions of `xp`.

    Raises
    ------
    ParameterError
        If there is no feature, or a function cannot be differentiated.

    Examples
    --------
    The variance of the first coordinate, which gathers the population around its mean:

    >>> import numpy as np, wlmsim as wls
    >>> variance = wls.MeanField(
    ...     [lambda x, xp: x[..., 0], lambda x, xp: x[..., 0] ** 2], lambda m, xp: m[1] - m[0] ** 2
    ... )
    >>> variance.force(np.array([[1.0], [3.0]]), np.array([0.5, 0.5]))
    array([[ 2.],
           [-2.]])
    """

    def __init__(self, features: Sequence[Law], outer: Callable[[Any, Any], Any]):
        if not isinstance(features, (list, tuple)) or not features or not all(callable(phi) for phi in features):
            raise check.fail("features", "a list of functions of (x, xp)", features)
        self.features = tuple(features)
        self.outer = outer
        self._means = tuple(External(phi) for phi in self.features)
        tracing.probe_external(outer, name="outer", dim=len(self.features))

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """F of the means."""
        means = [phi.expression(positions, weights, time, xp) for phi in self._means]
        return self.outer(xp.stack(means), xp)

    def energy(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> float:
        """F of the means, compiled."""
        law = tracing.compile_external(self.outer, len(self.features))
        means = np.array([phi.energy(positions, weights, time) for phi in self._means])
        return float(law.value(means, 0.0, law.parameters))

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-sum over i of dF/dm_i grad phi_i(x), compiled."""
        law = tracing.compile_external(self.outer, len(self.features))
        means = np.array([phi.energy(positions, weights, time) for phi in self._means])
        slopes = np.empty_like(means)
        law.gradient(means, 0.0, law.parameters, slopes)
        force = np.zeros_like(positions)
        for slope, phi in zip(slopes, self._means, strict=True):
            force += slope * phi.force(positions, weights, time)
        return force

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        count = len(self.features)
        shown = (1, count) if count < 3 else (1, "...", count)
        means = [r"\dots" if k == "..." else rf"\mathbb{{E}}[\phi_{{{k}}}]" for k in dict.fromkeys(shown)]
        return rf"F\left({', '.join(means)}\right)"

    def __repr__(self) -> str:
        names = ", ".join(tracing.name_of(phi) for phi in self.features)
        return f"MeanField([{names}], {tracing.name_of(self.outer)})"
