"""Properties of every exported functional on random clouds: any positions, weights, times and dimensions."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

import array_api_compat.torch as xp
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.conformance import FUNCTIONALS, NOT_INVARIANT, OF_NEIGHBOURS, cases, made_functional, tensors
from wlmsim.errors import ParameterError

SPACING = 0.8
"""Of the lattice on which clouds are built, so that no two particles meet, where laws have kinks."""

FORWARD = [c for c in FUNCTIONALS if c.__module__.startswith("wlmsim.functionals")]

made = lru_cache(maxsize=None)(made_functional)  # to trace a law takes longer than to test it
few = settings(max_examples=10)


@st.composite
def clouds(draw, dim):
    """Positions near distinct sites of a lattice, spread in all directions, and weights that differ up to 25 times."""
    site = st.tuples(*[st.integers(-2, 2)] * dim)
    sites = np.array(draw(st.lists(site, min_size=dim + 2, max_size=5 if dim == 1 else 7, unique=True)), dtype=float)
    jitter = draw(st.lists(st.floats(-0.3, 0.3), min_size=sites.size, max_size=sites.size))
    positions = SPACING * sites + np.reshape(jitter, sites.shape)
    weights = np.array(draw(st.lists(st.floats(0.2, 5.0), min_size=len(sites), max_size=len(sites))))
    weights /= weights.sum()
    centred = positions - weights @ positions
    assume(np.linalg.eigvalsh((weights[:, None] * centred).T @ centred)[0] > 0.05)
    return positions, weights


def apart(x, box):
    """Whether no particle is where another one is seen through the sides of a box: pair laws have a kink there."""
    if box is None:
        return True
    between = x[:, None] - x
    between -= box * np.round(between / box)
    return np.linalg.norm(between, axis=-1)[~np.eye(len(x), dtype=bool)].min() > 0.05


def dimensions(case):
    return (1,) if case.cls.__name__ in OF_NEIGHBOURS else (1, 2, 3)


@pytest.mark.parametrize("case", cases(FUNCTIONALS))
@few
@given(data=st.data(), time=st.floats(-3, 3))
def test_force_is_minus_the_gradient_of_the_energy(case, data, time):
    """By automatic differentiation of the expression, and along a line by finite differences of the energy."""
    dim = data.draw(st.sampled_from(dimensions(case)))
    functional, (x, w) = made(case, dim), data.draw(clouds(dim))
    assume(apart(x, getattr(functional, "box", None)))
    force = functional.force(x, w, time)
    y, v = tensors(x, w)
    (gradient,) = torch.autograd.grad(functional.expression(y, v, time, xp), y)
    scale = np.abs(force).max()
    np.testing.assert_allclose(force, -gradient.numpy() / w[:, None], rtol=1e-8, atol=1e-9 * scale + 1e-12)

    way = np.random.default_rng(len(x)).standard_normal(x.shape)
    h, energy = 1e-4, functional.energy(x, w, time)
    coarse, fine = (
        (functional.energy(x - s * way, w, time) - functional.energy(x + s * way, w, time)) / (2 * s)
        for s in (h, h / 2)
    )
    assume(abs(coarse - fine) < 1e-3 * (scale + 1))  # else there is a kink on the way
    work = float(w @ (force * way).sum(-1))
    extrapolated = (4 * fine - coarse) / 3
    assert extrapolated == pytest.approx(work, abs=2e-6 * (scale + 1) + 1e-11 * abs(energy) / h)


@pytest.mark.parametrize("case", cases(c for c in FUNCTIONALS if c.__name__ not in NOT_INVARIANT))
@few
@given(data=st.data(), seed=st.integers(0, 1000), shift=st.lists(st.floats(-5, 5), min_size=3, max_size=3))
def test_interactions_do_not_see_where_the_cloud_is_and_how_it_is_turned(case, data, seed, shift):
    """Mirror images included. The forces then sum to no momentum and no angular momentum."""
    dim = data.draw(st.sampled_from(dimensions(case)))
    functional, (x, w) = made(case, dim), data.draw(clouds(dim))
    boxed = getattr(functional, "box", None) is not None  # a box may be moved, but not turned
    turn, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((dim, dim)))
    turn = np.eye(dim) if boxed else turn
    energy, force = functional.energy(x, w), functional.force(x, w)
    scale = np.abs(force).max()
    moved = x @ turn.T + shift[:dim]
    assert functional.energy(moved, w) == pytest.approx(energy, rel=1e-10, abs=1e-12)
    np.testing.assert_allclose(functional.force(moved, w), force @ turn.T, atol=1e-8 * scale + 1e-13)
    np.testing.assert_allclose(w @ force, 0, atol=1e-11 * scale)
    if not boxed:
        torque = (w[:, None] * x).T @ force
        np.testing.assert_allclose(torque, torque.T, atol=1e-10 * scale)


DEGENERATE = {
    "one particle": lambda dim: np.full((1, dim), 0.3),
    "all in one place": lambda dim: np.full((6, dim), 0.3),
    "two in one place": lambda dim: np.append(np.arange(5.0 * dim).reshape(5, dim) ** 2 / 30, [np.zeros(dim)], 0),
    "on a line": lambda dim: np.linspace(-1, 1, 6)[:, None] * np.ones(dim),
    "far apart": lambda dim: 1e6 * np.random.default_rng(0).standard_normal((6, dim)),
}


@pytest.mark.parametrize("shape", DEGENERATE)
@pytest.mark.parametrize("case", cases(FORWARD))
def test_degenerate_clouds_give_finite_numbers_or_an_error(case, shape):
    for dim in dimensions(case):
        functional, x = made(case, dim), DEGENERATE[shape](dim)
        w = np.full(len(x), 1 / len(x))
        for quantity in (functional.energy, functional.force):
            with suppress(ParameterError):
                assert np.isfinite(quantity(x, w, 0.4)).all()
