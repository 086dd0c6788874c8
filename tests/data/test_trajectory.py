"""Trajectories: frames, snapshots without identity, energies, momentum and action along the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.example_mechanics import ShakenPendula, SoftPairs, Spring, a_population
from wlmsim import Friction, Lagrangian, Population, Trajectory, simulate
from wlmsim.errors import ParameterError


def a_trajectory(count=4, n=6, dim=2, **about) -> Trajectory:
    rng = np.random.default_rng(7)
    shape = (count, n, dim)
    return Trajectory(np.arange(count) ** 1.5, rng.normal(size=shape), rng.normal(size=shape), **about)


def oscillation(times, *, amplitude=2.0, frequency=3.0, mass=1.0) -> Trajectory:
    """One particle at amplitude cos(frequency t), exactly."""
    phase = frequency * np.asarray(times)
    return Trajectory(
        times,
        amplitude * np.cos(phase)[:, None, None],
        -amplitude * frequency * np.sin(phase)[:, None, None],
        mechanics=Lagrangian(Spring(mass * frequency**2), mass=mass),
    )


def test_frames():
    flight = a_trajectory(weights=[1, 1, 1, 1, 1, 5])
    assert (len(flight), flight.n, flight.dim) == (4, 6, 2)
    for k, frame in enumerate(flight):
        assert frame == flight[k] == flight.at(flight.times[k])
        assert frame.time == flight.times[k]
        np.testing.assert_array_equal(frame.positions, flight.positions[k])
        np.testing.assert_array_equal(frame.velocities, flight.velocities[k])
        np.testing.assert_array_equal(frame.weights, flight.weights)
    assert flight[-1] == flight[3]
    assert Trajectory([0.0], flight.positions[:1])[0].velocities is None
    assert repr(flight) == "Trajectory(times=4 in 0..5.19615, n=6, dim=2)"


def test_at_takes_recorded_times_only():
    flight = a_trajectory()
    assert flight.at(1.0 + 1e-13) == flight[1]
    with pytest.raises(ParameterError, match=r"`time` must be a recorded time \(the nearest is 1\); got 1.1"):
        flight.at(1.1)
    with pytest.raises(ParameterError, match="`time`"):
        flight.at(np.nan)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [0.0, 2.0, 1.0, 3.0]}, "`times` must be strictly increasing; got 2 followed by 1 at index 2"),
        ({"times": [0.0, 1.0, 1.0, 3.0]}, "`times` must be strictly increasing; got 1 followed by 1 at index 2"),
        ({"times": []}, "`times` must be a non-empty array"),
        ({"times": [0, 1, 2, np.inf]}, "`times` must be finite"),
        ({"times": [0.0, 1.0]}, r"`positions` must be an array of shape \(T, n, d\) with T = 2.*\(4, 6, 2\)"),
        ({"positions": np.zeros((4, 6))}, r"`positions` must be an array of shape \(T, n, d\).*\(4, 6\)"),
        ({"positions": np.full((4, 6, 2), np.nan)}, "`positions` must be finite"),
        ({"velocities": np.zeros((4, 5, 2))}, r"`velocities` must be of shape \(4, 6, 2\).*\(4, 5, 2\)"),
        ({"weights": [1, 2]}, r"`weights` must be an array of shape \(6,\)"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    given = {"times": np.arange(4), "positions": np.zeros((4, 6, 2))}
    with pytest.raises(ParameterError, match=message):
        Trajectory(**{**given, **arguments})


# --- snapshots


def rows(array):
    return {tuple(row) for row in array}


@given(fraction=st.floats(0.01, 1.0), seed=st.integers(0, 100))
def test_snapshots_are_rows_of_their_frame_with_their_velocity(fraction, seed):
    flight = a_trajectory(n=10)
    series = flight.snapshots(fraction, seed=seed)
    assert series.sizes == (max(1, round(fraction * 10)),) * 4
    np.testing.assert_array_equal(series.times, flight.times)
    for cloud, frame in zip(series, flight, strict=True):
        phase_space = np.hstack([frame.positions, frame.velocities])
        chosen = np.hstack([cloud.positions, cloud.velocities])
        assert len(rows(chosen)) == len(chosen)  # without repetition
        assert rows(chosen) <= rows(phase_space)
    assert series.metadata["snapshot_seed"] == seed and series.metadata["snapshot_fraction"] == fraction
    assert series == flight.snapshots(fraction, seed=seed)


def test_snapshots_forget_identities():
    marked = np.broadcast_to(np.arange(50.0)[:, None], (5, 50, 1))
    series = Trajectory(np.arange(5), marked).snapshots(seed=0)
    orders = [cloud.positions[:, 0] for cloud in series]
    for a, b in zip(orders, [np.arange(50.0), *orders], strict=False):
        assert (a == b).mean() < 0.2  # a random order keeps 1 row in 50 on average
        np.testing.assert_array_equal(np.sort(a), np.arange(50))
    kept = Trajectory(np.arange(5), marked).snapshots(0.5, seed=0)
    assert len({frozenset(rows(cloud.positions)) for cloud in kept}) == 5  # another subsample each time


def test_snapshots_keep_weights_units_and_metadata():
    flight = a_trajectory(weights=[1, 2, 3, 4, 5, 6], metadata={"seed": 3}, units={"length": "km"})
    series = flight.snapshots(seed=1, velocities=False)
    assert series.units == {"length": "km"} and series.metadata["seed"] == 3
    assert series.velocities == [None] * 4
    for cloud, frame in zip(series, flight, strict=True):
        weight_of = dict(zip(map(tuple, frame.positions), frame.weights, strict=True))
        np.testing.assert_allclose(cloud.weights, [weight_of[tuple(x)] for x in cloud.positions])


@pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, np.nan, "half"])
def test_snapshots_check_the_fraction(fraction):
    with pytest.raises(ParameterError, match="`fraction`"):
        a_trajectory().snapshots(fraction)


# --- energies, momentum, action


def test_energies_of_an_oscillation():
    times = np.linspace(0, 2, 9)
    flight = oscillation(times, amplitude=2.0, frequency=3.0, mass=1.5)
    energy = 0.5 * 1.5 * 3.0**2 * 2.0**2
    np.testing.assert_allclose(flight.kinetic_energy(), energy * np.sin(3 * times) ** 2, atol=1e-13)
    np.testing.assert_allclose(flight.potential_energy(), energy * np.cos(3 * times) ** 2, atol=1e-13)
    np.testing.assert_allclose(flight.energy(), energy, rtol=1e-14)
    np.testing.assert_allclose(flight.momentum(), 1.5 * -6.0 * np.sin(3 * times)[:, None], atol=1e-13)


def test_angular_momentum_of_an_ellipse():
    """x = (a cos t, b sin t, 0) has m (x_1 v_2 - x_2 v_1) = m a b, and no other component."""
    t = np.linspace(0, 3, 7)
    zero = np.zeros_like(t)
    x = np.stack([2 * np.cos(t), 3 * np.sin(t), zero], axis=-1)[:, None]
    v = np.stack([-2 * np.sin(t), 3 * np.cos(t), zero], axis=-1)[:, None]
    flight = Trajectory(t, x, v, mechanics=Lagrangian(Spring(), mass=0.5))
    np.testing.assert_allclose(flight.angular_momentum(), np.tile([3.0, 0.0, 0.0], (7, 1)), atol=1e-14)


def test_action_of_a_free_particle():
    """S = m |v|^2 (t_1 - t_0) / 2, for which the trapezoidal rule is exact."""
    times, v = np.array([0.5, 1.0, 3.0]), np.array([3.0, 4.0])
    flight = Trajectory(times, (times[:, None] * v)[:, None], np.tile(v, (3, 1, 1)), mechanics=Lagrangian(mass=2.0))
    assert flight.action() == pytest.approx(0.5 * 2.0 * 25.0 * 2.5, rel=1e-14)


def test_action_of_an_oscillation():
    """S = integral of (K - U) = -m omega A^2 sin(2 omega t) / 4."""
    flight = oscillation(np.linspace(0, 0.7, 2001), amplitude=2.0, frequency=3.0)
    assert flight.action() == pytest.approx(-3.0 * 4.0 * np.sin(4.2) / 4, rel=1e-6)


def test_action_weighs_time_by_friction():
    """With K = 1/2 exp(-2 gamma t) of a free damped particle, S = (1 - exp(-gamma t)) / (2 gamma)."""
    gamma, times = 0.8, np.linspace(0, 2, 2001)
    v = np.exp(-gamma * times)[:, None, None]
    flight = Trajectory(times, (1 - v) / gamma, v, mechanics=Lagrangian(dissipation=Friction(gamma)))
    assert flight.action() == pytest.approx((1 - np.exp(-gamma * 2)) / (2 * gamma), rel=1e-6)


def test_true_motion_makes_the_action_stationary():
    """Deformed by epsilon times a bump, the action changes by O(epsilon^2) only."""
    times = np.linspace(0, 1, 4001)
    true = oscillation(times, amplitude=1.0, frequency=2.0)
    bump, slope = np.sin(np.pi * times) ** 2, np.pi * np.sin(2 * np.pi * times)

    def action(epsilon):
        x = true.positions + epsilon * bump[:, None, None]
        v = true.velocities + epsilon * slope[:, None, None]
        return Trajectory(times, x, v, mechanics=true.mechanics).action()

    slope_of_action = (action(1e-3) - action(-1e-3)) / 2e-3
    curvature = (action(1e-1) - 2 * action(0.0) + action(-1e-1)) / 1e-2
    assert abs(slope_of_action) < 1e-6 < abs(curvature)


@pytest.mark.parametrize("gamma", [0.0, 0.3])
def test_energy_is_lost_to_friction_alone(gamma):
    """dE/dt = -2 gamma K."""
    start = a_population(6)
    friction = Friction(gamma) if gamma else None
    lagrangian = Lagrangian(ShakenPendula() + SoftPairs(), dissipation=friction, mass=1.4)
    flight = simulate(lagrangian, start, np.linspace(0, 3, 601), dt=0.005)
    energy, kinetic = flight.energy(), flight.kinetic_energy()
    lost = np.concatenate([[0], np.cumsum(0.5 * (kinetic[1:] + kinetic[:-1]) * np.diff(flight.times))])
    np.testing.assert_allclose(energy - energy[0], -2 * gamma * lost, atol=2e-5)
    assert (energy[0] - energy[-1] > 0.1) == (gamma > 0)


def test_energies_need_a_lagrangian_and_velocities():
    flight = a_trajectory()
    for quantity in (flight.energy, flight.momentum, flight.angular_momentum, flight.action):
        with pytest.raises(ParameterError, match=r"trajectory\.mechanics"):
            quantity()
    flight.mechanics = Lagrangian(Spring())
    assert flight.energy().shape == (4,)
    flight.velocities = None
    assert flight.potential_energy().shape == (4,)
    with pytest.raises(ParameterError, match="velocities are unknown"):
        flight.kinetic_energy()


def test_energies_of_weighted_particles():
    cloud = Population([[1.0], [2.0]], [[3.0], [0.0]], [1, 3])
    flight = Trajectory([0.0], [cloud.positions], [cloud.velocities], cloud.weights, mechanics=Lagrangian(Spring(2.0)))
    assert flight.kinetic_energy() == pytest.approx([0.5 * 0.25 * 9])
    assert flight.potential_energy() == pytest.approx([0.25 * 1 + 0.75 * 4])
    assert flight.momentum() == pytest.approx(np.array([[0.75]]))


def test_joined_weights_change_in_time():
    changing = np.array([[0.5, 0.5], [0.4, 0.6], [0.3, 0.7]])
    frames = np.arange(6.0).reshape(3, 2, 1)
    first = Trajectory([0.0, 1.0], frames[:2], weights=changing[:2])
    whole = first.joined(Trajectory([1.0, 2.0], frames[1:], weights=changing[1:]))
    assert whole == Trajectory([0.0, 1.0, 2.0], frames, weights=changing)
    later = first.joined(Trajectory([3.0], frames[:1]), Trajectory([4.0, 5.0], frames[1:], weights=changing[:2]))
    np.testing.assert_allclose(later.weights, changing[[0, 1, 0, 0, 1]])
    with pytest.raises(ParameterError, match="the same weights"):
        first.joined(Trajectory([1.0, 2.0], frames[1:]))
