"""Write the reference's tables of contents, so that a name is documented on the day it is exported."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path

from sphinx.pycode import ModuleAnalyzer

import wlmsim

# A page: its title, what it is about, and its groups; a group is a heading, or none, and where its names come from.
PAGES: dict[str, tuple[str, str, list[tuple[str, list[str]]]]] = {
    "populations": (
        "Populations in time",
        "Clouds of particles: at one time, at many with identities, at many without.",
        [("", ["data.population", "data.trajectory", "data.snapshots", "data.tracks", "data.standardisation"])],
    ),
    "mechanics": (
        "Mechanics",
        "A Lagrangian is a sum of functionals and a dissipation; a flow is first order. `simulate` runs either.",
        [
            ("Laws of motion", ["mechanics.lagrangian", "mechanics.flow", "mechanics.magnetic"]),
            ("Dissipation", ["mechanics.dissipation", "mechanics.boid_rules"]),
            ("Flows of the plane", ["mechanics.incompressible"]),
            ("Running it", ["simulation.run"]),
            ("Along a run", ["simulation.observables", "simulation.events", "simulation.walls", "data.observations"]),
        ],
    ),
    "functionals": (
        "Functionals",
        "What the potential energy of a population is made of; they add with ``+``.",
        [("", ["functionals", "functionals.between", "functionals.first_variation"])],
    ),
    "laws": (
        "Laws",
        "The classics by name, for `External`, `Pairwise` and `StreamFlow`: ``wls.laws.Morse(c=1.5, l=0.5)``.",
        [("", ["functionals.laws"])],
    ),
    "integrators": (
        "Integrators",
        "Time-stepping schemes, for ``simulate(..., integrator=...)``.",
        [("", ["integrators"])],
    ),
    "systems": (
        "Systems",
        "A Lagrangian, a way to draw its initial population, and an exact solution where one exists.",
        [("", ["systems", "systems.sweeps"])],
    ),
    "quantum": ("Quantum mechanics", "Waves on grids, and the flow that they carry.", [("", ["quantum"])]),
    "learn": (
        "Learning",
        "The Lagrangian of a population, learned from snapshots.",
        [("", ["learn"]), ("Recipes", ["learn.recipes"]), ("Single cells", ["learn.cells"])],
    ),
    "evaluation": (
        "Scores and distances",
        "Forecasts beside the naive baselines, and distances between clouds.",
        [
            ("Scores", ["evaluation"]),
            ("Optimal transport, growth and noise", ["transport"]),
        ],
    ),
    "visual": ("Pictures", "Films, scenes and plots.", [("", ["visual"])]),
    "io": ("Files", "Everything that is read or written.", [("", ["io"])]),
    "datasets": ("Data sets", "Public data by name, and their synthetic twins.", [("", ["datasets"])]),
    "citing": ("Citing", "What to cite, as BibTeX; models have `citation` too.", [("", ["citing"])]),
    "errors": ("Errors", "What can be raised or warned of.", [("", ["errors"])]),
}


def write(folder: Path) -> None:
    """Write a page for each of `PAGES`, and the page that lists them."""
    folder.mkdir(exist_ok=True)
    written = set()
    for name, (title, about, groups) in PAGES.items():
        parts = [_heading(title, "="), about]
        for heading, modules in groups:
            if heading:
                parts.append(_heading(heading, "-"))
            names = sorted({full for module in modules for full in _public(module)}, key=lambda x: x.rpartition(".")[2])
            written |= set(names)
            entries = "\n".join(f"   {full}" for full in names)
            parts.append(f".. autosummary::\n   :toctree: generated\n\n{entries}")
        _update(folder / f"{name}.rst", "\n\n".join(parts) + "\n")
    for page in (folder / "generated").glob("*.rst"):
        if page.stem not in written:
            page.unlink()  # the name is gone
    listed = "\n".join(f"   {name}" for name in PAGES)
    parts = [
        _heading("Reference", "="),
        "Every public name. ``import wlmsim as wls`` gives them all; heavy packages are loaded when they are used.",
        f".. toctree::\n   :maxdepth: 1\n\n{listed}",
    ]
    _update(folder / "index.rst", "\n\n".join(parts) + "\n")


def _public(module: str) -> list[str]:
    """Full names of what a module offers, each by the shortest way to it."""
    room = importlib.import_module(f"wlmsim.{module}")
    listed = getattr(room, "__all__", None)
    if (names := listed) is None:
        own = [(k, x) for k, x in vars(room).items() if callable(x) and getattr(x, "__module__", "") == room.__name__]
        names = [name for name, value in own if not name.startswith("_") and hasattr(value, "__name__")]
    at_hand = getattr(wlmsim, module.rpartition(".")[2], None) is room  # such as wlmsim.events of wlmsim.simulation
    reached = at_hand or listed is not None or module.partition(".")[0] in wlmsim.__all__
    found = []
    for name in names:
        value = getattr(room, name)
        if inspect.ismodule(value):
            continue
        if not callable(value):
            found.append(f"{_home(room.__name__, name)}.{name}")
            continue
        at_top = name in wlmsim.__all__ and getattr(wlmsim, name) is value
        if at_top or reached:
            found.append(f"wlmsim.{name}" if at_top else f"wlmsim.{module}.{name}")
    return found


def _home(package: str, name: str) -> str:
    """Find the module in which a constant is documented, by the string below it."""
    for module in sorted(sys.modules):
        if module.startswith(f"{package}.") and ("", name) in ModuleAnalyzer.for_module(module).find_attr_docs():
            return module
    raise LookupError(f"{package}.{name} has no docstring")


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def _update(path: Path, text: str) -> None:
    """Touch only what changed, so that a second build is quick."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
