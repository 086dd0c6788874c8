"""Gradients through simulations: equal to plain automatic differentiation, in little memory."""

import gc
import math
import weakref

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.conformance import LAWS, Case, cases, dimensions, is_radial, made_law, value_of
from tests.example_mechanics import a_population
from tests.models import wlm
from wlmsim.errors import ParameterError
from wlmsim.functionals import adjoints, tracing
from wlmsim.learn import differentiable_simulate, parameters_of, torch_force, with_parameters
from wlmsim.learn.functionals import Scales
from wlmsim.learn.rollouts.adjoint import flat_rollout
from wlmsim.learn.rollouts.adjoint_forces import LearnedForce, TracedForce
from wlmsim.learn.rollouts.recomputation import kept_bytes, recomputed
from wlmsim.learn.rollouts.rollout import rollout
from wlmsim.learn.training import trainer

TIMES = [0.1, 0.5, 1.3, 2.0]  # the population's time is the first

EVERYTHING = wls.Lagrangian(
    wls.External(wls.laws.Harmonic((1.0, 2.0)))
    + wls.External(lambda x, t, xp: xp.sin(t) * xp.cos(x[..., 0]))
    + wls.Pairwise(wls.laws.Morse())
    + wls.GaussianQuantumPressure(0.3),
    dissipation=wls.Friction(0.2),
    mass=1.3,
)
NAMES = ("friction", "mass", "external_1.stiffness[1]", "pairwise.c", "pairwise.l", "gaussian_quantum_pressure.hbar")


def tensor(value, dtype=torch.float64) -> torch.Tensor:
    return torch.tensor(value, dtype=dtype, requires_grad=True)


def tensors_of(law: wls.Lagrangian, names) -> dict[str, torch.Tensor]:
    return {name: tensor(parameters_of(law)[name]) for name in names}


def summary(states) -> torch.Tensor:
    """A scalar that depends on every coordinate at every time."""
    generator = torch.Generator().manual_seed(0)
    parts = [part for state in states for part in state]
    return sum((torch.randn(p.shape, dtype=torch.float64, generator=generator).to(p) * p).sum() for p in parts)


def plainly(law: wls.Lagrangian, population: wls.Population, x, v, times, dt):
    """The rollout whose every operation torch keeps."""
    w = torch.as_tensor(population.weights).to(x)

    def force(x, t):
        return torch_force(law.potential, x, w, t) / law.mass

    return rollout(force, x, v, times, start=population.time, dt=dt, friction=law.friction)


def check_against_plain(law, names, dt=0.03, times=TIMES, rel=1e-9, n=6):
    population = a_population(n, 2, time=TIMES[0])
    inputs = tensors_of(law, names) | {"x": tensor(population.positions), "v": tensor(population.velocities)}
    numbers = {name: inputs[name] for name in names}
    path = differentiable_simulate(
        law, population, times, dt=dt, parameters=numbers, positions=inputs["x"], velocities=inputs["v"]
    )
    tuned = with_parameters(law, numbers, checked=False)
    plain = plainly(tuned, population, inputs["x"], inputs["v"], times, dt)
    ours = summary(zip(path.positions, path.velocities, strict=True))
    reference = summary(plain)
    torch.testing.assert_close(ours, reference, rtol=1e-11, atol=0)
    found = torch.autograd.grad(ours, list(inputs.values()))
    expected = torch.autograd.grad(reference, list(inputs.values()))
    for name, a, b in zip(inputs, found, expected, strict=True):
        assert (a - b).abs().max() <= rel * b.abs().max(), name


def in_equal_steps(law, population, times, dt):
    """By `simulate`, from each record to the next in equal steps no longer than `dt`, as rollouts do."""
    frames = []
    for time in times:
        steps = max(1, np.ceil((time - population.time) / dt - 1e-9))
        path = wls.simulate(law, population, [time], dt=max(time - population.time, 1e-9) / steps)
        frames.append(path)
        population = path[-1]
    positions, velocities = (np.concatenate([getattr(f, name) for f in frames]) for name in ("positions", "velocities"))
    return wls.Trajectory(times, positions, velocities, population.weights)


class TestGradients:
    def test_of_every_kind_of_force(self):
        check_against_plain(EVERYTHING, NAMES)

    def test_without_friction(self):
        law = wls.Lagrangian(EVERYTHING.potential)
        check_against_plain(law, ["pairwise.c"])

    def test_with_friction_so_strong_that_the_way_back_is_lost(self):
        law = wls.Lagrangian(EVERYTHING.potential, dissipation=wls.Friction(30.0))
        check_against_plain(law, ["friction", "pairwise.c"])

    def test_over_few_and_many_steps(self):
        for dt, times in ((10.0, [0.5]), (0.5, [0.5, 0.6]), (0.002, [0.1, 0.9])):
            check_against_plain(EVERYTHING, ["friction"], dt=dt, times=times)

    @pytest.mark.parametrize("unit_mobility", [False, True])
    def test_of_learned_functionals(self, unit_mobility):
        torch.manual_seed(0)
        potential = wls.learn.ExternalPotential((8, 8))
        potential.prepare(2, Scales((0.1, 0.2), 1.3, 0.0, 0.9))
        potential.double()
        w = torch.full((5,), 0.2, dtype=torch.float64)
        gamma = tensor(0.4)
        x, v = (tensor(np.random.default_rng(k).standard_normal((5, 2))) for k in (0, 1))
        inputs = [x, v, gamma, *potential.parameters()]
        options = {"start": 0.0, "dt": 0.05, "friction": gamma, "unit_mobility": unit_mobility}

        def force(x, t):
            return potential.scaled_force(x, w, t)

        flat = flat_rollout(TracedForce(force, list(potential.parameters())), x, v, [0.3, 2.0], **options)
        plain = rollout(force, x, v, [0.3, 2.0], **options)
        found = torch.autograd.grad(summary(flat), inputs)
        expected = torch.autograd.grad(summary(plain), inputs)
        for a, b in zip(found, expected, strict=True):
            assert (a - b).abs().max() <= 1e-9 * b.abs().max()

    def test_in_single_precision(self):
        population = a_population(6, 2, time=TIMES[0])
        law = wls.Lagrangian(EVERYTHING.potential, dissipation=wls.Friction(0.2))
        found = []
        for dtype in (torch.float32, torch.float64):
            v = tensor(population.velocities, dtype)
            path = differentiable_simulate(law, population, TIMES, dt=0.01, velocities=v)
            assert path.positions.dtype == dtype
            found.append(torch.autograd.grad(summary(zip(path.positions, path.velocities, strict=True)), v)[0].double())
        assert (found[0] - found[1]).abs().max() < 1e-4 * found[1].abs().max()

    def test_are_slopes(self):
        population = a_population(6, 2)

        def end(stiffness):
            path = differentiable_simulate(
                EVERYTHING, population, [1.0], dt=0.05, parameters={"external_1.stiffness[0]": stiffness}
            )
            return (path.positions**2).sum()

        k = tensor(1.0)
        (slope,) = torch.autograd.grad(end(k), k)
        numeric = (end(tensor(1.0 + 1e-5)) - end(tensor(1.0 - 1e-5))) / 2e-5
        assert slope.item() == pytest.approx(numeric.item(), rel=1e-6)

    def test_friction_may_start_at_zero(self):
        population, free = a_population(6, 2), wls.Lagrangian()
        gamma = tensor(0.0)
        path = differentiable_simulate(free, population, [2.0], dt=0.1, parameters={"friction": gamma})
        np.testing.assert_allclose(path.positions.detach()[0], population.positions + 2 * population.velocities)
        (slope,) = torch.autograd.grad(path.positions.sum(), gamma)
        # x = x0 + v0 (1 - exp(-gamma t)) / gamma, up to the error of the scheme
        assert slope.item() == pytest.approx(-0.5 * 2.0**2 * population.velocities.sum(), rel=1e-2)

    def test_are_given_to_no_one_who_did_not_ask(self):
        population = a_population(6, 2)
        path = differentiable_simulate(EVERYTHING, population, [1.0], parameters={"pairwise.c": torch.tensor(1.0)})
        assert not path.positions.requires_grad

    @pytest.mark.parametrize("steps", [1, 7, 40])
    def test_with_forces_that_depend_on_the_velocity(self, steps):
        law = wls.Lagrangian(
            wls.External(wls.laws.Harmonic()),
            dissipation=wls.Friction(0.1) + wls.Alignment(0.5, 1.2) + wls.SelfPropulsion(0.7, 0.4),
            mass=1.5,
        )
        names = ["friction", "alignment.radius", "self_propulsion.alpha", "external.stiffness", "mass"]
        population = a_population(5, 2)

        def end(values, **how):
            path = differentiable_simulate(law, population, [0.4, 1.0], dt=1.0 / steps, parameters=values, **how)
            return summary(zip(path.positions, path.velocities, strict=True))

        path = differentiable_simulate(law, population, [0.4, 1.0], dt=1.0 / steps)
        simulated = in_equal_steps(law, population, [0.4, 1.0], 1.0 / steps)
        np.testing.assert_allclose(path.velocities, simulated.velocities, rtol=1e-10)
        inputs, v = tensors_of(law, names), tensor(population.velocities)
        found = torch.autograd.grad(end(inputs, velocities=v), [*inputs.values(), v])
        h = 1e-5
        for name, slope in zip(names, found[:-1], strict=True):
            sides = [{**inputs, name: inputs[name].detach() + s * h} for s in (1, -1)]
            up, down = (end(side).item() for side in sides)
            assert slope.item() == pytest.approx((up - down) / (2 * h), rel=1e-6, abs=1e-9), name
        push = torch.zeros_like(v)
        push[2, 1] = h
        up, down = (end(inputs, velocities=v.detach() + s * push).item() for s in (1, -1))
        assert found[-1][2, 1].item() == pytest.approx((up - down) / (2 * h), rel=1e-6)


class TestCost:
    """What is kept, and how often forces are evaluated."""

    def count(self, steps: int, friction: float = 0.1) -> tuple[int, int, int]:
        """Numbers kept for the gradient, forces and adjoints evaluated."""
        calls = {"forward": 0, "backward": 0}

        class Spring(TracedForce):
            def __call__(self, x, t):
                calls["forward"] += 1
                return super().__call__(x, t)

            def pull_back(self, x, t, u):
                calls["backward"] += 1
                return super().pull_back(x, t, u)

        x, v = tensor([[1.0, 0.0]]), tensor([[0.0, 1.0]])
        kept = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
            options = {"start": 0.0, "dt": 1.0 / steps, "friction": friction}
            ((end, _),) = flat_rollout(Spring(lambda x, t: -x), x, v, [1.0], **options)
        torch.autograd.grad(end.sum(), x)
        return sum(kept), calls["forward"], calls["backward"]

    @pytest.mark.parametrize("steps", [100, 1000, 4000])
    def test_memory_is_the_root_of_the_steps(self, steps):
        kept, _, _ = self.count(steps)
        assert kept <= 4 * (math.sqrt(steps) + 4)

    def test_one_force_and_one_adjoint_a_step(self):
        assert self.count(900)[1:] == (901, 901)

    def test_a_lost_way_costs_another_forward_pass(self):
        _, forward, backward = self.count(900, friction=5000.0)
        assert 901 < forward < 2 * 901
        assert backward < 1.1 * 901


class TestTraining:
    """Fits too large for their graphs compute forces twice, and change by rounding errors only."""

    @pytest.mark.parametrize("potential", [wls.learn.ExternalPotential, wls.learn.AttentionPotential])
    def test_frugal_fits_are_the_same(self, potential, monkeypatch):
        data = wls.systems.VortexDrifters(n=12, seed=0).exact([0.0, 0.3, 0.6]).snapshots(seed=0)
        options = {"dropout": 0.2} if potential is wls.learn.AttentionPotential else {}
        losses = []
        for limit in (2**32, 0):
            monkeypatch.setattr(trainer, "LARGEST_GRAPH", limit)
            torch.manual_seed(0)
            model = wlm(potential(**options), steps=4, members=1, progress=False)
            losses.append(model.fit(data).losses_)
        np.testing.assert_allclose(losses[1], losses[0], rtol=1e-4)
        assert len(set(losses[0])) == 4

    def test_what_is_kept_is_counted(self):
        x = tensor(np.ones((10, 3)))
        assert kept_bytes(lambda: (x**2).sum()) == 10 * 3 * 8
        assert kept_bytes(lambda: recomputed(lambda x, t: torch.exp(torch.exp(x)) - 1.0, [])(x, 0.0)) == 10 * 3 * 8

    def test_nothing_is_left_of_what_was_counted(self):
        x, computed = tensor(np.ones((10, 3))), []

        def function():
            y = torch.sigmoid(x)  # kept by the node that computes it
            computed.append(weakref.ref(y))
            return y.sum()

        gc.disable()
        try:
            assert kept_bytes(function) == 10 * 3 * 8
            assert computed[0]() is None
        finally:
            gc.enable()


class TestSimulation:
    def test_is_that_of_simulate(self):
        population = a_population(6, 2, time=TIMES[0])
        path = differentiable_simulate(EVERYTHING, population, TIMES, dt=0.03)
        simulated = in_equal_steps(EVERYTHING, population, TIMES, 0.03)
        np.testing.assert_allclose(path.positions, simulated.positions, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(path.velocities, simulated.velocities, rtol=1e-12, atol=1e-14)
        np.testing.assert_array_equal(path.times, simulated.times)

    def test_of_a_learned_lagrangian(self):
        potential = wls.learn.ExternalPotential((4,))
        potential.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))
        law, population = wls.Lagrangian(potential), a_population(4, 2)
        path = differentiable_simulate(law, population, [1.0], dt=0.1)
        np.testing.assert_allclose(
            path.positions.detach(), wls.simulate(law, population, [1.0], dt=0.1).positions, rtol=1e-5, atol=1e-6
        )
        path.positions.sum().backward()
        assert all(p.grad is not None for p in potential.parameters())

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
    def test_of_learned_potentials(self, dtype):
        """A mean of external ones, whose adjoint is typed out, and one that is traced."""
        torch.manual_seed(0)
        typed = [wls.learn.ExternalPotential((8, 5), typical_force=2.0) for _ in range(2)]
        traced = wls.learn.ExternalPotential((8,), fourier_features=2)
        for potential in (*typed, traced):
            potential.prepare(2, Scales((0.1, 0.2), 1.3, 0.2, 0.9))
        typed[0].factor = 1.4
        typed[1].psi.layers[0].weight.requires_grad_(False)
        law = wls.Lagrangian(wls.learn.Average(typed).to(dtype) + traced.to(dtype), dissipation=wls.Friction(0.3))
        population = a_population(6, 2, time=TIMES[0])
        x, v = tensor(population.positions, dtype), tensor(population.velocities, dtype)
        path = differentiable_simulate(law, population, TIMES, dt=0.03, positions=x, velocities=v)
        states = [zip(path.positions, path.velocities, strict=True), plainly(law, population, x, v, TIMES, 0.03)]
        unknown = [x, v, *(p for term in law.potential.terms for p in term.parameters() if p.requires_grad)]
        found, expected = (torch.autograd.grad(summary(part), unknown) for part in states)
        assert len(unknown) == 2 + 5 + 4 + 3
        assert [len(LearnedForce.terms_of(term, torch.ones(6))) for term in law.potential.terms] == [2, 0]
        for a, b in zip(found, expected, strict=True):
            assert (a - b).abs().max() <= (1e-5 if dtype == torch.float32 else 1e-10) * b.abs().max()

    def test_bad_input(self):
        population = a_population(4, 2)
        with pytest.raises(ParameterError, match=r"`c` is not a parameter .* known are friction, mass"):
            differentiable_simulate(EVERYTHING, population, [1.0], parameters={"c": torch.tensor(1.0)})
        with pytest.raises(ParameterError, match="a tensor with one element"):
            differentiable_simulate(EVERYTHING, population, [1.0], parameters={"mass": 1.0})
        with pytest.raises(ParameterError, match="`l` must be a finite number > 0"):
            differentiable_simulate(EVERYTHING, population, [1.0], parameters={"pairwise.l": torch.tensor(-1.0)})
        with pytest.raises(ParameterError, match=r"`velocities` must be a tensor of real numbers of shape \(4, 2\)"):
            differentiable_simulate(EVERYTHING, population, [1.0], velocities=torch.zeros(3, 2))
        with pytest.raises(ParameterError, match="must have velocities"):
            differentiable_simulate(EVERYTHING, wls.Population(population.positions), [1.0])
        with pytest.raises(ParameterError, match="at or after"):
            differentiable_simulate(EVERYTHING, population, [-1.0])


@pytest.mark.parametrize("case", cases(LAWS))
class AdjointTests:
    """The adjoint of every law's force, derived by SymPy, is what torch finds by differentiating twice."""

    def test_of_the_law(self, case: Case, rng):
        if is_radial(made_law(case, 2)):
            self.check_radial(made_law(case, 2), rng.uniform(0.2, 2.5, 4))
        else:
            dim = max(dimensions(case))
            self.check_external(made_law(case, dim), *rng.standard_normal((2, dim)))

    def check_radial(self, law, distances):
        adjoint, count = adjoints.compile_radial_adjoint(law, parameters=True)
        p = tracing.compile_radial(law).parameters
        for r in distances:
            distance = tensor(r)
            (slope,) = torch.autograd.grad(law(distance, xp), distance, create_graph=True)
            (bend,) = torch.autograd.grad(slope, distance)
            found = adjoint(r, tuple(p))
            np.testing.assert_allclose(found[:2], [slope.item(), bend.item()], rtol=1e-9)
            assert len(found) == 2 + count
            # constants of the law are arguments of its compiled form too, but no parameters
            numbers = len(tracing.entries_of(law))
            expected = numeric_slopes(lambda p, r=r: adjoint(r, tuple(p))[0], p)[:numbers] if numbers else [0.0]
            np.testing.assert_allclose(found[2:], expected, rtol=1e-5, atol=1e-7)

    def check_external(self, law, point, u):
        dim = len(point)
        adjoint = adjoints.compile_external_adjoint(law, dim)
        p = tracing.compile_external(law, dim).parameters

        def apply(p):
            return np.split(np.array(adjoint(tuple(point), 0.4, tuple(p), tuple(u))), [dim, 2 * dim])

        x = tensor(point[None])
        (slope,) = torch.autograd.grad(value_of(law, x, xp).sum(), x, create_graph=True)
        (bend,) = torch.autograd.grad(-(slope * torch.tensor(u)).sum() + 0.0 * x.sum(), x)
        force, towards_x, towards_p = apply(p)
        np.testing.assert_allclose(force, -slope.detach()[0], rtol=1e-10, atol=1e-13)
        np.testing.assert_allclose(towards_x, bend[0], rtol=1e-9, atol=1e-12)
        size = np.abs(towards_p).max(initial=0.0)
        assert len(towards_p) == len(tracing.entries_of(law))
        expected = numeric_slopes(lambda p: u @ apply(p)[0], p)[: len(towards_p)]
        np.testing.assert_allclose(towards_p, expected, rtol=1e-4, atol=1e-6 * size)


def numeric_slopes(function, p: np.ndarray) -> list[float]:
    steps = np.diag(1e-6 * np.maximum(np.abs(p), 0.1))
    return [(function(p + step) - function(p - step)) / (2 * step.sum()) for step in steps]


def test_times_before_the_start_are_printed_so_that_they_differ():
    start, spring = 1_700_000_000.5, wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    cloud = wls.Population([[1.0, 0.0]], [[0.0, 0.0]], time=start)
    with pytest.raises(ParameterError, match=r"at or after the population's time 1700000000\.5; got 1700000000\.0"):
        wls.learn.differentiable_simulate(spring, cloud, [start - 0.5, start + 1.0], dt=0.1)
