"""Several numbers at once: vectors for loops that the compiler does not turn into vector code well.

As many of float64 or of float32, as the arrays are that they are loaded from, as one register holds. The compiler
replaces a sum over j by vector instructions on its own, but knows no fast reciprocal square root in double precision,
and keeps no tile of a matrix product in registers. Here is that, with what a loop around it needs; the rest is ordinary
arithmetic, a number beside a vector standing for equal ones. Arrays must be contiguous, and padded to a multiple of the
lanes.
"""

from __future__ import annotations

import operator

import llvmlite.binding as llvm
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.cpython.unsafe.tuple import tuple_setitem
from numba.extending import intrinsic, lower_builtin, models, register_model

# compiled for this very processor, unless Numba is told otherwise
_NATIVE = config.CPU_NAME is None and config.CPU_FEATURES is None  # type: ignore[attr-defined]
_HAS_AVX512 = _NATIVE and bool(llvm.get_host_cpu_features().get("avx512f"))

# With vectors of two registers the sums of a loop would not stay in the sixteen that there are without AVX-512.
LANES = 8 if _HAS_AVX512 else 4
LANES_OF_SINGLES = 2 * LANES

_DOUBLE = ir.DoubleType()
_INDEX = ir.IntType(32)


class _Vector(types.Type):
    """The Numba type of as many numbers as one register holds (or two, where registers are shorter than with AVX2)."""

    def __init__(self, element, lanes):
        super().__init__(f"Lanes({element}, {lanes})")
        self.element, self.lanes = element, lanes

    @property
    def vector(self):
        return ir.VectorType(_DOUBLE if self.element == types.float64 else ir.FloatType(), self.lanes)


_vector, _singles = _Vector(types.float64, LANES), _Vector(types.float32, LANES_OF_SINGLES)
_of = {kind.element: kind for kind in (_vector, _singles)}


@register_model(_Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, numba_type):
        super().__init__(manager, numba_type, numba_type.vector)


def _constant(number, vector=_vector.vector):
    return ir.Constant(vector, [number] * vector.count)


def _spread(builder, value, vector=_vector.vector):
    """A vector as it is; a number in every lane."""
    if value.type == vector:
        return value
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(_INDEX, 0))
    places = ir.Constant(ir.VectorType(_INDEX, vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, undefined, places)


def _call(builder, name, result, *arguments, **flags):
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments, **flags)


def _define(operation, instruction):
    """Give vectors an operator: between two of them, and between one and a number."""
    pairs = [pair for k in _of.values() for pair in ((k, k, k), (k, k, k.element), (k, k.element, k))]

    class Operator(ConcreteTemplate):
        cases = [signature(*pair) for pair in pairs]  # noqa: RUF012

    def lower(context, builder, sig, arguments):
        a, b = (_spread(builder, value, sig.return_type.vector) for value in arguments)
        # products and sums may be contracted to fused multiply-adds
        return getattr(builder, instruction)(a, b, flags=("contract",))

    infer_global(operation)(Operator)
    for _, *operands in pairs:
        lower_builtin(operation, *operands)(lower)


for _operation, _instruction in (
    (operator.add, "fadd"),
    (operator.iadd, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
):
    _define(_operation, _instruction)


def _address(context, builder, array_type, array, index):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _of[array_type.dtype].vector.as_pointer())


@intrinsic
def zeros(typing):
    """A vector of zeros."""
    return _vector(), lambda context, builder, sig, arguments: _constant(0.0)


@intrinsic
def zeros_for(typing, axes):
    """A vector of zeros, of its type, for each entry of a tuple."""
    kind = types.UniTuple(_of[axes.dtype], len(axes))

    def lower(context, builder, sig, arguments):
        return context.make_tuple(builder, kind, [_constant(0.0, kind.dtype.vector)] * len(axes))

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
    """array[index : index + lanes] of a contiguous array."""

    def lower(context, builder, sig, arguments):
        return builder.load(_address(context, builder, sig.args[0], *arguments), align=array.dtype.bitwidth // 8)

    return _of[array.dtype](array, types.intp), lower


@intrinsic
def store(typing, array, index, value):
    """Write the vector `value` to array[index : index + 8], or + 16."""

    def lower(context, builder, sig, arguments):
        array, index, value = arguments
        place = _address(context, builder, sig.args[0], array, index)
        builder.store(value, place, align=sig.args[0].dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, _of[array.dtype]), lower


@intrinsic
def larger(typing, a, b):
    """The larger of two vectors' numbers, lane by lane."""

    def lower(context, builder, sig, arguments):
        return builder.select(builder.fcmp_ordered(">", *arguments), *arguments)

    return a(a, a), lower


@intrinsic
def total(typing, value):
    """Sum of the numbers of a vector."""

    def lower(context, builder, sig, arguments):
        start = ir.Constant(_DOUBLE, -0.0)
        return _call(builder, f"llvm.vector.reduce.fadd.v{LANES}f64", _DOUBLE, start, *arguments, fastmath=("reassoc",))

    return types.float64(_vector), lower


_HALF_EXPONENT = 0x5FE6EB50C7B537A9
"""Bits of which half of those of a number are subtracted for the inverse of its root, to 3.5%."""
_CORRECTION = 0.37522808, 0.5010952, 1.00000085
"""Coefficients of e^2, e and 1 in the polynomial nearest to (1 - e)^(-1/2) where |e| < 0.07."""


@intrinsic
def rsqrt_seed(typing, value):
    """1 / sqrt(value), to 14 bits at least: the processor's estimate where it has one.

    Elsewhere half of the exponent, taken from the bits, and one cubic step: a quarter faster for pairs in space
    than root and quotient, for which AVX2 has one slow unit (C. Lomont, Fast inverse square root, 2003).
    """

    def lower(context, builder, sig, arguments):
        (value,) = arguments
        if _HAS_AVX512:
            every = ir.Constant(ir.IntType(8), -1)
            return _call(builder, "llvm.x86.avx512.rsqrt14.pd.512", _vector.vector, value, _constant(0.0), every)
        words = ir.VectorType(ir.IntType(64), LANES)
        halved = builder.lshr(builder.bitcast(value, words), ir.Constant(words, [1] * LANES))
        seed = builder.bitcast(builder.sub(ir.Constant(words, [_HALF_EXPONENT] * LANES), halved), _vector.vector)
        product = builder.fmul(value, builder.fmul(seed, seed), flags=("contract",))
        error = builder.fsub(_constant(1.0), product, flags=("contract",))
        correction = _constant(_CORRECTION[0])
        for coefficient in _CORRECTION[1:]:
            correction = builder.fadd(
                builder.fmul(correction, error, flags=("contract",)), _constant(coefficient), flags=("contract",)
            )
        return builder.fmul(seed, correction)

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


@njit(error_model="numpy", cache=True)
def product(tile, lanes, weights, count, x, out):
    """Sum over the first `count` rows i of weights[i, o] x[i], for each o; x and out are flat rows of `lanes` numbers.

    As many outputs as `tile`, a tuple of zeros, has entries are held in registers; the outputs are a multiple of it.
    """
    for first in range(0, weights.shape[1], len(tile)):
        sums = zeros_for(tile)
        for i in range(count):
            row = load(x, i * lanes)
            for k in range(len(tile)):
                sums = tuple_setitem(sums, k, sums[k] + weights[i, first + k] * row)
        for k in range(len(tile)):
            store(out, (first + k) * lanes, sums[k])
