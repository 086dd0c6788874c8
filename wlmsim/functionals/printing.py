"""SymPy expressions printed as Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from wlmsim.functionals import modules

HEAD = """from math import *

from numba import njit
from numpy import rint

from wlmsim.kernels.elementary import exp
"""
"""What the text of functions reads."""


def printed(name: str, arguments: str, unpack: list[str], expressions: list[Any], templates: list[str]) -> Printed:
    """Print expressions as a function of numbers, sharing common parts."""
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
    body = "\n    ".join(lines)
    decorator = '@njit(fastmath=True, error_model="numpy", forceinline=True, cache=CACHE)'
    return Printed(name, f"{decorator}\ndef {name}({arguments}):\n    {body}\n")


@dataclass(frozen=True)
class Printed:
    """The text that defines a compiled function of numbers; see `wlmsim.functionals.binding` for its use."""

    name: str
    text: str

    @classmethod
    def imported(cls, function: Callable[..., Any]) -> Printed:
        """A function that stands in a module."""
        return cls(function.__name__, f"from {function.__module__} import {function.__name__}\n")

    def __call__(self, *arguments: Any) -> Any:
        """Call the compiled function."""
        return _compiled(self)(*arguments)


@lru_cache(maxsize=256)
def _compiled(function: Printed) -> Callable[..., Any]:
    return getattr(modules.kept(f"{HEAD}\n{function.text}"), function.name)
