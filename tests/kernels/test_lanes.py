"""Roots by vectors: exact to rounding, with the processor's estimate and without."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

import wlmsim as wls

ROOT = Path(wls.__file__).parents[1]
SCRIPT = """
import numpy as np
from numba import njit
from wlmsim.kernels import lanes

@njit
def roots(x, root, cube):
    for k in range(0, len(x), lanes.LANES):
        lanes.store(root, k, lanes.inverse_root(lanes.load(x, k)))
        lanes.store(cube, k, lanes.inverse_cube(lanes.load(x, k)))

rng = np.random.default_rng(0)
x = np.concatenate([np.geomspace(1e-180, 1e180, 4096), rng.uniform(1, 4, 4096)])
root, cube = np.empty_like(x), np.empty_like(x)
roots(x, root, cube)
print(lanes._HAS_AVX512, np.abs(root * np.sqrt(x) - 1).max() < 1e-15, np.abs(cube * x * np.sqrt(x) - 1).max() < 3e-15)
"""


def run(**changes: str) -> list[str]:
    environment = os.environ | changes
    found = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert not found.returncode, found.stderr
    return found.stdout.split()


def test_of_this_processor():
    assert run()[1:] == ["True", "True"]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names a processor of this kind")
def test_of_processors_without_an_estimate():
    avx2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma"}
    assert run(**avx2) == ["False", "True", "True"]
