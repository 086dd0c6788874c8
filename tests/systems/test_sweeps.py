"""Parameter sweeps: what is returned, what is measured, what is told of a run that cannot go on."""

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError

TIMES = np.linspace(0, 1, 3)


def springs(*frequencies: float) -> list[wls.systems.System]:
    return [wls.systems.HarmonicOscillator(n=4, frequency=f, seed=0) for f in frequencies]


def test_trajectories_in_the_order_of_the_systems():
    found = wls.sweep(springs(1.0, 2.0), TIMES, dt=0.1, progress=False)
    for path, spring in zip(found, springs(1.0, 2.0), strict=True):
        np.testing.assert_array_equal(path.positions, spring.simulate(TIMES, dt=0.1).positions)


def test_what_is_measured_goes_by_the_names_of_the_systems():
    named = dict(zip("ab", springs(1.0, 2.0), strict=True))
    widths = wls.sweep(named, TIMES, dt=0.1, measure=lambda path: path.positions[-1].std())
    assert widths == {name: system.simulate(TIMES, dt=0.1).positions[-1].std() for name, system in named.items()}


def test_a_run_that_cannot_go_on_costs_only_itself():
    with pytest.warns(RuntimeWarning, match=r"no result of HarmonicOscillator\(.*stopped being finite"):
        found = wls.sweep(springs(1.0, 1e80), TIMES, dt=0.1)
    assert found[0] is not None and found[1] is None


def test_systems_run_back_in_time():
    found = wls.sweep(springs(1.0, 2.0), -TIMES, dt=0.1, progress=False)
    for path, spring in zip(found, springs(1.0, 2.0), strict=True):
        assert path == spring.simulate(-TIMES, dt=0.1) and path.times[0] == -1.0


def test_bad_input():
    with pytest.raises(
        ParameterError, match=r"`measure` must be a function of a trajectory, such as lambda path: path.en"
    ):
        wls.sweep(springs(1.0), TIMES, measure="energy")
    with pytest.raises(ParameterError, match="`times` must be strictly increasing"):
        wls.sweep(springs(1.0), TIMES[::-1])
    with pytest.raises(ParameterError, match="`systems`"):
        wls.sweep([wls.laws.Harmonic(1.0)], TIMES)
    with pytest.raises(ParameterError, match="`processes`"):
        wls.sweep(springs(1.0), TIMES, processes=0)
