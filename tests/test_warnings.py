"""Warnings point at the line of the user."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import DataWarning


def clouds() -> wls.SnapshotSeries:
    rng = np.random.default_rng(0)
    return wls.SnapshotSeries([0.0, 1.0, 2.0, 3.0], [rng.standard_normal((12, 2)) + k for k in range(4)])


def forecast() -> None:
    model = quick(friction=math.inf).fit(clouds())
    model.forecast(clouds()[-1], times=[90.0])


CALLS = {
    "fit": lambda: quick().fit(clouds()),
    "leave_one_out": lambda: wls.learn.leave_one_out(quick(), clouds(), progress=False),
    "forecast": forecast,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_warnings_point_at_the_line_that_calls(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    ours = [warning for warning in caught if issubclass(warning.category, DataWarning)]
    assert {warning.filename for warning in ours} == {__file__}


def test_the_package_warns_in_one_way():
    package = Path(wls.__file__).parent
    own = [path.name for path in package.rglob("*.py") if "warnings.warn(" in path.read_text(encoding="utf-8")]
    assert own == ["_warning.py"]
