"""Clouds on which a search for neighbours in cells could go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest


def uneven_clouds() -> Iterator[Any]:
    """Parameters of tests: small and large, crowded, stretched and scattered clouds in one to three dimensions."""
    rng = np.random.default_rng(5)
    for n in (1, 2, 40, 300):
        for dim in (1, 2, 3):
            yield pytest.param(rng.standard_normal((n, dim)), id=f"{n} in {dim}-D")
    yield pytest.param(30 * rng.standard_normal((300, 2)), id="spread out")
    yield pytest.param(rng.standard_normal((200, 2)) * [100, 0.01], id="a thread")
    yield pytest.param(rng.standard_normal((200, 2)) * [0.01, 100], id="a thread of one row")
    yield pytest.param(rng.standard_cauchy((300, 3)), id="outliers")
    yield pytest.param(np.zeros((50, 2)), id="coincident")
    yield pytest.param(np.repeat(rng.standard_normal((60, 3)), 3, axis=0), id="threes")
    yield pytest.param(rng.uniform(0, 21, (2000, 2)), id="many cells")
