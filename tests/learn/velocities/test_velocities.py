"""Initial velocities where none were observed."""

import itertools
import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import trainer_of, wlm
from wlmsim.errors import AccuracyWarning, ParameterError
from wlmsim.learn import potential_velocities, transport_velocities
from wlmsim.learn.velocities.potential import _Basis

BOTH = pytest.mark.parametrize("estimate", [transport_velocities, potential_velocities])


def relative_error(estimated: wls.SnapshotSeries, truth: list[np.ndarray]) -> float:
    missed = sum(((v - u) ** 2).sum() for v, u in zip(estimated.velocities, truth, strict=True))
    return float(np.sqrt(missed / sum((u**2).sum() for u in truth)))


@pytest.fixture(scope="module")
def shear() -> tuple[wls.SnapshotSeries, list[np.ndarray]]:
    """An irrotational flow, v = (x + 1, -y), seen at uneven times and without identities."""
    rng, start, times = (
        np.random.default_rng(0),
        np.random.default_rng(1).standard_normal((150, 2)),
        [0, 0.1, 0.25, 0.3],
    )
    x = [np.stack([(start[:, 0] + 1) * np.exp(t) - 1, start[:, 1] * np.exp(-t)], -1) for t in times]
    x = [rng.permutation(cloud) for cloud in x]
    return wls.SnapshotSeries(times, x), [cloud * [1, -1] + [1, 0] for cloud in x]


@BOTH
def test_an_irrotational_flow_is_found(estimate, shear):
    data, truth = shear
    assert relative_error(estimate(data), truth) < 0.1
    inner = estimate(data)[1:3]  # where there are neighbours on both sides
    assert relative_error(inner, truth[1:3]) < (0.02 if estimate is transport_velocities else 0.06)


@BOTH
def test_missing_rows_are_borne(estimate, shear):
    data, truth = shear
    some = [np.arange(k, 150 - 3 * k) for k in range(4)]
    holes = wls.SnapshotSeries(data.times, [x[rows] for x, rows in zip(data.positions, some, strict=True)])
    assert relative_error(estimate(holes), [u[rows] for u, rows in zip(truth, some, strict=True)]) < 1.0


@BOTH
def test_known_velocities_stay(estimate, shear):
    data, truth = shear
    known = wls.SnapshotSeries(data.times, data.positions, truth).without_velocities(except_at=[2])
    filled = estimate(known)
    np.testing.assert_array_equal(filled[2].velocities, truth[2])
    np.testing.assert_array_equal(filled[1].velocities, estimate(data)[1].velocities)


@BOTH
def test_weights_count(estimate, shear):
    """A particle of double weight is two particles in one place."""
    data, _ = shear
    doubled = wls.SnapshotSeries(data.times, [np.concatenate([x, x[:10]]) for x in data.positions])
    shares = np.concatenate([np.full(10, 2.0), np.ones(140)]) / 160
    weighted = wls.SnapshotSeries(data.times, data.positions, weights=[shares] * 4)
    if estimate is transport_velocities:  # the two may have different partners, with the same mean
        pairs = [np.stack([u[:10], u[150:]]).mean(0) for u in estimate(doubled).velocities]
        expected = [np.concatenate([p, u[10:150]]) for p, u in zip(pairs, estimate(doubled).velocities, strict=True)]
        assert relative_error(estimate(weighted), expected) < 1e-9
    else:
        basis = _Basis(data, 1)
        for two, one in zip(doubled, weighted, strict=True):
            np.testing.assert_allclose(basis.means(two), basis.means(one), atol=1e-12)


@BOTH
def test_populations_are_told_apart(estimate):
    rng = np.random.default_rng(0)
    right, left = rng.standard_normal((2, 40, 2))
    times, shift = [0.0, 0.5, 1.0], np.array([0.2, 0.0])
    positions = [np.concatenate([right + t * shift, left - t * shift]) for t in times]
    both = wls.SnapshotSeries(times, positions, populations=[[0] * 40 + [1] * 40] * 3)
    for cloud in estimate(both):
        np.testing.assert_allclose(cloud.velocities, np.repeat([[0.2, 0.0], [-0.2, 0.0]], 40, axis=0), atol=0.05)


def test_one_marginal_is_refused(shear):
    with pytest.raises(ParameterError, match="at least 2 marginals"):
        transport_velocities(shear[0][:1])


class TestEstimator:
    @pytest.fixture(scope="class")
    @staticmethod
    def whirl() -> wls.SnapshotSeries:
        """Oscillators in phase: v_0 is a linear field, with a rotation."""
        spring = wls.systems.HarmonicOscillator(n=60, frequency=1.0, seed=0)
        x = spring.population.positions * [1.0, 0.4]
        start = wls.Population(x, x @ np.array([[0.3, 0.8], [-0.8, 0.1]]))
        return wls.simulate(spring.lagrangian, start, np.linspace(0, 3, 7), dt=0.02).snapshots(seed=0)

    def fit(self, data: wls.SnapshotSeries, rule: str, **parameters) -> wls.learn.WLM:
        potential = wls.External(wls.laws.Harmonic(1.0)) + wls.learn.ExternalPotential((8,))
        settings = {"members": 1, "progress": False, "steps": 300, "initial_velocities": rule, **parameters}
        return wlm(potential, friction=0.0, **settings).fit(data)

    @pytest.mark.slow
    def test_a_field_is_learned_along(self, whirl, tmp_path):
        still = whirl.without_velocities()
        model = self.fit(still, "learn", members=2, steps=100, learning_rate=2e-2)
        start = model.forecast(still[0], [0.0])[0]
        assert relative_error(wls.SnapshotSeries.from_populations([start]), [whirl[0].velocities]) < 0.35
        later = model.forecast(still[0], [3.0])[0]
        assert wls.transport.wasserstein1(later, whirl[-1]) < 0.1
        assert model.evaluate(still[[3]], data=still[:3]).origins[0] == 0.0
        again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
        np.testing.assert_array_equal(again.forecast(still[0], [3.0])[0].positions, later.positions)
        with pytest.raises(ParameterError, match="initial_velocities='learn'"):
            model.forecast(still[2], [3.0])

    @pytest.mark.parametrize("rule", ["transport", "potential"])
    def test_estimates_stand_in_for_what_is_unknown(self, whirl, rule):
        still = whirl.without_velocities()
        model = self.fit(still, rule, steps=3, rollouts="multiple-shooting")
        trainer = trainer_of(model, [still], 5, model._fitted_members[0].scales)
        assert trainer._starts == [list(range(6))]
        start = model.forecast(still[2], [still.times[2]])[0]
        estimate = {"transport": transport_velocities, "potential": potential_velocities}[rule]
        np.testing.assert_allclose(start.velocities, estimate(still)[2].velocities)
        scores = model.evaluate(still[[3]], data=still[[0, 1, 2, 4, 5]])
        assert scores.origins[0] == still.times[2]
        assert "ballistic" not in scores.w1  # baselines are given what was observed
        assert np.isfinite(model.interpolate([1.2], two_sided=True)[0].positions).all()
        moved = wls.Population(still[2].positions + 0.01, time=still.times[2])
        with pytest.warns(wls.errors.DataWarning, match="no fitted marginal: they are estimated by"):
            near = model.forecast(moved, [still.times[2]])[0].velocities
        assert np.abs(near - start.velocities).max() < 0.1
        # a little later than a fitted marginal, from which it cannot have come in that time
        late = wls.Population(moved.positions, time=still.times[2] + 0.001)
        with pytest.warns(wls.errors.DataWarning, match="no fitted marginal: they are estimated by"):
            assert np.abs(model.forecast(late, [late.time])[0].velocities - start.velocities).max() < 0.1
        del model.data_
        with pytest.raises(ParameterError, match="`start` must have velocities"):
            model.forecast(moved, [3.0])


def test_speeds_are_limited_by_those_of_transport():
    """A narrow cloud that turns by 100 degrees from one marginal to the next, far too much for slopes of means."""
    x = np.random.default_rng(0).normal(size=(111, 2)) * [0.3, 0.1] + [0.6, 0]
    turns = [np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]]) for a in np.radians(100) * np.arange(5)]
    series = wls.SnapshotSeries(2 * np.arange(5.0), [x @ turn for turn in turns])
    with pytest.warns(
        AccuracyWarning, match=r"of 5 of 5 marginals were up to 5\.\d+ times as fast.*limited to 3 times"
    ):
        estimated = potential_velocities(series)
    clouds = list(series)
    speeds = [wls.transport.wasserstein2(a, b) / 2 for a, b in itertools.pairwise(clouds)]
    for cloud in estimated:
        assert 1.5 * max(speeds) < np.sqrt((cloud.velocities**2).sum(1).mean()) <= 3.0 * max(speeds) * (1 + 1e-9)


def test_slow_motion_is_not_limited(shear):
    data, _ = shear
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        potential_velocities(data)
