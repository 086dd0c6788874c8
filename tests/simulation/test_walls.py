"""Walls, the way back in time, and periodic boxes."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.example_mechanics import ShakenPendula, Spring, a_population
from wlmsim import events
from wlmsim.errors import AccuracyWarning, ParameterError, SimulationError


class Falling(Spring):
    """A uniform field, V = g x_1."""

    def force(self, positions, weights, time=0.0):
        return np.tile([0.0, -1.0], (len(positions), 1))

    def expression(self, positions, weights, time, xp):
        return (weights * positions[:, 1]).sum()


def test_free_balls_in_a_box_are_those_of_the_unfolded_plane():
    start, sides = a_population(40, 2, weighted=False), np.array([1.5, 2.0])
    start = wls.Population(start.positions % sides, 3 * start.velocities)
    path = wls.simulate(wls.Lagrangian(), start, np.linspace(0, 9, 13), dt=0.37, walls=wls.Walls(0.0, sides))
    free = start.positions + path.times[:, None, None] * start.velocities
    folded = np.abs((free + sides) % (2 * sides) - sides)
    np.testing.assert_allclose(path.positions, folded, atol=1e-11)
    np.testing.assert_allclose(np.abs(path.velocities[-1]), np.abs(start.velocities), rtol=1e-12)


def test_a_ball_keeps_its_energy_and_its_period():
    """From height 1/2 under g = 1 a ball is back after 2 time units, whatever the step."""
    ball = wls.Population([[0.3, 0.5]], [[0.1, 0.0]])
    path = wls.simulate(wls.Lagrangian(Falling()), ball, np.arange(0, 21.0), dt=0.17, walls=wls.Walls((0.0, 0.0)))
    np.testing.assert_allclose(path.energy(), path.energy()[0], rtol=1e-10)
    np.testing.assert_allclose(path.positions[::2, 0, 1], 0.5, atol=1e-9)
    np.testing.assert_allclose(path.positions[1::2, 0, 1], 0.0, atol=1e-6)


def test_bounces_are_of_the_order_of_the_scheme():
    """In a well beside a wall the error of a bounce falls as that of the scheme, not as the step."""
    ball, end = wls.Population([[1.0, 0.2]], [[0.0, 0.3]]), [5.0]
    paths = [
        wls.simulate(wls.Lagrangian(Spring(2.0)), ball, end, dt=dt, walls=wls.Walls((-0.5, -9.0))).positions[-1]
        for dt in (0.02, 0.01, 0.005, 0.0001)
    ]
    errors = [np.abs(path - paths[-1]).max() for path in paths[:-1]]
    assert errors[0] / errors[2] > 8


def test_diffusion_in_a_box_fills_it_evenly():
    still, n = wls.GradientFlow(Spring(0.0)), 4000
    start, noise = wls.Population(np.full((n, 1), 0.1)), wls.EulerMaruyama(1.0, seed=0)
    path = wls.simulate(still, start, [1.0, 2.0], dt=0.01, integrator=noise, walls=wls.Walls(0.0, 1.0))
    assert path.positions.min() >= 0 and path.positions.max() <= 1
    np.testing.assert_allclose(path.positions[-1].mean(), 0.5, atol=5 * np.sqrt(1 / 12 / n))
    np.testing.assert_allclose(path.positions[-1].var(), 1 / 12, rtol=0.1)


def test_events_know_of_walls():
    ball = wls.Population([[0.0, 0.5]], [[1.0, 0.0]])
    path = wls.simulate(
        wls.Lagrangian(), ball, [4.0], dt=0.3, walls=wls.Walls((-9.0, -9.0), (1.0, 9.0)), events=[events.Crossing(0)]
    )
    np.testing.assert_allclose(path.events["crossing"].times, [2.0])


def test_walls_are_checked():
    for walls, message in [
        ({"lower": 1.0, "upper": 1.0}, "`lower` must be below `upper`"),
        ({"lower": np.nan}, "`lower` must be a number"),
        ({"lower": (0.0, 0.0), "upper": (1.0, 1.0, 1.0)}, "`upper` must be of 2 numbers"),
    ]:
        with pytest.raises(ParameterError, match=message):
            wls.Walls(**walls)
    run = {"mechanics": wls.Lagrangian(), "population": a_population(), "times": [1.0], "dt": 0.1}
    with pytest.raises(ParameterError, match=r"must start within the walls; \d particles do not, the first is"):
        wls.simulate(**run, walls=wls.Walls(0.0))
    with pytest.raises(ParameterError, match="one for each of 2 axes"):
        wls.simulate(**run, walls=wls.Walls((-9.0, -9.0, -9.0)))
    with pytest.raises(ParameterError, match="`walls` must be a Walls"):
        wls.simulate(**run, walls=(0.0, 1.0))
    with pytest.raises(SimulationError, match="bounces more than 1000 times"):
        fast = wls.Population([[0.5, 0.0]], [[5000.0, 0.0]])
        wls.simulate(wls.Lagrangian(), fast, [1.0], dt=1.0, walls=wls.Walls((0.0, -9.0), (1.0, 9.0)))


# --- back in time


@pytest.mark.parametrize(
    ("scheme", "friction"),
    [(wls.Leapfrog, 0.0), (wls.Leapfrog, 0.4), (wls.Yoshida4, 0.4), (wls.Boris, 0.0), (lambda: wls.BAOAB(0.0), 0.0)],
)
def test_reversible_schemes_come_back(scheme, friction):
    law = wls.Lagrangian(ShakenPendula(0.3), dissipation=wls.Friction(friction) if friction else None)
    start = a_population(time=0.5)
    there = wls.simulate(law, start, [0.5, 1.3, 4.5], dt=0.1, integrator=scheme())
    back = wls.simulate(law, there[-1], [4.5, 1.3, 0.5], dt=0.1, integrator=scheme())
    assert back.times.tolist() == there.times.tolist()
    np.testing.assert_allclose(back.positions, there.positions, atol=1e-12)
    np.testing.assert_allclose(back.velocities, there.velocities, atol=1e-12)


def test_a_compiled_run_comes_back():
    well, start = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0))), wls.Population([[1.0]], [[0.0]])
    there = wls.simulate(well, start, [0.0, 3.0, 6.0], dt=0.001)
    back = wls.simulate(
        well, there[-1], [3.0, 0.0], dt=0.001, observables=["energy"], observe_at=[5.0, 1.0], events=[events.Crossing()]
    )
    np.testing.assert_allclose(back.positions, there.positions[:2], atol=1e-10)
    assert back.observables.times.tolist() == [1.0, 5.0]
    np.testing.assert_allclose(back.events["crossing"].times, [np.pi / 2, 3 * np.pi / 2], atol=1e-5)


def test_the_way_back_of_a_flow_and_of_single_steps():
    flow = wls.GradientFlow(Spring(1.0))
    path = wls.simulate(flow, wls.Population([[1.0]], time=2.0), [1.0, 0.0], dt=0.01)
    np.testing.assert_allclose(path.positions[:, 0, 0], np.exp([2.0, 1.0]), rtol=1e-8)
    step = wls.simulate(wls.Lagrangian(), wls.Population([[1.0]], [[2.0]], time=2.0), [0.5])
    assert step.positions[0, 0, 0] == -2.0 and step.times.tolist() == [0.5]
    with pytest.warns(AccuracyWarning, match="one step of 4 from"):
        wls.simulate(wls.Lagrangian(Spring()), wls.Population([[1.0]], [[1.0]]), [-4.0])


def test_what_has_no_way_back_says_so(tmp_path):
    start = a_population(time=1.0)
    for mechanics, integrator, message in [
        (wls.Lagrangian(dissipation=wls.Friction(1.0)), wls.BAOAB(0.3), "noise cannot be undone"),
        (wls.GradientFlow(Spring()), wls.EulerMaruyama(0.3), "noise cannot be undone"),
        (wls.Lagrangian(), wls.VicsekUpdate(), "what a turn at constant speed was is lost"),
        (wls.GradientFlow(wls.GaussianEntropy(0.3)), None, "diffusion back in time is ill-posed"),
    ]:
        with pytest.raises(ParameterError, match=f"`times` must increase under .*{message}"):
            wls.simulate(mechanics, start, [0.5, 0.0], dt=0.1, integrator=integrator)
    with pytest.raises(ParameterError, match="`save` is for runs forward"):
        wls.simulate(wls.Lagrangian(), start, [0.5, 0.0], dt=0.1, save=tmp_path / "x.h5")
    with pytest.raises(ParameterError, match="`times` must be at or before the population's time 1; got 1"):
        wls.simulate(wls.Lagrangian(), start, [1.5, 0.5], dt=0.1)


# --- periodic boxes


def test_wrapping_is_for_looking():
    flock = wls.systems.Boids(n=60, box=4.0, seed=0)
    path = flock.simulate(np.arange(0, 20, 0.5))
    seen = path.wrapped(4.0, origin=-2.0)
    assert np.abs(seen.positions).max() <= 2.0 < np.abs(path.positions).max()
    np.testing.assert_allclose((seen.positions - path.positions) / 4.0 % 1.0 % 1.0, 0.0, atol=1e-9)
    assert seen.mechanics is path.mechanics and seen.observables == path.observables
    order = wls.observe(path, [wls.observables.polarisation])["polarisation"]
    assert order[-1] > order[0]


def test_a_flock_in_a_periodic_box_looks_the_same_from_every_place():
    flock = wls.systems.Boids(n=50, box=(4.0, 3.0), seed=0)
    start = flock.population
    assert (np.abs(start.positions) <= [2.0, 1.5]).all() and flock.lagrangian.potential is None
    moved = wls.Population(start.positions + np.array([40.0, -27.0]), start.velocities)
    here, there = (flock.simulate([0.5, 1.0], start=cloud) for cloud in (start, moved))
    np.testing.assert_allclose(there.positions - here.positions, np.broadcast_to([40.0, -27.0], (2, 50, 2)), atol=1e-9)
    with pytest.raises(ParameterError, match="`half_width` must not be given with a periodic `box`"):
        wls.systems.Boids(box=4.0, half_width=2.0)
    with pytest.raises(ParameterError, match="`box` must be at least 2 long"):
        wls.systems.Boids(box=1.0)
