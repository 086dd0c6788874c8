"""Runs that go on: from memory and from files, as if they had never stopped."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.example_mechanics import Spring, a_population
from wlmsim import events
from wlmsim.errors import ParameterError
from wlmsim.integrators import descriptions as schemes
from wlmsim.mechanics import descriptions

WELL = wls.Lagrangian(wls.External(wls.laws.Harmonic((1.0, 2.0))), dissipation=wls.Friction(0.3), mass=1.5)
SLIDE = wls.GradientFlow(wls.External(wls.laws.Harmonic((1.0, 2.0))))
RUNS = {
    "leapfrog": (WELL, wls.Leapfrog),
    "yoshida": (WELL, wls.Yoshida4),
    "bath": (WELL, lambda: wls.BAOAB(0.4, seed=3)),
    "substepped bath": (WELL, lambda: wls.Substepped(wls.BAOAB(0.4, seed=3), tolerance=0.5)),
    "runge-kutta": (SLIDE, wls.RungeKutta4),
    "diffusion": (SLIDE, lambda: wls.EulerMaruyama(0.3, seed=np.random.default_rng(4))),
    "ornstein-uhlenbeck": (SLIDE, lambda: wls.ExactOrnsteinUhlenbeck(0.3, seed=3)),
    "vicsek": (WELL, lambda: wls.VicsekUpdate(0.5, noise=0.2, seed=3)),
}


@pytest.mark.parametrize("case", RUNS)
def test_a_run_that_goes_on_is_the_one_that_never_stopped(case, tmp_path):
    mechanics, scheme = RUNS[case]
    start, options = a_population(), {"dt": 0.25, "observables": ["mean"], "events": [events.Crossing()]}
    at_once = wls.simulate(mechanics, start, [0.0, 0.6, 1.0, 1.7, 2.0], integrator=scheme(), **options)
    first = wls.simulate(mechanics, start, [0.0, 0.6, 1.0], integrator=scheme(), **options)
    first.save(tmp_path / "run.h5")
    also = {name: options[name] for name in ("observables", "events")}
    longer = wls.resume(first, [1.7, 2.0], **also)
    from_file = wls.resume(tmp_path / "run.h5", [1.7, 2.0], **also)
    for run in (longer, from_file, wls.Trajectory.load(tmp_path / "run.h5")):
        assert run == at_once and run.metadata == at_once.metadata
        np.testing.assert_array_equal(run.observables["mean"], at_once.observables["mean"])
        np.testing.assert_array_equal(run.events["crossing"].times, at_once.events["crossing"].times)
        np.testing.assert_array_equal(run.energy(), at_once.energy())
    done = {"events": []}
    again = (
        wls.resume(wls.resume(first, [1.7], **done), [2.0], **done)
        if case in ("leapfrog", "ornstein-uhlenbeck")
        else at_once
    )
    assert again.times.tolist() == at_once.times.tolist()


def test_a_run_of_one_stream_may_go_on_twice_alike():
    noise = wls.BAOAB(0.4, seed=3)
    first = wls.simulate(WELL, a_population(), [0.0, 1.0], dt=0.25, integrator=noise)
    noise._rng.standard_normal(7)  # used elsewhere
    assert wls.resume(first, [2.0]) == wls.resume(first, [2.0])
    assert wls.resume(first, [2.0]) != wls.resume(first, [2.0], integrator=wls.BAOAB(0.4, seed=8))


def test_walls_and_what_was_found_are_kept(tmp_path):
    ball, free = wls.Population([[0.2, 0.0]], [[1.0, 0.0]]), wls.Lagrangian()
    walls = wls.Walls((0.0, -np.inf), (1.0, np.inf))
    found = {"observables": ["mean"], "events": [events.Crossing(at=0.5)]}
    wls.simulate(free, ball, [0.0, 1.0], dt=0.1, walls=walls, **found).save(tmp_path / "ball.h5")
    longer = wls.resume(tmp_path / "ball.h5", [2.0, 3.0], events=[])
    np.testing.assert_allclose(longer.positions[:, 0, 0], [0.2, 0.8, 0.2, 0.8], atol=1e-12)
    assert longer.observables["mean"].shape == (4, 2) and len(longer.events["crossing"]) == 1
    assert longer.metadata["walls"] == walls.settings
    free = wls.resume(longer, [4.0, 5.0], events=[], walls=None)
    assert free.positions[-1, 0, 0] < 0.0 and "walls" not in free.metadata
    again = wls.resume(longer, [4.0], events=[], walls=wls.Walls(-1.0, 1.0), metadata={"box": "wider"})
    assert again.metadata["walls"] == {"lower": -1.0, "upper": 1.0} and again.metadata["box"] == "wider"


def test_displacements_are_still_those_since_the_start(tmp_path):
    wanted = {"observables": {"msd": "mean_square_displacement", "E": "energy"}}
    at_once = wls.simulate(WELL, a_population(), [0.0, 1.0, 2.0], dt=0.25, **wanted)
    wls.simulate(WELL, a_population(), [0.0, 1.0], dt=0.25, **wanted).save(tmp_path / "run.h5")
    longer = wls.resume(tmp_path / "run.h5", [2.0])
    assert longer.metadata == at_once.metadata
    for name in ("msd", "E"):
        np.testing.assert_array_equal(longer.observables[name], at_once.observables[name])
    late = wls.simulate(WELL, a_population(), [0.5, 1.0], dt=0.25, **wanted)
    with pytest.raises(ParameterError, match="no frame of the start that 'msd' was measured from: give"):
        wls.resume(late, [2.0])
    given = {"msd": wls.observables.MeanSquareDisplacement(a_population()), "E": "energy"}
    assert wls.resume(late, [2.0], observables=given).observables["msd"][-1] == at_once.observables["msd"][-1]


def test_nothing_that_was_measured_is_lost(tmp_path):
    wanted = {"observables": {"x": lambda cloud: cloud.mean, "y": lambda cloud: 1.0}, "events": [events.Crossing()]}
    first = wls.simulate(WELL, a_population(), [0.0, 1.0], dt=0.25, **wanted)
    first.save(tmp_path / "run.h5")
    with pytest.raises(ParameterError, match=r"`observables` must be given again, or declined by .*'x', 'y'"):
        wls.resume(tmp_path / "run.h5", [2.0], events=[])
    with pytest.raises(ParameterError, match=r"`events` must be given again, or declined by \[\]: .*'crossing'"):
        wls.resume(tmp_path / "run.h5", [2.0], observables=[])
    with pytest.raises(ParameterError, match="observable 'x' must have one shape"):
        wls.resume(first, [2.0], observables={"x": lambda cloud: 1.0}, events=[])
    with pytest.raises(ParameterError, match="events of one name must be of as many"):
        wls.resume(first, [2.0], observables=[], events=[wls.events.Collision(1.0, name="crossing")])
    longer = wls.resume(
        tmp_path / "run.h5", [2.0], observables={"x": lambda cloud: cloud.mean, "z": "energy"}, events=[]
    )
    found = longer.observables
    assert found.times.tolist() == [0.0, 1.0, 2.0] and np.isfinite(found["x"]).all()
    assert np.isnan(found["y"]).tolist() == [False, False, True] and np.isnan(found["z"]).tolist() == [
        True,
        True,
        False,
    ]
    assert longer.events["crossing"].times.tolist() == first.events["crossing"].times.tolist()


@pytest.mark.parametrize("x", np.random.default_rng(0).uniform(0.5, 2.0, 12))
def test_a_terminal_event_is_met_once(x):
    start, end = wls.Population([[x, 0.0]], [[0.0, 0.8]]), {"events": [events.Crossing(terminal=True)]}
    spring = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    run = wls.simulate(spring, start, [20.0], dt=0.07, **end)
    for _ in range(3):
        run = wls.resume(run, [20.0], **end)
    np.testing.assert_allclose(run.events["crossing"].times, np.pi * (np.arange(4) + 0.5), atol=0.02)
    assert run.times.tolist() == run.events["crossing"].times.tolist()


def test_a_terminal_event_just_after_a_record_has_a_time_of_its_own():
    """Rounding leaves some of these on the near side of the plane at the record."""
    for x in np.linspace(0.1, 0.9, 33):
        ball = wls.Population([[x]], [[-0.1]])
        path = wls.simulate(
            wls.Lagrangian(), ball, [10 * x, 10 * x + 1], dt=0.1, events=[events.Crossing(terminal=True)]
        )
        assert path.times[-1] == pytest.approx(10 * x)


def test_a_run_back_in_time_goes_on_back():
    still = wls.Lagrangian(wls.External(wls.laws.Harmonic((1.0, 2.0))))
    wanted = {"dt": 0.25, "observables": ["mean_square_displacement"]}
    at_once = wls.simulate(still, a_population(), [0.0, -1.0, -2.0], **wanted)
    longer = wls.resume(wls.simulate(still, a_population(), [0.0, -1.0], **wanted), [-2.0])
    assert longer == at_once
    np.testing.assert_array_equal(*(r.observables["mean_square_displacement"] for r in (longer, at_once)))
    both_ways = wls.resume(longer, [1.0], observables=[])
    assert both_ways.times.tolist() == [-2.0, -1.0, 0.0, 1.0]


def test_what_cannot_go_on_says_so():
    path = wls.simulate(WELL, a_population(), [0.0, 1.0], dt=0.25)
    with pytest.raises(ParameterError, match=r"`options` must be one of .*'observe_at'.*got 'observe'.*did you mean"):
        wls.resume(path, [2.0], observe=[1.5])
    n = path.n
    growing = wls.Trajectory(path.times, path.positions, path.velocities, [np.ones(n), 1.0 + np.arange(n)])
    with pytest.raises(ParameterError, match="`run` must have weights that do not change"):
        wls.resume(growing, [2.0])
    path.units = {"length": "km", "time": "d"}
    path.ids = tuple(map(str, range(n)))
    assert wls.resume(path, [2.0]).units == path.units


def test_energies_work_after_loading(tmp_path):
    swarm = wls.Lagrangian(
        wls.Pairwise(wls.laws.Morse(2.0, 0.7), cutoff=1.5, box=(4.0, 5.0)) + wls.Gravity(0.5, 0.2),
        dissipation=wls.Alignment(radius=np.inf) + wls.SelfPropulsion(0.3),
        magnetic=wls.MagneticField(0.4),
    )
    path = wls.simulate(swarm, a_population(), [0.0, 0.5], dt=0.25)
    path.save(tmp_path / "swarm.h5")
    loaded = wls.Trajectory.load(tmp_path / "swarm.h5")
    assert repr(loaded.lagrangian) == repr(swarm) and loaded.lagrangian is loaded.mechanics
    np.testing.assert_array_equal(loaded.energy(), path.energy())
    assert wls.Trajectory.load(tmp_path / "swarm.h5", stop=0.2).integrator is None is not loaded.integrator


@pytest.mark.parametrize(
    "mechanics",
    [
        wls.Lagrangian(),
        wls.Lagrangian(wls.External(wls.laws.GaussianMixture())),
        wls.Lagrangian(wls.SlopePotential(wls.External(wls.laws.DoubleWell()) + wls.GaussianEntropy(0.3))),
        wls.Lagrangian(wls.Entropy(0.7, 0.8), magnetic=wls.MagneticField((1.0, 0.0, 2.0))),
        wls.systems.Boids(seed=0).lagrangian,
        wls.systems.Vicsek(seed=0).lagrangian,
        wls.StreamFlow(wls.laws.TaylorGreen(1.3, 0.8, 0.2)),
        wls.VortexFlow([1.0, -2.0], core=0.1),
        wls.LambOseenFlow(),
    ],
    ids=repr,
)
def test_mechanics_come_back_from_names_and_numbers(mechanics):
    import json

    from wlmsim.io.attributes import plain

    described = json.loads(json.dumps(plain("mechanics", descriptions.describe(mechanics))))
    assert repr(descriptions.build(described)) == repr(mechanics)


def test_a_law_without_a_name_is_said_to_be_missing(tmp_path):
    typed = wls.Lagrangian(wls.External(lambda x, xp: (x**2).sum(-1)))
    path = wls.simulate(typed, a_population(), [0.0, 0.5], dt=0.25)
    path.save(tmp_path / "typed.h5")
    loaded = wls.Trajectory.load(tmp_path / "typed.h5")
    assert loaded == path and loaded.mechanics is None
    with pytest.raises(
        ParameterError, match=r"does not know its mechanics \(External\(<lambda>\) cannot be saved: files"
    ):
        loaded.energy()
    with pytest.raises(ParameterError, match="does not know its mechanics"):
        wls.resume(tmp_path / "typed.h5", [1.0])
    loaded.mechanics = typed
    assert wls.resume(loaded, [1.0]) == wls.resume(path, [1.0])
    own = wls.simulate(wls.Lagrangian(Spring()), a_population(), [0.0, 0.5], dt=0.25)
    own.save(tmp_path / "own.h5")
    with pytest.raises(ParameterError, match="is no term that files know by name"):
        wls.Trajectory.load(tmp_path / "own.h5").energy()


def test_files_of_other_versions_are_read_without_their_mechanics(tmp_path):
    import h5py

    from wlmsim.io import hdf5

    wls.simulate(WELL, a_population(), [0.0, 0.5], dt=0.25, save=tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        text = hdf5.text(file, "wlmsim/mechanics").replace("Harmonic", "Unheard")
        del file["wlmsim/mechanics"], file["wlmsim/integrator"]
        hdf5.store_text(file, "wlmsim/mechanics", text)
    loaded = wls.Trajectory.load(tmp_path / "run.h5")
    with pytest.raises(ParameterError, match="cannot make it of what its file says: there is no law 'Unheard"):
        loaded.energy()
    loaded.mechanics = WELL
    with pytest.raises(ParameterError, match="does not know the scheme"):
        wls.resume(loaded, [1.0])
    assert len(wls.resume(loaded, [1.0], integrator=wls.Leapfrog())) == 3


@pytest.mark.parametrize("bad", ["Leapfrog2", "half_kick", "Generator"])
def test_files_call_nothing_but_schemes_and_terms(bad):
    with pytest.raises(ValueError, match="there is no scheme"):
        schemes.build({"type": bad, "settings": {}})
    with pytest.raises(ValueError, match="there is no term"):
        descriptions.built_terms([{"type": bad, "settings": {}}])
    with pytest.raises(ValueError, match="there is no flow"):
        descriptions.build({"type": bad, "settings": {}})
    noise = schemes.describe(wls.BAOAB(0.4, seed=3))
    with pytest.raises(ValueError, match="no source of noise"):
        schemes.build({**noise, "noise": {"bit_generator": "Generator"}})


def test_only_what_follows_is_joined():
    path = wls.simulate(WELL, a_population(), [0.0, 1.0, 2.0, 3.0], dt=0.5, observables=["energy"])
    assert path[:3].joined(path[2:]) == path == path[:2].joined(path[2:3], path[3:])
    np.testing.assert_array_equal(path[:3].joined(path[2:]).observables["energy"], path.observables["energy"])
    assert path[:3].joined(path[2:]).mechanics is WELL
    with pytest.raises(ParameterError, match=r"must begin when the trajectory before ends, t = 2, or later; got 1"):
        path[:3].joined(path[1:])
    with pytest.raises(ParameterError, match="`others` must be of the same particles"):
        path.joined(wls.Trajectory([4.0], np.zeros((1, 2, 2))))
    with pytest.raises(ParameterError, match="`others` must be a Trajectory"):
        path.joined(path[0])
    with pytest.raises(ParameterError, match="`save` is not known here"):
        wls.resume(path, [4.0], save="x.h5")
