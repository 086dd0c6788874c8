"""The parts of WLM: every one of them is discovered, keeps what it declares, and is known by nested names."""

from __future__ import annotations

import dataclasses
import inspect
import math

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.learn.options.constraints import Flag, Integer, Real, Word
from wlmsim.learn.options.estimator import UnknownParameterError
from wlmsim.learn.options.part import Part

EXPORTED = {name: getattr(wls.learn, name) for name in wls.learn.__all__}
PARTS = [kind for kind in EXPORTED.values() if inspect.isclass(kind) and issubclass(kind, Part)]
OPTIONS = [(kind, field) for kind in PARTS for field in dataclasses.fields(kind) if field.name in kind.constraints]

REQUIRED = {"path": "fit.checkpoint"}


def made(kind, **options):
    """A part with its defaults, but for what it needs and for some options."""
    needed = {f.name: REQUIRED[f.name] for f in dataclasses.fields(kind) if f.default is dataclasses.MISSING}
    return kind(**{**needed, **options})


def another(constraint, value):
    """A value that an option may have, other than the given one."""
    if isinstance(constraint, Flag):
        return not value
    if isinstance(constraint, Word):
        return next(word for word in constraint.words if word != value)
    if isinstance(constraint, Integer):
        return 7
    return 0.25


@pytest.fixture(scope="module")
def spring() -> wls.SnapshotSeries:
    return wls.systems.HarmonicOscillator(n=20, seed=0).exact(np.linspace(0, 2, 6)).snapshots(seed=0)


def test_the_parts_of_a_model_are_those_that_are_exported():
    taken = {kind for choice in wls.learn.WLM.parts.values() for kind in choice.classes}
    assert taken == set(PARTS) and len(PARTS) >= 11


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
class TestParts:
    def test_immutable_equal_and_hashable(self, kind):
        part = made(kind)
        assert part == made(kind) and hash(part) == hash(made(kind))
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(part, dataclasses.fields(kind)[0].name, 1)

    def test_every_option_is_declared_and_documented(self, kind):
        names = [field.name for field in dataclasses.fields(kind)]
        assert set(names) - set(REQUIRED) == set(kind.constraints)
        table = inspect.getdoc(kind)
        assert all(f"\n{name} : " in table for name in names)
        defaults = [field for field in dataclasses.fields(kind) if field.default is not dataclasses.MISSING]
        assert table.count("Default") >= len(defaults)

    def test_a_misspelt_option_is_named(self, kind):
        with pytest.raises(ParameterError, match=f"{kind.__name__} has no option `wheels`; it has "):
            made(kind).replace(wheels=4)


@pytest.mark.parametrize(("kind", "field"), OPTIONS, ids=lambda x: getattr(x, "__name__", getattr(x, "name", "")))
class TestOptions:
    def test_repr_shows_what_differs_from_the_default(self, kind, field):
        value = another(kind.constraints[field.name], field.default)
        changed = made(kind, **{field.name: value})
        assert f"{field.name}={value!r}" in repr(changed)
        assert f"{field.name}=" not in repr(made(kind))
        assert eval(repr(changed), {**EXPORTED, "inf": math.inf}) == changed

    def test_what_it_may_not_be_is_refused(self, kind, field):
        constraint = kind.constraints[field.name]
        wrong: list = ["nonsense"] if not isinstance(constraint, Word) else [3]
        if isinstance(constraint, Real):
            wrong += [math.nan, True, -math.inf]
        if isinstance(constraint, Integer):
            wrong += [1.5, True]
        if getattr(constraint, "optional", None) is False:
            wrong += [None]
        for value in wrong:
            if constraint.allows(value):
                continue
            with pytest.raises(ParameterError, match=f"`{kind.__name__}.{field.name}` must be .*; got "):
                made(kind, **{field.name: value})

    def test_nested_names_reach_it(self, kind, field):
        owner = next(name for name, choice in wls.learn.WLM.parts.items() if kind in choice.classes)
        value = another(kind.constraints[field.name], field.default)
        model = wls.learn.WLM(**{owner: made(kind)})
        assert model.set_params(**{f"{owner}__{field.name}": value}) is model
        assert model.get_params()[f"{owner}__{field.name}"] == value
        assert getattr(model, owner) == made(kind, **{field.name: value})
        assert f"{owner}.{field.name}" in wls.learn.WLM.nested_names()


class TestShorthands:
    def test_what_the_defaults_are(self):
        model = wls.learn.WLM()
        assert model.part("loss") == wls.learn.Exact(velocity_weight=0.0, reach=math.inf)
        assert model.part("regularisation") == wls.learn.Regularisation(force=0.001, jerk=0.0003)
        assert model.part("rollouts") == wls.learn.Anchored(horizon=None, ramp=0.0)
        assert wls.learn.WLM(rollouts="multiple-shooting").part("rollouts") == wls.learn.MultipleShooting()
        assert wls.learn.WLM(loss="energy").part("loss") == wls.learn.Energy()
        assert model.part("optimiser") == wls.learn.AdamW(steps=1000, batch_size=200)
        assert model.part("stopping") is model.part("checkpoint") is None

    def test_words_stand_for_defaults(self):
        for name, choice in wls.learn.WLM.parts.items():
            for word, kind in choice.words.items():
                model = wls.learn.WLM(**{name: word})
                assert getattr(model, name) == word  # kept as given, as scikit-learn wants it
                assert model.part(name) == kind()
                assert repr(model.set_params(**{name: kind()})) in ("WLM()", f"WLM({name}={kind()!r})")

    def test_a_device_and_a_path_are_shorthands(self, tmp_path):
        assert wls.learn.WLM(runtime="cpu").part("runtime") == wls.learn.Runtime(device="cpu")
        path = tmp_path / "fit.checkpoint"
        assert wls.learn.WLM(checkpoint=path).part("checkpoint") == wls.learn.Checkpoint(path=path)

    def test_a_wrong_word_is_named_when_the_fit_begins(self, spring):
        with pytest.raises(ParameterError, match=r"`loss` must be .exact. or .*did you mean .sinkhorn."):
            wls.learn.WLM(loss="sinkhorm").fit(spring)

    def test_options_of_a_missing_part_make_it(self):
        model = wls.learn.WLM().set_params(stopping__patience=3)
        assert model.stopping == wls.learn.EarlyStopping(patience=3)


class TestNames:
    def test_old_keywords_say_where_they_are_now(self):
        for name in wls.learn.WLM.moved:
            for use in (lambda n: wls.learn.WLM(**{n: 1}), lambda n: wls.learn.WLM().set_params(**{n: 1})):
                with pytest.raises(UnknownParameterError, match=f"WLM has no parameter `{name}` any more: "):
                    use(name)
        with pytest.raises(TypeError, match=r"WLM\(rollouts=MultipleShooting\(horizon=\.\.\.\)\)"):
            wls.learn.WLM(horizon=3)

    def test_what_moved_is_where_the_errors_say(self):
        nested = [name.replace(".", "__") for name in wls.learn.WLM.nested_names()]
        for name, text in wls.learn.WLM.moved.items():
            if name not in ("training", "callbacks"):
                assert text.split("`")[-2] in nested

    def test_about_a_dozen_parameters(self):
        assert len(inspect.signature(wls.learn.WLM).parameters) <= 18

    def test_misspelt_nested_names_are_named(self):
        with pytest.raises(ParameterError, match="Exact has no option `raech`"):
            wls.learn.WLM().set_params(loss__raech=1.0)
        with pytest.raises(ParameterError, match="did you mean 'loss__reach'"):
            wls.learn.WLM().set_params(los__reach=1.0)


class TestMistakes:
    """What newcomers tried, and what they are told."""

    @pytest.mark.parametrize(
        ("make", "told"),
        [
            (lambda: wls.learn.Exact(reech=1.5), r"Exact has no option `reech` \(did you mean 'reach'\?\)"),
            (lambda: wls.learn.AdamW(30), "AdamW takes its options by name, steps, learning_rate, .*; got 30"),
            (
                lambda: wls.learn.WLM(loss__reach=2),
                r"an option of `loss`: WLM\(loss=Exact\(reach=...\)\), or set_params",
            ),
            (lambda: wls.learn.Exact(reach=10**400), "`Exact.reach` must be"),
            (lambda: wls.learn.WLM().set_params(checkpoint__every=3), "a Checkpoint needs `checkpoint__path` too"),
            (
                lambda: wls.learn.WLM().set_params(stopping=None, stopping__patience=2),
                "`stopping` must be a part, where its options patience are given too; got None",
            ),
        ],
        ids=["misspelt", "without a name", "nested in the constructor", "huge", "incomplete", "contradictory"],
    )
    def test_in_the_making(self, make, told):
        with pytest.raises(ParameterError, match=told):
            make()

    @pytest.mark.parametrize(
        ("parameters", "told"),
        [
            ({"loss": wls.learn.Exact}, r"construct it, Exact\(\)"),
            ({"loss": {"reach": 1.5}}, r"such as Exact\(reach=1.5\)"),
            ({"friction": "inf"}, "write the number, math.inf, and not its text"),
            ({"seed": 2**64}, "`seed` must be an integer >= 0 and <="),
        ],
        ids=["class", "mapping", "text", "seed"],
    )
    def test_in_the_fit(self, spring, parameters, told):
        with pytest.raises(ParameterError, match=told):
            wls.learn.WLM(**parameters).fit(spring)

    @pytest.mark.parametrize("callbacks", [print, None, [wls.learn.JSONLines], "print"], ids=str)
    def test_callbacks(self, spring, callbacks):
        with pytest.raises(ParameterError, match="`callbacks` must be"):
            wls.learn.WLM().fit(spring, callbacks=callbacks)

    def test_nothing_is_set_where_one_of_several_is_wrong(self):
        model = wls.learn.WLM()
        with pytest.raises(ParameterError):
            model.set_params(seed=5, loss="sinkhorn", loss__reach=3.0)
        assert (model.seed, model.loss) == (0, "exact")

    def test_seeds_of_numpy_are_seeds(self, spring):
        quick = {"optimiser": wls.learn.AdamW(steps=2), "members": 1, "progress": False}
        one, same = (wls.learn.WLM(seed=seed, **quick).fit(spring) for seed in (3, np.int64(3)))
        np.testing.assert_array_equal(one.losses_, same.losses_)


class TestScikitLearn:
    def test_clone_keeps_parts(self):
        from sklearn.base import clone

        model = wls.learn.WLM(loss=wls.learn.Exact(reach=2.0), rollouts="multiple-shooting", stopping="early")
        copy = clone(model)
        assert copy is not model and repr(copy) == repr(model) and copy.get_params() == model.get_params()

    def test_a_grid_over_nested_names_is_searched(self, spring):
        """By forecasts of the last marginal: the given friction that is the true one is found."""
        from sklearn.model_selection import GridSearchCV, ParameterGrid

        bowl = wls.External(wls.laws.Harmonic(1.0)) + wls.learn.ExternalPotential((4,))
        model = wls.learn.WLM(bowl, optimiser=wls.learn.AdamW(steps=3), members=1, progress=False)
        grid = {"friction": [0.0, 3.0], "optimiser__batch_size": [5, None]}
        folds = [(list(range(5)), [5]), (list(range(4)), [4])]
        search = GridSearchCV(model, grid, cv=folds, refit=False, error_score="raise").fit(spring)
        assert search.best_params_["friction"] == 0.0
        assert len(search.cv_results_["mean_test_score"]) == len(ParameterGrid(grid)) == 4
        scores = -search.cv_results_["mean_test_score"]
        assert (scores > 0).all()
        fitted, held = spring.hold_out([5])
        again = wls.learn.WLM(bowl).set_params(**model.get_params(deep=False)).set_params(**search.best_params_)
        assert again.fit(fitted).score(held) == pytest.approx(search.cv_results_["split0_test_score"].max())
