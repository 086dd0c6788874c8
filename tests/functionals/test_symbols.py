"""What a law may be written with: what it does to symbols it does to arrays of NumPy and torch, or it is refused."""

from __future__ import annotations

import math

import array_api_compat.torch as txp
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim.errors import ParameterError
from wlmsim.functionals.symbols import Namespace
from wlmsim.functionals.tracing import compile_external

POINTS = np.array([[0.4, -1.3], [1.7, 0.6], [-0.2, 2.4], [-2.6, -0.7], [0.9, 1.1]])
MATRIX = np.array([[2.0, 0.5], [-0.3, 1.0]])

LAWS = {
    # conditions on a coordinate and on the radius
    "where a coordinate": lambda x, xp: xp.where(x[..., 0] > 0, x[..., 0] ** 2, 0.0),
    "where the radius": lambda x, xp: xp.where((x**2).sum(-1) > 1.5, (x**2).sum(-1) - 1.5, 0.0),
    "where in where": lambda x, xp: xp.where(x > 1, x, xp.where(x < -1, -x, x**2)).sum(-1),
    "condition as a factor": lambda x, xp: (x[..., 0] > 0) * x[..., 0] ** 2 + (x < 0.5).sum(-1) * x[..., 1],
    "and": lambda x, xp: xp.where((x[..., 0] > 0) & (x[..., 1] > 0), x[..., 0] * x[..., 1], 0.0),
    "or": lambda x, xp: xp.where((x[..., 0] > 1) | (x[..., 1] <= 0), x[..., 0] ** 3, x[..., 1]),
    "not": lambda x, xp: xp.where(~(x > 0.5), x**2, x - 0.25).sum(-1),
    "exclusive or": lambda x, xp: xp.where((x[..., 0] > 0) ^ (x[..., 1] > 0), x[..., 0], x[..., 1] ** 2),
    "equal": lambda x, xp: xp.where(x[..., 0] == 0.4, 3.0 * x[..., 1], x[..., 0]),
    "not equal": lambda x, xp: xp.where(x != 1.7, x**2, 5.0 * x).sum(-1),
    "logical functions": lambda x, xp: xp.where(
        xp.logical_and(x[..., 0] > 0, xp.logical_not(x[..., 1] > 0)), x[..., 0] ** 2, 1.0 * x[..., 1]
    ),
    "between": lambda x, xp: xp.where((x > -1) & (x < 1), xp.cos(x), 0.0).sum(-1),
    # functions with steps
    "modulo": lambda x, xp: ((x % 1.0) ** 2).sum(-1),
    "modulo of a negative": lambda x, xp: (x % -0.7).sum(-1) + ((x[..., 0] + 0.1) % 2.0) * x[..., 1],
    "floor": lambda x, xp: ((x - xp.floor(x)) * xp.ceil(x) + xp.floor(x / 0.3) * x).sum(-1),
    "round": lambda x, xp: ((x - 2.0 * xp.round(x / 2.0)) ** 2).sum(-1) + (xp.trunc(x) * x).sum(-1),
    "sign": lambda x, xp: (xp.sign(x - 0.3) * x**2).sum(-1),
    "abs": lambda x, xp: abs(x).sum(-1) + xp.abs(x[..., 0] - x[..., 1]),
    # limits
    "clip": lambda x, xp: (xp.clip(x, -1.0, 0.8) ** 2).sum(-1) + xp.clip(x[..., 0], 0.0, 1.0),
    "method clip": lambda x, xp: (x.clip(-1.0, 0.8) ** 2).sum(-1),
    "maximum": lambda x, xp: xp.maximum(xp.sqrt((x**2).sum(-1)) - 1.0, 0.0) ** 2,
    "minimum of coordinates": lambda x, xp: xp.minimum(x[..., 0], x[..., 1]) ** 2,
    "over an axis": lambda x, xp: xp.max(x, axis=-1) ** 2 - xp.min(x, axis=-1) + xp.prod(x, axis=-1),
    # sums and norms
    "sum": lambda x, xp: xp.sum(x**2, axis=-1) + (x**3).sum(axis=-1),
    "sum of nothing": lambda x, xp: x[..., 2:].sum(-1) + xp.prod(x[..., 2:], axis=-1) * x[..., 0],
    "mean": lambda x, xp: x.mean(-1) ** 2 + xp.mean(x**3, axis=-1),
    "norm": lambda x, xp: xp.linalg.norm(x - 0.05, axis=-1) + xp.linalg.vector_norm(x, axis=-1) ** 3,
    "hypot": lambda x, xp: xp.hypot(x[..., 0], x[..., 1]),
    "matrix": lambda x, xp: (x * (x @ (torch.tensor(MATRIX) if isinstance(x, torch.Tensor) else MATRIX))).sum(-1),
    "keepdims": lambda x, xp: ((x - x.mean(-1, keepdims=True)) ** 2).sum(-1),
    "new axis": lambda x, xp: (x[..., None] * x[..., None, :]).sum((-1, -2)),
    "concat": lambda x, xp: (xp.concat([x, x[..., :1] ** 2], axis=-1) ** 2).sum(-1),
    "array on the left": lambda x, xp: (2.0 * x[..., 0]) * np.float64(1.5) + (1.0 - x[..., 1]) ** 2,
    "in place on one's own": lambda x, xp: _added(x),
    # elementary functions
    "logarithms": lambda x, xp: (xp.log2(x**2 + 1) + xp.log10(x**2 + 1) + xp.exp2(x)).sum(-1),
    "logaddexp": lambda x, xp: xp.logaddexp(3.0 * x[..., 0], 2.0 * x[..., 1]),
    "angle": lambda x, xp: xp.arctan2(x[..., 1], x[..., 0] + 3.0) + xp.arctan(x[..., 0]),
    "named operators": lambda x, xp: xp.multiply(x, xp.add(x, 1.0)).sum(-1) + xp.pow(x, 2).sum(-1),
    "ones": lambda x, xp: (xp.ones_like(x) * x + xp.zeros_like(x)).sum(-1),
    "pi": lambda x, xp: xp.sin(xp.pi * x[..., 0]) * xp.e,
}


def _added(x):
    total = 0.0 * x[..., 0]
    total += x[..., 0] ** 2
    total -= x[..., 1]
    return total


def compiled(law, points):
    functions, gradient = compile_external(law, points.shape[1]), np.empty_like(points)
    for row, out in zip(points, gradient, strict=True):
        functions.gradient(row, 0.0, functions.parameters, out)
    return np.array([functions.value(row, 0.0, functions.parameters) for row in points]), gradient


@pytest.mark.parametrize("name", LAWS)
def test_symbols_numpy_and_torch_agree(name):
    law = LAWS[name]
    wls.External(law)
    value, gradient = compiled(law, POINTS)
    tensor = torch.tensor(POINTS, requires_grad=True)
    at_torch = law(tensor, txp)
    (slope,) = torch.autograd.grad(at_torch.sum(), tensor)
    np.testing.assert_allclose(value, law(POINTS, np), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(value, at_torch.detach(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gradient, slope, rtol=1e-11, atol=1e-13)


@given(
    st.lists(st.floats(-4, 4), min_size=2, max_size=2),
    st.sampled_from(["gt", "ge", "lt", "le", "eq", "ne"]),
    st.sampled_from(["and", "or", "xor"]),
    st.sampled_from([-1.0, 0.0, 0.5, 2.0]),
)
def test_any_condition_is_that_of_numpy(point, compare, join, bound):
    import operator

    comparison, junction = getattr(operator, compare), getattr(operator, f"{join}_", operator.xor)

    def law(x, xp):
        condition = junction(comparison(x[..., 0], bound), comparison(x[..., 1], x[..., 0]))
        return xp.where(condition, x[..., 0] + 2.0 * x[..., 1], -3.0 * x[..., 1])

    points = np.array([point, [bound, bound], [point[0], point[0]]])
    np.testing.assert_allclose(compiled(law, points)[0], law(points, np), rtol=1e-14, atol=1e-14)


def test_every_function_is_one_of_numpy_and_of_torch():
    """Else a law would pass here and fail in an array, or in training."""
    for name in dir(Namespace()):
        if not name.startswith("_"):
            assert hasattr(np, name), name
            assert hasattr(txp, name), name


def changed_in_place(x, xp):
    x += 1.0
    return x.sum(-1)


REFUSED = {
    "erf": (lambda x, xp: xp.erf(x).sum(-1), r"xp\.erf is not among .* write xp\.tanh\(1\.12838 \* z"),
    "interp": (lambda x, xp: xp.interp(x, [0, 1], [0, 1]).sum(-1), r"xp\.interp is not among.*write xp\.where"),
    "heaviside": (lambda x, xp: xp.heaviside(x, 0.5).sum(-1), r"xp\.heaviside.*write xp\.where\(a > 0, 1\.0, 0\.0\)"),
    "a misspelling": (lambda x, xp: xp.sqr(x).sum(-1), r"xp\.sqr is not among.*write xp\.sqrt"),
    "unknown": (lambda x, xp: xp.zzz(x).sum(-1), r"xp\.zzz is not among.*there are abs, absolute, acos"),
    "linear algebra": (lambda x, xp: xp.linalg.det(x), r"xp\.linalg\.det is not among"),
    "NumPy's function": (lambda x, xp: np.exp(x).sum(-1), r"np\.exp is of NumPy alone: write xp\.exp"),
    "NumPy's function of a number": (lambda x, xp: np.exp(x[..., 0] + 0.0), r"np\.exp is of NumPy alone"),
    "math": (lambda x, xp: math.exp(x[..., 0]), r"is no float: write functions of xp, as xp\.exp for math\.exp"),
    "if": (lambda x, xp: x[..., 0] if x[..., 0] > 0 else 0.0, r"cannot branch on it: write xp\.where"),
    "and": (lambda x, xp: xp.where(x[..., 0] > 0 and x[..., 1] > 0, 1.0, 0.0), r"& \| ~ for `and` `or` `not`"),
    "chained comparison": (lambda x, xp: xp.where(0 < x[..., 0] < 1, 1.0, 0.0), "cannot branch"),
    "max": (lambda x, xp: max(x[..., 0], 0.0), r"xp\.minimum and xp\.maximum for min and max"),
    "method max": (lambda x, xp: x.max(-1), r"write xp\.max\(a, axis=-1\)"),
    "standard deviation": (lambda x, xp: x.std(-1), r"write \(a\*\*2\)\.mean\(-1\)"),
    "floor division": (lambda x, xp: (x // 0.3).sum(-1), r"write xp\.floor\(a / b\)"),
    "power": (lambda x, xp: xp.power(x, 2).sum(-1), r"xp\.power is not among.*write \*\*"),
    "in place": (changed_in_place, r"leave its arguments as they are: write x = x \+ 1"),
    "sum over all": (lambda x, xp: (x**2).sum(), r"mixes the points.*\.sum\(-1\)"),
    "rows": (lambda x, xp: x[:, 0] ** 2, r"too many indices.*write x\[\.\.\., 0\]"),
    "first axis": (lambda x, xp: x[0] ** 2, r"mixes the points.*x\[\.\.\., 0\]"),
    "loop over the first axis": (lambda x, xp: sum(y**2 for y in x), "mixes the points"),
    "mean over particles": (lambda x, xp: ((x - x.mean(0)) ** 2).sum(-1), "mixes the points"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_derived_is_refused_with_what_to_write(name):
    law, message = REFUSED[name]
    with pytest.raises(ParameterError, match=message) as caught:
        wls.External(law)
    assert "`law`" in str(caught.value)


@pytest.mark.parametrize(
    ("take", "law", "of"),
    [
        (wls.External, lambda t, x: x[..., 0], "x"),
        (wls.External, lambda t, x, xp: x[..., 0], "x"),
        (wls.External, lambda x, t: x[..., 0] * t, "x"),
        (wls.External, lambda xp, x: x[..., 0], "x"),
        (wls.External, lambda x, y, xp: x, "x"),
        (wls.Pairwise, lambda t, r, xp: r**2, "r"),  # ran, with r for t
        (wls.Pairwise, lambda x, y, xp: ((x - y) ** 2).sum(-1), "r"),  # ran, with t for y
        (wls.MagneticField, lambda t, x, xp: t, "x"),
        (wls.StreamFlow, lambda t, x, xp: x[..., 0], "x"),
    ],
)
def test_arguments_in_another_order_are_refused(take, law, of):
    signature = rf"\({of}, xp\) or \({of}, t, xp\), in this order"
    with pytest.raises(ParameterError, match=rf"must be a function of {signature}.*; got <lambda>\(") as caught:
        take(law)
    assert "failed" not in str(caught.value)


def test_laws_of_positions_are_no_pair_laws():
    for law in (wls.laws.Kepler(), lambda r, xp: (r**2).sum(-1)):
        with pytest.raises(ParameterError, match=r"mixes the distances r.*wls\.External takes laws of positions"):
            wls.Pairwise(law)
    with pytest.raises(ParameterError, match=r"one number a point.*wls\.Pairwise takes laws of distances"):
        wls.External(wls.laws.Morse())
    assert wls.Pairwise(lambda r, _, xp: 1.0 + 0 * r).timed


def test_pair_laws_may_have_any_condition():
    near = wls.Pairwise(lambda r, xp: xp.where((r < 1.0) & (r > 0.1), (1 - r) ** 2, 0.0))
    force = near.force(np.array([[0.0, 0.0], [0.5, 0.0]]), np.full(2, 0.5))
    assert force.tolist() == [[-0.5, 0.0], [0.5, 0.0]]


def test_steps_have_no_slope_where_gradients_are_taken():
    """The period of a comb, through the compiled adjoint."""
    comb = wls.Lagrangian(wls.External(lambda x, xp: ((x % 1.0) ** 2).sum(-1)))
    x = torch.tensor([[0.3], [2.4]], dtype=torch.float64, requires_grad=True)
    population = wls.Population(x.detach().numpy())
    path = wls.learn.differentiable_simulate(
        comb, population, [0.1], dt=0.1, positions=x, velocities=torch.zeros_like(x)
    )
    np.testing.assert_allclose(path.positions[0, :, 0].detach(), [0.3 - 0.005 * 0.6, 2.4 - 0.005 * 0.8])
    (slope,) = torch.autograd.grad(path.positions.sum(), x)
    np.testing.assert_allclose(slope, 1 - 0.005 * 2)


def test_slopes_of_conditions_are_potentials_too():
    """`SlopePotential` evaluates the derivative of a law as a law of its own."""
    bent = wls.External(lambda x, xp: xp.where(x[..., 0] > 0, x[..., 0] ** 2, xp.abs(x[..., 0])))
    slope, weights = wls.SlopePotential(bent), np.full(len(POINTS), 0.2)
    first = POINTS[:, 0]
    np.testing.assert_allclose(slope.energy(POINTS, weights), -0.1 * np.where(first > 0, 4 * first**2, 1.0).sum())
    np.testing.assert_allclose(slope.force(POINTS, weights)[:, 0], np.where(first > 0, 4 * first, 0.0))
