"""Simulated cells as AnnData."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import DataWarning, ParameterError


@pytest.fixture(scope="module")
def futures(cells, model):
    return wls.learn.cells.simulated_cells(model, cells, [0.0, 1.0, 4.0], ensemble=2, seed=5)


def test_rows_know_their_origin_run_and_time(cells, futures):
    assert futures.n_obs == 3 * 2 * 60 and futures.obs_names.is_unique
    first = futures[futures.obs["day"] == 0.0]
    place = dict(zip(cells.obs_names, cells.obsm["X_pca"], strict=True))
    np.testing.assert_allclose(first.obsm["X_pca"], [place[name] for name in first.obs["origin"]])
    assert sorted(set(futures.obs["run"])) == [0, 1]
    one = futures[(futures.obs["origin"] == first.obs["origin"].iloc[0]) & (futures.obs["run"] == 1)]
    assert one.obs["day"].tolist() == [0, 1, 4] and one.obs_names[2] == f"{one.obs['origin'].iloc[0]}-1-t4"


def test_positions_are_those_of_the_forecast(futures, model):
    path = model.forecast(model.data_[0], [0.0, 1.0, 4.0], ensemble=2, seed=5)
    np.testing.assert_array_equal(futures.obsm["X_pca"], path.positions.reshape(-1, 4))
    np.testing.assert_allclose(futures.obs["weight"], path.weights.ravel())
    late = futures.obs["day"] == 4.0
    up = futures.obs["nearest_is_up"].astype(bool)
    assert futures.obs["weight"][late & up].mean() > futures.obs["weight"][late & ~up].mean()  # they have multiplied


def test_annotations_are_of_the_nearest_cell_and_say_so(cells, futures):
    assert not set(cells.obs) - {"day"} & set(futures.obs) and "nearest_kind" in futures.obs
    assert futures.uns["wlmsim_simulation"]["annotations"] == "those of the nearest observed cell"
    k = int(np.argmin(np.linalg.norm(cells.obsm["X_pca"] - futures.obsm["X_pca"][-1], axis=1)))
    assert futures.obs["nearest_kind"].iloc[-1] == cells.obs["kind"].iloc[k]
    # the picture is that of the neighbours
    np.testing.assert_allclose(futures.obsm["X_umap"].mean(0) - 100, futures.obsm["X_pca"][:, :2].mean(0), atol=0.5)


def test_genes_are_those_of_the_components(cells, futures):
    assert list(futures.var_names) == list(cells.var_names) and futures.X.dtype == np.float32
    mean = np.asarray(cells.X.mean(axis=0)).ravel()
    about = (futures.obsm["X_pca"] - cells.obsm["X_pca"].mean(0)) @ cells.varm["PCs"].T
    np.testing.assert_allclose(futures.X, mean + about, rtol=1e-4, atol=1e-4)


def test_it_is_read_and_written(futures, model, tmp_path):
    futures.write_h5ad(tmp_path / "futures.h5ad")
    series = wls.SnapshotSeries.load(tmp_path / "futures.h5ad", time="day", positions="X_pca")
    assert series.times.tolist() == [0, 1, 4] and series.sizes == (120, 120, 120)
    assert series.weights[2].std() > 0


def test_starts_and_genes_are_chosen(cells, model, monkeypatch):
    late = wls.learn.cells.simulated_cells(model, cells, [3.0], start=2.0, genes=False)
    assert late.n_obs == 80 and late.X is None and late.obs["day"].tolist() == [3.0] * 80
    with pytest.raises(ParameterError, match="`start` must be an observed time"):
        wls.learn.cells.simulated_cells(model, cells, [3.0], start=1.0)
    monkeypatch.setattr("wlmsim.learn.cells.genes.LARGE", 100.0)
    with pytest.warns(DataWarning, match="60 x 12 expressions are left out"):
        assert wls.learn.cells.simulated_cells(model, cells, [1.0]).X is None


def test_places_may_be_sparse_or_infinite(cells, model, futures):
    """Genes are about the mean of the cells that have a place, and never NaN."""
    sparse = pytest.importorskip("scipy.sparse")
    data = cells.copy()
    data.obsm["X_pca"] = sparse.csr_matrix(cells.obsm["X_pca"])
    of_sparse = wls.learn.cells.simulated_cells(model, data, [0.0, 1.0, 4.0], ensemble=2, seed=5)
    np.testing.assert_allclose(of_sparse.X, futures.X, rtol=1e-4)
    data = cells.copy()
    data.obsm["X_pca"][0] = np.inf
    assert np.isfinite(wls.learn.cells.simulated_cells(model, data, [1.0]).X).all()


def test_cells_may_stay_in_their_file(cells, model, futures, tmp_path):
    anndata = pytest.importorskip("anndata")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    data = anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")
    of_file = wls.learn.cells.simulated_cells(model, data, [0.0, 1.0, 4.0], ensemble=2, seed=5)
    data.file.close()
    np.testing.assert_allclose(of_file.X, futures.X, rtol=1e-5)
