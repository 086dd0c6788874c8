"""Members of a fit trained side by side: the same bits, reports on the way, errors, interruption, resuming."""

import math
import os
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.learn.training import ensemble
from wlmsim.parallel.processes import in_processes

BOWL = wls.External(lambda x, xp: 0.1 * (x**2).sum(-1))


@pytest.fixture(scope="module")
def drifters() -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


def quick(**parameters) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential((8,)) + BOWL
    return wlm(potential, **{"steps": 30, "members": 2, "progress": False, **parameters})


def same(a: wls.learn.WLM, b: wls.learn.WLM) -> bool:
    """Whether two fits ended with the same bits."""
    mine, other = ([p for m in model._fitted_members for p in m.parameters()] for model in (a, b))
    return np.array_equal(a.losses_, b.losses_) and all(map(torch.equal, mine, other))


class TestSideBySide:
    def test_processes_change_no_bit_and_report_every_step(self, drifters):
        """With a law that is a lambda, in whose place any code of a user's script may stand."""
        alone, together = ([], [])
        one = quick(processes=1).fit(drifters, callbacks=[alone.append])
        two = quick(processes=2).fit(drifters, callbacks=[together.append])
        assert same(one, two)
        assert [(r.member, r.step) for r in alone] == [(k, s) for k in (1, 2) for s in range(1, 31)]
        for member in (1, 2):
            mine, other = (
                [(r.step, r.loss, r.friction) for r in log if r.member == member] for log in (alone, together)
            )
            assert mine == other

    def test_probing_changes_no_bit(self, drifters, monkeypatch):
        """The first member goes some steps, whose time is taken, before it is sent to a process."""
        monkeypatch.setattr(ensemble, "START_UP", -math.inf)
        monkeypatch.setattr(ensemble, "cores", lambda: 2)
        seen = []
        by_default = quick().fit(drifters, callbacks=[seen.append])
        assert same(by_default, quick(processes=1).fit(drifters))
        assert sorted((r.member, r.step) for r in seen) == [(k, s) for k in (1, 2) for s in range(1, 31)]

    def test_short_fits_start_no_processes(self, drifters, monkeypatch):
        monkeypatch.setattr(ensemble, "cores", lambda: 8)
        monkeypatch.setattr(ensemble, "spread", None)
        assert quick().fit(drifters).fitted

    def test_divergence_reaches_the_caller(self, drifters):
        wild = wls.External(lambda x, xp: -1e6 * (x**4).sum(-1))
        model = quick(processes=2, dt=1.0).set_params(potential=wls.learn.ExternalPotential((4,)) + wild)
        with pytest.raises(SimulationError, match="learning_rate or dt"):
            model.fit(drifters)

    @pytest.mark.slow
    def test_an_interrupted_fit_ends_its_processes_and_resumes_to_the_same_bits(self, drifters, tmp_path):
        path, pids = tmp_path / "fit.checkpoint", in_processes(lambda item, send: os.getpid(), [0, 1], 2)

        def interrupt(record: wls.learn.Record) -> None:
            if record.member == 2 and record.step == 20:
                raise KeyboardInterrupt

        kept = {"checkpoint": path, "every": 0.0, "processes": 2}
        with pytest.raises(KeyboardInterrupt):
            quick(**kept).fit(drifters, callbacks=[interrupt])
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        log = wls.learn.JSONLines(tmp_path / "fit.jsonl")
        resumed = quick(**{**kept, "processes": 1}).fit(drifters, callbacks=[log])
        assert 0 < len(log.path.read_text().splitlines()) <= 41
        assert same(resumed, quick(processes=1).fit(drifters))
        assert not path.exists()

    def test_bad_input(self, drifters):
        with pytest.raises(ParameterError, match=r"`Runtime\.processes`"):
            quick(processes=0).fit(drifters)
        with pytest.raises(ParameterError, match="`callbacks`"):
            quick().fit(drifters, callbacks=["print"])


class TestScript:
    SCRIPT = textwrap.dedent("""
        import os, signal, sys
        import numpy as np, wlmsim as wls
        data = wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)
        bowl = wls.External(lambda x, xp: 0.1 * (x**2).sum(-1))
        print("at work", flush=True)

        def kill(record):
            if record.member == 2 and record.step == 15:
                os.kill(os.getpid(), signal.SIGKILL)

        model = wls.learn.WLM(wls.learn.ExternalPotential((8,)) + bowl, optimiser=wls.learn.AdamW(steps=30), members=2,
                              runtime=wls.learn.Runtime(processes=2),
                              checkpoint=wls.learn.Checkpoint(path=sys.argv[1], every=0.0), progress=False)
        model.fit(data, callbacks=[kill])
    """)

    @pytest.mark.slow
    def test_a_script_without_a_main_guard_runs_once_and_resumes_when_killed(self, drifters, tmp_path):
        script, path = tmp_path / "script.py", tmp_path / "fit.checkpoint"
        script.write_text(self.SCRIPT)
        run = subprocess.run([sys.executable, str(script), str(path)], capture_output=True, text=True, timeout=300)
        assert run.returncode == -signal.SIGKILL
        assert run.stdout.splitlines() == ["at work"]
        resumed = quick(processes=1, checkpoint=path).fit(drifters)
        assert same(resumed, quick(processes=1).fit(drifters))
