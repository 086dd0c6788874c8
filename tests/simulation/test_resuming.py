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
    again = wls.resume(wls.resume(first, [1.7]), [2.0]) if case in ("leapfrog", "ornstein-uhlenbeck") else at_once
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
    longer = wls.resume(tmp_path / "ball.h5", [2.0, 3.0])
    np.testing.assert_allclose(longer.positions[:, 0, 0], [0.2, 0.8, 0.2, 0.8], atol=1e-12)
    assert longer.observables["mean"].shape == (2, 2) and len(longer.events["crossing"]) == 1


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
