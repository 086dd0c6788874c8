"""The series of polynomials and waves: its force in as few operations as there are factors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import wlmsim as wls


@pytest.mark.parametrize(
    ("dim", "order", "waves"), [(1, 4, 2), (2, 4, 3), (3, 2, 0), (4, 4, 1), (5, 3, 2), (12, 2, 1), (6, 1, 0)]
)
def test_force_and_slopes_are_those_of_the_energy(dim, order, waves):
    torch.manual_seed(0)
    series = wls.learn.SeriesPotential(order=order, waves=waves)
    series.build(dim)
    series.double()
    x = torch.randn(30, dim, dtype=torch.float64)
    x[0] = 0.0  # where products of the other coordinates vanish
    w = torch.full((30,), 1 / 30, dtype=torch.float64)
    y = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(series.scaled_energy(y, w, 0.0), y)
    expected = (-gradient / w[:, None]).numpy()
    with torch.no_grad():
        np.testing.assert_allclose(series.scaled_force(x, w, 0.0).numpy(), expected, rtol=1e-12, atol=1e-13)
        slopes = series.slopes(x) @ series._current
    np.testing.assert_allclose(-slopes.numpy(), expected, rtol=1e-12, atol=1e-13)
