"""Arrays as strangers have them: each ends in the right result, or in an error that names the argument.

Whatever is given stays as it was, and nothing that wlmsim keeps shares its memory.
"""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import DataWarning, ParameterError, SimulationError

pandas = pytest.importorskip("pandas")
torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")

FEW, MANY = 25, 1000
"""Inputs for each verb, in every run and in the slow one."""


# --- what is given


@dataclass
class Given:
    """An array in some form, and what it says as float64."""

    form: Any
    values: np.ndarray
    name: str

    def unchanged(self) -> bool:
        return np.array_equal(np.asarray(self.plain(), dtype=float), self.values)

    def plain(self) -> Any:
        """Without the gradients that NumPy refuses."""
        return self.form.detach() if isinstance(self.form, torch.Tensor) else self.form

    def memory(self) -> np.ndarray:
        return np.asarray(self.plain())


def _mapped(x: np.ndarray) -> np.ndarray:
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, dtype=x.dtype, mode="w+", shape=x.shape)
    mapped[...] = x
    return mapped


def _read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


def _strided(x: np.ndarray) -> np.ndarray:
    return np.repeat(x, 2, axis=0)[::2]


DTYPES = ["f8", ">f8", "f4", ">f4", "f2", "g", "i1", "i4", ">i8", "u1", "u8", "?", "O"]
FORMS = {
    "array": np.array,
    "Fortran": np.asfortranarray,
    "read-only": _read_only,
    "strided": _strided,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "memory-mapped": _mapped,
    "list": lambda x: x.tolist(),
    "tuple of arrays": tuple,
    "masked": lambda x: np.ma.array(x, mask=False),
}
WITH_FLOATS = {
    "tensor": lambda x: torch.tensor(np.array(x)),
    "tensor with a gradient": lambda x: torch.tensor(np.array(x), requires_grad=True),
    "frame": lambda x: pandas.DataFrame(x),
    "list of tensors": lambda x: [torch.tensor(row) for row in np.array(x)],
}
SHAPES = {
    "scattered": lambda x: x,
    "duplicates": lambda x: x[np.arange(len(x)) // 2],
    "collinear": lambda x: x[:, :1] * np.linspace(1, 2, x.shape[1]),
    "constant": lambda x: np.broadcast_to(x[0], x.shape),
    "one apart": lambda x: np.where(np.arange(len(x))[:, None] == 0, x * 1e6, x),
}


@st.composite
def clouds(draw, n: int | None = None, dim: int | None = None) -> Given:
    n = n or draw(st.sampled_from([1, 2, 3, 7]), label="n")
    dim = dim or draw(st.sampled_from([1, 2, 3, 17, 200]), label="dim")
    rng = np.random.default_rng(draw(st.integers(0, 99), label="seed"))
    shape = draw(st.sampled_from(sorted(SHAPES)), label="shape")
    x = SHAPES[shape](rng.standard_normal((n, dim)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES), label="dtype"))
    if dtype.kind in "iu":
        x = np.abs(np.rint(10 * x)) % 100
    elif dtype.kind == "f" and dtype.itemsize == 2:
        x = np.clip(x, -1e4, 1e4)
    elif dtype.kind in "fO":
        x = draw(st.sampled_from([1.0, 1e-12, 1e12]), label="scale") * (
            x + draw(st.sampled_from([0.0, 1e6]), label="offset")
        )
    x = np.array(x).astype(dtype)
    forms = FORMS | (WITH_FLOATS if dtype.str in ("<f8", "<f4") else {})
    form = draw(st.sampled_from(sorted(forms)), label="form")
    made = forms[form](x)
    return Given(made, np.array(x, dtype=float), f"{dtype} {form}")


def _with(value: Any) -> np.ndarray:
    x = np.ones((3, 2), dtype=np.result_type(type(value), float))
    x[1, 0] = value
    return x


UNUSABLE = {
    "NaN": _with(np.nan),
    "infinity": _with(-np.inf),
    "infinity of half precision": _with(np.inf).astype(np.float16),
    "complex": _with(1j),
    "objects that are complex": _with(1j).astype(object),
    "no rows": np.ones((0, 2)),
    "no columns": np.ones((3, 0)),
    "a line": np.ones(3),
    "a number": 3.0,
    "four axes": np.ones((3, 2, 1, 1)),
    "nothing": None,
    "an empty list": [],
    "ragged": [[1.0, 2.0], [3.0]],
    "words": [["a", "b"], ["c", "d"]],
    "a word": "positions",
    "a function": len,
    "a mapping": {"x": [1.0]},
    "a set": {1.0, 2.0},
    "missing": [[1.0, None], [2.0, 3.0]],
    "larger than any float": [[10**400, 1]],
    "of long double, larger than any float": np.full((3, 2), np.longdouble("1e400")),
    "dates": np.full((3, 2), np.datetime64("2020-01-01")),
    "a structure": np.ones(3, dtype=[("x", "f8"), ("y", "f8")]),
    "all masked": np.ma.masked_all((3, 2)),
    "tensor with NaN": torch.full((3, 2), torch.nan),
    "frame of words": pandas.DataFrame({"x": ["a"], "y": ["b"]}),
}


def owned(result: np.ndarray, *given: Given) -> bool:
    """Whether an array is plain, and of nobody else."""
    plain = result.dtype == np.float64 and result.dtype.isnative and result.flags.writeable
    return plain and not any(np.may_share_memory(result, one.memory()) for one in given)


def checked(examples: int = FEW, **strategies: Any) -> Any:
    """A test of a few inputs, the same in each run."""
    options = settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    return lambda test: options(given(**strategies)(test))


# --- containers


def holds_a_population(data: st.DataObject) -> None:
    x = data.draw(clouds())
    v = data.draw(st.none() | clouds(*x.values.shape))
    w = data.draw(st.sampled_from([None, np.arange(1, 1 + len(x.values)), torch.ones(len(x.values))]))
    cloud = wls.Population(x.form, None if v is None else v.form, w)
    assert np.array_equal(cloud.positions, x.values) and owned(cloud.positions, x)
    assert v is None or (np.array_equal(cloud.velocities, v.values) and owned(cloud.velocities, v))
    assert cloud.weights.sum() == pytest.approx(1.0, rel=1e-14)
    cloud.positions[:] = 7.0
    assert x.unchanged() and (v is None or v.unchanged())


def holds_a_series(data: st.DataObject) -> None:
    dim = data.draw(st.sampled_from([1, 2, 200]))
    given = data.draw(st.lists(clouds(dim=dim), min_size=1, max_size=4))
    times = data.draw(st.sampled_from(TIMES))[: len(given)]
    series = wls.SnapshotSeries(times, [one.form for one in given])
    for k, (time, one) in enumerate(zip(series.times, given, strict=True)):
        assert np.array_equal(series[k].positions, one.values) and owned(series.positions[k], one)
        assert series.at(time) == series[k]
        assert not np.may_share_memory(series[k].positions, series.positions[k])
    if len(given) > 1:
        past, future = series.split(series.times[0])
        assert past[0] == series[0] and len(future) == len(given) - 1
        kept, held = series.hold_out(np.array([-1]))
        assert held[0] == series[-1] and len(kept) == len(given) - 1
        for part, whole in ((past[0], 0), (future[0], 1), (held[0], -1)):
            part.positions[:] = 7.0
            assert not np.may_share_memory(part.positions, series.positions[whole])
        for part in (past, kept):
            assert not np.may_share_memory(part.positions[0], series.positions[0])
    assert all(one.unchanged() for one in given)


def holds_frames(data: st.DataObject, kind: type) -> None:
    n, dim = data.draw(st.sampled_from([(1, 1), (3, 2), (2, 200)]))
    given = data.draw(st.lists(clouds(n, dim), min_size=2, max_size=3))
    frames = [one.form for one in given]
    if data.draw(st.booleans()):
        frames = np.stack([one.values for one in given])
    whole = Given(frames, np.stack([one.values for one in given]), "frames")
    times = np.array([0.0, 1.0, 3.0][: len(given)])
    result = kind(times, frames, velocities=frames)
    for mine in (result.positions, result.velocities):
        assert np.array_equal(mine, whole.values)
        assert all(owned(mine, one) for one in given)
    assert not np.may_share_memory(result.positions, result.velocities)
    assert not np.may_share_memory(result.times, times)
    for k, time in enumerate(times):
        cloud = result.at(time)
        assert np.array_equal(cloud.positions, whole.values[k])
        cloud.positions[:] = 7.0
    series = result.snapshots()
    assert sorted(series[1].positions.tolist()) == sorted(whole.values[1].tolist())  # who is who is forgotten
    assert not np.may_share_memory(series.positions[1], result.positions)
    assert np.array_equal(result.positions, whole.values) and all(one.unchanged() for one in given)


TIMES = [
    [0.0, 1.0, 2.0, 3.0],
    [-3, -1, 0, 7],
    [1e-300, 2e-300, 1e-299, 1.0],
    [0.0, 1e300, 2e300, 3e300],
    [-8e307, 0.0, 1e-12, 8e307],
    np.array([1.6e9, 1.6e9 + 1e-3, 1.6e9 + 2e-3, 1.7e9], dtype=">f8"),
    np.arange(4, dtype=np.uint8),
    torch.arange(4),
    pandas.Series([0.0, 0.5, 2.0, 4.0], index=[9, 8, 7, 6]),
]

NO_TIMES = {
    "unsorted": [1.0, 0.0, 2.0],
    "twice": [0.0, 1.0, 1.0],
    "NaN": [0.0, np.nan, 2.0],
    "infinite": [0.0, 1.0, np.inf],
    "none": [],
    "a table": [[0.0, 1.0, 2.0]],
    "complex": [0j, 1j, 2j],
    "nothing": None,
    "a function": len,
    "unsigned, unsorted": np.array([2, 1, 0], dtype=np.uint8),
    "twice, once in float64": [10**17, 10**17 + 1, 10**18],
    "larger than any float": [0, 1, 10**400],
}


@checked(data=st.data())
def test_population(data):
    holds_a_population(data)


@checked(data=st.data())
def test_snapshots(data):
    holds_a_series(data)


@pytest.mark.parametrize("kind", [wls.Trajectory, wls.Tracks])
@checked(data=st.data())
def test_frames(kind, data):
    holds_frames(data, kind)


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_cloud_is_refused_by_name(name):
    x, good = UNUSABLE[name], np.ones((3, 2))
    with pytest.raises(ParameterError, match=r"`positions`"):
        wls.Population(x)
    for side, pair in {"a": (x, good), "b": (good, x)}.items():
        for distance in (wls.transport.wasserstein1, wls.transport.sliced_wasserstein1, wls.transport.energy_distance):
            with pytest.raises(ParameterError, match=f"`{side}`"):
                distance(*pair)
    with pytest.raises(ParameterError, match=r"`positions"):
        wls.Trajectory([0.0, 1.0], [x, x])
    if x is not None:
        with pytest.raises(ParameterError, match=r"`velocities`"):
            wls.Population(good, x)
        if name != "a line":
            with pytest.raises(ParameterError, match=r"`weights`"):
                wls.Population(good, weights=x)
            with pytest.raises(ParameterError, match=r"`weights`"):
                wls.Trajectory([0.0, 1.0, 2.0], np.ones((3, 3, 2)), weights=x)
        with pytest.raises(ParameterError, match=r"`velocities`"):
            wls.Trajectory([0.0], good[None], x)
    # whatever may miss rows
    if name not in ("NaN", "missing", "tensor with NaN"):
        with pytest.raises(ParameterError, match=r"`positions"):
            wls.SnapshotSeries([0.0, 1.0], [good, x])
        with pytest.raises(ParameterError, match=r"`positions"):
            wls.Tracks([0.0, 1.0], [x, x])


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_columns_are_refused_by_name(name):
    """In the place of a list of clouds."""
    x, good = UNUSABLE[name], np.ones((3, 2))
    with pytest.raises(ParameterError, match=r"`positions"):
        wls.SnapshotSeries([0.0, 1.0, 2.0], x)
    if x is not None:
        for column in ("velocities", "weights", "populations"):
            with pytest.raises(ParameterError, match=f"`{column}"):
                wls.SnapshotSeries([0.0, 1.0, 2.0], [good] * 3, **{column: x})


@pytest.mark.parametrize("name", NO_TIMES)
def test_unusable_times_are_refused_by_name(name):
    times, x = NO_TIMES[name], np.ones((3, 4, 2))
    for kind in (wls.SnapshotSeries, wls.Trajectory, wls.Tracks):
        with pytest.raises(ParameterError, match=r"`times`"):
            kind(times, x)
    if name != "unsigned, unsorted":  # which run back from their start
        with pytest.raises(ParameterError, match=r"`times`"):
            wls.simulate(WELL, wls.Population(x[0]).at_rest(), times, dt=0.1)


def short(value: Any) -> str:
    return repr(value)[:20]


@pytest.mark.parametrize(
    "index", [[0.5], ["a"], [None], [np.nan], [3], [-4], [10**400], 0, None, "ab", [[0]], [True]], ids=short
)
def test_unusable_indices_are_refused_by_name(index):
    series = wls.SnapshotSeries([0.0, 1.0, 2.0], np.ones((3, 4, 2)))
    with pytest.raises(ParameterError, match=r"`indices`"):
        series.hold_out(index)


@pytest.mark.parametrize(
    "time", [0.5, np.nan, np.inf, "b", None, [0.0, 1.0], 1j, 10**400, np.ones((2, 2)), True, []], ids=short
)
def test_an_unusable_time_is_refused_by_name(time):
    frames = np.ones((3, 4, 2))
    for kind in (wls.SnapshotSeries, wls.Trajectory, wls.Tracks):
        with pytest.raises(ParameterError, match=r"`time`"):
            kind([0.0, 1.0, 2.0], frames).at(time)
    if isinstance(time, np.ndarray) or time != 0.5:
        for kind in (wls.SnapshotSeries, wls.Tracks):
            with pytest.raises(ParameterError, match=r"`at`"):
                kind([0.0, 1.0, 2.0], frames).split(time)


# --- verbs

WELL = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))


def oscillates(data: st.DataObject) -> None:
    """The exact solution is known at any scale, in any dimension."""
    x = data.draw(clouds())
    v = data.draw(clouds(*x.values.shape))
    start = wls.Population(x.form, v.form)
    before = start.positions.copy(), start.velocities.copy()
    run = wls.simulate(WELL, start, [0.0, 0.25, 0.5], dt=0.01)
    size = max(np.abs(x.values).max(), np.abs(v.values).max())
    for k, t in enumerate(run.times):
        exact = x.values * np.cos(t) + v.values * np.sin(t)
        assert np.abs(run.positions[k] - exact).max() <= 1e-5 * size
    assert np.array_equal(start.positions, before[0]) and np.array_equal(start.velocities, before[1])
    assert not np.may_share_memory(run.positions, start.positions) and x.unchanged() and v.unchanged()


def measures(data: st.DataObject) -> None:
    """Moved as a whole, a cloud is as far as it was moved; in another order it is where it was."""
    a = data.draw(clouds())
    x = a.values
    size = np.abs(x).max() or 1.0
    move = size * np.random.default_rng(1).standard_normal(x.shape[1])
    far, error = np.linalg.norm(move), 1e-12 * size * x.shape[1]
    for distance in (wls.transport.wasserstein1, wls.transport.wasserstein2):
        assert distance(a.form, x + move) == pytest.approx(far, abs=error, rel=1e-9)
        assert distance(x + move, a.form) == pytest.approx(far, abs=error, rel=1e-9)
        assert distance(a.form, x[::-1]) <= error
    assert wls.transport.sliced_wasserstein1(a.form, x[::-1]) <= error
    assert wls.transport.energy_distance(a.form, x[::-1]) <= np.sqrt(error)
    more = np.repeat(x, 2, axis=0)  # not of one size, so another solver
    assert wls.transport.wasserstein1(a.form, more[:-1] if len(x) > 1 else more) <= 2 * far + 4 * np.ptp(x, 0).sum()
    assert wls.transport.wasserstein1(a.form, more + move) == pytest.approx(far, abs=error, rel=1e-9)
    assert wls.transport.estimate_distance(a.form, x + move).value == pytest.approx(far, abs=error, rel=1e-9)
    assert a.unchanged()


def scores(data: st.DataObject) -> None:
    """A forecast that is the truth scores zero, persistence as far as the cloud went."""
    a = data.draw(clouds())
    x = a.values
    size = np.abs(x).max() or 1.0
    move = size * np.random.default_rng(1).standard_normal(x.shape[1])
    truth = wls.SnapshotSeries([1.0, 2.0], [x + move, x + 2 * move])
    start = wls.Population(a.form)
    found = wls.evaluation.score_forecast(list(truth), truth, start)
    assert np.abs(found.w1["WLM"]).max() == 0.0
    expected = np.linalg.norm(move) * np.array([1.0, 2.0])
    np.testing.assert_allclose(found.w1["persistence"], expected, rtol=1e-9, atol=1e-12 * size * x.shape[1])
    assert a.unchanged() and "WLM" in str(found)


@checked(data=st.data())
def test_simulate(data):
    oscillates(data)


@checked(data=st.data())
def test_distances(data):
    measures(data)


@checked(10, data=st.data())
def test_scores(data):
    scores(data)


@pytest.mark.slow
@pytest.mark.parametrize(
    "promise",
    [
        holds_a_population,
        holds_a_series,
        lambda data: holds_frames(data, wls.Trajectory),
        lambda data: holds_frames(data, wls.Tracks),
        oscillates,
        measures,
        scores,
    ],
    ids=["population", "series", "trajectory", "tracks", "simulate", "distances", "scores"],
)
def test_many(promise):
    checked(MANY, data=st.data())(promise)()


@checked(6, data=st.data())
def test_a_fit(data):
    """One step of a fit learns of whatever it is given, and forecasts something finite, or says why it cannot."""
    dim = data.draw(st.sampled_from([1, 2, 17]))
    given = data.draw(st.lists(clouds(dim=dim), min_size=3, max_size=3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        series = wls.SnapshotSeries([0.0, 1.0, 2.0], [one.form for one in given])
        before = series.positions[0].copy()
        try:
            model = quick(steps=1).fit(series)
            forecast = model.forecast(series, [2.5])
        except (ParameterError, SimulationError) as error:
            assert str(error)
        else:
            assert np.isfinite(forecast[0].positions).all() and forecast.dim == dim
    assert np.array_equal(series.positions[0], before) and all(one.unchanged() for one in given)


# --- what does not fit together


def test_as_many_predictions_as_observations():
    truth = wls.SnapshotSeries([1.0, 2.0], np.ones((2, 3, 2)))
    for count in (0, 1, 3):
        with pytest.raises(ParameterError, match="`predicted`"):
            wls.evaluation.score_forecast([truth[0]] * count, truth, truth[0])
    with pytest.raises(ParameterError, match="`scores`"):
        wls.evaluation.mean_scores([])


def test_rows_with_nan_are_set_aside_and_said():
    x = np.ones((4, 2))
    x[1, 0] = np.nan
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        series = wls.SnapshotSeries([0.0], [x])
    assert series.sizes == (3,) and np.isnan(x[1, 0])
