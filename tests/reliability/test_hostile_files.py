"""Files that are damaged or meant to harm: each is refused by an error of wlmsim that names it, in little memory."""

from __future__ import annotations

import gzip
import os
import pickle
import resource
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

import wlmsim as wls
from tests.reliability import specimens
from tests.reliability.sweep import CHECKED, GOOD, OTHER, sweep, table
from wlmsim import io
from wlmsim.errors import DataWarning, FileFormatError, ParameterError, WlmsimError
from wlmsim.io import believed, trial

pytestmark = pytest.mark.filterwarnings("ignore")
READERS = {
    "a.h5": wls.SnapshotSeries.load,
    "b.h5": wls.Trajectory.load,
    "c.csv": wls.SnapshotSeries.load,
    "d.csv.gz": wls.SnapshotSeries.load,
    "e.npz": wls.SnapshotSeries.load,
    "f.npy": wls.SnapshotSeries.load,
    "g.nc": wls.SnapshotSeries.load,
    "h.h5ad": wls.SnapshotSeries.load,
    "i.hdf5": lambda path: wls.SnapshotSeries.load(path, time="t", positions="x"),
    "j.model": wls.learn.WLM.load,
    "k.parquet": wls.SnapshotSeries.load,
    "l.xml": wls.Tracks.load,
    "m.h5": wls.Tracks.load,
}
"""A reader of every kind of file, by a name of that kind."""


def refused(read, path: Path) -> str:
    """What is said of a file that is refused, in at most half a GiB."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(WlmsimError) as caught:
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**19  # KiB
    assert path.name in str(caught.value)
    return str(caught.value)


def as_promised(results, kinds) -> None:
    print(table(results))
    for result in results:
        allowed = GOOD if result["kind"] in CHECKED else (*GOOD, OTHER)
        assert result["outcome"] in allowed, result
    assert {result["kind"] for result in results} == set(kinds)


KINDS = list(specimens.KINDS)


def test_damaged_files_of_every_kind(tmp_path):
    as_promised(sweep(len(KINDS) * 3, 11, KINDS, tmp_path), KINDS)


@pytest.mark.slow
def test_many_damaged_files_of_every_kind(tmp_path):
    as_promised(sweep(len(KINDS) * 40, 12, KINDS, tmp_path), KINDS)


@pytest.mark.parametrize("name", READERS)
def test_a_folder_and_a_pipe_are_no_files(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    assert "it is a folder" in refused(READERS[name], folder)
    folder.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder)
        assert "it is a pipe or a device" in refused(READERS[name], folder)


@pytest.mark.parametrize("name", READERS)
def test_nonsense_is_refused(tmp_path, name):
    path = tmp_path / name
    for content in (b"", b"\0" * 600, b"\x89HDF\r\n\x1a\n" + b"\xff" * 600, b"PK\3\4", b"CDF\1" + b"\xff" * 64):
        path.write_bytes(content)
        refused(READERS[name], path)


class Trap:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("name", READERS)
def test_nothing_is_unpickled(tmp_path, name):
    path, trace = tmp_path / name, tmp_path / "unpickled"
    trap = Trap(trace)
    path.write_bytes(pickle.dumps(trap))
    refused(READERS[name], path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("c/data.pkl", pickle.dumps(trap))
    refused(READERS[name], path)
    assert not trace.exists()


def test_arrays_of_objects_are_not_unpickled(tmp_path):
    trap, trace = np.array([Trap(tmp_path / "unpickled")], dtype=object), tmp_path / "unpickled"
    np.savez(tmp_path / "a.npz", positions=trap, time=np.zeros(1))
    np.save(tmp_path / "a.npy", trap, allow_pickle=True)
    for name in ("a.npz", "a.npy"):
        assert "Python objects" in refused(wls.SnapshotSeries.load, tmp_path / name)
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file["x"] = np.void(pickle.dumps(trap))
        file["t"] = np.zeros(1)
    refused(READERS["i.hdf5"], tmp_path / "a.hdf5")
    assert not trace.exists()


def test_links_to_other_files_are_not_followed(tmp_path):
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as file:
        file["x"] = np.zeros((4, 2))
    (tmp_path / "raw").write_bytes(bytes(64))
    own = specimens.snapshots().save(tmp_path / "own.h5")
    with h5py.File(own, "r+") as file:
        del file["snapshots/positions"]
        file["snapshots/positions"] = h5py.ExternalLink(str(secret), "x")
    assert "link to another file" in refused(wls.SnapshotSeries.load, own)

    layout = h5py.VirtualLayout(shape=(4, 2), dtype=float)
    layout[:] = h5py.VirtualSource(str(secret), "x", shape=(4, 2))
    writers = {
        "link": lambda file: file.__setitem__("x", h5py.ExternalLink(str(secret), "x")),
        "virtual": lambda file: file.create_virtual_dataset("x", layout),
        "raw": lambda file: file.create_dataset("x", (4, 2), float, external=[(str(tmp_path / "raw"), 0, 64)]),
    }
    for kind, write in writers.items():
        path = tmp_path / f"{kind}.hdf5"
        with h5py.File(path, "w") as file:
            file["t"] = np.zeros(4)
            write(file)
        assert "not followed" in refused(READERS["i.hdf5"], path)


def test_links_in_a_circle_end(tmp_path):
    for name in ("i.hdf5", "g.nc", "h.h5ad"):
        path = tmp_path / name
        with h5py.File(path, "w") as file:
            file["x"] = h5py.SoftLink("/t")
            file["t"] = h5py.SoftLink("/x")
            file["down"] = h5py.SoftLink("/")
            file.create_group("group")["again"] = file["/"]
        refused(READERS[name], path)


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "packed"])
def test_huge_sizes_are_refused_before_memory_is_taken(tmp_path, filled, monkeypatch):
    monkeypatch.setattr(believed, "LARGE", 2**24)
    path = tmp_path / "i.hdf5"
    with h5py.File(path, "w") as file:
        shape = (2**21 if filled else 2**40, 2)
        held = file.create_dataset("x", shape, "f8", chunks=(2**18, 2), compression="gzip", shuffle=True)
        if filled:  # a bomb: a thousand times packed
            held[:] = np.zeros(shape)
        file["t"] = np.zeros(4)
    assert "declares" in refused(READERS["i.hdf5"], path)


def test_archives_that_unpack_to_more_than_is_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(believed, "LARGE", 2**20)
    path = tmp_path / "e.npz"
    np.savez_compressed(path, time=np.zeros(2**16, np.int8), positions=np.zeros((2**16, 4)))
    assert "unpacks from" in refused(wls.SnapshotSeries.load, path)
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress(b"time,x,y\n" + b"0,0,0\n" * 2**18))
    assert "it unpacks to more than" in refused(wls.SnapshotSeries.load, path)


def test_an_array_that_declares_more_than_the_file_has(tmp_path):
    path = tmp_path / "f.npy"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (300000000000, 4, 2), }"
    header = header.ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64))
    assert "do not take the" in refused(wls.SnapshotSeries.load, path)


def test_a_table_and_a_document_that_grow(tmp_path, monkeypatch):
    monkeypatch.setattr(believed, "LARGE", 2**20)
    import pandas

    pandas.DataFrame({"time": np.zeros(2**20), "x": np.zeros(2**20)}).to_parquet(tmp_path / "k.parquet")
    assert "declares 1048576 rows" in refused(wls.SnapshotSeries.load, tmp_path / "k.parquet")
    entities = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 20}">' for k in range(1, 12))
    text = f'<!DOCTYPE Tracks [<!ENTITY e0 "wlmsim">{entities}]><Tracks>&e11;</Tracks>'
    (tmp_path / "l.xml").write_text(text)
    assert "not an XML file" in refused(wls.Tracks.load, tmp_path / "l.xml")


def test_a_chunk_that_is_lost_is_missed(tmp_path):
    path = specimens.tracks().save(tmp_path / "m.h5")
    with h5py.File(path, "r+") as file:
        held = file["tracks/positions"]
        shape, chunks, kind = held.shape, held.chunks, held.dtype
        del file["tracks/positions"]
        file.create_dataset("tracks/positions", shape, kind, chunks=chunks, fillvalue=np.nan)
    assert "a part of the dataset /tracks/positions is missing" in refused(wls.Tracks.load, path)


def test_a_text_that_was_cut_says_so(tmp_path):
    path = io.save_text(specimens.snapshots(), tmp_path / "a.csv")
    whole = path.read_bytes()
    with pytest.warns(DataWarning) as caught:
        path.write_bytes(whole[:-2])
        wls.SnapshotSeries.load(path)
    assert any("a.csv: its last line does not end" in str(warning.message) for warning in caught)


def test_what_a_file_holds_is_refused_by_its_name(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,x,y\n0,1,inf\n1,2,3\n")
    with pytest.raises(ParameterError, match=r"\(in .*a\.csv\)"):
        wls.SnapshotSeries.load(path)


def test_errors_of_readers_are_caught_and_named(tmp_path, monkeypatch):
    path = io.save_text(specimens.snapshots(), tmp_path / "a.csv")
    for error in (KeyError("x"), MemoryError(), RecursionError("deep"), NotImplementedError("that")):
        monkeypatch.setattr(np, "loadtxt", lambda *a, error=error, **k: (_ for _ in ()).throw(error))
        with pytest.raises(FileFormatError, match=r"a\.csv: it"):
            wls.SnapshotSeries.load(path)


class TestTrial:
    """The process that reads foreign HDF5 files first."""

    @pytest.fixture
    def own(self, monkeypatch):
        """A trial of the test's own, with a program that does what a name says."""
        program = (
            "import os, sys, time\n"
            "for line in sys.stdin:\n"
            "    path = bytes.fromhex(line).decode(); name = os.path.basename(path)\n"
            "    if 'crash' in name: os.abort()\n"
            "    if 'idle' in name and not os.path.exists(path + '.seen'):\n"
            "        open(path + '.seen', 'w').close(); sys.exit(0)\n"
            "    if 'hang' in name: time.sleep(60)\n"
            "    print('memory' if 'memory' in name else 'read', flush=True)\n"
        )
        monkeypatch.setattr(trial, "PROGRAM", program)
        monkeypatch.setattr(trial, "PATIENCE", 5.0)
        own = trial.Trial()
        yield own
        own.end()

    def test_a_crash_and_a_hang_are_refusals(self, own, tmp_path, monkeypatch):
        for name in ("fine", "crash", "idle", "memory", "hang"):
            (tmp_path / name).touch()
        own.read(tmp_path / "fine")
        first = own._process.pid
        own.read(tmp_path / "fine")
        assert own._process.pid == first
        with pytest.raises(FileFormatError, match="crash: it is damaged: the HDF5 library crashes"):
            own.read(tmp_path / "crash")
        own.read(tmp_path / "idle")
        with pytest.raises(FileFormatError, match="memory: it asks for more memory"):
            own.read(tmp_path / "memory")
        monkeypatch.setattr(trial, "PATIENCE", 0.5)
        with pytest.raises(FileFormatError, match="hang: it is damaged: the HDF5 library does not come to an end"):
            own.read(tmp_path / "hang")
        assert own._process is None

    def test_threads_take_turns(self, own, tmp_path):
        (tmp_path / "fine").touch()
        threads = [threading.Thread(target=own.read, args=(tmp_path / "fine",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    @pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
    def test_no_process_outlives_the_reader(self, tmp_path):
        specimens._foreign(tmp_path / "a.hdf5")
        program = (
            "import wlmsim as wls, sys, os\n"
            "from wlmsim.io import trial\n"
            "wls.SnapshotSeries.load(sys.argv[1], time='run/when', positions='run/x')\n"
            "print(trial._trial._process.pid, flush=True)\n"
            "os.kill(os.getpid(), 9)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "a.hdf5")], capture_output=True, text=True)
        deadline = time.monotonic() + 20
        while Path(f"/proc/{done.stdout.strip()}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert done.stdout.strip() and not Path(f"/proc/{done.stdout.strip()}").exists()
