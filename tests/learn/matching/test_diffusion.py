"""The strength of the noise from snapshots."""

import numpy as np
import pytest

import wlmsim as wls


def test_particles_that_do_not_diffuse_have_next_to_no_noise():
    x = np.random.default_rng(0).standard_normal((400, 1))
    data = wls.SnapshotSeries([0.0, 0.1, 0.2], [x * np.exp(-t) for t in (0.0, 0.1, 0.2)])
    assert wls.learn.estimate_noise(data) < 0.5


@pytest.mark.slow
def test_the_noise_of_particles_that_go_along_is_found():
    well = wls.systems.LangevinLandscape("poly", n=1000, seed=101)
    times = well.benchmark_times[:11]
    assert wls.learn.estimate_noise(well.simulate(times).snapshots(seed=0)) == pytest.approx(well.sigma, rel=0.15)
    # independent samples tell less: their errors hide what noise does
    assert 0.4 < wls.learn.estimate_noise(well.independent_snapshots(times)) / well.sigma < 1.3


@pytest.mark.parametrize("count, marginals", [(1, 4), (30, 1)])
def test_what_does_not_spread_or_last_tells_no_noise(count, marginals):
    x = np.random.default_rng(0).standard_normal((30, 2))
    weights = [np.arange(30.0) < count] * marginals
    with pytest.raises(wls.errors.ParameterError, match="`data` must be of"):
        wls.learn.estimate_noise(wls.SnapshotSeries(np.arange(marginals), [x] * marginals, weights=weights))
