"""Derivatives of the forces of laws, compiled: what a gradient through a simulation needs.

The force is F(x, p) and u a cotangent, an array of its shape. The adjoint of the force is the gradient of the scalar
S = sum over i of u_i . F_i with respect to the positions and to the parameters of the law, derived from the law by
SymPy as the force is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wlmsim.functionals.printing import Printed, printed
from wlmsim.functionals.tracing import Form, form_of, kept, lifted, trace_external, trace_radial, unpacked


def compile_external_adjoint(law: Callable[..., Any], dim: int) -> Printed:
    """Compile ``adjoint(x, t, p, u)`` of F = -grad V(x, t) for one particle, all its arguments but t tuples.

    A tuple of the components of F, of the gradient with respect to x, and of that with respect to p.
    """
    return _external_adjoint(form_of(law), dim)


def compile_radial_adjoint(law: Callable[..., Any], *, parameters: bool) -> tuple[Printed, int]:
    """Compile ``adjoint(r, p)``, a tuple of W', W'' and the derivatives of W' with respect to the parameters.

    Without `parameters` there is one zero in the place of those derivatives. Gives their number too.
    """
    return _radial_adjoint(form_of(law), parameters)


@kept
def _external_adjoint(form: Form, dim: int) -> Printed:
    import sympy

    value, x, parameters = trace_external(form, dim)
    value, numbers, _ = lifted(value, parameters)
    u = [sympy.Symbol(f"u{i}", real=True) for i in range(dim)]
    force = [-value.diff(symbol) for symbol in x]
    scalar = sum(a * b for a, b in zip(u, force, strict=True))
    unpack = [f"x{i} = x[{i}]" for i in range(dim)] + [f"u{i} = u[{i}]" for i in range(dim)] + unpacked(numbers)
    expressions = [*force, *(_slope(scalar, symbol) for symbol in (*x, *parameters))]
    return printed("adjoint", "x, t, p, u", unpack, expressions, _tuple_of(len(expressions)))


@kept
def _radial_adjoint(form: Form, with_parameters: bool) -> tuple[Printed, int]:
    import sympy

    value, r, parameters = trace_radial(form)
    value, numbers, _ = lifted(value, parameters)
    slope = value.diff(r)
    slopes = [_slope(slope, p) for p in parameters] if with_parameters and parameters else [sympy.Integer(0)]
    expressions = [slope, _slope(slope, r), *slopes]
    adjoint = printed("adjoint", "r, p", unpacked(numbers), expressions, _tuple_of(len(expressions)))
    return adjoint, len(slopes)


def _tuple_of(count: int) -> list[str]:
    """Templates of a function that returns its expressions as a tuple, which stays in registers."""
    names = [f"a{k}" for k in range(count)]
    return [*(f"{name} = {{}}" for name in names[:-1]), f"return ({', '.join(names[:-1])}, {{}})"]


def _slope(expression: Any, symbol: Any) -> Any:
    """Derivative, but for the peaks where the expression jumps."""
    import sympy

    return expression.diff(symbol).replace(sympy.DiracDelta, lambda *arguments: sympy.Integer(0))
