"""Jobs on a cluster of Dask, here one of two processes: the same results, reports in order, workers that die."""

import os
import signal
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import wlmsim as wls
from tests.models import quick
from wlmsim.errors import MissingPackageError, ParameterError
from wlmsim.learn.studies.clock import seconds_of
from wlmsim.parallel.cluster import on_cluster, workers
from wlmsim.parallel.jobs import Lost

distributed = pytest.importorskip("distributed")
PATIENCE = 300
"""Seconds after which a test that waits for a cluster is ended."""


@pytest.fixture(scope="module")
def cluster():
    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        yield cluster


@pytest.fixture(scope="module")
def client(cluster):
    with distributed.Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(autouse=True)
def in_time():
    """End a test that hangs: the alarm raises in the main thread."""

    def late(number, frame):
        raise TimeoutError(f"no result after {PATIENCE} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def drifters() -> wls.SnapshotSeries:
    return wls.systems.VortexDrifters(n=20, seed=0).exact(np.linspace(0, 2, 5)).snapshots(seed=0)


def small(**options) -> wls.learn.WLM:
    return quick(wls.learn.ExternalPotential((8,)), **{"steps": 20, **options})


def parameters(model: wls.learn.WLM) -> list[np.ndarray]:
    return [p.detach().numpy() for member in model._fitted_members for p in member.parameters()]


class TestJobs:
    def test_every_report_comes_in_order_before_the_result(self, client):
        def work(item, send):
            for k in range(item):
                send(k)
            return item, os.getpid()

        heard = {}
        results = on_cluster(work, [50, 3, 0], client, lambda index, k: heard.setdefault(index, []).append(k))
        assert [count for count, _ in results] == [50, 3, 0]
        assert heard == {0: list(range(50)), 1: [0, 1, 2]}
        assert os.getpid() not in {pid for _, pid in results}

    def test_an_error_of_the_work_ends_all(self, client):
        def work(item, send):
            if item == 0:
                raise ZeroDivisionError("as it was raised there")
            for _ in range(600):  # until it is told that nobody waits
                time.sleep(0.1)
                send(None)

        began = time.monotonic()
        with pytest.raises(ZeroDivisionError, match="as it was raised there"):
            on_cluster(work, [1, 0], client)
        assert on_cluster(lambda item, send: item, [7, 8], client) == [7, 8]
        assert time.monotonic() - began < 40

    @pytest.mark.slow
    def test_a_worker_that_dies_costs_only_its_job(self, tmp_path, client):
        def work(item, send):
            mark = Path(tmp_path, item)
            mark.write_text((mark.read_text() if mark.exists() else "") + "x")
            if item == "doomed" or (item == "unlucky" and mark.read_text() == "x"):
                os.kill(os.getpid(), signal.SIGKILL)
            return item.upper()

        # with what is large enough that it is not sent again and again without need
        large = bytes(3 * 2**20)
        lost, *rest = on_cluster(lambda item, send, _=large: work(item, send), ["doomed", "a", "unlucky", "b"], client)
        assert rest == ["A", "UNLUCKY", "B"]
        assert isinstance(lost, Lost) and "its workers died" in lost.reason
        assert len(Path(tmp_path, "unlucky").read_text()) >= 2
        client.wait_for_workers(2, timeout=60)

    def test_what_cannot_be_sent_is_named(self, client):
        with pytest.raises(ParameterError, match="`client` must be None for what cannot be sent"):
            on_cluster(lambda item, send: item, [threading.Lock()], client)

    def test_a_cluster_is_named_in_three_ways(self, cluster, client):
        assert workers(client) == workers(cluster) == workers(cluster.scheduler_address) == 2

    def test_bad_clients(self, monkeypatch):
        with pytest.raises(ParameterError, match=r"`client` must be a dask\.distributed Client, a cluster, or the"):
            on_cluster(lambda item, send: item, [1], 8786)
        monkeypatch.setattr("wlmsim.parallel.cluster.CONNECTING", 0.5)
        with pytest.raises(ParameterError, match=r"nothing answers at 'tcp://127\.0\.0\.1:1'"):
            on_cluster(lambda item, send: item, [1], "tcp://127.0.0.1:1")

    def test_without_dask(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "distributed", None)
        with pytest.raises(MissingPackageError, match=r"wlmsim\[cluster\]"):
            on_cluster(lambda item, send: item, [1], "tcp://127.0.0.1:1")


class TestFits:
    def test_members_of_a_fit(self, drifters, client):
        here, there = [], []
        one = small(members=2, processes=1).fit(drifters, callbacks=[here.append])
        two = small(members=2).fit(drifters, callbacks=[there.append], client=client)
        for mine, other in zip(parameters(one), parameters(two), strict=True):
            np.testing.assert_array_equal(mine, other)
        for member in (1, 2):
            mine, other = ([(r.step, r.loss) for r in log if r.member == member] for log in (here, there))
            assert mine == other and len(mine) == 20

    def test_candidates_seeds_and_folds(self, drifters, client):
        models = {"free": small(steps=5), "rigid": small(steps=5, friction=50.0)}
        here = wls.learn.compare(models, drifters, seeds=[0, 1], processes=1)
        there = wls.learn.compare(models, drifters, seeds=[0, 1], client=client)
        for name in models:
            np.testing.assert_array_equal(here.w1[name], there.w1[name])
        one, two = (
            wls.learn.leave_one_out(small(steps=5), drifters, **where)
            for where in ({"processes": 1}, {"client": client})
        )
        np.testing.assert_array_equal(one.w1["WLM"], two.w1["WLM"])

    def test_a_study(self, drifters, client):
        found = wls.learn.study(drifters, budget="10 s", client=client, progress=False)
        assert any(entry.model is not None for entry in found.entries) and found.model.fitted
        assert found.seconds < 3 * seconds_of("10 s")


class TestSweep:
    def test_here_and_there(self, client):
        springs = {f: wls.systems.HarmonicOscillator(n=5, frequency=f, seed=0) for f in (1.0, 2.0, 3.0)}
        times = np.linspace(0, 1, 4)
        here, there = (wls.sweep(springs, times, dt=0.05, **where) for where in ({"processes": 1}, {"client": client}))
        for f, spring in springs.items():
            np.testing.assert_array_equal(here[f].positions, spring.simulate(times, dt=0.05).positions)
            np.testing.assert_array_equal(here[f].positions, there[f].positions)
