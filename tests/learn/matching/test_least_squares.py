"""Linear mechanics by least squares: what was simulated is found, within the standard errors that are stated."""

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.learn import PairPotential, SeriesPotential


@pytest.fixture(scope="module")
def data():
    law = wls.Lagrangian(wls.systems.HarmonicOscillator(n=2).lagrangian.potential, dissipation=wls.Friction(0.3))
    start = wls.Population.gaussian(n=120, dim=2, seed=0, velocity_width=1.0)
    return wls.simulate(law, start, np.linspace(0, 2, 9), dt=0.01).snapshots(seed=1)


def test_friction_and_force_are_found_without_a_step(data):
    model = quick(SeriesPotential(order=2, waves=0), rollouts=None).fit(data)
    assert model.losses_.size == 0
    assert model.friction_ == pytest.approx(0.3, abs=0.005)
    x, w = data[4].positions, data[4].weights
    np.testing.assert_allclose(model.lagrangian_.potential.force(x, w, 1.0), -x, atol=0.02)


def test_standard_errors_cover_what_noise_does(data):
    """Estimates from noisy velocities scatter by less than is stated: what two intervals share cancels in part."""
    rng, found, stated = np.random.default_rng(0), [], []
    for _ in range(8):
        noisy = [v + 0.05 * rng.standard_normal(v.shape) for v in data.velocities]
        series = wls.SnapshotSeries(data.times, data.positions, noisy)
        model = quick(SeriesPotential(order=2, waves=0), rollouts=None).fit(series)
        found.append(model.friction_)
        stated.append(float(model.standard_errors_["friction"]))
    assert 0.1 < np.std(found) / np.mean(stated) < 1.5


def test_pairs_are_linear_too_and_networks_are_not(data):
    model = quick(SeriesPotential(order=2, waves=0) + PairPotential(2.0, knots=4), rollouts=None).fit(data[:4])
    assert set(model.standard_errors_) == {"SeriesPotential", "PairPotential", "friction"}
    assert model.standard_errors_["PairPotential"].shape == (4,)
    assert quick(rollouts=None, steps=5).fit(data[:4]).standard_errors_ == {}
