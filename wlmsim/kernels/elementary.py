"""Exponential, logarithm and power as plain arithmetic, which the compiler turns into vector instructions.

Those of the mathematical library are called for one number at a time, and a loop that calls them is not vectorised.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

# 1 / k! for k = 13, 12, ... 0
_FACTORIALS = tuple(1.0 / math.factorial(k) for k in range(13, -1, -1))
# log(2)^k / k! for k = 7, 6, ... 0
_OF_TWO = tuple(np.float32(math.log(2) ** k / math.factorial(k)) for k in range(7, -1, -1))
_LEAST, _MOST = np.float32(-126), np.float32(127)
# 1 / (2 k + 1) for k = 10, 9, ... 0
_ODD = tuple(1.0 / (2 * k + 1) for k in range(10, -1, -1))


@intrinsic
def _float_of_bits(typing_context, bits):
    def lower(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), lower


@intrinsic
def _single_of_bits(typing_context, bits):
    def lower(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), lower


@intrinsic
def _bits_of_float(typing_context, number):
    def lower(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(64))

    return types.int64(types.float64), lower


@njit(fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True, cache=True)
def exp(x):
    """e^x to 2 units in the last place; 0 below -708, and e^709 above 709."""
    bounded = min(max(x, -708.0), 709.0)
    # e^x = 2^n e^r with |r| < 0.35; log 2 in two parts, so that n log 2 is exact
    n = np.rint(bounded * 1.4426950408889634)
    r = (bounded - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    series = _FACTORIALS[0]
    for factor in _FACTORIALS[1:]:
        series = series * r + factor
    return series * _float_of_bits((np.int64(n) + 1023) << 52) if x >= -708.0 else 0.0


@njit(fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True, cache=True)
def exp2(x):
    """2^x of a float32 to 2 units in the last place; 0 below -126, and 2^127 above 127."""
    bounded = min(max(x, _LEAST), _MOST)
    n = np.rint(bounded)
    r = bounded - n
    series = _OF_TWO[0]
    for factor in _OF_TWO[1:]:
        series = series * r + factor
    return (
        series * _single_of_bits(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))
        if x >= _LEAST
        else np.float32(0)
    )


@njit(fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True, cache=True)
def log(x):
    """Natural logarithm of a normal positive number, to 2 units in the last place where it exceeds 1 in size."""
    bits = _bits_of_float(x)
    # x = 2^n m with m from sqrt(1/2) to sqrt(2), whose bits begin at the number subtracted
    n = (bits - 0x3FE6A09E667F3BCD) >> 52
    m = _float_of_bits(bits - (n << 52))
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    series = _ODD[0]
    for factor in _ODD[1:]:
        series = series * square + factor
    return n * 0.6931471805599453 + 2.0 * s * series


@njit(fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True, cache=True)
def power(x, exponent):
    """x^exponent for a normal positive x."""
    return exp(exponent * log(x))
