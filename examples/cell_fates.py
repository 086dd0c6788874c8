"""Which cells become what, and which genes go along

Progenitors drift along a valley that parts into two, and those of one branch divide more often: simulated cells with 40
genes, seen at five days, in an AnnData object as scanpy leaves it. A gradient flow is learned from the principal
components, and tells the fate of each cell and the genes that go along with it. As the law that made the cells is
known, so are their true fates, beside which the learned ones are drawn. Needs the extra `anndata`.
"""

import argparse
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.spatial import cKDTree
from scipy.stats import pearsonr

import wlmsim as wls

DAYS, NOISE, DIVISIONS, GENES = np.arange(5.0), 0.35, 0.35, 40


def valley(x, xp):
    """A potential whose valley parts: behind x = 1 cells are pushed away from the middle."""
    return -x[..., 0] - 0.4 * (x[..., 0] - 1.0) * x[..., 1] ** 2 + 0.25 * x[..., 1] ** 4


def develop(start: wls.Population, days: np.ndarray, seed: int) -> np.ndarray:
    """Where cells are on given days, shape (days, n, 2)."""
    noise = wls.StochasticHeun(NOISE, seed=seed)
    return wls.simulate(wls.GradientFlow(wls.External(valley)), start, days, dt=0.05, integrator=noise).positions


def observed(n: int) -> anndata.AnnData:
    """Cells of five days, of which those with y > 0 have divided more often, as genes and principal components."""
    rng, places = np.random.default_rng(0), []
    for k, day in enumerate(DAYS):
        path = develop(wls.Population.gaussian(8 * n, width=0.3, seed=k), np.arange(0.0, day + 0.5, 0.5), seed=k)
        divided = np.exp(DIVISIONS * 0.5 * (path[1:, :, 1] > 0.3).sum(0))
        places.append(path[-1][rng.choice(8 * n, n, replace=False, p=divided / divided.sum())])
    latent = np.concatenate(places)
    hidden = np.column_stack([latent, 0.2 * rng.standard_normal((len(latent), 3))])
    directions = np.linalg.qr(rng.standard_normal((GENES, 5)))[0]
    x = hidden @ directions.T + 2.0 + 0.02 * rng.standard_normal((len(latent), GENES))
    left, sizes, loadings = np.linalg.svd(x - x.mean(0), full_matrices=False)
    day = pd.Categorical([f"day {d:g}" for d in np.repeat(DAYS, n)])
    obs = pd.DataFrame({"day": day, "x": latent[:, 0], "y": latent[:, 1]}, index=[f"cell{k}" for k in range(len(x))])
    var = pd.DataFrame({"leads_up": directions[:, 1]}, index=[f"gene{k}" for k in range(GENES)])
    embedding, axes = {"X_pca": left[:, :5] * sizes[:5]}, {"PCs": loadings[:5].T}
    return anndata.AnnData(x, obs=obs, var=var, obsm=embedding, varm=axes)


def true_fates(data: anndata.AnnData) -> np.ndarray:
    """Share of 40 futures of each cell, under the law that made it, that end in the upper branch."""
    true = np.zeros(data.n_obs)
    for k, day in enumerate(DAYS):
        here = data.obs["day"] == f"day {day:g}"
        start = wls.Population(np.tile(data.obs.loc[here, ["x", "y"]].to_numpy(), (40, 1)))
        ends = develop(start, np.array([max(DAYS[-1] - day, 0.05)]), seed=100 + k)[-1]
        true[here] = (ends[:, 1] > 0).reshape(40, -1).mean(0)
    return true


def main(output: Path, *, small: bool = False) -> dict[str, float]:
    """Learn from the cells, annotate them, and compare their fates with the true ones."""
    output.mkdir(parents=True, exist_ok=True)
    data = observed(60 if small else 200)
    model = wls.learn.recipes.cells(optimiser__steps=40 if small else 200, progress=not small)
    model.fit(data, time="day", positions="X_pca").annotate(data)
    late, up = (data.obs["day"] == "day 4").to_numpy(), data.obs["y"].to_numpy() > 0
    ends = {"up": late & up, "down": late & ~up}
    fates = wls.learn.cells.fate_probabilities(data, model.transition_matrix(data), terminal=ends)
    genes = wls.learn.cells.driver_genes(data, "up")
    true = true_fates(data)
    x, early = data.obsm["X_pca"], (data.obs["x"] < 1.0).to_numpy()  # where the valley has not parted
    _, near = cKDTree(x[late]).query(x[early], 30)
    found = {
        "learned": pearsonr(fates["up"][early], true[early]).statistic,
        "nearest": pearsonr(up[late][near].mean(1), true[early]).statistic,
        "genes": genes["correlation"].corr(data.var["leads_up"]),
    }
    print(f"fates before the parting, beside the true ones: correlation {found['learned']:.2f}")
    print(f"fates by the 30 nearest late cells: {found['nearest']:.2f}; genes: {found['genes']:.2f}")
    fig = Figure(figsize=(12, 3.6), layout="constrained")
    shown = {"true fate: up": true, "learned fate: up": fates["up"], "potential": data.obs["potential"]}
    for ax, (title, values) in zip(fig.subplots(1, 3), shown.items(), strict=True):
        fig.colorbar(ax.scatter(data.obs["x"], data.obs["y"], c=values, s=6), ax=ax)
        ax.set_title(title)
    fig.savefig(output / "cell_fates.png", dpi=150)
    data.write_h5ad(output / "cells.h5ad")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("cell_fates"), help="folder for the results")
    parser.add_argument("--small", action="store_true", help="a quick look")
    main(**vars(parser.parse_args()))
