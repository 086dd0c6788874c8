"""Objects of every kind, also with laws that are lambdas, are copied, pickled and sent to other processes."""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import wlmsim as wls
from tests import conformance
from tests.models import quick
from tests.reliability import specimens
from wlmsim.learn.studies.looking import look

COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda it: pickle.loads(pickle.dumps(it))}
PLACES = (
    wls,
    wls.integrators,
    wls.quantum,
    wls.transport,
    wls.datasets,
    wls.observables,
    wls.events,
    wls.learn,
    wls.learn.cells,
)
LAW = wls.External(lambda x, xp: 0.5 * (x**2).sum(-1))
PAIRS = wls.Pairwise(lambda r, xp: xp.exp(-r))
CLOUD = conformance.a_population(6)


@pytest.fixture(params=COPIES)
def again(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return COPIES[request.param]


def series() -> wls.SnapshotSeries:
    return specimens.trajectory().snapshots(seed=0)


def fitted() -> wls.learn.WLM:
    return quick(wls.learn.ExternalPotential((4,)), steps=1, processes=1).fit(series())


def used_split_step() -> wls.quantum.SplitStep:
    """Solves once, for which it makes plans of FFTs."""
    solver = wls.quantum.SplitStep(lambda x, xp: 0.5 * (x**2).sum(-1), step=0.1)
    solver.evolve(wave(), 0.1)
    return solver


def wave() -> wls.quantum.WaveFunction:
    line = wls.quantum.Grid.covering([-8.0], [8.0], spacing=0.2)
    return wls.quantum.WaveFunction.of(lambda x, xp: xp.exp(-0.5 * x[..., 0] ** 2), line)


def studied() -> wls.learn.Study:
    entry = wls.learn.Entry("a", None)
    return wls.learn.Study(series(), look(series()), [entry], [], (), {}, quick(), fitted())


def compared() -> wls.learn.Comparison:
    nothing: Any = {}
    return wls.learn.Comparison(
        {"a": quick(LAW)}, {"a": np.ones((1, 1))}, nothing, nothing, nothing, np.ones(1), (0,), series(), nothing
    )


def scores() -> Any:
    return wls.evaluation.Scores(np.ones(1), np.zeros(1), {"model": np.ones(1)})


OBJECTS: dict[str, Callable[[], Any]] = {
    "Between": lambda: wls.Between(PAIRS, [0, 1], 0, 1),
    "Checkpoint": lambda: wls.learn.Checkpoint(path="a"),
    "Collision": lambda: wls.events.Collision(0.1),
    "Comparison": compared,
    "Conditions": lambda: wls.learn.cells.Conditions(fitted(), {"a": series()}, 2.0),
    "DistanceEstimate": lambda: wls.transport.DistanceEstimate(1.0),
    "Entry": lambda: wls.learn.Entry("a", None),
    "Escape": lambda: wls.events.Escape(1.0),
    "Event": lambda: wls.Event(lambda cloud: cloud.positions[:, 0], name="a"),
    "FittedParameters": lambda: wls.learn.FittedParameters(
        {"a": 1.0}, {}, {}, np.eye(1), "none", 0.1, 1, True, 0.1, wls.Lagrangian(LAW)
    ),
    "GradientFlow": lambda: wls.GradientFlow(LAW),
    "Grid": lambda: wave().grid,
    "JSONLines": lambda: wls.learn.JSONLines("a"),
    "Lagrangian": lambda: wls.Lagrangian(LAW + PAIRS, dissipation=wls.Friction(0.1)),
    "MagneticField": lambda: wls.MagneticField(lambda x, xp: x[..., 0]),
    "MeanSquareDisplacement": lambda: wls.observables.MeanSquareDisplacement(CLOUD),
    "Occurrences": lambda: wls.Occurrences(np.ones(1), np.ones((1, 1)), np.ones((1, 1, 2)), np.ones((1, 1, 2))),
    "PairCorrelation": lambda: wls.observables.PairCorrelation(0.4, 1.0),
    "PilotWave": lambda: wls.quantum.PilotWave(wave(), lambda x, xp: 0.5 * (x**2).sum(-1)),
    "Plan": lambda: wls.transport.Plan(np.zeros(1, int), np.zeros(1, int), np.ones(1)),
    "Population": lambda: CLOUD,
    "Record": lambda: wls.learn.Record("a", 0, 1, 0, 1, 0.1, 0.1, 0.1),
    "SheepDrive": lambda: wls.datasets.SheepDrive(
        series(), specimens.trajectory(), specimens.trajectory(), specimens.tracks()
    ),
    "SnapshotSeries": series,
    "Source": lambda: wls.datasets.Source("a", "b"),
    "SplitStep": used_split_step,
    "Standardisation": lambda: wls.Standardisation([0.0, 1.0], [1.0, 2.0]),
    "State": lambda: wls.integrators.State(*np.ones((2, 3, 2)), np.ones(3) / 3, 0.0),
    "StreamFlow": lambda: wls.StreamFlow(lambda x, xp: -0.5 * (x**2).sum(-1)),
    "StructureFactor": lambda: wls.observables.StructureFactor(5.0, 1.0),
    "Study": studied,
    "TensorBoard": lambda: wls.learn.TensorBoard("a"),
    "Tracks": specimens.tracks,
    "Trajectory": specimens.trajectory,
    "UnbalancedPlan": lambda: wls.transport.UnbalancedPlan(*np.ones((5, 2))),
    "VortexFlow": lambda: wls.VortexFlow([1.0, 2.0]),
    "WLM": fitted,
    "WaveFunction": wave,
}
"""Of each public class that cannot be made from its defaults and is none of those that the batteries find."""


def public() -> dict[str, type]:
    """Public classes by name, but for those that are of no object, and those that have a battery."""
    batteries = [
        conformance.FUNCTIONALS,
        conformance.LAWS,
        conformance.DISSIPATIONS,
        conformance.INTEGRATORS,
        conformance.SYSTEMS,
    ]
    known = {cls for classes in batteries for cls in classes}
    found = {}
    for place in PLACES:
        for name in getattr(place, "__all__", None) or [name for name in vars(place) if name[0].isupper()]:
            it = getattr(place, name)
            ours = inspect.isclass(it) and it.__module__.startswith("wlmsim")
            if ours and it not in known and not inspect.isabstract(it) and not issubclass(it, BaseException):
                found[name] = it
    return found


def alike(one: Any, other: Any) -> bool:
    """Whether two objects are of one class and hold the same, as far as that can be told."""
    return type(one) is type(other) and repr(one).partition(" at 0x")[0] == repr(other).partition(" at 0x")[0]


@pytest.mark.filterwarnings("ignore::wlmsim.errors.AccuracyWarning")
@pytest.mark.parametrize("name", sorted(public()))
def test_every_public_object(name, again):
    cls = public()[name]
    needed = [
        p for p in inspect.signature(cls).parameters.values() if p.default is p.empty and p.kind is not p.VAR_KEYWORD
    ]
    if needed and name not in OBJECTS:
        pytest.fail(f"{name} is public: add to OBJECTS in {__file__} how one is made")
    it = OBJECTS.get(name, cls)()
    assert isinstance(it, cls) and alike(it, again(it))


@pytest.mark.parametrize("case", conformance.cases(conformance.FUNCTIONALS))
def test_every_functional(case, again):
    dim = 1 if case.cls.__name__ in conformance.OF_NEIGHBOURS else 2
    cloud = conformance.a_population(6, dim)
    functional = conformance.made_functional(case, dim)
    energy = functional.energy(cloud.positions, cloud.weights, 0.4)
    other = again(functional)
    assert alike(functional, other) and other.energy(cloud.positions, cloud.weights, 0.4) == energy


@pytest.mark.parametrize("case", conformance.cases(conformance.LAWS))
def test_every_law(case, again):
    law = conformance.made_law(case, 2)
    assert again(law) == law


@pytest.mark.parametrize("case", conformance.cases(conformance.DISSIPATIONS))
def test_every_dissipation(case, again):
    dissipation = conformance.made_dissipation(case)
    at = CLOUD.positions, CLOUD.velocities, CLOUD.weights
    assert np.array_equal(again(dissipation).force(*at), dissipation.force(*at))


@pytest.mark.parametrize("case", conformance.cases(conformance.INTEGRATORS))
def test_every_integrator(case, again):
    integrator = case.make()
    assert alike(integrator, again(integrator))


@pytest.mark.parametrize("cls", conformance.SYSTEMS)
def test_every_system(cls, again):
    case = conformance.Case(cls, 0)
    system = case.make(seed=4, **conformance.size_of(case))
    assert alike(system, again(system)) and system.population == again(system).population


MECHANICS = {
    "potential": lambda: wls.Lagrangian(
        LAW + PAIRS + wls.MeanField([lambda x, xp: x[..., 0]], lambda m, xp: m[0] ** 2)
    ),
    "charges": lambda: wls.Lagrangian(wls.Charged(PAIRS, 2.0) + wls.SlopePotential(LAW)),
    "field": lambda: wls.Lagrangian(magnetic=wls.MagneticField(lambda x, xp: 1.0 + x[..., 0])),
    "gradient flow": lambda: wls.GradientFlow(LAW),
    "stream": lambda: wls.StreamFlow(lambda x, t, xp: -0.5 * (x**2).sum(-1) * xp.cos(t)),
}


def moved(law: Any) -> np.ndarray:
    """What moves a cloud, by all that the law has."""
    x, v, w = CLOUD.positions, CLOUD.velocities, CLOUD.weights
    if isinstance(law, wls.Flow):
        return law.velocity(x, w, 0.3)
    return law.acceleration(x, w, 0.3) + law.velocity_acceleration(x, v, w)


@pytest.mark.parametrize("name", MECHANICS)
def test_mechanics_of_lambdas_move_particles_the_same(name, again):
    law = MECHANICS[name]()
    assert np.array_equal(moved(again(law)), moved(law))


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies_have_the_same_functions(copied):
    """What a law reads stays common to the copies, as it is to copies of any object that holds a function."""
    strength = [1.0]
    well = wls.External(lambda x, xp: strength[0] * (x**2).sum(-1))
    run = wls.Trajectory([0.0], CLOUD.positions[None], mechanics=wls.Lagrangian(well))
    assert copied(well).law is well.law and copied(run).mechanics.potential.law is well.law


def test_a_function_of_a_module_goes_by_its_name():
    data = pickle.dumps(wls.External(conformance.shaken))
    assert b"shaken" in data and len(data) < 300
    assert pickle.loads(data).law is conformance.shaken


def test_what_can_be_sent_in_no_way_says_what_to_do():
    numbers = (n for n in range(3))
    event = wls.Event(lambda cloud: next(numbers), name="a")
    with pytest.raises(TypeError, match="generator") as raised:
        pickle.dumps(event)
    assert "let its functions make that when they need it" in raised.value.__notes__[-1]
    assert copy.deepcopy(event).function is event.function


@pytest.fixture(scope="module")
def run() -> wls.Trajectory:
    return wls.Trajectory([0.0, 1.0], np.ones((2, 3, 2)), np.ones((2, 3, 2)), mechanics=wls.Lagrangian(LAW))


def test_a_trajectory_of_a_lambda(run, again):
    other = again(run)
    assert other == run and np.array_equal(other.energy(), run.energy())


@pytest.mark.parametrize("what", ["run", "run.mechanics"])
def test_a_lambda_in_another_process(run, tmp_path, what):
    (tmp_path / "a.pickle").write_bytes(pickle.dumps(run if what == "run" else run.mechanics))
    program = (
        "import pickle, sys, numpy as np, wlmsim as wls\nit = pickle.load(open(sys.argv[1], 'rb'))\n"
        "cloud = wls.Population(np.ones((3, 2)), np.ones((3, 2)))\n"
        "print(it.energy().tolist() if isinstance(it, wls.Trajectory) else [it.energy(cloud)] * 2)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.pickle")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(run.energy().tolist())


def test_what_cannot_be_pickled_is_copied_as_before():
    class Closed:
        def __reduce__(self):
            raise TypeError("no")

        def __deepcopy__(self, memo):
            return self

    trajectory = wls.Trajectory([0.0], np.ones((1, 2, 2)), mechanics=Closed())
    assert copy.deepcopy(trajectory) == trajectory
    with pytest.raises(TypeError, match="no"):
        pickle.dumps(trajectory)
