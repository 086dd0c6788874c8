"""Series of polynomials and waves, and the weak form that they begin with."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.learn.functionals import LearnableFunctional, Scales
from wlmsim.learn.matching import weak_form
from wlmsim.learn.mechanics import scaled_cloud, scales_of

TIMES = np.linspace(0.0, 0.5, 6)


def a_series(dim: int, order: int = 4, waves: int = 3) -> wls.learn.SeriesPotential:
    """A prepared series in double precision, with coefficients of order one."""
    series = wls.learn.SeriesPotential(order, waves)
    torch.manual_seed(0)
    series.prepare(dim, Scales((0.0,) * dim, 1.0, 0.0, 1.0))
    series.double()
    with torch.no_grad():
        series.coefficients.normal_()
    return series


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_force_is_the_derivative_of_the_energy(dim: int) -> None:
    series, rng = a_series(dim), np.random.default_rng(0)
    x, w = torch.as_tensor(rng.normal(size=(6, dim))), torch.as_tensor(rng.uniform(0.5, 2.0, 6))
    derived = LearnableFunctional.scaled_force(series, x, w, 0.0)
    torch.testing.assert_close(series.scaled_force(x, w, 0.0), derived, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(-series.slopes(x) @ series.coefficients, derived, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dim", [1, 3])
def test_laplacian_leads_out_of_the_series_by_nothing(dim: int) -> None:
    series = a_series(dim)
    x = torch.randn(5, dim, dtype=torch.float64, requires_grad=True)
    slopes = series.slopes(x)
    traced = [
        sum(torch.autograd.grad(slopes[:, axis, j].sum(), x, retain_graph=True)[0][:, axis] for axis in range(dim))
        for j in range(slopes.shape[2])
    ]
    functions = torch.cat([torch.ones(5, 1), series.functions(x)], dim=1).detach().numpy()
    np.testing.assert_allclose(functions @ series.laplacian().T, torch.stack(traced, 1).numpy(), rtol=1e-5, atol=1e-5)


def test_functions_have_slopes_of_order_one() -> None:
    x = torch.as_tensor(np.random.default_rng(0).standard_normal((20000, 2)))
    squares = (a_series(2).slopes(x) ** 2).sum(1).mean(0)
    np.testing.assert_allclose(squares[:14], 1.0, atol=0.15)  # monomials
    assert ((squares[14:] > 0.1) & (squares[14:] < 1.0)).all()  # waves: part of their slope's square


def scaled_means(data: wls.SnapshotSeries, series: wls.learn.SeriesPotential) -> tuple[list[weak_form.Means], Scales]:
    """What the weak form takes of the data."""
    scales = scales_of(data)
    series.prepare(data.dim, scales)
    like = torch.zeros(0, dtype=torch.float64)
    return [weak_form.means_of(series, scaled_cloud(cloud, scales, like)) for cloud in data], scales


def snapshots(process: wls.systems.OrnsteinUhlenbeck, *, paired: bool) -> wls.SnapshotSeries:
    return process.simulate(TIMES).snapshots(seed=0) if paired else process.independent_snapshots(TIMES)


@pytest.mark.parametrize("paired", [True, False])
def test_coefficients_are_right_within_their_errors(paired: bool) -> None:
    """psi = k x^2 / 2: in scaled coordinates the coefficient of x^2 / 2 is k."""
    process = wls.systems.OrnsteinUhlenbeck(n=3000, dim=1, stiffness=2.0, mean=0.0, width=1.0, seed=11)
    series = wls.learn.SeriesPotential(4, 0)
    means, scales = scaled_means(snapshots(process, paired=paired), series)
    estimate = weak_form.weak_form(series, [means], process.sigma * scales.duration**0.5 / scales.length)
    stiffness, error = estimate.means[1] / scales.duration, estimate.covariance[1, 1] ** 0.5 / scales.duration
    assert 0.005 < error < 0.15
    assert abs(stiffness - 2.0) < 3.5 * error + 0.05


@pytest.mark.parametrize("paired", [True, False])
def test_evidence_tells_whether_marginals_show_the_same_particles(paired: bool) -> None:
    process = wls.systems.OrnsteinUhlenbeck(n=1000, dim=2, seed=12)
    series = wls.learn.SeriesPotential(2, 0)
    means, scales = scaled_means(snapshots(process, paired=paired), series)
    sigma = process.sigma * scales.duration**0.5 / scales.length
    diffusion = weak_form._semigroup(0.5 * sigma**2 * np.vstack([np.zeros(6), series.laplacian()]))
    same, others = (
        weak_form._sparse_regression(error(means, diffusion, sigma), np.arange(5)).evidence
        for error in (weak_form._of_the_same_particles, weak_form._of_independent_samples)
    )
    assert (same > others) == paired
    assert abs(same - others) > 3


def fitted(data: wls.SnapshotSeries, potential: wls.learn.SeriesPotential, **settings) -> wls.learn.WLM:
    """A gradient flow, hardly trained: the weak form decides."""
    given = {"friction": math.inf, "noise": 1.0, "loss": "sliced", "steps": 1, "members": 1, "dt": 0.01, **settings}
    return wlm(potential, progress=False, **given).fit(data)


@pytest.mark.parametrize(("landscape", "waves", "largest"), [("bohachevsky", True, 0.45), ("wavy_plateau", False, 0.5)])
def test_waves_are_taken_where_there_are_ripples(landscape: str, waves: bool, largest: float, tmp_path) -> None:
    """The force of Bohachevsky's ripples has a root mean square of 4 there; the wavy plateau's slope is 1."""
    system = wls.systems.LangevinLandscape(landscape, n=2000, seed=13)
    data = system.independent_snapshots(system.benchmark_times[:11])
    model = fitted(data, wls.learn.SeriesPotential())
    x = data[5].positions
    w = data[5].weights
    truth, learned = (mechanics.velocity(x, w) for mechanics in (system.mechanics, model.mechanics_))
    assert np.sqrt(((learned - truth) ** 2).sum() / (truth**2).sum()) < largest
    assert bool(model.mechanics_.potential.means[14:].any()) == waves
    again = wls.learn.WLM.load(model.save(tmp_path / "landscape.model"))
    assert np.array_equal(again.mechanics_.velocity(x, w), model.mechanics_.velocity(x, w))


def test_without_noise_and_with_several_populations() -> None:
    bowl = wls.GradientFlow(wls.External(wls.laws.Harmonic((1.0, 2.0))))
    starts = [wls.Population.gaussian(n=300, dim=2, seed=seed) for seed in (14, 15)]
    paths = [wls.simulate(bowl, start, np.linspace(0, 1, 11), dt=0.01).snapshots(seed=0) for start in starts]
    data = wls.SnapshotSeries.of_several(dict(enumerate(paths)))
    model = fitted(data, wls.learn.SeriesPotential(2, 0), noise=0.0, dt=0.02)
    learned = model.mechanics_.velocity(np.eye(2), np.full(2, 0.5))
    np.testing.assert_allclose(learned, -np.diag([1.0, 2.0]), atol=0.05)


def test_elsewhere_it_begins_at_random() -> None:
    data = wls.systems.OrnsteinUhlenbeck(n=50, seed=16).independent_snapshots(TIMES)
    assert fitted(data, wls.learn.SeriesPotential(2, 0)).mechanics_.potential.means.any()
    damped = {"friction": 1.0, "noise": 0.0, "initial_velocities": "zero"}
    assert not fitted(data, wls.learn.SeriesPotential(2, 0), **damped).lagrangian_.potential.means.any()


@pytest.mark.parametrize("bad", [{"order": 0}, {"order": 1.5}, {"waves": -1}])
def test_bad_settings(bad) -> None:
    with pytest.raises(ParameterError, match=next(iter(bad))):
        wls.learn.SeriesPotential(**bad)


def test_too_many_functions() -> None:
    with pytest.raises(ParameterError, match="lower one in 30 dimensions"):
        wls.learn.SeriesPotential().prepare(30, Scales((0.0,) * 30, 1.0, 0.0, 1.0))


@pytest.mark.parametrize(
    "clouds",
    [
        [np.zeros((3, 2)), np.ones((2, 2))],  # all in one place
        [np.array([[0.0, 5.0], [1.0, 5.0]])] * 3,  # on a line, and few
        [np.random.default_rng(17).standard_cauchy((40, 2)) * scale for scale in (1.0, 10.0, 1e3)],  # far outliers
    ],
    ids=["points", "line", "outliers"],
)
def test_odd_data_do_not_break_it(clouds) -> None:
    data = wls.SnapshotSeries(np.arange(len(clouds)), clouds)
    model = fitted(data, wls.learn.SeriesPotential(waves=2), dt=0.1)
    assert np.isfinite(model.mechanics_.velocity(clouds[0], np.full(len(clouds[0]), 1 / len(clouds[0])))).all()
