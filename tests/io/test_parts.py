"""Files that are read in parts give what they give when they are read whole, and take little memory."""

import csv
import gc
import tracemalloc
import warnings

import h5py
import numpy as np
import pytest

import wlmsim as wls
from wlmsim import io
from wlmsim.errors import DataWarning, FileFormatError, ParameterError
from wlmsim.io import stored_cells
from wlmsim.io import text as text_files
from wlmsim.io.reading import ParquetColumns, opened

PLAIN = "0,0.5,1.0\n0,1.5,2.0\n0,2.5,3.5\n1,3.5,4.0\n1,4.5,5.0\n1,5.5,6.0\n1,6.5,7.0\n"
"""Seven rows: with three rows a part, the second time begins with the second part, and the last has one row."""


def with_column(name, entries):
    header, *rows = ("time,x,y\n" + PLAIN).splitlines()
    return "\n".join([f"{header},{name}", *(f"{row},{e}" for row, e in zip(rows, entries, strict=True))]) + "\n"


TEXTS = {
    "a population across parts": with_column("population", "aabbbaa"),
    "whole labels": with_column("population", "1122211") + "1,7.5,NA,2\n",
    "labels that are words at the end": with_column("population", "112221c"),
    "labels with a zero before": with_column("population", ["1", "010", "10", "10", "010", "1", "c"]),
    "labels that differ in their last zero": with_column("population", ["1.1", "1.10"] * 3 + ["c"]),
    "missing values in one part": f"time,x,y\n{PLAIN}1,7.5,NA\n0,,nan\n",
    "missing labels in one part": with_column("population", ["1", "1", "1", "", "NA", "2", "2"]),
    "all missing in one part": f"time,x,y\n0,NA,NA\n0,NA,NA\n0,NA,NA\n{PLAIN}",
    "integers before floats": "time,x,y\n0,1,2\n0,3,4\n0,5,6\n1,7,8\n1,0.5,NA\n1,2.5,-0\n1,1e3,4\n",
    "a sentinel in the last part": f"time,x,y\n{PLAIN}1,-9999,-9999\n",
    "a sentinel beside words in the last part": with_column("ort", "aabbbaa") + "1,-9999,-9999,b\n",
    "dates": with_column("date", [f"2021-03-0{1 + (k > 2)}" for k in range(7)]),
    "dates as times": "time,x\n2021-03-01,0.5\n2021-03-01,1.5\n2021-03-01T12:00,2.5\n2021-03-02,3.5\n",
    "words as times": "time,x\nday 0,0.5\nday 0,1.5\nday 0,2.5\nday 3,3.5\nday 10,4.5\n",
    "units below the header": f"time,x,y\ndays,m,m\n{PLAIN}",
    "the names of rows": '"time","x"\n' + "".join(f'"{k}",{k // 4},{k}.5\n' for k in range(8)),
}


def loaded(path):
    """What is read, what is said of it and how it fails."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            series = wls.SnapshotSeries.load(path)
        except (ParameterError, FileFormatError) as error:
            return str(error)
    return series, series.metadata, series.units, [str(warning.message) for warning in said]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_text_in_parts_is_the_text(text, tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text(text)
    whole = loaded(path)
    assert not isinstance(whole, str)
    monkeypatch.setattr(text_files, "ROWS", 3)
    assert loaded(path) == whole


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_words_are_those_of_the_file(text, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "ROWS", 3)
    path = tmp_path / "a.csv"
    path.write_text(text)
    with warnings.catch_warnings(action="ignore"):
        table = text_files.text_columns(path)
    header, *rows = csv.reader(text.splitlines())
    rows = rows[rows[0][0] == "days" :]
    header = [""] * (len(rows[0]) - len(header)) + header
    assert list(table) == header
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        if table[name].dtype.kind == "U":  # as it is where not all of the file are numbers
            assert table[name].tolist() == list(column)
        else:
            assert table[name].tolist() == list(map(float, column))


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("1,7.5,north\n", r"`positions` must be numbers; a\.csv has 'north'"),
        ("1,7.5\n", "row 9 has 2 fields, and the header 3"),
        ('1,"7,5",NA\n', "has '7,5'; decimal=',' reads decimal commas"),
    ],
)
def test_what_is_wrong_at_the_end_is_said(last, message, tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "ROWS", 3)
    (tmp_path / "a.csv").write_text(f"time,x,y\n{PLAIN}{last}")
    with pytest.raises((ParameterError, FileFormatError), match=message):
        wls.SnapshotSeries.load(tmp_path / "a.csv")


def test_individuals_keep_their_names(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "ROWS", 3)
    rows = [f"{name},2021-03-0{day},{day}.5,{day}" for name in ("1.1", "1.10", "007", "7") for day in (1, 2)]
    (tmp_path / "a.csv").write_text("\n".join(["id,timestamp,x,y", *rows]) + "\n")
    assert set(wls.Tracks.load(tmp_path / "a.csv").ids) == {"1.1", "1.10", "007", "7"}


def test_decimal_commas_in_parts(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("time;x;y\n" + PLAIN.replace(",", ";").replace(".", ","))
    whole = wls.SnapshotSeries.load(tmp_path / "a.csv", decimal=",")
    monkeypatch.setattr(text_files, "ROWS", 3)
    assert wls.SnapshotSeries.load(tmp_path / "a.csv", decimal=",") == whole


# --- tables


@pytest.fixture
def frame():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    return pandas.DataFrame(
        {
            "time": pandas.to_datetime(["2021-03-01"] * 3 + ["2021-03-02"] * 4, utc=True).tz_convert("Europe/Berlin"),
            "x": [0.5, None, 2.5, 3.5, 4.5, 5.5, 6.5],
            "y": pandas.array([1, 2, 3, 4, None, 6, 7], dtype="Int64"),
            "population": pandas.Categorical(list("abacbaa")),
            "kind": list("uuvvvvw"),
        },
        index=list("opqrstu"),
    )


def test_parquet_in_groups_of_rows_is_the_frame(frame, tmp_path):
    frame.attrs = {"units": {"length": "km"}}
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=2)
    with pytest.warns(DataWarning, match="dropped 2 rows"):
        expected = wls.SnapshotSeries.from_dataframe(frame)
    with pytest.warns(DataWarning, match="dropped 2 rows"):
        series = wls.SnapshotSeries.load(tmp_path / "a.parquet")
    assert series == expected and series.metadata == expected.metadata and series.units == expected.units
    assert series.metadata["population_names"] == ["a", "b", "c"] and series.units["length"] == "km"
    with opened(tmp_path / "a.parquet") as file:
        assert list(file.columns) == list(frame.columns)
        for name in ("x", "kind", "population"):
            assert file.columns[name].tolist()[2:] == frame[name].to_numpy().tolist()[2:]
            assert file.columns[name].dtype == frame[name].to_numpy().dtype


def test_of_parquet_only_what_is_used_is_read(frame, tmp_path, monkeypatch):
    frame.assign(time=[0, 0, 0, 1, 1, 1, 1]).to_parquet(tmp_path / "a.parquet")
    read, whole = [], ParquetColumns._column
    monkeypatch.setattr(ParquetColumns, "_column", lambda self, name: [read.append(name), whole(self, name)][1])
    with pytest.warns(DataWarning):
        wls.SnapshotSeries.load(tmp_path / "a.parquet", positions=["y"])
    assert sorted(read) == ["population", "time", "y"]


# --- annotated matrices


@pytest.fixture
def cells():
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    sparse = pytest.importorskip("scipy.sparse")
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.5, (7, 5)).astype(np.float32)
    rows = {"day": np.repeat([0, 2], (3, 4)), "batch": pandas.Categorical(list("uuvvuuv")), "note": list("abcdefg")}
    return anndata.AnnData(
        sparse.csr_matrix(counts),
        obs=pandas.DataFrame(rows, index=[f"cell{k}" for k in range(7)]),
        obsm={"X_pca": rng.normal(size=(7, 3)).astype(np.float32)},
        varm={"PCs": rng.normal(size=(5, 3))},
        layers={"dense": counts, "rows": sparse.csr_matrix(counts), "columns": sparse.csc_matrix(counts)},
    )


READINGS = [
    {},
    {"positions": "X_pca", "dims": 2, "populations": "batch"},
    {"positions": "X", "dims": 3},
    {"positions": "rows", "velocities": "columns"},
    {"positions": "dense"},
    {"positions": "X_pca", "velocities": "rows"},
    {"positions": "X_pca", "velocities": "dense"},
]


@pytest.mark.parametrize("columns", READINGS, ids=str)
@pytest.mark.parametrize("old", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_stored_cells_are_the_cells(cells, columns, old, tmp_path, monkeypatch):
    io.write_cells(cells, tmp_path / "a.h5ad")
    if old:  # before anndata 0.8 a file did not say what it is
        with h5py.File(tmp_path / "a.h5ad", "a") as file:
            del file.attrs["encoding-type"], file.attrs["encoding-version"]
    monkeypatch.setattr("wlmsim.io.columns.PART", 10)
    expected = wls.SnapshotSeries.from_anndata(cells, **columns)
    series = wls.SnapshotSeries.load(tmp_path / "a.h5ad", **columns)
    assert series == expected and series.metadata == expected.metadata


def test_of_stored_cells_only_what_is_used_is_read(cells, tmp_path, monkeypatch):
    io.write_cells(cells, tmp_path / "a.h5ad")
    read, whole = [], stored_cells._element
    monkeypatch.setattr(stored_cells, "_element", lambda stored: [read.append(stored.name), whole(stored)][1])
    with pytest.warns(DataWarning, match="times are those of obs"):
        wls.SnapshotSeries.load(tmp_path / "a.h5ad")
    assert sorted(read) == ["/X", "/obs/day", "/obsm/X_pca"]


# --- memory


KINDS = {"csv": 2.6, "dates.csv": 3.2, "npz": 2.6, "parquet": 2.6, "h5ad": 2.6, "h5": 1.6}
"""What is taken at most while a file is read, in sizes of what is kept of it."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_reading_takes_twice_the_memory_of_the_data(kind, tmp_path, monkeypatch):
    """As NumPy and Python take it, in parts that are small beside it; benchmarks/scale_load.py has the process's."""
    for package in {"parquet": ["pyarrow", "pandas"], "h5ad": ["anndata"]}.get(kind, []):
        pytest.importorskip(package)
    monkeypatch.setattr(text_files, "ROWS", 200)
    monkeypatch.setattr(text_files, "BELOW", 200)
    rng = np.random.default_rng(0)
    clouds, paces = ([rng.standard_normal((1000, 10)).round(6) for _ in range(5)] for _ in range(2))
    about = {"units": {"time": "day"}, "metadata": {"first_date": "2021-03-01"}} if kind == "dates.csv" else {}
    wls.SnapshotSeries(np.arange(5.0), clouds, paces, **about).save(tmp_path / f"a.{kind}")
    wls.SnapshotSeries.load(tmp_path / f"a.{kind}")
    gc.collect()
    tracemalloc.start()
    try:
        series = wls.SnapshotSeries.load(tmp_path / f"a.{kind}")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    kept = sum(part.nbytes for parts in (series.positions, series.velocities, series.weights) for part in parts)
    assert most < KINDS[kind] * kept
