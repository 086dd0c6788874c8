"""Markov chains between cells, where they end, and which genes go along."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.integrate import cumulative_simpson
from scipy.sparse import csr_matrix, issparse

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import DataWarning, ParameterError


@pytest.fixture(scope="module")
def chain(cells, model):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.transition_matrix(cells)


def test_rows_are_probabilities_and_few_cells_are_reached(cells, chain):
    assert issparse(chain) and chain.shape == (cells.n_obs,) * 2 and chain.nnz == 30 * cells.n_obs
    assert chain.data.min() >= 0 and np.allclose(chain.sum(axis=1), 1.0, atol=1e-12)
    assert chain.has_sorted_indices


def test_means_of_the_chain_are_where_particles_are_carried():
    x = np.random.default_rng(0).uniform(size=(3000, 2)) ** [1.0, 0.7]  # denser to one side
    inside = (np.abs(x - 0.5) < 0.25).all(axis=1)
    steps = wls.learn.cells.gaussian_transitions(x, x + np.array([0.05, -0.03]), 0.04, 150)
    np.testing.assert_allclose((steps @ x - x)[inside].mean(0), [0.05, -0.03], atol=0.003)
    spread = np.sqrt((steps @ x**2 - (steps @ x) ** 2)[inside].mean(0))
    np.testing.assert_allclose(spread, 0.04, rtol=0.1)


def test_cells_go_where_the_mechanics_carries_them(cells, chain, model):
    longer = model.transition_matrix(cells, lag=0.5)
    x = cells.obsm["X_pca"]
    early = np.flatnonzero(cells.obs["day"] == "day 0")
    moved = [(steps @ x - x)[early, 0].mean() for steps in (chain, longer)]
    assert moved[0] > moved[1] > 0  # by default the noise decides, here after more than a day


def test_the_chain_has_the_committor_of_a_double_well():
    """The chance to reach the right well first solves D q'' = V' q': q grows as exp(V / D)."""
    rng = np.random.default_rng(0)
    x = np.sort(np.concatenate([rng.uniform(-1.3, 1.3, 500), rng.normal(0.8, 0.1, 300)]))  # unevenly sampled
    diffusion, lag = 0.25, 0.004
    moved = x - lag * (x**3 - x) * 4 * 0.25
    steps = wls.learn.cells.gaussian_transitions(x[:, None], moved[:, None], np.sqrt(2 * diffusion * lag), 250)
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    data = anndata.AnnData(obs=pandas.DataFrame(index=[f"{k}" for k in range(len(x))]))
    fates = wls.learn.cells.fate_probabilities(data, steps, terminal={"left": x < -0.9, "right": x > 0.9})
    grid = np.linspace(-0.9, 0.9, 401)
    exact = cumulative_simpson(np.exp((grid**2 - 1) ** 2 * 0.25 / diffusion), x=grid, initial=0)
    inside = np.abs(x) < 0.9
    error = fates["right"][inside] - np.interp(x[inside], grid, exact / exact[-1])
    assert np.abs(error).max() < 0.06


def test_fates_of_cells(cells, chain):
    data = cells.copy()
    fates = wls.learn.cells.fate_probabilities(data, chain, "kind", ["up", "down"])
    assert np.allclose(fates.sum(axis=1), 1.0) and (data.obsm["fate_probabilities"] == fates).all().all()
    late = data.obs["day"] == "day 4"
    assert set(fates["up"][late]) == {0.0, 1.0}
    day_2 = data.obs["day"] == "day 2"
    assert fates["up"][day_2 & data.obs["is_up"]].mean() > 0.7 > 0.4 > fates["up"][day_2 & ~data.obs["is_up"]].mean()


def test_fates_by_iterations_are_the_same(cells, chain, monkeypatch):
    direct = wls.learn.cells.fate_probabilities(cells, chain, "kind", ["up", "down"], key=None)
    monkeypatch.setattr("wlmsim.learn.cells.fates.DIRECT", 10)
    iterated = wls.learn.cells.fate_probabilities(cells, chain, "kind", ["up", "down"], key=None)
    np.testing.assert_allclose(iterated, direct, atol=1e-6)


def test_cells_that_reach_no_end_are_said():
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    data = anndata.AnnData(obs=pandas.DataFrame({"kind": ["end", "", "", ""]}, index=list("abcd")))
    steps = csr_matrix([[1.0, 0, 0, 0], [0.5, 0, 0, 0.5], [0, 0, 1, 0], [0, 0.5, 0.5, 0]])
    with pytest.warns(DataWarning, match="1 of 4 cells reach no terminal group"):
        fates = wls.learn.cells.fate_probabilities(data, steps, "kind", ["end"])
    assert fates["end"].tolist()[:2] == [1.0, 1.0] and np.isnan(fates["end"].iloc[2])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(3),), r"`transitions` must be of shape \(250, 250\)"),
        ((2 * np.eye(250),), "rows that sum to 1"),
        ((np.eye(250), "kind"), "`terminal` must name categories"),
        ((np.eye(250), "kind", "up"), "`terminal` must name categories"),
        ((np.eye(250), "kinds", ["up"]), r"`groups` must be one of .*\(did you mean 'kind'\?\)"),
        ((np.eye(250), "kind", ["ups"]), r"`terminal` must be one of .*\(did you mean 'up'\?\)"),
        ((np.eye(250), None, {"a": np.zeros(250, bool)}), "of which some are true"),
        ((np.eye(250), None, {"a": np.ones(250, bool), "b": np.ones(250, bool)}), "no cell in common"),
    ],
)
def test_fates_that_cannot_be(cells, arguments, message):
    with pytest.raises(ParameterError, match=message):
        wls.learn.cells.fate_probabilities(cells.copy(), *arguments)


def test_drivers_are_the_genes_that_go_along(cells, chain):
    data = cells.copy()
    wls.learn.cells.fate_probabilities(data, chain, "kind", ["up", "down"])
    drivers = wls.learn.cells.driver_genes(data, "up")
    dense, fate = data.X.toarray(), data.obsm["fate_probabilities"]["up"].to_numpy()
    expected = [np.corrcoef(dense[:, k], fate)[0, 1] for k in range(data.n_vars - 1)]
    np.testing.assert_allclose(drivers["correlation"][data.var_names[:-1]], expected, atol=1e-9)
    assert drivers["correlation"].iloc[:11].is_monotonic_decreasing
    assert np.isnan(drivers["correlation"]["gene11"]) and drivers.index[-1] == "gene11"  # the same in all cells
    assert (drivers["qvalue"].dropna() >= drivers["pvalue"].dropna()).all()
    along = np.argmax(data.varm["PCs"][:, 1])
    assert data.var_names[along] in drivers.index[:3]
    with pytest.raises(ParameterError, match=r"must have obsm\['fate_probabilities'\]"):
        wls.learn.cells.driver_genes(cells, "up")


def test_without_noise_cells_are_spread_with_a_word(cells, model):
    still = quick(friction=np.inf, steps=20).fit(model.data_)
    with pytest.warns(DataWarning, match="less than cells are apart"):
        chain = still.transition_matrix(cells, time="day", positions="X_pca")
    assert np.allclose(chain.sum(axis=1), 1.0)


def test_cells_without_a_place_stay(cells, model):
    data = cells.copy()
    data.obsm["X_pca"] = data.obsm["X_pca"].copy()
    data.obsm["X_pca"][[3, 7]] = np.nan
    with pytest.warns(DataWarning, match="2 cells without a position stay where they are"):
        chain = model.transition_matrix(data)
    assert chain[3, 3] == chain[7, 7] == 1 and np.allclose(chain.sum(axis=1), 1.0) and chain[:, 3].nnz == 1


def test_cells_in_one_place_have_no_neighbours(cells, model):
    for data in (cells[:1].copy(), cells.copy()):
        data.obsm["X_pca"] = np.zeros_like(data.obsm["X_pca"])
        with pytest.raises(ParameterError, match="`data` must have cells in at least two places"):
            model.transition_matrix(data)
    data = cells.copy()
    data.obsm["X_pca"][cells.obs["day"] == "day 4"] = data.obsm["X_pca"][0]  # most cells, but not all
    np.testing.assert_allclose(model.transition_matrix(data).sum(axis=1), 1.0)


def test_cells_without_a_place_at_all_are_refused(cells, model):
    data = cells.copy()
    data.obsm["X_pca"] = np.full_like(data.obsm["X_pca"], np.nan)
    push = wls.learn.cells.push
    for call in (model.annotate, model.transition_matrix, lambda data: push(model, data, "kind", 0, 4)):
        with pytest.raises(ParameterError, match="`data` must have cells of which all that is read is known"):
            call(data)


def test_transitions_are_between_places_with_a_width():
    x = np.arange(6.0).reshape(3, 2)
    for moved, width, neighbours, name in (
        (x, 0.0, 2, "width"),
        (x, np.nan, 2, "width"),
        (x[:2], 1.0, 2, "moved"),
        (x * np.nan, 1.0, 2, "moved"),
        (x, 1.0, 4, "neighbours"),
    ):
        with pytest.raises(ParameterError, match=f"`{name}`"):
            wls.learn.cells.gaussian_transitions(x, moved, width, neighbours)


def test_an_end_that_rounding_hides_is_not_reached():
    """Two cells that leave each other with a probability below the last bit of 1: the equations are singular."""
    anndata = pytest.importorskip("anndata")
    steps = np.array([[0.5, 0.5, 1e-17], [0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])
    with pytest.warns(DataWarning, match="2 of 3 cells reach no terminal group"):
        fates = wls.learn.cells.fate_probabilities(anndata.AnnData(shape=(3, 0)), steps, terminal={"end": [0, 0, 1]})
    assert np.isnan(fates["end"][:2]).all() and fates["end"].iloc[2] == 1.0


def test_arrows_in_pictures_point_where_cells_go(cells, chain):
    data = cells.copy()
    arrows = wls.learn.cells.picture_velocities(data, chain)
    np.testing.assert_array_equal(data.obsm["velocity_umap"], arrows)
    assert arrows[data.obs["day"] == "day 0", 0].mean() > 0.5  # the picture is the first two components
    series = wls.SnapshotSeries.from_anndata(data, time="day", positions="X_umap")
    assert series.velocities == [None] * 3  # no data
    wls.learn.cells.picture_velocities(data, chain)  # its own are replaced
    others = cells.copy()
    others.obsm["velocity_umap"] = np.ones((250, 2))
    with pytest.raises(ParameterError, match="which wlmsim did not write"):
        wls.learn.cells.picture_velocities(others, chain)
    with pytest.raises(ParameterError, match="`transitions` must be between the 250 cells"):
        wls.learn.cells.picture_velocities(data, np.eye(2))
