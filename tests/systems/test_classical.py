"""Classical systems against what is known of them exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, minimize

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.systems.classical.conic import propagate


def trajectory(acceleration, x, v, times):
    """Positions (T, ...) of x'' = acceleration(x, v), by a Runge-Kutta scheme of order 8."""

    def rhs(t, y):
        x, v = y.reshape(2, -1)
        return np.concatenate([v, acceleration(x, v)])

    start = np.concatenate([np.ravel(x), np.ravel(v)])
    solution = solve_ivp(rhs, (0, times[-1]), start, method="DOP853", t_eval=times, rtol=1e-12, atol=1e-13)
    return solution.y.T[:, : np.size(x)].reshape(len(times), *np.shape(x))


# --- Kepler's problem

ECCENTRICITIES = [0.0, 1e-8, 0.5, 0.9, 0.99, 0.999999, 1.0, 1.000001, 1.5, 5.0]


@pytest.mark.parametrize("dim", [2, 3, 4])
@pytest.mark.parametrize("eccentricity", ECCENTRICITIES)
def test_orbits_are_drawn_as_asked_and_keep_what_they_must(eccentricity, dim):
    """Energy, angular momentum, and the Laplace-Runge-Lenz vector, whose length is the eccentricity."""
    system = wls.systems.Kepler(50, dim, strength=2.0, pericentre=0.3, eccentricity=eccentricity, seed=0)
    path = system.exact([0.0, 0.7, 3.0])
    for frame in path:
        x, v = frame.positions, frame.velocities
        vector = system.laplace_runge_lenz(frame)
        np.testing.assert_allclose(np.linalg.norm(vector, axis=1), eccentricity, atol=1e-10)
        np.testing.assert_allclose(vector, system.laplace_runge_lenz(path[0]), atol=1e-10)
        energy = 0.5 * (v**2).sum(1) - 2.0 / np.linalg.norm(x, axis=1)
        np.testing.assert_allclose(energy, -2.0 * (1 - eccentricity) / (2 * 0.3), atol=1e-11)
        turn = np.sqrt((x**2).sum(1) * (v**2).sum(1) - (x * v).sum(1) ** 2)
        np.testing.assert_allclose(turn, np.sqrt(2.0 * 0.3 * (1 + eccentricity)), rtol=1e-9)
    np.testing.assert_allclose(path.angular_momentum()[1:], path.angular_momentum()[:1].repeat(2, 0), atol=1e-11)


@pytest.mark.parametrize("eccentricity", [0.0, 0.3, 0.9, 0.99, 0.999999])
def test_ellipses_close_after_keplers_period(eccentricity):
    system = wls.systems.Kepler(20, 3, strength=2.0, pericentre=(0.2, 0.5), eccentricity=eccentricity, seed=1)
    x, v = system.population.positions, system.population.velocities
    energy = 0.5 * (v**2).sum(1) - 2.0 / np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(system.periods, 2 * np.pi * np.sqrt((-1.0 / energy) ** 3 / 2.0), rtol=1e-12)
    for turns in (1, -3, 100):
        y, u = propagate(x, v, 2.0, turns * system.periods)
        np.testing.assert_allclose(y, x, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(u, v, rtol=1e-9, atol=1e-12)
    # half a period from the pericentre, where M = pi, is the apocentre
    q = (1 - eccentricity) * -1.0 / energy
    away = system.laplace_runge_lenz(system.population) if eccentricity else x
    start = q[:, None] * away / np.linalg.norm(away, axis=1, keepdims=True)
    if eccentricity:
        across = v - (v * away).sum(1, keepdims=True) / eccentricity**2 * away
        across /= np.linalg.norm(across, axis=1, keepdims=True)
        speed = np.sqrt(2.0 * (1 + eccentricity) / q)[:, None] * across
        far, _ = propagate(start, speed, 2.0, 0.5 * system.periods)
        np.testing.assert_allclose(far, -start * (1 + eccentricity) / (1 - eccentricity), rtol=1e-6)


@given(
    x=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    v=st.lists(st.floats(-2, 2), min_size=3, max_size=3),
    time=st.floats(-8, 8),
    strength=st.floats(0.1, 5),
)
def test_propagation_is_the_flow_of_newtons_law(x, v, time, strength):
    """For any orbit, open or closed, that keeps away from the centre; backwards too."""
    x, v = np.array([x]), np.array([v])
    momentum = np.linalg.norm(np.cross(x, v))
    r = np.linalg.norm(x)
    if r < 0.1 or momentum**2 / strength < 0.02:
        return

    def attraction(y, _):
        return -strength * y / np.linalg.norm(y) ** 3

    sign = -1.0 if time < 0 else 1.0
    y, u = propagate(x, v, strength, time)
    np.testing.assert_allclose(y, trajectory(attraction, x, sign * v, [0.0, abs(time) + 1e-30])[-1], atol=1e-7)
    back, _ = propagate(y, u, strength, -time)
    np.testing.assert_allclose(back, x, atol=1e-9)


def test_propagation_takes_a_time_for_each_particle():
    system = wls.systems.Kepler(6, seed=3, eccentricity=(0.2, 1.8))
    x, v = system.population.positions, system.population.velocities
    times = np.linspace(-2, 3, 6)
    y, u = propagate(x, v, 1.0, times)
    for i in range(6):
        alone = propagate(x[i : i + 1], v[i : i + 1], 1.0, times[i])
        np.testing.assert_allclose([y[i], u[i]], [alone[0][0], alone[1][0]], rtol=1e-13, atol=1e-15)


def test_orbits_fill_their_ellipse_evenly_in_time():
    """Then the mean radius is a (1 + e^2 / 2); the pericentres and eccentricities lie in their intervals."""
    system = wls.systems.Kepler(20_000, pericentre=0.4, eccentricity=0.6, seed=0)
    assert np.linalg.norm(system.population.positions, axis=1).mean() == pytest.approx(1 + 0.18, abs=0.01)
    spread = wls.systems.Kepler(2000, 3, pericentre=(0.5, 2.0), eccentricity=(0.1, 0.7), seed=0)
    e = np.linalg.norm(spread.laplace_runge_lenz(spread.population), axis=1)
    q = (spread.periods / (2 * np.pi)) ** (2 / 3) * (1 - e)
    for values, (low, high) in ((e, (0.1, 0.7)), (q, (0.5, 2.0))):
        assert low <= values.min() < low + 0.01 * high and high - 0.01 * high < values.max() <= high * (1 + 1e-12)
    turns = wls.systems.Kepler(100, seed=0).population
    (x, y), (u, v) = turns.positions.T, turns.velocities.T
    assert (x * v - y * u > 0).all()
    assert np.isinf(wls.systems.Kepler(10, eccentricity=(1.0, 1.5), seed=0).periods).all()


def test_kepler_in_a_simulation():
    """Leapfrog keeps angular momentum; what it does to the ellipse is to turn it slowly."""
    system = wls.systems.Kepler(20, eccentricity=0.5, seed=2)
    flight = system.simulate([0.0, 5.0, 20.0], dt=5e-3)
    np.testing.assert_allclose(flight.positions, system.exact(flight.times).positions, atol=5e-3)
    np.testing.assert_allclose(flight.angular_momentum(), flight.angular_momentum()[:1].repeat(3, 0), rtol=1e-12)
    np.testing.assert_allclose(flight.energy(), flight.energy()[0], rtol=5e-5)


def test_a_comet_of_eccentricity_0_99_by_substeps():
    system = wls.systems.Kepler(1, pericentre=0.01, eccentricity=0.99, seed=3)
    times = system.periods[0] * np.arange(1, 4) / 3 * 2
    substepped = wls.integrators.Substepped(wls.integrators.Yoshida4(), tolerance=1e-3)
    flight = system.simulate(times, dt=0.05, integrator=substepped)
    np.testing.assert_allclose(flight.positions, system.exact(times).positions, atol=1e-3)
    assert np.ptp(flight.energy()) < 1e-4
    vectors = [system.laplace_runge_lenz(frame)[0] for frame in flight]
    np.testing.assert_allclose(vectors, system.laplace_runge_lenz(system.population).repeat(3, 0), atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dim": 1}, "`dim` must be an integer >= 2"),
        ({"strength": -1.0}, "`strength`"),
        ({"pericentre": 0.0}, "`pericentre` must be positive"),
        ({"pericentre": (0.0, 1.0)}, "`pericentre` must be positive"),
        ({"eccentricity": -0.1}, "`eccentricity`"),
        ({"eccentricity": (0.5, 0.1)}, "`eccentricity` must be a number, or two in increasing order"),
        ({"eccentricity": (0.1, 0.2, 0.3)}, "`eccentricity`"),
        ({"eccentricity": "high"}, "`eccentricity`"),
    ],
)
def test_kepler_checks_its_arguments(arguments, message):
    with pytest.raises(ParameterError, match=message):
        wls.systems.Kepler(**arguments)


def test_the_lrl_vector_needs_velocities():
    with pytest.raises(ParameterError, match="`population` must be one with known velocities"):
        wls.systems.Kepler(3).laplace_runge_lenz(wls.Population([[1.0, 0.0]]))


# --- two bodies


@pytest.mark.parametrize("eccentricity", [0.0, 0.6, 1.0, 2.0])
@pytest.mark.parametrize("mass_ratio", [1e-3, 0.3, 1.0, 5.0])
def test_two_bodies_reduce_to_one(mass_ratio, eccentricity):
    binary = wls.systems.TwoBody(3, mass_ratio=mass_ratio, strength=1.7, eccentricity=eccentricity, seed=0)
    w = binary.population.weights
    np.testing.assert_allclose(w, np.array([1, mass_ratio]) / (1 + mass_ratio))
    times = np.linspace(0, 4, 5)
    path = binary.exact(times)

    def attraction(y, _):
        apart = y.reshape(2, 3)[1] - y.reshape(2, 3)[0]
        pull = 1.7 * apart / np.linalg.norm(apart) ** 3
        return np.concatenate([w[1] * pull, -w[0] * pull])

    expected = trajectory(attraction, binary.population.positions, binary.population.velocities, times)
    np.testing.assert_allclose(path.positions, expected, atol=1e-9)
    np.testing.assert_allclose(np.einsum("i,tik->tk", w, path.positions), 0, atol=1e-14)
    np.testing.assert_allclose(path.momentum(), 0, atol=1e-14)
    energy = -w[0] * w[1] * 1.7 * (1 - eccentricity) / 2
    np.testing.assert_allclose(path.energy(), energy, rtol=1e-9, atol=1e-14)
    assert np.isinf(binary.period) == (eccentricity >= 1)


def test_two_bodies_obey_the_virial_theorem():
    """2 <K> + <virial> = 0 on average over a period, to all digits since the orbit is periodic."""
    binary = wls.systems.TwoBody(eccentricity=0.4, strength=2.0, seed=1)
    path = binary.exact(np.arange(64) / 64 * binary.period)
    law = binary.lagrangian
    virials = np.array([law.virial(frame) for frame in path])
    np.testing.assert_allclose(virials, path.potential_energy(), rtol=1e-12)
    assert 2 * path.kinetic_energy().mean() + virials.mean() == pytest.approx(0, abs=1e-12)
    assert abs(2 * path.kinetic_energy()[0] + virials[0]) > 1e-3


# --- Coulomb plasma


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_two_charges_rest_a_radius_apart(dim):
    plasma = wls.systems.CoulombPlasma(2, dim, strength=2.0, frequency=1.5, softening=1e-6, seed=0)
    assert plasma.radius == pytest.approx((2.0 / 1.5**2) ** (1 / 3))
    direction = np.eye(dim)[0]
    x = 0.5 * plasma.radius * np.array([direction, -direction])
    np.testing.assert_allclose(plasma.lagrangian.acceleration(x, np.full(2, 0.5)), 0, atol=1e-11)


def at_rest(plasma):
    """A cold equilibrium near the initial positions."""
    w, shape = plasma.population.weights, plasma.population.positions.shape

    def energy(y):
        x = y.reshape(shape)
        return plasma.lagrangian.potential.energy(x, w), -(w[:, None] * plasma.lagrangian.acceleration(x, w)).ravel()

    found = minimize(energy, plasma.population.positions.ravel(), jac=True, method="BFGS", options={"gtol": 1e-11})
    return wls.Population(found.x.reshape(shape)).at_rest()


@pytest.mark.parametrize(("n", "dim"), [(2, 3), (7, 3), (5, 2)])
@pytest.mark.parametrize("stretch", [1.001, 1.2])
def test_a_cold_plasma_breathes(n, dim, stretch):
    """Stretched by s, it stays similar to itself: s'' = omega^2 (1 / s^2 - s), near 1 at sqrt(3) omega."""
    plasma = wls.systems.CoulombPlasma(n, dim, strength=2.0, frequency=1.5, softening=1e-6, seed=2)
    rest = at_rest(plasma)
    times = np.linspace(0, 4, 9)
    start = wls.Population(stretch * rest.positions).at_rest()
    flight = wls.simulate(plasma.lagrangian, start, times, dt=1e-3)
    factor = trajectory(lambda y, _: 1.5**2 * (1 / y**2 - y), [stretch], [0.0], times)[:, 0]
    np.testing.assert_allclose(
        flight.positions, factor[:, None, None] * rest.positions, atol=3e-5 * (stretch - 1) ** 0.5
    )
    small = 1 + (stretch - 1) * np.cos(plasma.breathing_frequency * times)
    assert np.abs(factor - small).max() < 20 * (stretch - 1) ** 2
    assert plasma.breathing_frequency == pytest.approx(np.sqrt(3) * 1.5)


def test_the_centre_of_a_hot_plasma_oscillates_at_the_frequency_of_the_trap():
    plasma = wls.systems.CoulombPlasma(30, frequency=1.3, temperature=0.5, seed=3)
    start = plasma.population
    flight = plasma.simulate(np.linspace(0, 8, 9), dt=2e-3)
    mean, drift = start.weights @ start.positions, start.weights @ start.velocities
    phase = 1.3 * flight.times[:, None]
    expected = mean * np.cos(phase) + drift / 1.3 * np.sin(phase)
    np.testing.assert_allclose(np.einsum("i,tik->tk", start.weights, flight.positions), expected, atol=2e-6)
    np.testing.assert_allclose(flight.energy(), flight.energy()[0], rtol=2e-4)
    np.testing.assert_allclose(flight.angular_momentum(), flight.angular_momentum()[:1].repeat(9, 0), atol=1e-12)


def test_a_cold_ball_is_in_equilibrium_on_the_whole():
    """Its virial, trap and repulsion together, vanishes at the radius; hot velocities have their variance."""
    ball = wls.systems.CoulombPlasma(3000, temperature=0.4, softening=1e-6, seed=4)
    radii = np.linalg.norm(ball.population.positions, axis=1)
    assert 0.99 * ball.radius < radii.max() <= ball.radius
    trap = (radii**2).mean()
    assert abs(ball.lagrangian.virial(ball.population)) < 0.03 * trap
    assert ball.population.velocities.var() == pytest.approx(0.4, rel=0.05)
    wide = wls.systems.CoulombPlasma(3000, expansion=1.5, softening=1e-6, seed=4)
    np.testing.assert_allclose(wide.population.positions, 1.5 * ball.population.positions)
    assert wide.lagrangian.virial(wide.population) < -trap


# --- charges in fields


@pytest.mark.parametrize(
    "fields",
    [
        {"magnetic": 1.4},
        {"magnetic": -0.8, "electric": (0.3, 0.2, -0.5)},
        {"magnetic": (0.4, -0.6, 1.1), "electric": 0.2},
        {"magnetic": (0.2, 0.1, 2.0), "trap": 1.1, "electric": (0.0, 0.0, 0.3)},
        {"magnetic": 0.0, "electric": (0.0, 0.0, -1.0)},
        {"dim": 2, "magnetic": 1.4, "electric": (0.3, -0.2)},
    ],
)
def test_charges_obey_the_lorentz_force(fields):
    charges = wls.systems.ChargedParticles(3, **fields, seed=0)
    d, trap = charges.dim, fields.get("trap", 0.0)
    b = fields["magnetic"] if np.ndim(fields["magnetic"]) else (0, 0, fields["magnetic"])

    def lorentz(x, v):
        x, v = (np.pad(a.reshape(3, d), ((0, 0), (0, 3 - d))) for a in (x, v))
        a = np.cross(v, b) - trap * x * [-0.5, -0.5, 1.0]
        return (a[:, :d] + np.broadcast_to(fields.get("electric", 0.0), d)).ravel()

    times = np.linspace(0, 5, 6)
    expected = trajectory(lorentz, charges.population.positions, charges.population.velocities, times)
    path = charges.exact(times)
    np.testing.assert_allclose(path.positions, expected, atol=1e-9)
    np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-12)
    flight = charges.simulate(times, dt=0.01)
    assert flight.metadata["integrator"] == repr(wls.Boris()) or fields["magnetic"] == 0
    np.testing.assert_allclose(flight.positions, expected, atol=3e-4)


def test_cyclotron_radius_and_frequency():
    beam = wls.systems.ChargedParticles(5, 2, magnetic=2.5, seed=1)
    turn = 2 * np.pi / 2.5
    path = beam.exact(np.arange(17) / 16 * turn)
    np.testing.assert_allclose(path.positions[-1], path.positions[0], atol=1e-13)
    centres = path.positions[:-1].mean(0)
    radii = np.linalg.norm(path.positions - centres, axis=-1)
    speeds = np.linalg.norm(beam.population.velocities, axis=1)
    np.testing.assert_allclose(radii, np.tile(speeds / 2.5, (17, 1)), rtol=1e-11)
    np.testing.assert_allclose(path.positions[8] + path.positions[0], 2 * centres, atol=1e-12)


def test_drift_in_crossed_fields():
    """Over whole gyrations the population moves with E x B / B^2, and along B by the electric field alone."""
    b, e = np.array([0.3, -0.4, 1.2]), np.array([0.2, 0.5, 0.1])
    beam = wls.systems.ChargedParticles(6, magnetic=b, electric=e, seed=2)
    turn = 2 * np.pi / np.linalg.norm(b)
    path = beam.exact([0.0, turn, 3 * turn])
    axis = b / np.linalg.norm(b)
    for frame in path:
        moved = frame.positions - path.positions[0]
        along = beam.population.velocities @ axis * frame.time + 0.5 * e @ axis * frame.time**2
        expected = np.cross(e, b) / (b @ b) * frame.time + along[:, None] * axis
        np.testing.assert_allclose(moved, expected, atol=1e-11)


def test_frequencies_of_a_penning_trap():
    """Axial sqrt(k); modified cyclotron and magnetron B / 2 +- sqrt(B^2 / 4 - k / 2)."""
    trap = wls.systems.ChargedParticles(3, magnetic=2.0, trap=1.5, seed=3)
    rates = np.linalg.eigvals(trap._generator()[:6, :6])
    np.testing.assert_allclose(rates.real, 0, atol=1e-12)
    root = np.sqrt(1.0 - 0.75)
    expected = np.array([np.sqrt(1.5), 1 + root, 1 - root])
    np.testing.assert_allclose(np.sort(np.abs(rates.imag))[::2], np.sort(expected), rtol=1e-12)
    assert np.abs(trap.exact([1000.0]).positions).max() < 20
    weak = wls.systems.ChargedParticles(3, magnetic=1.0, trap=1.5, seed=3)
    assert np.abs(weak.exact([50.0]).positions).max() > 1e6


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"dim": 1}, "dim"),
        ({"dim": 4}, "dim"),
        ({"dim": 2, "magnetic": (0, 0, 1)}, "magnetic"),
        ({"magnetic": (0, 1)}, "magnetic"),
        ({"magnetic": np.inf}, "magnetic"),
        ({"electric": (1.0, 2.0)}, "electric"),
        ({"dim": 2, "trap": 1.0}, "trap"),
        ({"velocity_width": -1.0}, "velocity_width"),
    ],
)
def test_charges_check_their_arguments(arguments, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        wls.systems.ChargedParticles(**arguments)


# --- Morse swarm


def test_two_swarmers_oscillate_about_their_equilibrium():
    """Period 2 integral dr / sqrt(2 (E - W(r))) between the turning points; the relative acceleration is -W'."""
    swarm = wls.systems.MorseSwarm(2, c=2.0, l=0.4, seed=0)
    law = wls.laws.Morse(2.0, 0.4)
    w = np.full(2, 0.5)
    rest = 0.5 * swarm.equilibrium * np.array([[1.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(swarm.lagrangian.acceleration(rest, w), 0, atol=1e-15)
    inner = 0.6 * swarm.equilibrium
    energy = law(inner, np)
    outer = brentq(lambda r: law(r, np) - energy, swarm.equilibrium, 5.0, xtol=1e-14)
    middle, half = 0.5 * (inner + outer), 0.5 * (outer - inner)

    def slowness(angle):  # r = middle - half cos(angle) takes the roots at both ends away
        r = middle - half * np.cos(angle)
        return half * np.sin(angle) / np.sqrt(2 * max(energy - law(r, np), 1e-300))

    period = 2 * quad(slowness, 1e-9, np.pi - 1e-9, epsrel=1e-9)[0]
    start = wls.Population(0.5 * inner * np.array([[1.0, 0.0], [-1.0, 0.0]])).at_rest()
    flight = wls.simulate(swarm.lagrangian, start, [0.0, 0.5 * period, period], dt=1e-3)
    apart = np.linalg.norm(flight.positions[:, 0] - flight.positions[:, 1], axis=1)
    np.testing.assert_allclose(apart, [inner, outer, inner], rtol=2e-5)


def test_a_swarm_keeps_its_invariants_and_comes_to_rest_by_friction():
    free = wls.systems.MorseSwarm(40, 3, velocity_width=0.3, seed=1)
    flight = free.simulate([0.0, 2.0, 6.0], dt=0.005)
    np.testing.assert_allclose(flight.energy(), flight.energy()[0], atol=1e-5)
    np.testing.assert_allclose(flight.momentum(), flight.momentum()[:1].repeat(3, 0), atol=1e-14)
    np.testing.assert_allclose(flight.angular_momentum(), flight.angular_momentum()[:1].repeat(3, 0), atol=1e-13)
    damped = wls.systems.MorseSwarm(20, friction=1.0, velocity_width=0.3, seed=1)
    end = damped.simulate([100.0], dt=0.05)[0]
    assert damped.lagrangian.kinetic_energy(end) < 1e-4 * damped.lagrangian.kinetic_energy(damped.population)


@pytest.mark.parametrize(("c", "l"), [(0.3, 0.5), (2.0, 1.5), (0.0, 0.5), (1.5, 1.0)])
def test_laws_without_equilibrium(c, l):
    assert wls.systems.MorseSwarm(2, c=c, l=l).equilibrium == 0


# --- double well


@pytest.mark.parametrize("velocity_width", [0.0, 0.3, 1.0, 3.0])
def test_particles_in_a_double_well(velocity_width):
    """In a well, across the barrier and near it, against a Runge-Kutta scheme, in two dimensions."""
    wells = wls.systems.DoubleWell(
        12, barrier=0.7, distance=1.3, stiffness=2.0, width=0.4, velocity_width=velocity_width, seed=0
    )

    def force(y, _):
        x = y.reshape(12, 2)
        return np.stack([-4 * 0.7 / 1.3**2 * x[:, 0] * (x[:, 0] ** 2 / 1.3**2 - 1), -2.0 * x[:, 1]], axis=1).ravel()

    times = np.linspace(0, 6, 7)
    path = wells.exact(times)
    expected = trajectory(force, wells.population.positions, wells.population.velocities, times)
    np.testing.assert_allclose(path.positions, expected, atol=1e-8)
    np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-12)
    crossed = (path.positions[..., 0] > 0).any(0)
    assert crossed.any() and not crossed.all()
    assert np.abs(wells.exact([1e5]).energy() - path.energy()[0]) < 1e-9


def test_the_period_in_a_double_well():
    """2 integral dx / |v| between the turning points; harmonic at the bottom, infinite at the barrier's top."""
    wells = wls.systems.DoubleWell(1, 1, barrier=0.7, distance=1.3, seed=0)

    def period(x, v):
        wells.population.positions[0, 0], wells.population.velocities[0, 0] = x, v
        return wells.periods[0]

    def quadrature(energy):
        outer = 1.3 * np.sqrt(1 + np.sqrt(energy / 0.7))
        inner = 1.3 * np.sqrt(1 - np.sqrt(energy / 0.7)) if energy < 0.7 else -outer
        middle, half = 0.5 * (outer + inner), 0.5 * (outer - inner)

        def slowness(angle):  # x = middle - half cos(angle) takes the roots at both ends away
            x = middle - half * np.cos(angle)
            return half * np.sin(angle) / np.sqrt(2 * (energy - 0.7 * (x**2 / 1.3**2 - 1) ** 2))

        return 2 * quad(slowness, 0, np.pi, epsrel=1e-10)[0]

    for speed in (0.2, 0.9, 1.1, 1.18, 1.19, 2.0):
        assert period(-1.3, speed) == pytest.approx(quadrature(0.5 * speed**2), rel=1e-6)
    bottom = 2 * np.pi / np.sqrt(8 * 0.7 / 1.3**2)
    assert period(1.3, 0.0) == pytest.approx(bottom) and period(1.3, 1e-6) == pytest.approx(bottom)
    assert period(0.0, 0.0) > 30 and period(0.0, 1e-9) > 30


def test_particles_at_rest_in_a_double_well_stay():
    wells = wls.systems.DoubleWell(3, 1, seed=0)
    wells.population.positions[:, 0], wells.population.velocities[:] = (-1.0, 0.0, 1.0), 0.0
    path = wells.exact([0.0, 3.0])
    np.testing.assert_allclose(path.positions[:, :, 0], [[-1, 0, 1]] * 2, atol=1e-12)
    np.testing.assert_allclose(path.velocities, 0, atol=1e-12)
