"""Cells that a short fit can learn from: they move to the right and part into two kinds, of which one multiplies."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import DataWarning

DAYS = (0.0, 2.0, 4.0)
SIZES = (60, 80, 110)
UP = (0.5, 0.6, 0.7)
"""Share of the cells that are of the upper kind."""
COMPONENTS, GENES = 4, 12


@pytest.fixture(scope="session")
def cells() -> Any:
    """Sparse counts, loadings, an embedding, a picture, days as words, and kinds at the last day."""
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(3)
    day = np.repeat(DAYS, SIZES)
    up = np.concatenate([np.arange(n) < share * n for n, share in zip(SIZES, UP, strict=True)])
    x = 0.4 * rng.normal(size=(len(day), COMPONENTS))
    x[:, 0] += day
    x[:, 1] += np.where(up, 1.0, -1.0) * (0.3 + 0.5 * day)
    loadings = np.linalg.qr(rng.normal(size=(GENES, COMPONENTS)))[0]
    loadings[-1] = 0.0  # a gene that was not among the variable ones
    genes = x @ loadings.T + 3.0
    genes[np.abs(genes - 3.0) < 0.05] = 0.0
    kind = np.where(day < DAYS[-1], "progenitor", np.where(up, "up", "down"))
    obs = {"day": pandas.Categorical([f"day {d:g}" for d in day]), "kind": pandas.Categorical(kind), "is_up": up}
    shuffled = rng.permutation(len(day))  # rows are not in the order of time
    data = anndata.AnnData(
        X=sparse.csr_matrix(genes),
        obs=pandas.DataFrame(obs, index=[f"cell{k}" for k in range(len(day))]),
        var=pandas.DataFrame(index=[f"gene{k}" for k in range(GENES)]),
        obsm={"X_pca": x, "X_umap": x[:, :2] + 100.0},
        varm={"PCs": loadings},
    )
    return data[shuffled].copy()


@pytest.fixture(scope="session")
def model(cells) -> wls.learn.WLM:
    """A gradient flow with noise and growth, of two networks."""
    fitted = wls.learn.recipes.cells(
        loss=wls.learn.Exact(reach=1.0), optimiser__steps=80, members=2, progress=False, noise=0.3
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        return fitted.fit(cells)
