"""Friction, magnetic fields and noise that depend on the time, against exact answers."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError


def bessel(t):
    """sin(t) / t and its slope: the oscillator x'' + (2 / t) x' + x = 0."""
    return np.sin(t) / t, np.cos(t) / t - np.sin(t) / t**2


WELL = wls.External(wls.laws.Harmonic(1.0))
FADING = wls.Lagrangian(WELL, dissipation=wls.Friction(lambda t: 2 / t))
"""An oscillator whose friction fades."""
TURNING = wls.Lagrangian(magnetic=wls.MagneticField(lambda x, t, xp: 2 * t))
"""A gyration whose angle is t^2."""


def at_one():
    x, v = bessel(1.0)
    return wls.Population([[x]], [[v]], time=1.0)


SCHEMES = [(wls.Leapfrog(), 2), (wls.Boris(), 2), (wls.BAOAB(0.0), 2), (wls.Yoshida4(), 4), (wls.Substepped(), 2)]


@pytest.mark.parametrize(("scheme", "order"), SCHEMES, ids=str)
def test_friction_that_fades_is_solved_at_the_order_of_the_scheme(scheme, order):
    errors = []
    for dt in (0.02, 0.01):
        end = wls.simulate(FADING, at_one(), [6.0], dt=dt, integrator=scheme)[-1]
        errors.append(max(abs(end.positions[0, 0] - bessel(6.0)[0]), abs(end.velocities[0, 0] - bessel(6.0)[1])))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_adaptive_steps_see_the_time():
    end = wls.simulate(FADING, at_one(), [6.0], integrator=wls.DormandPrince())[-1]
    np.testing.assert_allclose([end.positions[0, 0], end.velocities[0, 0]], bessel(6.0), atol=1e-11)
    end = wls.simulate(TURNING, wls.Population([[0.0, 0.0]], [[1.0, 0.0]]), [2.0], integrator=wls.DormandPrince())[-1]
    np.testing.assert_allclose(end.velocities, [[np.cos(4), -np.sin(4)]], atol=1e-10)


def test_the_way_back_undoes_friction_that_fades():
    there = wls.simulate(FADING, at_one(), [6.0], dt=0.05)[-1]
    back = wls.simulate(FADING, there, [1.0], dt=0.05)[0]
    np.testing.assert_allclose(back.positions, at_one().positions, atol=1e-12)


def test_a_field_that_grows_turns_by_its_integral():
    """The trapezoidal rule is exact for a field that is linear in the time."""
    start = wls.Population([[0.0, 0.0]], [[1.0, 0.0]])
    turned = wls.simulate(TURNING, start, [1.0, 2.0], dt=0.1)
    np.testing.assert_allclose(turned.velocities[:, 0], [[np.cos(a), -np.sin(a)] for a in (1, 4)], atol=1e-13)
    in_space = wls.Lagrangian(magnetic=wls.MagneticField(lambda x, t, xp: (0.0, 0.0, 2 * t)))
    start = wls.Population([[0.0, 0.0, 0.0]], [[1.0, 0.0, 3.0]])
    end = wls.simulate(in_space, start, [2.0], dt=0.1)[-1]
    np.testing.assert_allclose(end.velocities, [[np.cos(4), -np.sin(4), 3.0]], atol=1e-13)
    by_heun = wls.simulate(
        TURNING, wls.Population([[0.0, 0.0]], [[1.0, 0.0]]), [2.0], dt=1e-3, integrator=wls.Leapfrog()
    )
    np.testing.assert_allclose(by_heun.velocities[0], [[np.cos(4), -np.sin(4)]], atol=1e-5)


def test_a_bath_holds_its_temperature_under_friction_that_changes():
    """The Ornstein-Uhlenbeck velocity: d<v^2>/dt = 2 gamma(t) (T - <v^2>), from rest T (1 - exp(-2 int gamma))."""
    law = wls.Lagrangian(dissipation=wls.Friction(lambda t: t))
    rest = wls.Population(np.zeros((40_000, 1))).at_rest()
    warm = wls.simulate(law, rest, [0.5, 1.0], dt=0.05, integrator=wls.BAOAB(2.0, seed=0))
    expected = 2.0 * (1 - np.exp(-(np.array([0.5, 1.0]) ** 2)))
    np.testing.assert_allclose((warm.velocities**2).mean((1, 2)), expected, rtol=0.03)


@pytest.mark.parametrize("scheme", [wls.EulerMaruyama, wls.StochasticHeun])
def test_noise_that_grows_spreads_as_its_integral(scheme):
    """Brownian motion with sigma(t) = t: the variance is t^3 / 3."""
    still = wls.GradientFlow(wls.External(lambda x, xp: 0.0 * x.sum(-1)))
    cloud = wls.Population(np.zeros((40_000, 1)))
    path = wls.simulate(still, cloud, [1.0, 2.0], dt=0.02, integrator=scheme(lambda t: t, seed=0))
    np.testing.assert_allclose(path.positions.var((1, 2)), [1 / 3, 8 / 3], rtol=0.03)


def test_sums_and_copies_keep_the_time():
    both = wls.Lagrangian(WELL, dissipation=wls.Friction(lambda t: 1 / t) + wls.Friction(lambda t: 1 / t))
    expected = wls.simulate(FADING, at_one(), [3.0], dt=0.05)
    for law in (both, pickle.loads(pickle.dumps(FADING)), copy.deepcopy(FADING)):
        assert law.timed
        np.testing.assert_allclose(
            wls.simulate(law, at_one(), [3.0], dt=0.05).positions, expected.positions, rtol=1e-13
        )
    still = wls.Lagrangian(WELL, dissipation=wls.Friction(0.5))
    assert still.at(3.0) is still and FADING.at(4.0).friction == 0.5
    assert r"\gamma(t)" in FADING.latex


def test_many_steps_of_few_particles_see_the_time_too():
    """Runs that would be one compiled loop under constant friction."""
    end = wls.simulate(FADING, at_one(), [6.0], dt=0.002)[-1]
    assert end.positions[0, 0] == pytest.approx(bessel(6.0)[0], abs=1e-6)


def test_runs_know_their_energy():
    """Of E = (v^2 + x^2) / 2 the rate is -gamma v^2."""
    run = wls.simulate(FADING, at_one(), np.linspace(1.0, 3.0, 201), dt=0.01)
    lost = np.trapezoid((2 / run.times) * run.velocities[:, 0, 0] ** 2, run.times)
    assert run.energy()[0] - run.energy()[-1] == pytest.approx(lost, rel=1e-3)
    assert wls.learn.parameters_of(FADING) == {"mass": 1.0, "external.stiffness": 1.0}


def test_what_needs_one_number_says_so():
    with pytest.raises(ParameterError, match="a function of the time alone"):
        wls.Friction(lambda x, t: t)
    with pytest.raises(ParameterError, match=r"depends on the time: ask it at one"):
        wls.simulate(FADING, at_one(), [2.0, 3.0], dt=0.1).action()
    with pytest.raises(ParameterError, match=r"rate at t = 2.* must be a finite number >= 0"):
        wls.simulate(wls.Lagrangian(dissipation=wls.Friction(lambda t: 1.5 - t)), at_one(), [2.0])
    with pytest.raises(ParameterError, match=r"its shape is \(2,\)"):
        wls.simulate(
            wls.Lagrangian(magnetic=wls.MagneticField(lambda x, t, xp: (1.0, t))),
            wls.Population([[0.0, 0.0]]).at_rest(),
            [1.0],
        )
    with pytest.raises(ParameterError, match="depends on the time"):
        wls.MagneticField(lambda x, t, xp: t).at(np.zeros((1, 2)))
    with pytest.raises(ParameterError, match="EulerMaruyama and StochasticHeun take one that changes"):
        wls.simulate(
            wls.GradientFlow(WELL), at_one(), [2.0], integrator=wls.ExactOrnsteinUhlenbeck(lambda t: t, seed=0)
        )
