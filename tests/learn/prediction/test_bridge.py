"""Interpolation from both sides."""

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.evaluation import baseline
from wlmsim.learn.prediction.bridge import bridge


@pytest.fixture(scope="module")
def spring() -> wls.systems.HarmonicOscillator:
    return wls.systems.HarmonicOscillator(n=30, frequency=[1.0, 1.4], friction=0.3, velocity_width=1.0, seed=0)


def shuffled(cloud: wls.Population, rows: slice = slice(None)) -> wls.Population:
    order = np.random.default_rng(1).permutation(len(cloud.positions))[rows]
    return wls.Population(cloud.positions[order], cloud.velocities[order], time=cloud.time)


def test_true_mechanics_are_interpolated_exactly(spring):
    """Over half a turn, where straight lines and cubics go far wrong, and whoever ends where."""
    before, middle, after = spring.exact([0.0, 1.1, 2.2])
    predicted = bridge(spring.lagrangian, before, shuffled(after), 1.1, dt=0.01)
    assert predicted.time == 1.1
    assert wls.transport.wasserstein1(predicted, middle) < 1e-4
    assert wls.transport.wasserstein1(baseline("OT-Hermite", before, after, 1.1), middle) > 0.1


def test_errors_of_the_mechanics_are_small_of_fourth_order(spring):
    """A force that is wrong by a constant c is made up for entirely, unlike in a forward rollout."""
    before, middle, after = spring.exact([0.0, 0.7, 1.4])
    wind = wls.External(lambda x, xp: -0.5 * x[..., 0])
    wrong = wls.Lagrangian(spring.lagrangian.potential + wind, dissipation=spring.lagrangian.dissipation)
    forward = wls.simulate(wrong, before, [0.7], dt=0.01)[0]
    both = bridge(wrong, before, shuffled(after), 0.7, dt=0.01)
    assert wls.transport.wasserstein1(forward, middle) > 0.1
    assert wls.transport.wasserstein1(both, middle) < 0.005


def test_no_force_is_hermite_interpolation(spring):
    before, after = spring.exact([0.0, 0.05])  # so short that both plans keep everyone
    free = wls.Lagrangian(wls.External(lambda x, xp: 0 * x[..., 0]))
    expected = baseline("OT-Hermite", before, after, 0.02)
    np.testing.assert_allclose(bridge(free, before, after, 0.02, dt=0.1).positions, expected.positions, atol=1e-12)


@pytest.mark.parametrize("rows", [slice(None), slice(0, 17)], ids=["equal", "unequal"])
@pytest.mark.parametrize("velocities", [True, False])
def test_both_ends_are_met(spring, rows, velocities):
    before, after = spring.exact([0.0, 1.0])
    wrong = wls.Lagrangian(wls.External(wls.laws.Harmonic(3.0)), dissipation=wls.Friction(1.0))
    end = shuffled(after, rows)
    if not velocities:
        end = wls.Population(end.positions, time=end.time)
    for time, truth in ((1e-9, before), (1 - 1e-9, end)):
        predicted = bridge(wrong, before, end, time, dt=0.1)
        assert predicted.weights.sum() == pytest.approx(1)
        assert wls.transport.wasserstein1(predicted, truth) < 1e-6


def test_flows_are_run_forward_only():
    flow = wls.GradientFlow(wls.External(wls.laws.Harmonic(1.0)))
    before = wls.Population.gaussian(n=20, seed=0)
    middle, after = (wls.Population(before.positions * np.exp(-t), time=t) for t in (0.5, 1.0))
    assert wls.transport.wasserstein1(bridge(flow, before, after, 0.5, dt=0.01), middle) < 1e-6
    shifted = wls.Population(after.positions + 1.0, time=1.0)
    expected = wls.Population(middle.positions + 0.5)
    assert wls.transport.wasserstein1(bridge(flow, before, shifted, 0.5, dt=0.01), expected) < 1e-6


class TestEstimator:
    @pytest.fixture(scope="class")
    @staticmethod
    def data() -> wls.SnapshotSeries:
        return wls.systems.VortexDrifters(n=60, seed=0).exact(np.linspace(0, 4, 9)).snapshots(seed=0)

    @pytest.fixture(scope="class")
    @staticmethod
    def model(data) -> wls.learn.WLM:
        return wlm(steps=200, members=1, progress=False).fit(data.hold_out([3, 5])[0])

    def test_two_sided_is_better_than_one(self, model, data):
        fitted, held = data.hold_out([3, 5])
        forward, both = (model.evaluate(held, two_sided=flag) for flag in (False, True))
        assert both.mean["WLM"] < 0.7 * forward.mean["WLM"]
        assert both.protocol == "two-sided"
        assert "between the fitted marginals" in str(both)
        direct = bridge(model.lagrangian_, fitted[2], fitted[3], 1.5, dt=model.dt_)
        np.testing.assert_array_equal(model.interpolate([1.5], two_sided=True)[0].positions, direct.positions)

    def test_needs_a_marginal_after(self, model, data):
        with pytest.raises(ParameterError, match="`times` must be before the last fitted marginal"):
            model.interpolate([4.5], two_sided=True)
        with pytest.raises(ParameterError, match="`two_sided` cannot go with `start`"):
            model.evaluate(data[[8]], start=data[7], two_sided=True)

    def test_models_from_rest_use_no_velocities(self, data):
        still = data.without_velocities()
        model = wlm(steps=5, members=1, initial_velocities="zero", progress=False).fit(still)
        predicted = model.interpolate([0.2], two_sided=True)[0]
        np.testing.assert_allclose(predicted.weights.sum(), 1)


def test_strong_friction_is_not_run_backward(spring):
    """Backward in time it is growth, by exp(30) here; forward only, both ends are met all the same."""
    strong = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)), dissipation=wls.Friction(30.0))
    rng = np.random.default_rng(0)
    before, after = (wls.Population(rng.normal(size=(20, 2)), rng.normal(size=(20, 2)), time=t) for t in (0.0, 1.0))
    middle = bridge(strong, before, after, 0.5, dt=0.01)
    same = bridge(strong, before, after.with_velocities(None), 0.5, dt=0.01)
    assert np.abs(middle.positions).max() < 5 and middle == same
