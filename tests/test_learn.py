"""Learning: losses, rollouts, gradients, the estimator, files, checkpoints."""

import copy
import json
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import trainer_of, wlm
from wlmsim.errors import FileFormatError, NotFittedError, ParameterError, SimulationError
from wlmsim.integrators import ConstantSpeedEuler, Leapfrog
from wlmsim.learn import files
from wlmsim.learn.functionals import Scales
from wlmsim.learn.functionals.base import force_of_energy
from wlmsim.learn.losses import sinkhorn_divergence as losses
from wlmsim.learn.losses.energy_divergence import energy_divergence
from wlmsim.learn.losses.exact_transport import exact_transport
from wlmsim.learn.losses.sinkhorn_divergence import automatic_blur, sinkhorn_divergence
from wlmsim.learn.losses.sliced_transport import sliced_transport
from wlmsim.learn.mechanics import Mechanics, mean_mechanics, scales_of
from wlmsim.learn.networks.perceptron import Perceptron, RadialSpline
from wlmsim.learn.rollouts.rollout import flow_rollout, rollout, torch_force
from wlmsim.learn.training.fitting import Fit
from wlmsim.learn.training.trainer import Trainer

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


@pytest.fixture(scope="module")
def drifters() -> wls.SnapshotSeries:
    vortex = wls.systems.VortexDrifters(n=60, seed=0)
    return vortex.exact(np.linspace(0, 4, 9)).snapshots(seed=0)


def quick(potential: wls.functionals.Functional | None = None, **parameters) -> wls.learn.WLM:
    """A short fit of one network, unless told otherwise."""
    return wlm(potential, **{"steps": 30, "members": 1, "progress": False, **parameters})


def clouds(rng: np.random.Generator, n: int, m: int) -> list[torch.Tensor]:
    return [
        torch.tensor(rng.standard_normal((n, 2)), requires_grad=True),
        torch.tensor(rng.standard_normal((m, 2)) + 0.5),
        torch.tensor(rng.dirichlet(np.ones(n))),
        torch.tensor(rng.dirichlet(np.ones(m))),
    ]


class TestLosses:
    @pytest.mark.parametrize("power", [1, 2])
    @pytest.mark.parametrize(("n", "m"), [(7, 7), (5, 9)])
    def test_exact_transport_is_the_wasserstein_distance(self, power, n, m):
        x, y, wx, wy = clouds(np.random.default_rng(n + m), n, m)
        a = wls.Population(x.detach().numpy(), weights=wx.numpy())
        b = wls.Population(y.numpy(), weights=wy.numpy())
        expected = wls.transport.wasserstein1(a, b) if power == 1 else wls.transport.wasserstein2(a, b) ** 2
        assert exact_transport(x, y, wx, wy, power=power).item() == pytest.approx(expected, rel=1e-9)

    def test_exact_transport_accepts_coincident_points(self):
        x = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
        w = torch.full((3,), 1 / 3, dtype=torch.float64)
        loss = exact_transport(x, torch.zeros_like(x), w, w, power=1)
        loss.backward()
        assert loss.item() < 1e-100
        assert torch.isfinite(x.grad).all()

    @pytest.mark.parametrize("loss", [exact_transport, sinkhorn_divergence])
    def test_gradient_is_the_slope(self, loss):
        x, y, wx, wy = clouds(np.random.default_rng(3), 6, 8)
        options = {} if loss is exact_transport else {"blur": 0.3, "tolerance": 1e-12, "iterations": 20_000}
        (gradient,) = torch.autograd.grad(loss(x, y, wx, wy, **options), x)
        h = 1e-5
        for i, k in [(0, 0), (3, 1), (5, 0)]:
            step = torch.zeros_like(x)
            step[i, k] = h
            up, down = (loss((x + s * step).detach(), y, wx, wy, **options).item() for s in (1, -1))
            assert gradient[i, k].item() == pytest.approx((up - down) / (2 * h), rel=1e-5, abs=1e-8)

    def test_automatic_blur_is_the_distance_between_neighbours(self):
        grid = torch.cartesian_prod(*2 * [0.5 * torch.arange(10.0)])
        assert automatic_blur([grid, 3.0 + grid, 7 * grid]) == pytest.approx(0.5)
        noise = torch.tensor(np.random.default_rng(0).uniform(size=(4000, 2)))
        # for uniform points in the plane the median is sqrt(log 2 / (pi n))
        for n in (4000, 500):
            assert automatic_blur([noise], n) == pytest.approx(np.sqrt(np.log(2) / (np.pi * n)), rel=0.1)
        for nowhere in ([torch.zeros(4, 2)], [torch.zeros(1, 2)]):
            with pytest.raises(ParameterError, match="`blur` must be given"):
                automatic_blur(nowhere)

    def test_automatic_blur_in_a_fit(self, drifters):
        model = quick(steps=2, loss="sinkhorn", blur="auto")
        trainer = trainer_of(model, [drifters], 2, scales_of(drifters))
        positions = (np.array(drifters.positions) - scales_of(drifters).centre) / scales_of(drifters).length
        assert trainer.loss.blur == pytest.approx(automatic_blur([torch.tensor(x) for x in positions]), rel=1e-5)
        assert np.isfinite(model.fit(drifters).losses_).all()

    def test_sinkhorn_divergence_agrees_with_geometry(self):
        rng = np.random.default_rng(0)
        x, y, wx, wy = clouds(rng, 15, 20)
        zero = sinkhorn_divergence(x.detach(), x.detach(), wx, wx, blur=0.1)
        assert abs(zero.item()) < 1e-6
        sharp = sinkhorn_divergence(x.detach(), y, wx, wy, blur=0.05, iterations=4000).item()
        half_square = 0.5 * exact_transport(x.detach(), y, wx, wy).item()
        assert sharp == pytest.approx(half_square, rel=0.02)
        broad = sinkhorn_divergence(x.detach(), y, wx, wy, blur=100.0).item()
        means = (wx[:, None] * x.detach()).sum(0) - (wy[:, None] * y).sum(0)
        assert broad == pytest.approx(0.5 * (means**2).sum().item(), rel=1e-2)

    def test_sinkhorn_divergence_agrees_with_pot(self):
        ot = pytest.importorskip("ot")
        x, y, wx, wy = clouds(np.random.default_rng(1), 12, 15)
        blur = 0.7
        arrays = x.detach().numpy(), y.numpy()

        def entropic(a, b, wa, wb):
            cost = 0.5 * ((a[:, None] - b[None]) ** 2).sum(-1)
            plan = ot.sinkhorn(wa, wb, cost, blur**2, method="sinkhorn_log", numItermax=2000, stopThr=1e-10)
            return (plan * cost).sum() + blur**2 * (plan * np.log(plan / np.outer(wa, wb))).sum()

        a, b = wx.numpy(), wy.numpy()
        expected = (
            entropic(arrays[0], arrays[1], a, b)
            - 0.5 * entropic(arrays[0], arrays[0], a, a)
            - 0.5 * entropic(arrays[1], arrays[1], b, b)
        )
        ours = sinkhorn_divergence(x.detach(), y, wx, wy, blur=blur, tolerance=1e-10, iterations=20_000)
        assert ours.item() == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize(("n", "m"), [(7, 7), (5, 9)])
    def test_sliced_transport_is_exact_transport_of_the_projections(self, n, m):
        x, y, wx, wy = clouds(np.random.default_rng(n), n, m)
        angles = torch.tensor([0.3, 1.1, 2.0], dtype=torch.float64)
        directions = torch.stack([angles.cos(), angles.sin()], 1)
        expected = np.mean([exact_transport(x @ e[:, None], y @ e[:, None], wx, wy).item() for e in directions])
        sliced = sliced_transport(x, y, wx, wy, directions=directions)
        assert sliced.item() == pytest.approx(2 * expected, rel=1e-12)
        assert torch.autograd.gradcheck(lambda x: sliced_transport(x, y, wx, wy, directions=directions), x)
        moved = sliced_transport(x + torch.tensor([3.0, 4.0]), x, wx, wx, directions=torch.eye(2, dtype=x.dtype))
        assert moved.item() == pytest.approx(25.0)

    @pytest.mark.parametrize(("n", "m"), [(7, 7), (5, 9)])
    def test_energy_divergence_is_the_square_of_the_distance(self, n, m):
        x, y, wx, wy = clouds(np.random.default_rng(n), n, m)
        a, b = wls.Population(x.detach().numpy(), weights=wx.numpy()), wls.Population(y.numpy(), weights=wy.numpy())
        assert energy_divergence(x, y, wx, wy).item() == pytest.approx(
            wls.transport.energy_distance(a, b) ** 2, rel=1e-9
        )
        assert torch.autograd.gradcheck(lambda x: energy_divergence(x, y, wx, wy), x)
        same = energy_divergence(x, x.detach(), wx, wx)
        same.backward()
        assert abs(same.item()) < 1e-12
        assert torch.isfinite(x.grad).all()

    def test_kept_duals_spare_iterations_and_leave_the_sinkhorn_divergence(self, monkeypatch):
        rng = np.random.default_rng(5)
        x, y, wx, wy = (cloud.detach() for cloud in clouds(rng, 30, 40))
        count, soft_minimum = [0], losses._soft_minimum
        monkeypatch.setattr(
            losses, "_soft_minimum", lambda *a: (count.__setitem__(0, count[0] + 1), soft_minimum(*a))[1]
        )

        def divergence(x, **options):
            count[0] = 0
            x = x.clone().requires_grad_()
            value = sinkhorn_divergence(x, y, wx, wy, blur=0.2, **options)
            return value.item(), torch.autograd.grad(value, x)[0], count[0]

        duals = {}
        first = divergence(x, duals=duals)
        assert first[0] == divergence(x)[0]
        for _ in range(5):
            x = x + 0.01 * torch.tensor(rng.standard_normal(x.shape))
            cold, warm = divergence(x), divergence(x, duals=duals)
            exact = divergence(x, tolerance=1e-10, iterations=20_000)
            assert warm[2] < 0.5 * cold[2]
            assert warm[0] == pytest.approx(exact[0], rel=1e-4)
            assert torch.allclose(warm[1], exact[1], rtol=0, atol=5e-3 * exact[1].abs().max())

    def test_overrelaxation_spares_updates_and_leaves_the_sinkhorn_divergence(self, monkeypatch):
        x, y, wx, wy = (cloud.detach() for cloud in clouds(np.random.default_rng(5), 60, 80))
        count, soft_minimum = [0], losses._soft_minimum
        monkeypatch.setattr(
            losses, "_soft_minimum", lambda *a: (count.__setitem__(0, count[0] + 1), soft_minimum(*a))[1]
        )

        def divergence():
            count[0] = 0
            return sinkhorn_divergence(x, y, wx, wy, blur=0.2, iterations=5000).item(), count[0]

        relaxed = divergence()
        monkeypatch.setattr(losses, "_relaxation", lambda factor, share: 1.0)
        plain = divergence()
        assert relaxed[0] == pytest.approx(plain[0], rel=1e-4)
        assert relaxed[1] < 0.7 * plain[1]

    @pytest.mark.parametrize("rate", [0.3, 0.9, 0.999])
    def test_the_best_overrelaxation_follows_from_the_rate_under_any(self, rate):
        best = 2 / (1 + np.sqrt(1 - rate))
        for factor in (1.0, 0.5 * (1 + best)):
            # the larger root of (share + factor - 1)^2 = share factor^2 rate
            b = factor - 1 - 0.5 * factor**2 * rate
            share = -b + np.sqrt(b**2 - (factor - 1) ** 2)
            assert losses._relaxation(factor, share) == pytest.approx(best)
        assert losses._relaxation(best, best - 1) == best
        assert losses._relaxation(best, 1.1) == 1.0

    @pytest.mark.parametrize("power", [1, 2])
    def test_kept_duals_leave_exact_transport(self, power):
        rng = np.random.default_rng(6)
        x, y = torch.tensor(rng.standard_normal((2, 40, 2)))
        w = torch.full((40,), 1 / 40, dtype=x.dtype)
        duals = {}
        for scale in (0.01, 0.1, 1.0):
            x = (x + scale * torch.tensor(rng.standard_normal(x.shape))).requires_grad_()
            warm, cold = (exact_transport(x, y, w, w, power=power, duals=d) for d in (duals, None))
            assert warm.item() == cold.item()
            assert torch.equal(*(torch.autograd.grad(loss, x)[0] for loss in (warm, cold)))
            assert not torch.equal(duals["prices"], torch.zeros_like(w))
            x = x.detach()

    def test_sinkhorn_divergence_and_exact_transport_refuse_a_blown_up_cloud(self):
        x, y, wx, wy = clouds(np.random.default_rng(1), 4, 4)
        for loss in (exact_transport, sinkhorn_divergence, energy_divergence):
            with pytest.raises(SimulationError, match="finite positions"):
                loss(x * float("nan"), y, wx, wy)


class TestExternalPotential:
    @pytest.fixture
    def potential(self) -> wls.learn.ExternalPotential:
        torch.manual_seed(0)
        potential = wls.learn.ExternalPotential((16, 8, 4))
        potential.prepare(2, SCALES)
        return potential.double()

    def test_force_typed_by_hand_is_minus_the_gradient(self, potential):
        rng = np.random.default_rng(0)
        x, w = torch.tensor(rng.standard_normal((9, 2))), torch.tensor(rng.dirichlet(np.ones(9)))
        automatic = force_of_energy(lambda y: potential.expression(y, w, 1.3, None), x, w).detach().numpy()
        np.testing.assert_allclose(potential.force(x.numpy(), w.numpy(), 1.3), automatic, rtol=1e-10)

    def test_depends_on_time_unless_told_otherwise(self, potential):
        x, w = np.ones((1, 2)), np.ones(1)
        assert potential.energy(x, w, 0.0) != potential.energy(x, w, 1.0)
        still = wls.learn.ExternalPotential((8,), time_dependent=False)
        still.prepare(2, SCALES)
        assert still.energy(x, w, 0.0) == still.energy(x, w, 1.0)

    def test_unprepared_is_refused(self):
        with pytest.raises(ParameterError, match="prepared"):
            wls.learn.ExternalPotential().force(np.ones((1, 2)), np.ones(1))

    @pytest.mark.parametrize("hidden", [(), (0,), (8, 2.5)])
    def test_bad_widths_are_refused(self, hidden):
        with pytest.raises(ParameterError, match="hidden"):
            wls.learn.ExternalPotential(hidden)


class TestNetworks:
    def test_pullback_is_automatic_differentiation(self):
        torch.manual_seed(0)
        network = Perceptron([3, 8, 5, 2]).double()
        x, cotangent = (torch.randn(6, k, dtype=torch.float64, requires_grad=True) for k in (3, 2))
        (expected,) = torch.autograd.grad((network(x) * cotangent).sum(), x)
        torch.testing.assert_close(network.pullback(x, cotangent), expected)

    @pytest.mark.parametrize("rows", [4, 100], ids=lambda rows: f"{rows} rows at a time")
    def test_typed_adjoint_is_automatic_differentiation(self, rows, monkeypatch):
        monkeypatch.setattr("wlmsim.learn.networks.perceptron.ROWS", rows)
        torch.manual_seed(0)
        network = Perceptron([3, 8, 5, 1]).double()
        x, u = torch.randn(2, 10, 3, dtype=torch.float64)
        x.requires_grad_()
        (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
        expected = torch.autograd.grad((u * slope).sum(), [x, *network.parameters()])
        with torch.no_grad():
            same_slope, towards_x, towards = network.pull_back(x, u)
        for mine, automatic in zip([same_slope, towards_x, *towards], [slope, *expected], strict=True):
            torch.testing.assert_close(mine, automatic)

    @pytest.mark.parametrize("by_slope", [False, True])
    def test_radial_spline_is_smooth_and_ends_at_its_cutoff(self, by_slope):
        torch.manual_seed(0)
        spline = RadialSpline(1.7, 5, scale=3.0, by_slope=by_slope).double()
        r = torch.linspace(0, 1.7, 400, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(spline(r).sum(), r)
        torch.testing.assert_close(spline.slope(r), slope)
        # continuous up to the second derivative: no jump between knots is larger than the step allows
        curvature = slope.diff() / r.diff().detach()
        assert curvature.diff().abs().max() < 0.05 * curvature.abs().max()
        assert abs(curvature[-1]) < 0.02 * curvature.abs().max()
        assert max(abs(spline(r)[-1]), abs(slope[-1])).item() < 1e-12

    def test_a_spline_by_slope_has_the_slopes_of_its_parameters(self):
        spline = RadialSpline(2.0, 6, scale=4.0, by_slope=True).double()
        with torch.no_grad():
            spline.coefficients.fill_(0.7)
            slope = spline.slope(torch.linspace(0.0, 1.0, 9, dtype=torch.float64))  # far from where it ends
        torch.testing.assert_close(slope, torch.full_like(slope, 0.7 * 4.0 / 2.0))


class TestPairPotential:
    def test_coincident_particles_exert_no_force_on_each_other(self):
        potential = wls.learn.PairPotential(1.0)
        potential.prepare(2, SCALES)
        force = potential.force(np.zeros((2, 2)), np.full(2, 0.5))
        np.testing.assert_array_equal(force, 0)
        x = torch.zeros(2, 2, requires_grad=True)
        potential.scaled_energy(x, torch.full((2,), 0.5), 0.0).backward()
        np.testing.assert_array_equal(x.grad, 0)

    def test_a_pair_law_is_recovered_from_snapshots(self):
        law = wls.Lagrangian(wls.Pairwise(lambda r, xp: 4.0 * xp.exp(-(r**2))))
        start = wls.Population.gaussian(n=80, dim=2, seed=0)
        data = wls.simulate(law, start, np.linspace(0, 1.6, 6), dt=0.02).snapshots(seed=0)
        model = quick(potential=wls.learn.PairPotential(3.0, 12), friction=0.0, steps=150, learning_rate=3e-2)
        model.fit(data)
        r = np.linspace(0.3, 2.0, 9)
        cloud = np.stack([r, 0 * r], axis=-1)
        weights = np.full(2, 0.5)
        learned, truth = (
            np.array([m.force(np.stack([x, 0 * x]), weights)[0, 0] for x in cloud])
            for m in (model.lagrangian_.potential, law.potential)
        )
        assert np.abs(learned - truth).max() < 0.15 * np.abs(truth).max()


class TestLearnableStrength:
    def test_planck_s_constant_is_recovered(self):
        packet = wls.systems.GaussianPacket(n=60, hbar=1.5, seed=0)
        data = packet.exact(np.linspace(0, 2, 5)).snapshots(seed=0)
        term = wls.learn.LearnableStrength(wls.GaussianQuantumPressure(hbar=1.0), strength=0.5)
        model = quick(potential=term, friction=0.0, steps=150, force=0, jerk=0, dt=0.1)
        model.set_params(optimiser__learning_rate=0.05).fit(data)
        assert np.sqrt(model.lagrangian_.potential.strength) == pytest.approx(1.5, rel=0.02)

    def test_a_learnable_term_is_refused(self):
        with pytest.raises(ParameterError, match="`functional` must be an analytic functional"):
            wls.learn.LearnableStrength(wls.learn.ExternalPotential())


class TestAttentionPotential:
    def test_splitting_a_particle_in_two_halves_changes_nothing(self):
        """The energy is one of the density, not of the list of particles."""
        torch.manual_seed(0)
        potential = wls.learn.AttentionPotential(8, 2, 2, 8)
        potential.prepare(2, SCALES)
        potential.double()
        rng = np.random.default_rng(0)
        x, w = rng.standard_normal((5, 2)), rng.dirichlet(np.ones(5))
        doubled, halves = np.concatenate([x, x[:1]]), np.concatenate([[w[0] / 2], w[1:], [w[0] / 2]])
        assert potential.energy(doubled, halves) == pytest.approx(potential.energy(x, w), rel=1e-12)
        np.testing.assert_allclose(potential.force(doubled, halves)[:5], potential.force(x, w), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [({"width": 10, "heads": 4}, "`width` must be a multiple of heads"), ({"dropout": 1.0}, "`dropout`")],
    )
    def test_bad_parameters_are_named(self, parameters, message):
        with pytest.raises(ParameterError, match=message):
            wls.learn.AttentionPotential(**parameters)


class TestRollout:
    def test_equals_simulate(self):
        system = wls.systems.HarmonicOscillator(n=5, frequency=[1.0, 2.0], friction=0.3, velocity_width=1.0, seed=0)
        start, times = system.population, [0.4, 1.0, 1.5]
        for scaling in ("physical", "unit-mobility"):
            expected = wls.simulate(system.lagrangian, start, times, dt=0.1, integrator=Leapfrog(scaling))
            w = torch.tensor(start.weights)
            kept = rollout(
                lambda x, t, w=w: torch_force(system.lagrangian.potential, x, w, t),
                torch.tensor(start.positions),
                torch.tensor(start.velocities),
                times,
                start=0.0,
                dt=0.1,
                friction=torch.tensor(0.3, dtype=torch.float64),
                unit_mobility=scaling == "unit-mobility",
            )
            for (x, v), frame in zip(kept, expected, strict=True):
                np.testing.assert_allclose(x.detach().numpy(), frame.positions, rtol=1e-11, atol=1e-13)
                np.testing.assert_allclose(v.detach().numpy(), frame.velocities, rtol=1e-11, atol=1e-13)

    @pytest.mark.parametrize("speed", [None, 0.8])
    def test_equals_simulate_with_forces_of_the_velocity(self, speed):
        potential, dissipation = wls.Pairwise(wls.laws.Morse()), wls.Alignment(0.8) + wls.SelfPropulsion(0.6, 1.3)
        lagrangian = wls.Lagrangian(potential, dissipation=dissipation + wls.Friction(0.3))
        start, times = wls.Population.gaussian(n=6, velocity_width=1.0, seed=0), [0.4, 1.0]
        integrator = Leapfrog() if speed is None else ConstantSpeedEuler(speed)
        expected = wls.simulate(lagrangian, start, times, dt=0.1, integrator=integrator)
        mechanics = Mechanics(potential, 0.3, 2, Scales((0.0, 0.0), 1.0, 0.0, 1.0), dissipation).double()
        w = torch.tensor(start.weights)
        kept = rollout(
            lambda x, t: torch_force(potential, x, w, t),
            torch.tensor(start.positions),
            torch.tensor(start.velocities),
            times,
            start=0.0,
            dt=0.1,
            friction=0.3,
            velocity_force=lambda x, v: 1.3 * mechanics.velocity_force(x, v, w),  # without unit mobility
            speed=speed,
        )
        for (x, v), frame in zip(kept, expected, strict=True):
            np.testing.assert_allclose(x.detach().numpy(), frame.positions, rtol=1e-11, atol=1e-13)
            np.testing.assert_allclose(v.detach().numpy(), frame.velocities, rtol=1e-11, atol=1e-13)

    def test_gradients_reach_state_parameters_and_friction(self):
        def final(x0, v0, stiffness, gamma):
            (last,) = rollout(lambda x, t: -stiffness * x, x0, v0, [1.0], start=0.0, dt=0.1, friction=gamma)
            return last[0]

        arguments = tuple(
            torch.tensor(value, dtype=torch.float64, requires_grad=True)
            for value in ([[1.0, 0.5]], [[0.0, 1.0]], 2.0, 0.4)
        )
        assert torch.autograd.gradcheck(final, arguments)


class TestDissipations:
    def test_an_alignment_rate_is_recovered(self):
        truth = wls.Alignment(strength=2.0, radius=1.0, exponent=2.0)
        law = wls.Lagrangian(dissipation=truth)
        x = np.random.default_rng(0).standard_normal((100, 2))
        start = wls.Population(x, 2 * np.sin(x[:, ::-1] * [3, 2]))
        data = wls.simulate(law, start, np.linspace(0, 1.0, 6), dt=0.02).snapshots(seed=0)
        still = wls.External(wls.laws.Harmonic(1e-9))
        model = quick(still, dissipation=wls.learn.LearnableAlignment(2.5, 8), friction=0.0, learning_rate=0.1)
        model.set_params(
            rollouts="multiple-shooting", optimiser__steps=120, regularisation__force=0, regularisation__jerk=0
        ).fit(data)
        r = np.linspace(0.3, 1.6, 8)
        pairs = [(np.array([[0.0, 0], [s, 0]]), np.array([[0.0, 0], [0, 1.0]]), np.full(2, 0.5)) for s in r]
        learned, rate = (np.array([d.force(*p)[0, 1] for p in pairs]) for d in (model.lagrangian_.dissipation, truth))
        assert np.abs(learned - rate).max() < 0.25 * rate.max()

    def test_self_propulsion_is_recovered(self):
        law = wls.Lagrangian(dissipation=wls.SelfPropulsion(alpha=2.0, beta=0.5))
        start = wls.Population.gaussian(n=100, velocity_width=1.0, seed=0)
        data = wls.simulate(law, start, np.linspace(0, 2.0, 6), dt=0.02).snapshots(seed=0)
        still = wls.External(wls.laws.Harmonic(1e-9))
        model = quick(still, dissipation=wls.learn.LearnableSelfPropulsion(), friction=0.0, dt=0.1, steps=200)
        model.set_params(optimiser__learning_rate=3e-2).fit(data)
        learned = model.lagrangian_.dissipation
        assert learned.alpha == pytest.approx(2.0, rel=0.05)
        assert learned.beta == pytest.approx(0.5, rel=0.05)

    def test_forecasts_at_constant_speed_as_it_was_trained(self):
        flock = wls.systems.Boids(n=60, seed=0)
        data = flock.simulate(np.arange(0, 5, 1.0), dt=0.5).snapshots(seed=0)
        model = quick(wls.learn.PairPotential(1.0, 6), speed=1.0, dt=0.5, steps=5, batch_size=None).fit(data)
        assert model.friction_ == 0
        forecast = model.forecast(data[0], [2.0, 4.0])
        np.testing.assert_allclose(np.linalg.norm(forecast.velocities, axis=-1), 1.0, rtol=1e-12)
        trainer = trainer_of(model, [data], 5, scales_of(data), model._fitted_members)
        start, mechanics = trainer.populations[0][0], model._fitted_members[0]
        ((x, _),) = trainer._roll(mechanics, lambda x, t: mechanics.force(x, start.w, t), start, [4.0])
        scales = mechanics.scales
        predicted = x.detach().numpy() * scales.length + np.array(scales.centre)
        np.testing.assert_allclose(forecast.positions[1], predicted, atol=1e-4)

    def test_members_and_files_keep_them(self, drifters, tmp_path):
        dissipation = wls.learn.LearnableAlignment(1.0, 4) + wls.Alignment(0.1) + wls.learn.LearnableSelfPropulsion()
        model = quick(dissipation=dissipation, steps=2, members=2).fit(drifters)
        again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
        first, second = (m.forecast(drifters[0], [0.5]).positions for m in (model, again))
        np.testing.assert_array_equal(first, second)
        assert len(again.lagrangian_.dissipation.terms) == 4  # friction is the fourth


class TestMechanics:
    def test_lagrangian_in_data_units_moves_as_the_scaled_rollout(self):
        torch.manual_seed(1)
        functional = wls.learn.ExternalPotential((8,)) + wls.External(wls.laws.Harmonic(0.7))
        mechanics = Mechanics(functional, 0.9, 2, SCALES).double()
        rng = np.random.default_rng(0)
        x, v = rng.standard_normal((2, 6, 2))
        start = wls.Population(x, v, time=SCALES.start)
        kept = rollout(
            lambda y, t: mechanics.force(y, torch.full((6,), 1 / 6, dtype=torch.float64), t),
            torch.tensor((x - np.array(SCALES.centre)) / SCALES.length),
            torch.tensor(v * SCALES.duration / SCALES.length),
            [2.0],
            start=0.0,
            dt=0.1,
            friction=mechanics.gamma,
            unit_mobility=True,
        )
        lagrangian = mean_mechanics([mechanics])
        assert lagrangian.friction == pytest.approx(0.9)
        end = SCALES.start + 2.0 * SCALES.duration
        forecast = wls.simulate(lagrangian, start, [end], dt=0.1 * SCALES.duration)
        expected = kept[0][0].detach().numpy() * SCALES.length + np.array(SCALES.centre)
        np.testing.assert_allclose(forecast.positions[0], expected, rtol=1e-9)

    def test_scales_are_of_the_data(self, drifters):
        scales = scales_of(drifters)
        everything = np.concatenate(drifters.positions)
        np.testing.assert_allclose(scales.centre, everything.mean(0))
        assert scales.duration == pytest.approx(0.5)
        assert scales.start == 0.0


class TestEstimator:
    def test_learns_an_oscillator_and_its_friction(self):
        system = wls.systems.HarmonicOscillator(n=120, frequency=[1.0, 1.5], friction=0.5, velocity_width=1.0, seed=0)
        data = system.exact(np.linspace(0, 3, 13)).snapshots(seed=1)
        past, future = data.split(at=2.0)
        potential = wls.learn.ExternalPotential((32, 32), time_dependent=False)
        model = wlm(potential, rollouts="multiple-shooting", steps=400, members=1, progress=False)
        model.fit(past)
        scores = model.evaluate(future, start=past[-1])
        assert scores.mean["WLM"] < 0.25 * scores.mean[scores.best_baseline]
        assert model.friction_ == pytest.approx(0.5, abs=0.15)
        inner = past[0].positions[np.linalg.norm(past[0].positions, axis=1) < 1.5]
        weights = np.full(len(inner), 1 / len(inner))
        truth = system.lagrangian.potential.force(inner, weights)
        learned = model.lagrangian_.potential.force(inner, weights)
        assert np.linalg.norm(learned - truth) < 0.2 * np.linalg.norm(truth)

    def test_fit_is_reproducible_and_leaves_the_random_state_alone(self, drifters):
        torch.manual_seed(5)
        before = torch.random.get_rng_state()
        first, second = quick().fit(drifters), quick().fit(drifters)
        assert torch.equal(before, torch.random.get_rng_state())
        np.testing.assert_array_equal(first.losses_, second.losses_)
        other = quick(seed=1).fit(drifters)
        assert not np.array_equal(first.losses_, other.losses_)

    def test_fit_leaves_the_potential_and_the_data_alone(self, drifters):
        potential = wls.learn.ExternalPotential((8,))
        model = quick(potential=potential).fit(drifters)
        assert potential.scales is None
        assert potential.psi is None
        assert model.potential is potential

    def test_warm_start_goes_on_where_the_first_fit_ended(self, drifters):
        cold = quick(steps=60).fit(drifters)
        first = cold.losses_[:5].mean()
        again = cold.set_params(warm_start=True).fit(drifters)
        assert again.losses_[:5].mean() < first
        fresh = cold.set_params(warm_start=False).fit(drifters)
        assert fresh.losses_[:5].mean() == pytest.approx(first)

    @pytest.mark.parametrize("loss", ["exact", "sinkhorn", "sliced", "energy"])
    @pytest.mark.parametrize("training", ["anchored", "multiple-shooting"])
    def test_every_way_of_training_lowers_the_loss(self, drifters, loss, training):
        model = quick(loss=loss, rollouts=training, steps=60, ramp=0.0, learning_rate=1e-2).fit(drifters)
        assert model.losses_[-15:].mean() < model.losses_[:15].mean()

    def test_zero_velocities_need_none_in_the_data(self, drifters):
        still = drifters.without_velocities()
        with pytest.raises(ParameterError, match="velocities at its first marginal"):
            quick().fit(still)
        model = quick(initial_velocities="zero").fit(still)
        assert (model.forecast(still[0], times=[0.0]).velocities == 0).all()
        # only the first marginal is at rest: later ones move with velocities that nobody knows
        direct = model.forecast(still[0], times=[1.2])[0]
        np.testing.assert_array_equal(model.interpolate([1.2])[0].positions, direct.positions)
        assert model.evaluate(still[[5]], data=still[:4]).origins[0] == 0.0

    def test_given_velocities_are_needed_where_a_forecast_starts(self, drifters):
        model = quick().fit(drifters)
        with pytest.raises(ParameterError, match="`start` must have velocities"):
            model.forecast(drifters.without_velocities()[0], times=[1.0])

    def test_multiple_shooting_uses_every_known_velocity(self, drifters):
        sparse = drifters.without_velocities(except_at=[0, 4])
        model = quick(rollouts="multiple-shooting", steps=5).fit(sparse)
        trainer = trainer_of(model, [sparse], 5, scales_of(sparse))
        assert trainer._starts == [[0, 4]]
        assert trainer_of(model.set_params(rollouts="anchored"), [sparse], 5, scales_of(sparse))._starts == [[0]]

    def test_horizon_and_its_ramp(self, drifters):
        model = quick(horizon=4, ramp=0.5, steps=100)
        trainer = trainer_of(model, [drifters], 100, scales_of(drifters))
        longest = []
        for step in (0, 20, 49, 50, 99):
            trainer.progress.step = step
            longest.append(trainer._longest_horizon(8))
        assert longest == [1, 2, 3, 4, 4]
        assert trainer._longest_horizon(2) == 2

    def test_several_populations_share_one_law(self, drifters):
        other = wls.systems.VortexDrifters(n=30, release=(-1.5, 0.3), seed=4).exact(drifters.times).snapshots(seed=0)
        both = wls.SnapshotSeries(
            drifters.times,
            [np.concatenate([a, b]) for a, b in zip(drifters.positions, other.positions, strict=True)],
            [np.concatenate([a, b]) for a, b in zip(drifters.velocities, other.velocities, strict=True)],
            populations=[[0] * 60 + [1] * 30] * len(drifters),
        )
        model = quick(validation="last", steps=20).fit(both)
        assert np.isfinite(model.losses_).all()
        trainer = trainer_of(model, [both.population(0), both.population(1)], 5, scales_of(both))
        assert [clouds[0].x.shape[0] for clouds in trainer.populations] == [60, 30]

    def test_nothing_to_learn_is_refused(self, drifters):
        with pytest.raises(ParameterError, match="nothing to learn"):
            quick(potential=wls.External(wls.laws.Harmonic()), friction=0.1).fit(drifters)

    def test_members_are_the_fits_of_consecutive_seeds_and_their_mean(self, drifters):
        both = quick(members=2, seed=3).fit(drifters)
        singles = [quick(seed=seed).fit(drifters) for seed in (3, 4)]
        cloud = drifters[2]
        forces = [m.lagrangian_.acceleration(cloud.positions, cloud.weights, 1.0) for m in (*singles, both)]
        np.testing.assert_allclose(forces[2], (forces[0] + forces[1]) / 2, rtol=1e-5, atol=1e-6)
        assert both.friction_ == pytest.approx((singles[0].friction_ + singles[1].friction_) / 2)
        np.testing.assert_allclose(both.losses_, (singles[0].losses_ + singles[1].losses_) / 2)

    def test_velocities_in_the_loss_count_by_their_weight(self, drifters):
        """The divergence of clouds in phase space, and only where velocities were observed."""
        model = quick(velocity_weight=0.5)
        trainer = trainer_of(model, [drifters.without_velocities(except_at=[0, 1])], 10, scales_of(drifters))
        start, seen, unseen = trainer.populations[0][:3]
        x, v = start.x + 0.1, start.v + 1.0
        in_space = [exact_transport(x, y.x, start.w, y.w) for y in (seen, unseen)]
        in_phase_space = trainer.loss(x, v, start.w, seen)
        assert in_phase_space > in_space[0]
        assert trainer.loss(x, v, start.w, unseen) == in_space[1]
        moved = trainer._divergence(seen.x, seen.v + 0.2, seen.w, seen)
        assert moved.item() == pytest.approx(0.25 * 2 * 0.2**2, rel=1e-4)

    def test_a_steady_current_is_told_by_the_velocities_of_one_marginal(self):
        """Of u = x A the acceleration is (v . grad) u = v A, wherever particles are; friction is part of it."""
        x, a = np.random.default_rng(0).standard_normal((50, 2)), np.array([[0.2, 0.9], [-0.7, 0.1]])
        data = wls.SnapshotSeries([0.0, 0.5], [x, x], [x @ a, x @ a])
        scales = scales_of(data)
        model = quick(wls.learn.ExternalPotential((4,)), friction=0.4, local_acceleration=1.0)
        trainer = trainer_of(model, [data], 10, scales)
        for parameter in trainer.mechanics.networks.parameters():
            parameter.data.zero_()
        cloud, gradient = trainer._gradients[0][1]
        np.testing.assert_allclose(gradient, a * scales.duration, rtol=2e-3)
        expected = ((x @ (0.4 * a + a @ a)) ** 2).sum(1).mean() * (scales.duration**2 / scales.length) ** 2
        assert trainer._local_acceleration(cloud, gradient).item() == pytest.approx(expected, rel=5e-3)

    def test_steadiness_teaches_the_force_where_one_marginal_was_seen(self):
        """A swirl and two marginals that see none of its force beyond the first: the velocities' gradient does."""
        rng, turn = np.random.default_rng(0), np.array([[0.0, 1.0], [-1.0, 0.0]])
        x = [1, 0] + 0.1 * rng.standard_normal((60, 2))
        data = wls.SnapshotSeries([0.0, 0.1], [x, x + 0.1 * x @ turn], [x @ turn, None])
        errors = []
        for weight in (0.0, 1.0):
            model = quick(local_acceleration=weight, steps=200, friction=0.0, learning_rate=1e-2).fit(data)
            force = model.lagrangian_.acceleration(x, np.full(60, 1 / 60), 0.0)
            errors.append(np.abs(force + x).mean())
        assert errors[1] < 0.1 < 0.3 < errors[0]

    def test_roughness_is_the_mean_squared_force_and_its_rate_of_change(self, drifters):
        model = quick(force=2.0, jerk=3.0)
        trainer = trainer_of(model, [drifters], 10, scales_of(drifters))
        w, slope = torch.tensor([0.25, 0.75]), torch.tensor([[1.0, 2.0], [0.0, 1.0]])
        times = [0.0, 0.5, 2.0]  # forces that grow evenly in time: one rate for unequal steps
        forces = torch.stack([t * slope for t in times])
        expected = (2.0 * (0.5**2 + 2.0**2) / 3 + 3.0) * (0.25 * 5 + 0.75 * 1)
        assert trainer._roughness(forces, times, w).item() == pytest.approx(expected)

    def test_friction_alone_can_be_learned(self):
        truth = wls.systems.HarmonicOscillator(n=100, friction=0.6, velocity_width=1.0, seed=0)
        data = truth.exact(np.linspace(0, 3, 7)).snapshots(seed=0)
        model = quick(potential=wls.External(wls.laws.Harmonic(1.0)), steps=300, learning_rate=1e-2).fit(data)
        assert model.friction_ == pytest.approx(0.6, rel=0.05)

    def test_divergence_is_recovered_from_and_reported(self, drifters, monkeypatch):
        """Three times a step fails: each time the state of step 25 comes back and the rate is halved."""
        calls, loss = [0], Trainer._loss

        def failing(trainer: Trainer) -> torch.Tensor:
            calls[0] += 1
            if calls[0] in (31, 40):
                raise SimulationError("a cloud blew up")
            return loss(trainer) * (float("nan") if calls[0] == 45 else 1.0)

        monkeypatch.setattr(Trainer, "_loss", failing)
        with pytest.warns(RuntimeWarning, match="diverged 3 times"):
            model = quick(steps=40).fit(drifters)
        assert model.recoveries_ == [30, 33, 29]
        assert len(model.losses_) == len(model.frictions_) == 40
        assert calls[0] == 40 + (6 + 9 + 5)  # what was gone back over
        assert np.isfinite(model.losses_).all()

    def test_weak_forces_between_close_marginals_have_their_unit(self):
        """Birds turn with a force of about v^2 / L = 0.3; in units of L / interval^2 = 12 the training diverges."""
        flock = wls.systems.Boids(n=40, seed=10).simulate(np.arange(0, 25.5, 0.5)).snapshots(seed=0)
        terms = wls.learn.ExternalPotential() + wls.learn.PairPotential(1.5)
        assert quick(terms, steps=2).fit(flock).recoveries_ == []
        scales = scales_of(flock)
        speeds = np.concatenate([(v**2).sum(1) for v in flock.velocities])
        assert scales.typical_force == pytest.approx(speeds.mean() / scales.length)
        assert scales.force(None) == pytest.approx(speeds.mean() * scales.duration**2 / scales.length**2)
        assert scales.force(2.0) == pytest.approx(2.0 * scales.duration**2 / scales.length)
        assert scales_of(flock, inertial=False).typical_force is None
        assert scales_of(flock[::10]).typical_force is None  # farther apart

    def test_forces_that_start_from_rest_are_not_taken_for_weak(self):
        """What speeds up between two marginals feels at least that force, however slow it still is."""
        times, x = np.arange(4.0), np.random.default_rng(0).standard_normal((20, 2))
        ahead = np.array([1.0, 0.0])
        falling = wls.SnapshotSeries(times, [x] * 4, [np.broadcast_to(0.02 * t * ahead, x.shape) for t in times])
        assert scales_of(falling).typical_force == pytest.approx(0.02)  # v^2 / L is 0.001
        falling = wls.SnapshotSeries(times, [x] * 4, [np.broadcast_to(0.05 * t * ahead, x.shape) for t in times])
        assert scales_of(falling).typical_force is None

    def test_rollouts_too_long_for_untrained_forces_are_shortened(self, drifters, monkeypatch):
        loss, lengths = Trainer._rollout_loss, []

        def failing(trainer: Trainer, start, targets, *rest) -> torch.Tensor:
            lengths.append(len(targets))
            if len(targets) > 2:
                raise SimulationError("a cloud blew up")
            return loss(trainer, start, targets, *rest)

        monkeypatch.setattr(Trainer, "_rollout_loss", failing)
        with pytest.warns(RuntimeWarning, match="half the learning rate and horizon"):
            model = quick(steps=12).fit(drifters)
        assert len(drifters) > 5 and len(model.losses_) == 12
        failed = [k for k, length in enumerate(lengths) if length > 2]
        assert len(failed) == len(model.recoveries_) > 0
        assert all(max(lengths[k + 1 :]) <= lengths[k] // 2 for k in failed)

    @pytest.mark.parametrize("divergence", [wls.learn.Exact(), wls.learn.Sinkhorn(blur=0.1)], ids=["exact", "sinkhorn"])
    def test_a_recovered_training_resumes_to_the_same_bits(self, drifters, monkeypatch, divergence):
        loss = Trainer._loss

        def failing(trainer: Trainer) -> torch.Tensor:
            if trainer.progress.step == 12 and not trainer.progress.recoveries:
                raise SimulationError("a cloud blew up")
            return loss(trainer)

        monkeypatch.setattr(Trainer, "_loss", failing)
        model = quick(steps=16, loss=divergence)
        whole, first, second = (trainer_of(model, [drifters], 16, scales_of(drifters)) for _ in range(3))
        whole.run()
        states = []
        first.run([lambda trainer: states.append(copy.deepcopy(trainer.state()))])
        assert states[8]["duals"]
        second.restore(states[8])
        second.run()
        assert second.progress.losses == whole.progress.losses
        for a, b in zip(second.mechanics.parameters(), whole.mechanics.parameters(), strict=True):
            assert torch.equal(a, b)

    def test_divergence_is_reported(self, drifters):
        wild = wls.External(lambda x, xp: -1e6 * (x**4).sum(-1))
        with pytest.raises(SimulationError, match="learning_rate or dt"):
            quick(potential=wls.learn.ExternalPotential((4,)) + wild, dt=1.0).fit(drifters)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"friction": "big"}, "`friction` must be 'learn' or a number"),
            ({"friction": -1.0}, "`friction`"),
            ({"potential": "psi"}, "`potential`"),
            ({"dissipation": "viscous"}, "`dissipation`"),
            ({"dissipation": wls.Friction(0.1)}, "`dissipation` must be without friction"),
            ({"velocity_weight": -0.1}, "`Exact.velocity_weight`"),
            ({"local_acceleration": -0.1}, "`Regularisation.local_acceleration`"),
            (
                {"local_acceleration": 0.1, "initial_velocities": "zero"},
                "`Regularisation.local_acceleration` must be 0 unless velocities",
            ),
            ({"speed": 0.0}, "`speed`"),
            ({"speed": 1.0, "friction": 0.1}, "`friction` must be 0 or left alone"),
            ({"initial_velocities": "none"}, "`initial_velocities` must be one of 'given', 'zero'"),
            ({"rollouts": "bouncing"}, "`rollouts` must be 'anchored' or 'multiple-shooting' or"),
            ({"loss": "l2"}, "`loss`"),
            ({"loss": "sinkhorn", "blur": "fine"}, "`Sinkhorn.blur` must be 'auto' or a finite number > 0"),
            ({"loss": "sinkhorn", "blur": 0.0}, "`Sinkhorn.blur`"),
            ({"steps": 0}, "`AdamW.steps` must be an integer >= 1; got 0"),
            ({"steps": 1.5}, "`AdamW.steps`"),
            ({"learning_rate": 0.0}, "`AdamW.learning_rate`"),
            ({"averaging": 1.0}, "`AdamW.averaging` must be a finite number >= 0 and < 1"),
            ({"ramp": 2.0}, "`Anchored.ramp` must be a finite number >= 0 and <= 1"),
            ({"horizon": 0}, "`Anchored.horizon` must be an integer >= 1 or None"),
            ({"dt": -0.1}, "`Anchored.dt`"),
            ({"loss": "sinkhorn", "blur": float("nan")}, "`Sinkhorn.blur`"),
            ({"seed": -1}, "`seed`"),
            ({"validation": "first"}, "`EarlyStopping.validation`"),
            ({"validation": 0}, "`EarlyStopping.validation`"),
            ({"validation": 9}, "`EarlyStopping.validation`"),
            ({"device": "abacus"}, "`Runtime.device`"),
        ],
    )
    def test_bad_parameters_are_named(self, drifters, parameters, message):
        with pytest.raises(ParameterError, match=message):
            quick(**parameters).fit(drifters)

    def test_bad_data_is_refused(self, drifters):
        with pytest.raises(ParameterError, match="at least 2 marginals"):
            quick().fit(drifters[:1])
        with pytest.raises(ParameterError, match="`data`"):
            quick().fit(np.zeros((3, 2)))

    def test_unfitted_says_so(self):
        model = quick()
        for use in (
            lambda: model.lagrangian_,
            lambda: model.friction_,
            lambda: model.save("x"),
            lambda: model.forecast(None, [1]),
        ):
            with pytest.raises(NotFittedError, match="fit"):
                use()
        assert not hasattr(model, "lagrangian_")

    def test_habits_of_scikit_learn(self):
        model = quick(steps=7, friction=0.1)
        parameters = model.get_params(deep=False)
        assert model.get_params()["optimiser__steps"] == 7
        assert wls.learn.WLM(**parameters).get_params() == model.get_params()
        assert model.set_params(optimiser__steps=9) is model
        assert model.optimiser == wls.learn.AdamW(steps=9)
        assert "steps=9" in repr(model)
        assert "averaging" not in repr(model)
        with pytest.raises(ParameterError, match="`step` is not a parameter"):
            model.set_params(step=3)


class TestValidation:
    def test_left_out_of_the_loss_and_chooses_the_steps(self, drifters):
        model = quick(validation="last", steps=100, patience=20).fit(drifters)
        checked = dict(model.validation_)
        assert model.best_step_ == min(checked, key=checked.__getitem__)
        assert len(model.losses_) == model.best_step_  # the refit runs for as many steps
        nonsense = [*drifters.positions[:-1], 100 + drifters.positions[-1]]
        moved = wls.SnapshotSeries(drifters.times, nonsense, drifters.velocities)
        without = quick(validation="last", refit=False, steps=20)
        trainers = []
        for series in (drifters, moved):
            fitted, held = Fit(without, series)._hold_out(without.part("stopping"))
            trainers.append(trainer_of(without, fitted, 20, scales_of(drifters), held=held))
        for trainer in trainers:
            trainer.run()
        assert trainers[0].progress.losses == trainers[1].progress.losses
        assert trainers[0].progress.scores != trainers[1].progress.scores

    def test_members_train_as_long_as_the_first_found_best(self, drifters):
        model = quick(validation="last", members=2).fit(drifters)
        assert len(model.losses_) == model.best_step_
        kept = quick(validation="last", members=2, refit=False, steps=40).fit(drifters)
        assert np.isfinite(kept.losses_).all()
        assert len(kept.losses_) == 40

    def test_predictions_that_all_blow_up_are_reported(self, drifters, monkeypatch):
        monkeypatch.setattr("wlmsim.learn.training.trainer.Trainer._validation_w1", lambda *arguments: float("inf"))
        with pytest.raises(SimulationError, match="every prediction of the validation marginal blew up"):
            quick(validation="last").fit(drifters)

    def test_stops_early(self, drifters):
        nonsense = [*drifters.positions[:-1], drifters.positions[0]]
        misleading = wls.SnapshotSeries(drifters.times, nonsense, drifters.velocities)
        model = quick(validation="last", refit=False, steps=400, patience=80, learning_rate=1e-2).fit(misleading)
        assert len(model.losses_) == model.best_step_ + 80 < 400

    def test_negative_index_counts_from_the_end(self, drifters):
        last, same = (quick(validation=v, steps=20).fit(drifters) for v in ("last", -1))
        assert last.validation_ == same.validation_


@pytest.fixture(scope="module")
def interpolating(drifters) -> wls.learn.WLM:
    fitted, _ = drifters.hold_out([3, 5])
    return quick(steps=100).fit(fitted)


class TestPredictions:
    def test_interpolation_starts_from_the_marginal_before(self, interpolating, drifters):
        scores = interpolating.evaluate(drifters[[3, 5]])
        assert scores.protocol == "interpolate"
        np.testing.assert_array_equal(scores.origins, [1.0, 2.0])
        assert list(scores.w1) == ["WLM", "persistence", "ballistic", "OT-linear", "OT-Hermite"]
        direct = interpolating.forecast(drifters[2], times=[1.5])[0]
        assert scores.w1["WLM"][0] == pytest.approx(wls.transport.wasserstein1(direct, drifters[3]))

    def test_forecast_starts_where_it_is_told(self, interpolating, drifters):
        scores = interpolating.evaluate(drifters[[7, 8]], start=drifters[6])
        assert scores.protocol == "forecast"
        np.testing.assert_array_equal(scores.origins, [3.0, 3.0])
        assert list(scores.w1) == ["WLM", "persistence", "ballistic"]

    def test_the_learned_lagrangian_is_one_like_any_other(self, interpolating, drifters):
        flight = wls.simulate(interpolating.lagrangian_, drifters[0], [0.0, 1.0, 2.0], dt=interpolating.dt_)
        expected = interpolating.forecast(drifters[0], times=[0.0, 1.0, 2.0])
        np.testing.assert_array_equal(flight.positions, expected.positions)
        assert np.isfinite(flight.energy()).all()
        assert "psi" in interpolating.lagrangian_._repr_latex_()

    def test_times_before_the_first_marginal_are_refused(self, interpolating):
        with pytest.raises(ParameterError, match="first fitted marginal"):
            interpolating.interpolate([-1.0])


@pytest.fixture(scope="module")
def composed(drifters) -> wls.learn.WLM:
    potential = wls.learn.ExternalPotential((8,)) + wls.External(wls.laws.Harmonic((0.1, 0.2)))
    return quick(potential=potential + wls.Pairwise(wls.laws.Morse()), members=2).fit(drifters)


class TestFiles:
    def test_round_trip(self, composed, drifters, tmp_path):
        path = composed.save(tmp_path / "x.model")
        again = wls.learn.WLM.load(path)
        assert repr(again) == repr(composed)
        times = [0.5, 2.0]
        first, second = (m.forecast(drifters[0], times).positions for m in (composed, again))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(again.times_, drifters.times)
        np.testing.assert_array_equal(again.losses_, composed.losses_)
        with pytest.raises(NotFittedError, match="not kept in files"):
            again.interpolate([1.0])
        assert again.evaluate(drifters[[3]], data=drifters[[0, 1, 2, 4]]).protocol == "interpolate"
        assert again.set_params(optimiser__steps=3, members=1).fit(drifters).best_step_ == 3

    @pytest.mark.parametrize(
        "term",
        [
            wls.learn.PairPotential(1.0, 6),
            wls.learn.MeanFieldPotential(3, (8,), (8,)),
            wls.learn.AttentionPotential(8, 2, 1, 8),
            wls.learn.LearnableStrength(wls.Pairwise(wls.laws.Morse()) + wls.GaussianQuantumPressure(0.5), 0.1),
        ],
        ids=lambda term: type(term).__name__,
    )
    def test_every_learnable_term_is_kept(self, term, drifters, tmp_path):
        model = quick(potential=wls.learn.ExternalPotential((4,)) + term, steps=2, members=2).fit(drifters)
        again = wls.learn.WLM.load(model.save(tmp_path / "x.model"))
        first, second = (m.forecast(drifters[0], [0.5]).positions for m in (model, again))
        np.testing.assert_array_equal(first, second)

    def test_plain_functions_are_refused(self, drifters, tmp_path):
        model = quick(potential=wls.learn.ExternalPotential((4,)) + wls.External(lambda x, xp: (x**2).sum(-1)), steps=2)
        with pytest.raises(ParameterError, match=r"wlmsim\.laws"):
            model.fit(drifters).save(tmp_path / "x.model")
        assert list(tmp_path.iterdir()) == []

    def test_missing_truncated_and_foreign(self, composed, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"gone\.model"):
            wls.learn.WLM.load(tmp_path / "gone.model")
        path = composed.save(tmp_path / "x.model")
        content = path.read_bytes()
        for size in (0, 10, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:size])
            with pytest.raises(FileFormatError, match=r"x\.model"):
                wls.learn.WLM.load(path)
        path.write_text("not a model")
        with pytest.raises(FileFormatError, match=r"x\.model"):
            wls.learn.WLM.load(path)


class TestCheckpoint:
    SCRIPT = textwrap.dedent("""
        import json, sys
        import numpy as np, wlmsim as wls
        from wlmsim.learn.training import checkpoint_file
        data = wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)
        path, kill_at = sys.argv[1], int(sys.argv[2])
        model = wls.learn.WLM(wls.learn.ExternalPotential((8,)), optimiser=wls.learn.AdamW(steps=60), stopping="early",
                              members=2, checkpoint=wls.learn.Checkpoint(path=path, every=0.0) if path else None,
                              progress=False)
        if kill_at:
            import os, signal
            run, seen = checkpoint_file.CheckpointFile.keep, [0]
            def keep(self, *arguments, **options):
                run(self, *arguments, **options)
                seen[0] += 1
                if seen[0] == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
            checkpoint_file.CheckpointFile.keep = keep
        model.fit(data)
        state = [{k: v.tolist() for k, v in m.state_dict().items()} for m in model._fitted_members]
        print(json.dumps([model.best_step_, model.losses_.tolist(), state]))
    """)

    def run(self, path: str, kill_at: int) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-c", self.SCRIPT, path, str(kill_at)], capture_output=True, text=True, timeout=300
        )

    def test_a_killed_fit_ends_where_the_uninterrupted_one_does(self, tmp_path):
        """Killed while choosing the steps, and in the training of either member, and resumed: the same bits."""
        path = tmp_path / "fit.checkpoint"
        whole = json.loads(self.run("", 0).stdout)
        for kill_at in (17, 50, 40):
            assert self.run(str(path), kill_at).returncode == -signal.SIGKILL
            assert path.exists()
        resumed = self.run(str(path), 0)
        assert json.loads(resumed.stdout) == whole
        assert not path.exists()

    @pytest.mark.parametrize("way", ["external", "cutoff", "strength", "dissipation", "code"])
    def test_a_checkpoint_of_another_law_is_refused(self, way, drifters, tmp_path, monkeypatch):
        """The names of laws are alike, and so are the `repr` of terms with them."""
        monkeypatch.setattr("wlmsim.learn.training.checkpoint_file.CheckpointFile.remove", lambda self: None)
        path = tmp_path / "fit.checkpoint"

        def model(k):
            learned, drag = wls.learn.ExternalPotential(hidden=(4,)), None
            if way == "external":
                learned += wls.External(lambda x, xp: k * (x**2).sum(-1))
            elif way == "cutoff":
                learned += wls.Pairwise(lambda r, xp: r**2, cutoff=1.5 + 1e-9 * k)
            elif way == "strength":
                learned += wls.learn.LearnableStrength(wls.External(lambda x, xp: k * (x**2).sum(-1)))
            elif way == "dissipation":
                drag = wls.Alignment(1.0 + 1e-9 * k)
            elif k:
                learned += wls.External(lambda x, xp: (x**2).sum(-1))
            else:
                learned += wls.External(lambda x, xp: (x**4).sum(-1))
            return quick(learned, dissipation=drag, steps=2, checkpoint=path)

        model(0.0).fit(drifters)
        model(0.0).fit(drifters)  # the same law, made anew
        with pytest.raises(FileFormatError, match="a law of other code or captured values; remove it"):
            model(1.0).fit(drifters)

    def test_a_law_that_cannot_be_compared_is_refused_with_a_checkpoint(self, drifters, tmp_path):
        import threading

        held = {"k": 1.0, "lock": threading.Lock()}
        known = wls.External(lambda x, xp: held["k"] * (x**2).sum(-1))
        model = quick(wls.learn.ExternalPotential(hidden=(4,)) + known, steps=2, checkpoint=tmp_path / "c")
        with pytest.raises(ParameterError, match=r"`checkpoint` must compute with what can be compared.*lock"):
            model.fit(drifters)

    def test_another_fit_s_checkpoint_is_refused(self, drifters, tmp_path, monkeypatch):
        path = tmp_path / "fit.checkpoint"
        monkeypatch.setattr("wlmsim.learn.training.checkpoint_file.CheckpointFile.remove", lambda self: None)
        quick(steps=3, checkpoint=path).fit(drifters)
        assert path.exists()
        with pytest.raises(FileFormatError, match="other data or settings"):
            quick(steps=4, checkpoint=path).fit(drifters)
        with pytest.raises(FileFormatError, match="other data or settings"):
            quick(steps=3, checkpoint=path).fit(drifters[:5])
        whole = files.read(path, "wlmsim-checkpoint")
        for part, change in (("state", "duals"), ("progress", "recoveries"), ("mechanics", "log_friction")):
            older = copy.deepcopy(whole)
            state = older["stages"]["fitting"]
            del (state if part == "state" else state[part])[change]
            files.write(path, "wlmsim-checkpoint", older)
            with pytest.raises(FileFormatError, match=r"written by another version of wlmsim .*; finish the fit with"):
                quick(steps=3, checkpoint=path).fit(drifters)
        path.write_bytes(b"rubbish")
        with pytest.raises(FileFormatError, match=r"fit\.checkpoint"):
            quick(steps=3, checkpoint=path).fit(drifters)


class TestGradientFlow:
    """Infinite friction: first-order mechanics."""

    def test_rollout_is_of_second_order_and_follows_the_flow(self):
        x = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
        errors = [
            (flow_rollout(lambda x, t: -x + t, x, [1.0], start=0.0, dt=dt)[0] - (t_1 + x * np.exp(-1.0))).abs().max()
            for dt, t_1 in ((0.1, np.exp(-1.0)), (0.05, np.exp(-1.0)))
        ]
        assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)

    def test_mechanics_in_data_units_move_as_the_scaled_rollout(self):
        torch.manual_seed(1)
        functional = wls.learn.ExternalPotential((8,)) + wls.External(wls.laws.Harmonic(0.7))
        mechanics = Mechanics(functional, np.inf, 2, SCALES).double()
        x, w = np.random.default_rng(0).standard_normal((6, 2)), torch.full((6,), 1 / 6, dtype=torch.float64)
        scaled = torch.tensor((x - np.array(SCALES.centre)) / SCALES.length)
        (kept,) = flow_rollout(lambda y, t: mechanics.force(y, w, t), scaled, [2.0], start=0.0, dt=0.02)
        flow = mean_mechanics([mechanics])
        assert isinstance(flow, wls.GradientFlow)
        end = SCALES.start + 2.0 * SCALES.duration
        forecast = wls.simulate(flow, wls.Population(x, time=SCALES.start), [end], dt=0.05)
        expected = kept.detach().numpy() * SCALES.length + np.array(SCALES.centre)
        np.testing.assert_allclose(forecast.positions[0], expected, atol=1e-4)

    def test_a_landscape_is_learned_under_noise_without_velocities(self):
        bowl = wls.systems.LangevinLandscape("oakley_ohagan", n=200, seed=0)
        data = bowl.independent_snapshots(np.linspace(0, 0.5, 6)).without_velocities()
        potential = wls.learn.ExternalPotential((16,), time_dependent=False)
        model = quick(potential=potential, friction=np.inf, noise=1.0, rollouts="multiple-shooting", steps=150)
        model.fit(data)
        assert isinstance(model.mechanics_, wls.GradientFlow) and model.friction_ == np.inf
        with pytest.raises(NotFittedError, match="gradient flow, mechanics_"):
            _ = model.lagrangian_
        x, w = data[-1].positions, data[-1].weights
        truth = bowl.mechanics.velocity(x, w)
        error = np.linalg.norm(model.mechanics_.velocity(x, w) - truth) / np.linalg.norm(truth)
        assert error < 0.35

    def test_forecasts_spread_and_survive_a_file(self, tmp_path):
        still = wls.SnapshotSeries([0.0, 1.0], [np.zeros((400, 1)), np.random.default_rng(0).normal(0, 0.5, (400, 1))])
        model = quick(friction=np.inf, noise=0.5, steps=2).fit(still)
        loaded = wls.learn.WLM.load(model.save(tmp_path / "model"))
        one, other = (m.forecast(still[0], times=[1.0, 4.0]) for m in (model, loaded))
        np.testing.assert_array_equal(one.positions, other.positions)
        assert one.positions[1].std() == pytest.approx(1.0, rel=0.2)
        assert model.interpolate([0.5]).sizes == (400,)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"noise": 0.1}, "`noise` must be 0 unless friction is infinite"),
            ({"noise": -0.1, "friction": np.inf}, "`noise`"),
            ({"friction": -np.inf}, "`friction`"),
            ({"friction": np.inf, "dissipation": wls.Alignment(1.0, 1.0)}, "`dissipation` must be None"),
        ],
    )
    def test_what_does_not_go_together_is_refused(self, drifters, parameters, message):
        with pytest.raises(ParameterError, match=message):
            quick(**parameters).fit(drifters)
