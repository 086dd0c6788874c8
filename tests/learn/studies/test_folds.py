"""Folds leave out what they score, of every population."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim.learn.studies.folds import FORECAST, GOALS, INTERPOLATE, folds_of, thinned


def series(count, start=0.0):
    return wls.SnapshotSeries(start + np.arange(float(count)), [np.full((3, 1), k + start) for k in range(count)])


@given(st.integers(2, 40))
def test_what_is_scored_is_never_fitted(count):
    data = series(count)
    folds = folds_of(data, GOALS)
    assert bool(folds) == (count >= 3)
    for fold in folds:
        ((known, held),) = fold.parts
        assert not set(known.times) & set(held.times)
        assert fold.fitted.times.tolist() == known.times.tolist()
        assert 1 <= len(held) <= 3 and len(known) >= 2
        beyond = held.times > known.times[-1]
        assert beyond.all() if fold.goal == FORECAST else not beyond.any()


def test_forecasts_of_few_marginals_are_of_the_next_one():
    folds = folds_of(series(5), [FORECAST])
    assert [fold.parts[0][1].times.tolist() for fold in folds] == [[4.0], [3.0], [2.0]]
    folds = folds_of(series(8), [FORECAST])
    assert [fold.parts[0][1].times.tolist() for fold in folds] == [[7.0], [6.0, 7.0], [5.0, 6.0, 7.0]]


def test_each_population_has_its_own_last_marginals():
    data = wls.SnapshotSeries.of_several({2: series(5), 7: series(4, start=100.0), 9: series(2, start=200.0)})
    (fold, *_) = folds_of(data, [FORECAST])
    assert [held.times.tolist() for _, held in fold.parts] == [[4.0], [103.0]]
    assert fold.fitted.population(9).times.tolist() == [200.0, 201.0]  # too short to be predicted, and fitted whole
    assert 103.0 not in fold.fitted.times


def test_the_score_is_the_mean_w1():
    (fold, *_) = folds_of(series(4), [INTERPOLATE])
    ((_, held),) = fold.parts
    moved = [wls.Population(cloud.positions + 2.5, time=cloud.time) for cloud in held]
    assert fold.score(lambda known, times: moved) == pytest.approx(2.5)
    assert fold.score(lambda known, times: [None]) == np.inf
    blown = [wls.Population(np.full((3, 1), 1e300), time=held.times[0])]
    assert fold.score(lambda known, times: blown) > 1e6


def test_thinned_clouds_keep_rows():
    cloud = wls.Population(np.arange(50.0)[:, None], time=2.0)
    few = thinned(cloud, 10)
    assert len(few) == 10 and set(few.positions.ravel()) <= set(cloud.positions.ravel()) and few.time == 2.0
    assert thinned(cloud, 50) is cloud


def test_a_fold_in_which_nothing_moves_does_not_rule_the_others():
    x = np.random.default_rng(0).standard_normal((20, 2))
    places = [x, x + 1.0, x + 2.0, x + 3.0, x + 3.0]  # all rest in the last interval
    last, before, _ = folds_of(wls.SnapshotSeries(np.arange(5.0), places), [FORECAST])

    def off(known, times, by):
        return [wls.Population(known[-1].positions + by, time=time) for time in times]

    assert last.score(lambda *given: off(*given, 0.0)) == last.score(lambda *given: off(*given, 1e-3)) == last.exact
    assert (
        last.exact
        == pytest.approx(0.01 * before.score(lambda *given: off(*given, 0.0)))
        == pytest.approx(0.01 * 2**0.5)
    )
