"""From a law written once to compiled code, and the classic laws against what is known of them."""

from __future__ import annotations

import math

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.example_mechanics import a_population
from wlmsim.errors import ParameterError
from wlmsim.functionals import FunctionalSum, laws, tracing
from wlmsim.functionals.gaussian import log_determinant
from wlmsim.functionals.tracing import compile_external, compile_radial

# --- tracing: every function that a law may use is differentiated rightly

FUNCTIONS = {
    "exp": lambda r, xp: xp.exp(-r),
    "log": lambda r, xp: xp.log(r) + xp.log1p(r),
    "sqrt": lambda r, xp: xp.sqrt(1 + r) + xp.square(r) + xp.expm1(r),
    "trigonometric": lambda r, xp: xp.sin(r) * xp.cos(r) + xp.tan(r / 2),
    "hyperbolic": lambda r, xp: xp.tanh(r) + xp.sinh(r) / xp.cosh(r),
    "inverse": lambda r, xp: xp.atan(r) + xp.asin(r / 4) + xp.acos(r / 4) + xp.asinh(r) + xp.atanh(r / 4),
    "powers": lambda r, xp: r**3 - r**-1.5 + 2.0**r,
    "abs": lambda r, xp: xp.abs(r - 1.0),
    "maximum": lambda r, xp: xp.maximum(r, 2.0 - r) * xp.minimum(r, 1.0),
    "where": lambda r, xp: xp.where(r < 1.0, r**2, 2 * r - 1),
    "sign": lambda r, xp: r * xp.sign(r - 0.7),
    "constants": lambda r, xp: xp.cos(xp.pi * r),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_pair_laws_are_differentiated(name):
    law = FUNCTIONS[name]
    r = np.array([0.2, 0.6, 0.9, 1.4, 2.3])
    compiled = compile_radial(law)
    tensor = torch.tensor(r, requires_grad=True)
    (slope,) = torch.autograd.grad(law(tensor, xp).sum(), tensor)
    np.testing.assert_allclose([compiled.value(s, compiled.parameters) for s in r], law(r, np), rtol=1e-12)
    np.testing.assert_allclose([compiled.gradient(s, compiled.parameters) for s in r], slope, rtol=1e-11, atol=1e-13)


EXTERNAL = {
    "norm": lambda x, xp: xp.sqrt((x**2).sum(-1) + 0.1),
    "sum function": lambda x, xp: xp.sum(xp.exp(-(x**2)), axis=-1),
    "by coordinate": lambda x, xp: x[..., 0] ** 2 * xp.cos(x[..., 1]) + xp.atan2(x[..., 1], x[..., 0]),
    "where": lambda x, xp: xp.where(x > 0.3, x**2, 0.6 * x - 0.09).sum(-1),
    "stack": lambda x, xp: xp.stack([x[..., 0] * x[..., 1], x[..., 1] ** 3], -1).sum(-1),
    "stack first": lambda x, xp: xp.stack([x[..., 0] * x[..., 1], x[..., 1] ** 3], 0).sum(0),
    "matrix": lambda x, xp: (x[..., :1] * x[..., 1:]).sum(-1),
    "constant": lambda x, xp: 0.0 * x[..., 0] + 2.0,
}


@pytest.mark.parametrize("name", EXTERNAL)
def test_external_laws_are_differentiated(name, rng):
    law, x = EXTERNAL[name], rng.standard_normal((5, 2))
    compiled = compile_external(law, 2)
    tensor = torch.tensor(x, requires_grad=True)
    (slope,) = torch.autograd.grad(law(tensor, xp).sum(), tensor)
    gradient = np.empty_like(x)
    for row, out in zip(x, gradient, strict=True):
        compiled.gradient(row, 0.0, compiled.parameters, out)
    np.testing.assert_allclose([compiled.value(row, 0.0, compiled.parameters) for row in x], law(x, np), rtol=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=1e-11, atol=1e-13)


def drive(x, t, xp):
    return (x * xp.cos(t)).sum(-1)


def test_laws_may_depend_on_time():
    functional = wls.External(drive)
    cloud = a_population(4)
    force = functional.force(cloud.positions, cloud.weights, 0.9)
    np.testing.assert_allclose(force, -np.cos(0.9), rtol=1e-14)
    energy = functional.energy(cloud.positions, cloud.weights, 0.9)
    assert energy == pytest.approx(np.cos(0.9) * cloud.mean.sum())
    # under torch too, whether the time is a plain number or a tensor to be differentiated
    x, w, t = (torch.tensor(a, dtype=torch.float64) for a in (cloud.positions, cloud.weights, 0.9))
    assert functional.expression(x, w, 0.9, xp).item() == pytest.approx(energy)
    t.requires_grad_()
    (rate,) = torch.autograd.grad(functional.expression(x, w, t, xp), t)
    assert rate.item() == pytest.approx(-np.sin(0.9) * cloud.mean.sum())


def test_default_arguments_of_a_law_are_no_coordinates():
    assert not tracing.takes_time(lambda x, xp, k=2.0: k * (x**2).sum(-1))
    assert tracing.takes_time(lambda x, t, xp: t * (x**2).sum(-1))


def numpy_inside(x, xp):
    return np.exp(-x).sum(-1)


def branching(r, xp):
    return r if r > 1 else r**2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: wls.External(numpy_inside), "numpy_inside failed"),
        (lambda: wls.Pairwise(branching), "branching failed"),
        (lambda: wls.External(lambda x, xp: x**2), "must give one number a point"),
        (
            lambda: wls.External(lambda x, xp: xp.erf(x).sum(-1)),
            r"xp\.erf is not among those that can be differentiated",
        ),
        (lambda: wls.Pairwise(lambda r, xp: 1 / 0), "ZeroDivisionError"),
        (
            lambda: wls.External(lambda x: x.sum(-1)),
            r"must be a function of \(x, xp\) or \(x, t, xp\).*got <lambda>\(x\)",
        ),
        (lambda: wls.External(lambda x, t, u, xp: t), r"got <lambda>\(x, t, u, xp\)"),
    ],
)
def test_a_law_that_cannot_be_differentiated_is_refused_at_once(make, message):
    with pytest.raises(ParameterError, match=message) as caught:
        make()
    assert "`law`" in str(caught.value)


def test_a_law_of_the_plane_is_refused_elsewhere():
    vortex = wls.External(laws.VortexPressure())
    with pytest.raises(ParameterError, match=r"`law` must be one for 1-D; VortexPressure\(.*is of more dimensions"):
        vortex.force(np.zeros((2, 1)), np.full(2, 0.5))


# --- sums


def test_sums_are_flat_and_checked():
    f, g, h = wls.GaussianQuantumPressure(1.0), wls.GaussianQuantumPressure(2.0), wls.GaussianQuantumPressure(3.0)
    assert ((f + g) + h).terms == (f + (g + h)).terms == FunctionalSum(f, FunctionalSum(g, h)).terms == (f, g, h)
    assert repr(f + g) == "GaussianQuantumPressure(hbar=1) + GaussianQuantumPressure(hbar=2)"
    with pytest.raises(TypeError):
        f + 1.0
    with pytest.raises(ParameterError, match="`terms` must be a Functional; got 'f'"):
        FunctionalSum(f, "f")
    with pytest.raises(ParameterError, match="`terms` must be at least one functional"):
        FunctionalSum()


# --- interactions


def test_two_particles_attract_by_the_law_and_the_weight_of_the_other():
    """With W = -G / sqrt(r^2 + eps^2), particle 1 feels w_2 G r / (r^2 + eps^2)^(3/2)."""
    plummer = wls.Pairwise(laws.Plummer(strength=2.0, softening=0.5))
    x, w = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([0.25, 0.75])
    pull = 2.0 * np.array([3.0, 4.0]) / 25.25**1.5
    np.testing.assert_allclose(plummer.force(x, w), [0.75 * pull, -0.25 * pull], rtol=1e-14)
    assert plummer.energy(x, w) == pytest.approx(-2.0 * 0.25 * 0.75 / np.sqrt(25.25))


def test_coincident_particles_exert_no_force_on_each_other():
    morse = wls.Pairwise(laws.Morse())
    x, w = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]]), np.full(3, 1 / 3)
    force = morse.force(x, w)
    assert np.isfinite(force).all()
    np.testing.assert_array_equal(force[0], force[1])
    np.testing.assert_allclose(force[2], -2 * force[0], rtol=1e-13)


def test_a_lone_particle_does_not_interact_with_itself():
    morse = wls.Pairwise(laws.Morse())
    assert morse.energy(np.zeros((1, 2)), np.ones(1)) == 0
    np.testing.assert_array_equal(morse.force(np.zeros((1, 2)), np.ones(1)), [[0.0, 0.0]])


def test_large_clouds_are_summed_like_small_ones():
    """Past the size at which more than one thread works."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((150, 2)), rng.uniform(1, 2, 150) / 225
    separations = x[:, None] - x[None]
    r = np.sqrt((separations**2).sum(-1) + np.eye(150))
    slope = -2.0 * np.exp(-r / 0.5) * 1.5 / 1.0 + np.exp(-r)
    expected = -((w * slope / r * (1 - np.eye(150)))[..., None] * separations).sum(1)
    np.testing.assert_allclose(wls.Pairwise(laws.Morse(1.5, 0.5)).force(x, w), expected, rtol=1e-11, atol=1e-14)


# --- quantum pressure


def test_quantum_pressure_is_the_fisher_information_of_a_gaussian():
    """hbar^2 / 8 tr C^-1, and the force is Bohm's: hbar^2 / 4 C^-2 (x - mean)."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((50, 2)) @ [[1.0, 0.4], [0.0, 0.6]]
    w = rng.uniform(1, 2, 50)
    w /= w.sum()
    precision = np.linalg.inv(np.cov(x.T, aweights=w, bias=True))
    pressure = wls.GaussianQuantumPressure(hbar=0.7)
    assert pressure.energy(x, w) == pytest.approx(0.49 / 8 * np.trace(precision))
    np.testing.assert_allclose(pressure.force(x, w), 0.49 / 4 * (x - w @ x) @ precision @ precision, rtol=1e-10)


def test_quantum_pressure_needs_a_cloud_that_spreads():
    with pytest.raises(ParameterError, match=r"`positions` must spread in all 2 directions.*3 points"):
        wls.GaussianQuantumPressure().force(np.zeros((3, 2)), np.full(3, 1 / 3))


# --- the classic laws


def test_harmonic_is_the_well_of_an_oscillator():
    x = np.array([[1.0, 2.0], [0.5, -1.0]])
    np.testing.assert_allclose(laws.Harmonic(3.0)(x, np), [7.5, 1.875])
    np.testing.assert_allclose(laws.Harmonic((1.0, 4.0))(x, np), [8.5, 2.125])
    assert laws.Harmonic([1, 4]) == laws.Harmonic((1.0, 4.0))
    with pytest.raises(ParameterError, match="`stiffness`"):
        laws.Harmonic((1.0, -4.0))
    well = wls.External(laws.Harmonic((1.0, 2.0, 3.0, 4.0)))
    np.testing.assert_allclose(well.force(np.ones((1, 4)), np.ones(1)), [[-1.0, -2.0, -3.0, -4.0]])
    with pytest.raises(ParameterError, match="`stiffness` must be one number or one for each of the 2 axes; got 4"):
        well.force(np.ones((1, 2)), np.ones(1))


def test_wall_pushes_back_from_beyond_it_only():
    wall = wls.External(laws.Wall(half_width=2.0, strength=0.3))
    x = np.array([[1.9, -1.9], [2.5, 0.0], [-3.0, 7.0]])
    np.testing.assert_allclose(wall.force(x, np.full(3, 1 / 3)), [[0, 0], [-0.3, 0], [0.3, -0.3]], atol=1e-15)


def test_vortex_pressure_is_in_cyclostrophic_balance():
    """dV/dr = u_theta^2 / r with u_theta = r Omega(r), and Omega(0) is the rotation."""
    vortex = laws.VortexPressure(rotation=-1.3, core=0.8)
    r, h = np.array([0.1, 0.5, 0.8, 2.0]), 1e-6

    def at(radius):
        return vortex(np.stack([radius, 0 * radius], -1), np)

    slope = (at(r + h) - at(r - h)) / (2 * h)
    np.testing.assert_allclose(slope, r * vortex.angular_velocity(r**2) ** 2, rtol=1e-8)
    assert vortex.angular_velocity(0.0) == -1.3
    speed = np.abs(r * vortex.angular_velocity(r**2))
    assert speed.argmax() == 2  # a Kaufmann vortex is fastest at its core radius


def test_morse_has_its_minimum_where_theory_says():
    """W' = 0 at r = log(c / l) / (1 / l - 1)."""
    compiled = compile_radial(laws.Morse(1.5, 0.5))
    minimum = math.log(1.5 / 0.5) / (1 / 0.5 - 1)
    assert compiled.gradient(minimum, compiled.parameters) == pytest.approx(0, abs=1e-15)
    assert compiled.value(minimum, compiled.parameters) < compiled.value(minimum + 0.1, compiled.parameters) < 0
    assert compiled.value(minimum - 0.1, compiled.parameters) > compiled.value(minimum, compiled.parameters)


def test_plummer_is_newtons_law_far_away():
    compiled = compile_radial(laws.Plummer(3.0, 0.01))
    assert compiled.gradient(50.0, compiled.parameters) == pytest.approx(3.0 / 50.0**2, rel=1e-6)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_log_determinant_is_that_of_linear_algebra(dim, rng):
    factor = rng.standard_normal((dim, dim))
    covariance = factor @ factor.T + np.eye(dim)
    expected = np.linalg.slogdet(covariance)[1]
    assert log_determinant(covariance, np) == pytest.approx(expected, rel=1e-12)
    tensor = torch.tensor(covariance, requires_grad=True)
    log_determinant(tensor, torch).backward()
    np.testing.assert_allclose(tensor.grad, np.linalg.inv(covariance), rtol=1e-10, atol=1e-12)


def test_terms_of_a_list_are_summed():
    terms = [wls.External(wls.laws.Harmonic(1.0)), wls.Gravity(2.0)]
    assert repr(sum(terms)) == repr(terms[0] + terms[1])
    assert sum([wls.Friction(1.0), wls.Friction(0.5)]).friction == 1.5
    with pytest.raises(TypeError):
        1 + terms[0]
