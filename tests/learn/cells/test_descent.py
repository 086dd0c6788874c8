"""Ancestors and descendants, and annotations that go with them."""

from __future__ import annotations

import dataclasses
import tracemalloc
import warnings

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import DataWarning, ParameterError
from wlmsim.learn.cells import links
from wlmsim.learn.cells.links import Link
from wlmsim.learn.prediction.growth import Growth

CELLS = wls.learn.cells


@pytest.fixture(scope="module")
def link(model):
    return Link.of(model._predictor(), model.data_[0], model.data_[2], 1.0)


def test_masses_are_kept(link):
    np.testing.assert_allclose(link.forward(link.a[:, None])[:, 0], link.b, rtol=1e-6)
    np.testing.assert_allclose(link.backward(link.b[:, None])[:, 0], link.a, rtol=1e-6)
    assert link.a @ link.over_descendants(np.ones((110, 1)))[:, 0] == pytest.approx(1)


def test_it_is_the_coupling_of_the_transport_room(link, model):
    """Its sums are what leaves and arrives under growth, a exp(-f / price) and b exp(-g / price)."""
    plan = np.concatenate([p for _, p in link.blocks()])
    np.testing.assert_allclose(plan.sum(1), link.expected * np.exp(-link.f / link.price), rtol=0.01)
    np.testing.assert_allclose(plan.sum(0), link.b * np.exp(-link.g / link.price), rtol=0.01)


def test_many_cells_are_coupled_by_some_of_them(link, model, monkeypatch):
    monkeypatch.setattr(links, "ROWS", 50)
    part = Link.of(model._predictor(), model.data_[0], model.data_[2], 1.0)
    assert len(part.f) == 60 and len(part.g) == 110
    whole = link.mean_of_ancestors(link.ends[:, 1:2])[:, 0]
    assert np.corrcoef(part.mean_of_ancestors(link.ends[:, 1:2])[:, 0], whole)[0, 1] > 0.95


def test_conserved_masses_do_not_grow(model):
    predictor = dataclasses.replace(model._predictor(), growth=Growth())
    link = Link.of(predictor, model.data_[0], model.data_[1], 1.0)
    np.testing.assert_allclose(link.over_descendants(np.ones((80, 1))), 1.0, atol=0.02)


def test_kinds_are_pulled_back_to_fates(cells, model):
    fates = CELLS.pull(model, cells, "kind", start=2, end=4)
    day_2 = cells.obs_names[cells.obs["day"] == "day 2"]
    assert list(fates) == ["down", "progenitor", "up"] and list(fates.index) == list(day_2)
    assert np.allclose(fates.sum(axis=1), 1.0) and (fates["progenitor"] < 1e-12).all()
    up = cells.obs["is_up"][day_2]
    assert fates["up"][up].mean() > 0.8 > 0.3 > fates["up"][~up].mean()


def test_values_are_pushed_to_later_cells(cells, model):
    height = CELLS.push(model, cells, cells.obsm["X_pca"][:, 1], start=0, end=4)
    late = cells.obs["day"] == "day 4"
    assert list(height.index) == list(cells.obs_names[late])
    assert height[cells.obs["is_up"][late].to_numpy()].mean() > height[~cells.obs["is_up"][late].to_numpy()].mean()
    steps = CELLS.push(model, cells, "is_up", start=0, end=2)
    assert steps.name == "is_up" and steps.between(0, 1).all()


def test_descendants_and_ancestors_have_masses(cells, model):
    up = cells.obs["is_up"].to_numpy()
    later = CELLS.descendants(model, cells, up, start=0, end=4)
    everybody = CELLS.descendants(model, cells, np.ones(cells.n_obs, bool), start=0, end=4)
    assert everybody.sum() == pytest.approx(1) and len(later) == 110
    assert later.sum() > 0.55  # half of the cells of day 0 become more than half
    up_later = up[np.asarray(cells.obs["day"] == "day 4")]
    assert later[up_later].sum() > 0.8 * later.sum()
    names = cells.obs_names[up & (cells.obs["day"] == "day 4")]
    earlier = CELLS.ancestors(model, cells, names, start=0, end=4)
    assert len(earlier) == 60 and 0.4 < earlier.sum() < later.sum() + 0.1


def test_cells_without_weight_take_nothing_from_the_others(link):
    light = dataclasses.replace(link, a=np.where(np.arange(len(link.a)) == 3, 0.0, link.a))
    assert np.isfinite(light.forward(np.ones((len(link.a), 1)))).all()
    assert np.isfinite(light.over_descendants(np.ones((len(link.b), 1)))).all()


def test_memory_of_potentials_is_linear_in_the_cells():
    def peak(count):
        x = np.random.default_rng(0).normal(size=(count, 2))
        tracemalloc.start()
        links._extended(x, x, np.full(count, 1 / count), np.zeros(count), 1.0, 0.1)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(4000) < 2.5 * peak(2000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, d: CELLS.push(m, d, [np.nan, *[1.0] * 249], start=0, end=4), "`values` must be finite"),
        (lambda m, d: CELLS.pull(m, d, [None, *["a"] * 249], start=0, end=4), "1 of 250 are missing"),
        (lambda m, d: CELLS.push(m, d, "kind", start=1, end=4), "`start` must be an observed time"),
        (lambda m, d: CELLS.push(m, d, "kind", start=4, end=0), "`start` must be before `end`"),
        (lambda m, d: CELLS.push(m, d, "kinds", start=0, end=4), r"did you mean 'kind'"),
        (lambda m, d: CELLS.pull(m, d, [1, 2], start=0, end=4), r"`values` must be an array of shape \(250,\)"),
        (lambda m, d: CELLS.descendants(m, d, [1, 2], start=0, end=4), "`cells` must be a mask of 250 cells"),
        (lambda m, d: CELLS.descendants(m, d, ["nobody"], start=0, end=4), "'nobody' is not in obs_names"),
        (
            lambda m, d: CELLS.descendants(m, d, (d.obs["day"] == "day 4").to_numpy(), start=0, end=4),
            "must have some that were seen at the start",
        ),
    ],
)
def test_what_cannot_be_followed(cells, model, call, message):
    with pytest.raises(ParameterError, match=message):
        call(model, cells)


def test_a_prior_says_who_is_expected_to_multiply(cells, model):
    data = cells.copy()
    data.obs["S_score"] = np.where(data.obs["is_up"], 1.0, -0.5)
    rates = CELLS.growth_prior(data, "S_score")
    np.testing.assert_array_equal(data.obs["growth_prior"], rates)
    up = data.obs["is_up"].to_numpy()
    assert rates[up].min() > rates[~up].max() and rates.max() < 1.7 - 0.3
    np.testing.assert_allclose(CELLS.growth_prior(data, "S_score", unit="h", key=None), rates / 24)
    data.obs["G2M_score"] = 5.0
    np.testing.assert_allclose(CELLS.growth_prior(data, "S_score", "G2M_score", key=None), rates - 1.4, atol=0.01)

    even = np.random.default_rng(0).random(data.n_obs) < 0.5  # who multiplies does not depend on the place
    data.obs["known"] = np.where(even, 0.5, 0.0)
    alike, more = (
        CELLS.descendants(model, data, even, start=0, end=2, growth=growth).sum() for growth in (None, "known")
    )
    assert more > 1.2 * alike
    everybody = CELLS.descendants(model, data, np.ones(data.n_obs, bool), start=0, end=2, growth="known")
    assert everybody.sum() == pytest.approx(1)
    with pytest.raises(ParameterError, match="`key` must be a name that no column of `obs` has"):
        CELLS.growth_prior(data, "S_score", key="known")
    data.obs["S_score"] = data.obs["S_score"].where(even)
    with pytest.raises(ParameterError, match=r"'S_score' is not for \d+ of"):
        CELLS.growth_prior(data, "S_score")
    with pytest.raises(ParameterError, match="did you mean 'known'"):
        CELLS.pull(model, data, "kind", start=0, end=4, growth="knwon")


@pytest.fixture(scope="module")
def scored(cells):
    """Cells of which the upper kind is known to multiply."""
    data = cells.copy()
    data.obs["growth_prior"] = np.where(data.obs["is_up"], 0.3, 0.0)
    return data


@pytest.fixture(scope="module")
def knowing(scored):
    model = wls.learn.recipes.cells(loss="exact", optimiser__steps=40, members=2, progress=False, noise=0.3)
    return model.fit(scored, time="day", growth="growth_prior")


def test_a_fit_remembers_what_was_known_of_growth(scored, knowing, cells, tmp_path):
    assert knowing.cells_["growth"] == "growth_prior"
    path = knowing.save(tmp_path / "a.model")
    for model in (knowing, wls.learn.WLM.load(path)):
        data = scored.copy()
        model.annotate(data)
        rate, up = data.obs["growth_rate"], data.obs["is_up"].to_numpy()
        assert rate[up].median() - rate[~up].median() == pytest.approx(0.3, abs=0.02)
        assert data.obs["growth_rate_error"].notna().all()
        others = cells.copy()  # of which nothing is known
        np.testing.assert_allclose(model.annotate(others).obs["growth_rate"], rate, rtol=1e-6)
        assert not np.allclose(others.obs["growth_rate"], 0)


def test_rates_per_another_unit_than_that_of_the_times_are_told(cells, tmp_path):
    data = cells.copy()
    data.obs["hours"] = [f"{24 * float(day.removeprefix('day ')):g} h" for day in data.obs["day"].astype(str)]
    data.obs["S_score"] = np.where(data.obs["is_up"], 1.0, -0.5)
    CELLS.growth_prior(data, "S_score")
    data.write_h5ad(tmp_path / "cells.h5ad")
    about = {"time": "hours", "growth": "growth_prior"}
    with (
        pytest.warns(DataWarning, match="in h;"),
        pytest.warns(DataWarning, match=r"rates per day, and the times are in h: growth_prior\(\.\.\., unit='h'\)"),
    ):
        assert wls.SnapshotSeries.load(tmp_path / "cells.h5ad", **about).units["time"] == "h"
    CELLS.growth_prior(data, "S_score", unit="hours")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        wls.SnapshotSeries.from_anndata(data, **about)
    assert not any("rates per" in str(warning.message) for warning in said)


def test_couplings_know_what_the_fit_knew(scored, knowing, cells):
    by_fit, by_name = (CELLS.pull(knowing, scored, "kind", 0, 4, growth=g) for g in (None, "growth_prior"))
    np.testing.assert_array_equal(by_fit, by_name)
    with pytest.warns(DataWarning, match=r"obs\['growth_prior'\], which `data` has not") as said:
        alike = CELLS.pull(knowing, cells, "kind", 0, 4)
    assert said[0].filename == __file__
    assert np.abs(by_fit - alike).to_numpy().max() > 0.001


def test_growth_that_is_known_at_some_times_alone(scored, knowing):
    data = scored.copy()
    data.obs.loc[data.obs["day"] == "day 4", "growth_prior"] = np.nan
    known = CELLS.pull(knowing, scored, "kind", 0, 4)
    np.testing.assert_allclose(CELLS.pull(knowing, data, "kind", 0, 4), known, rtol=1e-12)  # nothing follows day 4
    data.obs.loc[data.obs["day"] == "day 0", "growth_prior"] = np.nan
    assert np.abs(CELLS.pull(knowing, data, "kind", 0, 4) - known).to_numpy().max() > 0.001


@pytest.mark.parametrize(
    ("growth", "message"),
    [
        ("growth_priors", r"`growth` must name one of .*did you mean 'growth_prior'"),
        ("kind", "`growth`"),
        ("unknown", r"`growth\[0\]` must be finite; got NaN or infinity in 1 of 60 rows; None, or in a column NaN"),
        (np.zeros(250), "`growth` must be the name of a column, under which the entries stand; got an array"),
    ],
)
def test_growth_that_cannot_be_known(scored, growth, message):
    data = scored.copy()
    data.obs["unknown"] = data.obs["growth_prior"]
    data.obs.iloc[int(np.flatnonzero(data.obs["day"] == "day 0")[0]), -1] = np.nan
    model = wls.learn.recipes.cells(optimiser__steps=2, members=1, progress=False)
    with pytest.raises(ParameterError, match=message):
        model.fit(data, time="day", growth=growth)


def test_studies_take_what_is_known(scored):
    study = wls.learn.study(scored, 4, time="day", growth="growth_prior", progress=False)
    assert study.data.growth[0] is not None and study.model.cells_["growth"] == "growth_prior"
