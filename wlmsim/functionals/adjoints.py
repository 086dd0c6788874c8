"""Derivatives of the forces of laws, compiled: what a gradient through a simulation needs.

The force is F(x, p) and u a cotangent, an array of its shape. The adjoint of the force is the gradient of the scalar
S = sum over i of u_i . F_i with respect to the positions and to the parameters of the law, derived from the law by
SymPy as the force is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from wlmsim.functionals import tracing

# the tracing of laws is one mechanism in two modules
from wlmsim.functionals.tracing import Shapes, _compile, _trace_external, _trace_radial, _unpack


def compile_external_adjoint(law: Callable[..., Any], dim: int) -> Any:
    """Compile ``adjoint(x, t, p, u, force, towards_x, towards_p)`` of F = -grad V(x, t) for one particle.

    `force` and `towards_x` of shape (dim,) are set, `towards_p` of the shape of p is added to.
    """
    template, shapes, _ = tracing._split(law)
    return _external_adjoint(template, shapes, dim)


def compile_radial_adjoint(law: Callable[..., Any], *, parameters: bool) -> tuple[Any, int]:
    """Compile ``adjoint(r, p)``, a tuple of W', W'' and the derivatives of W' with respect to the parameters.

    Without `parameters` there is one zero in the place of those derivatives. Gives their number too.
    """
    template, shapes, _ = tracing._split(law)
    return _radial_adjoint(template, shapes, parameters)


@lru_cache(maxsize=256)
def _external_adjoint(template: Any, shapes: Shapes, dim: int) -> Any:
    import sympy

    value, x, parameters = _trace_external(template, shapes, dim)
    u = [sympy.Symbol(f"u{i}", real=True) for i in range(dim)]
    force = [-value.diff(symbol) for symbol in x]
    scalar = sum(a * b for a, b in zip(u, force, strict=True))
    unpack = [f"x{i} = x[{i}]" for i in range(dim)] + [f"u{i} = u[{i}]" for i in range(dim)] + _unpack(parameters)
    expressions = [*force, *(_slope(scalar, symbol) for symbol in (*x, *parameters))]
    templates = [f"force[{i}] = {{}}" for i in range(dim)] + [f"towards_x[{i}] = {{}}" for i in range(dim)]
    templates += [f"towards_p[{k}] += {{}}" for k in range(len(parameters))]
    return _compile("adjoint", "x, t, p, u, force, towards_x, towards_p", unpack, expressions, templates)


@lru_cache(maxsize=256)
def _radial_adjoint(template: Any, shapes: Shapes, with_parameters: bool) -> tuple[Any, int]:
    import sympy

    value, r, parameters = _trace_radial(template, shapes)
    slope = value.diff(r)
    slopes = [_slope(slope, p) for p in parameters] if with_parameters and parameters else [sympy.Integer(0)]
    expressions = [slope, _slope(slope, r), *slopes]
    names = [f"a{k}" for k in range(len(expressions))]
    templates = [f"{name} = {{}}" for name in names[:-1]]
    # a tuple, so that the loop around it stays in registers
    templates.append(f"return ({', '.join(names[:-1])}, {{}})")
    return _compile("adjoint", "r, p", _unpack(parameters), expressions, templates), len(slopes)


def _slope(expression: Any, symbol: Any) -> Any:
    """Derivative, but for the peaks where the expression jumps."""
    import sympy

    return expression.diff(symbol).replace(sympy.DiracDelta, lambda *arguments: sympy.Integer(0))
