"""Losses between clouds: values, gradients, and how they are found."""

import numpy as np
import pytest
import torch

import wlmsim as wls
from tests.models import quick, trainer_of
from wlmsim.errors import ParameterError, SimulationError
from wlmsim.learn.functionals import Scales
from wlmsim.learn.losses import sinkhorn_divergence as losses
from wlmsim.learn.losses.energy_divergence import energy_divergence
from wlmsim.learn.losses.exact_transport import exact_transport
from wlmsim.learn.losses.sinkhorn_divergence import automatic_blur, sinkhorn_divergence
from wlmsim.learn.losses.sliced_transport import sliced_transport
from wlmsim.learn.mechanics import scales_of

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


def clouds(rng: np.random.Generator, n: int, m: int) -> list[torch.Tensor]:
    return [
        torch.tensor(rng.standard_normal((n, 2)), requires_grad=True),
        torch.tensor(rng.standard_normal((m, 2)) + 0.5),
        torch.tensor(rng.dirichlet(np.ones(n))),
        torch.tensor(rng.dirichlet(np.ones(m))),
    ]


def calls_counted(monkeypatch, owner, *names) -> list[int]:
    count = [0]
    for name in names:
        function = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *a, to=function: (count.__setitem__(0, count[0] + 1), to(*a))[1])
    return count


def updates_counted(monkeypatch) -> list[int]:
    return calls_counted(monkeypatch, losses._GibbsKernel, "rows", "columns")


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
        count = updates_counted(monkeypatch)

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

    @pytest.mark.parametrize("outlier", [0.0, 1e2, 1e4])
    @pytest.mark.parametrize("blur", [0.2, 3.0])
    def test_products_with_the_gibbs_kernel_are_soft_minima(self, monkeypatch, outlier, blur):
        x, y, wx, wy = (cloud.detach() for cloud in clouds(np.random.default_rng(4), 50, 60))
        y[0] += outlier
        wx[3] = 0.0
        wx = wx / wx.sum()

        def divergence():
            moving = x.clone().requires_grad_()
            value = sinkhorn_divergence(moving, y, wx, wy, blur=blur, iterations=1000)
            return value.item(), torch.autograd.grad(value, moving)[0]

        value, gradient = divergence()
        count = calls_counted(monkeypatch, losses, "_soft_minimum")
        divergence()
        few = count[0]
        monkeypatch.setattr(losses, "NEARBY", -1.0)
        expected, slope = divergence()
        assert value == pytest.approx(expected, rel=1e-9)
        assert torch.allclose(gradient, slope, rtol=0, atol=1e-6 * slope.abs().max())
        assert few < 0.7 * (count[0] - few)

    def test_the_sinkhorn_divergence_is_as_exact_in_single_precision(self):
        x, y, wx, wy = (cloud.detach() for cloud in clouds(np.random.default_rng(4), 300, 200))
        single = sinkhorn_divergence(x.float(), y.float(), wx.float(), wy.float(), blur=0.05)
        assert single.item() == pytest.approx(sinkhorn_divergence(x, y, wx, wy, blur=0.05).item(), rel=1e-4)

    @pytest.mark.parametrize("rate", [50.0, 100.0, 800.0])
    def test_the_sinkhorn_divergence_of_rows_that_hardly_weigh(self, rate):
        x, y, _, wy = (cloud.detach() for cloud in clouds(np.random.default_rng(4), 30, 30))
        x[15:, 1] += 20.0
        wx = torch.softmax(torch.cat([torch.zeros(15), torch.full((15,), rate)]), 0)  # subnormal by exp(-100)
        x, y, wy = x.float().requires_grad_(), y.float(), wy.float()
        value = sinkhorn_divergence(x, y, wx, wy, blur=0.2)
        value.backward()
        rest = sinkhorn_divergence(x[15:], y, wx[15:], wy, blur=0.2)
        assert value.item() == pytest.approx(rest.item(), rel=1e-4)
        assert torch.isfinite(x.grad).all()

    def test_overrelaxation_spares_updates_and_leaves_the_sinkhorn_divergence(self, monkeypatch):
        x, y, wx, wy = (cloud.detach() for cloud in clouds(np.random.default_rng(5), 60, 80))
        count = updates_counted(monkeypatch)

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

    @pytest.mark.parametrize("rows", [(1, 15), (12, 4)])
    def test_kept_duals_of_other_clouds_are_refused(self, rows):
        x, y, wx, wy = (cloud.detach() for cloud in clouds(np.random.default_rng(1), 12, 15))
        duals = {}
        sinkhorn_divergence(x[: rows[0]], y[: rows[1]], wx[: rows[0]], wy[: rows[1]], duals=duals)
        with pytest.raises(ParameterError, match=rf"`duals`.* 12 and 15 rows.*got {rows[0]} and {rows[1]}"):
            sinkhorn_divergence(x, y, wx, wy, duals=duals)

    def test_sinkhorn_divergence_refuses_what_is_too_far_for_its_blur(self):
        x, y, wx, wy = (cloud.detach().float() for cloud in clouds(np.random.default_rng(1), 4, 4))
        with pytest.raises(SimulationError, match="blew up, or `blur` is too small"):
            sinkhorn_divergence(1e20 * x, y, wx, wy)

    def test_sinkhorn_divergence_and_exact_transport_refuse_a_blown_up_cloud(self):
        x, y, wx, wy = clouds(np.random.default_rng(1), 4, 4)
        for loss in (exact_transport, sinkhorn_divergence, energy_divergence):
            with pytest.raises(SimulationError, match="finite positions"):
                loss(x * float("nan"), y, wx, wy)
