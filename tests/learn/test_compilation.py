"""Learned terms as compiled loops agree with torch, and simulate alike."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.example_mechanics import Spring
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.integrators import State
from wlmsim.learn.functionals import LearnableFunctional, Scales


def prepared(term: LearnableFunctional, dim: int, *, seed: int = 0, factor: float = 1.3) -> LearnableFunctional:
    """A term with parameters of order one, in units and with an origin of its own."""
    torch.manual_seed(seed)
    term.prepare(dim, Scales(tuple(np.arange(dim) + 0.5), 1.7, 1.0, 0.6))
    for parameter in term.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    term.factor = factor
    return term


def external(dim: int, seed: int = 0) -> LearnableFunctional:
    return prepared(wls.learn.ExternalPotential((16, 13)), dim, seed=seed)


def pair(dim: int, seed: int = 0) -> LearnableFunctional:
    return prepared(wls.learn.PairPotential(1.9, 7), dim, seed=seed)


TERMS = {
    "external": external,
    "still": lambda dim: prepared(wls.learn.ExternalPotential((9,), time_dependent=False), dim),
    "weak": lambda dim: prepared(wls.learn.ExternalPotential((9,), typical_force=0.5), dim),
    "pair": pair,
}


def average(members: list[LearnableFunctional]) -> LearnableFunctional:
    """Mean of members, each with a factor of its own, as of fits with different friction."""
    for k, member in enumerate(members):
        member.factor = 1.0 + k
    mean = wls.learn.Average(members)
    mean.factor = 0.7
    return mean


TERMS["mean external"] = lambda dim: average([external(dim, seed) for seed in range(3)])
TERMS["mean pair"] = lambda dim: average([pair(dim, seed) for seed in range(3)])


def a_cloud(n: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions and unequal weights."""
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.5, 2.0, n)
    return rng.normal(0.5, 1.5, (n, dim)), weights / weights.sum()


@pytest.mark.parametrize(
    ("name", "dim"), [(name, dim) for name in TERMS for dim in (1, 2, 3) if dim == 2 or "pair" not in name]
)
def test_force_and_energy_are_those_of_torch(name: str, dim: int) -> None:
    term = TERMS[name](dim).double()
    fast = wls.learn.compiled(term)
    assert type(fast) is not type(term)
    assert fast.degree == term.degree
    x, w = a_cloud(61, dim)  # no multiple of the lanes
    x[7] = x[8]  # two particles in the same place
    for time in (0.4, 2.0):
        force = term.force(x, w, time)
        assert np.abs(force).max() > 0.01
        np.testing.assert_allclose(fast.force(x, w, time), force, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(fast.energy(x, w, time), term.energy(x, w, time), rtol=1e-10)
        assert fast.expression(x, w, time, np) == term.energy(x, w, time)


def test_single_precision_differs_by_rounding_only() -> None:
    for term in (external(2), pair(2)):
        x, w = a_cloud(200, 2)
        force = term.force(x, w, 0.4)
        np.testing.assert_allclose(wls.learn.compiled(term).force(x, w, 0.4), force, atol=1e-5 * np.abs(force).max())


def test_far_particles_and_few_of_them() -> None:
    term = pair(2).double()
    x = np.array([[0.0, 0.0], [1.9, 0.0], [50.0, 3.0]])
    w = np.full(3, 1 / 3)
    assert np.array_equal(wls.learn.compiled(term).force(x, w), np.zeros((3, 2)))
    for n in (1, 2, 8, 9):
        x, w = a_cloud(n, 2)
        for term in (external(2).double(), pair(2).double()):
            np.testing.assert_allclose(wls.learn.compiled(term).force(x, w), term.force(x, w), rtol=1e-9, atol=1e-11)


def test_simulation_is_the_same() -> None:
    potential = external(2).double() + pair(2).double() + Spring(0.5)
    lagrangian = wls.Lagrangian(potential, dissipation=wls.Friction(0.2), mass=1.5)
    fast = wls.learn.compiled(lagrangian)
    x, w = a_cloud(40, 2)
    start = wls.Population(x, np.zeros_like(x), w)
    times = [0.0, 0.5, 1.0]
    expected, found = (wls.simulate(m, start, times, dt=0.05) for m in (lagrangian, fast))
    np.testing.assert_allclose(found.positions, expected.positions, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.velocities, expected.velocities, rtol=0, atol=1e-9)
    np.testing.assert_allclose(fast.energy(start), lagrangian.energy(start), rtol=1e-10)
    assert (fast.mass, fast.friction) == (1.5, 0.2)
    assert lagrangian.potential is potential
    assert repr(fast).count("compiled(") == 2


def test_gradient_flow() -> None:
    flow = wls.GradientFlow(external(2).double())
    fast = wls.learn.compiled(flow)
    x, w = a_cloud(20, 2)
    assert isinstance(fast, wls.GradientFlow)
    np.testing.assert_allclose(fast.velocity(x, w, 0.3), flow.velocity(x, w, 0.3), rtol=1e-9, atol=1e-11)


def test_what_cannot_be_compiled_stays() -> None:
    mean_field = prepared(wls.learn.MeanFieldPotential(3, (8,), (8,)), 2)
    mixed = wls.learn.Average([pair(2), prepared(wls.learn.PairPotential(1.9, 9), 2)])
    for term in (mean_field, mixed, wls.External(wls.laws.Harmonic())):
        assert wls.learn.compiled(term) is term
    free = wls.Lagrangian()
    assert wls.learn.compiled(free).potential is None


def test_copies_are_independent_of_training() -> None:
    term = external(2)
    fast = wls.learn.compiled(term)
    x, w = a_cloud(5, 2)
    before = fast.force(x, w)
    for parameter in term.parameters():
        parameter.data.zero_()
    assert np.array_equal(fast.force(x, w), before)
    assert np.array_equal(pickle.loads(pickle.dumps(fast)).force(x, w), before)
    assert np.array_equal(copy.deepcopy(fast).force(x, w), before)


def test_a_fitted_model_loaded_from_a_file(tmp_path) -> None:
    x, w = a_cloud(30, 2)
    series = wls.SnapshotSeries([0.0, 1.0, 2.0], [x, 1.1 * x, 1.2 * x], [0.1 * x, None, None])
    potential = wls.learn.ExternalPotential((8,)) + wls.learn.PairPotential(1.0, 6)
    model = wlm(potential, steps=3, members=2, progress=False, dt=0.2).fit(series)
    loaded = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
    fast, slow = wls.learn.compiled(loaded.lagrangian_).potential, model.lagrangian_.potential
    force = slow.force(x, w, 0.7)
    np.testing.assert_allclose(fast.force(x, w, 0.7), force, rtol=0, atol=1e-5 * np.abs(force).max())
    with pytest.raises(ParameterError, match="cannot be saved"):
        fast.terms[0].settings()


def test_bad_input() -> None:
    with pytest.raises(ParameterError, match="mechanics"):
        wls.learn.compiled(3)  # type: ignore[type-var]
    for term in (wls.learn.ExternalPotential(), wls.learn.PairPotential(1.0)):
        with pytest.raises(ParameterError, match="prepared"):
            wls.learn.compiled(term)
    fast = wls.learn.compiled(external(2))
    with pytest.raises(ParameterError, match="positions"):
        fast.force(np.zeros((4, 3)), np.full(4, 0.25))
    with pytest.raises(ParameterError, match="weights"):
        fast.force(np.zeros((4, 2)), np.full(3, 0.25))
    with pytest.raises(ParameterError, match="positions"):
        wls.learn.compiled(pair(2)).energy(np.full((4, 2), np.nan), np.full(4, 0.25))


@pytest.mark.parametrize("name", TERMS)
def test_many_steps_are_the_same_in_a_loop(name: str) -> None:
    """One after the other, and in compiled code, of a learned term beside an analytic one."""
    fast = wls.Lagrangian(wls.learn.compiled(TERMS[name](2).double()) + wls.External(wls.laws.Harmonic(0.3)))
    x, w = a_cloud(21, 2)
    start, scheme = wls.Population(x, 0 * x, w, 0.4), wls.Leapfrog()
    loop = scheme.loop(fast, w, 2)
    assert loop is not None
    state = State(start.positions, start.velocities, w, 0.4)
    there = loop.steps(state, 0.4, 0.02, 0, 50)[0]
    for _ in range(50):
        state = scheme.step(fast, state, 0.02)
    assert np.abs(state.positions - x).max() > 0.01
    np.testing.assert_allclose(there.positions, state.positions, rtol=1e-9, atol=1e-11)
