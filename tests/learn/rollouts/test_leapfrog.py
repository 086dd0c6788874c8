"""Rollouts are the steps of the integrators, and can be differentiated."""

import numpy as np
import pytest
import torch

import wlmsim as wls
from wlmsim.integrators import ConstantSpeedEuler, Leapfrog
from wlmsim.learn.functionals import Scales
from wlmsim.learn.mechanics import Mechanics
from wlmsim.learn.rollouts.rollout import rollout, torch_force

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


class TestRollout:
    def test_equals_simulate(self):
        system = wls.systems.HarmonicOscillator(n=5, frequency=[1.0, 2.0], friction=0.3, velocity_width=1.0, seed=0)
        start, times = system.population, [0.4, 1.0, 1.5]
        for scaling in ("physical", "unit-mobility"):
            expected = wls.simulate(system.lagrangian, start, times, dt=0.1, integrator=Leapfrog(scaling))
            w = torch.tensor(start.weights)
            kept = rollout(
                lambda x, t, w=w: torch_force(system.lagrangian.potential, x, w, t),
                torch.tensor(start.positions),
                torch.tensor(start.velocities),
                times,
                start=0.0,
                dt=0.1,
                friction=torch.tensor(0.3, dtype=torch.float64),
                unit_mobility=scaling == "unit-mobility",
            )
            for (x, v), frame in zip(kept, expected, strict=True):
                np.testing.assert_allclose(x.detach().numpy(), frame.positions, rtol=1e-11, atol=1e-13)
                np.testing.assert_allclose(v.detach().numpy(), frame.velocities, rtol=1e-11, atol=1e-13)

    @pytest.mark.parametrize("speed", [None, 0.8])
    def test_equals_simulate_with_forces_of_the_velocity(self, speed):
        potential, dissipation = wls.Pairwise(wls.laws.Morse()), wls.Alignment(0.8) + wls.SelfPropulsion(0.6, 1.3)
        lagrangian = wls.Lagrangian(potential, dissipation=dissipation + wls.Friction(0.3))
        start, times = wls.Population.gaussian(n=6, velocity_width=1.0, seed=0), [0.4, 1.0]
        integrator = Leapfrog() if speed is None else ConstantSpeedEuler(speed)
        expected = wls.simulate(lagrangian, start, times, dt=0.1, integrator=integrator)
        mechanics = Mechanics(potential, 0.3, 2, Scales((0.0, 0.0), 1.0, 0.0, 1.0), dissipation).double()
        w = torch.tensor(start.weights)
        kept = rollout(
            lambda x, t: torch_force(potential, x, w, t),
            torch.tensor(start.positions),
            torch.tensor(start.velocities),
            times,
            start=0.0,
            dt=0.1,
            friction=0.3,
            velocity_force=lambda x: lambda v: 1.3 * mechanics.velocity_force(w)(x)(v),  # without unit mobility
            speed=speed,
        )
        for (x, v), frame in zip(kept, expected, strict=True):
            np.testing.assert_allclose(x.detach().numpy(), frame.positions, rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(v.detach().numpy(), frame.velocities, rtol=1e-11, atol=1e-13)

    def test_gradients_reach_state_parameters_and_friction(self):
        def final(x0, v0, stiffness, gamma):
            (last,) = rollout(lambda x, t: -stiffness * x, x0, v0, [1.0], start=0.0, dt=0.1, friction=gamma)
            return last[0]

        arguments = tuple(
            torch.tensor(value, dtype=torch.float64, requires_grad=True)
            for value in ([[1.0, 0.5]], [[0.0, 1.0]], 2.0, 0.4)
        )
        assert torch.autograd.gradcheck(final, arguments)


def test_motion_at_one_speed_asks_for_no_force_where_it_ends():
    """Half of all that training birds takes, which is of single steps."""
    asked = []

    def force(x, t):
        asked.append(t)
        return torch.zeros_like(x)

    v = torch.tensor([[1.0, 0.0]])
    (first, last) = rollout(force, torch.zeros(1, 2), v, [0.5, 1.5], start=0.0, dt=0.5, speed=1.0)
    assert asked == [0.0, 0.5, 1.0]
    torch.testing.assert_close(torch.cat([first[0], last[0]]), torch.tensor([[0.5, 0.0], [1.5, 0.0]]))
