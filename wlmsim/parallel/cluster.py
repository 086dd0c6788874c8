"""Work on a cluster that Dask runs: the workers of a scheduler, on this machine or on others.

Dask begins a job again whose worker died, on another one. Progress travels as events of the scheduler, results as
those of Dask's futures. Jobs change what belongs to a whole process, such as torch's random state, so that a worker
does one at a time, whatever the number of its threads.
"""

from __future__ import annotations

import pickle
import queue
import secrets
import socket
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from wlmsim import _validation as check
from wlmsim._warning import warn
from wlmsim.errors import ParameterError
from wlmsim.io.optional import package
from wlmsim.parallel.jobs import Lost, Receive, Work, packed

CONNECTING = 30.0
"""Seconds in which a scheduler has to answer."""
LATE = 10.0
"""Seconds that the last reports of a job may come after its result."""
BUSY = threading.Lock()
"""Held by the job that a worker is at."""


@contextmanager
def connected(client: Any) -> Iterator[Any]:
    """The client that was given, or one of the scheduler at an address or of a Dask cluster, closed in the end.

    Raises
    ------
    MissingPackageError
        If Dask is not installed.
    ParameterError
        If it is neither, or nothing answers there.
    """
    distributed = package("distributed", "cluster")
    expected = "a dask.distributed Client, a cluster, or the address of a scheduler such as 'tcp://10.0.0.1:8786'"
    if isinstance(client, distributed.Client):
        if client.asynchronous:
            raise check.fail("client", "a Client that is not asynchronous", client)
        yield client
        return
    if not isinstance(client, (str, distributed.deploy.Cluster)):
        raise check.fail("client", expected, client)
    try:
        if isinstance(client, str):
            _check_answer(client)
        own = distributed.Client(client, timeout=CONNECTING, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ParameterError(f"`client` must be {expected}; nothing answers at {client!r} ({error})") from error
    with own:
        yield own


def _check_answer(address: str) -> None:
    """Raise OSError at once where a connection is refused, which Dask would try again and again."""
    from distributed.comm import get_address_host_port

    if address.split("://")[0] in ("tcp", "tls") or "://" not in address:
        socket.create_connection(get_address_host_port(address), CONNECTING).close()


def workers(client: Any) -> int:
    """How many jobs the workers of a cluster do at a time, at least 1: each process does one."""
    with connected(client) as connection:
        return max(len(connection.nthreads()), 1)


def on_cluster(
    work: Work, items: Sequence[Any], client: Any, receive: Receive = lambda index, report: None
) -> list[Any]:
    """Do `work` on every item on the workers of a cluster.

    Parameters
    ----------
    work, items, receive
        As for `in_processes`.
    client : Client, Cluster or str
        A client of Dask, a cluster, or the address of a scheduler.

    Returns
    -------
    list
        The results in the order of the items; `Lost` for one whose workers died, as often as Dask allows
        (``distributed.scheduler.allowed-failures``, 3 unless configured otherwise). The others are not affected.

    Raises
    ------
    MissingPackageError, ParameterError
        If Dask is not installed, the cluster cannot be had, or an item cannot be sent. Errors of the work, and of
        `receive`, cancel all that is not done.
    """
    with connected(client) as connection:
        payloads = packed(work, items, "`client` must be None")
        if not connection.nthreads():
            warn("the cluster has no workers yet: waiting for them", RuntimeWarning)
        name = f"wlmsim-{secrets.token_hex(8)}"
        events = queue.SimpleQueue[bytes]()
        connection.subscribe_topic(name, lambda event: events.put(event[1]))
        futures: list[Any] = []
        try:
            for index, payload in enumerate(payloads):
                # not scattered: what lies on one worker alone would die with it
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", "Sending large graph")
                    futures.append(connection.submit(_work, index, payload, name, key=f"{name}-{index}", pure=False))
            return _gathered(futures, events, receive)
        except BaseException:
            with suppress(Exception):
                connection.cancel(futures, force=True)
            raise
        finally:
            connection.unsubscribe_topic(name)


def _gathered(futures: Sequence[Any], events: queue.SimpleQueue[bytes], receive: Receive) -> list[Any]:
    """Pass reports on until every result, and every report before it, is there."""
    from distributed import KilledWorker

    results: dict[int, Any] = {}
    seen: Counter[str] = Counter()
    waiting = dict(enumerate(futures))
    ended: dict[int, tuple[str, int, float]] = {}
    while waiting or ended:
        with suppress(queue.Empty):
            index, attempt, content = pickle.loads(events.get(timeout=0.05))
            seen[attempt] += 1
            receive(index, content)
            continue
        for index, future in list(waiting.items()):
            if not future.done():
                continue
            del waiting[index]
            try:
                attempt, count, results[index] = future.result()
                ended[index] = attempt, count, time.monotonic() + LATE
            except KilledWorker as error:
                results[index] = Lost(f"its workers died {error.allowed_failures + 1} times")
            future.release()
        for index, (attempt, count, until) in list(ended.items()):
            if seen[attempt] >= count or time.monotonic() > until:
                del ended[index]
    return [results[index] for index in range(len(futures))]


def _work(index: int, payload: bytes, topic: str) -> tuple[str, int, Any]:
    """On a worker: do the work; its reports go to a topic. Gives who did it, the number of reports, and the result."""
    import cloudpickle
    import numba
    from distributed import get_worker

    worker, attempt, count = get_worker(), secrets.token_hex(8), 0
    key = worker.get_current_task()

    def send(content: Any) -> None:
        nonlocal count
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise RuntimeError("nobody waits for this job any more")
        worker.log_event(topic, cloudpickle.dumps((index, attempt, content)))
        count += 1

    with BUSY:
        before = numba.get_num_threads()
        numba.set_num_threads(min(worker.state.nthreads, before))
        try:
            work, item = pickle.loads(payload)
            result = work(item, send)
        finally:
            numba.set_num_threads(before)
    return attempt, count, result
