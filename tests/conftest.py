"""Settings and fixtures for all tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings

# Derandomised, so that a run is a function of the code; without deadline, because a first call compiles.
settings.register_profile("wlmsim", deadline=None, derandomize=True, max_examples=20)
settings.load_profile("wlmsim")


@pytest.fixture
def rng() -> np.random.Generator:
    """A source of randomness, the same in every test."""
    return np.random.default_rng(20)
