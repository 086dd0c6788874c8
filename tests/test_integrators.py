"""What is particular to each scheme: exact friction, the limits of unit mobility, constant speed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.mechanics import ShakenPendula, SoftPairs, Spring, a_population
from wlmsim.errors import ParameterError
from wlmsim.integrators import ConstantSpeedEuler, Leapfrog, State, half_kick, kick_drift_kick


def run(integrator, lagrangian, start, dt, steps):
    state = State(start.positions, start.velocities, start.weights, start.time)
    for _ in range(steps):
        state = integrator.step(lagrangian, state, dt)
    return state


# --- the half kick


@pytest.mark.parametrize("gamma", [1e-15, 1e-9, 1e-6, 0.01, 1.0, 30.0, 1e6])
@pytest.mark.parametrize("dt", [1e-3, 0.5])
def test_half_kick_integrates_a_constant_force(gamma, dt):
    """m = exp(-gamma h) and c = integral of exp(-gamma s) over 0 < s < h, with h = dt / 2."""
    m, c = half_kick(gamma, dt, unit_mobility=False)
    assert m == pytest.approx(np.exp(-gamma * dt / 2), rel=1e-14)
    s, width = np.polynomial.legendre.leggauss(40)
    if gamma * dt < 10:
        expected = dt / 4 * width @ np.exp(-gamma * dt / 4 * (s + 1))
    else:
        expected = (1 - np.exp(-gamma * dt / 2)) / gamma
    assert c == pytest.approx(expected, rel=1e-12)
    assert half_kick(gamma, dt, unit_mobility=True) == (m, pytest.approx((1 + gamma) * c, rel=1e-14))


def test_half_kick_without_friction():
    assert half_kick(0.0, 0.3, unit_mobility=False) == (1.0, 0.15)
    assert half_kick(0, 0.3, unit_mobility=True) == (1.0, 0.15)


def test_half_kick_is_continuous_where_it_changes_to_a_series():
    below, above = (half_kick(g, 1.0, unit_mobility=False)[1] for g in (1.999999e-9, 2.000001e-9))
    assert below == pytest.approx(above, rel=1e-15)


@pytest.mark.parametrize("unit_mobility", [False, True])
def test_half_kick_under_torch(unit_mobility):
    gamma = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    m, c = half_kick(gamma, 0.4, unit_mobility=unit_mobility, xp=torch)
    assert (m.item(), c.item()) == pytest.approx(half_kick(0.7, 0.4, unit_mobility=unit_mobility), rel=1e-14)
    (slope,) = torch.autograd.grad(c, gamma)
    ahead, behind = (half_kick(0.7 + h, 0.4, unit_mobility=unit_mobility)[1] for h in (1e-6, -1e-6))
    assert slope.item() == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


# --- leapfrog


def test_one_step_is_kick_drift_kick():
    """Written out by hand for a spring: v <- m v - c x, x <- x + dt v, v <- m v - c x."""
    start, dt, gamma = a_population(), 0.3, 0.5
    end = run(Leapfrog(), wls.Lagrangian(Spring(), dissipation=wls.Friction(gamma)), start, dt, 1)
    m = np.exp(-gamma * dt / 2)
    c = (1 - m) / gamma
    v = m * start.velocities - c * start.positions
    x = start.positions + dt * v
    np.testing.assert_allclose(end.positions, x, rtol=1e-14)
    np.testing.assert_allclose(end.velocities, m * v - c * x, rtol=1e-13)
    np.testing.assert_allclose(end.acceleration, -x, rtol=1e-14)


def test_force_is_evaluated_once_a_step():
    class Counted(Spring):
        calls = 0

        def force(self, *arguments):
            Counted.calls += 1
            return super().force(*arguments)

    run(Leapfrog(), wls.Lagrangian(Counted()), a_population(), 0.1, 10)
    assert Counted.calls == 11


@pytest.mark.parametrize("scaling", ["physical", "unit-mobility"])
@pytest.mark.parametrize("gamma", [0.4, 5.0])
def test_free_damped_motion(scaling, gamma):
    """Velocities decay exactly; positions are the midpoint rule, whose factor is known in closed form."""
    start, dt, steps = a_population(), 0.25, 12
    end = run(Leapfrog(scaling), wls.Lagrangian(dissipation=wls.Friction(gamma)), start, dt, steps)
    left = np.exp(-gamma * dt * steps)
    np.testing.assert_allclose(end.velocities, start.velocities * left, rtol=1e-13)
    midpoint = (gamma * dt / 2) / np.sinh(gamma * dt / 2)
    path = start.velocities * (1 - left) / gamma * midpoint
    np.testing.assert_allclose(end.positions, start.positions + path, rtol=1e-12, atol=1e-14)


def test_terminal_velocity_is_exact():
    """Under a constant force F, v tends to F / gamma whatever the step."""

    class Weight(Spring):
        def force(self, positions, weights, time=0.0):
            return np.full_like(positions, -9.8)

    end = run(Leapfrog(), wls.Lagrangian(Weight(), dissipation=wls.Friction(2.0)), a_population(), 0.7, 60)
    np.testing.assert_allclose(end.velocities, -4.9, rtol=1e-14)


def test_unit_mobility_is_physical_without_friction():
    start, lagrangian = a_population(), wls.Lagrangian(ShakenPendula())
    a = run(Leapfrog("unit-mobility"), lagrangian, start, 0.1, 5)
    b = run(Leapfrog("physical"), lagrangian, start, 0.1, 5)
    np.testing.assert_array_equal(a.positions, b.positions)
    almost = wls.Lagrangian(ShakenPendula(), dissipation=wls.Friction(1e-12))
    np.testing.assert_allclose(run(Leapfrog("unit-mobility"), almost, start, 0.1, 5).positions, b.positions, rtol=1e-10)


def test_unit_mobility_is_gradient_descent_at_infinite_friction():
    """x <- x + dt F, explicit Euler of the gradient flow, from the first step on."""
    start, dt = a_population(), 0.1
    lagrangian = wls.Lagrangian(ShakenPendula() + SoftPairs(), dissipation=wls.Friction(1e12))
    x = start.positions
    for _ in range(8):
        x = x + dt * lagrangian.acceleration(x, start.weights)
    end = run(Leapfrog("unit-mobility"), lagrangian, start, dt, 8)
    np.testing.assert_allclose(end.positions, x, rtol=1e-10)
    np.testing.assert_allclose(end.velocities, lagrangian.acceleration(end.positions, start.weights), rtol=1e-10)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 4.0])
def test_unit_mobility_is_a_force_times_one_plus_gamma(gamma):
    start = a_population()
    friction = wls.Friction(gamma)
    scaled = run(Leapfrog("unit-mobility"), wls.Lagrangian(Spring(2.0), dissipation=friction), start, 0.1, 10)
    stiffer = wls.Lagrangian(Spring(2.0 * (1 + gamma)), dissipation=friction)
    physical = run(Leapfrog("physical"), stiffer, start, 0.1, 10)
    np.testing.assert_allclose(scaled.positions, physical.positions, rtol=1e-12)


def test_kick_drift_kick_is_the_same_for_numpy_and_torch():
    start = a_population()
    m, c = half_kick(0.4, 0.2, unit_mobility=True)
    arrays = start.positions, start.velocities, -np.sin(start.positions)
    by_numpy = kick_drift_kick(*arrays, lambda x: -np.sin(x), m, c, 0.2)
    by_torch = kick_drift_kick(*map(torch.tensor, arrays), lambda x: -torch.sin(x), m, c, 0.2)
    for a, b in zip(by_numpy, by_torch, strict=True):
        np.testing.assert_allclose(a, b.numpy(), rtol=1e-15)


def test_scaling_is_checked():
    with pytest.raises(ParameterError, match="`scaling` must be one of 'physical', 'unit-mobility'; got 'fast'"):
        Leapfrog("fast")


# --- constant speed


def test_constant_speed_step_by_hand():
    start, dt = a_population(), 0.4
    lagrangian = wls.Lagrangian(Spring(), dissipation=wls.Friction(0.5) + wls.SelfPropulsion(1.0, 0.3), mass=2.0)
    end = run(ConstantSpeedEuler(1.7), lagrangian, start, dt, 1)
    x, v = start.positions, start.velocities
    push = (1.0 - 0.3 * (v**2).sum(-1, keepdims=True)) * v
    v = v + dt * (-x / 2 + push / 2 - 0.5 * v)
    v = 1.7 * v / np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(end.velocities, v, rtol=1e-13)
    np.testing.assert_allclose(end.positions, x + dt * v, rtol=1e-13)


def test_speeds_are_constant():
    end = run(ConstantSpeedEuler(0.6), wls.Lagrangian(ShakenPendula() + SoftPairs()), a_population(9), 0.3, 20)
    np.testing.assert_allclose(np.linalg.norm(end.velocities, axis=1), 0.6, rtol=1e-14)


def test_a_particle_that_would_stop_keeps_its_direction():
    start = wls.Population([[1.0, 0.0]], [[1.0, 0.0]])
    end = run(ConstantSpeedEuler(1.0), wls.Lagrangian(Spring()), start, 1.0, 1)
    np.testing.assert_array_equal(end.velocities, [[1.0, 0.0]])


def test_noise_has_the_stated_strength_and_a_seed():
    start = wls.Population(np.zeros((20_000, 2)), np.tile([1.0, 0.0], (20_000, 1)))
    end = run(ConstantSpeedEuler(noise=0.3, seed=1), wls.Lagrangian(), start, 0.25, 4)
    spread = end.positions - [1.0, 0.0]
    np.testing.assert_allclose(np.cov(spread.T), 0.09 * np.eye(2), atol=0.003)  # sigma^2 t
    np.testing.assert_allclose(spread.mean(0), 0, atol=0.01)
    again = run(ConstantSpeedEuler(noise=0.3, seed=1), wls.Lagrangian(), start, 0.25, 4)
    np.testing.assert_array_equal(again.positions, end.positions)
    other = run(ConstantSpeedEuler(noise=0.3, seed=2), wls.Lagrangian(), start, 0.25, 4)
    assert not np.array_equal(other.positions, end.positions)
