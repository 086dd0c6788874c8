"""What the report of a study says, and how far it lets one believe it."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest

import wlmsim as wls
from tests.learn.studies.conftest import LEARNED
from wlmsim.learn.studies import words
from wlmsim.learn.studies.folds import GOALS, folds_of
from wlmsim.learn.studies.ranking import rankings
from wlmsim.learn.studies.report import summary_html, text
from wlmsim.learn.studies.search import Entry
from wlmsim.learn.studies.trust import Agreement, calibrations, frictions


def flat(report: str) -> str:
    """The report without its lines."""
    return " ".join(report.split())


def test_the_learned_mechanics_wins(made):
    said = flat(text(made()))
    assert (
        f"Later marginals are predicted best by the learned mechanics '{LEARNED}', W1 0.1 km, "
        "geometric mean over 3 folds" in said
    )
    assert "67% below the best that needs no mechanics, ballistic (0.3 km)" in said
    assert "predictions use it" not in said and "tell it apart" not in said


def test_a_naive_way_that_wins_is_said_to_predict(made):
    study = made(w1=(0.5, 0.5, 0.5))
    said = flat(str(study))
    assert (
        "Later marginals are predicted best by 'ballistic', W1 0.3 km, geometric mean over 3 folds, "
        "which is no mechanics" in said
    )
    assert f"predictions use it. The best mechanics, '{LEARNED}', is 67% worse (W1 0.5 km)" in said
    assert "mechanics predicts worse than 'ballistic'; read its laws with care" in said


def test_mechanics_that_is_better_for_all_goals_together_is_said_to_predict(made):
    study = made()
    study.entries.append(Entry("current, matched", study.chosen, {"forecast": [0.05, 0.05, 0.05]}))
    assert f"Predictions use '{LEARNED}', the mechanics that does best on all goals" in flat(str(study))
    study.winners["forecast"] = "ballistic"
    assert "Predictions use 'ballistic': the mechanics that does best on all goals" in flat(str(study))
    assert rankings(study)[0].used.name == "ballistic"


def test_the_table_has_all_in_one_order_with_the_naive_ones_marked(made):
    lines = str(made(w1=(0.25, 0.35, 0.45))).splitlines()
    rows = [line for line in lines if "│" in line][:3]
    assert "ballistic (no mechanics)" in rows[0] and LEARNED in rows[1] and "persistence (no mechanics)" in rows[2]
    assert "0.25" in rows[1] and "0.45" in rows[1]  # fold by fold


def test_what_is_as_good_by_the_folds_is_not_told_apart(made):
    ranking = rankings(made(w1=(0.15, 0.45, 0.45)))[0]  # by factors of 3/4, 3/2 and 1: 4 % +- 20 %
    assert ranking.best.name == "ballistic" and [entry.name for entry in ranking.undecided] == [LEARNED]
    share = np.log([0.75, 1.5, 1.0]).std(ddof=1) / math.sqrt(3)
    assert ranking.standard_error(LEARNED, than="ballistic") == pytest.approx(share * ranking.mean[LEARNED])
    assert rankings(made(w1=(0.25, 0.375, 0.57)))[0].undecided == []  # always worse by a fourth
    assert "3 folds are too few, or too unlike, to tell it apart from" in flat(str(made(w1=(0.15, 0.45, 0.45))))


def test_beside_what_is_exact_no_ratio_is_told(made):
    said = flat(str(made(naive=(0.0, 0.0, 0.0))))
    assert f"The best mechanics, '{LEARNED}', is not exact (W1 0.1 km)" in said and "e+" not in said


def test_one_that_diverged_comes_last_and_is_named(made):
    study = made(w1=(0.1, math.inf, 0.1))
    assert rankings(study)[0].ranking[-1] == LEARNED
    assert f"Diverged on a fold: {LEARNED}" in flat(text(study)) and "diverged" in text(study)


def test_nothing_better_than_persistence_is_a_warning(made):
    study = made(w1=(0.9, 0.8, 0.69), naive=(0.9, 0.9, 0.9))
    assert "nothing predicts clearly better than that all stay where they are" in flat(text(study))


def test_of_two_marginals_nothing_is_tested(made, spring):
    study = made(folds=[], learned="")
    study.entries, study.winners = [], {}
    said = flat(text(study))
    assert (
        "Nothing could be left out" in said and "none could be left out: how well anything predicts is unknown" in said
    )


def test_the_course_is_told(made):
    said = flat(text(made(interrupted=True, velocity_factor=24.0)))
    assert "It took 12 s of a budget of 60 s" in said and "Not tried for lack of time: 'current'." in said
    assert "It was interrupted" in said and "Velocities were multiplied by 24" in said
    assert "compiling" not in said
    slow = flat(text(made(compiling=8.0)))
    assert "Of these 8 s went to compiling, which is done once on a machine: the same study again gets farther." in slow


@pytest.mark.filterwarnings("ignore:.* is nearer")  # the fit is too short
def test_an_interrupted_study_ends_at_once_and_says_so(spring, tiny, monkeypatch):
    def interrupt(search):
        raise KeyboardInterrupt

    monkeypatch.setattr("wlmsim.learn.studies.search.Search._screen", interrupt)
    long = copy.deepcopy(tiny).set_params(rollouts="anchored", optimiser__steps=100_000)
    study = wls.learn.study(spring, budget="5 min", candidates={"tiny": long}, progress=False)
    said = flat(text(study))
    assert study.seconds < 60 and study.chosen.members == 1 and study.chosen.part("optimiser").steps < 100
    assert "It was interrupted" in said and "Not tried for lack of time: 'tiny'." in said
    assert "the mechanics that was fitted was not tested on any fold" in said


def test_the_expression_repeats_the_model(made):
    study = made()
    names = {name: getattr(wls.learn, name) for name in ("WLM", "ExternalPotential", "Matching", "AdamW")}
    again = eval(words.repeat(study), names)
    assert repr(again) == repr(study.chosen) and flat(words.repeat(study)) in flat(text(study))


def test_friction_has_its_range_over_networks_and_folds(made):
    study = made()
    rates = frictions(study)
    assert len(rates) == 2 + 6
    assert f"{min(rates):.3g} to {max(rates):.3g} over 8 networks" in flat(text(study)) and " / day" in text(study)


def test_fits_that_are_the_same_agree_and_others_do_not(made):
    agreement = Agreement.of(made())
    same = Agreement([agreement.potentials[0]] * 3, agreement.series)
    assert same.share == 1.0
    bowl, hill = (wls.External(lambda x, xp, k=k: 0.5 * k * (x**2).sum(-1)) for k in (1.0, -1.0))
    assert Agreement([bowl, hill], agreement.series).share == 0.0
    assert math.isnan(Agreement([bowl], agreement.series).share)
    places = np.array([[1.0, 0.0], [0.0, 2.0]])
    np.testing.assert_allclose(Agreement([bowl], agreement.series).forces(places, 0.0)[0], -places, rtol=1e-6)


def test_calibration_is_by_fits_that_have_not_seen_what_they_forecast(made):
    found = calibrations(made())
    assert [one.fits for one in found] == [3, 2] and found[0].time == 2.0
    assert all(one.error > 0 and one.sampling > 0 and np.isfinite(one.ratio) for one in found)
    assert "No two fits" in words.calibration(made(learned=""))[0]


def test_a_notebook_shows_it(made):
    shown = summary_html(made())
    assert "<table" in shown and LEARNED in shown and "persistence (no mechanics)" in shown
    assert made()._repr_html_() == shown


def test_dates_and_growth_are_said(made, spring):
    study = made()
    dated = wls.SnapshotSeries(
        spring.times,
        spring.positions,
        spring.velocities,
        units=spring.units,
        metadata={"first_date": "2024-05-01"},
    )
    study.data = dated
    study.folds = folds_of(dated, GOALS)
    assert words.title(study).endswith("2024-05-01T00:00 to 2024-05-03T00:00") or words.title(study).endswith(
        "2024-05-01 to 2024-05-03"
    )
    assert "2024-05-0" in "".join(rankings(study)[0].held()) and "t = " not in "".join(rankings(study)[0].held())
    assert not any("rowth" in sentence for sentence in words.learned(study))
    study.seen.growing = True
    assert words.learned(study)[-1] == "No growth was learned: every particle keeps its weight."
    study.model.reach_ = 2.0
    assert "farther than 2 km, particles rather multiply and die" in words.learned(study)[-1]
    study.data = dated.with_columns(growth=[np.zeros(n) for n in dated.sizes])
    assert words.learned(study)[-1].startswith("Growth was learned, beside what was known: farther than 2 km")
    study.model.reach_ = np.inf
    assert words.learned(study)[-1].startswith("Growth is what was known beforehand")
