"""Events along a run: their times against exact ones, step by step and in compiled runs."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.example_mechanics import Spring, a_population
from wlmsim import events
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.simulation import run as module

SPRING = wls.Lagrangian(Spring())
COMPILED = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
PLANET = wls.Population([[1.3, 0.0]], [[0.0, 0.8]])


@pytest.fixture(params=["step by step", "compiled"])
def oscillator(request, monkeypatch):
    if request.param == "step by step":
        return SPRING
    monkeypatch.setattr(module, "FEW", 2)
    return COMPILED


def test_crossings_of_an_oscillation(oscillator):
    """x = cos t of one and sin t of the other; the scheme turns as fast as (2 / h) asin(h / 2)."""
    start = wls.Population([[1.0], [0.0]], [[0.0], [1.0]])
    h = 0.05
    crossing = events.Crossing(at=0.5)
    path = wls.simulate(oscillator, start, [10.0], dt=h, events=[crossing])
    found = path.events["crossing"]
    exact = np.concatenate(
        [np.arccos(0.5) + 2 * np.pi * np.arange(2), 2 * np.pi - np.arccos(0.5) + 2 * np.pi * np.arange(1)]
    )
    np.testing.assert_allclose(found.times[found.particles[:, 0] == 0], np.sort(exact), atol=h**2)
    assert (np.diff(found.times) >= 0).all() and set(found.particles[:, 0]) == {0, 1}
    np.testing.assert_allclose(found.positions[:, 0, 0], 0.5, atol=1e-13)  # on the plane to rounding
    np.testing.assert_allclose(np.abs(found.velocities[:, 0, 0]), np.sqrt(0.75), atol=h**2)
    up = wls.simulate(oscillator, start, [10.0], dt=h, events=[events.Crossing(at=0.5, direction=1)])
    assert (up.events["crossing"].velocities > 0).all() and 2 * len(up.events["crossing"]) == pytest.approx(
        len(found), abs=2
    )
    assert path == up == wls.simulate(oscillator, start, [10.0], dt=h)  # looking changes nothing


def test_events_are_where_a_record_would_be(oscillator):
    """The moment that is found is that of the scheme, not of an interpolation."""
    found = wls.simulate(oscillator, PLANET, [3.0], dt=0.3, events=[events.Crossing(axis=0)]).events["crossing"]
    there = wls.simulate(oscillator, PLANET, found.times, dt=0.3)
    np.testing.assert_allclose(there.positions, found.positions, atol=1e-12)
    np.testing.assert_allclose(there.velocities, found.velocities, atol=1e-12)


def test_kepler_period():
    sun = wls.Lagrangian(wls.External(wls.laws.Kepler()))
    start = wls.Population([[1.0, 0.0]], [[0.0, 0.9]])
    axis = 1 / (2 - 0.9**2)
    path = wls.simulate(
        sun, start, [25.0], dt=0.002, integrator=wls.Yoshida4(), events=[events.Crossing(axis=1, direction=1)]
    )
    times = path.events["crossing"].times
    np.testing.assert_allclose(times, 2 * np.pi * axis**1.5 * np.arange(1, len(times) + 1), atol=1e-8)
    assert len(times) >= 5


def test_a_terminal_event_ends_the_run(oscillator, tmp_path):
    times = np.arange(0.0, 5.0, 0.25)
    fall = events.Crossing(at=0.0, terminal=True, name="zero")
    watched = {"observables": ["mean"], "events": [fall, events.Crossing(at=0.5, name="half")]}
    path = wls.simulate(oscillator, PLANET, times, dt=0.1, **watched)
    end = path.times[-1]
    assert end == pytest.approx(np.pi / 2, abs=0.01) and path.times[:-1].tolist() == times[times < end].tolist()
    assert path.positions[-1, 0, 0] == pytest.approx(0.0, abs=1e-13) and path.metadata["ended"] == "zero"
    assert path.observables.times.tolist() == path.times.tolist()
    assert len(path.events["half"]) == len(path.events["zero"]) == 1 and path.events["zero"].times[0] == end
    wls.simulate(oscillator, PLANET, times, dt=0.1, save=tmp_path / "run.h5", **watched)
    loaded = wls.Trajectory.load(tmp_path / "run.h5")
    assert loaded == path and loaded.metadata["ended"] == "zero"
    for name, found in path.events.items():
        for column in ("times", "particles", "positions", "velocities"):
            np.testing.assert_array_equal(getattr(loaded.events[name], column), getattr(found, column))


def test_a_record_after_a_terminal_event_within_the_step_is_not_made(oscillator):
    free = wls.simulate(oscillator, PLANET, [1.55, 1.58, 1.59], dt=0.5, events=[])
    assert free.positions[0, 0, 0] > 0 > free.positions[1, 0, 0]
    path = wls.simulate(
        oscillator, PLANET, [1.55, 1.58, 1.59], dt=0.5, events=[events.Crossing(terminal=True), events.Escape(1.0)]
    )
    assert len(path.times) == 2 and path.times[0] == 1.55 and 1.55 < path.times[1] < 1.58
    assert len(path.events["escape"]) == 0 and path.events["escape"].positions.shape == (0, 1, 2)


def test_collisions_and_escapes_of_straight_lines():
    start = wls.Population([[0.0, 0.0], [10.0, 0.0], [0.0, 3.0]], [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    path = wls.simulate(
        wls.Lagrangian(), start, [6.0], dt=0.7, events=[events.Collision(1.0), events.Escape(5.0, (0.0, 0.0))]
    )
    met, left = path.events["collision"], path.events["escape"]
    np.testing.assert_allclose(met.times, [4.5])
    assert met.particles.tolist() == [[0, 1]]
    np.testing.assert_allclose(met.positions, [[[4.5, 0.0], [5.5, 0.0]]])
    assert left.particles.tolist() == [[2], [0]]
    np.testing.assert_allclose(left.times, [2.0, 5.0])


def test_collisions_through_the_sides_of_a_box():
    start = wls.Population([[1.0, 5.0], [9.0, 5.0]], [[-1.0, 0.0], [0.5, 0.0]])
    for box in (10.0, (10.0, 20.0)):
        touch = events.Collision(0.5, box=box)
        met = wls.simulate(wls.Lagrangian(), start, [10.0], dt=0.3, events=[touch]).events["collision"]
        np.testing.assert_allclose(met.times, [1.0, 7.0 + 2 / 3])  # 2 apart, and once around
    with pytest.raises(ParameterError, match="`box` must be at least 12 long"):
        events.Collision(6.0, box=10.0)


def test_functions_of_the_whole_cloud_and_of_each_particle():
    start = wls.Population([[1.0, 0.0], [3.0, 0.0]], [[-1.0, 0.0], [-1.0, 0.0]])
    centre = wls.Event(lambda cloud: cloud.mean[0], name="centre")

    def each(cloud):
        return cloud.positions[:, 0] - 0.1 * cloud.velocities[:, 0]

    path = wls.simulate(wls.Lagrangian(), start, [5.0], dt=0.3, events=[centre, wls.Event(each, direction=-1)])
    np.testing.assert_allclose(path.events["centre"].times, [2.0])
    assert path.events["centre"].particles.tolist() == [[0, 1]]
    np.testing.assert_allclose(path.events["each"].times, [1.1, 3.1])
    assert path.events["each"].particles.tolist() == [[0], [1]]


def test_events_of_a_flow_know_its_velocity(oscillator):
    flow = wls.GradientFlow(oscillator.potential)
    path = wls.simulate(flow, wls.Population([[2.0]]), [3.0], dt=0.1, events=[events.Crossing(at=1.0)])
    found = path.events["crossing"]
    np.testing.assert_allclose(found.times, [np.log(2)], atol=1e-5)
    np.testing.assert_allclose(found.velocities, [[[-1.0]]], atol=1e-12)


def test_first_passages_of_a_noisy_path_leave_its_noise_alone():
    still, start = wls.GradientFlow(Spring(0.0)), wls.Population(np.zeros((50, 1)))
    watched = wls.simulate(
        still, start, [1.0, 2.0], dt=0.01, integrator=wls.EulerMaruyama(1.0, seed=1), events=[events.Crossing(at=0.5)]
    )
    assert watched == wls.simulate(still, start, [1.0, 2.0], dt=0.01, integrator=wls.EulerMaruyama(1.0, seed=1))
    found = watched.events["crossing"]
    np.testing.assert_allclose(found.positions, 0.5, atol=1e-12)
    # by the reflection principle a share of 2 (1 - Phi(0.5 / sqrt 2)) has been there by t = 2
    assert len(set(found.particles[:, 0])) / 50 == pytest.approx(0.72, abs=0.2)


def test_slices_keep_what_happened_in_their_time(tmp_path):
    path = wls.simulate(SPRING, PLANET, np.arange(0, 10.5, 0.5), dt=0.1, events=[events.Crossing()])
    assert len(path[:5].events["crossing"]) == 1 < len(path.events["crossing"]) == 3
    assert isinstance(path.events["crossing"], wls.Occurrences)
    assert repr(path.events["crossing"]).startswith("Occurrences(3 in 1.5")
    late = wls.simulate(SPRING, PLANET, [9.0, 10.0], dt=0.1, events=[events.Crossing()])
    late.save(tmp_path / "late.h5")
    for run in (late, late[:], wls.Trajectory.load(tmp_path / "late.h5")):  # with what happened before the first frame
        assert len(run.events["crossing"]) == 3
    assert len(wls.Trajectory.load(tmp_path / "late.h5", start=9.5).events["crossing"]) == 0


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (3, "`events` must be a list of events"),
        ([lambda cloud: 1.0], "`events` must be an Event"),
        ([events.Crossing(), events.Crossing(1)], "`events` must be of different names"),
        ([events.Crossing(axis=5)], "`axis` must be below 2"),
        ([events.Escape(1.0, (0.0, 0.0, 0.0))], "`centre` must be a number, or 2 of them"),
        ([wls.Event(lambda cloud: np.zeros(3), name="three")], "`three` must be a finite number .*or 5 of them"),
        (
            [wls.Event(lambda cloud: cloud.mean[0] < 0, name="left")],
            "`left` must be a finite number that passes.*at t = 0",
        ),
        ([wls.Event(lambda cloud: None, name="nothing")], "`nothing` must be a finite number.*got None"),
        ([wls.Event(lambda cloud: np.nan, name="nan")], "`nan` must be a finite number"),
    ],
)
def test_errors_say_what_an_event_is(wanted, message):
    with pytest.raises(ParameterError, match=message):
        wls.simulate(SPRING, a_population(), [1.0], dt=0.5, events=wanted)


def test_arguments_are_checked():
    for make, name in [
        (lambda: wls.Event(3), "function"),
        (lambda: wls.Event(lambda cloud: 1.0), "name"),
        (lambda: wls.Event(np.sum, direction=2), "direction"),
        (lambda: wls.Event(np.sum, terminal="no"), "terminal"),
        (lambda: events.Crossing(direction=2), "direction"),
        (lambda: events.Escape(0.0), "radius"),
        (lambda: events.Escape(1.0, (0.0, np.nan)), "centre"),
        (lambda: events.Crossing(terminal="no"), "terminal"),
        (lambda: events.Collision(-1.0), "distance"),
    ]:
        with pytest.raises(ParameterError, match=f"`{name}`"):
            make()
    assert repr(events.Escape(1.0)) == "Escape('escape')"


def test_one_particle_collides_with_none():
    path = wls.simulate(SPRING, PLANET, [1.0], dt=0.1, events=[events.Collision(0.1)])
    assert len(path.events["collision"]) == 0


@pytest.mark.parametrize("value", [lambda cloud: np.nan, lambda cloud: np.zeros(len(cloud)), lambda cloud: True])
def test_what_a_value_may_not_become(value, oscillator, tmp_path):
    """A run that has begun keeps what it has."""
    later = wls.Event(lambda cloud: value(cloud) if cloud.time > 0.5 else 1.0, name="later")
    cloud = wls.Population([[1.3, 0.0], [0.0, 1.0]], [[0.0, 0.8], [0.0, 0.0]])
    with pytest.raises(SimulationError, match="`later` must be"):
        wls.simulate(oscillator, cloud, [0.0, 0.25, 1.0], dt=0.1, events=[later], save=tmp_path / "run.h5")
    assert wls.Trajectory.load(tmp_path / "run.h5").times.tolist() == [0.0, 0.25]


def test_an_event_in_the_last_interval_without_a_time_step(oscillator):
    times = np.arange(0.0, 1.6, 0.01)
    found = wls.simulate(oscillator, PLANET, times, events=[events.Crossing()]).events["crossing"]
    np.testing.assert_allclose(found.times, [np.pi / 2], atol=1e-4)
    uneven = wls.simulate(oscillator, PLANET, [0.5, 0.6, 1.0, 1.55, 1.58], events=[events.Crossing()])
    there = wls.simulate(oscillator, PLANET, [0.5, 0.6, 1.0, 1.55, *uneven.events["crossing"].times])
    np.testing.assert_allclose(there.positions[-1], uneven.events["crossing"].positions[0], atol=1e-12)


def test_a_function_that_changes_its_cloud_does_not_change_the_run(oscillator):
    def careless(cloud):
        cloud.positions[:], cloud.velocities[:] = 0.0, 0.0
        return 1.0

    watched = wls.simulate(oscillator, PLANET, [0.5, 1.0], dt=0.1, events=[wls.Event(careless)])
    assert watched == wls.simulate(oscillator, PLANET, [0.5, 1.0], dt=0.1)
    assert PLANET.positions.tolist() == [[1.3, 0.0]]


def test_functions_of_velocities_know_those_of_a_flow(oscillator):
    slide, cloud = wls.GradientFlow(oscillator.potential), wls.Population([[2.0]])
    slow = wls.Event(lambda cloud: np.abs(cloud.velocities[:, 0]) - 1.0, name="slow")
    found = wls.simulate(slide, cloud, [3.0], dt=0.1, events=[slow]).events["slow"]
    np.testing.assert_allclose(found.times, [np.log(2)], atol=1e-5)


def test_the_function_of_an_event_is_one_of_a_population():
    assert events.Escape(1.0).function(PLANET).tolist() == pytest.approx([0.3])
    assert events.Crossing(axis=1, at=0.5).function(PLANET).tolist() == [-0.5]


def test_arrays_that_are_given_stay_their_owners():
    centre = np.zeros(2)
    escape = events.Escape(1.0, centre)
    centre[:] = 5.0
    assert escape.centre.tolist() == [0.0, 0.0]
