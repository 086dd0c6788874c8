"""Flocks against the published rules, exact solutions and published observations."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.integrators import ConstantSpeedEuler
from wlmsim.kernels.boids import boid_rules_cells, boid_rules_direct
from wlmsim.systems import flocking

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
    population = wls.systems.Boids(20_000, seed=0).population
    np.testing.assert_allclose(np.cov(population.positions.T), np.eye(2), atol=0.03)
    np.testing.assert_allclose(np.linalg.norm(population.velocities, axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(population.velocities.mean(0), 0, atol=0.02)


def clouds_of_boids():
    rng = np.random.default_rng(5)
    for n in (1, 2, 40, 333):
        for dim in (1, 2, 3):
            yield pytest.param(rng.standard_normal((n, dim)), id=f"{n} in {dim}-D")
    yield pytest.param(30 * rng.standard_normal((300, 2)), id="spread out")
    yield pytest.param(rng.standard_normal((200, 2)) * [100, 0.01], id="a thread")
    yield pytest.param(rng.standard_cauchy((300, 3)), id="outliers")
    yield pytest.param(np.zeros((50, 2)), id="coincident")
    yield pytest.param(np.repeat(rng.standard_normal((60, 2)), 3, axis=0), id="threes")
    yield pytest.param(np.stack(np.meshgrid(np.arange(9.0), np.arange(9.0)), -1).reshape(-1, 2), id="on the radius")


@pytest.mark.parametrize("x", [*clouds_of_boids()])
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
    force = flocking.BoidRules(0.5, 0.7, 0.3, 1.0, 0.3).force(
        np.array([[0.0, 0.0], [0.2, 0.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), np.full(2, 0.5)
    )
    x, y = 0.5 * 0.1 - 0.7 * 0.2 - 0.3 * 0.5, 0.3 * 0.5
    np.testing.assert_allclose(force, [[x, y], [-x, -y]], rtol=1e-14)


def test_boids_choose_pairs_or_cells_by_size(monkeypatch):
    x, v = np.random.default_rng(7).standard_normal((2, 50, 2))
    w, chosen = np.full(50, 0.02), flocking.BoidRules(0.5, 0.7, 0.3, 1.0, 0.3)
    by_pairs = chosen.force(x, v, w)
    monkeypatch.setattr(flocking, "DIRECT_LIMIT", 49)
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
