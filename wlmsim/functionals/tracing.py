"""From a law written once to compiled code: trace it with SymPy, differentiate, print, compile with Numba.

The law is called with symbols in place of coordinates and parameters. Its numbers, whether fields of a dataclass or
constants in its code, stay symbols in the printed code, so that one compiled function serves every value of them.

A law is read whenever it is evaluated, as Python does: where a variable, an attribute or an array changes that it
reads, it is traced again, and energy and force change together.
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

from wlmsim import _validation as check
from wlmsim.errors import ParameterError
from wlmsim.functionals.fingerprints import Opaque, fingerprint
from wlmsim.functionals.printing import Printed, printed

Shapes: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""Name and shape of each field of a law: empty for a number, (d,) for one for each axis, (k, d) for k points."""

TIME, NAMESPACE = ("t", "time"), ("xp", "np")
"""What arguments of laws are called that cannot stand in the place of another one."""
MOST_CONSTANTS = 64
"""Constants in a law up to which they are arguments of its compiled form; those of one with more are part of it."""


class CompiledLaw(NamedTuple):
    """Functions of a law and of its derivative, and the values of its numbers.

    External laws: ``value(x, t, p)`` and ``gradient(x, t, p, out)`` with x and out of shape (d,).
    Pair laws: ``value(r, p)`` and ``gradient(r, p)``, the derivative with respect to r.
    """

    value: Printed
    gradient: Printed
    parameters: np.ndarray


@dataclasses.dataclass(frozen=True)
class Form:
    """A law without the numbers in its fields: the law itself, or the class of one with parameters.

    Two forms are the same if they compute the same, which is what caches go by.
    """

    template: Any = dataclasses.field(compare=False)
    shapes: Shapes
    digest: str | None


def takes_time(law: Callable[..., Any], argument: str = "law", of: str = "x") -> bool:
    """Whether a law is a function of (x, t, xp) rather than (x, xp); errors name `argument`, and `of` for x."""
    if not callable(law):
        raise check.fail(argument, f"a function of ({of}, xp) or ({of}, t, xp)", law)
    parameters = [
        p
        for p in inspect.signature(law).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    names = [p.name for p in parameters]
    if len(names) not in (2, 3) or _out_of_order(names):
        raise ParameterError(
            f"`{argument}` must be a function of ({of}, xp) or ({of}, t, xp), in this order, with t for the time and "
            f"xp for the array namespace, whose functions it calls (xp.sqrt); got {check.described_function(law)}"
        )
    return len(names) == 3


def _out_of_order(names: Sequence[str]) -> bool:
    """Whether the names of two or three arguments say that these are others than a law is called with."""
    first, *middle, last = names
    return (
        first in (*TIME, *NAMESPACE)
        or last in TIME
        or not all(name.lower().startswith(("t", "_")) for name in middle)  # as of a pair law of x and y
    )


def name_of(law: Callable[..., Any]) -> str:
    """Return a readable name of a law: its repr for a law with parameters, else the function's name."""
    return repr(law) if dataclasses.is_dataclass(law) else getattr(law, "__name__", type(law).__name__)


def compile_external(law: Callable[..., Any], dim: int) -> CompiledLaw:
    """Compile V(x, t) and its gradient for `dim` coordinates."""
    form = form_of(law)
    try:
        value, gradient, constants = _external_functions(form, dim)
    except IndexError as error:
        raise ParameterError(f"`law` must be one for {dim}-D; {name_of(law)} is of more dimensions: {error}") from error
    return CompiledLaw(value, gradient, np.concatenate([values_of(law), constants]))


def compile_radial(law: Callable[..., Any]) -> CompiledLaw:
    """Compile W(r) and W'(r)."""
    form = form_of(law)
    value, derivative, constants = _radial_functions(form)
    return CompiledLaw(value, derivative, np.concatenate([values_of(law), constants]))


def compile_vector(law: Callable[..., Any], dim: int, components: int) -> tuple[Printed, np.ndarray] | None:
    """Compile a vector at each point, ``vector(x, p, out)``, and give its numbers; `None` if the law is no such one."""
    form = form_of(law)
    if form.digest is None:
        return None
    try:
        function, constants = _vector_function(form, dim, components)
    except Exception:  # whatever a user's function raises: it may be written for arrays only
        return None
    return function, np.concatenate([values_of(law), constants])


def is_steady(law: Callable[..., Any], n: int, dim: int) -> bool:
    """Whether what a law gives at n points is the same wherever they are; False too if that cannot be seen."""
    from wlmsim.functionals.symbols import expressions

    form, names = form_of(law), _coordinate_names(n * dim)
    if form.digest is None:
        return False
    try:
        found = expressions(_called(form, (n, dim), names)[0])
    except Exception:  # as above
        return False
    return not any(part.free_symbols & set(names) for part in found.ravel())


def expression_of(law: Callable[..., Any], dim: int) -> tuple[Any, list[Any]]:
    """SymPy expression of V(x) with the values of its parameters, and the symbols of the coordinates."""
    value, x, parameters = trace_external(form_of(law), dim)
    return value.subs(dict(zip(parameters, values_of(law).tolist(), strict=True))), x


def radial_slope(law: Callable[..., Any], r: Any, xp: Any) -> Any:
    """W'(r) in any namespace; numbers in the law may be tensors."""
    slope, distance, parameters = _radial_slope(form_of(law))
    return evaluate(slope, {distance: r, **dict(zip(parameters, entries_of(law), strict=True))}, xp)


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
        operation = _OPERATORS.get(name)
        if operation is None:
            found = getattr(xp, _OTHER_NAMES.get(name, name))(*parts)
        else:
            found = reduce(operation, parts) if len(parts) > 1 else operation(*parts)
    known[expression] = found
    return found


_OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": operator.add,
    "Mul": operator.mul,
    "Pow": operator.pow,
    "StrictGreaterThan": operator.gt,
    "GreaterThan": operator.ge,
    "StrictLessThan": operator.lt,
    "LessThan": operator.le,
    "Equality": operator.eq,
    "Unequality": operator.ne,
    "And": operator.and_,
    "Or": operator.or_,
    "Not": operator.invert,
}
_OTHER_NAMES = {"Abs": "abs", "rint": "round"}


def probe_external(
    law: Callable[..., Any], *, name: str = "law", dim: int | None = None, pointwise: bool = True
) -> None:
    """Trace the law in `dim` or a few dimensions; `ParameterError` with the reason if it works in none of them.

    `pointwise` says whether the law takes many points at once, so that it must not mix them.
    """
    form = form_of(law)
    # a parameter may be a number for each axis, and a plain function may pick axes: more dimensions then do no harm
    dims = (2, 3, 1, *(shape[-1] for _, shape in form.shapes if shape), 16, 256)
    dims = dims if dim is None else (dim,)
    worked = _probe(law, [partial(_in_dimensions, form, dim) for dim in dims], name)
    if pointwise:
        _probe(law, [partial(_of_two, form, worked)], name)


def probe_radial(law: Callable[..., Any]) -> None:
    """Trace the law; `ParameterError` with the reason if it cannot be."""
    form = form_of(law)
    _probe(law, [partial(trace_radial, form)])
    _probe(law, [partial(_of_two, form)])


def _probe(law: Callable[..., Any], attempts: Sequence[Callable[[], Any]], name: str = "law") -> Any:
    """Result of the first attempt that succeeds."""
    reasons = []
    for attempt in attempts:
        try:
            return attempt()
        except Exception as error:  # whatever a user's function raises is the reason to report
            reasons.append(error)
    if isinstance(reasons[0], ParameterError):
        raise reasons[0]
    by_rows = isinstance(reasons[0], IndexError) and "too many indices" in str(reasons[0])
    hint = "; write x[..., 0] for the first coordinate, of one point or of many" if by_rows else ""
    raise ParameterError(
        f"`{name}` must be written with the functions of its array namespace, so that it can be differentiated; "
        f"{name_of(law)} failed: {type(reasons[0]).__name__}: {reasons[0]}{hint}"
    ) from reasons[0]


# --- parameters: a dataclass law is its class and the shapes of its fields; a plain function has none


def form_of(law: Callable[..., Any]) -> Form:
    """The form of a law as it is now."""
    if not _has_fields(law):
        return Form(law, (), digest_of(law))
    shapes = tuple((field.name, _shape_of(getattr(law, field.name))) for field in dataclasses.fields(law))  # type: ignore[arg-type]
    # a class that is made for some functions may name them, which is quicker than looking through it
    return Form(type(law), shapes, digest_of(*getattr(law, "computes_with", (type(law),))))


def entries_of(law: Any) -> list[Any]:
    """The numbers in the fields of a law, which may be tensors, in the order in which its compiled form takes them."""
    if _has_fields(law):
        return [entry for field in dataclasses.fields(law) for entry in entries_of(getattr(law, field.name))]
    if callable(law):
        return []
    return [entry for part in law for entry in entries_of(part)] if _shape_of(law) else [law]


def values_of(law: Callable[..., Any]) -> np.ndarray:
    """The same as floats, shape (p,)."""
    entries = [entry.detach() if hasattr(entry, "detach") else entry for entry in entries_of(law)]
    return np.array([float(entry) for entry in entries], dtype=np.float64)


def _has_fields(law: Any) -> bool:
    return dataclasses.is_dataclass(law) and not isinstance(law, type)


def _shape_of(value: Any) -> tuple[int, ...]:
    """Shape of a number, an array or nested sequences; NumPy would have to convert tensors."""
    if isinstance(value, (tuple, list)):
        return (len(value), *(_shape_of(value[0]) if value else ()))
    return tuple(np.shape(value))


def digest_of(*things: Any) -> str | None:
    """Digest of what laws compute; `None` if they capture what cannot be compared, so that it may always change."""
    try:
        return fingerprint(*things)
    except Opaque:
        return None


def is_settled(law: Callable[..., Any]) -> bool:
    """Whether it can be seen when what a law computes changes, so that it may be taken not to for a while."""
    return form_of(law).digest is not None


def comparable(name: str, *things: Any) -> str:
    """Digest of what laws compute; `ParameterError` if they capture what cannot be compared."""
    try:
        return fingerprint(*things)
    except Opaque as error:
        raise ParameterError(
            f"`{name}` must compute with what can be compared, to see whether it changes; {error}: let the law hold "
            "numbers and arrays instead"
        ) from error


def kept(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep the results of a function of a form and of more; of a form that may always change there is none to keep."""
    cached = lru_cache(maxsize=256)(function)
    return lambda form, *more: (function if form.digest is None else cached)(form, *more)


def _symbolic_law(form: Form) -> tuple[Callable[..., Any], list[Any]]:
    """Build the law with a symbol for each parameter, without passing through its checks of numbers."""
    import sympy

    from wlmsim.functionals.symbols import Symbol

    if not form.shapes and not isinstance(form.template, type):
        return form.template, []
    law: Any = object.__new__(form.template)
    symbols: list[Any] = []
    for field, shape in form.shapes:
        fresh = [sympy.Symbol(f"p{len(symbols) + k}", real=True) for k in range(math.prod(shape))]
        symbols += fresh
        object.__setattr__(law, field, _nested([Symbol(symbol) for symbol in fresh], shape))
    return law, symbols


def _nested(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Fold a flat sequence into tuples of tuples; a single value for the empty shape."""
    if not shape:
        return values[0]
    stride = len(values) // shape[0]
    return tuple(_nested(values[k * stride : (k + 1) * stride], shape[1:]) for k in range(shape[0]))


# --- tracing


def trace_external(form: Form, dim: int) -> tuple[Any, list[Any], list[Any]]:
    """Expression of V(x, t), and the symbols of coordinates and parameters."""
    names = _coordinate_names(dim)
    value, parameters = _called(form, (dim,), names)
    return _scalar(value), names, parameters


def trace_radial(form: Form) -> tuple[Any, Any, list[Any]]:
    """Expression of W(r), and the symbols of distance and parameters."""
    import sympy

    from wlmsim.functionals.symbols import Symbol, namespace

    law, parameters = _symbolic_law(form)
    r = sympy.Symbol("r", real=True, nonnegative=True)
    return _scalar(law(Symbol(r), namespace())), r, parameters


def _called(form: Form, shape: tuple[int, ...], names: Sequence[Any]) -> tuple[Any, list[Any]]:
    """What an external law gives for coordinates of some shape, and the symbols of its parameters."""
    import sympy

    from wlmsim.functionals.symbols import Symbol, coordinates, namespace

    law, parameters = _symbolic_law(form)
    x = coordinates(*shape, names=names)
    time = (Symbol(sympy.Symbol("t", real=True)),) if takes_time(law) else ()
    return law(x, *time, namespace()), parameters


def _coordinate_names(count: int) -> list[Any]:
    import sympy

    return [sympy.Symbol(f"x{i}", real=True) for i in range(count)]


def _scalar(value: Any) -> Any:
    """The single SymPy expression of a traced value."""
    from wlmsim.functionals.symbols import expressions

    found = expressions(value)
    if found.shape != ():
        raise ValueError(
            f"the law must give one number a point, it gave shape {found.shape}: .sum(-1) sums over coordinates, and "
            "wls.Pairwise takes laws of distances"
        )
    return found[()]


def _in_dimensions(form: Form, dim: int) -> int:
    """`dim`, once the law has been traced there."""
    trace_external(form, dim)
    return dim


def _of_two(form: Form, *shape: int) -> None:
    """Trace the law at two points, or distances, at once: each must have a value of its own."""
    from wlmsim.functionals.symbols import expressions

    count = math.prod(shape)
    names = _coordinate_names(2 * count)
    found: Any = expressions(_called(form, (2, *shape), names)[0])
    if found.shape == () and not found[()].free_symbols & set(names):
        return  # the same everywhere
    own = [set(names[:count]), set(names[count:])]
    if found.shape != (2,) or any(
        value.free_symbols & (set(names) - mine) for value, mine in zip(found, own, strict=True)
    ):
        raise ValueError(
            "the law mixes the points of x, which has shape (..., d), when it is given several: write x[..., 0] for a "
            "coordinate, and .sum(-1) or axis=-1 for sums over coordinates"
            if shape
            else "the law mixes the distances r when it is given several: it has no coordinates, so that nothing is "
            "to be summed; wls.External takes laws of positions"
        )


# --- compiling


@kept
def _external_functions(form: Form, dim: int) -> tuple[Any, Any, np.ndarray]:
    value, x, parameters = trace_external(form, dim)
    value, parameters, constants = lifted(value, parameters)
    unpack = [f"x{i} = x[{i}]" for i in range(dim)] + unpacked(parameters)
    gradient = [value.diff(symbol) for symbol in x]
    return (
        printed("value", "x, t, p", unpack, [value], ["return {}"]),
        printed("gradient", "x, t, p, out", unpack, gradient, [f"out[{i}] = {{}}" for i in range(dim)]),
        constants,
    )


@kept
def _vector_function(form: Form, dim: int, components: int) -> tuple[Printed, np.ndarray]:
    import sympy

    from wlmsim.functionals.symbols import expressions

    names = _coordinate_names(2 * dim)
    x, others = names[:dim], dict(zip(names[:dim], names[dim:], strict=True))
    value, parameters = _called(form, (2, dim), names)
    here, there = expressions(value).reshape(2, components)
    alone = expressions(_called(form, (1, dim), x)[0]).reshape(components)
    if any(part != by_itself for part, by_itself in zip(here, alone, strict=True)) or any(
        part.subs(others, simultaneous=True) != other for part, other in zip(here, there, strict=True)
    ):
        raise ValueError("what the law gives a point depends on which it is, or on the others")
    whole, parameters, constants = lifted(sympy.Tuple(*here), parameters)
    unpack = [f"{symbol} = x[{i}]" for i, symbol in enumerate(x)] + unpacked(parameters)
    places = [f"out[{i}] = {{}}" for i in range(components)]
    return printed("vector", "x, p, out", unpack, list(whole), places), constants


@kept
def _radial_functions(form: Form) -> tuple[Any, Any, np.ndarray]:
    value, r, parameters = trace_radial(form)
    value, parameters, constants = lifted(value, parameters)
    unpack = unpacked(parameters)
    return (
        printed("value", "r, p", unpack, [value], ["return {}"]),
        printed("derivative", "r, p", unpack, [value.diff(r)], ["return {}"]),
        constants,
    )


@kept
def _radial_slope(form: Form) -> tuple[Any, Any, list[Any]]:
    value, r, parameters = trace_radial(form)
    return value.diff(r), r, parameters


def unpacked(parameters: Sequence[Any]) -> list[str]:
    """Lines that give parameters their names."""
    return [f"p{k} = p[{k}]" for k in range(len(parameters))]


def lifted(expression: Any, parameters: Sequence[Any]) -> tuple[Any, list[Any], np.ndarray]:
    """The expression with further parameters for its constants, all parameters, and the values of the constants.

    Laws that differ in a constant then share what is compiled. Exponents stay: a power is faster if its own is known.
    """
    import sympy

    symbols: dict[Any, Any] = {}

    def without_constants(part: Any) -> Any:
        if isinstance(part, sympy.Float):
            return symbols.setdefault(part, sympy.Symbol(f"p{len(parameters) + len(symbols)}", real=True))
        if part.is_Atom:
            return part
        arguments = list(part.args)
        fixed = part.is_Pow and arguments[1].is_number
        changed = [without_constants(argument) for argument in (arguments[:1] if fixed else arguments)]
        changed += arguments[len(changed) :]
        return part if changed == arguments else part.func(*changed)

    general = without_constants(expression)
    if len(symbols) > MOST_CONSTANTS:
        return expression, list(parameters), np.empty(0)
    return general, [*parameters, *symbols.values()], np.array([float(value) for value in symbols])
