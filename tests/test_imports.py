"""`import wlmsim` is quick, its core needs no heavy package, and every public name is there."""

from __future__ import annotations

import importlib
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


def test_modules_of_visual_and_learn_are_loaded_when_used():
    assert loaded_by("import wlmsim as w; w.visual; w.learn; dir(w.visual); dir(w.learn)") & HEAVY == set()


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


@pytest.mark.parametrize(
    "module", ["", ".functionals", ".functionals.laws", ".systems", ".learn", ".io", ".visual", ".datasets"]
)
def test_public_names_resolve(module):
    package = importlib.import_module(f"wlmsim{module}")
    assert package.__all__ and len(set(package.__all__)) == len(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)


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
