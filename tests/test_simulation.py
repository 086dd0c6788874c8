"""The entry point: times, steps, what is recorded, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.mechanics import ShakenPendula, Spring, a_population, newton, solve
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.integrators import Integrator, State


class Logged(Integrator):
    """Straight lines, and a list of the steps that were asked for."""

    def __init__(self):
        self.steps = []

    def step(self, lagrangian, state, dt):
        self.steps.append((state.time, dt))
        return State(state.positions + dt * state.velocities, state.velocities, state.weights, state.time + dt)


def steps_of(times, dt=None, start=0.0):
    logged = Logged()
    flight = wls.simulate(wls.Lagrangian(), a_population(time=start), times, dt=dt, integrator=logged)
    expected = a_population().positions + (np.asarray(times) - start)[:, None, None] * a_population().velocities
    np.testing.assert_allclose(flight.positions, expected, rtol=1e-12, atol=1e-12)
    return logged.steps


def test_records_what_it_is_asked_for():
    start = a_population(weighted=True)
    lagrangian = wls.Lagrangian(Spring())
    flight = wls.simulate(lagrangian, start, [0.0, 0.5, 2.0], dt=0.01, metadata={"seed": 0})
    assert flight.times.tolist() == [0.0, 0.5, 2.0]
    assert flight[0] == start
    np.testing.assert_array_equal(flight.weights, start.weights)
    assert flight.lagrangian is lagrangian
    assert flight.metadata == {"integrator": "Leapfrog(scaling='physical')", "dt": 0.01, "seed": 0}
    assert wls.simulate(lagrangian, start, [1.0]).metadata["dt"] is None


def test_default_is_one_step_an_interval():
    assert steps_of([0.0, 0.5, 2.0]) == [(0.0, 0.5), (0.5, 1.5)]


def test_the_first_interval_begins_at_the_time_of_the_population():
    assert steps_of([2.0], start=1.5) == [(1.5, 0.5)]
    assert steps_of([1.5, 2.0], start=1.5) == [(1.5, 0.5)]


def test_dt_is_the_largest_step_and_intervals_are_divided_evenly():
    times, sizes = zip(*steps_of([1.0, 1.25], dt=0.4), strict=True)
    np.testing.assert_allclose(sizes, [1 / 3, 1 / 3, 1 / 3, 0.25])
    np.testing.assert_allclose(times, [0, 1 / 3, 2 / 3, 1.0])


@pytest.mark.parametrize("dt", [0.1, 0.05, 1e-3])
def test_rounding_costs_no_extra_step(dt):
    assert len(steps_of(np.arange(11) * 0.1, dt=dt)) == round(1.0 / dt)


def test_times_of_a_long_run_are_exact():
    start = wls.Population([[0.0]], [[1.0]])
    times = np.arange(0, 10_001) * 0.1
    logged = Logged()
    wls.simulate(wls.Lagrangian(), start, times[[0, 10_000]], dt=0.1, integrator=logged)
    np.testing.assert_allclose([t for t, _ in logged.steps], times[:-1], rtol=1e-14)


def test_a_driven_system_sees_the_time():
    start = a_population(time=0.7)
    lagrangian = wls.Lagrangian(ShakenPendula(0.9))
    x, v = solve(newton(lagrangian, start.weights), start, 2.7)
    end = wls.simulate(lagrangian, start, [2.7], dt=1e-3)
    np.testing.assert_allclose(end.positions[0], x, atol=1e-5)
    np.testing.assert_allclose(end.velocities[0], v, atol=1e-5)


def test_records_do_not_change_the_motion():
    lagrangian, start = wls.Lagrangian(ShakenPendula(), dissipation=wls.Friction(0.2)), a_population()
    often = wls.simulate(lagrangian, start, np.linspace(0, 2, 21), dt=0.1)
    once = wls.simulate(lagrangian, start, [2.0], dt=0.1)
    np.testing.assert_allclose(often.positions[-1], once.positions[0], rtol=1e-12)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_a_trajectory_that_blows_up_says_when_and_with_which_step():
    class Explosive(Spring):
        def force(self, positions, weights, time=0.0):
            return positions**3

    start = wls.Population([[2.0]], [[1.0]])
    with pytest.raises(SimulationError, match=r"stopped being finite at t = .* with time step 0\.25") as caught:
        wls.simulate(wls.Lagrangian(Explosive()), start, [1.0, 50.0], dt=0.25)
    assert "try a smaller dt (now 0.25)" in str(caught.value)
    when = float(str(caught.value).split("t = ")[1].split()[0])
    assert 0.25 < when < 5 and (when / 0.25) % 1 == pytest.approx(0, abs=1e-9)
    with pytest.raises(SimulationError, match="now one step an interval"):
        wls.simulate(wls.Lagrangian(Explosive()), start, np.arange(1.0, 50.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [1.0, 0.5]}, "`times` must be strictly increasing; got 1 followed by 0.5"),
        ({"times": []}, "`times` must be a non-empty array"),
        ({"times": [np.nan]}, "`times` must be finite"),
        ({"times": [0.0, 1.0]}, "`times` must be at or after the population's time 0.5; got .*0.0"),
        ({"population": wls.Population([[0.0]])}, r"`population` must have velocities.*at_rest"),
        ({"population": [[0.0]]}, r"`population` must be a Population; got \[\[0\.0\]\]"),
        ({"lagrangian": Spring()}, "`lagrangian` must be a Lagrangian"),
        ({"dt": 0.0}, r"`dt` must be a finite number > 0; got 0\.0"),
        ({"dt": -0.1}, "`dt` must be a finite number > 0"),
        ({"integrator": "leapfrog"}, "`integrator` must be a Integrator; got 'leapfrog'"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    given = {"lagrangian": wls.Lagrangian(), "population": a_population(time=0.5), "times": [1.0]}
    with pytest.raises(ParameterError, match=message):
        wls.simulate(**{**given, **arguments})


def test_progress_bar_changes_nothing(capsys):
    start = a_population()
    quiet = wls.simulate(wls.Lagrangian(Spring()), start, [0.5, 1.0])
    assert capsys.readouterr() == ("", "")
    shown = wls.simulate(wls.Lagrangian(Spring()), start, [0.5, 1.0], progress=True)
    np.testing.assert_array_equal(shown.positions, quiet.positions)
    captured = capsys.readouterr()
    assert captured.out == "" and "simulating" in captured.err
