"""Other formats in and out: what goes out comes back, and what cannot be read says what is there."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wlmsim as wls
from wlmsim import SnapshotSeries, Trajectory, io
from wlmsim.errors import DataWarning, FileFormatError, MissingPackageError, ParameterError

ABOUT = {"metadata": {"seed": 7, "nested": [1, None, {"a": 2.5}]}, "units": {"length": "km", "time": "day"}}


def a_series(sizes=(5, 3, 7, 4), dim=2, *, weighted=True, labelled=True, velocities=True, seed=0) -> SnapshotSeries:
    """Unequal sizes, irregular times; velocities unknown at the second time."""
    rng = np.random.default_rng(seed)
    return SnapshotSeries(
        np.arange(len(sizes)) ** 1.5 + 0.1,
        [rng.normal(size=(n, dim)) for n in sizes],
        [None if k == 1 else rng.normal(size=(n, dim)) for k, n in enumerate(sizes)] if velocities else None,
        [rng.uniform(1, 2, n) for n in sizes] if weighted else None,
        [rng.integers(-1, 3, n) for n in sizes] if labelled else None,
        **ABOUT,
    )


def through_dataframe(series, folder):
    pytest.importorskip("pandas")
    return SnapshotSeries.from_dataframe(series.to_dataframe())


def through_xarray(series, folder):
    pytest.importorskip("xarray")
    return SnapshotSeries.from_xarray(series.to_xarray())


def through_anndata(series, folder):
    pytest.importorskip("anndata")
    return SnapshotSeries.from_anndata(series.to_anndata())


def through_h5ad(series, folder):
    pytest.importorskip("anndata")
    series.to_anndata("X_pca").write_h5ad(folder / "cells.h5ad")
    return SnapshotSeries.load(folder / "cells.h5ad")


def through_netcdf(series, folder):
    pytest.importorskip("h5netcdf")
    series.to_xarray().to_netcdf(folder / "series.nc")
    return SnapshotSeries.load(folder / "series.nc")


def through_text(series, folder):
    return SnapshotSeries.load(io.save_text(series, folder / "rows.csv"))


def through_archive(series, folder):
    return SnapshotSeries.load(io.save_archive(series, folder / "rows.npz"))


WITH_ALL = [through_dataframe, through_xarray, through_anndata, through_h5ad, through_netcdf]
WAYS = [*WITH_ALL, through_text, through_archive]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_round_trips_to_the_bit(way, dim, tmp_path):
    for options in ({}, {"weighted": False, "labelled": False}, {"velocities": False, "labelled": False}):
        series = a_series(dim=dim, **options)
        back = way(series, tmp_path)
        assert back == series
        if way in WITH_ALL:
            assert back.metadata == ABOUT["metadata"] and back.units == ABOUT["units"]


@settings(max_examples=10)
@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=4), dim=st.integers(1, 12), seed=st.integers(0, 99))
def test_any_series_goes_through_columns(sizes, dim, seed):
    series = a_series(sizes, dim, seed=seed)
    columns = io.columns.columns_from_series(series)
    assert io.series_from_columns(columns, "it") == series
    assert io.series_from_columns(io.columns.split_axes(columns), "it") == series


def test_known_growth_goes_out_and_comes_back_where_it_is_named(tmp_path):
    series = a_series()
    known = series.with_columns(growth=[None if k == 1 else np.linspace(-1, 1, n) for k, n in enumerate(series.sizes)])
    for suffix in (".csv", ".npz", ".parquet", ".nc", ".h5ad"):
        if suffix in (".parquet", ".nc", ".h5ad"):
            pytest.importorskip({".parquet": "pyarrow", ".nc": "h5netcdf", ".h5ad": "anndata"}[suffix])
        path = known.save(tmp_path / f"series{suffix}")
        assert SnapshotSeries.load(path, growth="growth_prior") == known
        assert SnapshotSeries.load(path) == series
    with pytest.raises(
        ParameterError, match=r"`growth` must name one of .* got 'growth_prio' \(did you mean 'growth_pr"
    ):
        SnapshotSeries.load(tmp_path / "series.csv", growth="growth_prio")
    with pytest.raises(ParameterError, match="`growth` must be a name; got"):
        SnapshotSeries.load(tmp_path / "series.csv", growth=["a", "b"])


# --- columns by name


COLUMNS = {"time": [1.0, 0.0, 1.0], "x": [1.0, 2.0, 3.0], "y": [4.0, 5.0, 6.0], "vx": [0.1, 0.2, 0.3]}


def test_rows_are_sorted_by_time_and_keep_their_order():
    series = io.series_from_columns(COLUMNS, "it")
    assert series.times.tolist() == [0, 1]
    assert [x.tolist() for x in series.positions] == [[[2, 5]], [[1, 4], [3, 6]]]
    assert series.velocities == [None, None], "vx without vy are no velocities"


def test_names_are_given_in_many_ways():
    columns = {"day": [0, 0, 2], "pc_2": [4, 5, 6], "pc_1": [1, 2, 3], "pc_10": [7, 8, 9], "drift": [1, 1, 1]}
    columns |= {"batch": ["b", "a", "b"], "share": [1, 3, 1], "pcx": [0, 0, 0]}
    named = {"time": "day", "weights": "share", "populations": "batch"}
    series = io.series_from_columns(columns, "it", positions="pc", **named)
    assert series.positions[0].tolist() == [[1, 4, 7], [2, 5, 8]]
    assert series.weights[0].tolist() == [0.25, 0.75]
    assert [labels.tolist() for labels in series.labels] == [[1, 0], [1]]
    assert series.metadata["population_names"] == ["a", "b"]
    two = io.series_from_columns(columns, "it", positions=["pcx", "pc_1"], velocities=["drift", "drift"], **named)
    assert two.positions[1].tolist() == [[0, 3]] and two.velocities[1].tolist() == [[1, 1]]
    assert io.series_from_columns(columns, "it", positions="pc", dims=2, **named).dim == 2


def test_numbered_coordinates_are_found():
    columns = {"time": [0, 1], "x1": [1, 2], "x2": [3, 4], "vx1": [5, 6], "vx2": [7, 8]}
    series = io.series_from_columns(columns, "it")
    assert series.positions[1].tolist() == [[2, 4]] and series.velocities[1].tolist() == [[6, 8]]


@pytest.mark.parametrize("x, v", [("x1 x2", "v1 v2"), ("x_1 x_2", "v_1 v_2")])
def test_velocities_have_the_numbers_of_the_coordinates(x, v):
    columns = {"time": [0, 1], **{name: [k, k + 2] for k, name in enumerate([*x.split(), *v.split()])}}
    series = io.series_from_columns(columns, "it")
    assert series.positions[1].tolist() == [[2, 3]] and series.velocities[1].tolist() == [[4, 5]]
    del columns[v.split()[1]]
    assert io.series_from_columns(columns, "it").velocities == [None, None]


def test_bodies_side_by_side_are_not_read_by_half_without_a_word():
    columns = {"time": [0, 1], "x1": [1, 2], "y1": [3, 4], "x2": [5, 6], "y2": [7, 8]}
    with pytest.warns(DataWarning, match="the positions are 'x1' to 'x2', without 'y1' to 'y2'"):
        assert io.series_from_columns(columns, "it").dim == 2
    assert io.series_from_columns(columns, "it", positions=["x1", "y1", "x2", "y2"]).dim == 4


@pytest.mark.parametrize(
    "names", [("PC_1", "PC_2"), ("pc2", "pc1", "umap1", "umap2"), ("marker 1", "marker 2", "n"), ("y1", "y2")]
)
def test_numbered_columns_are_taken_with_a_word(names):
    table = {"time": [0.0, 1.0], **{name: [float(k), 2.0] for k, name in enumerate(names)}}
    chosen = sorted(names[:2])
    with pytest.warns(DataWarning, match=f"the positions are '{chosen[0]}' to '{chosen[1]}'"):
        series = io.series_from_columns(table, "cells.csv")
    np.testing.assert_array_equal(series[0].positions[0], [table[name][0] for name in chosen])


@pytest.mark.parametrize(
    "names", [("arr_0", "arr_1"), ("a1", "a2", "b1", "b2"), ("a1", "b1"), ("lon", "lat", "a1", "a2")]
)
def test_numbered_columns_that_may_be_anything_are_not(names):
    with pytest.raises(ParameterError, match="`positions` must say which"):
        io.series_from_columns({"time": [0.0, 1.0], **{name: [1.0, 2.0] for name in names}}, "cells.csv")


def test_words_stand_for_times():
    columns = {"stage": ["late", "early", "late"], "x": [1, 2, 3]}
    series = io.series_from_columns(columns, "it", time="stage", time_values={"early": 0.5, "late": 2.0, "never": 9.0})
    assert series.times.tolist() == [0.5, 2.0] and series.sizes == (1, 2)


def test_frames_of_particles():
    x = np.arange(12.0).reshape(2, 3, 2)
    series = io.series_from_columns({"positions": x, "velocities": -x, "time": [0.5, 2.0], "weight": [1, 1, 2]}, "it")
    assert series.times.tolist() == [0.5, 2.0]
    np.testing.assert_array_equal(series.velocities, -x)
    assert series.weights[1].tolist() == [0.25, 0.25, 0.5]
    assert io.series_from_columns({"positions": x}, "it").times.tolist() == [0, 1]


def test_velocities_that_are_all_nan_at_a_time_are_unknown_there():
    columns = {"time": [0, 0, 1], "x": [1, 2, 3], "vx": [np.nan, np.nan, 5.0]}
    series = io.series_from_columns(columns, "it")
    assert series.velocities[0] is None and series.velocities[1].tolist() == [[5]]
    columns["vx"] = [np.nan, 1.0, 5.0]
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        assert io.series_from_columns(columns, "it").sizes == (1, 1)


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        ({"day": [0], "x": [1]}, {}, r"`time` must say which of the columns of it \('day', 'x'\) holds the times"),
        ({"time": [0], "a": [1]}, {}, r"`positions` must say which of the columns of it \('time', 'a'\) hold them"),
        (COLUMNS, {"time": "day"}, r"`time` must name one of the columns of it \('time', 'x', 'y', 'vx'\); got 'day'"),
        (COLUMNS, {"positions": ["x", "q"]}, r"`positions` must name one of the columns.*; got 'q'"),
        (COLUMNS, {"positions": "pc"}, r"`positions` must name one of the columns.*; got 'pc'"),
        (COLUMNS, {"velocities": "u"}, r"`velocities` must name one of.*; got 'u'"),
        (COLUMNS, {"velocities": "vx"}, r"`velocities` must have the shape of the positions, \(3, 2\)"),
        (COLUMNS, {"weights": "mass"}, r"`weights` must name one of.*; got 'mass'"),
        (COLUMNS, {"populations": "batch"}, r"`populations` must name one of.*; got 'batch'"),
        (COLUMNS, {"dims": 3}, r"`dims` must be at most 2, as 'x', 'y' of it has; got 3"),
        ({**COLUMNS, "time": ["day 1", "", "2"]}, {}, r"`time` must be numbers; it has 'day 1'; time_values=\{...\}"),
        ({**COLUMNS, "time": [0, 1, np.nan]}, {}, "`time` must be finite; got NaN or infinity in 1 of 3 rows"),
        ({**COLUMNS, "time": [0, 1]}, {}, "`time` must be a column of 3 rows"),
        ({**COLUMNS, "y": [1, 2]}, {}, "`positions` must name columns of equal length"),
        ({**COLUMNS, "y": ["a", 2, 3]}, {}, "`positions` must be numbers; it has 'a'"),
        ({**COLUMNS, "y": np.array([0, 1, 1], "M8[D]")}, {}, "`positions` must be numbers, not dates"),
        (COLUMNS, {"time_values": {0.0: 1}}, "`time_values` must be a mapping that has 1.0"),
        ({"positions": np.zeros((2, 3, 2)), "time": [0.0]}, {}, "`time` must be a column of 2 times"),
        ({"positions": np.zeros((1, 2, 3, 2))}, {}, r"`positions` must be of shape \(N, d\) or \(T, n, d\)"),
    ],
)
def test_errors_list_what_there_is(columns, names, message):
    with pytest.raises(ParameterError, match=message):
        io.series_from_columns(columns, "it", **names)


def test_long_lists_are_cut():
    with pytest.raises(ParameterError, match=r"'gene39', ... \(160 more\)"):
        io.series_from_columns({f"gene{k}": [0.0] for k in range(200)}, "it")


# --- text


def test_text_of_several_habits(tmp_path):
    path = tmp_path / "a.txt"
    for separator in ",;\t":
        path.write_text("\ufefftime, x ,kind\n0,1.5,a b\n\n1,,c\n1,2e-3,c\n".replace(",", separator), encoding="utf-8")
        with pytest.warns(DataWarning, match="dropped 1 rows with NaN"):
            series = SnapshotSeries.load(path)
        assert [x.tolist() for x in series.positions] == [[[1.5]], [[0.002]]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "it is empty"),
        (b"time,x\n", "it has no rows below its header"),
        (b"time,x\n0,1\n0,1,2\n", "row 3 has 3 fields, and the header 2"),
        (b"time,x,x\n0,1,2\n", r"its header repeats a name \(time, x, x\)"),
        (b"\xff\xfe\x00\x01", "it is not a text file of columns"),
    ],
)
def test_text_that_cannot_be_used(tmp_path, text, message):
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(FileFormatError, match=f"a.csv: {message}"):
        SnapshotSeries.load(tmp_path / "a.csv")


def test_text_is_read_back_to_the_bit_with_tabs(tmp_path):
    series = a_series()
    path = io.save_text(series, tmp_path / "a.tsv")
    assert (
        path.read_text().startswith("time\tx\ty\tvx\tvy\tweight\tpopulation\n") and SnapshotSeries.load(path) == series
    )


# --- archives and foreign HDF5


def test_archives(tmp_path):
    x = np.random.default_rng(0).normal(size=(6, 2))
    np.savez(tmp_path / "a.npz", pcs=x, sample_labels=np.array([0, 1, 0, 1, 2, 2], np.int8))
    series = SnapshotSeries.load(tmp_path / "a.npz", time="sample_labels", positions="pcs", stop=1)
    assert series.times.tolist() == [0, 1] and np.array_equal(series.positions[1], x[[1, 3]])
    with pytest.raises(ParameterError, match=r"the columns of a\.npz \('pcs', 'sample_labels'\)"):
        SnapshotSeries.load(tmp_path / "a.npz")


def test_archives_that_cannot_be_used(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, positions=np.array([[1, None]], dtype=object), time=[0.0])
    with pytest.raises(FileFormatError, match=r"a\.npz: it is not a sound archive of plain arrays"):
        SnapshotSeries.load(path)
    for content in (b"", b"PK", b"nonsense"):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"a\.npz: it is not a sound archive"):
            SnapshotSeries.load(path)
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(FileFormatError, match="one array without a name"):
        SnapshotSeries.load(path)
    with pytest.raises(FileNotFoundError):
        SnapshotSeries.load(tmp_path / "none.npz")


def test_foreign_hdf5(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file["run/state/x"] = np.arange(8.0).reshape(4, 2)
        file["run/when"] = [0, 0, 3, 3]
        file["run/kind"] = ["b", "a", "a", "b"]
    series = SnapshotSeries.load(path, time="run/when", positions="run/state/x", populations="run/kind")
    assert series.times.tolist() == [0, 3] and series.positions[1].tolist() == [[4, 5], [6, 7]]
    assert series.labels[0].tolist() == [1, 0] and series.metadata["population_names"] == ["a", "b"]
    with pytest.raises(ParameterError, match=r"foreign\.h5 \('run/kind', 'run/state/x', 'run/when'\)"):
        SnapshotSeries.load(path, time="run/when", positions="x")
    with pytest.raises(FileFormatError, match="not one of wlmsim"):
        SnapshotSeries.load(path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(FileFormatError, match="truncated"):
        SnapshotSeries.load(path, time="run/when", positions="run/state/x")


def test_own_files_take_no_names(tmp_path):
    path = a_series().save(tmp_path / "a.h5")
    with pytest.raises(ParameterError, match="is a file of wlmsim: it is read without naming columns"):
        SnapshotSeries.load(path, dims=1)


@pytest.mark.parametrize("name", ["a.csv", "a.npz", "a.h5", "a.nc", "a.h5ad"])
def test_a_misspelt_argument_is_no_damage(tmp_path, name):
    with pytest.raises(TypeError, match=r"load\(\) got an unexpected keyword argument 'tiem'"):
        SnapshotSeries.load(tmp_path / name, tiem="day")


def test_windows_of_time(tmp_path):
    path = io.save_text(a_series(), tmp_path / "a.csv")
    assert SnapshotSeries.load(path, start=0.5, stop=4.0) == a_series()[1:3]
    with pytest.raises(ParameterError, match="`start` and `stop` must enclose at least one"):
        SnapshotSeries.load(path, start=100.0)


# --- AnnData


@pytest.fixture
def cells(tmp_path):
    """Six cells of four genes, as single-cell tools keep them: sparse counts, embeddings, velocities, categories."""
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(0)
    rows = {"day": pandas.Categorical([f"day {d}" for d in (0, 3, 0, 3, 3, 6)]), "hours": [0, 72, 0, 72, 72, 144]}
    rows["batch"] = pandas.Categorical(["u", "v", "v", "u", "u", "v"])
    return anndata.AnnData(
        X=sparse.csr_matrix(rng.poisson(1.0, (6, 4)).astype(np.float32)),
        obs=pandas.DataFrame(rows, index=[f"cell{k}" for k in range(6)]),
        obsm={name: rng.normal(size=(6, d)) for name, d in (("X_pca", 3), ("X_umap", 2), ("velocity_umap", 2))},
        layers={"velocity": rng.normal(size=(6, 4)), "Ms": sparse.csr_matrix(rng.normal(size=(6, 4)))},
    )


@pytest.mark.parametrize("backed", [False, True])
def test_cells_in_an_embedding(cells, tmp_path, backed):
    if backed:
        cells.write_h5ad(tmp_path / "cells.h5ad")

    def read(**columns):
        path = tmp_path / "cells.h5ad"
        return SnapshotSeries.load(path, **columns) if backed else SnapshotSeries.from_anndata(cells, **columns)

    series = read(time="hours", positions="X_umap", populations="batch", units={"time": "h"})
    assert series.times.tolist() == [0, 72, 144] and series.sizes == (2, 3, 1) and series.units == {"time": "h"}
    np.testing.assert_array_equal(series.positions[1], cells.obsm["X_umap"][[1, 3, 4]])
    np.testing.assert_array_equal(series.velocities[1], cells.obsm["velocity_umap"][[1, 3, 4]])
    assert series.labels[0].tolist() == [0, 1] and series.metadata["population_names"] == ["u", "v"]
    days = read(time="day", time_values={"day 0": 0, "day 3": 3, "day 6": 6}, positions="X_pca", dims=2)
    assert days.times.tolist() == [0, 3, 6] and days.dim == 2 and days.velocities == [None] * 3
    genes = read(time="hours", positions="X", velocities="velocity")
    np.testing.assert_array_equal(genes.positions[0], cells.X.toarray()[[0, 2]])
    np.testing.assert_array_equal(genes.velocities[2], cells.layers["velocity"][[5]])
    np.testing.assert_array_equal(read(time="hours", positions="Ms").positions[2], cells.layers["Ms"].toarray()[[5]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, r"`time` must say which of the columns of the AnnData object \('day', 'hours', 'batch', .*'X_pca'"),
        ({"positions": "X_pca"}, "`time` must say which"),
        ({"positions": "X_pca", "time": "batch"}, r"`time` must be numbers; the AnnData object has 'u'; time_values"),
        ({"positions": "X_pca", "time": "age"}, "`time` must name one of .*'hours'.*; got 'age'"),
        (
            {"positions": "X_pca", "velocities": "velocity"},
            r"shape of the positions, \(6, 3\); 'velocity' of .*\(6, 4\)",
        ),
    ],
)
def test_cells_that_are_not_there(cells, columns, message):
    with pytest.raises(ParameterError, match=message) as caught:
        SnapshotSeries.from_anndata(cells, **columns)
    if "velocities" in columns:
        assert "have to be projected first" in str(caught.value)


def test_names_of_embeddings(tmp_path):
    pytest.importorskip("anndata")
    data = a_series().to_anndata("X_state")
    assert set(data.obsm) == {"X_state", "velocity_state"} and list(data.obs) == ["time", "weight", "population"]
    with pytest.raises(ParameterError, match="`positions` must be a name that begins with 'X_'; got 'pca'"):
        a_series().to_anndata("pca")


def test_a_file_that_is_no_h5ad(tmp_path):
    pytest.importorskip("anndata")
    (tmp_path / "a.h5ad").write_text("text")
    with pytest.raises(FileFormatError, match=r"a\.h5ad: it is not an HDF5 file"):
        SnapshotSeries.load(tmp_path / "a.h5ad")
    io.save_snapshots(a_series(), tmp_path / "b.h5")
    (tmp_path / "b.h5").rename(tmp_path / "b.h5ad")
    with pytest.raises(FileFormatError, match=r"b\.h5ad: anndata cannot read it"):
        SnapshotSeries.load(tmp_path / "b.h5ad")


def test_cells_are_written_as_they_are(tmp_path):
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    cells = anndata.AnnData(
        np.arange(12.0).reshape(4, 3), obs=pandas.DataFrame({"day": list("aabb")}, index=list("wxyz"))
    )
    again = io.read_cells(io.write_cells(cells, tmp_path / "a.h5ad"))
    assert again.obs["day"].tolist() == list("aabb") and again.raw is None
    np.testing.assert_array_equal(again.X, cells.X)


# --- data frames and datasets


def test_a_data_frame_of_another_shape():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"t": [0, 0, 1], "lon": [1.0, 2.0, np.nan], "lat": [3.0, 4.0, 5.0]}, index=["a", "b", "c"])
    frame = frame.query("lon == lon")
    series = SnapshotSeries.from_dataframe(frame, time="t", positions=["lon", "lat"], units={"length": "degree"})
    assert series.positions[0].tolist() == [[1, 3], [2, 4]] and series.units == {"length": "degree"}


def test_a_dense_dataset():
    xarray = pytest.importorskip("xarray")
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    dataset = xarray.Dataset({"place": (("time", "bird", "axis"), x)}, {"time": [0.0, 0.5, 2.0]})
    series = SnapshotSeries.from_xarray(dataset, positions="place")
    np.testing.assert_array_equal(series.positions, x)
    assert series.times.tolist() == [0, 0.5, 2]


# --- drifters


def drifters(layout: str):
    """Three drifters near the date line, every six hours; the second starts later and misses a fix."""
    xarray = pytest.importorskip("xarray")
    start = np.datetime64("2020-03-01T00:00", "ns")
    times = start + np.arange(5) * np.timedelta64(6, "h")
    present = np.array([[1, 1, 1, 1, 1], [0, 1, 0, 1, 1], [1, 1, 0, 0, 0]], dtype=bool)
    lon = np.array([179.5, -179.75, 179.0])[:, None] + 0.1 * np.arange(5)
    lat = np.array([10.0, 10.5, 9.5])[:, None] - 0.05 * np.arange(5)
    lon = (lon + 180) % 360 - 180
    fields = {"time": np.broadcast_to(times, (3, 5)), "longitude": lon, "latitude": lat}
    fields |= {"ve": np.full((3, 5), 0.5), "vn": np.full((3, 5), -0.25)}
    about = {
        "time": {"standard_name": "time"},
        "longitude": {"standard_name": "longitude", "units": "degrees_east"},
        "latitude": {"standard_name": "latitude", "units": "degrees_north"},
        "ve": {"standard_name": "eastward_sea_water_velocity", "units": "m/s"},
        "vn": {"standard_name": "northward_sea_water_velocity", "units": "m/s"},
    }
    names = ("traj", np.array(["a", "b", "c"]), {"cf_role": "trajectory_id"})
    whole = {"featureType": "trajectory", "Conventions": "CF-1.8"}
    if layout == "full":
        lost = {k: np.where(present, v, np.datetime64("NaT") if k == "time" else np.nan) for k, v in fields.items()}
        data = {name: (("traj", "obs"), values, about[name]) for name, values in lost.items()}
        return xarray.Dataset(data | {"drifter": names}, attrs=whole)
    data = {name: ("obs", values[present], about[name]) for name, values in fields.items()}
    if layout == "contiguous":
        data["rowsize"] = ("traj", present.sum(axis=1), {"sample_dimension": "obs"})
    elif layout == "indexed":
        order = np.argsort(data["time"][1], kind="stable")
        owner = np.nonzero(present)[0][order]
        data = {name: ("obs", values[order], attributes) for name, (_, values, attributes) in data.items()}
        data["owner"] = ("obs", owner, {"instance_dimension": "traj"})
    return xarray.Dataset(data | {"drifter": names}, attrs=whole)


@pytest.mark.parametrize("layout", ["contiguous", "indexed", "full"])
@pytest.mark.parametrize("engine", [None, "h5netcdf", "scipy"])
def test_drifters_of_all_layouts(layout, engine, tmp_path):
    source = drifters(layout)
    if engine is not None:
        pytest.importorskip(engine)
        source.to_netcdf(tmp_path / "drifters.nc", engine=engine)
        source = tmp_path / "drifters.nc"
    tracks = io.load_drifters(source, origin=(180.0, 10.0))
    assert tracks.units == {"length": "km", "time": "day"} and tracks.times.tolist() == [0, 0.25, 0.5, 0.75, 1.0]
    assert tracks.seen.T.tolist() == [[True] * 5, [False, True, False, True, True], [True, True, False, False, False]]
    earth = pyproj.Geod(ellps="WGS84")
    for k, i, place in ((0, 0, (179.5, 10.0)), (4, 1, (-179.35, 10.3))):
        azimuth, _, metres = earth.inv(180.0, 10.0, *place)  # the plane keeps directions and distances from its middle
        direction = [np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))]
        np.testing.assert_allclose(tracks.positions[k, i], metres / 1e3 * np.array(direction), atol=1e-6)
    speed = np.linalg.norm(tracks.velocities[tracks.seen], axis=1)
    np.testing.assert_allclose(speed, np.hypot(43.2, 21.6), rtol=1e-4)
    np.testing.assert_allclose(tracks.velocities[tracks.seen], np.tile([43.2, -21.6], (10, 1)), rtol=0.01)
    assert tracks.ids == ("a", "b", "c") and tracks.metadata["projection"].startswith("+proj=aeqd +lat_0=10 +lon_0=180")
    assert tracks.metadata["first_date"].startswith("2020-03-01T00:00")
    if engine is not None:
        series = SnapshotSeries.load(source, origin=(180.0, 10.0))
        assert series == tracks.snapshots() and series.sizes == (2, 3, 1, 2, 2)
        assert series.metadata["source"] == str(source)


def test_drifters_on_common_times():
    tracks = io.load_drifters(drifters("contiguous"), times=[0.125, 0.5, 1.0], max_gap=0.3)
    assert tracks.seen.tolist() == [[True, False, True], [True, False, False], [True, True, False]]
    exact = io.load_drifters(drifters("contiguous"))
    np.testing.assert_allclose(tracks.positions[0, 0], exact.positions[:2, 0].mean(axis=0))
    np.testing.assert_array_equal(tracks.positions[2, :2], exact.positions[4, :2])
    bridged = io.load_drifters(drifters("contiguous"), times=np.array(["2020-03-01T12:00"], "M8[ns]"))
    np.testing.assert_allclose(bridged.positions[0, 1], exact.positions[[1, 3], 1].mean(axis=0))
    assert not bridged.seen[0, 2]


def test_the_middle_of_the_data_is_the_origin():
    tracks = io.load_drifters(drifters("full"), velocities=False)
    longitude = float(re.search(r"lon_0=(\S+)", tracks.metadata["projection"])[1])
    assert tracks.velocities is None and abs(abs(longitude) - 180) < 1
    assert np.abs(np.nanmean(tracks.positions, axis=(0, 1))).max() < 15


def test_drifters_that_report_in_turn_ask_for_common_times():
    dataset = drifters("contiguous")
    seconds = np.arange(10).astype("m8[s]").astype("m8[ns]")
    dataset["time"] = ("obs", dataset["time"].values + seconds, {"standard_name": "time"})
    with pytest.warns(DataWarning, match=r"only one of the 3 individuals is observed; every='6 h'"):
        io.load_drifters(dataset)


def lacking(dataset, *names, **attributes):
    dataset = dataset.drop_vars(names)
    for name, about in attributes.items():
        dataset[name].attrs = about
    return dataset


@pytest.mark.parametrize(
    ("change", "options", "error", "message"),
    [
        (
            lambda d: lacking(d, "longitude"),
            {},
            ParameterError,
            "`positions` must name the longitude and latitude among",
        ),
        (lambda d: lacking(d, "time"), {}, FileFormatError, "none of its variables is the time"),
        (lambda d: lacking(d, "rowsize"), {}, FileFormatError, "does not say which drifter an observation is of"),
        (lambda d: lacking(d, ve={"units": "knots"}), {}, ParameterError, "'ve' has the unit 'knots'"),
        (
            lambda d: d,
            {"positions": ["longitude", "north"]},
            ParameterError,
            "`positions` must name two of the variables",
        ),
        (lambda d: d, {"velocities": "ve"}, ParameterError, "`velocities` must name two of"),
        (lambda d: d, {"origin": [0.0]}, ParameterError, "`origin` must be a longitude and a latitude"),
        (lambda d: d, {"max_gap": -1, "times": [0.0]}, ParameterError, "`max_gap` must be a finite number > 0"),
        (lambda d: d.assign(rowsize=d.rowsize + 1), {}, FileFormatError, "rowsize adds up to 13, and there are 10"),
        (
            lambda d: d.assign(time=d.time[0].broadcast_like(d.time)),
            {},
            FileFormatError,
            "two observations at one time",
        ),
        (lambda d: d.assign(latitude=d.latitude * np.nan), {}, FileFormatError, "it has no observation"),
    ],
)
def test_drifters_that_cannot_be_read(change, options, error, message):
    dataset = change(drifters("contiguous"))
    for name in ("rowsize",):
        if name in dataset:
            dataset[name].attrs["sample_dimension"] = "obs"
    with pytest.raises(error, match=message):
        io.load_drifters(dataset, **options)


def test_a_file_that_is_no_netcdf(tmp_path):
    pytest.importorskip("xarray")
    (tmp_path / "a.nc").write_text("text")
    with pytest.raises(FileFormatError, match=r"a\.nc: it is not a NetCDF file"):
        SnapshotSeries.load(tmp_path / "a.nc")
    with pytest.raises(FileNotFoundError):
        SnapshotSeries.load(tmp_path / "none.nc")


# --- VTK and MDAnalysis


def a_trajectory(dim=3, **about) -> Trajectory:
    rng = np.random.default_rng(1)
    x, v = rng.normal(size=(2, 4, 5, dim))
    return Trajectory(np.arange(4) ** 1.5, x, v, rng.uniform(1, 2, 5), **about)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_vtk_series_are_read_back(dim, tmp_path):
    import pyvista as pv

    for name, data in (("flight", a_trajectory(dim)), ("clouds", a_series((2, 3, 4, 1, *[1] * 8), dim))):
        path = io.save_vtk(data, tmp_path / f"{name}.pvd")
        reader = pv.get_reader(path)
        assert reader.time_values == data.times.tolist()
        for k, time in enumerate(data.times):
            reader.set_active_time_value(time)
            points = reader.read()[0]
            np.testing.assert_allclose(points.points[:, :dim], data[k].positions, rtol=1e-15)
            assert not points.points[:, dim:].any() and points.n_verts == len(data[k])
            np.testing.assert_allclose(points["weight"], data[k].weights)
            v = np.full_like(data[k].positions, np.nan) if data[k].velocities is None else data[k].velocities
            np.testing.assert_allclose(points["velocity"][:, :dim], v)
            np.testing.assert_allclose(points["speed"], np.linalg.norm(v, axis=1))
            labels = np.arange(5) if name == "flight" else data.labels[k]
            np.testing.assert_array_equal(points["particle" if name == "flight" else "population"], labels)


def test_vtk_refusals(tmp_path):
    with pytest.raises(ParameterError, match="`data` must have at most 3 dimensions for VTK; it has 4"):
        io.save_vtk(a_trajectory(4), tmp_path / "a.pvd")
    with pytest.raises(ParameterError, match=r"`path` must be a name that ends in \.pvd"):
        io.save_vtk(a_trajectory(), tmp_path / "a.vtp")
    with pytest.raises(ParameterError, match="`data` must be a Trajectory or SnapshotSeries"):
        io.save_vtk(a_trajectory()[0], tmp_path / "a.pvd")
    assert list(tmp_path.iterdir()) == []


def in_mdanalysis(path, n, **options):
    mda = pytest.importorskip("MDAnalysis")
    universe = mda.Universe.empty(n, trajectory=False)
    universe.load_new(str(path), **options)
    return [(step.time, step.positions.copy(), step.velocities.copy()) for step in universe.trajectory]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_mdanalysis_reads_what_is_exported_as_it_is(dim, tmp_path):
    flight = a_trajectory(dim, units={"length": "px", "time": "frame"})
    path = io.save_h5md(flight, tmp_path / "flight.h5md")
    frames = in_mdanalysis(path, 5, convert_units=False)
    assert len(frames) == 4
    for k, (time, x, v) in enumerate(frames):
        assert time == flight.times[k]
        np.testing.assert_allclose(x[:, :dim], flight.positions[k], rtol=1e-6)  # it keeps float32
        np.testing.assert_allclose(v[:, :dim], flight.velocities[k], rtol=1e-6)
        assert not x[:, dim:].any() and not v[:, dim:].any()
    back = Trajectory.load(path)
    np.testing.assert_array_equal(back.positions[..., : back.metadata["dim"]], flight.positions)
    assert back.metadata["dim"] == dim and back.units == {}


@pytest.mark.parametrize(
    ("length", "time", "angstrom", "picoseconds"),
    [("nm", "ps", 10, 1), ("Angstrom", "fs", 1, 1e-3), ("nm", "ns", 10, 1e3), ("pm", "ps", 0.01, 1)],
)
def test_mdanalysis_converts_the_units_that_it_knows(length, time, angstrom, picoseconds, tmp_path):
    flight = a_trajectory(2, units={"length": length, "time": time})
    frames = in_mdanalysis(io.save_h5md(flight, tmp_path / "flight.h5md"), 5)
    for k, (when, x, v) in enumerate(frames):
        assert when == pytest.approx(flight.times[k] * picoseconds)
        np.testing.assert_allclose(x[:, :2], flight.positions[k] * angstrom, rtol=1e-5)
        np.testing.assert_allclose(v[:, :2], flight.velocities[k] * angstrom / picoseconds, rtol=1e-5)


def test_mdanalysis_reads_own_files_in_three_dimensions(tmp_path):
    flight = a_trajectory(3)
    frames = in_mdanalysis(flight.save(tmp_path / "flight.h5"), 5, format="H5MD", convert_units=False)
    np.testing.assert_allclose(frames[2][1], flight.positions[2], rtol=1e-6)


def test_export_refuses_more_dimensions(tmp_path):
    with pytest.raises(ParameterError, match="`trajectory` must have at most 3 dimensions; it has 4"):
        io.save_h5md(a_trajectory(4), tmp_path / "a.h5md")


def test_export_goes_by_the_suffix(tmp_path):
    flight = a_trajectory(2)
    for suffix in io.writing.WRITERS:
        if suffix in (".h5ad", ".nc"):
            pytest.importorskip({".h5ad": "anndata", ".nc": "h5netcdf"}[suffix])
        path = io.export(flight, tmp_path / f"flight{suffix}")
        assert path.is_file()
        if suffix not in (".pvd", ".h5md"):
            np.testing.assert_array_equal(SnapshotSeries.load(path).positions, flight.positions)
    with pytest.raises(ParameterError, match=r"`path` must be a name that ends in \.h5, \.csv.*'a\.xyz'"):
        io.export(flight, "a.xyz")
    with pytest.raises(ParameterError, match=r"`data` must be a Trajectory for \.h5md"):
        io.export(a_series(), tmp_path / "a.h5md")


# --- packages


@pytest.mark.parametrize(
    ("package", "extra", "use"),
    [
        ("pandas", "pandas", lambda folder: a_series().to_dataframe()),
        ("xarray", "xarray", lambda folder: a_series().to_xarray()),
        ("xarray", "xarray", lambda folder: io.load_drifters(folder / "a.nc")),
        ("anndata", "anndata", lambda folder: a_series().to_anndata()),
        ("anndata", "anndata", lambda folder: SnapshotSeries.load(folder / "a.h5ad")),
    ],
)
def test_a_missing_package_is_named_with_its_extra(package, extra, use, tmp_path, monkeypatch):
    original = io.optional.import_module

    def missing(name):
        if name == package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name)

    monkeypatch.setattr(io.optional, "import_module", missing)
    with pytest.raises(MissingPackageError) as caught:
        use(tmp_path)
    assert str(caught.value) == f"this needs the package {package}: pip install 'wlmsim[{extra}]'"
    assert isinstance(caught.value, ImportError)


def test_a_broken_package_is_not_called_missing(monkeypatch):
    def broken(name):
        raise ModuleNotFoundError("No module named 'dateutil'", name="dateutil")

    monkeypatch.setattr(io.optional, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="dateutil"):
        io.optional.package("pandas", "pandas")


def test_none_of_them_is_imported_before_it_is_used():
    script = "import sys, wlmsim.io, wlmsim.datasets, wlmsim.data.tracks, wlmsim.data.standardisation\n"
    script += "heavy = {'pandas', 'xarray', 'anndata', 'MDAnalysis', 'pyvista', 'torch'} & set(sys.modules)\n"
    script += "assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True)


# --- what a file has


def test_outlines(tmp_path):
    io.save_archive(a_series((2, 3)), tmp_path / "a.npz")
    about = io.outline(tmp_path / "a.npz")
    assert ".npz" in io.FOREIGN and io.read_snapshots(tmp_path / "a.npz") == a_series((2, 3))
    assert about["kind"] == "columns" and about["bytes"] == (tmp_path / "a.npz").stat().st_size
    assert about["columns"]["positions"] == "float64 (5, 2)" and about["columns"]["population"] == "int64 (5,)"


class TestATrajectory:
    @pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".nc"])
    def test_is_read_back_by_the_name_that_wrote_it(self, tmp_path, suffix):
        pytest.importorskip("pyarrow" if suffix == ".parquet" else "xarray")
        x = np.random.default_rng(0).normal(size=(4, 3, 2))
        flight = Trajectory([0.0, 0.5, 1.0, 1.5], x, x + 1.0, ids=["a", "b", "c"])
        path = flight.save(tmp_path / f"flight{suffix}")
        back = Trajectory.load(path)
        np.testing.assert_allclose(back.positions, x, rtol=1e-12)
        np.testing.assert_allclose(back.velocities, x + 1.0, rtol=1e-12)
        assert back.ids == flight.ids
        assert io.read_trajectory(path, start=0.5, stop=1.0).times.tolist() == [0.5, 1.0]

    @pytest.mark.parametrize("name", ["flight.gif", "flight.png", "flight.html", "flight.tiff", "flight.webm"])
    def test_is_not_written_under_the_name_of_a_picture(self, tmp_path, name):
        flight = Trajectory([0.0, 1.0], np.zeros((2, 1, 2)))
        with pytest.raises(ParameterError, match=r"wls\.visual\.film"):
            flight.save(tmp_path / name)
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", ["flight.zip", "flight.h5.gz", "flight.h5.xz", "flight.tar"])
    def test_is_not_written_under_the_name_of_what_is_compressed(self, tmp_path, name):
        """It was an HDF5 file that no other program would unpack."""
        flight = Trajectory([0.0, 1.0], np.zeros((2, 1, 2)))
        with pytest.raises(ParameterError, match="does not write"):
            flight.save(tmp_path / name)
        assert not list(tmp_path.iterdir())
        (tmp_path / name).write_bytes(b"0")
        with pytest.raises(FileFormatError, match="unpack it first"):
            Trajectory.load(tmp_path / name)

    @pytest.mark.parametrize("name", ["flight.csv", "flight.gif", "flight.nc"])
    def test_is_not_streamed_under_the_name_of_another_format(self, tmp_path, name):
        """It was an HDF5 file called a table, which nothing reads."""
        still = wls.Population(np.zeros((3, 2)), np.zeros((3, 2)))
        with pytest.raises(ParameterError, match=r"ends in \.h5.*got"):
            wls.simulate(wls.Lagrangian(), still, [0.0, 1.0], dt=0.5, save=tmp_path / name)
        assert not list(tmp_path.iterdir())


ROWS = "0,1.0,3.0\n0,1.5,3.5\n1,2.0,3.0\n1,2.5,3.5\n"


class TestTextOfColleagues:
    """Tables that are slightly off, as instruments, servers and spreadsheets write them."""

    def read(self, tmp_path, text, encoding="utf-8", **columns):
        path = tmp_path / "a.csv"
        path.write_bytes(text.encode(encoding))
        return SnapshotSeries.load(path, **columns)

    @pytest.fixture
    def plain(self, tmp_path):
        return self.read(tmp_path, f"time,x,y\n{ROWS}")

    @pytest.mark.parametrize(
        "above",
        [
            "# of the second cruise\n\n# by hand\ntime,x,y\n",
            "% of the second cruise, leg 1\ntime,x,y\n",
            "# time,x,y\n",  # as numpy.savetxt writes it
            "# of the second cruise\n#time,x,y\n",
        ],
    )
    def test_comments_above_the_header(self, tmp_path, plain, above):
        assert self.read(tmp_path, above + ROWS) == plain
        named = self.read(tmp_path, above.replace("y\n", "y,who\n") + ROWS.replace("\n", ",Ada\n"))
        assert named == plain

    def test_a_comment_that_is_no_header(self, tmp_path):
        with (
            pytest.warns(DataWarning, match="it has no header, and its columns are called '1' to '3'"),
            pytest.raises(ParameterError, match=r"`positions` must say which of the columns.*'1', '2', '3'"),
        ):
            self.read(tmp_path, f"# by hand\n{ROWS}")

    def test_numbers_without_a_header(self, tmp_path, plain):
        """As numpy.savetxt writes them by default."""
        with pytest.warns(DataWarning, match="it has no header"):
            assert self.read(tmp_path, ROWS, time="1", positions=["2", "3"]) == plain
        named = "0,1,2\n" + ROWS  # as pandas names an array
        assert self.read(tmp_path, named, time="0", positions=["1", "2"]) == plain

    @pytest.mark.parametrize(
        "above",
        [
            "Sheep, spring and autumn\nby Ada\n\n",
            "Operator;Ada\nRate;100\n\n",
            '"Sheep"\n',
            "Sheep,by Ada,\n",  # as spreadsheets fill up a line
            "// Sheep\n",
            "! by Ada\n! in May\n",
        ],
    )
    def test_prose_above_the_header(self, tmp_path, plain, above):
        with pytest.warns(DataWarning, match="its header is taken to be 'time,x,y', and what is above left out"):
            assert self.read(tmp_path, f"{above}time,x,y\n{ROWS}") == plain
        with pytest.raises(FileFormatError, match="row 6 has 2 fields, and the header 3"):
            self.read(tmp_path, f"time,x,y\n{ROWS}NA,NA\nNA,NA\n")  # which is no header with rows below it

    @pytest.mark.parametrize(
        "text",
        [
            "sep=,\ntime,x,y\n" + ROWS,  # Excel's
            "time,x,y,,\n" + ROWS.replace("\n", ",,\n") + ",,,,\n",
            "time,x,y\n" + ROWS.replace("\n", ",\n"),
            f"time,x,y\n{ROWS}# end\n",
            ("time,x,y\n" + ROWS).replace(",", "|"),
            "Time,X,Y\n" + ROWS,
            "T,POSITION_X,POSITION_Y\n" + ROWS,
            "frame,x_pos,y_pos\n" + ROWS,
            "# t,x,y\n" + ROWS,
            "time\tx\ty\n" + ROWS.replace(",", "\t").replace("2.0", "0.2D+01"),
        ],
    )
    def test_what_needs_no_word(self, tmp_path, plain, text):
        with warnings.catch_warnings(action="error"):
            assert self.read(tmp_path, text) == plain

    def test_headers_of_files_that_were_joined(self, tmp_path, plain):
        with pytest.warns(DataWarning, match="its header stands 1 more times"):
            assert self.read(tmp_path, "time,x,y\n" + ROWS.replace("\n1,2.0", "\ntime,x,y\n1,2.0")) == plain

    @pytest.mark.parametrize("names", ["v_x,v_y", "VX,VY", "velocity_x,velocity_y", "x velocity,y velocity"])
    def test_velocities_are_found(self, tmp_path, names):
        """They were left out without a word."""
        found = self.read(tmp_path, f"t,X,Y,{names}\n0,1,3,5,6\n1,2,3,7,8\n")
        assert [v.tolist() for v in found.velocities] == [[[5.0, 6.0]], [[7.0, 8.0]]]

    def test_an_own_name_goes_before_a_usual_one(self, tmp_path, plain):
        text = "frame,time,x,y\n" + "".join(f"7,{row}\n" for row in ROWS.split())
        assert self.read(tmp_path, text) == plain

    @pytest.mark.parametrize(
        "word", ["-", "--", ".", "?", "none", "<NA>", "#DIV/0!", "#VALUE!", "1.#QNAN", "missing", " ", "NaT"]
    )
    def test_words_for_what_is_not_known(self, tmp_path, plain, word):
        with pytest.warns(DataWarning, match="dropped 1 rows with NaN"):
            assert self.read(tmp_path, f"time,x,y\n{ROWS}1,{word},{word}\n") == plain
        with pytest.raises(ParameterError, match="has 'lost'; what is not known is left empty, or written NA"):
            self.read(tmp_path, f"time,x,y\n{ROWS}1,lost,1\n")

    def test_decimal_commas(self, tmp_path, plain):
        text = f"time,x,y\n{ROWS}".replace(",", ";").replace(".", ",")
        with pytest.warns(DataWarning, match="its numbers have decimal commas"):
            assert self.read(tmp_path, text) == plain
        with pytest.raises(ParameterError, match="has '1,0'; decimal=',' reads decimal commas"):
            self.read(tmp_path, text, decimal=".")
        with pytest.raises(ParameterError, match="has '1,500'"):
            self.read(tmp_path, "time;x\n0;1,500\n1;2,500\n")  # may be thousands

    @pytest.mark.parametrize(
        ("text", "decimal"),
        [
            ("time;x\n0;1,304.5\n1;12.25\n", None),
            ("time;x\n0;1'304.5\n1;12.25\n", None),
            ("time;x\n0;1 304.5\n1;12.25\n", None),
            ('time,x\n0,"1,304.5"\n1,12.25\n', None),
            ("time;x\n0;1.304,5\n1;12,25\n", None),
            ("time;x\n0;1.304,500\n1;12,250\n", ","),
        ],
    )
    @pytest.mark.filterwarnings("ignore:.*decimal commas")
    def test_marks_between_thousands(self, tmp_path, text, decimal):
        assert [x.item() for x in self.read(tmp_path, text, decimal=decimal).positions] == [1304.5, 12.25]

    def test_dates_that_are_not_read_say_how(self, tmp_path):
        with pytest.raises(ParameterError, match=r"has '31\.12\.2021'; dates are read as ISO 8601 writes them"):
            self.read(tmp_path, "time,x,y\n31.12.2021,1,2\n1.1.2022,1,2\n")

    @pytest.mark.parametrize("suffix", [".csv.gz", ".csv.bz2", ".txt.xz", ".csv.zip", ".dat", ".asc"])
    def test_of_any_name(self, tmp_path, plain, suffix):
        text, path = f"time,x,y\n{ROWS}".encode(), tmp_path / f"a{suffix}"
        pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
        if path.suffix == ".zip":
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("a.csv", text)
                archive.writestr("__MACOSX/._a.csv", b"")
        else:
            path.write_bytes(pack(text))
        assert SnapshotSeries.load(path) == plain
        with pytest.raises(ParameterError, match="wlmsim does not write"):
            plain.save(path)

    def test_what_is_called_text_and_is_none(self, tmp_path, plain):
        with pytest.raises(FileFormatError, match="it begins as gzip files do, which its suffix should say"):
            (tmp_path / "a.csv").write_bytes(gzip.compress(b"time,x\n"))
            SnapshotSeries.load(tmp_path / "a.csv")
        with zipfile.ZipFile(tmp_path / "b.csv.zip", "w") as archive:
            archive.writestr("a.csv", "time,x\n0,1\n")
            archive.writestr("b.csv", "time,x\n0,1\n")
        with pytest.raises(FileFormatError, match="it holds 2 files, of which one must be unpacked first"):
            SnapshotSeries.load(tmp_path / "b.csv.zip")
        (tmp_path / "table").write_text("time,x\n0,1\n")
        with pytest.raises(FileFormatError, match=r"it is not an HDF5 file; tables are read by the names \.csv"):
            SnapshotSeries.load(tmp_path / "table")

    def test_units_below_the_header(self, tmp_path, plain):
        """As of ERDDAP."""
        with pytest.warns(DataWarning, match="'days', 'm', 'm', is taken for units"):
            found = self.read(tmp_path, f"time,x,y\ndays,m,m\n{ROWS}")
        assert found == plain and found.units == {"time": "day", "length": "m"}
        with pytest.raises(ParameterError, match=r"`positions` must be numbers; .* has 'm'"):
            self.read(tmp_path, f"time,x,y\n0,m,3\n{ROWS}")
        missing = self.read(tmp_path, f"time,x,y\n0,NA,NA\n{ROWS}")
        assert missing.sizes == plain.sizes

    def test_units_in_the_header(self, tmp_path, plain):
        with warnings.catch_warnings(action="error"):
            found = self.read(tmp_path, f"time [s],x [m],y (m)\n{ROWS}")
        assert found == plain and found.units == {"time": "s", "length": "m"}
        with pytest.warns(DataWarning, match=r"read 'x \(left\)' as x, without what stands in brackets"):
            assert self.read(tmp_path, f"time,x (left),y\n{ROWS}").units == {}
        named = self.read(tmp_path, f"t [s],east [m],y (m)\n{ROWS}", time="t [s]", positions=["east [m]", "y"])
        assert named == plain  # as they stand in the file
        with pytest.raises(ParameterError, match="there is no x, x1 or positions"):
            self.read(tmp_path, f"time [s],x [m],x [km]\n{ROWS}")  # would be one name

    @pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig"])
    def test_encodings_of_spreadsheets(self, tmp_path, plain, encoding):
        text = f"time,x,y,ort\n{ROWS}".replace("5\n", "5,Köln\n").replace("0\n", "0,Köln\n")
        if encoding == "latin-1":
            with pytest.warns(DataWarning, match="is read as Latin-1"):
                assert self.read(tmp_path, text, encoding) == plain
        else:
            assert self.read(tmp_path, text, encoding) == plain

    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
    def test_text_of_wide_letters_without_their_mark(self, tmp_path, plain, encoding):
        """Every other letter of which was a zero."""
        text = f"# Фауна\ntime,x,y,ort\n{ROWS}".replace("5\n", "5,Köln\n").replace("0\n", "0,Köln\n")
        with pytest.warns(DataWarning, match=f"has no mark of its encoding, and is read as {encoding.upper()}") as told:
            assert self.read(tmp_path, text, encoding) == plain
        assert len(told) == 1
        with warnings.catch_warnings(action="error"):
            marked = "\ufeff# Фауна, по-русски, длинная строка\ntime,x,y\n" + ROWS
            assert self.read(tmp_path, marked, encoding) == plain

    @pytest.mark.parametrize("data", [b"\0\1\2,x\n0,1\n", b"t\0i,\0\n\n0,1\n", bytes(100) + b"\n\n"])
    def test_zeros_are_no_text(self, tmp_path, data):
        (tmp_path / "a.csv").write_bytes(data)
        with pytest.raises(FileFormatError, match=r"it has zero bytes, .* read once it is saved as UTF-8"):
            SnapshotSeries.load(tmp_path / "a.csv")

    @pytest.mark.parametrize("number", ["-9999", "-999999", "1e+35"])
    def test_numbers_that_stand_for_what_is_not_known(self, tmp_path, plain, number):
        with pytest.warns(DataWarning, match=f"{re.escape(number)} stands for what is not known in 1 rows"):
            found = self.read(tmp_path, f"time,x,y\n{ROWS}1,{number},{number}\n")
        assert found == plain

    def test_such_a_number_in_all_coordinates_is_no_place(self, tmp_path, plain):
        with pytest.warns(
            DataWarning, match=r"-999 stands for what is not known in 1 rows.*in all coordinates at once"
        ):
            found = self.read(tmp_path, f"time,x,y\n{ROWS}1,2e3,-1e3\n1,-999,-999\n")
        assert found.sizes == (2, 3)

    def test_such_numbers_among_others_are_data(self, tmp_path):
        found = self.read(tmp_path, "time,x,y\n0,-9000,1\n0,-9999,2\n1,-9500,3\n")
        assert found[0].positions[1].tolist() == [-9999.0, 2.0]

    def test_velocities_of_oceanographers_are_left_out_with_a_word(self, tmp_path):
        text = "time,x,y,u,v\n0,1,3,1,0\n1,2,3,1,0\n"
        with pytest.warns(DataWarning, match="'u', 'v' may be velocities"):
            assert self.read(tmp_path, text)[0].velocities is None
        assert self.read(tmp_path, text, velocities=["u", "v"])[0].velocities.tolist() == [[1.0, 0.0]]
