"""`import wlmsim` is quick, its core needs no heavy package, and every public name is there."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import wlmsim as wls

HEAVY = {"anndata", "h5py", "imageio", "matplotlib", "numba", "ot", "pandas", "pyvista", "scipy", "sympy", "torch"}


def loaded_by(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter loads for some code."""
    report = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    )
    lines = [line for line in report.stderr.splitlines() if line.startswith("import time:")]
    return {line.split("|")[-1].strip().split(".")[0] for line in lines}


def test_import_is_light():
    assert "wlmsim" in (loaded := loaded_by("import wlmsim"))
    assert loaded & (HEAVY | {"numpy", "rich"}) == set()


def test_core_names_load_neither_compilers_nor_torch():
    names = ["Lagrangian", "Population", "SnapshotSeries", "Trajectory", "simulate", "Pairwise", "Friction", "Leapfrog"]
    code = (
        "import wlmsim as w; " + "; ".join(f"w.{name}" for name in names) + "; w.systems.Boids; w.datasets; w.transport"
    )
    assert loaded_by(code) & HEAVY == set()


def test_a_simulation_loads_neither_torch_nor_graphics():
    code = (
        "import wlmsim as w; path = w.systems.HarmonicOscillator(5, seed=0).simulate([0, 1]); "
        "path.energy(); w.systems.Boids(5, seed=0).simulate([0, 1]).snapshots(0.5, seed=0)"
    )
    loaded = loaded_by(code)
    assert "numba" in loaded  # or this test would see nothing
    assert loaded & {"torch", "pyvista", "matplotlib", "ot", "h5py"} == set()


@pytest.mark.parametrize(
    "command", ["forecast no.model d.h5 -o f.h5", "evaluate no.model d.h5", "annotate no.model c.h5ad -o d.h5ad"]
)
def test_a_model_that_is_missing_is_missed_without_torch(command):
    """Which takes seconds to load."""
    code = f"""
    import sys, typer
    from wlmsim.cli import app
    try:
        app({command.split()!r})
    except SystemExit as end:
        assert end.code == 1
    """
    assert "torch" not in loaded_by(textwrap.dedent(code))


def test_modules_of_visual_and_learn_are_loaded_when_used():
    assert loaded_by("import wlmsim as w; w.visual; w.learn; dir(w.visual); dir(w.learn)") & HEAVY == set()


@pytest.mark.slow
def test_learning_needs_neither_pot_nor_graphics():
    """Where they are missing, as on a bare machine with a GPU; only plans between clouds of unequal size need POT."""
    code = """
        import sys
        for name in ("ot", "pyvista", "vtk", "vtkmodules", "matplotlib", "imageio", "pooch", "pandas", "anndata"):
            sys.modules[name] = None  # importing it fails
        import numpy as np
        import wlmsim as wls
        data = wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 1, 4)).snapshots(seed=0)
        past, future = data.split(at=0.5)
        terms = wls.learn.ExternalPotential((8,)) + wls.learn.PairPotential(1.0)
        quick = {"optimiser": wls.learn.AdamW(steps=2), "members": 1, "progress": False}
        model = wls.learn.WLM(terms, **quick).fit(past)
        assert np.isfinite(model.forecast(past[-1], times=future.times).positions).all()
        assert model.evaluate(future, start=past[-1]).mean["WLM"] > 0
        few = wls.SnapshotSeries([0, 1], [past[0].positions, past[1].positions[:9]], [past[0].velocities, None])
        for loss in ("sliced", "sinkhorn", "energy"):
            assert np.isfinite(wls.learn.WLM(loss=loss, **quick).fit(few).losses_).all()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)


PACKAGES = ["", ".functionals", ".functionals.laws", ".integrators", ".systems", ".quantum"]
PACKAGES += [".learn", ".io", ".visual", ".datasets", ".simulation.observables", ".simulation.events"]


@pytest.mark.parametrize("module", PACKAGES)
def test_public_names_resolve(module):
    package = importlib.import_module(f"wlmsim{module}")
    assert package.__all__ and len(set(package.__all__)) == len(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)


def is_slow(node: ast.AST) -> bool:
    """Whether all of a test, of a class or of a file is marked so."""
    if isinstance(node, ast.Module):
        return any(ast.unparse(line) == "pytestmark = pytest.mark.slow" for line in node.body)
    return any(ast.unparse(mark) == "pytest.mark.slow" for mark in getattr(node, "decorator_list", []))


def words(node: ast.AST) -> set[str]:
    """The names in code, but for those in slow tests."""
    if is_slow(node):
        return set()
    own = [getattr(node, field, None) for field in ("id", "attr", "name")]
    inner = [words(child) for child in ast.iter_child_nodes(node)]
    return {name for name in own if isinstance(name, str)}.union(*inner)


@pytest.fixture(scope="module")
def tested() -> set[str]:
    """What the tests that are not slow name, and what tests/conformance.py finds by itself."""
    from tests import conformance

    files = [*Path(conformance.__file__).parent.rglob("test_*.py"), Path(conformance.__file__)]
    named = set[str]().union(*(words(ast.parse(file.read_text(encoding="utf-8"))) for file in files))
    kinds = ("FUNCTIONALS", "LAWS", "DISSIPATIONS", "INTEGRATORS", "SYSTEMS")
    return named | {cls.__name__ for kind in kinds for cls in getattr(conformance, kind)}


@pytest.mark.parametrize("module", [*PACKAGES, ".transport", ".evaluation"])
def test_tests_that_are_not_slow_use_every_public_name(module, tested):
    """So that `make test`, which leaves out the slow ones, still shows whether something no longer works."""
    package = importlib.import_module(f"wlmsim{module}")
    defined = [
        n for n, value in vars(package).items() if inspect.isfunction(value) and value.__module__ == package.__name__
    ]
    public = {name for name in getattr(package, "__all__", defined) if not name.startswith("_")}
    names = {name for name in public if not inspect.ismodule(getattr(package, name))}
    assert names and names - tested == set()


def test_words_of_slow_tests_do_not_count():
    code = "import pytest\n{mark}\ndef test(): wls.film()"
    assert "film" in words(ast.parse(code.format(mark="")))
    assert "film" not in words(ast.parse(code.format(mark="@pytest.mark.slow")))
    assert "film" not in words(ast.parse(code.format(mark="pytestmark = pytest.mark.slow")))


def test_unknown_names_are_refused():
    with pytest.raises(AttributeError, match="Newtonian"):
        getattr(wls, "Newtonian")  # noqa: B009


@pytest.mark.parametrize(
    ("module", "name", "meant"),
    [
        ("", "Lagrangain", "Lagrangian"),
        (".learn", "PairPotentail", "PairPotential"),
        (".systems", "Boid", "Boids"),
        (".laws", "Lennard_Jones", "LennardJones"),
    ],
)
def test_python_says_which_name_was_meant(module, name, meant):
    code = f"import wlmsim; wlmsim{module}.{name}"
    report = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr
    assert f"has no attribute '{name}'" in report and f"Did you mean: '{meant}'?" in report


def test_the_package_says_that_it_is_typed():
    assert (Path(wls.__file__).parent / "py.typed").is_file()


def test_every_module_can_be_imported_and_says_what_it_is():
    for module in pkgutil.walk_packages(wls.__path__, "wlmsim."):
        if module.name != "wlmsim.__main__":  # which runs the command line
            assert importlib.import_module(module.name).__doc__, module.name


def test_version():
    assert wls._version()[0].isdigit()
