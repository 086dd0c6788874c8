"""Smooth paths between marginals: they have both ends, and the least acceleration."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wlmsim.learn.matching.paths import NODES, flow_paths, inertial_paths
from wlmsim.learn.mechanics import Cloud

RNG = np.random.default_rng


def cloud(seed, n, time, dim=2, moving=True):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(n, dim, generator=generator)
    v = torch.randn(n, dim, generator=generator) if moving else None
    return Cloud(x, v, torch.full((n,), 1 / n), time)


class TestInertial:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(2, 12), st.integers(2, 12), st.floats(0.1, 10.0), st.integers(1, 4))
    def test_ends_are_met_with_their_velocities(self, n, m, span, dim):
        before, after = cloud(0, n, 1.0, dim), cloud(1, m, 1.0 + span, dim)
        (paths,) = inertial_paths(before, after, None, RNG(0))
        for end, node in ((before, 0), (after, -1)):
            for got, known in ((paths.x[node], end.x), (paths.v[node], end.v)):
                nearest = torch.cdist(got.double(), known.double()).min(1).values
                assert nearest.max() < 1e-4 * (1 + known.abs().max()) * max(1, span, 1 / span)
        weights = paths.w.sum(1)
        assert torch.allclose(weights, torch.ones_like(weights), atol=1e-5)

    def test_velocity_and_acceleration_are_derivatives_of_the_place(self):
        (paths,) = inertial_paths(cloud(0, 6, 0.0), cloud(1, 6, 2.0), None, RNG(0))
        step = float(paths.times[1] - paths.times[0])
        slope = (paths.x[2:] - paths.x[:-2]) / (2 * step)
        # of a cubic, central differences are off by h^2 / 6 of the slope of the acceleration
        third = (paths.target[-1] - paths.target[0]) / 2.0
        assert torch.allclose(slope - paths.v[1:-1], third * step**2 / 6, atol=1e-4)
        assert torch.allclose((paths.v[2:] - paths.v[:-2]) / (2 * step), paths.target[1:-1], atol=1e-4)

    def test_free_particles_are_found_again_and_need_no_acceleration(self):
        before = cloud(0, 30, 0.0)
        order = torch.randperm(30, generator=torch.Generator().manual_seed(5))
        moved = Cloud((before.x + 3.0 * before.v)[order], before.v[order], before.w, 3.0)
        (paths,) = inertial_paths(before, moved, None, RNG(0))
        assert paths.target.abs().max() < 1e-4

    def test_large_clouds_are_coupled_whole_and_taken_in_parts(self):
        before, after = cloud(0, 2500, 0.0), cloud(1, 1700, 1.0)
        parts = list(inertial_paths(before, after, None, RNG(0)))
        assert len(parts) == 3
        assert all(paths.x.shape[0] == NODES + 1 for paths in parts)
        ends = torch.cat([paths.x[-1] for paths in parts])
        assert torch.cdist(ends.double(), after.x.double()).min(1).values.max() < 1e-4
        # as many rows side by side as are in a part would be coupled over larger distances
        few = list(inertial_paths(before.rows(torch.arange(300)), after.rows(torch.arange(300)), None, RNG(0)))
        strength = [torch.cat([p.target.flatten(0, 1) for p in paths]).square().mean() for paths in (parts, few)]
        assert strength[0] < 0.8 * strength[1]

    @pytest.mark.parametrize("reach", [float("inf"), 1.0])
    def test_large_flows_meet_both_ends(self, reach):
        before, after = cloud(0, 1500, 0.0, moving=False), cloud(1, 1200, 1.0, moving=False)
        parts = list(flow_paths(before, after, None, RNG(0), reach=reach))
        for node, whole in ((0, before), (-1, after)):
            x, w = torch.cat([p.x[node] for p in parts]), torch.cat([p.w[node] for p in parts]) / len(parts)
            assert torch.cdist(x.double(), whole.x.double()).min(1).values.max() < 1e-4
            assert torch.allclose(w @ x, whole.w @ whole.x, atol=0.05)
            assert float(w.sum()) == pytest.approx(1.0, rel=1e-4)


class TestFlow:
    def test_lines_without_noise(self):
        (paths,) = flow_paths(cloud(0, 9, 0.0, moving=False), cloud(1, 9, 2.0, moving=False), None, RNG(0))
        assert torch.allclose(paths.target[0], paths.target[-1], atol=1e-5)
        assert torch.allclose(paths.x[-1] - paths.x[0], 2.0 * paths.target[0], atol=1e-5)

    def test_the_mean_forward_velocity_of_bridges_is_the_drift(self):
        """Of free diffusion from a point there is no drift: the bridges to where it came average to none at a place."""
        rng, n, sigma = RNG(3), 3000, 0.7
        first = torch.zeros(n, 1)
        last = torch.as_tensor(sigma * rng.standard_normal((n, 1))).float()
        w = torch.full((n,), 1 / n)
        parts = list(flow_paths(Cloud(first, None, w, 0.0), Cloud(last, None, w, 1.0), None, rng, noise=sigma))
        node = NODES // 2
        x = torch.cat([p.x[node] for p in parts]).numpy().ravel()
        u = torch.cat([p.target[node] for p in parts]).numpy().ravel()
        slope = (x * u).mean() / (x * x).mean()  # of the regression of the velocity on the place
        assert abs(slope) < 0.1
        assert x.std() == pytest.approx(sigma * np.sqrt(0.5), rel=0.05)
