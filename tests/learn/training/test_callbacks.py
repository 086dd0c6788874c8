"""Callbacks of a fit: JSON lines, TensorBoard, plain functions."""

import json
import sys

import numpy as np
import pytest

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import MissingPackageError, SimulationError
from wlmsim.learn.training.callbacks import Callback, JSONLines, Record, TensorBoard
from wlmsim.learn.training.trainer import Trainer


@pytest.fixture(scope="module")
def drifters() -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


def quick(**parameters) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential((8,))
    return wlm(potential, **{"steps": 12, "members": 1, "progress": False, **parameters})


def steps_in(path) -> list[tuple[str, int, int]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [(line["stage"], line["member"], line["step"]) for line in lines]


class Failing(Callback):
    """Fails at a step; remembers how it was called."""

    def __init__(self, at: int):
        self.at, self.calls = at, []

    def begin(self, *, resumed: bool) -> None:
        self.calls.append(("begin", resumed))

    def __call__(self, record: Record) -> None:
        if record.step == self.at:
            raise OSError("no space left")

    def end(self) -> None:
        self.calls.append(("end",))


class TestJSONLines:
    def test_every_step_of_every_stage_and_member(self, drifters, tmp_path):
        path = tmp_path / "fit.jsonl"
        model = quick(members=2, validation="last", patience=1000).fit(drifters, callbacks=[JSONLines(path)])
        steps = model.best_step_
        expected = [("choosing the steps", 1, s) for s in range(1, 13)]
        assert steps_in(path) == expected + [("fitting", k, s) for k in (1, 2) for s in range(1, steps + 1)]
        members = [json.loads(line)["loss"] for line in path.read_text().splitlines()[12:]]
        np.testing.assert_allclose(np.reshape(members, (2, steps)).mean(0), model.losses_)

    def test_a_new_fit_starts_a_new_file(self, drifters, tmp_path):
        path = tmp_path / "fit.jsonl"
        quick(members=2).fit(drifters, callbacks=[JSONLines(path)])
        quick(steps=4).fit(drifters, callbacks=[JSONLines(path)])
        assert steps_in(path) == [("fitting", 1, s) for s in range(1, 5)]

    def test_a_resumed_fit_repeats_no_step(self, drifters, tmp_path):
        path, checkpoint = tmp_path / "fit.jsonl", tmp_path / "fit.checkpoint"
        failing = Failing(at=9)
        written = {"checkpoint": checkpoint, "every": 0.0}
        with pytest.raises(OSError, match="no space"):
            quick(**written).fit(drifters, callbacks=[JSONLines(path), failing])
        assert failing.calls == [("begin", False), ("end",)]
        ahead = json.loads(path.read_text().splitlines()[-1]) | {"step": 10}  # written, but not in the checkpoint
        path.write_text(path.read_text() + json.dumps(ahead) + "\n" + '{"stage": "fit')
        watching = Failing(at=-1)
        quick(**written).fit(drifters, callbacks=[JSONLines(path), watching])
        assert watching.calls == [("begin", True), ("end",)]
        assert steps_in(path) == [("fitting", 1, s) for s in range(1, 13)]

    def test_steps_taken_again_after_a_divergence_replace_the_first(self, drifters, tmp_path, monkeypatch):
        calls, loss = [0], Trainer._loss

        def failing(trainer: Trainer):
            calls[0] += 1
            if calls[0] == 8:
                raise SimulationError("a cloud blew up")
            return loss(trainer)

        monkeypatch.setattr(Trainer, "_loss", failing)
        path = tmp_path / "fit.jsonl"
        with pytest.warns(RuntimeWarning, match="diverged"):
            model = quick().fit(drifters, callbacks=[JSONLines(path)])
        assert steps_in(path) == [("fitting", 1, s) for s in range(1, 13)]
        assert [json.loads(line)["loss"] for line in path.read_text().splitlines()] == model.losses_.tolist()


class TestTensorBoard:
    def test_scalars_of_every_member(self, drifters, tmp_path):
        pytest.importorskip("tensorboard")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        model = quick(members=2, steps=5).fit(drifters, callbacks=[TensorBoard(tmp_path)])
        runs = []
        for member in (1, 2):
            events = EventAccumulator(str(tmp_path / f"member-{member}-of-2")).Reload()
            runs.append([event.value for event in events.Scalars("loss")])
            assert [event.step for event in events.Scalars("friction")] == [1, 2, 3, 4, 5]
        np.testing.assert_allclose(np.mean(runs, 0), model.losses_, rtol=1e-6)

    def test_a_missing_package_is_named(self, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "tensorboard", None)
        with pytest.raises(MissingPackageError, match=r"wlmsim\[tensorboard\]"):
            TensorBoard(tmp_path)


def test_any_callable_serves_and_files_keep_none(drifters, tmp_path):
    seen: list[Record] = []
    model = quick().fit(drifters, callbacks=[seen.append])
    assert [r.step for r in seen] == list(range(1, 13)) and {r.steps for r in seen} == {12}
    assert [r.loss for r in seen] == model.losses_.tolist()
    assert seen[-1].friction == pytest.approx(model.frictions_[-1])
    assert np.all(np.diff([r.seconds for r in seen]) >= 0)
    assert wls.learn.WLM.load(model.save(tmp_path / "x.model")).changed_params().keys() == model.changed_params().keys()
