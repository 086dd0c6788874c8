"""Friction, alignment and self-propulsion against what is known of each."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.example_mechanics import a_population
from wlmsim.errors import ParameterError
from wlmsim.mechanics.dissipation import Dissipation, DissipationSum


def power(dissipation, cloud) -> float:
    """Energy that flows into the population per unit of time."""
    v = cloud.velocities
    force = dissipation.force(cloud.positions, v, cloud.weights) - dissipation.friction * v
    return float(cloud.weights @ (force * v).sum(-1))


@pytest.mark.parametrize("dissipation", [wls.Friction(0.7), wls.Alignment(1.2, 0.8)], ids=repr)
def test_a_quadratic_rayleigh_function_is_half_the_lost_power(dissipation):
    """Friction and alignment are linear in the velocities, so the power is -2 R."""
    cloud = a_population(8, 3)
    rayleigh = dissipation.rayleigh(cloud.positions, cloud.velocities, cloud.weights, np)
    assert power(dissipation, cloud) == pytest.approx(-2 * rayleigh, rel=1e-12)
    assert rayleigh > 0


def test_friction_leaves_its_force_to_the_integrator():
    cloud = a_population()
    assert wls.Friction(2.0).friction == 2.0 and wls.Friction(2.0).only_friction
    assert not wls.Friction(2.0).force(cloud.positions, cloud.velocities, cloud.weights).any()


@pytest.mark.parametrize("radius", [0.5, 2, np.inf])
def test_alignment_is_the_published_sum(radius):
    cloud = a_population(5, 2)
    x, v, w = cloud.positions, cloud.velocities, cloud.weights
    expected = np.zeros_like(v)
    for i in range(5):
        for j in range(5):
            rate = 1.4 / (1 + ((x[i] - x[j]) ** 2).sum() / radius**2) ** 0.8
            expected[i] += w[j] * rate * (v[j] - v[i])
    np.testing.assert_allclose(wls.Alignment(1.4, radius, 0.8).force(x, v, w), expected, rtol=1e-12, atol=1e-15)


def test_alignment_conserves_momentum_and_spares_a_common_velocity():
    cloud = a_population(7, 3)
    alignment = wls.Alignment(1.0, 0.7)
    force = alignment.force(cloud.positions, cloud.velocities, cloud.weights)
    np.testing.assert_allclose(cloud.weights @ force, 0, atol=1e-15)
    boosted = alignment.force(cloud.positions, cloud.velocities + np.array([1.0, -2.0, 3.0]), cloud.weights)
    np.testing.assert_allclose(boosted, force, atol=1e-14)
    marching = np.tile([1.0, 2.0, 3.0], (7, 1))
    assert not alignment.force(cloud.positions, marching, cloud.weights).any()


def test_everlasting_alignment_relaxes_to_the_mean_velocity():
    """At a constant rate k, v_i - <v> decays as exp(-k t)."""
    start = a_population(6)
    lagrangian = wls.Lagrangian(dissipation=wls.Alignment(0.8, np.inf))
    end = wls.simulate(lagrangian, start, [2.0], dt=1e-3)
    mean = start.weights @ start.velocities
    expected = mean + (start.velocities - mean) * np.exp(-0.8 * 2.0)
    np.testing.assert_allclose(end.velocities[0], expected, atol=1e-6)


def test_self_propulsion_speeds_up_the_slow_and_slows_down_the_fast():
    motor = wls.SelfPropulsion(alpha=2.0, beta=0.5)  # at ease at speed 2
    for speed, sign in [(0.5, 1), (1.99, 1), (2.0, 0), (2.01, -1), (4.0, -1)]:
        cloud = wls.Population([[0.0, 0.0]], [[0.6 * speed, 0.8 * speed]])
        assert np.sign(round(power(motor, cloud), 12)) == sign
    end = wls.simulate(wls.Lagrangian(dissipation=motor), a_population(5), [20.0], dt=0.01)
    np.testing.assert_allclose(np.linalg.norm(end.velocities[0], axis=-1), 2.0, rtol=1e-9)


def test_sums():
    total = wls.Friction(0.3) + wls.Alignment() + wls.Friction(0.2)
    assert total.friction == pytest.approx(0.5) and not total.only_friction
    assert (wls.Friction(0.3) + wls.Friction(0.2)).only_friction
    assert len(total.terms) == 3
    assert repr(total) == "Friction(0.3) + Alignment(strength=1, radius=1, exponent=0.5) + Friction(0.2)"
    with pytest.raises(TypeError):
        wls.Friction(0.3) + 0.2
    with pytest.raises(ParameterError, match="`terms` must be at least one"):
        DissipationSum()
    with pytest.raises(ParameterError, match=r"`terms` must be a Dissipation; got 0\.2"):
        DissipationSum(wls.Friction(0.3), 0.2)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: wls.Friction(-0.1), "rate"),
        (lambda: wls.Alignment(strength=-1.0), "strength"),
        (lambda: wls.Alignment(radius=0.0), "radius"),
        (lambda: wls.Alignment(exponent=-0.5), "exponent"),
        (lambda: wls.SelfPropulsion(alpha=-1.0), "alpha"),
        (lambda: wls.SelfPropulsion(beta=-1.0), "beta"),
    ],
)
def test_signs_are_checked(make, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        make()


@pytest.mark.parametrize("spoilt", [lambda x: x[:, :1], lambda x: x[0], lambda x: x[:, 0]])
def test_a_force_of_another_shape_is_refused(spoilt):
    """One of shape (n, 1) or (d,) was fitted to all particles."""

    class Push(Dissipation):
        def force(self, positions, velocities, weights):
            return spoilt(positions)

        def rayleigh(self, positions, velocities, weights, xp):
            raise NotImplementedError

    cloud = wls.Population.gaussian(n=3, dim=2, seed=0)
    for dissipation in (Push(), Push() + wls.Alignment(0.3)):
        law = wls.Lagrangian(dissipation=dissipation)
        with pytest.raises(ParameterError, match=r"`Push\.force` must be of shape \(3, 2\), a force on each particle"):
            wls.simulate(law, cloud.at_rest(), [1.0], dt=0.5)
