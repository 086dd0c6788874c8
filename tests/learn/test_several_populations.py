"""Several populations obey one law and do not meet: each is predicted and scored by itself."""

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import DataWarning, ParameterError

TIMES = np.linspace(0.0, 1.0, 5)
LAW = wls.Lagrangian(wls.Pairwise(wls.laws.Morse(c=3.0)), dissipation=wls.Friction(0.3))


def replicate(seed: int, n: int) -> wls.SnapshotSeries:
    start = wls.Population.gaussian(n=n, dim=2, velocity_width=0.3, seed=seed)
    return wls.simulate(LAW, start, TIMES, dt=0.05).snapshots(seed=seed)


@pytest.fixture(scope="module")
def parts() -> dict[int, wls.SnapshotSeries]:
    return {2: replicate(0, 12), 5: replicate(1, 20)}


@pytest.fixture(scope="module")
def both(parts) -> wls.SnapshotSeries:
    series = wls.SnapshotSeries.of_several(parts)
    rows = np.random.default_rng(0).permutation(32)  # rows of the populations among each other
    shuffled = [[column[k][rows] for k in range(5)] for column in (series.positions, series.velocities, series.labels)]
    return wls.SnapshotSeries(TIMES, *shuffled[:2], populations=shuffled[2])


@pytest.fixture(scope="module")
def model(both) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential((8,)) + wls.Pairwise(wls.laws.Morse(c=3.0))
    return wlm(potential, steps=3, members=1, progress=False).fit(both[:4])


def test_what_is_put_together_comes_apart(parts):
    late = {1: parts[2], 3: parts[5][2:].without_velocities()}
    series = wls.SnapshotSeries.of_several(late)
    assert (
        series.sizes == (12, 12, 32, 32, 32) and [v is not None for v in series.velocities] == [True] * 2 + [False] * 3
    )
    assert series.population(3) == late[3]
    assert series.population(1) == late[1].without_velocities(except_at=[0, 1])
    weighted = wls.SnapshotSeries([0.0], [np.eye(2)], weights=[[1.0, 3.0]])
    union = wls.SnapshotSeries.of_several({0: weighted, 1: parts[2][[0]]})
    np.testing.assert_allclose(union.population(0).weights[0], [0.25, 0.75])
    with pytest.raises(ParameterError, match="at least one series by its label"):
        wls.SnapshotSeries.of_several({})


@pytest.mark.parametrize("given", ["a series", "a fitted marginal"])
def test_forecasts_do_not_feel_the_other_population(model, both, given):
    start = both[[3]] if given == "a series" else both[3]
    path = model.forecast(start, [0.8, 1.0])
    for label in (2, 5):
        rows = both.labels[3] == label
        alone = model.forecast(both.population(label)[3], [0.8, 1.0])
        np.testing.assert_allclose(path.positions[:, rows], alone.positions, rtol=0, atol=1e-12)
        np.testing.assert_allclose(path.velocities[:, rows], alone.velocities, rtol=0, atol=1e-12)
    # as one population they would move otherwise
    union = wls.SnapshotSeries.from_populations([both[3]])
    assert np.abs(model.forecast(union, [1.0]).positions - path.positions[1:]).max() > 0.01


@pytest.mark.parametrize("two_sided", [False, True])
def test_interpolations_are_of_each_population(model, parts, both, two_sided):
    together = model.interpolate([0.1, 0.6], two_sided=two_sided)
    for label in (2, 5):
        alone = model.interpolate([0.1, 0.6], parts[label][:4], two_sided=two_sided)
        for mine, its in zip(together.population(label), alone, strict=True):
            # the order of the rows is another
            assert wls.transport.wasserstein1(mine, its) < 1e-9


def test_scores_are_means_over_the_populations(model, parts, both):
    for arguments in ({"start": both[[3]]}, {}):
        scores = model.evaluate(both[4:], **arguments)
        alone = [
            model.evaluate(parts[k][4:], data=parts[k][:4], **({"start": parts[k][3]} if arguments else {}))
            for k in parts
        ]
        for name, w1 in scores.w1.items():
            np.testing.assert_allclose(w1, np.mean([one.w1[name] for one in alone], axis=0), atol=1e-9)
    # unlike the score of the union, whose parts may help each other out
    union = wls.SnapshotSeries.from_populations(list(both))
    assert model.evaluate(union[4:], start=union[[3]]).w1["persistence"] < scores.w1["persistence"]


def test_a_population_that_is_missing_at_a_time_does_not_count_there(model, parts):
    series = wls.SnapshotSeries.of_several({2: parts[2], 5: parts[5][2:]})
    fitted, held = series.hold_out([1, 3])
    scores = model.evaluate(held, data=fitted, metrics=["w1", "w2"])
    assert scores.times.tolist() == [0.25, 0.75] and scores.origins.tolist() == [0.0, 0.5]
    only = model.evaluate(parts[2][[1]], data=parts[2].hold_out([1, 3])[0], metrics=["w1", "w2"])
    assert scores.w1["WLM"][0] == pytest.approx(only.w1["WLM"][0])
    assert scores.others["w2"]["persistence"][0] == pytest.approx(only.others["w2"]["persistence"][0])
    predicted = model.interpolate([0.25, 0.75], fitted)
    assert [cloud_labels.tolist() for cloud_labels in predicted.labels] == [[2] * 12, [2] * 12 + [5] * 20]


def test_estimated_velocities_are_those_of_the_population(both):
    still = both.without_velocities()
    model = wlm(steps=1, members=1, progress=False, initial_velocities="transport").fit(still)
    path = model.forecast(still[0], [0.2])
    rows = still.labels[0] == 5
    alone = model.forecast(still.population(5)[0], [0.2])
    np.testing.assert_allclose(path.positions[:, rows], alone.positions, rtol=0, atol=1e-12)


def test_what_is_not_known_is_refused(model, both):
    with pytest.raises(ParameterError, match="`start` must be a single marginal"):
        model.forecast(both[:2], [1.0])
    with pytest.raises(ParameterError, match=r"`start` must be a series with the populations \[2, 5\] that were"):
        model.evaluate(both[4:], start=both.population(2)[[3]])
    with pytest.raises(ParameterError, match="within the times of the fitted marginals of a population"):
        model.interpolate([0.2, 0.9], two_sided=True)


def test_leaving_out_a_marginal_leaves_it_out_of_every_population(both):
    model = wlm(steps=2, members=1, progress=False)
    scores = wls.learn.leave_one_out(model, both, marginals=[2])
    fitted, held = both.hold_out([2])
    expected = wlm(steps=2, members=1, progress=False).fit(fitted).evaluate(held)
    assert scores.w1["WLM"] == pytest.approx(expected.w1["WLM"])


def test_a_population_that_was_seen_once_is_left_out(parts):
    once = {**parts, 7: parts[2][[2]]}
    with pytest.warns(DataWarning, match="left out 1 of 3 populations, which have one marginal.*: 7"):
        fitted = wlm(wls.learn.ExternalPotential((8,)), steps=2, members=1).fit(wls.SnapshotSeries.of_several(once))
    assert fitted.data_.population_labels == (2, 5) and len(fitted.losses_) == 2
    apart = wls.SnapshotSeries.of_several({2: parts[2][[0]], 5: parts[5][[1]]})
    with pytest.raises(ParameterError, match="at least 2 marginals of a population; got 1 of each"):
        wlm(wls.learn.ExternalPotential((8,)), steps=2).fit(apart)


def test_a_population_that_is_to_validate_needs_no_more_marginals(parts):
    """Without its last marginal no rollout starts in the shorter one; the other still teaches."""
    short = wls.SnapshotSeries.of_several({2: parts[2], 5: parts[5][3:]})
    stopping = wls.learn.EarlyStopping()
    fitted = wlm(wls.learn.ExternalPotential((8,)), steps=2, members=1, stopping=stopping).fit(short)
    assert len(fitted.losses_) == 2
