"""The entry point: times, steps, what is recorded, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wlmsim as wls
from tests.example_mechanics import ShakenPendula, Spring, a_population, newton, solve
from wlmsim import _progress
from wlmsim.errors import AccuracyWarning, FileFormatError, ParameterError, SimulationError
from wlmsim.integrators import Integrator, State, StochasticIntegrator


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
    assert flight.mechanics is lagrangian
    assert flight.metadata == {"integrator": "Leapfrog(scaling='physical')", "dt": 0.01, "seed": 0}
    assert wls.simulate(lagrangian, start, [1.0]).metadata["dt"] is None


def test_default_is_one_step_an_interval():
    assert steps_of([0.0, 0.5, 2.0]) == [(0.0, 0.5), (0.5, 1.5)]


def test_the_first_interval_begins_at_the_time_of_the_population():
    assert steps_of([2.0], start=1.5) == [(1.5, 0.5)]
    assert steps_of([1.5, 2.0], start=1.5) == [(1.5, 0.5)]


def test_steps_are_dt_long_and_records_between_them_have_one_of_their_own():
    times, sizes = zip(*steps_of([1.0, 1.25], dt=0.4), strict=True)
    np.testing.assert_allclose(times, [0.0, 0.4, 0.8, 0.8, 1.2])
    np.testing.assert_allclose(sizes, [0.4, 0.4, 0.2, 0.4, 0.05])


def test_a_step_longer_than_the_run_is_the_run():
    assert steps_of([1e-6, 0.1, 0.3], dt=1e9) == [(0.0, 1e-6), (0.0, 0.1), (0.0, 0.3)]


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


class Walk(StochasticIntegrator):
    """A random walk on a Lagrangian's positions, as a user may write it."""

    def step(self, lagrangian, state, dt):
        x = state.positions + 0.3 * np.sqrt(dt) * self._rng.standard_normal(state.positions.shape)
        return State(x, state.velocities, state.weights, state.time + dt)


RECORDS = st.lists(st.floats(0.001, 3.5), max_size=8, unique=True).map(sorted)


@pytest.mark.parametrize(
    "integrator",
    [
        wls.Leapfrog,
        wls.Yoshida4,
        wls.Substepped,
        lambda: wls.BAOAB(0.3, seed=1),
        lambda: wls.Substepped(wls.BAOAB(0.3, seed=1), tolerance=0.9),
        lambda: wls.integrators.ConstantSpeedEuler(noise=0.2, seed=1),
        lambda: wls.integrators.VicsekUpdate(noise=0.2, seed=1),
        lambda: Walk(seed=1),
    ],
)
@given(records=RECORDS, dt=st.floats(0.05, 5.0))
@settings(max_examples=15, deadline=None)
def test_no_record_changes_another(integrator, records, dt):
    lagrangian, start = wls.Lagrangian(ShakenPendula(0.4), dissipation=wls.Friction(0.2)), a_population()
    often = wls.simulate(lagrangian, start, [0.0, *records, 3.6], dt=dt, integrator=integrator())
    once = wls.simulate(lagrangian, start, [3.6], dt=dt, integrator=integrator())
    np.testing.assert_array_equal(often.positions[-1], once.positions[0])
    np.testing.assert_array_equal(often.velocities[-1], once.velocities[0])


@pytest.mark.parametrize(
    ("flow", "integrator"),
    [
        (wls.GradientFlow(Spring(0.0)), lambda: wls.EulerMaruyama(0.7, seed=3)),
        (wls.GradientFlow(Spring(0.0)), lambda: wls.StochasticHeun(0.7, seed=3)),
        (
            wls.GradientFlow(wls.External(wls.laws.Harmonic((1e-6, 0.8)))),
            lambda: wls.ExactOrnsteinUhlenbeck(0.7, seed=3),
        ),
    ],
)
def test_noise_of_records_is_that_of_one_path(flow, integrator):
    """Of a Gaussian process with steps of 1, at 0.4, 0.7, 1 and 2.3: the covariance of all of them is known."""
    n, times = 20_000, np.array([0.4, 0.7, 1.0, 2.3])
    start = wls.Population(np.zeros((n, 2)))
    path = wls.simulate(flow, start, times, dt=1.0, integrator=integrator()).positions
    early, late = np.minimum.outer(times, times), np.maximum.outer(times, times)
    k = 0.8 if "Harmonic" in repr(flow) else 1e-6
    expected = {0: 0.49 * early, 1: 0.49 * np.exp(-k * (late - early)) * -np.expm1(-2 * k * early) / (2 * k)}
    for axis, covariance in expected.items():
        found = path[:, :, axis] @ path[:, :, axis].T / n
        np.testing.assert_allclose(found, covariance, atol=5 * 0.49 * 2.3 / np.sqrt(n))
    whole = wls.simulate(flow, start, [2.3], dt=1.0, integrator=integrator()).positions
    np.testing.assert_array_equal(path[-1], whole[-1])


def test_noise_between_steps_is_not_used_again():
    flow, scheme = wls.GradientFlow(Spring(0.0)), wls.EulerMaruyama(1.0, seed=0)
    first = wls.simulate(flow, wls.Population(np.zeros((2000, 1))), [0.0, 0.25, 0.5], dt=1.0, integrator=scheme)
    then = wls.simulate(flow, first[-1], [0.75, 1.0], dt=1.0, integrator=scheme)
    steps = np.diff(np.concatenate([first.positions, then.positions]), axis=0)[:, :, 0]
    np.testing.assert_allclose(np.corrcoef(steps), np.eye(4), atol=5 / np.sqrt(2000))


@pytest.mark.parametrize("offset", [0.0, 1.7e9])
def test_rounding_of_a_clock_costs_no_step(offset):
    logged = Logged()
    wls.simulate(wls.Lagrangian(), a_population(time=offset), offset + np.arange(11) * 0.1, dt=0.1, integrator=logged)
    assert len(logged.steps) == 10


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
        ({"mechanics": Spring()}, "`mechanics` must be a Lagrangian or Flow"),
        ({"dt": 0.0}, r"`dt` must be a finite number > 0; got 0\.0"),
        ({"dt": -0.1}, "`dt` must be a finite number > 0"),
        (
            {"integrator": wls.RungeKutta4()},
            r"`integrator` must be a scheme for Lagrangian\(.*RungeKutta4.*moves a Flow",
        ),
        ({"mechanics": wls.GradientFlow(Spring()), "integrator": wls.Leapfrog()}, "moves a Lagrangian"),
        ({"integrator": "leapfrog"}, "`integrator` must be an Integrator; got 'leapfrog'"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    given = {"mechanics": wls.Lagrangian(), "population": a_population(time=0.5), "times": [1.0]}
    with pytest.raises(ParameterError, match=message):
        wls.simulate(**{**given, **arguments})


def test_progress_bar_changes_nothing(capsys, monkeypatch):
    start = a_population()
    quiet = wls.simulate(wls.Lagrangian(Spring()), start, [0.5, 1.0])
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(_progress, "SHORT", -1.0)
    assert wls.simulate(wls.Lagrangian(Spring()), start, [0.5, 1.0], progress=False) == quiet
    assert capsys.readouterr() == ("", "")
    shown = wls.simulate(wls.Lagrangian(Spring()), start, [0.5, 1.0])
    np.testing.assert_array_equal(shown.positions, quiet.positions)
    captured = capsys.readouterr()
    assert captured.out == "" and "simulating" in captured.err


def test_a_flow_needs_no_velocities_and_records_those_of_its_field():
    start = wls.Population([[1.0, 0.5], [-2.0, 0.0]])
    flow = wls.GradientFlow(Spring(2.0))
    path = wls.simulate(flow, start, [0.0, 0.3, 1.0], dt=0.01)
    np.testing.assert_allclose(
        path.positions, np.exp(-2 * path.times)[:, None, None] * start.positions, rtol=1e-8, atol=1e-15
    )
    np.testing.assert_array_equal(path.velocities, -2 * path.positions)
    assert path.mechanics is flow and path.metadata["integrator"] == "RungeKutta4()"
    np.testing.assert_allclose(path.energy(), (path.positions**2).sum(-1).mean(-1))
    with pytest.raises(ParameterError, match="only a Lagrangian has this"):
        path.momentum()


# --- frames that go to a file

TIMES = np.linspace(0.5, 5.0, 7)


def test_saved_frames_are_those_that_memory_would_hold(tmp_path):
    lagrangian, start = wls.Lagrangian(ShakenPendula(0.3)), a_population(9, weighted=True)
    kept = wls.simulate(lagrangian, start, TIMES, dt=0.1, metadata={"seed": 3})
    last = wls.simulate(lagrangian, start, TIMES, dt=0.1, metadata={"seed": 3}, save=tmp_path / "run.h5")
    saved = wls.Trajectory.load(tmp_path / "run.h5")
    for name in ("times", "positions", "velocities"):
        np.testing.assert_array_equal(getattr(saved, name), getattr(kept, name))
        np.testing.assert_array_equal(getattr(last, name), getattr(kept, name)[-1:])
    np.testing.assert_array_equal(saved.weights, kept.weights)
    assert saved.metadata == kept.metadata and last.mechanics is lagrangian
    part = wls.Trajectory.load(tmp_path / "run.h5", start=1.9, stop=3.6)
    np.testing.assert_array_equal(part.positions, kept.positions[2:5])


def test_a_saved_run_that_blows_up_keeps_the_frames_before(tmp_path):
    class Explosive(Spring):
        def force(self, positions, weights, time=0.0):
            return positions * (1.0 if time < 2 else np.inf)

    start = a_population()
    with pytest.raises(SimulationError, match="stopped being finite at t = 2") as caught:
        wls.simulate(wls.Lagrangian(Explosive()), start, TIMES, dt=0.1, save=tmp_path / "run.h5")
    assert "the 2 frames before that are in" in caught.value.__notes__[0]
    np.testing.assert_array_equal(wls.Trajectory.load(tmp_path / "run.h5").times, TIMES[:2])


@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_saved_run_that_fails_otherwise_leaves_the_old_file(tmp_path, when):
    class Broken(Spring):
        def force(self, positions, weights, time=0.0):
            if when == "at once" or time > 2:
                raise ZeroDivisionError
            return -positions

    path = tmp_path / "run.h5"
    path.write_text("older")
    with pytest.raises(ZeroDivisionError):
        wls.simulate(wls.Lagrangian(Broken()), a_population(), TIMES, dt=0.1, save=path)
    assert path.read_text() == "older" and [p.name for p in tmp_path.iterdir()] == ["run.h5"]
    with pytest.raises(FileFormatError):
        wls.Trajectory.load(path)


@pytest.mark.parametrize("block_bytes", [1, 500, 2**22], ids=["each frame", "some frames", "all frames"])
def test_frames_are_written_in_blocks_of_any_size(tmp_path, monkeypatch, block_bytes):
    monkeypatch.setattr("wlmsim.io.h5md.BLOCK_BYTES", block_bytes)
    start, times = a_population(7, 2), np.linspace(0.0, 1.0, 12)
    kept = wls.simulate(wls.Lagrangian(Spring()), start, times, dt=0.1)
    last = wls.simulate(wls.Lagrangian(Spring()), start, times, dt=0.1, save=tmp_path / "path.h5")
    written = wls.Trajectory.load(tmp_path / "path.h5")
    assert written == kept and last[0] == kept[-1]


def test_frames_that_wait_are_in_the_file_when_a_run_fails(tmp_path):
    wild = wls.Lagrangian(wls.External(lambda x, xp: -(x**4).sum(-1)))
    start = wls.Population([[1.0]], [[1.0]])
    with pytest.raises(SimulationError) as caught:
        wls.simulate(wild, start, np.linspace(0.0, 2.0, 201), dt=0.01, save=tmp_path / "path.h5")
    written = wls.Trajectory.load(tmp_path / "path.h5")
    assert f"the {len(written)} frames before that are in" in caught.value.__notes__[0] and len(written) > 20


class TestAStepThatNobodyChose:
    """Without `dt` a step is an interval between records, which knows nothing of the motion."""

    @pytest.mark.parametrize("system", [wls.systems.Kepler(n=5, seed=0), wls.systems.TaylorGreenDrifters(n=5, seed=0)])
    def test_a_long_one_is_said_once(self, system):
        with pytest.warns(
            AccuracyWarning, match="one step of 4 from one record to the next is too long.*smaller dt"
        ) as said:
            system.simulate([0.0, 4.0, 8.0])
        assert len(said) == 1

    def test_a_long_one_is_said_wherever_it_comes(self):
        with pytest.warns(AccuracyWarning, match="one step of 9.99 from one record to the next"):
            wls.systems.HarmonicOscillator(n=5, seed=0).simulate([0.0, 0.01, 10.0])

    @pytest.mark.parametrize("how", [{"times": [0.0, 0.1, 0.2]}, {"times": [0.0, 4.0], "dt": 4.0}, {"times": [0.0]}])
    def test_a_short_or_chosen_one_is_not(self, how):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            wls.systems.HarmonicOscillator(n=5, seed=0).simulate(**how)

    def test_looking_does_not_change_the_path(self):
        oscillator = wls.systems.HarmonicOscillator(n=5, seed=0)
        with pytest.warns(AccuracyWarning):
            path = oscillator.simulate([0.0, 3.0, 6.0])
        assert np.array_equal(path.positions, oscillator.simulate([0.0, 3.0, 6.0], dt=3.0).positions)
