"""Gravity without softening: point masses, summed pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import wlmsim as wls
from wlmsim.errors import ParameterError

POINTS = wls.Gravity(1.0, softening=0.0)
NEWTON = wls.Pairwise(lambda r, xp: -1.0 / r)


@pytest.mark.parametrize(("n", "dim"), [(2, 2), (9, 3), (17, 1), (6, 4), (300, 3)])
def test_forces_and_energy_are_newtons(n, dim, rng):
    x, w = rng.standard_normal((n, dim)), rng.dirichlet(np.ones(n))
    np.testing.assert_allclose(POINTS.force(x, w), NEWTON.force(x, w), rtol=1e-11, atol=1e-14)
    assert POINTS.energy(x, w) == pytest.approx(NEWTON.energy(x, w), rel=1e-12)


def test_two_bodies_go_round_by_keplers_third_law():
    """Of total mass 1 at the semi-major axis 1 the period is 2 pi; a compiled loop and step by step."""
    start = wls.Population([[0.75, 0.0], [-0.25, 0.0]], [[0.0, 0.75], [0.0, -0.25]], [0.25, 0.75])
    for dt in (2 * np.pi / 5000, 2 * np.pi / 500):
        orbit = wls.simulate(wls.Lagrangian(POINTS), start, [2 * np.pi], dt=dt, integrator=wls.Yoshida4())
        np.testing.assert_allclose(orbit[-1].positions, start.positions, atol=1e-6)


def test_close_encounters_want_short_steps():
    fall = wls.Population([[1.0, 0.0], [-1.0, 0.0]], [[0.0, 0.05], [0.0, -0.05]])
    run = wls.simulate(
        wls.Lagrangian(POINTS), fall, np.arange(0, 12, 0.5), dt=0.05, integrator=wls.Substepped(tolerance=1e-3)
    )
    assert np.ptp(run.energy()) < 1e-2 * abs(run.energy()[0])


def test_particles_in_one_place_leave_each_other_alone_and_have_no_energy():
    x, w = np.zeros((3, 3)), np.full(3, 1 / 3)
    x[2] = 1.0
    pull = POINTS.force(x, w)
    assert np.isfinite(pull).all()
    np.testing.assert_array_equal(pull[0], pull[1])
    with pytest.raises(ParameterError, match="particles meet"):
        POINTS.energy(x, w)


def test_charges_and_gradients_have_point_masses_too():
    x = torch.tensor([[0.0, 0.0], [2.0, 0.0]], dtype=torch.float64, requires_grad=True)
    law = wls.Charged(wls.Gravity(-1.0, softening=0.0), [1.0, -1.0])
    still = wls.Population(x.detach().numpy()).at_rest()
    np.testing.assert_allclose(law.force(still.positions, still.weights), [[0.125, 0.0], [-0.125, 0.0]])
    path = wls.learn.differentiable_simulate(wls.Lagrangian(POINTS), still, [0.01], dt=0.001, positions=x)
    (slope,) = torch.autograd.grad(path.positions[-1, 0, 0], x)
    assert slope[0, 0].item() == pytest.approx(1.0 + 0.5 * 0.01**2 * 2 * 0.5 / 2.0**3, abs=1e-8)


def test_crowds_of_them_are_refused_with_a_way_out():
    many = np.random.default_rng(0).standard_normal((10_001, 3))
    with pytest.raises(ParameterError, match=r"`softening` must be positive for more than 10000 .*method='direct'"):
        POINTS.force(many, np.full(10_001, 1 / 10_001))
    with pytest.raises(ParameterError, match="positive for a tree"):
        wls.Gravity(1.0, 0.0, method="tree")
