"""The house: imports point down only, in the order that CONTRIBUTING.md shows, and nowhere in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "wlmsim"


def _order() -> dict[str, int]:
    """Height of each room: the block ``text`` below the heading "The order of imports" has the highest first."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    block = page.split("### The order of imports", 1)[1].split("```text\n", 1)[1].split("```", 1)[0]
    rows = [line.split("#")[0].split() for line in block.strip().splitlines()]
    return {name: len(rows) - k for k, row in enumerate(rows) for name in row}


def _modules() -> dict[str, Path]:
    """Every module of the package by its name without ``wlmsim.``."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = _modules()
ORDER = _order()


def imports_of(module: str) -> Iterator[str]:
    """Modules that one imports anywhere: at the top, in functions, and for type checkers."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.removeprefix("wlmsim").lstrip(".") for name in node.names if _ours(name.name))
        elif isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            origin = (node.module or "").removeprefix("wlmsim").lstrip(".")
            for name in node.names:
                full = f"{origin}.{name.name}".lstrip(".")
                yield full if full in MODULES else origin


def _ours(name: str) -> bool:
    return name == "wlmsim" or name.startswith("wlmsim.")


def room(module: str) -> str:
    """The most particular name of the order that a module is in."""
    parts = module.split(".")
    names = [".".join(parts[:k]) for k in range(len(parts), 0, -1)]
    found = next((name for name in names if name in ORDER), None)
    assert found is not None, f"wlmsim.{module} has no place in the order of imports of CONTRIBUTING.md"
    return found


GRAPH = {module: set(imports_of(module)) - {module, ""} for module in MODULES if module}


def test_no_module_imports_another_in_a_circle():
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail("a circle of imports: " + " -> ".join(error.args[1]))


def test_imports_point_down_only():
    rooms = {module: room(module) for module in GRAPH}
    wrong = [
        f"{module} imports {other}"
        for module, others in GRAPH.items()
        for other in sorted(others)
        if rooms[module] != rooms[other] and ORDER[rooms[module]] <= ORDER[rooms[other]]
    ]
    assert not wrong, "imports that do not point down: " + "; ".join(wrong)


def test_every_room_of_the_order_exists():
    assert {room(module) for module in GRAPH} == set(ORDER)
