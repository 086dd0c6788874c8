"""Pairs of near points by cells, and rollouts in which nothing is read from the device."""

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import trainer_of, wlm
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import scales_of
from wlmsim.learn.networks.near_pairs import Capacity, OfNearPairs, close_pairs

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


def pairs(i: torch.Tensor, j: torch.Tensor) -> list[tuple[int, int]]:
    """Each pair with its smaller index first, in order."""
    return sorted((min(a, b), max(a, b)) for a, b in zip(i.tolist(), j.tolist(), strict=True))


def cloud(n: int, dim: int) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(dim))


class TestClosePairs:
    @pytest.mark.parametrize("dim", [1, 2, 3, 4])
    @pytest.mark.parametrize("n", [1, 2, 150])
    @pytest.mark.parametrize("cutoff", [0.05, 0.8, 20.0])
    def test_cells_and_the_tree_find_every_pair_once(self, dim, n, cutoff):
        x = cloud(n, dim)
        expected = [tuple(p) for p in (torch.cdist(x, x) < cutoff).triu(1).nonzero().tolist()]
        capacity = Capacity.for_clouds([x], cutoff)
        i, j = close_pairs(x, cutoff, capacity)
        assert len(i) == capacity.pairs and (i[i == j] == 0).all() and (j[i == j] == 0).all()
        assert pairs(i[i != j], j[i != j]) == expected
        assert pairs(*close_pairs(x, cutoff)) == expected
        assert not capacity.exceeded()

    def test_points_at_the_edges_of_cells(self):
        """A lattice whose spacing is the cutoff less a rounding error: all neighbours are near."""
        x = 0.1 * torch.cartesian_prod(*2 * [torch.arange(20.0)])
        found = close_pairs(x, 0.1 * (1 + 1e-5), Capacity(10_000, 1000, x.device))
        assert int((found[0] != found[1]).sum()) == 2 * 20 * 19

    def test_points_far_out_share_a_cell(self):
        x = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1e9, 1e9], [1e9, 1e9], [-1e30, 0.0]])
        i, j = close_pairs(x, 1.0, Capacity(100, 100, x.device))
        assert pairs(i[i != j], j[i != j]) == [(0, 1), (2, 3)]

    def test_memory_is_for_neighbours_only(self):
        x, cutoff = cloud(20_000, 2), 0.04
        capacity = Capacity.for_clouds([x], cutoff)
        found = len(close_pairs(x, cutoff)[0])
        assert found < capacity.pairs <= 2 * found and capacity.candidates < 6 * found < 0.01 * len(x) ** 2

    def test_what_exceeds_the_capacity_is_noticed(self):
        x = cloud(100, 2)
        capacity = Capacity(10, 5, x.device)
        close_pairs(x, 0.5, capacity)
        assert capacity.exceeded()
        rounds = 0
        while True:
            close_pairs(x, 0.5, capacity)
            if not capacity.exceeded():
                break
            rounds += 1
        i, j = close_pairs(x, 0.5, capacity)
        assert rounds <= 2 and pairs(i[i != j], j[i != j]) == pairs(*close_pairs(x, 0.5))


@pytest.mark.parametrize("build", [wls.learn.PairPotential, wls.learn.LearnableAlignment])
def test_terms_with_capacity_to_spare_are_the_same(build):
    torch.manual_seed(0)
    term = build(1.3)
    term.prepare(2, SCALES)
    term.double()
    x, v, w = cloud(60, 2).double(), cloud(61, 2)[1:].double(), torch.full((60,), 1 / 60, dtype=torch.float64)
    x[1] = x[0]  # two in the same place

    def gradients():
        y = x.clone().requires_grad_()
        arguments = (y, w, 0.0) if build is wls.learn.PairPotential else (y, v, w)
        energy = term.scaled_energy if build is wls.learn.PairPotential else term.scaled_rayleigh
        loss = (term.scaled_force(*arguments) * v).sum() + energy(*arguments)
        return loss, *torch.autograd.grad(loss, [y, *term.parameters()])

    exact = gradients()
    term.reserve([x])
    term.capacity.pairs *= 3
    for ours, theirs in zip(gradients(), exact, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.fixture(scope="module")
def data() -> wls.SnapshotSeries:
    vortex = wls.systems.VortexDrifters(n=80, seed=0)
    return vortex.exact(np.linspace(0, 2, 5)).snapshots(seed=0)


class TestFits:
    def trainer(self, data, **parameters):
        potential = wls.learn.ExternalPotential((8,)) + wls.learn.PairPotential(1.0)
        model = wlm(potential, dissipation=wls.learn.LearnableAlignment(1.0), **parameters)
        return trainer_of(model, [data], 4, scales_of(data))

    def test_a_training_whose_pairs_exceed_the_capacity_is_the_same(self, data):
        """Starting with a capacity of a single pair, as a GPU would with a larger one."""
        exact, spacious = (self.trainer(data, batch_size=50) for _ in range(2))
        spacious._reserve()
        for term in spacious._of_near_pairs:
            term.capacity.candidates = term.capacity.pairs = 1
        exact.run()
        spacious.run()
        np.testing.assert_allclose(spacious.progress.losses, exact.progress.losses, rtol=1e-4)
        assert all(term.capacity.pairs > 100 for term in spacious._of_near_pairs)
        assert all(term.capacity is None for term in spacious.mechanics.terms() if isinstance(term, OfNearPairs))

    def test_the_capacity_reserved_suffices(self, data):
        trainer = self.trainer(data)
        trainer._reserve()
        sizes = [term.capacity.pairs for term in trainer._of_near_pairs]
        trainer.run()
        assert [term.capacity.pairs for term in trainer._of_near_pairs] == sizes
