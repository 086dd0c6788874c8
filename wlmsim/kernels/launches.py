"""Parallel loops that live through a fork, and through calls from several Python threads.

Two of Numba's threading layers end the process where they meet what they cannot do: GNU OpenMP, in a forked child, and
"workqueue", when two threads enter it at a time. Compiled code enters either through one function, to which Numba
gives a name when it starts the layer. Here that name is given to a guard, which enters the layer where it can, and
otherwise runs the whole loop on the calling thread. Loops are divided among as many shares either way, so that
results are the same to the bit.
"""

from __future__ import annotations

import ctypes
import os
import sys
from types import ModuleType
from typing import Any

from llvmlite import binding, ir
from numba.np.ufunc import parallel

FREE, BUSY = 0, 1
MODULES = {"omp": "omppool", "tbb": "tbbpool", "workqueue": "workqueue"}

_state = ctypes.c_int64(FREE)  # read and written by the guard
_kept: list[Any] = []  # the guard's machine code


def guard_launches() -> None:
    """Put the guard before the threading layer, now or once it is started, where the layer is in need of one."""
    if parallel._is_initialized:
        _guard(sys.modules[f"numba.np.ufunc.{MODULES[parallel.threading_layer()]}"])
        return
    load = getattr(parallel, "_load_threading_functions", None)
    if load is None:  # a later Numba, which starts layers in another way
        return

    def load_with_guard(layer: ModuleType) -> None:
        load(layer)
        parallel._load_threading_functions = load
        _guard(layer)

    parallel._load_threading_functions = load_with_guard


def _guard(layer: ModuleType) -> None:
    name = layer.__name__.rpartition(".")[2]
    unforkable = name == "omppool" and getattr(layer, "openmp_vendor", "GNU") == "GNU"
    if not unforkable and name != "workqueue":
        return
    engine = _compiled(_code(layer.parallel_for, one_at_a_time=not unforkable))
    _kept.append(engine)
    binding.add_symbol("numba_parallel_for", engine.get_function_address("guard"))
    if hasattr(os, "register_at_fork"):
        # another thread may have been in the layer at the fork, which starts "workqueue" anew
        os.register_at_fork(after_in_child=lambda: setattr(_state, "value", BUSY if unforkable else FREE))


def _code(enter: int, *, one_at_a_time: bool) -> str:
    """The guard of a layer that is entered at this address.

    It is entered with a loop (its body, arrays, numbers of turns, strides and data) and how to divide it. The body
    takes the same five, and all turns at a time as well as a share of them.
    """
    size, pointer = ir.IntType(8 * ctypes.sizeof(ctypes.c_size_t)), ir.IntType(8).as_pointer()
    body_type = ir.FunctionType(ir.VoidType(), [pointer] * 4)
    enter_type = ir.FunctionType(ir.VoidType(), [pointer] * 5 + [size, size, ir.IntType(32)])
    module = ir.Module("wlmsim.kernels.launches")
    guard = ir.Function(module, enter_type, "guard")
    code = ir.IRBuilder(guard.append_basic_block())
    word = ir.IntType(64)
    state = code.inttoptr(word(ctypes.addressof(_state)), word.as_pointer())
    if one_at_a_time:
        free = code.extract_value(code.cmpxchg(state, word(FREE), word(BUSY), "seq_cst"), 1)
    else:
        free = code.icmp_unsigned("==", code.load_atomic(state, "seq_cst", 8), word(FREE))
    with code.if_else(free) as (then, otherwise):
        with then:
            code.call(code.inttoptr(word(enter), enter_type.as_pointer()), guard.args)
            if one_at_a_time:
                code.store_atomic(word(FREE), state, "seq_cst", 8)
        with otherwise:
            code.call(code.bitcast(guard.args[0], body_type.as_pointer()), guard.args[1:5])
    code.ret_void()
    return str(module)


def _compiled(code: str) -> Any:
    machine = binding.Target.from_default_triple().create_target_machine()
    module = binding.parse_assembly(code)
    module.verify()
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine
