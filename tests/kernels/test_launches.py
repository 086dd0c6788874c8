"""Parallel loops in forked children, and called by several threads at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import wlmsim as wls

ROOT = Path(wls.__file__).parents[1]

SIMULATION = """
import multiprocessing, sys
from concurrent.futures import ThreadPoolExecutor
import numba, numpy as np, wlmsim as wls

x = np.random.default_rng(0).normal(size=(600, 3))
star = wls.Population(x, np.zeros_like(x))

def ends_at(strength):
    path = wls.simulate(wls.Lagrangian(wls.Gravity(strength, softening=0.1)), star, [0.0, 0.2], dt=0.05)
    return path[-1].positions.tobytes()

def inner(strength):
    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.map_async(ends_at, [strength]).get(timeout=60)[0]

if __name__ == "__main__":
    strengths = [1.0, 2.0, 3.0, 4.0] * 3
    serial = [ends_at(strength) for strength in strengths]
    print(numba.threading_layer(), numba.get_num_threads())
"""
POOL = """
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map_async(ends_at, strengths).get(timeout=60) == serial
    assert [ends_at(strength) for strength in strengths] == serial
"""
THREADS = """
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            assert list(pool.map(ends_at, strengths)) == serial
"""
BOTH = """
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(inner, strengths[:4])) == serial[:4]
"""
FIT = """
import multiprocessing, warnings, numpy as np, torch, wlmsim as wls
from wlmsim import learn

warnings.simplefilter("ignore")
torch.set_num_threads(2)
x = np.random.default_rng(0).normal(size=(300, 2))
series = wls.SnapshotSeries([0.0, 1.0, 2.0], [x, 0.9 * x, 0.7 * x])

def forecast(seed):
    model = learn.WLM(initial_velocities="zero", optimiser=learn.AdamW(steps=3), seed=seed).fit(series)
    return model.forecast(series[0], [1.0])[-1].positions.sum()

if __name__ == "__main__":
    serial = forecast(0)
    (torch.ones(10**7) ** 2).sum()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        np.testing.assert_allclose(pool.map_async(forecast, [0, 0]).get(timeout=60), serial, rtol=1e-4)
"""


def run(script, layer="default"):
    environment = os.environ | {"NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "2", "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert not found.returncode, found.stderr
    return found.stdout


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")


@pytest.mark.parametrize(
    ("layer", "doing"),
    [
        pytest.param("omp", POOL, marks=forks, id="omp-forked"),
        pytest.param("omp", THREADS, id="omp-threads"),
        pytest.param("omp", BOTH, marks=[forks, pytest.mark.slow], id="omp-forked-by-threads"),
        pytest.param("workqueue", POOL, marks=[forks, pytest.mark.slow], id="workqueue-forked"),
        pytest.param("workqueue", THREADS, id="workqueue-threads"),
        pytest.param("workqueue", BOTH, marks=[forks, pytest.mark.slow], id="workqueue-forked-by-threads"),
    ],
)
def test_forked_children_and_threads_simulate_the_same(layer, doing):
    if layer == "omp":
        pytest.importorskip("numba.np.ufunc.omppool")
    assert run(SIMULATION + doing, layer).split() == [layer, "2"]


@forks
@pytest.mark.slow
def test_a_forked_child_fits_after_its_parent_has():
    run(FIT)


def test_a_layer_that_runs_already_is_guarded_too():
    script = "import numba\nnumba.get_num_threads()\n" + SIMULATION + THREADS
    assert run(script, "workqueue").split() == ["workqueue", "2"]
