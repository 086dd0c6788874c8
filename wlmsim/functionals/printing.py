"""SymPy expressions printed as Python and compiled with Numba."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np


def compiled(name: str, arguments: str, unpack: list[str], expressions: list[Any], templates: list[str]) -> Any:
    """Print the expressions as scalar Python, sharing common parts, and compile the function with Numba."""
    import sympy
    from sympy.printing.pycode import PythonCodePrinter

    class Printer(PythonCodePrinter):
        def _print_Pow(self, power: Any, rational: bool = False, **options: Any) -> str:
            # half-integer powers by a square root, which the processor has
            if power.exp.is_Rational and power.exp.q == 2 and abs(power.exp) > 1:
                whole = int(power.exp - sympy.sign(power.exp) / 2)
                root = "*" if power.exp > 0 else "/"
                base = self._print(power.base)
                return f"(({base})**({whole}){root}sqrt({base}))"
            return super()._print_Pow(power, rational=rational, **options)

    printer = Printer({"fully_qualified_modules": False, "user_functions": {"floor": "floor", "rint": "rint"}})
    shared, reduced = sympy.cse(expressions, symbols=sympy.numbered_symbols("c"))
    lines = [*unpack]
    lines += [f"{symbol} = {printer.doprint(part)}" for symbol, part in shared]
    # float(): a constant law would otherwise compile to an integer function
    lines += [
        template.format(f"float({printer.doprint(part)})") for template, part in zip(templates, reduced, strict=True)
    ]
    return _of_source(name, f"def {name}({arguments}):\n    " + "\n    ".join(lines) + "\n")


@lru_cache(maxsize=1024)
def _of_source(name: str, source: str) -> Any:
    """The compiled function of a source, one for all laws of which it is printed."""
    import numba

    from wlmsim.kernels import elementary

    scope = {key: getattr(math, key) for key in dir(math) if not key.startswith("_")} | {
        "exp": elementary.exp,
        "rint": np.rint,
    }
    exec(compile(source, f"<law {name}>", "exec"), scope)
    return numba.njit(fastmath=True, error_model="numpy", forceinline=True)(scope[name])
