"""What strangers bring: tables of other programs, files in use, labels of any kind, arrays that go on changing."""

import gzip
import subprocess
import sys

import numpy as np
import pytest

import wlmsim as wls
from wlmsim import _progress, io
from wlmsim.errors import DataWarning, FileFormatError, ParameterError

# --- text of other programs


def load(tmp_path, text, name="a.csv", **options):
    (tmp_path / name).write_text(text)
    return wls.SnapshotSeries.load(tmp_path / name, **options)


@pytest.mark.parametrize("missing", ["NA", "", "nan", "NaN", "NULL", "N/A", "#N/A", "None"])
def test_missing_values_as_anybody_writes_them(missing, tmp_path):
    with pytest.warns(DataWarning, match="dropped 1 rows"):
        series = load(tmp_path, f"time,x,y\n0,0.1,1\n0,{missing},{missing}\n1,0.2,1.1\n")
    assert [x.tolist() for x in series.positions] == [[[0.1, 1.0]], [[0.2, 1.1]]]


def test_decimal_commas(tmp_path):
    text = '"time";"x";"y"\n0;0,1;1,0\n1;-0,2;1,1e1\n'
    with pytest.raises(ParameterError, match=r"a\.csv has '0,1'; decimal=',' reads decimal commas"):
        load(tmp_path, text, decimal=".")
    series = load(tmp_path, text, decimal=",")
    assert [x.tolist() for x in series.positions] == [[[0.1, 1.0]], [[-0.2, 11.0]]]
    with pytest.raises(ParameterError, match="`decimal` must be one of"):
        load(tmp_path, text, decimal=";")
    with pytest.raises(ParameterError, match="`decimal` is for text files"):
        wls.SnapshotSeries.load(tmp_path / "a.npz", decimal=",")


@pytest.mark.parametrize(
    "text",
    [
        '"time" "x" "y"\n"1" 0 0.1 1\n"2" 1 0.2 1.1\n',
        '"","time","x","y"\n"1",0,0.1,1\n"2",1,0.2,1.1\n',
        "time\tx\ty\n1\t0\t0.1\t1\n2\t1\t0.2\t1.1\n",
        "  time    x    y\n     0  0.1    1\n     1  0.2  1.1\n",
    ],
    ids=["write.table", "write.csv", "write.table with tabs", "aligned"],
)
def test_tables_of_r(text, tmp_path):
    series = load(tmp_path, text, "a.txt")
    assert series.times.tolist() == [0, 1] and [x.tolist() for x in series.positions] == [[[0.1, 1.0]], [[0.2, 1.1]]]


def test_tables_of_movebank(tmp_path):
    text = (
        "timestamp,location-long,location-lat,individual-local-identifier\n"
        "2015-09-10 07:00:00.000,15.7,-22.3,a\n2015-09-10 07:05:00.000,15.71,-22.31,a\n"
    )
    columns = {"time": "timestamp", "positions": ["location-long", "location-lat"]}
    series = load(tmp_path, text, **columns, units={"time": "min"})
    assert series.times.tolist() == [0, 5] and series.units == {"time": "min", "length": "degree"}
    assert series.metadata["first_date"] == "2015-09-10T07:00:00"


def test_compressed_text(tmp_path):
    with gzip.open(tmp_path / "a.csv.gz", "wt") as stream:
        stream.write("time,x\n0,1.5\n1,2.5\n")
    assert wls.SnapshotSeries.load(tmp_path / "a.csv.gz").positions[1].tolist() == [[2.5]]
    assert list(io.outline(tmp_path / "a.csv.gz")["columns"]) == ["time", "x"]
    (tmp_path / "b.csv.gz").write_text("time,x\n0,1\n")
    with pytest.raises(FileFormatError, match=r"b\.csv\.gz: it is not a text file"):
        wls.SnapshotSeries.load(tmp_path / "b.csv.gz")


def test_single_arrays(tmp_path):
    frames = np.random.default_rng(0).normal(size=(4, 3, 2))
    np.save(tmp_path / "a.npy", frames)
    series = wls.SnapshotSeries.load(tmp_path / "a.npy")
    assert np.array_equal(series.positions, frames) and series.times.tolist() == [0, 1, 2, 3]
    rows = np.array([(0.0, 1.5), (1.0, 2.5)], dtype=[("time", float), ("x", float)])
    np.save(tmp_path / "b.npy", rows)
    assert wls.SnapshotSeries.load(tmp_path / "b.npy").positions[1].tolist() == [[2.5]]
    np.save(tmp_path / "c.npy", frames[0])
    with pytest.raises(FileFormatError, match=r"np\.savez\(path, time=\.\.\., positions=\.\.\.\) names"):
        wls.SnapshotSeries.load(tmp_path / "c.npy")


@pytest.mark.parametrize(
    ("suffix", "reader"), [(".dta", "read_stata"), (".xlsx", "read_excel"), (".feather", "read_feather")]
)
def test_files_that_pandas_reads(suffix, reader, tmp_path):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"PAR1")
    for read in (wls.SnapshotSeries.load, io.outline):
        with pytest.raises(FileFormatError, match=rf"from_dataframe\(pandas\.{reader}\(path\)\) does"):
            read(path)
    assert io.is_foreign(path)


# --- NetCDF and AnnData


def test_what_load_drifters_reads_load_reads(tmp_path):
    xarray, _ = pytest.importorskip("xarray"), pytest.importorskip("h5netcdf")
    time = np.datetime64("2020-01-01", "ns") + np.arange(6) * np.timedelta64(1, "h")
    lon = np.linspace(4, 5, 5)[:, None] + 0.01 * np.arange(6)
    shape = ("trajectory", "obs")
    variables = {
        "time": (shape, np.tile(time, (5, 1)), {"standard_name": "time"}),
        "lat": (shape, 60 + 0 * lon, {"standard_name": "latitude", "units": "degrees_north"}),
        "lon": (shape, lon, {"standard_name": "longitude", "units": "degrees_east"}),
    }
    names = {"trajectory": ("trajectory", np.arange(5), {"cf_role": "trajectory_id"})}
    for attributes in ({"feature_type": "trajectory"}, {"featureType": "trajectory"}, {}):
        xarray.Dataset(variables, names, attributes).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
        assert wls.SnapshotSeries.load(tmp_path / "a.nc") == io.load_drifters(tmp_path / "a.nc").snapshots()


def test_principal_components_are_preferred_and_said():
    anndata, pandas = pytest.importorskip("anndata"), pytest.importorskip("pandas")
    data = anndata.AnnData(obs=pandas.DataFrame({"time": [0, 0, 1, 1]}, index=list("abcd")))
    data.obsm["X_umap"] = np.ones((4, 2))
    data.obsm["X_tsne"] = np.ones((4, 2))
    with pytest.raises(ParameterError, match="`positions` must say which"):
        wls.SnapshotSeries.from_anndata(data)
    data.obsm["X_pca"] = np.zeros((4, 5))
    with pytest.warns(DataWarning, match="the positions are 'X_pca', of 'X_umap', 'X_tsne', 'X_pca'"):
        assert wls.SnapshotSeries.from_anndata(data).dim == 5
    assert wls.SnapshotSeries.from_anndata(data, positions="X_umap").dim == 2


# --- files that are in use

HOLD = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+'); print(1, flush=True); sys.stdin.read()"


@pytest.mark.parametrize("suffix", [".h5", ".nc", ".h5ad"])
def test_a_locked_file_is_called_locked(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    if suffix != ".h5":
        pytest.importorskip("xarray" if suffix == ".nc" else "anndata")
    series = wls.SnapshotSeries([0.0], [np.zeros((2, 2))])
    io.export(series, path)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        with pytest.raises(FileFormatError, match="it is locked: another program has it open for writing"):
            wls.SnapshotSeries.load(path)
    finally:
        holder.communicate(b"")
    assert wls.SnapshotSeries.load(path) == series


# --- labels as colours


def test_labels_of_any_kind_colour():
    pandas = pytest.importorskip("pandas")
    from wlmsim.visual._coloring import colorize
    from wlmsim.visual._frames import frames

    series = wls.SnapshotSeries([0.0], [np.random.default_rng(0).normal(size=(6, 2))])
    words = list("aabbcc")
    for labels in (
        words,
        np.array(words),
        np.array(words, dtype=object),
        pandas.Series(words),
        pandas.Series(words, index=range(7, 13)),
        pandas.Categorical(words),
        pandas.Series(words, dtype="category"),
        pandas.Series(words, dtype="string"),
        [pandas.Categorical(words)],
    ):
        coloring, values = colorize(labels, [series], [frames(series)], None, {}, 0)
        assert coloring.categories == ("a", "b", "c") and values[0][0].tolist() == [0, 0, 1, 1, 2, 2]
    coloring, _ = colorize(np.array([*words[:5], None], dtype=object), [series], [frames(series)], None, {}, 0)
    assert coloring.categories == ("a", "b", "c", "unknown")
    coloring, values = colorize(np.array([0.5, 1, 2, 3, 4, 5], dtype=object), [series], [frames(series)], None, {}, 0)
    assert coloring.kind == "given" and values[0][0][0] == 0.5


# --- arrays that go on changing


def test_populations_and_trajectories_own_their_arrays():
    x, v = np.zeros((3, 2)), np.zeros((3, 2))
    cloud = wls.Population(x, v)
    x += 1
    v += 1
    assert not cloud.positions.any() and not cloud.velocities.any()
    frames = np.zeros((4, 3, 2))
    path = wls.Trajectory(np.arange(4.0), frames, frames)
    frames += 1
    assert not path.positions.any() and not path.velocities.any()
    path[-1].positions[:] = 7.0
    for frame in path:
        frame.velocities[:] = 7.0
    path[1:3].positions[:] = 7.0
    path.at(2.0).positions[:] = 7.0
    assert not path.positions.any() and not path.velocities.any()
    shared = wls.Population(x, copy=False)
    x += 1
    assert np.array_equal(shared.positions, x)


def test_series_own_their_times_and_clouds():
    times, x = np.arange(3.0), [np.zeros((2, 2)) for _ in range(3)]
    made = [wls.SnapshotSeries(times, x), wls.Trajectory(times, np.stack(x)), wls.Tracks(times, np.stack(x))]
    well = wls.Lagrangian(wls.External(wls.laws.Harmonic(1.0)))
    made.append(wls.simulate(well, wls.Population([[1.0]], [[0.0]]), times))
    times += 1
    for cloud in x:
        cloud += 1
    assert all(one.times.tolist() == [0, 1, 2] for one in made)
    assert not np.concatenate(made[0].positions).any()


def test_a_part_of_a_trajectory_is_a_trajectory():
    oscillator = wls.systems.HarmonicOscillator(n=5, seed=0)
    path = oscillator.exact(np.arange(6.0))
    path.units = {"length": "m"}
    for key, times in ((slice(2, 5), [2, 3, 4]), ([0, -1], [0, 5]), (slice(None, None, 2), [0, 2, 4])):
        part = path[key]
        assert isinstance(part, wls.Trajectory) and part.times.tolist() == times
        assert np.array_equal(part.positions, path.positions[key]) and np.array_equal(
            part.velocities, path.velocities[key]
        )
        assert part.mechanics is path.mechanics and part.metadata == path.metadata and part.units == path.units
    assert isinstance(path[np.int64(1)], wls.Population)
    with pytest.raises(ParameterError, match="keeps none"):
        path[3:3]


def test_tensors_that_require_gradients():
    torch = pytest.importorskip("torch")
    x = torch.arange(6.0).reshape(3, 2).requires_grad_()
    assert np.array_equal(wls.Population(x, x).velocities, x.detach().numpy())
    assert np.array_equal(wls.SnapshotSeries([0.0], [x])[0].positions, x.detach().numpy())
    assert wls.Trajectory([0.0, 1.0], [x, x]).n == 3


# --- tracks


def test_tracks_say_what_can_be_done_with_them(tmp_path):
    x = np.zeros((3, 2, 2))
    x[1, 1] = np.nan
    tracks = wls.Tracks([0.0, 1.0, 2.0], x)
    with pytest.warns(DataWarning, match="the 1 of 2 individuals that are seen at all times; snapshots"):
        assert tracks.trajectory().n == 1
    assert len(wls.visual.plot_snapshots(tracks).collections[0].get_offsets()) == 5
    with pytest.raises(ParameterError, match=r"its \.snapshots\(\) forget who is who"):
        wls.learn.potential_velocities(tracks)


def test_what_takes_long_is_said(tmp_path, monkeypatch):
    said = []

    class Heard(_progress.LateWord):
        def begin(self):
            said.append(self._text)

    monkeypatch.setattr(_progress, "LateWord", Heard)
    path = tmp_path / "it.csv"
    wls.SnapshotSeries([0.0, 1.0], [np.zeros((2, 1))] * 2).save(path)
    wls.SnapshotSeries.load(path)
    assert said == [f"writing {path} ...", f"reading {path} ..."]


# --- where warnings point

GUESSED = {
    "header": (wls.SnapshotSeries, "by Ada\n\nt,x,y\n0,1,2\n1,2,3\n"),
    "unmarked": (wls.Tracks, "id,t,x,y\na,0,1,2\na,1,,3\na,2,1,3\n"),
    "apart": (wls.Tracks, "id,t,x,y\na,0,1,2\nb,1,1,3\na,2,1,3\nb,3,1,1\n"),
    "height": (wls.Tracks, "id,t,lon,lat,depth\na,0,1,2,5\na,1,1,3,6\n"),
    "missing": (wls.SnapshotSeries, "t,x,y\n0,1,2\n0,NA,3\n1,2,3\n"),
    "words": (wls.SnapshotSeries, "t,x,y\nday 1,1,2\nday 2,2,3\n"),
    "far": (wls.Tracks, "id,t,lon,lat\na,0,1,2\na,1,100,3\n"),
}


@pytest.mark.parametrize("kind", GUESSED)
def test_warnings_point_at_the_line_that_loads(kind, tmp_path):
    """They pointed into the package, where nobody finds the call that they are about."""
    of, text = GUESSED[kind]
    (tmp_path / "a.csv").write_text(text)
    with pytest.warns(DataWarning) as told:
        of.load(tmp_path / "a.csv")
    assert {warning.filename for warning in told} == {__file__}


def test_warnings_of_data_frames_and_saving_point_there_too(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": ["a", "a", "b"], "t": [0, 1, 1], "x": [1.0, np.nan, 2], "y": [1.0, 2, 3]})
    with pytest.warns(DataWarning) as told:
        tracks = wls.Tracks.from_dataframe(frame)
        tracks.save(tmp_path / "a.npz")
        tracks.last()
    assert {warning.filename for warning in told} == {__file__}
