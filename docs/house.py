"""The house as the code has it: its rooms, and what each imports. Drawn for docs/architecture.md, held by a test."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "wlmsim"
HEADING = "### The order of imports"

SMALL = 100
"""Rooms of fewer lines are not drawn, nor are those whose names begin with an underscore."""

Graph = dict[str, set[str]]


def order() -> dict[str, int]:
    """Height of each room: CONTRIBUTING.md lists the highest first."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = page.split(HEADING, 1)[1].split("```text\n", 1)[1].split("```", 1)[0]
    rows = [line.split("#")[0].split() for line in block.strip().splitlines()]
    return {name: len(rows) - k for k, row in enumerate(rows) for name in row}


def modules() -> dict[str, Path]:
    """Every module of the package by its name without ``wlmsim.``."""
    names = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports() -> Graph:
    """What each module imports of the package anywhere: at its top, in functions, and for type checkers."""
    known = modules()
    return {name: set(_imports_of(path, known)) - {name, ""} for name, path in known.items() if name}


def _imports_of(path: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.removeprefix("wlmsim").lstrip(".") for name in node.names if _ours(name.name))
        elif isinstance(node, ast.ImportFrom) and _ours(node.module or ""):
            origin = (node.module or "").removeprefix("wlmsim").lstrip(".")
            for name in node.names:
                full = f"{origin}.{name.name}".lstrip(".")
                yield full if full in known else origin


def _ours(name: str) -> bool:
    return name == "wlmsim" or name.startswith("wlmsim.")


def room(module: str, rooms: dict[str, int]) -> str:
    """The most particular room of the order that a module is in; `LookupError` if there is none."""
    parts = module.split(".")
    for k in range(len(parts), 0, -1):
        if (name := ".".join(parts[:k])) in rooms:
            return name
    raise LookupError(f"wlmsim.{module} has no place in the order of imports of CONTRIBUTING.md")


def arrows() -> Graph:
    """Which rooms each room imports from."""
    heights = order()
    found: Graph = {name: set() for name in heights}
    for module, others in imports().items():
        found[room(module, heights)] |= {room(other, heights) for other in others}
    return {name: others - {name} for name, others in found.items()}


def reached(graph: Graph) -> Graph:
    """All that each room leads to, one way or other."""
    found: Graph = {}
    for name in TopologicalSorter(graph).static_order():  # the lowest first
        found[name] = graph[name].union(*(found[other] for other in graph[name]))
    return found


def without_detours(graph: Graph) -> Graph:
    """The arrows of a graph without circles that do not follow from others (its transitive reduction)."""
    below = reached(graph)
    return {
        name: {other for other in others if not any(other in below[via] for via in others - {other})}
        for name, others in graph.items()
    }


def of_some(graph: Graph, kept: set[str]) -> Graph:
    """The graph of some rooms: from one to another where a way leads, be it through rooms that are left out."""
    below = reached(graph)
    return {name: below[name] & kept for name in graph if name in kept}


def sizes() -> dict[str, int]:
    """Lines of each room."""
    heights, lines = order(), defaultdict(int)
    for module, path in modules().items():
        if module:
            lines[room(module, heights)] += len(path.read_text(encoding="utf-8").splitlines())
    return lines


def draw(path: Path) -> None:
    """Draw the rooms on floors, each above all that it imports from, with the arrows that do not follow from others."""
    from matplotlib.figure import Figure
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    lines = sizes()
    graph = without_detours(of_some(arrows(), {name for name in lines if lines[name] >= SMALL and name[0] != "_"}))
    places = _places(graph)
    width = max(x for x, _ in places.values()) + 1
    height = max(y for _, y in places.values()) + 1
    figure = Figure(figsize=(1.75 * width, 0.78 * height), layout="constrained")
    ax = figure.subplots()
    for name, others in graph.items():
        for other in sorted(others):
            (x0, y0), (x1, y1) = places[name], places[other]
            ends = {"posA": (x0, y0 - 0.24), "posB": (x1, y1 + 0.26)}
            bend = f"arc3,rad={0.0 if y0 - y1 == 1 else 0.12 * (1 if x1 >= x0 else -1)}"
            style = {"arrowstyle": "-|>", "mutation_scale": 8, "linewidth": 0.8, "color": "#9aa3ad"}
            ax.add_patch(FancyArrowPatch(**ends, connectionstyle=bend, zorder=1, **style))
    for name, (x, y) in places.items():
        color = "#fbe3d3" if name.startswith("learn") else "#dfe8f3"
        box = FancyBboxPatch((x - 0.42, y - 0.22), 0.84, 0.44, boxstyle="round,pad=0,rounding_size=0.08")
        box.set(facecolor=color, edgecolor="#5b6570", linewidth=0.8, zorder=2)
        ax.add_patch(box)
        ax.text(x, y + 0.06, name, ha="center", va="center", fontsize=8.5, zorder=3)
        ax.text(x, y - 0.12, f"{lines[name]:,} lines", ha="center", va="center", fontsize=6, color="#5b6570", zorder=3)
    ax.set(xlim=(-0.55, width - 0.45), ylim=(-0.4, height - 0.55))
    ax.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _places(graph: Graph) -> dict[str, tuple[float, float]]:
    """Where rooms stand: a floor above the highest that they import from, near what they are connected to."""

    def floor(name: str) -> int:
        return 1 + max(map(floor, graph[name]), default=-1)

    floors: dict[int, list[str]] = defaultdict(list)
    for name in graph:
        floors[floor(name)].append(name)
    widest = max(map(len, floors.values()))
    x = {name: k - (len(row) - 1) / 2 for row in floors.values() for k, name in enumerate(row)}
    linked = {n: graph[n] | {other for other, others in graph.items() if n in others} for n in graph}
    for _ in range(30):
        for row in floors.values():
            wished = {name: sum(x[o] for o in linked[name]) / max(len(linked[name]), 1) for name in row}
            row.sort(key=wished.__getitem__)
            centre = sum(wished.values()) / len(row)
            most = (widest - 1) / 2 - (len(row) - 1) / 2
            centre = min(max(centre, -most), most)
            x |= {name: centre + k - (len(row) - 1) / 2 for k, name in enumerate(row)}
    left = min(x.values())
    return {name: (x[name] - left, float(k)) for k, row in floors.items() for name in row}


if __name__ == "__main__":
    draw(ROOT / "build" / "house.svg")
