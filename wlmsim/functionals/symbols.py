"""Coordinates that stand for any number: what a law is called with to learn its formula.

A law sees an array of `Symbol`s in place of coordinates, and a namespace of functions of them in place of NumPy or
torch. Whatever it does to them is written down as a SymPy expression. What cannot be written down raises, and says what
to write instead.
"""

from __future__ import annotations

import difflib
import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy


class floor(sympy.Function):
    """The largest integer up to a number, named as it is printed; its slope is 0, where SymPy's own has none."""

    @classmethod
    def eval(cls, argument: Any) -> Any:
        """The value of a number."""
        return sympy.floor(argument) if argument.is_number else None

    def fdiff(self, argindex: int = 1) -> Any:
        """Slope."""
        return sympy.Integer(0)

    def _eval_is_real(self) -> bool:
        return True


class rint(sympy.Function):
    """The nearest integer, of two the even one; its slope is 0."""

    @classmethod
    def eval(cls, argument: Any) -> Any:
        """The value of a number."""
        return sympy.Integer(round(argument)) if argument.is_number else None

    fdiff = floor.fdiff
    _eval_is_real = floor._eval_is_real


# --- functions of expressions


def _raw(value: Any) -> Any:
    """SymPy's expression of a number, or of a condition."""
    if isinstance(value, Symbol):
        return value.expression
    return sympy.sympify(value.item() if isinstance(value, np.generic) else value)


def _number(expression: Any) -> Any:
    """A condition that is calculated with is 1 where it holds and 0 elsewhere."""
    return _where(expression, sympy.Integer(1), sympy.Integer(0)) if _is_condition(expression) else expression


def _condition(expression: Any) -> Any:
    """A number that is taken for a condition holds where it is not 0."""
    return expression if _is_condition(expression) else sympy.Ne(expression, 0)


def _is_condition(expression: Any) -> bool:
    return isinstance(expression, (sympy.logic.boolalg.Boolean, bool)) and not isinstance(expression, sympy.Symbol)


def _where(condition: Any, a: Any, b: Any) -> Any:
    return sympy.Piecewise((a, condition), (b, True))


def _maximum(a: Any, b: Any) -> Any:
    return _where(a >= b, a, b)


def _minimum(a: Any, b: Any) -> Any:
    return _where(a <= b, a, b)


def _abs(a: Any) -> Any:
    # SymPy knows the slope of |a| only where a is known to be real; a plain |a| costs no branch
    return abs(a) if a.is_extended_real else _where(a >= 0, a, -a)


def _clip(a: Any, low: Any = None, high: Any = None) -> Any:
    a = a if low is None else _maximum(a, low)
    return a if high is None else _minimum(a, high)


def _floor_divide(a: Any, b: Any) -> Any:
    raise TypeError("write xp.floor(a / b) for a // b, of which torch has no derivative")


def _logaddexp(a: Any, b: Any) -> Any:
    return _maximum(a, b) + sympy.log(1 + sympy.exp(-_abs(a - b)))


_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "pow": operator.pow,
    "negative": operator.neg,
    "positive": operator.pos,
    "abs": _abs,
    "floor_divide": _floor_divide,
    "remainder": lambda a, b: a - b * floor(a / b),
}
_COMPARISONS: dict[str, Callable[..., Any]] = {
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "equal": sympy.Eq,
    "not_equal": sympy.Ne,
}
_LOGIC: dict[str, Callable[..., Any]] = {
    "logical_and": sympy.And,
    "logical_or": sympy.Or,
    "logical_xor": lambda a, b: sympy.Or(sympy.And(a, sympy.Not(b)), sympy.And(b, sympy.Not(a))),
    "logical_not": sympy.Not,
}
_SAME_NAME: tuple[str, ...] = ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2")
_SAME_NAME += ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(sympy, name) for name in _SAME_NAME},
    "ceil": lambda a: -floor(-a),
    "exp2": lambda a: sympy.Integer(2) ** a,
    "expm1": lambda a: sympy.exp(a) - 1,
    "floor": floor,
    "hypot": lambda a, b: sympy.sqrt(a**2 + b**2),
    "log10": lambda a: sympy.log(a) / sympy.log(10),
    "log1p": lambda a: sympy.log(1 + a),
    "log2": lambda a: sympy.log(a) / sympy.log(2),
    "logaddexp": _logaddexp,
    "maximum": _maximum,
    "minimum": _minimum,
    "reciprocal": lambda a: 1 / a,
    "round": rint,
    "sign": lambda a: sympy.Piecewise((1, a > 0), (-1, a < 0), (0, True)),
    "square": lambda a: a**2,
    "trunc": lambda a: _where(a >= 0, floor(a), -floor(-a)),
}
_OTHER_NAMES = {
    "absolute": "abs",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "true_divide": "divide",
}
INSTEAD = {
    "average": "xp.mean",
    "cbrt": "xp.sign(a) * xp.abs(a) ** (1 / 3)",
    "cdist": "xp.sqrt(((x - point) ** 2).sum(-1))",
    "einsum": "products and .sum(-1)",
    "erf": "xp.tanh(1.12838 * z + 0.10091 * z**3), within 4e-4, as NumPy has no erf",
    "erfc": "1 - xp.tanh(1.12838 * z + 0.10091 * z**3), within 4e-4, as NumPy has no erfc",
    "fabs": "xp.abs",
    "fmax": "xp.maximum",
    "fmin": "xp.minimum",
    "fmod": "a - b * xp.trunc(a / b)",
    "heaviside": "xp.where(a > 0, 1.0, 0.0)",
    "interp": "xp.where for each piece, as torch has no interp",
    "mod": "%",
    "power": "**",
    "piecewise": "xp.where, one in the other",
    "relu": "xp.maximum(a, 0.0)",
    "select": "xp.where, one in the other",
    "sigmoid": "1 / (1 + xp.exp(-a))",
    "sinc": "xp.sin(a) / a",
    "softplus": "xp.logaddexp(a, 0 * a)",
}
"""What to write for functions that are not in all of NumPy, torch and this module."""


# --- numbers and arrays


def elementwise(function: Callable[..., Any], kind: Callable[[Any], Any] = _number) -> Callable[..., Any]:
    """A function of expressions as one of symbols, numbers and arrays of them; its arguments pass through `kind`."""

    def of_symbols(*values: Any) -> Symbol:
        return Symbol(function(*(value if value is None else kind(_raw(value)) for value in values)))

    def apply(*values: Any) -> Any:
        found = np.frompyfunc(of_symbols, len(values), 1)(*map(plain, values))
        return found.view(Symbols) if isinstance(found, np.ndarray) else found

    return apply


def plain(value: Any) -> np.ndarray:
    """An array of objects, as NumPy's own functions take it."""
    if isinstance(value, (list, tuple)):
        return np.stack([plain(part) for part in value]) if value else np.empty(0, dtype=object)
    if isinstance(value, np.ndarray):
        return np.asarray(value).view(np.ndarray).astype(object)
    array = np.empty((), dtype=object)
    array[()] = value
    return array


_of_numbers = {name: elementwise(function) for name, function in {**_ARITHMETIC, **_COMPARISONS}.items()}
_of_conditions = {name: elementwise(function, _condition) for name, function in _LOGIC.items()}
_elementwise: dict[str, Callable[..., Any]] = {
    **_of_numbers,
    **_of_conditions,
    **{name: elementwise(function) for name, function in _FUNCTIONS.items()},
    "clip": elementwise(_clip),
}


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where a condition holds, and else `b`."""
    return _chosen(_asked(condition), a, b)


_asked = elementwise(lambda a: a, _condition)
_chosen = elementwise(lambda c, a, b: _where(c, _number(a), _number(b)), lambda a: a)

_BY_OPERATOR = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
}
_BY_COMPARISON = {
    "gt": "greater",
    "ge": "greater_equal",
    "lt": "less",
    "le": "less_equal",
    "eq": "equal",
    "ne": "not_equal",
}
_OF_UFUNC = {
    "absolute": "abs",
    "bitwise_and": "logical_and",
    "bitwise_or": "logical_or",
    "bitwise_xor": "logical_xor",
    "clip": "clip",
    "float_power": "pow",
    "invert": "logical_not",
    "power": "pow",
    **{name: name for name in (*_ARITHMETIC, *_COMPARISONS, "maximum", "minimum", "square", "reciprocal")},
}
"""NumPy's functions that operators and methods of arrays stand for."""


class _Arithmetic:
    """Operators that write down what they are given."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        out = options.pop("out", (None,))[0]
        if ufunc is np.matmul and method == "__call__":
            found = np.matmul(*map(plain, inputs)).view(Symbols)
        elif name not in _OF_UFUNC or method not in ("__call__", "reduce"):
            raise TypeError(f"np.{name} is of NumPy alone: write xp.{name}, or {INSTEAD.get(name, 'an operator')}")
        elif method == "reduce":
            found = _reduced(_elementwise[_OF_UFUNC[name]], inputs[0], options.get("axis", 0))
        else:
            found = _elementwise[_OF_UFUNC[name]](*inputs)
        if out is None:
            return found
        if not out.flags.writeable:
            raise TypeError("a law must leave its arguments as they are: write x = x + 1 for x += 1")
        np.asarray(out).view(np.ndarray)[...] = plain(found)
        return out

    def __bool__(self) -> bool:
        raise TypeError(
            "a coordinate stands for any number, so that a law cannot branch on it: write xp.where(condition, a, b) "
            "for `if`, & | ~ for `and` `or` `not`, xp.minimum and xp.maximum for min and max"
        )

    def __float__(self) -> float:
        raise TypeError(
            "a coordinate stands for any number and is no float: write functions of xp, as xp.exp for math.exp"
        )

    __int__ = __index__ = __complex__ = __float__


def _install() -> None:
    """Give `_Arithmetic` its operators."""

    def forward(name: str) -> Callable[..., Any]:
        return lambda self, other: _elementwise[name](self, other)

    def backward(name: str) -> Callable[..., Any]:
        return lambda self, other: _elementwise[name](other, self)

    for name, function in _BY_OPERATOR.items():
        setattr(_Arithmetic, f"__{name}__", forward(function))
        setattr(_Arithmetic, f"__r{name}__", backward(function))
    for name, function in _BY_COMPARISON.items():
        setattr(_Arithmetic, f"__{name}__", forward(function))
    for name, function in {"neg": "negative", "pos": "positive", "abs": "abs", "invert": "logical_not"}.items():
        setattr(_Arithmetic, f"__{name}__", functools.partialmethod(_elementwise[function]))


_install()


class Symbol(_Arithmetic):
    """A number, or a condition, given by its expression; it has what an array without axes has."""

    __slots__ = ("expression",)
    __hash__ = object.__hash__
    shape: tuple[int, ...] = ()
    ndim, size, dtype = 0, 1, np.dtype(object)

    def __init__(self, expression: Any):
        self.expression = expression

    def __getitem__(self, index: Any) -> Any:
        return plain(self).view(Symbols)[index]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(Symbols, name):
            raise AttributeError(f"a coordinate has no attribute {name!r}")
        return getattr(plain(self).view(Symbols), name)

    def __repr__(self) -> str:
        return str(self.expression)


class Symbols(_Arithmetic, np.ndarray):  # type: ignore[misc]
    """An array of symbols."""

    # NumPy's own methods would compare and cast the entries
    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """Sum over axes."""
        return _reduced(operator.add, self, axis, keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """Product over axes."""
        return _reduced(operator.mul, self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:  # type: ignore[override]
        """Mean over axes."""
        total = self.sum(axis, keepdims)
        return total * (np.size(total) / self.size)

    def clip(self, min: Any = None, max: Any = None) -> Any:  # type: ignore[override]
        """Each entry within bounds."""
        return _elementwise["clip"](self, min, max)

    def dot(self, other: Any) -> Any:  # type: ignore[override]
        """Matrix product."""
        return self @ other

    def var(self, *arguments: Any, **options: Any) -> Any:
        """Not defined alike in NumPy and torch."""
        raise TypeError("write (a**2).mean(-1) - a.mean(-1) ** 2, as torch's var and std divide by n - 1")

    std = var

    def max(self, *arguments: Any, **options: Any) -> Any:
        """Not the same in NumPy and torch."""
        raise TypeError("write xp.max(a, axis=-1) or xp.min(a, axis=-1), as torch's own methods give indices too")

    min = max


_OF_NOTHING = {operator.add: 0, operator.mul: 1}


def _reduced(function: Callable[[Any, Any], Any], array: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Fold axes of an array by a function of two entries."""
    entries = plain(array)
    axes = tuple(range(entries.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    for one in sorted((one % max(entries.ndim, 1) for one in axes), reverse=True):
        rows: Any = np.moveaxis(entries, one, 0).view(Symbols) if entries.ndim else [entries]
        if len(rows) == 0 and function in _OF_NOTHING:
            entries = np.full(rows.shape[1:], _OF_NOTHING[function], dtype=object)
        else:
            entries = plain(functools.reduce(function, rows))
        if keepdims:
            entries = np.expand_dims(entries, one)
    return entries.view(Symbols) if entries.ndim else entries[()]


# --- the namespace


class _LinearAlgebra:
    """`xp.linalg`."""

    def norm(self, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
        """Euclidean length."""
        return _elementwise["sqrt"](_reduced(operator.add, _elementwise["square"](x), axis, keepdims))

    vector_norm = norm

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the function xp.linalg.{name} is not among those that can be differentiated")


class Namespace:
    """The part of the array API that laws use: functions that NumPy and torch have too."""

    def __init__(self) -> None:
        names = {name: apply for name, apply in _elementwise.items() if name != "floor_divide"}
        names |= {other: _elementwise[name] for other, name in _OTHER_NAMES.items()}
        vars(self).update(names)
        self.pi, self.e = Symbol(sympy.pi), Symbol(sympy.E)
        self.where = where
        self.linalg = _LinearAlgebra()

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Sum over axes."""
        return plain(x).view(Symbols).sum(axis, keepdims)

    def prod(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Product over axes."""
        return plain(x).view(Symbols).prod(axis, keepdims)

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Mean over axes."""
        return plain(x).view(Symbols).mean(axis, keepdims)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Largest over axes."""
        return _reduced(_elementwise["maximum"], x, axis, keepdims)

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        """Smallest over axes."""
        return _reduced(_elementwise["minimum"], x, axis, keepdims)

    def stack(self, arrays: Sequence[Any], axis: int = 0) -> Any:
        """Join arrays along a new axis."""
        return np.stack([plain(a) for a in arrays], axis).view(Symbols)

    def concat(self, arrays: Sequence[Any], axis: int = 0) -> Any:
        """Join arrays along an axis."""
        return np.concatenate([plain(a) for a in arrays], axis).view(Symbols)

    concatenate = concat

    def zeros_like(self, x: Any) -> Any:
        """Zeros of the shape of an array."""
        return 0 * plain(x).view(Symbols)

    def ones_like(self, x: Any) -> Any:
        """Ones of the shape of an array."""
        return self.zeros_like(x) + 1

    def matmul(self, a: Any, b: Any) -> Any:
        """Matrix product."""
        return np.matmul(plain(a), plain(b)).view(Symbols)

    def __getattr__(self, name: str) -> Any:
        known = sorted({name for name in (*dir(self),) if not name.startswith("_")})
        close = difflib.get_close_matches(name, known, n=1)
        instead = INSTEAD.get(name) or (f"xp.{close[0]}" if close else None)
        hint = f"write {instead}" if instead else f"there are {', '.join(known)}"
        raise AttributeError(f"the function xp.{name} is not among those that can be differentiated; {hint}")


def coordinates(*shape: int, names: Sequence[Any]) -> Any:
    """An array of symbols that a law cannot overwrite."""
    array = plain([Symbol(name) for name in names]).reshape(shape).view(Symbols)
    array.flags.writeable = False
    return array


def expressions(value: Any) -> np.ndarray:
    """SymPy's expressions in what a law gave, numbers all of them."""
    entries = plain(value)
    found = np.empty(entries.shape, dtype=object)
    for index, entry in np.ndenumerate(entries):
        found[index] = _number(_raw(entry))
    return found


@functools.lru_cache(maxsize=1)
def namespace() -> Namespace:
    """The namespace, made once."""
    return Namespace()
