"""Training in other precisions, and compiled by torch."""

import copy

import numpy as np
import pytest
import torch
from torch._dynamo.backends.registry import lookup_backend

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.learn.functionals import Scales, force_evaluation
from wlmsim.learn.functionals.force_evaluation import ForceEvaluator

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)
TERMS = {
    "external": wls.learn.ExternalPotential((16,), fourier_features=3),
    "mean field": wls.learn.MeanFieldPotential(4, (16,)),
    "attention": wls.learn.AttentionPotential(16, 2, 1, 16),
    "pair": wls.learn.PairPotential(1.0),
    "strength": wls.learn.LearnableStrength(wls.GaussianEntropy(1.0)),
}


@pytest.fixture(scope="module")
def drifters() -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=40, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


@pytest.fixture
def compilations(monkeypatch) -> list:
    """What was compiled so far, without code for this machine, which would take long."""
    compiled: list = []
    without_code = lookup_backend("aot_eager")
    monkeypatch.setattr(
        force_evaluation, "BACKEND", lambda graph, inputs: compiled.append(graph) or without_code(graph, inputs)
    )
    torch.compiler.reset()
    return compiled


def quick(potential=None, **parameters) -> wls.learn.WLM:
    return wlm(potential, **{"steps": 12, "members": 1, "progress": False, **parameters})


def prepared(name: str):
    torch.manual_seed(0)
    term = copy.deepcopy(TERMS[name])
    term.prepare(2, SCALES)
    return term


def force_and_gradients(how: ForceEvaluator, term) -> tuple[torch.Tensor, ...]:
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(1)).requires_grad_()
    force = how.force(term, x, torch.full((30,), 1 / 30), 0.3)
    return force, *torch.autograd.grad(
        (force**2).sum(), [x, *term.parameters()], allow_unused=True, materialize_grads=True
    )


def difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return ((ours - theirs).norm() / theirs.norm()).item()


class TestForces:
    @pytest.mark.parametrize("name", TERMS)
    def test_in_half_precision_they_differ_a_little(self, name):
        term = prepared(name)
        exact, half = (force_and_gradients(ForceEvaluator(p), term) for p in ("float32", "bfloat16"))
        assert all(part.dtype == torch.float32 for part in half)
        assert difference(half[0], exact[0]) < 0.05
        assert difference(torch.cat([g.flatten() for g in half[1:]]), torch.cat([g.flatten() for g in exact[1:]])) < 0.1
        assert torch.equal(half[0], exact[0]) == (name in ("pair", "strength"))  # they have no network

    @pytest.mark.parametrize("name", ["external", "mean field"])
    @pytest.mark.parametrize("precision", ["float32", "bfloat16"])
    def test_compiled_they_are_the_same(self, name, precision, compilations):
        term = prepared(name)
        plain, compiled = (force_and_gradients(ForceEvaluator(precision, flag), term) for flag in (False, True))
        assert compilations
        for ours, theirs in zip(compiled, plain, strict=True):
            # fused operations round bfloat16 less often
            assert difference(ours, theirs) < (1e-5 if precision == "float32" else 0.01)

    @pytest.mark.parametrize("name", ["attention", "pair", "strength"])
    def test_what_compiled_code_cannot_do_runs_as_it_is(self, name, compilations):
        term = prepared(name)
        plain, same = (force_and_gradients(ForceEvaluator(compile=flag), term) for flag in (False, True))
        assert not compilations and all(map(torch.equal, plain, same))

    def test_products_of_matrices_have_the_precision_within_the_context_only(self):
        before = torch.get_float32_matmul_precision()
        with ForceEvaluator("tf32")():
            assert torch.get_float32_matmul_precision() == "high"
        assert torch.get_float32_matmul_precision() == before


class TestFits:
    def test_compilations_serve_all_members_times_and_sizes(self, drifters, compilations):
        sizes = [40, 35, 30, 40, 25]
        ragged = wls.SnapshotSeries.from_populations(
            [
                wls.Population(c.positions[:n], c.velocities[:n], time=c.time)
                for c, n in zip(drifters, sizes, strict=True)
            ]
        )
        plain, compiled = (
            quick(compile=flag, rollouts="multiple-shooting", processes=1).fit(ragged) for flag in (False, True)
        )
        before = len(compilations)
        quick(compile=True, steps=4, seed=1, members=2, processes=1).fit(drifters[[0, 1, 3]])
        assert 0 < before == len(compilations)
        np.testing.assert_allclose(compiled.losses_, plain.losses_, rtol=1e-3)

    def test_half_precision_learns(self, drifters):
        potential = wls.learn.ExternalPotential((16,)) + wls.learn.AttentionPotential(8, 2, 1, 8)
        model = quick(potential, precision="bfloat16", steps=40).fit(drifters)
        assert model.losses_[-5:].mean() < 0.5 * model.losses_[:5].mean()
        parameters = next(iter(model.lagrangian_.potential.terms)).parameters()
        assert all(p.dtype == torch.float32 for p in parameters)

    def test_files_know_the_precision(self, drifters, tmp_path):
        model = quick(precision="tf32", steps=2).fit(drifters)
        assert wls.learn.WLM.load(model.save(tmp_path / "model")).runtime == wls.learn.Runtime(precision="tf32")

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"precision": "float16"}, "`Runtime.precision` must be one of"),
            ({"compile": "yes"}, "`Runtime.compile` must be"),
        ],
    )
    def test_bad_input(self, drifters, parameters, message):
        with pytest.raises(ParameterError, match=message):
            quick(**parameters).fit(drifters)
