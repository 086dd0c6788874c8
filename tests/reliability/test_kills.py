"""Work that is killed, disks that are full, and two that write one file: nothing is lost, and nothing is left."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from tests.reliability import specimens
from tests.reliability.kills import WORK, kills
from wlmsim import io
from wlmsim.errors import FileFormatError
from wlmsim.io.atomic import atomic
from wlmsim.learn.training.checkpoint_file import opened

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, locks and limits of Linux")
NAMES = ("a.h5", "a.csv", "a.npz", "a.nc", "a.h5ad", "a.model")


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_what_a_killed_writer_left_goes_when_the_file_is_next_written(tmp_path):
    program = (
        "import os, signal, sys\nfrom wlmsim.io import atomic\n"
        "with atomic(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = tmp_path / "a.txt"
    path.write_text("old")
    subprocess.run([sys.executable, "-c", program, str(path)])
    assert path.read_text() == "old" and len(hidden(tmp_path)) == 2
    with atomic(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new" and not hidden(tmp_path)


def test_the_second_who_writes_a_file_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with atomic(path) as temporary:
        temporary.write_text("first")
        with pytest.raises(BlockingIOError, match=r"Another process is writing this file: .*a\.h5"):
            specimens.snapshots().save(path)
        specimens.snapshots().save(tmp_path / "b.h5")
    assert path.read_text() == "first" and not hidden(tmp_path)
    specimens.snapshots().save(path)


def test_of_many_writers_one_at_a_time_is_heard(tmp_path):
    path, written, refused = tmp_path / "a.txt", [], []

    def write(k: int) -> None:
        for _ in range(50):
            try:
                with atomic(path) as temporary:
                    temporary.write_text(f"{k}" * 1000)
                written.append(k)
            except BlockingIOError:
                refused.append(k)

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) + len(refused) == 200 and len(set(path.read_text())) == 1 and not hidden(tmp_path)


def test_two_fits_keep_no_common_checkpoint(tmp_path):
    data = specimens.trajectory().snapshots(seed=0)
    model = quick(wls.learn.ExternalPotential((4,)), steps=2, checkpoint=str(tmp_path / "a.checkpoint"))
    busy = pytest.raises(FileFormatError, match=r"a\.checkpoint: another fit that is running")
    with opened(tmp_path / "a.checkpoint", {}, 0.0), busy:
        model.fit(data)
    model.fit(data)
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_a_disk_that_is_full(tmp_path, name):
    """A limit on the size of files, which fails in the same calls as a full disk does."""
    path = tmp_path / name
    path.write_bytes(b"old")
    program = (
        "import resource, signal, sys, warnings\nwarnings.simplefilter('ignore')\n"
        "from pathlib import Path\nfrom tests.reliability import specimens\nfrom wlmsim import io\n"
        "path = Path(sys.argv[1])\n"
        "fitted = specimens._fit() if path.suffix == '.model' else None\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400, resource.RLIM_INFINITY))\n"
        "try:\n    fitted.save(path) if fitted else io.export(specimens.snapshots(), path)\n"
        "except OSError as error:\n    print(error.errno, error.filename)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, cwd=Path.cwd())
    assert done.stdout.strip() == f"27 {path}", done.stderr[-2000:]
    assert done.returncode == 0
    assert path.read_bytes() == b"old" and not hidden(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    path = specimens.snapshots().save(tmp_path / "a.h5")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match="a"):
            specimens.trajectory().save(path)
    finally:
        tmp_path.chmod(0o700)
    assert wls.SnapshotSeries.load(path) == specimens.snapshots()


def test_open_files_are_closed_after_a_failure(tmp_path):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(FileFormatError):
            wls.SnapshotSeries.load(_damaged(tmp_path))
    assert len(os.listdir("/proc/self/fd")) <= before + 3 < limit


def _damaged(folder: Path) -> Path:
    path = io.export(specimens.snapshots(), folder / "a.h5")
    path.write_bytes(path.read_bytes()[:-100])
    return path


def as_promised(count: int, seed: int, folder: Path, names: list[str]) -> None:
    found = kills(count, seed, names, folder)
    print(found)
    assert sum(counts["killed"] for counts in found.values()) >= count
    assert all(counts["done again"] + counts["done again, to the bit"] for counts in found.values())


def test_a_few_kills(tmp_path):
    as_promised(3, 0, tmp_path, ["simulate", "export"])


@pytest.mark.slow
def test_a_hundred_kills(tmp_path):
    as_promised(100, 1, tmp_path, list(WORK))


def test_an_interrupted_run_keeps_its_frames_and_says_where(tmp_path):
    """Ctrl-C while the 70th frame is observed."""
    path, seen = tmp_path / "a.h5", []

    def watch(cloud: wls.Population) -> float:
        seen.append(cloud.time)
        if len(seen) == 70:
            os.kill(os.getpid(), signal.SIGINT)
        return 0.0

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt) as raised:
            wls.systems.HarmonicOscillator(n=5, seed=0).simulate(
                np.linspace(0, 2, 101), dt=0.02, save=path, observables={"watched": watch}
            )
    finally:
        signal.signal(signal.SIGINT, before)
    frames = len(wls.Trajectory.load(path).times)
    assert 0 < frames <= 70 and raised.value.__notes__ == [f"the {frames} frames before that are in {path}"]
    assert not hidden(tmp_path)
