"""WLM keeps scikit-learn's habits: its own checks where they do not ask for a matrix of features, ours where they do.

Left out are the checks that call ``fit(X, y)`` with arrays (types, sparsity, memory layout, sample weights, targets,
feature names, methods of classifiers, regressors and transformers): what is fitted here is a series of snapshots. Those
among them that mean something for it are written anew below: the constructor's parameters stay as they were, and so do
the data; fit returns itself, forgets earlier fits and is a function of the seed; what is fitted ends in ``_``; what is
not fitted says so; models are pickled; data of another dimension are refused.
"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import NotFittedError, ParameterError

estimator_checks = pytest.importorskip("sklearn.utils.estimator_checks")

QUICK = {"steps": 6, "members": 2, "progress": False}
CHECKS = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_checks_of_scikit_learn(name):
    getattr(estimator_checks, name)("WLM", wls.learn.WLM())


def spring(dim=2, seed=10):
    return wls.systems.HarmonicOscillator(n=25, dim=dim, seed=seed).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


def model(**parameters):
    potential = wls.learn.ExternalPotential(hidden=8) + wls.External(wls.laws.Harmonic(0.5))
    return wlm(potential, **{**QUICK, **parameters})


@pytest.fixture(scope="module")
def fitted():
    return model().fit(spring())


def test_clone_is_unfitted_and_has_equal_parameters(fitted):
    from sklearn.base import clone

    other = clone(fitted)
    assert not other.fitted and repr(other) == repr(model())
    assert other.potential is not fitted.potential
    np.testing.assert_array_equal(other.fit(spring()).losses_, fitted.losses_)


def test_check_is_fitted_knows(fitted):
    from sklearn.exceptions import NotFittedError as Unfitted
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(fitted)
    with pytest.raises(Unfitted):
        check_is_fitted(model())


def test_fit_changes_neither_parameters_nor_data():
    estimator, data = model(friction=0.3), spring()
    before = dict(estimator.get_params())
    described, term = repr(estimator), copy.deepcopy(estimator.potential.terms[0])
    untouched = spring()
    assert estimator.fit(data) is estimator
    after = estimator.get_params()
    assert all(after[name] is before[name] for name in before)
    assert repr(estimator).startswith(described[:-1])
    assert estimator.potential.terms[0].psi is term.psi is None  # what is trained is a copy
    assert data == untouched


def test_what_is_fitted_ends_in_an_underscore(fitted):
    new = set(vars(fitted)) - set(vars(model()))
    assert {"friction_", "lagrangian_", "losses_", "dt_"} <= new
    assert [name for name in new if not name.endswith("_") and not name.startswith("_")] == []


def test_a_fit_is_a_function_of_its_seed_and_forgets_earlier_ones(fitted):
    again = model().fit(spring(seed=11)).fit(spring())
    np.testing.assert_array_equal(again.losses_, fitted.losses_)
    assert again.friction_ == fitted.friction_
    assert not np.array_equal(model(seed=1).fit(spring()).losses_, fitted.losses_)


def test_what_is_not_fitted_says_so():
    for use in (
        lambda m: m.forecast(spring()[0], [1.0]),
        lambda m: m.evaluate(spring()),
        lambda m: m.interpolate([1.0]),
        lambda m: m.save("model"),
        lambda m: m.lagrangian_,
        lambda m: m.friction_,
    ):
        with pytest.raises(NotFittedError, match="call fit first"):
            use(model())
    assert not hasattr(model(), "friction_")


def test_pickles_forecast_the_same(fitted):
    other = pickle.loads(pickle.dumps(fitted))
    start, times = spring()[0], [0.5, 1.0]
    assert other.forecast(start, times) == fitted.forecast(start, times)
    assert repr(pickle.loads(pickle.dumps(model()))) == repr(model())


@pytest.mark.parametrize(
    ("use", "name"),
    [
        (lambda m, other: m.forecast(other[0], [1.0]), "start"),
        (lambda m, other: m.interpolate([0.7], other), "data"),
        (lambda m, other: m.evaluate(other), "observed"),
        (lambda m, other: m.evaluate(other[1:], start=other[0]), "observed"),
        (lambda m, other: m.evaluate(spring()[1:], start=other[0]), "start"),
    ],
    ids=["forecast", "interpolate", "evaluate", "forecasted", "started"],
)
def test_data_of_another_dimension_are_refused(fitted, use, name):
    with pytest.raises(ParameterError, match=f"`{name}` must be of 2 dimensions, as the fitted data are"):
        use(fitted, spring(dim=3))


def test_misspelt_parameters():
    with pytest.raises(ParameterError, match=r"`frictoin` is not a parameter of WLM \(did you mean 'friction'\?\)"):
        model().set_params(frictoin=0.1)
    with pytest.raises(ValueError, match="`gears` is not a parameter of WLM; known are potential, friction"):
        model().set_params(gears=3)
