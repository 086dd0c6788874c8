"""From a law written once to compiled code: trace it with SymPy, differentiate, print, compile with Numba.

The law is called with symbols in place of coordinates and parameters. Parameters stay symbols in the printed
code, so that one compiled function serves every value of them.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from functools import lru_cache, partial, reduce
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from wlmsim.errors import ParameterError

Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""Name and shape of each field of a law: empty for a number, (d,) for one for each axis, (k, d) for k points."""


class CompiledLaw(NamedTuple):
    """Numba functions of a law and of its derivative, and the values of its parameters.

    External laws: ``value(x, t, p)`` and ``gradient(x, t, p, out)`` with x and out of shape (d,).
    Pair laws: ``value(r, p)`` and ``gradient(r, p)``, the derivative with respect to r.
    """

    value: Callable[..., float]
    gradient: Callable[..., Any]
    parameters: np.ndarray


def takes_time(law: Callable[..., Any]) -> bool:
    """Whether an external law is a function of (x, t, xp) rather than (x, xp)."""
    parameters = [
        p
        for p in inspect.signature(law).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    if len(parameters) not in (2, 3):
        raise ParameterError(
            f"`law` must be a function of (x, xp) or (x, t, xp); {name_of(law)} takes {len(parameters)} arguments"
        )
    return len(parameters) == 3


def name_of(law: Callable[..., Any]) -> str:
    """Return a readable name of a law: its repr for a law with parameters, else the function's name."""
    return repr(law) if dataclasses.is_dataclass(law) else getattr(law, "__name__", type(law).__name__)


def compile_external(law: Callable[..., Any], dim: int) -> CompiledLaw:
    """Compile V(x, t) and its gradient for `dim` coordinates."""
    template, shapes, values = _split(law)
    try:
        value, gradient = _external_functions(template, shapes, dim)
    except IndexError as error:
        raise ParameterError(f"`law` must be one for {dim}-D; {name_of(law)} is of more dimensions: {error}") from error
    return CompiledLaw(value, gradient, values)


def compile_radial(law: Callable[..., Any]) -> CompiledLaw:
    """Compile W(r) and W'(r)."""
    template, shapes, values = _split(law)
    value, derivative = _radial_functions(template, shapes)
    return CompiledLaw(value, derivative, values)


def expression_of(law: Callable[..., Any], dim: int) -> tuple[Any, list[Any]]:
    """SymPy expression of V(x) with the values of its parameters, and the symbols of the coordinates."""
    template, shapes, values = _split(law)
    value, x, parameters = _trace_external(template, shapes, dim)
    return value.subs(dict(zip(parameters, values.tolist(), strict=True))), x


def evaluate(expression: Any, known: dict[Any, Any], xp: Any) -> Any:
    """Value of a SymPy expression in a namespace; `known` has those of its symbols, and of each part once found."""
    import sympy

    if expression in known:
        return known[expression]
    if expression.is_number:
        return int(expression) if expression.is_Integer else float(expression)
    if isinstance(expression, sympy.Piecewise):
        *cases, (found, _) = expression.args
        found = evaluate(found, known, xp)
        for value, condition in reversed(cases):
            found = xp.where(evaluate(condition, known, xp), evaluate(value, known, xp), found)
    else:
        parts = [evaluate(part, known, xp) for part in expression.args]
        name = type(expression).__name__
        found = reduce(_OPERATORS[name], parts) if name in _OPERATORS else getattr(xp, name)(*parts)
    known[expression] = found
    return found


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Mul": operator.mul,
    "Pow": operator.pow,
    "StrictGreaterThan": operator.gt,
    "GreaterThan": operator.ge,
    "StrictLessThan": operator.lt,
    "LessThan": operator.le,
    "And": operator.and_,
    "Or": operator.or_,
}


def probe_external(law: Callable[..., Any], *, name: str = "law", dim: int | None = None) -> None:
    """Trace the law in `dim` or a few dimensions; `ParameterError` with the reason if it works in none of them."""
    template, shapes, _ = _split(law)
    # a parameter may be a number for each axis, and a plain function may pick axes: more dimensions then do no harm
    dims = (2, 3, 1, *(shape[-1] for _, shape in shapes if shape), 16, 256)
    dims = dims if dim is None else (dim,)
    _probe(law, [partial(_trace_external, template, shapes, dim) for dim in dims], name)


def probe_radial(law: Callable[..., Any]) -> None:
    """Trace the law; `ParameterError` with the reason if it cannot be."""
    template, shapes, _ = _split(law)
    _probe(law, [partial(_trace_radial, template, shapes)])


def _probe(law: Callable[..., Any], attempts: Sequence[Callable[[], Any]], name: str = "law") -> None:
    reasons = []
    for attempt in attempts:
        try:
            attempt()
            return
        except Exception as error:  # whatever a user's function raises is the reason to report
            reasons.append(error)
    raise ParameterError(
        f"`{name}` must be written with the functions of its array namespace, so that it can be differentiated; "
        f"{name_of(law)} failed: {type(reasons[0]).__name__}: {reasons[0]}"
    ) from reasons[0]


# --- parameters: a dataclass law is its class and the shapes of its fields; a plain function has none


def _split(law: Callable[..., Any]) -> tuple[Any, Shapes, np.ndarray]:
    if not dataclasses.is_dataclass(law) or isinstance(law, type):
        return law, (), np.empty(0)
    shapes, values = [], []
    for field in dataclasses.fields(law):
        value = getattr(law, field.name)
        shapes.append((field.name, np.shape(value)))
        values.extend(np.ravel(value))
    return type(law), tuple(shapes), np.array(values, dtype=np.float64)


def _symbolic_law(template: Any, shapes: Shapes) -> tuple[Callable[..., Any], list[Any]]:
    """Build the law with a symbol for each parameter, without passing through its checks of numbers."""
    import sympy

    if not isinstance(template, type):
        return template, []
    law: Any = object.__new__(template)
    symbols: list[Any] = []
    for field, shape in shapes:
        fresh = [sympy.Symbol(f"p{len(symbols) + k}", real=True) for k in range(math.prod(shape))]
        symbols += fresh
        object.__setattr__(law, field, _nested(fresh, shape))
    return law, symbols


def _nested(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Fold a flat sequence into tuples of tuples; a single value for the empty shape."""
    if not shape:
        return values[0]
    stride = len(values) // shape[0]
    return tuple(_nested(values[k * stride : (k + 1) * stride], shape[1:]) for k in range(shape[0]))


# --- tracing


class _Symbols(np.ndarray):
    """An object array of SymPy expressions whose comparisons stay symbolic."""

    def _compare(self, ufunc: np.ufunc, other: Any) -> Any:
        return ufunc(np.asarray(self), other, dtype=object).view(_Symbols)

    def __gt__(self, other: Any) -> Any:
        return self._compare(np.greater, other)

    def __ge__(self, other: Any) -> Any:
        return self._compare(np.greater_equal, other)

    def __lt__(self, other: Any) -> Any:
        return self._compare(np.less, other)

    def __le__(self, other: Any) -> Any:
        return self._compare(np.less_equal, other)


_HYPERBOLIC = ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
_SAME_NAME = ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", *_HYPERBOLIC)
_OTHER_NAME = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2"}


class _SymbolicNamespace:
    """The part of the array API that laws use, over SymPy expressions and object arrays of them."""

    def __init__(self) -> None:
        import sympy

        def elementwise(function: Callable[..., Any]) -> Callable[..., Any]:
            def apply(*arguments: Any) -> Any:
                if not any(isinstance(a, np.ndarray) for a in arguments):
                    return function(*arguments)
                return np.frompyfunc(function, len(arguments), 1)(*arguments).view(_Symbols)

            return apply

        def where(condition: Any, a: Any, b: Any) -> Any:
            return sympy.Piecewise((a, condition), (b, True))

        for name in _SAME_NAME:
            setattr(self, name, elementwise(getattr(sympy, name)))
        for name, sympys in _OTHER_NAME.items():
            setattr(self, name, elementwise(getattr(sympy, sympys)))
        self.pi, self.e = sympy.pi, sympy.E
        self.where = elementwise(where)
        # SymPy knows the slope of |a| only where a is known to be real; a plain |a| costs no branch
        self.abs = elementwise(lambda a: abs(a) if getattr(a, "is_extended_real", True) else where(a >= 0, a, -a))
        self.sign = elementwise(lambda a: sympy.Piecewise((1, a > 0), (-1, a < 0), (0, True)))
        self.maximum = elementwise(lambda a, b: where(a >= b, a, b))
        self.minimum = elementwise(lambda a, b: where(a <= b, a, b))
        self.square = elementwise(lambda a: a**2)
        self.log1p = elementwise(lambda a: sympy.log(1 + a))
        self.expm1 = elementwise(lambda a: sympy.exp(a) - 1)

    def sum(self, x: Any, axis: int | None = None) -> Any:
        return np.asarray(x).sum(axis)

    def stack(self, arrays: Sequence[Any], axis: int = 0) -> Any:
        return np.stack([np.asarray(a, dtype=object) for a in arrays], axis).view(_Symbols)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the function xp.{name} is not among those that can be differentiated")


@lru_cache(maxsize=1)
def _namespace() -> _SymbolicNamespace:
    return _SymbolicNamespace()


def _scalar(expression: Any) -> Any:
    """The single SymPy expression of a traced value."""
    import sympy

    array = np.asarray(expression, dtype=object)
    if array.shape != ():
        raise ValueError(f"the law must give one number a point, it gave shape {array.shape}")
    return sympy.sympify(array.reshape(-1)[0])


def _trace_external(template: Any, shapes: Shapes, dim: int) -> tuple[Any, ...]:
    import sympy

    law, parameters = _symbolic_law(template, shapes)
    x = [sympy.Symbol(f"x{i}", real=True) for i in range(dim)]
    t = sympy.Symbol("t", real=True)
    coordinates = np.array(x, dtype=object).view(_Symbols)
    arguments = (coordinates, t) if takes_time(law) else (coordinates,)
    return _scalar(law(*arguments, _namespace())), x, parameters


def _trace_radial(template: Any, shapes: Shapes) -> tuple[Any, ...]:
    import sympy

    law, parameters = _symbolic_law(template, shapes)
    r = sympy.Symbol("r", real=True, nonnegative=True)
    return _scalar(law(r, _namespace())), r, parameters


# --- printing and compiling


@lru_cache(maxsize=256)
def _external_functions(template: Any, shapes: Shapes, dim: int) -> tuple[Any, Any]:
    value, x, parameters = _trace_external(template, shapes, dim)
    unpack = [f"x{i} = x[{i}]" for i in range(dim)] + _unpack(parameters)
    gradient = [value.diff(symbol) for symbol in x]
    return (
        _compile("value", "x, t, p", unpack, [value], ["return {}"]),
        _compile("gradient", "x, t, p, out", unpack, gradient, [f"out[{i}] = {{}}" for i in range(dim)]),
    )


@lru_cache(maxsize=256)
def _radial_functions(template: Any, shapes: Shapes) -> tuple[Any, Any]:
    value, r, parameters = _trace_radial(template, shapes)
    unpack = _unpack(parameters)
    return (
        _compile("value", "r, p", unpack, [value], ["return {}"]),
        _compile("derivative", "r, p", unpack, [value.diff(r)], ["return {}"]),
    )


def _unpack(parameters: Sequence[Any]) -> list[str]:
    return [f"p{k} = p[{k}]" for k in range(len(parameters))]


def _compile(name: str, arguments: str, unpack: list[str], expressions: list[Any], templates: list[str]) -> Any:
    """Print the expressions as scalar Python, sharing common parts, and compile the function with Numba."""
    import numba
    import sympy
    from sympy.printing.pycode import PythonCodePrinter

    from wlmsim.kernels import elementary

    class Printer(PythonCodePrinter):
        def _print_Pow(self, power: Any, rational: bool = False, **options: Any) -> str:
            # half-integer powers by a square root, which the processor has
            if power.exp.is_Rational and power.exp.q == 2 and abs(power.exp) > 1:
                whole = int(power.exp - sympy.sign(power.exp) / 2)
                root = "*" if power.exp > 0 else "/"
                base = self._print(power.base)
                return f"(({base})**({whole}){root}sqrt({base}))"
            return super()._print_Pow(power, rational=rational, **options)

    printer = Printer({"fully_qualified_modules": False})
    shared, reduced = sympy.cse(expressions, symbols=sympy.numbered_symbols("c"))
    lines = [*unpack]
    lines += [f"{symbol} = {printer.doprint(part)}" for symbol, part in shared]
    # float(): a constant law would otherwise compile to an integer function
    lines += [
        template.format(f"float({printer.doprint(part)})") for template, part in zip(templates, reduced, strict=True)
    ]
    source = f"def {name}({arguments}):\n    " + "\n    ".join(lines) + "\n"
    scope = {key: getattr(math, key) for key in dir(math) if not key.startswith("_")} | {"exp": elementary.exp}
    exec(compile(source, f"<law {name}>", "exec"), scope)
    return numba.njit(fastmath=True, error_model="numpy", forceinline=True)(scope[name])
