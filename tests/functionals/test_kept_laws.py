"""Compiled laws stay on disk: the next process loads them."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.functionals import modules, tracing
from wlmsim.functionals.binding import bound
from wlmsim.kernels import laws

ROOT = Path(wls.__file__).parents[1]
X, W = np.array([[0.3, -0.2], [1.0, 0.5]]), np.full(2, 0.5)

SCRIPT = """
import numpy as np, wlmsim as wls
from wlmsim.functionals import tracing
from wlmsim.functionals.binding import bound
from wlmsim.kernels import laws, short_range
k = {k}
x, w = np.array([[0.3, -0.2], [1.0, 0.5]]), np.full(2, 0.5)
well = wls.External(lambda x, xp: 0.5 * k * (x**2).sum(-1) + xp.exp(-x[..., 0]))
near = wls.Pairwise(lambda r, xp: k * xp.exp(-r), cutoff=2.0)
print(well.force(x, w).tolist(), near.force(x, w).tolist())
law, pair = tracing.compile_external(well.law, 2), tracing.compile_radial(near.law)
used = [bound(laws.external_force, law.gradient), bound(laws.value_and_slope, pair.value, pair.gradient)]
for kind in ("cache_hits", "cache_misses"):
    print(sum(sum(getattr(loop.stats, kind).values()) for loop in used))
"""


def run(folder, k=1.0):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    script = SCRIPT.format(k=k)
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert not found.returncode, found.stderr
    forces, *counts = found.stdout.splitlines()
    return forces, tuple(map(int, counts))


@pytest.mark.slow
def test_the_next_process_compiles_nothing_whatever_the_constants(tmp_path):
    first, counts = run(tmp_path)
    assert counts == (0, 2)
    kept = sorted((tmp_path / "wlmsim" / "laws").glob("*.py"))
    assert run(tmp_path) == (first, (2, 0))
    other, counts = run(tmp_path, k=2.5)
    assert counts == (2, 0)
    assert other != first
    assert sorted((tmp_path / "wlmsim" / "laws").glob("*.py")) == kept


@pytest.fixture
def fresh():
    """Laws are bound anew, before and after."""
    for cache in (bound, modules.usable_folder):
        cache.cache_clear()
    yield
    for cache in (bound, modules.usable_folder):
        cache.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_without_a_folder_laws_are_compiled_with_one_notice(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(modules, "folder", lambda: tmp_path / "file" / "laws")
    well = wls.External(lambda x, xp: 0.75 * (x**2).sum(-1) + 0.1 * x[..., 0])
    with pytest.warns(RuntimeWarning, match="compiled laws cannot be kept.*set NUMBA_CACHE_DIR"):
        force = well.force(X, W)
    np.testing.assert_allclose(force, -1.5 * X - [0.1, 0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert well.energy(X, W) == pytest.approx((0.75 * (X**2).sum(-1) + 0.1 * X[:, 0]) @ W)


@pytest.mark.usefixtures("fresh")
def test_a_module_is_made_for_each_form_and_never_rewritten(tmp_path, monkeypatch):
    monkeypatch.setattr(modules, "folder", lambda: tmp_path)
    functions = [tracing.compile_external(law, 2).gradient for law in (bowl, bowl_of_another_depth, saddle)]
    for gradient in functions:
        bound(laws.external_force, gradient)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.py")}
    assert len(files) == 2
    bound.cache_clear()
    bound(laws.external_force, functions[0])
    assert files == {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.py")}


@pytest.mark.usefixtures("fresh")
def test_those_used_longest_ago_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(modules, "folder", lambda: tmp_path)
    monkeypatch.setattr(modules, "MOST", 3)
    used, kept = iter(range(1, 100)), {}
    monkeypatch.setattr(modules.time, "time_ns", lambda: 10**9 * next(used))

    def use(k):
        kept[k] = Path(modules.kept(f"NUMBER = {k}\n").__file__)
        return {number for number, path in kept.items() if path.exists()}

    for k in range(3):
        assert use(k) == set(range(k + 1))
        for suffix in (".f-1.py311.nbi", ".f-1.py311.1.nbc"):
            (tmp_path / "__pycache__").mkdir(exist_ok=True)
            (tmp_path / "__pycache__" / (kept[k].stem + suffix)).write_text("")
    changed = kept[0].stat().st_mtime_ns
    assert use(0) == {0, 1, 2} and kept[0].stat().st_mtime_ns == changed
    assert use(3) == {0, 2, 3}
    assert use(1) == {0, 1, 3}
    assert {path.name.partition(".")[0] for path in (tmp_path / "__pycache__").glob("*.nb?")} == {kept[0].stem}
    assert not list(tmp_path.glob("*.part"))


def bowl(x, xp):
    return 1.5 * (x**2).sum(-1)


def bowl_of_another_depth(x, xp):
    return 2.5 * (x**2).sum(-1)


def saddle(x, xp):
    return 1.5 * x[..., 0] * x[..., 1]


def test_the_folder_is_the_users_cache(monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert modules.folder() == Path("/somewhere/wlmsim/laws")
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/elsewhere")
    assert modules.folder() == Path("/elsewhere/wlmsim/laws")


@pytest.mark.slow
def test_where_nothing_can_be_written_kernels_are_kept_for_the_process():
    """As in a shared installation without a home, where Numba finds no place and would refuse to compile."""
    script = """
import os, warnings
import numba, numpy as np
from numba.core import caching
known = vars(caching)
own = known.get('UserProvidedCacheLocator') or known['_UserProvidedCacheLocator']
caching.CacheImpl._locator_classes = [own]  # all others need a folder of their own
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import wlmsim as wls
    flight = wls.systems.Boids(20, seed=0).simulate([0.0, 0.5])
    force = wls.External(lambda x, xp: 0.5 * (x**2).sum(-1)).force(np.ones((2, 2)), np.full(2, 0.5))
assert np.isfinite(flight.positions).all() and (force == -1).all()
assert [str(w.message) for w in said if "set NUMBA_CACHE_DIR" in str(w.message)][1:] == []
assert any("compiled code cannot be kept" in str(w.message) for w in said)
print(os.environ["NUMBA_CACHE_DIR"])
"""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()
