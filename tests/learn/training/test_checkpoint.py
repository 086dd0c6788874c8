"""A fit that was killed ends where it would have."""

import copy
import json
import subprocess
import sys
import textwrap

import pytest

from tests.models import quick
from wlmsim.errors import FileFormatError
from wlmsim.learn import files
from wlmsim.learn.functionals import Scales

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


class TestCheckpoint:
    SCRIPT = textwrap.dedent("""
        import json, os, signal, sys
        import numpy as np, wlmsim as wls
        from wlmsim.learn.training import checkpoint_file
        data = wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)

        def fit(path, kill_at):
            kept = wls.learn.Checkpoint(path=path, every=0.0) if path else None
            model = wls.learn.WLM(wls.learn.ExternalPotential((8,)), optimiser=wls.learn.AdamW(steps=30),
                                  stopping="early", members=2, checkpoint=kept, progress=False)
            if kill_at:
                run, seen = checkpoint_file.CheckpointFile.keep, [0]
                def keep(self, *arguments, **options):
                    run(self, *arguments, **options)
                    seen[0] += 1
                    if seen[0] == kill_at:
                        os.kill(os.getpid(), signal.SIGKILL)
                checkpoint_file.CheckpointFile.keep = keep
            model.fit(data)
            state = [{k: v.tolist() for k, v in m.state_dict().items()} for m in model._fitted_members]
            return [model.best_step_, model.losses_.tolist(), state]

        path, killed = sys.argv[1], []
        for kill_at in (9, 30, 18):
            child = os.fork()  # a process of its own, which has imported everything
            if not child:
                fit(path, kill_at)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            killed.append(os.WTERMSIG(status) == signal.SIGKILL and os.path.exists(path))
        resumed = fit(path, 0)
        print(json.dumps([killed, resumed, os.path.exists(path), fit(None, 0)]))
    """)

    @pytest.mark.slow
    def test_a_killed_fit_ends_where_the_uninterrupted_one_does(self, tmp_path):
        """Killed while choosing the steps, and in the training of either member, and resumed: the same bits."""
        command = [sys.executable, "-c", self.SCRIPT, str(tmp_path / "fit.checkpoint")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        killed, resumed, left, whole = json.loads(done.stdout)
        assert killed == [True] * 3
        assert resumed == whole
        assert not left

    def test_another_fit_s_checkpoint_is_refused(self, drifters, tmp_path, monkeypatch):
        path = tmp_path / "fit.checkpoint"
        monkeypatch.setattr("wlmsim.learn.training.checkpoint_file.CheckpointFile.remove", lambda self: None)
        quick(steps=3, checkpoint=path).fit(drifters)
        assert path.exists()
        with pytest.raises(FileFormatError, match="other data or settings"):
            quick(steps=4, checkpoint=path).fit(drifters)
        with pytest.raises(FileFormatError, match="other data or settings"):
            quick(steps=3, checkpoint=path).fit(drifters[:5])
        whole = files.read(path, "wlmsim-checkpoint")
        for part, change in (("state", "duals"), ("progress", "recoveries"), ("mechanics", "log_friction")):
            older = copy.deepcopy(whole)
            state = older["stages"]["fitting"]
            del (state if part == "state" else state[part])[change]
            files.write(path, "wlmsim-checkpoint", older)
            with pytest.raises(FileFormatError, match=r"written by another version of wlmsim .*; finish the fit with"):
                quick(steps=3, checkpoint=path).fit(drifters)
        path.write_bytes(b"rubbish")
        with pytest.raises(FileFormatError, match=r"fit\.checkpoint"):
            quick(steps=3, checkpoint=path).fit(drifters)
