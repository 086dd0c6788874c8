"""Clouds at one time: what they keep, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wlmsim import Population
from wlmsim.errors import ParameterError, WlmsimError

coordinates = st.floats(-1e6, 1e6)


@given(x=arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=coordinates), time=coordinates)
def test_keeps_what_it_is_given(x, time):
    cloud = Population(x.tolist(), -x, time=time)
    np.testing.assert_array_equal(cloud.positions, x)
    np.testing.assert_array_equal(cloud.velocities, -x)
    assert (len(cloud), cloud.dim, cloud.time) == (*x.shape, time)
    assert cloud.uniform and cloud.weights.sum() == pytest.approx(1)
    assert cloud.positions.dtype == np.float64


@given(w=arrays(float, 4, elements=st.floats(0.01, 100)))
def test_weights_are_rescaled_to_sum_to_one(w):
    cloud = Population(np.eye(4), weights=w)
    np.testing.assert_allclose(cloud.weights, w / w.sum())
    np.testing.assert_allclose(cloud.mean, w / w.sum())
    # what sums to 1 stays as it is, so that copies are equal to the last bit
    np.testing.assert_array_equal(Population(np.eye(4), weights=cloud.weights).weights, cloud.weights)
    assert cloud.uniform == (np.ptp(w) <= 1e-12 * w.max())


def test_unknown_velocities_are_not_zero():
    cloud = Population([[1.0, 2.0]])
    assert cloud.velocities is None
    np.testing.assert_array_equal(cloud.at_rest().velocities, [[0.0, 0.0]])
    assert cloud.at_rest().with_velocities(None) == cloud
    assert cloud != cloud.at_rest()


def test_with_velocities_keeps_the_rest():
    cloud = Population([[1.0], [2.0]], weights=[1, 3], time=2.5)
    moved = cloud.with_velocities([[3.0], [4.0]])
    assert moved.time == 2.5
    np.testing.assert_array_equal(moved.weights, [0.25, 0.75])


@pytest.mark.parametrize(
    ("change", "equal"),
    [
        ({}, True),
        ({"positions": [[0.0], [2.0]]}, False),
        ({"velocities": [[1.0], [0.0]]}, False),
        ({"velocities": None}, False),
        ({"weights": [1, 2]}, False),
        ({"time": 1.0}, False),
    ],
)
def test_equality_looks_at_everything(change, equal):
    given = {"positions": [[0.0], [1.0]], "velocities": [[0.0], [0.0]], "weights": [1, 1], "time": 0.0}
    assert (Population(**given) == Population(**{**given, **change})) is equal
    assert Population(**given) != "a cloud"


def test_gaussian():
    cloud = Population.gaussian(20_000, 3, width=2.0, velocity_width=0.5, seed=1)
    assert cloud.positions.shape == (20_000, 3)
    np.testing.assert_allclose(np.cov(cloud.positions.T), 4 * np.eye(3), atol=0.1)
    np.testing.assert_allclose(np.cov(cloud.velocities.T), 0.25 * np.eye(3), atol=0.01)
    np.testing.assert_allclose(cloud.mean, 0, atol=0.06)
    assert cloud == Population.gaussian(20_000, 3, width=2.0, velocity_width=0.5, seed=1)
    assert cloud != Population.gaussian(20_000, 3, width=2.0, velocity_width=0.5, seed=2)
    assert not Population.gaussian(3, seed=0).velocities.any()
    generator = np.random.default_rng(1)
    assert Population.gaussian(3, seed=generator) != Population.gaussian(3, seed=generator)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"positions": [1.0, 2.0]}, r"`positions` must be a non-empty array of shape \(n, d\).*\(2,\)"),
        ({"positions": np.empty((0, 2))}, r"`positions` must be a non-empty array.*\(0, 2\)"),
        ({"positions": [["a", "b"]]}, "`positions` must be an array of real numbers"),
        ({"positions": [[1j, 2.0]]}, "`positions` must be an array of real numbers"),
        ({"positions": [[1.0, 2.0], [3.0]]}, "`positions` must be an array of real numbers"),
        ({"positions": [[0.0, np.nan], [0.0, 0.0]]}, "`positions` must be finite; got NaN or infinity in 1 of 2 rows"),
        ({"velocities": [[0.0]]}, r"`velocities` must be an array of shape \(3, 2\).*\(1, 1\)"),
        ({"velocities": np.full((3, 2), np.inf)}, "`velocities` must be finite.*3 of 3"),
        ({"weights": [1.0, 2.0]}, r"`weights` must be an array of shape \(3,\).*\(2,\)"),
        ({"weights": [1.0, 2.0, -1.0]}, "`weights` must be non-negative with a positive sum; got minimum -1"),
        ({"weights": [0.0, 0.0, 0.0]}, "`weights` must be non-negative with a positive sum"),
        ({"weights": [1.0, np.nan, 1.0]}, "`weights` must be finite.*1 of 3"),
        ({"time": np.nan}, "`time` must be a finite number; got nan"),
        ({"time": "noon"}, "`time` must be a finite number; got 'noon'"),
    ],
)
def test_errors_name_the_argument_and_what_was_given(arguments, message):
    with pytest.raises(ParameterError, match=message) as caught:
        Population(**{"positions": np.zeros((3, 2)), **arguments})
    assert isinstance(caught.value, (ValueError, WlmsimError))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"n": 0}, "n"),
        ({"n": 2.0}, "n"),
        ({"n": True}, "n"),
        ({"n": 2, "dim": 0}, "dim"),
        ({"n": 2, "width": 0.0}, "width"),
        ({"n": 2, "velocity_width": -1.0}, "velocity_width"),
    ],
)
def test_gaussian_checks_its_arguments(arguments, name):
    with pytest.raises(ParameterError, match=f"`{name}`"):
        Population.gaussian(**arguments)


def test_repr():
    assert (
        repr(Population([[0.0, 1.0]], time=2)) == "Population(n=1, dim=2, time=2, velocities unknown, uniform weights)"
    )
    cloud = Population([[0.0], [1.0]], [[0.0], [1.0]], [1, 2])
    assert repr(cloud) == "Population(n=2, dim=1, time=0, velocities known, given weights)"


rates = arrays(float, 4, elements=st.floats(-30, 30))


@given(w=arrays(float, 4, elements=st.floats(0, 1)).filter(lambda w: w.sum() > 0.1), rate=coordinates, time=coordinates)
def test_who_all_grow_alike_have_the_same_weights_to_the_last_bit(w, rate, time):
    cloud = Population(np.eye(4), weights=w, growth=np.full(4, rate))
    np.testing.assert_array_equal(cloud.grown(time), cloud.weights)
    assert Population(np.eye(4), weights=w).grown(time) is not None


@given(g=rates, shift=st.floats(-5, 5))
def test_known_growth_is_that_of_shares(g, shift):
    cloud = Population(np.eye(4), weights=[1, 2, 3, 4], time=1.0, growth=g)
    expected = np.exp(2 * (g - g.max())) * [1, 2, 3, 4]
    np.testing.assert_allclose(cloud.grown(3.0), expected / expected.sum(), rtol=1e-9)
    other = Population(np.eye(4), weights=[1, 2, 3, 4], time=1.0, growth=g + shift)
    np.testing.assert_allclose(other.grown(3.0), cloud.grown(3.0), rtol=1e-9)  # what all share does not matter


def test_those_who_surely_die_keep_next_to_nothing():
    with np.errstate(all="raise", under="ignore"):
        found = Population(np.eye(4), weights=[1, 1, 1, 0], growth=[0.0, -900.0, -1e5, 900.0]).grown(2.0)
    with pytest.raises(ParameterError, match="`time` must be"):
        Population(np.eye(2)).grown(np.inf)
    assert found[0] == pytest.approx(1) and 0 < found[1:3].min() <= found[1:3].max() < 1e-80 and found[3] == 0


def test_known_growth_stays_with_its_particles():
    cloud = Population(np.eye(3), weights=[1, 1, 2], time=2.0, growth=[0.0, 1.0, 2.0])
    assert repr(cloud).endswith("given weights, growth known)") and "growth" in cloud._repr_html_()
    assert cloud.at_rest().growth.tolist() == [0, 1, 2] and cloud != Population(np.eye(3), None, [1, 1, 2], 2.0)
    part = cloud.rows([2, 0])
    assert part.growth.tolist() == [2, 0] and part.time == 2.0
    np.testing.assert_allclose(part.weights, [2 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("growth", "message"),
    [
        ([0.0, 1.0], r"`growth` must be an array of shape \(3,\), a rate for each particle; got"),
        ([0.0, np.nan, 1.0], "`growth` must be finite; got NaN or infinity in 1 of 3 rows"),
        (["fast", "slow", "slow"], "`growth` must be"),
    ],
)
def test_growth_that_cannot_be_known(growth, message):
    with pytest.raises(ParameterError, match=message):
        Population(np.eye(3), growth=growth)
