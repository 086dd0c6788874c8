"""Gradient flows against exact answers: landscapes, Langevin samples, entropy, and motion without friction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import minimize

import wlmsim as wls
from tests.example_mechanics import a_population, fitted_order
from wlmsim.errors import ParameterError
from wlmsim.integrators import Leapfrog, Yoshida4
from wlmsim.systems import LangevinLandscape, OrnsteinUhlenbeck
from wlmsim.systems.gradient_flow import LANDSCAPES
from wlmsim.transport import wasserstein1

FIVE = ["bohachevsky", "poly", "styblinski_tang", "oakley_ohagan", "wavy_plateau"]


# --- landscapes


def value(law, *x: float) -> float:
    return float(law(np.array([x]), np)[0])


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("bohachevsky", (0.0, 0.0), 0.0),
        ("bohachevsky", (1.0, -0.5), 1 + 0.5 + 0.3 - 0.4 + 0.7),
        ("poly", (3.0, -4.0), 12.5),
        ("styblinski_tang", (-2.903534, -2.903534), -78.33233),
        ("styblinski_tang", (1.0, 2.0), 0.5 * (1 - 16 + 5 + 16 - 64 + 10)),
        ("oakley_ohagan", (2.0, -3.0), 2 - 3 + 4 + 9 - 6),
        ("wavy_plateau", (np.pi / 2, -0.5), 1 - np.sin(0.5)),
        ("double_well", (0.0, 2.0), 1 + 2),
        ("double_well", (-1.0, 0.0), 0.0),
    ],
)
def test_landscapes_have_the_published_values(name, x, expected):
    assert value(LANDSCAPES[name], *x) == pytest.approx(expected, abs=1e-5)


def test_oakley_ohagan_couples_neighbours_only():
    assert value(wls.laws.OakleyOHagan(), 1.0, 2.0, 5.0) == 8 + 30 + (2 + 10)
    assert value(wls.laws.OakleyOHagan(), 3.0) == 12


@pytest.mark.parametrize(
    ("x", "energy", "minimum"),
    [
        ((-0.558, 1.442), -146.700, True),
        ((0.623, 0.028), -108.167, True),
        ((-0.050, 0.467), -80.768, True),
        ((-0.822, 0.624), -40.665, False),
        ((0.212, 0.293), -72.249, False),
    ],
)
def test_mueller_brown_has_its_wells_and_saddles(x, energy, minimum):
    surface = wls.External(wls.laws.MuellerBrown())
    assert surface.energy(np.array([x]), np.ones(1)) == pytest.approx(energy, abs=0.02)
    assert np.abs(surface.force(np.array([x]), np.ones(1))).max() < 2  # curvatures are of the order of 1000
    if minimum:
        found = minimize(lambda y: surface.energy(y[None], np.ones(1)), np.add(x, 0.02), tol=1e-9)
        np.testing.assert_allclose(found.x, x, atol=6e-4)


def test_the_mixture_is_the_gibbs_law_of_its_potential():
    centers, width, temperature = [[0.3, -1.0], [1.2, 0.4], [-2.0, 0.1]], 0.6, 0.8
    law = wls.laws.GaussianMixture(width, temperature, centers)
    x = np.random.default_rng(0).uniform(-3, 3, (50, 2))
    gaussians = [np.exp(-((x - c) ** 2).sum(1) / (2 * width**2)) for c in centers]
    np.testing.assert_allclose(np.exp(-law(x, np) / temperature), np.mean(gaussians, axis=0), rtol=1e-10)


@pytest.mark.parametrize("far", [-60.0, 60.0])
def test_the_mixture_is_finite_where_its_gaussians_underflow(far):
    law = wls.laws.GaussianMixture()
    assert 0.5 * 0.5 * (far - np.sign(far)) ** 2 / 0.4**2 == pytest.approx(value(law, far, 0.0), rel=0.01)
    force = wls.External(law).force(np.array([[far, 0.0]]), np.ones(1))
    np.testing.assert_allclose(force, [[-0.5 * (far - np.sign(far)) / 0.4**2, 0.0]], atol=1e-8)


def test_the_mixture_and_the_particles_have_one_dimension():
    with pytest.raises(ParameterError, match="`centers` must be of 3 coordinates, as the particles are; got 2"):
        wls.laws.GaussianMixture()(np.zeros((4, 3)), np)


# --- the benchmark


def test_defaults_are_the_published_benchmark():
    system = LangevinLandscape(seed=0)
    assert (system.n, system.dim, system.sigma, system.width**2) == (1000, 2, 1.0, pytest.approx(0.2))
    np.testing.assert_allclose(system.benchmark_times, 0.01 * np.arange(21), atol=1e-15)
    assert list(LANDSCAPES)[:5] == FIVE
    assert system.population.positions.std() == pytest.approx(0.2**0.5, rel=0.03)


def test_paired_snapshots_are_euler_maruyama_paths():
    """x + dt u + sigma sqrt(dt) xi, with xi independent of the initial cloud and of the other steps."""
    system = LangevinLandscape("oakley_ohagan", n=4000, sigma=0.7, seed=3)
    path = system.simulate(system.benchmark_times)
    x, u = path.positions[:-1], path.velocities[:-1]
    np.testing.assert_allclose(u[:, :, 0], -(1 + 2 * x[:, :, 0] + x[:, :, 1]), rtol=1e-10, atol=1e-12)
    noise = (np.diff(path.positions, axis=0) - 0.01 * u) / (0.7 * 0.1)
    columns = np.concatenate([x[:1], noise]).transpose(0, 2, 1).reshape(42, -1)
    correlation = np.corrcoef(columns)
    assert np.abs(correlation - np.eye(42)).max() < 5 / np.sqrt(4000)
    np.testing.assert_allclose(columns[2:].std(1), 1, atol=0.05)


def test_unpaired_snapshots_are_populations_of_their_own():
    system = LangevinLandscape("wavy_plateau", n=4000, seed=1)
    times = [0.0, 0.1, 0.2]
    series = system.independent_snapshots(times)
    assert series.times.tolist() == times and series.sizes == (4000,) * 3
    assert series.velocities == [None] * 3
    assert series.metadata["system"] == "LangevinLandscape" and series.metadata["seed"] == 1
    flat = np.stack([cloud.positions.ravel() for cloud in series] + [system.population.positions.ravel()])
    assert np.abs(np.corrcoef(flat) - np.eye(4)).max() < 0.05
    assert series == LangevinLandscape("wavy_plateau", n=4000, seed=1).independent_snapshots(times)
    assert series != LangevinLandscape("wavy_plateau", n=4000, seed=2).independent_snapshots(times)


@pytest.mark.parametrize("name", FIVE)
def test_paired_and_unpaired_snapshots_have_one_law(name):
    """Mean and standard deviation at the end agree to the sampling error."""
    system = LangevinLandscape(name, n=6000, seed=5)
    paired = system.simulate(system.benchmark_times)[-1].positions
    (unpaired,) = system.independent_snapshots([0.2]).positions
    error = paired.std(0) / np.sqrt(6000)
    assert (np.abs(paired.mean(0) - unpaired.mean(0)) < 4 * np.sqrt(2) * error).all()
    np.testing.assert_allclose(paired.std(0), unpaired.std(0), rtol=0.04)


@pytest.mark.parametrize("name", ["mueller_brown", "double_well", "gaussian_mixture"])
def test_the_other_landscapes_run(name):
    path = LangevinLandscape(name, n=200, seed=0).simulate([0.0, 0.1], dt=0.001)
    assert np.abs(path.positions[1] - path.positions[0]).mean() > 0.1


def test_a_law_of_ones_own():
    system = LangevinLandscape(lambda x, xp: 2.0 * (x**2).sum(-1), n=3000, dim=1, sigma=0.8, seed=2)
    end = system.simulate([2.0], dt=0.01).positions[-1]
    assert end.var() == pytest.approx(0.64 / 8, rel=0.08)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"landscape": "flat"}, "`landscape` must be one of 'bohachevsky', 'poly'.*; got 'flat'"),
        ({"landscape": 3.0}, "`landscape` must be one of"),
        ({"landscape": "bohachevsky", "dim": 1}, "`dim` must be a dimension in which 'bohachevsky' is defined; got 1"),
        ({"landscape": "gaussian_mixture", "dim": 3}, "`centers` must be of 3 coordinates"),
        ({"sigma": -1.0}, "`sigma` must be a finite number >= 0"),
        ({"width": 0.0}, "`width` must be a finite number > 0"),
    ],
)
def test_bad_landscapes_are_refused(arguments, message):
    with pytest.raises(ParameterError, match=message):
        LangevinLandscape(**arguments)


# --- equilibria


def test_a_double_well_settles_at_its_gibbs_law():
    system = LangevinLandscape("double_well", n=4000, dim=1, sigma=1.0, width=1.0, seed=0)
    end = system.simulate(np.arange(4.0, 8.1, 1.0), dt=0.01).positions
    law = LANDSCAPES["double_well"]
    total, square = (quad(lambda x, p=p: x**p * np.exp(-2 * value(law, x)), -4, 4)[0] for p in (0, 2))
    assert (end**2).mean() == pytest.approx(square / total, rel=0.02)


def test_a_mixture_settles_at_its_gaussians():
    """Started from the middle, particles share among the four and have their width."""
    system = LangevinLandscape("gaussian_mixture", n=4000, seed=0)
    end = system.simulate([3.0], dt=0.01).positions[-1]
    np.testing.assert_allclose(end.var(0), 1 + 0.4**2, rtol=0.06)
    np.testing.assert_allclose([((end > 0) == corner).all(1).mean() for corner in np.ndindex(2, 2)], 0.25, atol=0.04)


# --- the Ornstein-Uhlenbeck process


@pytest.fixture(scope="module")
def process() -> OrnsteinUhlenbeck:
    return OrnsteinUhlenbeck(n=20_000, stiffness=(0.7, 2.0), sigma=0.9, mean=(1.0, -2.0), width=0.6, seed=7)


def test_simulated_moments_are_the_exact_ones(process):
    """In one step from record to record."""
    times = [0.0, 0.3, 1.0, 8.0]
    path = process.simulate(times)
    means, covariances = process.exact_moments(times)
    for cloud, mean, covariance in zip(path.positions, means, covariances, strict=True):
        np.testing.assert_allclose(cloud.mean(0), mean, atol=4 * np.sqrt(covariance.max() / process.n))
        np.testing.assert_allclose(np.cov(cloud.T), covariance, atol=6 * covariance.max() / np.sqrt(process.n))
    again = process.independent_snapshots(times).positions[2]
    np.testing.assert_allclose(np.cov(again.T), covariances[2], atol=6 * covariances[2].max() / np.sqrt(process.n))


def test_exact_moments_solve_their_equations(process):
    """dm/dt = -k m, dC/dt = -k C - C k + sigma^2, from the stated start to the stationary law."""
    h = 1e-5
    means, covariances = process.exact_moments([0.0, 0.5 - h, 0.5, 0.5 + h, 50.0])
    k = np.diag(process.stiffness)
    np.testing.assert_allclose(means[0], [1.0, -2.0])
    np.testing.assert_allclose(covariances[0], 0.36 * np.eye(2))
    np.testing.assert_allclose((means[3] - means[1]) / (2 * h), -k @ means[2], rtol=1e-8)
    slope = -k @ covariances[2] - covariances[2] @ k + 0.81 * np.eye(2)
    np.testing.assert_allclose((covariances[3] - covariances[1]) / (2 * h), slope, atol=1e-8)
    np.testing.assert_allclose(covariances[4], process.stationary_covariance, atol=1e-14)
    np.testing.assert_allclose(process.stationary_covariance, np.diag([0.81 / 1.4, 0.81 / 4.0]))


def test_euler_maruyama_errs_by_the_known_share(process):
    """Its stationary variance is sigma^2 / (2 k - k^2 dt), first order in the step."""
    dt = 0.4
    end = process.simulate([20.0], dt=dt, integrator=wls.EulerMaruyama(0.9, seed=1)).positions[-1]
    k = process.stiffness
    np.testing.assert_allclose(end.var(0), 0.81 / (2 * k - k**2 * dt), rtol=0.04)


def test_heun_errs_by_the_known_share(process):
    """Its stationary variance, by a map x -> (1 - z + z^2/2) x + (1 - z/2) sigma dW with z = k dt."""
    dt = 0.625
    end = process.simulate([20.0], dt=dt, integrator=wls.StochasticHeun(0.9, seed=1)).positions[-1]
    z = process.stiffness * dt
    expected = 0.81 * (z / process.stiffness) * (1 - z / 2) ** 2 / (1 - (1 - z + z**2 / 2) ** 2)
    np.testing.assert_allclose(end.var(0), expected, rtol=0.04)


# --- the flow of the free energy, without noise


@given(seed=st.integers(0, 1000), sigma=st.floats(0.2, 1.5), weighted=st.booleans())
def test_gaussian_entropy_moves_moments_exactly(seed, sigma, weighted):
    """In a harmonic well, mean and covariance of any cloud follow the Ornstein-Uhlenbeck process."""
    stiffness, cloud = np.array([0.7, 2.0]), a_population(6, 2, seed=seed, weighted=weighted)
    flow = wls.GradientFlow(
        wls.External(wls.laws.Harmonic(tuple(stiffness))) + wls.GaussianEntropy(temperature=sigma**2 / 2)
    )
    end = wls.simulate(flow, cloud, [0.5], dt=0.005).positions[0]
    decay = np.exp(-0.5 * stiffness)
    np.testing.assert_allclose(cloud.weights @ end, decay * cloud.mean, atol=1e-7)

    def covariance(x: np.ndarray) -> np.ndarray:
        y = x - cloud.weights @ x
        return y.T @ (cloud.weights[:, None] * y)

    expected = decay[:, None] * covariance(cloud.positions) * decay + np.diag(
        sigma**2 * (1 - decay**2) / (2 * stiffness)
    )
    np.testing.assert_allclose(covariance(end), expected, atol=1e-6)


def entropic_flow(law, cloud: wls.Population, sigma: float, share: float = 0.5) -> wls.GradientFlow:
    bandwidth = share * wls.functionals.silverman(cloud.positions)
    return wls.GradientFlow(wls.External(law) + wls.Entropy(temperature=sigma**2 / 2, bandwidth=bandwidth))


@pytest.mark.parametrize("name", ["bohachevsky", "wavy_plateau"])
def test_the_entropic_flow_follows_the_langevin_marginals(name):
    """Without noise, and no further from a sample of the process than another sample from the same start is."""
    system = LangevinLandscape(name, n=500, seed=0)
    sample, other = (
        system.simulate([0.2], dt=0.002, integrator=wls.EulerMaruyama(1.0, seed=seed)).positions[0] for seed in (1, 2)
    )
    flow = entropic_flow(system.law, system.population, 1.0)
    end = wls.simulate(flow, system.population, [0.2], dt=0.02).positions[0]
    assert wasserstein1(end, sample) < wasserstein1(other, sample)
    still = wls.simulate(wls.GradientFlow(wls.External(system.law)), system.population, [0.2], dt=0.01).positions[0]
    assert wasserstein1(end, sample) < 0.6 * wasserstein1(still, sample)  # the entropy makes the difference


def test_the_entropic_flow_has_the_exact_moments(process):
    cloud = wls.Population(process.population.positions[:400])
    end = wls.simulate(entropic_flow(process.law, cloud, 0.9), cloud, [0.5], dt=0.05).positions[0]
    decay = np.exp(-0.5 * process.stiffness)
    np.testing.assert_allclose(end.mean(0), decay * cloud.mean, atol=1e-5)
    expected = decay**2 * cloud.positions.var(0) + process.stationary_covariance.diagonal() * (1 - decay**2)
    np.testing.assert_allclose(end.var(0), expected, rtol=0.06)


def test_the_entropic_flow_lowers_its_free_energy():
    """At the rate of the integral of |u|^2 rho."""
    cloud = a_population(60, 2)
    flow = entropic_flow(wls.laws.DoubleWell(), cloud, 1.0, share=1.0)
    path = wls.simulate(flow, cloud, np.linspace(0.05, 0.25, 41), dt=0.0025)
    loss = -np.gradient(path.energy(), path.times, edge_order=2)
    rate = ((path.velocities**2).sum(-1) * cloud.weights).sum(-1)
    np.testing.assert_allclose(loss[1:-1], rate[1:-1], rtol=0.01)
    assert (np.diff(path.energy()) < 0).all()


# --- the same curve without friction


def moving(flow: wls.GradientFlow, cloud: wls.Population) -> wls.Population:
    return cloud.with_velocities(flow.velocity(cloud.positions, cloud.weights))


REPRESENTED = {name: wls.External(LANDSCAPES[name]) for name in [*FIVE, "double_well", "gaussian_mixture"]} | {
    "two terms": wls.External(wls.laws.DoubleWell()) + wls.External(wls.laws.WavyPlateau()),
    "gaussian entropy": wls.External(wls.laws.Harmonic((0.7, 2.0))) + wls.GaussianEntropy(0.4),
    "entropy alone": wls.GaussianEntropy(0.4),
}


@pytest.mark.parametrize("name", ["bohachevsky", "two terms", "gaussian entropy", "entropy alone"])
@pytest.mark.parametrize("integrator", [Leapfrog(), Yoshida4()], ids=repr)
def test_a_gradient_flow_is_a_motion_without_friction(name, integrator):
    """gamma = 0, started with the flow's velocities: the curves differ by the scheme's power of the step."""
    functional = REPRESENTED[name]
    flow, cloud = wls.GradientFlow(functional), wls.Population(0.5 * a_population(8, 2).positions)
    until = 0.05 if name == "bohachevsky" else 0.3  # where the flow contracts fast, the motion's errors grow fast
    exact = wls.simulate(flow, cloud, [until], integrator=wls.DormandPrince(1e-12))
    law = wls.Lagrangian(wls.SlopePotential(functional))
    steps = until / np.array([32, 64, 128, 256])
    ends = [wls.simulate(law, moving(flow, cloud), [until], dt=dt, integrator=integrator) for dt in steps]
    errors = [np.abs(end.positions - exact.positions).max() for end in ends]
    assert np.abs(exact.positions - cloud.positions).max() > 0.05
    assert fitted_order(steps, errors) == pytest.approx(integrator.order, abs=0.1)
    errors = [np.abs(end.velocities - exact.velocities).max() for end in ends]
    assert fitted_order(steps, errors) == pytest.approx(integrator.order, abs=0.1)


@pytest.mark.parametrize("name", REPRESENTED)
def test_the_slope_potential_is_minus_half_the_squared_slope(name):
    """So that K + U = 0 on the curve. With the closed entropy that is an identity for harmonic wells."""
    functional = REPRESENTED[name]
    flow, cloud = wls.GradientFlow(functional), a_population(7, 2, weighted=False)
    law = wls.Lagrangian(wls.SlopePotential(functional))
    kinetic = law.kinetic_energy(moving(flow, cloud))
    assert law.potential_energy(cloud) == pytest.approx(-kinetic, rel=1e-10)
    assert kinetic > 0.1


def test_the_slope_potential_of_entropy_in_any_well():
    """Of a Gaussian cloud -1/2 integral |grad V + T grad log rho|^2 rho, by quadrature."""
    law, temperature, width = wls.laws.StyblinskiTang(), 0.3, 0.7
    nodes, shares = np.polynomial.hermite_e.hermegauss(40)
    x = width * nodes[:, None]
    drift = 2 * x**3 - 16 * x + 2.5 - temperature * x / width**2
    expected = -0.5 * shares @ drift[:, 0] ** 2 / shares.sum()
    functional = wls.SlopePotential(wls.External(law) + wls.GaussianEntropy(temperature))
    assert functional.energy(x, shares / shares.sum()) == pytest.approx(expected, rel=1e-10)


def test_slopes_of_other_functionals_are_refused():
    for functional in (
        wls.Pairwise(wls.laws.Morse()),
        wls.External(wls.laws.DoubleWell()) + wls.Entropy(0.5, 0.1),
        wls.External(lambda x, t, xp: t * (x**2).sum(-1)),
    ):
        with pytest.raises(ParameterError, match="`functional` must be a sum of External, constant in time, and Gauss"):
            wls.SlopePotential(functional)
    with pytest.raises(ParameterError, match="`functional` must be a Functional"):
        wls.SlopePotential(wls.laws.DoubleWell())
    with pytest.raises(ParameterError, match="singular covariance"):
        wls.GaussianEntropy().force(np.zeros((3, 2)), np.full(3, 1 / 3))


@pytest.mark.parametrize(
    "system",
    [
        wls.systems.OrnsteinUhlenbeck(n=400, stiffness=1e-6, seed=0),
        wls.systems.LangevinLandscape("wavy_plateau", n=400, width=0.1, seed=0),
    ],
    ids=["exact", "Euler-Maruyama"],
)
def test_noise_goes_on_where_a_run_is_continued(system):
    """Displacements in two halves of a run are independent, also where the second is begun from the first's end."""
    first = system.simulate([0.0, 0.1], dt=0.01)
    second = system.simulate([0.2], start=first[-1], dt=0.01)
    before, after = (x.ravel() for x in (np.diff(first.positions, axis=0)[0], second.positions[0] - first.positions[1]))
    assert abs(np.corrcoef(before, after)[0, 1]) < 0.12  # 3.4 standard errors of 800 pairs; with the same noise 1
    assert system.simulate([0.2], start=first[-1], dt=0.01) == second  # one seed, one run
    assert system.simulate([0.0, 0.1], start=system.population, dt=0.01) == first
    other = system.simulate([0.1], start=wls.Population(first.positions[0] + 1e-9), dt=0.01)
    moved = (other.positions[0] - first.positions[0]).ravel()
    assert abs(np.corrcoef(before, moved)[0, 1]) < 0.12
