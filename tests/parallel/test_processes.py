"""Jobs in processes of this machine: one that ends its process costs only itself."""

import os
import signal
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
