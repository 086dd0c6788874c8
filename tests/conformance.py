"""The batteries that every exported functional, law, dissipation, integrator and system must pass.

Classes are discovered: one that is exported is tested from that day on. A class that cannot be constructed from its
defaults needs an entry in `EXAMPLES`.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import wlmsim as wls
import wlmsim.mechanics.dissipation as dissipation_module
from tests.example_mechanics import ShakenPendula, SoftPairs, a_population, advance, fitted_order, newton, solve
from wlmsim.errors import ParameterError
from wlmsim.functionals import Functional, FunctionalSum, tracing
from wlmsim.integrators import (
    BAOAB,
    EulerMaruyama,
    ExactOrnsteinUhlenbeck,
    Integrator,
    Leapfrog,
    State,
    Substepped,
    Yoshida4,
)
from wlmsim.learn.dissipations import LearnableDissipation
from wlmsim.learn.functionals import LearnableFunctional, Scales
from wlmsim.learn.functionals.base import by_each
from wlmsim.learn.rollouts.rollout import torch_force
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.systems import System


def shaken(x: Any, t: Any, xp: Any) -> Any:
    """An external law that depends on time."""
    return (1 + 0.5 * xp.sin(t)) * (1 - xp.cos(x)).sum(-1)


def pulsing(r: Any, t: Any, xp: Any) -> Any:
    """A pair law that depends on time."""
    return (1 + 0.5 * xp.sin(t)) * xp.exp(-r)


def first(x: Any, xp: Any) -> Any:
    """The first coordinate."""
    return x[..., 0]


def bump(x: Any, xp: Any) -> Any:
    """A feature of the neighbourhood of the origin."""
    return xp.exp(-(x**2).sum(-1))


def product(m: Any, xp: Any) -> Any:
    """A function of three means."""
    return m[0] * m[1] + xp.sin(m[2])


def ramp(x: Any, xp: Any) -> Any:
    """An external law with a branch, smooth enough for forces of its third derivatives."""
    return 0.3 * (xp.maximum(x - 0.2, 0.0) ** 5).sum(-1)


# How to construct what has no defaults, or what deserves more than its defaults. Functionals, laws and dissipations are
# made for a number of dimensions, systems with a size and a seed; integrators take nothing.
EXAMPLES: dict[str, list[Callable[..., Any]]] = {
    "External": [
        lambda dim: wls.External(wls.laws.Harmonic(tuple(np.arange(1.0, dim + 1)))),
        lambda dim: wls.External(shaken),
    ],
    "Pairwise": [
        lambda dim: wls.Pairwise(wls.laws.Morse(c=2.0, l=0.7)),
        lambda dim: wls.Pairwise(wls.laws.Morse(c=2.0, l=0.7), cutoff=1.7),
        lambda dim: wls.Pairwise(wls.laws.Morse(c=2.0, l=0.7), cutoff=1.7, box=tuple(3.5 + 0.3 * np.arange(dim))),
        lambda dim: wls.Pairwise(pulsing, cutoff=1.7),
    ],
    "Charged": [
        lambda dim: wls.Charged(wls.Pairwise(wls.laws.Morse(c=2.0, l=0.7)), -0.6),
        lambda dim: wls.Charged(wls.Gravity(-0.7, 0.2, method="direct"), [1.3]),
    ],
    "Entropy": [lambda dim: wls.Entropy(0.7, 0.8)],
    "QuantumPressure": [lambda dim: wls.QuantumPressure(0.7, 0.8)],
    "MeanField": [lambda dim: wls.MeanField([first, bump, shaken], product)],
    "FunctionalSum": [lambda dim: FunctionalSum(wls.GaussianQuantumPressure(0.7), wls.Pairwise(wls.laws.Morse()))],
    "AgentPotential": [
        lambda dim: wls.learn.AgentPotential(wls.Trajectory([0.0, 1.0], [np.eye(2, dim), -np.eye(2, dim)]), 2.5, 5)
    ],
    "AttentionPotential": [lambda dim: wls.learn.AttentionPotential(8, 2, 2, 8, time_dependent=True)],
    "ExternalPotential": [
        lambda dim: wls.learn.ExternalPotential(),
        lambda dim: wls.learn.ExternalPotential((8,), time_dependent=False, typical_force=0.5),
    ],
    "ConditionedPotential": [lambda dim: wls.learn.ConditionedPotential(3, origin=-0.2, period=0.4, hidden=(8,))],
    "Average": [lambda dim: wls.learn.Average([wls.learn.ExternalPotential((8,)) for _ in range(2)])],
    "SlopePotential": [
        lambda dim: wls.SlopePotential(
            wls.External(wls.laws.DoubleWell(1.2, 0.8)) + wls.External(ramp) + wls.GaussianEntropy(0.3)
        ),
    ],
    "AverageDissipation": [
        lambda dim: wls.learn.AverageDissipation([wls.learn.LearnableSelfPropulsion(speed=s) for s in (0.2, 0.3)])
    ],
    "Friction": [lambda dim: wls.Friction(0.7)],
    "LearnableAlignment": [
        lambda dim: wls.learn.LearnableAlignment(2.5, 4),
        lambda dim: wls.learn.LearnableAlignment(2.5, 4, normalised=True),
    ],
    "LearnableStrength": [lambda dim: wls.learn.LearnableStrength(wls.GaussianQuantumPressure(0.7), 1.3)],
    "MeanFieldPotential": [lambda dim: wls.learn.MeanFieldPotential(3, (8,), (8,), time_dependent=True)],
    "PairPotential": [
        lambda dim: wls.learn.PairPotential(1.5, 7),
        lambda dim: wls.learn.PairPotential(1.5, 7, typical_force=0.5),
    ],
    "Alignment": [lambda dim: wls.Alignment(0.8, 1.5, 0.7), lambda dim: wls.Alignment(radius=np.inf)],
    "SelfPropulsion": [lambda dim: wls.SelfPropulsion(0.6, 1.3)],
    "Harmonic": [lambda dim: wls.laws.Harmonic(1.7), lambda dim: wls.laws.Harmonic(tuple(np.arange(1.0, dim + 1)))],
    "Wall": [lambda dim: wls.laws.Wall(half_width=0.6, strength=1.3)],
    "Gravity": [
        lambda dim: wls.Gravity(1.2, 0.3),
        lambda dim: wls.Gravity(-0.7, 0.2, method="tree", opening=1e-6),
    ],
    "Plummer": [lambda dim: wls.laws.Plummer(1.2, 0.3)],
    "GaussianMixture": [lambda dim: wls.laws.GaussianMixture(0.7, 0.4, np.eye(3)[:, :dim] - 0.2)],
    "UniformField": [lambda dim: wls.laws.UniformField(tuple(np.arange(1.0, dim + 1)))],
    "ChargedParticles": [
        lambda **size: wls.systems.ChargedParticles(
            magnetic=(0.5, -0.8, 1.9), electric=(0.3, 0.0, -0.2), trap=0.7, **size
        )
    ],
    "PointVortex": [lambda dim: wls.laws.PointVortex(0.3)],
    "TaylorGreen": [lambda dim: wls.laws.TaylorGreen(1.3, 0.8, 0.2)],
    "GaussLegendre": [wls.GaussLegendre, lambda: wls.GaussLegendre(1)],
    "Leapfrog": [Leapfrog, lambda: Leapfrog("unit-mobility")],
    # without noise these are deterministic, and pass the battery of the deterministic ones
    "BAOAB": [lambda: BAOAB(0.0)],
    "EulerMaruyama": [lambda: EulerMaruyama(0.0)],
    "ExactOrnsteinUhlenbeck": [lambda: ExactOrnsteinUhlenbeck(0.0)],
    "StochasticHeun": [lambda: wls.StochasticHeun(0.0)],
    "Substepped": [Substepped, lambda: Substepped(Yoshida4(), tolerance=0.1)],
}

# What is true of a class unless it stands here.
NOT_INVARIANT = {
    "AgentPotential",
    "AttentionPotential",
    "Average",
    "ConditionedPotential",
    "External",
    "ExternalPotential",
    "MeanField",
    "MeanFieldPotential",
    "SeriesPotential",
    "SlopePotential",
}
"""Functionals whose energy changes when the whole cloud is moved or turned."""
OF_UNEQUAL_MASSES = {"TwoBody"}
"""Systems whose particles differ in weight."""
OF_NEIGHBOURS = {"ManyInteractingWorlds"}
"""Functionals of the order of particles on a line: one-dimensional, and not of a density that a probe would sense."""
BY_A_WAVE = {"DoubleSlit", "GroundState"}
"""Systems carried by a wave on a grid, whose errors fall with its spacing too: see test_quantum.py."""
ACTIVE = {"AverageDissipation", "LearnableAlignment", "LearnableSelfPropulsion", "SelfPropulsion"}
"""Dissipations that may feed energy into the population."""
TURNING = {"ConstantSpeedEuler", "VicsekUpdate"}
"""Schemes that turn velocities, whose noise spreads no Gaussian."""


class Case(NamedTuple):
    """One way to construct one class."""

    cls: type
    number: int

    def make(self, *arguments: Any, **keywords: Any) -> Any:
        """Construct the example with what its kind is given, or the class from its defaults."""
        if self.cls.__name__ in EXAMPLES:
            return EXAMPLES[self.cls.__name__][self.number](*arguments, **keywords)
        missing = [p for p in _parameters(self.cls) if p.default is p.empty and p.name not in keywords]
        if missing:
            pytest.fail(
                f"{self.cls.__name__} is exported but cannot be constructed from its defaults "
                f"(it needs {', '.join(p.name for p in missing)}): add to EXAMPLES in tests/conformance.py\n"
                f'    "{self.cls.__name__}": [lambda ...: {self.cls.__name__}(...)],'
            )
        return self.cls(**keywords)


def _parameters(cls: type) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p for p in inspect.signature(cls).parameters.values() if p.kind in kinds]


def exported(module: Any, base: type) -> list[type]:
    """The concrete subclasses of `base` among a module's public names."""
    found = [getattr(module, name) for name in sorted(module.__all__)]
    return [c for c in found if inspect.isclass(c) and issubclass(c, base) and not inspect.isabstract(c)]


def cases(classes: Iterable[type]) -> list[Any]:
    """A pytest parameter for every example of every class."""
    numbered = ((cls, k) for cls in classes for k in range(len(EXAMPLES.get(cls.__name__, "1"))))
    return [pytest.param(Case(cls, k), id=f"{cls.__name__}-{k}" if k else cls.__name__) for cls, k in numbered]


FUNCTIONALS = [*exported(wls.functionals, Functional), *exported(wls.learn, LearnableFunctional)]
LAWS = exported(wls.laws, object)
DISSIPATIONS = [*exported(wls, Dissipation), *exported(wls.learn, LearnableDissipation)]
INTEGRATORS = exported(wls.integrators, Integrator)
STOCHASTIC = [c for c in INTEGRATORS if "seed" in inspect.signature(c).parameters]
SYSTEMS = exported(wls.systems, System)


def test_discovery_finds_the_classics():
    assert {"External", "Pairwise", "GaussianQuantumPressure", "ExternalPotential"} <= {c.__name__ for c in FUNCTIONALS}
    assert {"Harmonic", "Morse", "Plummer"} <= {c.__name__ for c in LAWS}
    assert {"Friction", "Alignment", "SelfPropulsion"} <= {c.__name__ for c in DISSIPATIONS}
    assert {"Leapfrog", "ConstantSpeedEuler", "RungeKutta4"} <= {c.__name__ for c in INTEGRATORS}
    assert {"Boids", "GaussianPacket", "HarmonicOscillator", "VortexDrifters"} <= {c.__name__ for c in SYSTEMS}


def test_a_class_without_example_fails_and_says_what_to_do():
    class Unheard:
        def __init__(self, pitch: float):
            self.pitch = pitch

    with pytest.raises(pytest.fail.Exception, match=r"Unheard.*it needs pitch.*EXAMPLES in tests/conformance\.py"):
        Case(Unheard, 0).make()


def test_every_example_is_of_an_exported_class():
    known = {c.__name__ for c in FUNCTIONALS + LAWS + DISSIPATIONS + INTEGRATORS + SYSTEMS}
    assert set(EXAMPLES) | NOT_INVARIANT | OF_NEIGHBOURS | BY_A_WAVE | ACTIVE | TURNING <= known


# --- what all kinds share

NONSENSE = {"float": (np.nan, np.inf, "much"), "int": (-1, 1.5, "many"), "str": ("nonsense",)}


def nonsense_for(annotation: str) -> tuple[Any, ...]:
    """Values that no parameter of this annotation may take."""
    if annotation.startswith("float |"):  # an array or None may be meant by other words
        return NONSENSE["float"][:1]
    return NONSENSE.get(annotation, ())


def check_parameters(cls: type, example: Any, **keywords: Any) -> None:
    """Every number and every word given to the constructor is checked, and an error names the argument."""
    needed = {p.name: getattr(example, p.name) for p in _parameters(cls) if p.default is p.empty}
    for parameter in _parameters(cls):
        for value in nonsense_for(str(parameter.annotation)):
            if cls.__name__ in ("Alignment", "CuckerSmale") and (parameter.name, value) == ("radius", np.inf):
                continue  # a rate that does not fall with distance
            with pytest.raises(ParameterError, match=f"`{parameter.name}`"):
                cls(**{**needed, **keywords, parameter.name: value})


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    """Float64 tensors that can be differentiated."""
    return [torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in arrays]


def random_rotation(dim: int, rng: np.random.Generator) -> np.ndarray:
    q, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
    return q


permutations = st.permutations(range(5))


# --- functionals


@pytest.mark.parametrize("case", cases(FUNCTIONALS))
@pytest.mark.parametrize("dim", [1, 2, 3])
class FunctionalTests:
    time = 0.4

    @pytest.fixture
    def functional(self, case: Case, dim: int) -> Functional:
        if dim > 1 and case.cls.__name__ in OF_NEIGHBOURS:
            pytest.skip("of one dimension")
        return made_functional(case, dim)

    @pytest.fixture(params=[False, True], ids=["uniform", "weighted"])
    def cloud(self, request: pytest.FixtureRequest, dim: int) -> wls.Population:
        return a_population(7, dim, weighted=request.param)

    def test_force_is_the_gradient_of_the_expression(self, functional, cloud):
        x, w = tensors(cloud.positions, cloud.weights)
        energy = functional.expression(x, w, self.time, xp)
        (gradient,) = torch.autograd.grad(energy, x)
        expected = -gradient.numpy() / cloud.weights[:, None]
        force = functional.force(cloud.positions, cloud.weights, self.time)
        assert np.abs(force).max() > 1e-6
        np.testing.assert_allclose(force, expected, rtol=1e-8, atol=1e-12 * np.abs(expected).max())

    def test_pieces_make_up_the_force(self, functional, cloud):
        loop = wls.Leapfrog().loop(wls.Lagrangian(functional), cloud.weights, cloud.dim)
        if loop is None:
            assert not isinstance(functional, (wls.External, wls.Pairwise)) or getattr(functional, "timed", False)
            assert not isinstance(functional, wls.Gravity) or functional.method == "tree"
            return
        force = functional.force(cloud.positions, cloud.weights, self.time)
        pieces = loop.rate(cloud.positions, cloud.weights, self.time)
        np.testing.assert_allclose(pieces, force, rtol=1e-12, atol=1e-13 * np.abs(force).max())

    def test_force_is_the_finite_difference_of_the_energy(self, functional, cloud):
        h = 1e-5
        force = functional.force(cloud.positions, cloud.weights, self.time)
        numeric = np.empty_like(force)
        for j, k in np.ndindex(force.shape):
            step = np.zeros_like(force)
            step[j, k] = h
            ahead = functional.energy(cloud.positions + step, cloud.weights, self.time)
            behind = functional.energy(cloud.positions - step, cloud.weights, self.time)
            numeric[j, k] = -(ahead - behind) / (2 * h) / cloud.weights[j]
        np.testing.assert_allclose(force, numeric, rtol=1e-6, atol=1e-8 * max(1.0, np.abs(force).max()))

    def test_places_may_be_whole_numbers(self, functional, cloud):
        whole, weights = np.round(20 * cloud.positions), cloud.weights
        force, energy = (of(whole, weights, self.time) for of in (functional.force, functional.energy))
        places = whole.astype(np.int64)
        np.testing.assert_allclose(functional.force(places, weights, self.time), force, rtol=1e-12)
        assert functional.energy(places, weights, self.time) == pytest.approx(energy, rel=1e-12)

    def test_energy_is_the_expression(self, functional, cloud):
        energy = functional.energy(cloud.positions, cloud.weights, self.time)
        assert isinstance(energy, float)
        assert energy == pytest.approx(
            float(functional.expression(cloud.positions, cloud.weights, self.time, np)), rel=1e-12
        )
        x, w = tensors(cloud.positions, cloud.weights)
        assert energy == pytest.approx(functional.expression(x, w, self.time, xp).item(), rel=1e-12)

    def test_force_is_the_gradient_of_the_first_variation(self, functional, case, cloud):
        """What a probe of vanishing weight feels is -grad (dU/drho), dU/drho the derivative by that weight."""
        if case.cls.__name__ in OF_NEIGHBOURS:
            pytest.skip("not a functional of a density")
        probe, little = np.full((1, cloud.dim), 0.3), 1e-7
        positions = np.concatenate([cloud.positions, probe])
        x, w = tensors(positions, np.append(cloud.weights, 0.0))
        energy = functional.expression(x, w, self.time, xp)
        (by_weight,) = torch.autograd.grad(energy, w, create_graph=True)
        (gradient,) = torch.autograd.grad(by_weight[-1], x)
        force = functional.force(positions, np.append(cloud.weights * (1 - little), little), self.time)
        np.testing.assert_allclose(force[-1], -gradient[-1].numpy(), rtol=1e-5, atol=1e-6 * np.abs(force).max())

    def test_every_number_that_is_listed_can_be_changed_and_differentiated(self, functional, cloud):
        lagrangian = wls.Lagrangian(functional)
        x, w = tensors(cloud.positions, cloud.weights)
        names = [name for name in wls.learn.parameters_of(lagrangian) if name not in ("friction", "mass")]
        for name in names:
            value = wls.learn.parameters_of(lagrangian)[name]
            step = 1e-6 * max(1.0, abs(value))

            def force(value, name=name, **more):
                return wls.learn.with_parameters(lagrangian, {name: value}, **more).potential

            tensor = torch.tensor(1.02 * value, dtype=torch.float64, requires_grad=True)
            changed = torch_force(force(tensor, checked=False), x, w, self.time)
            now, low, high = (
                force(1.02 * value + shift).force(cloud.positions, cloud.weights, self.time)
                for shift in (0, -step, step)
            )
            np.testing.assert_allclose(changed.detach(), now, rtol=1e-6, atol=1e-8, err_msg=name)
            lever = np.random.default_rng(1).standard_normal(now.shape)
            (slope,) = torch.autograd.grad((changed * torch.tensor(lever)).sum(), tensor)
            expected = (lever * (high - low)).sum() / (2 * step)
            size = np.abs(lever * now).sum() / max(1.0, abs(value))
            assert slope.item() == pytest.approx(expected, rel=1e-4, abs=1e-5 * size), name
            was = functional.force(cloud.positions, cloud.weights, self.time)
            assert value == 0 or np.abs(now - was).max() > 1e-9 * np.abs(was).max(), f"{name} changes nothing"

    def test_repr_and_latex(self, functional, case):
        if case.cls is not FunctionalSum:  # a sum shows its terms
            assert case.cls.__name__ in repr(functional)
        latex = functional.latex
        assert latex.strip() and latex.count("{") == latex.count("}") and "$" not in latex
        assert latex in functional._repr_latex_()

    def test_sums_add_energies_and_forces(self, functional, cloud):
        other = wls.GaussianQuantumPressure(1.3)
        at = cloud.positions, cloud.weights, self.time
        for total in (functional + other, other + functional):
            assert total.energy(*at) == pytest.approx(functional.energy(*at) + other.energy(*at), rel=1e-14)
            np.testing.assert_allclose(
                total.force(*at), functional.force(*at) + other.force(*at), rtol=1e-14, atol=1e-14
            )
        thrice = functional + functional + functional
        assert thrice.terms == functional.terms * 3
        assert thrice.energy(*at) == pytest.approx(3 * functional.energy(*at), rel=1e-14)

    def test_is_not_changed_by_evaluation(self, functional, cloud):
        x, w = cloud.positions.copy(), cloud.weights.copy()
        first = functional.force(x, w, self.time), functional.energy(x, w, self.time)
        again = functional.force(x, w, self.time), functional.energy(x, w, self.time)
        np.testing.assert_array_equal(first[0], again[0])
        assert first[1] == again[1]
        np.testing.assert_array_equal(x, cloud.positions)
        np.testing.assert_array_equal(w, cloud.weights)


def made_functional(case: Case, dim: int) -> Functional:
    """An example of a functional; a learnable one with fresh parameters in double precision."""
    torch.manual_seed(3)
    functional = case.make(dim) if case.cls.__name__ in EXAMPLES else case.make()
    if isinstance(functional, LearnableFunctional):
        functional.prepare(dim, Scales((0.1,) * dim, 1.3, -0.2, 0.7))
        functional.double()
    return functional


@pytest.mark.parametrize("case", cases(FUNCTIONALS))
@given(order=permutations)
def test_functionals_do_not_know_identities(case, order):
    dim = 1 if case.cls.__name__ in OF_NEIGHBOURS else 2
    functional, cloud, order = made_functional(case, dim), a_population(5, dim), list(order)
    x, w = cloud.positions, cloud.weights
    assert functional.energy(x[order], w[order]) == pytest.approx(functional.energy(x, w), rel=1e-12)
    np.testing.assert_allclose(
        functional.force(x[order], w[order]), functional.force(x, w)[order], rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("case", cases(c for c in FUNCTIONALS if c.__name__ not in NOT_INVARIANT))
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_interactions_are_invariant_under_motions(case, dim, rng):
    """Energies stay, forces turn along; so momentum and angular momentum are conserved. Boxes are moved only."""
    if dim > 1 and case.cls.__name__ in OF_NEIGHBOURS:
        pytest.skip("of one dimension")
    functional, cloud = made_functional(case, dim), a_population(6, dim)
    x, w = cloud.positions, cloud.weights
    boxed = getattr(functional, "box", None) is not None
    turn, shift = np.eye(dim) if boxed else random_rotation(dim, rng), rng.standard_normal(dim)
    force = functional.force(x, w)
    assert functional.energy(x @ turn.T + shift, w) == pytest.approx(functional.energy(x, w), rel=1e-11)
    np.testing.assert_allclose(functional.force(x @ turn.T + shift, w), force @ turn.T, rtol=1e-9, atol=1e-11)
    scale = np.abs(force).max()
    np.testing.assert_allclose(w @ force, 0, atol=1e-13 * scale)
    if boxed:
        return
    torque = (w[:, None] * x).T @ force
    np.testing.assert_allclose(torque, torque.T, atol=1e-12 * scale)


@pytest.mark.parametrize("case", cases(FUNCTIONALS))
def test_functionals_check_their_parameters(case):
    check_parameters(case.cls, made_functional(case, 2))


# --- laws


def is_radial(law: Any) -> bool:
    """Whether the law is of the distance r of a pair rather than of the position x."""
    return next(iter(inspect.signature(law).parameters)) == "r"


def value_of(law: Any, x: Any, xp: Any) -> Any:
    """The law of position at x, and at time 0.4 if it depends on time."""
    return law(x, xp.asarray(0.4, dtype=x.dtype), xp) if tracing.takes_time(law) else law(x, xp)


def dimensions(case: Case) -> list[int]:
    """The numbers of dimensions in which the law can be evaluated; a law may be of the plane only."""
    possible = []
    for dim in (1, 2, 3):
        try:
            law = made_law(case, dim)
            np.asarray(value_of(law, np.ones((1, dim)), np))
            possible.append(dim)
        except IndexError:
            continue
    return possible


def made_law(case: Case, dim: int) -> Any:
    return case.make(dim) if case.cls.__name__ in EXAMPLES else case.make()


@pytest.mark.parametrize("case", cases(LAWS))
class LawTests:
    """The typed law, its compiled value and its compiled derivative are one function."""

    def test_compiled_value_and_gradient(self, case, rng):
        if is_radial(made_law(case, 2)):
            self.check_radial(made_law(case, 2), rng)
        else:
            assert dimensions(case)
            for dim in dimensions(case):
                self.check_external(made_law(case, dim), rng.standard_normal((6, dim)))

    def check_radial(self, law, rng):
        compiled = tracing.compile_radial(law)
        r = rng.uniform(0.05, 3.0, 8)
        (tensor,) = tensors(r)
        (slope,) = torch.autograd.grad(law(tensor, xp).sum(), tensor)
        np.testing.assert_allclose(law(tensor, xp).detach(), law(r, np), rtol=1e-13)
        np.testing.assert_allclose([compiled.value(s, compiled.parameters) for s in r], law(r, np), rtol=1e-12)
        np.testing.assert_allclose([compiled.gradient(s, compiled.parameters) for s in r], slope, rtol=1e-11)

    def check_external(self, law, x):
        compiled = tracing.compile_external(law, x.shape[1])
        (tensor,) = tensors(x)
        (slope,) = torch.autograd.grad(value_of(law, tensor, xp).sum(), tensor)
        gradient = np.empty_like(x)
        for row, out in zip(x, gradient, strict=True):
            compiled.gradient(row, 0.4, compiled.parameters, out)
        value = value_of(law, x, np)
        np.testing.assert_allclose(value_of(law, tensor, xp).detach(), value, rtol=1e-13)
        np.testing.assert_allclose([compiled.value(row, 0.4, compiled.parameters) for row in x], value, rtol=1e-12)
        np.testing.assert_allclose(gradient, slope, rtol=1e-11, atol=1e-14)

    def test_one_function_serves_all_values_of_the_parameters(self, case):
        if not _parameters(case.cls):
            return
        dim = max(dimensions(case))
        law = made_law(case, dim)
        name = _parameters(case.cls)[0].name
        value = getattr(law, name)
        double = tuple(2 * k for k in value) if isinstance(value, tuple) else 2 * value
        other = dataclasses.replace(law, **{name: double})
        compile_ = tracing.compile_radial if is_radial(law) else lambda f: tracing.compile_external(f, dim)
        assert compile_(law).value is compile_(other).value
        assert not np.array_equal(compile_(law).parameters, compile_(other).parameters)

    def test_parameters_are_checked(self, case):
        check_parameters(case.cls, made_law(case, 2))

    def test_is_a_value(self, case):
        law = made_law(case, 2)
        assert law == copy.deepcopy(law) and hash(law) == hash(copy.deepcopy(law))
        assert eval(repr(law), vars(wls.laws) | {"np": np}) == law
        assert law.latex.strip()


# --- dissipation


def made_dissipation(case: Case, dim: int = 2) -> Dissipation:
    """An example of a dissipation; a learnable one with fresh parameters in double precision."""
    torch.manual_seed(3)
    dissipation = case.make(dim) if case.cls.__name__ in EXAMPLES else case.make()
    if isinstance(dissipation, LearnableDissipation):
        dissipation.prepare(dim, Scales((0.1,) * dim, 1.3, -0.2, 0.7))
        dissipation.double()
    return dissipation


@pytest.mark.parametrize("case", cases(c for c in (*FUNCTIONALS, *DISSIPATIONS) if getattr(c, "linear", False)))
def test_linear_terms_know_the_force_of_each_parameter(case):
    """As found by setting one parameter after the other, and the whole force is their sum with the parameters."""
    cloud = a_population(6)
    x, v, w = tensors(cloud.positions, cloud.velocities, cloud.weights)
    term: Any = made_dissipation(case) if case.cls in DISSIPATIONS else made_functional(case, 2)
    at = (x, v, w) if case.cls in DISSIPATIONS else (x, w, 0.3)
    of_each = term.force_of_each(*at)
    torch.testing.assert_close(of_each, by_each(term, lambda: term.scaled_force(*at)), rtol=1e-9, atol=1e-12)
    whole = term.scaled_force(*at)
    values = torch.cat([p.flatten() for p in term.parameters()])
    with torch.no_grad():
        for parameter in term.parameters():
            parameter.zero_()
    torch.testing.assert_close(
        term.scaled_force(*at) + torch.einsum("k,kni->ni", values, of_each), whole, rtol=1e-9, atol=1e-12
    )
    assert whole.abs().max() > 1e-4


@pytest.mark.parametrize("case", cases(DISSIPATIONS))
class DissipationTests:
    @pytest.fixture
    def dissipation(self, case: Case) -> Dissipation:
        return made_dissipation(case)

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("dim", [1, 2, 3])
    def test_force_is_the_gradient_of_the_rayleigh_function(self, case, dim, weighted):
        dissipation = made_dissipation(case, dim)
        cloud = a_population(6, dim, weighted=weighted)
        x, v, w = tensors(cloud.positions, cloud.velocities, cloud.weights)
        (gradient,) = torch.autograd.grad(dissipation.rayleigh(x, v, w, xp), v)
        expected = -gradient.numpy() / cloud.weights[:, None]
        assert np.abs(expected).max() > 1e-3
        force = dissipation.force(cloud.positions, cloud.velocities, cloud.weights)
        np.testing.assert_allclose(force - dissipation.friction * cloud.velocities, expected, rtol=1e-8, atol=1e-13)

    def test_places_and_velocities_may_be_whole_numbers(self, dissipation):
        cloud = a_population(6)
        x, v = np.round(10 * cloud.positions), np.round(10 * cloud.velocities)
        force = dissipation.force(x, v, cloud.weights)
        found = dissipation.force(x.astype(np.int64), v.astype(np.int64), cloud.weights)
        np.testing.assert_allclose(found, force, rtol=1e-12)

    def test_rayleigh_under_numpy_and_torch(self, dissipation):
        cloud = a_population(6)
        arrays = cloud.positions, cloud.velocities, cloud.weights
        assert dissipation.rayleigh(*tensors(*arrays), xp).item() == pytest.approx(dissipation.rayleigh(*arrays, np))

    def test_friction_is_told_apart(self, dissipation):
        cloud = a_population(6)
        force = dissipation.force(cloud.positions, cloud.velocities, cloud.weights)
        assert dissipation.friction >= 0
        assert dissipation.only_friction == (not force.any())

    def test_sums_add(self, dissipation):
        other = wls.Friction(0.3) + wls.SelfPropulsion(0.5, 0.2)
        cloud = a_population(6)
        at = cloud.positions, cloud.velocities, cloud.weights
        total = dissipation + other
        assert total.friction == pytest.approx(dissipation.friction + 0.3)
        np.testing.assert_allclose(total.force(*at), dissipation.force(*at) + other.force(*at), rtol=1e-14)
        assert total.rayleigh(*at, np) == pytest.approx(dissipation.rayleigh(*at, np) + other.rayleigh(*at, np))
        assert total.terms == (dissipation, *other.terms)
        assert not total.only_friction

    def test_repr_and_latex(self, dissipation, case):
        latex = dissipation.latex
        assert latex.strip() and latex.count("{") == latex.count("}") and "$" not in latex
        assert latex in wls.Lagrangian(dissipation=dissipation + wls.SelfPropulsion())._repr_latex_()
        assert repr(dissipation).startswith(case.cls.__name__)
        if not isinstance(dissipation, LearnableDissipation):
            assert eval(repr(dissipation), vars(dissipation_module) | {"inf": np.inf}).__dict__ == dissipation.__dict__

    def test_parameters_are_checked(self, dissipation, case):
        check_parameters(case.cls, dissipation)


@pytest.mark.parametrize("case", cases(c for c in DISSIPATIONS if c.__name__ not in ACTIVE))
def test_passive_dissipations_take_energy_out(case):
    dissipation = made_dissipation(case)
    for seed in range(5):
        cloud = a_population(6, seed=seed)
        x, v, w = cloud.positions, cloud.velocities, cloud.weights
        force = dissipation.force(x, v, w) - dissipation.friction * v
        assert w @ (force * v).sum(-1) < 0


@pytest.mark.parametrize("case", cases(DISSIPATIONS))
@given(order=permutations)
def test_dissipations_do_not_know_identities(case, order):
    dissipation, cloud, order = made_dissipation(case), a_population(5), list(order)
    arrays = cloud.positions, cloud.velocities, cloud.weights
    moved = [a[order] for a in arrays]
    np.testing.assert_allclose(dissipation.force(*moved), dissipation.force(*arrays)[order], rtol=1e-12, atol=1e-14)


# --- integrators


def limit_of(integrator: Integrator, lagrangian: wls.Lagrangian, weights: np.ndarray) -> Callable[..., np.ndarray]:
    """dv/dt of the differential equation that a scheme tends to as the step tends to zero."""
    unit_mobility = getattr(integrator, "scaling", "physical") == "unit-mobility"
    newtons = newton(lagrangian, weights, 1 + lagrangian.friction if unit_mobility else 1.0)
    if type(integrator).__name__ not in TURNING:
        return newtons

    def turning(x: np.ndarray, v: np.ndarray, t: float) -> np.ndarray:
        a = newtons(x, v, t)
        return a - (a * v).sum(-1, keepdims=True) * v / (v**2).sum(-1, keepdims=True)

    return turning


MECHANICS = {
    "conservative": lambda: wls.Lagrangian(ShakenPendula() + SoftPairs()),
    "driven": lambda: wls.Lagrangian(ShakenPendula(0.8), mass=1.7),
    "friction": lambda: wls.Lagrangian(ShakenPendula(), dissipation=wls.Friction(0.6)),
    "active": lambda: wls.Lagrangian(
        SoftPairs(), dissipation=wls.Friction(0.4) + wls.Alignment(0.9) + wls.SelfPropulsion(0.8, 0.5), mass=1.3
    ),
    "magnetic": lambda: wls.Lagrangian(
        ShakenPendula(), dissipation=wls.Friction(0.3), magnetic=wls.MagneticField(1.2), mass=1.3
    ),
}


class ShearedFlow(wls.Flow):
    """A velocity field that depends on position and time, and on the other particles."""

    def velocity(self, positions: np.ndarray, weights: np.ndarray, time: float = 0.0) -> np.ndarray:
        return np.sin(positions[:, ::-1] + 0.5 * time) - 0.3 * (positions - weights @ positions)


FLOWS = {
    "sheared": ShearedFlow,
    "relaxation": lambda: wls.GradientFlow(wls.External(wls.laws.Harmonic((1.0, 2.5)))),
}


def takes(integrator: Integrator, mechanics: Any) -> bool:
    """Whether the scheme is for these mechanics."""
    try:
        integrator.check_mechanics(mechanics)
    except ParameterError:
        return False
    return True


def with_mechanics(kinds: dict[str, Callable[[], Any]]) -> list[Any]:
    """A pytest parameter for every scheme with every one of the mechanics that it takes."""
    return [
        pytest.param(*case.values, name, id=f"{case.id}-{name}")
        for case in cases(INTEGRATORS)
        for name, make in kinds.items()
        if takes(case.values[0].make(), make())
    ]


def most_general(integrator: Integrator) -> Any:
    """The mechanics with the most kinds of terms among those that the scheme takes."""
    order = ("active", "driven", "sheared", "relaxation")
    known = MECHANICS | FLOWS
    return next(mechanics for name in order if takes(integrator, mechanics := known[name]()))


@pytest.fixture
def integrator(case: Case) -> Integrator:
    return case.make()


@pytest.fixture
def start() -> wls.Population:
    """Five particles at speed 1, which schemes of constant speed ask for."""
    cloud = a_population(5)
    return cloud.with_velocities(cloud.velocities / np.linalg.norm(cloud.velocities, axis=1, keepdims=True))


def check_order(integrator: Integrator, errors: Callable[[int], np.ndarray], counts: tuple[int, ...]) -> None:
    """Errors after a time 1 go with the scheme's power of the step; an adaptive one keeps to its tolerance."""
    if integrator.adaptive:
        for integrator.tolerance in (1e-2, 1e-3, 1e-4, 1e-5):
            assert errors(1).max() < integrator.tolerance
        return
    found = np.array([errors(count) for count in counts])
    if np.isinf(integrator.order):
        assert found.max() < 1e-12
        return
    for error in found.T:
        assert fitted_order(1.0 / np.array(counts), error) == pytest.approx(integrator.order, abs=0.1)


@pytest.mark.parametrize(("case", "mechanics"), with_mechanics(MECHANICS))
def test_order_of_convergence(integrator, start, mechanics):
    lagrangian = MECHANICS[mechanics]()
    x, v = solve(limit_of(integrator, lagrangian, start.weights), start, 1.0)

    def errors(count: int) -> np.ndarray:
        end = advance(integrator, lagrangian, start, 1.0 / count, count)
        return np.array([np.abs(end.positions - x).max(), np.abs(end.velocities - v).max()])

    check_order(integrator, errors, (20, 40, 80, 160))


@pytest.mark.parametrize(("case", "mechanics"), with_mechanics(FLOWS))
def test_order_of_convergence_of_flows(integrator, start, mechanics):
    flow = FLOWS[mechanics]()

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        return flow.velocity(y.reshape(5, 2), start.weights, t).ravel()

    exact = solve_ivp(rhs, (0, 1), start.positions.ravel(), method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]

    def errors(count: int) -> np.ndarray:
        end = advance(integrator, flow, start, 1.0 / count, count)
        return np.abs(end.positions.ravel() - exact).max(keepdims=True)

    check_order(integrator, errors, (16, 32, 64, 128))


@pytest.mark.parametrize("case", cases(INTEGRATORS))
class IntegratorTests:
    def test_time_is_kept(self, integrator, start):
        assert advance(integrator, most_general(integrator), start, 0.25, 4).time == pytest.approx(1.0)

    def test_the_given_state_is_not_written_to(self, integrator, start):
        before = copy.deepcopy(start)
        advance(integrator, most_general(integrator), start, 0.1, 2)
        assert start == before

    def test_mechanics_that_it_is_not_for_are_refused(self, integrator, start):
        refused = [make() for make in (MECHANICS | FLOWS).values() if not takes(integrator, make())]
        assert refused or {wls.Lagrangian, wls.Flow} <= set(np.atleast_1d(integrator.moves))
        for mechanics in refused:
            with pytest.raises(ParameterError, match="`integrator`"):
                wls.simulate(mechanics, start, [1.0], integrator=integrator)

    def test_repr(self, integrator, case):
        assert repr(integrator).startswith(case.cls.__name__)
        assert repr(eval(repr(integrator), vars(wls.integrators))) == repr(integrator)

    def test_parameters_are_checked(self, integrator, case):
        check_parameters(case.cls, integrator)


@pytest.mark.parametrize("case", cases(c for c in INTEGRATORS if c.reversible))
def test_reversible_integrators_come_back(integrator, start):
    lagrangian = MECHANICS["conservative"]()
    there = advance(integrator, lagrangian, start, 0.1, 100)
    turned = wls.Population(there.positions, -there.velocities, start.weights)
    back = advance(integrator, lagrangian, turned, 0.1, 100)
    assert np.abs(there.positions - start.positions).max() > 1
    np.testing.assert_allclose(back.positions, start.positions, atol=1e-11)
    np.testing.assert_allclose(back.velocities, -start.velocities, atol=1e-11)


@pytest.mark.parametrize("case", cases(c for c in INTEGRATORS if c.conserves_energy and c.moves is not wls.Flow))
class SymplecticIntegratorTests:
    def test_energy_error_stays_bounded(self, integrator):
        lagrangian, start = wls.Lagrangian(ShakenPendula()), a_population(3, 1)
        dt, early, late = 0.2, [], []
        state = State(start.positions, start.velocities, start.weights, 0.0)
        initial = lagrangian.energy(start)
        for step in range(6000):
            state = integrator.step(lagrangian, state, dt)
            error = abs(lagrangian.energy(wls.Population(state.positions, state.velocities, state.weights)) - initial)
            if step < 500 or step >= 5500:
                (early if step < 500 else late).append(error)
        assert 0 < max(early) < 0.05 * initial
        assert max(late) < 1.5 * max(early)

    @pytest.mark.parametrize("friction", [0.0, 0.8])
    def test_conformally_symplectic(self, integrator, friction):
        """The Jacobian J of a step in canonical coordinates obeys J^T Omega J = exp(-gamma dt) Omega."""
        start, dt, h = a_population(2, 2), 0.3, 1e-5
        lagrangian = wls.Lagrangian(ShakenPendula() + SoftPairs(), dissipation=wls.Friction(friction))
        masses = np.repeat(start.weights, 2)

        def step(y: np.ndarray) -> np.ndarray:
            x, p = y.reshape(2, -1)
            cloud = wls.Population(x.reshape(2, 2), (p / masses).reshape(2, 2), start.weights)
            end = advance(integrator, lagrangian, cloud, dt, 1)
            return np.concatenate([end.positions.ravel(), masses * end.velocities.ravel()])

        y = np.concatenate([start.positions.ravel(), masses * start.velocities.ravel()])
        jacobian = np.stack([(step(y + h * e) - step(y - h * e)) / (2 * h) for e in np.eye(8)], axis=1)
        omega = np.block([[np.zeros((4, 4)), np.eye(4)], [-np.eye(4), np.zeros((4, 4))]])
        np.testing.assert_allclose(jacobian.T @ omega @ jacobian, np.exp(-friction * dt) * omega, atol=1e-8)
        assert np.linalg.det(jacobian) == pytest.approx(np.exp(-friction * dt * 4), rel=1e-8)

    def test_momentum_and_angular_momentum_with_pair_forces(self, integrator):
        start, lagrangian = a_population(6, 3), wls.Lagrangian(SoftPairs(), mass=2.0)
        end = advance(integrator, lagrangian, start, 0.1, 50)
        cloud = wls.Population(end.positions, end.velocities, end.weights)
        assert np.abs(cloud.positions - start.positions).max() > 1
        np.testing.assert_allclose(lagrangian.momentum(cloud), lagrangian.momentum(start), atol=1e-13)
        np.testing.assert_allclose(lagrangian.angular_momentum(cloud), lagrangian.angular_momentum(start), atol=1e-12)


# --- noise


class Unit(np.random.Generator):
    """A source of noise that hands out what it is told to."""

    def __init__(self, noise: Any):
        super().__init__(np.random.PCG64(0))
        self.noise = np.asarray(noise, dtype=float)

    def standard_normal(self, size: Any = None, *_: Any, **__: Any) -> np.ndarray:
        return np.broadcast_to(self.noise[:, None], size)


def loud(case: Case, seed: Any) -> Integrator:
    """The scheme at noise or temperature 0.7."""
    amplitude = next(name for name in ("noise", "temperature") if name in inspect.signature(case.cls).parameters)
    return case.cls(**{amplitude: 0.7, "seed": seed})


def noisy_mechanics(integrator: Integrator) -> Any:
    """Mechanics that the scheme takes with noise: linear, of one dimension, with friction."""
    well = wls.External(wls.laws.Harmonic(1.7))
    if integrator.moves is wls.Flow:
        return wls.GradientFlow(well)
    return wls.Lagrangian(well, dissipation=wls.Friction(0.9), mass=1.3)


@pytest.mark.parametrize("case", cases(STOCHASTIC))
class StochasticIntegratorTests:
    def test_the_seed_is_the_source_of_the_noise(self, case):
        start = a_population(5, 2)

        def end(seed: Any) -> np.ndarray:
            integrator = loud(case, seed)
            return advance(integrator, noisy_mechanics(integrator), start, 0.1, 3).positions

        np.testing.assert_array_equal(end(3), end(3))
        np.testing.assert_array_equal(end(3), end(np.random.default_rng(3)))
        assert np.abs(end(3) - end(4)).min() > 1e-6
        assert np.abs(end(None) - end(None)).min() > 1e-6

    def test_seeds_are_checked_and_shown(self, case):
        assert "seed=1234567890" in repr(loud(case, 1234567890))
        assert "seed" not in repr(loud(case, None))
        for bad in (-1, "today", 0.5):
            with pytest.raises(ParameterError, match="`seed`"):
                loud(case, bad)


@pytest.mark.parametrize("case", cases(c for c in STOCHASTIC if c.__name__ not in TURNING))
def test_moments_converge_at_the_weak_order(case):
    """A step of linear mechanics is affine in state and noise; its matrices give mean and covariance exactly."""
    integrator = loud(case, 0)
    mechanics = noisy_mechanics(integrator)
    if integrator.moves is wls.Flow:
        drift, diffusion = np.array([[-1.7]]), np.array([[0.7**2]])
    else:
        drift = np.array([[0.0, 1.0], [-1.7 / 1.3, -0.9]])
        diffusion = np.diag([0.0, 2 * 0.9 * 0.7 / 1.3])
    dim = len(drift)
    mean, covariance = np.array([1.0, 0.5])[:dim], np.diag([0.3, 0.2])[:dim, :dim]

    # a particle at unit position, one at unit velocity if that counts, one at rest that feels the noise
    *state, noise = np.eye(dim + 1)
    unit = wls.Population(*(column[:, None] for column in (state if dim == 2 else [*state, 0 * noise])))

    def moments(count: int) -> tuple[np.ndarray, np.ndarray]:
        integrator._rng = Unit(noise)
        end = advance(integrator, mechanics, unit, 1.0 / count, 1)
        rows = np.stack([end.positions[:, 0], end.velocities[:, 0]])[:dim]
        step, kick = rows[:, :dim], rows[:, dim:]
        m, c = mean, covariance
        for _ in range(count):
            m, c = step @ m, step @ c @ step.T + kick @ kick.T
        return m, c

    # Van Loan's integral of exp(A s) Q exp(A^T s)
    block = expm(np.block([[-drift, diffusion], [np.zeros_like(drift), drift.T]]))
    flow = block[dim:, dim:].T
    exact = flow @ mean, flow @ covariance @ flow.T + flow @ block[:dim, dim:]

    def errors(count: int) -> np.ndarray:
        return np.array([np.abs(a - b).max() for a, b in zip(moments(count), exact, strict=True)])

    check_order(integrator, errors, (16, 32, 64, 128))


# --- systems


def size_of(case: Case) -> dict[str, int]:
    """The number of particles to construct a system with, if it may be chosen."""
    return {"n": 12} if "n" in inspect.signature(case.cls).parameters else {}


@pytest.fixture
def system(case: Case) -> System:
    return case.make(seed=4, **size_of(case))


@pytest.mark.parametrize("case", cases(SYSTEMS))
class SystemTests:
    def test_population(self, system, case):
        population = system.population
        assert len(population) == system.n == size_of(case).get("n", system.n) and population.dim == system.dim
        assert population.time == 0 and population.velocities is not None
        assert population.uniform or case.cls.__name__ in OF_UNEQUAL_MASSES
        assert np.isfinite(population.positions).all() and np.isfinite(population.velocities).all()
        assert system.population is population

    def test_seeds(self, case, system):
        size = size_of(case)
        assert case.make(seed=4, **size).population == system.population
        assert case.make(seed=5, **size).population != system.population
        assert case.make(seed=None, **size).population != case.make(seed=None, **size).population

    def test_simulate(self, system):
        times = [0.0, 0.5, 1.5]
        flight = system.simulate(times)
        assert isinstance(flight, wls.Trajectory) and flight.times.tolist() == times
        assert flight.positions.shape == flight.velocities.shape == (3, system.n, system.dim)
        assert flight[0] == system.population
        assert flight.metadata["system"] == type(system).__name__ and flight.metadata["seed"] == 4
        assert repr(flight.mechanics) == repr(system.mechanics)
        assert np.abs(np.diff(flight.positions, axis=0)).max() > 0
        np.testing.assert_array_equal(system.simulate(times).positions, flight.positions)

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [
            ({"times": [1.0, 0.5]}, "times"),
            ({"times": [-1.0, 0.5]}, "times"),
            ({"times": [0.0, np.nan]}, "times"),
            ({"times": [[0.0, 1.0]]}, "times"),
            ({"dt": 0.0}, "dt"),
            ({"dt": -0.1}, "dt"),
            ({"integrator": Leapfrog}, "integrator"),
        ],
        ids=repr,
    )
    def test_times_and_steps_are_checked(self, system, arguments, name):
        with pytest.raises(ParameterError, match=f"`{name}`"):
            system.simulate(**{"times": [0.0, 1.0], **arguments})

    def test_repr_shows_the_arguments(self, system, case):
        assert "seed=4" in repr(system) and ("n=12" in repr(system)) == bool(size_of(case))
        again = eval(repr(system), vars(wls.systems))
        assert repr(again) == repr(system) and again.population == system.population

    def test_parameters_are_checked(self, system, case):
        check_parameters(case.cls, system, **size_of(case))
        for bad in (0, 2.5, True) if size_of(case) else ():
            with pytest.raises(ParameterError, match="`n`"):
                case.make(n=bad, seed=0)
        with pytest.raises(ParameterError, match="`seed`"):
            case.make(seed=-1, **size_of(case))


@pytest.mark.parametrize("case", cases(c for c in SYSTEMS if not c.has_exact))
def test_no_exact_solution_is_said(system):
    with pytest.raises(NotImplementedError, match=type(system).__name__):
        system.exact([0.0, 1.0])


@pytest.mark.parametrize("case", cases(c for c in SYSTEMS if c.has_exact and c.__name__ not in BY_A_WAVE))
class ExactSystemTests:
    def test_exact_is_what_simulations_converge_to(self, system):
        exact = system.exact([1.5])
        steps = np.array([0.1, 0.05, 0.025, 0.0125])
        ends = [system.simulate([1.5], dt=dt) for dt in steps]
        order = system._integrator(system._noise(None)).order
        errors = [np.abs(end.positions - exact.positions).max() for end in ends]
        assert fitted_order(steps, errors) == pytest.approx(order, abs=0.1)
        errors = [np.abs(end.velocities - exact.velocities).max() for end in ends]
        assert fitted_order(steps, errors) == pytest.approx(order, abs=0.1)

    def test_exact_starts_at_the_population_and_its_velocity_is_its_derivative(self, system):
        h = 1e-4
        path = system.exact([0.0, 1.2 - h, 1.2, 1.2 + h])
        np.testing.assert_allclose(path.positions[0], system.population.positions, atol=1e-14)
        np.testing.assert_allclose(path.velocities[0], system.population.velocities, atol=1e-14)
        slope = (path.positions[3] - path.positions[1]) / (2 * h)
        np.testing.assert_allclose(path.velocities[2], slope, atol=1e-6)
        assert path.metadata["integrator"] == "exact" and path.mechanics is not None
