"""AnnData go into fits and studies as they are, and what was assumed is said."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import DataWarning, ParameterError


def test_a_fit_takes_cells_and_remembers_where_they_were(cells, model, tmp_path):
    assert model.times_.tolist() == [0, 2, 4] and model.data_.sizes == (60, 80, 110)
    assert model.cells_ == {"time": "day", "positions": "X_pca", "units": {"time": "day"}}
    assert model.units_ == {"time": "day"}
    assert wls.learn.WLM.load(model.save(tmp_path / "cells.model")).cells_ == model.cells_


def test_what_is_found_is_said(cells):
    with pytest.warns(DataWarning) as said:
        series = wls.learn.cells.series_of(cells)
    words = " ".join(str(warning.message) for warning in said)
    assert "times are those of obs['day']" in words and "'X_pca', of 'X_pca', 'X_umap'" in words
    assert "numbers in words: 'day 2' as 2" in words or "'day 0' as 0" in words
    assert series.dim == 4 and series.units == {"time": "day"}


def test_what_is_named_needs_no_words(cells):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = {"day 0": 0.0, "day 2": 2.0, "day 4": 4.0}
        series = wls.learn.cells.series_of(cells, time="day", positions="X_pca", time_values=values)
    assert series.metadata["anndata"]["time_values"] == [[word, value] for word, value in values.items()]


def test_many_components_are_reduced_with_a_word(cells):
    wide = cells.copy()
    wide.obsm["X_pca"] = np.random.default_rng(0).normal(size=(cells.n_obs, 14))
    with pytest.warns(DataWarning, match="the first 10 of 14 components of 'X_pca' are used; dims=14 uses all"):
        assert wls.learn.cells.series_of(wide).dim == 10
    assert wls.learn.cells.series_of(wide, dims=14).dim == 14
    assert wls.SnapshotSeries.from_anndata(wide, positions="X_pca").dim == 14
    wide.obsm["X_scVI"] = wide.obsm["X_pca"]
    with pytest.warns(DataWarning, match="all 14 coordinates of 'X_scVI' are used"):
        assert wls.learn.cells.series_of(wide, positions="X_scVI").dim == 14


def test_pictures_are_no_place_to_learn_in(cells):
    with pytest.warns(DataWarning, match="'X_umap' is a picture"):
        wls.SnapshotSeries.from_anndata(cells, positions="X_umap")


def test_a_study_takes_cells(cells):
    tried = {"flow": quick(friction=np.inf, steps=2)}
    found = wls.learn.study(cells, "3 s", time="day", candidates=tried, progress=False)
    assert found.model.cells_["positions"] == "X_pca" and found.data.units == {"time": "day"}


def test_columns_are_of_cells_alone(cells, model):
    with pytest.raises(TypeError, match=r"without 'tim' \(did you mean 'time'\?\); known are time, positions"):
        quick().fit(cells, tim="day")
    with pytest.raises(TypeError, match="time can be given with an AnnData object; got SnapshotSeries"):
        quick().fit(model.data_, time="day")


def test_sparse_is_made_dense_with_a_word_or_not_at_all(cells, monkeypatch):
    with pytest.warns(DataWarning, match="'X' of the AnnData object is sparse: dense it has 250 x 12 numbers"):
        assert wls.SnapshotSeries.from_anndata(cells, positions="X").dim == 12
    monkeypatch.setattr("wlmsim.io.columns.DENSE", 8 * 250 * 11)
    with pytest.raises(ParameterError, match="An embedding, such as X_pca"):
        wls.SnapshotSeries.from_anndata(cells, positions="X")
    assert wls.SnapshotSeries.from_anndata(cells, positions="X", dims=3).dim == 3


def test_velocities_of_genes_are_projected(cells):
    data = cells.copy()
    rng = np.random.default_rng(1)
    data.layers["spliced_velocity"] = rng.normal(size=data.shape)
    data.layers["spliced_velocity"][:, 5] = np.nan  # as scVelo marks genes without a fit
    with pytest.warns(DataWarning, match=r"projected through varm\['PCs'\]"):
        series = wls.SnapshotSeries.from_anndata(data, positions="X_pca", velocities="spliced_velocity")
    first = np.flatnonzero(data.obs["day"] == "day 0")
    expected = np.nan_to_num(data.layers["spliced_velocity"][first]) @ data.varm["PCs"]
    np.testing.assert_allclose(series.velocities[0], expected)


def test_a_view_is_not_sparse(cells):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        wls.learn.cells.series_of(cells[cells.obs["day"] != "day 4"], time="day", positions="X_pca")
    assert not [warning for warning in said if "sparse" in str(warning.message)]
