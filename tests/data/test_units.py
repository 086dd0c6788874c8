"""Units of series that are put beside each other."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.data.units import check_alike
from wlmsim.errors import ParameterError


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"length": "km"}, {}),
        ({}, {"length": "m", "time": "s"}),
        ({"length": "metres", "time": "hours"}, {"length": "m", "time": "h"}),
        ({"length": "Pixel"}, {"length": "pixel"}),
        ({"length": "degrees_east", "time": None}, {"length": "degree", "time": "s"}),
    ],
)
def test_unknown_units_and_other_spellings_go_together(given, wanted):
    check_alike("observed", given, wanted, "the fit")


@pytest.mark.parametrize(
    ("given", "wanted", "message"),
    [
        (
            {"length": "m"},
            {"length": "km"},
            "`observed` must have positions in km, as the fit has; its units say m; one is 0.001 km, by which to",
        ),
        ({"time": "day"}, {"time": "s"}, "`observed` must have times in s.*one is 86400 s"),
        ({"length": "px"}, {"length": "um"}, "`observed` must have positions in um, as the fit has; its units say px$"),
    ],
)
def test_other_units_are_refused_with_the_factor(given, wanted, message):
    with pytest.raises(ParameterError, match=message):
        check_alike("observed", given, wanted, "the fit")


def test_several_populations_have_one_unit():
    first, second = (wls.SnapshotSeries([0.0], [np.zeros((3, 2))], units={"length": unit}) for unit in ("km", "m"))
    with pytest.raises(ParameterError, match=r"`populations\[1\]` must have positions in km, as the first one has"):
        wls.SnapshotSeries.of_several({0: first, 1: second})
