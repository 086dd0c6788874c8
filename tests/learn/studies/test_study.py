"""A study finds what predicts best, within its budget, and always has a result."""

import dataclasses
import time

import numpy as np
import pytest

import wlmsim as wls
from wlmsim._deadline import OutOfTimeError, enough_by, until
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.learn.studies import naive
from wlmsim.learn.studies.clock import Clock, seconds_of
from wlmsim.learn.studies.looking import look
from wlmsim.learn.studies.menu import menu
from wlmsim.learn.studies.search import Search, affordable


def short(potential=None, **options):
    return wls.learn.WLM(potential, optimiser=wls.learn.AdamW(steps=30), progress=False, **options)


@pytest.fixture(scope="module")
def swinging():
    spring = wls.systems.HarmonicOscillator(n=50, velocity_width=1.0, seed=0)
    return spring.exact(np.linspace(0, 3, 7)).snapshots(seed=0)


@pytest.fixture(scope="module")
def found(swinging):
    models = {
        "spring": short(wls.learn.SeriesPotential(order=2, waves=0), friction=0.0),
        "stuck": short(wls.learn.SeriesPotential(order=2, waves=0), friction=80.0),
    }
    return wls.learn.study(swinging, budget="15 s", candidates=models, progress=False)


def test_the_mechanics_that_moves_the_data_wins(found):
    assert isinstance(found, wls.learn.Study)
    assert found.winners == {"forecast": found.learned, "interpolate": found.learned}
    assert found.learned.startswith("spring")
    scores = {entry.name: entry.mean("forecast") for entry in found.entries}
    assert scores[found.learned] < 0.3 * min(scores["persistence"], scores["ballistic"])


def test_it_predicts_on_both_sides_of_the_last_marginal(found, swinging):
    exact = wls.systems.HarmonicOscillator(n=50, velocity_width=1.0, seed=0).exact([1.25, 3.5]).snapshots(seed=0)
    for name, held in (("forecast", exact[1:]), ("interpolate", exact[:1])):
        scores = found.score(held)
        assert scores.model.startswith("study: spring")
        assert scores.beats_baselines, name
    assert found.forecast([3.25, 3.5]).times.tolist() == [3.25, 3.5]
    assert found.interpolate([1.25]).times.tolist() == [1.25]
    with pytest.raises(ParameterError, match="not both"):
        found.score(exact)


def test_the_expression_repeats_the_winner(found, swinging):
    assert repr(found.chosen).startswith("WLM(")
    again = found.chosen.fit(swinging)
    np.testing.assert_array_equal(
        again.forecast(swinging[-1], [3.5]).positions, found.model.forecast(swinging[-1], [3.5]).positions
    )


def test_a_naive_winner_predicts():
    x = np.random.default_rng(0).standard_normal((40, 2))
    v = np.random.default_rng(1).standard_normal((40, 2))
    free = wls.SnapshotSeries(np.arange(5.0), [x + t * v for t in range(5)], [v] * 5)
    pulled = {"pulled": short(wls.External(lambda x, xp: 3.0 * (x**2).sum(-1)))}
    found = wls.learn.study(free, budget=6, candidates=pulled, progress=False)
    assert found.winners["forecast"] == "ballistic"
    np.testing.assert_allclose(found.forecast([6.0])[0].positions, x + 6.0 * v)
    np.testing.assert_allclose(found.score(found.forecast([6.0])).w1["study: ballistic"], 0.0, atol=1e-12)
    # from another start too, as far as it can
    np.testing.assert_allclose(found.forecast([6.0], start=free[2])[0].positions, x + 6.0 * v)
    found.winners["forecast"] = "steady transport"
    with pytest.warns(DataWarning, match="cannot go on from `start`"):
        assert len(found.forecast([6.0], start=free[2])) == 1
    # what came before the start is known too
    assert found.forecast([6.0], start=free[:3])[0] == naive.forecasts()["steady transport"](free[:3], 6.0)
    for start, said in [
        (x, "`wls.Population"),
        (wls.Population(x[:, :1]), "`start` must be of 2 dimensions"),
        (wls.Population(x, v, time=7.0), "at or after the start's time 7"),
    ]:
        with pytest.raises(ParameterError, match=said):
            found.forecast([6.0], start=start)


def test_a_forecast_of_tracks_has_names_and_dates():
    rng = np.random.default_rng(0)
    x, v = rng.standard_normal((12, 2)), rng.standard_normal((12, 2))
    positions = np.array([x + t * v for t in range(4)])
    positions[3, 5] = np.nan  # lost at the last time
    dates = np.datetime64("2021-03-01") + np.arange(4).astype("m8[D]")
    tracks = wls.Tracks(dates, positions, np.broadcast_to(v, positions.shape), ids=[f"cow {k}" for k in range(12)])
    pulled = {"pulled": short(wls.External(lambda x, xp: 3.0 * (x**2).sum(-1)))}
    found = wls.learn.study(tracks, budget=1, goal="forecast", candidates=pulled, progress=False)
    there = tuple(f"cow {k}" for k in range(12) if k != 5)
    for winner in ("ballistic", "steady transport", "pulled"):
        found.winners["forecast"] = winner
        path = found.forecast(["2021-03-05"])
        assert path.ids == there and path.dates[0] == np.datetime64("2021-03-05"), winner
    found.winners["forecast"] = "ballistic"
    np.testing.assert_allclose(found.forecast([4.0]).positions[0], np.delete(x + 4.0 * v, 5, axis=0))
    np.testing.assert_allclose(found.score(found.forecast([4.0])).w1["study: ballistic"], 0.0, atol=1e-12)
    kept = tracks.hold_out([2])[0]
    assert found.forecast([4.0], start=kept).ids == tuple(name for name in there if name != "cow 2")
    assert isinstance(found.forecast([4.0], start=tracks.snapshots()), wls.SnapshotSeries)


def test_each_population_goes_on_by_its_own_steady_transport(found):
    x = np.random.default_rng(0).standard_normal((20, 2))
    apart = {k: wls.SnapshotSeries([0.0, 1.0], [x + 9 * k, x + 9 * k + [k, 1.0]]) for k in (1, 2)}
    several = wls.SnapshotSeries.of_several(apart)
    ahead = found._naively("steady transport", several, np.array([2.0]))
    for k in (1, 2):
        np.testing.assert_allclose(ahead.population(k)[0].positions, x + 9 * k + [2 * k, 2.0])


def test_rollouts_are_not_begun_where_there_is_no_time_for_them(swinging):
    assert affordable(wls.learn.WLM(progress=False), swinging, 0.0) == 0
    assert affordable(wls.learn.WLM(progress=False), swinging, 1e-3) == 0
    rolled = {"slow": wls.learn.WLM(optimiser=wls.learn.AdamW(steps=10**6), progress=False)}
    late = wls.learn.study(swinging, budget=0.01, candidates=rolled, progress=False)
    assert late.learned == "" and late.chosen.optimiser.steps == 0 and late.chosen.matching is not None


def test_a_scheduler_that_is_not_there_is_said_before_the_work_begins(swinging):
    began = time.monotonic()
    with pytest.raises(ParameterError, match="nothing answers at"):
        wls.learn.study(swinging, client="tcp://127.0.0.1:1", progress=False)
    assert time.monotonic() - began < 15  # Dask would try for thirty


def test_the_budget_is_kept_where_fits_are_long(swinging):
    began = time.monotonic()
    endless = {"endless": wls.learn.WLM(optimiser=wls.learn.AdamW(steps=10**6), progress=False)}
    found = wls.learn.study(swinging, budget=8, candidates=endless, progress=False)
    assert found.model.fitted
    assert time.monotonic() - began < 40  # of wall time, on a machine that others may use


def test_a_last_fit_that_takes_longer_than_thought_ends_with_what_it_has_learned(found, swinging):
    """But not before half of its steps, with which it has hardly learned."""
    model = short(wls.learn.ExternalPotential((8,)), members=1)
    with enough_by(0.0):
        model.fit(swinging)
    assert len(model.losses_) == 15
    hurried = dataclasses.replace(found, chosen=model, model=model)
    assert "The last fit ended with the budget, after 15 of 30 steps" in str(hurried)
    assert "ended with the budget" not in str(found)


def test_two_marginals_leave_nothing_to_choose_by(swinging):
    found = wls.learn.study(swinging[[0, 2]], budget=5, candidates={"one": short()}, progress=False)
    assert found.winners == {} and found.untried == ["one"]
    assert len(found.forecast([2.0])) == 1


def test_an_interrupt_returns_the_best_so_far(swinging, monkeypatch):
    from wlmsim.learn.studies import search

    def interrupted(*given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:  # while processes start
        patch.setattr(search, "started", interrupted)
        assert wls.learn.study(swinging, budget=60, candidates={"one": short()}, progress=False).interrupted
    monkeypatch.setattr(search, "run_all", interrupted)
    found = wls.learn.study(swinging, budget=5, candidates={"one": short()}, progress=False)
    assert found.interrupted and found.model.fitted
    assert {entry.name for entry in found.entries} >= {"persistence", "ballistic", "OT-linear"}


def test_an_interrupt_of_the_last_fit_leaves_the_best_fit_of_a_fold(swinging, monkeypatch):
    from wlmsim.learn.studies import study as module

    def interrupted(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_final", interrupted)
    models = {"spring": short(wls.learn.SeriesPotential(order=2, waves=0), rollouts=None)}
    found = wls.learn.study(swinging, budget=8, candidates=models, progress=False)
    assert found.interrupted and found.learned == "spring, matched" and found.model.fitted


def test_a_fitted_candidate_tells_folds_nothing(swinging):
    """A fit that goes on from one to all marginals would know those that are left out."""
    models = {"spring": short(wls.learn.SeriesPotential(order=2, waves=0), rollouts=None)}
    cold = wls.learn.study(swinging, budget=8, candidates=models, progress=False)
    warm = {"spring": models["spring"].set_params(warm_start=True, stopping="early").fit(swinging)}
    found = wls.learn.study(swinging, budget=8, candidates=warm, progress=False)
    scores = [{e.name: e.scores for e in one.entries}["spring, matched"] for one in (cold, found)]
    assert scores[0] == scores[1]


def test_unusable_candidates_leave_the_others(swinging):
    nothing = short(wls.External(wls.laws.Harmonic(1.0)), friction=0.0)
    models = {"nothing to learn": nothing, "spring": short(wls.learn.SeriesPotential(order=2, waves=0), rollouts=None)}
    assert wls.learn.study(swinging, budget=30, candidates=models, progress=False).learned == "spring, matched"


def test_where_nothing_moves_persistence_is_exact():
    x = np.random.default_rng(0).standard_normal((20, 2))
    still = wls.SnapshotSeries(np.arange(4.0), [x] * 4, [np.zeros_like(x)] * 4)
    models = {"spring": short(wls.learn.SeriesPotential(order=2, waves=0), rollouts=None)}
    found = wls.learn.study(still, budget=30, goal="forecast", candidates=models, progress=False)
    np.testing.assert_array_equal(found.forecast([5.0])[0].positions, x)


def test_rows_without_weight_are_no_obstacle(swinging):
    w = np.r_[np.zeros(8), np.ones(42)]
    series = wls.SnapshotSeries(swinging.times, swinging.positions, swinging.velocities, [w] * 7)
    models = {"spring": short(wls.learn.SeriesPotential(order=2, waves=0), rollouts=None)}
    assert wls.learn.study(series, budget=30, candidates=models, progress=False).learned == "spring, matched"


def test_one_particle_that_has_all_the_weight_is_looked_at():
    x = np.random.default_rng(0).standard_normal((30, 2))
    series = wls.SnapshotSeries([0.0, 1.0, 2.0], [x, x + 0.01, x], weights=[np.eye(1, 30)[0]] * 3)
    seen = look(series)
    assert seen.spread == 0 and "cells that keep their number" in menu(series, seen)


def test_predictions_of_a_candidate_that_take_too_long_are_given_up():
    """A marginal a thousand times later than the others is thousands of steps away."""
    still, path = wls.Population(np.zeros((3, 2)), np.ones((3, 2))), wls.External(wls.laws.Harmonic(1.0))
    for mechanics in (wls.Lagrangian(path), wls.GradientFlow(path)):
        with pytest.raises(OutOfTimeError), until(time.monotonic()):
            wls.simulate(mechanics, still, [1e4], dt=1e-3)


@pytest.mark.filterwarnings("ignore:velocities have another unit")
def test_velocities_in_another_unit_are_converted(swinging):
    hours = wls.SnapshotSeries(swinging.times, swinging.positions, [v / 24 for v in swinging.velocities])
    found = wls.learn.study(hours, budget=4, candidates={"one": short()}, progress=False)
    assert found.velocity_factor == pytest.approx(24, rel=0.1)
    np.testing.assert_allclose(found.data.velocities[0], found.velocity_factor * hours.velocities[0])


def test_the_menu_suits_the_data(swinging):
    def names(data, **more):
        return list(menu(data, look(data), **more))

    assert names(swinging)[0] == "current"
    flock = wls.systems.Boids(n=40, seed=0).simulate(np.arange(0, 3, 0.5)).snapshots(seed=0)
    assert names(flock)[0] == "flock"
    unknown = names(swinging.without_velocities())
    assert unknown[0] == "cells that keep their number" and "inertial, changing potential" in unknown
    assert names(swinging.without_velocities()[:2]) == ["cells"]
    dog = wls.Trajectory([0.0, 3.0], np.zeros((2, 1, 2)))
    assert names(swinging, agents=[dog])[0] == "driven herd"


def test_budgets_are_times():
    assert (
        seconds_of("1 min") == 60 and seconds_of("90s") == 90 and seconds_of("2 hours") == 7200 and seconds_of(5) == 5
    )
    for wrong in ("soon", "-3 s", 0, "5 parsecs", "500 ms", "1.2.3 s", "2 hs"):
        with pytest.raises(ParameterError, match="budget"):
            seconds_of(wrong)


def test_bad_arguments_are_named(swinging):
    with pytest.raises(ParameterError, match="goal"):
        wls.learn.study(swinging, goal="guess")
    with pytest.raises(ParameterError, match="at least 2 marginals"):
        wls.learn.study(swinging[:1])
    with pytest.raises(ParameterError, match="agents"):
        wls.learn.study(swinging, agents=[swinging])
    for wrong in ({}, ["spring"], {"spring": 3}):
        with pytest.raises(ParameterError, match="candidates"):
            wls.learn.study(swinging, candidates=wrong)


def test_a_matched_winner_has_as_many_networks_as_time_allows(swinging):
    many = {"spring": short(wls.learn.SeriesPotential(order=2, waves=0), rollouts=None, members=3)}
    assert wls.learn.study(swinging, budget=39, candidates=many, progress=False).chosen.members == 3
    from wlmsim.learn.studies import study as module
    from wlmsim.learn.studies.clock import Clock

    given, fitted = module._final(many["spring"], swinging, Clock(0.0), 0, None)
    assert given.members == len(fitted._fitted_members) == 1


def test_the_best_is_rolled_out_anew_and_from_where_it_was_matched(swinging):
    """A start by matching saves time, but is not always the better one: on a school of fish the recipe anew was."""
    model = wls.learn.WLM(
        wls.learn.ExternalPotential(hidden=8, time_dependent=False),
        rollouts="multiple-shooting",
        optimiser=wls.learn.AdamW(steps=25, learning_rate=0.01),
        members=1,
        progress=False,
    )
    tried = Search(swinging, {"well": model}, ("forecast",), Clock(39.0))
    tried.run()
    assert {"well, matched", "well, rolled out", "well, polished"} <= {entry.name for entry in tried.entries}
    entries = {entry.name: entry for entry in tried.entries}
    assert entries["well, rolled out"].model.matching is None
    polished = entries["well, polished"]
    assert polished.begun == entries["well, matched"].fits
    assert polished.model.matching is not None  # as it is fitted to all marginals
    begun = tried._to_fit(polished, 0)
    assert begun.warm_start and begun.fitted and begun.matching is None
    assert begun.optimiser.learning_rate == pytest.approx(0.3 * 0.01)
    assert not begun.fit(tried.folds[0].fitted).losses_[0] > 2 * entries["well, rolled out"].fits[0].losses_[0]


def test_the_most_likely_candidates_have_the_longest_time(swinging, monkeypatch):
    names = ["a", "b", "c", "d"]
    tried = Search(swinging, dict.fromkeys(names, short()), ("forecast",), Clock(100.0))
    asked = {}

    def noted(entries, ends, what):
        asked.update({entry.candidate: end - tried.clock.started for entry, end in zip(entries, ends, strict=True)})
        return entries[:1]

    monkeypatch.setattr(tried, "_done", noted)
    tried._screen()
    assert asked == pytest.approx({"a": 60.0, "b": 60.0, "c": 60.0, "d": 35.0})
    assert tried.untried == ["b", "c", "d"]
