"""A function of a few means over the population."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from wlmsim import _validation as check
from wlmsim.functionals import tracing
from wlmsim.functionals.base import Functional
from wlmsim.functionals.external import as_scalar, external_force
from wlmsim.functionals.laws import Law


class MeanField(Functional):
    """A function of means, U[rho] = F(E[phi_1], ..., E[phi_k]); force -sum_i dF/dm_i grad phi_i.

    Every particle feels the others through k numbers only, so the cost is O(n k). Such cylinder functionals
    approximate any smooth functional of the density as k grows.

    Parameters
    ----------
    features : sequence of callables
        phi_1, ..., phi_k, each a function of ``(x, xp)`` or ``(x, t, xp)`` as a law of `External` is.
        What they read is looked at in every evaluation.
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
        for phi in self.features:
            tracing.probe_external(phi, name="features")
        tracing.probe_external(outer, name="outer", dim=len(self.features), pointwise=False)

    @cached_property
    def _weighted(self) -> type:
        return _weighted_sum(self.features)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in super().__getstate__().items() if name != "_weighted"}

    def expression(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        """F of the means."""
        return self.outer(self._means(positions, weights, time, xp), xp)

    def _means(self, positions: Any, weights: Any, time: Any, xp: Any) -> Any:
        time = as_scalar(time, positions, xp)
        return xp.stack([(weights * _at(phi, positions, time, xp)).sum() for phi in self.features])

    def force(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        """-sum over i of dF/dm_i grad phi_i(x): that of one external potential, compiled."""
        positions, weights = check.particles(positions, weights)
        outer = tracing.compile_external(self.outer, len(self.features))
        slopes = np.empty(len(self.features))
        outer.gradient(self._means(positions, weights, time, np), 0.0, outer.parameters, slopes)
        return external_force(self._weighted(tuple(slopes)), positions, time)

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


def _at(phi: Law, x: Any, t: Any, xp: Any) -> Any:
    return phi(x, t, xp) if tracing.takes_time(phi) else phi(x, xp)


def _weighted_sum(features: tuple[Law, ...]) -> type:
    """A law with the features' factors as parameters, so that it is compiled once for all values of them."""

    @dataclass(frozen=True)
    class WeightedSum:
        slopes: tuple[float, ...]
        computes_with: ClassVar[tuple[Any, ...]] = ("weighted sum", features)

        def __call__(self, x: Any, t: Any, xp: Any) -> Any:
            return sum(slope * _at(phi, x, t, xp) for slope, phi in zip(self.slopes, features, strict=True))

    return WeightedSum
