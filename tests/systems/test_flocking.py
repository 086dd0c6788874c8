"""Flocks against the published rules, exact solutions and published observations."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.clouds import uneven_clouds
from wlmsim.errors import ParameterError
from wlmsim.integrators import ConstantSpeedEuler, State, VicsekUpdate
from wlmsim.kernels.boids import boid_rules_cells, boid_rules_direct
from wlmsim.mechanics import boid_rules
from wlmsim.systems import CuckerSmale, DOrsogna, Vicsek

# --- boids: the rules, transcribed plainly


def rules(x, v, *, r_out=1.0, r_in=0.3, w_coh=0.005, w_sep=0.1, w_ali=0.3):
    """Cohesion, separation and alignment; axis 0 is the neighbour j, axis 1 the bird i."""
    away = [x[:, None, k] - x[None, :, k] for k in range(x.shape[1])]
    distance = np.sqrt(sum(a**2 for a in away))
    near, close = distance < r_out, distance < r_in
    n = near.sum(0)
    turn = [v[:, None, k] - v[None, :, k] for k in range(x.shape[1])]
    cohesion = [np.where(near, a, 0).sum(0) / n for a in away]
    separation = [np.where(close, a, 0).sum(0) for a in away]
    alignment = [np.where(near, t, 0).sum(0) / n for t in turn]
    parts = zip(cohesion, separation, alignment, strict=True)
    return np.stack([w_coh * c - w_sep * s + w_ali * a for c, s, a in parts], axis=1)


def published_boids(x, v, steps, *, dt=0.5, b=5.0, w_bnd=0.5):
    """The published rules, step by step, at the published values."""
    path = [(x, v)]
    for _ in range(steps):
        dv = rules(x, v) - w_bnd * np.sign(x) * (np.abs(x) > b)
        v = v + dt * dv
        v = v / np.linalg.norm(v, axis=1, keepdims=True)
        x = x + dt * v
        path.append((x, v))
    return [np.array(frames) for frames in zip(*path, strict=True)]


@pytest.mark.parametrize(("n", "seed"), [(300, 0), (300, 1), pytest.param(1000, 2, marks=pytest.mark.slow)])
def test_boids_follow_the_published_rules(n, seed):
    """Over 100 steps, although flocks are chaotic: the sums are taken in the same order."""
    flock = wls.systems.Boids(n, seed=seed)
    flight = flock.simulate(np.arange(101) * 0.5)
    x, v = published_boids(flock.population.positions, flock.population.velocities, 100)
    assert np.abs(x[-1]).max() > 5  # the boundary has been met
    assert np.abs(flight.positions - x).max() <= 1e-12
    assert np.abs(flight.velocities - v).max() <= 1e-12


def test_boids_start_as_published():
    """x_0 ~ N(0, 1); v_0 ~ N(0, 1), centred, then normalised."""
    flocks = [wls.systems.Boids(1000, seed=seed).population for seed in range(20)]
    np.testing.assert_allclose(np.mean([np.cov(flock.positions.T) for flock in flocks], axis=0), np.eye(2), atol=0.03)
    population = wls.systems.Boids(20_000, seed=0).population
    np.testing.assert_allclose(np.linalg.norm(population.velocities, axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(population.velocities.mean(0), 0, atol=0.02)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_large_flock_is_as_dense_as_the_published_one(dim):
    flock = wls.systems.Boids(64_000, dim, seed=0)
    width = 64 ** (1 / dim)
    np.testing.assert_allclose(np.cov(flock.population.positions.T), width**2 * np.eye(dim), atol=0.03 * width**2)
    assert flock.half_width == pytest.approx(5 * width)
    assert wls.systems.Boids(64_000, dim, half_width=7.0, seed=0).half_width == 7
    assert wls.systems.Boids(10, dim, seed=0).half_width == 5


ON_THE_RADIUS = np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), -1).reshape(-1, 2)


@pytest.mark.parametrize("x", [*uneven_clouds(), pytest.param(ON_THE_RADIUS, id="on the radius")])
@pytest.mark.parametrize("radii", [(1.0, 0.3), (0.5, 0.5)])
def test_boids_of_cells_of_pairs_and_of_plain_loops_agree(x, radii):
    v = np.random.default_rng(6).standard_normal(x.shape)
    by_pairs = boid_rules_direct(x, v, 0.4, 0.9, 0.3, *radii)
    by_cells = boid_rules_cells(x, v, 0.4, 0.9, 0.3, *radii, np.zeros(x.shape[1]), 2, (0.0,) * x.shape[1])
    plainly = rules(x, v, r_out=radii[0], r_in=radii[1], w_coh=0.4, w_sep=0.9, w_ali=0.3)
    assert np.abs(by_pairs - plainly).max() <= 1e-12
    assert np.abs(by_cells - plainly).max() <= 1e-12


def test_boid_rules_on_two_birds():
    """At distance 0.2 < r_in, with n_i = 2: half the cohesion and alignment, the whole separation."""
    force = boid_rules.BoidRules(0.5, 0.7, 0.3, 1.0, 0.3).force(
        np.array([[0.0, 0.0], [0.2, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), np.full(2, 0.5)
    )
    x, y = 0.5 * 0.1 - 0.7 * 0.2 - 0.3 * 0.5, 0.3 * 0.5
    np.testing.assert_allclose(force, [[x, y], [-x, -y]], rtol=1e-14)


def test_boids_choose_pairs_or_cells_by_size(monkeypatch):
    x, v = np.random.default_rng(7).standard_normal((2, 50, 2))
    w, chosen = np.full(50, 0.02), boid_rules.BoidRules(0.5, 0.7, 0.3, 1.0, 0.3)
    by_pairs = chosen.force(x, v, w)
    monkeypatch.setattr(boid_rules, "DIRECT_LIMIT", 49)
    by_cells = chosen.force(x, v, w)
    np.testing.assert_allclose(by_cells, by_pairs, atol=1e-13)
    assert not np.array_equal(by_cells, by_pairs)  # summed in another order


def test_boids_are_not_reciprocal_and_have_no_rayleigh_function():
    cloud = wls.systems.Boids(5, seed=0).population
    with pytest.raises(ParameterError, match="not reciprocal"):
        wls.systems.Boids(5).rules.rayleigh(cloud.positions, cloud.velocities, cloud.weights, np)


def test_boids_with_noise():
    flock = wls.systems.Boids(30, noise=0.2, seed=3)
    flight = flock.simulate([0.0, 0.5, 1.0])
    quiet = wls.systems.Boids(30, seed=3).simulate([0.0, 0.5, 1.0])
    assert flight[0] == quiet[0]
    spread = (flight.positions - quiet.positions)[1]
    assert 0.05 < spread.std() < 0.3  # sqrt(dt) sigma = 0.14
    np.testing.assert_array_equal(flock.simulate([0.0, 0.5, 1.0]).positions, flight.positions)


def test_boids_take_another_integrator():
    flock = wls.systems.Boids(10, seed=0)
    slow = flock.simulate([0.0, 0.5], integrator=ConstantSpeedEuler(0.5))
    np.testing.assert_allclose(np.linalg.norm(slow.velocities[1], axis=1), 0.5)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"inner_radius": 1.5}, "inner_radius"),
        ({"outer_radius": 0.0}, "outer_radius"),
        ({"cohesion": -0.1}, "cohesion"),
        ({"boundary": -0.5}, "boundary"),
        ({"half_width": 0.0}, "half_width"),
        ({"noise": -1.0}, "noise"),
    ],
)
def test_boids_check_their_arguments(arguments, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        wls.systems.Boids(**arguments)


def test_noise_and_start_are_independent():
    """The first kicks are not the numbers that placed the birds."""
    for flock in (wls.systems.Boids(200, noise=1.0, seed=4), wls.systems.Boids(200, noise=1.0, seed=5)):
        start, path = flock.population.positions, flock.simulate([0.0, 1e-6], dt=1e-6).positions
        kicks = (path[1] - path[0]) / 1e-3
        assert abs(kicks.std() - 1) < 0.1
        assert abs(np.corrcoef(kicks.ravel(), start.ravel())[0, 1]) < 0.15


# --- Vicsek


def in_a_box(x, box):
    """Separations x_j - x_i to nearest images, axis 0 the neighbour j."""
    step = x[:, None] - x[None]
    return step - box * np.round(step / box)


@pytest.mark.parametrize("x", [*uneven_clouds(), pytest.param(ON_THE_RADIUS, id="on the radius")])
@pytest.mark.parametrize("side", [2.0, 3.7, 9.1])
def test_boids_in_a_periodic_box(x, side):
    dim = x.shape[1]
    v = np.random.default_rng(6).standard_normal(x.shape)
    box = side + 0.9 * np.arange(dim)
    step = in_a_box(x, box)
    distance = np.sqrt((step**2).sum(-1))
    near, close = distance < 1.0, distance < 0.3
    n = near.sum(0)[:, None]
    cohesion, crowd = np.einsum("ji,jik->ik", near, step), np.einsum("ji,jik->ik", close, step)
    expected = 0.4 * cohesion / n - 0.9 * crowd + 0.3 * (near.T @ v / n - v)
    boids = boid_rules.BoidRules(0.4, 0.9, 0.3, 1.0, 0.3, box=tuple(box))
    np.testing.assert_allclose(boids.force(x, v, np.full(len(x), 1 / len(x))), expected, atol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 1.7])
def test_vicsek_update_as_published(noise):
    """x(t+1) = x(t) + v(t); the new angle is that of the neighbours' mean velocity, plus one in [-eta/2, eta/2]."""
    flock = Vicsek(150, box=4.0, noise=noise, speed=0.2, seed=3)
    flight = flock.simulate(np.arange(4.0))
    x, v = flock.population.positions, flock.population.velocities
    rng = flock._stream(1)
    for k in (1, 2, 3):
        near = (in_a_box(x, 4.0) ** 2).sum(-1) < 1.0
        angle = np.arctan2(*(near.T @ v).T[::-1])
        # the scheme takes the first axis to the direction by a reflection, so that turns are to the other side
        angle -= noise * (rng.random(150) - 0.5) if noise else 0.0
        x, v = x + v, 0.2 * np.stack([np.cos(angle), np.sin(angle)], 1)
        np.testing.assert_allclose(flight.positions[k], x, atol=1e-12)
        np.testing.assert_allclose(flight.velocities[k], v, atol=1e-12)


@pytest.mark.parametrize("dim", [2, 3])
def test_vicsek_order_without_and_with_full_noise(dim):
    """All in one direction without noise; at full noise directions are random, |mean| ~ n^-1/2."""
    calm = Vicsek(60, dim, box=2.2, noise=0.0, seed=0)
    order = calm.order_parameter(calm.simulate(np.arange(300.0)))
    assert order[-1] == pytest.approx(1, abs=1e-6) and np.all(order <= 1 + 1e-12)
    orders = {}
    for n in (100, 1600):
        storm = Vicsek(n, dim, box=10.0, noise=2 * np.pi, seed=1)
        flight = storm.simulate(np.arange(1.0, 201.0))
        orders[n] = storm.order_parameter(flight)
        directions = flight.velocities.reshape(-1, dim) / storm.speed
        np.testing.assert_allclose(directions.T @ directions / len(directions), np.eye(dim) / dim, atol=0.01)
    # mean length of a random walk's end: Rayleigh's and Maxwell's
    factor = {2: np.sqrt(np.pi) / 2, 3: np.sqrt(8 / (3 * np.pi))}[dim]
    for n, order in orders.items():
        assert order.mean() == pytest.approx(factor / np.sqrt(n), rel=0.12)


def test_vicsek_order_falls_with_noise_as_published():
    """Figure 2a of Vicsek and others for 40 particles at density 4, read off; and a larger flock orders less."""
    published = {1.0: 0.95, 2.0: 0.83, 3.0: 0.65, 4.0: 0.43, 5.0: 0.21}
    times = np.arange(1500.0)
    for noise, order in published.items():
        flock = Vicsek(40, box=np.sqrt(10.0), noise=noise, seed=2)
        measured = flock.order_parameter(flock.simulate(times))[500:].mean()
        assert measured == pytest.approx(order, abs=0.05)
        # all see all, at best: the order of directions spread evenly over the noise's angle
        assert measured < np.sin(noise / 2) / (noise / 2) + 0.005
    large = Vicsek(400, box=10.0, noise=5.0, seed=2)
    assert large.order_parameter(large.simulate(times[:600]))[200:].mean() < 0.12


def test_vicsek_noise_in_space_is_uniform_on_a_cap():
    """The cap of solid angle 2 eta: heights uniform in [1 - eta / pi, 1], whatever the direction."""
    noise, n = 2.0, 40_000
    v = np.random.default_rng(4).standard_normal((n, 3))
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    state = State(np.zeros((n, 3)), v, np.full(n, 1 / n), 0.0)
    after = VicsekUpdate(noise=noise, seed=5).step(wls.Lagrangian(), state, 1.0).velocities
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, rtol=1e-13)
    height = (after * v).sum(1)
    assert height.min() >= 1 - noise / np.pi - 1e-12
    share = (1 - height) / (noise / np.pi)
    np.testing.assert_allclose(np.histogram(share, 10, (0, 1))[0] / n, 0.1, atol=0.008)
    # no side is preferred: what is left across v has no mean in any frame that turns with v
    across = np.cross(v, np.roll(v, 1, axis=1))
    assert abs((after * across).sum(1).mean()) < 0.01


def test_vicsek_keeps_its_speed_in_positions_unwrapped():
    flock = Vicsek(50, 3, box=2.5, speed=0.4, noise=0.5, seed=0)
    flight = flock.simulate(np.arange(0.0, 40.0))
    np.testing.assert_allclose(np.linalg.norm(flight.velocities, axis=2), 0.4, rtol=1e-12)
    np.testing.assert_allclose(np.diff(flight.positions, axis=0), flight.velocities[:-1], atol=1e-12)
    assert np.abs(flight.positions).max() > 2 * flock.box
    assert flock.order_parameter(flight[3]).shape == () and flock.order_parameter(flight).shape == (40,)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"dim": 1}, "dim"), ({"box": 1.9}, "box"), ({"noise": 6.3}, "noise"), ({"speed": 0.0}, "speed")],
)
def test_vicsek_checks_its_arguments(arguments, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        Vicsek(**arguments)


# --- Cucker and Smale


@pytest.mark.parametrize("arguments", [{"radius": np.inf}, {"exponent": 0.0}, {"radius": np.inf, "strength": 0.0}])
@pytest.mark.parametrize("dim", [2, 3])
def test_cucker_smale_at_a_constant_rate(arguments, dim):
    flock = CuckerSmale(30, dim, **{"strength": 0.8, **arguments}, seed=0)
    times = np.array([0.0, 0.7, 3.0])
    exact = flock.exact(times)
    errors = [np.abs(flock.simulate(times, dt=dt).positions - exact.positions).max() for dt in (0.02, 0.01)]
    assert errors[0] < 1e-4 and errors[1] <= 0.3 * errors[0] + 1e-12
    spread = exact.velocities.std(1)
    np.testing.assert_allclose(spread, spread[0] * np.exp(-flock.strength * times)[:, None], rtol=1e-12)
    np.testing.assert_allclose(exact.momentum(), exact.momentum()[:1].repeat(3, 0), atol=1e-14)


def test_cucker_smale_flocks_and_keeps_its_mean_velocity():
    flock = CuckerSmale(60, 3, exponent=0.4, seed=1)
    flight = flock.simulate(np.linspace(0, 30, 31), dt=0.05)
    np.testing.assert_allclose(flight.momentum(), flight.momentum()[:1].repeat(31, 0), atol=1e-13)
    spread = flight.velocities.var(1).sum(-1)
    assert (np.diff(spread) < 0).all() and spread[-1] < 1e-3 * spread[0]
    with pytest.raises(NotImplementedError):
        flock.exact([1.0])


def test_cucker_smale_force_of_all_pairs():
    flock = CuckerSmale(60, 3, strength=1.3, radius=0.7, exponent=0.9, seed=2)
    x, v, w = flock.population.positions, flock.population.velocities, flock.population.weights
    r2 = ((x[:, None] - x) ** 2).sum(-1)
    rate = 1.3 * (1 + r2 / 0.49) ** -0.9
    expected = (rate[..., None] * (v[None] - v[:, None])).mean(1)
    np.testing.assert_allclose(flock.alignment.force(x, v, w), expected, rtol=1e-12, atol=1e-15)


# --- D'Orsogna


def test_dorsogna_swarm_mills_at_its_cruising_speed():
    """C = 2, l = 1/4: beyond the line C l^2 = 1 swarms mill in a ring, at sqrt(alpha / beta).

    When they begin to is chaotic, and differs between processors: of seeds 0 to 3, between 80 and 200.
    """
    swarm = DOrsogna(100, seed=0)
    end = swarm.simulate([300.0], dt=0.05)[0]
    x, v = end.positions - end.mean, end.velocities
    radius, speed = np.linalg.norm(x, axis=1), np.linalg.norm(v, axis=1)
    assert swarm.cruising_speed == pytest.approx(np.sqrt(2))
    assert speed.mean() == pytest.approx(swarm.cruising_speed, rel=0.03)
    angular = x[:, 0] * v[:, 1] - x[:, 1] * v[:, 0]
    assert abs(angular.sum()) / (radius * speed).sum() > 0.95
    assert np.linalg.norm(v.mean(0)) < 0.05 * swarm.cruising_speed
    assert 0.2 < radius.min() < radius.max() < 5  # a ring


@pytest.mark.parametrize("dim", [2, 3])
def test_dorsogna_forces_are_those_of_pairs(dim):
    """As published, with unit weights: the scaling by n undoes the weights 1/n."""
    swarm = DOrsogna(40, dim, repulsion=0.7, repulsion_range=0.6, attraction=0.4, attraction_range=1.5, seed=1)
    x, v, w = swarm.population.positions, swarm.population.velocities, swarm.population.weights
    step = x[:, None] - x
    r = np.sqrt((step**2).sum(-1)) + np.eye(40)
    slope = -0.7 / 0.6 * np.exp(-r / 0.6) + 0.4 / 1.5 * np.exp(-r / 1.5)
    expected = -((slope / r)[..., None] * step).sum(1)
    np.testing.assert_allclose(swarm.lagrangian.acceleration(x, w), expected, rtol=1e-11, atol=1e-13)
    push = swarm.lagrangian.velocity_acceleration(x, v, w)
    np.testing.assert_allclose(push, (1.0 - 0.5 * (v**2).sum(1, keepdims=True)) * v, rtol=1e-13)


def test_dorsogna_flock_settles_at_its_cruising_speed_in_space():
    """Without interactions every speed tends to sqrt(alpha / beta), as the logistic equation says."""
    swarm = DOrsogna(30, 3, alpha=0.9, beta=0.4, repulsion=0.0, attraction=0.0, seed=2)
    v0 = (swarm.population.velocities**2).sum(-1)
    flight = swarm.simulate([0.0, 2.0], dt=0.01)
    exact = 0.9 / 0.4 / (1 + (0.9 / 0.4 / v0 - 1) * np.exp(-2 * 0.9 * 2.0))
    np.testing.assert_allclose((flight.velocities[1] ** 2).sum(-1), exact, rtol=1e-3)
