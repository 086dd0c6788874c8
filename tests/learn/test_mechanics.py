"""Mechanics in scaled coordinates and in those of the data."""

import numpy as np
import pytest
import torch

import wlmsim as wls
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import Mechanics, mean_mechanics, scales_of
from wlmsim.learn.rollouts.rollout import rollout

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


class TestMechanics:
    def test_lagrangian_in_data_units_moves_as_the_scaled_rollout(self):
        torch.manual_seed(1)
        functional = wls.learn.ExternalPotential((8,)) + wls.External(wls.laws.Harmonic(0.7))
        mechanics = Mechanics(functional, 0.9, 2, SCALES).double()
        rng = np.random.default_rng(0)
        x, v = rng.standard_normal((2, 6, 2))
        start = wls.Population(x, v, time=SCALES.start)
        kept = rollout(
            lambda y, t: mechanics.force(y, torch.full((6,), 1 / 6, dtype=torch.float64), t),
            torch.tensor((x - np.array(SCALES.centre)) / SCALES.length),
            torch.tensor(v * SCALES.duration / SCALES.length),
            [2.0],
            start=0.0,
            dt=0.1,
            friction=mechanics.gamma,
            unit_mobility=True,
        )
        lagrangian = mean_mechanics([mechanics])
        assert lagrangian.friction == pytest.approx(0.9)
        end = SCALES.start + 2.0 * SCALES.duration
        forecast = wls.simulate(lagrangian, start, [end], dt=0.1 * SCALES.duration)
        expected = kept[0][0].detach().numpy() * SCALES.length + np.array(SCALES.centre)
        np.testing.assert_allclose(forecast.positions[0], expected, rtol=1e-9)

    def test_scales_are_of_the_data(self, drifters):
        scales = scales_of(drifters)
        everything = np.concatenate(drifters.positions)
        np.testing.assert_allclose(scales.centre, everything.mean(0))
        assert scales.duration == pytest.approx(0.5)
        assert scales.start == 0.0
