"""Waves on a grid, Bohm's flow and the quantum systems, against exact solutions."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import cumulative_trapezoid
from scipy.special import ndtri

import wlmsim as wls
from benchmarks import quantum_convergence as convergence
from tests.example_mechanics import fitted_order
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.quantum import Grid, PilotWave, SplitStep, WaveFunction, fourier, split_step
from wlmsim.systems import (
    CoherentState,
    DoubleSlit,
    GaussianPacket,
    GroundState,
    QuantumSystem,
    SqueezedState,
    Tunnelling,
)

# --- grids and waves


def line(spacing=0.1, half=10.0):
    return Grid.covering([-half], [half], spacing)


def gaussian(x, xp):
    return xp.exp(-(x**2).sum(-1) / 4 + 1.5j * x[..., 0])


def test_grids_cover_what_is_asked_for():
    grid = Grid.covering([-1.0, 0.0], [1.0, 3.1], [0.1, 0.3])
    assert (grid.low <= [-1.0, 0.0]).all() and (grid.high >= [1.0, 3.1]).all() and (grid.spacing <= [0.1, 0.3]).all()
    assert grid.points.shape == (*grid.shape, 2) and grid.size == np.prod(grid.shape)
    assert grid.points[3, 2].tolist() == [grid.axes[0][3], grid.axes[1][2]]
    assert eval(repr(grid), {"Grid": Grid}) == grid != Grid.covering([-1.0, 0.0], [1.0, 3.1], 0.1)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (([0.0], [0.0], [8]), "high"),
        (([0.0], [1.0, 1.0], [8]), "high"),
        (([0.0], [1.0], [8, 8]), "shape"),
        (([0.0], [1.0], [4]), "shape"),
        (([0.0] * 4, [1.0] * 4, [8] * 4), "low"),
        (([np.nan], [1.0], [8]), "low"),
    ],
)
def test_grids_check_their_arguments(arguments, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        Grid(*arguments)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_psi_and_its_velocity_between_the_points(dim):
    """The spline of degree 7 errs at eighth order, its gradient at seventh."""
    at = 0.7 * np.random.default_rng(0).standard_normal((30, dim))

    def chirped(x, xp):
        return xp.exp(-(x**2).sum(-1) * (0.25 - 0.05j) + 0.15j * x[..., 0] * x[..., -1])

    spacings, errors = np.array([0.6, 0.5, 0.4]), []
    velocity = 0.6 * 0.1 * at
    velocity[:, 0] += 0.6 * 0.15 * at[:, -1]
    velocity[:, -1] += 0.6 * 0.15 * at[:, 0]
    for spacing in spacings:
        wave = WaveFunction.of(chirped, Grid.covering([-10.0] * dim, [10.0] * dim, spacing), hbar=0.6)
        # of() divides by the norm
        scale = (2 * np.pi) ** (-dim / 4)
        psi = np.abs(wave(at) - scale * chirped(at, np)).max()
        errors.append([psi, np.abs(wave.velocity(at) - velocity).max()])
    orders = [fitted_order(spacings, error) for error in np.transpose(errors)]
    assert orders[0] > 7.5 and orders[1] > 6.5


def test_nodes_are_passed_without_nan():
    """A real wave with a node carries nobody; at a vortex, where the velocity diverges, it stays bounded."""
    excited = WaveFunction.of(lambda x, xp: x[..., 0] * xp.exp(-(x**2).sum(-1) / 2), line())
    at = np.array([[0.0], [1e-12], [1e-6], [0.3]])
    np.testing.assert_allclose(excited.velocity(at), 0, atol=1e-3)
    plane = Grid.covering([-8.0, -8.0], [8.0, 8.0], 0.25)
    vortex = WaveFunction.of(lambda x, xp: (x[..., 0] + 1j * x[..., 1]) * xp.exp(-(x**2).sum(-1) / 2), plane)
    at = np.array([[0.0, 0.0], [1e-9, 0.0], [1e-3, 0.0], [0.5, 0.0]])
    velocity = vortex.velocity(at)
    assert np.isfinite(velocity).all() and np.abs(velocity).max() <= np.pi / 0.25
    assert velocity[3] == pytest.approx([0.0, 2.0], abs=1e-5)  # hbar / r


def test_samples_follow_the_density():
    wave = WaveFunction.of(gaussian, Grid.covering([-8.0, -8.0], [8.0, 8.0], 0.25))
    sample = wave.sample(20_000, seed=0)
    np.testing.assert_allclose(sample.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(np.cov(sample.T), np.eye(2), atol=0.04)
    assert np.array_equal(sample, wave.sample(20_000, seed=0)) and not np.isin(sample[:, 0], wave.grid.axes[0]).any()


def test_waves_know_their_mean_and_energy():
    """hbar^2 / 8 sigma^2 and v^2 / 2 of kinetic energy; sigma^2 / 2 in a well."""
    wave = WaveFunction.of(lambda x, xp: gaussian(x - 0.5, xp), line(), hbar=0.6, time=2.0)
    assert wave.norm == pytest.approx(1, abs=1e-14) and wave.mean == pytest.approx([0.5])
    assert wave.kinetic_energy() == pytest.approx(0.36 / 8 + (0.6 * 1.5) ** 2 / 2)
    assert wave.energy(wls.laws.Harmonic(2.0)) == pytest.approx(wave.kinetic_energy() + 1 + 0.25)
    assert wave.energy(lambda x, t, xp: t * x[..., 0]) == pytest.approx(wave.kinetic_energy() + 1.0)
    assert "hbar=0.6, time=2, norm=1" in repr(wave)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: WaveFunction(np.zeros(3), line()), "`values` must be an array of shape"),
        (lambda: WaveFunction(np.full(line().shape, np.nan), line()), "`values` must be finite"),
        (lambda: WaveFunction.of(gaussian, line(), hbar=0.0), "`hbar`"),
        (lambda: WaveFunction.of(lambda x, xp: 0 * x[..., 0], line()), "`function` must be a wave that does not"),
        (lambda: WaveFunction.of(gaussian, line()).velocity(np.zeros((2, 3))), r"`positions` must be an array of"),
        (lambda: WaveFunction.of(gaussian, line())([[99.0]]), "`positions` must lie in the grid's box; 1 of 1"),
        (lambda: SplitStep(step=0.0), "`step`"),
        (lambda: SplitStep(open="yes"), "`open`"),
        (lambda: SplitStep(lambda x: x), "`law` must be a function of"),
        (lambda: SplitStep().evolve(gaussian, 1.0), "`wave` must be a WaveFunction"),
        (lambda: PilotWave(WaveFunction.of(gaussian, line())).wave(-1.0), "`time`"),
    ],
)
def test_waves_check_their_arguments(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_a_grid_too_coarse_for_the_wave_is_refused():
    fast = WaveFunction.of(lambda x, xp: xp.exp(-(x[..., 0] ** 2) + 28j * x[..., 0]), line())
    with pytest.raises(SimulationError, match=r"spacing 0\.1 is too coarse for the wave at t = 0"):
        fast.velocity(np.zeros((1, 1)))


# --- the split step


def exact_wave(system, time, grid):
    return np.exp(system._motion(time).logarithm(grid.points).sum(-1))


def overlap(wave, values):
    return abs((wave.values.conj() * values).sum() * wave.grid.cell)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_free_waves_are_exact_on_a_grid_that_grows(dim):
    system = GaussianPacket(
        10, dim, width=[0.5, 0.7, 0.9][:dim], velocity=[1.0, -0.5, 0.0][:dim], method="pilot", seed=0
    )
    wave = system.wave(0.7)
    assert wave.grid.size > system.wave(0.0).grid.size
    assert wave.norm == pytest.approx(1, abs=1e-9)
    # cut off where the density has fallen to 1e-11, at most that much is lost or turned back at the edge
    np.testing.assert_allclose(wave.values, exact_wave(system, 0.7, wave.grid), atol=1e-5)
    assert np.abs(wave.values - exact_wave(system, 0.7, wave.grid)).mean() < 1e-7


def test_norm_is_kept_to_rounding_and_the_energy_error_is_bounded():
    well, grid = wls.laws.Harmonic(1.0), line(0.2, 8.0)
    wave = start = WaveFunction.of(lambda x, xp: xp.exp(-((x[..., 0] - 1.5) ** 2)), grid)
    solver, energies = SplitStep(well, step=0.05, open=False), []
    for look in range(1, 81):
        wave = solver.evolve(wave, 0.7 * look)
        energies.append(wave.energy(well))
    assert wave.norm == pytest.approx(1, abs=1e-12)
    error = np.abs(np.array(energies) / start.energy(well) - 1)
    assert 1e-5 < error.max() < 2e-3 and error[60:].max() < 1.2 * error[:20].max()


def test_steps_back_undo_steps():
    barrier = wls.laws.Eckart(2.0, 0.5)
    start = WaveFunction.of(lambda x, xp: gaussian(x + 4.0, xp), line(0.2, 12.0))
    solver = SplitStep(barrier, step=0.02, open=False)
    there = solver.evolve(start, 3.0)
    assert overlap(there, start.values) < 0.5
    np.testing.assert_allclose(solver.evolve(there, 0.0).values, start.values, atol=1e-12)


def test_a_driven_oscillator():
    """V = x^2 / 2 - f x sin(w t) moves the coherent state's centre like a particle's; second order in the step."""

    def driven(x, t, xp):
        return 0.5 * x[..., 0] ** 2 - 0.8 * x[..., 0] * xp.sin(2.0 * t)

    start = WaveFunction.of(lambda x, xp: xp.exp(-0.5 * x[..., 0] ** 2), line(0.2, 8.0))
    t = 2.0
    centre = 0.8 / (1 - 4) * (np.sin(2 * t) - 2 * np.sin(t))
    steps = np.array([0.1, 0.05, 0.025])
    errors = [abs(SplitStep(driven, step=step).evolve(start, t).mean[0] - centre) for step in steps]
    assert fitted_order(steps, errors) == pytest.approx(2, abs=0.1) and errors[-1] < 1e-3


def test_plane_waves_in_a_periodic_box():
    grid = Grid([0.0, 0.0], [2 * np.pi, 4 * np.pi], [16, 24])
    wave = WaveFunction(np.exp(1j * (3 * grid.points[..., 0] - 0.5 * grid.points[..., 1])), grid, hbar=0.7)
    later = SplitStep(open=False).evolve(wave, 1.3)
    np.testing.assert_allclose(later.values, wave.values * np.exp(-0.5j * 0.7 * 1.3 * 9.25), atol=1e-12)
    np.testing.assert_allclose(wave.velocity(np.array([[6.1, 0.2]])), [[2.1, -0.35]], rtol=1e-3)


def test_scipy_serves_where_pyfftw_is_missing(monkeypatch):
    pytest.importorskip("pyfftw")
    system = SqueezedState(5, 2, displacement=[1.0, 0.0], method="pilot", seed=0)
    by_fftw = system.wave(0.3)
    monkeypatch.setattr(fourier, "find_spec", lambda name: None)
    monkeypatch.setattr(fourier._local, "kept", {}, raising=False)
    by_scipy = SplitStep(system.potential, step=system._pilot.solver.step).evolve(system.wave(0.0), 0.3)
    assert all(isinstance(kept, fourier.SciPy) for kept in fourier._local.kept.values())
    np.testing.assert_allclose(by_scipy.values, by_fftw.values, atol=1e-13)


def test_an_open_grid_grows_only_so_far(monkeypatch):
    monkeypatch.setattr(split_step, "LARGEST", 600)
    wave = WaveFunction.of(gaussian, line(0.1, 10.0))
    with pytest.raises(SimulationError, match="has spread over more than a grid of"):
        SplitStep().evolve(wave, 30.0)


def test_reprs():
    wave = WaveFunction.of(gaussian, line())
    assert repr(SplitStep(wls.laws.Harmonic(1.0), step=0.1, open=False)).startswith("SplitStep(Harmonic(")
    assert repr(PilotWave(wave, wls.laws.Harmonic(1.0))).startswith("PilotWave(WaveFunction(Grid(")


# --- the pilot wave


def test_a_pilot_wave_starts_again_for_earlier_times():
    system = SqueezedState(20, displacement=1.0, method="pilot", seed=0)
    first = system.simulate([0.4, 0.8])
    assert system._pilot.wave(0.8).time == 0.8
    np.testing.assert_array_equal(system.simulate([0.4, 0.8]).positions, first.positions)
    # the energy is that of the wave, at any recorded time
    np.testing.assert_allclose(first.energy(), system.wave(0.0).energy(system.potential), rtol=1e-4)


@pytest.mark.parametrize(
    "system", [SqueezedState(60, displacement=1.0, method="pilot", seed=1), Tunnelling(60, seed=1)]
)
def test_bohms_trajectories_do_not_cross_and_keep_their_share_of_the_probability(system):
    """In one dimension: the order stays, and so does the probability below each particle."""
    path = system.simulate([0.0, 4.0, 8.0, 12.0])
    order = np.argsort(path.positions[0, :, 0])
    shares = []
    for frame in path:
        x = frame.positions[order, 0]
        assert (np.diff(x) > 0).all()
        wave = system.wave(frame.time)
        fine = np.linspace(wave.grid.low[0], wave.grid.high[0], 20_001)[:-1]
        below = cumulative_trapezoid(np.abs(wave(fine[:, None])) ** 2, fine, initial=0)
        shares.append(np.interp(x, fine, below))
    np.testing.assert_allclose(shares, np.tile(shares[0], (4, 1)), atol=2e-4)


# --- Gaussian systems


def packet_width(packet, time):
    return packet.width * np.sqrt(1 + (packet.hbar * time / (2 * packet.width**2)) ** 2)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_bohm_trajectories_of_a_packet(dim):
    """Every particle keeps its place in the cloud, whose mean moves evenly and whose covariance is known."""
    widths, velocity = [0.5, 0.8, 1.1][:dim], [1.0, -0.5, 0.2][:dim]
    packet = GaussianPacket(20, dim, hbar=0.7, width=widths, velocity=velocity, seed=0)
    start = packet.population
    np.testing.assert_allclose(start.mean, 0, atol=1e-15)
    np.testing.assert_allclose(np.cov(start.positions.T, bias=True), np.squeeze(np.diag(np.square(widths))), atol=1e-14)
    for frame in packet.exact([0.0, 0.8, 3.0]):
        mean, width = np.multiply(velocity, frame.time), packet_width(packet, frame.time)
        np.testing.assert_allclose(frame.mean, mean, atol=1e-14)
        np.testing.assert_allclose(frame.positions - mean, start.positions * width / widths, rtol=1e-12, atol=1e-14)
        covariance = np.cov(frame.positions.T, bias=True)
        np.testing.assert_allclose(covariance, np.squeeze(np.diag(width**2)), atol=1e-13)


def test_packet_keeps_its_energy_and_heisenbergs_bound():
    """E = sum of hbar^2 / (8 sigma_0^2) + v^2 / 2; sigma_x sigma_p = hbar sigma_t / (2 sigma_0)."""
    packet = GaussianPacket(30, 2, hbar=0.7, width=[0.5, 0.9], velocity=[0.3, 0.0], seed=1)
    path = packet.exact(np.linspace(0, 4, 9))
    energy = (0.7**2 / 8 * (1 / 0.5**2 + 1 / 0.9**2)) + 0.3**2 / 2
    np.testing.assert_allclose(path.energy(), energy, rtol=1e-12)
    for frame in path:
        # momenta spread by the particles' velocities and by the osmotic part, hbar / (2 sigma)
        width = packet_width(packet, frame.time)
        spread = np.sqrt(frame.velocities.var(0) + (packet.hbar / (2 * width)) ** 2)
        np.testing.assert_allclose(width * spread, packet.hbar / 2 * width / packet.width, rtol=1e-12)


def test_packet_in_a_simulation():
    packet = GaussianPacket(15, 2, width=[0.5, 0.7], velocity=0.4, seed=2)
    times = np.linspace(0, 3, 4)
    flight = packet.simulate(times, dt=1e-3)
    np.testing.assert_allclose(flight.positions, packet.exact(times).positions, atol=1e-5)
    np.testing.assert_allclose(flight.energy(), flight.energy()[0], rtol=1e-5)
    np.testing.assert_allclose(flight.momentum(), 0.4, rtol=1e-12)


def test_coherent_states_keep_their_shape():
    """Every particle swings with the centre, which is the classical one."""
    state = CoherentState(20, 2, hbar=0.6, frequency=[1.0, 2.0], displacement=[1.0, 0.0], velocity=[0.0, 0.5], seed=0)
    start = state.population
    np.testing.assert_allclose(np.cov(start.positions.T, bias=True), np.diag([0.3, 0.15]), atol=1e-14)
    for frame in state.exact([0.0, 0.7, 2.0, 11.0]):
        t = frame.time
        np.testing.assert_allclose(frame.mean, [np.cos(t), 0.25 * np.sin(2 * t)], atol=1e-14)
        np.testing.assert_allclose(frame.positions - frame.mean, start.positions - start.mean, atol=1e-13)


def test_squeezed_states_breathe_at_twice_the_frequency():
    """sigma_t^2 = sigma_0^2 cos^2 + (hbar / (2 omega sigma_0))^2 sin^2."""
    state = SqueezedState(20, hbar=0.6, frequency=1.5, squeezing=0.4, displacement=0.5, seed=0)
    rest = 0.6 / (2 * 1.5)
    for frame in state.exact([0.0, 0.3, np.pi / 3, 2 * np.pi / 3]):
        variance = rest * (np.exp(-0.8) * np.cos(1.5 * frame.time) ** 2 + np.exp(0.8) * np.sin(1.5 * frame.time) ** 2)
        np.testing.assert_allclose(np.var(frame.positions), variance, rtol=1e-12)
    path = state.exact([0.0, 2 * np.pi / 1.5])
    np.testing.assert_allclose(path.positions[1], path.positions[0], atol=1e-14)


@pytest.mark.parametrize("method", ["closure", "pilot", "worlds"])
def test_the_ground_state_is_at_rest(method):
    state = GroundState(30 if method == "worlds" else 60, hbar=0.7, frequency=1.3, method=method, seed=0)
    path = state.simulate([0.0, 1.0, 3.0])
    np.testing.assert_allclose(path.positions, np.tile(path.positions[0], (3, 1, 1)), atol=2e-4)
    np.testing.assert_array_equal(state.exact([2.0]).positions[0], state.population.positions)
    assert np.abs(path.velocities).max() < 2e-4
    if method == "closure":
        np.testing.assert_allclose(path.energy(), 0.7 * 1.3 / 2, rtol=1e-12)


def test_the_ground_state_of_a_fluid_is_at_rest_but_for_its_edge():
    state = GroundState(100, method="fluid", seed=0)
    path = state.simulate([0.0, 1.0, 2.0])
    shift = np.abs(path.positions - path.positions[0])[:, :, 0]
    assert (path.weights * shift).sum(1).max() < 3e-3 * 0.707
    np.testing.assert_allclose(path.energy(), 0.5, rtol=2e-3)


@pytest.mark.parametrize("make", [GaussianPacket, CoherentState, SqueezedState, GroundState])
def test_waves_of_gaussian_systems(make):
    """The wave on the grid is the closed form at all times, and so is its density wherever it is asked for."""
    system = make(5, 2, hbar=0.7, method="pilot", seed=0)
    assert isinstance(system, QuantumSystem)
    for time in (0.0, 0.6):
        wave = system.wave(time)
        exact = exact_wave(system, time, wave.grid)
        assert overlap(wave, exact) == pytest.approx(1, abs=1e-7)
    at = np.array([[0.2, -0.3], [0.9, 0.1], [500.0, 0.0]])
    density = system.density([0.0, 0.6], at)
    exact = np.abs(np.exp(system._motion(0.6).logarithm(at).sum(-1))) ** 2
    np.testing.assert_allclose(density[1], exact, rtol=1e-3, atol=1e-12)
    assert density.shape == (2, 3)


@pytest.mark.parametrize(("method", "n", "floor"), [("pilot", 2000, 0.05), ("worlds", 60, 0.035), ("fluid", 120, 0.02)])
def test_the_population_is_distributed_as_the_wave(method, n, floor):
    """W1 from |psi|^2 over time, in standard deviations: by sampling, spacing of worlds, spacing of a fluid."""
    system = SqueezedState(n, displacement=1.0, method=method, seed=0)
    for frame in system.simulate([0.0, 0.8, 1.6]):
        motion = system._motion(frame.time)
        shares = (np.arange(20_000) + 0.5) / 20_000
        order = np.argsort(frame.positions[:, 0])
        place = np.searchsorted(np.cumsum(frame.weights[order]), shares)
        w1 = np.abs(frame.positions[order[place], 0] - motion.q - motion.width * ndtri(shares)).mean()
        assert w1 < floor * motion.width[0]


# --- tunnelling


def test_transmission_of_the_packet():
    """The exact integral, the wave on the grid and the carried particles agree."""
    system = Tunnelling(400, seed=0)
    wave = system.wave(24.0)
    beyond = wave.density[wave.grid.axes[0] > 0].sum() * wave.grid.cell
    assert beyond == pytest.approx(system.transmission(), abs=1e-4)
    path = system.simulate([24.0])
    x = system.population.positions[:, 0]
    passed = x > -12 + 2 * ndtri(1 - beyond)  # the front of the packet
    near = np.abs(x - (-12 + 2 * ndtri(1 - beyond))) < 0.01
    np.testing.assert_array_equal((path.positions[0, :, 0] > 0)[~near], passed[~near])


def test_transmission_of_wells_thick_walls_and_nothing():
    assert Tunnelling(2, height=1e-12).transmission() == pytest.approx(1)
    assert 0.9 < Tunnelling(2, height=-1.0).transmission() < 1
    assert Tunnelling(2, height=3.0, thickness=20.0, width=20.0).transmission() == pytest.approx(0, abs=1e-12)
    assert 0 < Tunnelling(2, hbar=1e-3, height=1.0, thickness=1.0, velocity=1.5).transmission() <= 1
    # a plane-wave-like packet: the textbook's T(k) at its wave number
    k, a, height = 1.2, 0.7, 1.0
    barrier = np.cosh(np.pi / 2 * np.sqrt(8 * height * a**2 - 1)) ** 2
    textbook = np.sinh(np.pi * k * a) ** 2 / (np.sinh(np.pi * k * a) ** 2 + barrier)
    long = Tunnelling(2, height=height, thickness=a, velocity=k, width=2000.0)
    assert long.transmission() == pytest.approx(textbook, rel=1e-5)


@pytest.mark.parametrize(("method", "n", "tolerance"), [("worlds", 20, 0.2), ("fluid", 120, 0.15)])
def test_tunnelling_without_a_wave(method, n, tolerance):
    """Some pass and some do not; worlds never cross, and the energy is conserved."""
    system = Tunnelling(n, method=method, seed=0)
    path = system.simulate([0.0, 16.0])
    share = path.weights @ (path.positions[-1, :, 0] > 0)
    assert share == pytest.approx(system.transmission(), abs=tolerance)
    np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-3)
    if method == "worlds":
        assert (np.diff(path.positions[..., 0], axis=1) > 0).all()


# --- double slit


def test_fringes_behind_two_slits():
    """The spacing of the maxima of the exact density tends to 2 pi hbar t / s."""
    system, time = DoubleSlit(10, slit_width=0.12, seed=0), 12.0
    y = np.linspace(-400, 400, 160_001)
    density = np.abs(system._across(y, time)[0]) ** 2
    assert system._tail(np.array([0.0]), time)[0] == pytest.approx(0.5, abs=1e-12)
    peaks = y[1:-1][(density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])]
    spacing = np.diff(peaks[np.abs(peaks) < 50])
    np.testing.assert_allclose(spacing, system.fringe_spacing(time), rtol=0.03)
    # the tail is the integral of the density
    share = np.cumsum(density[::-1])[::-1] / density.sum()
    at = slice(80_001, 120_001, 4000)
    np.testing.assert_allclose(system._tail(y[at] - 0.5 * (y[1] - y[0]), time), share[at], atol=1e-9)


def test_particles_behind_two_slits():
    system = DoubleSlit(150, seed=0)
    path, exact = system.simulate([0.0, 1.5]), system.exact([0.0, 1.5])
    np.testing.assert_allclose(exact.positions[0], system.population.positions, atol=1e-9)
    np.testing.assert_allclose(path.positions, exact.positions, atol=1e-4)
    np.testing.assert_allclose(path.velocities, exact.velocities, atol=5e-3)
    assert (np.sign(path.positions[1, :, 1]) == np.sign(path.positions[0, :, 1])).all()
    step = 1e-5
    after, before = system.exact([1.5 + step]).positions[0], system.exact([1.5 - step]).positions[0]
    np.testing.assert_allclose((after - before) / (2 * step), exact.velocities[1], atol=1e-5)
    # the cloud and samples of the wave differ as samples of the wave do
    one, two = (system.wave(1.5).sample(150, seed=seed) for seed in (0, 1))
    among = wls.transport.wasserstein1(one, two)
    assert wls.transport.wasserstein1(path.positions[1], one) < 1.4 * among


def test_slits_far_apart_do_not_overflow():
    system = DoubleSlit(20, separation=200.0, slit_width=0.5, seed=0)
    path = system.exact([0.0, 3.0])
    assert np.isfinite(path.velocities).all()
    width = 0.5 * np.sqrt(1 + (3 / (2 * 0.25)) ** 2)
    side = 100 * np.sign(path.positions[0, :, 1])
    np.testing.assert_allclose(
        path.positions[1, :, 1] - side, (path.positions[0, :, 1] - side) * width / 0.5, atol=1e-6
    )


def test_a_fluid_spreads_behind_two_slits():
    """Coarsely, as long as there are no fringes."""
    system = DoubleSlit(190, slit_width=0.5, length=0.5, velocity=0.0, method="fluid", bandwidth=0.3, seed=0)
    path, exact = system.simulate([0.0, 0.4]), system.exact([0.0, 0.4])
    moved, error = (np.abs(exact.positions[1] - path.positions[k]).sum(1) @ path.weights for k in (0, 1))
    assert error < 0.6 * moved
    np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-3)


# --- what all quantum systems share


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: GaussianPacket(2, 2), "n"),
        (lambda: GaussianPacket(width=[0.5, 0.5]), "width"),
        (lambda: GaussianPacket(width=0.0), "width"),
        (lambda: GaussianPacket(velocity=[1.0, 2.0]), "velocity"),
        (lambda: GaussianPacket(velocity=np.inf), "velocity"),
        (lambda: GaussianPacket(hbar=0.0), "hbar"),
        (lambda: GaussianPacket(dim=2, method="worlds"), "method"),
        (lambda: GaussianPacket(1, method="worlds"), "method"),
        (lambda: GaussianPacket(dim=4, method="pilot"), "method"),
        (lambda: GaussianPacket(method="fluid", bandwidth=0.0), "bandwidth"),
        (lambda: CoherentState(frequency=0.0), "frequency"),
        (lambda: CoherentState(displacement=[1.0, 2.0]), "displacement"),
        (lambda: SqueezedState(squeezing=np.nan), "squeezing"),
        (lambda: GroundState(frequency=-1.0), "frequency"),
        (lambda: Tunnelling(method="closure"), "method"),
        (lambda: Tunnelling(thickness=0.0), "thickness"),
        (lambda: Tunnelling(velocity=-1.0), "velocity"),
        (lambda: DoubleSlit(method="worlds"), "method"),
        (lambda: DoubleSlit(separation=0.0), "separation"),
        (lambda: GaussianPacket(5, method="pilot").wave(-1.0), "time"),
        (lambda: GaussianPacket(5, method="pilot").density([0.0], [[np.nan]]), "at"),
    ],
)
def test_quantum_systems_check_their_arguments(make, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        make()


def test_methods_have_their_own_mechanics_and_steps():
    packets = {method: GaussianPacket(20, method=method, seed=0) for method in GaussianPacket.methods}
    assert isinstance(packets["pilot"].mechanics, PilotWave)
    with pytest.raises(AttributeError, match="first order"):
        packets["pilot"].lagrangian  # noqa: B018
    assert repr(packets["closure"].mechanics) == "Lagrangian(GaussianQuantumPressure(hbar=1))"
    assert repr(packets["worlds"].mechanics) == "Lagrangian(ManyInteractingWorlds(hbar=1))"
    assert repr(packets["fluid"].mechanics) == "Lagrangian(QuantumPressure(hbar=1, bandwidth=0.5))"
    assert GaussianPacket(20, method="fluid", bandwidth=0.1).time_step == pytest.approx(0.5 * 0.1**2)
    assert packets["closure"].time_step == pytest.approx(0.05 * 0.5)
    assert packets["worlds"].time_step < 0.01


# --- the table


def rows_of_the_page():
    page = (Path(__file__).parents[2] / "docs" / "quantum.md").read_text()
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in page.splitlines() if row.startswith("|")]
    return {tuple(row[:3]): row[3:] for row in cells if len(row) == 6}


def as_parameter(study):
    """The fluid in the plane, of the most particles, takes as long as all the others."""
    name = re.sub(r"\W+", "-", "-".join(study[:3]))
    return pytest.param(study, id=name, marks=[pytest.mark.slow] if name == "fluid-packet-2-D-n" else [])


@pytest.mark.parametrize("study", [as_parameter(study) for study in convergence.STUDIES])
def test_every_method_converges_as_the_table_of_the_page_says(study):
    row = convergence.measure(study)
    if study.order == np.inf:
        assert row.order > 10
    else:
        assert abs(row.order) > abs(study.order) - 0.35
    values, errors, order = rows_of_the_page()[study.method, study.system, study.refined]
    np.testing.assert_allclose([float(v) for v in values.split(",")], study.values)
    np.testing.assert_allclose([float(e) for e in errors.split(",")], row.errors, rtol=0.2)
    assert float(order) == pytest.approx(row.order, abs=0.15)
