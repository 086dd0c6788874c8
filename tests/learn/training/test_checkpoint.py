"""A fit that was killed ends where it would have."""

import copy
import json
import subprocess
import sys
import textwrap

import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import FileFormatError, ParameterError
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

    @pytest.mark.parametrize("way", ["external", "cutoff", "strength", "dissipation", "code"])
    def test_a_checkpoint_of_another_law_is_refused(self, way, drifters, tmp_path, monkeypatch):
        """The names of laws are alike, and so are the `repr` of terms with them."""
        monkeypatch.setattr("wlmsim.learn.training.checkpoint_file.CheckpointFile.remove", lambda self: None)
        path = tmp_path / "fit.checkpoint"

        def model(k):
            learned, drag = wls.learn.ExternalPotential(hidden=(4,)), None
            if way == "external":
                learned += wls.External(lambda x, xp: k * (x**2).sum(-1))
            elif way == "cutoff":
                learned += wls.Pairwise(lambda r, xp: r**2, cutoff=1.5 + 1e-9 * k)
            elif way == "strength":
                learned += wls.learn.LearnableStrength(wls.External(lambda x, xp: k * (x**2).sum(-1)))
            elif way == "dissipation":
                drag = wls.Alignment(1.0 + 1e-9 * k)
            elif k:
                learned += wls.External(lambda x, xp: (x**2).sum(-1))
            else:
                learned += wls.External(lambda x, xp: (x**4).sum(-1))
            return quick(learned, dissipation=drag, steps=2, checkpoint=path)

        model(0.0).fit(drifters)
        model(0.0).fit(drifters)  # the same law, made anew
        other = "dissipation" if way == "dissipation" else "potential"
        with pytest.raises(FileFormatError, match=rf"code or captured values \(other are: {other}\); remove it"):
            model(1.0).fit(drifters)

    def test_a_law_that_cannot_be_compared_is_refused_with_a_checkpoint(self, drifters, tmp_path):
        import threading

        held = {"k": 1.0, "lock": threading.Lock()}
        known = wls.External(lambda x, xp: held["k"] * (x**2).sum(-1))
        model = quick(wls.learn.ExternalPotential(hidden=(4,)) + known, steps=2, checkpoint=tmp_path / "c")
        with pytest.raises(ParameterError, match=r"`checkpoint` must compute with what can be compared.*lock"):
            model.fit(drifters)

    def test_another_fit_s_checkpoint_is_refused(self, drifters, tmp_path, monkeypatch):
        path = tmp_path / "fit.checkpoint"
        monkeypatch.setattr("wlmsim.learn.training.checkpoint_file.CheckpointFile.remove", lambda self: None)
        quick(steps=3, checkpoint=path).fit(drifters)
        assert path.exists()
        moved = wls.SnapshotSeries(drifters.times, [x + 1.0 for x in drifters.positions], drifters.velocities)
        fits = {
            r"optimiser\.steps": (quick(steps=4, checkpoint=path), drifters),
            "members, seed": (quick(steps=3, checkpoint=path, seed=5, members=4), drifters),
            "loss": (quick(steps=3, checkpoint=path, loss="energy"), drifters),
            r"data\.positions": (quick(steps=3, checkpoint=path), moved),
            r"data\.times, data\.positions, data\.velocities, data\.weights": (
                quick(steps=3, checkpoint=path),
                drifters[:5],
            ),
        }
        for differ, (model, data) in fits.items():
            with pytest.raises(FileFormatError, match=rf"other data or settings.*\(other are: {differ}"):
                model.fit(data)
        whole = files.read(path, "wlmsim-checkpoint")
        for part, change in (("state", "duals"), ("progress", "recoveries"), ("mechanics", "log_friction")):
            older = copy.deepcopy(whole)
            state = older["stages"]["fitting"]
            del (state if part == "state" else state[part])[change]
            files.write(path, "wlmsim-checkpoint", older)
            with pytest.raises(FileFormatError, match=r"written by another version of wlmsim .*; finish the fit with"):
                quick(steps=3, checkpoint=path).fit(drifters)
        files.write(path, "wlmsim-checkpoint", {**whole, "fingerprint": "0" * 64})
        with pytest.raises(FileFormatError, match=r"\(other are: any of all\)"):
            quick(steps=3, checkpoint=path).fit(drifters)
        path.write_bytes(b"rubbish")
        with pytest.raises(FileFormatError, match=r"fit\.checkpoint"):
            quick(steps=3, checkpoint=path).fit(drifters)
