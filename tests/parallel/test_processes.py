"""Jobs in processes of this machine: one that ends its process costs only itself."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wlmsim.errors import ParameterError
from wlmsim.parallel.jobs import Lost
from wlmsim.parallel.processes import TRIES, in_processes
from wlmsim.parallel.spread import wherever


def test_a_process_that_dies_costs_only_its_job(tmp_path):
    """One job dies always, one the first time only; the others are there, and each is told of as often as begun."""

    def work(item, send):
        send(item)
        mark = Path(tmp_path, item)
        mark.write_text((mark.read_text() if mark.exists() else "") + "x")
        if item == "doomed" or (item == "unlucky" and mark.read_text() == "x"):
            os.kill(os.getpid(), signal.SIGKILL)
        return item.upper()

    heard = []
    items = ["a", "doomed", "b", "unlucky", "c", "d"]
    results = in_processes(work, items, 2, lambda index, report: heard.append((index, report)))
    assert results == ["A", Lost(f"its process died {TRIES} times"), "B", "UNLUCKY", "C", "D"]
    assert Path(tmp_path, "doomed").read_text() == "x" * TRIES
    assert {(k, item) for k, item in enumerate(items)} == set(heard)


def test_what_cannot_be_sent_is_done_here_unless_processes_are_asked_for(monkeypatch):
    monkeypatch.setattr("wlmsim.parallel.spread.START_UP", -1.0)
    monkeypatch.setattr("wlmsim.parallel.spread.cores", lambda: 2)
    secret = (n for n in range(5))  # generators cannot be pickled
    jobs, done = [1, 2, 3, 4], []
    assert wherever(lambda job: job + 0 * bool(secret), jobs, None, None, lambda: done.append(1)) == jobs
    assert len(done) == 4
    with pytest.raises(ParameterError, match="`processes` must be 1"):
        wherever(lambda job: job + 0 * bool(secret), jobs, 2, None, lambda: None)


LASTING = """
import os, sys, time
from pathlib import Path
from wlmsim.parallel.processes import in_processes

def work(item, send):
    Path(item).write_text(str(os.getpid()))
    time.sleep(600)

in_processes(work, sys.argv[1:], 2)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_work_ends_with_the_process_that_waits_for_it(tmp_path):
    """Killed, it can tell nobody."""
    marks, temporary = [tmp_path / "a", tmp_path / "b"], tmp_path / "temporary"
    temporary.mkdir()
    surroundings = {**os.environ, "TMPDIR": str(temporary)}
    waiting = subprocess.Popen([sys.executable, "-c", LASTING, *map(str, marks)], env=surroundings)
    wait_for(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    waiting.kill()
    waiting.wait()
    wait_for(lambda: not any(runs(mark.read_text()) for mark in marks))
    wait_for(lambda: not list(Path("/dev/shm").glob(f"sem.loky-{waiting.pid}-*")))
    if sys.platform == "linux":  # elsewhere they talk through a file
        assert not list(temporary.iterdir())


def runs(process):
    status = Path("/proc", process, "stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


FORKED = """
import os, sys, threading
from wlmsim.parallel.processes import in_processes

def work(item, send):
    return 2 * item

assert in_processes(work, [1, 2, 3], 2) == [2, 4, 6]
child = os.fork()
if child == 0:
    threading.Timer(60, os._exit, [1]).start()
    assert in_processes(work, [1, 2, 3], 2) == [2, 4, 6]
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert in_processes(work, [4, 5], 2) == [8, 10]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_processes_of_its_own():
    """Those of the one it comes from answer that one only: it would wait for ever."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], check=True, capture_output=True)
