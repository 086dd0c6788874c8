"""Comparison of candidate mechanics, leave-one-out, fits in several processes."""

import math
import re
import threading

import matplotlib.image
import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.learn import Comparison, candidates, compare
from wlmsim.learn.selection import jobs
from wlmsim.learn.selection.jobs import Job, marginals_to_leave_out, run_all, unfitted
from wlmsim.learn.selection.leave_one_out import leave_one_out
from wlmsim.parallel import spread


def quick(**parameters) -> wls.learn.WLM:
    return wlm(**{"steps": 25, "members": 1, "progress": False, **parameters})


def bowl(frequency: float = 1.0) -> wls.learn.WLM:
    """A model that knows the bowl and learns only the friction."""
    return quick(potential=wls.External(wls.laws.Harmonic(frequency**2)), learning_rate=0.05)


@pytest.fixture(scope="module")
def spring() -> wls.SnapshotSeries:
    system = wls.systems.HarmonicOscillator(n=40, frequency=1.0, velocity_width=1.0, seed=0)
    return system.exact(np.linspace(0, 2, 5)).snapshots(seed=0)


def comparison(**w1) -> Comparison:
    """Scores made up: rows are seeds, columns marginals."""
    values = {name: np.array(rows, dtype=float) for name, rows in w1.items()}
    models = {name: quick() for name in values}
    frictions = {name: np.full_like(rows, 0.5) for name, rows in values.items()}
    shape = next(iter(values.values())).shape
    baselines = {"persistence": 0.9, "ballistic": math.nan, "OT-linear": 0.6}
    seconds = dict.fromkeys(values, 2.0)
    data = wls.SnapshotSeries([0.0], [np.zeros((1, 2))], units={"length": "km"})
    return Comparison(models, values, frictions, seconds, baselines, np.arange(shape[1]), tuple(range(shape[0])), data)


class TestComparison:
    def test_differences_are_paired(self):
        """What makes a marginal hard for both does not count."""
        result = comparison(a=[[0.1, 1.1], [0.2, 1.0]], b=[[0.2, 1.2], [0.31, 1.1]])
        assert result.ranking == ["a", "b"] and result.best_ == "a" and result.best_model_ is result.models["a"]
        differences = np.array([0.1, 0.1, 0.11, 0.1])
        assert result.standard_error("b", than="a") == pytest.approx(differences.std(ddof=1) / 2)
        assert result.standard_error("b") == pytest.approx(result.w1["b"].std(ddof=1) / 2)
        assert result.standard_error("b") > 10 * result.standard_error("b", than="a")
        assert result.undecided == []

    def test_those_within_two_standard_errors_are_undecided(self):
        result = comparison(a=[[0.1], [0.3], [0.2]], b=[[0.3], [0.1], [0.24]], c=[[0.8], [0.9], [0.8]])
        assert result.undecided == ["b"]
        text = result.report()
        assert "Not to be told apart from it by these fits: 'b'" in text and "Worse: 'c'" in text

    def test_a_single_fit_has_no_standard_error_and_decides_nothing(self):
        result = comparison(a=[[0.1]], b=[[0.2]])
        assert math.isnan(result.standard_error("a")) and result.undecided == ["b"]
        assert "0.1000" in str(result) and "+-" not in str(result)

    def test_a_candidate_that_diverged_comes_last(self):
        result = comparison(a=[[math.inf], [0.1]], b=[[0.2], [0.2]])
        assert result.ranking == ["b", "a"] and result.undecided == []
        assert "diverged" in str(result) and "'a' (diverged)" in result.report()
        hopeless = comparison(a=[[math.inf]])
        assert hopeless.report() == "Every candidate diverged."

    def test_the_table_and_the_report(self):
        result = comparison(good=[[0.1, 0.2], [0.1, 0.2]], bad=[[0.4, 0.5], [0.4, 0.6]])
        lines = str(result).splitlines()
        assert "W1 [km] on left-out marginals, mean over 2 seeds and 2 marginals" in lines[0]
        rows = [k for k, line in enumerate(lines) if any(f" {n} " in line for n in ("good", "bad", "OT-linear"))]
        assert rows == sorted(rows) and len(rows) == 3 and "ballistic" not in str(result)
        text = result.report()
        assert "Of 2 candidates, 'good' predicts the left-out marginals best: W1 0.1500" in text
        assert "ExternalPotential(hidden=(64, 64), time_dependent=True)" in text and "0.5, learned." in text
        assert "It beats the best naive baseline, OT-linear, W1 0.6000." in text

    def test_small_distances_keep_their_digits(self):
        result = comparison(a=[[0.0012], [0.0014]], b=[[0.0034], [0.0036]])
        assert "0.00130 +- 0.00010" in str(result) and "W1 0.00130 +- 0.00010" in result.report()

    def test_plot_draws_every_candidate_and_the_best_baseline(self):
        axes = comparison(a=[[0.1, 0.2]], b=[[0.4, 0.5]], c=[[math.inf, 0.1]]).plot()
        assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
        assert axes.get_xlabel() == "W1 on left-out marginals [km]"
        assert any(text.get_text() == "OT-linear" for text in axes.texts)
        axes.figure.savefig("/dev/null", format="png")

    def test_a_picture_of_the_ranking_alone(self, tmp_path):
        result = comparison(a=[[0.1, 0.2]], b=[[0.4, 0.5]])
        assert width(result.draw(tmp_path / "ranking.png")) == 840  # nothing is known of what was learned
        with pytest.raises(ParameterError, match="`name` must be one of 'a', 'b'; got 'c'"):
            result.draw(tmp_path / "ranking.png", "c")
        with pytest.raises(ParameterError, match=r"`path's suffix` must be one of '\.png'"):
            result.draw(tmp_path / "ranking")


def width(picture) -> int:
    """Of a picture in pixels."""
    return matplotlib.image.imread(picture).shape[1]


class TestCompare:
    def test_the_true_mechanics_win(self, spring):
        result = compare({"stiff": bowl(2.0), "true": bowl()}, spring, seeds=(0, 1), validation=[2, -1])
        assert result.best_ == "true" and result.undecided == []
        assert result.w1["true"].shape == (2, 2) and result.times.tolist() == [1.0, 2.0]
        assert result.mean["true"] < 0.1 < result.mean["stiff"]
        assert set(result.baselines) >= {"persistence", "OT-linear"} and math.isnan(result.baselines["OT-linear"])

    def test_what_was_learned_is_drawn(self, spring, tmp_path):
        potential = wls.learn.ExternalPotential((8,), time_dependent=False)
        models = {
            "pairs": quick(potential=potential + wls.learn.PairPotential(1.0)),
            "alone": quick(potential=potential),
        }
        result = compare(models, spring, seeds=(0, 1))
        for name, panels in {"pairs": 3, "alone": 2}.items():
            # each seed learned something of its own
            first, second = (
                fit.potential.energy(spring[0].positions, spring[0].weights) for fit in result.mechanics[name]
            )
            assert first != second
            assert width(result.draw(tmp_path / f"{name}.png", name)) == panels * 840

    def test_models_stay_unfitted_and_names_come_from_what_differs(self, spring):
        models = [bowl(), quick(friction=0.0)]
        result = compare(models, spring, seeds=[3])
        assert not any(model.fitted for model in models)
        assert list(result.models) == [repr(model) for model in models]

    def test_a_fit_that_diverges_is_recorded(self, spring):
        wild = quick(potential=wls.External(wls.laws.Harmonic(1e8)))
        result = compare({"wild": wild, "true": bowl()}, spring, seeds=[0])
        assert result.mean["wild"] == math.inf and result.best_ == "true"
        assert [len(fits) for fits in result.mechanics.values()] == [0, 1]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"models": {}}, "`models` must be at least one WLM"),
            ({"models": {"a": 1}}, "`models`"),
            ({"seeds": []}, "`seeds` must be"),
            ({"seeds": [0, 0]}, "`seeds` must be"),
            ({"validation": 0}, "`validation` must be"),
            ({"validation": [5]}, "`validation` must be"),
            ({"validation": "first"}, "`validation` must be"),
            ({"processes": 0}, "`processes`"),
        ],
    )
    def test_bad_input(self, spring, arguments, message):
        with pytest.raises(ParameterError, match=message):
            compare(**{"models": {"a": bowl()}, "data": spring, **arguments})

    def test_predictions_from_both_sides(self, spring):
        """A force that is wrong does less harm where a prediction has to meet both ends."""
        models = {"true": bowl(), "stiff": bowl(1.3)}
        one, both = (compare(models, spring, seeds=[0], validation=[2], two_sided=flag) for flag in (False, True))
        assert both.mean["stiff"] < 0.5 * one.mean["stiff"] and both.best_ == "true"
        assert "left-out marginals, predicted from both sides, mean over 1 seed" in " ".join(str(both).split())
        fitted, held = spring.hold_out([2])
        direct = unfitted(models["true"]).fit(fitted).evaluate(held, two_sided=True)
        np.testing.assert_array_equal(both.w1["true"], [direct.w1["WLM"]])

    def test_nothing_comes_after_the_last_marginal(self, spring):
        for which in ("last", "each", [2, -1]):
            with pytest.raises(ParameterError, match="`validation` must be 'between' or indices without the last"):
                compare({"a": bowl()}, spring, validation=which, two_sided=True)

    def test_three_marginals_are_needed(self, spring):
        with pytest.raises(ParameterError, match="at least 3 marginals"):
            compare({"a": bowl()}, spring[:2])


class TestCandidates:
    def test_all_can_be_fitted(self, spring):
        models = candidates(spring, optimiser__steps=2, members=1, progress=False)
        assert len(models) == 7
        for model in models.values():
            assert np.isfinite(model.fit(spring).forecast(spring[-1], times=[2.2]).positions).all()

    def test_without_velocities_inertia_estimates_them(self, spring):
        still = spring.without_velocities()
        rules = {name: model.initial_velocities for name, model in candidates(still).items()}
        assert len(rules) == 7 and set(rules.values()) == {"transport"}
        zero = candidates(still, initial_velocities="zero")
        assert {model.initial_velocities for model in zero.values()} == {"zero"}

    def test_parameters_reach_every_model(self, spring):
        assert {model.optimiser.steps for model in candidates(spring, optimiser__steps=7).values()} == {7}


class TestJobs:
    def test_processes_are_taken_where_they_save_time(self, spring, monkeypatch):
        taken = []

        def here(work, items, count, client, receive):
            taken.append((len(items), count))
            return [jobs.run(item) for item in items]

        monkeypatch.setattr(spread, "spread", here)
        monkeypatch.setattr(spread, "cores", lambda: 2)
        quick = {"seeds": (0, 1, 2), "progress": False}
        monkeypatch.setattr(spread, "START_UP", math.inf)
        first = compare({"a": bowl()}, spring, **quick)
        assert not taken
        monkeypatch.setattr(spread, "START_UP", 0.0)
        second = compare({"a": bowl()}, spring, **quick)
        assert taken == [(2, 2)]
        np.testing.assert_array_equal(first.w1["a"], second.w1["a"])

    def test_progress_is_shown_from_the_second_second_on(self, spring, capsys, monkeypatch):
        compare({"a": bowl()}, spring, seeds=(0, 1))
        assert "fits" not in capsys.readouterr().err
        monkeypatch.setattr("wlmsim._progress.SHORT", -1.0)
        compare({"a": bowl()}, spring, seeds=(0, 1))
        assert "fits" in capsys.readouterr().err

    @pytest.mark.slow
    def test_processes_give_what_one_gives(self, spring):
        """Lambdas can be sent."""
        jobs = [Job(bowl(), spring, k, seed=1) for k in (2, 4)]
        jobs.append(Job(quick(potential=wls.External(lambda x, xp: (x**2).sum(-1))), spring, 2, 0))
        alone, together = run_all(jobs, 1), run_all(jobs, 2)
        assert [o.w1 for o in alone] == [o.w1 for o in together]

    def test_what_cannot_be_sent_is_named(self, spring):
        model = quick()
        model.seed = threading.Lock()
        with pytest.raises(ParameterError, match="`processes` must be 1 for what cannot be sent"):
            run_all([Job(model, spring, 2, 0)], 2)

    def test_which_marginals(self, spring):
        for which, expected in {"last": [4], "between": [1, 2, 3], "each": [1, 2, 3, 4], -2: [3]}.items():
            assert marginals_to_leave_out("validation", which, spring) == expected
        assert marginals_to_leave_out("validation", [3, -4, 3], spring) == [1, 3]

    def test_a_copy_is_its_own(self, spring):
        model = quick(checkpoint="somewhere", potential=wls.learn.ExternalPotential((4,)))
        other = unfitted(model, seed=9)
        assert other.seed == 9 and other.checkpoint is None and model.checkpoint == "somewhere"
        assert other.potential is not model.potential


class TestLeaveOneOut:
    def test_each_marginal_is_predicted_from_a_fit_without_it(self, spring):
        scores = leave_one_out(bowl(), spring)
        assert scores.times.tolist() == [0.5, 1.0, 1.5] and scores.origins.tolist() == [0.0, 0.5, 1.0]
        assert scores.protocol == "leave one out" and scores.mean["WLM"] < 0.05
        # the naive baselines use the neighbours of each
        assert scores.w1["OT-linear"].shape == (3,) and np.isfinite(scores.w1["OT-Hermite"]).all()
        last = leave_one_out(bowl(), spring, marginals=[1, -1])
        assert np.isnan(last.w1["OT-linear"]).tolist() == [False, True]
        assert "leave one out" in str(scores)

    def test_from_both_sides(self, spring):
        scores = leave_one_out(bowl(), spring, marginals=[2], two_sided=True)
        fitted, held = spring.hold_out([2])
        expected = unfitted(bowl()).fit(fitted).evaluate(held, two_sided=True)
        assert scores.w1["WLM"] == expected.w1["WLM"]
        assert scores.w1["WLM"] != leave_one_out(bowl(), spring, marginals=[2]).w1["WLM"]
        assert "leave one out, each between the fitted marginals around it" in " ".join(str(scores).split())
        with pytest.raises(ParameterError, match="`marginals` must be 'between'"):
            leave_one_out(bowl(), spring, marginals="each", two_sided=True)

    def test_divergence_says_which_marginal(self, spring):
        wild = quick(potential=wls.External(wls.laws.Harmonic(1e8)))
        with pytest.raises(SimulationError, match=r"without the marginal at t = 0\.5"):
            leave_one_out(wild, spring)


def test_a_notebook_shows_the_table():
    page = comparison(good=[[0.1, 0.2]], worse=[[0.3, 0.4]])._repr_html_()
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert cells[0] == "<b>good</b>" and cells[5] == "worse" and {"OT-linear", "persistence"} <= set(cells)
    assert "ballistic" not in cells and "left-out marginals" in page
