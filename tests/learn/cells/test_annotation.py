"""What a model writes into the cells that it was fitted to."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import DataWarning, ParameterError


@pytest.fixture(scope="module")
def annotated(cells, model):
    """All is written without a word."""
    data = cells.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.annotate(data) is data
    return data


def test_keys(cells, annotated):
    assert set(annotated.obs) - set(cells.obs) == {"potential", "force_certainty", "growth_rate", "growth_rate_error"}
    assert set(annotated.obsm) - set(cells.obsm) == {"velocity_pca"}
    assert set(annotated.layers) == {"velocity"} and list(annotated.var) == ["velocity_genes"]
    assert (annotated.X != cells.X).nnz == 0
    np.testing.assert_array_equal(annotated.obsm["X_pca"], cells.obsm["X_pca"])


def test_velocities_are_those_of_the_mechanics(annotated, model):
    x, v = annotated.obsm["X_pca"], annotated.obsm["velocity_pca"]
    np.testing.assert_allclose(v, model.mechanics_.velocity(x, np.full(len(x), 1 / len(x))), rtol=1e-5, atol=1e-6)
    assert 0.3 < v[:, 0].mean() < 2.0  # cells move by one component a day
    assert v[annotated.obs["is_up"], 1].mean() > 0 > v[~annotated.obs["is_up"], 1].mean()


def test_velocities_of_genes_lead_back_to_components(annotated):
    layer, v = annotated.layers["velocity"], annotated.obsm["velocity_pca"]
    assert layer.dtype == np.float32 and layer.shape == annotated.shape
    back = np.linalg.lstsq(annotated.varm["PCs"], layer.T, rcond=None)[0].T
    np.testing.assert_allclose(back, v, rtol=1e-4, atol=1e-5)
    assert annotated.var["velocity_genes"].tolist() == [True] * 11 + [False] and not layer[:, -1].any()


def test_the_potential_falls_along_velocities(annotated, model):
    data = annotated
    assert abs(data.obs["potential"].mean()) < 1e-9
    step, x, v = 1e-3, data.obsm["X_pca"], data.obsm["velocity_pca"]
    ahead = wls.first_variation(model.mechanics_.potential, x + step * v, wls.Population(x))
    here = wls.first_variation(model.mechanics_.potential, x, wls.Population(x))
    np.testing.assert_allclose((ahead - here) / step, -(v**2).sum(1), rtol=0.05, atol=0.02)


def test_certainty_is_a_share(annotated):
    certainty = annotated.obs["force_certainty"]
    assert certainty.between(0, 1).all() and certainty.std() > 0
    single = quick(friction=np.inf, steps=2).fit(wls.learn.cells.series_of(annotated, time="day"))
    with pytest.warns(DataWarning, match="`force_certainty` is not written: it takes the spread of several networks"):
        data = single.annotate(annotated.copy(), prefix="one_")
    assert "one_force_certainty" not in data.obs and "one_potential" in data.obs


def test_growth_is_bounded_and_of_the_kind_that_multiplies(annotated):
    rates, errors = annotated.obs["growth_rate"], annotated.obs["growth_rate_error"]
    assert np.isfinite(rates).all() and (np.abs(rates) <= np.log(81) / 2).all() and (errors > 0).all()
    assert rates[annotated.obs["is_up"]].mean() > rates[~annotated.obs["is_up"]].mean()


def test_growth_needs_a_reach(cells, model):
    conserved = quick(friction=np.inf, steps=2, members=2).fit(model.data_)
    assert "growth_rate" not in conserved.annotate(cells.copy(), time="day", positions="X_pca").obs


def test_it_survives_a_file_and_is_no_data(annotated, model, tmp_path):
    import anndata

    annotated.write_h5ad(tmp_path / "cells.h5ad")
    back = anndata.read_h5ad(tmp_path / "cells.h5ad")
    assert wls.SnapshotSeries.from_anndata(back, time="day", positions="X_pca").velocities == [None] * 3
    named = wls.SnapshotSeries.from_anndata(back, time="day", positions="X_pca", velocities="velocity_pca")
    assert named.velocities[0] is not None
    loaded = wls.learn.WLM.load(model.save(tmp_path / "cells.model"))
    again = loaded.annotate(back)  # its own words may be replaced
    np.testing.assert_allclose(again.obsm["velocity_pca"], annotated.obsm["velocity_pca"], rtol=1e-5, atol=1e-6)


def test_what_others_wrote_is_kept(cells, model):
    data = cells.copy()
    data.layers["velocity"] = np.ones(data.shape)
    with pytest.raises(ParameterError, match=r"layers\['velocity'\], which wlmsim did not write: overwrite=True"):
        model.annotate(data)
    assert "potential" not in data.obs  # nothing is written by halves
    assert (model.annotate(data, prefix="wlm_").layers["velocity"] == 1).all() and "wlm_potential" in data.obs
    with pytest.warns(DataWarning, match=r"layers\['velocity'\] is overwritten"):
        assert (model.annotate(data, overwrite=True).layers["velocity"] != 1).any()


def test_large_layers_are_said_before(cells, model, monkeypatch):
    monkeypatch.setattr("wlmsim.learn.cells.genes.LARGE", 100.0)
    with pytest.warns(DataWarning, match=r"of 250 x 12 genes are left out: they take 1.2e-05 GB; genes=True"):
        assert "velocity" not in model.annotate(cells.copy()).layers
    assert "velocity" in model.annotate(cells.copy(), genes=True).layers
    bare = cells.copy()
    del bare.varm["PCs"]
    with pytest.raises(ParameterError, match=r"`genes` needs the loadings of 'X_pca'"):
        model.annotate(bare, genes=True)
    assert "velocity" not in model.annotate(bare).layers


def test_cells_without_a_place_are_left_out(cells, model):
    data = cells.copy()
    data.obsm["X_pca"] = data.obsm["X_pca"].copy()
    data.obsm["X_pca"][3] = np.nan
    model.annotate(data)
    assert np.isnan(data.obs["potential"].iloc[3]) and np.isnan(data.obsm["velocity_pca"][3]).all()
    assert data.obs["potential"].isna().sum() == 1


def test_cells_of_another_kind_are_refused(cells, model):
    with pytest.raises(ParameterError, match="`data` must be an AnnData object; got SnapshotSeries; `to_anndata`"):
        model.annotate(model.data_)
    with pytest.raises(ParameterError, match=r"`data` must have times in day"):
        model.annotate(cells.copy(), units={"time": "h"})


def test_inertial_mechanics_has_the_velocities_of_its_forecasts(cells, model):
    inertial = quick(steps=2, members=2, initial_velocities="transport").fit(model.data_)
    data = inertial.annotate(cells.copy(), time="day", positions="X_pca")
    first = np.flatnonzero(cells.obs["day"] == "day 0")
    estimates = wls.learn.transport_velocities(model.data_).velocities[0]
    np.testing.assert_allclose(data.obsm["velocity_pca"][first], estimates)


def test_inertial_mechanics_that_has_not_seen_all_cells(cells, model, tmp_path):
    """As it comes from a study that was short of time, and from a file, which keeps no data."""
    fold = quick(steps=2, members=1, initial_velocities="transport").fit(model.data_[[0, 2]])
    fold.save(tmp_path / "fold.model")
    where = {"time": "day", "positions": "X_pca"}
    for inertial in (fold, wls.learn.WLM.load(tmp_path / "fold.model")):
        data = inertial.annotate(cells.copy(), **where)
        middle = np.flatnonzero(cells.obs["day"] == "day 2")
        estimates = wls.learn.transport_velocities(model.data_).velocities[1]
        np.testing.assert_allclose(data.obsm["velocity_pca"][middle], estimates)
        chain = inertial.transition_matrix(data, **where)
        np.testing.assert_allclose(chain.sum(axis=1), 1.0)
        pulled = wls.learn.cells.pull(inertial, data, "kind", start=0, end=4, **where)
        assert np.isfinite(pulled.to_numpy()).all()
        futures = wls.learn.cells.simulated_cells(inertial, data, [2.0, 3.0], start=2, **where)
        assert futures.n_obs == 2 * len(middle)
