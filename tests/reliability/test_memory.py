"""No verb takes more memory than is said."""

from __future__ import annotations

import sys

import pytest

from tests.reliability.memory import ROWS, VERBS, peak


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory as Linux tells it")
@pytest.mark.parametrize("name", VERBS)
def test_peak_memory(name):
    needed = {"annotate": "anndata", "load, h5ad": "anndata", "load, parquet": "pyarrow", "load, nc": "h5netcdf"}
    if name in needed:
        pytest.importorskip(needed[name])
    assert peak(name, ROWS) < VERBS[name][1]
