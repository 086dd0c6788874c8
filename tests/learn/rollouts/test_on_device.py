"""Rollouts in which nothing is read from the device, and nothing sent to it, so that the host never waits.

Tensors of torch's "meta" device have shapes and no values: whatever would read a number fails, on any machine.
"""

from functools import partial

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import wlmsim as wls
from tests.models import trainer_of
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import Mechanics
from wlmsim.learn.networks.near_pairs import Capacity, OfNearPairs
from wlmsim.learn.rollouts.recomputation import recomputed
from wlmsim.learn.rollouts.rollout import flow_rollout, rollout

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)
DOG = wls.Trajectory([0.0, 1.0, 2.0], [[[0.0, 0.0]], [[1.0, 0.0]], [[1.0, 3.0]]])
TERMS = {
    "external": wls.learn.ExternalPotential((8,), fourier_features=3),
    "series": wls.learn.SeriesPotential(order=3, waves=2),
    "pair": wls.learn.PairPotential(1.0),
    "mean field": wls.learn.MeanFieldPotential(4, (8,)),
    "attention": wls.learn.AttentionPotential(8, 2, 1, 8, dropout=0.1, time_dependent=True, time_features=2),
    "agent": wls.learn.AgentPotential(DOG, 1.0),
    "strength": wls.learn.LearnableStrength(wls.GaussianEntropy(1.0)),
    "entropy": wls.Entropy(1.0, bandwidth=0.5),
    "Gaussian quantum pressure": wls.GaussianQuantumPressure(1.0),
    "quantum pressure": wls.QuantumPressure(1.0, bandwidth=0.5),
    "known external": wls.External(wls.laws.Harmonic(1.0)),
    "known, of time": wls.External(lambda x, t, xp: xp.sin(t) * (x**2).sum(-1)),
    "known pair": wls.Pairwise(wls.laws.Morse(c=1.5, l=0.5)),
}


class OnOneDevice(TorchDispatchMode):
    """Fails where an operation has tensors on two devices."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, torch.Tensor)]
        assert len({tensor.device for tensor in tensors}) < 2, func
        return result


class FromNoHostData(TorchFunctionMode):
    """Fails where host data become a tensor, and where a GPU would be waited for according to the documentation."""

    FROM_HOST = (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy)
    CHECKED = (torch.linalg.inv, torch.linalg.solve, torch.linalg.cholesky, torch.linalg.eigh, torch.linalg.svd)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        assert func not in (*self.FROM_HOST, *self.CHECKED), func
        return func(*args, **(kwargs or {}))


def on_device(term, friction="learn", dissipation=None) -> tuple[Mechanics, torch.Tensor, torch.Tensor]:
    """Mechanics, positions and weights on a device without values."""
    mechanics = Mechanics(term, friction, 2, SCALES, dissipation).to("meta")
    for network in mechanics.networks:
        if isinstance(network, OfNearPairs):
            network.capacity = Capacity(3000, 500, torch.device("meta"))
    return mechanics, torch.zeros(50, 2, device="meta"), torch.ones(50, device="meta")


def force_of(mechanics, w, x, t):
    return mechanics.force(x, w, t)


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("again", [False, True], ids=["kept", "recomputed"])
def test_a_rollout_reads_nothing(name, again):
    mechanics, x, w = on_device(TERMS[name])
    force = partial(force_of, mechanics, w)
    force = recomputed(force, list(mechanics.parameters())) if again else force
    with OnOneDevice(), FromNoHostData():
        end, _ = rollout(force, x, x, [0.5, 1.0], start=0.0, dt=0.3, friction=mechanics.gamma, unit_mobility=True)[-1]
        end.sum().backward()
    assert end.device.type == "meta" and mechanics.log_friction.grad is not None


@pytest.mark.parametrize("speed", [None, 1.0])
def test_forces_that_depend_on_the_velocity_read_nothing(speed):
    learned = wls.learn.LearnableAlignment(1.0, normalised=True) + wls.learn.LearnableSelfPropulsion()
    mechanics, x, w = on_device(TERMS["external"], dissipation=learned + wls.SelfPropulsion(1.0, 1.0))
    with OnOneDevice(), FromNoHostData():
        velocity_force = mechanics.velocity_force(w)
        rolled = {"start": 0.0, "dt": 0.3, "velocity_force": velocity_force, "speed": speed}
        rollout(partial(force_of, mechanics, w), x, x, [1.0], **rolled)[-1][0].sum().backward()
    assert all(p.grad is not None for p in mechanics.networks.parameters() if p.requires_grad)


def test_a_noisy_flow_reads_nothing(data):
    model = wls.learn.WLM(TERMS["external"], friction=np.inf, noise=0.3)
    trainer = trainer_of(model, [data], 2, SCALES)
    mechanics, x, w = on_device(TERMS["external"], friction=np.inf)
    with OnOneDevice(), FromNoHostData():
        flow_rollout(partial(force_of, mechanics, w), x, [1.0], start=0.0, dt=0.3, noise=partial(trainer._kicks, 0.3))


@pytest.fixture
def data() -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 1, 3)).snapshots(seed=0)


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: bool((x > 0).all()),
        lambda x: x + torch.tensor([1.0, 2.0], device=x.device),
        lambda x: x + torch.ones(2).to(x.device),
        lambda x: torch.linalg.inv(x.T @ x),
    ],
    ids=["item", "mask", "bool", "list", "transfer", "inverse"],
)
def test_what_reads_would_be_seen(read):
    with OnOneDevice(), FromNoHostData(), pytest.raises((RuntimeError, NotImplementedError, AssertionError)):
        read(torch.zeros(50, 2, device="meta"))
