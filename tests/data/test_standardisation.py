"""Zero mean and unit spread, and back to the last place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlmsim import Population, SnapshotSeries, Standardisation, Trajectory
from wlmsim.errors import ParameterError


def a_series(weighted=True, dim=3, **about) -> SnapshotSeries:
    rng = np.random.default_rng(3)
    sizes = (50, 30, 40)
    return SnapshotSeries(
        [0.0, 1.0, 3.0],
        [rng.normal([5.0, -3.0, 0.1][:dim], [1.0, 20.0, 0.01][:dim], (n, dim)) for n in sizes],
        [None if k == 1 else rng.normal(size=(n, dim)) for k, n in enumerate(sizes)],
        [rng.uniform(1, 2, n) for n in sizes] if weighted else None,
        [np.arange(n) % 2 for n in sizes],
        metadata={"seed": 3},
        units={"length": "km", "time": "d"},
        **about,
    )


def test_all_rows_together_have_zero_mean_and_unit_spread():
    standard, standardisation = a_series(weighted=False).standardise()
    rows = np.concatenate(standard.positions)
    np.testing.assert_allclose(rows.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(rows.std(axis=0), 1.0, rtol=1e-12)
    original = np.concatenate(a_series(weighted=False).positions)
    np.testing.assert_allclose(standardisation.centre, original.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(standardisation.scale, original.std(axis=0), rtol=1e-13)


def test_weights_count():
    series = SnapshotSeries([0, 1], [[[0.0], [4.0]], [[1.0], [1.0]]], weights=[[3, 1], [1, 1]])
    _, standardisation = series.standardise()
    assert standardisation.centre == pytest.approx([(1.5 * 0 + 0.5 * 4 + 2 * 1) / 4])


def test_velocities_are_scaled_along_and_the_rest_stays():
    series = a_series()
    standard, standardisation = series.standardise()
    for k, (new, old) in enumerate(zip(standard, series, strict=True)):
        np.testing.assert_allclose(new.positions, (old.positions - standardisation.centre) / standardisation.scale)
        assert (new.velocities is None) == (k == 1)
        if k != 1:
            np.testing.assert_allclose(new.velocities, old.velocities / standardisation.scale)
        np.testing.assert_array_equal(new.weights, old.weights)
        np.testing.assert_array_equal(standard.labels[k], series.labels[k])
    assert standard.metadata == series.metadata and standard.units == {"time": "d"}
    assert standardisation.invert(standard).units == {"length": "km", "time": "d"}


def test_a_common_scale_keeps_angles():
    _, each = a_series().standardise()
    standard, common = a_series().standardise("common")
    assert np.ptp(common.scale) == 0 and common.scale[0] ** 2 == pytest.approx((each.scale**2).mean())
    assert sum(np.concatenate(standard.positions).var(axis=0)) == pytest.approx(3.0, rel=0.05)


def test_an_axis_without_spread_is_only_shifted():
    _, standardisation = SnapshotSeries([0], [[[1.0, 0.1], [3.0, 0.1], [5.0, 0.1]]]).standardise()
    assert standardisation.scale[1] == 1.0


@given(seed=st.integers(0, 10**6), shift=st.floats(-6, 6), scale=st.floats(-6, 6))
def test_inversion_is_exact_to_one_unit_in_the_last_place(seed, shift, scale):
    """The docstring's promise, over twelve orders of magnitude."""
    rng = np.random.default_rng(seed)
    centre, spread = rng.normal() * 10.0**shift, 10.0**scale
    near, around = centre * rng.normal(1.0, 0.1, 300), centre + spread * rng.normal(size=300)
    tiny = rng.normal(size=300) * 10.0 ** rng.uniform(-12, 12, 300)
    x = np.concatenate([near, around, tiny])[:, None]
    v = rng.normal(size=x.shape) * 10.0 ** rng.uniform(-12, 12, x.shape)
    standardisation = Standardisation([centre], [spread])
    back = standardisation.invert(standardisation.apply(Population(x, v)))
    assert (np.abs(back.positions - x) <= np.spacing(np.maximum(np.abs(x), np.abs(x - centre)))).all()
    assert (np.abs(back.velocities - v) <= np.spacing(np.abs(v))).all()
    large = np.abs(x) > 4 * np.abs(x - centre)
    np.testing.assert_array_equal(back.positions[large], x[large])


def test_trajectories_and_populations():
    rng = np.random.default_rng(0)
    standardisation = Standardisation([1.0, 2.0], [4.0, 0.5], length="m")
    flight = Trajectory([0, 1], rng.normal(size=(2, 3, 2)), rng.normal(size=(2, 3, 2)), [1, 2, 3], units={"time": "s"})
    standard = standardisation.apply(flight)
    np.testing.assert_array_equal(standard.positions, (flight.positions - [1, 2]) / [4, 0.5])
    back = standardisation.invert(standard)
    np.testing.assert_allclose(back.positions, flight.positions, rtol=1e-15, atol=1e-15)
    np.testing.assert_array_equal(back.velocities, flight.velocities)
    assert back.units == {"time": "s", "length": "m"} and np.array_equal(back.weights, flight.weights)
    assert standardisation.apply(flight[1]) == standard[1]
    assert standardisation.apply(Population([[1.0, 2.0]])).velocities is None


def test_held_out_data_take_the_standardisation_of_the_fitted():
    past, future = a_series().split(at=1.0)
    _, standardisation = past.standardise()
    assert Standardisation.of(past) == standardisation != Standardisation.of(future)
    assert standardisation.apply(future).dim == 3


def test_repr():
    assert repr(Standardisation([1, 2], [3, 0.25])) == "Standardisation(centre=[1 2], scale=[3 0.25])"
    assert repr(Standardisation(np.zeros(7), np.ones(7))).endswith("scale=[1 1 1 1 1 1 ...])")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Standardisation([0, 0], [1]), r"`scale` must be an array of shape \(2,\)"),
        (lambda: Standardisation([0, 0], [1, 0]), "`scale` must be positive"),
        (lambda: Standardisation([np.nan], [1]), "`centre` must be finite"),
        (lambda: Standardisation([0], [1]).apply(a_series()), "`data` must be of dimension 1"),
        (lambda: Standardisation([0], [1]).apply(np.zeros((3, 1))), "`data` must be a Population or SnapshotSeries"),
        (lambda: a_series().standardise("whiten"), "`scale` must be one of 'axis', 'common'"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
