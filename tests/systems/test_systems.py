"""Systems against their exact or published reference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import wlmsim as wls
from wlmsim.errors import ParameterError

# --- harmonic oscillator

REGIMES = {
    "undamped": (1.3, 0.0),
    "underdamped": (1.3, 0.5),
    "critical": (1.3, 2.6),
    "just under": (1.3, 2.6 * (1 - 1e-9)),
    "just over": (1.3, 2.6 * (1 + 1e-9)),
    "overdamped": (1.3, 8.0),
}


def reference(frequency, friction, x, v, times):
    """x'' = -omega^2 x - gamma x' for one axis, by a Runge-Kutta scheme of order 8."""

    def rhs(t, y):
        return [y[1], -(frequency**2) * y[0] - friction * y[1]]

    return solve_ivp(rhs, (0, times[-1]), [x, v], method="DOP853", t_eval=times, rtol=1e-12, atol=1e-14).y


@pytest.mark.parametrize("regime", REGIMES)
def test_oscillator_in_every_regime(regime):
    frequency, friction = REGIMES[regime]
    spring = wls.systems.HarmonicOscillator(2, 1, frequency=frequency, friction=friction, velocity_width=1.0, seed=0)
    times = np.linspace(0.0, 6.0, 13)
    exact = spring.exact(times)
    for i in range(2):
        start = spring.population.positions[i, 0], spring.population.velocities[i, 0]
        x, v = reference(frequency, friction, *start, times)
        np.testing.assert_allclose(exact.positions[:, i, 0], x, atol=1e-10)
        np.testing.assert_allclose(exact.velocities[:, i, 0], v, atol=1e-10)


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_anisotropic_oscillator_is_one_for_each_axis(dim):
    """The axes span the regimes: underdamped, critical and overdamped at once."""
    frequency = np.array([2.0, 0.5, 0.2, 1.1])[:dim]
    spring = wls.systems.HarmonicOscillator(3, dim, frequency=frequency, friction=1.0, velocity_width=0.7, seed=1)
    end = spring.exact([2.5])
    for k in range(dim):
        for i in range(3):
            start = spring.population.positions[i, k], spring.population.velocities[i, k]
            x, v = reference(frequency[k], 1.0, *start, [2.5])[:, 0]
            assert end.positions[0, i, k] == pytest.approx(x, abs=1e-10)
            assert end.velocities[0, i, k] == pytest.approx(v, abs=1e-10)


def test_damped_oscillator_is_what_its_simulation_converges_to():
    spring = wls.systems.HarmonicOscillator(5, frequency=[2.0, 0.3], friction=1.0, velocity_width=1.0, seed=2)
    times = [1.0, 4.0]
    errors = [
        np.abs(spring.simulate(times, dt=dt).positions - spring.exact(times).positions).max() for dt in (0.1, 0.05)
    ]
    assert errors[0] < 0.02 and errors[0] / errors[1] == pytest.approx(4, rel=0.05)


@pytest.mark.filterwarnings("error")
def test_oscillator_at_late_times_and_strong_damping():
    """Nothing overflows, and the slow decay exp(-omega^2 t / gamma) keeps its digits."""
    fast = wls.systems.HarmonicOscillator(3, frequency=100.0, friction=0.1, seed=0)
    assert np.abs(fast.exact([1e4]).positions).max() < 1e-100
    stiff = wls.systems.HarmonicOscillator(3, frequency=1.0, friction=1e6, seed=0)
    ratio = stiff.exact([1e6]).positions[0] / stiff.population.positions
    np.testing.assert_allclose(ratio, np.exp(-1.0), rtol=1e-10)


def test_undamped_oscillator_is_periodic_and_keeps_its_energy():
    spring = wls.systems.HarmonicOscillator(4, 3, frequency=2.0, velocity_width=1.0, seed=3)
    path = spring.exact(np.linspace(0, np.pi, 5))
    np.testing.assert_allclose(path.positions[-1], path.positions[0], atol=1e-14)
    np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-13)
    np.testing.assert_allclose(path.angular_momentum(), np.tile(path.angular_momentum()[0], (5, 1)), atol=1e-14)


@pytest.mark.parametrize("frequency", [0.0, -1.0, [1.0, 2.0, 3.0], [1.0, np.nan], "fast"])
def test_oscillator_checks_its_frequency(frequency):
    with pytest.raises(ParameterError, match="`frequency`"):
        wls.systems.HarmonicOscillator(3, 2, frequency=frequency)


# --- vortex drifters


def test_drifters_circle_with_the_fluid():
    vortex = wls.systems.VortexDrifters(40, rotation=-0.9, core=1.2, seed=0)
    start = vortex.population.positions
    radius = np.linalg.norm(start, axis=1)
    omega = -0.9 * 1.2**2 / (1.2**2 + radius**2)
    path = vortex.exact(np.linspace(0, 7, 8))
    for frame in path:
        x, v = frame.positions, frame.velocities
        np.testing.assert_allclose(np.linalg.norm(x, axis=1), radius, rtol=1e-13)
        np.testing.assert_allclose(np.linalg.norm(v, axis=1), radius * np.abs(omega), rtol=1e-13)
        np.testing.assert_allclose((x * v).sum(1), 0, atol=1e-13)
        angle = np.angle((x[:, 0] + 1j * x[:, 1]) / (start[:, 0] + 1j * start[:, 1]) * np.exp(-1j * omega * frame.time))
        np.testing.assert_allclose(angle, 0, atol=1e-13)
    np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-13)
    np.testing.assert_allclose(path.angular_momentum(), path.angular_momentum()[:1].repeat(8, 0), rtol=1e-13)


def test_drifters_in_a_simulation():
    vortex = wls.systems.VortexDrifters(20, seed=1)
    flight = vortex.simulate([0.0, 3.0, 6.0], dt=1e-3)
    np.testing.assert_allclose(flight.positions, vortex.exact(flight.times).positions, atol=1e-5)
    np.testing.assert_allclose(flight.energy(), flight.energy()[0], rtol=1e-6)
    np.testing.assert_allclose(flight.angular_momentum(), flight.angular_momentum()[:1].repeat(3, 0), rtol=1e-12)


def test_drifters_start_where_they_are_released():
    vortex = wls.systems.VortexDrifters(20_000, release=(0.5, -2.0), width=0.2, seed=0)
    np.testing.assert_allclose(vortex.population.mean, [0.5, -2.0], atol=0.01)
    np.testing.assert_allclose(np.cov(vortex.population.positions.T), 0.04 * np.eye(2), atol=0.002)
    with pytest.raises(ParameterError, match="`release`"):
        wls.systems.VortexDrifters(release=(1.0, 2.0, 3.0))


@pytest.mark.parametrize(
    "system",
    [wls.systems.VortexDrifters(20, seed=1), wls.systems.Boids(30, seed=1), wls.systems.CoherentState(20, seed=1)],
    ids=lambda system: type(system).__name__,
)
def test_a_simulation_goes_on_from_where_another_ended(system):
    whole = system.simulate([0.0, 0.5, 1.0], dt=0.05)
    rest = system.simulate([1.0], start=whole[1], dt=0.05)
    np.testing.assert_allclose(rest.positions[-1], whole.positions[-1], rtol=1e-12, atol=1e-12)
