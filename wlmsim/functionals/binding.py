"""Loops of `wlmsim.kernels` over a law, as modules of their own that Numba can keep on disk.

Numba keeps nothing of a loop that takes a compiled function as an argument. So the text of the kernels is taken, and
the functions of the law stand in it as what they are: functions that the loops know by name.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from wlmsim.functionals import modules
from wlmsim.functionals.printing import HEAD, Printed

OF_LAWS = frozenset(
    "value gradient derivative adjoint vector field further magnetic advance kick thrust".split()  # noqa: SIM905
)
"""Names of the arguments of kernels that are functions: of a law, made of some, or of a scheme."""


@lru_cache(maxsize=1024)
def bound(loop: Callable[..., Any], *functions: Printed) -> Callable[..., Any]:
    """A loop over a law: it takes what the loop takes, but for the functions.

    Parameters
    ----------
    loop : callable
        A compiled function of a module of `wlmsim.kernels`.
    *functions : Printed
        Those of the law that the loop takes.

    Returns
    -------
    callable
        Compiled once for all laws that are printed alike.
    """
    parts = [HEAD, *(function.text for function in functions), text_of(loop.__module__)]
    return getattr(modules.kept("\n".join(parts)), loop.__name__)


@lru_cache(maxsize=16)
def text_of(module: str) -> str:
    """Text of a module of kernels whose functions find those of the law by name."""
    tree = _Binding().visit(ast.parse(inspect.getsource(sys.modules[module])))
    # a future statement would have to come first
    tree.body = [part for part in tree.body if getattr(part, "module", None) != "__future__"]
    return ast.unparse(tree)


class _Binding(ast.NodeTransformer):
    """Takes functions of laws out of the arguments of definitions and calls, and lets Numba keep what it compiles."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.args.args = [argument for argument in node.args.args if argument.arg not in OF_LAWS]
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call):
                others = [keyword for keyword in decorator.keywords if keyword.arg != "cache"]
                decorator.keywords = [*others, ast.keyword("cache", ast.Name("CACHE"))]
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        node.args = [part for part in node.args if not (isinstance(part, ast.Name) and part.id in OF_LAWS)]
        return self.generic_visit(node)
