"""Data that many tests of learning fit."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls


@pytest.fixture(scope="session")
def drifters() -> wls.SnapshotSeries:
    vortex = wls.systems.VortexDrifters(n=60, seed=0)
    return vortex.exact(np.linspace(0, 4, 9)).snapshots(seed=0)
