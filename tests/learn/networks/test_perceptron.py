"""Networks: typed derivatives beside automatic ones."""

import pytest
import torch

from wlmsim.learn.functionals import Scales
from wlmsim.learn.networks.perceptron import Perceptron, RadialSpline

SCALES = Scales(centre=(0.3, -0.2), length=1.7, start=0.5, duration=0.8)


class TestNetworks:
    def test_pullback_is_automatic_differentiation(self):
        torch.manual_seed(0)
        network = Perceptron([3, 8, 5, 2]).double()
        x, cotangent = (torch.randn(6, k, dtype=torch.float64, requires_grad=True) for k in (3, 2))
        (expected,) = torch.autograd.grad((network(x) * cotangent).sum(), x)
        torch.testing.assert_close(network.pullback(x, cotangent), expected)

    def test_pullback_of_many_rows_is_one_of_parts(self, monkeypatch):
        torch.manual_seed(0)
        network, x = Perceptron([3, 8, 5, 2]).double(), torch.randn(11, 3, dtype=torch.float64)
        for cotangent in (torch.randn(11, 2, dtype=torch.float64), torch.randn(1, 2, dtype=torch.float64)):
            whole = network.pullback(x, cotangent)
            monkeypatch.setattr("wlmsim.learn.networks.perceptron.ROWS", 4)
            with torch.no_grad():
                torch.testing.assert_close(network.pullback(x, cotangent), whole)

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
