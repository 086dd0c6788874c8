"""Files: round trips, partial reads, atomic writes, and refusals that say why."""

from __future__ import annotations

import importlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from wlmsim import SnapshotSeries, Trajectory
from wlmsim.errors import FileFormatError, ParameterError
from wlmsim.io import (
    atomic,
    describe,
    hdf5,
    kind,
    load_snapshots,
    load_trajectory,
    save_snapshots,
    save_trajectory,
)

REPOSITORY = Path(__file__).parents[2]


# --- things to write


def a_series(sizes=(5, 3, 7, 4), dim=2, **about) -> SnapshotSeries:
    """A series with every optional column; velocities are unknown at the second time."""
    rng = np.random.default_rng(0)
    velocities = [None if k == 1 else rng.normal(size=(n, dim)) for k, n in enumerate(sizes)]
    return SnapshotSeries(
        np.arange(len(sizes)) ** 1.5,
        [rng.normal(size=(n, dim)) for n in sizes],
        velocities,
        [rng.uniform(1, 2, size=n) for n in sizes],
        [rng.integers(-1, 3, size=n) for n in sizes],
        **about,
    )


def a_trajectory(count=4, n=5, dim=3, **about) -> Trajectory:
    rng = np.random.default_rng(1)
    shape = (count, n, dim)
    times = np.arange(count) ** 1.5
    return Trajectory(times, rng.normal(size=shape), rng.normal(size=shape), rng.uniform(1, 2, size=n), **about)


def same_bits(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def assert_same_series(a: SnapshotSeries, b: SnapshotSeries) -> None:
    assert same_bits(a.times, b.times)
    assert len(a) == len(b)
    for k in range(len(a)):
        assert same_bits(a[k].positions, b[k].positions)
        assert same_bits(a[k].velocities, b[k].velocities)
        assert same_bits(a[k].weights, b[k].weights)
        assert same_bits(a.labels[k] if a.labels else None, b.labels[k] if b.labels else None)
    assert exact(a.metadata) == exact(b.metadata)
    assert a.units == b.units


def assert_same_trajectory(a: Trajectory, b: Trajectory) -> None:
    for name in ("times", "positions", "velocities", "weights"):
        assert same_bits(getattr(a, name), getattr(b, name)), name
    assert exact(a.metadata) == exact(b.metadata)
    assert a.units == b.units


def exact(metadata: dict) -> str:
    """Text that tells 1 from 1.0 and from True, but not the order of keys."""
    return json.dumps(metadata, sort_keys=True)


# --- round trips

finite = st.floats(allow_nan=False, allow_infinity=False)
weight = st.floats(1e-3, 1e3)
key = st.text(min_size=1, max_size=20).filter(lambda text: "\0" not in text)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
about = st.fixed_dictionaries(
    {
        "metadata": st.dictionaries(key, plain, max_size=4),
        "units": st.fixed_dictionaries({}, optional={"length": st.just("nm"), "time": st.just("ps")}),
    }
)
moments = st.lists(finite, min_size=1, max_size=4, unique=True).map(sorted)


@st.composite
def some_series(draw) -> SnapshotSeries:
    times, dim = draw(moments), draw(st.integers(1, 3))
    sizes = [draw(st.integers(1, 5)) for _ in times]
    clouds = [arrays(np.float64, (n, dim), elements=finite) for n in sizes]
    shares = [arrays(np.float64, n, elements=weight) for n in sizes]
    rates = [arrays(np.float64, n, elements=finite) for n in sizes]
    labels = [arrays(np.int64, n, elements=st.integers(-(2**63), 2**63 - 1)) for n in sizes]
    return SnapshotSeries(
        times,
        [draw(cloud) for cloud in clouds],
        [draw(st.none() | cloud) for cloud in clouds] if draw(st.booleans()) else None,
        [draw(share) for share in shares] if draw(st.booleans()) else None,
        [draw(label) for label in labels] if draw(st.booleans()) else None,
        growth=[draw(st.none() | rate) for rate in rates] if draw(st.booleans()) else None,
        **draw(about),
    )


@st.composite
def some_trajectory(draw) -> Trajectory:
    times = draw(moments)
    shape = (len(times), draw(st.integers(1, 5)), draw(st.integers(1, 3)))
    frames = arrays(np.float64, shape, elements=finite)
    weights = draw(st.none() | arrays(np.float64, shape[1], elements=weight))
    return Trajectory(times, draw(frames), draw(st.none() | frames), weights, **draw(about))


brief = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@brief
@given(some_series())
def test_any_series_comes_back_bit_for_bit(series):
    with tempfile.TemporaryDirectory() as folder:
        assert_same_series(load_snapshots(save_snapshots(series, Path(folder, "a.h5"))), series)


@brief
@given(some_trajectory())
def test_any_trajectory_comes_back_bit_for_bit(trajectory):
    with tempfile.TemporaryDirectory() as folder:
        assert_same_trajectory(load_trajectory(save_trajectory(trajectory, Path(folder, "a.h5"))), trajectory)


def test_objects_save_and_load_themselves(tmp_path):
    series, trajectory = a_series(metadata={"seed": 3}), a_trajectory(units={"length": "m"})
    assert series.save(str(tmp_path / "s.h5")) == tmp_path / "s.h5"
    assert SnapshotSeries.load(str(tmp_path / "s.h5")) == series
    assert_same_trajectory(Trajectory.load(trajectory.save(tmp_path / "t.h5")), trajectory)


def test_known_growth_is_stored_in_its_unit_and_described(tmp_path):
    series = a_series(units={"time": "day"})
    known = series.with_columns(growth=[None if k == 1 else np.arange(n) / 8 for k, n in enumerate(series.sizes)])
    path = known.save(tmp_path / "a.h5")
    with h5py.File(path) as file:
        assert file["snapshots/growth"].attrs["unit"] == "day-1" and file["snapshots/growth_known"][:].sum() == 3
    back = SnapshotSeries.load(path)
    assert back == known != series and back.growth[1] is None
    assert describe(path)["growth"] == 3
    assert SnapshotSeries.load(path, start=known.times[2]) == known[2:]


def test_nan_rows_never_reach_a_file(tmp_path):
    with pytest.warns(UserWarning, match="dropped 1 rows"):
        series = SnapshotSeries([0.0], [[[0.0, 1.0], [np.nan, 1.0]]])
    with h5py.File(series.save(tmp_path / "a.h5")) as file:
        assert file["snapshots/positions"].shape == (1, 2)


def test_weights_are_stored_only_where_they_say_something(tmp_path):
    flat = SnapshotSeries([0.0], [np.zeros((3, 2))], weights=[[2.0, 2.0, 2.0]])
    with h5py.File(flat.save(tmp_path / "a.h5")) as file:
        assert set(file["snapshots"]) == {"times", "offsets", "positions"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**63),
        2**63,
        10**400,
        1.0,
        -0.0,
        5e-324,
        float("nan"),
        float("inf"),
        "",
        "Überprüfung ħ\n",
        "nul\0inside",
        "lone \ud800 surrogate",
        "json:[1]",
        "x" * 200_000,
        [],
        [1, 2],
        [1.0, 2.0],
        [1, 2.0],
        [True, False],
        ["a", "b"],
        [2**63],
        list(range(50_000)),
        [float(k) for k in range(50_000)],
        [[1, 2], [3]],
        {},
        {"": {"a": [None, {"b": "c"}]}},
    ],
    ids=lambda value: repr(value)[:30],
)
def test_metadata_of_every_kind_come_back_exactly(tmp_path, value):
    for saved in (a_series(metadata={"value": value}), a_trajectory(metadata={"value": value})):
        loaded = type(saved).load(saved.save(tmp_path / "a.h5"))
        assert exact(loaded.metadata) == exact({"value": value})


def test_simple_metadata_are_native_attributes(tmp_path):
    metadata = {"seed": 3, "dt": 0.5, "system": "Boids", "steps": [1, 2]}
    with h5py.File(a_series(metadata=metadata).save(tmp_path / "a.h5")) as file:
        stored = dict(file["wlmsim/metadata"].attrs)
    assert (stored["seed"], stored["dt"], stored["system"], list(stored["steps"])) == (
        3,
        0.5,
        b"Boids",
        [1, 2],
    )


def test_numpy_values_and_tuples_in_metadata_become_plain(tmp_path):
    metadata = {
        "a": np.float32(0.5),
        "b": np.arange(3),
        "c": (1, "x"),
        "d": np.bool_(True),
        "e": np.str_("s"),
    }
    loaded = SnapshotSeries.load(a_series(metadata=metadata).save(tmp_path / "a.h5"))
    assert exact(loaded.metadata) == exact({"a": 0.5, "b": [0, 1, 2], "c": [1, "x"], "d": True, "e": "s"})


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"when": object()}, "metadata['when']"),
        ({"a": {"b": [1, {2, 3}]}}, "metadata['a']['b'][1]"),
        ({"a": {1: 2}}, "metadata['a']"),
        ({"z": 1j}, "metadata['z']"),
        ({"huge": 10**5000}, "metadata['huge']"),
        ({"": 1}, "metadata key"),
        ({"a\0b": 1}, "metadata key"),
        ({"\udfff": 1}, "metadata key"),
        ({"k" * 70_000: 1}, "metadata key"),
        ({3: 1}, "metadata key"),
    ],
)
def test_metadata_that_no_file_can_hold_are_refused_by_name(tmp_path, metadata, named):
    with pytest.raises(ParameterError, match=re.escape(named)):
        a_series(metadata=metadata).save(tmp_path / "a.h5")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("save", [save_snapshots, save_trajectory])
def test_only_the_right_object_is_saved(tmp_path, save):
    with pytest.raises(ParameterError, match="must be a"):
        save([1, 2], tmp_path / "a.h5")


# --- layout


def test_trajectories_are_h5md(tmp_path):
    saved = a_trajectory(metadata={"author": "Ada"}, units={"length": "nm", "time": "ps"})
    with h5py.File(saved.save(tmp_path / "a.h5")) as file:
        assert file["h5md"].attrs["version"].tolist() == [1, 1]
        assert file["h5md/author"].attrs["name"] == "Ada"
        assert file["h5md/creator"].attrs["name"] == "wlmsim"
        assert file["h5md/creator"].attrs["version"]
        box = file["particles/all/box"]
        assert box.attrs["dimension"] == 3
        assert box.attrs["boundary"].tolist() == [b"none"] * 3
        position, velocity = file["particles/all/position"], file["particles/all/velocity"]
        assert position["value"].attrs["unit"] == "nm"
        assert position["time"].attrs["unit"] == "ps"
        assert velocity["value"].attrs["unit"] == "nm ps-1"
        assert velocity["time"] == position["time"]
        assert velocity["step"][:].tolist() == [0, 1, 2, 3]
        assert position["value"].maxshape == (None, 5, 3)
        assert dict(file["wlmsim/units"].attrs) == {"length": b"nm", "time": b"ps"}


def test_units_that_are_not_given_are_not_written(tmp_path):
    with h5py.File(a_trajectory(units={"time": "h"}).save(tmp_path / "a.h5")) as file:
        particles = file["particles/all"]
        assert particles["position/time"].attrs["unit"] == "h"
        assert "unit" not in particles["position/value"].attrs
        assert "unit" not in particles["velocity/value"].attrs


@pytest.mark.parametrize("saved", [a_series(), a_trajectory()], ids=["snapshots", "trajectory"])
def test_every_dataset_is_compressed_and_shows_lost_chunks(tmp_path, saved):
    found = []
    with h5py.File(saved.save(tmp_path / "a.h5")) as file:
        file.visititems(lambda name, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        assert len(found) >= 4
        for dataset in found:
            assert (dataset.compression, dataset.compression_opts, dataset.shuffle) == ("gzip", 4, True), dataset
            assert dataset.dtype.kind != "f" or np.isnan(dataset.fillvalue), "a lost chunk must not read as zeros"


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=3))
def test_chunks_are_neither_large_nor_needlessly_small(shape):
    chunk = hdf5.chunk_shape(tuple(shape), 8)
    size, whole = 8 * np.prod(chunk, dtype=float), 8 * np.prod(shape, dtype=float)
    assert all(1 <= part <= whole_axis for part, whole_axis in zip(chunk, shape, strict=True))
    assert min(whole, 2**17) <= size <= 2**19


# --- partial reads


@pytest.mark.parametrize(
    ("start", "stop", "kept"),
    [
        (None, None, slice(0, 4)),
        (1.0, None, slice(1, 4)),
        (None, 1.0, slice(0, 2)),
        (0.5, 2.9, slice(1, 3)),
        (-9, 99, slice(0, 4)),
        (1.0, 1.0, slice(1, 2)),
    ],
)
def test_partial_reads_equal_slices(tmp_path, start, stop, kept):
    series, trajectory = a_series(metadata={"a": 1}), a_trajectory(metadata={"a": 1})
    loaded = SnapshotSeries.load(series.save(tmp_path / "s.h5"), start=start, stop=stop)
    assert_same_series(loaded, series[kept])
    frames = Trajectory.load(trajectory.save(tmp_path / "t.h5"), start=start, stop=stop)
    assert same_bits(frames.times, trajectory.times[kept])
    assert same_bits(frames.positions, trajectory.positions[kept])
    assert same_bits(frames.velocities, trajectory.velocities[kept])
    assert same_bits(frames.weights, trajectory.weights)


@pytest.mark.parametrize("saved", [a_series(), a_trajectory()], ids=["snapshots", "trajectory"])
@pytest.mark.parametrize(
    "outside", [{"start": 99}, {"stop": -1.0}, {"start": 0.1, "stop": 0.2}, {"start": 2, "stop": 1}]
)
def test_a_window_without_times_is_the_callers_mistake(tmp_path, saved, outside):
    path = saved.save(tmp_path / "a.h5")
    with pytest.raises(ParameterError, match=r"`start` and `stop` must enclose"):
        type(saved).load(path, **outside)
    with pytest.raises(ParameterError, match="`start` must be a finite number"):
        type(saved).load(path, start="early")


def spoil_chunks(path: Path, name: str, *, except_rows: slice) -> int:
    """Overwrite on the disk every chunk of a dataset that holds none of the rows; return how many."""
    with h5py.File(path) as file:
        dataset = file[name]
        chunks = [dataset.id.get_chunk_info(k) for k in range(dataset.id.get_num_chunks())]
        height = dataset.chunks[0]
    spoiled = [
        c for c in chunks if not c.chunk_offset[0] < except_rows.stop or c.chunk_offset[0] + height <= except_rows.start
    ]
    with path.open("r+b") as stream:
        for chunk in spoiled:
            stream.seek(chunk.byte_offset)
            stream.write(b"\xff" * chunk.size)
    return len(spoiled)


def test_partial_reads_leave_the_rest_of_a_series_on_the_disk(tmp_path):
    rng = np.random.default_rng(0)
    series = SnapshotSeries(range(8), list(rng.integers(9, size=(8, 20_000, 3))))
    path = series.save(tmp_path / "a.h5")
    assert spoil_chunks(path, "snapshots/positions", except_rows=slice(40_000, 60_000)) >= 5
    assert_same_series(load_snapshots(path, start=2, stop=2), series[2:3])
    with pytest.raises(FileFormatError, match=r"a\.h5: it is truncated or damaged"):
        load_snapshots(path)


def test_partial_reads_leave_the_rest_of_a_trajectory_on_the_disk(tmp_path):
    frames = np.random.default_rng(0).integers(9, size=(8, 20_000, 3))
    path = Trajectory(range(8), frames, frames).save(tmp_path / "a.h5")
    for name in ("position", "velocity"):
        assert spoil_chunks(path, f"particles/all/{name}/value", except_rows=slice(2, 4)) == 6
    loaded = load_trajectory(path, start=2, stop=3)
    assert np.array_equal(loaded.positions, frames[2:4])
    assert np.array_equal(loaded.velocities, frames[2:4])
    assert load_snapshots(path, start=2, stop=3).sizes == (20_000, 20_000)
    with pytest.raises(FileFormatError, match=r"a\.h5: it is truncated or damaged"):
        load_trajectory(path)


# --- one file, two readings


def test_a_trajectory_is_read_as_snapshots(tmp_path):
    trajectory = a_trajectory(metadata={"seed": 1}, units={"time": "s"})
    series = load_snapshots(trajectory.save(tmp_path / "a.h5"), start=1.0)
    assert series.metadata == {"seed": 1}
    assert series.units == {"time": "s"}
    assert series.times.tolist() == trajectory.times[1:].tolist()
    assert all(series[k] == trajectory[k + 1] for k in range(3))


def test_snapshots_are_not_read_as_a_trajectory(tmp_path):
    with pytest.raises(FileFormatError, match=r"a\.h5: it holds snapshots, not a trajectory"):
        load_trajectory(a_series().save(tmp_path / "a.h5"))


def test_kind(tmp_path):
    assert kind(a_series().save(tmp_path / "s.h5")) == "snapshots"
    assert kind(str(a_trajectory().save(tmp_path / "t.h5"))) == "trajectory"


def test_describe_snapshots_without_reading_them(tmp_path):
    path = a_series(metadata={"seed": 1}, units={"length": "um"}).save(tmp_path / "a.h5")
    for name in ("positions", "velocities", "weights", "populations"):
        assert spoil_chunks(path, f"snapshots/{name}", except_rows=slice(0, 0)) == 1
    found = describe(path)
    assert json.loads(json.dumps(found)) == found
    assert found.pop("created").endswith("+00:00")
    assert found.pop("creator_version")
    assert found == {
        "path": str(path),
        "bytes": path.stat().st_size,
        "kind": "snapshots",
        "schema_version": 1,
        "creator": "wlmsim",
        "times": {"count": 4, "first": 0.0, "last": 3**1.5},
        "sizes": {"min": 3, "max": 7, "total": 19},
        "dim": 2,
        "velocities": 3,
        "weights": True,
        "populations": True,
        "metadata": {"seed": 1},
        "units": {"length": "um"},
    }


def test_describe_a_trajectory_without_reading_it(tmp_path):
    bare = Trajectory([0.0, 1.0], np.zeros((2, 5, 2)))
    path = bare.save(tmp_path / "a.h5")
    assert spoil_chunks(path, "particles/all/position/value", except_rows=slice(0, 0)) == 1
    found = describe(path)
    assert (found["kind"], found["dim"], found["velocities"]) == ("trajectory", 2, 0)
    assert found["sizes"] == {"min": 5, "max": 5, "total": 10}
    assert (found["weights"], found["populations"]) == (False, False)
    full = describe(a_trajectory().save(path))
    assert (full["velocities"], full["weights"]) == (4, True)


# --- atomic writes


class Interrupted(BaseException):
    """Stands for KeyboardInterrupt, which would stop the tests."""


def break_after(monkeypatch, owner, name: str, calls: int, error: BaseException) -> None:
    """Let a function work a number of times, then raise."""
    original, left = getattr(owner, name), [calls]

    def breaking(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise error
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, breaking)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Interrupted()], ids=["disk", "interrupt"])
@pytest.mark.parametrize(
    ("owner", "name", "calls"), [(hdf5, "store", 0), (hdf5, "store", 2), (os, "fsync", 0), (os, "replace", 0)]
)
@pytest.mark.parametrize("saved", [a_series(), a_trajectory()], ids=["snapshots", "trajectory"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, saved, owner, name, calls, error):
    path = tmp_path / "a.h5"
    break_after(monkeypatch, owner, name, calls, error)
    with pytest.raises(type(error)):
        saved.save(path)
    assert os.listdir(tmp_path) == []
    path.write_bytes(b"precious")
    break_after(monkeypatch, owner, name, 0, error)
    with pytest.raises(type(error)):
        saved.save(path)
    assert os.listdir(tmp_path) == ["a.h5"]
    assert path.read_bytes() == b"precious"


def test_a_crash_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    script = (
        "import os, sys; from wlmsim.io import atomic\n"
        "with atomic(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", script, path], cwd=REPOSITORY, check=False)
    assert done.returncode == 9
    assert path.read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="folders can be flushed on POSIX only")
def test_the_file_is_flushed_then_renamed_then_the_folder_is_flushed(tmp_path, monkeypatch):
    steps = []
    fsync, replace = os.fsync, os.replace

    def spied_fsync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def spied_replace(source, target):
        assert Path(source).parent == Path(target).parent
        steps.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spied_fsync)
    monkeypatch.setattr(os, "replace", spied_replace)
    a_series().save(tmp_path / "a.h5")
    assert steps == ["file", "rename", "folder"]


def test_atomic_keeps_the_suffix_and_yields_a_free_name_beside_the_target(tmp_path):
    with atomic(tmp_path / "film.mp4") as temporary:
        assert temporary.suffix == ".mp4"
        assert temporary.parent == tmp_path
        assert not temporary.exists()
        temporary.write_bytes(b"film")
    assert os.listdir(tmp_path) == ["film.mp4"]


def test_atomic_complains_when_nothing_was_written(tmp_path):
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "a.txt"):
        pass


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are POSIX's")
def test_permissions_and_links_are_kept(tmp_path):
    umask = os.umask(0o022)
    try:
        path = a_series().save(tmp_path / "a.h5")
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    path.chmod(0o600)
    link = tmp_path / "link.h5"
    link.symlink_to(path)
    a_trajectory().save(link)
    assert link.is_symlink()
    assert kind(path) == "trajectory"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_saving_to_a_folder_or_into_a_missing_one(tmp_path):
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        a_series().save(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        a_series().save(tmp_path / "nowhere" / "a.h5")


@pytest.mark.skipif(not os.path.exists(os.devnull) or os.name != "posix", reason="needs a device file")
def test_a_device_is_never_replaced():
    with pytest.raises(OSError, match="Not a regular file"):
        a_series().save(os.devnull)
    assert not Path(os.devnull).is_file()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_forbidden_places_are_named(tmp_path):
    path = a_series().save(tmp_path / "a.h5")
    path.chmod(0)
    with pytest.raises(PermissionError, match=re.escape(str(path))):
        load_snapshots(path)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=re.escape(str(tmp_path))):
            a_series().save(tmp_path / "b.h5")
    finally:
        tmp_path.chmod(0o700)


# --- files that cannot be used

READERS = [load_snapshots, load_trajectory, kind, describe]


def refusal(read, path) -> str:
    """The message with which a reader refuses a file: one line that begins with the file's name."""
    with pytest.raises(FileFormatError) as caught:
        read(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("read", READERS)
def test_a_missing_file(tmp_path, read):
    with pytest.raises(FileNotFoundError) as caught:
        read(tmp_path / "none.h5")
    assert str(tmp_path / "none.h5") in str(caught.value)


@pytest.mark.parametrize("read", READERS)
def test_foreign_files(tmp_path, read):
    path = tmp_path / "foreign"
    path.mkdir()
    assert refusal(read, path) == "it is a folder, not a file"
    path.rmdir()
    path.write_bytes(b"")
    assert refusal(read, path) == "it is empty"
    path.write_text("t, x, y\n0, 1, 2\n" * 1000)
    assert refusal(read, path).startswith("it is not an HDF5 file; tables are read by the names .csv")
    with path.open("wb") as stream:
        np.savez(stream, positions=np.zeros((3, 2)))
    assert refusal(read, path).startswith("it is not an HDF5 file, but a ZIP archive")
    with h5py.File(path, "w") as file:
        file["snapshots/positions"] = np.zeros((3, 2))
    assert "not one of wlmsim" in refusal(read, path)
    with h5py.File(path, "w") as file:
        file["wlmsim"] = 1
    assert "not one of wlmsim" in refusal(read, path)
    with h5py.File(path, "w") as file:
        file.create_group("wlmsim").attrs.update({"schema": "holograms", "schema_version": 1})
    assert "holds 'holograms'" in refusal(read, path)


@pytest.mark.parametrize("saved", [a_series(), a_trajectory()], ids=["snapshots", "trajectory"])
def test_truncated_files(tmp_path, saved):
    whole = saved.save(tmp_path / "whole.h5").read_bytes()
    path = tmp_path / "cut.h5"
    for length in (1, 7, 8, 20, 47, 48, 96, len(whole) // 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        reason = refusal(type(saved).load, path)
        assert "truncated" in reason if length >= 8 else reason == "it is not an HDF5 file"


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("saved", [a_series(), a_trajectory()], ids=["snapshots", "trajectory"])
def test_newer_schemas(tmp_path, read, saved):
    path = saved.save(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file["wlmsim"].attrs["schema_version"] = 2
    reason = refusal(read, path)
    assert "schema version 2" in reason
    assert "reads up to 1: a newer wlmsim is needed" in reason


def put(name: str, change):
    """An edit that replaces a dataset by what `change` makes of its content."""

    def edit(file: h5py.File) -> None:
        value = change(file[name][:])
        del file[name]
        file[name] = value

    return edit


def drop(name: str):
    return lambda file: file.__delitem__(name)


def set_attribute(group: str, name: str, value):
    return lambda file: file[group].attrs.__setitem__(name, value)


def nan_first(column: np.ndarray) -> np.ndarray:
    column.reshape(-1)[0] = np.nan
    return column


EITHER = [
    (drop("wlmsim/metadata"), "the group /wlmsim/metadata is missing"),
    (drop("wlmsim/units"), "the group /wlmsim/units is missing"),
    (set_attribute("wlmsim", "schema_version", "one"), "no valid schema_version (found 'one')"),
    (set_attribute("wlmsim", "schema_version", 0), "no valid schema_version"),
    (set_attribute("wlmsim", "schema", 7), "it holds"),
    (set_attribute("wlmsim/metadata", "bad", "json:[1,"), "truncated or damaged"),
]
OF_SNAPSHOTS = [
    (drop("snapshots"), "/snapshots/times is missing"),
    (drop("snapshots/times"), "/snapshots/times is missing"),
    (drop("snapshots/offsets"), "/snapshots/offsets is missing"),
    (drop("snapshots/positions"), "/snapshots/positions is missing"),
    (drop("snapshots/velocities_known"), "/snapshots/velocities_known is missing"),
    (put("snapshots/times", lambda t: t[::-1]), "increasing"),
    (put("snapshots/times", nan_first), "finite"),
    (put("snapshots/times", lambda t: t[:0]), "of shape (*,); it holds float64 of shape (0,)"),
    (put("snapshots/times", lambda t: t[:-1]), "/snapshots/offsets must hold integers of shape (4,)"),
    (put("snapshots/offsets", lambda o: o[[0, 2, 1, 3, 4]]), "/snapshots/offsets must increase from 0"),
    (put("snapshots/offsets", lambda o: o + 1), "/snapshots/offsets must increase from 0"),
    (put("snapshots/offsets", lambda o: o[[0, 1, 1, 3, 4]]), "/snapshots/offsets must increase from 0"),
    (put("snapshots/offsets", lambda o: o.astype(float)), "/snapshots/offsets must hold integers"),
    (
        put("snapshots/positions", lambda x: x[:-1]),
        "/snapshots/positions must hold real numbers of shape (19, *)",
    ),
    (put("snapshots/positions", lambda x: x[:, 0]), "of shape (19, *); it holds float64 of shape (19,)"),
    (put("snapshots/positions", lambda x: x.astype("S5")), "it holds |S5"),
    (put("snapshots/positions", nan_first), "`positions[0]` must be finite"),
    (
        put("snapshots/velocities", lambda v: v[:, :1]),
        "/snapshots/velocities must hold real numbers of shape (19, 2)",
    ),
    (put("snapshots/velocities", nan_first), "`velocities[0]` must be finite"),
    (put("snapshots/velocities_known", lambda k: ~k), "`velocities[1]` must be finite"),
    (put("snapshots/velocities_known", lambda k: k.astype(int)), "must hold booleans of shape (4,)"),
    (put("snapshots/weights", lambda w: w[1:]), "/snapshots/weights must hold real numbers of shape (19,)"),
    (put("snapshots/weights", lambda w: -w), "non-negative"),
    (put("snapshots/weights", nan_first), "`weights[0]` must be finite"),
    (
        put("snapshots/populations", lambda p: p + 0.5),
        "/snapshots/populations must hold integers of shape (19,)",
    ),
]
_VALUE = "particles/all/position/value"
OF_TRAJECTORIES = [
    (drop("particles"), "/particles/all/position/time is missing"),
    (drop("particles/all/position"), "/particles/all/position/time is missing"),
    (drop(_VALUE), f"/{_VALUE} is missing"),
    (drop("particles/all/velocity/value"), "/particles/all/velocity/value is missing"),
    (put("particles/all/position/time", lambda t: t[::-1]), "increasing"),
    (
        put("particles/all/position/time", lambda t: t[1:]),
        f"/{_VALUE} must hold real numbers of shape (3, *, *)",
    ),
    (put(_VALUE, lambda x: x[:, :, 0]), f"/{_VALUE} must hold real numbers of shape (4, *, *)"),
    (put(_VALUE, lambda x: x[:, :0]), "it holds float64 of shape (4, 0, 3)"),
    (put(_VALUE, nan_first), "`positions` must be finite"),
    (put("particles/all/velocity/value", lambda v: v[:, 1:]), "must hold real numbers of shape (4, 5, 3)"),
    (put("wlmsim/weights", lambda w: w[1:]), "/wlmsim/weights must hold real numbers of shape (5,)"),
    (put("wlmsim/weights", lambda w: -w), "non-negative"),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("saved", "edit", "reason"),
    [(a_series(), *case) for case in EITHER + OF_SNAPSHOTS]
    + [(a_trajectory(), *case) for case in EITHER + OF_TRAJECTORIES],
)
def test_damaged_content(tmp_path, saved, edit, reason):
    path = saved.save(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        edit(file)
    assert reason in refusal(type(saved).load, path)


@pytest.mark.parametrize(
    ("saved", "name"),
    [(a_series(), f"snapshots/{name}") for name in ("velocities", "weights", "populations")]
    + [(a_trajectory(), name) for name in ("particles/all/velocity", "wlmsim/weights")],
)
def test_a_damaged_optional_column_is_not_taken_for_an_absent_one(tmp_path, saved, name):
    path = saved.save(tmp_path / "a.h5")
    with h5py.File(path) as file:
        address = h5py.h5o.get_info(file[name].id).addr
    with path.open("r+b") as stream:
        stream.seek(address)
        stream.write(b"\0" * 8)
    assert "damaged" in refusal(type(saved).load, path)


# --- around the files


def test_the_package_does_not_import_h5py_until_a_file_is_used():
    script = (
        "import sys, wlmsim; wlmsim.SnapshotSeries, wlmsim.Trajectory\n"
        "assert 'h5py' not in sys.modules and 'wlmsim.io' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)


def test_atomic_is_the_function_however_it_is_imported():
    assert importlib.import_module("wlmsim.io.atomic").atomic is atomic
    assert callable(atomic)


def test_the_documentation_runs(tmp_path, monkeypatch):
    page = (REPOSITORY / "docs" / "file_formats.md").read_text(encoding="utf-8")
    snippets = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(snippets) >= 2
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for snippet in snippets:
        exec(compile(snippet, "docs/file_formats.md", "exec"), names)
