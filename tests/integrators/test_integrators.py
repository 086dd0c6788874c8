"""What is particular to each scheme, and what hypothesis finds no exception to."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import solve_discrete_lyapunov
from scipy.special import iv

import wlmsim as wls
from tests.example_mechanics import ShakenPendula, SoftPairs, Spring, a_population, advance
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.functionals import Functional
from wlmsim.integrators import (
    BAOAB,
    Boris,
    ConstantSpeedEuler,
    DormandPrince,
    EulerMaruyama,
    ExactOrnsteinUhlenbeck,
    Integrator,
    Leapfrog,
    State,
    Substepped,
    Yoshida4,
    half_kick,
    heun_kick,
    heun_step,
    kick_drift_kick,
)

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
    m, c = half_kick(gamma, 0.4, unit_mobility=unit_mobility)
    assert (m.item(), c.item()) == pytest.approx(half_kick(0.7, 0.4, unit_mobility=unit_mobility), rel=1e-14)
    (slope,) = torch.autograd.grad(c, gamma)
    ahead, behind = (half_kick(0.7 + h, 0.4, unit_mobility=unit_mobility)[1] for h in (1e-6, -1e-6))
    assert slope.item() == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


# --- leapfrog


def test_one_step_is_kick_drift_kick():
    """Written out by hand for a spring: v <- m v - c x, x <- x + dt v, v <- m v - c x."""
    start, dt, gamma = a_population(), 0.3, 0.5
    end = advance(Leapfrog(), wls.Lagrangian(Spring(), dissipation=wls.Friction(gamma)), start, dt, 1)
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

    advance(Leapfrog(), wls.Lagrangian(Counted()), a_population(), 0.1, 10)
    assert Counted.calls == 11


@pytest.mark.parametrize("scaling", ["physical", "unit-mobility"])
@pytest.mark.parametrize("gamma", [0.4, 5.0])
def test_free_damped_motion(scaling, gamma):
    """Velocities decay exactly; positions are the midpoint rule, whose factor is known in closed form."""
    start, dt, steps = a_population(), 0.25, 12
    end = advance(Leapfrog(scaling), wls.Lagrangian(dissipation=wls.Friction(gamma)), start, dt, steps)
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

    end = advance(Leapfrog(), wls.Lagrangian(Weight(), dissipation=wls.Friction(2.0)), a_population(), 0.7, 60)
    np.testing.assert_allclose(end.velocities, -4.9, rtol=1e-14)


def test_unit_mobility_is_physical_without_friction():
    start, lagrangian = a_population(), wls.Lagrangian(ShakenPendula())
    a = advance(Leapfrog("unit-mobility"), lagrangian, start, 0.1, 5)
    b = advance(Leapfrog("physical"), lagrangian, start, 0.1, 5)
    np.testing.assert_array_equal(a.positions, b.positions)
    almost = wls.Lagrangian(ShakenPendula(), dissipation=wls.Friction(1e-12))
    np.testing.assert_allclose(
        advance(Leapfrog("unit-mobility"), almost, start, 0.1, 5).positions, b.positions, rtol=1e-10
    )


def test_unit_mobility_is_gradient_descent_at_infinite_friction():
    """x <- x + dt F, explicit Euler of the gradient flow, from the first step on."""
    start, dt = a_population(), 0.1
    lagrangian = wls.Lagrangian(ShakenPendula() + SoftPairs(), dissipation=wls.Friction(1e12))
    x = start.positions
    for _ in range(8):
        x = x + dt * lagrangian.acceleration(x, start.weights)
    end = advance(Leapfrog("unit-mobility"), lagrangian, start, dt, 8)
    np.testing.assert_allclose(end.positions, x, rtol=1e-10)
    np.testing.assert_allclose(end.velocities, lagrangian.acceleration(end.positions, start.weights), rtol=1e-10)


@pytest.mark.parametrize("gamma", [0.0, 0.3, 4.0])
def test_unit_mobility_is_a_force_times_one_plus_gamma(gamma):
    start = a_population()
    friction = wls.Friction(gamma)
    scaled = advance(Leapfrog("unit-mobility"), wls.Lagrangian(Spring(2.0), dissipation=friction), start, 0.1, 10)
    stiffer = wls.Lagrangian(Spring(2.0 * (1 + gamma)), dissipation=friction)
    physical = advance(Leapfrog("physical"), stiffer, start, 0.1, 10)
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
    end = advance(ConstantSpeedEuler(1.7), lagrangian, start, dt, 1)
    x, v = start.positions, start.velocities
    push = (1.0 - 0.3 * (v**2).sum(-1, keepdims=True)) * v
    v = v + dt * (-x / 2 + push / 2 - 0.5 * v)
    v = 1.7 * v / np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(end.velocities, v, rtol=1e-13)
    np.testing.assert_allclose(end.positions, x + dt * v, rtol=1e-13)


def test_speeds_are_constant():
    end = advance(ConstantSpeedEuler(0.6), wls.Lagrangian(ShakenPendula() + SoftPairs()), a_population(9), 0.3, 20)
    np.testing.assert_allclose(np.linalg.norm(end.velocities, axis=1), 0.6, rtol=1e-14)


def test_a_particle_that_would_stop_keeps_its_direction():
    start = wls.Population([[1.0, 0.0]], [[1.0, 0.0]])
    end = advance(ConstantSpeedEuler(1.0), wls.Lagrangian(Spring()), start, 1.0, 1)
    np.testing.assert_array_equal(end.velocities, [[1.0, 0.0]])


def test_noise_has_the_stated_strength_and_a_seed():
    start = wls.Population(np.zeros((20_000, 2)), np.tile([1.0, 0.0], (20_000, 1)))
    end = advance(ConstantSpeedEuler(noise=0.3, seed=1), wls.Lagrangian(), start, 0.25, 4)
    spread = end.positions - [1.0, 0.0]
    np.testing.assert_allclose(np.cov(spread.T), 0.09 * np.eye(2), atol=0.003)  # sigma^2 t
    np.testing.assert_allclose(spread.mean(0), 0, atol=0.01)
    again = advance(ConstantSpeedEuler(noise=0.3, seed=1), wls.Lagrangian(), start, 0.25, 4)
    np.testing.assert_array_equal(again.positions, end.positions)
    other = advance(ConstantSpeedEuler(noise=0.3, seed=2), wls.Lagrangian(), start, 0.25, 4)
    assert not np.array_equal(other.positions, end.positions)


# --- what every reversible scheme keeps, whatever the cloud

REVERSIBLE = [Leapfrog(), Boris(), Yoshida4(), BAOAB(0.0), Substepped(tolerance=0.02), Substepped(Yoshida4())]
clouds = st.builds(
    lambda seed, dim, n: a_population(n, dim, seed=seed), st.integers(0, 10**6), st.integers(1, 3), st.integers(2, 6)
)


@pytest.mark.parametrize("integrator", REVERSIBLE, ids=repr)
@given(start=clouds, dt=st.floats(0.01, 0.3), steps=st.integers(1, 30))
def test_reversed_velocities_lead_back(integrator, start, dt, steps):
    lagrangian = wls.Lagrangian(ShakenPendula() + SoftPairs(), mass=1.3)
    there = advance(integrator, lagrangian, start, dt, steps)
    turned = wls.Population(there.positions, -there.velocities, start.weights)
    back = advance(integrator, lagrangian, turned, dt, steps)
    np.testing.assert_allclose(back.positions, start.positions, atol=1e-11)
    np.testing.assert_allclose(back.velocities, -start.velocities, atol=1e-11)


@pytest.mark.parametrize("integrator", REVERSIBLE, ids=repr)
@given(start=clouds, dt=st.floats(0.01, 1.0), friction=st.sampled_from([0.0, 0.7]))
def test_momentum_decays_by_friction_alone(integrator, start, dt, friction):
    """Pair forces cancel: momentum and angular momentum of the pairs' centre decay exactly, at any step."""
    lagrangian = wls.Lagrangian(SoftPairs(), dissipation=wls.Friction(friction))
    end = advance(integrator, lagrangian, start, dt, 5)
    cloud = wls.Population(end.positions, end.velocities, start.weights)
    left = np.exp(-friction * 5 * dt)
    np.testing.assert_allclose(lagrangian.momentum(cloud), left * lagrangian.momentum(start), atol=1e-13)
    before, after = lagrangian.angular_momentum(start), lagrangian.angular_momentum(cloud)
    np.testing.assert_allclose(after, left * before, atol=1e-12)


@pytest.mark.parametrize("integrator", REVERSIBLE, ids=repr)
@given(start=clouds, dt=st.floats(0.05, 0.3))
def test_energy_errors_are_bounded_by_a_power_of_the_step(integrator, start, dt):
    """Over some ten oscillations: errors come and go, and are no more than a constant times dt^p."""
    lagrangian = wls.Lagrangian(ShakenPendula() + SoftPairs())
    scale = lagrangian.kinetic_energy(start) + 2
    state, energies = State(start.positions, start.velocities, start.weights, 0.0), [lagrangian.energy(start)]
    for _ in range(int(60 / dt)):
        state = integrator.step(lagrangian, state, dt)
        energies.append(lagrangian.energy(wls.Population(state.positions, state.velocities, start.weights)))
    assert np.ptp(energies) < {2: 0.3, 4: 3.0}[integrator.order] * dt**integrator.order * scale


# --- Yoshida


def test_yoshida_is_three_leapfrogs_of_one_step_in_all():
    start, lagrangian = a_population(), wls.Lagrangian(ShakenPendula(), dissipation=wls.Friction(0.4))
    outer = 1.3512071919596578  # 1 / (2 - 2^(1/3))
    state = State(start.positions, start.velocities, start.weights, 0.0)
    for share in (outer, -1.7024143839193153, outer):
        state = Leapfrog().step(lagrangian, state, 0.2 * share)
    end = advance(Yoshida4(), lagrangian, start, 0.2, 1)
    np.testing.assert_allclose(end.positions, state.positions, rtol=1e-14)
    np.testing.assert_allclose(end.velocities, state.velocities, rtol=1e-14)
    assert end.time == pytest.approx(0.2, rel=1e-14)


@pytest.mark.parametrize(("integrator", "limit"), [(Leapfrog(), 2.0), (Yoshida4(), 1.5734), (BAOAB(0.0), 2.0)])
def test_stable_steps_of_an_oscillator(integrator, limit):
    """The trace of the step's matrix leaves [-2, 2] at the stated step."""

    def trace(dt: float) -> float:
        unit = wls.Population([[1.0], [0.0]], [[0.0], [1.0]])
        end = advance(integrator, wls.Lagrangian(Spring()), unit, dt, 1)
        return end.positions[0, 0] + end.velocities[1, 0]

    assert abs(trace(0.9999 * limit)) < 2 < abs(trace(1.0001 * limit))


# --- the reference


def test_dormand_prince_is_exact_to_its_tolerance():
    start = a_population(4, 3)
    lagrangian = wls.Lagrangian(Spring(2.0), dissipation=wls.Friction(0.6), mass=1.6)
    exact = wls.systems.HarmonicOscillator(n=4, dim=3, frequency=np.sqrt(2.0 / 1.6), friction=0.6)
    exact.population = start
    flight = wls.simulate(lagrangian, start, [0.0, 7.0, 20.0], integrator=DormandPrince(1e-12))
    np.testing.assert_allclose(flight.positions, exact.exact(flight.times).positions, atol=1e-10)
    np.testing.assert_allclose(flight.velocities, exact.exact(flight.times).velocities, atol=1e-10)


def test_dormand_prince_says_when_the_motion_is_singular():
    fall = wls.Lagrangian(Sun())
    with pytest.raises(SimulationError, match=r"DormandPrince.* no step small enough between t = 0 and 2"):
        wls.simulate(fall, wls.Population([[1.0, 0.0]]).at_rest(), [2.0], integrator=DormandPrince())


@pytest.mark.parametrize("tolerance", [0.0, 1e-14, 1.0, -1e-3, np.nan])
def test_tolerances_are_checked(tolerance):
    with pytest.raises(ParameterError, match="`tolerance`"):
        DormandPrince(tolerance)
    if tolerance != 1e-14:
        with pytest.raises(ParameterError, match="`tolerance`"):
            Substepped(tolerance=tolerance)


# --- substeps


class Sun(Functional):
    """V = -1 / r, without softening."""

    def expression(self, positions, weights, time, xp):
        return -(weights / xp.sqrt((positions**2).sum(-1))).sum()

    def force(self, positions, weights, time=0.0):
        return -positions / (positions**2).sum(-1, keepdims=True) ** 1.5


def comet(eccentricity: float) -> wls.Population:
    """At aphelion of an orbit of semi-major axis 1 and period 2 pi."""
    return wls.Population([[1 + eccentricity, 0.0]], [[0.0, np.sqrt((1 - eccentricity) / (1 + eccentricity))]])


def orbit_energies(integrator: Integrator, eccentricity: float, orbits: int) -> np.ndarray:
    start = comet(eccentricity)
    state, energies = State(start.positions, start.velocities, start.weights, 0.0), []
    for _ in range(int(2 * np.pi * orbits / 0.5)):
        state = integrator.step(wls.Lagrangian(Sun()), state, 0.5)
        energies.append(0.5 * (state.velocities**2).sum() - 1 / np.sqrt((state.positions**2).sum()))
    return np.array(energies)


class OneSided(Substepped):
    """Substeps chosen from their beginning only, by the local dynamical time."""

    def _resolves(self, before, after, dt):
        return bool((before.positions**2).sum() ** 0.75 * np.sqrt(0.5 * self.tolerance) > abs(dt))


def test_energy_of_eccentric_orbits_does_not_drift():
    """A hundred orbits of eccentricity 0.9; one-sided steps of the same cost drift."""
    energies = orbit_energies(Substepped(tolerance=0.01), 0.9, 100)
    early, late = energies[:120], energies[-120:]
    assert np.abs(energies + 0.5).max() < 0.03
    assert abs(late.mean() - early.mean()) < 0.01
    drifting = orbit_energies(OneSided(tolerance=0.01), 0.9, 100)
    assert abs(drifting[-120:].mean() - drifting[:120].mean()) > 0.05


def test_yoshida_in_substeps_is_far_more_accurate():
    assert np.abs(orbit_energies(Substepped(Yoshida4(), tolerance=0.01), 0.9, 30) + 0.5).max() < 5e-4


def test_substeps_gather_at_the_encounter_and_end_on_the_step():
    """The comet is resolved near the sun and left at full steps far from it."""

    class Watched(Leapfrog):
        taken: ClassVar[list] = []

        def step(self, mechanics, state, dt):
            Watched.taken.append((np.sqrt((state.positions**2).sum()), dt))
            return super().step(mechanics, state, dt)

    state = State(comet(0.9).positions, comet(0.9).velocities, np.ones(1), 0.0)
    for _ in range(20):
        state = Substepped(Watched(), tolerance=0.01).step(wls.Lagrangian(Sun()), state, np.pi / 10)
    assert state.time == pytest.approx(2 * np.pi, rel=1e-14)
    radius, dt = np.array(Watched.taken).T
    assert dt[radius < 0.15].min() < np.pi / 10 / 30 and dt[radius > 1.5].min() >= np.pi / 10 / 4


def test_substeps_are_none_where_the_motion_is_slow():
    start, lagrangian = a_population(), wls.Lagrangian(ShakenPendula())
    a = advance(Substepped(tolerance=0.1), lagrangian, start, 0.01, 10)
    b = advance(Leapfrog(), lagrangian, start, 0.01, 10)
    np.testing.assert_array_equal(a.positions, b.positions)


def test_a_collision_is_an_error_that_says_when():
    with pytest.raises(SimulationError, match=r"near t = 1\.11.* soften the law"):
        fall = wls.Population([[1.0, 0.0]]).at_rest()  # reaches the sun at pi / sqrt 8 = 1.11
        wls.simulate(wls.Lagrangian(Sun()), fall, [2.0], integrator=Substepped())


def test_substeps_want_a_reversible_scheme():
    with pytest.raises(ParameterError, match="`scheme` must be a reversible scheme"):
        Substepped(DormandPrince())
    with pytest.raises(ParameterError, match="`scheme` must be an Integrator"):
        Substepped("leapfrog")


# --- Langevin


def step_of_oscillator(integrator, gamma: float, dt: float, mass: float = 1.3, stiffness: float = 1.7):
    """Matrices (A, B) of the step of a thermostatted oscillator, y <- A y + B xi."""
    well = wls.Lagrangian(Spring(stiffness), dissipation=wls.Friction(gamma), mass=mass)

    class One(np.random.Generator):
        def standard_normal(self, size=None):
            return np.array([[0.0], [0.0], [1.0]])

    integrator._rng = One(np.random.PCG64())
    unit = wls.Population([[1.0], [0.0], [0.0]], [[0.0], [1.0], [0.0]])
    end = advance(integrator, well, unit, dt, 1)
    rows = np.stack([end.positions[:, 0], end.velocities[:, 0]])
    return rows[:, :2], rows[:, 2:]


@pytest.mark.parametrize("gamma", [0.1, 1.0, 20.0])
@pytest.mark.parametrize("dt", [0.1, 0.9, 1.6])
def test_baoab_has_the_exact_configurational_variance(gamma, dt):
    """Stationary moments of the step's matrices: T / k for the position at any step, T / m (1 - (omega dt)^2 / 4)."""
    temperature, mass, stiffness = 0.7, 1.3, 1.7
    a, b = step_of_oscillator(BAOAB(temperature), gamma, dt)
    moments = solve_discrete_lyapunov(a, b @ b.T)
    assert moments[0, 0] == pytest.approx(temperature / stiffness, rel=1e-10)
    assert moments[1, 1] == pytest.approx(temperature / mass * (1 - stiffness / mass * dt**2 / 4), rel=1e-10)
    assert moments[0, 1] == pytest.approx(0, abs=1e-10)


def test_baoab_holds_equipartition_and_the_gibbs_law():
    """In an anharmonic well with weights and mass: K = d T / 2, and the density exp(-V / T)."""
    law = wls.Lagrangian(ShakenPendula(), dissipation=wls.Friction(1.0), mass=2.0)
    start = a_population(4000, 2).at_rest()
    thermostat = BAOAB(temperature=0.4, seed=1)
    path = wls.simulate(law, start, np.arange(10.0, 22.0, 2.0), dt=0.2, integrator=thermostat)
    assert path.kinetic_energy().mean() == pytest.approx(2 * 0.4 / 2, rel=0.02)
    inside = np.cos(path.positions)  # a function of the period of V
    expected = iv(1, 1 / 0.4) / iv(0, 1 / 0.4)
    assert inside.mean() == pytest.approx(expected, abs=0.01)


def test_baoab_without_bath_is_the_leapfrog():
    start, law = a_population(), wls.Lagrangian(ShakenPendula() + SoftPairs())
    a, b = advance(BAOAB(0.0), law, start, 0.1, 10), advance(Leapfrog(), law, start, 0.1, 10)
    np.testing.assert_allclose(a.positions, b.positions, rtol=1e-12)
    np.testing.assert_allclose(a.velocities, b.velocities, rtol=1e-12)


def test_a_bath_needs_friction():
    with pytest.raises(ParameterError, match=r"`temperature` must be 0 where there is no friction"):
        wls.simulate(wls.Lagrangian(Spring()), a_population(), [1.0], integrator=BAOAB(0.5))


# --- overdamped Langevin


def test_euler_maruyama_spreads_by_the_stated_strength():
    """Free diffusion from a point: mean 0 and covariance sigma^2 t, at any step."""
    start = wls.Population(np.zeros((40_000, 2)))
    end = advance(EulerMaruyama(0.3, seed=1), wls.GradientFlow(Spring(1e-12)), start, 0.25, 8)
    np.testing.assert_allclose(np.cov(end.positions.T), 0.09 * 2 * np.eye(2), atol=0.003)
    np.testing.assert_allclose(end.positions.mean(0), 0, atol=0.01)


def test_the_exact_transition_composes():
    """Mean and variance of two steps are those of one; a step that is long forgets the start."""
    well = wls.GradientFlow(wls.External(wls.laws.Harmonic((0.8, 3.0))))
    start = wls.Population(np.full((100_000, 2), 2.0))
    k = np.array([0.8, 3.0])
    for steps in (1, 3):
        end = advance(ExactOrnsteinUhlenbeck(0.9, seed=5), well, start, 0.6 / steps, steps)
        np.testing.assert_allclose(end.positions.mean(0), 2 * np.exp(-0.6 * k), atol=0.008)
        np.testing.assert_allclose(end.positions.var(0), 0.81 * (1 - np.exp(-1.2 * k)) / (2 * k), rtol=0.015)
    settled = advance(ExactOrnsteinUhlenbeck(0.9, seed=5), well, start, 1e3, 1)
    np.testing.assert_allclose(settled.positions.var(0), 0.81 / (2 * k), rtol=0.015)


@pytest.mark.parametrize(
    "potential",
    [wls.External(lambda x, xp: (x**2).sum(-1)), wls.Pairwise(wls.laws.Morse()), Spring()],
    ids=["an unnamed law", "pairs", "another class"],
)
def test_the_exact_transition_is_for_harmonic_wells(potential):
    with pytest.raises(ParameterError, match=r"`integrator` must be a scheme for .* such as EulerMaruyama"):
        wls.simulate(wls.GradientFlow(potential), a_population(), [1.0], integrator=ExactOrnsteinUhlenbeck(1.0))


def test_a_second_run_goes_on_in_the_stream():
    """One scheme used twice gives two samples; one made again with the seed gives the first again."""
    flow, start, noise = wls.GradientFlow(Spring()), a_population(), EulerMaruyama(1.0, seed=2)
    first, second = (advance(noise, flow, start, 0.1, 3).positions for _ in range(2))
    assert np.abs(first - second).min() > 0
    np.testing.assert_array_equal(advance(EulerMaruyama(1.0, seed=2), flow, start, 0.1, 3).positions, first)


def test_the_step_and_the_kick_of_heun_are_of_second_order():
    """Of dx/dt = -x and of dv/dt = -v + 1 they are the Taylor polynomials of second degree."""
    x, dt = np.array([[2.0, -1.0]]), 0.1
    stepped, velocity = heun_step(lambda y, t: -y, x, 0.0, dt)
    np.testing.assert_allclose(stepped, (1 - dt + 0.5 * dt**2) * x, rtol=1e-15)
    np.testing.assert_array_equal(velocity, -x)
    kicked = heun_kick(x, np.ones_like(x), lambda v: -v, lambda v, force: v + dt * force)
    np.testing.assert_allclose(kicked, 1 + (1 - dt + 0.5 * dt**2) * (x - 1), rtol=1e-15)
    np.testing.assert_array_equal(heun_kick(x, np.ones_like(x), None, lambda v, force: v + dt * force), x + dt)
