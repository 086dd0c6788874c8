"""Functionals of the smoothed density, many interacting worlds and mean fields, against closed forms."""

from __future__ import annotations

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

import wlmsim as wls
from tests.example_mechanics import a_population, fitted_order
from wlmsim.errors import ParameterError
from wlmsim.functionals import kernel_density, score, silverman
from wlmsim.systems.quantum.base import ground_state_of_worlds, lattice


def weighted_lattice(spacing: float, sigma: float = 1.0, dim: int = 1, reach: float = 6.0):
    """A regular lattice weighted by a centred Gaussian: sums over it are integrals, to rounding."""
    axis = np.arange(-reach * sigma, reach * sigma, spacing) + 0.3 * spacing
    x = np.stack(np.meshgrid(*[axis] * dim, indexing="ij"), -1).reshape(-1, dim)
    w = np.exp(-0.5 * (x**2).sum(-1) / sigma**2)
    return x, w / w.sum()


# --- the compiled sums


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["Entropy", "QuantumPressure"])
def test_many_tiles_agree_with_autograd(kind, dim):
    """Clusters of unequal weight, most of them out of each other's reach, in several tiles."""
    rng = np.random.default_rng(dim)
    x = np.concatenate([0.7 / np.sqrt(dim) * rng.standard_normal((130, dim)) + 6 * k for k in range(3)])
    w = rng.uniform(0.5, 2, 390) * np.repeat([1.0, 1e-3, 1e-9], 130)
    w /= w.sum()
    functional = getattr(wls, kind)(0.7, 0.25)
    tensor = torch.tensor(x, requires_grad=True)
    energy = functional.expression(tensor, torch.tensor(w), 0.0, xp)
    (gradient,) = torch.autograd.grad(energy, tensor)
    assert functional.energy(x, w) == pytest.approx(energy.item(), rel=1e-12)
    expected = -gradient.numpy() / w[:, None]
    np.testing.assert_allclose(functional.force(x, w), expected, rtol=1e-8, atol=1e-11 * np.abs(expected).max())


def test_density_and_score_anywhere():
    """At particles, at other points, in many tiles and against plain sums."""
    rng = np.random.default_rng(0)
    x, at, w = rng.standard_normal((300, 2)), 3 * rng.standard_normal((200, 2)), rng.uniform(0, 1, 300)
    w[:5] = 0
    z = x[None] - at[:, None]
    kernel = w / w.sum() * np.exp(-(z**2).sum(-1) / (2 * 0.3**2))
    np.testing.assert_allclose(
        kernel_density(x, w, bandwidth=0.3, at=at), kernel.sum(1) / (2 * np.pi * 0.3**2), rtol=1e-10, atol=1e-300
    )
    expected = (kernel[..., None] * z).sum(1) / kernel.sum(1)[:, None] / 0.3**2
    np.testing.assert_allclose(score(x, w, bandwidth=0.3, at=at), expected, rtol=1e-9)
    np.testing.assert_allclose(score(x, w, bandwidth=0.3), score(x, w, bandwidth=0.3, at=x), rtol=1e-10, atol=1e-12)


def test_density_integrates_to_one_and_the_score_is_its_logarithmic_slope():
    x = a_population(9, 1).positions
    assert quad(lambda y: kernel_density(x, bandwidth=0.4, at=[[y]])[0], -8, 8, limit=200)[0] == pytest.approx(1)
    at, h = np.linspace(-4, 4, 9)[:, None], 1e-5
    logs = [np.log(kernel_density(x, bandwidth=0.4, at=at + s)) for s in (-h, h)]
    np.testing.assert_allclose(score(x, bandwidth=0.4, at=at)[:, 0], (logs[1] - logs[0]) / (2 * h), rtol=1e-7)


def test_score_of_a_gaussian():
    """Smoothed, its variance is sigma^2 + h^2."""
    x, w = weighted_lattice(0.2, sigma=1.3, dim=2)
    at = np.array([[0.0, 0.0], [1.0, -2.0], [3.0, 3.0]])
    np.testing.assert_allclose(score(x, w, bandwidth=0.5, at=at), -at / (1.3**2 + 0.5**2), rtol=1e-5, atol=1e-9)


def test_far_from_all_particles_the_score_points_at_the_nearest():
    x = np.array([[0.0, 0.0], [3.0, 0.0], [2.9, 0.0]])
    far = np.array([[100.0, 50.0]])
    found = score(x, [0.5, 0.5, 0.0], bandwidth=0.1, at=far)
    np.testing.assert_allclose(found, (x[1] - far) / 0.1**2, rtol=1e-12)
    assert kernel_density(x, bandwidth=0.1, at=far)[0] == 0


def test_silverman_is_the_rule_of_the_book():
    """sigma (4 / 3n)^(1/5) on a line, for n effective particles."""
    x = np.random.default_rng(0).standard_normal((4000, 1)) * 2
    assert silverman(x) == pytest.approx(x.std() * (4 / (3 * 4000)) ** 0.2)
    assert silverman(np.repeat(x, 2, 0), np.tile([1.0, 0.0], 4000)) == pytest.approx(silverman(x))
    with pytest.raises(ParameterError, match="`positions` must spread"):
        silverman(np.ones((3, 2)))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"bandwidth": 0.0}, "bandwidth"),
        ({"bandwidth": 1.0, "at": [[0.0]]}, "at"),
        ({"bandwidth": 1.0, "weights": [1.0]}, "weights"),
        ({"bandwidth": 1.0, "at": [[np.nan, 0.0]]}, "at"),
    ],
)
def test_density_and_score_check_their_arguments(arguments, name):
    for function in (kernel_density, score):
        with pytest.raises(ParameterError, match=f"`{name}`"):
            function(np.zeros((3, 2)), **arguments)


def test_a_particle_without_weight_out_of_reach_is_refused():
    x, w = np.array([[0.0], [0.1], [50.0]]), np.array([0.5, 0.5, 0.0])
    for functional in (wls.Entropy(1.0, 0.2), wls.QuantumPressure(1.0, 0.2)):
        for evaluate in (functional.energy, functional.force):
            with pytest.raises(ParameterError, match=r"`bandwidth` must reach.*1 particles of weight 0"):
                evaluate(x, w)
        assert np.isfinite(functional.force(x, np.array([0.5, 0.49, 0.01]))).all()


# --- entropy


def test_entropy_of_a_gaussian():
    """T integral of rho log rho_h is -T (log(2 pi s^2) + sigma^2 / s^2) d / 2, with s^2 = sigma^2 + h^2."""
    for dim in (1, 2):
        x, w = weighted_lattice(0.25, dim=dim)
        s2 = 1 + 0.4**2
        expected = -0.7 * dim / 2 * (np.log(2 * np.pi * s2) + 1 / s2)
        assert wls.Entropy(0.7, 0.4).energy(x, w) == pytest.approx(expected, rel=1e-6)


def test_entropy_converges_with_the_square_of_the_bandwidth():
    h = np.array([0.4, 0.2, 0.1])
    x, w = weighted_lattice(0.05)
    error = [abs(wls.Entropy(1.0, k).energy(x, w) + 0.5 * np.log(2 * np.pi * np.e)) for k in h]
    # log(1 + h^2) + 1 / (1 + h^2) - 1 begins at fourth order: the mean of log rho_h is stationary at the density
    assert fitted_order(h, error) == pytest.approx(4, abs=0.2)
    centre = np.abs(x[:, 0]) < 2
    error = [np.abs(wls.Entropy(1.0, k).force(x, w) - x)[centre].max() for k in h]
    assert fitted_order(h, error) > 2


def test_the_gradient_flow_of_entropy_is_diffusion():
    """The variance grows by 2 T t."""
    x, w = weighted_lattice(0.25, sigma=0.8, reach=4.5)
    heat = wls.GradientFlow(wls.Entropy(0.5, 0.3))
    path = wls.simulate(heat, wls.Population(x, weights=w), [0.0, 0.3, 0.6], dt=0.01)
    variance = np.array([frame.weights @ frame.positions[:, 0] ** 2 for frame in path])
    np.testing.assert_allclose(np.diff(variance), 2 * 0.5 * 0.3, rtol=0.02)
    assert (np.diff(path.energy()) < 0).all()


# --- quantum pressure


def test_quantum_pressure_of_a_gaussian():
    """hbar^2 / 8 (sigma^2 + 2 h^2) / (sigma^2 + h^2)^2 for each axis: below Fisher's information, at fourth order."""
    for dim in (1, 2):
        x, w = weighted_lattice(0.2, dim=dim)
        expected = 0.49 / 8 * dim * (1 + 2 * 0.4**2) / (1 + 0.4**2) ** 2
        assert wls.QuantumPressure(0.7, 0.4).energy(x, w) == pytest.approx(expected, rel=1e-5)


def test_quantum_pressure_converges_with_the_fourth_power_of_the_bandwidth():
    h = np.array([0.2, 0.15, 0.1])
    x, w = weighted_lattice(0.04)
    error = np.array([0.125 - wls.QuantumPressure(1.0, k).energy(x, w) for k in h])
    assert (error > 0).all()
    assert fitted_order(h, error) == pytest.approx(4, abs=0.2)
    centre = np.abs(x[:, 0]) < 1.5
    error = [np.abs(wls.QuantumPressure(1.0, k).force(x, w) - x / 4)[centre].max() for k in h]
    assert fitted_order(h, error) > 3


def test_quantum_pressure_is_bohms_force_where_the_density_is_no_gaussian():
    """Two merging packets: force -grad Q with Q = -(1/2) lap sqrt(rho) / sqrt(rho)."""
    x = np.linspace(-5, 5, 401)[:, None]
    rho = norm.pdf(x[:, 0], -1.2) + norm.pdf(x[:, 0], 1.2)
    root = np.sqrt(rho)
    step = x[1, 0] - x[0, 0]
    bohm = -np.gradient(-0.5 * np.gradient(np.gradient(root, step), step) / root, step)
    force = wls.QuantumPressure(1.0, 0.15).force(x, rho / rho.sum())[:, 0]
    centre = np.abs(x[:, 0]) < 2.5
    np.testing.assert_allclose(force[centre], bohm[centre], atol=0.02 * np.abs(bohm[centre]).max())


def test_a_fluid_conserves_what_it_must():
    """Energy up to the square of the step; momentum and angular momentum to rounding."""
    cloud = a_population(60, 2, seed=3)
    law = wls.Lagrangian(wls.QuantumPressure(0.5, 0.6) + wls.Entropy(0.2, 0.6))
    drifts = []
    for dt in (0.04, 0.02, 0.01):
        path = wls.simulate(law, cloud, [0.0, 0.3, 0.6], dt=dt)
        drifts.append(np.ptp(path.energy()))
        np.testing.assert_allclose(path.momentum(), np.tile(path.momentum()[0], (3, 1)), atol=1e-13)
        np.testing.assert_allclose(path.angular_momentum(), np.tile(path.angular_momentum()[0], (3, 1)), atol=1e-13)
    assert fitted_order([0.04, 0.02, 0.01], drifts) == pytest.approx(2, abs=0.2)


# --- many interacting worlds


def test_worlds_repel_as_published():
    """U = 1/N sum of hbar^2 / 8 [1 / (x_(n+1) - x_n) - 1 / (x_n - x_(n-1))]^2, whatever the order they come in."""
    x = np.array([0.3, -1.0, 2.0, 0.9, -0.2])
    ordered = np.sort(x)
    padded = np.concatenate([[-np.inf], ordered, [np.inf]])
    expected = sum((1 / (padded[k + 1] - padded[k]) - 1 / (padded[k] - padded[k - 1])) ** 2 for k in range(1, 6)) / 5
    worlds = wls.ManyInteractingWorlds(0.7)
    assert worlds.energy(x[:, None], np.full(5, 0.2)) == pytest.approx(0.49 / 8 * expected)


@pytest.mark.parametrize("n", [2, 3, 10, 101])
def test_ground_state_of_worlds(n):
    """At rest in a well of frequency 1 / 2, with variance (n - 1) / n and energy hbar omega / 2 (n - 1) / n."""
    x = ground_state_of_worlds(n)[:, None]
    worlds, w = wls.ManyInteractingWorlds(), np.full(n, 1 / n)
    assert (np.diff(x[:, 0]) > 0).all()
    np.testing.assert_allclose(worlds.force(x, w), x / 4, atol=1e-8)
    assert w @ x[:, 0] ** 2 == pytest.approx((n - 1) / n)
    assert worlds.energy(x, w) + w @ x[:, 0] ** 2 / 8 == pytest.approx(0.25 * (n - 1) / n)


def test_worlds_are_on_a_line_and_distinct():
    worlds = wls.ManyInteractingWorlds()
    with pytest.raises(ParameterError, match=r"`positions` must be on a line.*2 dimensions"):
        worlds.force(np.zeros((3, 2)), np.full(3, 1 / 3))
    with pytest.raises(ParameterError, match=r"`positions` must be distinct.*1 coincident pairs"):
        worlds.energy(np.array([[0.0], [1.0], [1.0]]), np.full(3, 1 / 3))
    with pytest.raises(ParameterError, match="1 weights of zero"):
        worlds.force(np.array([[0.0], [1.0]]), np.array([1.0, 0.0]))
    assert worlds.energy(np.zeros((1, 1)), np.ones(1)) == 0


# --- mean field


def first_of(x, xp):
    return x[..., 0]


def square_of_first(x, xp):
    return x[..., 0] ** 2


def spread(m, xp):
    return m[1] - m[0] ** 2


def test_a_mean_field_of_the_variance_is_a_well_around_the_mean():
    cloud = a_population(40, 1)
    variance = wls.MeanField([first_of, square_of_first], spread)
    away = cloud.positions - cloud.mean
    assert variance.energy(cloud.positions, cloud.weights) == pytest.approx(cloud.weights @ away[:, 0] ** 2)
    np.testing.assert_allclose(variance.force(cloud.positions, cloud.weights), -2 * away, atol=1e-14)
    assert repr(variance) == "MeanField([first_of, square_of_first], spread)"
    assert variance.latex == r"F\left(\mathbb{E}[\phi_{1}], \mathbb{E}[\phi_{2}]\right)"


def driven(x, t, xp):
    return t * x[..., 0]


def test_features_may_depend_on_time():
    rotor = wls.MeanField([driven], lambda m, xp: xp.exp(m[0]))
    x, w = np.array([[1.0], [3.0]]), np.full(2, 0.5)
    assert rotor.energy(x, w, 0.5) == pytest.approx(np.exp(1.0))
    np.testing.assert_allclose(rotor.force(x, w, 0.5), -0.5 * np.exp(1.0))


@pytest.mark.parametrize(
    ("features", "outer", "message"),
    [
        ([], spread, "`features` must be a list of functions"),
        (first_of, spread, "`features` must be a list of functions"),
        ([first_of, 3.0], spread, "`features` must be a list of functions"),
        ([first_of], spread, "`outer` must be written with the functions.*IndexError"),
        ([first_of], lambda m, xp: np.exp(m[0]), "`outer` must be written with the functions"),
        ([lambda x, xp: np.exp(x[..., 0])], lambda m, xp: m[0], "`features` must be written with the functions"),
    ],
)
def test_mean_fields_check_their_functions(features, outer, message):
    with pytest.raises(ParameterError, match=message):
        wls.MeanField(features, outer)


# --- the lattice of a fluid


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_lattices_are_even(dim):
    """Neighbours keep their distance, and the moments of the cube come out."""
    n = 500
    points = lattice(n, dim, np.full(dim, 0.3))
    assert points.shape == (n, dim) and (points >= 0).all() and (points < 1).all()
    separation = np.abs(points[:, None] - points[None])
    separation = np.minimum(separation, 1 - separation)[..., :]
    distance = np.sqrt((separation**2).sum(-1)) + np.eye(n)
    assert distance.min() > 0.4 * n ** (-1 / dim)
    np.testing.assert_allclose(points.mean(0), 0.5, atol=0.02)
