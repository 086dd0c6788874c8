"""Softened gravity over all pairs and by a tree, and the systems that it holds together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

import wlmsim as wls
from wlmsim.errors import AccuracyWarning, ParameterError
from wlmsim.functionals import gravity
from wlmsim.kernels import direct
from wlmsim.systems.gravity import _pull_of_rings


def a_cloud(n: int, dim: int = 3, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Positions of a crowd with a thin halo, and weights that differ."""
    rng = np.random.default_rng(seed)
    positions = rng.standard_normal((n, dim)) * rng.pareto(2.0, (n, 1))
    weights = rng.uniform(0.2, 2.0, n)
    return positions, weights / weights.sum()


def naive(positions: np.ndarray, weights: np.ndarray, softening: float) -> tuple[np.ndarray, float]:
    """Force and energy of strength 1 by NumPy."""
    d = positions[None] - positions[:, None]
    r2 = (d**2).sum(-1) + softening**2
    force = ((weights * r2**-1.5)[..., None] * d).sum(1)
    return force, -np.triu(np.outer(weights, weights) / np.sqrt(r2), 1).sum()


def rms_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Root of the mean square of the relative errors of vectors."""
    return float(np.sqrt((((found - expected) ** 2).sum(1) / (expected**2).sum(1)).mean()))


# --- all pairs


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize("n", [1, 2, 9, 256, 300])
def test_direct_sum(n, dim):
    positions, weights = a_cloud(n, dim)
    force, energy = naive(positions, weights, 0.1)
    pull = wls.Gravity(1.7, 0.1, method="direct")
    assert pull.force(positions, weights) == pytest.approx(1.7 * force, rel=1e-12, abs=1e-13 * np.abs(force).max())
    assert pull.energy(positions, weights) == pytest.approx(1.7 * energy, rel=1e-13)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_tiles_are_shared_out_completely(threads):
    positions, weights = a_cloud(1000)
    found = direct.gravity_force(positions, weights, 0.01, threads)
    expected = direct.gravity_force_any(positions, weights, 0.01)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-14 * np.abs(expected).max())


@given(exponent=st.integers(-60, 60), seed=st.integers(0, 100))
@settings(max_examples=30)
def test_any_unit_of_length(exponent, seed):
    """The estimate behind 1 / r^3 holds over the whole range of numbers."""
    positions, weights = a_cloud(20, seed=seed)
    force = wls.Gravity(1.0, 0.1).force(positions, weights)
    unit = 10.0**exponent
    np.testing.assert_allclose(
        wls.Gravity(1.0, 0.1 * unit).force(positions * unit, weights) * unit**2,
        force,
        rtol=1e-11,
        atol=1e-13 * np.abs(force).max(),
    )


@pytest.mark.parametrize("method", ["direct", "tree"])
def test_particles_in_one_place_do_not_pull_at_each_other(method):
    positions = np.repeat([[0.3, -1.0, 2.0]], 700, axis=0)
    weights = np.full(700, 1 / 700)
    pull = wls.Gravity(softening=1e-9, method=method)
    np.testing.assert_array_equal(pull.force(positions, weights), 0)
    # that includes their energy, which is large and finite
    assert pull.energy(positions, weights) == pytest.approx(-0.5e9 * 699 / 700, rel=1e-9)


@pytest.mark.parametrize("method", ["direct", "tree"])
def test_particles_without_weight_follow_and_do_not_pull(method):
    positions, weights = a_cloud(400)
    weights[50:] = 0
    pull = wls.Gravity(method=method, opening=1e-9)
    heavy = naive(positions, weights, 0.05)[0]
    np.testing.assert_allclose(pull.force(positions, weights), heavy, rtol=1e-11, atol=1e-13 * np.abs(heavy).max())


# --- the tree


@pytest.fixture(scope="module")
def sphere() -> wls.Population:
    return wls.systems.PlummerSphere(n=6000, seed=0).population


@pytest.fixture(scope="module")
def exact(sphere: wls.Population) -> tuple[np.ndarray, float]:
    pull = wls.Gravity(softening=1e-3, method="direct")
    return pull.force(sphere.positions, sphere.weights), pull.energy(sphere.positions, sphere.weights)


@pytest.mark.parametrize(("opening", "error"), [(0.6, 1.2e-3), (0.8, 3e-3), (0.9, 6e-3)])
def test_tree_is_as_accurate_as_stated(sphere, exact, opening, error):
    pull = wls.Gravity(softening=1e-3, method="tree", opening=opening)
    found = rms_error(pull.force(sphere.positions, sphere.weights), exact[0])
    assert 0.2 * error < found < error
    assert pull.energy(sphere.positions, sphere.weights) == pytest.approx(exact[1], rel=error)


def test_tree_that_opens_everything_is_exact(sphere, exact):
    pull = wls.Gravity(softening=1e-3, method="tree", opening=1e-9)
    assert rms_error(pull.force(sphere.positions, sphere.weights), exact[0]) < 1e-13
    assert pull.energy(sphere.positions, sphere.weights) == pytest.approx(exact[1], rel=1e-12)


def test_error_of_a_far_group_falls_as_its_octupole():
    """The force of a group of radius b at distance d is wrong by (b / d)^3 of itself, softened or not."""
    positions, weights = a_cloud(32)
    positions /= np.linalg.norm(positions, axis=1).max()
    # so many receivers that they make a group of their own, none of which weighs anything
    crowd = 1e-9 * np.random.default_rng(0).standard_normal((200, 3))
    for softening in (1e-3, 10.0):
        pull = [wls.Gravity(softening=softening, method=method, opening=0.99) for method in ("tree", "direct")]
        errors, distances = [], np.array([8.0, 16.0, 32.0])
        for distance in distances:
            there = np.array([0.8, 0.6, 0.0]) * distance
            both = np.concatenate([positions, there + crowd]), np.concatenate([weights, np.zeros(200)])
            found, expected = (p.force(*both)[32:] for p in pull)
            errors.append(rms_error(found, expected))
        assert 1e-6 < max(errors) < (1 / 8) ** 3
        if softening < 1:
            assert np.polyfit(np.log(distances), np.log(errors), 1)[0] == pytest.approx(-3, abs=0.2)


@pytest.mark.parametrize("dim", [1, 2])
def test_tree_in_fewer_dimensions(dim):
    positions, weights = a_cloud(3000, dim)
    expected = wls.Gravity(softening=0.3, method="direct").force(positions, weights)
    found = wls.Gravity(softening=0.3, method="tree", opening=0.6).force(positions, weights)
    error = np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())
    assert 1e-7 < error < 5e-3


def test_tree_is_for_space(rng):
    positions, weights = a_cloud(30, 4)
    with pytest.raises(ParameterError, match=r"`method`.*three dimensions; got 'tree' in 4-D"):
        wls.Gravity(method="tree").force(positions, weights)
    wls.Gravity(method="auto").force(positions, weights)


def test_auto_is_exact_up_to_a_limit_and_the_tree_beyond(monkeypatch):
    positions, weights = a_cloud(1000)
    ways = {method: wls.Gravity(method=method).force(positions, weights) for method in ("auto", "direct", "tree")}
    np.testing.assert_array_equal(ways["auto"], ways["direct"])
    assert np.abs(ways["tree"] - ways["direct"]).max() > 0
    monkeypatch.setattr(gravity, "DIRECT_LIMIT", 999)
    np.testing.assert_array_equal(wls.Gravity().force(positions, weights), ways["tree"])
    line = positions[:, :1]  # where pulls nearly cancel, and errors of the tree do not
    np.testing.assert_array_equal(wls.Gravity().force(line, weights), wls.Gravity(method="direct").force(line, weights))
    positions, weights = a_cloud(1000, 4)
    np.testing.assert_array_equal(
        wls.Gravity().force(positions, weights), wls.Gravity(method="direct").force(positions, weights)
    )


def test_negative_strength_repels():
    positions, weights = a_cloud(50)
    attraction, repulsion = wls.Gravity(2.0), wls.Gravity(-2.0)
    np.testing.assert_array_equal(attraction.force(positions, weights), -repulsion.force(positions, weights))
    assert repulsion.energy(positions, weights) > 0


@pytest.mark.parametrize("opening", [0.0, 1.0, -0.5])
def test_opening_is_checked(opening):
    with pytest.raises(ParameterError, match="`opening`"):
        wls.Gravity(opening=opening)


# --- systems


def test_plummer_sphere_is_in_virial_equilibrium():
    for masses in (None, np.linspace(1, 5, 500)):
        cluster = wls.systems.PlummerSphere(n=500, masses=masses, softening=0.1, seed=1)
        law, stars = cluster.lagrangian, cluster.population
        assert 2 * law.kinetic_energy(stars) == pytest.approx(-law.virial(stars), rel=1e-12)
        np.testing.assert_allclose(stars.mean, 0, atol=1e-15)
        np.testing.assert_allclose(law.momentum(stars), 0, atol=1e-15)
        np.testing.assert_allclose(stars.weights, 1 / 500 if masses is None else masses / masses.sum())


def test_plummer_sphere_has_its_density_and_velocities():
    strength, radius = 2.0, 3.0
    cluster = wls.systems.PlummerSphere(n=20_000, strength=strength, radius=radius, softening=1e-3, seed=3)
    law, stars = cluster.lagrangian, cluster.population
    r, speed = np.linalg.norm(stars.positions, axis=1), np.linalg.norm(stars.velocities, axis=1)
    enclosed = (1 + (radius / r) ** 2) ** -1.5
    assert kstest(enclosed / 0.999, "uniform").pvalue > 0.05
    # the spread of velocities is that of the isotropic model at every radius, and none escapes
    depth = strength / np.sqrt(r**2 + radius**2)
    for shell in np.array_split(np.argsort(r), 5):
        assert (speed**2 / depth)[shell].mean() == pytest.approx(0.5, rel=0.03)
        x, v = stars.positions[shell], stars.velocities[shell]
        radial = (x * v).sum(-1) / r[shell]
        assert (radial**2).mean() == pytest.approx((speed[shell] ** 2).mean() / 3, rel=0.07)
    assert (speed**2 / (2 * depth)).max() < 1.01
    # the energies of the model: U = -3 pi / 32 G M^2 / a and K = -U / 2
    assert law.potential_energy(stars) == pytest.approx(-3 * np.pi / 32 * strength / radius, rel=0.02)
    assert law.kinetic_energy(stars) == pytest.approx(3 * np.pi / 64 * strength / radius, rel=0.02)


def test_plummer_sphere_conserves():
    cluster = wls.systems.PlummerSphere(n=90, softening=0.1, masses=np.linspace(1, 3, 90), seed=0)
    law = cluster.lagrangian
    begin, end = cluster.simulate([0.0, 4.0], dt=0.02)
    assert law.energy(end) == pytest.approx(law.energy(begin), rel=1e-4)
    np.testing.assert_allclose(law.momentum(end), 0, atol=1e-14)
    np.testing.assert_allclose(law.angular_momentum(end), law.angular_momentum(begin), atol=1e-14)
    assert np.abs(end.positions - begin.positions).mean() > 0.5


def test_plummer_sphere_stays_as_it_is():
    flight = wls.systems.PlummerSphere(n=2000, softening=0.1, seed=0).simulate([0.0, 4.0], dt=0.1)
    radii = [np.quantile(np.linalg.norm(stars.positions, axis=1), [0.2, 0.5, 0.8]) for stars in flight]
    np.testing.assert_allclose(radii[1], radii[0], rtol=0.06)
    assert np.abs(flight.positions[1] - flight.positions[0]).mean() > 0.5


def test_plummer_sphere_by_the_tree_conserves_to_the_accuracy_of_the_tree():
    by = {
        method: wls.systems.PlummerSphere(n=1000, method=method, opening=0.6, seed=0).simulate([0.0, 0.3], dt=0.05)
        for method in ("direct", "tree")
    }
    law = by["direct"].mechanics
    drift = [abs(law.energy(flight[1]) / law.energy(flight[0]) - 1) for flight in by.values()]
    assert max(drift) < 1e-4
    step = np.abs(by["direct"].positions[1] - by["direct"].positions[0]).max()
    assert 0 < np.abs(by["tree"].positions - by["direct"].positions).max() < 1e-2 * step


def test_masses_are_checked():
    for masses in ([1.0, 2.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0], [0.0, 1.0, 1.0], "heavy"):
        with pytest.raises(ParameterError, match="`masses`"):
            wls.systems.PlummerSphere(n=3, masses=masses)


def test_kuzmin_disc_turns_in_its_own_field():
    disc = wls.systems.KuzminDisc(n=20_000, toomre_q=0.0, softening=0.2, seed=0)
    stars = disc.population
    r = np.linalg.norm(stars.positions, axis=1)
    assert kstest((1 - (1 + r**2) ** -0.5) / 0.9, "uniform").pvalue > 0.05
    # on circular orbits the mean force balances the centrifugal one, out to the edge
    inwards = -(disc.lagrangian.acceleration(stars.positions, stars.weights) * stars.positions).sum(-1) / r
    centrifugal = (stars.velocities**2).sum(-1) / r
    for ring in np.array_split(np.argsort(r), 10):
        assert inwards[ring].mean() == pytest.approx(centrifugal[ring].mean(), rel=0.05)
    law = disc.lagrangian
    assert -2 * law.kinetic_energy(stars) / law.virial(stars) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("toomre_q", [0.5, 1.2])
def test_kuzmin_disc_of_any_spread_obeys_the_virial_theorem(toomre_q):
    disc = wls.systems.KuzminDisc(n=4000, toomre_q=toomre_q, softening=0.1, seed=0)
    law, stars = disc.lagrangian, disc.population
    assert -2 * law.kinetic_energy(stars) / law.virial(stars) == pytest.approx(1.0, abs=0.05)


def test_a_kuzmin_disc_that_is_too_hot_for_an_equilibrium_says_so():
    disc = wls.systems.KuzminDisc(n=500, toomre_q=2.5, seed=0)
    with pytest.warns(AccuracyWarning, match=r"toomre_q=2.5 .* where 6\d% of the stars are: the disc is not in equil"):
        stars = disc.population
    assert -2 * disc.lagrangian.kinetic_energy(stars) / disc.lagrangian.virial(stars) > 1.3


def test_rings_pull_as_their_points_do():
    angle = np.linspace(0, 2 * np.pi, 2000, endpoint=False)
    points = 1.3 * np.stack([np.cos(angle), np.sin(angle)], 1)
    law, weights = wls.Gravity(1.0, 0.2, method="direct"), np.r_[np.full(2000, 1 / 2000), 0.0]
    for r in (0.1, 1.2, 1.3, 5.0):
        pull = -law.force(np.concatenate([points, [[r, 0.0]]]), weights)[-1, 0]
        assert _pull_of_rings(np.array(r), np.array(1.3), 0.2) == pytest.approx(pull, rel=1e-6)


def test_kuzmin_disc_has_toomres_spread_and_stays_as_it_is():
    disc = wls.systems.KuzminDisc(n=1000, toomre_q=1.2, softening=0.2, seed=0)
    flight = disc.simulate([0.0, 12.0], dt=0.4)
    law = disc.lagrangian
    assert law.energy(flight[1]) == pytest.approx(law.energy(flight[0]), rel=5e-3)
    np.testing.assert_allclose(law.angular_momentum(flight[1]), law.angular_momentum(flight[0]), rtol=1e-12)
    radii = [np.median(np.linalg.norm(stars.positions, axis=1)) for stars in flight]
    assert radii[1] == pytest.approx(radii[0], rel=0.1)
