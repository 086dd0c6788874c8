"""Flows of the plane: point vortices, stream functions, and what drifts in them, against exact answers."""

from __future__ import annotations

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.special import ellipk

import wlmsim as wls
from tests.example_mechanics import fitted_order
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.functionals import laws


def vortices(n: int, *, seed: int = 0) -> tuple[wls.Population, np.ndarray]:
    """Scattered vortices of both signs."""
    rng = np.random.default_rng(seed)
    return wls.Population(rng.standard_normal((n, 2))), rng.normal(0.3, 1.0, n)


def drift(values: np.ndarray) -> float:
    """Largest departure from the first value."""
    return float(np.abs(values - values[0]).max())


# --- the law of point vortices


@pytest.mark.parametrize("core", [0.0, 0.3])
@pytest.mark.parametrize("n", [1, 2, 7, 130])
def test_velocities_are_hamiltons_equations(n, core):
    """The typed sum is the derivative of the energy, which is that of the law between all pairs."""
    cloud, circulations = vortices(n)
    flow, law = wls.VortexFlow(circulations, core), laws.PointVortex(core)
    x = torch.tensor(cloud.positions, requires_grad=True)
    i, j = np.triu_indices(n, 1)
    gamma = torch.tensor(circulations)
    energy = (gamma[i] * gamma[j] * law((x[i] - x[j]).norm(dim=-1), xp)).sum()
    assert flow.energy(cloud) == pytest.approx(energy.item(), rel=1e-13)
    (slope,) = torch.autograd.grad(energy, x)
    expected = np.stack([slope[:, 1], -slope[:, 0]], 1) / circulations[:, None]
    velocity = flow.velocity(cloud.positions, cloud.weights)
    np.testing.assert_allclose(velocity, expected, rtol=1e-11, atol=1e-12)


@given(seed=st.integers(0, 1000), core=st.sampled_from([0.0, 0.5]))
@settings(max_examples=30)
def test_velocities_conserve(seed, core):
    """Energy and impulses have no rate of change; moving or turning the plane moves or turns the velocities."""
    cloud, circulations = vortices(9, seed=seed)
    x, flow = cloud.positions, wls.VortexFlow(circulations, core)
    u = flow.velocity(x, cloud.weights)
    scale = np.abs(circulations).sum() * np.abs(u).max()
    np.testing.assert_allclose(circulations @ u, 0, atol=1e-13 * scale)
    assert circulations @ (x * u).sum(-1) == pytest.approx(0, abs=1e-13 * scale * np.abs(x).max())
    c, s = np.cos(seed), np.sin(seed)
    turn = np.array([[c, -s], [s, c]])
    moved = flow.velocity(x @ turn.T + [3.0, -2.0], cloud.weights)
    np.testing.assert_allclose(moved, u @ turn.T, rtol=1e-9, atol=1e-11 * np.abs(u).max())


def test_two_vortices_in_one_place_do_not_move_each_other():
    positions = np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 2.0]])
    flow = wls.VortexFlow([1.0, 2.0, 3.0])
    velocity = flow.velocity(positions, np.full(3, 1 / 3))
    np.testing.assert_allclose(velocity, [[0, 1.5 / np.pi], [0, 1.5 / np.pi], [0, -1.5 / np.pi]], rtol=1e-14)
    with pytest.raises(ParameterError, match="positive `core`"):
        flow.energy(wls.Population(positions))
    assert np.isfinite(wls.VortexFlow([1.0, 2.0, 3.0], 0.1).energy(wls.Population(positions)))
    with pytest.raises(ParameterError, match="`positions` must differ"):
        wls.systems.PointVortices(3, core=0.0, positions=positions)
    wls.systems.PointVortices(3, core=0.1, positions=positions)


def test_vortices_that_do_not_fit_are_refused():
    cloud, circulations = vortices(4)
    with pytest.raises(ParameterError, match="`circulations` must be one for each vortex; got 3 for 4"):
        wls.VortexFlow(circulations[:3]).velocity(cloud.positions, cloud.weights)
    with pytest.raises(ParameterError, match="3 dimensions"):
        wls.VortexFlow(circulations).velocity(np.zeros((4, 3)), cloud.weights)
    for bad in ([], [np.nan, 1.0], [[1.0]], "strong"):
        with pytest.raises(ParameterError, match="`circulations`"):
            wls.VortexFlow(bad)
    with pytest.raises(ParameterError, match="`circulations`"):
        wls.systems.PointVortices(3, circulations=[1.0, 2.0])
    with pytest.raises(ParameterError, match="`positions`"):
        wls.systems.PointVortices(3, positions=[[0.0, 0.0]])


# --- motions known exactly


@pytest.mark.parametrize("core", [0.0, 0.4])
def test_unequal_pair_turns_about_its_centre(core):
    strengths, distance = np.array([2.0, -0.7]), 1.3
    start = wls.Population([[0.0, 0.0], [distance, 0.0]])
    flow = wls.VortexFlow(strengths, core)
    omega = strengths.sum() / (2 * np.pi * (distance**2 + core**2))
    time = 5.0
    path = wls.simulate(flow, start, [0.0, time], dt=0.1, integrator=wls.GaussLegendre(3))
    centre = strengths @ start.positions / strengths.sum()
    c, s = np.cos(omega * time), np.sin(omega * time)
    expected = centre + (start.positions - centre) @ np.array([[c, s], [-s, c]])
    np.testing.assert_allclose(path.positions[-1], expected, atol=1e-9)


def test_opposite_pair_moves_straight_on():
    pair = wls.systems.PointVortices(2, circulations=[1.5, -1.5], positions=[[0.0, 0.4], [0.0, -0.4]], core=0.0)
    path = pair.simulate([0.0, 4.0], dt=0.1)
    speed = 1.5 / (2 * np.pi * 0.8)
    np.testing.assert_allclose(path.positions[1], [[4 * speed, 0.4], [4 * speed, -0.4]], atol=1e-12)


def test_leapfrogging_pairs_pass_through_each_other():
    """Two pairs on one axis leapfrog if their widths are less unlike than 3 + 2 sqrt 2 (Love); else they part."""

    def lead(ratio: float) -> np.ndarray:
        y = np.array([ratio, 1.0]) / (1 + ratio)
        start = wls.Population(np.stack([np.zeros(4), [y[0], y[1], -y[1], -y[0]]], 1))
        flow = wls.VortexFlow(2 * np.pi * np.array([1.0, 1.0, -1.0, -1.0]))
        path = wls.simulate(flow, start, np.linspace(0, 12, 121), dt=0.02)
        return path.positions[:, 1, 0] - path.positions[:, 0, 0]

    critical = 3 + 2 * np.sqrt(2)
    together, apart = lead(0.8 * critical), lead(1.3 * critical)
    assert np.sum(np.diff(np.sign(together[1:])) != 0) >= 2
    assert (np.diff(apart) > 0).all() and apart[-1] > 5


@pytest.mark.parametrize(("n", "core"), [(2, 0.0), (3, 0.5), (6, 0.0), (7, 0.2)])
def test_polygons_turn_rigidly(n, core):
    polygon = wls.systems.VortexPolygon(n, circulation=1.2, radius=0.8, core=core, seed=1)
    if core == 0:
        assert polygon.angular_velocity == pytest.approx(1.2 * (n - 1) / (4 * np.pi * 0.8**2))
    times = np.linspace(0, 6, 4)
    path, exact = polygon.simulate(times, dt=0.05), polygon.exact(times)
    np.testing.assert_allclose(path.positions, exact.positions, atol=1e-6)
    np.testing.assert_allclose(exact.velocities[2], polygon.mechanics.velocity(exact.positions[2], None), atol=1e-14)


def test_a_vortex_without_circulation_drifts_passively():
    """It goes round a lone vortex at Gamma / (2 pi r^2), and does not move it."""
    start = wls.Population([[0.0, 0.0], [0.5, 0.0]])
    path = wls.simulate(wls.VortexFlow([1.0, 0.0]), start, [0.0, np.pi**2 * 0.25], dt=0.02)
    np.testing.assert_allclose(path.positions[1], [[0, 0], [0, 0.5]], atol=1e-6)


# --- schemes


@pytest.mark.parametrize("stages", [1, 2, 3])
def test_gauss_legendre_conserves_the_impulses(stages):
    cloud, circulations = vortices(12)
    flow = wls.VortexFlow(circulations, 0.3)
    times = np.linspace(0, 20, 41)
    path = wls.simulate(flow, cloud, times, dt=0.1, integrator=wls.GaussLegendre(stages))
    impulse, angular = (np.array([f(frame) for frame in path]) for f in (flow.impulse, flow.angular_impulse))
    assert drift(path.positions) > 1
    assert drift(impulse) < 1e-12
    assert drift(angular) < 1e-12
    # which the explicit scheme of order 4 does not
    other = wls.simulate(flow, cloud, times, dt=0.1)
    assert drift(np.array([flow.angular_impulse(frame) for frame in other])) > 1e-9


def test_gauss_legendre_keeps_the_energy_in_bounds():
    system = wls.systems.PointVortices(3, circulations=[1.0, 1.5, -0.5], core=0.0, positions=[[1, 0], [-1, 0], [0, 2]])
    flow = system.mechanics
    path = system.simulate(np.linspace(0, 300, 1501), integrator=wls.GaussLegendre(1))
    error = np.abs(np.array([flow.energy(frame) for frame in path]) - flow.energy(path[0]))
    assert 0 < error[:300].max() < 1e-2
    assert error[-300:].max() < 1.5 * error[:300].max()


@pytest.mark.parametrize(("stages", "steps"), [(1, (20, 40, 80)), (2, (10, 20, 40)), (3, (5, 10, 20))])
def test_gauss_legendre_orders(stages, steps):
    polygon = wls.systems.VortexPolygon(3, circulation=4.0, seed=0)
    exact = polygon.exact([2.0]).positions
    errors = [
        np.abs(polygon.simulate([2.0], dt=2.0 / k, integrator=wls.GaussLegendre(stages)).positions - exact).max()
        for k in steps
    ]
    assert fitted_order(1 / np.array(steps), errors) == pytest.approx(2 * stages, abs=0.15)


def test_gauss_legendre_is_symplectic_and_symmetric():
    """The Jacobian J of a step keeps sum of Gamma dx dy, and a step back undoes it."""
    cloud, circulations = vortices(3)
    flow, scheme, dt, h = wls.VortexFlow(circulations, 0.2), wls.GaussLegendre(), 0.4, 1e-5

    def step(x: np.ndarray, dt: float = dt) -> np.ndarray:
        state = wls.integrators.State(x.reshape(3, 2), np.zeros((3, 2)), cloud.weights, 0.0)
        return scheme.step(flow, state, dt).positions.ravel()

    x = cloud.positions.ravel()
    jacobian = np.stack([(step(x + h * e) - step(x - h * e)) / (2 * h) for e in np.eye(6)], axis=1)
    omega = np.kron(np.diag(circulations), [[0, 1], [-1, 0]])
    assert np.abs(jacobian - np.eye(6)).max() > 0.1
    np.testing.assert_allclose(jacobian.T @ omega @ jacobian, omega, atol=1e-8)
    np.testing.assert_allclose(step(step(x), -dt), x, atol=1e-14)


def test_gauss_legendre_says_when_a_step_is_too_long():
    close = wls.systems.PointVortices(2, circulations=[1.0, 1.0], positions=[[0, 0], [0, 0.01]], core=0.0)
    with pytest.raises(SimulationError, match=r"did not converge at t = 0 with time step 1; try a smaller dt"):
        close.simulate([0.0, 1.0])


def test_gauss_legendre_at_rest():
    still = wls.Population([[0.0, 0.0]])
    path = wls.simulate(wls.VortexFlow([1.0]), still, [0.0, 1.0], integrator=wls.GaussLegendre())
    np.testing.assert_array_equal(path.positions, 0)


# --- drifters


def reference(flow: wls.Flow, x: np.ndarray, time: float) -> np.ndarray:
    """Positions at a time by a Runge-Kutta scheme of order 8."""
    weights = np.full(len(x), 1 / len(x))
    rhs = lambda t, y: flow.velocity(y.reshape(x.shape), weights, t).ravel()  # noqa: E731
    return solve_ivp(rhs, (0, time), x.ravel(), method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1].reshape(x.shape)


DRIFTERS = {
    "lamb-oseen": lambda: wls.systems.LambOseenDrifters(20, circulation=-3.0, viscosity=0.07, age=0.5, seed=0),
    "taylor-green": lambda: wls.systems.TaylorGreenDrifters(40, speed=1.3, wavenumber=0.7, seed=0),
    "decaying": lambda: wls.systems.TaylorGreenDrifters(40, speed=-1.3, wavenumber=1.7, viscosity=0.1, seed=0),
}


@pytest.mark.parametrize("name", DRIFTERS)
def test_drifters_are_where_they_should_be(name):
    drifters = DRIFTERS[name]()
    start = drifters.population.positions
    for time in (0.3, 4.0):
        np.testing.assert_allclose(
            drifters.exact([time]).positions[0], reference(drifters.mechanics, start, time), atol=1e-9
        )


def test_lamb_oseen_vortex():
    flow = wls.LambOseenFlow(2.0, viscosity=0.05, age=0.4)
    x = np.array([[0.0, 0.0], [1e-9, 0.0], [0.0, 0.3], [50.0, 0.0]])
    u = flow.velocity(x, None, time=0.8)
    width2 = 4 * 0.05 * 1.2
    np.testing.assert_array_equal(u[0], 0)
    assert u[1, 1] == pytest.approx(1e-9 * 2.0 / (2 * np.pi * width2))  # rigid rotation at the centre
    assert u[2, 0] == pytest.approx(-2.0 / (2 * np.pi * 0.3) * (1 - np.exp(-0.09 / width2)))
    assert u[3, 1] == pytest.approx(2.0 / (2 * np.pi * 50))  # a point vortex far away
    drifters = wls.systems.LambOseenDrifters(50, seed=0)
    radii = np.linalg.norm(drifters.simulate([0.0, 3.0], dt=0.01).positions, axis=-1)
    np.testing.assert_allclose(radii[1], radii[0], rtol=1e-8)


def test_drifters_at_the_centre_of_a_vortex_stay():
    drifters = wls.systems.LambOseenDrifters(3, release=(0.0, 0.0), width=1e-300, seed=0)
    assert np.isfinite(drifters.exact([1.0]).positions).all()
    x = drifters.population.positions
    x[0] = 0.0
    np.testing.assert_array_equal(drifters.exact([1.0]).positions[0, 0], 0)


def test_taylor_green_velocities_and_period():
    green = wls.systems.TaylorGreenDrifters(30, speed=1.5, wavenumber=2.0, seed=2)
    x, u = green.population.positions, green.population.velocities
    expected = 1.5 * np.stack(
        [np.sin(2 * x[:, 0]) * np.cos(2 * x[:, 1]), -np.cos(2 * x[:, 0]) * np.sin(2 * x[:, 1])], 1
    )
    np.testing.assert_allclose(u, expected, rtol=1e-13, atol=1e-14)
    # each comes back after 4 K(m) / (k U), m = 1 - c^2
    modulus = 1 - np.prod(np.sin(2 * x), axis=1) ** 2
    for i in (0, 7):
        np.testing.assert_allclose(green.exact([4 * ellipk(modulus[i]) / 3.0]).positions[0, i], x[i], atol=1e-12)


def test_velocity_gradient_keeps_the_stream_function_of_each_drifter():
    green = wls.systems.TaylorGreenDrifters(30, seed=1)
    psi = [green.mechanics.stream_function(frame.positions) for frame in green.exact([0.0, 3.0, 50.0])]
    np.testing.assert_allclose(psi, np.broadcast_to(psi[0], (3, 30)), atol=1e-13)
    path = green.simulate([0.0, 30.0], dt=0.1, integrator=wls.GaussLegendre())
    after = green.mechanics.stream_function(path.positions[1])
    np.testing.assert_allclose(after, psi[0], atol=1e-6)
    assert green.mechanics.energy(path[1]) == pytest.approx(psi[0].mean(), abs=1e-6)


def test_double_gyre_is_the_published_field():
    gyres = wls.systems.DoubleGyreDrifters(50, seed=0)
    (x, y), t = gyres.population.positions.T, 2.3
    u = gyres.mechanics.velocity(gyres.population.positions, None, t)
    a = 0.25 * np.sin(2 * np.pi / 10 * t)
    f, slope = a * x**2 + (1 - 2 * a) * x, 2 * a * x + 1 - 2 * a
    expected = (
        0.1
        * np.pi
        * np.stack([-np.sin(np.pi * f) * np.cos(np.pi * y), np.cos(np.pi * f) * np.sin(np.pi * y) * slope], 1)
    )
    np.testing.assert_allclose(u, expected, rtol=1e-12, atol=1e-15)


def test_double_gyre_keeps_its_drifters_and_mixes_them():
    def crossed(oscillation: float) -> int:
        path = (
            wls.systems.DoubleGyreDrifters(200, oscillation=oscillation, seed=0).simulate([0.0, 30.0], dt=0.1).positions
        )
        assert (path >= 0).all() and (path <= [2, 1]).all()
        return int(((path[0, :, 0] < 1) != (path[1, :, 0] < 1)).sum())

    assert crossed(0.0) == 0
    assert crossed(0.25) > 20
    with pytest.raises(ParameterError, match=r"`oscillation` must be at least 0 and below 0\.5"):
        wls.laws.DoubleGyre(oscillation=0.5)


@given(seed=st.integers(0, 1000), time=st.floats(0, 20))
@settings(max_examples=20)
def test_stream_flows_are_incompressible_and_follow_their_law(seed, time):
    x = np.random.default_rng(seed).uniform(0, 2, (4, 2))
    weights, h = np.full(4, 0.25), 1e-5
    for law in (laws.TaylorGreen(1.2, 1.5, 0.05), laws.DoubleGyre()):
        flow = wls.StreamFlow(law)
        sides = np.array([[flow.velocity(x + s * h * e, weights, time) for s in (1, -1)] for e in np.eye(2)])
        slopes = (sides[:, 0] - sides[:, 1]) / (2 * h)
        np.testing.assert_allclose(slopes[0, :, 0] + slopes[1, :, 1], 0, atol=1e-8)
        psi = np.array([[flow.stream_function(x + s * h * e, time) for s in (1, -1)] for e in np.eye(2)])
        by_x, by_y = (psi[:, 0] - psi[:, 1]) / (2 * h)
        np.testing.assert_allclose(flow.velocity(x, weights, time), np.stack([by_y, -by_x], 1), atol=1e-8)


def test_stream_flow_is_of_the_plane():
    with pytest.raises(ParameterError, match="`law`"):
        wls.StreamFlow(lambda x, xp: np.exp(x[..., 0]))
    with pytest.raises(ParameterError, match="3 dimensions"):
        wls.StreamFlow(laws.DoubleGyre()).velocity(np.zeros((2, 3)), None)
    assert repr(wls.StreamFlow(laws.DoubleGyre())).startswith("StreamFlow(DoubleGyre(amplitude=0.1")
    for flow in (wls.StreamFlow(laws.TaylorGreen()), wls.VortexFlow([1.0, 2.0])):
        latex = flow._repr_latex_()
        assert latex.startswith("$") and latex.endswith("$") and latex.count("{") == latex.count("}")


@pytest.mark.parametrize(
    "flow",
    [wls.StreamFlow(lambda x, xp: xp.cos(x).sum(-1)), wls.VortexFlow([1.0, -2.0, 0.5])],
    ids=["stream", "vortex"],
)
def test_places_may_be_whole_numbers(flow):
    whole, weights = np.array([[1.0, 2.0], [-1.0, 0.0], [4.0, 1.0]]), np.full(3, 1 / 3)
    np.testing.assert_array_equal(flow.velocity(whole.astype(int), weights), flow.velocity(whole, weights))
