"""One fit on two processes: the same course as on one, errors that meet all, and workers that are killed."""

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.learn.training import shared_fits
from tests.learn.training.shared_fits import CASES, drifters, fitted, small
from wlmsim.learn.group import ALONE, Group

ROOT = Path(__file__).parents[3]
PATIENCE = 400
"""Seconds after which torchrun is ended."""


def torchrun(*arguments: str, restarts: int = 0, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a module in two processes, and fail with what they said."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        [*command, f"--max-restarts={restarts}", "-m", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=cwd,
        env=environment,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    return run


def results(folder: Path, *cases: str, restarts: int = 0) -> list[dict]:
    """What each of two processes found."""
    torchrun("tests.learn.training.shared_fits", str(folder), *cases, restarts=restarts)
    return [pickle.loads((folder / f"results.{rank}").read_bytes()) for rank in (0, 1)]


class TestAlone:
    def test_one_process_has_all(self):
        x = torch.arange(5.0)
        ALONE.add(x)
        assert x.tolist() == [0, 1, 2, 3, 4] and x[ALONE.rows(5)].tolist() == x.tolist()
        assert ALONE.of_first(lambda: 7) == 7 and ALONE.owns(3) and not ALONE.anywhere(False)
        with wls.learn.process_group() as group:
            assert group == Group.current() == ALONE

    @pytest.mark.parametrize("count", [0, 1, 2, 7, 12])
    def test_rows_are_shared_evenly(self, count):
        shares = [range(count)[Group(rank, 3).rows(count)] for rank in range(3)]
        assert [k for share in shares for k in share] == list(range(count))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1

    def test_parts_of_sliced_transport_add_up(self):
        rng = np.random.default_rng(0)
        x, y = (torch.as_tensor(rng.normal(size=(9, 2))) for _ in range(2))
        w = torch.full((9,), 1 / 9, dtype=x.dtype)
        loss = wls.learn.Sliced(directions=5)
        whole = loss.divergence(x, y, w, w, rng=np.random.default_rng(1))
        for size in (2, 7):  # more processes than directions, too
            parts = [loss.part_of(k, size).divergence(x, y, w, w, rng=np.random.default_rng(1)) for k in range(size)]
            assert sum(map(float, parts)) == pytest.approx(float(whole))

    def test_processes_of_torchrun_that_are_no_group_are_told(self, monkeypatch):
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
        monkeypatch.setenv("WORLD_SIZE", "2")
        with pytest.warns(RuntimeWarning, match="each fits by itself: they share a fit within"):
            assert Group.current() == ALONE


@pytest.mark.slow
class TestTwo:
    def test_the_course_is_that_of_one_process(self, tmp_path):
        cases = list(CASES)
        first, second = results(tmp_path, *cases, "diverging", "callback", "compared")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            alone = {case: fitted(case) for case in cases}
        for case in cases:
            one, mine, other = alone[case], first[case], second[case]
            np.testing.assert_array_equal(mine["losses"], other["losses"], err_msg=case)
            for a, b in zip(mine["parameters"], other["parameters"], strict=True):
                np.testing.assert_array_equal(a, b, err_msg=case)
            np.testing.assert_allclose(mine["losses"], one["losses"], rtol=1e-4, err_msg=case)
            for a, b in zip(mine["parameters"], one["parameters"], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4, err_msg=case)
            np.testing.assert_allclose(mine["validation"], one["validation"], rtol=1e-4, err_msg=case)
            for name, error in one["errors"].items():
                np.testing.assert_allclose(mine["errors"][name], error, rtol=1e-6, err_msg=case)
        assert "training diverged" in first["diverging"] and first["diverging"] == second["diverging"]
        assert first["callback"] == second["callback"] == "enough"
        np.testing.assert_array_equal(first["compared"], second["compared"])
        np.testing.assert_allclose(first["compared"], shared_fits.compared(), rtol=1e-4)

    def test_a_killed_worker_resumes_from_the_checkpoint(self, tmp_path):
        first, _ = results(tmp_path, "killed", restarts=1)
        found = first["killed"]
        assert found["restarts"] == "1" and found["steps"][0] > 5 and found["steps"][-1] == 20
        np.testing.assert_allclose(found["losses"], small(steps=20).fit(drifters()).losses_, rtol=1e-4)
        assert not (tmp_path / "fit.checkpoint").exists()

    def test_the_command_line(self, tmp_path):
        drifters().save(tmp_path / "drifters.h5")
        run = torchrun(
            *("wlmsim", "fit", "drifters.h5", "-o", "two.model", "--steps", "5", "--device", "cpu"),
            *("--set", "members=1", "--quiet"),
            cwd=tmp_path,
        )
        assert run.stdout.count("two.model: WLM(") == 1
        model = wls.learn.WLM.load(tmp_path / "two.model")
        one = wls.learn.WLM(members=1, progress=False, runtime="cpu").set_params(optimiser__steps=5).fit(drifters())
        assert model.friction_ == pytest.approx(one.friction_, rel=1e-4)
