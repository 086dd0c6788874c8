"""Loops over many steps: the same as one step after the other, for whatever they take."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wlmsim as wls
from tests.example_mechanics import ShakenPendula, a_population, advance
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.integrators import State
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.simulation import run

STRENGTH = [1.0]
"""Of the well below: a law may read what changes."""


def driven(x, t, xp):
    return 0.5 * STRENGTH[0] * (x**2).sum(-1) + 0.3 * xp.sin(t) * x[..., 0]


def attraction(r, xp):
    return -1.3 / xp.sqrt(r**2 + 0.2)


POTENTIALS = {
    1: wls.External(driven) + wls.Pairwise(attraction),
    2: wls.Gravity(0.7, 0.3) + wls.External(wls.laws.Harmonic((1.0, 2.0))),
    3: wls.Pairwise(wls.laws.Morse(), cutoff=1.5, box=(4.0, 3.5, 3.0)) + wls.External(driven),
}
MASSES = {1: 1.7, 2: 1.0, 3: 1.0}
"""By the dimension."""
LAGRANGIAN_SCHEMES = {
    "leapfrog": wls.Leapfrog,
    "unit mobility": lambda: wls.Leapfrog("unit-mobility"),
    "yoshida": wls.Yoshida4,
    "boris": wls.Boris,
    "bath": lambda: wls.BAOAB(0.4, seed=2),
    "no bath": lambda: wls.BAOAB(0.0),
}
FLOW_SCHEMES = {
    "runge-kutta": wls.RungeKutta4,
    "euler": lambda: wls.EulerMaruyama(0.0),
    "noise": lambda: wls.EulerMaruyama(0.3, seed=2),
    "heun": lambda: wls.StochasticHeun(0.0),
    "heun with noise": lambda: wls.StochasticHeun(0.3, seed=2),
}


def stepped(make, mechanics, start, dt, steps):
    return advance(make(), mechanics, start, dt, steps)


def looped(make, mechanics, start, dt, steps, calls=2):
    """The same in a few calls of a loop."""
    loop = make().loop(mechanics, start.weights, start.dim)
    state, done = State(start.positions, start.velocities, start.weights, start.time), 0
    for until in np.linspace(0, steps, calls + 1).astype(int)[1:].tolist():
        state, count, finite = loop.steps(state, start.time, dt, done, until - done)
        assert finite and count == until - done
        done = until
    return state


def check_same(make, mechanics, start, dt=0.07, steps=25):
    before = start.positions.copy()
    one, other = stepped(make, mechanics, start, dt, steps), looped(make, mechanics, start, dt, steps)
    assert np.abs(one.positions - before).max() > 1e-3
    np.testing.assert_array_equal(start.positions, before)
    np.testing.assert_allclose(other.positions, one.positions, rtol=1e-10, atol=1e-11)
    np.testing.assert_allclose(other.velocities, one.velocities, rtol=1e-9, atol=1e-10)
    assert other.time == pytest.approx(one.time)


clouds = st.builds(
    lambda n, seed, weighted, time: {"n": n, "seed": seed, "weighted": weighted, "time": time},
    st.integers(1, 9),
    st.integers(0, 2**32 - 1),
    st.booleans(),
    st.floats(-3, 3),
)


@pytest.mark.parametrize("dim", POTENTIALS)
@pytest.mark.parametrize("scheme", LAGRANGIAN_SCHEMES)
@given(cloud=clouds, friction=st.sampled_from([0.3, 5.0, 1e-12]))
@settings(max_examples=8, deadline=None)
def test_of_lagrangians(dim, scheme, cloud, friction):
    mechanics = wls.Lagrangian(POTENTIALS[dim], dissipation=wls.Friction(friction), mass=MASSES[dim])
    check_same(LAGRANGIAN_SCHEMES[scheme], mechanics, a_population(dim=dim, **cloud))


@pytest.mark.parametrize("dim", POTENTIALS)
@pytest.mark.parametrize("scheme", FLOW_SCHEMES)
@given(cloud=clouds)
@settings(max_examples=8, deadline=None)
def test_of_gradient_flows(dim, scheme, cloud):
    check_same(FLOW_SCHEMES[scheme], wls.GradientFlow(POTENTIALS[dim]), a_population(dim=dim, **cloud))


@pytest.mark.parametrize(
    "flow",
    [
        wls.VortexFlow([1.0, -2.0, 0.0, 0.5, 1.0], core=0.1),
        wls.VortexFlow([1.0, -2.0, 0.0, 0.5, 1.0]),
        wls.StreamFlow(wls.laws.DoubleGyre()),
    ],
    ids=repr,
)
def test_of_flows_of_the_plane(flow):
    check_same(wls.RungeKutta4, flow, a_population(5, 2, time=0.4))


@pytest.mark.parametrize("dissipation", [None, wls.Friction(0.3)])
def test_of_free_particles(dissipation):
    check_same(wls.Leapfrog, wls.Lagrangian(dissipation=dissipation, mass=2.0), a_population(3, 2))


def test_particles_in_the_same_place_do_not_pull_at_each_other():
    start = wls.Population(np.zeros((3, 2)), np.zeros((3, 2)))
    still = looped(wls.Leapfrog, wls.Lagrangian(wls.Pairwise(wls.laws.Plummer(1.0, 0.0))), start, 0.1, 4)
    np.testing.assert_array_equal(still.positions, start.positions)


# --- charges, types, and laws that change with the time

CHARGES = np.array([1.0, -2.0, 0.5, 0.0, 3.0, -1.0])
TYPES = ["a", "b", "a", "c", "b", "a"]


def breathing(r, t, xp):
    return (1 + 0.5 * xp.sin(3 * t)) * xp.exp(-r)


@pytest.mark.parametrize(
    "potential",
    [
        wls.Charged(wls.Gravity(-1.0, 0.2, method="direct") + wls.External(driven), CHARGES),
        wls.Between(wls.Pairwise(attraction), TYPES, "a", "b") + wls.Charged(wls.Pairwise(breathing), 1.5),
        wls.Charged(wls.Between(wls.Pairwise(breathing, cutoff=1.2, box=2.5), TYPES, "a", "a"), CHARGES),
    ],
    ids=repr,
)
def test_of_charges_types_and_laws_in_time(potential):
    check_same(wls.Leapfrog, wls.Lagrangian(potential, mass=1.3), a_population(6, 2, time=0.4))


def test_two_unlike_charges_go_round_each_other_by_kepler():
    """Their relative acceleration is q^2 (w_1 + w_2) / r^2 = 4 at r = 1, on a circle of angular velocity 2."""
    coulomb = wls.Charged(wls.Pairwise(lambda r, xp: 1.0 / r), [2.0, -2.0])
    start = wls.Population([[0.5, 0.0], [-0.5, 0.0]], [[0.0, 1.0], [0.0, -1.0]])
    turn = np.pi
    path = wls.simulate(wls.Lagrangian(coulomb), start, [0.25 * turn, 10 * turn], dt=turn / 2000)
    np.testing.assert_allclose(path.positions[0], [[0.0, 0.5], [0.0, -0.5]], atol=1e-5)
    np.testing.assert_allclose(path.positions[1], start.positions, atol=2e-4)


# --- forces that depend on the velocity


def ripples(x, xp):
    """A magnetic field on the plane that varies in space."""
    return 1.5 + xp.sin(x[..., 0]) * xp.cos(0.7 * x[..., 1])


def bottle(x, xp):
    return xp.stack([-0.3 * x[:, 0] * x[:, 2], -0.3 * x[:, 1] * x[:, 2], 1 + 0.3 * x[:, 2] ** 2], axis=-1)


def of_each(x, xp):
    """A magnetic field that is another one for each particle, and the same everywhere."""
    return CHARGES


ACTIVE = wls.Alignment(1.2, 0.5) + wls.SelfPropulsion(0.5, 0.2) + wls.Friction(0.3)
MASSES_OF_SIX = np.arange(1.0, 7.0)


@pytest.mark.parametrize(
    ("scheme", "dim", "strength", "dissipation", "mass"),
    [
        (wls.Boris, 3, (0.4, -0.9, 1.1), wls.Friction(0.3), MASSES_OF_SIX),
        (wls.Boris, 2, of_each, ACTIVE, 1.7),
        (wls.Leapfrog, 3, (0.4, -0.9, 1.1), ACTIVE, MASSES_OF_SIX),
        (wls.Leapfrog, 1, None, wls.Alignment(2.0, np.inf), 1.0),
        (lambda: wls.BAOAB(0.4, seed=2), 2, of_each, ACTIVE, 1.7),
    ],
)
def test_of_forces_that_depend_on_the_velocity(scheme, dim, strength, dissipation, mass):
    magnetic = None if strength is None else wls.MagneticField(strength)
    well = wls.External(driven)
    mechanics = wls.Lagrangian(well, dissipation=dissipation, magnetic=magnetic, mass=mass)
    check_same(scheme, mechanics, a_population(6, dim, time=0.4))


@pytest.mark.parametrize(("dim", "strength", "dissipation"), [(2, ripples, ACTIVE), (3, bottle, None)])
def test_of_magnetic_fields_that_vary(dim, strength, dissipation):
    mechanics = wls.Lagrangian(
        wls.External(driven), dissipation=dissipation, magnetic=wls.MagneticField(strength), mass=MASSES_OF_SIX
    )
    check_same(wls.Boris, mechanics, a_population(6, dim, time=0.4))


def test_a_cyclotron_goes_round_larmor_circles():
    """Radius v / omega, omega = B / m, clockwise; with radii a / sin a too large, a half the angle of a step."""
    field, mass, dt = 1.3, 1.7, 0.01
    omega, start = field / mass, a_population(3, 2)
    path = wls.simulate(wls.Lagrangian(magnetic=wls.MagneticField(field), mass=mass), start, [7.0, 40.0], dt=dt)
    z, v = start.positions @ [1, 1j], start.velocities @ [1, 1j]
    for frame in path:
        turned = np.exp(-1j * omega * frame.time)
        np.testing.assert_allclose(frame.velocities @ [1, 1j], v * turned, rtol=1e-10)
        larger = 0.5 * omega * dt / np.sin(0.5 * omega * dt)
        np.testing.assert_allclose(frame.positions @ [1, 1j], z + larger * v * (turned - 1) / (-1j * omega), rtol=1e-10)


# --- walls


@pytest.mark.parametrize(
    ("mechanics", "scheme"),
    [
        (wls.Lagrangian(wls.External(driven) + wls.Pairwise(attraction)), wls.Leapfrog),
        (wls.Lagrangian(magnetic=wls.MagneticField(2.0), dissipation=ACTIVE), wls.Boris),
        (wls.Lagrangian(wls.External(driven), dissipation=wls.Friction(0.3)), lambda: wls.BAOAB(0.4, seed=2)),
        (wls.GradientFlow(wls.External(driven)), lambda: wls.EulerMaruyama(0.7, seed=2)),
        (wls.StreamFlow(lambda x, xp: xp.sin(x[..., 0]) + x[..., 1]), wls.RungeKutta4),
    ],
)
@pytest.mark.parametrize("walls", [wls.Walls(-0.3, 0.4), wls.Walls((-0.3, -np.inf), (np.inf, 0.4))], ids=repr)
def test_within_walls(mechanics, scheme, walls):
    start, paths = a_population(6, 2, time=0.4), []
    start = wls.Population(np.clip(start.positions, -0.3, 0.4), 3 * start.velocities, start.weights, start.time)
    for few in (1, 10**9):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(run, "FEW", few)
            paths.append(wls.simulate(mechanics, start, [0.7, 1.333, 2.0], dt=0.02, integrator=scheme(), walls=walls))
    there = paths[0].positions
    assert (there >= walls.lower).all() and (there <= walls.upper).all()
    assert np.abs(there[-1] - start.positions).max() > 0.1
    np.testing.assert_allclose(paths[0].positions, paths[1].positions, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(paths[0].velocities, paths[1].velocities, rtol=1e-8, atol=1e-9)


def test_a_billiard_is_the_unfolded_plane_for_a_hundred_thousand_steps():
    sides = np.array([1.5, 2.0])
    ball = wls.Population([[0.3, 0.4]], [[0.7, -np.sqrt(2)]])
    path = wls.simulate(wls.Lagrangian(), ball, [100.0, 1000.0], dt=0.01, walls=wls.Walls(0.0, sides))
    free = ball.positions + path.times[:, None, None] * ball.velocities
    np.testing.assert_allclose(path.positions, np.abs((free + sides) % (2 * sides) - sides), atol=1e-8)


def test_a_particle_that_is_stuck_at_a_wall_is_told_of(with_loops):
    pressed = wls.Lagrangian(wls.External(wls.laws.UniformField((1e4,))))
    start = wls.Population([[0.0]], [[-3e6]])
    with pytest.raises(SimulationError, match=r"bounces more than 1000 times in a step of 0\.1"):
        wls.simulate(pressed, start, [5.0], dt=0.1, walls=wls.Walls(-1.0, 1.0))


def test_events_are_found_between_walls(with_loops):
    ball, walls = wls.Population([[0.25]], [[1.0]]), wls.Walls(0.0, 1.0)
    crossings = wls.events.Crossing(axis=0, at=0.5)
    path = wls.simulate(wls.Lagrangian(), ball, [4.0], dt=0.013, walls=walls, events=[crossings])
    np.testing.assert_allclose(path.events["crossing"].times, 0.25 + np.arange(4), atol=1e-9)


# --- what has none


class Opposite(wls.External):
    def force(self, positions, weights, time=0.0):
        return -super().force(positions, weights, time)


class Backwards(wls.Leapfrog):
    def step(self, mechanics, state, dt):
        return super().step(mechanics, state, -dt)


class Heavier(wls.Lagrangian):
    def acceleration(self, positions, weights, time=0.0):
        return 0.5 * super().acceleration(positions, weights, time)


class Sideways(Dissipation):
    def rayleigh(self, positions, velocities, weights, xp):
        raise NotImplementedError

    def force(self, positions, velocities, weights):
        return velocities[:, ::-1]


class Faster(wls.SelfPropulsion):
    def force(self, positions, velocities, weights):
        return 2 * super().force(positions, velocities, weights)


class Twirled(wls.Lagrangian):
    def velocity_acceleration(self, positions, velocities, weights):
        return 2 * super().velocity_acceleration(positions, velocities, weights)


class Doubled(wls.MagneticField):
    def force(self, positions, velocities):
        return 2 * super().force(positions, velocities)


class Upwards(wls.GradientFlow):
    def velocity(self, positions, weights, time=0.0):
        return -super().velocity(positions, weights, time)


WELL = wls.External(wls.laws.Harmonic(1.0))


@pytest.mark.parametrize(
    ("mechanics", "scheme"),
    [
        (wls.Lagrangian(Opposite(wls.laws.Harmonic(1.0))), wls.Leapfrog()),
        (wls.Lagrangian(WELL + ShakenPendula()), wls.Leapfrog()),
        (Heavier(WELL), wls.Leapfrog()),
        (wls.Lagrangian(WELL), Backwards()),
        (wls.Lagrangian(WELL), wls.DormandPrince()),
        (wls.Lagrangian(WELL, dissipation=Sideways()), wls.Leapfrog()),
        (wls.Lagrangian(WELL, dissipation=Faster()), wls.Leapfrog()),
        (Twirled(WELL, dissipation=wls.Alignment()), wls.Leapfrog()),
        (wls.Lagrangian(WELL, magnetic=Doubled(1.0)), wls.Leapfrog()),
        (wls.Lagrangian(WELL, magnetic=wls.MagneticField(ripples)), wls.Leapfrog()),
        (wls.Lagrangian(WELL, magnetic=wls.MagneticField(lambda x, xp: np.hypot(x[:, 0], x[:, 1]))), wls.Boris()),
        (wls.Lagrangian(WELL, magnetic=wls.MagneticField(lambda x, xp: x[:, 0] - x[:, 0].sum())), wls.Boris()),
        (wls.Lagrangian(WELL, magnetic=wls.MagneticField(lambda x, xp: x[:, 0] / len(x))), wls.Boris()),
        (wls.Lagrangian(wls.Gravity(method="tree")), wls.Leapfrog()),
        (Upwards(WELL), wls.RungeKutta4()),
        (wls.GradientFlow(WELL), wls.ExactOrnsteinUhlenbeck(0.1)),
        (wls.VortexFlow([1.0]), wls.RungeKutta4()),
    ],
)
def test_what_computes_otherwise_has_none(mechanics, scheme):
    assert scheme.loop(mechanics, np.ones(2) / 2, 2) is None


def test_a_law_that_may_always_change_has_none():
    with open(os.devnull) as file:
        reading = wls.Lagrangian(wls.External(lambda x, xp: (x**2).sum(-1) + 0 * file.fileno()))
        assert wls.Leapfrog().loop(reading, np.ones(1), 1) is None


# --- in a simulation


@pytest.fixture(params=[True, False], ids=["loops", "steps"])
def with_loops(request, monkeypatch):
    """Whether loops are used from the first step on, or never."""
    monkeypatch.setattr(run, "FEW", 1 if request.param else 10**9)
    return request.param


@pytest.mark.parametrize("dim", POTENTIALS)
@given(
    cloud=clouds,
    records=st.lists(st.floats(0.01, 1.9), min_size=1, max_size=5, unique=True).map(sorted),
    dt=st.sampled_from([None, 0.05, 0.3]),
)
@settings(max_examples=10, deadline=None)
def test_trajectories_are_the_same(dim, cloud, records, dt):
    start = a_population(dim=dim, **cloud)
    mechanics = wls.Lagrangian(POTENTIALS[dim], dissipation=wls.Friction(0.2))
    times = start.time + np.array([0.0, *records, 2.0])
    paths = []
    with pytest.MonkeyPatch.context() as patch:
        for few in (1, 10**9):
            patch.setattr(run, "FEW", few)
            paths.append(wls.simulate(mechanics, start, times, dt=dt, integrator=wls.Yoshida4()))
    np.testing.assert_allclose(paths[0].positions, paths[1].positions, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(paths[0].velocities, paths[1].velocities, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(paths[0].energy(), paths[1].energy(), rtol=1e-8, atol=1e-9)


@given(records=st.lists(st.floats(0.001, 3.5), max_size=8, unique=True).map(sorted), dt=st.floats(0.02, 0.5))
@settings(max_examples=20, deadline=None)
def test_no_record_changes_another(records, dt):
    start, mechanics = a_population(4, 1), wls.Lagrangian(POTENTIALS[1], dissipation=wls.Friction(0.2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "FEW", 1)
        for make in (wls.Leapfrog, lambda: wls.BAOAB(0.3, seed=1)):
            often, once = (
                wls.simulate(mechanics, start, times, dt=dt, integrator=make()) for times in ([*records, 3.6], [3.6])
            )
            np.testing.assert_array_equal(often.positions[-1], once.positions[0])
            np.testing.assert_array_equal(often.velocities[-1], once.velocities[0])


def test_pieces_of_a_run_change_nothing(monkeypatch):
    start, mechanics = a_population(4, 1), wls.Lagrangian(POTENTIALS[1])
    monkeypatch.setattr(run, "FEW", 1)
    paths = []
    for at_once in (1, 500, 10**7):
        monkeypatch.setattr(run, "AT_ONCE", at_once)
        paths.append(wls.simulate(mechanics, start, [0.5, 40.0], dt=0.02, integrator=wls.BAOAB(0.0)))
    for path in paths[1:]:
        np.testing.assert_array_equal(path.positions, paths[0].positions)


def test_a_law_is_read_at_the_start_of_each_run(with_loops, monkeypatch):
    start, mechanics = wls.Population([[1.0]], [[0.0]]), wls.Lagrangian(wls.External(driven))
    ends = []
    for strength in (1.0, 4.0):
        monkeypatch.setitem(globals(), "STRENGTH", [strength])
        ends.append(wls.simulate(mechanics, start, [0.5], dt=0.01).positions[0, 0, 0])
    assert abs(ends[0] - ends[1]) > 0.1


def test_a_run_that_blows_up_says_when(with_loops):
    wild = wls.Lagrangian(wls.External(lambda x, xp: -(x**4).sum(-1)))
    start = wls.Population([[1.0]], [[1.0]])
    with pytest.raises(SimulationError, match=r"at t = 0\.81 with time step 0\.01; try a smaller dt \(now 0\.01\)"):
        wls.simulate(wild, start, [0.0, 0.1, 20.0], dt=0.01)


def test_a_singular_start_is_refused(with_loops):
    sun = wls.Lagrangian(wls.External(wls.laws.Kepler()))
    with pytest.raises(ParameterError, match=r"must start where the force of External\(Kepler.* is finite"):
        wls.simulate(sun, wls.Population([[0.0, 0.0]]).at_rest(), [1.0], dt=0.1)


def test_few_particles_and_many_steps_are_looped(monkeypatch):
    """Which is decided by numbers alone, so that a run is the same each time."""
    asked = []
    monkeypatch.setattr(wls.integrators.loops.Loop, "steps", lambda *args: asked.append(args) or 1 / 0)
    oscillator = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    wls.simulate(oscillator, wls.Population([[1.0]], [[0.0]]), [1.0], dt=1.0 / (run.FEW - 1))
    assert not asked
    with pytest.raises(ZeroDivisionError):
        wls.simulate(oscillator, wls.Population([[1.0]], [[0.0]]), [1.0], dt=1.0 / run.FEW)
    assert len(asked) == 1


def test_progress_moves_while_a_loop_runs(monkeypatch):
    seen = []
    monkeypatch.setattr(run, "FEW", 1)
    monkeypatch.setattr(run, "AT_ONCE", 200 * 104)
    monkeypatch.setattr(run, "LateBar", lambda text, steps, shown: _Counting(seen))
    oscillator = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    wls.simulate(oscillator, wls.Population([[1.0]], [[0.0]]), [10.0], dt=0.01, progress=True)
    assert seen == [200] * 5


class _Counting(list):
    def __init__(self, seen):
        self.seen = seen

    def __enter__(self):
        return self

    def advance(self, pieces):
        self.seen.append(pieces)

    def __exit__(self, *_):
        return None
