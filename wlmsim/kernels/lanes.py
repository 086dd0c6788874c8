"""Eight numbers at once: vectors of float64 for loops that the compiler does not turn into vector code well.

The compiler replaces a sum over j by vector instructions on its own, but knows no fast reciprocal square root in
double precision. Here it is, with what a loop around it needs; the rest is ordinary arithmetic, a number beside a
vector standing for eight equal ones. Arrays must be contiguous, and padded to a multiple of `LANES`.
"""

from __future__ import annotations

import operator

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

LANES = 8

_DOUBLE = ir.DoubleType()
_VECTOR = ir.VectorType(_DOUBLE, LANES)
_INDEX = ir.IntType(32)


class _Vector(types.Type):
    """The Numba type of eight float64 in one register (two or four, where registers are shorter)."""

    def __init__(self):
        super().__init__("Lanes")


_vector = _Vector()


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, _VECTOR)


def _constant(number):
    return ir.Constant(_VECTOR, [number] * LANES)


def _spread(builder, value):
    """A vector as it is; a number in every lane."""
    if value.type == _VECTOR:
        return value
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INDEX, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(_INDEX, LANES), [0] * LANES))


def _call(builder, name, result, *arguments, **flags):
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments, **flags)


def _define(operation, instruction):
    """Give vectors an operator: between two of them, and between one and a number."""
    pairs = [(_vector, _vector), (_vector, types.float64), (types.float64, _vector)]

    class Operator(ConcreteTemplate):
        cases = [signature(_vector, *pair) for pair in pairs]  # noqa: RUF012

    def lower(context, builder, sig, arguments):
        a, b = (_spread(builder, value) for value in arguments)
        # products and sums may be contracted to fused multiply-adds
        return getattr(builder, instruction)(a, b, flags=("contract",))

    infer_global(operation)(Operator)
    for pair in pairs:
        lower_builtin(operation, *pair)(lower)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.iadd, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
):
    _define(_operation, _instruction)


def _address(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTOR.as_pointer())


@intrinsic
def zeros(typing):
    """Eight zeros."""
    return _vector(), lambda context, builder, sig, arguments: _constant(0.0)


@intrinsic
def zeros_for(typing, axes):
    """A vector of zeros for each entry of a tuple."""
    kind = types.UniTuple(_vector, len(axes))

    def lower(context, builder, sig, arguments):
        return context.make_tuple(builder, kind, [_constant(0.0)] * len(axes))

    return kind(axes), lower


@intrinsic
def where_below(typing, limit, compared, value):
    """`value`, a vector or a number, in the lanes where `compared` is below a number, and elsewhere 0."""

    def lower(context, builder, sig, arguments):
        limit, compared, value = (_spread(builder, argument) for argument in arguments)
        # -0 is what changes no sum, so that addition and choice are one instruction
        return builder.select(builder.fcmp_ordered("<", compared, limit), value, _constant(-0.0))

    return _vector(types.float64, _vector, value), lower


@intrinsic
def load(typing, array, index):
    """array[index : index + 8], of a contiguous float64 array."""

    def lower(context, builder, sig, arguments):
        return builder.load(_address(context, builder, sig.args[0], *arguments), align=8)

    return _vector(array, types.intp), lower


@intrinsic
def store(typing, array, index, value):
    """Write the vector `value` to array[index : index + 8]."""

    def lower(context, builder, sig, arguments):
        array, index, value = arguments
        builder.store(value, _address(context, builder, sig.args[0], array, index), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _vector), lower


@intrinsic
def total(typing, value):
    """Sum of the eight numbers."""

    def lower(context, builder, sig, arguments):
        start = ir.Constant(_DOUBLE, -0.0)
        return _call(builder, "llvm.vector.reduce.fadd.v8f64", _DOUBLE, start, *arguments, fastmath=("reassoc",))

    return types.float64(_vector), lower


# compiled for this very processor, unless Numba is told otherwise
_NATIVE = config.CPU_NAME is None and config.CPU_FEATURES is None  # type: ignore[attr-defined]
_HAS_SEED = _NATIVE and bool(llvm.get_host_cpu_features().get("avx512f"))


@intrinsic
def rsqrt_seed(typing, value):
    """1 / sqrt(value), to 14 bits at least: the processor's estimate where it has one, or the quotient itself."""

    def lower(context, builder, sig, arguments):
        (value,) = arguments
        if _HAS_SEED:
            every = ir.Constant(ir.IntType(8), -1)
            return _call(builder, "llvm.x86.avx512.rsqrt14.pd.512", _VECTOR, value, _constant(0.0), every)
        return builder.fdiv(_constant(1.0), _call(builder, "llvm.sqrt.v8f64", _VECTOR, value))

    return _vector(_vector), lower


@njit(cache=True)
def inverse_cube(r2):
    """r2^(-3/2), to rounding error.

    With the estimate s of 1 / sqrt(r2) and its error e = 1 - r2 s^2, of 13 bits, it is s^3 (1 - e)^(-3/2); the
    series stops at e^3, the first term left out is e^4 315/128 < 1e-15.
    """
    s = rsqrt_seed(r2)
    square = s * s
    e = 1.0 - r2 * square
    cube = s * square
    return cube + cube * (e * (1.5 + e * (1.875 + e * 2.1875)))


@njit(cache=True)
def inverse_root(r2):
    """r2^(-1/2), to rounding error; see `inverse_cube`."""
    s = rsqrt_seed(r2)
    e = 1.0 - r2 * (s * s)
    return s + s * (e * (0.5 + e * (0.375 + e * 0.3125)))
