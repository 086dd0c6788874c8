"""Learning on a GPU: ``pytest -m cuda``. The same tests run on the CPU, so that they are known to hold there."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import wlm
from wlmsim import learn as losses
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import Mechanics
from wlmsim.learn.networks.near_pairs import OfNearPairs, close_pairs
from wlmsim.learn.rollouts.recomputation import recomputed
from wlmsim.learn.rollouts.rollout import flow_rollout, rollout

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)
DOG = wls.Trajectory([0.0, 1.0, 2.0], [[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 3.0]]])
TERMS = {
    "external": wls.learn.ExternalPotential((8,), fourier_features=3),
    "series": wls.learn.SeriesPotential(order=2, waves=2),
    "pair": wls.learn.PairPotential(1.0),
    "mean field": wls.learn.MeanFieldPotential(4, (8,)),
    "attention": wls.learn.AttentionPotential(8, 2, 1, 8, time_dependent=True, time_features=2),
    "agent": wls.learn.AgentPotential(DOG, 1.0),
    "strength": wls.learn.LearnableStrength(wls.GaussianEntropy(1.0)),
    "Planck": wls.learn.LearnableStrength(wls.GaussianQuantumPressure(1.0)),
    "known": wls.External(wls.laws.Harmonic(1.0)) + wls.Pairwise(wls.laws.Morse(c=1.5, l=0.5)),
}
VELOCITY_TERMS = {
    "alignment": wls.learn.LearnableAlignment(1.0, normalised=True),
    "self-propulsion": wls.learn.LearnableSelfPropulsion(time=10.0),
}
DIVERGENCES = {
    "exact": losses.exact_transport,
    "sinkhorn": partial(losses.sinkhorn_divergence, blur=0.3),
    "sliced": losses.sliced_transport,
    "energy": losses.energy_divergence,
}


@pytest.fixture(
    params=[
        "cpu",
        pytest.param(
            "cuda",
            marks=[
                pytest.mark.cuda,
                pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
            ],
        ),
    ]
)
def device(request) -> torch.device:
    """The CPU, and a GPU where there is one."""
    return torch.device(request.param)


@pytest.fixture(scope="module")
def drifters() -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=40, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


@contextmanager
def waiting_for_nothing(device: torch.device) -> Iterator[None]:
    """Makes whatever synchronises host and GPU an error."""
    if device.type == "cpu":
        yield
        return
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def cloud(n: int, seed: int, device: torch.device) -> torch.Tensor:
    return torch.tensor(np.random.default_rng(seed).standard_normal((n, 2)), dtype=torch.float32, device=device)


def mechanics_on(device: torch.device, term, friction="learn", dissipation=None) -> Mechanics:
    """The same parameters on every device; on a GPU with a capacity for pairs, as a training has it."""
    torch.manual_seed(0)
    mechanics = Mechanics(term, friction, 2, SCALES, dissipation).to(device)
    for network in mechanics.networks:
        if isinstance(network, OfNearPairs) and device.type != "cpu":
            network.reserve([cloud(60, 0, device)])
            network.capacity.pairs *= 4
            network.capacity.candidates *= 4
    return mechanics


def force_of(mechanics, w, x, t):
    return mechanics.force(x, w, t)


def rolled(mechanics: Mechanics, device: torch.device, again: bool = False) -> torch.Tensor:
    """Mean square at the end of a rollout; nothing in it waits for the host, nor in its gradient."""
    x, v, w = cloud(60, 0, device), cloud(60, 1, device), torch.full((60,), 1 / 60, device=device)
    force = partial(force_of, mechanics, w)
    force = recomputed(force, list(mechanics.parameters())) if again else force
    velocity_force = mechanics.velocity_force(w)
    with waiting_for_nothing(device):
        if mechanics.first_order:
            end = flow_rollout(force, x, [0.5, 1.0], start=0.0, dt=0.2)[-1]
        else:
            how = {"friction": mechanics.gamma, "unit_mobility": True, "velocity_force": velocity_force}
            end, _ = rollout(force, x, v, [0.5, 1.0], start=0.0, dt=0.2, **how)[-1]
        loss = (end**2).mean()
        loss.backward()
    return loss.detach().cpu()


def gradients(mechanics: Mechanics) -> torch.Tensor:
    """By all parameters, zero where there is none."""
    return torch.cat(
        [(torch.zeros_like(p) if p.grad is None else p.grad).flatten().cpu() for p in mechanics.parameters()]
    )


CPU = torch.device("cpu")


class TestRollouts:
    @pytest.mark.parametrize("name", TERMS)
    @pytest.mark.parametrize("again", [False, True], ids=["kept", "recomputed"])
    def test_each_functional(self, device, name, again):
        here, there = mechanics_on(CPU, TERMS[name]), mechanics_on(device, TERMS[name])
        expected, found = rolled(here, CPU), rolled(there, device, again)
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(gradients(there), gradients(here), rtol=1e-2, atol=1e-4)

    @pytest.mark.parametrize("name", VELOCITY_TERMS)
    def test_each_force_that_depends_on_the_velocity(self, device, name):
        here, there = (mechanics_on(d, TERMS["external"], dissipation=VELOCITY_TERMS[name]) for d in (CPU, device))
        torch.testing.assert_close(rolled(there, device), rolled(here, CPU), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(gradients(there), gradients(here), rtol=1e-2, atol=1e-4)

    def test_a_flow(self, device):
        here, there = (mechanics_on(d, TERMS["mean field"], friction=np.inf) for d in (CPU, device))
        torch.testing.assert_close(rolled(there, device), rolled(here, CPU), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_each_loss(device, name):
    def value_and_gradient(device):
        m = 50 if name == "exact" else 40  # plans between unequal clouds are POT's, which a GPU machine may lack
        x, y = cloud(50, 2, device).requires_grad_(), cloud(m, 3, device) + 0.5
        wx, wy = torch.full((50,), 1 / 50, device=device), torch.full((m,), 1 / m, device=device)
        more = {"directions": torch.eye(2, device=device)} if name == "sliced" else {}
        loss = DIVERGENCES[name](x, y, wx, wy, **more)
        return loss.detach().cpu(), torch.autograd.grad(loss, x)[0].cpu()

    for found, expected in zip(value_and_gradient(device), value_and_gradient(CPU), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_memory_of_pairs_grows_with_their_number(device):
    """All pairs of distances would take 40 GB."""
    n = 100_000 if device.type == "cuda" else 2000
    x, cutoff = cloud(n, 4, device), 2 * (20 / n) ** 0.5
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
    i, j = close_pairs(x, cutoff)
    assert ((x[i] - x[j]).double().norm(dim=1) < cutoff * (1 + 1e-5)).all() and len(i) > 5 * n
    if device.type == "cuda":
        assert torch.cuda.max_memory_allocated() - before < 2e9


def quick(potential=None, **parameters) -> wls.learn.WLM:
    return wlm(
        potential, **{"steps": 10, "members": 1, "progress": False, "processes": 1, "batch_size": 30, **parameters}
    )


class TestFits:
    @pytest.mark.parametrize(
        "parameters",
        [
            {"loss": "exact"},
            {"loss": "sinkhorn"},
            {"loss": "sliced", "batch_size": None},
            {"loss": "energy", "rollouts": "multiple-shooting"},
            {"potential": wls.learn.ExternalPotential((8,)) + wls.learn.PairPotential(1.0), "local_acceleration": 0.3},
            {"potential": wls.learn.AttentionPotential(8, 2, 1, 8)},
            {"dissipation": wls.learn.LearnableAlignment(1.0), "speed": 1.0, "friction": 0.0},
            {"initial_velocities": "learn", "validation": "last", "members": 2},
        ],
        ids=["exact", "sinkhorn", "sliced", "energy", "pairs", "attention", "constant speed", "validated"],
    )
    def test_as_on_the_cpu(self, device, drifters, parameters, monkeypatch):
        # a GPU draws its own random directions
        monkeypatch.setattr(wls.learn.Sliced, "_drawn", lambda loss, x, rng: torch.eye(x.shape[1], device=x.device))
        cpu, other = (quick(**parameters, device=d).fit(drifters) for d in ("cpu", str(device)))
        np.testing.assert_allclose(other.losses_, cpu.losses_, rtol=0.05)
        assert next(other.lagrangian_.potential.terms[0].parameters()).device == CPU
        start = drifters[0]
        first, second = (m.forecast(start, [1.0]).positions for m in (cpu, other))
        np.testing.assert_allclose(second, first, atol=0.1)

    @pytest.mark.parametrize("name", ["external", "series"])
    def test_a_noisy_flow(self, device, drifters, name):
        """The noise is another one on each device."""
        model = quick(TERMS[name], friction=np.inf, noise=0.3, loss="sliced", device=str(device))
        model.fit(drifters.without_velocities())
        assert np.isfinite(model.losses_).all() and model.friction_ == np.inf

    @pytest.mark.parametrize("parameters", [{"precision": "tf32"}, {"precision": "bfloat16"}], ids=str)
    def test_in_other_precisions(self, device, drifters, parameters):
        plain, fast = (quick(device=str(device), **more).fit(drifters) for more in ({}, parameters))
        np.testing.assert_allclose(fast.losses_, plain.losses_, rtol=0.2)

    @pytest.mark.cuda
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
    def test_compiled_by_triton(self, drifters):
        pytest.importorskip("triton")
        plain, fast = (quick(device="cuda", compile=flag).fit(drifters) for flag in (False, True))
        np.testing.assert_allclose(fast.losses_, plain.losses_, rtol=0.05)

    def test_a_fit_that_is_killed_resumes(self, device, drifters, tmp_path):
        """Sums on a GPU are not the same to the last bit, so the ends are only close."""

        def stop(record):
            if record.step == 6:
                raise KeyboardInterrupt

        potential = TERMS["external"] + TERMS["pair"]
        settings = {"device": str(device), "checkpoint": tmp_path / "fit.checkpoint", "every": 0.0}
        whole = quick(potential, device=str(device)).fit(drifters)
        with pytest.raises(KeyboardInterrupt):
            quick(potential, **settings).fit(drifters, callbacks=[stop])
        assert settings["checkpoint"].exists()
        steps = []
        resumed = quick(potential, **settings).fit(drifters, callbacks=[lambda record: steps.append(record.step)])
        assert steps[0] in (6, 7)
        np.testing.assert_allclose(resumed.losses_, whole.losses_, rtol=1e-2)

    def test_a_copy_of_what_was_learned_is_on_the_cpu(self, device, drifters, tmp_path):
        model = quick(TERMS["pair"], device=str(device)).fit(drifters)
        loaded = wls.learn.WLM.load(model.save(tmp_path / "model"))
        energies = [m.lagrangian_.potential.energy(drifters[0].positions, drifters[0].weights) for m in (model, loaded)]
        assert energies[0] == energies[1]
        assert copy.deepcopy(model).lagrangian_.potential.capacity is None
