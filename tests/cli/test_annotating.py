"""``wlmsim annotate``."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

import wlmsim as wls
from tests.models import quick
from wlmsim.cli import app


def annotate(*arguments):
    return CliRunner().invoke(app, ["annotate", *map(str, arguments)], prog_name="wlmsim")


def test_cells_are_annotated(tmp_path):
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    obs = pandas.DataFrame({"day": np.repeat([0.0, 1.0], 20)}, index=[f"c{k}" for k in range(40)])
    data = anndata.AnnData(rng.random((40, 6)), obs=obs, obsm={"X_pca": rng.normal(size=(40, 2))})
    data.write_h5ad(tmp_path / "cells.h5ad")
    model = quick(friction=np.inf, steps=2, members=2)
    model.fit(wls.SnapshotSeries.load(tmp_path / "cells.h5ad", time="day", positions="X_pca")).save(
        tmp_path / "m.model"
    )
    given = (tmp_path / "m.model", tmp_path / "cells.h5ad", "-o", tmp_path / "annotated.h5ad")
    result = annotate(*given)
    assert (
        result.exit_code == 0
        and "40 cells, obsm['velocity_pca'], obs['force_certainty'], obs['potential']" in result.stdout
    )
    written = wls.io.read_cells(tmp_path / "annotated.h5ad")
    assert written.obsm["velocity_pca"].shape == (40, 2)
    np.testing.assert_array_equal(written.X, data.X)
    assert annotate(*given).exit_code == 1 and annotate(*given, "--force", "--prefix", "wlm_").exit_code == 0
    assert "wlm_potential" in wls.io.read_cells(tmp_path / "annotated.h5ad").obs
    full = (
        "import resource, signal, sys\nfrom wlmsim.cli import main\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))\nmain()"
    )
    again = ("annotate", *given[:3], tmp_path / "full.h5ad", "--quiet")
    done = subprocess.run([sys.executable, "-c", full, *map(str, again)], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.endswith(f"{tmp_path}/full.h5ad: File too large\n"), done.stderr
    assert not (tmp_path / "full.h5ad").exists()
    result = annotate(tmp_path / "m.model", tmp_path / "cells.csv", "-o", tmp_path / "b.h5ad")
    assert result.exit_code == 2 and "CELLS" in result.stderr


def test_cells_without_a_matrix_are_annotated(tmp_path):
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    obs = pandas.DataFrame({"day": np.repeat([0.0, 1.0], 20)}, index=[f"c{k}" for k in range(40)])
    cells = anndata.AnnData(obs=obs, obsm={"X_pca": np.random.default_rng(0).normal(size=(40, 2))})
    cells.write_h5ad(tmp_path / "cells.h5ad")
    quick(friction=np.inf, steps=2).fit(cells, time="day").save(tmp_path / "m.model")
    result = annotate(tmp_path / "m.model", tmp_path / "cells.h5ad", "-o", tmp_path / "annotated.h5ad")
    assert result.exit_code == 0, result.stderr
    written = wls.io.read_cells(tmp_path / "annotated.h5ad")
    assert written.X is None and written.obsm["velocity_pca"].shape == (40, 2)


def test_known_growth_is_named_in_a_shell(tmp_path):
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    obs = {"day": np.repeat([0.0, 1.0], 20), "growth_prior": rng.normal(size=40)}
    obs = pandas.DataFrame(obs, index=[f"c{k}" for k in range(40)])
    cells = anndata.AnnData(rng.random((40, 6)), obs=obs, obsm={"X_pca": rng.normal(size=(40, 2))})
    cells.write_h5ad(tmp_path / "cells.h5ad")
    how = ("--time", "day", "--positions", "X_pca", "--read", "growth=growth_prior")
    fit = (
        "fit",
        tmp_path / "cells.h5ad",
        "-o",
        tmp_path / "m.model",
        *how,
        "--set",
        "optimiser.steps=2",
        "--set",
        "members=1",
    )
    result = CliRunner().invoke(app, [*map(str, fit), "--set", "friction=inf"], prog_name="wlmsim")
    assert result.exit_code == 0, result.output
    assert wls.learn.WLM.load(tmp_path / "m.model").growth_rates_ is not None
    result = annotate(tmp_path / "m.model", tmp_path / "cells.h5ad", "-o", tmp_path / "annotated.h5ad")
    assert result.exit_code == 0 and "obs['growth_rate']" in result.stdout, result.output
