"""Gradients through flows, magnetic fields and noise: against exact answers and differences of `simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.learn import differentiable_simulate, parameters_of, with_parameters
from wlmsim.mechanics.boid_rules import BoidRules
from wlmsim.mechanics.dissipation import Dissipation
from wlmsim.mechanics.incompressible import LambOseenFlow

TIMES = [0.5, 1.3]
CLOUD = wls.Population(
    np.random.default_rng(0).uniform(0.1, 0.9, (5, 2)), np.random.default_rng(1).standard_normal((5, 2))
)
H = 1e-5


def tensor(value) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64, requires_grad=True)


def summary(positions: Any, velocities: Any) -> Any:
    """A number that depends on every coordinate at every time."""
    return (positions**2).sum() + (positions[:, :, 0] * velocities[:, :, 1]).sum()


def check_slopes(mechanics, names, scheme=lambda **numbers: None, numbers=(), dt=0.05):
    """Paths are those of `simulate`, to rounding, and so are slopes, to the error of differences."""
    values = {name: parameters_of(mechanics)[name] for name in names}
    tensors = {name: tensor(value) for name, value in {**values, **dict(numbers)}.items()}

    def simulated(given):
        law = with_parameters(mechanics, {name: given[name] for name in values})
        own = {name: given[name] for name in dict(numbers)}
        return wls.simulate(law, CLOUD, TIMES, dt=dt, integrator=scheme(**own))

    path = differentiable_simulate(
        mechanics, CLOUD, TIMES, dt=dt, parameters=tensors, integrator=scheme(**dict(numbers))
    )
    known = {name: value.item() for name, value in tensors.items()}
    run = simulated(known)
    np.testing.assert_allclose(path.positions.detach(), run.positions, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(path.velocities.detach(), run.velocities, rtol=1e-11, atol=1e-13)
    slopes = torch.autograd.grad(summary(path.positions, path.velocities), list(tensors.values()))
    for name, slope in zip(tensors, slopes, strict=True):
        up, down = (simulated({**known, name: known[name] + s * H}) for s in (1, -1))
        difference = summary(up.positions, up.velocities) - summary(down.positions, down.velocities)
        assert slope.item() == pytest.approx(difference / (2 * H), rel=1e-6, abs=1e-8), name


class Shear(wls.Flow):
    """A flow of one's own, by its expression."""

    def __init__(self, rate: float):
        self.rate = rate

    def expression(self, positions, weights, time, xp):
        return self.rate * xp.cos(time) * xp.stack([positions[:, 1] ** 2, 0 * positions[:, 0]], axis=1)


class Swirl(Dissipation):
    """A force across the radius, which derives from no Rayleigh function."""

    def __init__(self, strength: float):
        self.strength = strength

    def expression(self, positions, velocities, weights, xp):
        return self.strength * xp.stack([-positions[:, 1], positions[:, 0]], axis=1)

    def force(self, positions, velocities, weights):
        return self.expression(positions, velocities, weights, np)

    def rayleigh(self, positions, velocities, weights, xp):
        raise NotImplementedError


@dataclass(frozen=True)
class Ramp:
    """A rate that rises, with two numbers."""

    first: float = 0.2
    slope: float = 0.5

    def __call__(self, t):
        return self.first + self.slope * t


@dataclass(frozen=True)
class Bottle:
    """A field that varies in space and time."""

    strength: float = 1.5
    rate: float = 0.7

    def __call__(self, x, t, xp):
        return self.strength * (1 + (x**2).sum(-1)) * xp.cos(self.rate * t)


WELL = wls.External(wls.laws.Harmonic(1.0))
FLOWS = [
    (wls.StreamFlow(wls.laws.DoubleGyre()), ["amplitude", "oscillation", "frequency"]),
    (wls.VortexFlow([1.0, 2.0, -0.5, 0.3, 0.0], core=0.3), ["circulations[0]", "circulations[2]", "core"]),
    (LambOseenFlow(), ["circulation", "viscosity", "age"]),
    (wls.GradientFlow(wls.External(wls.laws.Harmonic(2.0))), ["external.stiffness"]),
    (Shear(0.8), ["rate"]),
]


class TestFlows:
    @pytest.mark.parametrize(("flow", "names"), FLOWS, ids=lambda value: type(value).__name__)
    def test_slopes(self, flow, names):
        check_slopes(flow, names)

    @pytest.mark.parametrize("kind", [wls.EulerMaruyama, wls.StochasticHeun])
    def test_with_noise(self, kind):
        flow = wls.StreamFlow(wls.laws.DoubleGyre())
        check_slopes(flow, ["amplitude"], lambda noise: kind(noise, seed=4), {"noise": 0.3})

    def test_from_the_start(self):
        """A saddle stretches: d x(t) / d x(0) = exp(t)."""
        saddle, start = wls.StreamFlow(lambda x, xp: x[..., 0] * x[..., 1]), tensor([[0.3, 0.2]])
        path = differentiable_simulate(saddle, wls.Population([[0.3, 0.2]]), [1.0], dt=0.01, positions=start)
        (slope,) = torch.autograd.grad(path.positions.sum(), start)
        np.testing.assert_allclose(slope, [[np.e, 1 / np.e]], rtol=1e-8)

    def test_bad_input(self):
        class Drift(wls.Flow):
            def velocity(self, positions, weights, time=0.0):
                return np.ones_like(positions)

        with pytest.raises(ParameterError, match=r"cannot be differentiated: Drift must have a method `expression"):
            differentiable_simulate(Drift(), CLOUD, TIMES)
        with pytest.raises(ParameterError, match="velocities` are for a Lagrangian"):
            differentiable_simulate(Shear(1.0), CLOUD, TIMES, velocities=torch.zeros(5, 2))
        with pytest.raises(ParameterError, match="whose steps can be differentiated"):
            differentiable_simulate(Shear(1.0), CLOUD, TIMES, integrator=wls.GaussLegendre())
        with pytest.raises(ParameterError, match=r"scheme for"):
            differentiable_simulate(Shear(1.0), CLOUD, TIMES, integrator=wls.Leapfrog())
        with pytest.raises(ParameterError, match=r"parameters\['noise'\]` must be a finite number >= 0"):
            differentiable_simulate(
                Shear(1.0), CLOUD, TIMES, integrator=wls.EulerMaruyama(1.0), parameters={"noise": torch.tensor(-1.0)}
            )


class TestMagneticFields:
    def test_the_larmor_radius(self):
        """After half a turn a charge is 2 m v / B away: the diameter falls by 2 m v / B^2 as B grows, at that phase."""
        b, m = tensor(2.0), 1.5
        gyration = wls.Lagrangian(magnetic=wls.MagneticField(2.0), mass=m)
        start = wls.Population([[0.0, 0.0]], [[1.0, 0.0]])
        end = np.pi * m / 2.0
        path = differentiable_simulate(gyration, start, [end], dt=end / 4000, parameters={"magnetic_field.strength": b})
        x, y = path.positions[-1, 0]
        # x = (m v / B) sin(B t / m), y = -(m v / B) (1 - cos(B t / m))
        assert y.item() == pytest.approx(-2 * m / 2.0, rel=1e-6)
        (across,) = torch.autograd.grad(y, b, retain_graph=True)
        (along,) = torch.autograd.grad(x, b)
        assert across.item() == pytest.approx(2 * m / 2.0**2, rel=1e-6)
        assert along.item() == pytest.approx(-end / 2.0, rel=1e-6)

    def test_from_a_field_and_friction_of_zero(self):
        """v = exp(-gamma t) (cos Bt, -sin Bt): slopes at zero are -t along and across."""
        law = wls.Lagrangian(dissipation=wls.Friction(0.0), magnetic=wls.MagneticField(0.0))
        numbers = {"magnetic_field.strength": tensor(0.0), "friction": tensor(0.0)}
        start = wls.Population([[0.0, 0.0]], [[1.0, 0.0]])
        vx, vy = differentiable_simulate(law, start, [0.7], dt=0.1, parameters=numbers).velocities[-1, 0]
        slopes = [torch.autograd.grad(v, list(numbers.values()), retain_graph=True) for v in (vx, vy)]
        np.testing.assert_allclose(slopes, [[0.0, -0.7], [-0.7, 0.0]], atol=1e-12)

    def test_slopes(self):
        law = wls.Lagrangian(
            WELL, dissipation=wls.Friction(0.3) + wls.SelfPropulsion(), magnetic=wls.MagneticField(1.5), mass=1.3
        )
        names = ["magnetic_field.strength", "friction", "mass", "self_propulsion.alpha", "external.stiffness"]
        check_slopes(law, names)
        check_slopes(law, names, lambda: wls.Leapfrog())
        check_slopes(law, names, lambda temperature: wls.BAOAB(temperature, seed=1), {"temperature": 0.4})

    def test_in_space(self):
        law = wls.Lagrangian(magnetic=wls.MagneticField((0.5, -1.0, 2.0)))
        start = wls.Population([[0.0, 0.0, 0.0]], [[1.0, 0.5, -0.3]])
        b = [tensor(value) for value in (0.5, -1.0, 2.0)]
        names = [f"magnetic_field.strength[{k}]" for k in range(3)]
        path = differentiable_simulate(law, start, [1.0], dt=0.1, parameters=dict(zip(names, b, strict=True)))
        run = wls.simulate(law, start, [1.0], dt=0.1)
        np.testing.assert_allclose(path.positions.detach(), run.positions, rtol=1e-12)
        slopes = torch.autograd.grad(path.positions.sum(), b)
        for k, slope in enumerate(slopes):
            ends = []
            for s in (1, -1):
                moved = np.array([0.5, -1.0, 2.0]) + s * H * np.eye(3)[k]
                other = wls.Lagrangian(magnetic=wls.MagneticField(moved.tolist()))
                ends.append(wls.simulate(other, start, [1.0], dt=0.1).positions.sum())
            assert slope.item() == pytest.approx((ends[0] - ends[1]) / (2 * H), rel=1e-7)

    def test_that_vary_in_space_and_time(self):
        law = wls.Lagrangian(WELL, magnetic=wls.MagneticField(Bottle()))
        check_slopes(law, ["magnetic_field.strength", "magnetic_field.rate"])


class TestNoise:
    def test_the_width_of_a_cloud_in_a_bath(self):
        """BAOAB in a well from equilibrium in x: the slope of the mean square is that of T / k, and of its rest."""
        well = wls.Lagrangian(wls.External(wls.laws.Harmonic(2.0)), dissipation=wls.Friction(1.0))
        rest = wls.Population(np.zeros((20_000, 1))).at_rest()
        warmth = tensor(1.5)
        path = differentiable_simulate(
            well, rest, [12.0], dt=0.2, integrator=wls.BAOAB(1.5, seed=0), parameters={"temperature": warmth}
        )
        (slope,) = torch.autograd.grad((path.positions[-1] ** 2).mean(), warmth)
        assert slope.item() == pytest.approx(1 / 2.0, rel=0.03)

    def test_the_velocity_of_an_ornstein_uhlenbeck_process_path_by_path(self):
        """Free, from rest: v goes with sqrt(T), so that T dv/dT = v / 2 for each particle."""
        law, warmth = wls.Lagrangian(dissipation=wls.Friction(0.8)), tensor(0.6)
        path = differentiable_simulate(
            law, CLOUD.at_rest(), TIMES, dt=0.1, integrator=wls.BAOAB(0.6, seed=2), parameters={"temperature": warmth}
        )
        v = path.velocities[-1, 3, 1]
        (slope,) = torch.autograd.grad(v, warmth)
        assert 0.6 * slope.item() == pytest.approx(0.5 * v.item(), rel=1e-10)

    def test_slopes(self):
        law = wls.Lagrangian(WELL + wls.Pairwise(wls.laws.Morse()), dissipation=wls.Friction(0.5), mass=2.0)
        names = ["friction", "mass", "pairwise.c", "external.stiffness"]
        check_slopes(law, names, lambda temperature: wls.BAOAB(temperature, seed=1), {"temperature": 0.4})
        check_slopes(law, names, lambda: wls.Yoshida4())

    def test_of_masses_and_forces_of_ones_own(self):
        check_slopes(wls.Lagrangian(WELL, mass=np.arange(1.0, 6.0)), ["external.stiffness"])
        check_slopes(wls.Lagrangian(WELL, dissipation=Swirl(0.4)), ["swirl.strength"])

    def test_of_friction_that_changes(self):
        law = wls.Lagrangian(WELL, dissipation=wls.Friction(Ramp()))
        check_slopes(law, ["friction.first", "friction.slope"])
        check_slopes(law, ["friction.slope"], lambda temperature: wls.BAOAB(temperature, seed=1), {"temperature": 0.4})

    def test_goes_on_as_in_simulate_and_is_the_same_again_of_a_new_scheme(self):
        law = wls.Lagrangian(WELL, dissipation=wls.Friction(0.5))

        def end(scheme):
            return differentiable_simulate(law, CLOUD, [1.0], dt=0.1, integrator=scheme).positions.numpy()

        scheme, other = wls.BAOAB(1.0, seed=0), wls.BAOAB(1.0, seed=0)
        first, second = end(scheme), end(scheme)
        wls.simulate(law, CLOUD, [1.0], dt=0.1, integrator=other)
        np.testing.assert_allclose(second, wls.simulate(law, CLOUD, [1.0], dt=0.1, integrator=other).positions)
        np.testing.assert_array_equal(first, end(wls.BAOAB(1.0, seed=0)))

    def test_gradients_leave_the_stream_as_it_is(self):
        law = wls.Lagrangian(WELL, dissipation=wls.Friction(0.5))
        schemes = [wls.BAOAB(1.0, seed=0) for _ in range(2)]
        ends = []
        for scheme, backward in zip(schemes, (False, True), strict=True):
            k = tensor(1.0)
            path = differentiable_simulate(
                law, CLOUD, [1.0], dt=0.1, integrator=scheme, parameters={"external.stiffness": k}
            )
            if backward:
                path.positions.sum().backward()
            ends.append(scheme._rng.random())
        assert ends[0] == ends[1]


@pytest.mark.parametrize("box", [None, 2.5])
def test_boids_by_their_weights_and_radii(box):
    rules = BoidRules(0.4, 0.9, 0.3, outer_radius=0.6, inner_radius=0.3, box=box)
    law = wls.Lagrangian(wls.External(wls.laws.Harmonic(0.5)), dissipation=rules)
    names = [name for name in parameters_of(law) if name.startswith("boid_rules.")]
    assert len(names) == 5
    check_slopes(law, names)
