"""No verb takes more memory than is said."""

from __future__ import annotations

import sys

import pytest

from tests.reliability.memory import ROWS, VERBS, peak


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux tells it")
@pytest.mark.parametrize("name", VERBS)
def test_peak_memory(name):
    if name == "annotate":
        pytest.importorskip("anndata")
    assert peak(name, ROWS) < VERBS[name][1]
