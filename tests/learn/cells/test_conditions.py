"""One mechanics for several conditions."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import DataWarning, ParameterError

DRIFT, LIFT = 1.0, 0.8
"""All cells move to the right; the drug lifts them, by so much a day."""


@pytest.fixture(scope="module")
def treated():
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    day = np.repeat([0.0, 1.0, 2.0], 160)
    drug = rng.random(len(day)) < 0.5
    x = 0.3 * rng.normal(size=(len(day), 2)) + np.column_stack([DRIFT * day, np.where(drug, LIFT, 0.0) * day])
    obs = {"day": day, "treatment": np.where(drug, "drug", "untreated"), "flask": "a"}
    return anndata.AnnData(obs=pandas.DataFrame(obs, index=[f"c{k}" for k in range(len(day))]), obsm={"X_pca": x})


@pytest.fixture(scope="module")
def found(treated):
    quickly = {"noise": 0.1, "optimiser__steps": 120, "members": 1, "progress": False}
    model = wls.learn.recipes.cells(loss="exact", regularisation__force=0.02, **quickly)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return wls.learn.cells.fit_conditions(model, treated, "treatment", "untreated", time="day")


def test_conditions_have_their_own_times(found):
    assert isinstance(found, wls.learn.cells.Conditions)
    assert found.names == ["untreated", "drug"] and found.period == 4.0
    assert all(series.times.tolist() == [0, 1, 2] for series in found.data.values())
    assert found.model.times_.tolist() == [0, 1, 2, 4, 5, 6]


def test_what_untreated_cells_would_do_under_the_drug(found):
    start = found.data["untreated"][0]
    ends = {name: found.forecast(start, [0.0, 2.0], name, seed=0) for name in found.names}
    moved = {name: (path.positions[-1] - path.positions[0]).mean(0) for name, path in ends.items()}
    np.testing.assert_allclose(moved["untreated"], [2 * DRIFT, 0.0], atol=0.4)
    np.testing.assert_allclose(moved["drug"], [2 * DRIFT, 2 * LIFT], atol=0.4)
    path = ends["drug"]
    assert path.times.tolist() == [0, 2] and path.metadata["condition"] == "drug" and path.metadata["start"] == 0.0
    # nearer to the treated cells than to stay, or to do as the untreated do
    w1 = {name: wls.transport.wasserstein1(ends[name][-1], found.data["drug"][2]) for name in found.names}
    assert w1["drug"] < 0.5 * w1["untreated"]


def test_the_effect_of_a_condition(found):
    x = np.array([[0.5, 0.2], [1.0, 0.5]])
    effect = found.velocity(x, "drug") - found.velocity(x, "untreated")
    np.testing.assert_allclose(effect, np.tile([0.0, LIFT], (2, 1)), atol=0.5)


def test_the_model_is_kept_in_a_file(found, tmp_path):
    loaded = wls.learn.WLM.load(found.model.save(tmp_path / "conditions.model"))
    x, w = found.data["drug"][0].positions, found.data["drug"][0].weights
    for time in (0.0, 4.0):
        np.testing.assert_allclose(loaded.mechanics_.velocity(x, w, time), found.model.mechanics_.velocity(x, w, time))


def test_what_cannot_be_compared(found, treated):
    fit, model = wls.learn.cells.fit_conditions, wls.learn.recipes.cells()
    with pytest.raises(ParameterError, match="`times` must be within the window of a condition, 0 to 3"):
        found.forecast(found.data["drug"][0], [3.5], "drug")
    with pytest.raises(ParameterError, match=r"`condition` must be one of 'untreated', 'drug'; got 'drugs' \(did you"):
        found.velocity(np.zeros((1, 2)), "drugs")
    with pytest.raises(ParameterError, match="`condition` must be one of 'day', 'treatment'"):
        fit(model, treated, "treatments", "untreated", time="day")
    with pytest.raises(ParameterError, match="`reference` must be one of 'drug', 'untreated'"):
        fit(model, treated, "treatment", "none", time="day")
    with pytest.raises(ParameterError, match="`condition` must tell two conditions at least"):
        fit(model, treated, "flask", "a", time="day")
    with pytest.raises(ParameterError, match="condition 'drug' must be seen at two times at least"):
        part = treated[(treated.obs["treatment"] == "untreated") | (treated.obs["day"] == 1)]
        fit(model, part, "treatment", "untreated", time="day")
    with pytest.raises(ParameterError, match="`model` must be of infinite friction"):
        fit(quick(), treated, "treatment", "untreated", time="day")
