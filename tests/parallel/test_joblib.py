"""Work that joblib spreads: laws that are lambdas go there, trajectories and models come back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIMULATIONS = """
import sys, joblib, numpy as np, wlmsim as wls

rows = np.random.default_rng(0).normal(size=(80_000, 2))  # more than 1 MB, which joblib maps, read-only
jobs = [(k, wls.External(lambda x, xp: 0.5 * k * (x**2).sum(-1))) for k in (1.0, 2.0, 3.0)]

def flight(k, law, rows):
    return wls.simulate(wls.Lagrangian(law), wls.Population(rows, -k * rows), [0.0, 0.2], dt=0.1)

here = [flight(*job, rows) for job in jobs]
there = joblib.Parallel(2, backend=sys.argv[1])(joblib.delayed(flight)(*job, rows) for job in jobs)
assert there == here and all((a.energy() == b.energy()).all() for a, b in zip(there, here))
"""
FITS = """
import sys, joblib, numpy as np, torch, wlmsim as wls
from tests.models import quick

torch.set_num_threads(1)
spring = wls.systems.HarmonicOscillator(n=20, velocity_width=1.0, seed=0)
data = spring.exact(np.linspace(0, 1, 3)).snapshots(seed=0)

def fitted(seed):
    torch.set_num_threads(1)
    return quick(wls.learn.ExternalPotential((4,)), steps=3, seed=seed).fit(data)

def ends(models):
    return [model.forecast(data[-1], [1.5]).positions for model in models]

here = ends(map(fitted, range(2)))
there = ends(joblib.Parallel(2, backend=sys.argv[1])(joblib.delayed(fitted)(seed) for seed in range(2)))
np.testing.assert_array_equal(there, here)
"""


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
@pytest.mark.parametrize("work", [SIMULATIONS, pytest.param(FITS, marks=pytest.mark.slow)], ids=["simulations", "fits"])
def test_what_joblib_spreads_is_the_same(work, backend):
    pytest.importorskip("joblib")
    if backend == "multiprocessing" and sys.platform != "linux":
        pytest.skip("functions of a script that is no file are forked only")
    command = [sys.executable, "-W", "ignore", "-c", work, backend]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
