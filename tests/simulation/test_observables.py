"""What is measured along a run: against exact answers, and the same during the run, after it and from its file."""

from __future__ import annotations

import numpy as np
import pytest

import wlmsim as wls
from tests.example_mechanics import ShakenPendula, Spring, a_population
from wlmsim import observables
from wlmsim.errors import ParameterError, SimulationError

TIMES = np.linspace(0.5, 3.0, 6)


def run(**options):
    return wls.simulate(wls.Lagrangian(ShakenPendula()), a_population(), TIMES, dt=0.1, **options)


def test_observations_are_those_of_the_frames():
    every = [*observables.OF_MECHANICS, "mean", "temperature", "polarisation", "mean_square_displacement"]
    path = run(observables=every)
    assert list(path.observables) == every and path.observables.times.tolist() == TIMES.tolist()
    for name in ("energy", "kinetic_energy", "potential_energy", "momentum", "angular_momentum"):
        np.testing.assert_array_equal(path.observables[name], getattr(path, name)())
    after = wls.observe(path, [name for name in every if name != "mean_square_displacement"])
    for name, values in after.items():
        np.testing.assert_array_equal(values, path.observables[name])
    assert after.times.tolist() == TIMES.tolist() and "momentum (6, 2)" in repr(after)


def test_observations_have_times_of_their_own_and_change_nothing():
    often = np.linspace(0.0, 3.0, 61)
    path, plain = run(observables={"height": lambda cloud: cloud.positions[0, 1]}, observe_at=often), run()
    assert path == plain and path.observables.times.tolist() == often.tolist()
    np.testing.assert_array_equal(path.observables["height"][10::10], plain.positions[:, 0, 1])


def test_observations_of_a_compiled_run_are_those_of_one_after_the_other(monkeypatch):
    well, start = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0))), wls.Population([[1.0]], [[0.0]])
    calls = []
    monkeypatch.setattr(wls.Leapfrog, "step", lambda *arguments: calls.append(arguments))
    path = wls.simulate(well, start, [6.0], dt=0.001, observables=["mean"], observe_at=np.linspace(0, 6, 13))
    assert not calls  # all steps were compiled
    np.testing.assert_allclose(path.observables["mean"][:, 0], np.cos(path.observables.times), atol=1e-6)


def test_functions_that_return_nothing_are_called_and_not_kept():
    seen = []
    path = run(observables=[seen.append, "energy"])
    assert [cloud.time for cloud in seen] == TIMES.tolist() and list(path.observables) == ["energy"]
    seen[0].positions[:] = 7.0  # a copy
    assert path == run()


def test_files_hold_what_was_observed(tmp_path):
    gas = observables.PairCorrelation(cutoff=1.0, box=4.0, bins=5)
    wanted = {"a/b of all": "momentum", "g": gas}
    kept = run(observables=wanted)
    kept.save(tmp_path / "kept.h5")
    run(observables=wanted, save=tmp_path / "run.h5")
    for name in ("kept.h5", "run.h5"):
        loaded = wls.Trajectory.load(tmp_path / name)
        assert loaded == kept and set(loaded.observables) == {"a/b of all", "g"}
        for key, values in kept.observables.items():
            np.testing.assert_array_equal(loaded.observables[key], values)
    part = wls.Trajectory.load(tmp_path / "kept.h5", start=1.0, stop=2.0)
    assert part.observables.times.tolist() == part.times.tolist()
    assert len(wls.Trajectory.load(run(save=tmp_path / "none.h5") and tmp_path / "none.h5").observables) == 0


def test_a_run_that_fails_keeps_what_was_observed_before(tmp_path):
    class Explosive(Spring):
        def force(self, positions, weights, time=0.0):
            return positions * (1.0 if time < 2 else np.inf)

    wild = wls.Lagrangian(Explosive())
    with pytest.raises(SimulationError):
        wls.simulate(wild, a_population(), TIMES, dt=0.1, observables=["mean"], save=tmp_path / "run.h5")
    assert wls.Trajectory.load(tmp_path / "run.h5").observables["mean"].shape == (3, 2)


def test_slices_keep_their_observations():
    path = run(observables=["energy"])
    assert path[1:4].observables.times.tolist() == TIMES[1:4].tolist()
    assert path[::2].observables["energy"].tolist() == path.energy()[::2].tolist()
    often = run(observables=["energy"], observe_at=np.linspace(0, 3, 31))
    assert often[1:3].observables.times.tolist() == pytest.approx(np.linspace(1.0, 1.5, 6).tolist())


def test_free_diffusion():
    still = wls.GradientFlow(Spring(0.0))
    n, start = 20_000, wls.Population(np.zeros((20_000, 3)))
    noise = wls.EulerMaruyama(0.8, seed=0)
    path = wls.simulate(still, start, [1.0, 2.5], dt=0.5, integrator=noise, observables=["mean_square_displacement"])
    exact = 2 * 3 * (0.8**2 / 2) * path.times
    np.testing.assert_allclose(path.observables["mean_square_displacement"], exact, rtol=5 * np.sqrt(2 / 3 / n))


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_an_ideal_gas_has_no_structure(dim, weighted):
    n, box = 3000, 2.0 + 0.3 * np.arange(dim)
    rng = np.random.default_rng(dim)
    weights = rng.uniform(0.5, 1.5, n) if weighted else None
    gas = wls.Population(box * rng.uniform(-2, 2, (n, dim)), weights=weights)  # in several images of the box
    pairs = observables.PairCorrelation(1.0, tuple(box), bins=3)
    np.testing.assert_allclose(pairs(gas), 1.0, atol=0.06)
    waves = observables.StructureFactor(40.0 if dim < 3 else 15.0, tuple(box), bins=2)
    found = [
        waves(wls.Population(box * rng.uniform(size=(300, dim)), weights=None if weights is None else weights[:300]))
        for _ in range(10)
    ]
    np.testing.assert_allclose(np.mean(found, axis=0)[-1], 1.0, atol=0.35 if dim == 1 else 0.15)


def test_pairs_of_a_lattice():
    """On a line at distance 1: two neighbours each within (0.5, 1.5), where an ideal gas has two."""
    lattice = wls.Population(np.arange(10.0)[:, None])
    pairs = observables.PairCorrelation(cutoff=4.5, box=10.0, bins=9)
    np.testing.assert_allclose(pairs(lattice), np.tile([0.0, 20 / 9], 5)[:9], atol=1e-12)
    assert pairs.distances.tolist() == (np.arange(9) * 0.5 + 0.25).tolist()
    assert observables.PairCorrelation(1.0, 3.0, 2)(wls.Population([[0.0]])).tolist() == [0.0, 0.0]


def test_waves_of_a_lattice():
    """All in phase at the reciprocal lattice, S = n, and none elsewhere."""
    cells = np.stack(np.meshgrid(*[np.arange(4.0)] * 2), -1).reshape(-1, 2)
    waves = observables.StructureFactor(largest=2 * np.pi * 1.1, box=4.0, bins=13)
    found = waves(wls.Population(cells))
    sizes = np.linalg.norm(waves._waves(2), axis=1)
    count = np.bincount((sizes / waves.largest * 13).astype(int), minlength=13)
    at = 11  # |k| = 2 pi
    assert found[at] == pytest.approx(16 * 2 / count[at]) and np.nansum(np.delete(found, at)) == pytest.approx(0.0)
    assert np.isnan(found[count == 0]).all() and waves.wave_numbers[at] == pytest.approx(2.2 * np.pi * 11.5 / 13)


def test_order_and_temperature():
    flock = wls.Population(np.zeros((4, 2)), [[2.0, 0.0], [0.1, 0.0], [0.0, 3.0], [0.0, 0.0]])
    assert observables.polarisation(flock) == pytest.approx(np.hypot(0.5, 0.25))
    warm = wls.Population(np.zeros((2, 3)), [[1.0, 0.0, 2.0], [1.0, 0.0, 0.0]])
    assert observables.temperature(warm, mass=6.0) == pytest.approx(6.0 * 1.0 / 3)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["enrgy"], r"`observables` must be one of .*did you mean 'energy'"),
        ([lambda cloud: 1.0], "must name a lambda"),
        ({"x": 3}, "functions of a population"),
        (3, "names and functions of a population"),
        (["energy", "energy"], "`observables` must be of different names"),
        ({"words": lambda cloud: "many"}, "'words' must return a number or an array of one shape"),
    ],
)
def test_errors_say_what_an_observable_is(wanted, message):
    with pytest.raises(ParameterError, match=message):
        run(observables=wanted)


def test_a_shape_that_changes_ends_the_run_and_keeps_what_there_is(tmp_path):
    with pytest.raises(SimulationError, match="'ragged' must return a number or an array of one shape at all times"):
        run(observables={"ragged": lambda cloud: np.zeros(round(4 * cloud.time))}, save=tmp_path / "run.h5")
    assert len(wls.Trajectory.load(tmp_path / "run.h5")) < len(TIMES)


def test_errors_of_what_cannot_be_measured():
    with pytest.raises(ParameterError, match="`mass` must be a finite number > 0, or 2 of them"):
        observables.temperature(wls.Population(np.zeros((2, 2))).at_rest(), mass=[1.0, 2.0, 3.0])
    with pytest.raises(ParameterError, match="only a Lagrangian has 'momentum'"):
        wls.simulate(wls.GradientFlow(Spring()), a_population(), [1.0], dt=0.5, observables=["momentum"])
    bare = wls.Trajectory([0.0], np.zeros((1, 2, 2)))
    with pytest.raises(ParameterError, match="'energy' needs the mechanics"):
        wls.observe(bare, ["energy"])
    with pytest.raises(ParameterError, match="velocities are unknown"):
        wls.observe(bare, ["polarisation"])
    with pytest.raises(
        ParameterError, match=r"`observe_at` must be times between the start, 0, and the last record, 3; got 4\.0"
    ):
        run(observables=["mean"], observe_at=[1.0, 4.0])
    with pytest.raises(ParameterError, match="`cutoff` must be at most 1,"):
        observables.PairCorrelation(1.5, 2.0)
    with pytest.raises(ParameterError, match="the 2 particles of the start"):
        observables.MeanSquareDisplacement(bare[0])(a_population())
    with pytest.raises(KeyError, match="'enrgy' was not observed; known are 'energy'"):
        run(observables=["energy"]).observables["enrgy"]
    with pytest.raises(ParameterError, match="an array of 2 rows"):
        wls.Trajectory([0.0], np.zeros((1, 2, 2)), observables=wls.Observations([0.0, 1.0], {"a": [1.0]}))
