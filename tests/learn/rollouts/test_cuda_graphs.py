"""Rollouts from recordings: what they are given and give back, and on a GPU that they compute the same."""

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import wlm
from wlmsim.learn.rollouts import cuda_graphs
from wlmsim.learn.training.trainer import Trainer

TERMS = {
    "external": {},
    "flow": {"friction": np.inf, "initial_velocities": "zero"},
    "field": {"initial_velocities": "learn"},
    "alignment": {"dissipation": wls.learn.LearnableAlignment(1.0), "speed": 1.0, "friction": 0.0},
    "pairs": {"potential": wls.learn.ExternalPotential((8,)) + wls.learn.PairPotential(1.0), "loss": "sliced"},
    "attention": {"potential": wls.learn.AttentionPotential(8, 2, 1, 8), "loss": "sliced"},
}


@pytest.fixture(scope="module")
def drifters() -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=40, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


@pytest.fixture(autouse=True)
def same_directions(monkeypatch):
    """A recording draws other random numbers, and with them other directions of the sliced loss."""
    monkeypatch.setattr(wls.learn.Sliced, "_drawn", lambda loss, x, rng: torch.eye(x.shape[1], device=x.device))


def fit(drifters: wls.SnapshotSeries, device: str = "cpu", **parameters) -> wls.learn.WLM:
    how = {"steps": 30, "members": 1, "processes": 1, "progress": False, "batch_size": 30, **parameters}
    return wlm(device=device, **how).fit(drifters)


class PlayedAtOnce:
    """Stands in for a recorder where there is no GPU: runs what it is given."""

    def __init__(self):
        self.keys = set()

    def __call__(self, function, place, key, *inputs):
        assert all(isinstance(tensor, torch.Tensor) for tensor in inputs)
        self.keys.add((place, key))
        values = function(*inputs)
        assert all(isinstance(value, torch.Tensor) for value in values)
        return values

    def forget(self):
        pass


@pytest.mark.parametrize("name", TERMS)
def test_a_rollout_as_a_function_of_tensors_is_the_same(drifters, name, monkeypatch):
    plain, recorder, build = fit(drifters, **TERMS[name]), PlayedAtOnce(), Trainer.__init__

    def with_recorder(trainer, *args, **kwargs):
        build(trainer, *args, **kwargs)
        trainer._recorder = recorder

    monkeypatch.setattr(Trainer, "__init__", with_recorder)
    np.testing.assert_array_equal(fit(drifters, **TERMS[name]).losses_, plain.losses_)
    assert len(recorder.keys) == 4  # horizons


needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.mark.cuda
@needs_cuda
@pytest.mark.parametrize("name", TERMS)
def test_a_recorded_training_is_the_same(drifters, name, monkeypatch):
    record, made = cuda_graphs.Recorder._record, []

    def counted(recorder, *args):
        made.append(args)
        return record(recorder, *args)

    monkeypatch.setattr(cuda_graphs.Recorder, "_record", counted)
    monkeypatch.setattr(cuda_graphs, "RECORDED_AFTER", 10**9)
    plain = fit(drifters, "cuda", **TERMS[name])
    assert not made
    monkeypatch.setattr(cuda_graphs, "RECORDED_AFTER", 1)
    recorded = fit(drifters, "cuda", **TERMS[name])
    assert made
    np.testing.assert_allclose(recorded.losses_, plain.losses_, rtol=1e-2)


@pytest.mark.cuda
@needs_cuda
def test_dropout_and_noise_are_drawn_anew_each_time(drifters, monkeypatch):
    monkeypatch.setattr(cuda_graphs, "RECORDED_AFTER", 0)
    layer = torch.nn.Linear(2, 2).to("cuda")
    recorder = cuda_graphs.Recorder(layer)
    x = torch.ones(100, 2, device="cuda")

    def noisy(x):
        return (layer(x) + torch.randn_like(x),)

    first, second = (recorder(noisy, 0, 0, x)[0].detach().clone() for _ in range(2))
    assert recorder._recordings
    assert not torch.equal(first, second)


@pytest.mark.cuda
@needs_cuda
def test_what_waits_for_the_gpu_is_not_recorded(monkeypatch):
    monkeypatch.setattr(cuda_graphs, "RECORDED_AFTER", 0)
    layer = torch.nn.Linear(2, 2).to("cuda")
    recorder = cuda_graphs.Recorder(layer)

    def waiting(x):
        return (layer(x) * float(x.sum()),)

    x = torch.ones(100, 2, device="cuda")
    torch.testing.assert_close(recorder(waiting, 0, 0, x)[0], layer(x) * 200)
    assert not recorder._recordings and not recorder._recordable


@pytest.mark.cuda
@needs_cuda
def test_after_a_failed_recording_all_goes_on(monkeypatch):
    monkeypatch.setattr(cuda_graphs, "RECORDED_AFTER", 0)
    layer = torch.nn.Linear(2, 2).to("cuda")
    recorder = cuda_graphs.Recorder(layer)

    def failing(x):
        y = layer(x) + torch.randn_like(x)
        return (y * y.sum().item() if torch.cuda.is_current_stream_capturing() else y,)

    with pytest.warns(RuntimeWarning, match="without CUDA graphs"):
        first = recorder(failing, 0, 0, torch.ones(100, 2, device="cuda"))[0]
    second = recorder(failing, 0, 0, torch.ones(100, 2, device="cuda"))[0]
    assert torch.isfinite(first + second).all() and not torch.equal(first, second)


@pytest.mark.cuda
@needs_cuda
def test_gradients_of_several_populations(drifters, monkeypatch):
    """The gradient of one is under way while another is recorded."""
    both = wls.SnapshotSeries.of_several({0: drifters, 1: drifters})
    losses = []
    for after in (10**9, 1):
        monkeypatch.setattr(cuda_graphs, "RECORDED_AFTER", after)
        losses.append(fit(both, "cuda", loss="sliced").losses_)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-2)
