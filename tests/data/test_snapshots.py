"""Clouds without identity: missing values, several populations, splits, and errors that say what was wrong."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wlmsim import Population, SnapshotSeries
from wlmsim.errors import DataWarning, ParameterError


def a_series(sizes=(5, 3, 7, 4), dim=2, *, labelled=False, **about) -> SnapshotSeries:
    """Unequal sizes, irregular times, weights; velocities unknown at the second time."""
    rng = np.random.default_rng(0)
    return SnapshotSeries(
        np.arange(len(sizes)) ** 1.5,
        [rng.normal(size=(n, dim)) for n in sizes],
        [None if k == 1 else rng.normal(size=(n, dim)) for k, n in enumerate(sizes)],
        [rng.uniform(1, 2, size=n) for n in sizes],
        [np.arange(n) % 2 + 3 for n in sizes] if labelled else None,
        **about,
    )


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=5), dim=st.integers(1, 4))
def test_keeps_ragged_clouds(sizes, dim):
    series = a_series(sizes, dim)
    assert len(series) == len(sizes) and series.sizes == tuple(sizes) and series.dim == dim
    assert series.dropped == 0
    for k, cloud in enumerate(series):
        assert cloud == series[k] == series.at(series.times[k])
        assert np.array_equal(cloud.positions, series.positions[k])
        assert cloud.weights.sum() == pytest.approx(1)
        assert (cloud.velocities is None) == (k == 1)
    assert series[-1] == series[len(sizes) - 1]
    assert SnapshotSeries.from_populations(series) == series
    with pytest.raises(IndexError):
        series[len(sizes)]


# --- missing values


@given(data=st.data(), column=st.sampled_from(["positions", "velocities", "weights"]))
def test_rows_with_nan_are_dropped_and_counted(data, column):
    rng = np.random.default_rng(1)
    clouds = {name: [rng.uniform(1, 2, (n, 2)) for n in (4, 6)] for name in ("positions", "velocities")}
    clouds["weights"] = [rng.uniform(1, 2, n) for n in (4, 6)]
    bad = [data.draw(st.sets(st.integers(0, n - 1), max_size=n - 1)) for n in (4, 6)]
    for array, lost in zip(clouds[column], bad, strict=True):
        array[list(lost)] = np.nan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        series = SnapshotSeries([0, 1], **clouds, populations=[np.arange(4), np.arange(6)])
    count = sum(map(len, bad))
    assert series.dropped == count
    assert [str(w.message) for w in caught] == [f"dropped {count} rows with NaN from the snapshots"] * bool(count)
    assert all(w.category is DataWarning and w.filename == __file__ for w in caught)
    for k, (cloud, lost) in enumerate(zip(series, bad, strict=True)):
        kept = [i for i in range(len(clouds["positions"][k])) if i not in lost]
        np.testing.assert_array_equal(cloud.positions, clouds["positions"][k][kept])
        np.testing.assert_array_equal(cloud.velocities, clouds["velocities"][k][kept])
        np.testing.assert_allclose(cloud.weights, clouds["weights"][k][kept] / clouds["weights"][k][kept].sum())
        np.testing.assert_array_equal(series.labels[k], kept)


def test_a_time_without_a_usable_row_is_refused():
    with pytest.raises(
        ParameterError, match=r"`positions\[1\]` must have at least one row without NaN; all 2 have one"
    ):
        SnapshotSeries([0, 1], [np.zeros((2, 1)), [[np.nan], [np.nan]]])


# --- errors


def clouds(*shapes):
    return [np.zeros(shape) for shape in shapes]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"times": [1, 0]}, "`times` must be strictly increasing; got 1 followed by 0 at index 1"),
        ({"times": [0, np.nan]}, "`times` must be finite"),
        ({"times": [[0], [1]]}, r"`times` must be a non-empty array of shape \(T,\)"),
        ({"positions": clouds((3, 2))}, "`positions` must hold 2 clouds, as there are times; got 1"),
        ({"positions": clouds((3, 2), (4, 3))}, r"`positions` must have one dimension d at all times; got \[2, 3\]"),
        ({"positions": clouds((3, 2), (0, 2))}, r"`positions\[1\]` must be a non-empty array.*\(0, 2\)"),
        ({"positions": clouds((3, 2), (4,))}, r"`positions\[1\]` must be a non-empty array of shape \(n, d\).*\(4,\)"),
        ({"positions": [np.zeros((3, 2)), "a cloud"]}, r"`positions\[1\]` must be an array of real numbers"),
        ({"positions": [np.full((3, 2), np.inf), np.zeros((4, 2))]}, r"`positions\[0\]` must be finite.*3 of 3"),
        ({"velocities": [None, np.full((4, 2), -np.inf)]}, r"`velocities\[1\]` must be finite.*4 of 4"),
        ({"velocities": clouds((3, 2))}, "`velocities` must hold 2 clouds"),
        ({"velocities": clouds((3, 2), (3, 2))}, r"`velocities\[1\]` must be an array of shape \(4, 2\).*\(3, 2\)"),
        ({"weights": [np.ones(3), np.ones(3)]}, r"`weights\[1\]` must be an array of shape \(4,\).*\(3,\)"),
        ({"weights": [np.ones(3), -np.ones(4)]}, r"`weights\[1\]` must be non-negative.*got minimum -1"),
        ({"populations": clouds(3, 4)}, r"`populations\[0\]` must be an integer array of shape \(3,\).*float64"),
        ({"populations": [np.zeros(3, int), np.zeros(3, int)]}, r"`populations\[1\]`.*shape \(4,\).*\(3,\)"),
    ],
)
def test_errors_name_the_argument_what_was_given_and_what_was_expected(arguments, message):
    given = {"times": [0, 1], "positions": clouds((3, 2), (4, 2))}
    with pytest.raises(ParameterError, match=message):
        SnapshotSeries(**{**given, **arguments})


# --- parts


@pytest.mark.parametrize("labelled", [False, True])
@given(cut=st.floats(0.0, 5.19))
def test_split_loses_nothing(labelled, cut):
    series = a_series(labelled=labelled, metadata={"seed": 1}, units={"time": "h"})
    past, future = series.split(at=cut)
    assert past.times.max() <= cut < future.times.min()
    assert [*past, *future] == [*series]
    for part in (past, future):
        assert part.metadata == series.metadata and part.units == series.units
    if labelled:
        assert all(map(np.array_equal, [*past.labels, *future.labels], series.labels))


@pytest.mark.parametrize("at", [-1.0, 5.2, 6.0, np.nan])
def test_split_leaves_no_part_empty(at):
    with pytest.raises(ParameterError, match="`at`"):
        a_series().split(at=at)


@given(held=st.sets(st.integers(-4, 3), min_size=1, max_size=3))
def test_hold_out(held):
    series = a_series(labelled=True)
    out = {k % 4 for k in held}
    if len(out) == 4:
        return
    kept, hidden = series.hold_out(held)
    assert [*hidden] == [series[k] for k in sorted(out)]
    assert [*kept] == [series[k] for k in range(4) if k not in out]
    assert kept.population_labels == series.population_labels


@pytest.mark.parametrize("indices", [[4], [-5], [0, 9], [0, 1, 2, 3], []])
def test_hold_out_checks_the_indices(indices):
    with pytest.raises(ParameterError, match=r"`indices`|must keep at least one of the 4 times"):
        a_series().hold_out(indices)


def test_slices_and_lists_of_indices():
    series = a_series(labelled=True, metadata={"a": 1}, units={"length": "m"})
    assert [*series[1:3]] == [series[1], series[2]]
    assert [*series[::2]] == [series[0], series[2]]
    assert [*series[[0, 3]]] == [series[0], series[3]]
    assert isinstance(series[2], Population) and isinstance(series[2:3], SnapshotSeries)
    assert series[:] == series and series[:].metadata == {"a": 1} and series[:].units == {"length": "m"}
    assert series[1:] != series
    with pytest.raises(ParameterError, match="must keep at least one of the 4 times; it keeps none"):
        series[4:]


def test_several_populations():
    series = a_series(labelled=True, metadata={"seed": 0})
    assert series.population_labels == (3, 4)
    odd, even = series.population(3), series.population(4)
    assert odd.sizes == (3, 2, 4, 2) and even.sizes == (2, 1, 3, 2)
    assert odd.metadata == {"seed": 0, "population": 3} and odd.labels is None
    for k, cloud in enumerate(odd):
        np.testing.assert_array_equal(cloud.positions, series[k].positions[::2])
        np.testing.assert_allclose(cloud.weights, series[k].weights[::2] / series[k].weights[::2].sum())
    assert odd.velocities[1] is None and odd.velocities[0] is not None
    with pytest.raises(ParameterError, match=r"`label` must be one of \(3, 4\); got 0"):
        series.population(0)


def test_a_population_is_seen_only_when_it_has_rows():
    series = SnapshotSeries([0, 1, 2], clouds((2, 1), (1, 1), (1, 1)), populations=[[0, 1], [0], [1]])
    assert series.population(1).times.tolist() == [0, 2]


def test_a_single_population_is_labelled_zero():
    series = a_series()
    assert series.population_labels == (0,) and series.labels is None
    assert series.population(0) is series


def test_without_velocities():
    series = a_series(labelled=True, units={"time": "d"})
    assert series.without_velocities().velocities == [None] * 4
    kept = series.without_velocities(except_at=[0, -1])
    assert [v is not None for v in kept.velocities] == [True, False, False, True]
    np.testing.assert_array_equal(kept.velocities[3], series.velocities[3])
    assert kept.positions[2].tolist() == series.positions[2].tolist()
    assert kept.units == series.units and kept.population_labels == (3, 4)


def test_at_takes_observed_times_only():
    with pytest.raises(ParameterError, match=r"`time` must be an observed time \(the nearest is 1\); got 1.2"):
        a_series().at(1.2)


def test_equality_looks_at_clouds_and_labels():
    assert a_series() == a_series() and a_series(labelled=True) == a_series(labelled=True)
    assert a_series() != a_series(labelled=True) and a_series() != a_series(dim=3)
    relabelled = a_series(labelled=True)
    relabelled.labels[0][0] += 1
    assert relabelled != a_series(labelled=True)
    assert a_series() != [*a_series()]


def test_repr():
    assert repr(a_series()) == "SnapshotSeries(times=4 in 0..5.19615, n=3..7, dim=2, velocities at 3 of 4)"
    assert repr(a_series((2, 2), labelled=True)).endswith("n=2, dim=2, velocities at 1 of 2, populations=2)")


def test_a_cloud_of_a_series_is_the_callers():
    x = np.arange(6.0).reshape(3, 2)
    series = SnapshotSeries([0.0, 1.0], [x, x + 1.0], [x, x])
    for cloud in (series[0], *series):
        cloud.positions[:] = cloud.velocities[:] = 7.0
        cloud.weights[:] = 0.0
    assert series == SnapshotSeries([0.0, 1.0], [x, x + 1.0], [x, x])


def test_known_growth_goes_where_the_rows_go():
    series = a_series(labelled=True)
    rates = [np.arange(n) / 10.0 for n in series.sizes]
    known = series.with_columns(growth=rates)
    assert known != series and known.with_columns(growth=None) == series and repr(known).endswith("growth known at 4)")
    for part in (known[1:], known.split(at=known.times[1])[1].with_columns(units={}), known.without_velocities()):
        k = len(known) - len(part)
        assert [g.tolist() for g in part.growth] == [g.tolist() for g in rates[k if len(part) < 4 else 0 :]][
            : len(part)
        ]
    assert [g.tolist() for g in known.standardise()[0].growth] == [g.tolist() for g in rates]
    apart = {label: known.population(label) for label in known.population_labels}
    together = SnapshotSeries.of_several(apart)
    for label in known.population_labels:
        assert together.population(label).growth[0].tolist() == apart[label].growth[0].tolist()
    apart[known.population_labels[0]] = apart[known.population_labels[0]].with_columns(growth=None)
    assert SnapshotSeries.of_several(apart).growth[0] is None  # nothing is known of some of them
    assert "growth" in known._repr_html_()


def test_rows_that_are_dropped_take_their_growth_along():
    x = np.arange(6.0).reshape(3, 2)
    x[1, 0] = np.nan
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        series = SnapshotSeries([0.0], [x], growth=[[0.1, np.nan, 0.3]])
    assert series.growth[0].tolist() == [0.1, 0.3]


@pytest.mark.parametrize(
    ("growth", "message"),
    [
        ([[0.0, 1.0]], "`growth` must hold 2 clouds, as there are times; got 1"),
        ([[0.0, 1.0], [0.0]], r"`growth\[1\]` must be an array of shape \(2,\), a rate for each row"),
        ([[0.0, np.nan], None], r"`growth\[0\]` must be finite; got NaN or infinity in 1 of 2 rows"),
        (0.5, "`growth` must be a list of 2 clouds"),
    ],
)
def test_growth_that_does_not_fit(growth, message):
    with pytest.raises(ParameterError, match=message):
        SnapshotSeries([0.0, 1.0], [np.eye(2), np.eye(2)], growth=growth)


def test_other_columns_are_checked_as_ever():
    with pytest.raises(TypeError, match="speeds"):
        a_series().with_columns(speeds=[])
